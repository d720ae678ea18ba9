//! Reads the records of an LMDB database in key order or by key.

use std::mem::transmute;
use std::path::{Path, PathBuf};

use lmdb::{Cursor, Database, Environment, EnvironmentFlags, RoCursor, RoTransaction, Transaction};

use super::{check, data_file, lmdb_error};
use crate::{Error, Result};

// Cursor operations of lmdb.h.
const MDB_FIRST: u32 = 0;
const MDB_NEXT: u32 = 8;
const MDB_SET_RANGE: u32 = 17;

/// Bytes of records after which the file is mapped anew, which gives back the memory of those already read: all pages of a
/// map that were ever touched count as the process' own.
const MAPPED: usize = 16 << 20;

/// Bytes that reading a record in no order brings into memory at least: the system maps the pages around it as well.
const AROUND: usize = 32 << 10;

/// A database opened for reading, with one cursor.
///
/// The file is opened read-only and without a lock file, as DIGITS and Caffe's own readers do; nobody may write to
/// it at the same time. It is [checked](super::check) first, so a damaged file is an error here and not a crash later.
pub struct LmdbReader {
    map: Map,
    map_size: usize,
    path: PathBuf,
    len: usize,
    fresh: bool,
    /// The last record's key, from which a new map goes on.
    last: Vec<u8>,
    /// Bytes that were read from this map, about.
    read: usize,
}

/// The mapped file, with a cursor.
struct Map {
    // Fields are dropped in this order; the first two point into the third.
    cursor: RoCursor<'static>,
    transaction: RoTransaction<'static>,
    _environment: Box<Environment>,
    database: Database,
}

impl Map {
    fn open(path: &Path, map_size: usize) -> Result<Self> {
        let failed = |e| lmdb_error("read", path, e);
        let flags = EnvironmentFlags::READ_ONLY
            | EnvironmentFlags::NO_LOCK
            | EnvironmentFlags::NO_TLS
            | EnvironmentFlags::NO_SUB_DIR;
        let mut builder = Environment::new();
        builder.set_flags(flags).set_map_size(map_size);
        let environment = Box::new(builder.open(&data_file(path)).map_err(failed)?);
        let database = environment.open_db(None).map_err(failed)?;
        let transaction = environment.begin_ro_txn().map_err(failed)?;
        // SAFETY: the environment is boxed, so it does not move with `self`, and it is dropped after the transaction.
        let transaction: RoTransaction<'static> = unsafe { transmute(transaction) };
        let cursor = transaction.open_ro_cursor(database).map_err(failed)?;
        // SAFETY: LMDB's cursor points to LMDB's transaction on the heap, not to the Rust value that is moved here, and
        // it is dropped before the transaction.
        let cursor: RoCursor<'static> = unsafe { transmute(cursor) };
        Ok(Map { cursor, transaction, _environment: environment, database })
    }
}

// SAFETY: without a lock file (NO_LOCK) a read transaction occupies no slot tied to a thread; it and its cursor are plain
// memory that one thread at a time may use, which `&mut self` and the absence of `Sync` guarantee.
unsafe impl Send for LmdbReader {}

impl LmdbReader {
    /// Opens the folder `path` (with a `data.mdb`) or the data file `path`.
    pub fn open(path: &Path) -> Result<Self> {
        let checked = check::check(&data_file(path))?;
        Ok(LmdbReader {
            map: Map::open(path, checked.map_size)?,
            map_size: checked.map_size,
            path: path.to_owned(),
            len: checked.entries,
            fresh: true,
            last: vec![],
            read: 0,
        })
    }

    /// The path given to [`open`](Self::open).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of records.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Goes back to before the first record.
    pub fn rewind(&mut self) {
        self.fresh = true;
    }

    /// Moves to the next record in key order: key and value, or `None` after the last one.
    pub fn advance(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        self.step()
    }

    /// Like [`advance`](Self::advance), going on with the first record after the last one.
    pub fn advance_around(&mut self) -> Result<(&[u8], &[u8])> {
        if let Some(record) = self.step()? {
            return Ok(record);
        }
        self.rewind();
        self.step()?.ok_or_else(|| Error::format(&self.path, "the database has no records"))
    }

    /// The value at exactly `key`; the cursor stays where it is.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<&[u8]>> {
        self.renew()?;
        self.read += AROUND;
        match self.map.transaction.get(self.map.database, &key) {
            Ok(value) => {
                self.read += value.len();
                Ok(Some(value))
            }
            // LMDB refuses an empty or overlong key instead of not finding it.
            Err(lmdb::Error::NotFound | lmdb::Error::BadValSize) => Ok(None),
            Err(e) => Err(lmdb_error("read", &self.path, e)),
        }
    }

    /// Maps the file anew if enough was read from this map; the cursor stays where it is.
    fn renew(&mut self) -> Result<()> {
        if MAPPED <= self.read {
            self.map = Map::open(&self.path, self.map_size)?;
            self.read = 0;
            if !self.fresh {
                self.cursor_get(Some(&self.last), MDB_SET_RANGE)?;
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<Option<Record>> {
        self.renew()?;
        let operation = if self.fresh { MDB_FIRST } else { MDB_NEXT };
        self.fresh = false;
        let record = self.cursor_get(None, operation)?;
        self.note(record);
        Ok(record)
    }

    /// Remembers where the cursor is.
    fn note(&mut self, record: Option<Record>) {
        if let Some((key, value)) = record {
            self.last.clear();
            self.last.extend_from_slice(key);
            self.read += value.len();
        }
    }

    fn cursor_get(&self, key: Option<&[u8]>, operation: u32) -> Result<Option<Record>> {
        match self.map.cursor.get(key, None, operation) {
            Ok((key, value)) => Ok(Some((key.unwrap_or_default(), value))),
            Err(lmdb::Error::NotFound) => Ok(None),
            // A key longer than LMDB allows: it is not there.
            Err(lmdb::Error::BadValSize) => Ok(None),
            Err(e) => Err(lmdb_error("read", &self.path, e)),
        }
    }
}

/// Key and value in the memory map, which lives as long as the reader: never handed out with this lifetime.
type Record = (&'static [u8], &'static [u8]);
