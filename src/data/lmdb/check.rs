//! Reads the pages of an LMDB file and says whether LMDB can be trusted with it.
//!
//! LMDB follows page numbers and offsets in a memory map without looking twice: on a truncated or damaged file the
//! process dies of SIGBUS, SIGSEGV or an assertion. This walk visits every branch and leaf page once with ordinary reads
//! and proves that everything LMDB will touch lies inside the file. Pages that hold only one large value are
//! not read; their range is checked. The layout is that of LMDB 0.9 (`mdb.c`) on 64-bit little-endian machines.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::{Error, Result};

const MAGIC: u32 = 0xBEEF_C0DE;
const VERSION: u32 = 1;
const META_LEN: usize = 152;
const PAGE_HEADER: usize = 16;
const NODE_HEADER: usize = 8;
const NO_PAGE: u64 = u64::MAX;
/// LMDB's cursors have room for this many levels.
const MAX_DEPTH: usize = 32;

const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const META: u16 = 0x08;
const BIG_DATA: u16 = 0x01;

/// What the walk found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// Bytes LMDB has to map.
    pub map_size: usize,
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
    let pages = len / meta.page_size as u64;
    let mut walk =
        Walk { path, file, len, page_size: meta.page_size, pages, visited: 0, entries: 0 };
    if meta.root != NO_PAGE {
        walk.page(meta.root, 1)?;
    }
    if walk.entries != meta.entries {
        let message = format!(
            "damaged LMDB file: it claims {} records and holds {}",
            meta.entries, walk.entries
        );
        return Err(Error::format(path, message));
    }
    let end = meta.last_page.checked_add(1).and_then(|n| n.checked_mul(meta.page_size as u64));
    // LMDB maps what the last page needs, even if the file ends earlier because those pages are free.
    let map_size = end.filter(|end| *end < 1 << 46).ok_or_else(|| {
        Error::format(path, format!("damaged LMDB file: last page {}", meta.last_page))
    })?;
    let too_many = |_| Error::format(path, "this LMDB file is larger than the address space");
    Ok(Checked {
        map_size: usize::try_from(map_size.max(len)).map_err(too_many)?,
        entries: usize::try_from(walk.entries).map_err(too_many)?,
    })
}

struct Meta {
    page_size: usize,
    flags: u16,
    entries: u64,
    root: u64,
    last_page: u64,
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
        last_page: u64_at(&head, 136).unwrap_or(0),
        transaction: u64_at(&head, 144).unwrap_or(0),
    })
}

struct Walk<'a> {
    path: &'a Path,
    file: File,
    len: u64,
    page_size: usize,
    pages: u64,
    visited: u64,
    entries: u64,
}

impl Walk<'_> {
    fn page(&mut self, number: u64, depth: usize) -> Result<()> {
        if MAX_DEPTH < depth || self.pages < self.visited {
            return Err(self.damaged(number, "the tree runs in a circle"));
        }
        self.visited += 1;
        let page = self.read(number)?;
        let [own, flags, lower, upper] =
            header(&page).ok_or_else(|| self.damaged(number, "its header does not fit"))?;
        let keys = (lower as usize).saturating_sub(PAGE_HEADER) / 2;
        let in_order =
            PAGE_HEADER as u64 <= lower && lower <= upper && upper <= self.page_size as u64;
        if own != number || !in_order {
            return Err(self.damaged(number, "its header makes no sense"));
        }
        match flags as u16 {
            BRANCH if 2 <= keys => {
                for i in 0..keys {
                    let node = node(&page, i).ok_or_else(|| self.outside(number, i))?;
                    node.key_end(&page).ok_or_else(|| self.outside(number, i))?;
                    self.page(node.child(), depth + 1)?;
                }
                Ok(())
            }
            LEAF if 1 <= keys => (0..keys).try_for_each(|i| self.leaf_node(number, &page, i)),
            _ => Err(self.damaged(number, "it is neither a branch nor a leaf")),
        }
    }

    fn leaf_node(&mut self, number: u64, page: &[u8], i: usize) -> Result<()> {
        let node = node(page, i).ok_or_else(|| self.outside(number, i))?;
        let value = node.key_end(page).ok_or_else(|| self.outside(number, i))?;
        self.entries += 1;
        match node.flags {
            0 if value + node.size <= page.len() => Ok(()),
            BIG_DATA => {
                let first = u64_at(page, value).ok_or_else(|| self.outside(number, i))?;
                let end = first
                    .checked_mul(self.page_size as u64)
                    .and_then(|start| start.checked_add((PAGE_HEADER + node.size) as u64));
                match end {
                    Some(end) if end <= self.len => Ok(()),
                    _ => Err(self.truncated(first)),
                }
            }
            0 => Err(self.outside(number, i)),
            _ => Err(Error::format(self.path, "this LMDB file holds named databases, not records")),
        }
    }

    fn read(&mut self, number: u64) -> Result<Vec<u8>> {
        if self.pages <= number {
            return Err(self.truncated(number));
        }
        let mut page = vec![0; self.page_size];
        let start = SeekFrom::Start(number * self.page_size as u64);
        let read = self.file.seek(start).and_then(|_| self.file.read_exact(&mut page));
        read.map_err(|e| Error::io("read", self.path, e))?;
        Ok(page)
    }

    fn damaged(&self, page: u64, what: &str) -> Error {
        Error::format(self.path, format!("damaged LMDB file: page {page}: {what}"))
    }

    fn outside(&self, page: u64, node: usize) -> Error {
        self.damaged(page, &format!("record {node} reaches over its end"))
    }

    fn truncated(&self, page: u64) -> Error {
        let len = self.len;
        Error::format(
            self.path,
            format!("truncated LMDB file: page {page} lies after its end at byte {len}"),
        )
    }
}

/// Page number, flags, and the lower and upper end of the free space.
fn header(page: &[u8]) -> Option<[u64; 4]> {
    let word = |at| u16_at(page, at).map(u64::from);
    Some([u64_at(page, 0)?, word(10)?, word(12)?, word(14)?])
}

struct Node {
    start: usize,
    size: usize,
    flags: u16,
    key_len: usize,
}

impl Node {
    /// Branch nodes keep a 48-bit page number where leaf nodes keep size and flags.
    fn child(&self) -> u64 {
        self.size as u64 | u64::from(self.flags) << 32
    }

    fn key_end(&self, page: &[u8]) -> Option<usize> {
        let end = self.start + NODE_HEADER + self.key_len;
        (end <= page.len()).then_some(end)
    }
}

fn node(page: &[u8], i: usize) -> Option<Node> {
    let start = u16_at(page, PAGE_HEADER + 2 * i)? as usize;
    let low = u16_at(page, start)? as usize;
    let high = u16_at(page, start + 2)? as usize;
    if !start.is_multiple_of(2) || start < PAGE_HEADER {
        return None;
    }
    Some(Node {
        start,
        size: low | high << 16,
        flags: u16_at(page, start + 4)?,
        key_len: u16_at(page, start + 6)? as usize,
    })
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes_at(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes_at(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes_at(bytes, at).map(u64::from_le_bytes)
}
