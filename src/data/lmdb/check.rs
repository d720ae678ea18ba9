//! Reads the head of an LMDB file and visits every page of its tree once: a file that is truncated or damaged is refused
//! before the first record is served. Pages that hold only one large value are not read; their range is checked.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::pages::{Held, MOST_LEVELS, Pages, u16_at, u32_at, u64_at};
use crate::{Error, Result};

const MAGIC: u32 = 0xBEEF_C0DE;
const VERSION: u32 = 1;
const META_LEN: usize = 152;
const META: u16 = 0x08;
const NO_PAGE: u64 = u64::MAX;

/// A file that has been found sound.
#[derive(Debug)]
pub(super) struct Checked {
    pub pages: Pages,
    /// The page that the tree begins with, if there are records.
    pub root: Option<u64>,
    /// Records of the main database.
    pub entries: usize,
}

/// Checks the file; the error names it and the page.
pub(super) fn check(path: &Path) -> Result<Checked> {
    let mut file = File::open(path).map_err(|e| Error::io("read", path, e))?;
    let info = file.metadata().map_err(|e| Error::io("read", path, e))?;
    if !info.is_file() {
        return Err(Error::format(path, "is not a file"));
    }
    let len = info.len();
    let meta = newest_meta(path, &mut file, len)?;
    if meta.flags & 0x7e != 0 {
        let message =
            "this LMDB database has duplicate or integer keys; Caffe's databases have neither";
        return Err(Error::format(path, message));
    }
    let pages = Pages::new(path, file, len, meta.page_size);
    let root = (meta.root != NO_PAGE).then_some(meta.root);
    let mut walk = Walk { pages: &pages, visited: 0, entries: 0 };
    if let Some(root) = root {
        walk.page(root, 1)?;
    }
    if walk.entries != meta.entries {
        let message = format!(
            "damaged LMDB file: it claims {} records and holds {}",
            meta.entries, walk.entries
        );
        return Err(Error::format(path, message));
    }
    let too_many = |_| Error::format(path, "this LMDB file is larger than the address space");
    let entries = usize::try_from(walk.entries).map_err(too_many)?;
    Ok(Checked { pages, root, entries })
}

struct Meta {
    page_size: usize,
    flags: u16,
    entries: u64,
    root: u64,
    transaction: u64,
}

fn newest_meta(path: &Path, file: &mut File, len: u64) -> Result<Meta> {
    let first = meta(path, file, len, 0)?;
    let second = meta(path, file, len, first.page_size as u64)?;
    if first.page_size != second.page_size {
        return Err(Error::format(
            path,
            "damaged LMDB file: its two heads disagree on the page size",
        ));
    }
    Ok(if first.transaction < second.transaction { second } else { first })
}

fn meta(path: &Path, file: &mut File, len: u64, offset: u64) -> Result<Meta> {
    if len < offset + META_LEN as u64 {
        let message = if offset == 0 {
            format!("not an LMDB file: it has {len} bytes, the head alone needs {META_LEN}")
        } else {
            format!("truncated LMDB file: it ends after {len} bytes, inside its second head")
        };
        return Err(Error::format(path, message));
    }
    let mut head = [0u8; META_LEN];
    let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut head));
    read.map_err(|e| Error::io("read", path, e))?;
    let magic = u32_at(&head, 16);
    if magic != Some(MAGIC) || u16_at(&head, 10).is_none_or(|flags| flags & META == 0) {
        let message = match magic.map(u32::swap_bytes) {
            Some(MAGIC) => "an LMDB file of a machine with the other byte order",
            _ => "not an LMDB file: the magic number is missing",
        };
        return Err(Error::format(path, message));
    }
    let version = u32_at(&head, 20).unwrap_or(0);
    if version != VERSION {
        return Err(Error::format(path, format!("LMDB file version {version}; only 1 is known")));
    }
    let page_size = u32_at(&head, 40).unwrap_or(0) as usize;
    if !page_size.is_power_of_two() || !(512..=65536).contains(&page_size) {
        return Err(Error::format(path, format!("damaged LMDB file: page size {page_size}")));
    }
    Ok(Meta {
        page_size,
        flags: u16_at(&head, 92).unwrap_or(0),
        entries: u64_at(&head, 120).unwrap_or(0),
        root: u64_at(&head, 128).unwrap_or(NO_PAGE),
        transaction: u64_at(&head, 144).unwrap_or(0),
    })
}

struct Walk<'a> {
    pages: &'a Pages,
    visited: u64,
    entries: u64,
}

impl Walk<'_> {
    fn page(&mut self, number: u64, depth: usize) -> Result<()> {
        if MOST_LEVELS < depth || self.pages.count() < self.visited {
            return Err(self.pages.damaged(number, "the tree runs in a circle"));
        }
        self.visited += 1;
        let page = self.pages.read(number)?;
        for i in 0..page.nodes {
            match self.pages.node(&page, i)?.held {
                Held::Page(child) => self.page(child, depth + 1)?,
                Held::Value(_) | Held::Large(..) => self.entries += 1,
            }
        }
        Ok(())
    }
}
