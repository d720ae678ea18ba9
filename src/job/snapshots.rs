//! Finds the snapshots of runs: the weights that are taken where none are named.

use std::path::{Path, PathBuf};

use super::LOG;
use crate::error::{Error, Result};
use crate::train::log;

/// The snapshot that the last run in a folder has written last, by its log; of the most iterations where that tells none.
///
/// # Errors
/// There is none.
pub fn last_snapshot(folder: &Path) -> Result<PathBuf> {
    logged(folder).or_else(|| last(folder, "")).ok_or_else(|| {
        Error::refused(format!(
            "there is no snapshot {}; train first, or give --weights",
            folder.join("*_iter_N.safetensors").display()
        ))
    })
}

fn logged(folder: &Path) -> Option<PathBuf> {
    let state = log::last_snapshot(&folder.join(LOG))?;
    let weights = folder.join(state.file_name()?).with_extension("safetensors");
    weights.exists().then_some(weights)
}

/// The snapshots in a folder that a run leaves as they are, which writes one every so many updates and after its last: the
/// one of the most iterations.
pub fn left_snapshot(folder: &Path, every: u64, last_of_run: u64) -> Option<PathBuf> {
    let is_left = |iteration: u64| {
        let is_due = 0 < every && iteration.is_multiple_of(every);
        last_of_run < iteration || iteration != last_of_run && !is_due
    };
    snapshots(folder, "").filter(|(iteration, ..)| is_left(*iteration)).max().map(|found| found.2)
}

/// The snapshot of the most iterations whose files' names begin with a solver's prefix.
///
/// # Errors
/// There is none.
pub fn last_snapshot_of(prefix: &Path) -> Result<PathBuf> {
    let stem = prefix.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    last(prefix.parent().unwrap_or(Path::new("")), &stem).ok_or_else(|| {
        Error::refused(format!(
            "there is no snapshot {}_iter_N.caffemodel; train first, or give --weights",
            prefix.display()
        ))
    })
}

/// The iteration of a snapshot by its name.
pub fn iteration_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))?;
    stem.rsplit_once("_iter_")?.1.parse().ok()
}

/// How the names of files of weights end, those with names of parameters last.
const ENDINGS: [&str; 3] = [".caffemodel.h5", ".caffemodel", ".safetensors"];

/// The weights of the most iterations in a folder, of files called `PREFIX_iter_N` or, for an empty prefix, any.
fn last(folder: &Path, prefix: &str) -> Option<PathBuf> {
    snapshots(folder, prefix).max().map(|(_, _, path)| path)
}

/// Files of weights in a folder with their iterations and what kind of file they are.
fn snapshots(folder: &Path, prefix: &str) -> impl Iterator<Item = (u64, usize, PathBuf)> {
    let here = folder.as_os_str().is_empty();
    let entries = std::fs::read_dir(if here { Path::new(".") } else { folder });
    entries.into_iter().flatten().filter_map(move |entry| {
        let path = folder.join(entry.ok()?.file_name());
        let name = path.file_name()?.to_str()?;
        let kind = ENDINGS.iter().position(|ending| name.ends_with(ending))?;
        let fits = prefix.is_empty() || name.starts_with(&format!("{prefix}_iter_"));
        Some((iteration_of(&path).filter(|_| fits)?, kind, path))
    })
}
