//! Reads and writes what nets are trained on: LMDB, Datum, IDX, HDF5, images, windows, pairs.

pub mod annotated;
pub mod bilinear;
pub mod class_folders;
pub mod datum;
pub mod grey;
pub mod hdf5_rows;
pub mod idx;
pub mod image_list;
pub mod image_pairs;
pub mod images;
pub mod imageset;
pub mod lmdb;
pub mod made_up;
pub mod mean_image;
pub mod pairs;
pub mod prefetch;
pub mod proto;
pub mod records;
pub mod source;
pub mod transform;
pub mod window_file;
pub mod windows;

use std::path::Path;

use crate::error::{Error, Result};
use crate::ty::Shape;

/// The shape of the first record of an image database, channels x height x width.
pub fn record_shape(source: &Path) -> Result<Shape> {
    record_shape_as(source, datum::Colour::AsStored)
}

/// The same where encoded images are decoded to other channels than they have.
pub fn record_shape_as(source: &Path, colour: datum::Colour) -> Result<Shape> {
    let mut reader = lmdb::LmdbReader::open(source)?;
    let mut record = datum::Record::default();
    let (_, bytes) = reader.advance_around()?;
    record.read(bytes).map_err(|why| Error::format(source, why))?;
    record.decode(colour).map_err(|why| Error::format(source, why))?;
    Ok(Shape(record.shape().to_vec()))
}
