//! `cortado convert-imageset`: listed image files as an LMDB, as Caffe's convert_imageset.

use std::io::IsTerminal;
use std::path::PathBuf;

use indicatif::ProgressBar;

use crate::data::imageset::{ImageSetOptions, convert_imageset};
use crate::error::{Error, Result};

/// Arguments of `convert-imageset`, with the names that Caffe's tool has.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Put before every path of the list
    root: String,
    /// Lines of `path label`
    list: PathBuf,
    /// The database to make
    database: PathBuf,
    /// One channel instead of three
    #[arg(long, alias = "grey")]
    gray: bool,
    /// A random order instead of that of the list
    #[arg(long)]
    shuffle: bool,
    /// The same seed gives the same order
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The kind of database; lmdb is the only one
    #[arg(long, default_value = "lmdb")]
    backend: String,
    /// Columns that images are resized to
    #[arg(long = "resize_width", alias = "resize-width", requires = "resize_height")]
    resize_width: Option<usize>,
    /// Rows that images are resized to
    #[arg(long = "resize_height", alias = "resize-height", requires = "resize_width")]
    resize_height: Option<usize>,
    /// Images of different sizes are an error
    #[arg(long = "check_size", alias = "check-size")]
    check_size: bool,
    /// Keep image files instead of pixels
    #[arg(long)]
    encoded: bool,
    /// The kind of those files: png, jpg, bmp; that of the listed file if not given
    #[arg(long = "encode_type", alias = "encode-type", requires = "encoded")]
    encode_type: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.backend != "lmdb" {
        let backend = &arguments.backend;
        return Err(Error::refused(format!("`{backend}` cannot be written; lmdb can")));
    }
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
        encoded: arguments.encoded,
        encode_type: arguments.encode_type.as_ref().map(|kind| kind.to_ascii_lowercase()),
    };
    let bar = std::io::stderr().is_terminal().then(|| ProgressBar::new(0));
    let count = convert_imageset(&options, &mut |done, total| {
        if let Some(bar) = &bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
    })?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    println!("{count} images in {}", options.database.display());
    Ok(())
}
