//! Picks the layers that exist at a stage and wires their blobs: `ir::Definition` to `ir::Net`.

use std::collections::{HashMap, HashSet};

use petgraph::graph::DiGraph;

use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::{Definition, Edge, Net, NetState, Node, Port, Rule};
use crate::source::{Span, Spanned};
use crate::spec::{Arity, Category, Dialect, InPlace, Phase};

/// The layers of `definition` that exist in `state`, as Caffe's `Net::FilterNet` chooses them, with every
/// bottom wired to the last top of its name above it.
pub fn select_stage(
    definition: &Definition,
    state: &NetState,
    diagnostics: &mut Diagnostics,
) -> Net {
    let mut wiring = Wiring {
        definition,
        state,
        diagnostics,
        graph: DiGraph::new(),
        current: HashMap::new(),
        readers: HashMap::new(),
        producers: None,
        unknown: 0,
        explained: HashSet::new(),
    };
    for node in &definition.nodes {
        if node.exists(state) {
            wiring.add(node);
        }
    }
    if wiring.graph.node_count() == 0 && !wiring.diagnostics.has_errors() {
        let message = match definition.nodes.is_empty() {
            true => "the net has no layers".to_owned(),
            false => format!("no layer exists at the {} stage", state.label()),
        };
        let d = Diagnostic::new(&diag::E0209, definition.span, message);
        wiring.diagnostics.report(match definition.dialect {
            Dialect::Caffe if definition.nodes.is_empty() => d.help(
                "a net is one layer after the other: `layer { name: \"conv1\" type: \"Convolution\" ... }`",
            ),
            _ => d,
        });
    }
    let mut net = Net {
        name: definition.name.clone(),
        state: state.clone(),
        force_backward: definition.force_backward,
        rewriting: definition.rewriting.clone().filter(|_| state.phase == Phase::Train),
        constraints: definition.constraints.clone().filter(|_| state.phase == Phase::Train),
        graph: wiring.graph,
        outputs: vec![],
    };
    let ports = net
        .graph
        .node_indices()
        .flat_map(|node| (0..net.graph[node].tops.len()).map(move |top| Port { node, top }));
    let mut outputs: Vec<Port> = ports.filter(|&port| net.readers(port).is_empty()).collect();
    outputs.sort_by(|&a, &b| net.blob(a).cmp(net.blob(b)));
    net.outputs = outputs;
    debug_assert_eq!(net.verify(), Ok(()));
    net
}

struct Wiring<'a> {
    definition: &'a Definition,
    state: &'a NetState,
    diagnostics: &'a mut Diagnostics,
    graph: DiGraph<Node, Edge>,
    /// The last top of every name so far.
    current: HashMap<String, Port>,
    /// The first reader of every top so far, for complaints.
    readers: HashMap<Port, Spanned<String>>,
    /// The layers of the definition, at any stage, that produce a name, with the place of that top among theirs; made
    /// for the first unknown blob.
    producers: Option<HashMap<&'a str, Vec<(&'a Node, usize)>>>,
    /// How many blobs were unknown so far.
    unknown: usize,
    /// Blobs that are not there for a reason that has been told.
    explained: HashSet<String>,
}

/// For more unknown blobs than this no similar names are looked for.
const MOST_GUESSES: usize = 50;

/// Which layers of a definition produce each name.
fn producers(definition: &Definition) -> HashMap<&str, Vec<(&Node, usize)>> {
    let mut found: HashMap<&str, Vec<(&Node, usize)>> = HashMap::new();
    for node in &definition.nodes {
        for (at, top) in node.tops.iter().enumerate() {
            found.entry(&top.value).or_default().push((node, at));
        }
    }
    found
}

/// Of more layers than this that bring one blob, two of one phase are not looked for.
const MOST_BRINGING: usize = 8;

/// The phase of a layer that brings data at that one alone, and where it says so.
fn only_phase(node: &Node) -> Option<(Phase, Span)> {
    match &node.include[..] {
        [rule] if node.layer.spec().category == Category::Data && node.bottoms.is_empty() => {
            let alone = Rule { phase: rule.phase, ..Rule::everywhere(rule.span) };
            rule.phase.filter(|_| *rule == alone).map(|phase| (phase, rule.span))
        }
        _ => None,
    }
}

/// Two layers that bring the same data at one phase, where none brings them at the other: one of them is meant for that. The
/// first layer is the one that is written first.
fn two_of_one_phase(definition: &Definition, one: &Node, other: &Node) -> Option<Diagnostic> {
    let ((here, first), (there, second)) = (only_phase(one)?, only_phase(other)?);
    let top = one.tops.iter().find(|top| other.tops.iter().any(|t| t.value == top.value))?;
    let absent = if here == Phase::Train { Phase::Test } else { Phase::Train };
    let gives = |node: &&Node| node.tops.iter().any(|t| t.value == top.value);
    let elsewhere = |node: &Node| node.exists(&NetState::phase(absent));
    if here != there
        || first.end > second.start
        || definition.nodes.iter().filter(gives).any(elsewhere)
    {
        return None;
    }
    let message = format!("two layers give `{}` at {here} and none at {absent}", top.value);
    Some(
        Diagnostic::new(&diag::E0204, second, message)
            .here(format!("the second at {here}"))
            .label(first, "the first")
            .edit(
                format!("is this one meant for {absent}?"),
                second,
                format!("{{ phase: {absent} }}"),
            ),
    )
}

impl<'a> Wiring<'a> {
    fn add(&mut self, node: &Node) {
        let index = self.graph.add_node(node.clone());
        let mut sources = vec![];
        for (bottom, name) in node.bottoms.iter().enumerate() {
            let source = self.current.get(&name.value).copied();
            match source {
                Some(Port { node: from, top }) => {
                    self.graph.add_edge(from, index, Edge { top, bottom });
                }
                None => self.unknown_blob(node, name),
            }
            sources.push(source);
        }
        for (top, name) in node.tops.iter().enumerate() {
            let in_place = node.bottoms.get(top).is_some_and(|b| b.value == name.value);
            if in_place {
                self.check_in_place(node, name, sources[top]);
            } else if let Some(&earlier) = self.current.get(&name.value) {
                let earlier_node = &self.graph[earlier.node];
                if let Some(d) = two_of_one_phase(self.definition, earlier_node, node) {
                    self.diagnostics.report(d);
                    continue;
                }
                let first = self.graph[earlier.node].tops[earlier.top].span;
                let message = format!("blob `{}` is produced by two layers", name.value);
                let d = Diagnostic::new(&diag::E0204, name.span, message)
                    .here("produced again here")
                    .label(first, "first produced here");
                let own = &node.name.value;
                let d = match self.explained.len() < MOST_GUESSES && self.is_only_read(own) {
                    true => {
                        self.explained.insert(own.clone());
                        let help = format!("the layers below read `{own}`");
                        d.edit(help, name.span, format!("\"{own}\""))
                    }
                    false => d.help("give this top a name of its own"),
                };
                self.diagnostics.report(d);
            }
            self.current.insert(name.value.clone(), Port { node: index, top });
        }
        for (source, name) in sources.into_iter().zip(&node.bottoms) {
            if let Some(port) = source {
                self.readers.entry(port).or_insert_with(|| name.clone());
            }
        }
    }

    /// Caffe shares a blob between several readers by renaming it, after which an in-place layer among the
    /// later readers no longer is in place.
    fn check_in_place(&mut self, node: &Node, top: &Spanned<String>, source: Option<Port>) {
        let in_place = node.layer.in_place(node.tops.len());
        if in_place == InPlace::Garbled {
            let message = format!("{} in place overwrites what it reads", node.type_name.value);
            let d = Diagnostic::new(&diag::W0609, top.span, message)
                .here("this top has the name of the bottom")
                .note(
                    "Caffe's results are undefined; here they are those of a top with another name",
                )
                .help(format!("give the top a name of its own, such as `{}`", node.name.value));
            self.diagnostics.report(d);
        }
        if in_place == InPlace::Refused {
            let message = format!("{} cannot compute in place", node.type_name.value);
            let d = Diagnostic::new(&diag::E0208, top.span, message)
                .here("this top has the name of the bottom")
                .help(format!("give the top a name of its own, such as `{}`", node.name.value));
            self.diagnostics.report(d);
        }
        let same = node.bottoms.iter().filter(|b| b.value == top.value);
        if let Some(again) = same.clone().nth(1) {
            let message =
                format!("`{}` is changed in place by a layer that reads it twice", top.value);
            let d = Diagnostic::new(&diag::E0204, top.span, message)
                .here("changed here")
                .label(again.span, "read a second time here")
                .help("give this top a name of its own");
            self.diagnostics.report(d);
        }
        let weight = source.and_then(|port| {
            self.graph[port.node].loss_weights.get(port.top).filter(|weight| weight.value != 0.0)
        });
        if let Some(weight) = weight {
            let message = format!("`{}` has a loss weight and is changed in place", top.value);
            let d = Diagnostic::new(&diag::E0204, top.span, message)
                .here("changed here")
                .label(weight.span, "the weight")
                .note("Caffe stops here with \"Top blob produced by multiple sources\"")
                .help("give this top a name of its own");
            self.diagnostics.report(d);
        }
        if let Some(reader) = source.and_then(|port| self.readers.get(&port)) {
            let message =
                format!("`{}` is changed in place after another layer has read it", top.value);
            let d = Diagnostic::new(&diag::E0204, top.span, message)
                .here("changed here")
                .label(reader.span, "read here before the change")
                .note("Caffe stops here with \"Top blob produced by multiple sources\"")
                .help("give this top a name of its own, or move the layer above that reader");
            self.diagnostics.report(d);
        }
    }

    /// Whether some layer reads a blob of this name and none gives it.
    fn is_only_read(&self, blob: &str) -> bool {
        let mut nodes = self.definition.nodes.iter().filter(|node| node.exists(self.state));
        let gives = |node: &Node| node.tops.iter().any(|top| top.value == blob);
        let reads = |node: &Node| node.bottoms.iter().any(|bottom| bottom.value == blob);
        nodes.clone().any(reads) && !nodes.any(gives)
    }

    /// The layer above that has the name of this blob and gives others: one that lacks its top, or calls it otherwise.
    fn namesake(&self, blob: &str) -> Option<&Node> {
        self.graph.node_weights().find(|node| node.name.value == blob)
    }

    /// Whether the definition is a prototxt in which nothing comes from outside.
    fn lacks_inputs(&self) -> bool {
        let definition = self.definition;
        definition.dialect == Dialect::Caffe && !definition.nodes.iter().any(|n| n.layer.is_input())
    }

    /// The only top of a layer that brings data at this stage and could give labels as well.
    fn data_without_labels(&self) -> Option<&Spanned<String>> {
        let has_one = |node: &&Node| {
            let spec = node.layer.spec();
            spec.category == Category::Data
                && spec.tops == Arity::between(1, 2)
                && node.tops.len() == 1
        };
        self.graph.node_weights().find(has_one).map(|node| &node.tops[0])
    }

    fn unknown_blob(&mut self, node: &Node, name: &Spanned<String>) {
        let layer = &node.name.value;
        let stage = self.state.label();
        let definition: &'a Definition = self.definition;
        let producers = self.producers.get_or_insert_with(|| producers(definition));
        let same = producers.get(name.value.as_str()).map_or(&[][..], Vec::as_slice);
        let same = || same.iter().map(|&(node, at)| (node, &node.tops[at]));
        let absent = same().find(|(n, _)| !n.exists(self.state));
        let below = same().find(|(n, _)| n.exists(self.state));
        self.unknown += 1;
        let brings = || same().filter(|(node, _)| only_phase(node).is_some()).take(MOST_BRINGING);
        let twice = brings().find_map(|(one, _)| {
            brings().find_map(|(other, _)| two_of_one_phase(definition, one, other))
        });
        let d = if let Some(twice) = twice {
            twice
        } else if let Some((producer, top)) = below {
            let message = format!("layer `{layer}` reads `{}` before it is produced", name.value);
            let d = Diagnostic::new(&diag::E0202, name.span, message)
                .here("read here")
                .label(top.span, "produced only here");
            match self.unknown <= MOST_GUESSES && feeds(definition, self.state, node, producer) {
                true => d.help(format!(
                    "`{}` is computed of what this layer gives, and no net of Caffe goes in a circle; RNN and LSTM are \
                     layers that repeat",
                    name.value
                )),
                false => d.help("layers run in the order they are written: move this one down"),
            }
        } else if let Some((producer, top)) = absent {
            let message = format!(
                "layer `{layer}` reads `{}`, which does not exist at the {stage} stage",
                name.value
            );
            let rules = producer.include.iter().chain(&producer.exclude);
            let mut d = Diagnostic::new(&diag::E0203, name.span, message)
                .here(format!("not there at the {stage} stage"))
                .label(top.span, "produced here, by a layer with a rule");
            if let Some(rule) = rules.map(|r| r.span).next() {
                d = d.label(rule, "this rule");
            }
            let rule = match &self.state.stages[..] {
                [stage] => format!("exclude {{ stage: \"{stage}\" }}"),
                _ => format!("exclude {{ phase: {} }}", self.state.phase),
            };
            let at = crate::source::Span { start: node.span.end.saturating_sub(1), ..node.span };
            let insert = crate::source::Span { end: at.start, ..at };
            match node.include.is_empty() {
                true => d.edit(
                    format!("leave `{layer}` out at that stage with `{rule}`"),
                    insert,
                    format!("  {rule}\n"),
                ),
                false => d.help(format!("take that stage out of the rules of `{layer}`")),
            }
        } else {
            let namesake = (self.unknown <= MOST_GUESSES).then(|| self.namesake(&name.value));
            let namesake = namesake.flatten();
            // Said at the layer that should give it.
            let lacks_its_top =
                |node: &Node| node.tops.is_empty() && 0 < node.layer.spec().tops.min;
            if self.explained.contains(&name.value) || namesake.is_some_and(lacks_its_top) {
                return;
            }
            let message =
                format!("layer `{layer}` reads `{}`, which no layer produces", name.value);
            let mut d = Diagnostic::new(&diag::E0202, name.span, message).here("unknown blob");
            if let Some([top]) = namesake.map(|node| &node.tops[..]) {
                d = d.label(top.span, format!("layer `{}` gives this", name.value)).edit(
                    "a blob is named by the `top` of its layer",
                    name.span,
                    format!("\"{}\"", top.value),
                );
                self.diagnostics.report(d);
                return;
            }
            // In the order of the text, so that the same one of equally near names is found every time.
            let above = self.graph.node_weights().flat_map(|n| &n.tops).map(|t| t.value.as_str());
            let near = match self.unknown <= MOST_GUESSES {
                true => nearest(&name.value, above),
                false => None,
            };
            match (near, self.data_without_labels().filter(|_| name.value == "label")) {
                (Some(near), _) => {
                    d.edit(format!("did you mean `{near}`?"), name.span, format!("\"{near}\""))
                }
                (None, Some(top)) => d.label(top.span, "a second top here gives labels").edit(
                    "a data layer gives labels by a second top",
                    top.span.after(),
                    "\n  top: \"label\"",
                ),
                (None, None) if self.lacks_inputs() => d.help(format!(
                    "what comes from outside is given by a layer before: `layer {{ name: \"{0}\" type: \"Input\" top: \"{0}\" \
                     input_param {{ shape {{ dim: 1 ... }} }} }}`",
                    name.value
                )),
                (None, None) => d,
            }
        };
        self.diagnostics.report(d);
    }
}

/// Whether what a layer gives goes into another one, through whatever layers.
fn feeds(definition: &Definition, state: &NetState, from: &Node, to: &Node) -> bool {
    let mut reached: std::collections::HashSet<&str> =
        from.tops.iter().map(|top| top.value.as_str()).collect();
    loop {
        let before = reached.len();
        for node in definition.nodes.iter().filter(|node| node.exists(state)) {
            if node.bottoms.iter().any(|bottom| reached.contains(bottom.value.as_str())) {
                if std::ptr::eq(node, to) {
                    return true;
                }
                reached.extend(node.tops.iter().map(|top| top.value.as_str()));
            }
        }
        if reached.len() == before {
            return false;
        }
    }
}
