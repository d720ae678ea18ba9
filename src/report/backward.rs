//! The backward pass on the diagram of a net: on which wires gradients come back, where they begin and end, and which
//! parameters learn from them.

use petgraph::graph::NodeIndex;

use super::diagram::{self, Diagram, Gradient, ParamTag};
use super::figures::{compact, grouped, shortest};
use super::picture::{Drawn, drawn};
use crate::diag::Diagnostics;
use crate::ir::{Port, TypedNet, Variable};
use crate::passes::backward::{BackwardPass, End, Flow, Learning};
use crate::source::SourceMap;

/// Draws one stage with its backward pass. Layers with a complaint inside their text are outlined.
pub fn picture_backward(
    typed: &TypedNet,
    pass: &BackwardPass,
    diagnostics: &Diagnostics,
    sources: &SourceMap,
) -> Diagram {
    let Drawn { mut diagram, members, ends } = drawn(typed, diagnostics, sources);
    for (edge, (node, bottom)) in diagram.edges.iter_mut().zip(ends) {
        (edge.gradient, edge.why) = match pass.flows[node.index()][bottom] {
            Flow::Passes => (Gradient::Passes, ""),
            Flow::Ends(end) => (Gradient::Ends, why(end)),
            Flow::Absent => (Gradient::Absent, "no loss behind it"),
        };
        edge.dashed = false;
    }
    for (at, members) in members.iter().enumerate() {
        let drawn = &mut diagram.nodes[at];
        drawn.details.extend(members.iter().flat_map(|&node| starts(typed, pass, node)));
        drawn
            .details
            .extend(members.iter().skip(1).flat_map(|&node| ends_inside(typed, pass, node)));
        drawn.parameters =
            members.iter().flat_map(|&node| parameters(typed, pass, members, node)).collect();
    }
    diagram.subtitle = subtitle(typed, pass);
    diagram
}

fn why(end: End) -> &'static str {
    match end {
        End::NoGradient => "the layer has no gradient for it",
        End::PropagateDown => "propagate_down: false",
        End::NothingLearns => "nothing before it learns",
    }
}

/// Where the pass begins in a layer, and where the definition says that it does not.
fn starts(typed: &TypedNet, pass: &BackwardPass, node: NodeIndex) -> Vec<String> {
    let layer = &typed.net.graph[node];
    let weights = typed.loss_weights[node.index()].iter().enumerate();
    let lines = weights.filter_map(|(top, weight)| {
        let port = Port { node, top };
        let name = typed.net.blob(port);
        let of = if name == layer.name.value { String::new() } else { format!("{name} ") };
        let start = pass.starts.iter().find(|(start, _)| *start == port);
        let says = layer.loss_weights.get(top).is_some() || layer.layer.spec().loss && top == 0;
        match start {
            Some((_, weight)) => Some(format!("gradient begins: {of}× {}", shortest(*weight))),
            None if says => Some(format!("no gradient: {of}× {}", shortest(*weight))),
            None => None,
        }
    });
    lines.collect()
}

/// Where it ends within a box, which has no wires inside.
fn ends_inside(typed: &TypedNet, pass: &BackwardPass, node: NodeIndex) -> Option<String> {
    let name = &typed.net.graph[node].name.value;
    match pass.flows[node.index()].first()? {
        Flow::Ends(end @ (End::NoGradient | End::PropagateDown)) => {
            Some(format!("gradient ends in {name}: {}", why(*end)))
        }
        _ => None,
    }
}

/// The parameters of a layer that is drawn in a box with others; statistics that it keeps have no line.
fn parameters(
    typed: &TypedNet,
    pass: &BackwardPass,
    members: &[NodeIndex],
    node: NodeIndex,
) -> Vec<ParamTag> {
    let has_others = members.iter().filter(|node| !typed.node_variables[node.index()].is_empty());
    let is_alone = has_others.count() < 2;
    let tags = typed.node_variables[node.index()].iter().map(|var| {
        let at = var.0 as usize;
        let variable = &typed.variables[at];
        let own = variable.name.clone().unwrap_or_else(|| variable.role.to_owned());
        let name = match (&variable.name, is_alone) {
            (None, false) => format!("{} {own}", typed.net.graph[node].name.value),
            _ => own,
        };
        let learning = match pass.learning[at] {
            Learning::Kept => None,
            learning => {
                Some(diagram::Learning { learns: pass.learns(at), how: how(learning, variable) })
            }
        };
        let shared_group = (1 < variable.users.len()).then_some(at);
        ParamTag { name, shape: compact(&variable.shape), shared_group, learning }
    });
    tags.collect()
}

/// How a variable learns, or why it does not.
fn how(learning: Learning, variable: &Variable) -> String {
    let Variable { lr_mult, decay_mult, .. } = variable;
    match learning {
        Learning::Learns => {
            format!("lr × {}, decay × {}", shortest(*lr_mult), shortest(*decay_mult))
        }
        Learning::Kept => String::new(),
        Learning::NoRate => "lr_mult 0".to_owned(),
        Learning::LeftOut => "left out".to_owned(),
        Learning::Frozen => "frozen".to_owned(),
        Learning::Unreached => "no gradient".to_owned(),
    }
}

/// `train · backward pass · 430,500 of 431,080 parameters learn`.
fn subtitle(typed: &TypedNet, pass: &BackwardPass) -> String {
    let learned = typed.variables.iter().enumerate().filter(|(at, _)| pass.learns(*at));
    let learned: usize = learned.map(|(_, variable)| variable.shape.count()).sum();
    let (all, state) = (typed.parameter_count(), typed.net.state.label());
    let text = format!("{state} · backward pass · ");
    match pass.starts.is_empty() {
        true => text + "there is no loss, so nothing learns",
        false if learned == all => format!("{text}all {} parameters learn", grouped(all as u64)),
        false => {
            let [learned, all] = [learned, all].map(|n| grouped(n as u64));
            format!("{text}{learned} of {all} parameters learn")
        }
    }
}
