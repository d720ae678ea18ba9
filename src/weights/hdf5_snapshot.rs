//! Reads and writes what Caffe's solvers leave with `snapshot_format: HDF5`: `.caffemodel.h5` and `.solverstate.h5`.
//!
//! Weights lie at `/data/<layer>/<i>`. A parameter that layers share lies only with its first user, though a file in which
//! it is linked to or repeated for the others is read as well. A layer without parameters of its own is an empty group.

use std::collections::BTreeSet;
use std::path::Path;

use super::hdf5::{Hdf5File, Hdf5Tree};
use super::{Counts, Given, SolverState, Weights};
use crate::{Error, Result};

/// The group of the weights.
const DATA: &str = "data";
/// The group of what the last update subtracted from them.
const DIFF: &str = "diff";

/// Reads the weights of a `.caffemodel.h5`.
pub(super) fn read_weights(path: &Path, bytes: Vec<u8>) -> Result<Given> {
    let file = Hdf5File::parse(path, bytes)?;
    let mut weights = Weights::new();
    let contents = file.contents()?;
    for name in contents.datasets {
        let Some((layer, at)) = name.strip_prefix("data/").and_then(|n| n.rsplit_once('/')) else {
            continue;
        };
        let at = at.parse().map_err(|_| {
            Error::format(path, format!("`{name}` has no number of a parameter as its name"))
        })?;
        weights.insert((layer.to_owned(), at), file.blob(&name)?);
    }
    if weights.is_empty() {
        return Err(Error::format(path, "holds no weights at /data/<layer>/<i>"));
    }
    let mut given = Given::of(weights, Counts::Owned);
    let known: BTreeSet<String> = given.layers.iter().map(|(layer, _)| layer.clone()).collect();
    let layers = contents.groups.iter().filter_map(|group| group.strip_prefix("data/"));
    let empty = layers.filter(|layer| !known.contains(*layer));
    given.layers.extend(empty.map(|layer| (layer.to_owned(), 0)));
    Ok(given)
}

/// Writes a `.caffemodel.h5`: a group for each of `layers`, the weights, and where there are some their last changes,
/// which Caffe repeats for all users of a shared parameter.
pub fn write_hdf5_weights(
    path: &Path,
    layers: &[&str],
    weights: Weights,
    changes: Option<Weights>,
) -> Result<()> {
    let mut tree = Hdf5Tree::default();
    for (name, blobs) in [(DATA, Some(weights)), (DIFF, changes)] {
        let Some(blobs) = blobs else { continue };
        let group = tree.group(name);
        for layer in layers {
            group.group(layer);
        }
        for ((layer, at), blob) in blobs {
            group.group(&layer).floats(&at.to_string(), blob);
        }
    }
    tree.write(path)
}

impl SolverState {
    pub(super) fn of_hdf5(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let file = Hdf5File::parse(path, bytes)?;
        let names = file.contents()?.datasets;
        let kept = names.iter().filter(|name| name.starts_with("history/")).count();
        let history = (0..kept).map(|i| file.blob(&format!("history/{i}")));
        let learned_net = match names.iter().any(|name| name == "learned_net") {
            true => Some(file.text("learned_net")?),
            false => None,
        };
        Ok(SolverState {
            history: history.collect::<Result<_>>()?,
            learned_net,
            iter: file.count("iter")?,
            current_step: file.count("current_step")?,
        })
    }

    /// Writes a `.solverstate.h5` that Caffe reads.
    pub fn write_hdf5(&self, path: &Path) -> Result<()> {
        let mut tree = Hdf5Tree::default();
        for (name, n) in [("iter", self.iter), ("current_step", self.current_step)] {
            let many = || Error::format(path, format!("{n} iterations are too many"));
            tree.count(name, i32::try_from(n).map_err(|_| many())?);
        }
        tree.text("learned_net", self.learned_net.as_deref().unwrap_or_default());
        let history = tree.group("history");
        for (i, blob) in self.history.iter().enumerate() {
            history.floats(&i.to_string(), blob.clone());
        }
        tree.write(path)
    }
}
