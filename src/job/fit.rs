//! Predicts the memory of a job from the plans of its nets and without running any, and finds the largest batch with which
//! it fits into so many bytes.

use std::path::Path;
use std::sync::Arc;

use super::{JobOptions, Stage, open_plan};
use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::source::SourceMap;
use crate::train::machine::{Purpose, planned};
use crate::train::memory::{self, Needed, OfNet};

/// The largest batch that is tried.
const MOST: usize = 1 << 20;

/// A batch size, and the bytes that are predicted for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Records of one batch.
    pub batch: usize,
    /// Of the device's memory, as [`memory::of_a_run`] predicts it.
    pub bytes: u64,
}

/// The largest batch of a run file whose predicted memory is at most `limit` bytes.
///
/// # Errors
/// The job cannot be opened or has errors, sets no batch size of its own because it is a Caffe solver, or needs more than
/// `limit` even for a batch of one.
pub fn fit(path: &Path, options: &JobOptions, limit: u64) -> Result<Fit> {
    if !super::is_run_file(path) {
        return Err(Error::refused(format!(
            "{} is no run file: the batch sizes of a Caffe solver are those of its data layers",
            path.display()
        )));
    }
    let predict = |batch: usize| {
        let mut options = options.clone();
        options.set.push(("train.batch_size".to_owned(), batch.to_string()));
        let bytes = predict(path, &options)?.needed.on_device();
        Ok::<_, Error>(Fit { batch, bytes })
    };
    let mut fits = predict(1)?;
    if limit < fits.bytes {
        let needed = fits.bytes.div_ceil(1 << 20);
        return Err(Error::refused(format!(
            "a batch of 1 needs {needed} MiB, and the limit is {} MiB",
            limit >> 20
        )));
    }
    let mut too_many = MOST + 1;
    // Memory grows by about the same for every record, so that a guess is near after two batches.
    let mut guess = 64;
    while fits.batch + 1 < too_many {
        let batch = guess.clamp(fits.batch + 1, too_many - 1);
        let found = predict(batch)?;
        let each = (found.bytes.saturating_sub(fits.bytes) / (batch - fits.batch) as u64).max(1);
        match found.bytes <= limit {
            true => fits = found,
            false => too_many = batch,
        }
        let more = limit.saturating_sub(fits.bytes) / each;
        guess = fits.batch.saturating_add(usize::try_from(more).unwrap_or(MOST).max(1));
    }
    Ok(fits)
}

/// What is known of a job before it runs.
pub struct Predicted {
    /// The plan of a training step.
    pub plan: Arc<Plan>,
    /// What the run takes.
    pub needed: Needed,
}

/// What a run file or a Caffe solver will take, which is what [`Trainer::predicted_memory`](crate::train::Trainer::predicted_memory)
/// says of the job that is opened from it.
///
/// # Errors
/// The job cannot be opened or has errors.
pub fn predict(path: &Path, options: &JobOptions) -> Result<Predicted> {
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let plan = open_plan(path, options, &mut sources, &mut diagnostics)?;
    let Some(plan) = plan.filter(|_| !diagnostics.has_errors()) else {
        return Err(Error::Definition);
    };
    let training = (&plan.train, &plan.train_data, Purpose::training(&plan.solver));
    let testing = Purpose { watched: plan.solver.debug_info, ..Purpose::FORWARD };
    let tests = plan.tests.iter().map(|(net, _)| (net, &plan.test_data, testing));
    let mut planned_nets = vec![];
    for (net, data, purpose) in std::iter::once(training).chain(tests) {
        let stage = Stage::open(&plan, net, data, 0, &mut diagnostics)?;
        if diagnostics.has_errors() {
            return Err(Error::Definition);
        }
        let session = (options.device, options.threads);
        let planned = planned(&stage.typed, &stage.env, purpose, session)?;
        planned_nets.push((stage.typed, planned.plan, &net.0.names, stage.inputs.held()));
    }
    let mut nets = planned_nets.iter().map(|(typed, plan, names, data)| OfNet {
        typed,
        plan,
        names,
        data: *data,
    });
    let training = nets.next().expect("a run trains a net");
    let needed = memory::of_a_run(options.device, training, nets)?;
    let needed = Needed { making: plan.making, ..needed };
    Ok(Predicted { plan: planned_nets[0].1.clone(), needed })
}
