//! Reads and writes what nets are trained on: LMDB, Datum, IDX, HDF5, images, windows, pairs.

pub mod annotated;
mod averaging;
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
mod jpeg;
pub mod lmdb;
pub mod made_up;
pub mod mean_image;
pub mod pairs;
pub mod prefetch;
pub mod proto;
pub mod records;
pub mod segmented;
pub mod source;
pub mod transform;
pub mod window_file;
pub mod windows;

use std::path::Path;

use crate::error::Result;
use crate::ty::Shape;

/// The shape of the first record of an image database, channels x height x width.
pub fn record_shape(source: &Path) -> Result<Shape> {
    record_shape_as(source, datum::Colour::AsStored)
}

/// The same where encoded images are decoded to other channels than they have.
pub fn record_shape_as(source: &Path, colour: datum::Colour) -> Result<Shape> {
    let mut reader = lmdb::LmdbReader::open(source)?;
    let mut record = datum::Record::default();
    let (key, bytes) = reader.advance_around()?;
    record
        .read(bytes)
        .and_then(|()| record.decode(colour))
        .map_err(|why| lmdb::record_error(source, key, &why))?;
    Ok(Shape(record.shape().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_record_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let mut writer = lmdb::LmdbWriter::create(&path).unwrap();
        writer.put(b"00000001", b"\xff").unwrap();
        writer.finish().unwrap();
        let error = record_shape(&path).unwrap_err().to_string();
        assert!(error.contains("record `00000001` is not a Datum"), "{error}");
    }
}
