//! From the parameters of a file, by layer and position, to those that the variables of a net take: Caffe's rules of which
//! layers match (Net::CopyTrainedLayersFrom).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::{Blob, Weights};
use crate::ir::TypedNet;
use crate::ty::Shape;
use crate::{Error, Result};

/// How many parameters a file must have of a layer that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// As many as the layer has: `.caffemodel`.
    Equal,
    /// No more; only those that the layer shares with an earlier one may be missing: `.caffemodel.h5`.
    Owned,
    /// No more: files that Caffe does not read.
    AtMost,
}

/// What a file gives to nets.
#[derive(Clone, Debug)]
pub struct Given {
    /// Parameters by layer and position; of several layers of one name the last counts, as in Caffe.
    pub weights: Weights,
    /// The layers of the file, with the number of their parameters.
    pub layers: Vec<(String, usize)>,
    /// How many there must be.
    pub counts: Counts,
}

impl Given {
    /// The parameters of a file that says nothing else of its layers.
    pub fn of(weights: Weights, counts: Counts) -> Self {
        let mut layers = BTreeMap::<&String, usize>::new();
        for (layer, _) in weights.keys() {
            *layers.entry(layer).or_default() += 1;
        }
        let layers = layers.into_iter().map(|(layer, n)| (layer.clone(), n)).collect();
        Given { weights, layers, counts }
    }

    /// The parameter that each variable of a net takes, if there is one for it; layers named in `except` take none.
    ///
    /// # Errors
    /// All layers that have another number of parameters in the file, or some of another shape.
    pub fn for_net<'a>(
        &'a self,
        path: &Path,
        typed: &TypedNet,
        except: &[String],
    ) -> Result<Vec<Option<&'a Blob>>> {
        let mut in_file = HashMap::<&str, Vec<usize>>::new();
        for (layer, n) in &self.layers {
            in_file.entry(layer).or_default().push(*n);
        }
        let mut wrong = vec![];
        let mut taken = vec![None; typed.variables.len()];
        for (index, node) in typed.net.nodes() {
            let layer = &node.name.value;
            if except.contains(layer) {
                continue;
            }
            let places: Vec<(usize, usize)> = typed.node_variables[index.index()]
                .iter()
                .map(|var| var.0 as usize)
                .enumerate()
                .filter(|(_, variable)| !typed.variables[*variable].private)
                .collect();
            let most = places.len();
            let lacks_own = places.iter().any(|&(at, variable)| {
                let owner = typed.variables[variable].users.first();
                owner.is_some_and(|&(user, _)| user == index)
                    && !self.weights.contains_key(&(layer.clone(), at))
            });
            let counts = |n: usize| match self.counts {
                Counts::Equal => n == most,
                Counts::Owned => n <= most && !lacks_own,
                Counts::AtMost => n <= most,
            };
            let in_file = in_file.get(&**layer).map_or(&[][..], Vec::as_slice);
            if let Some(&n) = in_file.iter().find(|&&n| !counts(n)) {
                let roles = places.iter().map(|(_, variable)| typed.variables[*variable].role);
                let roles = match most {
                    0 => String::new(),
                    _ => format!(" ({})", roles.collect::<Vec<_>>().join(", ")),
                };
                wrong.push(format!("`{layer}`: file {}, net {most}{roles}", parameters(n)));
                continue;
            }
            for (at, variable) in places {
                let Some(blob) = self.weights.get(&(layer.clone(), at)) else {
                    continue;
                };
                let variable = (&typed.variables[variable], &mut taken[variable]);
                if blob.fits(variable.0.shape.dims()) {
                    *variable.1 = Some(blob);
                    continue;
                }
                let (have, want) = (Shape(blob.shape.clone()), &variable.0.shape);
                wrong.push(format!("`{layer}` {}: file {have}, net {want}", variable.0.role));
            }
        }
        match wrong.is_empty() {
            true => Ok(taken),
            false => {
                let message = format!("does not fit this net:\n  {}", wrong.join("\n  "));
                Err(Error::format(path, message))
            }
        }
    }

    /// The layers with parameters that none of the nets has.
    pub fn strangers<'a>(&self, nets: impl Iterator<Item = &'a TypedNet>) -> Vec<String> {
        let known: BTreeSet<&str> = nets
            .flat_map(|typed| typed.net.nodes().map(|(_, node)| node.name.value.as_str()))
            .collect();
        let unknown = self.layers.iter().filter(|(name, n)| 0 < *n && !known.contains(&**name));
        unknown.map(|(name, _)| name.clone()).collect()
    }
}

fn parameters(n: usize) -> String {
    if n == 1 { "1 parameter".into() } else { format!("{n} parameters") }
}
