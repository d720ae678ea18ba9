//! Nets that a definition tries while it runs, to the numbers that one pass gives, if they are small.

use std::collections::BTreeMap;

use super::{PassOptions, input_values, one_pass};
use crate::diag::Diagnostics;
use crate::exec::Device;
use crate::front::{Trial, Tried};
use crate::ir::{Definition, NetState};
use crate::passes::lower::{Backward, lower, ready};
use crate::pipeline::typed_net;
use crate::program::{Cost, cost};
use crate::spec::{Dialect, Environment};
use crate::ty::Shape;
use crate::weights::Blob;

/// Multiply-adds and other operations of a net that is computed, at most.
const MOST_WORK: u64 = 50_000_000;
/// Steps that a net costs, however small it is, and that a layer of it does.
const PASS: usize = 2000;
const LAYER: usize = 300;

/// Computes a net; `None` if it is large, or has a mistake.
pub fn tried(trial: Trial) -> Option<Tried> {
    let definition = Definition {
        nodes: trial.nodes,
        ..Definition::empty(Dialect::Torch, String::new(), trial.span)
    };
    let blob = |(shape, data): (Shape, Vec<f32>)| Blob { shape: shape.0, data };
    let tensors: BTreeMap<String, Blob> =
        trial.tensors.into_iter().map(|(name, numbers)| (name, blob(numbers))).collect();
    let env = Environment { values: input_values(&tensors), ..Environment::default() };
    let mut complaints = Diagnostics::default();
    let typed = typed_net(&definition, &NetState::phase(trial.phase), &env, &mut complaints);
    if complaints.has_errors() || ready(&typed).is_err() {
        return None;
    }
    let lowered = lower(&typed, &env, Backward::No);
    let mut work = Cost::default();
    for step in &lowered.program.steps {
        work += cost(&lowered.program, step);
    }
    let work = work.multiply_adds.saturating_add(work.other);
    if MOST_WORK < work {
        return None;
    }
    let pass = PassOptions { backward: false, device: Device::Cpu, threads: 1, seed: 0 };
    let results = one_pass(&typed, &env, &tensors, &pass).ok()?;
    let steps = PASS + LAYER * definition.nodes.len() + (work / 256) as usize;
    let results = results.into_iter().map(|(name, blob)| (name, (Shape(blob.shape), blob.data)));
    Some((results.collect(), steps))
}
