//! Turns a list of labelled images into databases of image pairs, as DIGITS' `create_db.py` of the Siamese example does.
//!
//! A record holds two grey images in the channels of a colour one, blue = first, green = second, red = 0, and in a
//! database of its own the label 1 (same class) or 0. The folder that is made:
//!
//! | name (with `train_` or `val_`) | what |
//! | --- | --- |
//! | `images` | LMDB of Datums 3 x H x W, bytes, label -1; keys `0`, `1`, … without leading zeros |
//! | `labels` | LMDB of Datums 1 x 1 x 1 with one float; the same keys |
//! | `mean.binaryproto`, `mean.png` | the mean of each value, its fraction cut off |
//! | `test_same_class_0.png` … `_9`, `test_different_class_0.png` … `_9` | the first ten pairs of each kind |
//! | `made_of.json` (without) | numbers, seed and checksums of the images that the pairs were made of |

mod images;
mod list;
mod made_of;
mod plan;
mod write;

use std::path::PathBuf;

use crate::file::PendingFolder;
use crate::{Error, Result};
use images::GreyImages;
pub use made_of::differences;
use plan::plan;
use write::write_set;

/// Where labelled images come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Images {
    /// A text file of lines `path label`; other lines are ignored. A relative path is looked for in the current folder, then
    /// beside the list.
    List(PathBuf),
    /// A pair of IDX files, plain or compressed.
    Idx {
        /// The images.
        images: PathBuf,
        /// Their labels.
        labels: PathBuf,
    },
}

/// What to make.
#[derive(Clone, Debug, PartialEq)]
pub struct PairOptions {
    /// The new folder; it must not exist.
    pub folder: PathBuf,
    /// The images of the training pairs.
    pub images: Images,
    /// The images of the validation pairs; without them the training images, as in DIGITS.
    pub val_images: Option<Images>,
    /// Number of training pairs.
    pub count: usize,
    /// Number of validation pairs.
    pub val_count: usize,
    /// The same seed and images give the same pairs.
    pub seed: u64,
    /// The part of pairs of one class, 0 to 1, and no image paired with itself. Without it both images are drawn
    /// independently, as in DIGITS: with ten even classes a tenth of the pairs is of one class.
    pub balance: Option<f64>,
}

impl PairOptions {
    /// DIGITS' defaults: 1000 pairs each from one list.
    pub fn new(folder: PathBuf, images: Images) -> Self {
        let (val_images, count, val_count, seed, balance) = (None, 1000, 1000, 0, None);
        PairOptions { folder, images, val_images, count, val_count, seed, balance }
    }
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Rows and columns of every image.
    pub height: usize,
    /// See `height`.
    pub width: usize,
    /// The training pairs.
    pub train: SetSummary,
    /// The validation pairs.
    pub val: SetSummary,
    /// What the user should know, one sentence each.
    pub warnings: Vec<String>,
}

/// One of the two sets of pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetSummary {
    /// Images to draw from.
    pub images: usize,
    /// Pairs written.
    pub pairs: usize,
    /// Pairs of one class among them.
    pub same: usize,
    /// Pairs of an image with itself among them.
    pub with_itself: usize,
}

/// Makes the folder, or nothing at all; `progress` is told pairs done and pairs in all.
pub fn create_pairs(
    options: &PairOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Summary> {
    if options.count == 0 || options.val_count == 0 {
        return Err(Error::refused("the number of pairs must be at least 1"));
    }
    if options.balance.is_some_and(|part| !(0.0..=1.0).contains(&part)) {
        return Err(Error::refused("the part of pairs of one class must lie between 0 and 1"));
    }
    let total = options
        .count
        .checked_add(options.val_count)
        .filter(|&total| u32::try_from(total).is_ok())
        .ok_or_else(|| Error::refused("more than 4294967295 pairs cannot be made"))?;
    let folder = PendingFolder::create(&options.folder)?;
    let images = GreyImages::open(&options.images)?;
    let val_images = options.val_images.as_ref().map(GreyImages::open).transpose()?;
    let mut warnings = vec![];
    if val_images.is_none() {
        let warning = "the validation pairs are drawn from the training images, so they do not measure how the net \
                       does on new ones";
        warnings.push(warning.to_owned());
    }
    let mut done = 0;
    let mut sets = Vec::with_capacity(2);
    for (stream, name, images, count) in [
        (0, "train", &images, options.count),
        (1, "val", val_images.as_ref().unwrap_or(&images), options.val_count),
    ] {
        let pairs = plan(images, count, options.balance, options.seed, stream)?;
        let mut step = |n| {
            done += n;
            progress(done, total);
        };
        let size = write_set(folder.temporary(), name, images, &pairs, &mut step)
            .map_err(|error| folder.renamed(error))?;
        let same = pairs.iter().filter(|pair| images.label(pair.0) == images.label(pair.1)).count();
        let with_itself = pairs.iter().filter(|pair| pair.0 == pair.1).count();
        let summary = SetSummary { images: images.len(), pairs: count, same, with_itself };
        sets.push((summary, size));
    }
    let [(train, [height, width]), (val, val_size)] =
        <[_; 2]>::try_from(sets).map_err(|_| Error::refused("two sets of pairs are made"))?;
    if val_size != [height, width] {
        let [rows, columns] = val_size;
        let message = format!(
            "the training images have {height}x{width} pixels, the validation images {rows}x{columns}"
        );
        return Err(Error::refused(message));
    }
    made_of::keep(options, folder.temporary())?;
    folder.publish()?;
    Ok(Summary { height, width, train, val, warnings })
}

#[cfg(test)]
mod tests;
