//! Reads and writes named tensors: `.safetensors`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorView, View};
use serde_json::Value;

use super::{Blob, kind, stream};
use crate::ty::product;
use crate::{Error, Result, file};

/// Reads all tensors of a file, converted to f32; no more of the file is in memory than one piece of a tensor.
pub fn read_safetensors(path: &Path) -> Result<BTreeMap<String, Blob>> {
    let Some(mut file) = file::open_seekable(path)? else {
        return parse_safetensors(path, &file::read(path)?);
    };
    let failed = |e| Error::io("read", path, e);
    let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
    file.rewind().map_err(failed)?;
    let mut start = vec![];
    (&mut file).take(size_of::<u64>() as u64).read_to_end(&mut start).map_err(failed)?;
    let header = start.first_chunk().map(|&n| u64::from_le_bytes(n)).filter(|&n| n < MAX_HEADER);
    (&mut file).take(header.unwrap_or(0)).read_to_end(&mut start).map_err(failed)?;
    let end = start.len() as u64;
    let described: Option<Metadata> =
        start.get(size_of::<u64>()..).and_then(|header| serde_json::from_slice(header).ok());
    let is_whole =
        |described: &Metadata| end.checked_add(described.data_len() as u64) == Some(length);
    // What is wrong with a file is said as of one that is read at once.
    let Some(described) = described.filter(is_whole) else {
        return parse_safetensors(path, &file::read(path)?);
    };
    let mut blobs = BTreeMap::new();
    for (name, info) in described.tensors() {
        let (from, to) = info.data_offsets;
        file.seek(SeekFrom::Start(end + from as u64)).map_err(failed)?;
        let count = product(info.shape.iter().copied()).unwrap_or(0);
        let mut values = Vec::with_capacity(count);
        let mut bytes = vec![];
        let mut left = to - from;
        while 0 < left {
            bytes.clear();
            let piece = left.min(PIECE);
            let read = (&mut file).take(piece as u64).read_to_end(&mut bytes).map_err(failed)?;
            if read < piece {
                return Err(Error::format(path, "has become shorter while it was read"));
            }
            extend(&mut values, info.dtype, &bytes)
                .ok_or_else(|| unknown(path, &name, info.dtype, &info.shape))?;
            left -= piece;
        }
        let blob = Blob::new(info.shape.clone(), values);
        blobs.insert(
            name.clone(),
            blob.ok_or_else(|| unknown(path, &name, info.dtype, &info.shape))?,
        );
    }
    Ok(blobs)
}

/// No header is longer than this many bytes; a multiple of every element's size is read at a time.
const MAX_HEADER: u64 = 100 << 20;
const PIECE: usize = 1 << 16;

/// A tensor that cannot be a blob.
fn unknown(path: &Path, name: &str, dtype: Dtype, shape: &[usize]) -> Error {
    let message = format!("tensor `{name}` of type {dtype:?} and shape {shape:?} cannot be read");
    Error::format(path, message)
}

/// Like [`read_safetensors`] for bytes in memory; `path` is for errors only.
pub fn parse_safetensors(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, Blob>> {
    let failed = |e| kind::of_safetensors(path, bytes, &e);
    let tensors = SafeTensors::deserialize(bytes).map_err(failed)?;
    let blob = |(name, view): (String, TensorView)| {
        let blob = to_f32(&view).and_then(|data| Blob::new(view.shape().to_vec(), data));
        let unknown = || unknown(path, &name, view.dtype(), view.shape());
        blob.ok_or_else(unknown).map(|blob| (name, blob))
    };
    tensors.tensors().into_iter().map(blob).collect()
}

/// The tensors of a file that feeds a net, by the names of its blobs; a blob may also be named as for one pass, `in.data`
/// or, for the first input of a Lua definition, `in.0`.
pub fn read_feed(path: &Path) -> Result<BTreeMap<String, Blob>> {
    let own = |name: String| match name.strip_prefix("in.") {
        Some("0") => "input".to_owned(),
        Some(blob) => blob.to_owned(),
        None => name,
    };
    Ok(read_safetensors(path)?.into_iter().map(|(name, blob)| (own(name), blob)).collect())
}

/// Whether a file begins as a safetensors file does: with the length of a header in JSON, and the header.
pub(super) fn is_safetensors(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return false };
    u64::from_le_bytes(*length) <= rest.len() as u64 && rest.starts_with(b"{")
}

/// Writes f32 tensors; equal tensors give equal bytes.
pub fn write_safetensors<'a>(
    path: &Path,
    tensors: impl IntoIterator<Item = (&'a str, &'a Blob)>,
) -> Result<()> {
    write_safetensors_with(path, tensors, HashMap::new())
}

/// Like [`write_safetensors`], with texts by name beside the tensors.
pub fn write_safetensors_with<'a>(
    path: &Path,
    tensors: impl IntoIterator<Item = (&'a str, &'a Blob)>,
    metadata: HashMap<String, String>,
) -> Result<()> {
    let failed = |e| Error::format(path, format!("cannot be written as safetensors: {e}"));
    let metadata = Some(metadata).filter(|texts| !texts.is_empty());
    // The values follow the header in the order of names, as it has them for tensors of one type.
    let mut tensors: Vec<(&str, &Blob)> = tensors.into_iter().collect();
    tensors.sort_by_key(|(name, _)| *name);
    let entries = tensors.iter().map(|&(name, blob)| (name, Entry(blob)));
    let header = safetensors::serialize(entries, metadata).map_err(failed)?;
    let header = in_order(&header).ok_or_else(|| Error::format(path, "its header is no JSON"))?;
    file::write_atomically(path, |writer| {
        writer.write_all(&header)?;
        tensors.iter().try_for_each(|(_, blob)| stream::write_values(writer, &blob.data))
    })
}

/// A header with its names in order, as those of a map of texts are not.
fn in_order(header: &[u8]) -> Option<Vec<u8>> {
    let mut names: BTreeMap<String, Value> = serde_json::from_slice(header.get(8..)?).ok()?;
    if let Some(Value::Object(texts)) = names.get_mut("__metadata__") {
        texts.sort_keys();
    }
    let mut text = serde_json::to_vec(&names).ok()?;
    // Values begin at a multiple of their size.
    text.resize(text.len().next_multiple_of(8), b' ');
    Some([&(text.len() as u64).to_le_bytes()[..], &text].concat())
}

/// The texts beside the tensors of a file that is in memory; `path` is for errors only.
pub fn parse_metadata(path: &Path, bytes: &[u8]) -> Result<HashMap<String, String>> {
    let failed = |e| kind::of_safetensors(path, bytes, &e);
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(failed)?;
    Ok(metadata.metadata().clone().unwrap_or_default())
}

/// What a header says about a blob, without its values.
struct Entry<'a>(&'a Blob);

impl View for Entry<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&[])
    }

    fn data_len(&self) -> usize {
        self.0.data.len() * size_of::<f32>()
    }
}

fn to_f32(view: &TensorView) -> Option<Vec<f32>> {
    let mut values = Vec::with_capacity(product(view.shape().iter().copied())?);
    extend(&mut values, view.dtype(), view.data())?;
    Some(values)
}

/// Adds the elements of a type that lie in some bytes; none for a type that is no blob's.
fn extend(values: &mut Vec<f32>, dtype: Dtype, bytes: &[u8]) -> Option<()> {
    match dtype {
        Dtype::F32 => convert(values, bytes, f32::from_le_bytes),
        Dtype::F64 => convert(values, bytes, |b| f64::from_le_bytes(b) as f32),
        Dtype::F16 => convert(values, bytes, |b| f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => convert(values, bytes, |b| bf16::from_le_bytes(b).to_f32()),
        Dtype::I64 => convert(values, bytes, |b| i64::from_le_bytes(b) as f32),
        Dtype::U64 => convert(values, bytes, |b| u64::from_le_bytes(b) as f32),
        Dtype::I32 => convert(values, bytes, |b| i32::from_le_bytes(b) as f32),
        Dtype::U32 => convert(values, bytes, |b| u32::from_le_bytes(b) as f32),
        Dtype::I16 => convert(values, bytes, |b| i16::from_le_bytes(b).into()),
        Dtype::U16 => convert(values, bytes, |b| u16::from_le_bytes(b).into()),
        Dtype::I8 => convert(values, bytes, |b| i8::from_le_bytes(b).into()),
        Dtype::U8 | Dtype::BOOL => values.extend(bytes.iter().map(|&b| f32::from(b))),
        _ => return None,
    }
    Some(())
}

fn convert<const N: usize>(values: &mut Vec<f32>, bytes: &[u8], number: impl Fn([u8; N]) -> f32) {
    let (words, _) = bytes.as_chunks();
    values.extend(words.iter().map(|&word| number(word)));
}
