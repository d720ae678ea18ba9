//! Reads and writes parameters: .caffemodel and .solverstate in both of Caffe's formats, .binaryproto, .safetensors.
//!
//! Every format becomes [`Blob`]s: a shape and row-major f32 values. Claimed sizes are compared with what the file holds before
//! anything is allocated for them. Files are written whole or not at all (see [`file`](crate::file)).

mod binaryproto;
mod blob;
mod caffemodel;
mod fill;
pub mod hdf5;
mod hdf5_snapshot;
mod safetensors;
mod solverstate;

pub use binaryproto::{read_binaryproto, write_binaryproto};
pub use blob::Blob;
pub use caffemodel::{CaffeModel, LayerWeights};
pub use fill::fill;
pub use hdf5_snapshot::{Weights, write_hdf5_weights};
pub use safetensors::{
    parse_safetensors, read_metadata, read_safetensors, write_safetensors, write_safetensors_with,
};
pub use solverstate::SolverState;

use std::path::Path;

use prost::Message;

use crate::{Error, Result, file};

/// Reads parameters from a `.caffemodel` in either format, or from a `.safetensors` file.
pub fn read_weights(path: &Path) -> Result<Weights> {
    if path.extension().is_some_and(|e| e == "safetensors" || e == "state") {
        let blobs = read_safetensors(path)?;
        let named = blobs.into_iter().filter_map(|(name, blob)| Some((key(&name)?, blob)));
        return Ok(named.collect());
    }
    let bytes = file::read(path)?;
    if hdf5::is_hdf5(&bytes) {
        return hdf5_snapshot::read_weights(path, bytes);
    }
    let model = CaffeModel::parse(path, &bytes)?;
    let layers = model.layers.into_iter().flat_map(|layer| {
        let blobs = layer.blobs.into_iter().enumerate();
        blobs.map(move |(i, blob)| ((layer.name.clone(), i), blob))
    });
    Ok(layers.collect())
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

/// Reads one binary message of Caffe; `what` names the kind of file in errors.
fn read_message<M: Message + Default>(path: &Path, what: &str) -> Result<M> {
    parse_message(path, &file::read(path)?, what)
}

fn parse_message<M: Message + Default>(path: &Path, bytes: &[u8], what: &str) -> Result<M> {
    if hdf5::is_hdf5(bytes) {
        let message = format!("is an HDF5 file, not {what} in Caffe's binary format");
        return Err(Error::format(path, message));
    }
    M::decode(bytes).map_err(|e| Error::format(path, format!("is not {what}: {e}")))
}

/// Writes one binary message of Caffe.
fn write_message(path: &Path, message: &impl Message) -> Result<()> {
    file::write_atomically(path, |writer| writer.write_all(&message.encode_to_vec()))
}

#[cfg(test)]
mod tests;
