//! A whole definition, all stages at once, as the front ends make it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Rewriting;
use crate::diag::Diagnostic;
use crate::layers::Layer;
use crate::source::{Span, Spanned};
use crate::spec::{Category, Dialect, Filler, Phase, Record};
use crate::ty::Shape;

/// Stands between the blob of a loss and a parameter in the name of the gradient of that loss alone:
/// `dparam.<loss> of <layer>.<i>`.
pub const OF_LOSS: &str = " of ";

/// A definition of a net.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The language it was written in.
    pub dialect: Dialect,
    /// The net's name; may be empty.
    pub name: String,
    /// The layers, in the order they were written.
    pub nodes: Vec<Node>,
    /// What the definition itself says about its state.
    pub state: StateWords,
    /// Gradients for all inputs that can have one, and for frozen parameters too.
    pub force_backward: bool,
    /// Names under which the dialect's people know tensors, each with cortado's own: `param.0` and `param.conv1.0`.
    pub names: Vec<(String, String)>,
    /// Blobs `N x C x H x W` of inputs that the dialect's people give as `N x H x W x C`.
    pub channels_last: Vec<String>,
    /// Parameters by their public names with factors of half the sum of their squares, which is shown beside the loss.
    pub penalties: Vec<(String, f64)>,
    /// The model and the loss as the dialect itself prints them; empty for dialects without such a text, and
    /// where it would be very long.
    pub printed: String,
    /// The batch sizes the definition asks for, in training and in validation.
    pub batch_sizes: [Option<usize>; 2],
    /// The side of the square that images are cropped to, if the definition says it.
    pub crop: Option<usize>,
    /// What the net was before the definition changed it for another task, where weights are taken from that.
    pub before: Option<Box<Before>>,
    /// What becomes of gradients in training before they are applied, where the definition says it.
    pub rewriting: Option<Arc<Rewriting>>,
    /// What becomes of parameters after each step of the solver that changes them, where the definition constrains them.
    pub constraints: Option<Arc<Rewriting>>,
    /// Whether a program has made a net of Caffe, which is otherwise a text.
    pub is_made: bool,
    /// The whole text.
    pub span: Span,
}

/// A net that was changed after it had its weights.
#[derive(Clone, Debug)]
pub struct Before {
    /// The net as it was.
    pub definition: Definition,
    /// Where its parameters are now, by layer and position; those that are gone are left out.
    pub moved: BTreeMap<(String, usize), (String, usize)>,
}

impl Definition {
    /// A definition of no layers, which says nothing more about its net.
    pub fn empty(dialect: Dialect, name: String, span: Span) -> Self {
        Definition {
            dialect,
            name,
            nodes: vec![],
            state: StateWords::default(),
            force_backward: false,
            names: vec![],
            channels_last: vec![],
            penalties: vec![],
            printed: String::new(),
            batch_sizes: [None; 2],
            crop: None,
            before: None,
            rewriting: None,
            constraints: None,
            is_made: false,
            span,
        }
    }

    /// The stages this definition distinguishes: DIGITS' three if any rule names one of them by
    /// `stage`, else the two phases if any rule or layer depends on the phase or a prototxt with a loss leaves the phase open, else
    /// one, which is at `phase` unless the definition says otherwise.
    pub fn stages_or(&self, phase: Phase) -> Vec<NetState> {
        let rules = || self.nodes.iter().flat_map(|n| n.include.iter().chain(&n.exclude));
        let named =
            |stage: &str| rules().any(|r| r.stages.iter().chain(&r.not_stages).any(|s| s == stage));
        if named("train") || named("val") || named("deploy") {
            return ["train", "val", "deploy"].iter().filter_map(|s| NetState::named(s)).collect();
        }
        if rules().any(|r| r.phase.is_some()) || !self.nodes.iter().any(|n| n.layer.is_input()) {
            // A phase that no rule names is not meant to exist if it gets no data or not all that its layers read: a net
            // for training alone.
            let named = |phase: Phase| rules().any(|r| r.phase == Some(phase));
            let both = [Phase::Train, Phase::Test];
            let whole = |state: NetState| self.feeds(&state) && self.missing(&state).is_none();
            let meant = |p: &Phase| named(*p) || whole(NetState::phase(*p));
            let meant: Vec<Phase> = both.into_iter().filter(meant).collect();
            let phases = if meant.is_empty() { &both[..] } else { &meant };
            return phases.iter().flat_map(|&p| self.states(p)).collect();
        }
        let is_loss = |n: &Node| {
            n.layer.spec().loss || n.loss_weights.iter().any(|weight| weight.value != 0.0)
        };
        let is_trained = self.dialect == Dialect::Caffe && self.nodes.iter().any(is_loss);
        match self.state.phase {
            None if is_trained => [Phase::Train, Phase::Test]
                .map(|phase| self.state.over(NetState::phase(phase)))
                .to_vec(),
            _ => vec![self.state.over(NetState::phase(phase))],
        }
    }

    /// The same, where what the definition leaves open is Caffe's default, TEST.
    pub fn stages(&self) -> Vec<NetState> {
        self.stages_or(Phase::Test)
    }

    /// Whether a rule names a stage, as DIGITS' definitions do since it has stages.
    pub fn names_stages(&self) -> bool {
        let mut rules = self.nodes.iter().flat_map(|n| n.include.iter().chain(&n.exclude));
        rules.any(|rule| !rule.stages.is_empty() || !rule.not_stages.is_empty())
    }

    /// Whether a layer has an output for each class of the data, however many these are.
    pub fn awaits_classes(&self) -> bool {
        self.nodes.iter().any(|n| matches!(&n.layer, Layer::InnerProduct(l) if l.of_classes))
    }

    /// The state that the definition sets itself; what it leaves open is Caffe's default, TEST.
    pub fn own_state(&self) -> NetState {
        self.state.over(NetState::phase(Phase::Test))
    }

    /// A state that is asked for, with the stages that the definition sets itself in front of those asked for, as Caffe's
    /// programs have it.
    pub fn asked(&self, state: &NetState) -> NetState {
        let stages = self.state.stages.iter().chain(&state.stages).cloned().collect();
        NetState { stages, ..*state }
    }

    /// Whether data come in at a state. A layer of unknown type without bottoms may well bring them.
    fn feeds(&self, state: &NetState) -> bool {
        let source = |n: &Node| {
            let unknown = n.layer.spec().category == Category::Unknown;
            n.layer.is_input() || (unknown && n.bottoms.is_empty() && !n.tops.is_empty())
        };
        self.nodes.iter().any(|n| n.exists(state) && source(n))
    }

    /// The phase that this definition is not for because of a blob that exists in the other one only, with the first
    /// layer that reads it there.
    pub fn left_out(&self) -> Option<(Phase, &Node, &Spanned<String>)> {
        let stages = self.stages();
        let absent = |p: &Phase| stages.iter().all(|state| state.phase != *p);
        let phase = [Phase::Train, Phase::Test].into_iter().find(absent)?;
        let state = NetState::phase(phase);
        let (node, name) = self.missing(&state).filter(|_| self.feeds(&state))?;
        Some((phase, node, name))
    }

    /// What a layer of a state reads and only layers of other states produce.
    fn missing(&self, state: &NetState) -> Option<(&Node, &Spanned<String>)> {
        let of = |exists: bool| self.nodes.iter().filter(move |n| n.exists(state) == exists);
        let tops = |exists: bool| -> BTreeSet<&String> {
            of(exists).flat_map(|n| &n.tops).map(|top| &top.value).collect()
        };
        let (here, elsewhere) = (tops(true), tops(false));
        let mut read = of(true).flat_map(|n| n.bottoms.iter().map(move |bottom| (n, bottom)));
        read.find(|(_, name)| !here.contains(&name.value) && elsewhere.contains(&name.value))
    }

    /// The states of a phase: the phase alone, or one for each stage that rules of this phase name if data come
    /// in only there, as in Caffe's autoencoder with its two test nets.
    fn states(&self, phase: Phase) -> Vec<NetState> {
        let alone = NetState::phase(phase);
        let fed = |state: &NetState| self.feeds(state);
        let rules = self.nodes.iter().flat_map(|n| &n.include);
        let named: BTreeSet<&String> =
            rules.filter(|r| r.phase == Some(phase)).flat_map(|r| &r.stages).collect();
        let states =
            named.into_iter().map(|s| NetState { stages: vec![s.clone()], ..alone.clone() });
        let states: Vec<NetState> = states.filter(fed).collect();
        if fed(&alone) || states.is_empty() { vec![alone] } else { states }
    }
}

impl Node {
    /// A complaint about this layer with the places where a program added it.
    pub fn placed(&self, complaint: Diagnostic) -> Diagnostic {
        self.added.iter().enumerate().fold(complaint, |complaint, (i, &span)| {
            complaint
                .label(span, if i == 0 { "added here" } else { "inside of what is added here" })
        })
    }

    /// Caffe's rule: with include rules any must match, without them none of the exclude rules may.
    pub fn exists(&self, state: &NetState) -> bool {
        match self.include.is_empty() {
            true => !self.exclude.iter().any(|rule| rule.matches(state)),
            false => self.include.iter().any(|rule| rule.matches(state)),
        }
    }
}

/// A layer of a definition.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name; may be empty or repeated, as Caffe allows.
    pub name: Spanned<String>,
    /// What it does.
    pub layer: Layer,
    /// Its type as written.
    pub type_name: Spanned<String>,
    /// Names of the blobs it reads.
    pub bottoms: Vec<Spanned<String>>,
    /// Names of the blobs it writes. Automatic tops of losses are named after the layer.
    pub tops: Vec<Spanned<String>>,
    /// Weight of each top in the total loss; empty for the default.
    pub loss_weights: Vec<Spanned<f32>>,
    /// What is said about its parameters, by position.
    pub params: Vec<ParamSpec>,
    /// Exists only at stages that one of these matches.
    pub include: Vec<Rule>,
    /// Exists only at stages that none of these matches.
    pub exclude: Vec<Rule>,
    /// Forces or forbids the gradient to each bottom; empty for the default.
    pub propagate_down: Vec<bool>,
    /// Whether its tops are images `N x C x H x W` that the dialect's people know as `N x H x W x C`.
    pub channels_last: bool,
    /// The layer's own phase, if it differs from the net's.
    pub phase: Option<Phase>,
    /// Its arguments, for the places of complaints.
    pub args: Record,
    /// The whole layer.
    pub span: Span,
    /// Where a program added it, and what it is part of, to the rest of the net; the innermost first.
    pub added: Vec<Span>,
}

impl Node {
    /// A node with one place for all of it, which says nothing of parameters, stages and gradients.
    pub fn new(
        name: &str,
        layer: Layer,
        type_name: &str,
        bottoms: &[String],
        tops: &[String],
        span: Span,
    ) -> Self {
        let spanned = |text: &str| Spanned::new(text.to_owned(), span);
        Node {
            name: spanned(name),
            layer,
            type_name: spanned(type_name),
            bottoms: bottoms.iter().map(|name| spanned(name)).collect(),
            tops: tops.iter().map(|name| spanned(name)).collect(),
            loss_weights: vec![],
            params: vec![],
            include: vec![],
            exclude: vec![],
            propagate_down: vec![],
            channels_last: false,
            phase: None,
            args: Record { fields: vec![], span },
            span,
            added: vec![],
        }
    }
}

/// What a definition says about one parameter of a layer.
#[derive(Clone, Debug)]
pub struct ParamSpec {
    /// Parameters of one name are one variable.
    pub name: Option<Spanned<String>>,
    /// How strictly shapes must agree with the owner's.
    pub share: ShareMode,
    /// Factor of the learning rate, where given.
    pub lr_mult: Option<f32>,
    /// Factor of the weight decay, where given.
    pub decay_mult: Option<f32>,
    /// A filler that wins over the layer's own.
    pub filler: Option<Filler>,
    /// Its extents, where the definition's own objects hold it.
    pub shape: Option<Shape>,
    /// First values that win over any filler, in row-major order.
    pub values: Option<Arc<[f32]>>,
    /// Whether the layer gives it no gradient, though the solver changes it otherwise.
    pub frozen: bool,
    /// The whole specification.
    pub span: Span,
}

impl ParamSpec {
    /// A specification that says nothing.
    pub fn new(span: Span) -> Self {
        ParamSpec {
            name: None,
            share: ShareMode::Strict,
            lr_mult: None,
            decay_mult: None,
            filler: None,
            shape: None,
            values: None,
            frozen: false,
            span,
        }
    }
}

/// How strictly the shapes of a shared parameter must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareMode {
    /// Equal shapes.
    Strict,
    /// Equal numbers of elements.
    Permissive,
}

/// A condition on the state of a net; every part that is set must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The phase.
    pub phase: Option<Phase>,
    /// The least level.
    pub min_level: Option<i64>,
    /// The greatest level.
    pub max_level: Option<i64>,
    /// Stages that must all be present.
    pub stages: Vec<String>,
    /// Stages of which none may be present.
    pub not_stages: Vec<String>,
    /// Where it is written.
    pub span: Span,
}

impl Rule {
    /// The rule without conditions.
    pub fn everywhere(span: Span) -> Self {
        let (stages, not_stages) = (vec![], vec![]);
        Rule { phase: None, min_level: None, max_level: None, stages, not_stages, span }
    }

    /// Caffe's `Net::StateMeetsRule`.
    pub fn matches(&self, state: &NetState) -> bool {
        self.phase.is_none_or(|phase| phase == state.phase)
            && self.min_level.is_none_or(|min| min <= state.level)
            && self.max_level.is_none_or(|max| state.level <= max)
            && self.stages.iter().all(|s| state.stages.contains(s))
            && !self.not_stages.iter().any(|s| state.stages.contains(s))
    }
}

/// The state in which a net is built (Caffe's NetState).
#[derive(Clone, Debug, PartialEq)]
pub struct NetState {
    /// The phase.
    pub phase: Phase,
    /// The level.
    pub level: i64,
    /// The stages.
    pub stages: Vec<String>,
}

/// What a definition or a solver says about a state; the rest is left as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateWords {
    /// The phase, if it is said.
    pub phase: Option<Phase>,
    /// The level, if it is said.
    pub level: Option<i64>,
    /// Stages that are added.
    pub stages: Vec<String>,
}

impl StateWords {
    /// The state after these words, as Caffe merges NetState messages.
    pub fn over(&self, mut state: NetState) -> NetState {
        state.phase = self.phase.unwrap_or(state.phase);
        state.level = self.level.unwrap_or(state.level);
        state.stages.extend(self.stages.iter().cloned());
        state
    }
}

impl NetState {
    /// A phase alone.
    pub fn phase(phase: Phase) -> Self {
        NetState { phase, level: 0, stages: vec![] }
    }

    /// DIGITS' `train`, `val` and `deploy`, or a phase: `TRAIN`, `TEST`.
    pub fn named(name: &str) -> Option<Self> {
        let (phase, stages) = match name {
            "train" => (Phase::Train, vec!["train".to_string()]),
            "val" => (Phase::Test, vec!["val".to_string()]),
            "deploy" => (Phase::Test, vec!["deploy".to_string()]),
            "TRAIN" => (Phase::Train, vec![]),
            "TEST" => (Phase::Test, vec![]),
            _ => {
                let (phase, stages) = name.split_once('+')?;
                let NetState { phase, stages: none, .. } = Self::named(phase)?;
                let stages: Vec<String> = stages.split('+').map(str::to_owned).collect();
                (phase, if none.is_empty() { stages } else { return None })
            }
        };
        Some(NetState { phase, level: 0, stages })
    }

    /// The name by which people call it: `train`, `TEST`, `TEST+fine`.
    pub fn label(&self) -> String {
        if let [stage] = &self.stages[..]
            && Self::named(stage).as_ref() == Some(self)
        {
            return stage.clone();
        }
        let mut label = self.phase.to_string();
        for stage in &self.stages {
            label.push('+');
            label.push_str(stage);
        }
        label
    }
}
