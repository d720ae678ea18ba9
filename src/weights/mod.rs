//! Reads and writes parameters: .caffemodel and .solverstate in both of Caffe's formats, .binaryproto, .safetensors, .t7.
//! TensorFlow's checkpoints are read, and so are single tensors of `.npy` and `.json`.
//!
//! Every format becomes [`Blob`]s: a shape and row-major f32 values. Claimed sizes are compared with what the file holds before
//! anything is allocated for them. Files are written whole or not at all (see [`file`](crate::file)).

mod arrangement;
mod binaryproto;
mod blob;
mod caffemodel;
mod checkpoint;
mod fill;
mod given;
pub mod hdf5;
mod hdf5_snapshot;
mod kind;
mod npy;
pub mod order;
mod safetensors;
mod solverstate;
mod stored;
mod stream;
pub mod t7;
mod tensor;

pub use arrangement::Arrangement;
pub use binaryproto::{binaryproto_for_layers, read_binaryproto, write_binaryproto};
pub use blob::Blob;
pub use caffemodel::{CaffeModel, LayerWeights};
pub(crate) use caffemodel::{LayerView, write_model};
pub use checkpoint::is_checkpoint;
pub use fill::{fill, first_values};
pub use given::{Counts, Given};
pub use hdf5_snapshot::write_hdf5_weights;
pub use order::Weights;
pub use safetensors::{
    parse_metadata, parse_safetensors, read_feed, read_safetensors, write_safetensors,
    write_safetensors_with,
};
pub use solverstate::SolverState;
pub use stored::{Stored, by_name, move_weights, read_stored, read_weights};
pub use tensor::{read_mean, read_tensor};

use std::path::Path;

use prost::Message;

use crate::{Error, Result, file};

/// Reads one binary message of Caffe; `what` names the kind of file in errors.
fn parse_message<M: Message + Default>(path: &Path, bytes: &[u8], what: &str) -> Result<M> {
    if hdf5::is_hdf5(bytes) {
        let message = format!("is an HDF5 file, not {what} in Caffe's binary format");
        return Err(Error::format(path, message));
    }
    M::decode(bytes).map_err(|e| kind::of_message(path, bytes, what, &e.to_string()))
}

/// Writes one binary message of Caffe.
fn write_message(path: &Path, message: &impl Message) -> Result<()> {
    file::write_atomically(path, |writer| writer.write_all(&message.encode_to_vec()))
}

#[cfg(test)]
mod tests;
