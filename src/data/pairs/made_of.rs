//! Keeps what pairs were made of beside them, and tells it from what is asked for.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Images, Layout, PairOptions};
use crate::data::class_folders;
use crate::data::transform::times;
use crate::{Error, Result, file};

/// The file in the folder of the pairs.
const NAME: &str = "made_of.json";

/// What pairs follow from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct MadeOf {
    count: usize,
    val_count: usize,
    seed: u64,
    balance: Option<f64>,
    /// Checksums of the files of the training images.
    images: Vec<String>,
    /// Those of the validation images; without them the training images were taken.
    val_images: Option<Vec<String>>,
    /// Channels of a record.
    #[serde(default = "of_digits")]
    channels: usize,
    #[serde(default)]
    resize: Option<[usize; 2]>,
    #[serde(default)]
    shuffle: bool,
}

fn of_digits() -> usize {
    Layout::Digits.channels()
}

/// Writes what pairs are made of into their folder.
pub(super) fn keep(options: &PairOptions, folder: &Path) -> Result<()> {
    let made = MadeOf {
        count: options.count,
        val_count: options.val_count,
        seed: options.seed,
        balance: options.balance,
        images: checksums(&options.images)?,
        val_images: options.val_images.as_ref().map(checksums).transpose()?,
        channels: options.layout.channels(),
        resize: options.resize,
        shuffle: options.shuffle,
    };
    let path = folder.join(NAME);
    let text =
        serde_json::to_string_pretty(&made).map_err(|e| Error::format(&path, e.to_string()))?;
    file::write_atomically(&path, |writer| writer.write_all(text.as_bytes()))
}

/// In what the pairs of a folder differ from those that the options ask for: `count is 4000 and was 2000`. Images that are
/// no longer there are not compared, nor are pairs of which nobody wrote down what they were made of.
///
/// # Errors
/// A file cannot be read.
pub fn differences(options: &PairOptions) -> Result<Vec<String>> {
    let path = options.folder.join(NAME);
    if !path.exists() {
        return Ok(vec![]);
    }
    let made: MadeOf = serde_json::from_str(&file::read_text(&path)?)
        .map_err(|e| Error::format(&path, format!("does not say what pairs are made of: {e}")))?;
    let mut found = vec![];
    let mut compare = |name: &str, now: String, then: String| {
        if now != then {
            found.push(format!("{name} is {now} and was {then}"));
        }
    };
    let part = |balance: Option<f64>| balance.map_or("not set".to_owned(), |part| part.to_string());
    compare("count", options.count.to_string(), made.count.to_string());
    compare("val_count", options.val_count.to_string(), made.val_count.to_string());
    compare("seed", options.seed.to_string(), made.seed.to_string());
    compare("balance", part(options.balance), part(made.balance));
    compare("channels", options.layout.channels().to_string(), made.channels.to_string());
    let size = |size: Option<[usize; 2]>| size.map_or("not set".to_owned(), |size| times(&size));
    compare("resize", size(options.resize), size(made.resize));
    compare("shuffle", options.shuffle.to_string(), made.shuffle.to_string());
    let there = |images: &Images| files(images).iter().all(|path| path.exists());
    if there(&options.images) && checksums(&options.images)? != made.images {
        found.push("the images are others".to_owned());
    }
    let others = match &options.val_images {
        Some(images) if there(images) => Some(checksums(images)?) != made.val_images,
        Some(_) => made.val_images.is_none(),
        None => made.val_images.is_some(),
    };
    if others {
        found.push("the validation images are others".to_owned());
    }
    Ok(found)
}

fn files(images: &Images) -> Vec<&PathBuf> {
    match images {
        Images::List(list) | Images::Pairs(list) => vec![list],
        Images::Idx { images, labels } => vec![images, labels],
    }
}

/// Length and CRC-32 of each file, of a folder of the list that it stands for.
fn checksums(images: &Images) -> Result<Vec<String>> {
    let one = |path: &&PathBuf| {
        let bytes = match path.is_dir() {
            true => class_folders::as_list(path)?.into_bytes(),
            false => file::read(path)?,
        };
        let mut crc = flate2::Crc::new();
        crc.update(&bytes);
        Ok(format!("{} bytes, CRC-32 {:08x}", bytes.len(), crc.sum()))
    };
    files(images).iter().map(one).collect()
}
