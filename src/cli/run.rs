//! `cortado run`: one pass on given tensors.

use std::path::PathBuf;

use super::check::stages;
use super::complain;
use super::processor::Processor;
use crate::error::Result;
use crate::file::must_differ;
use crate::one_pass::{
    self, PassOptions, by_loss, check_options, fitting, inward, one_pass, outward, second_opinion,
    strangers,
};
use crate::pipeline;
use crate::weights::{read_safetensors, write_safetensors};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The definition
    net: PathBuf,
    /// Inputs: in.<blob>, param.<layer>.<i>, dout.<blob>; for a Lua definition in.0 and so on, target, param.0, dout.0; for
    /// TensorFlow in.x, in.y, param.model/<scope>/<name>
    #[arg(long)]
    tensors: PathBuf,
    /// Where the results go: out.<blob>, loss, and with --backward din.<blob> and dparam.<layer>.<i>, zeros where no
    /// gradient arrives
    #[arg(short, long)]
    output: PathBuf,
    #[command(flatten)]
    definition: super::definition::Arguments,
    /// Also make a backward pass
    #[arg(long)]
    backward: bool,
    /// Compute by candle's own operations in double precision, slowly and without random numbers: to compare
    #[arg(long, conflicts_with_all = ["backward", "device"])]
    candle: bool,
    /// TRAIN or TEST; what the definition's own state says if not given
    #[arg(long)]
    phase: Option<String>,
    #[command(flatten)]
    processor: Processor,
    /// For dropout and for parameters that are not given
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    must_differ(&arguments.output, &arguments.tensors)?;
    let tensors = read_safetensors(&arguments.tensors)?;
    let tensors = one_pass::spelled_out(&arguments.net, tensors);
    let phase = stages(arguments.phase.as_deref())?.into_iter().next();
    let mut options = check_options(&arguments.net, &tensors, phase);
    arguments.definition.tell(&mut options.request);
    let checked = pipeline::check_file(&arguments.net, &options)?;
    complain(&checked)?;
    let pass = PassOptions {
        backward: arguments.backward,
        device: arguments.processor.device,
        threads: arguments.processor.threads,
        seed: arguments.seed,
    };
    let env = pipeline::environment(&options, &|_| None);
    let definition = &checked.definition;
    for complaint in strangers(definition, &checked.stages[0], &tensors) {
        super::warn(&format!("warning: {}: {complaint}", arguments.tensors.display()));
    }
    let compute = if arguments.candle { second_opinion } else { one_pass };
    let given = inward(definition, &tensors);
    fitting(definition, &checked.stages[0], &given)?;
    let mut results = compute(&checked.stages[0], &env, &given, &pass)?;
    if arguments.backward {
        results.extend(by_loss(definition, &checked.stages[0], &env, &given, &pass)?);
    }
    let results = outward(definition, &tensors, results);
    write_safetensors(&arguments.output, results.iter().map(|(n, b)| (n.as_str(), b)))
}
