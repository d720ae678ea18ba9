//! The gradients of single losses, where several change the same parameter: a pass adds them up.

use std::collections::{BTreeMap, BTreeSet};

use super::{PassOptions, one_pass};
use crate::error::Result;
use crate::ir::{Definition, OF_LOSS, TypedNet};
use crate::spec::Environment;
use crate::weights::Blob;

/// The gradients of single losses that the definition names: a backward pass for each of these losses alone.
///
/// # Errors
/// As of [`one_pass`].
pub fn by_loss(
    definition: &Definition,
    typed: &TypedNet,
    env: &Environment,
    tensors: &BTreeMap<String, Blob>,
    options: &PassOptions,
) -> Result<BTreeMap<String, Blob>> {
    let names = definition.names.iter().filter_map(|(_, own)| {
        let (loss, place) = own.strip_prefix("dparam.")?.split_once(OF_LOSS)?;
        Some((own, loss, place))
    });
    let names: Vec<(&String, &str, &str)> = names.collect();
    let losses: BTreeSet<&str> = names.iter().map(|(_, loss, _)| *loss).collect();
    let mut gradients = BTreeMap::new();
    for loss in losses {
        let mut alone = typed.clone();
        for (index, node) in typed.net.nodes() {
            let weights = alone.loss_weights[index.index()].iter_mut();
            for (weight, _) in weights.zip(&node.tops).filter(|(_, top)| top.value != loss) {
                *weight = 0.0;
            }
        }
        let results = one_pass(&alone, env, tensors, options)?;
        for (own, _, place) in names.iter().filter(|name| name.1 == loss) {
            if let Some(blob) = results.get(&format!("dparam.{place}")) {
                gradients.insert((*own).clone(), blob.clone());
            }
        }
    }
    Ok(gradients)
}
