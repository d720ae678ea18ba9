//! The pages of an LMDB file, and what lies in them.
//!
//! Pages are read, not mapped: a file that another process cuts or overwrites meanwhile is an error here, where LMDB's own
//! memory map ends the process. Nothing in a page is believed before it is found to lie inside the page or the file. The
//! layout is that of LMDB 0.9 (`mdb.c`) on 64-bit little-endian machines.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

pub(super) const PAGE_HEADER: usize = 16;
const NODE_HEADER: usize = 8;
/// Levels of the deepest tree that LMDB can go through.
pub(super) const MOST_LEVELS: usize = 32;

const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const BIG_DATA: u16 = 0x01;

/// A file of pages.
#[derive(Debug)]
pub(super) struct Pages {
    path: PathBuf,
    file: File,
    len: u64,
    page_size: usize,
}

/// A page of the tree.
#[derive(Debug)]
pub(super) struct Page {
    number: u64,
    bytes: Vec<u8>,
    /// Whether its nodes are records.
    pub is_leaf: bool,
    /// The number of its nodes, at least one.
    pub nodes: usize,
}

impl Page {
    /// Its memory, for another page.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A node of a page.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// Of a record, its key; of the first page below a branch, anything.
    pub key: &'a [u8],
    pub held: Held<'a>,
}

/// What a node holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Held<'a> {
    /// The number of a page.
    Page(u64),
    /// A value.
    Value(&'a [u8]),
    /// A value of pages of its own: the number of the first, and its bytes.
    Large(u64, usize),
}

impl Pages {
    /// The pages of a file of this length, which has been opened from `path`.
    pub fn new(path: &Path, file: File, len: u64, page_size: usize) -> Self {
        Pages { path: path.to_owned(), file, len, page_size }
    }

    /// The number of whole pages.
    pub fn count(&self) -> u64 {
        self.len / self.page_size as u64
    }

    /// Reads a page of the tree.
    pub fn read(&self, number: u64) -> Result<Page> {
        self.read_into(number, vec![])
    }

    /// Reads a page of the tree into memory that may have been another page's.
    pub fn read_into(&self, number: u64, mut bytes: Vec<u8>) -> Result<Page> {
        if self.count() <= number {
            return Err(self.truncated(number));
        }
        bytes.resize(self.page_size, 0);
        self.fill(number * self.page_size as u64, &mut bytes)?;
        let [own, flags, lower, upper] =
            header(&bytes).ok_or_else(|| self.damaged(number, "its header does not fit"))?;
        let nodes = (lower as usize).saturating_sub(PAGE_HEADER) / 2;
        let in_order =
            PAGE_HEADER as u64 <= lower && lower <= upper && upper <= self.page_size as u64;
        if own != number || !in_order {
            return Err(self.damaged(number, "its header makes no sense"));
        }
        let is_leaf = match flags as u16 {
            BRANCH if 2 <= nodes => false,
            LEAF if 1 <= nodes => true,
            _ => return Err(self.damaged(number, "it is neither a branch nor a leaf")),
        };
        Ok(Page { number, bytes, is_leaf, nodes })
    }

    /// A node of a page.
    pub fn node<'a>(&self, page: &'a Page, i: usize) -> Result<Node<'a>> {
        let outside = || self.damaged(page.number, &format!("record {i} reaches over its end"));
        let bytes = page.bytes.as_slice();
        let [start, low, high, flags, key] = words(bytes, i).ok_or_else(outside)?;
        let key_start = start as usize + NODE_HEADER;
        let key_end = key_start + key as usize;
        let key = bytes.get(key_start..key_end).ok_or_else(outside)?;
        if !page.is_leaf {
            // Branches keep a 48-bit page number where leaves keep size and flags.
            let child = u64::from(low) | u64::from(high) << 16 | u64::from(flags) << 32;
            return Ok(Node { key, held: Held::Page(child) });
        }
        let size = usize::from(low) | usize::from(high) << 16;
        let held = match flags {
            0 => Held::Value(bytes.get(key_end..key_end + size).ok_or_else(outside)?),
            BIG_DATA => {
                let first = u64_at(bytes, key_end).ok_or_else(outside)?;
                let end = first
                    .checked_mul(self.page_size as u64)
                    .and_then(|start| start.checked_add((PAGE_HEADER + size) as u64));
                match end {
                    Some(end) if end <= self.len => Held::Large(first, size),
                    _ => return Err(self.truncated(first)),
                }
            }
            _ => {
                let message = "this LMDB file holds named databases, not records";
                return Err(Error::format(&self.path, message));
            }
        };
        Ok(Node { key, held })
    }

    /// The number of the page that a branch has at a place.
    pub fn child(&self, page: &Page, i: usize) -> Result<u64> {
        match self.node(page, i)?.held {
            Held::Page(child) => Ok(child),
            _ => Err(self.damaged(page.number, "it is neither a branch nor a leaf")),
        }
    }

    /// How many nodes of a page, of those from `first` on, have keys up to `key`; counted from the page's first.
    pub fn up_to(&self, page: &Page, first: usize, key: &[u8]) -> Result<usize> {
        let (mut low, mut high) = (first, page.nodes);
        while low < high {
            let middle = low.midpoint(high);
            if self.node(page, middle)?.key <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The value of a record; a large one is read into `buffer`.
    pub fn value<'a>(&self, held: Held<'a>, buffer: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        match held {
            Held::Value(value) => Ok(value),
            Held::Large(first, size) => {
                buffer.resize(size, 0);
                self.fill(first * self.page_size as u64 + PAGE_HEADER as u64, buffer)?;
                Ok(buffer)
            }
            Held::Page(page) => Err(self.damaged(page, "it holds no records")),
        }
    }

    fn fill(&self, start: u64, bytes: &mut [u8]) -> Result<()> {
        read_exact_at(&self.file, start, bytes).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => {
                Error::format(&self.path, "has become shorter while it was read")
            }
            _ => Error::io("read", &self.path, e),
        })
    }

    /// An error about a page.
    pub fn damaged(&self, page: u64, what: &str) -> Error {
        Error::format(&self.path, format!("damaged LMDB file: page {page}: {what}"))
    }

    fn truncated(&self, page: u64) -> Error {
        let len = self.len;
        Error::format(
            &self.path,
            format!("truncated LMDB file: page {page} lies after its end at byte {len}"),
        )
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, start: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

#[cfg(not(unix))]
fn read_exact_at(mut file: &File, start: u64, bytes: &mut [u8]) -> io::Result<()> {
    io::Seek::seek(&mut file, io::SeekFrom::Start(start))?;
    io::Read::read_exact(&mut file, bytes)
}

/// Page number, flags, and the lower and upper end of the free space.
fn header(page: &[u8]) -> Option<[u64; 4]> {
    let word = |at| u16_at(page, at).map(u64::from);
    Some([u64_at(page, 0)?, word(10)?, word(12)?, word(14)?])
}

/// Where a node begins, and the four numbers that it begins with.
fn words(page: &[u8], i: usize) -> Option<[u16; 5]> {
    let start = u16_at(page, PAGE_HEADER + 2 * i)?;
    if !start.is_multiple_of(2) || usize::from(start) < PAGE_HEADER {
        return None;
    }
    let word = |n: usize| u16_at(page, usize::from(start) + 2 * n);
    Some([start, word(0)?, word(1)?, word(2)?, word(3)?])
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
