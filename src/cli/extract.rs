//! `cortado extract`: blobs of a trained net for every record of a data set, as Caffe's extract_features.

use std::path::PathBuf;

use super::processor::Processor;
use super::sound;
use crate::error::Result;
use crate::file::{is_run_file, must_differ};
use crate::front::Request;
use crate::job::extract::{ExtractOptions, extract, write_features};

/// Arguments of `extract`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The definition, or a run file, which says its data, mean and batch as well
    net: PathBuf,
    /// The parameters: .caffemodel, .caffemodel.h5, .safetensors or .t7; of a run file the last snapshot if not given
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Names of blobs, with commas between them
    #[arg(long, value_delimiter = ',', required = true)]
    blobs: Vec<String>,
    /// An LMDB of images, instead of what the definition's data layers name
    #[arg(long, conflicts_with = "tensors")]
    data: Option<PathBuf>,
    /// A safetensors file with batches for each input, or the images of a MemoryData layer
    #[arg(long)]
    tensors: Option<PathBuf>,
    /// The mean image that is subtracted, instead of the definition's
    #[arg(long)]
    mean: Option<PathBuf>,
    /// Records in a batch
    #[arg(long, value_parser = super::positive)]
    batch_size: Option<usize>,
    /// Number of records; all once if not given
    #[arg(long, value_parser = super::positive)]
    count: Option<usize>,
    #[command(flatten)]
    definition: super::definition::Arguments,
    /// What to write: .safetensors, .json, or an LMDB (.lmdb or no ending)
    #[arg(short, long)]
    output: PathBuf,
    #[command(flatten)]
    processor: Processor,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    super::tidy_when_stopped()?;
    let mut request = Request::default();
    arguments.definition.tell(&mut request);
    let is_run = is_run_file(&arguments.net);
    let mut options = ExtractOptions {
        net: arguments.net.clone(),
        weights: arguments.weights.clone(),
        blobs: arguments.blobs.iter().map(|name| name.trim().to_owned()).collect(),
        data: arguments.data.clone(),
        tensors: arguments.tensors.clone(),
        mean: arguments.mean.clone(),
        batch_size: arguments.batch_size,
        records: arguments.count,
        request,
        session: arguments.processor.session(),
    };
    if is_run {
        options.complete_from(&arguments.net)?;
        let weights = options.weights.iter().map(|path| ("weights", path));
        let data = options.data.iter().chain(&options.tensors).map(|path| ("data", path));
        for (what, path) in weights.chain(data) {
            super::warn(&format!("{what}: {}", path.display()));
        }
    }
    let read = options.weights.iter().chain(&options.data).chain(&options.tensors);
    for path in read.chain([&arguments.net]) {
        must_differ(&arguments.output, path)?;
    }
    let features = sound(extract(&options)?)?;
    write_features(&arguments.output, &features)?;
    for (name, blob) in &features {
        super::say(format_args!("{name}: {}", crate::ty::Shape(blob.shape.clone())))?;
    }
    Ok(())
}
