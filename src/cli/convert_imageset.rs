//! `cortado convert-imageset`: listed image files as an LMDB, as Caffe's convert_imageset.

use std::path::{Path, PathBuf};

use clap::ArgAction::Set;

use super::counted;
use crate::data::class_folders;
use crate::data::imageset::{ImageSetOptions, convert_imageset};
use crate::error::Result;

/// Arguments of `convert-imageset`, with the names that Caffe's tool has.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Put before every path of the list
    root: String,
    /// Lines of `path label`, or a folder with one folder of images for each class
    list: PathBuf,
    /// The database to make
    database: PathBuf,
    /// One channel instead of three
    #[arg(long, alias = "grey", action = Set, num_args = 0..=1, require_equals = true, default_value_t = false,
        default_missing_value = "true", hide_default_value = true, hide_possible_values = true, value_name = "true|false")]
    gray: bool,
    /// A random order instead of that of the list
    #[arg(long, action = Set, num_args = 0..=1, require_equals = true, default_value_t = false,
        default_missing_value = "true", hide_default_value = true, hide_possible_values = true, value_name = "true|false")]
    shuffle: bool,
    /// The same seed gives the same order
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The kind of database; lmdb is the only one
    #[arg(long, default_value = "lmdb")]
    backend: String,
    /// Columns that images are resized to; without rows, or 0, they stay as they are
    #[arg(long = "resize_width", alias = "resize-width")]
    resize_width: Option<usize>,
    /// Rows that images are resized to, likewise
    #[arg(long = "resize_height", alias = "resize-height")]
    resize_height: Option<usize>,
    /// Images of different sizes are an error
    #[arg(long = "check_size", alias = "check-size", action = Set, num_args = 0..=1, require_equals = true,
        default_value_t = false, default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_name = "true|false")]
    check_size: bool,
    /// Keep image files instead of pixels
    #[arg(long, action = Set, num_args = 0..=1, require_equals = true, default_value_t = false,
        default_missing_value = "true", hide_default_value = true, hide_possible_values = true, value_name = "true|false")]
    encoded: bool,
    /// The kind of those files: png, jpg, bmp; that of the listed file if not given. Without --encoded it says that too
    #[arg(long = "encode_type", alias = "encode-type")]
    encode_type: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    super::tidy_when_stopped()?;
    super::only_lmdb(&arguments.backend)?;
    // Caffe's tool takes a size of 0 for none.
    let size = arguments.resize_height.zip(arguments.resize_width);
    let options = ImageSetOptions {
        root: arguments.root.clone(),
        list: arguments.list.clone(),
        database: arguments.database.clone(),
        grey: arguments.gray,
        shuffle: arguments.shuffle.then_some(arguments.seed),
        resize: size.filter(|&size| size != (0, 0)).map(|(height, width)| [height, width]),
        check_size: arguments.check_size,
        encoded: arguments.encoded || arguments.encode_type.is_some(),
        encode_type: arguments.encode_type.as_ref().map(|kind| kind.to_ascii_lowercase()),
    };
    if options.list.is_dir() {
        for (label, class) in class_folders::classes(&options.list)?.iter().enumerate() {
            super::say(format_args!("class {label}: {class}"))?;
        }
    }
    let set = super::watched("images", |show| convert_imageset(&options, show));
    let root = &options.root;
    let is_folder = !root.is_empty() && !root.ends_with('/') && Path::new(root).is_dir();
    if is_folder && set.as_ref().map_or(true, |set| !set.unread.is_empty()) {
        super::warn(&format!(
            "note: ROOT is put before every path of the list as it is; for the folder write `{root}/`"
        ));
    }
    let set = set?;
    set.unread.iter().for_each(|why| super::warn(&format!("warning: {why}")));
    if !set.unread.is_empty() {
        let images = counted(set.unread.len() as u64, "image");
        super::warn(&format!("{images} could not be read and left out"));
    }
    let images = counted(set.count as u64, "image");
    super::say(format_args!("{images} in {}", options.database.display()))
}
