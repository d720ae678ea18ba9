//! `cortado compute-mean`: the mean image of a database, as Caffe's compute_image_mean.

use std::path::PathBuf;

use super::{counted, say};
use crate::data::mean_image::mean_image;
use crate::error::Result;
use crate::file;
use crate::weights::write_binaryproto;

/// Arguments of `compute-mean`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// An LMDB of images
    database: PathBuf,
    /// The mean image to write (.binaryproto)
    output: Option<PathBuf>,
    /// The kind of database; lmdb is the only one
    #[arg(long, default_value = "lmdb")]
    backend: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    super::only_lmdb(&arguments.backend)?;
    if let Some(output) = &arguments.output {
        file::must_differ(output, &arguments.database)?;
        file::must_differ(output, &arguments.database.join("data.mdb"))?;
    }
    let mean = mean_image(&arguments.database)?;
    if let Some(output) = &arguments.output {
        write_binaryproto(output, &mean.image)?;
    }
    let shape = crate::ty::Shape(mean.image.shape[1..].to_vec());
    say(format_args!("{} of {shape}", counted(mean.count as u64, "image")))?;
    for (channel, value) in mean.channels.iter().enumerate() {
        say(format_args!("mean_value channel [{channel}]: {value}"))?;
    }
    Ok(())
}
