//! `cortado check`: all complaints, and a table of the layers.

use std::path::PathBuf;

use super::{complain, named_shape, shapes};
use crate::error::{Error, Result};
use crate::ir::NetState;
use crate::pipeline::{self, Options};
use crate::ty::Shape;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The definition
    net: PathBuf,
    /// Only this stage: train, val, deploy, TRAIN or TEST
    #[arg(long)]
    stage: Option<String>,
    /// The shape of a data blob, such as data=64,3,28,28
    #[arg(long, value_parser = named_shape)]
    shape: Vec<(String, Shape)>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let options = Options {
        stages: stages(arguments.stage.as_deref())?,
        shapes: shapes(&arguments.shape),
        ..Options::default()
    };
    let checked = pipeline::check_file(&arguments.net, &options)?;
    complain(&checked)
}

/// The stage of a name, or none for all of them.
pub(super) fn stages(name: Option<&str>) -> Result<Vec<NetState>> {
    let Some(name) = name else { return Ok(vec![]) };
    match NetState::named(name) {
        Some(state) => Ok(vec![state]),
        None => Err(Error::refused(format!(
            "`{name}` is no stage; there are train, val, deploy, TRAIN and TEST"
        ))),
    }
}
