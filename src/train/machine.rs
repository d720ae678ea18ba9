//! A planned net on a device: from a typed net to what is trained, tested, timed and asked for outputs.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::hdf5_output::Hdf5Output;
use super::{Feed, debug};
use crate::diag::{Diagnostics, Severity};
use crate::error::{Error, Result};
use crate::exec::{Device, Session, SessionOptions, supported, workspace};
use crate::ir::{Net, Port, TypedNet, Variable};
use crate::passes::infer_types::infer_types;
use crate::passes::lower::{Backward, Join, Lowered, lower, lower_joined, ready};
use crate::passes::share_params::share_params;
use crate::plan::{Plan, Request, Slot, plan};
use crate::program::{
    Arrange, ValueId, arrange, arranges, deploy, fuse, fuse_chains, join_sums, part_biases,
    simplify, slice_first, sum_by_tower, sum_maxima,
};
use crate::spec::Environment;
use crate::spec::solver::Solver;
use crate::ty::Shape;
use crate::weights::{Blob, Given, binaryproto_for_layers, first_values};

/// What a net is planned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// Which gradients it computes.
    pub backward: Backward,
    /// Arrays of the size of the parameters that are kept beside them.
    pub histories: usize,
    /// Whether all blobs and their gradients can be read after a run, which costs their memory.
    pub watched: bool,
}

impl Purpose {
    /// Outputs alone.
    pub const FORWARD: Purpose = Purpose { backward: Backward::No, histories: 0, watched: false };

    /// Training by a solver: its own arrays, and one for the sum of gradients where it adds several.
    pub fn training(solver: &Solver) -> Self {
        let accumulate = usize::from(1 < solver.iter_size);
        let histories = solver.method.histories() + accumulate;
        Purpose { backward: Backward::Parameters, histories, watched: solver.debug_info }
    }
}

/// A net with a place for everything it computes.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The value of every variable of the net.
    pub variables: Vec<ValueId>,
    /// The total loss, if the net has one.
    pub loss: Option<ValueId>,
    /// The net's outputs by name, in the order they were written, with the weight each has in the loss.
    pub outputs: Vec<(String, ValueId, f32)>,
    /// The values of every node's tops; those of a net that is not watched may be gone after a run.
    pub blobs: Vec<Vec<ValueId>>,
    /// The gradients of blobs, where there are any; likewise.
    pub blob_gradients: HashMap<Port, ValueId>,
    /// The gradient of every variable, where there is one.
    pub gradients: Vec<Option<ValueId>>,
    /// See [`Lowered::further`].
    pub further: Vec<(usize, usize, ValueId)>,
    /// The files that a test writes.
    files: Vec<Hdf5Output>,
}

/// Plans a net for a device; `threads` are 0 for one for each core. This is what a session of it runs and allocates.
///
/// # Errors
/// See [`ready`] and [`supported`].
pub fn planned(
    typed: &TypedNet,
    env: &Environment,
    purpose: Purpose,
    (device, threads): (Device, usize),
) -> Result<Planned> {
    ready(typed)?;
    let mut lowered = match device {
        _ if purpose.watched => lower(typed, env, purpose.backward),
        Device::Cpu => lower_joined(typed, env, purpose.backward, Join::Chains),
        // The libraries of a GPU have no joined convolutions.
        Device::Cuda(_) => lower_joined(typed, env, purpose.backward, Join::Normalizations),
    };
    let outputs = outputs(typed, &lowered);
    let watched: Vec<ValueId> = match purpose.watched {
        true => {
            lowered.blobs.iter().flatten().chain(lowered.blob_gradients.values()).copied().collect()
        }
        false => vec![],
    };
    // Training writes no files: each test does, and those of training would only get longer.
    let files = match purpose.backward {
        Backward::No => Hdf5Output::of_net(typed, &mut lowered),
        _ => vec![],
    };
    let kept = std::mem::take(&mut lowered.program.outputs);
    let program = &mut lowered.program;
    program.outputs = outputs.iter().map(|(n, v, _)| (n.clone(), *v)).collect();
    program.outputs.extend(lowered.loss.map(|v| ("(loss)".to_string(), v)));
    program.outputs.extend(watched.into_iter().map(|v| ("(watched)".to_string(), v)));
    program.outputs.extend(kept);
    let further = lowered.further.iter().map(|&(.., v)| ("(further)".to_string(), v));
    program.outputs.extend(further);
    for gradient in lowered.gradients.iter().flatten() {
        program.outputs.push(("(gradient)".to_string(), *gradient));
    }
    simplify(program);
    match device {
        _ if purpose.watched => {}
        Device::Cpu if purpose.backward != Backward::No => {
            if !arranges(program) {
                fuse(program);
            }
            fuse_chains(program);
        }
        Device::Cpu => {}
        Device::Cuda(_) => {
            sum_maxima(program);
            part_biases(program);
            slice_first(program);
            fuse_chains(program);
        }
    }
    simplify(program);
    supported(device, program, &typed.net)?;
    let settled = match (purpose.backward, device) {
        (Backward::No, Device::Cpu) => deploy(program, Arrange::Inference),
        (_, Device::Cpu) if !purpose.watched => {
            arrange(program, Arrange::Training);
            join_sums(program);
            0
        }
        _ => 0,
    };
    sum_by_tower(program, device != Device::Cpu);
    program.outputs.retain(|(name, _)| name != "(gradient)");
    let gradients = match purpose.backward {
        Backward::No => vec![],
        _ => lowered.gradients.clone(),
    };
    let parameters = lowered.variables.clone();
    let in_place = device != Device::Cpu;
    let histories = purpose.histories;
    let request = Request { parameters, gradients, histories, settled, in_place };
    let Lowered { program, variables, loss, blobs, blob_gradients, gradients, further, .. } =
        lowered;
    let plan = Arc::new(plan(program, &request, &workspace::<f32>(device, threads)));
    Ok(Planned { plan, variables, loss, outputs, blobs, blob_gradients, gradients, further, files })
}

/// A net with shapes and owners of its parameters; else the first error.
pub(super) fn typed(
    net: Net,
    env: &Environment,
    complaints: &mut Diagnostics,
) -> Result<TypedNet, String> {
    let signatures = infer_types(&net, env, complaints);
    let typed = share_params(net, signatures, complaints);
    match complaints.iter().find(|one| one.severity() == Severity::Error) {
        Some(complaint) => Err(complaint.message.clone()),
        None => Ok(typed),
    }
}

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

/// A planned net with its memory and its data.
pub struct Machine {
    /// The net.
    pub typed: TypedNet,
    /// Its values.
    pub planned: Planned,
    /// Its memory.
    pub session: Session<f32>,
    /// What serves its inputs.
    pub feeds: Vec<Feed>,
    purpose: Purpose,
    options: SessionOptions,
}

/// The total loss after a run, and the shown outputs by name.
pub(crate) type Told = (f32, Vec<(String, Vec<f32>)>);

/// Means of the loss and of the outputs over the batches of a test, and lines for debugging.
pub(crate) type Tested = (f32, Vec<(String, Vec<f32>)>, Vec<String>);

/// Outputs of more elements than this are not logged.
const MOST_SHOWN: usize = 16;

impl Machine {
    /// Plans a net and allocates its memory; all parameters are 0.
    ///
    /// # Errors
    /// The net cannot be run, or the device refuses.
    pub fn new(
        typed: TypedNet,
        env: &Environment,
        purpose: Purpose,
        options: &SessionOptions,
    ) -> Result<Self> {
        let planned = planned(&typed, env, purpose, (options.device, options.threads))?;
        let session = Session::new(planned.plan.clone(), options)?;
        let (purpose, options) = (purpose, options.clone());
        Ok(Machine { typed, planned, session, feeds: vec![], purpose, options })
    }

    /// Plans the net anew for inputs of other shapes, with the same parameters, histories and random numbers.
    fn reshape(&mut self, inputs: &[(String, Shape)]) -> Result<()> {
        let (name, shape) = &inputs[0];
        let refused = |why: &str| {
            Error::refused(format!(
                "net `{}` cannot take `{name}` of {shape}: {why}",
                self.typed.net.name
            ))
        };
        if self.options.device != Device::Cpu {
            return Err(refused(
                "on a GPU all records have one shape; resize them, or use --device cpu",
            ));
        }
        let mut shapes = BTreeMap::new();
        for (index, node) in self.typed.net.nodes().filter(|(_, node)| node.layer.is_input()) {
            let Some(signature) = &self.typed.signatures[index.index()] else { continue };
            let tops = node.tops.iter().map(|top| top.value.clone());
            shapes.extend(tops.zip(signature.tops.iter().cloned()));
        }
        shapes.extend(inputs.iter().cloned());
        let blob: &dyn Fn(&str) -> _ = &binaryproto_for_layers;
        let env = Environment { shapes, blob: Some(blob), ..Environment::default() };
        let typed = typed(self.typed.net.clone(), &env, &mut Diagnostics::default());
        let typed = typed.map_err(|why| refused(&why))?;
        let variables = self.typed.variables.iter().zip(&typed.variables);
        if let Some((old, new)) = variables.clone().find(|(old, new)| old.shape != new.shape) {
            let layer = users(&self.typed, old).swap_remove(0).0;
            return Err(refused(&format!(
                "the {} of `{layer}` would have to be {}, not {}",
                old.role, new.shape, old.shape
            )));
        }
        let device = (self.options.device, self.options.threads);
        let mut planned = planned(&typed, &env, self.purpose, device)?;
        let files = self.planned.files.clone();
        for (file, before) in planned.files.iter_mut().zip(files) {
            if !file.go_on(&planned.plan, before, self.plan()) {
                return Err(refused("rows of an HDF5Output layer have one shape"));
            }
        }
        let mut session = Session::new(planned.plan.clone(), &self.options)?;
        let regions =
            |plan: &Plan| [&[plan.parameters, plan.gradients][..], &plan.histories].concat();
        for (from, to) in regions(self.plan()).into_iter().zip(regions(&planned.plan)) {
            let values = self.session.read(from);
            session.write(to, &values);
        }
        session.set_runs(self.session.runs());
        (self.typed, self.planned, self.session) = (typed, planned, session);
        self.feeds.iter_mut().for_each(|feed| feed.rewire(&self.planned.plan));
        Ok(())
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.planned.plan
    }

    /// Where it runs.
    pub fn device(&self) -> Device {
        self.options.device
    }

    /// The place of a variable.
    pub fn place(&self, variable: usize) -> Slot {
        self.planned.plan.slot(self.planned.variables[variable])
    }

    /// The place of what an array that is laid out as the parameters, such as a history of the solver, has for a variable.
    pub fn place_in(&self, array: Slot, variable: usize) -> Slot {
        let place = self.plan().layout[variable];
        Slot { offset: array.offset + place.offset, len: place.len }
    }

    /// Adds the values of a variable as `<what>.<layer>.<i>` for each of its users.
    pub fn add_by_user(
        &self,
        variable: usize,
        data: Vec<f32>,
        what: &str,
        blobs: &mut BTreeMap<String, Blob>,
    ) {
        let variable = &self.typed.variables[variable];
        let mut users = users(&self.typed, variable);
        let last = users.pop();
        let shape = || variable.shape.0.clone();
        for (layer, at) in users {
            let blob = Blob { shape: shape(), data: data.clone() };
            blobs.insert(format!("{what}.{layer}.{at}"), blob);
        }
        if let Some((layer, at)) = last {
            blobs.insert(format!("{what}.{layer}.{at}"), Blob { shape: shape(), data });
        }
    }

    /// Gives every parameter the values of its filler.
    pub fn fill(&mut self, seed: u64) {
        for i in 0..self.typed.variables.len() {
            let variable = &self.typed.variables[i];
            let values = first_values(variable, seed, i as u64);
            self.session.write(self.place(i), &values);
        }
    }

    /// Serves inputs from a source: pairs of an input and a top of the source.
    ///
    /// # Errors
    /// A top of the source does not have the shape of the input.
    pub fn feed(
        &mut self,
        source: crate::data::source::Source,
        names: &[(String, String)],
    ) -> Result<()> {
        let feed = Feed::new(source, names, &self.typed, &self.session)?;
        self.feeds.push(feed);
        Ok(())
    }

    /// Gives an input its values for the runs to come, in the order of its shape.
    ///
    /// # Errors
    /// The net has no input of that name, or it has another number of values.
    pub fn set(&mut self, input: &str, values: &[f32]) -> Result<()> {
        let plan = self.planned.plan.clone();
        let Some(&(_, v)) = plan.program.inputs.iter().find(|(name, _)| name == input) else {
            return Err(Error::refused(format!("the net has no input `{input}`")));
        };
        let shape = plan.program.shape(v);
        if shape.count() != values.len() {
            let count = values.len();
            return Err(Error::refused(format!("`{input}` is {shape}, not {count} numbers")));
        }
        // An input that nothing reads has no place.
        if let Some(slot) = plan.slots[v.0 as usize] {
            self.session.write(slot, values);
        }
        Ok(())
    }

    /// The place of an input, if the net has one of that name and anything reads it.
    pub fn input(&self, name: &str) -> Option<Slot> {
        let plan = self.plan();
        let (_, v) = plan.program.inputs.iter().find(|(input, _)| input == name)?;
        plan.slots[v.0 as usize]
    }

    /// The place of an output of the net, if it has one of that name.
    pub fn output_place(&self, name: &str) -> Option<Slot> {
        let (_, v, _) = self.planned.outputs.iter().find(|(output, ..)| output == name)?;
        Some(self.planned.plan.slot(*v))
    }

    /// What the last run gave for an output of the net, if it has one of that name.
    pub fn output(&mut self, name: &str) -> Option<Vec<f32>> {
        let slot = self.output_place(name)?;
        Some(self.session.read(slot))
    }

    /// Takes a batch from every source and runs all steps once.
    pub fn run(&mut self) -> Result<()> {
        self.take_batches()?;
        self.session.run()
    }

    /// Takes a batch from every source; where records of another shape come, the net is planned anew.
    pub(crate) fn take_batches(&mut self) -> Result<()> {
        let mut others = vec![];
        for feed in &mut self.feeds {
            others.extend(feed.take()?);
        }
        if !others.is_empty() {
            self.reshape(&others)?;
        }
        self.feeds.iter().for_each(|feed| feed.stage(&mut self.session));
        Ok(())
    }

    /// Forgets what the files of the net's HDF5Output layers would hold.
    pub(crate) fn clear_files(&mut self) {
        self.planned.files.iter_mut().for_each(Hdf5Output::clear);
    }

    /// Keeps the first `rows` rows of the last run for these files.
    pub(crate) fn take_rows(&mut self, rows: usize) {
        let Machine { planned, session, .. } = self;
        for file in &mut planned.files {
            file.take(session, &planned.plan, rows);
        }
    }

    /// Writes these files.
    pub(crate) fn write_files(&mut self) -> Result<()> {
        self.session.sound()?;
        self.planned.files.iter().try_for_each(|file| file.write(&self.planned.plan))
    }

    /// Runs batches, at least one: the mean of the total loss and of the shown outputs, what the net's HDF5Output layers write,
    /// and where asked for Caffe's `debug_info` lines of every pass.
    pub(crate) fn test(&mut self, batches: u64, debugs: bool) -> Result<Tested> {
        let batches = batches.max(1);
        let mut loss = 0.0;
        let mut sums: Vec<(String, Vec<f32>)> = vec![];
        let mut debug = vec![];
        let most = self.session.kept().max(1);
        let mut runs = vec![];
        self.clear_files();
        for batch in 1..=batches {
            runs.push(self.session.runs());
            self.run()?;
            self.take_rows(usize::MAX);
            if debugs {
                debug.extend(debug::forward(self));
            }
            if runs.len() < most && batch < batches {
                continue;
            }
            for (one, outputs) in self.told(&std::mem::take(&mut runs))? {
                loss += one;
                if sums.is_empty() {
                    sums = outputs;
                } else {
                    for ((_, sum), (_, values)) in sums.iter_mut().zip(outputs) {
                        sum.iter_mut().zip(values).for_each(|(s, v)| *s += v);
                    }
                }
            }
        }
        self.write_files()?;
        let n = batches as f32;
        for (_, sum) in &mut sums {
            sum.iter_mut().for_each(|s| *s /= n);
        }
        Ok((loss / n, sums, debug))
    }

    /// The total loss of the last run; 0 for a net without one.
    pub fn loss(&mut self) -> f32 {
        let Some(loss) = self.planned.loss else { return 0.0 };
        let slot = self.planned.plan.slot(loss);
        self.session.read(slot)[0]
    }

    /// The outputs of the last run that are few enough numbers to be shown.
    pub fn shown_outputs(&mut self) -> Vec<(String, Vec<f32>)> {
        let shown = self.shown();
        shown.into_iter().map(|(name, slot)| (name, self.session.read(slot))).collect()
    }

    /// The total loss and the shown outputs after each of these runs, which are among the last [`Session::kept`]; where a
    /// session keeps none, the last run is all there is.
    ///
    /// # Errors
    /// The device refuses.
    pub(crate) fn told(&mut self, runs: &[u64]) -> Result<Vec<Told>> {
        if self.session.kept() == 0 {
            return Ok(vec![(self.loss(), self.shown_outputs())]);
        }
        let shown = self.shown();
        let loss = self.planned.loss.map(|v| self.plan().slot(v));
        let slots: Vec<Slot> =
            loss.into_iter().chain(shown.iter().map(|(_, slot)| *slot)).collect();
        let found = self.session.recent(runs, &slots)?.into_iter().map(|values| {
            let mut values = values.into_iter();
            let loss = loss.and_then(|_| values.next()?.first().copied()).unwrap_or(0.0);
            (loss, shown.iter().map(|(name, _)| name.clone()).zip(values).collect())
        });
        Ok(found.collect())
    }

    /// The places of these outputs.
    fn shown(&self) -> Vec<(String, Slot)> {
        let plan = &self.planned.plan;
        let all = self.planned.outputs.iter().map(|(name, v, _)| (name.clone(), plan.slot(*v)));
        all.filter(|(_, slot)| slot.len <= MOST_SHOWN).collect()
    }

    /// Takes parameters from a file, as [`Given::for_net`] finds them. Says for each variable whether it was given.
    ///
    /// # Errors
    /// What of the file does not fit; nothing is taken then.
    pub fn take(&mut self, path: &Path, given: &Given, except: &[String]) -> Result<Vec<bool>> {
        let taken = given.for_net(path, &self.typed, except)?;
        for (i, blob) in taken.iter().enumerate().filter_map(|(i, blob)| Some((i, (*blob)?))) {
            self.session.write(self.place(i), &blob.data);
        }
        Ok(taken.iter().map(Option::is_some).collect())
    }
}

/// The users of a variable by layer name and position.
pub(crate) fn users(typed: &TypedNet, variable: &Variable) -> Vec<(String, usize)> {
    let name = |&(node, at): &(petgraph::graph::NodeIndex, usize)| {
        (typed.net.graph[node].name.value.clone(), at)
    };
    variable.users.iter().map(name).collect()
}
