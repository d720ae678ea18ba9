//! A second opinion on the forward pass of a net: what candle's own operations make of the same tensors.

use std::collections::{BTreeMap, HashMap};

use super::{PassOptions, passes::results};
use crate::error::{Error, Result};
use crate::exec::candle::evaluate;
use crate::ir::TypedNet;
use crate::passes::lower::{Backward, lower, ready};
use crate::program::simplify;
use crate::spec::Environment;
use crate::weights::{Blob, first_values};

/// The blobs `out.<blob>` and the loss of one forward pass of a checked net on tensors, in double precision. Parameters
/// that are not given have their fillers' values, as they have in [`one_pass`](super::one_pass()).
///
/// # Errors
/// The net cannot be run or draws random numbers, or a tensor is missing or has another shape than the net needs.
pub fn second_opinion(
    typed: &TypedNet,
    env: &Environment,
    tensors: &BTreeMap<String, Blob>,
    options: &PassOptions,
) -> Result<BTreeMap<String, Blob>> {
    ready(typed)?;
    let mut lowered = lower(typed, env, Backward::No);
    let results = results(typed, &lowered);
    for (name, v) in &results {
        lowered.program.outputs.push((name.clone(), *v));
    }
    simplify(&mut lowered.program);
    let program = &lowered.program;
    let doubles = |data: &[f32]| data.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    let mut given = HashMap::new();
    for (i, (variable, &v)) in typed.variables.iter().zip(&lowered.variables).enumerate() {
        let blob = variable.users.iter().find_map(|&(node, at)| {
            tensors.get(&format!("param.{}.{at}", typed.net.graph[node].name.value))
        });
        given.insert(
            v,
            match blob {
                Some(blob) if blob.data.len() == variable.shape.count() => doubles(&blob.data),
                Some(_) => {
                    return Err(Error::refused("a parameter has another shape than the net needs"));
                }
                None => doubles(&first_values(variable, options.seed, i as u64)),
            },
        );
    }
    let read: std::collections::HashSet<_> = program.steps.iter().flat_map(|s| &s.args).collect();
    for (input, v) in &program.inputs {
        match tensors.get(&format!("in.{input}")) {
            Some(blob) if blob.data.len() == program.shape(*v).count() => {
                given.insert(*v, doubles(&blob.data));
            }
            None if !read.contains(v) => {}
            _ => {
                let shape = program.shape(*v);
                return Err(Error::refused(format!("tensor `in.{input}`, {shape}, is missing")));
            }
        }
    }
    let mut values = evaluate(program, &given)?;
    values.extend(given);
    let blob = |(name, v): (String, crate::program::ValueId)| {
        let data = values.get(&v)?.iter().map(|&x| x as f32).collect();
        Some((name, Blob { shape: program.shape(v).0.clone(), data }))
    };
    Ok(results.into_iter().filter_map(blob).collect())
}
