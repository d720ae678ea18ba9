//! Records by number: an image database with its label database, IDX files, listed image files, tensors, or a list in
//! memory.

use std::path::{Path, PathBuf};

use super::datum::{Colour, Record, Values};
use super::idx::{IdxImages, is_idx, read_idx_pair};
use super::image_list::ImageList;
use super::image_pairs::ImagePairs;
use super::images::Image;
use super::lmdb::{LmdbReader, record_error};
use super::transform::times;
use crate::weights::{Blob, read_feed};
use crate::{Error, Result};

/// A finite collection of records of which the n-th can be had; fastest in order.
pub struct Records {
    kind: Kind,
}

enum Kind {
    Lmdb(Box<Lmdb>),
    Idx {
        path: PathBuf,
        images: IdxImages,
        labels: Vec<u8>,
    },
    Files(ImageList),
    /// The shape of labels is that of the last ones that were fetched.
    Pairs {
        list: ImagePairs,
        label: Vec<usize>,
    },
    Tensors {
        path: PathBuf,
        images: Blob,
        shape: [usize; 3],
        labels: Option<Blob>,
    },
    #[cfg(test)]
    Memory(Vec<Record>),
}

struct Lmdb {
    images: LmdbReader,
    labels: Option<LmdbReader>,
    /// The record that both cursors give next.
    next: usize,
    keys: Option<Keys>,
    label_scratch: Record,
}

/// All keys of a database in order.
struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// A record on its way into a batch.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// The image.
    pub record: Record,
    /// The values of its label.
    pub label: Vec<f32>,
    key: Vec<u8>,
    /// The line of a list that names the image, or its number, counted from 0.
    line: usize,
}

impl Records {
    /// Opens an LMDB database of Datums and, if labels are not in the Datums themselves, the one of their labels.
    ///
    /// Both databases must have the same keys; this reads all of them.
    pub fn open_lmdb(images: &Path, labels: Option<&Path>) -> Result<Self> {
        let mut images = LmdbReader::open(images)?;
        let mut labels = labels.map(LmdbReader::open).transpose()?;
        if let Some(labels) = &mut labels {
            compare_keys(&mut images, labels)?;
        }
        let label_scratch = Record::default();
        Ok(Records {
            kind: Kind::Lmdb(Box::new(Lmdb { images, labels, next: 0, keys: None, label_scratch })),
        })
    }

    /// Reads a pair of IDX files; records are grey images.
    pub fn open_idx(images: &Path, labels: &Path) -> Result<Self> {
        let path = images.to_owned();
        let (images, labels) = read_idx_pair(images, labels)?;
        Ok(Records { kind: Kind::Idx { path, images, labels } })
    }

    /// Opens images with a class each: an LMDB of Datums, with labels of its own or in another one, a folder with one folder
    /// of images for each class, a list of `path label` lines, or a pair of IDX files.
    pub fn open_labelled(images: &Path, labels: Option<&Path>) -> Result<Self> {
        if images.join("data.mdb").is_file() {
            return Self::open_lmdb(images, labels);
        }
        match labels {
            Some(labels) => Self::open_idx(images, labels),
            None if is_idx(images) => Err(Error::format(
                images,
                "holds IDX images, whose labels are in a file of their own: name it with --labels",
            )),
            None => Ok(Self::of_images(ImageList::read(images, "")?)),
        }
    }

    /// An image as it is stored, decoded, and its class.
    ///
    /// # Errors
    /// There is no such image, it holds other numbers than bytes, or its label is no class.
    pub fn labelled_image(&mut self, n: usize) -> Result<(Image, usize)> {
        let mut slot = Slot::default();
        self.fetch(n, &mut slot)?;
        let decoded = slot.record.decode(Colour::AsStored);
        decoded.map_err(|why| self.error(&slot, &why))?;
        let label = slot.label.first().copied().unwrap_or(0.0);
        if label < 0.0 || label.fract() != 0.0 {
            let why = format!(
                "has the label {label}, which is no class; images of one class each are needed, and not pairs"
            );
            return Err(self.error(&slot, &why));
        }
        let [channels, rows, columns] = slot.record.shape();
        let image = match slot.record.values() {
            Values::Bytes(pixels) => Image::new(channels, rows, columns, pixels.to_vec()),
            Values::Floats(_) => None,
        };
        let image = image.ok_or_else(|| self.error(&slot, "holds no pixels of a byte each"))?;
        Ok((image, label as usize))
    }

    /// Serves the image files of a list, each read when its turn comes.
    pub fn of_images(list: ImageList) -> Self {
        Records { kind: Kind::Files(list) }
    }

    /// Serves the image files of a list with the images of their labels, each read when its turn comes.
    pub fn of_pairs(list: ImagePairs) -> Self {
        Records { kind: Kind::Pairs { list, label: vec![] } }
    }

    /// Serves the images of a tensor and the labels of another one of the same file.
    ///
    /// `shape` is channels, rows, columns of an image; the images may have any axes before those, and there is one label
    /// for each.
    ///
    /// # Errors
    /// The file has no such tensors, or they have other shapes.
    pub fn of_tensors(
        path: &Path,
        images: &str,
        labels: Option<&str>,
        shape: [usize; 3],
    ) -> Result<Self> {
        let mut all = read_feed(path)?;
        let mut take = |name: &str| {
            let missing = || Error::format(path, format!("has no tensor `{name}`"));
            all.remove(name).ok_or_else(missing)
        };
        let (blob, labels_blob) = (take(images)?, labels.map(&mut take).transpose()?);
        let n = blob.shape.iter().rev().skip(3).product::<usize>();
        if !blob.shape.ends_with(&shape) || blob.shape.len() < 4 {
            let (have, want) = (times(&blob.shape), times(&shape));
            let message = format!("tensor `{images}` has the shape {have}, not images of {want}");
            return Err(Error::format(path, message));
        }
        if let (Some(name), Some(blob)) = (labels, &labels_blob)
            && blob.data.len() != n
        {
            let have = blob.data.len();
            let message = format!("tensor `{name}` holds {have} labels for {n} images");
            return Err(Error::format(path, message));
        }
        let path = path.to_owned();
        Ok(Records { kind: Kind::Tensors { path, images: blob, shape, labels: labels_blob } })
    }

    /// Records that are there already.
    #[cfg(test)]
    pub fn in_memory(records: Vec<Record>) -> Self {
        Records { kind: Kind::Memory(records) }
    }

    /// The number of records.
    pub fn len(&self) -> usize {
        match &self.kind {
            Kind::Lmdb(lmdb) => lmdb.images.len(),
            Kind::Idx { labels, .. } => labels.len(),
            Kind::Files(list) => list.images().len(),
            Kind::Pairs { list, .. } => list.len(),
            Kind::Tensors { images, shape, .. } => {
                images.data.len() / shape.iter().product::<usize>().max(1)
            }
            #[cfg(test)]
            Kind::Memory(records) => records.len(),
        }
    }

    /// Bytes that are held of all records, whichever are fetched.
    pub(super) fn held(&self) -> u64 {
        let held = match &self.kind {
            Kind::Lmdb(lmdb) => lmdb
                .keys
                .as_ref()
                .map_or(0, |keys| size_of_val(&keys.bytes[..]) + size_of_val(&keys.ends[..])),
            Kind::Idx { images, labels, .. } => images.pixels.len() + labels.len(),
            Kind::Files(list) => list.held(),
            Kind::Pairs { list, .. } => list.held(),
            Kind::Tensors { images, labels, .. } => {
                let blobs = [images].into_iter().chain(labels);
                blobs.map(|blob| size_of_val(&blob.data[..])).sum()
            }
            #[cfg(test)]
            Kind::Memory(records) => records.iter().map(Record::bytes).sum(),
        };
        held as u64
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes records as fast to get in any order as LMDB allows, for the memory of all keys.
    pub(super) fn prepare_random_access(&mut self) -> Result<()> {
        if let Kind::Lmdb(lmdb) = &mut self.kind {
            lmdb.keys = Some(Keys::read(&mut lmdb.images)?);
        }
        Ok(())
    }

    /// Puts record `n` into `slot`, not decoded yet.
    pub(super) fn fetch(&mut self, n: usize, slot: &mut Slot) -> Result<()> {
        match &mut self.kind {
            Kind::Lmdb(lmdb) => lmdb.fetch(n, slot),
            Kind::Idx { images, labels, path } => {
                let (Some(pixels), Some(&label)) = (images.get(n), labels.get(n)) else {
                    return Err(Error::format(path, format!("has no record {n}")));
                };
                slot.line = n;
                slot.record.set_grey(images.height, images.width, pixels, label);
                slot.take_own_label();
                Ok(())
            }
            Kind::Files(list) => {
                let missing = || Error::refused(format!("there is no image {n}"));
                let image = list.images().get(n).ok_or_else(missing)?;
                slot.line = image.line;
                slot.record.set_encoded(list.load(image)?, image.label);
                slot.take_own_label();
                Ok(())
            }
            Kind::Pairs { list, label } => {
                let (line, bytes) = list.image(n)?;
                slot.line = line;
                slot.record.set_encoded(bytes, 0);
                let ([rows, columns], values) = list.labels(n, [0, 0])?;
                slot.label = values;
                *label = vec![1, rows, columns];
                Ok(())
            }
            Kind::Tensors { path, images, shape, labels } => {
                let each: usize = shape.iter().product();
                let values = images.data.get(n * each..(n + 1) * each);
                let missing = || Error::format(path, format!("has no image {n}"));
                slot.line = n;
                slot.record.set_floats(*shape, values.ok_or_else(missing)?);
                slot.label.clear();
                let label = labels.as_ref().and_then(|labels| labels.data.get(n));
                slot.label.push(label.copied().unwrap_or(0.0));
                Ok(())
            }
            #[cfg(test)]
            Kind::Memory(records) => {
                let missing = || Error::refused(format!("there is no record {n}"));
                slot.record.copy_from(records.get(n).ok_or_else(missing)?);
                slot.take_own_label();
                Ok(())
            }
        }
    }

    /// The largest label of the records themselves.
    pub fn largest_label(&mut self) -> Result<Option<usize>> {
        let mut slot = Slot::default();
        let mut largest = None;
        for n in 0..self.len() {
            self.fetch(n, &mut slot)?;
            largest = largest.max(usize::try_from(slot.record.label()).ok());
        }
        Ok(largest)
    }

    /// The labels of the first `n` records of a database; of no other kind of records.
    pub fn first_labels(&mut self, n: usize) -> Result<Vec<f32>> {
        let mut labels = vec![];
        let mut slot = Slot::default();
        if let Kind::Lmdb(_) = &self.kind {
            for i in 0..n.min(self.len()) {
                self.fetch(i, &mut slot)?;
                labels.extend(slot.label.first());
            }
        }
        Ok(labels)
    }

    /// The shape of one label: none for the single number in the record itself.
    pub(super) fn label_shape(&self) -> Vec<usize> {
        match &self.kind {
            Kind::Lmdb(lmdb) if lmdb.labels.is_some() => lmdb.label_scratch.shape().to_vec(),
            Kind::Pairs { label, .. } => label.clone(),
            _ => vec![],
        }
    }

    /// An error about the record in `slot`.
    pub(super) fn error(&self, slot: &Slot, message: &str) -> Error {
        match &self.kind {
            Kind::Lmdb(lmdb) => record_error(lmdb.images.path(), &slot.key, message),
            Kind::Idx { path, .. } | Kind::Tensors { path, .. } => {
                Error::format(path, format!("image {} (counted from 0) {message}", slot.line))
            }
            Kind::Files(list) => list.error(slot.line, &format!("the image {message}")),
            Kind::Pairs { list, .. } => list.error(slot.line, &format!("the image {message}")),
            #[cfg(test)]
            Kind::Memory(_) => Error::refused(format!("a record {message}")),
        }
    }
}

impl Slot {
    fn take_own_label(&mut self) {
        self.label.clear();
        self.label.push(self.record.label() as f32);
    }

    /// Checks that this label has the shape of the first one; the error is a sentence without file and key.
    pub(super) fn check_label(&self, expected: &[usize]) -> Result<(), String> {
        let (found, count) = (self.label.len(), expected.iter().product::<usize>());
        if found == count {
            return Ok(());
        }
        Err(format!("has a label of {found} values, the first record one of {}", times(expected)))
    }
}

impl Lmdb {
    fn fetch(&mut self, n: usize, slot: &mut Slot) -> Result<()> {
        match &self.keys {
            Some(keys) => {
                slot.key.clear();
                slot.key.extend_from_slice(keys.get(n));
                self.get(slot)
            }
            None => {
                self.skip_to(n)?;
                self.read_next(slot)
            }
        }
    }

    fn skip_to(&mut self, n: usize) -> Result<()> {
        if n < self.next {
            self.next = 0;
            self.images.rewind();
            self.labels.iter_mut().for_each(LmdbReader::rewind);
        }
        while self.next < n {
            self.images.advance_key()?;
            self.labels.as_mut().map(LmdbReader::advance_key).transpose()?;
            self.next += 1;
        }
        Ok(())
    }

    fn read_next(&mut self, slot: &mut Slot) -> Result<()> {
        let (key, value) = self.images.advance_around()?;
        slot.key.clear();
        slot.key.extend_from_slice(key);
        let read = slot.record.read(value);
        read.map_err(|message| record_error(self.images.path(), &slot.key, &message))?;
        self.next += 1;
        let Some(labels) = &mut self.labels else {
            slot.take_own_label();
            return Ok(());
        };
        let (_, value) = labels.advance_around()?;
        let read = read_label(value, &mut self.label_scratch, &mut slot.label);
        read.map_err(|message| record_error(labels.path(), &slot.key, &message))
    }

    fn get(&mut self, slot: &mut Slot) -> Result<()> {
        let missing = || "is missing".to_owned();
        let value = self.images.get(&slot.key)?.ok_or_else(missing);
        let read = value.and_then(|value| slot.record.read(value));
        read.map_err(|message| record_error(self.images.path(), &slot.key, &message))?;
        let Some(labels) = &mut self.labels else {
            slot.take_own_label();
            return Ok(());
        };
        let value = labels.get(&slot.key)?.ok_or_else(missing);
        let read = value.and_then(|v| read_label(v, &mut self.label_scratch, &mut slot.label));
        read.map_err(|message| record_error(labels.path(), &slot.key, &message))
    }
}

fn read_label(value: &[u8], scratch: &mut Record, label: &mut Vec<f32>) -> Result<(), String> {
    scratch.read(value)?;
    if scratch.is_encoded() {
        return Err("is an encoded image, not a label".into());
    }
    label.clear();
    match scratch.values() {
        Values::Bytes(bytes) => label.extend(bytes.iter().map(|&b| f32::from(b))),
        Values::Floats(floats) => label.extend_from_slice(floats),
    }
    Ok(())
}

impl Keys {
    fn read(reader: &mut LmdbReader) -> Result<Self> {
        let mut keys = Keys { bytes: vec![], ends: vec![] };
        reader.rewind();
        while let Some(key) = reader.advance_key()? {
            keys.bytes.extend_from_slice(key);
            keys.ends.push(keys.bytes.len());
        }
        reader.rewind();
        Ok(keys)
    }

    /// The key of record `n`; empty, which no record has, beyond the last.
    fn get(&self, n: usize) -> &[u8] {
        let start = n.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before));
        let range = start.zip(self.ends.get(n)).map(|(&start, &end)| start..end);
        range.and_then(|range| self.bytes.get(range)).unwrap_or_default()
    }
}

fn compare_keys(images: &mut LmdbReader, labels: &mut LmdbReader) -> Result<()> {
    let image_path = images.path().display().to_string();
    if images.len() != labels.len() {
        let (n, expected) = (labels.len(), images.len());
        let message = format!("has {n} labels, but {image_path} has {expected} images");
        return Err(Error::format(labels.path(), message));
    }
    let label_path = labels.path().to_owned();
    for i in 0..images.len() {
        let (image, label) = (images.advance_key()?, labels.advance_key()?);
        let (Some(image), Some(label)) = (image, label) else { break };
        if image != label {
            let (image, label) = (image.escape_ascii(), label.escape_ascii());
            let message = format!(
                "record {i} has the key `{label}`, but in {image_path} it has the key `{image}`; \
                 images and labels must have the same keys"
            );
            return Err(Error::format(label_path, message));
        }
    }
    images.rewind();
    labels.rewind();
    Ok(())
}
