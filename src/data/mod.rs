//! Reads and writes what nets are trained on: LMDB, Datum, IDX, images, pairs.

pub mod lmdb;
pub mod proto;
