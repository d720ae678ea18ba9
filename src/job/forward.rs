//! Opens a net with its data to be run forward: for what is extracted and for the test of a net without a solver.

use std::path::{Path, PathBuf};

use super::data::{DataSpec, Inputs};
use super::inference::{Complaints, load};
use super::{Plan, environment, read_net, states};
use crate::data::source::Source;
use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::exec::SessionOptions;
use crate::ir::NetState;
use crate::pipeline;
use crate::source::SourceMap;
use crate::spec::solver::Solver;
use crate::train::TestReport;
use crate::train::machine::{Machine, Purpose};

/// A net in memory, and what is to be fed to it.
pub(super) struct Forward {
    pub machine: Machine,
    /// Names by which the definition's dialect numbers parameters.
    pub names: Vec<(String, String)>,
    /// Records of a batch.
    pub batch: usize,
    /// Records of the data.
    pub records: usize,
    /// Each with the inputs it serves.
    pub sources: Vec<(Source, Vec<(String, String)>)>,
}

impl Forward {
    /// Opens a net in a state, or in the TEST phase (DIGITS' `val` stage, where there is one); all blobs of a `watched` one
    /// can be read after a run.
    ///
    /// # Errors
    /// A file is missing or does not fit; complaints about the definition are in the inner result.
    pub fn open(
        (path, state): (&Path, Option<NetState>),
        data: DataSpec,
        batch_size: Option<usize>,
        watched: bool,
        session: &SessionOptions,
    ) -> Result<Result<Forward, Complaints>> {
        let mut sources = SourceMap::default();
        let mut diagnostics = Diagnostics::default();
        let definition = read_net(path, &Default::default(), &mut sources, &mut diagnostics)?;
        let state = state.unwrap_or_else(|| states(&definition).1);
        let plan = Plan {
            solver: Solver::default(),
            train: (definition, state),
            tests: vec![],
            train_data: data,
            test_data: DataSpec::default(),
            batch_size,
            epochs: None,
            whole_tests: true,
            folder: None,
            prefix: PathBuf::new(),
            weights: vec![],
            kept: None,
            bases: vec![path.parent().unwrap_or(Path::new("")).to_owned()],
        };
        let (definition, state) = &plan.train;
        let inputs = Inputs::open(&plan, definition, state, &plan.train_data, session.seed)?;
        let env = environment(inputs.shapes.clone());
        let typed = pipeline::typed_net(definition, state, &env, &mut diagnostics);
        if diagnostics.has_errors() {
            diagnostics.sort();
            return Ok(Err((sources, diagnostics)));
        }
        let Some((records, batch)) = inputs.records() else {
            return Err(Error::refused(
                "the net names no data; give them with --data or --tensors",
            ));
        };
        if typed.signatures.iter().any(Option::is_none) {
            let why = "the net cannot be built: the shape of its data is not known";
            return Err(Error::refused(why));
        }
        let machine = Machine::new(typed, &env, Purpose { watched, ..Purpose::FORWARD }, session)?;
        let (names, sources) = (definition.names.clone(), inputs.sources);
        let (batch, records) = (batch as usize, records as usize);
        Ok(Ok(Forward { machine, names, batch, records, sources }))
    }
}

/// Tests a net with weights on so many batches of the data it names, as `caffe test` does: means of its outputs.
///
/// # Errors
/// As for opening the net; the weights do not fit.
pub fn test_net(
    (path, state): (&Path, Option<NetState>),
    weights: &[PathBuf],
    tensors: Option<PathBuf>,
    batches: u64,
    session: &SessionOptions,
) -> Result<Result<TestReport, Complaints>> {
    let data = DataSpec { tensors, ..DataSpec::default() };
    let opened = Forward::open((path, state), data, None, false, session)?;
    let Forward { mut machine, names, sources, .. } = match opened {
        Ok(forward) => forward,
        Err(complaints) => return Ok(Err(complaints)),
    };
    load(&mut machine, &names, weights)?;
    for (source, names) in sources {
        machine.feed(source, &names)?;
    }
    let (loss, outputs, _) = machine.test(batches, false)?;
    Ok(Ok(TestReport { iteration: 0, net: 0, loss, outputs, debug: vec![] }))
}
