//! Holds the images that pairs are made of: of one size and kind, decoded once if they fit into memory.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;

use rayon::prelude::*;

use super::list::{Listed, read_list, read_pairs};
use super::plan::Planned;
use super::{Images, Layout, PairOptions};
use crate::data::bilinear::resize;
use crate::data::idx::{IdxImages, read_idx_pair};
use crate::data::images::Image;
use crate::data::transform::times;
use crate::{Error, Result, file};

/// Decoded files are kept up to this many bytes.
const CACHE_BYTES: usize = 1 << 30;

/// Images by number, with their labels or with the pairs that are made of them.
pub struct PairImages {
    /// Of images that pairs are drawn from.
    labels: Vec<u64>,
    /// Of images whose pairs are listed.
    pairs: Option<Vec<Planned>>,
    pixels: Pixels,
    layout: Layout,
    resize: Option<[usize; 2]>,
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
    /// Image `i`; complaints name its line.
    fn load(&self, i: u32) -> Result<Image> {
        let image = Image::load(&self.images[i as usize].file);
        image.map_err(|e| {
            let listed = &self.images[i as usize].file;
            self.error(i, &format!("{e}{}", file::where_relative(&self.path, listed)))
        })
    }

    fn error(&self, i: u32, message: &str) -> Error {
        let line = self.images[i as usize].line;
        Error::at_line(&self.path, line, message)
    }
}

/// Images that are ready to be copied; made for the pairs of one set.
pub struct Decoded<'a> {
    images: &'a PairImages,
    /// Rows and columns of every image.
    pub size: [usize; 2],
    cache: HashMap<u32, Vec<u8>>,
}

impl PairImages {
    /// Reads the list, or the IDX files.
    pub fn open(images: &Images, options: &PairOptions) -> Result<Self> {
        let layout = options.layout;
        let files = |path: &PathBuf, images| Pixels::Files(List { path: path.clone(), images });
        let (labels, pairs, pixels) = match images {
            Images::List(path) => {
                let (images, labels) = read_list(path)?;
                (labels, None, files(path, images))
            }
            Images::Pairs(path) => {
                let (images, pairs) = read_pairs(path)?;
                (vec![], Some(pairs), files(path, images))
            }
            Images::Idx { images, .. } if layout == Layout::Colour => {
                let why = "holds grey images; colour pairs are made of image files, a list of `path label` lines";
                return Err(Error::format(images, why));
            }
            Images::Idx { images, labels } => {
                let (pictures, classes) = read_idx_pair(images, labels)?;
                if classes.is_empty() {
                    return Err(Error::format(images, "holds no images"));
                }
                (classes.into_iter().map(u64::from).collect(), None, Pixels::Idx(pictures))
            }
        };
        let images = PairImages { labels, pairs, pixels, layout, resize: options.resize };
        if u32::try_from(images.len()).is_err() {
            return Err(Error::refused("pairs of more than 4294967295 images cannot be made"));
        }
        Ok(images)
    }

    /// The number of images, at least 1.
    pub fn len(&self) -> usize {
        match &self.pixels {
            Pixels::Files(list) => list.images.len(),
            Pixels::Idx(_) => self.labels.len(),
        }
    }

    /// Bytes of the images and labels that are in memory before any pair is made.
    pub fn bytes(&self) -> usize {
        let pixels = match &self.pixels {
            Pixels::Files(list) => size_of_val(&list.images[..]),
            Pixels::Idx(images) => images.pixels.len(),
        };
        pixels.saturating_add(size_of_val(&self.labels[..]))
    }

    /// Rows and columns of the images in records, where they are known before any is read.
    pub fn size(&self) -> Option<[usize; 2]> {
        match &self.pixels {
            Pixels::Files(_) => self.resize,
            Pixels::Idx(idx) => Some(self.resize.unwrap_or([idx.height, idx.width])),
        }
    }

    /// The class of image `i`; 0 where pairs are listed, which have labels of their own.
    pub fn label(&self, i: u32) -> u64 {
        self.labels.get(i as usize).copied().unwrap_or(0)
    }

    /// The pairs, where they are listed.
    pub fn listed(&self) -> Option<&[Planned]> {
        self.pairs.as_deref()
    }

    /// An image as it lies in a record: its channels, and resized if it must be. The error is a sentence.
    fn adapted(&self, image: Image) -> Result<Image, String> {
        let image = self.layout.adapt(image);
        let Some(target) = self.resize else { return Ok(image) };
        resize(&image, target).ok_or_else(|| format!("cannot be resized to {}", times(&target)))
    }

    /// Prepares the images numbered in `pairs`; files are decoded on all processors.
    pub fn decode(&self, pairs: &[Planned]) -> Result<Decoded<'_>> {
        let list = match &self.pixels {
            Pixels::Idx(idx) => {
                let size = self.size().unwrap_or([idx.height, idx.width]);
                return Ok(Decoded { images: self, size, cache: HashMap::new() });
            }
            Pixels::Files(list) => list,
        };
        let number = pairs.first().map_or(0, |planned| planned.pair.0);
        let first = self.adapted(list.load(number)?).map_err(|why| list.error(number, &why))?;
        let [channels, height, width] = first.shape();
        let mut decoded = Decoded { images: self, size: [height, width], cache: HashMap::new() };
        let mut is_used = vec![false; list.images.len()];
        for &(one, other) in pairs.iter().map(|planned| &planned.pair) {
            is_used[one as usize] = true;
            is_used[other as usize] = true;
        }
        let used = (0..).zip(is_used).filter_map(|(i, is_used)| is_used.then_some(i));
        let used: Vec<u32> = used.take(CACHE_BYTES / (channels * height * width)).collect();
        let work = used.into_par_iter().map(|i| Ok((i, decoded.load(list, i)?)));
        let cache = work.collect::<Result<_>>()?;
        decoded.cache = cache;
        Ok(decoded)
    }
}

impl Decoded<'_> {
    /// The pixels of image `i`, channel by channel, row by row.
    pub fn get(&self, i: u32) -> Result<Cow<'_, [u8]>> {
        if let Some(pixels) = self.cache.get(&i) {
            return Ok(Cow::Borrowed(pixels));
        }
        match &self.images.pixels {
            Pixels::Idx(idx) => {
                let missing = || Error::refused(format!("there is no image {i}"));
                let pixels = idx.get(i as usize).ok_or_else(missing)?;
                if self.images.resize.is_none() {
                    return Ok(Cow::Borrowed(pixels));
                }
                let image = Image::new(1, idx.height, idx.width, pixels.to_vec());
                let image = self.images.adapted(image.ok_or_else(missing)?);
                Ok(Cow::Owned(
                    image.map_err(|why| Error::refused(format!("image {i} {why}")))?.into_pixels(),
                ))
            }
            Pixels::Files(list) => self.load(list, i).map(Cow::Owned),
        }
    }

    fn load(&self, list: &List, i: u32) -> Result<Vec<u8>> {
        let adapted = self.images.adapted(list.load(i)?);
        let image = adapted.map_err(|why| list.error(i, &why))?;
        let [_, rows, columns] = image.shape();
        let [height, width] = self.size;
        if [rows, columns] != self.size {
            let file = list.images[i as usize].file.display();
            let message = format!(
                "{file} has {rows}x{columns} pixels, other images {height}x{width}; --resize_height and --resize_width \
                 give all images one size"
            );
            return Err(list.error(i, &message));
        }
        Ok(image.into_pixels())
    }
}
