//! One update a call: forward and backward passes, then the solver's rule, as Caffe's `Solver::Step`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Feed;
use super::schedule::Schedule;
use crate::error::{Error, Result};
use crate::exec::cpu::reduce::{Reduction, total};
use crate::exec::cpu::update::{Decay, Rule, Step, update};
use crate::exec::{Session, SessionOptions, workspace};
use crate::ir::TypedNet;
use crate::passes::lower::{Backward, Lowered, lower, ready};
use crate::plan::{Plan, Request, Slot, plan};
use crate::program::{ValueId, fuse, simplify};
use crate::spec::Environment;
use crate::spec::solver::{Method, Regularization, Solver};
use crate::weights::{Blob, fill};

/// A planned net with what is shown of it.
pub(super) struct Machine {
    pub typed: TypedNet,
    pub session: Session<f32>,
    pub plan: Arc<Plan>,
    pub variables: Vec<ValueId>,
    pub loss: Option<ValueId>,
    /// The net's outputs by name, in the order they were written, with the weight each has in the loss.
    pub outputs: Vec<(String, ValueId, f32)>,
    pub feeds: Vec<Feed>,
}

impl Machine {
    pub fn new(
        typed: TypedNet,
        env: &Environment,
        backward: Backward,
        histories: usize,
        options: &SessionOptions,
    ) -> Result<Self> {
        ready(&typed)?;
        let mut lowered = lower(&typed, env, backward);
        let outputs = outputs(&typed, &lowered);
        let program = &mut lowered.program;
        program.outputs = outputs.iter().map(|(n, v, _)| (n.clone(), *v)).collect();
        program.outputs.extend(lowered.loss.map(|v| ("(loss)".to_string(), v)));
        for gradient in lowered.gradients.iter().flatten() {
            program.outputs.push(("(gradient)".to_string(), *gradient));
        }
        fuse(program);
        simplify(program);
        program.outputs.retain(|(name, _)| name != "(gradient)");
        let gradients = match backward {
            Backward::No => vec![],
            _ => lowered.gradients.clone(),
        };
        let request = Request { parameters: lowered.variables.clone(), gradients, histories };
        let scratch = workspace::<f32>(options.threads);
        let plan = Arc::new(plan(lowered.program, &request, &scratch));
        let session = Session::new(plan.clone(), options)?;
        let (variables, loss) = (lowered.variables, lowered.loss);
        Ok(Machine { typed, session, plan, variables, loss, outputs, feeds: vec![] })
    }

    fn forward(&mut self) -> Result<()> {
        for feed in &mut self.feeds {
            feed.next(&mut self.session)?;
        }
        self.session.run()
    }

    fn loss(&mut self) -> f32 {
        let Some(loss) = self.loss else { return 0.0 };
        let slot = self.plan.slot(loss);
        self.session.with_arena(|arena| arena[slot.offset])
    }

    /// The outputs that are few enough numbers to be shown.
    fn shown_outputs(&mut self) -> Vec<(String, Vec<f32>)> {
        let slots: Vec<(String, Slot)> = self
            .outputs
            .iter()
            .map(|(name, v, _)| (name.clone(), self.plan.slot(*v)))
            .filter(|(_, slot)| slot.len <= MOST_SHOWN)
            .collect();
        self.session.with_arena(|arena| {
            slots.into_iter().map(|(name, slot)| (name, arena[slot.range()].to_vec())).collect()
        })
    }
}

/// Outputs of more elements than this are not logged.
const MOST_SHOWN: usize = 16;

fn outputs(typed: &TypedNet, lowered: &Lowered) -> Vec<(String, ValueId, f32)> {
    let mut ports = typed.net.outputs.clone();
    ports.sort();
    let shown = ports.iter().filter(|p| !typed.net.graph[p.node].layer.is_input()).map(|&port| {
        let v = lowered.blobs[port.node.index()][port.top];
        let weight = typed.loss_weights[port.node.index()].get(port.top).copied().unwrap_or(0.0);
        (typed.net.blob(port).to_owned(), v, weight)
    });
    shown.collect()
}

/// A test net: it has memory of its own and takes its parameters from the training net before a test.
struct TestNet {
    machine: Machine,
    batches: u64,
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
}

/// A net in training.
pub struct Trainer {
    pub(super) train: Machine,
    tests: Vec<TestNet>,
    pub(super) solver: Solver,
    pub(super) schedule: Schedule,
    pub(super) iteration: u64,
    pub(super) losses: VecDeque<f32>,
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
        let accumulate = usize::from(1 < solver.iter_size);
        let histories = solver.method.histories() + accumulate;
        let train = Machine::new(typed, env, Backward::Parameters, histories, options)?;
        if train.loss.is_none() {
            let name = &train.typed.net.name;
            return Err(Error::refused(format!("net `{name}` has no loss to minimise")));
        }
        let schedule = Schedule::new(&solver);
        let (tests, losses) = (vec![], VecDeque::new());
        let mut trainer = Trainer { train, tests, solver, schedule, iteration: 0, losses };
        trainer.fill(options.seed);
        Ok(trainer)
    }

    fn fill(&mut self, seed: u64) {
        let Machine { typed, session, plan, variables, .. } = &mut self.train;
        for (i, (variable, &v)) in typed.variables.iter().zip(&*variables).enumerate() {
            session.write(plan.slot(v), &fill(&variable.filler, &variable.shape, seed, i as u64));
        }
    }

    /// Adds a net that is tested on so many batches with the parameters of the training net. Variables
    /// correspond if a layer of the same name uses them at the same position, or if they have the same name.
    pub fn add_test(
        &mut self,
        typed: TypedNet,
        env: &Environment,
        batches: u64,
        options: &SessionOptions,
    ) -> Result<()> {
        let machine = Machine::new(typed, env, Backward::No, 0, options)?;
        let mut links = vec![];
        let mut untaught = vec![];
        for (variable, &v) in machine.typed.variables.iter().zip(&machine.variables) {
            let names = users(&machine.typed, variable);
            let twin = self.train.typed.variables.iter().position(|other| {
                if variable.private || other.private {
                    return false;
                }
                let same_name = variable.name.is_some() && variable.name == other.name;
                same_name || users(&self.train.typed, other).iter().any(|u| names.contains(u))
            });
            match twin {
                Some(i)
                    if self.train.typed.variables[i].shape.count() == variable.shape.count() =>
                {
                    links.push((
                        machine.plan.slot(v),
                        self.train.plan.slot(self.train.variables[i]),
                    ));
                }
                _ => untaught.push((variable.clone(), v)),
            }
        }
        let mut test = TestNet { machine, batches, links };
        for (i, (variable, v)) in untaught.into_iter().enumerate() {
            let values = fill(&variable.filler, &variable.shape, options.seed, i as u64);
            test.machine.session.write(test.machine.plan.slot(v), &values);
        }
        self.tests.push(test);
        Ok(())
    }

    /// The training net.
    pub fn typed(&self) -> &TypedNet {
        &self.train.typed
    }

    /// The plan of a training step.
    pub fn plan(&self) -> &Plan {
        &self.train.plan
    }

    /// The solver.
    pub fn solver(&self) -> &Solver {
        &self.solver
    }

    /// Number of updates made.
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// Number of test nets.
    pub fn tests(&self) -> usize {
        self.tests.len()
    }

    /// Serves inputs of the training net.
    pub fn feed(
        &mut self,
        source: crate::data::source::Source,
        names: &[(String, String)],
    ) -> Result<()> {
        let feed = Feed::new(source, names, &self.train.typed, &self.train.session)?;
        self.train.feeds.push(feed);
        Ok(())
    }

    /// Serves inputs of a test net.
    pub fn feed_test(
        &mut self,
        test: usize,
        source: crate::data::source::Source,
        names: &[(String, String)],
    ) -> Result<()> {
        let machine = &mut self.tests[test].machine;
        let feed = Feed::new(source, names, &machine.typed, &machine.session)?;
        machine.feeds.push(feed);
        Ok(())
    }

    /// Makes one update.
    pub fn step(&mut self) -> Result<StepReport> {
        let micro = self.solver.iter_size;
        let accumulator = (1 < micro).then(|| self.train.plan.histories.last().copied()).flatten();
        if let Some(sum) = accumulator {
            self.train.session.with_arena(|arena| arena[sum.range()].fill(0.0));
        }
        let mut loss = 0.0;
        for _ in 0..micro {
            self.train.forward()?;
            loss += self.train.loss();
            if let Some(sum) = accumulator {
                let gradients = self.train.plan.gradients;
                self.train.session.with_arena(|arena| add_range(arena, gradients, sum));
            }
        }
        loss /= micro as f32;
        if self.losses.len() == self.solver.average_loss {
            self.losses.pop_front();
        }
        self.losses.push_back(loss);
        let rate = self.schedule.rate(self.iteration);
        let outputs = self.train.shown_outputs();
        self.update(rate, accumulator.unwrap_or(self.train.plan.gradients));
        let iteration = self.iteration;
        self.iteration += 1;
        let smoothed = self.losses.iter().sum::<f32>() / self.losses.len() as f32;
        Ok(StepReport { iteration, loss, smoothed, rate, outputs })
    }

    /// Applies the rule to every parameter: clip, divide, decay, update.
    fn update(&mut self, rate: f32, gradients: Slot) {
        let solver = self.solver.clone();
        let rule = rule(&solver, self.iteration + 1);
        let two = rule.histories() == 2;
        let Machine { typed, session, plan, .. } = &mut self.train;
        let plan = plan.clone();
        let typed = &*typed;
        session.with_arena(|arena| {
            let clip = clip(&solver, &arena[gradients.range()]);
            for (variable, place) in typed.variables.iter().zip(&plan.layout) {
                if !variable.learned || variable.lr_mult == 0.0 {
                    continue;
                }
                let at = |region: Slot| {
                    let start = region.offset + place.offset;
                    start..start + place.len
                };
                let decay = solver.weight_decay * variable.decay_mult;
                let step = Step {
                    rate: rate * variable.lr_mult,
                    decay: match solver.regularization {
                        _ if decay == 0.0 => Decay::None,
                        Regularization::L2 => Decay::L2(decay),
                        Regularization::L1 => Decay::L1(decay),
                    },
                    clip,
                    normalizer: 1.0 / solver.iter_size as f32,
                };
                let second = if two { at(plan.histories[1]) } else { 0..0 };
                let ranges = [at(plan.parameters), at(gradients), at(plan.histories[0])];
                let (weights, gradient, first, second) = split(arena, ranges, second);
                update(rule, step, gradient, weights, first, second);
            }
        });
    }

    /// Tests a net: takes the parameters over and averages the outputs of its batches.
    pub fn test(&mut self, index: usize) -> Result<TestReport> {
        let test = &mut self.tests[index];
        let train = &mut self.train.session;
        for &(to, from) in &test.links {
            let values = train.read(from);
            test.machine.session.write(to, &values);
        }
        let batches = test.batches.max(1);
        let mut loss = 0.0;
        let mut sums: Vec<(String, Vec<f32>)> = vec![];
        for _ in 0..batches {
            test.machine.forward()?;
            loss += test.machine.loss();
            let outputs = test.machine.shown_outputs();
            if sums.is_empty() {
                sums = outputs;
            } else {
                for ((_, sum), (_, values)) in sums.iter_mut().zip(outputs) {
                    sum.iter_mut().zip(values).for_each(|(s, v)| *s += v);
                }
            }
        }
        let n = batches as f32;
        for (_, sum) in &mut sums {
            sum.iter_mut().for_each(|s| *s /= n);
        }
        let iteration = self.iteration;
        Ok(TestReport { iteration, net: index, loss: loss / n, outputs: sums })
    }

    /// The parameters as `param.<layer>.<i>`, one for each user.
    pub fn parameters(&mut self) -> BTreeMap<String, Blob> {
        self.flat(self.train.plan.parameters, "param")
    }

    /// An array of the solver by user, as `<what>.<layer>.<i>`.
    pub(super) fn flat(&mut self, region: Slot, what: &str) -> BTreeMap<String, Blob> {
        let layout = self.train.plan.layout.clone();
        let values = self.train.session.read(region);
        let mut blobs = BTreeMap::new();
        for (variable, place) in self.train.typed.variables.iter().zip(&layout) {
            let data = values[place.range()].to_vec();
            for (layer, at) in users(&self.train.typed, variable) {
                let blob = Blob { shape: variable.shape.0.clone(), data: data.clone() };
                blobs.insert(format!("{what}.{layer}.{at}"), blob);
            }
        }
        blobs
    }
}

/// The users of a variable by layer name and position.
pub(crate) fn users(typed: &TypedNet, variable: &crate::ir::Variable) -> Vec<(String, usize)> {
    let name = |&(node, at): &(petgraph::graph::NodeIndex, usize)| {
        (typed.net.graph[node].name.value.clone(), at)
    };
    variable.users.iter().map(name).collect()
}

fn add_range(arena: &mut [f32], from: Slot, to: Slot) {
    for i in 0..from.len {
        arena[to.offset + i] += arena[from.offset + i];
    }
}

fn clip(solver: &Solver, gradients: &[f32]) -> f32 {
    if solver.clip_gradients < 0.0 {
        return 1.0;
    }
    let norm = total(Reduction::SumSquares, gradients).sqrt();
    if solver.clip_gradients < norm { solver.clip_gradients / norm } else { 1.0 }
}

fn rule(solver: &Solver, t: u64) -> Rule<f32> {
    let &Solver { momentum, momentum2, delta, rms_decay, .. } = solver;
    match solver.method {
        Method::Sgd => Rule::Momentum { momentum },
        Method::Nesterov => Rule::Nesterov { momentum },
        Method::AdaGrad => Rule::AdaGrad { delta },
        Method::RmsProp => Rule::RmsProp { decay: rms_decay, delta },
        Method::AdaDelta => Rule::AdaDelta { momentum, delta },
        Method::Adam => {
            let t = t as f32;
            let correction = (1.0 - momentum2.powf(t)).sqrt() / (1.0 - momentum.powf(t));
            Rule::Adam { beta1: momentum, beta2: momentum2, delta, correction }
        }
    }
}

type Range = std::ops::Range<usize>;

/// The disjoint ranges of one parameter: weights, gradient, first and second history.
fn split(
    arena: &mut [f32],
    [weights, gradient, first]: [Range; 3],
    second: Range,
) -> (&mut [f32], &[f32], &mut [f32], &mut [f32]) {
    let ranges = [weights, gradient, first, second];
    match arena.get_disjoint_mut(ranges) {
        Ok([w, g, h, v]) => (w, g, h, v),
        Err(_) => unreachable!("the planner lays the solver's arrays out one after the other"),
    }
}
