//! `cortado create-db`: pairs of images as LMDBs, as DIGITS' create_db.py makes them.

use std::path::PathBuf;

use crate::data::pairs::{Images, PairOptions, create_pairs};
use crate::error::{Error, Result};

/// Arguments of `create-db`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The new folder
    folder: PathBuf,
    /// Lines of `path label`
    #[arg(required_unless_present = "idx", conflicts_with = "idx")]
    list: Option<PathBuf>,
    /// IDX images and labels, plain or gzip, instead of a list
    #[arg(long, num_args = 2, value_names = ["IMAGES", "LABELS"])]
    idx: Option<Vec<PathBuf>>,
    /// Number of training pairs
    #[arg(short, long, default_value_t = 1000)]
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
    let images = images(arguments.list.clone(), arguments.idx.as_deref());
    let images = images.ok_or_else(|| Error::refused("name a list of images, or --idx"))?;
    let options = PairOptions {
        val_images: self::images(arguments.val_list.clone(), arguments.val_idx.as_deref()),
        count: arguments.count,
        val_count: arguments.val_count,
        seed: arguments.seed,
        balance: arguments.balance,
        ..PairOptions::new(arguments.folder.clone(), images)
    };
    let summary = super::watched("pairs", |show| create_pairs(&options, show))?;
    for (name, set) in [("train", &summary.train), ("val", &summary.val)] {
        super::say(format_args!(
            "{name}: {} pairs of {} images, {} of one class, {} of an image with itself",
            set.pairs, set.images, set.same, set.with_itself
        ))?;
    }
    for warning in &summary.warnings {
        super::warn(&format!("warning: {warning}"));
    }
    Ok(())
}

fn images(list: Option<PathBuf>, idx: Option<&[PathBuf]>) -> Option<Images> {
    match (list, idx) {
        (Some(list), _) => Some(Images::List(list)),
        (None, Some([images, labels])) => {
            Some(Images::Idx { images: images.clone(), labels: labels.clone() })
        }
        _ => None,
    }
}
