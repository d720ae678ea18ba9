//! One forward pass, and one backward pass if asked for, of a net on given tensors, with the names of the golden
//! data: `in.<blob>`, `param.<layer>.<i>` and `dout.<blob>` to `out.<blob>`, `din.<blob>`, `dparam.<layer>.<i>`.

mod by_loss;
mod passes;
mod second;
mod strangers;
mod tried;

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::exec::Device;
use crate::front;
use crate::front::tensorflow::graph::{in_model, without_model};
use crate::ir::{Definition, NetState, TypedNet};
use crate::pipeline::Options;
use crate::spec::{Dialect, Environment, Phase};
use crate::ty::Shape;
use crate::weights::Blob;

pub use by_loss::by_loss;
pub use passes::Passes;
pub use second::second_opinion;
pub use strangers::strangers;
pub use tried::tried;

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
    inputs(tensors).map(|(name, blob)| (name.to_owned(), Shape(blob.shape.clone()))).collect()
}

/// The tensors that are inputs of a net, by the names of their blobs.
fn inputs(tensors: &BTreeMap<String, Blob>) -> impl Iterator<Item = (&str, &Blob)> {
    tensors.iter().filter_map(|(name, blob)| match name.strip_prefix("in.") {
        Some(blob_name) => Some((blob_name, blob)),
        None => name.starts_with("target").then_some((name.as_str(), blob)),
    })
}

/// What to check of a definition that is run on these tensors, in a phase or (`None`) in the state it sets itself.
/// A definition that is a program is run with its loss if there is a target, as it is in training otherwise.
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
        let is_target = |name: &str| name.starts_with("target") || name == "in.y";
        let mut targets = tensors.iter().filter(|(name, _)| is_target(name)).peekable();
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
    let request = front::Request { outputs, apart: true, spare: true, ..Default::default() };
    let values = input_values(tensors);
    Options { stages, own_state, training: false, shapes, values, request }
}

/// Tensors of which those that are named as training names its data, `data` or `input`, have the names of inputs of a
/// pass, `in.data` or `in.0`.
pub fn spelled_out(path: &Path, tensors: BTreeMap<String, Blob>) -> BTreeMap<String, Blob> {
    let dialect = front::dialect(path);
    let own = |name: String| match (dialect, name.as_str()) {
        (Dialect::Torch, "input") => "in.0".to_owned(),
        (Dialect::Torch, _) => name,
        (_, bare) if !bare.contains('.') && bare != "loss" => format!("in.{name}"),
        _ => name,
    };
    tensors.into_iter().map(|(name, blob)| (own(name), blob)).collect()
}

/// Tensors with the names and orders of axes of the dialect's people, as cortado has them; cortado's own names are
/// understood as well.
pub fn inward(definition: &Definition, tensors: &BTreeMap<String, Blob>) -> BTreeMap<String, Blob> {
    if definition.names.is_empty() {
        return tensors.clone();
    }
    let given = definition.names.iter().filter_map(|(public, own)| {
        let blob = tensors.get(public).or(tensors.get(own));
        let other = || otherwise(public).filter(|other| !names(definition, other));
        let blob = blob.or_else(|| tensors.get(&other()?))?;
        Some((own.clone(), if moves(definition, own) { moved(blob, true) } else { blob.clone() }))
    });
    given.collect()
}

/// Complains about a parameter of another shape than the net's, by the name that it has outside.
///
/// # Errors
/// There is one.
pub fn fitting(
    definition: &Definition,
    typed: &TypedNet,
    given: &BTreeMap<String, Blob>,
) -> Result<()> {
    for variable in &typed.variables {
        let users = variable
            .users
            .iter()
            .map(|&(node, at)| format!("param.{}.{at}", typed.net.graph[node].name.value));
        let taken = users.filter_map(|own| Some((given.get(&own)?, own))).next();
        let Some((blob, own)) = taken else { continue };
        let public = definition.names.iter().find(|(_, name)| *name == own);
        checked(blob, &variable.shape, public.map_or(&own, |(public, _)| public))?;
    }
    Ok(())
}

/// Whether a definition has a tensor of this name.
fn names(definition: &Definition, name: &str) -> bool {
    definition.names.iter().any(|(public, _)| public == name)
}

/// The name of a parameter with the scope that DIGITS opens for `inference` if it is without, or without it, as `--weights`
/// takes both: programs of others make a whole model inside of that scope.
fn otherwise(public: &str) -> Option<String> {
    let (prefix, name) = public.split_once('.')?;
    let other = without_model(name).map_or_else(|| in_model(name), str::to_owned);
    (prefix == "param").then(|| format!("{prefix}.{other}"))
}

/// A result with the parameter's name as it was given.
fn as_given(definition: &Definition, public: &str, given: &BTreeMap<String, Blob>) -> String {
    let Some(name) = PARAMETERS.iter().find_map(|prefix| public.strip_prefix(prefix)) else {
        return public.to_owned();
    };
    let numbered = name.split_once('.').filter(|(number, _)| number.parse::<usize>().is_ok());
    let name = numbered.map_or(name, |(_, name)| name);
    let own = format!("param.{name}");
    let is_given = |other: &String| !given.contains_key(&own) && given.contains_key(other);
    match otherwise(&own).filter(|other| is_given(other) && !names(definition, other)) {
        Some(other) => {
            format!("{}{}", &public[..public.len() - name.len()], &other["param.".len()..])
        }
        None => public.to_owned(),
    }
}

/// What names of results of parameters begin with.
const PARAMETERS: [&str; 3] = ["dparam.", "param_after.", "state."];

/// Whether a tensor has its channels last outside.
fn moves(definition: &Definition, own: &str) -> bool {
    let blob = own.split_once('.').map_or("", |(_, blob)| blob);
    definition.channels_last.iter().any(|name| name == blob)
}

/// Images with their channels moved from the last place to the first after the batch, or back.
fn moved(blob: &Blob, first: bool) -> Blob {
    let &[n, a, b, c] = &blob.shape[..] else { return blob.clone() };
    // Either way rows and columns of a matrix are exchanged in every image.
    let (shape, rows, columns) = match first {
        true => (vec![n, c, a, b], a * b, c),
        false => (vec![n, b, c, a], a, b * c),
    };
    let mut data = Vec::with_capacity(blob.data.len());
    for image in blob.data.chunks(rows * columns) {
        data.extend((0..columns).flat_map(|j| (0..rows).map(move |i| image[i * columns + j])));
    }
    Blob { shape, data }
}

/// Results with cortado's names, as the dialect's people name them; all of them if the dialect has no other names.
pub fn outward(
    definition: &Definition,
    given: &BTreeMap<String, Blob>,
    mut results: BTreeMap<String, Blob>,
) -> BTreeMap<String, Blob> {
    if definition.names.is_empty() {
        return results;
    }
    let mut outside = BTreeMap::new();
    for (public, own) in &definition.names {
        // With a loss, the gradient of an output is a result.
        let own = own.strip_prefix("dout.").map_or(own.clone(), |blob| format!("din.{blob}"));
        if let Some(blob) = results.get(&own) {
            let mut blob = if moves(definition, &own) { moved(blob, false) } else { blob.clone() };
            if blob.shape.is_empty() {
                blob.shape.push(1);
            }
            outside.insert(as_given(definition, public, given), blob);
        } else if let Some(name) = public.strip_prefix("state.")
            && let Some(kept) = given.get(&format!("param.{name}"))
        {
            outside.entry(public.clone()).or_insert_with(|| kept.clone());
        } else if public.starts_with("buf_after.")
            && let Some(kept) = given.get(&public.replacen("buf_after.", "buf.", 1))
        {
            outside.insert(public.clone(), kept.clone());
        }
    }
    // Parameters of modules that no input reaches are not part of the net; their gradients are zeros.
    if results.keys().any(|name| name.starts_with("din.") || name.starts_with("dparam.")) {
        for (name, blob) in given.iter().filter(|(name, _)| name.starts_with("param.")) {
            let zeros = || Blob { shape: blob.shape.clone(), data: vec![0.0; blob.data.len()] };
            outside.entry(format!("d{name}")).or_insert_with(zeros);
        }
    }
    if let Some(mut loss) = results.remove("loss") {
        loss.shape = vec![1];
        outside.insert("loss".to_owned(), loss);
        outside.extend(penalty(definition, given).map(|blob| ("reg_loss".to_owned(), blob)));
    }
    outside
}

/// What weights of these sizes cost, which is shown beside the loss and has no gradient; none where nothing costs.
fn penalty(definition: &Definition, given: &BTreeMap<String, Blob>) -> Option<Blob> {
    let mut sum = None;
    for (name, scale) in &definition.penalties {
        let weights = given.get(&format!("param.{name}"))?;
        let squares: f64 = weights.data.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
        *sum.get_or_insert(0.0) += scale / 2.0 * squares;
    }
    sum.map(|sum: f64| Blob { shape: vec![1], data: vec![sum as f32] })
}

/// The values of those inputs that are small enough for layers to choose items by them.
pub fn input_values(tensors: &BTreeMap<String, Blob>) -> BTreeMap<String, Vec<f32>> {
    let lists = inputs(tensors).filter(|(_, blob)| blob.data.len() <= MOST_VALUES);
    lists.map(|(name, blob)| (name.to_owned(), blob.data.clone())).collect()
}

/// Inputs of more elements choose nothing.
const MOST_VALUES: usize = 1 << 16;

/// Runs a checked net on tensors and writes the files of its HDF5Output layers. A second set of inputs, `in2.<blob>`,
/// makes a second forward pass of the same net, for layers with state.
///
/// # Errors
/// The net cannot be run, or a tensor is missing or has another shape than the net needs.
pub fn one_pass(
    typed: &TypedNet,
    env: &Environment,
    tensors: &BTreeMap<String, Blob>,
    options: &PassOptions,
) -> Result<BTreeMap<String, Blob>> {
    let mut passes = Passes::<f32>::new(typed, env, options)?;
    for variable in &typed.variables {
        let given = variable.users.iter().find_map(|&(node, at)| {
            let name = format!("param.{}.{at}", typed.net.graph[node].name.value);
            Some((tensors.get(&name)?, name))
        });
        if let Some((blob, name)) = given {
            passes.set(&name, checked(blob, &variable.shape, &name)?);
        }
    }
    give_inputs(&mut passes, tensors, "in.")?;
    passes.run()?;
    passes.write_files()?;
    let names: Vec<String> = passes.results().map(str::to_owned).collect();
    let mut output = BTreeMap::new();
    for name in &names {
        output.extend(passes.get(name).map(|(shape, data)| (name.clone(), Blob { shape, data })));
    }
    give_users_their_shapes(typed, &mut output);
    if options.backward {
        add_zero_gradients(typed, &mut output);
    }
    if tensors.keys().any(|name| name.starts_with("in2.")) {
        give_inputs(&mut passes, tensors, "in2.")?;
        passes.run()?;
        for name in &names {
            if let Some(blob) = name.strip_prefix("out.")
                && let Some((shape, data)) = passes.get(name)
            {
                output.insert(format!("out2.{blob}"), Blob { shape, data });
            }
        }
    }
    passes.sound()?;
    Ok(output)
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

/// Blobs and parameters that no gradient reaches get zeros, as they have in Caffe and Torch.
fn add_zero_gradients(typed: &TypedNet, output: &mut BTreeMap<String, Blob>) {
    let mut add = |name: String, shape: &Shape| {
        let zeros = || Blob { shape: shape.0.clone(), data: vec![0.0; shape.count()] };
        output.entry(name).or_insert_with(zeros);
    };
    for (index, node) in typed.net.nodes() {
        let Some(signature) = &typed.signatures[index.index()] else { continue };
        for (top, shape) in node.tops.iter().zip(&signature.tops) {
            add(format!("din.{}", top.value), shape);
        }
        for (at, param) in signature.params.iter().enumerate().filter(|(_, param)| !param.private) {
            add(format!("dparam.{}.{at}", node.name.value), &param.shape);
        }
    }
}

fn checked<'a>(blob: &'a Blob, shape: &Shape, name: &str) -> Result<&'a [f32]> {
    if !blob.fits(shape.dims()) || blob.data.len() != shape.count() {
        let have = Shape(blob.shape.clone());
        return Err(Error::refused(format!("tensor `{name}` is {have}, the net needs {shape}")));
    }
    Ok(&blob.data)
}

/// Sets every input: blobs with the prefix, and gradients of outputs, which are 0 if not given.
fn give_inputs(
    passes: &mut Passes<f32>,
    tensors: &BTreeMap<String, Blob>,
    prefix: &str,
) -> Result<()> {
    let inputs: Vec<(String, Shape)> =
        passes.inputs().map(|(name, shape)| (name.to_owned(), shape.clone())).collect();
    for (target, shape) in inputs {
        let name = match target.strip_prefix("in.") {
            Some(blob) => format!("{prefix}{blob}"),
            None => target.clone(),
        };
        match tensors.get(&name) {
            Some(blob) => passes.set(&target, checked(blob, &shape, &name)?),
            None if target.starts_with("dout.") => passes.set(&target, &vec![0.0; shape.count()]),
            None => return Err(Error::refused(format!("tensor `{name}`, {shape}, is missing"))),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_may_be_named_as_in_training() {
        let names = |path: &str, given: &[&str]| {
            let blob = |name: &&str| ((*name).to_owned(), Blob { shape: vec![], data: vec![0.0] });
            let spelled = spelled_out(Path::new(path), given.iter().map(blob).collect());
            spelled.into_keys().collect::<Vec<_>>()
        };
        assert_eq!(names("n.lua", &["input", "target", "param.0"]), ["in.0", "param.0", "target"]);
        assert_eq!(names("n.prototxt", &["data", "in.label"]), ["in.data", "in.label"]);
        assert_eq!(
            names("n.py", &["x", "in.y", "param.model/a"]),
            ["in.x", "in.y", "param.model/a"]
        );
    }
}
