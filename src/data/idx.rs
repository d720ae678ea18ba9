//! Reads IDX files, the format of MNIST, plain or gzip-compressed: images as bytes, labels as bytes.
//!
//! Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits": two zero bytes, the type (8 for bytes), the number
//! of axes, each axis as a big-endian 32-bit number, then the values.

use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::ty::product;
use crate::{Error, Result, file};

const BYTES: u8 = 8;
/// A file that unpacks to more is refused; MNIST's largest has 47 MB.
const MAX_BYTES: u64 = 4 << 30;

/// Images of one size, one channel each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdxImages {
    /// Number of images.
    pub count: usize,
    /// Rows of each.
    pub height: usize,
    /// Columns of each.
    pub width: usize,
    /// All pixels, image by image, row by row.
    pub pixels: Vec<u8>,
}

impl IdxImages {
    /// The pixels of image `i`; `None` beyond the last.
    pub fn get(&self, i: usize) -> Option<&[u8]> {
        let size = self.height * self.width;
        self.pixels.get(i.checked_mul(size)?..)?.get(..size)
    }
}

/// Reads images: an IDX file with the axes number, rows, columns.
fn read_idx_images(path: &Path) -> Result<IdxImages> {
    let (axes, pixels) = read(path)?;
    match axes[..] {
        [count, height, width] if 0 < height && 0 < width => {
            Ok(IdxImages { count, height, width, pixels })
        }
        _ => Err(Error::format(path, format!("holds values with the axes {axes:?}, not images"))),
    }
}

/// Reads labels: an IDX file with one axis.
fn read_idx_labels(path: &Path) -> Result<Vec<u8>> {
    let (axes, labels) = read(path)?;
    match axes[..] {
        [_] => Ok(labels),
        _ => Err(Error::format(path, format!("holds values with the axes {axes:?}, not labels"))),
    }
}

/// Whether a file is an IDX file of bytes, plain or compressed, as far as its first bytes and its name tell.
pub fn is_idx(path: &Path) -> bool {
    let mut first = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut first));
    let is_gzip = first[..2] == [0x1f, 0x8b];
    read.is_ok() && (first[..3] == [0, 0, BYTES] || is_gzip)
}

/// Reads images and labels that belong together; there must be as many of both.
pub fn read_idx_pair(images: &Path, labels: &Path) -> Result<(IdxImages, Vec<u8>)> {
    let (pictures, classes) = (read_idx_images(images)?, read_idx_labels(labels)?);
    if pictures.count != classes.len() {
        let (images, found, expected) = (images.display(), classes.len(), pictures.count);
        let plural = if found == 1 { "" } else { "s" };
        let message = format!("has {found} label{plural}, but {images} has {expected} images");
        return Err(Error::format(labels, message));
    }
    Ok((pictures, classes))
}

fn read(path: &Path) -> Result<(Vec<usize>, Vec<u8>)> {
    parse(path, unpack(path, file::read(path)?)?)
}

/// Axes and values of a file; the values stay where they are, as they may be gigabytes.
fn parse(path: &Path, mut bytes: Vec<u8>) -> Result<(Vec<usize>, Vec<u8>)> {
    let wrong = |message: String| Error::format(path, message);
    let (kind, rank) = match bytes[..] {
        [0, 0, kind, rank, ..] => (kind, rank as usize),
        _ => return Err(wrong("is not an IDX file: it does not start with two zero bytes".into())),
    };
    if kind != BYTES {
        return Err(wrong(format!(
            "holds values of IDX type {kind:#04x}; only bytes (0x08) are known"
        )));
    }
    let (head, values) = bytes
        .split_at_checked(4 + 4 * rank)
        .ok_or_else(|| wrong(format!("ends after {} bytes, inside its head", bytes.len())))?;
    let (axes, _) = head[4..].as_chunks();
    let axes: Vec<usize> = axes.iter().map(|&n| u32::from_be_bytes(n) as usize).collect();
    let claimed = product(axes.iter().copied());
    if claimed != Some(values.len()) {
        let message = format!("claims the axes {axes:?} and holds {} values", values.len());
        return Err(wrong(message));
    }
    bytes.drain(..4 + 4 * rank);
    Ok((axes, bytes))
}

fn unpack(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut unpacked = vec![];
    let mut decoder = MultiGzDecoder::new(bytes.as_slice()).take(MAX_BYTES + 1);
    let read = decoder.read_to_end(&mut unpacked);
    read.map_err(|e| Error::format(path, format!("is a broken gzip file: {e}")))?;
    if MAX_BYTES < unpacked.len() as u64 {
        return Err(Error::format(path, format!("unpacks to more than {MAX_BYTES} bytes")));
    }
    // Whoever reads to an end makes room for up to twice as much.
    unpacked.shrink_to_fit();
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn idx(axes: &[u32], values: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, BYTES, axes.len() as u8];
        axes.iter().for_each(|n| bytes.extend(n.to_be_bytes()));
        [&bytes, values].concat()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_and_compressed() {
        let folder = tempfile::tempdir().unwrap();
        let (images, labels) = (folder.path().join("images"), folder.path().join("labels"));
        fs::write(&images, gzip(&idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]))).unwrap();
        fs::write(&labels, idx(&[2], &[7, 9])).unwrap();
        let (pictures, classes) = read_idx_pair(&images, &labels).unwrap();
        assert_eq!((pictures.count, pictures.height, pictures.width), (2, 1, 3));
        assert_eq!((pictures.get(1), pictures.get(2)), (Some(&[4, 5, 6][..]), None));
        assert_eq!(classes, [7, 9]);
        fs::write(&labels, idx(&[1], &[7])).unwrap();
        let error = read_idx_pair(&images, &labels).unwrap_err().to_string();
        assert!(error.contains("has 1 label, but ") && error.ends_with("has 2 images"), "{error}");
    }

    #[test]
    fn values_are_not_copied() {
        let bytes = idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
        let place = bytes.as_ptr();
        let (axes, values) = parse(Path::new("x"), bytes).unwrap();
        assert_eq!((axes, &values[..]), (vec![2, 1, 3], &[1, 2, 3, 4, 5, 6][..]));
        assert_eq!(values.as_ptr(), place);
    }

    #[test]
    fn wrong_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let check = |bytes: &[u8], expected: &str| {
            fs::write(&path, bytes).unwrap();
            let error = read_idx_images(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(b"", "not an IDX file");
        check(b"hello", "not an IDX file");
        check(&[0, 0, 13, 1], "IDX type 0x0d");
        check(&[0, 0, 8, 3, 0, 0], "ends after 6 bytes");
        check(&idx(&[2, 2, 2], &[0; 7]), "claims the axes [2, 2, 2] and holds 7 values");
        check(&idx(&[u32::MAX, u32::MAX, u32::MAX], &[]), "holds 0 values");
        check(&idx(&[3], &[0; 3]), "not images");
        check(&idx(&[0, 0, 0], &[]), "not images");
        let whole = gzip(&idx(&[1, 1, 1], &[0]));
        check(&whole[..whole.len() - 9], "broken gzip");
    }
}
