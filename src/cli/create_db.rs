//! `cortado create-db`: pairs of images as LMDBs, as DIGITS' create_db.py makes them.

use std::path::PathBuf;

use super::counted;
use crate::data::pairs::{Images, Layout, PairOptions, create_pairs};
use crate::error::{Error, Result};

/// Arguments of `create-db`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The new folder
    folder: PathBuf,
    /// Lines of `path label`, or a folder with one folder of images for each class, of which pairs are drawn
    #[arg(required_unless_present_any = ["idx", "pairs"], conflicts_with_all = ["idx", "pairs"])]
    list: Option<PathBuf>,
    /// IDX images and labels, plain or gzip, instead of a list
    #[arg(long, num_args = 2, value_names = ["IMAGES", "LABELS"])]
    idx: Option<Vec<PathBuf>>,
    /// Lines of `path path label`, each of them a pair: 1 for alike, 0 for different images
    #[arg(long, value_name = "LIST", conflicts_with_all = ["idx", "count", "val_count", "balance", "val_list", "val_idx"])]
    pairs: Option<PathBuf>,
    /// Listed pairs for validation; without them there are none
    #[arg(long, value_name = "LIST", requires = "pairs")]
    val_pairs: Option<PathBuf>,
    /// Write listed pairs in a random order, as Caffe's data layers read them in that of the database
    #[arg(long, requires = "pairs")]
    shuffle: bool,
    /// Channels of a record: 3 for two grey images and zeros, as in DIGITS; 2 for two grey images, as in Caffe's Siamese
    /// example; 6 for two colour images, blue first, which a Slice at 3 takes apart
    #[arg(long, default_value = "3", value_parser = layout)]
    channels: Layout,
    /// Rows that images are resized to
    #[arg(long = "resize_height", alias = "resize-height", requires = "resize_width")]
    resize_height: Option<usize>,
    /// Columns that images are resized to
    #[arg(long = "resize_width", alias = "resize-width", requires = "resize_height")]
    resize_width: Option<usize>,
    /// Number of training pairs
    #[arg(short, long, alias = "image_count", alias = "image-count", default_value_t = 1000)]
    count: usize,
    /// Number of validation pairs
    #[arg(long, default_value_t = 1000)]
    val_count: usize,
    /// Validation pairs from a list of their own
    #[arg(long, conflicts_with = "val_idx")]
    val_list: Option<PathBuf>,
    /// Validation pairs from IDX files of their own
    #[arg(long, num_args = 2, value_names = ["IMAGES", "LABELS"])]
    val_idx: Option<Vec<PathBuf>>,
    /// The same seed and images give the same pairs
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The part of pairs of one class, 0 to 1; without it both images are drawn independently, as in DIGITS
    #[arg(long)]
    balance: Option<f64>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    super::tidy_when_stopped()?;
    let [list, val_list] =
        [(&arguments.list, &arguments.pairs), (&arguments.val_list, &arguments.val_pairs)];
    let images = images(list, arguments.idx.as_deref());
    let images = images.ok_or_else(|| Error::refused("name a list of images, --pairs or --idx"))?;
    let options = PairOptions {
        val_images: self::images(val_list, arguments.val_idx.as_deref()),
        count: arguments.count,
        val_count: arguments.val_count,
        seed: arguments.seed,
        balance: arguments.balance,
        layout: arguments.channels,
        resize: arguments.resize_height.zip(arguments.resize_width).map(<[usize; 2]>::from),
        shuffle: arguments.shuffle,
        ..PairOptions::new(arguments.folder.clone(), images)
    };
    let summary = super::watched("pairs", |show| create_pairs(&options, show))?;
    let sets = [("train", Some(&summary.train)), ("val", summary.val.as_ref())];
    for (name, set) in sets.into_iter().filter_map(|(name, set)| Some((name, set?))) {
        let same = match arguments.pairs {
            Some(_) => "alike",
            None => "of one class",
        };
        super::say(format_args!(
            "{name}: {} of {}, {} {same}, {} of an image with itself",
            counted(set.pairs as u64, "pair"),
            counted(set.images as u64, "image"),
            set.same,
            set.with_itself
        ))?;
    }
    for warning in &summary.warnings {
        super::warn(&format!("warning: {warning}"));
    }
    Ok(())
}

fn images(
    (list, pairs): (&Option<PathBuf>, &Option<PathBuf>),
    idx: Option<&[PathBuf]>,
) -> Option<Images> {
    match (list, pairs, idx) {
        (Some(list), _, _) => Some(Images::List(list.clone())),
        (_, Some(pairs), _) => Some(Images::Pairs(pairs.clone())),
        (_, _, Some([images, labels])) => {
            Some(Images::Idx { images: images.clone(), labels: labels.clone() })
        }
        _ => None,
    }
}

fn layout(text: &str) -> Result<Layout, String> {
    let layout = text.parse().ok().and_then(Layout::of);
    layout.ok_or_else(|| "a record has 2, 3 or 6 channels".to_owned())
}
