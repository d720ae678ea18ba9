//! Writes an LMDB database in batches into a folder that appears when it is complete.

use std::path::Path;

use lmdb::{Database, DatabaseFlags, Environment, EnvironmentFlags, Transaction, WriteFlags};

use super::lmdb_error;
use crate::file::PendingFolder;
use crate::{Error, Result};

/// Records are collected up to this many bytes before they are written in one transaction.
const BATCH_BYTES: usize = 1 << 20;
const FIRST_MAP_SIZE: usize = 1 << 20;

/// A database being written; it gets its name in [`finish`](Self::finish) and leaves nothing behind without it.
pub struct LmdbWriter {
    // Dropped before the folder it lies in.
    environment: Environment,
    folder: PendingFolder,
    database: Database,
    map_size: usize,
    batch: Batch,
}

/// Records waiting for their transaction, kept so that it can be repeated with a larger map.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Length of key and value of each record.
    records: Vec<(usize, usize)>,
}

impl LmdbWriter {
    /// Bytes that a database takes while it is written: the records that wait, and their pages in a transaction.
    pub const MEMORY: usize = 3 * BATCH_BYTES;

    /// Starts a database that will be the folder `path`, which must not exist.
    pub fn create(path: &Path) -> Result<Self> {
        let folder = PendingFolder::create(path)?;
        let failed = |e| lmdb_error("create", path, e);
        // Nobody else knows the folder, so locks are not needed; it is synced once at the end.
        let flags =
            EnvironmentFlags::NO_LOCK | EnvironmentFlags::NO_SYNC | EnvironmentFlags::NO_META_SYNC;
        let mut builder = Environment::new();
        builder.set_flags(flags).set_map_size(FIRST_MAP_SIZE);
        let environment = builder.open(folder.temporary()).map_err(failed)?;
        let database = environment.create_db(None, DatabaseFlags::empty()).map_err(failed)?;
        let batch = Batch::default();
        Ok(LmdbWriter { environment, folder, database, map_size: FIRST_MAP_SIZE, batch })
    }

    /// Adds a record; one with the same key is replaced. Keys have 1 to 511 bytes.
    ///
    /// Ascending keys give the smallest file.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        if key.is_empty() || 511 < key.len() {
            let message = format!("a key of {} bytes; LMDB takes 1 to 511", key.len());
            return Err(Error::format(self.folder.path(), message));
        }
        self.batch.bytes.extend_from_slice(key);
        self.batch.bytes.extend_from_slice(value);
        self.batch.records.push((key.len(), value.len()));
        if self.batch.bytes.len() < BATCH_BYTES { Ok(()) } else { self.write_batch() }
    }

    /// Writes what is left, syncs, and gives the folder its name.
    pub fn finish(mut self) -> Result<()> {
        self.write_batch()?;
        self.environment.sync(true).map_err(|e| lmdb_error("write", self.folder.path(), e))?;
        drop(self.environment);
        self.folder.publish()
    }

    fn write_batch(&mut self) -> Result<()> {
        loop {
            match self.try_write_batch() {
                Ok(()) => break,
                Err(lmdb::Error::MapFull) => self.grow_map()?,
                Err(e) => return Err(lmdb_error("write", self.folder.path(), e)),
            }
        }
        self.batch.bytes.clear();
        self.batch.records.clear();
        Ok(())
    }

    fn try_write_batch(&self) -> Result<(), lmdb::Error> {
        let mut transaction = self.environment.begin_rw_txn()?;
        let mut rest = self.batch.bytes.as_slice();
        for &(key_len, value_len) in &self.batch.records {
            let (key, tail) = rest.split_at(key_len);
            let (value, tail) = tail.split_at(value_len);
            transaction.put(self.database, &key, &value, WriteFlags::empty())?;
            rest = tail;
        }
        transaction.commit()
    }

    /// The map is address space, not disk: the file grows only by the pages that are written.
    fn grow_map(&mut self) -> Result<()> {
        let full = || Error::format(self.folder.path(), "the database outgrows the address space");
        self.map_size = self.map_size.checked_mul(2).ok_or_else(full)?;
        let grown = self.environment.set_map_size(self.map_size);
        grown.map_err(|e| lmdb_error("write", self.folder.path(), e))
    }
}
