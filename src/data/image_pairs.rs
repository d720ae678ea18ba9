//! Turns a text file of lines `image labels` into image files with what their pixels show, as the data layers of SegNet's and
//! DeepLab's forks of Caffe read it.

use std::path::{Path, PathBuf};

use super::images::Image;
use crate::layers::image_seg_data::LabelType;
use crate::{Error, Result, file};

/// Images with the labels of their pixels, in the order of a text file.
#[derive(Clone, Debug)]
pub struct ImagePairs {
    path: PathBuf,
    /// The number of each line, counted from 1, its image, and what that shows.
    pairs: Vec<(usize, PathBuf, Shown)>,
    /// Rows and columns that labels are resized to.
    resize: Option<[usize; 2]>,
    /// What labels are divided by.
    divisor: u8,
}

/// What an image shows.
#[derive(Clone, Debug)]
enum Shown {
    /// A file of the labels of its pixels.
    File(PathBuf),
    /// One label for all pixels.
    Label(u8),
}

impl ImagePairs {
    /// Reads a list of images and files of labels. `root` is put before every path as it is.
    ///
    /// # Errors
    /// The file cannot be read, a line does not name two files, or there are none.
    pub fn read(
        path: &Path,
        root: &str,
        resize: Option<[usize; 2]>,
        divisor: usize,
    ) -> Result<Self> {
        Self::read_as(path, root, (LabelType::Pixels, 0), resize, divisor)
    }

    /// The same of a list whose lines may name one label for an image instead of a file, or nothing, where all pixels have
    /// the label `ignored`.
    ///
    /// # Errors
    /// The file cannot be read, a line says something else, or there are none.
    pub fn read_as(
        path: &Path,
        root: &str,
        (label_type, ignored): (LabelType, u8),
        resize: Option<[usize; 2]>,
        divisor: usize,
    ) -> Result<Self> {
        let mut pairs = vec![];
        let file = |name: &str| PathBuf::from(format!("{root}{name}"));
        for (i, line) in file::read_text(path)?.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (image, shown) = match (label_type, &words[..]) {
                (_, []) => continue,
                (LabelType::Nothing, [image, ..]) => (image, Some(Shown::Label(ignored))),
                (LabelType::Whole, [image, label]) => (image, label.parse().ok().map(Shown::Label)),
                (LabelType::Pixels, [image, labels]) => (image, Some(Shown::File(file(labels)))),
                (_, [image, ..]) => (image, None),
            };
            let Some(shown) = shown else {
                let what = match label_type {
                    LabelType::Whole => {
                        "an image and its label; write a path without blanks and a whole number from 0 to 255, such as \
                         `cats/1.png 3`"
                    }
                    _ => {
                        "an image and its labels; write two paths without blanks, such as `street/1.png labels/1.png`"
                    }
                };
                let why = format!("`{}` is not {what}", line.trim());
                return Err(Error::at_line(path, i + 1, why));
            };
            pairs.push((i + 1, file(image), shown));
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
        let length = |file: &PathBuf| file.as_os_str().len();
        let names = |(_, image, shown): &(usize, PathBuf, Shown)| match shown {
            Shown::File(labels) => length(image) + length(labels),
            Shown::Label(_) => length(image),
        };
        self.pairs.iter().map(|pair| size_of_val(pair) + names(pair)).sum()
    }

    /// Whether there are none; [`read`](Self::read) refuses such lists.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    fn pair(&self, n: usize) -> Result<&(usize, PathBuf, Shown)> {
        self.pairs.get(n).ok_or_else(|| Error::refused(format!("there is no image {n}")))
    }

    /// The line that names image `n`, and the bytes of its file.
    pub(super) fn image(&self, n: usize) -> Result<(usize, Vec<u8>)> {
        let (line, image, _) = self.pair(n)?;
        Ok((*line, file::read(image).map_err(|e| self.error(*line, &e.to_string()))?))
    }

    /// The labels of image `n`: rows, columns, pixel by pixel. There are `size` of them where the list names one for all.
    pub(super) fn labels(&self, n: usize, size: [usize; 2]) -> Result<([usize; 2], Vec<f32>)> {
        let (line, _, shown) = self.pair(n)?;
        let labels = match shown {
            Shown::Label(label) => return Ok((size, vec![f32::from(*label); size[0] * size[1]])),
            Shown::File(labels) => Image::load(labels),
        };
        let labels = labels.map_err(|e| self.error(*line, &e.to_string()))?.to_grey();
        let [_, rows, columns] = labels.shape();
        let size = self.resize.unwrap_or([rows, columns]);
        let rows = sampled(rows, size[0]);
        let places = sampled(columns, size[1]);
        let line_of = |row: usize| &labels.pixels()[row * columns..][..columns];
        let values =
            rows.into_iter().flat_map(|row| places.iter().map(move |&at| line_of(row)[at]));
        Ok((size, values.map(|label| f32::from(label / self.divisor)).collect()))
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
        assert_eq!(list.image(0).unwrap(), (2, b"unread".to_vec()));
        let (size, values) = list.labels(0, [1, 1]).unwrap();
        assert_eq!(size, [2, 3]);
        assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0, 8.0]);
        let list = ImagePairs::read(&at("list.txt"), &root, Some([3, 2]), 1).unwrap();
        assert_eq!(list.labels(0, [1, 1]).unwrap().1, [0.0, 30.0, 0.0, 30.0, 90.0, 120.0]);
        std::fs::write(at("list.txt"), "i.png l.png 3\n").unwrap();
        let error = ImagePairs::read(&at("list.txt"), "", None, 1).unwrap_err().to_string();
        assert!(
            error.contains("line 1: `i.png l.png 3` is not an image and its labels; write"),
            "{error}"
        );
    }
}
