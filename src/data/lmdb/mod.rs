//! Reads and writes LMDB databases of records: byte keys, byte values, in key order.
//!
//! [`LmdbReader`] reads the pages of a file itself, since LMDB believes whatever its memory map shows; [`LmdbWriter`] has LMDB
//! write, into a folder that nobody else knows.

mod check;
mod pages;
mod reader;
mod writer;

pub use reader::LmdbReader;
pub use writer::LmdbWriter;

use std::path::{Path, PathBuf};

use crate::Error;

/// The file in a database folder.
const DATA_FILE: &str = "data.mdb";

/// The number of an input or output error.
const EIO: i32 = 5;

/// LMDB's own complaint about `path`.
fn lmdb_error(doing: &'static str, path: &Path, error: lmdb::Error) -> Error {
    match error {
        // What LMDB says where the system wrote less than it should.
        lmdb::Error::Other(EIO) => {
            let why = "the system did not write all of it; is the disk full?";
            Error::io(doing, path, std::io::Error::other(why))
        }
        lmdb::Error::Other(code) => Error::io(doing, path, std::io::Error::from_raw_os_error(code)),
        error => Error::format(path, format!("LMDB cannot {doing} it: {error}")),
    }
}

/// A complaint about a record of the database `path`; bytes of its key that are no text are escaped.
pub fn record_error(path: &Path, key: &[u8], message: &str) -> Error {
    Error::format(path, format!("record `{}` {message}", key.escape_ascii()))
}

/// `path` itself if it is a file, else the data file in it.
fn data_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(DATA_FILE) } else { path.to_owned() }
}

#[cfg(test)]
mod tests;
