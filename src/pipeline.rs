//! The whole compiler, as functions that can be read aloud.

mod likely_shape;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::diag::render::render;
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::error::Result;
use crate::exec::Device;
use crate::file::read_definition;
use crate::front;
use crate::ir::{Definition, NetState, TypedNet};
use crate::one_pass::tried;
use crate::passes::adopt_data::{adopt_classes, adopt_data, need_outputs};
use crate::passes::agree_on_params::agree_on_params;
use crate::passes::idle_options::{idle_options, idle_shapes};
use crate::passes::infer_types::infer_types;
use crate::passes::lint;
use crate::passes::locate_files::locate_files;
use crate::passes::lower::{Backward, lower, ready};
use crate::passes::second_gradients::second_gradients;
use crate::passes::select_stage::select_stage;
use crate::passes::share_params::share_params;
use crate::plan::Plan;
use crate::program::{Program, simplify};
use crate::source::SourceMap;
use crate::spec::{Dialect, Environment, Phase};
use crate::train::machine::{Purpose, planned};
use crate::ty::Shape;

/// What a check may be told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The stages to look at; empty for all that the definition distinguishes.
    pub stages: Vec<NetState>,
    /// Look at the state that the definition itself sets, and at no other.
    pub own_state: bool,
    /// A net that distinguishes no stages is one in training, as where Caffe's solver or its `time` builds it.
    pub training: bool,
    /// Shapes of data blobs by name.
    pub shapes: BTreeMap<String, Shape>,
    /// Values of data blobs by name, for layers whose shapes depend on them.
    pub values: BTreeMap<String, Vec<f32>>,
    /// What a definition that is a program is told beyond shapes.
    pub request: front::Request,
}

/// What became of a definition: everything that could be built, and all complaints.
#[derive(Debug)]
pub struct Checked {
    /// The texts that were read.
    pub sources: SourceMap,
    /// The complaints, by place.
    pub diagnostics: Diagnostics,
    /// The definition.
    pub definition: Definition,
    /// Every stage, typed as far as possible.
    pub stages: Vec<TypedNet>,
}

impl Checked {
    /// The net of the stage of this name, such as `TRAIN` or `deploy`, if it was looked at.
    pub fn stage(&self, name: &str) -> Option<&TypedNet> {
        self.stages.iter().find(|typed| typed.net.state.label() == name)
    }

    /// All complaints, as text without colours.
    pub fn complaints(&self) -> String {
        render(&self.diagnostics, &self.sources, false)
    }

    /// The number of the stage that is trained: the first in training, or the first of all.
    pub fn trained(&self) -> usize {
        let training = self.stages.iter().position(|typed| typed.net.state.phase == Phase::Train);
        training.unwrap_or(0)
    }
}

/// Reads a file and checks every stage of it.
///
/// # Errors
/// The file cannot be read; what is wrong with the definition is among the diagnostics.
pub fn check_file(path: &Path, options: &Options) -> Result<Checked> {
    Ok(check(path, read_definition(path)?, options))
}

/// Reads a definition: text to layers with their inputs and the files they name. Also says which inputs were added
/// because the definition names none.
pub fn definition(
    path: &Path,
    text: &str,
    request: &front::Request,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> (Definition, Vec<String>) {
    let request = &front::Request { trial: Some(tried), ..request.clone() };
    let mut definition = front::read(sources, path, text, request, diagnostics);
    let adopted = adopt_data(&mut definition);
    if !request.spare {
        idle_options(&definition, definition.awaits_classes(), &request.options(), diagnostics);
        idle_shapes(&[&definition], &request.shapes, diagnostics);
    }
    if let Some(classes) = request.classes {
        adopt_classes(&mut definition, classes);
    }
    need_outputs(&mut definition, diagnostics);
    locate_files(&mut definition, path);
    (definition, adopted)
}

/// Checks every stage of a definition. Never fails: errors are among the diagnostics.
pub fn check(path: &Path, text: String, options: &Options) -> Checked {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let request = front::Request { shapes: options.shapes.clone(), ..options.request.clone() };
    let (definition, adopted) = definition(path, &text, &request, &mut sources, &mut diagnostics);
    let stages = match options.stages.is_empty() {
        true if options.own_state => vec![definition.own_state()],
        true if options.training => definition.stages_or(Phase::Train),
        true => definition.stages(),
        false => options.stages.iter().map(|state| definition.asked(state)).collect(),
    };
    if options.stages.is_empty() && !options.own_state {
        say_what_is_left_out(&definition, &mut diagnostics);
    }
    let mut env = environment(options, &record_shape);
    // What these are told they have in an order of axes of their own.
    env.shapes.retain(|name, _| !definition.channels_last.contains(name));
    if adopted.iter().any(|name| name == "label") {
        assume_label(&mut env);
    }
    let mut starts = vec![];
    let of_stage = |state: &NetState| {
        starts.push((state.label(), diagnostics.len()));
        typed_net(&definition, state, &env, &mut diagnostics)
    };
    let states = stages;
    let stages = states.iter().map(of_stage).collect();
    diagnostics.join_stages(&starts);
    likely_shape::offer(&definition, &states, &env, &mut diagnostics);
    if !definition.names_stages() {
        say_where_from(&definition, &adopted, &mut diagnostics);
    }
    if options.shapes.is_empty() {
        say_input_shape(definition.dialect, &mut diagnostics);
    }
    let mut checked = Checked { sources, diagnostics, definition, stages };
    let trained = checked.trained();
    for (number, other) in checked.stages.iter().enumerate() {
        if number != trained {
            agree_on_params(&checked.stages[trained], other, &mut checked.diagnostics);
        }
    }
    checked.diagnostics.sort();
    checked.diagnostics.gather();
    checked
}

/// Where a definition says nothing about one of the phases and is not whole in it, it is taken for a net of the other.
fn say_what_is_left_out(definition: &Definition, diagnostics: &mut Diagnostics) {
    let Some((phase, node, blob)) = definition.left_out() else { return };
    let (layer, name) = (&node.name.value, &blob.value);
    let message = format!("nothing is checked at the {phase} stage, where `{name}` does not exist");
    let d = Diagnostic::new(&diag::W0623, blob.span, message)
        .here(format!("layer `{layer}` reads it"))
        .note("no rule of the net names that phase, so the net is taken for one of the other phase alone");
    diagnostics.report(d.help(format!("`--stage {phase}` checks it all the same")));
}

/// Where nothing shows that a definition is one of DIGITS', whoever lost its data layer is told where its data would be from.
fn say_where_from(definition: &Definition, adopted: &[String], diagnostics: &mut Diagnostics) {
    for name in adopted {
        let node = definition.nodes.iter().find(|n| n.layer.is_input() && n.name.value == *name);
        let is_its =
            |d: &&mut Diagnostic| *d.code == diag::W0605 && d.span() == node.map(|n| n.span);
        for complaint in diagnostics.iter_mut().filter(is_its) {
            complaint.notes.push(format!(
                "no layer gives `{name}`, so it is taken from the run file, as for DIGITS; Caffe stops at an unknown bottom"
            ));
        }
    }
}

/// A program is told the shape of a record, from which those of batches and labels follow.
fn say_input_shape(dialect: Dialect, diagnostics: &mut Diagnostics) {
    let shape = match dialect {
        Dialect::Caffe => return,
        Dialect::Torch => "3,28,28",
        Dialect::TensorFlow => "28,28,3",
    };
    let asked = ["input", "target", "x", "y"].map(|name| format!("--shape {name}="));
    for complaint in diagnostics.iter_mut().filter(|d| *d.code == diag::W0605) {
        if let Some(help) = &mut complaint.help
            && asked.iter().any(|asked| help.text.contains(asked))
        {
            help.text =
                format!("say the shape of one record on the command line: --input-shape {shape}");
        }
    }
}

/// DIGITS gives one label for each image.
fn assume_label(env: &mut Environment) {
    let batch = env.shapes.get("data").and_then(|data| data.dims().first().copied());
    if let Some(batch) = batch {
        env.shapes.entry("label".into()).or_insert_with(|| Shape::from([batch]));
    }
}

/// What layers may ask of the outside while they are inferred and lowered.
pub fn environment<'a>(
    options: &Options,
    record: &'a dyn Fn(&str) -> Option<Shape>,
) -> Environment<'a> {
    Environment {
        shapes: options.shapes.clone(),
        values: options.values.clone(),
        record: Some(record),
        trouble: Some(&record_trouble),
        blob: Some(&crate::weights::binaryproto_for_layers),
    }
}

/// The shape of one record of the data source of a path, if it can be read.
pub fn record_shape(source: &str) -> Option<Shape> {
    crate::data::record_shape(Path::new(source)).ok()
}

/// Why the shape of one record of the data source of a path is not known, if a source is named.
fn record_trouble(source: &str) -> Option<String> {
    if source.is_empty() {
        return None;
    }
    crate::data::record_shape(Path::new(source)).err().map(|why| why.to_string())
}

/// One stage: select, wire, type, share, lint.
pub fn typed_net(
    definition: &Definition,
    state: &NetState,
    env: &Environment,
    diagnostics: &mut Diagnostics,
) -> TypedNet {
    let net = select_stage(definition, state, diagnostics);
    let signatures = infer_types(&net, env, diagnostics);
    let typed = share_params(net, signatures, diagnostics);
    lint::run(&typed, diagnostics);
    if !diagnostics.has_errors() {
        second_gradients(&typed, env, diagnostics);
    }
    typed
}

/// What a training iteration computes and where it keeps it, for a net without errors: the plan that a trainer runs.
/// `histories` is the number of arrays that the solver keeps for every parameter; the threads of a processor are 0 for one
/// for each core. A GPU need not be there.
///
/// # Errors
/// See [`ready`](crate::passes::lower::ready).
pub fn training_plan(
    typed: &TypedNet,
    env: &Environment,
    histories: usize,
    (device, threads): (Device, usize),
) -> Result<Arc<Plan>> {
    let purpose = Purpose { backward: Backward::Parameters, histories, watched: false };
    Ok(planned(typed, env, purpose, (device, threads))?.plan)
}

/// The same iteration layer by layer: no step does the work of several. For comparisons.
///
/// # Errors
/// See [`ready`](crate::passes::lower::ready).
pub fn plain_training_program(typed: &TypedNet, env: &Environment) -> Result<Program> {
    ready(typed)?;
    let mut lowered = lower(typed, env, Backward::Parameters);
    let shown = typed.net.outputs.iter().map(|port| lowered.blobs[port.node.index()][port.top]);
    let kept = shown.chain(lowered.loss).chain(lowered.gradients.iter().flatten().copied());
    lowered.program.outputs = kept.map(|v| (String::new(), v)).collect();
    simplify(&mut lowered.program);
    Ok(lowered.program)
}
