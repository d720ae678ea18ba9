//! Turns a typed net into the diagram that shows it.
//!
//! A layer that works in place becomes a strip in its producer's box; towers that share parameters become groups
//! side by side, and so do blocks whose layers have a common prefix (`inception_3a/...`).

use std::collections::{BTreeMap, HashMap};

use petgraph::graph::NodeIndex;

use super::diagram::{Cluster, Diagram, Edge, Folded, Node, ParamTag, Role};
use super::figures::{compact, grouped};
use crate::diag::{Diagnostics, Severity};
use crate::ir::{Port, TypedNet};
use crate::layers::Layer;
use crate::passes::twins::towers;
use crate::source::{SourceMap, Span};
use crate::spec::Category;

/// Fewer layers with a common prefix make no group.
const SMALLEST_BLOCK: usize = 3;

/// At most this many layers have their places inside the text of one.
const NESTED: usize = 8;

/// Draws one stage. Layers with a complaint inside their text are outlined.
pub fn picture(typed: &TypedNet, diagnostics: &Diagnostics, sources: &SourceMap) -> Diagram {
    let Drawn { mut diagram, members, .. } = drawn(typed, diagnostics, sources);
    for (drawn, members) in diagram.nodes.iter_mut().zip(members) {
        let weights = typed.loss_weights[members[0].index()].iter();
        let told = weights.filter(|&&weight| weight != 0.0 && weight != 1.0);
        drawn.details.extend(told.map(|weight| format!("loss weight {weight}")));
    }
    diagram
}

/// A diagram, and what of the net is where in it.
pub(super) struct Drawn {
    pub diagram: Diagram,
    /// The layers of every box.
    pub members: Vec<Vec<NodeIndex>>,
    /// The layer and the bottom that every edge leads to.
    pub ends: Vec<(NodeIndex, usize)>,
}

/// What all pictures of a stage have.
pub(super) fn drawn(typed: &TypedNet, diagnostics: &Diagnostics, sources: &SourceMap) -> Drawn {
    let net = &typed.net;
    let problems = problems(typed, diagnostics);
    let mut boxes = Boxes { of: vec![0; net.graph.node_count()], nodes: vec![], members: vec![] };
    for (index, node) in net.nodes() {
        let host = host(typed, index).map(|host| boxes.of[host.index()]);
        let at = host.unwrap_or(boxes.nodes.len());
        boxes.of[index.index()] = at;
        match boxes.nodes.get_mut(at) {
            Some(host) => host.folded.push(Folded {
                name: node.name.value.clone(),
                kind: node.type_name.value.clone(),
                category: node.layer.spec().category,
            }),
            None => {
                boxes.nodes.push(empty_box(typed, index));
                boxes.members.push(vec![]);
            }
        }
        boxes.members[at].push(index);
        let into = &mut boxes.nodes[at];
        into.parameters.extend(parameters(typed, index));
        into.problem = into.problem.max(problems[index.index()]);
        let text = sources.text(node.span);
        if into.source.is_empty() {
            into.source = text.to_owned();
        } else {
            into.source.push('\n');
            into.source.push_str(text);
        }
    }
    for (at, members) in boxes.members.iter().enumerate() {
        let details = unread(typed, members);
        boxes.nodes[at].details.extend(details);
    }
    let (edges, ends) = edges(typed, &boxes.of).into_iter().unzip();
    let diagram = Diagram {
        title: if net.name.is_empty() { "network".into() } else { net.name.clone() },
        subtitle: subtitle(typed),
        edges,
        clusters: clusters(typed, &boxes),
        nodes: boxes.nodes,
        legend: true,
    };
    Drawn { diagram, members: boxes.members, ends }
}

struct Boxes {
    /// The box of every layer.
    of: Vec<usize>,
    nodes: Vec<Node>,
    /// The layers of every box.
    members: Vec<Vec<NodeIndex>>,
}

/// The layer whose box an in-place layer is drawn in: the only producer of what only it reads.
fn host(typed: &TypedNet, index: NodeIndex) -> Option<NodeIndex> {
    let net = &typed.net;
    let node = &net.graph[index];
    if node.bottoms.len() != 1
        || node.tops.len() != 1
        || !net.in_place(Port { node: index, top: 0 })
    {
        return None;
    }
    let source = net.bottoms(index)[0]?;
    let alone = net.readers(source).len() == 1 && net.graph[source.node].tops.len() == 1;
    alone.then_some(source.node)
}

fn empty_box(typed: &TypedNet, index: NodeIndex) -> Node {
    let node = &typed.net.graph[index];
    let mut drawn = Node::new(&node.name.value, &node.type_name.value, node.layer.spec().category);
    drawn.details = node.layer.ops().detail().lines().map(str::to_owned).collect();
    if drawn.category == Category::Unknown {
        drawn.details.push("not understood".into());
    }
    drawn
}

fn parameters(typed: &TypedNet, index: NodeIndex) -> Vec<ParamTag> {
    let shared = typed.node_variables[index.index()].iter().map(|var| {
        let variable = &typed.variables[var.0 as usize];
        ParamTag {
            name: variable.name.clone().unwrap_or_else(|| variable.role.to_owned()),
            shape: compact(&variable.shape),
            shared_group: (1 < variable.users.len()).then_some(var.0 as usize),
            learning: None,
        }
    });
    shared.collect()
}

/// What leaves a box and is read by no layer: the results of the net.
fn unread(typed: &TypedNet, members: &[NodeIndex]) -> Vec<String> {
    let category = |n: NodeIndex| typed.net.graph[n].layer.spec().category;
    let ports = members
        .iter()
        .flat_map(|&node| (0..typed.net.graph[node].tops.len()).map(move |top| Port { node, top }));
    ports
        .filter(|&port| typed.net.readers(port).is_empty() && category(port.node) != Category::Loss)
        .filter_map(|port| {
            let shape = compact(&typed.seen(port)?);
            let blob = typed.net.blob(port);
            let own = blob == typed.net.graph[port.node].name.value;
            Some(if own { format!("gives {shape}") } else { format!("gives {blob} {shape}") })
        })
        .collect()
}

fn edges(typed: &TypedNet, box_of: &[usize]) -> Vec<(Edge, (NodeIndex, usize))> {
    let net = &typed.net;
    let mut edges = vec![];
    for (index, node) in net.nodes() {
        for (bottom, port) in net.bottoms(index).into_iter().enumerate() {
            let Some(port) = port else { continue };
            let (from, to) = (box_of[port.node.index()], box_of[index.index()]);
            if from == to {
                continue;
            }
            let shape = typed.seen(port).as_ref().map(compact).unwrap_or_default();
            let mut edge = Edge::new((from, port.top), (to, bottom), net.blob(port), &shape);
            let ends = matches!(node.layer.spec().category, Category::Loss | Category::Metric);
            if ends && 0 < bottom && !node.layer.differentiable(bottom, node.bottoms.len()) {
                edge.role = Role::Label;
            }
            edge.dashed = node.propagate_down.get(bottom) == Some(&false);
            edges.push((edge, (index, bottom)));
        }
    }
    edges
}

/// Towers first, then blocks of layers with a common prefix before a slash.
fn clusters(typed: &TypedNet, boxes: &Boxes) -> Vec<Cluster> {
    let mut clusters = vec![];
    let mut taken = vec![false; boxes.nodes.len()];
    for group in towers(&typed.net) {
        if group.rows.len() < 2 {
            continue;
        }
        for side in 0..group.count() {
            // What only names a result stands where there is room, so that a frame around it would hold others as well.
            let names = |node: NodeIndex| matches!(typed.net.graph[node].layer, Layer::Split(_));
            let mut members: Vec<usize> = (group.side(side).into_iter())
                .filter(|&node| !names(node))
                .map(|node| boxes.of[node.index()])
                .collect();
            members.sort();
            members.dedup();
            members.retain(|&at| !std::mem::replace(&mut taken[at], true));
            clusters.push(Cluster { title: format!("tower {}", side + 1), members });
        }
    }
    let mut blocks: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, members) in boxes.members.iter().enumerate().filter(|&(at, _)| !taken[at]) {
        let name = members.first().map_or("", |&n| typed.net.graph[n].name.value.as_str());
        if let Some((prefix, _)) = name.split_once('/') {
            blocks.entry(prefix).or_default().push(at);
        }
    }
    blocks.retain(|_, members| SMALLEST_BLOCK <= members.len());
    let mut blocks: Vec<_> = blocks.into_iter().collect();
    blocks.sort_by_key(|(_, members)| members[0]);
    clusters.extend(
        blocks.into_iter().map(|(title, members)| Cluster { title: title.into(), members }),
    );
    clusters
}

/// `train · 431,080 parameters, all shared`.
fn subtitle(typed: &TypedNet) -> String {
    let mut text = typed.net.state.label();
    let count = typed.parameter_count() as u64;
    if count != 0 {
        let least = if is_complete(typed) { "" } else { "at least " };
        text.push_str(&format!(" · {least}{} parameters", grouped(count)));
    }
    let shared = typed.variables.iter().filter(|v| v.learned && 1 < v.users.len());
    let shared: usize = shared.map(|v| v.shape.count()).sum();
    match shared as u64 {
        0 => {}
        n if n == count => text.push_str(", all of them shared"),
        n => text.push_str(&format!(", {} of them shared", grouped(n))),
    }
    text
}

/// Whether the shapes of all layers are known, but for those of inputs.
fn is_complete(typed: &TypedNet) -> bool {
    let known = |(index, node): (NodeIndex, &crate::ir::Node)| {
        typed.signatures[index.index()].is_some() || matches!(node.layer, Layer::Input(_))
    };
    typed.net.nodes().all(known)
}

/// The worst complaint that has a place inside each layer's text.
fn problems(typed: &TypedNet, diagnostics: &Diagnostics) -> Vec<Option<Severity>> {
    let mut worst = vec![None; typed.net.graph.node_count()];
    let mut layers: Vec<(Span, usize)> =
        typed.net.nodes().map(|(index, node)| (node.span, index.index())).collect();
    layers.sort();
    let mut by_span: HashMap<Span, Option<Severity>> = HashMap::new();
    for diagnostic in diagnostics.iter() {
        for label in &diagnostic.labels {
            let severity = by_span.entry(label.span).or_default();
            *severity = (*severity).max(Some(diagnostic.severity()));
        }
    }
    for (span, severity) in by_span {
        let after = layers
            .partition_point(|(layer, _)| (layer.file, layer.start) <= (span.file, span.start));
        // An input that was added for a reader has its place inside the reader's text; the reader counts.
        let around = layers[..after].iter().rev().take(NESTED);
        let mut inside =
            around.filter(|(layer, _)| layer.file == span.file && span.end <= layer.end);
        if let Some(&(_, index)) = inside.next_back() {
            worst[index] = worst[index].max(severity);
        }
    }
    // One complaint may stand for several layers that cannot be read.
    for (index, node) in typed.net.nodes() {
        if matches!(node.layer, Layer::Unknown(_)) {
            worst[index.index()] = Some(Severity::Error);
        }
    }
    worst
}
