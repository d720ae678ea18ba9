//! Turns a text file of lines `image labels` into image files with the files of their pixels' labels, as the data layer
//! of SegNet's fork of Caffe reads it.

use std::path::{Path, PathBuf};

use super::images::Image;
use crate::{Error, Result, file};

/// Images with images of labels, in the order of a text file.
#[derive(Clone, Debug)]
pub struct ImagePairs {
    path: PathBuf,
    /// The number of each line, counted from 1, and its two files.
    pairs: Vec<(usize, [PathBuf; 2])>,
    /// Rows and columns that labels are resized to.
    resize: Option<[usize; 2]>,
    /// What labels are divided by.
    divisor: u8,
}

impl ImagePairs {
    /// Reads a list. `root` is put before every path as it is.
    ///
    /// # Errors
    /// The file cannot be read, a line does not name two files, or there are none.
    pub fn read(
        path: &Path,
        root: &str,
        resize: Option<[usize; 2]>,
        divisor: usize,
    ) -> Result<Self> {
        let mut pairs = vec![];
        for (i, line) in file::read_text(path)?.lines().enumerate() {
            let files: Vec<&str> = line.split_whitespace().collect();
            match files[..] {
                [] => {}
                [image, labels] => {
                    let file = |name: &str| PathBuf::from(format!("{root}{name}"));
                    pairs.push((i + 1, [file(image), file(labels)]));
                }
                _ => {
                    let why = format!(
                        "`{}` is not an image and its labels; write two paths without blanks, such as `street/1.png \
                         labels/1.png`",
                        line.trim()
                    );
                    return Err(Error::at_line(path, i + 1, why));
                }
            }
        }
        if pairs.is_empty() {
            return Err(Error::format(path, "names no images"));
        }
        // A byte divided by more than 255 is 0 all the same.
        let divisor = u8::try_from(divisor).unwrap_or(u8::MAX).max(1);
        Ok(ImagePairs { path: path.to_owned(), pairs, resize, divisor })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Bytes that the list takes.
    pub(super) fn held(&self) -> usize {
        let names = |files: &[PathBuf; 2]| -> usize {
            files.iter().map(|file| file.as_os_str().len()).sum()
        };
        self.pairs.iter().map(|pair| size_of_val(pair) + names(&pair.1)).sum()
    }

    /// Whether there are none; [`read`](Self::read) refuses such lists.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The line that names pair `n`, the bytes of its image's file, and its labels: rows, columns, pixel by pixel.
    pub(super) fn load(&self, n: usize) -> Result<(usize, Vec<u8>, [usize; 2], Vec<f32>)> {
        let missing = || Error::refused(format!("there is no image {n}"));
        let (line, [image, labels]) = self.pairs.get(n).ok_or_else(missing)?;
        let named = |e: Error| self.error(*line, &e.to_string());
        let bytes = file::read(image).map_err(named)?;
        let labels = Image::load(labels).map_err(named)?.to_grey();
        let [_, rows, columns] = labels.shape();
        let size = self.resize.unwrap_or([rows, columns]);
        let rows = sampled(rows, size[0]);
        let places = sampled(columns, size[1]);
        let line_of = |row: usize| &labels.pixels()[row * columns..][..columns];
        let values =
            rows.into_iter().flat_map(|row| places.iter().map(move |&at| line_of(row)[at]));
        Ok((*line, bytes, size, values.map(|label| f32::from(label / self.divisor)).collect()))
    }

    /// A complaint about a pair, which names its line.
    pub(super) fn error(&self, line: usize, message: &str) -> Error {
        Error::at_line(&self.path, line, message)
    }
}

/// Which of `from` pixels each of `to` shows, as OpenCV takes the nearest one.
fn sampled(from: usize, to: usize) -> Vec<usize> {
    let scale = from as f64 / to as f64;
    (0..to).map(|i| ((i as f64 * scale) as usize).min(from - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_not_mixed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let labels = Image::new(1, 2, 3, vec![0, 30, 60, 90, 120, 255]).unwrap();
        std::fs::write(at("l.png"), labels.to_png().unwrap()).unwrap();
        std::fs::write(at("i.png"), "unread").unwrap();
        std::fs::write(at("list.txt"), "\ni.png l.png\n").unwrap();
        let root = format!("{}/", folder.path().display());
        let list = ImagePairs::read(&at("list.txt"), &root, None, 30).unwrap();
        let (line, bytes, size, values) = list.load(0).unwrap();
        assert_eq!((line, &bytes[..], size), (2, &b"unread"[..], [2, 3]));
        assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0, 8.0]);
        let list = ImagePairs::read(&at("list.txt"), &root, Some([3, 2]), 1).unwrap();
        assert_eq!(list.load(0).unwrap().3, [0.0, 30.0, 0.0, 30.0, 90.0, 120.0]);
        std::fs::write(at("list.txt"), "i.png l.png 3\n").unwrap();
        let error = ImagePairs::read(&at("list.txt"), "", None, 1).unwrap_err().to_string();
        assert!(
            error.contains("line 1: `i.png l.png 3` is not an image and its labels; write"),
            "{error}"
        );
    }
}
