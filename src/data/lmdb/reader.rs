//! Reads the records of an LMDB database in key order or by key.

use std::path::{Path, PathBuf};

use super::pages::{Held, MOST_LEVELS, Page, Pages};
use super::{check, data_file};
use crate::{Error, Result};

/// A database opened for reading, with one cursor.
///
/// The file is opened read-only and without a lock file, as DIGITS and Caffe's own readers do; nobody may write to
/// it at the same time. It is [checked](super::check) first, so that a damaged file is refused before the first record.
#[derive(Debug)]
pub struct LmdbReader {
    pages: Pages,
    root: Option<u64>,
    path: PathBuf,
    len: usize,
    fresh: bool,
    /// The pages from the root to the cursor's leaf, each with its node on this way; none before the first record and after
    /// the last.
    way: Vec<(Page, usize)>,
    /// The memory of pages that have been left.
    spare: Vec<Vec<u8>>,
    /// The last value that had pages of its own, or was asked for by its key.
    value: Vec<u8>,
}

impl LmdbReader {
    /// Opens the folder `path` (with a `data.mdb`) or the data file `path`.
    pub fn open(path: &Path) -> Result<Self> {
        let check::Checked { pages, root, entries } = check::check(&data_file(path))?;
        let path = path.to_owned();
        let (way, spare, value) = (vec![], vec![], vec![]);
        Ok(LmdbReader { pages, root, path, len: entries, fresh: true, way, spare, value })
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
        self.step()?;
        let Some((page, at)) = self.way.last() else { return Ok(None) };
        let node = self.pages.node(page, *at)?;
        Ok(Some((node.key, self.pages.value(node.held, &mut self.value)?)))
    }

    /// Like [`advance`](Self::advance), without the value, which is not read.
    pub fn advance_key(&mut self) -> Result<Option<&[u8]>> {
        self.step()?;
        let Some((page, at)) = self.way.last() else { return Ok(None) };
        Ok(Some(self.pages.node(page, *at)?.key))
    }

    /// Like [`advance`](Self::advance), going on with the first record after the last one.
    pub fn advance_around(&mut self) -> Result<(&[u8], &[u8])> {
        self.step()?;
        if self.way.is_empty() {
            self.rewind();
            self.step()?;
        }
        let Some((page, at)) = self.way.last() else {
            return Err(Error::format(&self.path, "the database has no records"));
        };
        let node = self.pages.node(page, *at)?;
        Ok((node.key, self.pages.value(node.held, &mut self.value)?))
    }

    /// The value at exactly `key`; the cursor stays where it is.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<&[u8]>> {
        let Some(mut number) = self.root else { return Ok(None) };
        for _ in 0..MOST_LEVELS {
            let page = self.pages.read_into(number, self.spare.pop().unwrap_or_default())?;
            if !page.is_leaf {
                // The first node of a branch stands for all keys below that of the second.
                number = self.pages.child(&page, self.pages.up_to(&page, 1, key)? - 1)?;
                self.spare.push(page.into_bytes());
                continue;
            }
            let Some(at) = self.pages.up_to(&page, 0, key)?.checked_sub(1) else {
                return Ok(None);
            };
            let node = self.pages.node(&page, at)?;
            if node.key != key {
                return Ok(None);
            }
            match node.held {
                Held::Value(value) => {
                    self.value.clear();
                    self.value.extend_from_slice(value);
                }
                large => {
                    self.pages.value(large, &mut self.value)?;
                }
            }
            self.spare.push(page.into_bytes());
            return Ok(Some(&self.value));
        }
        Err(self.circle(number))
    }

    /// Moves the cursor to the next record.
    fn step(&mut self) -> Result<()> {
        if self.fresh {
            self.fresh = false;
            self.spare.extend(self.way.drain(..).map(|(page, _)| page.into_bytes()));
            return self.root.map_or(Ok(()), |root| self.descend(root));
        }
        while let Some((page, at)) = self.way.last_mut() {
            *at += 1;
            if *at < page.nodes {
                return match page.is_leaf {
                    true => Ok(()),
                    false => {
                        let child = self.pages.child(page, *at)?;
                        self.descend(child)
                    }
                };
            }
            self.spare.extend(self.way.pop().map(|(page, _)| page.into_bytes()));
        }
        Ok(())
    }

    /// Moves the cursor to the first record below a page.
    fn descend(&mut self, mut number: u64) -> Result<()> {
        while self.way.len() < MOST_LEVELS {
            let page = self.pages.read_into(number, self.spare.pop().unwrap_or_default())?;
            let is_leaf = page.is_leaf;
            if !is_leaf {
                number = self.pages.child(&page, 0)?;
            }
            self.way.push((page, 0));
            if is_leaf {
                return Ok(());
            }
        }
        Err(self.circle(number))
    }

    fn circle(&self, page: u64) -> Error {
        self.pages.damaged(page, "the tree runs in a circle")
    }
}
