//! From a file of weights of any format to what it holds, and on to the parameters of a net.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::order::{self, Entry, Place, Weights};
use super::safetensors::is_safetensors;
use super::t7::{Buffers, Parameter, T7};
use super::{Blob, CaffeModel, Counts, Given, checkpoint, hdf5, hdf5_snapshot, parse_safetensors};
use crate::front::tensorflow::graph::{in_model, without_model};
use crate::{Error, Result, file};

/// What a file of weights holds.
#[derive(Clone, Debug)]
pub enum Stored {
    /// A `.caffemodel`.
    Caffe(CaffeModel),
    /// Parameters by layer and position, and variables by other names.
    Named(Given, BTreeMap<String, Blob>),
    /// A network that Torch saved: its parameters and buffers in order.
    Torch(Vec<Parameter>, Vec<Buffers>),
    /// The vector of all parameters.
    Flat(Vec<f32>),
}

/// Reads a file of weights: `.t7`, `.safetensors`, `.caffemodel` in either format, or a checkpoint of TensorFlow. What it
/// is, its first bytes say, whatever its name is; where they do not, its name does.
///
/// # Errors
/// The file is not what its name says, or holds no weights.
pub fn read_stored(path: &Path) -> Result<Stored> {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if let Some(prefix) = checkpoint::prefix(path) {
        return Ok(of_variables(checkpoint::read_bundle(&prefix)?));
    }
    if ending == "pb" {
        let message = "is a graph of TensorFlow, whose constants are not read; the checkpoint that it was made of is";
        return Err(Error::format(path, message));
    }
    let bytes = file::read(path)?;
    if checkpoint::is_table(&bytes) {
        return Ok(of_variables(checkpoint::parse_table(path, &bytes)?));
    }
    let ending = match ending {
        _ if hdf5::is_hdf5(&bytes) => "h5",
        _ if is_safetensors(&bytes) => "safetensors",
        _ if is_t7(&bytes) => "t7",
        ending => ending,
    };
    match ending {
        "t7" => {
            let file = T7::parse(path, &bytes)?;
            if let Some(flat) = file.flat()? {
                return Ok(Stored::Flat(flat));
            }
            let parameters = file.parameters()?;
            if parameters.is_empty() {
                let (named, others) = by_key(file.named()?);
                if !named.is_empty() {
                    return Ok(Stored::Named(Given::of(named, Counts::AtMost), others));
                }
                return Err(Error::format(path, "holds no network and no vector of weights"));
            }
            Ok(Stored::Torch(parameters, file.buffers()?))
        }
        "safetensors" | "state" => {
            let (named, others) = by_key(parse_safetensors(path, &bytes)?);
            Ok(Stored::Named(Given::of(named, Counts::AtMost), others))
        }
        "h5" if hdf5::is_hdf5(&bytes) => {
            let given = hdf5_snapshot::read_weights(path, bytes)?;
            Ok(Stored::Named(given, BTreeMap::new()))
        }
        _ => CaffeModel::parse(path, &bytes).map(Stored::Caffe),
    }
}

/// Whether a file begins as Torch writes its first object, a table or an object of a class, in either encoding. No message
/// of Caffe does: the number of its first field is another.
pub(super) fn is_t7(bytes: &[u8]) -> bool {
    let binary = [[3, 0, 0, 0, 1, 0, 0, 0], [4, 0, 0, 0, 1, 0, 0, 0]];
    binary.iter().any(|start| bytes.starts_with(start))
        || bytes.starts_with(b"3\n1\n")
        || bytes.starts_with(b"4\n1\n")
}

/// Variables by their names.
fn of_variables(variables: BTreeMap<String, Blob>) -> Stored {
    Stored::Named(Given::of(Weights::new(), Counts::AtMost), variables)
}

/// Reads parameters for a net: by layer name from files that have names, else by order.
///
/// # Errors
/// As [`read_stored`], and [`order::assign`] for files without names.
pub fn read_weights(path: &Path, places: &[Place]) -> Result<Given> {
    let weights = match read_stored(path)? {
        Stored::Caffe(_) if places.iter().any(|place| place.name.is_some()) => {
            let message = "is Caffe's, whose filters and matrices lie in another order than TensorFlow's: `cortado convert \
                           OLD NEW.safetensors --net NET.py` moves them where the nets correspond";
            return Err(Error::format(path, message));
        }
        Stored::Caffe(model) => return Ok(by_name(model)),
        Stored::Named(given, variables) => return Ok(with_variables(given, variables, places)),
        Stored::Torch(parameters, buffers) => {
            order::assign(path, &order::of_torch(parameters, buffers), places)?
        }
        Stored::Flat(flat) => order::of_flat(path, &flat, places)?,
    };
    Ok(Given::of(weights, Counts::AtMost))
}

/// Moves parameters to a net whose layers may have other names: by name where all names are the net's, else by order.
/// `from` are the places of the net that the file was written for, which only files without order need.
///
/// # Errors
/// As [`read_weights`]; the nets do not correspond; or a file of names comes without its net.
pub fn move_weights(path: &Path, from: Option<&[Place]>, to: &[Place]) -> Result<Weights> {
    // A variable of several layers may be with one of them only.
    let named = |weights: &Weights| {
        let has = |p: &Place| {
            weights.get(&(p.layer.clone(), p.at)).is_some_and(|b| b.fits(p.shape.dims()))
        };
        let found: HashSet<usize> = to.iter().filter(|p| has(p)).map(|p| p.variable).collect();
        to.iter().all(|p| found.contains(&p.variable))
    };
    // Between dialects a name that both have says nothing of how the elements lie.
    let plain_orders = from.unwrap_or_default().iter().chain(to).all(|place| place.name.is_none());
    let entries: Vec<Entry> = match read_stored(path)? {
        Stored::Torch(parameters, buffers) => order::of_torch(parameters, buffers),
        Stored::Flat(flat) => return order::of_flat(path, &flat, to),
        Stored::Caffe(model) => {
            let entries = order::of_caffe(&model);
            let given = by_name(model);
            if plain_orders && named(&given.weights) {
                return Ok(given.weights);
            }
            entries
        }
        Stored::Named(given, _) if plain_orders && named(&given.weights) => {
            return Ok(given.weights);
        }
        Stored::Named(given, variables) => {
            let weights = with_variables(given, variables, from.unwrap_or(to)).weights;
            match from {
                Some(places) => {
                    let entries = order::of_names(path, &weights, places)?;
                    // What makes all its variables before it calls them lists weights before biases.
                    return order::assign(path, &entries, to).or_else(|error| {
                        let entries = order::of_names(path, &weights, &order::by_layers(places))?;
                        order::assign(path, &entries, &order::by_layers(to)).map_err(|_| error)
                    });
                }
                None if named(&weights) => return Ok(weights),
                None => {
                    return Err(Error::format(
                        path,
                        "holds parameters by names that are not this net's; give the definition they are of with --from",
                    ));
                }
            }
        }
    };
    order::assign(path, &entries, to)
        .or_else(|error| order::assign(path, &entries, &order::by_layers(to)).map_err(|_| error))
}

/// What a file gives, with the variables that have the names of a net's: `model/conv1/weights`, also without `model/`, as
/// checkpoints and graphs write them, or with it where the net's name is without; where variables have no names, the numbers of
/// a net's. Others stay by their names, for the report of what found no match.
fn with_variables(
    mut given: Given,
    mut variables: BTreeMap<String, Blob>,
    places: &[Place],
) -> Given {
    variables = variables.into_iter().map(|(name, blob)| (plain(&name).to_owned(), blob)).collect();
    let mut used = vec![];
    for place in places {
        let Some(name) = place.name.as_ref().or(place.number.as_ref()) else { continue };
        let (short, long) = (without_model(name).unwrap_or(name), in_model(name));
        let found = [name, short, &long].into_iter().find(|&name| variables.contains_key(name));
        if let Some(name) = found {
            let key = (place.layer.clone(), place.at);
            given.weights.entry(key).or_insert_with(|| variables[name].clone());
            used.push(name.to_owned());
        }
    }
    let counts = given.counts;
    let mut all = Given::of(given.weights, counts);
    for name in used {
        variables.remove(&name);
    }
    // What an optimizer keeps of a variable lies beside it, and what counts steps is nobody's.
    let rest = variables.into_keys().filter(|name| name.contains('/'));
    let rest = rest.filter(|name| !places.iter().any(|p| beside(p.name.as_deref(), name)));
    all.layers.extend(rest.map(|name| (name, 1)));
    for layer in given.layers {
        if !all.layers.contains(&layer) && !all.layers.iter().any(|(name, _)| *name == layer.0) {
            all.layers.push(layer);
        }
    }
    all
}

/// Whether a variable belongs to another one: `model/conv1/weights/Momentum`.
fn beside(name: Option<&str>, other: &str) -> bool {
    name.and_then(|name| other.strip_prefix(name)).is_some_and(|rest| rest.starts_with('/'))
}

/// A variable's name without what files write around it: `param.model/w:0`, `init.param.0`.
fn plain(name: &str) -> &str {
    let name = name.strip_prefix("init.").unwrap_or(name);
    let name = name.strip_prefix("param.").unwrap_or(name);
    name.strip_suffix(":0").unwrap_or(name)
}

/// The layers of a model by name.
pub fn by_name(model: CaffeModel) -> Given {
    let layers = model.layers.iter().map(|layer| (layer.name.clone(), layer.blobs.len())).collect();
    let weights = model.layers.into_iter().flat_map(|layer| {
        let blobs = layer.blobs.into_iter().enumerate();
        blobs.map(move |(i, blob)| ((layer.name.clone(), i), blob))
    });
    Given { weights: weights.collect(), layers, counts: Counts::Equal }
}

/// Tensors by layer and position, as far as their names say these, and the others by their names.
fn by_key(tensors: impl IntoIterator<Item = (String, Blob)>) -> (Weights, BTreeMap<String, Blob>) {
    let (mut named, mut others) = (Weights::new(), BTreeMap::new());
    for (name, blob) in tensors {
        match key(&name) {
            Some(key) => drop(named.insert(key, blob)),
            None => drop(others.insert(name, blob)),
        }
    }
    (named, others)
}

/// `param.conv1.0`, `param0.conv1.0`, `conv1.0` or `conv1.weight` as layer and position; other tensors are none of them.
fn key(name: &str) -> Option<(String, usize)> {
    let prefixes = ["init.param.", "param0.", "param."];
    let rest = prefixes.iter().find_map(|p| name.strip_prefix(p)).unwrap_or(name);
    let other = ["history", "update@", "param@", "test."];
    if other.iter().any(|p| rest.starts_with(p)) {
        return None;
    }
    let (layer, at) = rest.rsplit_once('.')?;
    let at = match at {
        "weight" => 0,
        "bias" => 1,
        at => at.parse().ok()?,
    };
    Some((layer.to_owned(), at))
}
