//! Checks that the nets of a definition that train and that test have the same parameters, layer by layer: a test takes those
//! of the net that is trained (Caffe's `Net::ShareTrainedLayersWith`).

use std::collections::{HashMap, HashSet};

use super::lint::names_used_twice;
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::TypedNet;

/// Complains about layers of another net whose parameters the layers of the same names in the trained net cannot give.
/// Layers whose shapes are not known are passed over.
pub fn agree_on_params(trained: &TypedNet, other: &TypedNet, diagnostics: &mut Diagnostics) {
    let mut by_name = HashMap::new();
    for (i, node) in trained.net.nodes() {
        by_name.entry(node.name.value.as_str()).or_insert(i);
    }
    let twice = names_used_twice(trained);
    let twice: HashSet<&str> = twice.iter().map(|[_, node]| node.name.value.as_str()).collect();
    let stages = [trained, other].map(|typed| typed.net.state.label());
    for (j, node) in other.net.nodes() {
        let name = node.name.value.as_str();
        let Some(&i) = by_name.get(name) else { continue };
        // W0629 says this, and that such a net cannot be trained.
        if twice.contains(name) {
            continue;
        }
        if trained.signatures[i.index()].is_none() || other.signatures[j.index()].is_none() {
            continue;
        }
        let own = other.node_variables[j.index()].iter().map(|v| &other.variables[v.0 as usize]);
        let given = trained.node_variables[i.index()].iter();
        let given = given.map(|v| &trained.variables[v.0 as usize]);
        // What only training keeps at its end is nothing to a test.
        let agree = own.len() == given.len()
            || own.len() < given.len() && given.clone().skip(own.len()).all(|v| !v.learned);
        let what = match agree {
            false => format!("{} parameters at {} and {}", given.len(), stages[0], own.len()),
            true => match given.zip(own).find(|(given, own)| given.shape != own.shape) {
                None => continue,
                Some((given, own)) => {
                    format!(
                        "a {} of {} at {} and of {}",
                        own.role, given.shape, stages[0], own.shape
                    )
                }
            },
        };
        let message = format!("layer `{name}` has {what} at {}", stages[1]);
        let first = trained.net.graph[i].name.span;
        let d = Diagnostic::new(&diag::E0504, node.name.span, message);
        let d = match first == node.name.span {
            true => d.here("what it reads has another shape"),
            false => d.here(format!("at {}", stages[1])).label(first, format!("at {}", stages[0])),
        };
        diagnostics.report(d.note("a test takes the parameters of the net that is trained").help(
            "give both the same shapes: of the data, such as by crop_size or images of one size, and of layers of one name",
        ));
    }
}
