//! From a Caffe solver.prototxt to the plan of a job.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::data::{DataSpec, locate};
use super::{JobOptions, Kept, Plan, read_net};
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::error::Result;
use crate::file::read_definition;
use crate::front::caffe::legacy::upgrade_net;
use crate::front::caffe::pycaffe;
use crate::front::caffe::solver::{NetSource, read_solver, with_fields};
use crate::front::{self, Request, pasted};
use crate::ir::{Definition, NetState, StateWords};
use crate::passes::adopt_data::{adopt_data, need_outputs};
use crate::source::{SourceMap, Span};
use crate::spec::{Phase, Record};

/// Whether a program that makes nets of Caffe writes a solver.
///
/// # Errors
/// It cannot be read.
pub(super) fn is_written_by(path: &Path) -> Result<bool> {
    let text = read_definition(path)?;
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let made = pycaffe::made(&mut sources, path, &text, None, &mut diagnostics);
    Ok(made.is_some_and(|made| !made.solvers.is_empty()))
}

/// The net that a solver holds itself.
fn inline(record: &Record, path: &Path, diagnostics: &mut Diagnostics) -> Definition {
    let mut definition = front::caffe::definition(record, diagnostics);
    adopt_data(&mut definition);
    need_outputs(&mut definition, diagnostics);
    crate::passes::locate_files::locate_files(&mut definition, path);
    definition
}

/// Reads the solver and the nets it names, which are looked for where cortado is started, as Caffe does, then beside
/// the solver and in the folders above it (the root of a copy of Caffe's repository is one), and last by the file's name
/// alone beside the solver. States merge as in Caffe: TRAIN or TEST, then what the net says, then what the solver says.
pub(super) fn plan(
    path: &Path,
    options: &JobOptions,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Plan>> {
    let text = read_definition(path)?;
    let made = match front::makes_caffe(path) {
        true => match pycaffe::made(sources, path, &text, None, diagnostics) {
            Some(made) => Some(made),
            None => return Ok(None),
        },
        false => None,
    };
    let file = match &made {
        None => sources.add(path, with_fields(&text, &options.set)),
        Some(made) => {
            let Some(solver) = made.solver(diagnostics) else { return Ok(None) };
            let file = sources.add(&solver.name, with_fields(solver.text(), &options.set));
            sources.mark_made(file);
            file
        }
    };
    let text = sources.file(file).text.clone();
    let mut complaints = Diagnostics::default();
    let read = read_solver(file, &text, &mut complaints);
    if let Some(cause) = pasted::cause((file, &text), ("#", false), &complaints) {
        diagnostics.report(cause);
        return Ok(None);
    }
    diagnostics.extend(complaints);
    let Some(read) = read else { return Ok(None) };
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let above = std::path::absolute(&folder).unwrap_or_default();
    let above = above.ancestors().skip(1).map(Path::to_owned);
    let bases: Vec<PathBuf> = std::iter::once(folder).chain(above).collect();
    let mut known: HashMap<PathBuf, Definition> = HashMap::new();
    let mut net = |source: &NetSource| -> Result<Option<Definition>> {
        match source {
            NetSource::File(name) => {
                if let Some(net) = made.as_ref().and_then(|made| made.of_file(&name.value)) {
                    let whole = Span::new(file, 0, 0);
                    let tree = upgrade_net(net.read(sources, whole, diagnostics), diagnostics);
                    let record = front::caffe::record(&tree);
                    return Ok(Some(inline(&record, path, diagnostics)));
                }
                let mut path = locate(&name.value, &bases);
                if !path.exists()
                    && let Some(file) = Path::new(&name.value).file_name()
                {
                    path = Some(bases[0].join(file)).filter(|p| p.exists()).unwrap_or(path);
                }
                if !path.exists() {
                    let message = format!("there is no net `{}`", name.value);
                    let d = Diagnostic::new(&diag::E0901, name.span, message);
                    let beside = bases[0].join(&name.value);
                    let mut looked = format!("looked for {}", path.display());
                    if beside != path {
                        let beside = beside.display();
                        looked.push_str(&format!(", {beside} and in the folders above"));
                    }
                    diagnostics.report(d.note(looked));
                    return Ok(None);
                }
                if let Some(definition) = known.get(&path) {
                    return Ok(Some(definition.clone()));
                }
                let definition = read_net(&path, &Request::default(), sources, diagnostics)?;
                known.insert(path, definition.clone());
                Ok(Some(definition))
            }
            NetSource::Inline(record) => Ok(Some(inline(record, path, diagnostics))),
        }
    };
    let Some(train) = net(&read.train_net)? else { return Ok(None) };
    let merged = |definition: &Definition, words: &StateWords, phase: Phase| {
        words.over(definition.state.over(NetState::phase(phase)))
    };
    let train_state = merged(&train, &read.train_state, Phase::Train);
    let mut tests = vec![];
    for ((source, state), &batches) in read.test_nets.iter().zip(&read.solver.test_iter) {
        let Some(definition) = net(source)? else { return Ok(None) };
        let state = merged(&definition, state, Phase::Test);
        tests.push(((definition, state), batches));
    }
    let data = DataSpec { tensors: options.tensors.clone(), ..DataSpec::default() };
    let stem = path.with_extension("");
    let prefix = match &read.solver.snapshot_prefix {
        None => stem,
        Some(prefix) if Path::new(prefix).is_dir() => {
            Path::new(prefix).join(stem.file_name().unwrap_or_default())
        }
        Some(prefix) => PathBuf::from(prefix),
    };
    let prefix = match &options.output {
        Some(folder) => folder.join(prefix.file_name().unwrap_or_default()),
        None => prefix,
    };
    // Weights of the command line take the place of the solver's, and a state to continue from has its own.
    let replaced = !options.weights.is_empty() || options.resume.is_some();
    let weights = if replaced { vec![] } else { read.weights };
    Ok(Some(Plan {
        solver: read.solver,
        train: (train, train_state),
        tests,
        train_data: data.clone(),
        test_data: data,
        batch_size: None,
        epochs: None,
        intervals: [None; 2],
        keep: None,
        stop_on_nan: false,
        whole_tests: false,
        folder: options.output.clone(),
        prefix,
        weights: weights.iter().map(|w| locate(w, &bases)).collect(),
        kept: Some(Kept {
            name: "solver.prototxt",
            text: made.map_or_else(|| text.to_string(), |made| made.whole_solver(&text)),
        }),
        bases,
        making: 0,
    }))
}
