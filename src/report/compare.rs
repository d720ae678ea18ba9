//! Finds the first differences in meaning between two typed nets: layers, shapes, parameters and sharing.

use crate::ir::{Node, Port, TypedNet};

/// The first `limit` differences as lines; none if the nets mean the same. Names of layers and blobs, the order of
/// independent layers' texts and the dialect do not count; kinds, arguments, wiring, shapes and sharing do.
pub fn differences(a: &TypedNet, b: &TypedNet, limit: usize) -> Vec<String> {
    let mut found = vec![];
    let (na, nb) = (a.net.graph.node_count(), b.net.graph.node_count());
    for ((i, left), (j, right)) in a.net.nodes().zip(b.net.nodes()) {
        if limit <= found.len() {
            return found;
        }
        let at = label(left, right);
        if left.layer.spec().name != right.layer.spec().name {
            let (kind, other) = (left.layer.spec().name, right.layer.spec().name);
            found.push(format!("{at}: {kind} against {other}"));
            // What follows is shifted and would only repeat this.
            return found;
        }
        if left.layer != right.layer {
            let (first, second) = (left.layer.detail(), right.layer.detail());
            found.push(match first == second {
                true => format!("{at}: the arguments differ ({first})"),
                false => format!("{at}: {first} against {second}"),
            });
        }
        if a.net.bottoms(i) != b.net.bottoms(j) {
            found.push(format!("{at}: reads {} against {}", sources(a, i), sources(b, j)));
        }
        for top in 0..left.tops.len().min(right.tops.len()) {
            let one = a.shape(Port { node: i, top });
            let other = b.shape(Port { node: j, top });
            if let (Some(one), Some(other)) = (one, other)
                && one != other
            {
                found.push(format!("{at}: output {top} is {one} against {other}"));
            }
        }
        if a.loss_weights[i.index()] != b.loss_weights[j.index()] {
            let (one, other) = (&a.loss_weights[i.index()], &b.loss_weights[j.index()]);
            found.push(format!("{at}: loss weights {one:?} against {other:?}"));
        }
        parameters(a, i, b, j, &at, &mut found);
    }
    if na != nb {
        found.push(format!("{na} layers against {nb}"));
    }
    found.truncate(limit);
    found
}

fn label(left: &Node, right: &Node) -> String {
    let (a, b) = (&left.name.value, &right.name.value);
    if a == b { format!("layer `{a}`") } else { format!("layers `{a}` and `{b}`") }
}

fn sources(typed: &TypedNet, node: petgraph::graph::NodeIndex) -> String {
    let ports = typed.net.bottoms(node);
    let names = ports.iter().map(|port| port.map_or("?", |port| typed.net.blob(port)));
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn parameters(
    a: &TypedNet,
    i: petgraph::graph::NodeIndex,
    b: &TypedNet,
    j: petgraph::graph::NodeIndex,
    at: &str,
    found: &mut Vec<String>,
) {
    let (left, right) = (&a.node_variables[i.index()], &b.node_variables[j.index()]);
    if left.len() != right.len() {
        found.push(format!("{at}: {} parameters against {}", left.len(), right.len()));
        return;
    }
    for (&one, &other) in left.iter().zip(right) {
        let (v, w) = (&a.variables[one.0 as usize], &b.variables[other.0 as usize]);
        let role = v.role;
        if v.users != w.users {
            let (first, second) = (a.variable_label(one), b.variable_label(other));
            found.push(match first == second {
                true => format!("{at}: {first} is shared by other layers"),
                false => format!("{at}: its {role} is {first} against {second}"),
            });
        } else if v.shape != w.shape {
            found.push(format!("{at}: {role} is {} against {}", v.shape, w.shape));
        } else if (v.lr_mult, v.decay_mult) != (w.lr_mult, w.decay_mult) {
            found.push(format!(
                "{at}: {role} has lr_mult {} and decay_mult {} against {} and {}",
                v.lr_mult, v.decay_mult, w.lr_mult, w.decay_mult
            ));
        } else if v.filler != w.filler {
            found.push(format!("{at}: {role} begins as {:?} against {:?}", v.filler, w.filler));
        }
    }
}
