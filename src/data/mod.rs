//! Reads and writes what nets are trained on: LMDB, Datum, IDX, images, pairs.

pub mod datum;
pub mod idx;
pub mod images;
pub mod lmdb;
pub mod proto;
pub mod transform;
