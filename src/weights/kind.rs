//! From a file that is not what it should be to words about what it is: of another kind, cut off, or damaged.

use std::collections::BTreeMap;
use std::path::Path;

use prost::Message;
use prost::encoding::{WireType, decode_key, decode_varint};
use safetensors::SafeTensorError;
use serde_json::Value;

use super::hdf5;
use super::safetensors::is_safetensors;
use super::stored::is_t7;
use crate::Error;
use crate::data::proto::{NetParameter, SolverState};

/// How files of well-known kinds begin.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ", "an xz archive; unpack it first"),
    (b"PK\x03\x04", "a zip archive, as NumPy's .npz and PyTorch's .pth are"),
    (b"\x80\x02", "a pickle of Python, as old .pth and .pkl files are"),
    (b"\x80\x03", "a pickle of Python"),
    (b"\x80\x04", "a pickle of Python"),
    (b"\x93NUMPY", "an array of NumPy"),
    (b"<!DOCTYPE", "a web page, such as that of a failed download"),
    (b"<html", "a web page, such as that of a failed download"),
    (b"version https://git-lfs", "a pointer of Git LFS to the file; fetch it by `git lfs pull`"),
];

/// What kind of file begins so, if that can be told.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    if bytes.is_empty() {
        return Some("an empty file");
    }
    if hdf5::is_hdf5(bytes) {
        return Some("an HDF5 file");
    }
    if is_safetensors(bytes) {
        return Some("a safetensors file");
    }
    if is_t7(bytes) {
        return Some("a file of Torch (.t7)");
    }
    if let Some((_, kind)) = BEGINNINGS.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Some(kind);
    }
    let start = &bytes[..bytes.len().min(512)];
    if start.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')) {
        return Some("a text file");
    }
    if NetParameter::decode(bytes).is_ok_and(|net| !net.layer.is_empty() || !net.layers.is_empty())
    {
        return Some("a Caffe model");
    }
    if SolverState::decode(bytes).is_ok_and(|state| !state.history.is_empty()) {
        return Some("a solver state of Caffe");
    }
    None
}

/// A complaint about a file that is not `wanted`; `why` is what its reader says where nothing better is known.
pub(super) fn complaint(path: &Path, bytes: &[u8], wanted: &str, why: &str) -> Error {
    let message = match kind(bytes) {
        Some(kind) => format!("is not {wanted} but {kind}"),
        None => format!("is not {wanted}: {why}"),
    };
    Error::format(path, message)
}

/// A complaint about bytes that are no message of Caffe.
pub(super) fn of_message(path: &Path, bytes: &[u8], wanted: &str, why: &str) -> Error {
    match overhang(bytes) {
        Some([start, end]) if kind(bytes).is_none() => {
            let have = bytes.len();
            let message = format!(
                "is cut off, or is not {wanted}: it has {have} bytes, and what begins at byte {start} goes on to byte {end}"
            );
            Error::format(path, message)
        }
        _ => complaint(path, bytes, wanted, why),
    }
}

/// A complaint about bytes that are no safetensors file.
pub(super) fn of_safetensors(path: &Path, bytes: &[u8], error: &SafeTensorError) -> Error {
    let wanted = "a safetensors file";
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return complaint(path, bytes, wanted, "it has fewer than eight bytes");
    };
    let header = u64::from_le_bytes(*length);
    let have = bytes.len();
    if rest.starts_with(b"{\"") && rest.len() as u64 <= header {
        let message =
            format!("is cut off within its list of tensors: {have} bytes of which {header} are it");
        return Error::format(path, message);
    }
    if is_safetensors(bytes) {
        let message = match ends(&rest[..header as usize]).map(|end| end.saturating_add(8 + header))
        {
            Some(needed) if needed < have as u64 => {
                format!("has {have} bytes, {} more than its tensors", have as u64 - needed)
            }
            Some(needed) if have as u64 != needed => {
                format!("is cut off: it has {have} bytes, its tensors go on to byte {needed}")
            }
            _ => format!("is a damaged safetensors file: {error}"),
        };
        return Error::format(path, message);
    }
    complaint(path, bytes, wanted, &error.to_string())
}

/// Where the last tensor ends behind a list of tensors, if it is one.
fn ends(list: &[u8]) -> Option<u64> {
    let list: BTreeMap<String, Value> = serde_json::from_slice(list).ok()?;
    list.values().filter_map(|tensor| tensor["data_offsets"][1].as_u64()).max()
}

/// Where the last field of a message begins and would end, at least, if that is behind the end of the bytes.
fn overhang(bytes: &[u8]) -> Option<[usize; 2]> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let start = bytes.len() - rest.len();
        let Some(length) = field(&mut rest) else {
            // The numbers at the beginning of a field have ten bytes at most.
            let cut = 0 < start && bytes.len() - start < 10;
            return cut.then_some([start, bytes.len() + 1]);
        };
        match rest.get(length..) {
            Some(after) => rest = after,
            None => return Some([start, (bytes.len() - rest.len()).checked_add(length)?]),
        }
    }
    None
}

/// Bytes of a field of a message behind its number, where its contents begin.
fn field(rest: &mut &[u8]) -> Option<usize> {
    let (_, wire_type) = decode_key(rest).ok()?;
    match wire_type {
        WireType::Varint => decode_varint(rest).map(|_| 0).ok(),
        WireType::ThirtyTwoBit => Some(4),
        WireType::SixtyFourBit => Some(8),
        WireType::LengthDelimited => usize::try_from(decode_varint(rest).ok()?).ok(),
        WireType::StartGroup | WireType::EndGroup => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::proto::{BlobProto, LayerParameter};
    use crate::weights::{Blob, parse_safetensors, write_safetensors};

    fn model() -> Vec<u8> {
        let blob = BlobProto { data: vec![1.0; 300], ..BlobProto::default() };
        let layer = LayerParameter { blobs: vec![blob], ..LayerParameter::default() };
        let name = Some("net".to_owned());
        NetParameter { name, layer: vec![layer.clone(), layer], ..NetParameter::default() }
            .encode_to_vec()
    }

    #[test]
    fn models_that_are_cut_off_or_none() {
        let path = Path::new("w.caffemodel");
        let message =
            |bytes: &[u8]| crate::weights::CaffeModel::parse(path, bytes).unwrap_err().to_string();
        let whole = model();
        let cut = message(&whole[..whole.len() - 7]);
        let (have, need) = (whole.len() - 7, whole.len());
        assert!(cut.contains("is cut off"), "{cut}");
        assert!(
            cut.contains(&format!("{have} bytes")) && cut.ends_with(&format!("byte {need}")),
            "{cut}"
        );
        // The name takes five bytes, and the next field's number and length four.
        let within = message(&whole[..8]);
        assert!(within.ends_with("what begins at byte 5 goes on to byte 9"), "{within}");
        assert!(message(b"\x89PNG\r\n\x1a\nxx").contains("is not a Caffe model but a PNG image"));
        assert!(message(b"layer { name: \"x\" }").contains("but a text file"));
        assert!(message(b"\xff\xfe\xfd").contains("is not a Caffe model: "));
    }

    #[test]
    fn safetensors_that_are_cut_off_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let blob = Blob::new(vec![4], vec![1.0; 4]).unwrap();
        write_safetensors(&path, [("w", &blob)]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let message = |bytes: &[u8]| parse_safetensors(&path, bytes).unwrap_err().to_string();
        let need = format!("go on to byte {}", bytes.len());
        let cut = message(&bytes[..bytes.len() - 1]);
        assert!(cut.contains("is cut off: ") && cut.ends_with(&need), "{cut}");
        assert!(message(&bytes[..12]).contains("is cut off within its list of tensors"));
        let longer = [&bytes[..], b"xyz"].concat();
        assert!(message(&longer).contains("3 more than its tensors"));
        let other = message(&model());
        assert!(other.contains("is not a safetensors file but a Caffe model"), "{other}");
        assert!(message(b"").contains("but an empty file"));
    }
}
