//! The whole compiler, as functions that can be read aloud.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::exec::workspace;
use crate::front;
use crate::ir::{Definition, NetState, TypedNet};
use crate::passes::adopt_data::adopt_data;
use crate::passes::infer_types::infer_types;
use crate::passes::lint;
use crate::passes::locate_files::locate_files;
use crate::passes::lower::{Backward, lower, ready};
use crate::passes::select_stage::select_stage;
use crate::passes::share_params::share_params;
use crate::plan::{Plan, Request, plan};
use crate::program::{fuse, simplify};
use crate::source::SourceMap;
use crate::spec::Environment;
use crate::ty::Shape;

/// What a check may be told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The stages to look at; empty for all that the definition distinguishes.
    pub stages: Vec<NetState>,
    /// Look at the state that the definition itself sets, and at no other.
    pub own_state: bool,
    /// Shapes of data blobs by name.
    pub shapes: BTreeMap<String, Shape>,
    /// Values of data blobs by name, for layers whose shapes depend on them.
    pub values: BTreeMap<String, Vec<f32>>,
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
    /// The net of the only stage, or of the stage of this name.
    pub fn stage(&self, name: &str) -> Option<&TypedNet> {
        self.stages.iter().find(|typed| typed.net.state.label() == name)
    }
}

/// Reads a file and checks every stage of it. Fails only if the file cannot be read.
pub fn check_file(path: &Path, options: &Options) -> Result<Checked> {
    front::readable(path)?;
    Ok(check(path, read_text(path)?, options))
}

/// Reads a text file.
pub fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(crate::file::read(path)?).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Error::format(path, format!("not a text file: byte {at} is no UTF-8"))
    })
}

/// Checks every stage of a definition. Never fails: errors are among the diagnostics.
pub fn check(path: &Path, text: String, options: &Options) -> Checked {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add(path, text);
    let text = sources.file(file).text.clone();
    let mut definition = front::read(file, &text, &mut diagnostics);
    let adopted = adopt_data(&mut definition);
    locate_files(&mut definition, path);
    let stages = match options.stages.is_empty() {
        true if options.own_state => vec![definition.state.clone()],
        true => definition.stages(),
        false => options.stages.clone(),
    };
    let mut env = environment(options, &record_shape);
    if adopted.iter().any(|name| name == "label") {
        assume_label(&mut env);
    }
    let stages =
        stages.iter().map(|state| typed_net(&definition, state, &env, &mut diagnostics)).collect();
    diagnostics.sort();
    Checked { sources, diagnostics, definition, stages }
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
        blob: Some(&read_blob),
    }
}

/// The shape of one record of the data source of a path, if it can be read.
pub fn record_shape(source: &str) -> Option<Shape> {
    crate::data::record_shape(Path::new(source)).ok()
}

fn read_blob(path: &str) -> Result<(Shape, Vec<f32>), String> {
    let blob = crate::weights::read_binaryproto(Path::new(path)).map_err(|e| e.to_string())?;
    Ok((Shape(blob.shape), blob.data))
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
    typed
}

/// What a training iteration computes and where it keeps it, for a net without errors. `histories` is the number
/// of arrays that the solver keeps for every parameter; `threads` are 0 for one for each core.
///
/// # Errors
/// See [`ready`].
pub fn training_plan(
    typed: &TypedNet,
    env: &Environment,
    histories: usize,
    threads: usize,
) -> Result<Plan> {
    ready(typed)?;
    let mut lowered = lower(typed, env, Backward::Parameters);
    let program = &mut lowered.program;
    program.outputs.extend(lowered.loss.map(|loss| ("loss".to_owned(), loss)));
    for &port in &typed.net.outputs {
        let v = lowered.blobs[port.node.index()][port.top];
        program.outputs.push((typed.net.blob(port).to_owned(), v));
    }
    let learned = typed.variables.iter().zip(&lowered.variables).zip(&lowered.gradients);
    let (parameters, gradients): (Vec<_>, Vec<_>) =
        learned.filter(|((v, _), _)| v.learned).map(|((_, &v), &gradient)| (v, gradient)).unzip();
    for (i, gradient) in gradients.iter().flatten().enumerate() {
        program.outputs.push((format!("gradient {i}"), *gradient));
    }
    fuse(program);
    simplify(program);
    program.outputs.retain(|(name, _)| !name.starts_with("gradient "));
    let request = Request { parameters, gradients, histories };
    Ok(plan(lowered.program, &request, &workspace::<f32>(threads)))
}
