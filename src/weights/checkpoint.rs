//! TensorFlow's checkpoints, of both versions of the format, to variables by their names.
//!
//! Version 2 (tensorflow/core/protobuf/tensor_bundle.proto) is a table `PREFIX.index`, which says of every variable where in
//! the files `PREFIX.data-00000-of-00001` its elements lie. Version 1 (tensorflow/core/util/saved_tensor_slice.proto) is one
//! table with the elements in it. Tables are those of LevelDB (its doc/table_format.md).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use prost::Message;

use super::Blob;
use crate::{Error, Result, file};

/// The path that the files of a checkpoint begin with, if a path is one of them or is that beginning.
pub(super) fn prefix(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let of_graph = || Some(path.with_file_name(name.strip_suffix(".meta")?));
    let of_data = || Some(name.rsplit_once(".data-")?.0);
    if let Some(own) = name.strip_suffix(".index").or_else(of_data) {
        return Some(path.with_file_name(own));
    }
    if let Some(own) = of_graph().filter(|own| with(own, ".index").exists()) {
        return Some(own);
    }
    (!path.exists() && with(path, ".index").exists()).then(|| path.to_path_buf())
}

/// Whether a name is that of a checkpoint, of one of its files, or what its files begin with.
pub fn is_checkpoint(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "ckpt") || prefix(path).is_some()
}

/// A path with something at its end.
fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// Whether a file is a table.
pub(super) fn is_table(bytes: &[u8]) -> bool {
    bytes.ends_with(&MAGIC) && FOOTER <= bytes.len()
}

/// The variables of a checkpoint of version 2. Those that are no numbers are left out.
///
/// # Errors
/// A file is missing, damaged, or written in a way that is not known.
pub(super) fn read_bundle(prefix: &Path) -> Result<BTreeMap<String, Blob>> {
    let path = with(prefix, ".index");
    let bytes = file::read(&path)?;
    let damaged = |what: &str| Error::format(&path, format!("is damaged: {what}"));
    let mut header = Header::default();
    let (mut shards, mut variables) = (BTreeMap::new(), BTreeMap::new());
    for (key, value) in entries(&path, &bytes)? {
        if key.is_empty() {
            header = Header::decode(value).map_err(|e| damaged(&e.to_string()))?;
            if header.endianness != 0 {
                return Err(Error::format(
                    &path,
                    "is of a machine that writes the high byte first",
                ));
            }
            continue;
        }
        let name = String::from_utf8(key).map_err(|_| damaged("a name is no text"))?;
        let entry = Bundled::decode(value).map_err(|e| damaged(&e.to_string()))?;
        if !entry.slices.is_empty() {
            return Err(in_parts(&path, &name));
        }
        let data = match shards.entry(entry.shard_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let (shard, all) = (entry.shard_id, header.num_shards);
                let path = with(prefix, &format!(".data-{shard:05}-of-{all:05}"));
                let bytes = file::read(&path)?;
                place.insert(Shard { left: bytes.len() as i64, bytes, path })
            }
        };
        let Shard { bytes: data, left, path } = data;
        // Variables do not share elements, so that no more are kept than there are.
        *left = left.checked_sub(entry.size).ok_or_else(|| damaged("variables overlap"))?;
        let range = usize::try_from(entry.offset).ok().zip(usize::try_from(entry.size).ok());
        let range = range.and_then(|(start, size)| data.get(start..start.checked_add(size)?));
        let Some(elements) = range else {
            let message = format!("is damaged: it ends before the elements of `{name}`");
            return Err(Error::format(path, message));
        };
        let shape = extents(&entry.shape.unwrap_or_default());
        let blob = match (shape, numbers(entry.dtype, elements)) {
            (Some(shape), Some(data)) => Blob::new(shape, data),
            (_, None) => continue,
            (None, _) => None,
        };
        let wrong = || damaged(&format!("`{name}` has another number of elements than its shape"));
        let blob = blob.ok_or_else(wrong)?;
        variables.insert(name, blob);
    }
    Ok(variables)
}

/// A file of elements.
struct Shard {
    path: PathBuf,
    bytes: Vec<u8>,
    /// Bytes that no variable has taken.
    left: i64,
}

/// The variables of a checkpoint of version 1.
///
/// # Errors
/// As [`read_bundle`].
pub(super) fn parse_table(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, Blob>> {
    let damaged = |what: &str| Error::format(path, format!("is damaged: {what}"));
    let (mut shapes, mut variables) = (BTreeMap::new(), BTreeMap::new());
    for (_, value) in entries(path, bytes)? {
        let slices = Slices::decode(value).map_err(|e| damaged(&e.to_string()))?;
        for variable in slices.meta.into_iter().flat_map(|meta| meta.tensor) {
            shapes.insert(variable.name, extents(&variable.shape.unwrap_or_default()));
        }
        let Some(slice) = slices.data else { continue };
        let name = slice.name;
        if slice.slice.is_some_and(|s| s.extent.iter().any(|e| e.start != 0 || e.length.is_some()))
        {
            return Err(in_parts(path, &name));
        }
        let Some(shape) = shapes.get(&name).cloned().flatten() else {
            return Err(damaged(&format!("`{name}` has no shape")));
        };
        let Tensor { floats, doubles, ints, longs } = slice.data.unwrap_or_default();
        let data = match () {
            () if !floats.is_empty() => floats,
            () if !doubles.is_empty() => doubles.into_iter().map(|x| x as f32).collect(),
            () if !ints.is_empty() => ints.into_iter().map(|x| x as f32).collect(),
            () => longs.into_iter().map(|x| x as f32).collect(),
        };
        let wrong = || damaged(&format!("`{name}` has another number of elements than its shape"));
        let blob = Blob::new(shape, data).ok_or_else(wrong)?;
        variables.insert(name, blob);
    }
    if shapes.is_empty() {
        let message = "is a table without variables: is it the index of a checkpoint, it is called NAME.index";
        return Err(Error::format(path, message));
    }
    Ok(variables)
}

fn in_parts(path: &Path, name: &str) -> Error {
    let message =
        format!("has `{name}` in several parts, as a partitioner makes them, which are not read");
    Error::format(path, message)
}

fn extents(shape: &TensorShape) -> Option<Vec<usize>> {
    shape.dim.iter().map(|dim| usize::try_from(dim.size).ok()).collect()
}

/// Elements by the number that TensorFlow's DataType has for their type; `None` for what is no number.
fn numbers(data_type: i32, bytes: &[u8]) -> Option<Vec<f32>> {
    fn each<const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        let (all, _) = bytes.as_chunks::<N>();
        all.iter().map(|&one| of(one)).collect()
    }
    Some(match data_type {
        1 => each(bytes, f32::from_le_bytes),
        2 => each(bytes, |x| f64::from_le_bytes(x) as f32),
        3 => each(bytes, |x| i32::from_le_bytes(x) as f32),
        4 => each(bytes, |[x]| f32::from(x)),
        9 => each(bytes, |x| i64::from_le_bytes(x) as f32),
        14 => each(bytes, |x| bf16::from_le_bytes(x).to_f32()),
        19 => each(bytes, |x| f16::from_le_bytes(x).to_f32()),
        _ => return None,
    })
}

/// Most bytes of keys for each byte of a block.
const LONGER: usize = 64;

/// What a table ends with.
const MAGIC: [u8; 8] = 0xdb47_7524_8b80_fb57_u64.to_le_bytes();
/// Bytes of the end of a table: two places of blocks with what fills them up, and the magic number.
const FOOTER: usize = 48;
/// Keys are names of variables.
const LONGEST_KEY: usize = 1 << 16;

/// The keys and values of a table.
fn entries<'a>(path: &Path, bytes: &'a [u8]) -> Result<Vec<(Vec<u8>, &'a [u8])>> {
    let damaged = |what: &str| Error::format(path, format!("is damaged: {what}"));
    if !is_table(bytes) {
        return Err(damaged("it does not end as a checkpoint does"));
    }
    let mut footer = &bytes[bytes.len() - FOOTER..];
    let places =
        [number(&mut footer), number(&mut footer), number(&mut footer), number(&mut footer)];
    let [Some(_), Some(_), Some(offset), Some(size)] = places else {
        return Err(damaged("its end is none"));
    };
    let mut found = vec![];
    let mut left = bytes.len();
    for (_, mut place) in block(path, bytes, offset, size)? {
        let (Some(offset), Some(size)) = (number(&mut place), number(&mut place)) else {
            return Err(damaged("the place of a block is none"));
        };
        // All blocks together are no larger than the file.
        let size_of = usize::try_from(size).ok();
        left = size_of
            .and_then(|size| left.checked_sub(size))
            .ok_or_else(|| damaged("blocks overlap"))?;
        found.extend(block(path, bytes, offset, size)?);
    }
    Ok(found)
}

/// The keys and values of a block of a table.
fn block<'a>(
    path: &Path,
    bytes: &'a [u8],
    offset: u64,
    size: u64,
) -> Result<Vec<(Vec<u8>, &'a [u8])>> {
    let damaged = || Error::format(path, "is damaged: a block is none");
    let range = usize::try_from(offset).ok().zip(usize::try_from(size).ok());
    let whole =
        range.and_then(|(start, size)| bytes.get(start..start.checked_add(size)?.checked_add(1)?));
    let Some((&compression, block)) = whole.and_then(<[u8]>::split_last) else {
        return Err(damaged());
    };
    if compression != 0 {
        return Err(Error::format(path, "is compressed, which checkpoints are not"));
    }
    let Some((rest, count)) = block.split_last_chunk::<4>() else { return Err(damaged()) };
    let restarts = usize::try_from(u32::from_le_bytes(*count)).ok().and_then(|n| n.checked_mul(4));
    let kept = restarts.and_then(|restarts| rest.len().checked_sub(restarts));
    let mut rest = &rest[..kept.ok_or_else(damaged)?];
    let (mut found, mut key): (Vec<(Vec<u8>, &[u8])>, Vec<u8>) = (vec![], vec![]);
    let mut keys = 0;
    while !rest.is_empty() {
        let lengths = [number(&mut rest), number(&mut rest), number(&mut rest)];
        let [Some(shared), Some(own), Some(value)] = lengths.map(|n| usize::try_from(n?).ok())
        else {
            return Err(damaged());
        };
        let split = own.checked_add(value).and_then(|both| rest.split_at_checked(both));
        let Some((entry, after)) = split else { return Err(damaged()) };
        if key.len() < shared || LONGEST_KEY < shared + own {
            return Err(damaged());
        }
        key.truncate(shared);
        key.extend(&entry[..own]);
        // Keys that share their beginnings with those before them are longer here than in the file.
        keys += key.len();
        if block.len().saturating_mul(LONGER) < keys {
            return Err(damaged());
        }
        found.push((key.clone(), &entry[own..]));
        rest = after;
    }
    Ok(found)
}

/// A number of 7 bits in each byte, the low ones first; the last byte is below 128.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

/// `BundleHeaderProto`.
#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(int32, tag = "1")]
    num_shards: i32,
    #[prost(int32, tag = "2")]
    endianness: i32,
}

/// `BundleEntryProto`.
#[derive(Clone, PartialEq, Message)]
struct Bundled {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<TensorShape>,
    #[prost(int32, tag = "3")]
    shard_id: i32,
    #[prost(int64, tag = "4")]
    offset: i64,
    #[prost(int64, tag = "5")]
    size: i64,
    #[prost(message, repeated, tag = "7")]
    slices: Vec<TensorSlice>,
}

/// `TensorShapeProto`.
#[derive(Clone, PartialEq, Message)]
struct TensorShape {
    #[prost(message, repeated, tag = "2")]
    dim: Vec<Dim>,
}

/// `TensorShapeProto.Dim`.
#[derive(Clone, PartialEq, Message)]
struct Dim {
    #[prost(int64, tag = "1")]
    size: i64,
}

/// `TensorSliceProto`.
#[derive(Clone, PartialEq, Message)]
struct TensorSlice {
    #[prost(message, repeated, tag = "1")]
    extent: Vec<Extent>,
}

/// `TensorSliceProto.Extent`; without a length it is the whole axis.
#[derive(Clone, PartialEq, Message)]
struct Extent {
    #[prost(int64, tag = "1")]
    start: i64,
    #[prost(int64, optional, tag = "2")]
    length: Option<i64>,
}

/// `SavedTensorSlices`.
#[derive(Clone, PartialEq, Message)]
struct Slices {
    #[prost(message, optional, tag = "1")]
    meta: Option<SlicesMeta>,
    #[prost(message, optional, tag = "2")]
    data: Option<SavedSlice>,
}

/// `SavedTensorSliceMeta`.
#[derive(Clone, PartialEq, Message)]
struct SlicesMeta {
    #[prost(message, repeated, tag = "1")]
    tensor: Vec<SliceMeta>,
}

/// `SavedSliceMeta`.
#[derive(Clone, PartialEq, Message)]
struct SliceMeta {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    shape: Option<TensorShape>,
}

/// `SavedSlice`.
#[derive(Clone, PartialEq, Message)]
struct SavedSlice {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    slice: Option<TensorSlice>,
    #[prost(message, optional, tag = "3")]
    data: Option<Tensor>,
}

/// `TensorProto`, as far as tables have it.
#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(float, repeated, tag = "5")]
    floats: Vec<f32>,
    #[prost(double, repeated, tag = "6")]
    doubles: Vec<f64>,
    #[prost(int32, repeated, tag = "7")]
    ints: Vec<i32>,
    #[prost(int64, repeated, tag = "10")]
    longs: Vec<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_seven_bits() {
        let mut bytes: &[u8] = &[0x01, 0xac, 0x02, 0xff, 0xff];
        assert_eq!(number(&mut bytes), Some(1));
        assert_eq!(number(&mut bytes), Some(300));
        assert_eq!(number(&mut bytes), None);
        assert_eq!(number(&mut &[0xff; 11][..]), None);
    }
}
