//! From the file of a net, of a Caffe solver or of a run to checked nets; those of a solver and of a run as they would be
//! trained and tested.

use std::path::Path;

use super::data::Inputs;
use super::missing::report_missing;
use super::{JobOptions, is_run_file, run_file, solver_file};
use crate::diag::Diagnostics;
use crate::error::Result;
use crate::file::read_definition;
use crate::front;
use crate::front::caffe::solver::is_solver;
use crate::ir::Definition;
use crate::passes::idle_options::{idle_options, idle_shapes};
use crate::pipeline::{self, Checked, Options};
use crate::source::{FileId, SourceMap, Span};
use crate::spec::{Dialect, Record};

/// Checks a net, or a solver or a run file and the nets they name.
///
/// # Errors
/// Only if a file cannot be read: what is wrong in it is among the diagnostics.
pub fn check_file(path: &Path, options: &Options) -> Result<Checked> {
    if is_run_file(path) {
        return check_run(path, options);
    }
    let text = read_definition(path)?;
    let is_text = front::dialect(path) == Dialect::Caffe && !front::makes_caffe(path);
    match is_text && is_solver(&text) {
        true => check_solver(path, options),
        false => Ok(pipeline::check(path, text, options)),
    }
}

/// Checks the net of a run file with the shapes of its data.
fn check_run(path: &Path, options: &Options) -> Result<Checked> {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let look = JobOptions { only_look: true, ..JobOptions::default() };
    let plan = run_file::plan(path, &look, &mut sources, &mut diagnostics)?;
    let Some(mut plan) = plan else { return Ok(nothing(sources, diagnostics)) };
    let mut nets = vec![(plan.train.clone(), &plan.train_data)];
    nets.extend(plan.tests.iter().map(|(net, _)| (net.clone(), &plan.test_data)));
    if !options.stages.is_empty() {
        let (definition, data) = (&plan.train.0, &plan.train_data);
        let staged = options.stages.iter().map(|state| ((definition.clone(), state.clone()), data));
        nets = staged.collect();
    }
    let mut stages = vec![];
    let mut starts = vec![];
    for ((definition, state), data) in &nets {
        starts.push((state.label(), diagnostics.len()));
        if report_missing(&plan, definition, state, data, &mut diagnostics) {
            continue;
        }
        let mut shapes = Inputs::open(&plan, definition, state, data, 0)?.shapes;
        shapes.extend(options.shapes.clone());
        let env = super::environment(shapes);
        stages.push(pipeline::typed_net(definition, state, &env, &mut diagnostics));
    }
    diagnostics.join_stages(&starts);
    diagnostics.sort();
    let definition = std::mem::replace(&mut plan.train.0, no_definition());
    Ok(Checked { sources, diagnostics, definition, stages })
}

/// What there is of a job that cannot be read.
fn nothing(sources: SourceMap, mut diagnostics: Diagnostics) -> Checked {
    diagnostics.sort();
    Checked { sources, diagnostics, definition: no_definition(), stages: vec![] }
}

fn no_definition() -> Definition {
    let nothing = Record { fields: vec![], span: Span::new(FileId(0), 0, 0) };
    front::caffe::definition(&nothing, &mut Diagnostics::default())
}

fn check_solver(path: &Path, options: &Options) -> Result<Checked> {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let plan = solver_file::plan(path, &JobOptions::default(), &mut sources, &mut diagnostics)?;
    let env = pipeline::environment(options, &pipeline::record_shape);
    let mut stages = vec![];
    let mut definition = no_definition();
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
