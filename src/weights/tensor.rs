//! Reads one tensor of a file of any kind that holds tensors.

use std::path::Path;

use serde_json::Value;

use super::binaryproto::parse_binaryproto;
use super::{Blob, npy, parse_safetensors, read_binaryproto};
use crate::{Error, Result, file};

/// A tensor by its name: of a `.safetensors` the one of that name, with or without `in.` before it, or the only one; of a
/// `.npy`, a `.json` (numbers in nested lists) or a `.binaryproto` the one that it holds. None of a file of another kind.
///
/// # Errors
/// The file cannot be read, or has no such tensor.
pub fn read_tensor(path: &Path, name: &str) -> Result<Option<Blob>> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    Ok(Some(match ending {
        "npy" => npy::parse(path, &file::read(path)?)?,
        "binaryproto" => read_binaryproto(path)?,
        "json" => {
            let text = file::read_text(path)?;
            let wrong = |why: String| Error::format(path, why);
            let value =
                serde_json::from_str(&text).map_err(|e| wrong(format!("is no JSON: {e}")))?;
            of_lists(&value).ok_or_else(|| {
                wrong("is to hold numbers in lists, those of one level equally long".into())
            })?
        }
        "safetensors" => {
            let mut tensors = parse_safetensors(path, &file::read(path)?)?;
            let found = tensors.remove(name).or_else(|| tensors.remove(&format!("in.{name}")));
            let only = |tensors: &mut std::collections::BTreeMap<String, Blob>| {
                let (_, blob) = tensors.pop_first()?;
                tensors.is_empty().then_some(blob)
            };
            found.or_else(|| only(&mut tensors)).ok_or_else(|| {
                Error::format(path, format!("has no tensor `{name}` or `in.{name}`"))
            })?
        }
        _ => return Ok(None),
    }))
}

/// A mean image: a `.binaryproto`, or an array of NumPy, channels x rows x columns, as Caffe's Python has it.
///
/// # Errors
/// It cannot be read.
pub fn read_mean(path: &Path) -> Result<Blob> {
    let bytes = file::read(path)?;
    if npy::is_npy(&bytes) { npy::parse(path, &bytes) } else { parse_binaryproto(path, &bytes) }
}

/// A number, or lists of equally long lists of numbers.
fn of_lists(value: &Value) -> Option<Blob> {
    let Value::Array(items) = value else {
        return Some(Blob { shape: vec![], data: vec![value.as_f64()? as f32] });
    };
    let mut parts = items.iter().map(of_lists);
    let first = parts.next()??;
    let mut shape = vec![items.len()];
    shape.extend(&first.shape);
    let mut data = first.data;
    for part in parts {
        let part = part.filter(|part| part.shape == shape[1..])?;
        data.extend(part.data);
    }
    Some(Blob { shape, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_tensors() {
        let read = |text: &str| of_lists(&serde_json::from_str(text).expect("JSON"));
        let blob = |shape: &[usize], data: &[f32]| {
            Some(Blob { shape: shape.to_vec(), data: data.to_vec() })
        };
        assert_eq!(
            read("[[1, 2, 3], [4, 5, 6.5]]"),
            blob(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.5])
        );
        assert_eq!(read("7"), blob(&[], &[7.0]));
        for wrong in ["[[1, 2], [3]]", "[]", "[1, [2]]", "{}", "[null]", "\"1\""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
