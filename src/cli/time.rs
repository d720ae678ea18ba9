//! `cortado time`: milliseconds of every layer, forward and backward.

use std::path::PathBuf;

use super::check::stages;
use super::processor::Processor;
use super::{complain, named_shape, print, shapes, terminal};
use crate::error::{Error, Result};
use crate::job;
use crate::job::timing::time;
use crate::pipeline::{self, Options};
use crate::report::timing::{table, to_json};
use crate::ty::Shape;

/// Arguments of `time`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The definition, or a run file or solver that names it
    net: PathBuf,
    /// Passes that are timed
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    iterations: u64,
    /// Parameters: .caffemodel, .caffemodel.h5, .safetensors or .t7; those of the fillers if not given
    #[arg(long)]
    weights: Option<PathBuf>,
    /// TRAIN, TEST, or a stage of DIGITS: train, val, deploy; training if not given
    #[arg(long, visible_alias = "stage")]
    phase: Option<String>,
    /// The shape of a data blob, such as data=64,3,28,28; inputs of a Lua definition are 0, 1 and so on, its labels target
    #[arg(long, value_parser = named_shape)]
    shape: Vec<(String, Shape)>,
    #[command(flatten)]
    definition: super::definition::Arguments,
    #[command(flatten)]
    processor: Processor,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut options = Options {
        stages: stages(arguments.phase.as_deref())?,
        shapes: shapes(&arguments.shape),
        training: true,
        ..Options::default()
    };
    arguments.definition.tell(&mut options.request);
    let mut checked = job::check_file(&arguments.net, &options)?;
    complain(&checked)?;
    if checked.stages.is_empty() {
        return Err(Error::refused("the definition has no layers to time"));
    }
    let typed = checked.stages.swap_remove(checked.trained());
    let label = typed.net.state.label();
    let env = pipeline::environment(&options, &pipeline::record_shape);
    let session = arguments.processor.session();
    let weights = arguments.weights.as_deref();
    let timing = time(typed, &env, weights, arguments.iterations, &session)?;
    if arguments.json {
        return print(&format!("{:#}\n", to_json(&timing)));
    }
    let name = &checked.definition.name;
    let name = if name.is_empty() { "net" } else { name };
    print(&format!(
        "{name} at {label} on {}\n{}",
        session.device,
        table(&timing, terminal::width())
    ))
}
