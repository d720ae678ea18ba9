//! Reads and writes a single blob, as `compute_image_mean` and DIGITS store mean images.

use std::path::Path;

use super::{Blob, parse_message, write_message};
use crate::data::proto::BlobProto;
use crate::ty::Shape;
use crate::{Error, Result, file};

/// Reads a `.binaryproto`; a mean image has the shape `[1, channels, height, width]`.
pub fn read_binaryproto(path: &Path) -> Result<Blob> {
    parse_binaryproto(path, &file::read(path)?)
}

/// Like [`read_binaryproto`] for bytes in memory; `path` is for errors only.
pub(super) fn parse_binaryproto(path: &Path, bytes: &[u8]) -> Result<Blob> {
    let blob = parse_message(path, bytes, "a blob")?;
    Blob::from_proto(blob).map_err(|message| Error::format(path, message))
}

/// The same for what layers ask of the outside: a shape and values, or why there are none.
pub fn binaryproto_for_layers(path: &str) -> Result<(Shape, Vec<f32>), String> {
    let blob = read_binaryproto(Path::new(path)).map_err(|e| e.to_string())?;
    Ok((Shape(blob.shape), blob.data))
}

/// Writes a `.binaryproto` with the four legacy axes, which all versions of Caffe read; missing axes are leading ones.
pub fn write_binaryproto(path: &Path, blob: &Blob) -> Result<()> {
    let too_large =
        || Error::format(path, format!("a mean cannot have the shape {:?}", blob.shape));
    let mut axes = [Some(1); 4];
    let leading = axes.len().checked_sub(blob.shape.len()).ok_or_else(too_large)?;
    for (axis, &n) in axes.iter_mut().skip(leading).zip(&blob.shape) {
        *axis = Some(i32::try_from(n).map_err(|_| too_large())?);
    }
    let [num, channels, height, width] = axes;
    let data = blob.data.clone();
    write_message(path, &BlobProto { num, channels, height, width, data, ..BlobProto::default() })
}
