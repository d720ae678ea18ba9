//! The graphs of training, validation and use as one definition: what they have in common stands once, the rest has rules.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::graph::{Loss, Mode, Use, Variable};
use super::{INPUT, TARGET};
use crate::ir::{Definition, Node, OF_LOSS, Rewriting, Rule};
use crate::source::{Span, Spanned};

/// What one run gave.
pub struct Stage {
    /// The mode.
    pub mode: Mode,
    /// What becomes of gradients.
    pub rewriting: Option<Rewriting>,
    /// What becomes of variables after their steps.
    pub constraints: Option<Rewriting>,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Where variables are parameters.
    pub uses: Vec<Use>,
    /// The variables.
    pub variables: Vec<Variable>,
    /// The blobs of the outputs.
    pub outputs: Vec<String>,
    /// The blobs of numbers that are shown.
    pub metrics: Vec<String>,
    /// The blobs of the losses, with the names of the variables that each is to change.
    pub losses: Vec<Loss>,
    /// Whether the definition lists them, so that even a single one has a number.
    pub listed: bool,
}

/// Whether two nodes are the same.
fn alike(a: &Node, b: &Node) -> bool {
    fn values<T>(all: &[Spanned<T>]) -> impl Iterator<Item = &T> {
        all.iter().map(|spanned| &spanned.value)
    }
    fn params(node: &Node) -> impl Iterator<Item = impl PartialEq + '_> {
        node.params.iter().map(|p| {
            let name = p.name.as_ref().map(|name| name.value.as_str());
            (name, p.filler, &p.values, p.lr_mult, p.frozen)
        })
    }
    a.name.value == b.name.value
        && values(&a.bottoms).eq(values(&b.bottoms))
        && values(&a.tops).eq(values(&b.tops))
        && params(a).eq(params(b))
        && a.layer == b.layer
        && a.phase == b.phase
        && a.propagate_down == b.propagate_down
        && values(&a.loss_weights).eq(values(&b.loss_weights))
}

/// A rule for a mode: DIGITS' stage, or the phase where the net is not used.
fn rule(mode: Mode, staged: bool, span: Span) -> Rule {
    let stages = if staged { vec![mode.stage().to_owned()] } else { vec![] };
    Rule { phase: (!staged).then(|| mode.phase()), stages, ..Rule::everywhere(span) }
}

/// Gives a layer another name where one of an earlier stage has its name and other variables: names are numbered, and what a
/// stage leaves out moves the numbers. A place, a layer and a position in it, is then the same variable in all stages.
fn tell_apart(stages: &mut [Stage]) {
    let held = |node: &Node| -> Vec<Option<String>> {
        node.params.iter().map(|p| p.name.as_ref().map(|name| name.value.clone())).collect()
    };
    let other = |a: &[Option<String>], b: &[Option<String>]| {
        a.is_empty() != b.is_empty() || !a.starts_with(b) && !b.starts_with(a)
    };
    let all = stages.iter().flat_map(|stage| &stage.nodes);
    let mut taken: HashSet<String> = all.map(|node| node.name.value.clone()).collect();
    let mut seen: HashMap<String, Vec<Option<String>>> = HashMap::new();
    for stage in stages {
        let mut renamed: HashMap<String, String> = HashMap::new();
        for node in &stage.nodes {
            let (name, own) = (&node.name.value, held(node));
            if seen.get(name).is_none_or(|known| !other(known, &own)) {
                seen.entry(name.clone()).or_insert(own);
                continue;
            }
            let numbered = (1..).map(|i| format!("{name}_{}_{i}", stage.mode.stage()));
            let mut names =
                std::iter::once(format!("{name}_{}", stage.mode.stage())).chain(numbered);
            let free = names.find(|name| !taken.contains(name)).unwrap_or_default();
            taken.insert(free.clone());
            renamed.insert(name.clone(), free);
        }
        let change = |name: &mut String| {
            if let Some(free) = renamed.get(name) {
                name.clone_from(free);
            }
        };
        for node in &mut stage.nodes {
            let blobs = node.bottoms.iter_mut().chain(&mut node.tops);
            blobs.for_each(|blob| change(&mut blob.value));
            change(&mut node.name.value);
        }
        stage.uses.iter_mut().for_each(|used| change(&mut used.node));
        stage.outputs.iter_mut().chain(&mut stage.metrics).for_each(change);
        stage.losses.iter_mut().for_each(|(blob, _)| change(blob));
    }
}

/// Puts the stages into the definition.
pub fn join(definition: &mut Definition, mut stages: Vec<Stage>) {
    tell_apart(&mut stages);
    let rewriting = stages.iter_mut().find_map(|stage| stage.rewriting.take());
    definition.rewriting = rewriting.map(Arc::new);
    let constraints = stages.iter_mut().find_map(|stage| stage.constraints.take());
    definition.constraints = constraints.map(Arc::new);
    let mut nodes: Vec<(Node, Vec<Mode>)> = vec![];
    for stage in &stages {
        let mut after = 0;
        for node in &stage.nodes {
            let same = nodes[after..].iter().position(|(other, _)| alike(other, node));
            match same {
                Some(at) => {
                    after += at + 1;
                    nodes[after - 1].1.push(stage.mode);
                }
                None => {
                    nodes.insert(after, (node.clone(), vec![stage.mode]));
                    after += 1;
                }
            }
        }
    }
    let all = stages.len();
    // Where each variable is a parameter, in every stage that has it.
    let mut places: HashMap<&str, Vec<Vec<(&str, usize)>>> = HashMap::new();
    for stage in &stages {
        let mut of_stage: HashMap<&str, Vec<(&str, usize)>> = HashMap::new();
        for used in &stage.uses {
            let name = stage.variables[used.variable].name.as_str();
            of_stage.entry(name).or_default().push((&used.node, used.at));
        }
        of_stage.into_iter().for_each(|(name, at)| places.entry(name).or_default().push(at));
    }
    // A layer may be called otherwise in another stage, and its name be that of a layer with other variables.
    let apart = |name: &str| {
        places.get(name).is_none_or(|stages| {
            stages.iter().all(|at| at.len() < 2) && stages.windows(2).all(|p| p[0] == p[1])
        })
    };
    for (mut node, modes) in nodes {
        if modes.len() != all {
            let staged = all == Mode::ALL.len();
            node.include = modes.iter().map(|&mode| rule(mode, staged, node.span)).collect();
        }
        for param in &mut node.params {
            if param.name.as_ref().is_some_and(|name| apart(&name.value)) {
                param.name = None;
            }
        }
        definition.nodes.push(node);
    }
    names(definition, &stages);
}

/// The names under which tensors are known outside.
fn names(definition: &mut Definition, stages: &[Stage]) {
    let mut seen: HashSet<(String, String)> = definition.names.iter().cloned().collect();
    let mut add = |public: String, own: String| {
        let pair = (public, own);
        if seen.insert(pair.clone()) {
            definition.names.push(pair);
        }
    };
    for (public, own) in [("x", INPUT), ("y", TARGET)] {
        add(format!("in.{public}"), format!("in.{own}"));
        add(format!("din.{public}"), format!("din.{own}"));
    }
    for stage in stages {
        for (i, blob) in stage.outputs.iter().enumerate() {
            add(format!("out.{i}"), format!("out.{blob}"));
            add(format!("dout.{i}"), format!("dout.{blob}"));
        }
        for blob in &stage.metrics {
            add(format!("out.{blob}"), format!("out.{blob}"));
        }
        let changes = |variables: &Option<Vec<String>>, name: &String| {
            variables.as_ref().is_none_or(|all| all.contains(name))
        };
        for (i, (blob, variables)) in stage.losses.iter().enumerate().filter(|_| stage.listed) {
            add(format!("loss.{i}"), format!("out.{blob}"));
            for used in &stage.uses {
                let name = &stage.variables[used.variable].name;
                if !changes(variables, name) {
                    continue;
                }
                // Of a variable that several losses change, each has a gradient of its own.
                let owners = stage.losses.iter().filter(|(_, all)| changes(all, name)).count();
                let of_loss = if 1 < owners { format!("{blob}{OF_LOSS}") } else { String::new() };
                let place = format!("dparam.{of_loss}{}.{}", used.node, used.at);
                add(format!("dparam.{i}.{name}"), place);
            }
        }
        // In the order in which variables were made.
        for (number, variable) in stage.variables.iter().enumerate() {
            for used in stage.uses.iter().filter(|used| used.variable == number) {
                let (name, place) = (&variable.name, format!("{}.{}", used.node, used.at));
                for prefix in ["param", "dparam", "param_after"] {
                    add(format!("{prefix}.{name}"), format!("{prefix}.{place}"));
                }
                if !variable.trainable {
                    add(format!("state.{name}"), format!("param_after.{place}"));
                }
            }
        }
    }
    let images = |name: &str| {
        let made = definition.nodes.iter().find(|node| node.name.value == name);
        made.is_some_and(|node| match &node.layer {
            crate::layers::Layer::Input(input) => input.shapes.iter().any(|s| s.rank() == 4),
            _ => false,
        })
    };
    let last: Vec<String> =
        [INPUT, TARGET].into_iter().filter(|name| images(name)).map(str::to_owned).collect();
    definition.channels_last = last;
    if let Some(stage) = stages.first() {
        let scale = |variable: &Variable| Some((variable.name.clone(), variable.regularizer?));
        definition.penalties = stage.variables.iter().filter_map(scale).collect();
    }
}
