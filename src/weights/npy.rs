//! Reads an array that NumPy has saved, `.npy`, in versions 1 to 3 of its format (numpy.lib.format).

use std::path::Path;

use super::Blob;
use crate::ty::product;
use crate::{Error, Result};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Whether a file begins as NumPy's do.
pub(super) fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The array of a file in memory as row-major f32; `path` is for errors only.
///
/// # Errors
/// It is no such file, or holds other things than numbers.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Blob> {
    array(bytes).map_err(|why| Error::format(path, why))
}

fn array(bytes: &[u8]) -> Result<Blob, String> {
    let broken = || "is no array that NumPy has saved".to_owned();
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(broken)?;
    let (&[version, _], rest) = rest.split_first_chunk().ok_or_else(broken)?;
    let (length, rest) = match version {
        1 => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(broken)?;
            (u16::from_le_bytes(*length) as usize, rest)
        }
        2 | 3 => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(broken)?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        _ => return Err(format!("is an array in version {version} of NumPy's format")),
    };
    let (header, data) = rest.split_at_checked(length).ok_or_else(broken)?;
    let header = std::str::from_utf8(header).map_err(|_| broken())?;
    let kind = text(field(header, "descr").ok_or_else(broken)?)
        .ok_or_else(|| "holds records with fields; save an array of numbers".to_owned())?;
    let by_columns = field(header, "fortran_order").ok_or_else(broken)?.starts_with("True");
    let shape = extents(field(header, "shape").ok_or_else(broken)?).ok_or_else(broken)?;
    let values = numbers(kind, data)?;
    let count = product(shape.iter().copied()).ok_or_else(broken)?;
    if values.len() != count {
        return Err(format!("claims the shape {shape:?} and holds {} numbers", values.len()));
    }
    let data = if by_columns { by_rows(&shape, &values) } else { values };
    Ok(Blob { shape, data })
}

/// What stands behind the name of a field of the header, a dictionary of Python.
fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind) = header.split_once(&format!("'{name}':"))?;
    Some(behind.trim_start())
}

/// A text in quotes.
fn text(value: &str) -> Option<&str> {
    value.strip_prefix('\'')?.split('\'').next()
}

/// `(3, 4)`, `(3,)` or `()`.
fn extents(value: &str) -> Option<Vec<usize>> {
    let (inside, _) = value.strip_prefix('(')?.split_once(')')?;
    let parts = inside.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| part.trim_end_matches('L').parse().ok()).collect()
}

/// Numbers of a type of NumPy's, such as `<f4`.
fn numbers(kind: &str, bytes: &[u8]) -> Result<Vec<f32>, String> {
    let (order, name) = kind.split_at_checked(1).unwrap_or(("", kind));
    macro_rules! read {
        ($type:ty) => {
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|&b| {
                    (if order == ">" {
                        <$type>::from_be_bytes(b)
                    } else {
                        <$type>::from_le_bytes(b)
                    }) as f32
                })
                .collect()
        };
    }
    Ok(match name {
        "f8" => read!(f64),
        "f4" => read!(f32),
        "f2" => bytes
            .as_chunks()
            .0
            .iter()
            .map(|&b| {
                let bits = if order == ">" { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) };
                half::f16::from_bits(bits).to_f32()
            })
            .collect(),
        "i8" => read!(i64),
        "i4" => read!(i32),
        "i2" => read!(i16),
        "i1" => read!(i8),
        "u8" => read!(u64),
        "u4" => read!(u32),
        "u2" => read!(u16),
        "u1" | "b1" => bytes.iter().map(|&b| f32::from(b)).collect(),
        _ => return Err(format!("holds elements of type `{kind}`, which are no numbers")),
    })
}

/// Values whose first axis changes quickest, in the order in which the last one does.
fn by_rows(shape: &[usize], values: &[f32]) -> Vec<f32> {
    let mut place = vec![0; shape.len()];
    let mut steps = vec![1; shape.len()];
    for axis in 1..shape.len() {
        steps[axis] = steps[axis - 1] * shape[axis - 1];
    }
    let mut sorted = Vec::with_capacity(values.len());
    for _ in values {
        sorted.push(values[place.iter().zip(&steps).map(|(i, step)| i * step).sum::<usize>()]);
        for axis in (0..shape.len()).rev() {
            place[axis] += 1;
            if place[axis] < shape[axis] {
                break;
            }
            place[axis] = 0;
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file as `numpy.save` writes it.
    fn saved(kind: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let mut header =
            format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}");
        header.extend(std::iter::repeat_n(' ', (64 - (header.len() + 11) % 64) % 64));
        header.push('\n');
        let length = u16::try_from(header.len()).expect("short").to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), data].concat()
    }

    #[test]
    fn arrays_of_numpy() {
        let bytes: Vec<u8> = (1..7).flat_map(|i| (i as f32).to_le_bytes()).collect();
        let rows = array(&saved("<f4", "False", "(2, 3)", &bytes)).expect("an array");
        assert_eq!((rows.shape, rows.data), (vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        let columns = array(&saved("<f4", "True", "(2, 3)", &bytes)).expect("an array");
        assert_eq!(columns.data, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        let bytes: Vec<u8> = [-2.5f64, 4.0].iter().flat_map(|x| x.to_be_bytes()).collect();
        assert_eq!(
            array(&saved(">f8", "False", "(2,)", &bytes)).expect("an array").data,
            [-2.5, 4.0]
        );
        let one = array(&saved("|u1", "False", "()", &[200])).expect("an array");
        assert_eq!((one.shape, one.data), (vec![], vec![200.0]));
    }

    #[test]
    fn other_things_are_named() {
        let wrong = |bytes: &[u8]| array(bytes).expect_err("no array");
        assert!(wrong(b"P5 1 1").contains("no array"));
        assert!(wrong(&saved("<U3", "False", "(1,)", &[0; 12])).contains("`<U3`"));
        assert!(wrong(&saved("<f4", "False", "(3,)", &[0; 8])).contains("claims the shape [3]"));
        let whole = saved("<f4", "False", "(1,)", &[0; 4]);
        (0..whole.len() - 1).for_each(|n| assert!(array(&whole[..n]).is_err(), "{n}"));
    }
}
