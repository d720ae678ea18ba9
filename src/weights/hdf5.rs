//! Turns HDF5 files into blobs, numbers and texts by path, and a tree of those into an HDF5 file.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hdf5_pure::{DatasetBuilder, File, FileBuilder, Group, GroupBuilder, LibVer};

use super::Blob;
use crate::ty::product;
use crate::{Error, Result, file};

/// Groups are followed to this depth; hard links may form circles.
const MAX_DEPTH: usize = 32;
/// Files with more groups and data sets are refused.
const MAX_OBJECTS: usize = 1 << 20;
/// No compression makes values smaller than by this factor.
const MAX_COMPRESSION: usize = 1100;

/// What an HDF5 file begins with.
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Whether the bytes of a file are HDF5.
pub fn is_hdf5(bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE)
}

/// The paths of what lies in a file.
#[derive(Default)]
pub struct Contents {
    /// Those of data sets, such as `data/conv1/0`.
    pub datasets: Vec<String>,
    /// Those of groups, such as `data/conv1`.
    pub groups: Vec<String>,
}

/// An HDF5 file that is being read.
pub struct Hdf5File {
    path: PathBuf,
    file: File,
    /// Bytes that the values of the file have at most.
    most: usize,
    /// How many of them have not been read.
    left: Cell<usize>,
}

impl Hdf5File {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self> {
        Self::parse(path, file::read(path)?)
    }

    /// Like [`open`](Self::open) for bytes in memory; `path` is for errors only.
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        if !is_hdf5(&bytes) {
            return Err(Error::format(path, "is not an HDF5 file"));
        }
        let most = bytes.len().saturating_mul(MAX_COMPRESSION);
        let damaged = |e| Error::format(path, format!("is a damaged HDF5 file: {e}"));
        let file = File::from_bytes(bytes).map_err(damaged)?;
        Ok(Hdf5File { path: path.to_owned(), file, most, left: Cell::new(most) })
    }

    /// The paths of all data sets and groups.
    pub fn contents(&self) -> Result<Contents> {
        let mut found = Contents::default();
        self.walk(&self.file.root(), "", 0, &mut found)?;
        Ok(found)
    }

    fn walk(&self, group: &Group, prefix: &str, depth: usize, found: &mut Contents) -> Result<()> {
        let damaged = |e| self.damaged(if prefix.is_empty() { "/" } else { prefix }, e);
        let datasets = group.datasets().map_err(damaged)?;
        let groups = group.groups().map_err(damaged)?;
        found.datasets.extend(datasets.iter().map(|name| format!("{prefix}{name}")));
        found.groups.extend(groups.iter().map(|name| format!("{prefix}{name}")));
        if depth == MAX_DEPTH || MAX_OBJECTS < found.datasets.len() + found.groups.len() {
            let message = "holds groups within groups without end, or too many of them";
            return Err(Error::format(&self.path, message));
        }
        for name in groups {
            let inner = group.group(&name).map_err(damaged)?;
            self.walk(&inner, &format!("{prefix}{name}/"), depth + 1, found)?;
        }
        Ok(())
    }

    fn damaged(&self, name: &str, error: hdf5_pure::Error) -> Error {
        Error::format(&self.path, format!("`{name}` cannot be read: {error}"))
    }

    fn dataset(&self, name: &str) -> Result<hdf5_pure::Dataset> {
        self.file
            .dataset(name)
            .map_err(|e| Error::format(&self.path, format!("has no data set `{name}`: {e}")))
    }

    /// The extents of a data set.
    pub fn shape(&self, name: &str) -> Result<Vec<usize>> {
        Ok(self.extents(name)?.0)
    }

    /// The extents of a data set, and the bytes of its values, at least those that it has as f32.
    fn extents(&self, name: &str) -> Result<(Vec<usize>, usize)> {
        let dataset = self.dataset(name)?;
        let shape = dataset.shape().map_err(|e| self.damaged(name, e))?;
        let each = dataset.element_size().map_err(|e| self.damaged(name, e))?;
        let each = usize::try_from(each).unwrap_or(usize::MAX).max(size_of::<f32>());
        let extents: Option<Vec<usize>> = shape.iter().map(|&n| usize::try_from(n).ok()).collect();
        let bytes = extents.as_ref().and_then(|shape| product(shape.iter().copied().chain([each])));
        match (extents, bytes) {
            (Some(extents), Some(bytes)) if bytes <= self.most => Ok((extents, bytes)),
            _ => {
                let message =
                    format!("`{name}` claims the shape {shape:?}, more than the file holds");
                Err(Error::format(&self.path, message))
            }
        }
    }

    /// A data set of numbers of any kind, as f32.
    pub fn blob(&self, name: &str) -> Result<Blob> {
        let (shape, bytes) = self.extents(name)?;
        let left = self.left.get().checked_sub(bytes).ok_or_else(|| {
            let message = format!("`{name}` and what was read before are more than the file holds");
            Error::format(&self.path, message)
        })?;
        self.left.set(left);
        let data = self.dataset(name)?.read_f32().map_err(|e| self.damaged(name, e))?;
        let len = data.len();
        let wrong = || {
            let message = format!("`{name}` claims the shape {shape:?} and holds {len} values");
            Error::format(&self.path, message)
        };
        Blob::new(shape.clone(), data).ok_or_else(wrong)
    }

    /// A single integer that is not negative.
    pub fn count(&self, name: &str) -> Result<usize> {
        self.shape(name)?;
        let values = self.dataset(name)?.read_i64().map_err(|e| self.damaged(name, e))?;
        match values[..] {
            [n] if 0 <= n => Ok(n as usize),
            _ => Err(Error::format(&self.path, format!("`{name}` is no count"))),
        }
    }

    /// A single text, without the zeros that end it.
    pub fn text(&self, name: &str) -> Result<String> {
        self.shape(name)?;
        let texts = self.dataset(name)?.read_string().map_err(|e| self.damaged(name, e))?;
        match &texts[..] {
            [text] => Ok(text.split('\0').next().unwrap_or_default().to_owned()),
            _ => Err(Error::format(&self.path, format!("`{name}` is not a single text"))),
        }
    }
}

/// Groups and data sets that become an HDF5 file.
#[derive(Debug, Default)]
pub struct Hdf5Tree {
    groups: BTreeMap<String, Hdf5Tree>,
    values: BTreeMap<String, Values>,
}

#[derive(Debug)]
enum Values {
    Floats(Blob),
    Count(i32),
    Text(String),
}

impl Hdf5Tree {
    /// The group at a path below this one, made if it is not there.
    pub fn group(&mut self, path: &str) -> &mut Hdf5Tree {
        let parts = path.split('/').filter(|part| !part.is_empty());
        parts.fold(self, |tree, part| tree.groups.entry(part.to_owned()).or_default())
    }

    /// Adds numbers.
    pub fn floats(&mut self, name: &str, blob: Blob) {
        self.values.insert(name.to_owned(), Values::Floats(blob));
    }

    /// Adds an integer.
    pub fn count(&mut self, name: &str, n: i32) {
        self.values.insert(name.to_owned(), Values::Count(n));
    }

    /// Adds a text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.values.insert(name.to_owned(), Values::Text(text.to_owned()));
    }

    /// Writes the file in the format of HDF5 1.8, which every later version reads.
    pub fn write(&self, path: &Path) -> Result<()> {
        let failed =
            |e: hdf5_pure::Error| Error::format(path, format!("cannot be written as HDF5: {e}"));
        let mut builder = FileBuilder::new();
        builder.with_libver_bounds(LibVer::Earliest, LibVer::V18);
        for (name, values) in &self.values {
            values.stage(builder.create_dataset(name)).map_err(failed)?;
        }
        for (name, tree) in &self.groups {
            let mut group = builder.create_group(name);
            tree.stage(&mut group).map_err(failed)?;
            builder.add_group(group.finish());
        }
        let bytes = builder.finish().map_err(failed)?;
        file::write_atomically(path, |writer| writer.write_all(&bytes))
    }

    fn stage(&self, group: &mut GroupBuilder) -> Result<(), hdf5_pure::Error> {
        for (name, values) in &self.values {
            values.stage(group.create_dataset(name))?;
        }
        for (name, tree) in &self.groups {
            let mut inner = group.create_group(name);
            tree.stage(&mut inner)?;
            group.add_group(inner.finish());
        }
        Ok(())
    }
}

impl Values {
    fn stage(&self, dataset: &mut DatasetBuilder) -> Result<(), hdf5_pure::Error> {
        match self {
            Values::Floats(blob) => {
                let shape: Vec<u64> = blob.shape.iter().map(|&n| n as u64).collect();
                dataset.with_f32_data(&blob.data).with_shape(&shape);
            }
            Values::Count(n) => {
                dataset.with_i32_data(&[*n]).with_shape(&[1]);
            }
            Values::Text(text) => {
                // One byte more, so that readers of C find a zero at the end.
                let width = text.len() as u32 + 1;
                dataset.with_ascii_strings_sized(&[text.as_str()], width)?.with_shape(&[]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        let blob = Blob::new(vec![2, 1, 3], vec![1.0, -2.5, 3.0, f32::MIN, 0.0, 7.0]).unwrap();
        let scalar = Blob::new(vec![], vec![4.5]).unwrap();
        let mut tree = Hdf5Tree::default();
        tree.group("data/conv1/7x7").floats("0", blob.clone());
        tree.group("data/conv1/7x7").floats("1", scalar.clone());
        tree.group("data/empty");
        tree.count("iter", 12);
        tree.text("net", "a/b_iter_12.caffemodel.h5");
        tree.write(&path).unwrap();
        let file = Hdf5File::open(&path).unwrap();
        let mut names = file.contents().unwrap().datasets;
        names.sort();
        assert_eq!(names, ["data/conv1/7x7/0", "data/conv1/7x7/1", "iter", "net"]);
        assert_eq!(file.blob("data/conv1/7x7/0").unwrap(), blob);
        assert_eq!(file.blob("data/conv1/7x7/1").unwrap(), scalar);
        assert_eq!(file.count("iter").unwrap(), 12);
        assert_eq!(file.text("net").unwrap(), "a/b_iter_12.caffemodel.h5");
        let missing = file.blob("iters").unwrap_err().to_string();
        assert!(missing.contains("a.h5: has no data set `iters`"), "{missing}");
    }

    #[test]
    fn values_are_no_more_than_the_file_explains() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        let mut tree = Hdf5Tree::default();
        tree.floats("data", Blob::new(vec![777], vec![1.0; 777]).unwrap());
        tree.write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let file = Hdf5File::open(&path).unwrap();
        let reads = whole.len() * MAX_COMPRESSION / (777 * 4);
        assert!((0..reads).all(|_| file.blob("data").is_ok()));
        let error = file.blob("data").unwrap_err().to_string();
        assert!(error.contains("a.h5: `data` and what was read before are more"), "{error}");
        // The bytes that are claimed count, of which a number has four. This file has no checksums.
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/caffe/io/h5_a.h5");
        let mut bytes = std::fs::read(&golden).unwrap();
        let shape = Hdf5File::open(&golden).unwrap().shape("data").unwrap();
        let extents: Vec<u8> = shape.iter().flat_map(|&n| (n as u64).to_le_bytes()).collect();
        let row: usize = shape[1..].iter().product();
        let rows = (bytes.len() * MAX_COMPRESSION / 2 / row) as u64;
        let at = bytes.windows(extents.len()).position(|part| part == extents).unwrap();
        bytes[at..at + 8].copy_from_slice(&rows.to_le_bytes());
        let error = Hdf5File::parse(&golden, bytes).unwrap().shape("data").unwrap_err().to_string();
        assert!(error.contains("more than the file holds"), "{error}");
    }

    /// Every file cut short and many with wrong bytes are errors, or are read; nothing panics or takes forever.
    #[test]
    fn damaged_files() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/caffe/io/h5_a.h5");
        let whole = std::fs::read(&golden).unwrap();
        let read = |bytes: Vec<u8>| -> Result<()> {
            let file = Hdf5File::parse(&golden, bytes)?;
            for name in file.contents()?.datasets {
                file.blob(&name)?;
            }
            Ok(())
        };
        read(whole.clone()).unwrap();
        for len in (0..whole.len()).step_by(7) {
            let result = read(whole[..len].to_vec());
            assert!(result.is_err() || 2 * len > whole.len(), "{len} of {} bytes", whole.len());
        }
        let mut refused = 0;
        for at in 0..whole.len() {
            for value in [0, 0x41, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                if let Err(error) = read(bytes) {
                    assert!(error.to_string().contains("h5_a.h5"), "{error}");
                    refused += 1;
                }
            }
        }
        assert!(100 < refused, "{refused}");
    }
}
