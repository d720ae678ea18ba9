//! One update a call: forward and backward passes, then the solver's rule, as Caffe's `Solver::Step`.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::{Duration, Instant};

use super::machine::{Machine, Purpose, users};
use super::memory::{self, Needed, OfNet};
use super::rewriting::{Replaced, Rewriter};
use super::rule::{factor, looks_ahead, starts, update};
use super::schedule::Schedule;
use super::{Feed, debug};
use crate::error::{Error, Result};
use crate::exec::SessionOptions;
use crate::exec::solve::{Update, changes};
use crate::ir::{TypedNet, Variable};
use crate::passes::lint::names_used_twice;
use crate::plan::{Plan, Slot};
use crate::spec::Environment;
use crate::spec::solver::Solver;
use crate::weights::{Blob, first_values};

/// A test net: it has memory of its own and takes its parameters from the training net before a test.
pub(super) struct TestNet {
    pub(super) machine: Machine,
    batches: u64,
    /// Whether every test begins with the first record.
    rewinds: bool,
    /// Places of a variable here and in the training net.
    links: Vec<(Slot, Slot)>,
}

/// What one update did.
#[derive(Clone, Debug)]
pub struct StepReport {
    /// The update, counted from 0.
    pub iteration: u64,
    /// The loss before the update, averaged over `iter_size`.
    pub loss: f32,
    /// The mean of the last `average_loss` losses.
    pub smoothed: f32,
    /// The learning rate.
    pub rate: f32,
    /// The net's outputs of the last pass.
    pub outputs: Vec<(String, Vec<f32>)>,
    /// Caffe's `debug_info` lines, if the solver asks for them and this update is displayed.
    pub debug: Vec<String>,
}

impl StepReport {
    /// What there is to say of a loss that is no number.
    pub fn divergence(&self) -> Option<String> {
        (!self.loss.is_finite()).then(|| {
            format!(
                "the loss is {} at iteration {}; training goes on, but a smaller base_lr, or clip_gradients, may help",
                self.loss, self.iteration
            )
        })
    }
}

/// What a test found: means over its batches.
#[derive(Clone, Debug)]
pub struct TestReport {
    /// Updates made before.
    pub iteration: u64,
    /// Which test net.
    pub net: usize,
    /// The mean of the total loss.
    pub loss: f32,
    /// The mean of every output.
    pub outputs: Vec<(String, Vec<f32>)>,
    /// Caffe's `debug_info` lines of every pass, if the solver asks for them.
    pub debug: Vec<String>,
}

/// Reports that nobody asks for are waited for after so many updates, if they took so long.
const FEW: usize = 64;
const PATIENCE: Duration = Duration::from_millis(500);

/// An update that is on its way: its report waits on the device.
struct Pending {
    iteration: u64,
    rate: f32,
    /// The runs whose gradients it took, one for each of the solver's `iter_size`.
    runs: Range<u64>,
}

/// A net in training.
pub struct Trainer {
    pub(super) train: Machine,
    pub(super) tests: Vec<TestNet>,
    pub(super) solver: Solver,
    pub(super) schedule: Schedule,
    pub(super) iteration: u64,
    pub(super) losses: VecDeque<f32>,
    /// Names by which the definition's dialect numbers parameters.
    pub(super) names: Vec<(String, String)>,
    /// Updates without a report so far, in order.
    pending: Vec<Pending>,
    /// When reports were last waited for.
    settled: Instant,
    /// What the last update subtracted from the parameters, where snapshots hold it; empty before the first.
    pub(super) changes: Vec<f32>,
    /// What the definition makes of gradients.
    rewriter: Option<Rewriter>,
    /// What it makes of parameters that a step has changed.
    constraints: Option<Rewriter>,
}

impl Trainer {
    /// Plans the training net and fills its parameters.
    ///
    /// # Errors
    /// The net has no loss, or the device refuses.
    pub fn new(
        typed: TypedNet,
        env: &Environment,
        solver: Solver,
        options: &SessionOptions,
    ) -> Result<Self> {
        if let Some([_, second]) = names_used_twice(&typed).first() {
            return Err(Error::refused(format!(
                "two layers with parameters of their own are named `{}`, and snapshots keep parameters by the names of layers; give them different names",
                second.name.value
            )));
        }
        let train = Machine::new(typed, env, Purpose::training(&solver), options)?;
        if train.planned.loss.is_none() {
            let net = match &train.typed.net.name[..] {
                "" => "the net".to_owned(),
                name => format!("net `{name}`"),
            };
            return Err(Error::refused(format!("{net} has no loss to minimise")));
        }
        let schedule = Schedule::new(&solver);
        let rewriter = Rewriter::of(&train, Replaced::Gradients, options)?;
        let mut constraints = Rewriter::of(&train, Replaced::Parameters, options)?;
        if let (Some(constraints), Some(rewriter)) = (&mut constraints, &rewriter) {
            constraints.spare(&train, rewriter);
        }
        let mut trainer = Trainer {
            train,
            tests: vec![],
            solver,
            schedule,
            iteration: 0,
            losses: VecDeque::new(),
            names: vec![],
            pending: vec![],
            settled: Instant::now(),
            changes: vec![],
            rewriter,
            constraints,
        };
        trainer.fill(options.seed);
        Ok(trainer)
    }

    fn fill(&mut self, seed: u64) {
        self.train.fill(seed);
        let Machine { session, planned, .. } = &mut self.train;
        for (region, start) in planned.plan.histories.iter().zip(starts(&self.solver)) {
            session.write(*region, &vec![start; region.len]);
        }
    }

    /// Adds a net that is tested on so many batches with the parameters of the training net, each time from the first
    /// record on if it `rewinds`, else from where the last test ended, as in Caffe. Variables correspond if a layer of
    /// the same name uses them at the same position, or if they have the same name.
    pub fn add_test(
        &mut self,
        typed: TypedNet,
        env: &Environment,
        (batches, rewinds): (u64, bool),
        options: &SessionOptions,
    ) -> Result<()> {
        let purpose = Purpose { watched: self.solver.debug_info, ..Purpose::FORWARD };
        let machine = Machine::new(typed, env, purpose, options)?;
        let mut links = vec![];
        let mut untaught = vec![];
        for (at, variable) in machine.typed.variables.iter().enumerate() {
            let names = users(&machine.typed, variable);
            let others = || self.train.typed.variables.iter();
            let open = |other: &Variable| !variable.private && !other.private;
            let same_name = |other: &Variable| {
                open(other) && variable.name.is_some() && variable.name == other.name
            };
            let same_place = |other: &Variable| {
                open(other) && users(&self.train.typed, other).iter().any(|u| names.contains(u))
            };
            let twin = others().position(same_name).or_else(|| others().position(same_place));
            // Layers of one name agree in their shapes (E0504); layers that share but a parameter's name may not.
            let fits =
                |&i: &usize| self.train.typed.variables[i].shape.count() == variable.shape.count();
            match twin.filter(fits) {
                Some(i) => links.push((machine.place(at), self.train.place(i))),
                None => untaught.push((variable.clone(), at)),
            }
        }
        let mut test = TestNet { machine, batches, rewinds, links };
        for (i, (variable, at)) in untaught.into_iter().enumerate() {
            let values = first_values(&variable, options.seed, i as u64);
            test.machine.session.write(test.machine.place(at), &values);
        }
        self.tests.push(test);
        Ok(())
    }

    /// Takes the names by which the definition's dialect numbers parameters: pairs of a name and cortado's own.
    pub fn set_names(&mut self, names: Vec<(String, String)>) {
        self.names = names;
    }

    /// The training net.
    pub fn typed(&self) -> &TypedNet {
        &self.train.typed
    }

    /// The plan of a training step.
    pub fn plan(&self) -> &Plan {
        self.train.plan()
    }

    /// What a run is predicted to take.
    ///
    /// # Errors
    /// A GPU cannot run a step.
    pub fn predicted_memory(&self) -> Result<Needed> {
        fn of_net<'a>(machine: &'a Machine, names: &'a [(String, String)]) -> OfNet<'a> {
            let data = machine.feeds.iter().map(Feed::held).sum();
            OfNet { typed: &machine.typed, plan: machine.plan(), names, data }
        }
        let tests = self.tests.iter().map(|test| of_net(&test.machine, &self.names));
        memory::of_a_run(self.train.device(), of_net(&self.train, &self.names), tests)
    }

    /// The solver.
    pub fn solver(&self) -> &Solver {
        &self.solver
    }

    /// What its user should know of the device, if anything.
    pub fn remark(&self) -> Option<&str> {
        self.train.session.remark()
    }

    /// Number of updates made.
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// Number of test nets.
    pub fn tests(&self) -> usize {
        self.tests.len()
    }

    /// Gives an input of the training net its values for the updates to come, in the order of its shape.
    ///
    /// # Errors
    /// The net has no input of that name, or it has another number of values.
    pub fn set(&mut self, input: &str, values: &[f32]) -> Result<()> {
        self.train.set(input, values)
    }

    /// Serves inputs of the training net from a source: pairs of an input and a top of the source.
    ///
    /// # Errors
    /// A top of the source does not have the shape of the input.
    pub fn feed(
        &mut self,
        source: crate::data::source::Source,
        names: &[(String, String)],
    ) -> Result<()> {
        self.train.feed(source, names)
    }

    /// Serves inputs of a test net, likewise.
    ///
    /// # Errors
    /// As for [`feed`](Self::feed).
    pub fn feed_test(
        &mut self,
        test: usize,
        source: crate::data::source::Source,
        names: &[(String, String)],
    ) -> Result<()> {
        self.tests[test].machine.feed(source, names)
    }

    /// Makes one update and waits for its report.
    ///
    /// # Errors
    /// The data do not fit the net, or the device refuses.
    pub fn step(&mut self) -> Result<StepReport> {
        let mut reports = self.advance()?;
        reports.extend(self.settle()?);
        reports.pop().ok_or_else(|| Error::refused("an update made no report"))
    }

    /// Makes one update, and gives the reports that are there: on the processor its own, on a GPU those of all updates
    /// since the last one that is displayed, when the next is, or when half a second has passed.
    ///
    /// # Errors
    /// The data do not fit the net, or the device refuses.
    pub fn advance(&mut self) -> Result<Vec<StepReport>> {
        let kept = self.train.session.kept() as u64;
        let micro = self.solver.iter_size;
        let watched = self.solver.debug_info || self.solver.snapshot_diff;
        if kept < micro || watched {
            return Ok(vec![self.update_now()?]);
        }
        self.look_ahead()?;
        let rate = self.schedule.rate(self.iteration);
        let first = self.train.session.runs();
        let sum = self.sum_of_gradients()?;
        let update = self.update(rate, sum.unwrap_or(self.train.plan().gradients));
        let rewrites = self.rewriter.as_ref().is_some_and(Rewriter::computes);
        if sum.is_none() && !rewrites {
            self.train.take_batches()?;
            self.train.session.run_and_update(&update)?;
        } else {
            for _ in 0..micro {
                self.pass()?;
                self.add_to(sum)?;
            }
            self.train.session.update(&update)?;
        }
        self.constrain(None)?;
        self.further_steps(rate)?;
        let iteration = self.iteration;
        self.iteration += 1;
        self.pending.push(Pending { iteration, rate, runs: first..first + micro });
        let display = self.solver.display;
        let shown = 0 < display && iteration.is_multiple_of(display);
        let full = kept < (self.pending.len() as u64 + 1) * micro;
        let long = FEW <= self.pending.len() && PATIENCE < self.settled.elapsed();
        match shown || self.iteration == self.solver.max_iter || full || long {
            true => self.settle(),
            false => Ok(vec![]),
        }
    }

    /// Where gradients are added up, filled with zeros, if an update takes those of several passes.
    fn sum_of_gradients(&mut self) -> Result<Option<Slot>> {
        if self.solver.iter_size <= 1 {
            return Ok(None);
        }
        if !self.train.planned.further.is_empty() {
            let why =
                "several losses change one variable, whose gradients `iter_size` would add up";
            return Err(Error::refused(why));
        }
        let sum = self.train.plan().histories.last().copied();
        if let Some(sum) = sum {
            self.train.session.clear(sum);
        }
        Ok(sum)
    }

    /// Takes a batch, runs all steps, and makes of the gradients what the definition does.
    fn pass(&mut self) -> Result<()> {
        self.train.run()?;
        match &mut self.rewriter {
            Some(rewriter) => rewriter.rewrite(&mut self.train),
            None => Ok(()),
        }
    }

    /// Adds the gradients of the last pass up, if that is asked for.
    fn add_to(&mut self, sum: Option<Slot>) -> Result<()> {
        sum.map_or(Ok(()), |sum| self.train.session.accumulate(sum))
    }

    /// Waits for the reports of all updates so far.
    ///
    /// # Errors
    /// The device refuses.
    pub fn settle(&mut self) -> Result<Vec<StepReport>> {
        if self.pending.is_empty() {
            return Ok(vec![]);
        }
        let pending = std::mem::take(&mut self.pending);
        self.settled = Instant::now();
        let runs: Vec<u64> = pending.iter().flat_map(|one| one.runs.clone()).collect();
        let mut found = self.train.told(&runs)?.into_iter();
        let mut reports = vec![];
        for Pending { iteration, rate, runs } in pending {
            let micro = (runs.end - runs.start) as f32;
            let (mut loss, mut outputs) = (0.0, vec![]);
            for (one, values) in found.by_ref().take(runs.count()) {
                loss += one;
                outputs = values;
            }
            loss /= micro;
            let smoothed = self.smooth(loss);
            reports.push(StepReport { iteration, loss, smoothed, rate, outputs, debug: vec![] });
        }
        Ok(reports)
    }

    fn look_ahead(&mut self) -> Result<()> {
        match looks_ahead(&self.solver) {
            Some(momentum) => {
                let mults = self.mults();
                self.train.session.look_ahead(momentum, &mults)
            }
            None => Ok(()),
        }
    }

    fn update_now(&mut self) -> Result<StepReport> {
        let micro = self.solver.iter_size;
        let sum = self.sum_of_gradients()?;
        self.look_ahead()?;
        let mut loss = 0.0;
        let display = self.solver.display;
        let debugs =
            self.solver.debug_info && 0 < display && self.iteration.is_multiple_of(display);
        let mut lines = vec![];
        let rate = self.schedule.rate(self.iteration);
        let update = self.update(rate, sum.unwrap_or(self.train.plan().gradients));
        for _ in 0..micro {
            self.pass()?;
            loss += self.train.loss();
            if debugs {
                lines.extend(debug::forward(&mut self.train));
                lines.extend(debug::backward(&mut self.train));
            }
            self.add_to(sum)?;
        }
        loss /= micro as f32;
        let smoothed = self.smooth(loss);
        let outputs = self.train.shown_outputs();
        let before = debugs.then(|| self.train.session.read(self.train.planned.plan.parameters));
        if self.solver.snapshot_diff {
            self.changes = self.changes_by(&update);
        }
        self.train.session.update(&update)?;
        self.constrain(None)?;
        self.further_steps(rate)?;
        if let Some(before) = before {
            lines.extend(debug::update(&mut self.train, &before));
        }
        let iteration = self.iteration;
        self.iteration += 1;
        Ok(StepReport { iteration, loss, smoothed, rate, outputs, debug: lines })
    }

    /// The mean of the last `average_loss` losses, of which this is one.
    fn smooth(&mut self, loss: f32) -> f32 {
        // A state may hold more of them than this solver averages.
        while self.solver.average_loss <= self.losses.len() {
            self.losses.pop_front();
        }
        self.losses.push_back(loss);
        self.losses.iter().sum::<f32>() / self.losses.len() as f32
    }

    /// The smoothed loss after the last update, for which Caffe takes one more batch.
    ///
    /// # Errors
    /// The data do not fit the net.
    pub fn closing_loss(&mut self) -> Result<f32> {
        self.train.run()?;
        let loss = self.train.loss();
        Ok(self.smooth(loss))
    }

    /// The update after this many, of the gradients there.
    fn update(&self, rate: f32, gradients: Slot) -> Update<f32> {
        let mut mults = self.mults();
        let Some(rewriter) = &self.rewriter else {
            return update(&self.solver, rate, self.iteration, mults, gradients);
        };
        // Each loss makes a step of its own: those of the later ones come after more steps of the solver.
        let done = self.iteration * rewriter.steps();
        for (at, mult) in mults.iter_mut().enumerate() {
            let later = done + rewriter.steps_before(at);
            if let Some([rate, _]) = mult {
                *rate *= factor(&self.solver, later) / factor(&self.solver, done);
            }
        }
        update(&self.solver, rate, done, mults, gradients)
    }

    /// The steps of the solver for later losses that change a variable which an earlier one of the update has changed. Slots
    /// of the solver are those of the variable, as DIGITS has one optimizer for all losses.
    fn further_steps(&mut self, rate: f32) -> Result<()> {
        for (step, at, value) in self.train.planned.further.clone() {
            let steps = self.rewriter.as_ref().map_or(1, Rewriter::steps);
            let (done, gradients) = (self.iteration * steps, self.train.plan().gradients);
            let made = self.train.plan().slot(value);
            self.train.session.copy(&[(self.train.place_in(gradients, at), made)]);
            let mut mults = self.mults();
            for (other, mult) in mults.iter_mut().enumerate() {
                match mult {
                    Some([rate, _]) if other == at => {
                        let later = factor(&self.solver, done + step as u64);
                        *rate *= later / factor(&self.solver, done);
                    }
                    _ => *mult = None,
                }
            }
            self.train.session.update(&update(&self.solver, rate, done, mults, gradients))?;
            self.constrain(Some(at))?;
        }
        Ok(())
    }

    /// Makes of the parameters that a step has changed what the definition does: of all, or of one variable.
    fn constrain(&mut self, variable: Option<usize>) -> Result<()> {
        let place = variable.map(|at| self.train.place(at));
        match &mut self.constraints {
            Some(constraints) => constraints.rewrite_within(&mut self.train, place),
            None => Ok(()),
        }
    }

    /// What an update will subtract from the parameters.
    fn changes_by(&mut self, update: &Update<f32>) -> Vec<f32> {
        let Machine { session, planned, .. } = &mut self.train;
        let plan = &planned.plan;
        let histories: Vec<Vec<f32>> =
            plan.histories.iter().map(|region| session.read(*region)).collect();
        let (weights, gradients) = (session.read(plan.parameters), session.read(update.gradients));
        changes(plan, update, (&weights, &gradients), &histories)
    }

    /// The multipliers of rate and decay of every variable that is updated.
    fn mults(&self) -> Vec<Option<[f32; 2]>> {
        let variables = self.train.typed.variables.iter();
        let held = |at: usize| self.rewriter.as_ref().is_some_and(|rewriter| rewriter.holds(at));
        let updated = variables.enumerate().map(|(at, v)| {
            let updated = v.learned && v.lr_mult != 0.0 && !held(at);
            updated.then_some([v.lr_mult, v.decay_mult])
        });
        updated.collect()
    }

    /// Tests a net: takes the parameters over and averages the outputs of its batches.
    ///
    /// # Errors
    /// The data do not fit the net, or the device refuses.
    pub fn test(&mut self, index: usize) -> Result<TestReport> {
        let test = &mut self.tests[index];
        test.machine.session.take(&mut self.train.session, &test.links);
        if test.rewinds {
            test.machine.feeds.iter_mut().try_for_each(Feed::rewind)?;
        }
        let debugs = self.solver.debug_info;
        let (loss, outputs, debug) = test.machine.test(test.batches, debugs)?;
        let iteration = self.iteration;
        Ok(TestReport { iteration, net: index, loss, outputs, debug })
    }

    /// The parameters as `param.<layer>.<i>`, one for each user.
    pub fn parameters(&mut self) -> BTreeMap<String, Blob> {
        self.flat(self.train.plan().parameters, "param")
    }

    /// An array of the solver by user, as `<what>.<layer>.<i>`.
    pub(super) fn flat(&mut self, region: Slot, what: &str) -> BTreeMap<String, Blob> {
        let mut blobs = BTreeMap::new();
        for at in 0..self.train.typed.variables.len() {
            let data = self.train.session.read(self.train.place_in(region, at));
            self.train.add_by_user(at, data, what, &mut blobs);
        }
        blobs
    }

    /// Values in the layout of the parameters by user, as `<what>.<layer>.<i>`.
    pub(super) fn by_user(&self, values: &[f32], what: &str) -> BTreeMap<String, Blob> {
        let mut blobs = BTreeMap::new();
        for (at, place) in self.train.plan().layout.iter().enumerate() {
            self.train.add_by_user(at, values[place.range()].to_vec(), what, &mut blobs);
        }
        blobs
    }
}
