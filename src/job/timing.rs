//! Times the layers of a net on made-up data: from a typed net to seconds forward and backward for each layer.

use std::path::Path;

use crate::error::Result;
use crate::exec::SessionOptions;
use crate::ir::TypedNet;
use crate::passes::lower::Backward;
use crate::program::{Program, Source, ValueId};
use crate::random::{Philox, STREAM_TRANSFORM};
use crate::spec::Environment;
use crate::train::machine::{Machine, Planned, Purpose};
use crate::weights::{order, read_weights};

/// The mean seconds of one layer. Layers that are computed together count for the first of them.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerTime {
    /// The layer's name.
    pub name: String,
    /// Its type, as written.
    pub kind: String,
    /// Seconds of its part of a forward pass.
    pub forward: f64,
    /// Seconds of its part of a backward pass.
    pub backward: f64,
    /// The same as sums of the best times of its steps, which other programs on the machine disturb least: forward,
    /// backward.
    pub best: (f64, f64),
}

/// The mean times of a net's passes.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// Passes that were timed.
    pub iterations: u64,
    /// Every layer, in the order of the net.
    pub layers: Vec<LayerTime>,
    /// Seconds of steps that belong to no layer: copies of gradients that several parameters share.
    pub other: f64,
}

impl Timing {
    /// Seconds of a forward pass.
    pub fn forward(&self) -> f64 {
        self.layers.iter().map(|layer| layer.forward).sum()
    }

    /// Seconds of a backward pass.
    pub fn backward(&self) -> f64 {
        self.layers.iter().map(|layer| layer.backward).sum::<f64>() + self.other
    }
}

/// Runs a checked net forward and backward `iterations` times, after one run that is not counted. Inputs are numbers
/// from 0 to below 1, which are also valid labels: their fractions are cut off. A net without a loss goes backward from
/// its outputs.
///
/// # Errors
/// The net cannot be run, or the weights do not fit it.
pub fn time(
    typed: TypedNet,
    env: &Environment,
    weights: Option<&Path>,
    iterations: u64,
    options: &SessionOptions,
) -> Result<Timing> {
    let backward = if typed.has_loss() { Backward::Parameters } else { Backward::Everything };
    let purpose = Purpose { backward, ..Purpose::FORWARD };
    let mut machine = Machine::new(typed, env, purpose, options)?;
    machine.fill(options.seed);
    if let Some(path) = weights {
        machine.take(path, &read_weights(path, &order::places(&machine.typed, &[]))?, &[])?;
    }
    write_inputs(&mut machine, options.seed);
    machine.session.run()?;
    let mut seconds = vec![(0.0, f64::INFINITY); machine.plan().program.steps.len()];
    let iterations = iterations.max(1);
    for _ in 0..iterations {
        for ((mean, best), step) in seconds.iter_mut().zip(machine.session.run_timed()?) {
            *mean += step / iterations as f64;
            *best = step.min(*best);
        }
    }
    Ok(by_layer(&machine, &seconds, iterations))
}

fn write_inputs(machine: &mut Machine, seed: u64) {
    let plan = machine.planned.plan.clone();
    for (i, (_, v)) in plan.program.inputs.iter().enumerate() {
        let Some(slot) = plan.slots[v.0 as usize] else { continue };
        let mut random = Philox::new(seed, STREAM_TRANSFORM).sequence((i as u64) << 32);
        let values: Vec<f32> = (0..slot.len).map(|_| random.uniform_f32()).collect();
        machine.session.write(slot, &values);
    }
}

/// The mean and the best seconds of every step, layer by layer.
fn by_layer(machine: &Machine, seconds: &[(f64, f64)], iterations: u64) -> Timing {
    let nodes = machine.typed.net.nodes().map(|(_, node)| LayerTime {
        name: node.name.value.clone(),
        kind: node.type_name.value.clone(),
        forward: 0.0,
        backward: 0.0,
        best: (0.0, 0.0),
    });
    let mut timing = Timing { iterations, layers: nodes.collect(), other: 0.0 };
    let program = &machine.plan().program;
    let forward = forward_steps(program, &machine.planned);
    for ((step, forward), (mean, best)) in program.steps.iter().zip(forward).zip(seconds) {
        match timing.layers.get_mut(step.origin.0 as usize) {
            Some(layer) if forward => {
                layer.forward += mean;
                layer.best.0 += best;
            }
            Some(layer) => {
                layer.backward += mean;
                layer.best.1 += best;
            }
            None => timing.other += mean,
        }
    }
    timing
}

/// Which steps blobs, the loss or states depend on; all others serve gradients.
fn forward_steps(program: &Program, planned: &Planned) -> Vec<bool> {
    let mut needed = vec![false; program.values.len()];
    let blobs = planned.blobs.iter().flatten().chain(&planned.loss);
    for v in blobs.chain(program.assigns.iter().map(|(_, new)| new)) {
        needed[v.0 as usize] = true;
    }
    let mut forward = vec![false; program.steps.len()];
    for (i, step) in program.steps.iter().enumerate().rev() {
        let computed = |v: &ValueId| program.source(*v) == Source::Step(i as u32);
        forward[i] = step.outs.iter().any(|v| computed(v) && needed[v.0 as usize]);
        if forward[i] {
            step.args.iter().for_each(|v| needed[v.0 as usize] = true);
        }
    }
    forward
}
