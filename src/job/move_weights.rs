//! Moves parameters between `.t7`, `.caffemodel`, `.caffemodel.h5` and `.safetensors`, for nets that correspond layer by layer.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::{Complaints, read_net};
use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::front::{self, Request};
use crate::ir::{Definition, NetState, Node, TypedNet};
use crate::passes::deploy::deploy;
use crate::pipeline;
use crate::source::SourceMap;
use crate::spec::{Dialect, Environment, Infer, Phase};
use crate::train::checkpoint::{caffemodel, owned};
use crate::ty::Shape;
use crate::weights::order::{self, Place, Weights};
use crate::weights::t7::write_flat;
use crate::weights::{
    Blob, Stored, by_name, is_checkpoint, move_weights, read_stored, write_hdf5_weights,
    write_model, write_safetensors,
};

/// What a move may be told.
#[derive(Clone, Debug, Default)]
pub struct MoveOptions {
    /// The definition that the new file is for.
    pub net: Option<PathBuf>,
    /// The definition that the old file was written for, if its parameters have names and no order.
    pub from: Option<PathBuf>,
    /// Shapes of data blobs of both.
    pub shapes: BTreeMap<String, Shape>,
    /// What both are told besides, if they are programs.
    pub request: Request,
    /// The shape of one image as `from` is told it, where its language has another order than that of `net`.
    pub from_input_shape: Option<Vec<usize>>,
}

/// Whether a name is that of weights that can be read.
pub fn holds_weights(path: &Path) -> bool {
    is_weights(path) || is_checkpoint(path)
}

/// Whether a name is that of a file of weights that can be written.
pub fn is_weights(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str());
    matches!(ending, Some("t7" | "caffemodel" | "safetensors" | "h5" | "state"))
}

/// Reads `old` and writes `new`, in the formats that their names end in. Returns how many parameters were moved, and what
/// could not be written.
///
/// # Errors
/// A file cannot be read or written, or the nets do not correspond: then with all differences. Complaints about a
/// definition are in the inner result.
pub fn convert(old: &Path, new: &Path, options: &MoveOptions) -> Result<Result<Moved, Complaints>> {
    let mut complaints = (SourceMap::default(), Diagnostics::default());
    let Some(net) = &options.net else {
        return without_net(old, new).map(Ok);
    };
    let Some((net, places)) = typed(net, options, &options.request, &mut complaints)? else {
        return Ok(Err(complaints));
    };
    let from = match &options.from {
        Some(path) => match typed(path, options, &request_of_from(options), &mut complaints)? {
            Some((_, places)) => Some(places),
            None => return Ok(Err(complaints)),
        },
        None => None,
    };
    let weights = move_weights(old, from.as_deref(), &places)?;
    let own = |p: &Place| weights.get(&(p.layer.clone(), p.at));
    // What several layers share may be with one of them only.
    let shared: HashMap<usize, &Blob> =
        places.iter().filter_map(|p| Some((p.variable, own(p)?))).collect();
    let (mut kept, mut missing) = (Weights::new(), vec![]);
    for p in &places {
        match own(p).or(shared.get(&p.variable).copied()) {
            Some(blob) => drop(kept.insert((p.layer.clone(), p.at), blob.clone())),
            None => missing.push(format!("{}.{}", p.layer, p.at)),
        }
    }
    match new.extension().and_then(|e| e.to_str()) {
        Some("t7") => {
            write_flat(new, &order::flat(&places, |p| kept.get(&(p.layer.clone(), p.at)).cloned()))?
        }
        Some("safetensors") => write_named(new, &kept, &places)?,
        Some("caffemodel") => {
            let Some(net) = net else { return Err(shapeless(new)) };
            let named = kept.iter().map(|((l, i), b)| (format!("param.{l}.{i}"), b.clone()));
            let parameters = named.collect();
            write_model(new, &net.net.name, &caffemodel(&net, &parameters, None))?;
        }
        Some("h5") => {
            let Some(net) = net else { return Err(shapeless(new)) };
            let named = kept.iter().map(|((l, i), b)| (format!("param.{l}.{i}"), b.clone()));
            let layers: Vec<&str> =
                net.net.nodes().map(|(_, node)| node.name.value.as_str()).collect();
            write_hdf5_weights(new, &layers, owned(&net, &named.collect()), None)?;
        }
        _ => return Err(unknown(new)),
    }
    Ok(Ok(Moved { parameters: kept.len(), missing }))
}

/// What the definition that the old file was written for is told.
fn request_of_from(options: &MoveOptions) -> Request {
    let own = options.from_input_shape.clone();
    let input_shape = own.or_else(|| options.request.input_shape.clone());
    Request { input_shape, ..options.request.clone() }
}

/// What became of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Parameters that were written; in a vector, shared ones once.
    pub parameters: usize,
    /// Parameters of the net that the old file does not have, as `layer.position`.
    pub missing: Vec<String>,
}

/// Writes the old file's parameters to the new one by the names that the old file has itself: those of a checkpoint's
/// variables, or of a `.caffemodel`'s layers, which may also become a `.caffemodel` of the present generation of the format.
fn without_net(old: &Path, new: &Path) -> Result<Moved> {
    let ending = new.extension().and_then(|e| e.to_str()).unwrap_or_default();
    match (read_stored(old)?, ending) {
        (Stored::Caffe(model), "safetensors") => {
            let weights = by_name(model).weights;
            write_named(new, &weights, &[])?;
            Ok(Moved { parameters: weights.len(), missing: vec![] })
        }
        (Stored::Caffe(model), "caffemodel") => {
            model.write(new)?;
            let parameters = model.layers.iter().map(|layer| layer.blobs.len()).sum();
            Ok(Moved { parameters, missing: vec![] })
        }
        (Stored::Named(_, variables), "safetensors") if is_checkpoint(old) => {
            write_safetensors(new, variables.iter().map(|(name, blob)| (name.as_str(), blob)))?;
            Ok(Moved { parameters: variables.len(), missing: vec![] })
        }
        (_, "t7" | "safetensors" | "caffemodel" | "h5") => Err(Error::refused(
            "the names and the order of the layers are missing: give the definition of the net with --net",
        )),
        _ => Err(unknown(new)),
    }
}

/// By the names that variables have in their dialect, or by layer and position.
fn write_named(path: &Path, weights: &Weights, places: &[Place]) -> Result<()> {
    let name = |layer: &str, at: usize| {
        let place = places.iter().find(|p| p.layer == layer && p.at == at);
        let name = place.and_then(|p| p.name.clone());
        name.unwrap_or_else(|| format!("param.{layer}.{at}"))
    };
    let named: BTreeMap<String, &Blob> =
        weights.iter().map(|((layer, at), blob)| (name(layer, *at), blob)).collect();
    write_safetensors(path, named.iter().map(|(name, blob)| (name.as_str(), *blob)))
}

fn unknown(path: &Path) -> Error {
    Error::format(path, "must end in .t7, .caffemodel, .caffemodel.h5 or .safetensors")
}

fn shapeless(path: &Path) -> Error {
    let message = "the shapes of the net are not known; give those of its data, such as --shape data=1,3,28,28, or for a \
                   Lua definition --input-shape 3,28,28";
    Error::format(path, message)
}

/// The net of a definition as it runs on images, if the shapes of its data are known, and its parameters; none if it has
/// errors.
fn typed(
    path: &Path,
    options: &MoveOptions,
    request: &Request,
    (sources, diagnostics): &mut Complaints,
) -> Result<Option<(Option<TypedNet>, Vec<Place>)>> {
    // Of a program that is told the shape of an image, blobs of that name are the other definition's.
    let told = request.input_shape.is_some() && front::dialect(path) != Dialect::Caffe;
    let shapes = if told { BTreeMap::new() } else { options.shapes.clone() };
    let request = Request { shapes: shapes.clone(), ..request.clone() };
    let definition = read_net(path, &request, sources, diagnostics)?;
    let names = definition.names.clone();
    let env_options = pipeline::Options { shapes, ..Default::default() };
    let record = pipeline::record_shape;
    let mut env = pipeline::environment(&env_options, &record);
    let found = shapes_of_data(&definition, &env);
    let (definition, state) = deploy(&definition, &[]);
    found.into_iter().for_each(|(name, shape)| {
        env.shapes.entry(name).or_insert(shape);
    });
    let typed = pipeline::typed_net(&definition, &state, &env, diagnostics);
    if diagnostics.has_errors() {
        return Ok(None);
    }
    if typed.signatures.iter().any(Option::is_none) {
        let places = order::held(&definition, &names, &state);
        return places.map(|places| Some((None, places))).ok_or_else(|| shapeless(path));
    }
    let places = order::places(&typed, &names);
    Ok(Some((Some(typed), places)))
}

/// The shapes of the blobs that data layers of any stage give, as far as they or the databases they name tell them. Those
/// of tests, which a net is used in, come first.
fn shapes_of_data(definition: &Definition, env: &Environment) -> BTreeMap<String, Shape> {
    let state = NetState::phase(Phase::Test);
    let (here, elsewhere): (Vec<&Node>, Vec<&Node>) =
        definition.nodes.iter().filter(|n| n.layer.is_input()).partition(|n| n.exists(&state));
    let mut found = BTreeMap::new();
    for node in here.into_iter().chain(elsewhere) {
        // What is wrong with them is told where the net is typed.
        let mut unheard = Diagnostics::default();
        let cx = Infer::new(node, &[], Phase::Test, env, &mut unheard);
        let Ok(signature) = node.layer.infer(&cx) else { continue };
        for (top, shape) in node.tops.iter().zip(signature.tops) {
            found.entry(top.value.clone()).or_insert(shape);
        }
    }
    found
}
