//! A typed net as Caffe describes it in its logs: with the Split layers that Caffe inserts for blobs of several readers.

use std::collections::BTreeMap;

use petgraph::graph::NodeIndex;

use cortado::ir::{Port, TypedNet};
use cortado::ty::Shape;

/// A layer with Caffe's names.
#[derive(Clone, Debug, PartialEq)]
pub struct CaffeLayer {
    /// The layer's name; `data_conv1_0_split` for an inserted one.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Names of what it reads.
    pub bottoms: Vec<String>,
    /// Names of what it gives.
    pub tops: Vec<String>,
    /// Shapes of its parameters.
    pub params: Vec<Shape>,
}

/// A net with Caffe's names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaffeNet {
    /// The layers, Splits among them.
    pub layers: Vec<CaffeLayer>,
    /// Shape and weight in the loss of every blob by name; of a name used in place, the last.
    pub blobs: BTreeMap<String, (Shape, f32)>,
    /// What no layer reads, sorted by name.
    pub outputs: Vec<String>,
}

/// Inserts a Split after each top that is read more than once, or once and is weighted in the loss (Caffe's
/// insert_splits.cpp). A blob that is weighted gets its first copy for the loss.
pub fn with_splits(typed: &TypedNet) -> CaffeNet {
    let mut out = CaffeNet::default();
    let mut outputs = vec![];
    for (index, node) in typed.net.nodes() {
        let bottoms = typed.net.bottoms(index).into_iter().enumerate();
        let bottoms = bottoms.map(|(at, port)| match port {
            Some(port) => name_for(typed, port, index, at),
            None => node.bottoms[at].value.clone(),
        });
        let signature = typed.signatures[index.index()].as_ref();
        let params = signature.iter().flat_map(|s| &s.params).filter(|p| !p.private);
        out.layers.push(CaffeLayer {
            name: node.name.value.clone(),
            kind: node.type_name.value.clone(),
            bottoms: bottoms.collect(),
            tops: node.tops.iter().map(|top| top.value.clone()).collect(),
            params: params.map(|p| p.shape.clone()).collect(),
        });
        for top in 0..node.tops.len() {
            let port = Port { node: index, top };
            let copies = copies(typed, port);
            let shape = typed.shape(port).cloned().unwrap_or_default();
            let weight = loss_weight(typed, port);
            let blob = &node.tops[top].value;
            if copies < 2 {
                out.blobs.insert(blob.clone(), (shape, weight));
                if typed.net.readers(port).is_empty() {
                    outputs.push(blob.clone());
                }
                continue;
            }
            out.blobs.insert(blob.clone(), (shape.clone(), 0.0));
            let tops: Vec<String> = (0..copies).map(|i| copy_name(typed, port, i)).collect();
            for (i, name) in tops.iter().enumerate() {
                let weight = if i == 0 { weight } else { 0.0 };
                out.blobs.insert(name.clone(), (shape.clone(), weight));
            }
            if weight != 0.0 {
                outputs.push(tops[0].clone());
            }
            out.layers.push(CaffeLayer {
                name: split_name(typed, port),
                kind: "Split".into(),
                bottoms: vec![blob.clone()],
                tops,
                params: vec![],
            });
        }
    }
    outputs.sort();
    out.outputs = outputs;
    out
}

fn loss_weight(typed: &TypedNet, port: Port) -> f32 {
    typed.loss_weights[port.node.index()].get(port.top).copied().unwrap_or(0.0)
}

/// Readers of a top, the loss among them if something else reads it too.
fn copies(typed: &TypedNet, port: Port) -> usize {
    let readers = typed.net.readers(port).len();
    readers + usize::from(0 < readers && loss_weight(typed, port) != 0.0)
}

fn split_name(typed: &TypedNet, port: Port) -> String {
    let layer = &typed.net.graph[port.node].name.value;
    format!("{}_{layer}_{}_split", typed.net.blob(port), port.top)
}

fn copy_name(typed: &TypedNet, port: Port, i: usize) -> String {
    format!("{}_{i}", split_name(typed, port))
}

/// The name under which a reader knows a top.
fn name_for(typed: &TypedNet, port: Port, reader: NodeIndex, bottom: usize) -> String {
    let count = copies(typed, port);
    if count < 2 {
        return typed.net.blob(port).to_owned();
    }
    let readers = typed.net.readers(port);
    let position = readers.iter().position(|&r| r == (reader, bottom)).unwrap_or(0);
    copy_name(typed, port, position + count - readers.len())
}
