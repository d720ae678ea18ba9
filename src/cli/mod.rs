//! The command line: parses arguments, calls the library, renders. One file a verb.
//!
//! Exit codes: 0 done, 1 an error in what was given, 2 a wrong command line.

mod check;
mod clusters;
mod create_db;
mod infer;
mod run;
mod train;

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::pipeline::Checked;
use crate::source::SourceMap;
use crate::ty::Shape;

/// Reads network definitions of Caffe, Torch7 and DIGITS-TensorFlow; checks, draws, trains and runs them.
#[derive(Debug, Parser)]
#[command(name = "cortado", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check a definition at every stage and print its layers
    Check(check::Arguments),
    /// Make LMDBs of image pairs, as DIGITS' create_db.py does
    CreateDb(create_db::Arguments),
    /// Train a net from a run file or a Caffe solver
    Train(train::Arguments),
    /// Test a snapshot on the validation data
    Test(train::TestArguments),
    /// Run images through a trained net
    Infer(infer::Arguments),
    /// Draw the embedding of labelled images by class
    Clusters(clusters::Arguments),
    /// One forward pass, and with --backward one backward pass, on given tensors
    Run(run::Arguments),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.verb {
        Verb::Check(arguments) => check::run(&arguments),
        Verb::CreateDb(arguments) => create_db::run(&arguments),
        Verb::Train(arguments) => train::train(&arguments),
        Verb::Test(arguments) => train::test(&arguments),
        Verb::Infer(arguments) => infer::run(&arguments),
        Verb::Clusters(arguments) => clusters::run(&arguments),
        Verb::Run(arguments) => run::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Definition) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what there is to complain about; an error if something is one.
fn complain(checked: &Checked) -> Result<()> {
    complain_about(&checked.diagnostics, &checked.sources)
}

fn complain_about(diagnostics: &Diagnostics, sources: &SourceMap) -> Result<()> {
    if !diagnostics.is_empty() {
        let color = std::io::IsTerminal::is_terminal(&std::io::stderr());
        eprint!("{}", crate::diag::render::render(diagnostics, sources, color));
        eprintln!("{}", crate::diag::render::summary(diagnostics));
    }
    match diagnostics.has_errors() {
        true => Err(Error::Definition),
        false => Ok(()),
    }
}

/// A `--shape data=64,3,28,28`.
fn named_shape(text: &str) -> Result<(String, Shape), String> {
    let (name, dims) = text.split_once('=').ok_or("write it as data=64,3,28,28")?;
    let dims: Result<Vec<usize>, _> = dims.split([',', 'x']).map(|d| d.trim().parse()).collect();
    Ok((name.to_owned(), Shape(dims.map_err(|_| format!("`{text}` holds a wrong number"))?)))
}

fn shapes(given: &[(String, Shape)]) -> BTreeMap<String, Shape> {
    given.iter().cloned().collect()
}
