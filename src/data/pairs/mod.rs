//! Turns a list of labelled images, or of pairs, into databases of image pairs, as DIGITS' `create_db.py` of the Siamese
//! example does.
//!
//! A record holds two images as its [`Layout`] says, by default both grey in the channels of a colour image, blue = first,
//! green = second, red = 0, and in a database of its own the label 1 (same class) or 0, or that of the pair's line. The folder
//! that is made:
//!
//! | name (with `train_` or `val_`) | what |
//! | --- | --- |
//! | `images` | LMDB of Datums C x H x W, bytes; keys `0`, `1`, … without leading zeros. Their own label is -1, as in DIGITS, or for 2 and 6 channels that of the pair, as in Caffe's Siamese example |
//! | `labels` | LMDB of Datums 1 x 1 x 1 with one float; the same keys |
//! | `mean.binaryproto`, `mean.png` | the mean of each value; for 3 channels its fraction is cut off, as in DIGITS |
//! | `test_same_class_0.png` … `_9`, `test_different_class_0.png` … `_9` | the first ten pairs of each kind |
//! | `made_of.json` (without) | numbers, seed and checksums of the images that the pairs were made of |
//!
//! Pictures of 2 and 6 channels show the two images side by side.

mod images;
mod layout;
mod list;
mod made_of;
mod plan;
mod write;

use std::path::PathBuf;

use crate::file::PendingFolder;
use crate::{Error, Result};
use images::PairImages;
pub use layout::Layout;
pub use made_of::differences;
use plan::{Planned, as_listed, plan};
use write::write_set;

/// Where labelled images, or pairs of images, come from.
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
    /// A text file of lines `path path label`, each of them a pair; lines that do not end in a whole number are ignored. Paths
    /// are looked for as those of a list.
    Pairs(PathBuf),
}

/// What to make.
#[derive(Clone, Debug, PartialEq)]
pub struct PairOptions {
    /// The new folder; it must not exist.
    pub folder: PathBuf,
    /// The images of the training pairs.
    pub images: Images,
    /// The images of the validation pairs; without them the training images, as in DIGITS. Where the training pairs are
    /// listed, there are then no validation pairs.
    pub val_images: Option<Images>,
    /// Number of training pairs that are drawn; listed pairs are all taken.
    pub count: usize,
    /// Number of validation pairs that are drawn.
    pub val_count: usize,
    /// The same seed and images give the same pairs.
    pub seed: u64,
    /// What a record is made of.
    pub layout: Layout,
    /// Rows and columns that images are resized to, as OpenCV does it.
    pub resize: Option<[usize; 2]>,
    /// Whether listed pairs are written in a random order.
    pub shuffle: bool,
    /// The part of pairs of one class, 0 to 1, and no image paired with itself. Without it both images are drawn
    /// independently, as in DIGITS: with ten even classes a tenth of the pairs is of one class.
    pub balance: Option<f64>,
}

impl PairOptions {
    /// DIGITS' defaults: 1000 pairs each from one list.
    pub fn new(folder: PathBuf, images: Images) -> Self {
        PairOptions {
            folder,
            images,
            val_images: None,
            count: 1000,
            val_count: 1000,
            seed: 0,
            layout: Layout::Digits,
            resize: None,
            shuffle: false,
            balance: None,
        }
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
    /// The validation pairs, if there are any.
    pub val: Option<SetSummary>,
    /// What the user should know, one sentence each.
    pub warnings: Vec<String>,
    /// Bytes of memory that making them took.
    pub memory: u64,
}

/// What is known of pairs before they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// Rows and columns of every image of IDX files; none of files, which are not opened.
    pub size: Option<[usize; 2]>,
    /// Bytes of memory that making them takes.
    pub memory: u64,
}

/// Looks at the images of pairs that are not made yet.
///
/// # Errors
/// The images, or the list of them, cannot be read.
pub fn foresee(options: &PairOptions) -> Result<Foreseen> {
    let images = PairImages::open(&options.images, options)?;
    let of_val = options.val_images.as_ref();
    let val_images = of_val.map(|images| PairImages::open(images, options)).transpose()?;
    Ok(Foreseen { size: images.size(), memory: memory(options, &images, val_images.as_ref()) })
}

/// Bytes of memory that making pairs takes: all images, the pairs of one set, and what waits to be written.
fn memory(options: &PairOptions, images: &PairImages, val: Option<&PairImages>) -> u64 {
    let pairs = options.count.max(options.val_count).saturating_mul(size_of::<Planned>());
    let all = [images.bytes(), val.map_or(0, PairImages::bytes), pairs, write::MEMORY];
    all.into_iter().fold(0, usize::saturating_add) as u64
}

/// One of the two sets of pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetSummary {
    /// Images to draw from.
    pub images: usize,
    /// Pairs written.
    pub pairs: usize,
    /// Pairs of one class among them, or of a label that is not 0.
    pub same: usize,
    /// Pairs of an image with itself among them.
    pub with_itself: usize,
}

/// Makes the folder, or nothing at all; `progress` is told pairs done and pairs in all.
pub fn create_pairs(
    options: &PairOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Summary> {
    for (set, option, count) in
        [("training", "--count", options.count), ("validation", "--val-count", options.val_count)]
    {
        if count == 0 {
            let why = format!("the number of {set} pairs ({option}) must be at least 1");
            return Err(Error::refused(why));
        }
    }
    if options.balance.is_some_and(|part| !(0.0..=1.0).contains(&part)) {
        return Err(Error::refused(
            "the part of pairs of one class (--balance) must lie between 0 and 1",
        ));
    }
    let folder = PendingFolder::create(&options.folder)?;
    let images = PairImages::open(&options.images, options)?;
    let val_images =
        options.val_images.as_ref().map(|images| PairImages::open(images, options)).transpose()?;
    let memory = memory(options, &images, val_images.as_ref());
    let mut warnings = vec![];
    let val = match (&val_images, images.listed()) {
        (Some(images), _) => Some(images),
        (None, Some(_)) => None,
        (None, None) => {
            let warning = "the validation pairs are drawn from the training images, so they do not measure how the \
                           net does on new ones";
            warnings.push(warning.to_owned());
            Some(&images)
        }
    };
    let count = |images: &PairImages, drawn| images.listed().map_or(drawn, <[Planned]>::len);
    let total = count(&images, options.count)
        .checked_add(val.map_or(0, |images| count(images, options.val_count)))
        .filter(|&total| u32::try_from(total).is_ok())
        .ok_or_else(|| Error::refused("more than 4294967295 pairs cannot be made"))?;
    let mut done = 0;
    let mut size = None;
    let mut make = |stream, name: &str, images: &PairImages, count| -> Result<SetSummary> {
        let pairs = match images.listed() {
            Some(pairs) => as_listed(pairs, options.shuffle.then_some(options.seed), stream),
            None => plan(images, count, options.balance, options.seed, stream)?,
        };
        let coming = total - done;
        let mut step = |n| {
            done += n;
            progress(done, total);
        };
        let own = write_set(folder.temporary(), name, images, &pairs, (options, coming), &mut step)
            .map_err(|error| folder.renamed(error))?;
        let [height, width] = *size.get_or_insert(own);
        if own != [height, width] {
            let [rows, columns] = own;
            let message = format!(
                "the training images have {height}x{width} pixels, the validation images {rows}x{columns}"
            );
            return Err(Error::refused(message));
        }
        warnings.extend(strange_labels(name, images, &pairs));
        let same = pairs.iter().filter(|planned| planned.is_same()).count();
        let with_itself = pairs.iter().filter(|planned| planned.pair.0 == planned.pair.1).count();
        Ok(SetSummary { images: images.len(), pairs: pairs.len(), same, with_itself })
    };
    let train = make(0, "train", &images, options.count)?;
    let val = val.map(|images| make(1, "val", images, options.val_count)).transpose()?;
    let [height, width] = size.unwrap_or_default();
    made_of::keep(options, folder.temporary())?;
    folder.publish()?;
    Ok(Summary { height, width, train, val, warnings, memory })
}

/// What is odd about the labels of listed pairs.
fn strange_labels(name: &str, images: &PairImages, pairs: &[Planned]) -> Option<String> {
    images.listed()?;
    let labels: std::collections::BTreeSet<i32> =
        pairs.iter().map(|planned| planned.label).collect();
    let shown: Vec<String> = labels.iter().take(4).map(i32::to_string).collect();
    let (shown, more) = (shown.join(", "), if 4 < labels.len() { " ..." } else { "" });
    match (labels.len(), labels.iter().all(|label| matches!(label, 0 | 1))) {
        (1, _) => Some(format!("all {name} pairs have the label {shown}")),
        (_, false) => Some(format!(
            "the labels of the {name} pairs are {shown}{more}; a contrastive loss takes 0 for different images and every \
             other number for alike ones"
        )),
        (_, true) => None,
    }
}

#[cfg(test)]
mod tests;
