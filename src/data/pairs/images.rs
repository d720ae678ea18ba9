//! Holds the images that pairs are made of: grey, of one size, decoded once if they fit into memory.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;

use rayon::prelude::*;

use super::Images;
use super::list::{Listed, read_list};
use crate::data::idx::{IdxImages, read_idx_pair};
use crate::data::images::Image;
use crate::{Error, Result};

/// Decoded files are kept up to this many bytes.
const CACHE_BYTES: usize = 1 << 30;

/// Labelled grey images by number.
pub struct GreyImages {
    labels: Vec<u64>,
    pixels: Pixels,
}

enum Pixels {
    Idx(IdxImages),
    Files(List),
}

/// A list of files.
struct List {
    path: PathBuf,
    images: Vec<Listed>,
}

impl List {
    /// Image `i`, grey; complaints name its line.
    fn load(&self, i: u32) -> Result<Image> {
        let image = Image::load(&self.images[i as usize].file);
        Ok(image.map_err(|e| self.error(i, &e.to_string()))?.to_grey())
    }

    fn error(&self, i: u32, message: &str) -> Error {
        let line = self.images[i as usize].line;
        Error::format(&self.path, format!("line {line}: {message}"))
    }
}

/// Images that are ready to be copied; made for the pairs of one set.
pub struct Decoded<'a> {
    images: &'a GreyImages,
    /// Rows and columns of every image.
    pub size: [usize; 2],
    cache: HashMap<u32, Vec<u8>>,
}

impl GreyImages {
    /// Reads the list, or the IDX files.
    pub fn open(images: &Images) -> Result<Self> {
        let (labels, pixels) = match images {
            Images::List(path) => {
                let (images, labels) = read_list(path)?;
                (labels, Pixels::Files(List { path: path.clone(), images }))
            }
            Images::Idx { images, labels } => {
                let (pictures, classes) = read_idx_pair(images, labels)?;
                if classes.is_empty() {
                    return Err(Error::format(images, "holds no images"));
                }
                (classes.into_iter().map(u64::from).collect(), Pixels::Idx(pictures))
            }
        };
        if u32::try_from(labels.len()).is_err() {
            return Err(Error::refused("pairs of more than 4294967295 images cannot be made"));
        }
        Ok(GreyImages { labels, pixels })
    }

    /// The number of images, at least 1.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// The class of image `i`.
    pub fn label(&self, i: u32) -> u64 {
        self.labels[i as usize]
    }

    /// Prepares the images numbered in `pairs`; files are decoded on all processors.
    pub fn decode(&self, pairs: &[(u32, u32)]) -> Result<Decoded<'_>> {
        let list = match &self.pixels {
            Pixels::Idx(idx) => {
                let (size, cache) = ([idx.height, idx.width], HashMap::new());
                return Ok(Decoded { images: self, size, cache });
            }
            Pixels::Files(list) => list,
        };
        let first = list.load(pairs.first().map_or(0, |pair| pair.0))?;
        let [_, height, width] = first.shape();
        let mut decoded = Decoded { images: self, size: [height, width], cache: HashMap::new() };
        let mut used: Vec<u32> = pairs.iter().flat_map(|pair| [pair.0, pair.1]).collect();
        used.sort_unstable();
        used.dedup();
        used.truncate(CACHE_BYTES / (height * width));
        let work = used.into_par_iter().map(|i| Ok((i, decoded.load(list, i)?)));
        let cache = work.collect::<Result<_>>()?;
        decoded.cache = cache;
        Ok(decoded)
    }
}

impl Decoded<'_> {
    /// The pixels of image `i`, row by row.
    pub fn get(&self, i: u32) -> Result<Cow<'_, [u8]>> {
        if let Some(pixels) = self.cache.get(&i) {
            return Ok(Cow::Borrowed(pixels));
        }
        match &self.images.pixels {
            Pixels::Idx(idx) => {
                let missing = || Error::refused(format!("there is no image {i}"));
                idx.get(i as usize).map(Cow::Borrowed).ok_or_else(missing)
            }
            Pixels::Files(list) => self.load(list, i).map(Cow::Owned),
        }
    }

    fn load(&self, list: &List, i: u32) -> Result<Vec<u8>> {
        let image = list.load(i)?;
        let [_, rows, columns] = image.shape();
        let [height, width] = self.size;
        if [rows, columns] != self.size {
            let file = list.images[i as usize].file.display();
            let message =
                format!("{file} has {rows}x{columns} pixels, other images {height}x{width}");
            return Err(list.error(i, &message));
        }
        Ok(image.into_pixels())
    }
}
