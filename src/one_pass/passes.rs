//! Makes a checked net ready for passes on given tensors in a number type: `f32`, as it trains, or `f64`, in which
//! differences of close values still say something.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::PassOptions;
use crate::error::Result;
use crate::exec::{Element, Session, SessionOptions, supported, workspace};
use crate::ir::{Port, TypedNet};
use crate::passes::lower::{Backward, Lowered, lower, ready};
use crate::plan::{Plan, Request, Slot, plan};
use crate::program::{Arrange, ValueId, arrange, join_sums, simplify};
use crate::spec::Environment;
use crate::train::hdf5_output::Hdf5Output;
use crate::ty::Shape;
use crate::weights::first_values;

/// A net with its memory. Everything that can be set and read has the name it has in the golden data.
pub struct Passes<T: Element> {
    plan: Arc<Plan>,
    session: Session<T>,
    /// What the caller gives: `in.<blob>` where something reads it, `dout.<blob>`.
    inputs: BTreeMap<String, ValueId>,
    /// `param.<layer>.<i>`.
    parameters: BTreeMap<String, ValueId>,
    /// What can be read after a run.
    results: BTreeMap<String, ValueId>,
    /// The first values of what runs change.
    states: Vec<(Slot, Vec<T>)>,
    files: Vec<Hdf5Output>,
}

impl<T: Element> Passes<T> {
    /// Lowers and plans a checked net. Parameters have their fillers' values, inputs are 0.
    ///
    /// # Errors
    /// The net cannot be run.
    pub fn new(typed: &TypedNet, env: &Environment, options: &PassOptions) -> Result<Self> {
        Self::arranged(typed, env, options, None)
    }

    /// The same, with some blobs whose channels lie last.
    ///
    /// # Errors
    /// The net cannot be run.
    pub fn arranged(
        typed: &TypedNet,
        env: &Environment,
        options: &PassOptions,
        how: Option<Arrange>,
    ) -> Result<Self> {
        ready(typed)?;
        let backward = if options.backward { Backward::Everything } else { Backward::No };
        let mut lowered = lower(typed, env, backward);
        let mut results = results(typed, &lowered);
        for (name, v) in &results {
            lowered.program.outputs.push((name.clone(), *v));
        }
        let files = Hdf5Output::of_net(typed, &mut lowered);
        simplify(&mut lowered.program);
        if let Some(how) = how {
            arrange(&mut lowered.program, how);
            join_sums(&mut lowered.program);
        }
        supported(options.device, &lowered.program, &typed.net)?;
        let request = Request { parameters: lowered.variables.clone(), ..Request::default() };
        let plan = Arc::new(plan(
            lowered.program,
            &request,
            &workspace::<T>(options.device, options.threads),
        ));
        let session =
            SessionOptions { device: options.device, threads: options.threads, seed: options.seed };
        let mut session = Session::<T>::new(plan.clone(), &session)?;

        // An input that nothing reads has no place, and need not be given.
        let read = plan.program.inputs.iter().filter(|(_, v)| plan.slots[v.0 as usize].is_some());
        let inputs = read.map(|(input, v)| match input.starts_with("dout.") {
            true => (input.clone(), *v),
            false => (format!("in.{input}"), *v),
        });
        let inputs = inputs.collect();
        let mut parameters = BTreeMap::new();
        let mut states = vec![];
        for (i, (variable, &v)) in typed.variables.iter().zip(&lowered.variables).enumerate() {
            let values = first_values(variable, options.seed, i as u64);
            let values: Vec<T> = values.into_iter().map(|x| T::from_f64(x.into())).collect();
            session.write(plan.slot(v), &values);
            let changes = plan.program.assigns.iter().any(|&(state, _)| state == v);
            for &(node, at) in &variable.users {
                let layer = &typed.net.graph[node].name.value;
                parameters.insert(format!("param.{layer}.{at}"), v);
                if changes {
                    results.insert(format!("param_after.{layer}.{at}"), v);
                }
            }
            if changes {
                states.push((plan.slot(v), values));
            }
        }
        Ok(Passes { plan, session, inputs, parameters, results, states, files })
    }

    /// The names of the inputs, blobs and gradients of outputs, with their shapes.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &Shape)> {
        let shape = |v: ValueId| self.plan.program.shape(v);
        self.inputs.iter().map(move |(name, &v)| (name.as_str(), shape(v)))
    }

    /// Sets an input or a parameter; false if there is none of this name.
    ///
    /// # Panics
    /// If the number of elements is not that of the shape.
    pub fn set(&mut self, name: &str, values: &[T]) -> bool {
        let Some(&v) = self.inputs.get(name).or_else(|| self.parameters.get(name)) else {
            return false;
        };
        self.session.write(self.plan.slot(v), values);
        true
    }

    /// One forward pass, and one backward pass if there is one.
    ///
    /// # Errors
    /// The data do not fit the net: an index or a label is out of range.
    pub fn run(&mut self) -> Result<()> {
        self.session.run()
    }

    /// Whether everything that was read since the last run is what it gave.
    ///
    /// # Errors
    /// A GPU refused something.
    pub fn sound(&mut self) -> Result<()> {
        self.session.sound()
    }

    /// Makes the next run like the first: with its random numbers, and with the first values of states that runs
    /// change, until they are set.
    pub fn rewind(&mut self) {
        self.session.set_runs(0);
        for (slot, values) in &self.states {
            self.session.write(*slot, values);
        }
    }

    /// The names of what can be read.
    pub fn results(&self) -> impl Iterator<Item = &str> {
        self.results.keys().map(String::as_str)
    }

    /// A result of the last run with its extents.
    pub fn get(&mut self, name: &str) -> Option<(Vec<usize>, Vec<T>)> {
        let v = *self.results.get(name)?;
        let shape = self.plan.program.shape(v).0.clone();
        Some((shape, self.session.read(self.plan.slot(v))))
    }
}

impl Passes<f32> {
    /// Writes what the HDF5Output layers got in the last run.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_files(&mut self) -> Result<()> {
        for file in &mut self.files {
            file.clear();
            file.take(&mut self.session, &self.plan, usize::MAX);
            file.write(&self.plan)?;
        }
        Ok(())
    }
}

/// What is read after the run, by name. A blob that is changed in place counts with its last value, its gradient
/// is that of its first.
pub(super) fn results(typed: &TypedNet, lowered: &Lowered) -> BTreeMap<String, ValueId> {
    let mut results = BTreeMap::new();
    for (index, node) in typed.net.nodes() {
        for (top, name) in node.tops.iter().enumerate() {
            let port = Port { node: index, top };
            let v = lowered.blobs[index.index()][top];
            if !node.layer.is_input() {
                results.insert(format!("out.{}", name.value), v);
            }
            if let Some(&gradient) = lowered.blob_gradients.get(&port) {
                results.entry(format!("din.{}", name.value)).or_insert(gradient);
            }
        }
    }
    for (variable, gradient) in typed.variables.iter().zip(&lowered.gradients) {
        let Some(gradient) = gradient else { continue };
        for &(node, at) in &variable.users {
            let layer = &typed.net.graph[node].name.value;
            results.insert(format!("dparam.{layer}.{at}"), *gradient);
        }
    }
    if let Some(loss) = lowered.loss {
        results.insert("loss".into(), loss);
    }
    results
}
