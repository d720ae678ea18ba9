//! A training or testing job: from a run file or a Caffe solver to a [`Trainer`] with its data, and the loop around it.

mod check;
pub mod clusters;
mod data;
pub mod extract;
mod fit;
mod forward;
mod images;
pub mod inference;
mod inputs;
mod layer_data;
mod meaning;
mod missing;
pub mod move_weights;
mod options;
mod program;
mod run;
pub mod run_file;
mod run_file_check;
mod run_file_text;
pub mod seen;
pub mod snapshots;
mod solver_file;
pub mod solver_mapping;
pub mod statistics;
pub mod timing;
pub mod trial;

pub use check::check_file;
pub use fit::{Fit, Predicted, fit, predict};
pub use forward::test_net;
pub use options::JobOptions;
pub use run::{Control, Observer, Outcome, is_being_written, run, test};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::exec::SessionOptions;
use crate::file::{is_run_file, read_definition};
use crate::front;
use crate::ir::{Definition, NetState, TypedNet};
use crate::layers::Layer;
use crate::passes::agree_on_params::agree_on_params;
use crate::pipeline;
use crate::source::SourceMap;
use crate::spec::solver::Solver;
use crate::spec::{Dialect, Environment};
use crate::train::Trainer;
use crate::train::checkpoint::Unmatched;
use crate::ty::Shape;
use data::{DataSpec, Inputs};
use missing::report_missing;

/// A job that is ready to run.
pub struct Job {
    /// The net in training, with its data.
    pub trainer: Trainer,
    /// Where everything goes that is not named otherwise; none leaves only snapshots.
    pub folder: Option<PathBuf>,
    /// What the names of snapshots begin with.
    pub prefix: PathBuf,
    /// Iterations of an epoch, if the size of the training data is known.
    pub epoch: Option<u64>,
    /// What is kept with the results.
    pub kept: Option<Kept>,
    /// Files of weights that were loaded.
    pub weights: Vec<PathBuf>,
    /// What of these files and of the net found no match.
    pub unmatched: Vec<Unmatched>,
    /// What deserves a look about the data.
    pub remarks: Vec<String>,
    /// Snapshots of this run that are kept, the last ones; all if none is said.
    pub keep: Option<usize>,
    /// Whether the last update is followed by a test wherever it falls, as DIGITS has it.
    pub test_at_end: bool,
    /// Whether a loss that is no number ends the run.
    pub stop_on_nan: bool,
    /// Bytes of memory that its pairs took while they were made, if they were.
    pub making: u64,
}

/// The name under which a run file is kept.
pub const RUN_FILE: &str = "run.yaml";

/// The name of the log of a run.
pub const LOG: &str = "log.jsonl";

/// A text that tells what a run was made from.
pub struct Kept {
    /// Its name in the folder of the run.
    pub name: &'static str,
    /// The solver as it was, or the run file with the changes of the command line and with absolute paths, so that the
    /// run can be repeated, tested and continued from it.
    pub text: String,
}

/// What became of opening a job: complaints, and the job if nothing was an error.
pub struct Opened {
    /// The texts that were read.
    pub sources: SourceMap,
    /// Complaints about them.
    pub diagnostics: Diagnostics,
    /// The job.
    pub job: Option<Job>,
}

/// Complaints about a definition, with the texts they point into.
pub type Complaints = (SourceMap, Diagnostics);

/// What a run file or a solver asks for, before anything is built.
struct Plan {
    solver: Solver,
    train: (Definition, NetState),
    /// Test nets, each with the number of batches of a test.
    tests: Vec<((Definition, NetState), u64)>,
    train_data: DataSpec,
    test_data: DataSpec,
    batch_size: Option<usize>,
    epochs: Option<f64>,
    /// Epochs from one snapshot to the next, and from one test to the next, where they are said.
    intervals: [Option<f64>; 2],
    /// Snapshots that are kept, the last ones; all if not said.
    keep: Option<usize>,
    /// Whether a loss that is no number ends the run.
    stop_on_nan: bool,
    /// Whether every test covers the validation data once, from their start.
    whole_tests: bool,
    folder: Option<PathBuf>,
    prefix: PathBuf,
    weights: Vec<PathBuf>,
    kept: Option<Kept>,
    /// Folders in which relative paths of data are looked for.
    bases: Vec<PathBuf>,
    /// Bytes of memory that pairs take while they are made; 0 where they are there, or none are asked for.
    making: u64,
}

/// Opens a run file (.yaml, .yml) or a Caffe solver.
pub fn open(path: &Path, options: &JobOptions) -> Result<Opened> {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let plan = open_plan(path, options, &mut sources, &mut diagnostics)?;
    let Some(plan) = plan.filter(|_| !diagnostics.has_errors()) else {
        diagnostics.sort();
        return Ok(Opened { sources, diagnostics, job: None });
    };
    let job = match build(plan, options, &mut diagnostics) {
        Err(Error::Definition) if diagnostics.has_errors() => None,
        built => built?,
    };
    diagnostics.sort();
    Ok(Opened { sources, diagnostics, job })
}

/// Whether a file is a net and neither a run file nor a solver.
///
/// # Errors
/// It cannot be read.
pub fn is_net(path: &Path) -> Result<bool> {
    if is_run_file(path) {
        return Ok(false);
    }
    if front::makes_caffe(path) {
        return Ok(!solver_file::is_written_by(path)?);
    }
    let is_text = front::dialect(path) == Dialect::Caffe;
    Ok(!is_text || !front::caffe::solver::is_solver(&read_definition(path)?))
}

fn open_plan(
    path: &Path,
    options: &JobOptions,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Plan>> {
    match is_run_file(path) {
        true => run_file::plan(path, options, sources, diagnostics),
        false => {
            no_net(path)?;
            solver_file::plan(path, options, sources, diagnostics)
        }
    }
}

/// Refuses a net where a solver is to be.
fn no_net(path: &Path) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let why = if front::makes_caffe(path) {
        if solver_file::is_written_by(path)? {
            return Ok(());
        }
        format!(
            "is a program that makes a net and writes no solver; train it by a run file (.yaml) with `network: {name}`"
        )
    } else if program::is_program(path) {
        format!("is a definition; train it by a run file (.yaml) with `network: {name}`")
    } else if front::caffe::solver::has_layers(&read_definition(path)?) {
        format!(
            "is a net and no solver; a solver names it, `net: \"{name}\"`, as does a run file, `network: {name}`"
        )
    } else {
        return Ok(());
    };
    Err(Error::format(path, why))
}

fn build(
    mut plan: Plan,
    options: &JobOptions,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Job>> {
    let seed = plan.solver.random_seed.unwrap_or(0);
    let session = SessionOptions { device: options.device, threads: options.threads, seed };
    let mut starts = vec![(plan.train.1.label(), diagnostics.len())];
    let stage = Stage::open(&plan, &plan.train, &plan.train_data, seed, diagnostics)?;
    let mut tests = vec![];
    for (definition, batches) in &plan.tests {
        starts.push((definition.1.label(), diagnostics.len()));
        tests.push((Stage::open(&plan, definition, &plan.test_data, seed, diagnostics)?, *batches));
    }
    diagnostics.join_stages(&starts);
    for (test, _) in &tests {
        agree_on_params(&stage.typed, &test.typed, diagnostics);
    }
    if diagnostics.has_errors() {
        return Ok(None);
    }
    let Stage { typed, env, mut inputs } = stage;
    let is_new = plan.weights.is_empty() && options.weights.is_empty() && options.resume.is_none();
    inputs.remarks.extend(stored_without_weights(&typed).filter(|_| is_new));
    let epoch = inputs
        .records()
        .map(|(records, batch)| records.div_ceil(batch * plan.solver.iter_size.max(1)).max(1));
    settle_epochs(&mut plan, epoch);
    if plan.train.0.dialect == Dialect::Torch && !typed.has_loss() {
        let name = &typed.net.name;
        return Err(Error::refused(format!(
            "net `{name}` has no loss to minimise; write `loss: nn.ClassNLLCriterion()` into the run file, which is what DIGITS \
             takes, or the criterion that the model is meant for"
        )));
    }
    let mut trainer = Trainer::new(typed, &env, plan.solver.clone(), &session)?;
    trainer.set_names(std::mem::take(&mut plan.train.0.names));
    let mut test_inputs = vec![];
    for (Stage { typed, env, inputs }, batches) in tests {
        let batches = match (plan.whole_tests, inputs.records()) {
            (true, Some((records, batch))) => records.div_ceil(batch),
            _ => batches,
        };
        trainer.add_test(typed, &env, (batches, plan.whole_tests), &session)?;
        test_inputs.push(inputs);
    }
    known_layers(&trainer, &options.reinit)?;
    if let (Some(layer), true) =
        (options.reinit.first(), plan.weights.is_empty() && options.weights.is_empty())
    {
        let why = format!(
            "--reinit {layer}: there are no weights that it could do without; give --weights"
        );
        return Err(Error::refused(why));
    }
    let mut unmatched = vec![];
    for path in plan.weights.iter().chain(&options.weights) {
        match &plan.train.0.before {
            Some(before) => {
                let state = &plan.train.1;
                let typed = pipeline::typed_net(&before.definition, state, &env, diagnostics);
                trainer.load_pretrained(path, &typed, before)?;
            }
            None => unmatched.push(trainer.load_weights(path, &options.reinit)?),
        }
    }
    let positions = match &options.resume {
        Some(state) => trainer.restore(state)?,
        None => vec![],
    };
    let batch = inputs.batch as u64;
    for (i, (mut source, names)) in inputs.sources.into_iter().enumerate() {
        // Caffe's own states have no position; a run that goes on from one reads on where it would have been.
        let passes = trainer.iteration() * plan.solver.iter_size;
        let each = if source.batch_size().is_some() { 1 } else { batch };
        source.seek(positions.get(i).copied().unwrap_or(passes * each));
        trainer.feed(source, &names)?;
    }
    for (i, inputs) in test_inputs.into_iter().enumerate() {
        for (source, names) in inputs.sources {
            trainer.feed_test(i, source, &names)?;
        }
    }
    let weights = plan.weights.iter().chain(&options.weights).cloned().collect();
    Ok(Some(Job {
        trainer,
        folder: plan.folder,
        prefix: plan.prefix,
        epoch,
        kept: plan.kept,
        weights,
        unmatched,
        remarks: inputs.remarks,
        keep: plan.keep,
        test_at_end: plan.whole_tests,
        stop_on_nan: plan.stop_on_nan,
        making: plan.making,
    }))
}

/// What is to be said of layers that use stored statistics, where no weights bring any.
fn stored_without_weights(typed: &TypedNet) -> Option<String> {
    let stores =
        |layer: &Layer| matches!(layer, Layer::BatchNorm(b) if b.use_global_stats == Some(true));
    let (_, node) = typed.net.nodes().find(|(_, node)| stores(&node.layer))?;
    Some(format!(
        "layer `{}` has `use_global_stats: true` in training, and no --weights bring the statistics, which are zeros: leave the \
         line out, and they are the batch's in training",
        node.name.value
    ))
}

/// Names of layers that a complaint lists at most.
const MOST_NAMES: usize = 20;

/// Checks that layers exist which shall not take weights.
fn known_layers(trainer: &Trainer, reinit: &[String]) -> Result<()> {
    for name in reinit {
        if let Err(near) = trainer.layer(name) {
            let advice = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => layers_with_weights(trainer.typed()),
            };
            return Err(Error::refused(format!(
                "--reinit {name}: there is no such layer; {advice}"
            )));
        }
    }
    Ok(())
}

/// A list of the layers that have weights, of very many the last.
fn layers_with_weights(typed: &TypedNet) -> String {
    let weighted = typed.net.nodes().filter(|(i, _)| !typed.node_variables[i.index()].is_empty());
    let names: Vec<String> = weighted.map(|(_, node)| format!("`{}`", node.name.value)).collect();
    match names.len().saturating_sub(MOST_NAMES) {
        0 => format!("layers with weights are {}", names.join(", ")),
        more => format!("the last layers with weights are {}", names[more..].join(", ")),
    }
}

/// From epochs to iterations, with a test and a snapshot after each, as DIGITS sets them.
fn settle_epochs(plan: &mut Plan, epoch: Option<u64>) {
    let (Some(epochs), Some(epoch)) = (plan.epochs, epoch) else { return };
    let solver = &mut plan.solver;
    if solver.max_iter == 0 {
        solver.max_iter = (epochs * epoch as f64).ceil() as u64;
    }
    let [snapshot, test] = plan.intervals;
    let updates = |epochs: f64| ((epochs * epoch as f64).round() as u64).max(1);
    if !plan.tests.is_empty() && (solver.test_interval == 0 || test.is_some()) {
        solver.test_interval = updates(test.unwrap_or(1.0));
    }
    if solver.snapshot == 0 || snapshot.is_some() {
        solver.snapshot = updates(snapshot.unwrap_or(1.0));
    }
    if solver.display == 0 {
        solver.display = (solver.max_iter / (8 * (epochs.ceil() as u64).max(1))).clamp(1, 100);
    }
}

/// One stage of a net with the shapes of its data, and the sources of its inputs.
struct Stage {
    typed: TypedNet,
    env: Environment<'static>,
    inputs: Inputs,
}

impl Stage {
    fn open(
        plan: &Plan,
        (definition, state): &(Definition, NetState),
        data: &DataSpec,
        seed: u64,
        diagnostics: &mut Diagnostics,
    ) -> Result<Self> {
        if report_missing(plan, definition, state, data, diagnostics) {
            return Err(Error::Definition);
        }
        let inputs = Inputs::open(plan, definition, state, data, seed)?;
        if data.to_be.is_none() {
            inputs.must_feed(definition, state)?;
        }
        let env = environment(inputs.shapes.clone());
        let typed = pipeline::typed_net(definition, state, &env, diagnostics);
        Ok(Stage { typed, env, inputs })
    }
}

/// What layers may ask of the outside when the shapes of all data are known.
fn environment(shapes: Shapes) -> Environment<'static> {
    let options = pipeline::Options { shapes, ..Default::default() };
    pipeline::environment(&options, &|_| None)
}

/// Reads the definition of a net that a job names.
fn read_net(
    path: &Path,
    request: &front::Request,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Result<Definition> {
    let text = read_definition(path)?;
    Ok(pipeline::definition(path, &text, request, sources, diagnostics).0)
}

/// The state of a name for training and for validation: DIGITS' stages where the definition has them.
fn states(definition: &Definition) -> (NetState, NetState) {
    use crate::spec::Phase;
    let stages = definition.stages();
    let find = |name: &str| stages.iter().find(|s| s.label() == name).cloned();
    (
        find("train").unwrap_or_else(|| NetState::phase(Phase::Train)),
        find("val").unwrap_or_else(|| NetState::phase(Phase::Test)),
    )
}

/// Shapes of inputs by name.
type Shapes = BTreeMap<String, Shape>;
