//! From a file of weights of any format to what it holds, and on to the parameters of a net.

use std::path::Path;

use super::order::{self, Entry, Place, Weights};
use super::safetensors::is_safetensors;
use super::t7::{Buffers, Parameter, T7};
use super::{CaffeModel, Counts, Given, hdf5, hdf5_snapshot, parse_safetensors};
use crate::{Error, Result, file};

/// What a file of weights holds.
#[derive(Clone, Debug)]
pub enum Stored {
    /// A `.caffemodel`.
    Caffe(CaffeModel),
    /// Parameters by layer and position.
    Named(Given),
    /// A network that Torch saved: its parameters and buffers in order.
    Torch(Vec<Parameter>, Vec<Buffers>),
    /// The vector of all parameters.
    Flat(Vec<f32>),
}

/// Reads a file of weights: `.t7`, `.safetensors`, or `.caffemodel` in either format. What it is, its first bytes say,
/// whatever its name is; where they do not, its name does.
///
/// # Errors
/// The file is not what its name says, or holds no weights.
pub fn read_stored(path: &Path) -> Result<Stored> {
    let bytes = file::read(path)?;
    let ending = match path.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        _ if hdf5::is_hdf5(&bytes) => "h5",
        _ if is_safetensors(&bytes) => "safetensors",
        _ if is_t7(&bytes) => "t7",
        ending => ending,
    };
    match ending {
        "t7" => {
            let file = T7::read(path)?;
            if let Some(flat) = file.flat()? {
                return Ok(Stored::Flat(flat));
            }
            let parameters = file.parameters()?;
            if parameters.is_empty() {
                return Err(Error::format(path, "holds no network and no vector of weights"));
            }
            Ok(Stored::Torch(parameters, file.buffers()?))
        }
        "safetensors" | "state" => {
            let blobs = parse_safetensors(path, &bytes)?;
            let named = blobs.into_iter().filter_map(|(name, blob)| Some((key(&name)?, blob)));
            Ok(Stored::Named(Given::of(named.collect(), Counts::AtMost)))
        }
        "h5" if hdf5::is_hdf5(&bytes) => {
            hdf5_snapshot::read_weights(path, bytes).map(Stored::Named)
        }
        _ => CaffeModel::parse(path, &bytes).map(Stored::Caffe),
    }
}

/// Whether a file begins as Torch writes its first object, a table or an object of a class, in either encoding. No message
/// of Caffe does: the number of its first field is another.
fn is_t7(bytes: &[u8]) -> bool {
    let binary = [[3, 0, 0, 0, 1, 0, 0, 0], [4, 0, 0, 0, 1, 0, 0, 0]];
    binary.iter().any(|start| bytes.starts_with(start))
        || bytes.starts_with(b"3\n1\n")
        || bytes.starts_with(b"4\n1\n")
}

/// Reads parameters for a net: by layer name from files that have names, else by order.
///
/// # Errors
/// As [`read_stored`], and [`order::assign`] for files without names.
pub fn read_weights(path: &Path, places: &[Place]) -> Result<Given> {
    let weights = match read_stored(path)? {
        Stored::Caffe(model) => return Ok(by_name(model)),
        Stored::Named(given) => return Ok(given),
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
    let named = |weights: &Weights| {
        to.iter()
            .all(|p| weights.get(&(p.layer.clone(), p.at)).is_some_and(|b| b.fits(p.shape.dims())))
    };
    let entries: Vec<Entry> = match read_stored(path)? {
        Stored::Torch(parameters, buffers) => order::of_torch(parameters, buffers),
        Stored::Flat(flat) => return order::of_flat(path, &flat, to),
        Stored::Caffe(model) => {
            let entries = order::of_caffe(&model);
            let given = by_name(model);
            if named(&given.weights) {
                return Ok(given.weights);
            }
            entries
        }
        Stored::Named(given) if named(&given.weights) => return Ok(given.weights),
        Stored::Named(given) => match from {
            Some(places) => order::of_names(path, &given.weights, places)?,
            None => {
                return Err(Error::format(
                    path,
                    "holds parameters by names that are not this net's; give the definition they are of with --from",
                ));
            }
        },
    };
    order::assign(path, &entries, to)
}

/// The layers of a model by name.
fn by_name(model: CaffeModel) -> Given {
    let layers = model.layers.iter().map(|layer| (layer.name.clone(), layer.blobs.len())).collect();
    let weights = model.layers.into_iter().flat_map(|layer| {
        let blobs = layer.blobs.into_iter().enumerate();
        blobs.map(move |(i, blob)| ((layer.name.clone(), i), blob))
    });
    Given { weights: weights.collect(), layers, counts: Counts::Equal }
}

/// `param.conv1.0`, `param0.conv1.0` or `conv1.0` as layer and position; other tensors are none of them.
fn key(name: &str) -> Option<(String, usize)> {
    let prefixes = ["init.param.", "param0.", "param."];
    let rest = prefixes.iter().find_map(|p| name.strip_prefix(p)).unwrap_or(name);
    let other = ["history", "update@", "param@", "test."];
    if other.iter().any(|p| rest.starts_with(p)) {
        return None;
    }
    let (layer, at) = rest.rsplit_once('.')?;
    Some((layer.to_owned(), at.parse().ok()?))
}
