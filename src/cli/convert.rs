//! `cortado convert`: a definition or solver of any earlier Caffe in its modern, canonical form.

use std::path::PathBuf;

use super::complain_about;
use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::file::{read, write_atomically};
use crate::front::caffe::legacy::{order, upgrade_net, upgrade_solver};
use crate::front::caffe::{parse, print};
use crate::source::SourceMap;

/// Arguments of `convert`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The old prototxt, a net or a solver
    old: PathBuf,
    /// Where the modern one goes
    new: PathBuf,
}

/// Fields that only a solver has; one of them tells the two kinds of file apart.
const OF_SOLVERS: [&str; 8] = [
    "base_lr",
    "lr_policy",
    "max_iter",
    "net",
    "train_net",
    "solver_type",
    "solver_mode",
    "test_iter",
];

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let text = String::from_utf8(read(&arguments.old)?)
        .map_err(|_| Error::format(&arguments.old, "is not a text file"))?;
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add(&arguments.old, text.as_str());
    let tree = parse(file, &text, &mut diagnostics);
    let is_solver = tree.fields.iter().any(|f| OF_SOLVERS.contains(&f.name.value.as_str()));
    let mut modern = match is_solver {
        true => upgrade_solver(tree, &mut diagnostics),
        false => upgrade_net(tree, &mut diagnostics),
    };
    diagnostics.sort();
    complain_about(&diagnostics, &sources)?;
    order::sort(&mut modern, if is_solver { "solver" } else { "net" });
    let text = print(&modern);
    write_atomically(&arguments.new, |file| file.write_all(text.as_bytes()))
}
