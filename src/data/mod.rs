//! Reads and writes what nets are trained on: LMDB, Datum, IDX, images, pairs.

pub mod datum;
pub mod idx;
pub mod images;
pub mod lmdb;
pub mod pairs;
pub mod prefetch;
pub mod proto;
pub mod records;
pub mod source;
pub mod transform;

use std::path::Path;

use crate::error::{Error, Result};
use crate::ty::Shape;

/// The shape of the first record of an image database, channels x height x width.
pub fn record_shape(source: &Path) -> Result<Shape> {
    let mut reader = lmdb::LmdbReader::open(source)?;
    let mut record = datum::Record::default();
    let (_, bytes) = reader.advance_around()?;
    record.read(bytes).map_err(|why| Error::format(source, why))?;
    record.decode(datum::Colour::AsStored).map_err(|why| Error::format(source, why))?;
    Ok(Shape(record.shape().to_vec()))
}
