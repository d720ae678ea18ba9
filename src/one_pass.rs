//! One forward pass, and one backward pass if asked for, of a net on given tensors, with the names of the golden
//! data: `in.<blob>`, `param.<layer>.<i>` and `dout.<blob>` to `out.<blob>`, `din.<blob>`, `dparam.<layer>.<i>`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::exec::{Device, Session, SessionOptions, supported, workspace};
use crate::front;
use crate::ir::{NetState, Port, TypedNet};
use crate::passes::lower::{Backward, lower, ready};
use crate::pipeline::Options;
use crate::plan::{Request, plan};
use crate::program::{ValueId, simplify};
use crate::spec::{Dialect, Environment, Phase};
use crate::train::hdf5_output::Hdf5Output;
use crate::ty::Shape;
use crate::weights::{Blob, first_values};

/// How the passes are made.
#[derive(Clone, Debug)]
pub struct PassOptions {
    /// Whether there is a backward pass.
    pub backward: bool,
    /// The device.
    pub device: Device,
    /// Threads; 0 takes one for each core.
    pub threads: usize,
    /// For dropout and for parameters that are not given.
    pub seed: u64,
}

/// The shapes that tensors of these names give to blobs: those of `in.<blob>`.
pub fn input_shapes(tensors: &BTreeMap<String, Blob>) -> BTreeMap<String, Shape> {
    let inputs = tensors.iter().filter_map(|(name, blob)| Some((name.strip_prefix("in.")?, blob)));
    inputs.map(|(name, blob)| (name.to_owned(), Shape(blob.shape.clone()))).collect()
}

/// What to check of a definition that is run on these tensors, in a phase or (`None`) in the state it sets itself.
/// A Torch definition is run with its loss if there is a target, as it is in training otherwise.
pub fn check_options(
    path: &Path,
    tensors: &BTreeMap<String, Blob>,
    phase: Option<NetState>,
) -> Options {
    let mut shapes = input_shapes(tensors);
    let (mut stages, mut own_state): (Vec<_>, _) = match &phase {
        Some(state) => (vec![state.clone()], false),
        None => (vec![], true),
    };
    if front::dialect(path) != Dialect::Caffe {
        let mut targets = tensors.iter().filter(|(name, _)| name.starts_with("target")).peekable();
        let state = phase.unwrap_or_else(|| NetState::phase(Phase::Train));
        let stage = match (targets.peek(), state.phase) {
            (None, _) => "deploy",
            (_, Phase::Train) => "train",
            (_, Phase::Test) => "val",
        };
        stages = vec![NetState { stages: vec![stage.to_owned()], ..state }];
        own_state = false;
        shapes.extend(targets.map(|(name, blob)| (name.clone(), Shape(blob.shape.clone()))));
    }
    let outputs = tensors.keys().filter(|name| name.starts_with("dout.")).count();
    let outputs = Some(outputs).filter(|&n| 0 < n);
    let request = front::Request { outputs, ..Default::default() };
    Options { stages, own_state, shapes, values: input_values(tensors), request }
}

/// Tensors with the names of the dialect's people, as cortado names them.
pub fn inward(
    names: &[(String, String)],
    tensors: &BTreeMap<String, Blob>,
) -> BTreeMap<String, Blob> {
    if names.is_empty() {
        return tensors.clone();
    }
    let given =
        names.iter().filter_map(|(public, own)| Some((own.clone(), tensors.get(public)?.clone())));
    given.collect()
}

/// Results with cortado's names, as the dialect's people name them; all of them if the dialect has no other names.
pub fn outward(
    names: &[(String, String)],
    given: &BTreeMap<String, Blob>,
    mut results: BTreeMap<String, Blob>,
) -> BTreeMap<String, Blob> {
    if names.is_empty() {
        return results;
    }
    let mut outside = BTreeMap::new();
    for (public, own) in names {
        // With a loss, the gradient of an output is a result.
        let own = own.strip_prefix("dout.").map_or(own.clone(), |blob| format!("din.{blob}"));
        if let Some(blob) = results.get(&own) {
            outside.insert(public.clone(), blob.clone());
        } else if public.starts_with("buf_after.")
            && let Some(kept) = given.get(&public.replacen("buf_after.", "buf.", 1))
        {
            outside.insert(public.clone(), kept.clone());
        }
    }
    if let Some(mut loss) = results.remove("loss") {
        loss.shape = vec![1];
        outside.insert("loss".to_owned(), loss);
    }
    outside
}

/// The values of those inputs that are small enough for layers to choose items by them.
pub fn input_values(tensors: &BTreeMap<String, Blob>) -> BTreeMap<String, Vec<f32>> {
    let inputs = tensors.iter().filter_map(|(name, blob)| Some((name.strip_prefix("in.")?, blob)));
    let lists = inputs.filter(|(_, blob)| blob.data.len() <= MOST_VALUES);
    lists.map(|(name, blob)| (name.to_owned(), blob.data.clone())).collect()
}

/// Inputs of more elements choose nothing.
const MOST_VALUES: usize = 1 << 16;

/// Runs a checked net on tensors and writes the files of its HDF5Output layers. A second set of inputs, `in2.<blob>`,
/// makes a second forward pass of the same
/// net, for layers with state.
///
/// # Errors
/// The net cannot be run, or a tensor is missing or has another shape than the net needs.
pub fn one_pass(
    typed: &TypedNet,
    env: &Environment,
    tensors: &BTreeMap<String, Blob>,
    options: &PassOptions,
) -> Result<BTreeMap<String, Blob>> {
    ready(typed)?;
    let backward = if options.backward { Backward::Everything } else { Backward::No };
    let mut lowered = lower(typed, env, backward);
    let results = results(typed, &lowered);
    for (name, v) in &results {
        lowered.program.outputs.push((name.clone(), *v));
    }
    let mut files = Hdf5Output::of_net(typed, &mut lowered);
    simplify(&mut lowered.program);
    supported(options.device, &lowered.program, &typed.net)?;
    let request = Request { parameters: lowered.variables.clone(), ..Request::default() };
    let plan = Arc::new(plan(
        lowered.program,
        &request,
        &workspace::<f32>(options.device, options.threads),
    ));
    let session =
        SessionOptions { device: options.device, threads: options.threads, seed: options.seed };
    let mut session = Session::<f32>::new(plan.clone(), &session)?;

    for (i, (variable, &v)) in typed.variables.iter().zip(&lowered.variables).enumerate() {
        let given = variable.users.iter().find_map(|&(node, at)| {
            let layer = &typed.net.graph[node].name.value;
            let name = format!("param.{layer}.{at}");
            Some((tensors.get(&name)?, name))
        });
        let values = match given {
            Some((blob, name)) => checked(blob, &variable.shape, &name)?.to_vec(),
            None => first_values(variable, options.seed, i as u64),
        };
        session.write(plan.slot(v), &values);
    }
    let mut output = BTreeMap::new();
    write_inputs(&mut session, tensors, "in.")?;
    session.run()?;
    for file in &mut files {
        file.take(&mut session, &plan, usize::MAX);
        file.write(&plan)?;
    }
    for (name, v) in &results {
        output.insert(name.clone(), read(&mut session, *v));
    }
    give_users_their_shapes(typed, &mut output);
    for &(state, _) in &plan.program.assigns {
        let position = lowered.variables.iter().position(|&v| v == state);
        for &(node, at) in position.iter().flat_map(|&i| &typed.variables[i].users) {
            let layer = &typed.net.graph[node].name.value;
            output.insert(format!("param_after.{layer}.{at}"), read(&mut session, state));
        }
    }
    if tensors.keys().any(|name| name.starts_with("in2.")) {
        write_inputs(&mut session, tensors, "in2.")?;
        session.run()?;
        for (name, v) in &results {
            if let Some(blob) = name.strip_prefix("out.") {
                output.insert(format!("out2.{blob}"), read(&mut session, *v));
            }
        }
    }
    Ok(output)
}

fn read(session: &mut Session<f32>, v: ValueId) -> Blob {
    let shape = session.plan().program.shape(v).0.clone();
    let slot = session.plan().slot(v);
    Blob { shape, data: session.read(slot) }
}

/// A shared parameter's gradient has the owner's shape; other users see it in theirs.
fn give_users_their_shapes(typed: &TypedNet, output: &mut BTreeMap<String, Blob>) {
    for &(node, at) in typed.variables.iter().flat_map(|variable| &variable.users) {
        let layer = &typed.net.graph[node].name.value;
        let declared = typed.signatures[node.index()].as_ref().map(|s| &s.params[at].shape);
        if let (Some(blob), Some(shape)) =
            (output.get_mut(&format!("dparam.{layer}.{at}")), declared)
        {
            blob.shape = shape.0.clone();
        }
    }
}

fn checked<'a>(blob: &'a Blob, shape: &Shape, name: &str) -> Result<&'a [f32]> {
    if !blob.fits(shape.dims()) {
        let have = Shape(blob.shape.clone());
        return Err(Error::refused(format!("tensor `{name}` is {have}, the net needs {shape}")));
    }
    Ok(&blob.data)
}

/// Writes every input of the program: blobs with the prefix, and gradients of outputs, which are 0 if not given.
fn write_inputs(
    session: &mut Session<f32>,
    tensors: &BTreeMap<String, Blob>,
    prefix: &str,
) -> Result<()> {
    for (input, v) in session.plan().program.inputs.clone() {
        let shape = session.plan().program.shape(v).clone();
        let (name, optional) = match input.starts_with("dout.") {
            true => (input, true),
            false => (format!("{prefix}{input}"), false),
        };
        let Some(slot) = session.plan().slots[v.0 as usize] else { continue };
        match tensors.get(&name) {
            Some(blob) => session.write(slot, checked(blob, &shape, &name)?),
            None if optional => session.write(slot, &vec![0.0; shape.count()]),
            None => return Err(Error::refused(format!("tensor `{name}`, {shape}, is missing"))),
        }
    }
    Ok(())
}

/// What is read after the run, by name. A blob that is changed in place counts with its last value, its gradient
/// is that of its first.
fn results(typed: &TypedNet, lowered: &crate::passes::lower::Lowered) -> BTreeMap<String, ValueId> {
    let mut results = BTreeMap::new();
    for (index, node) in typed.net.nodes() {
        for (top, name) in node.tops.iter().enumerate() {
            let port = Port { node: index, top };
            let v = lowered.blobs[index.index()][top];
            if !node.layer.is_input() {
                results.insert(format!("out.{}", name.value), v);
            }
            if let Some(&gradient) = lowered.blob_gradients.get(&port) {
                results.entry(format!("din.{}", name.value)).or_insert(gradient);
            }
        }
    }
    for (variable, gradient) in typed.variables.iter().zip(&lowered.gradients) {
        let Some(gradient) = gradient else { continue };
        for &(node, at) in &variable.users {
            let layer = &typed.net.graph[node].name.value;
            results.insert(format!("dparam.{layer}.{at}"), *gradient);
        }
    }
    if let Some(loss) = lowered.loss {
        results.insert("loss".into(), loss);
    }
    results
}
