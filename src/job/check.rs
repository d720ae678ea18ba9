//! From the file of a net or of a Caffe solver to checked nets; those of a solver as it would train and test them.

use std::path::Path;

use super::{JobOptions, solver_file};
use crate::diag::Diagnostics;
use crate::error::Result;
use crate::file::read_definition;
use crate::front;
use crate::front::caffe::solver::is_solver;
use crate::passes::idle_options::{idle_options, idle_shapes};
use crate::pipeline::{self, Checked, Options};
use crate::source::{FileId, SourceMap, Span};
use crate::spec::{Dialect, Record};

/// Checks a net, or a solver and the nets it names.
///
/// # Errors
/// Only if a file cannot be read: what is wrong in it is among the diagnostics.
pub fn check_file(path: &Path, options: &Options) -> Result<Checked> {
    let text = read_definition(path)?;
    match front::dialect(path) == Dialect::Caffe && is_solver(&text) {
        true => check_solver(path, options),
        false => Ok(pipeline::check(path, text, options)),
    }
}

fn check_solver(path: &Path, options: &Options) -> Result<Checked> {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let plan = solver_file::plan(path, &JobOptions::default(), &mut sources, &mut diagnostics)?;
    let env = pipeline::environment(options, &pipeline::record_shape);
    let mut stages = vec![];
    let nothing = Record { fields: vec![], span: Span::new(FileId(0), 0, 0) };
    let mut definition = front::caffe::definition(&nothing, &mut Diagnostics::default());
    if let Some(plan) = plan {
        let (train, state) = plan.train;
        let mut nets = vec![];
        match options.stages.is_empty() {
            true => {
                nets.push((&train, state));
                nets.extend(plan.tests.iter().map(|((net, state), _)| (net, state.clone())));
            }
            false => nets.extend(options.stages.iter().map(|state| (&train, state.clone()))),
        }
        let definitions: Vec<_> = nets.iter().map(|(net, _)| *net).collect();
        idle_options(&train, false, &options.request.options(), &mut diagnostics);
        idle_shapes(&definitions, &options.shapes, &mut diagnostics);
        for (net, state) in nets {
            stages.push(pipeline::typed_net(net, &state, &env, &mut diagnostics));
        }
        definition = train;
    }
    diagnostics.sort();
    Ok(Checked { sources, diagnostics, definition, stages })
}
