//! Checks of a run file that need no look at any other file.

use super::run_file::{Dataset, Files, RunFile, Training};
use super::run_file_text::Wrong;
use crate::error::Result;
use crate::file::is_program;

/// Refuses values that make no sense, and fields that others make meaningless.
pub(super) fn check(file: &RunFile) -> Result<(), Wrong> {
    let Training { epochs, iterations, batch_size, snapshot, validation, keep, .. } = &file.train;
    let lengths = [
        ("train.epochs", *epochs),
        ("train.snapshot", *snapshot),
        ("train.validation", *validation),
    ];
    for (key, length) in lengths.into_iter().filter_map(|(key, length)| Some((key, length?))) {
        if !(0.0 < length && length.is_finite()) {
            let why = format!("`{key}` is {length}, and must be a number above 0");
            return Err(Wrong::new(key, why));
        }
    }
    let counts = [
        ("train.iterations", *iterations),
        ("train.batch_size", batch_size.map(|n| n as u64)),
        ("train.keep", keep.map(|n| n as u64)),
    ];
    if let Some((key, _)) = counts.iter().find(|(_, count)| *count == Some(0)) {
        return Err(Wrong::new(key, format!("`{key}` is 0, and must be at least 1")));
    }
    let Dataset { train, val, pairs, .. } = &file.dataset;
    if let Some(pairs) = pairs {
        let named = [("dataset.train", *train != Files::default()), ("dataset.val", val.is_some())];
        if let Some((key, _)) = named.iter().find(|(_, named)| *named) {
            let why = format!(
                "`dataset.pairs` are made, and `{key}` would not be read; leave one of them out"
            );
            return Err(Wrong::new("dataset.pairs", why));
        }
        if pairs.val_images.is_some() != pairs.val_labels.is_some() {
            let [images, labels] = ["dataset.pairs.val_images", "dataset.pairs.val_labels"];
            let there = if pairs.val_images.is_some() { images } else { labels };
            return Err(Wrong::new(there, format!("`{images}` and `{labels}` go together")));
        }
    }
    let told = [
        ("params", !file.params.is_empty()),
        ("call", file.call.is_some()),
        ("written", file.written.is_some()),
        ("loss", file.loss.is_some()),
    ];
    let told = told.iter().find(|(_, told)| *told).filter(|_| !is_program(&file.network));
    if let Some((key, _)) = told {
        let network = file.network.display();
        let why = format!("`{key}` is for definitions that are programs, and {network} is none");
        return Err(Wrong::new(key, why));
    }
    idle_fields(file)
}

/// Refuses fields that would have no effect beside others.
fn idle_fields(file: &RunFile) -> Result<(), Wrong> {
    let Dataset { train, val, mean, pairs, .. } = &file.dataset;
    for (name, files) in [("dataset.train", Some(train)), ("dataset.val", val.as_ref())] {
        let Some(Files { images, labels, idx, tensors }) = files else { continue };
        let named =
            [("images", images.is_some()), ("idx", idx.is_some()), ("tensors", tensors.is_some())];
        let named: Vec<&str> =
            named.iter().filter(|(_, there)| *there).map(|(key, _)| *key).collect();
        if let [one, other, ..] = named[..] {
            let why =
                format!("`{name}.{one}` and `{name}.{other}` say the same; leave one of them out");
            return Err(Wrong::new(&format!("{name}.{other}"), why));
        }
        if labels.is_some() && images.is_none() {
            let key = format!("{name}.labels");
            let why = format!("`{key}` are the labels of `{name}.images`, which are not there");
            return Err(Wrong::new(&key, why));
        }
    }
    let stored = |files: &Files| files.images.is_some() || files.idx.is_some();
    let wrong = |key: &str, why: &str| Err(Wrong::new(key, why));
    if train.tensors.is_some() && file.train.shuffle {
        return wrong(
            "train.shuffle",
            "`train.shuffle` mixes records; the batches of `dataset.train.tensors` come in their order",
        );
    }
    if mean.is_some() && train.tensors.is_some() && !val.as_ref().is_some_and(stored) {
        return wrong(
            "dataset.mean",
            "`dataset.mean` is subtracted from images; tensors are fed as they are",
        );
    }
    if file.train.validation.is_some() && val.is_none() && pairs.is_none() {
        return wrong(
            "train.validation",
            "`train.validation` without `dataset.val`: nothing is validated",
        );
    }
    let solver = |key: &str| file.train.solver.get(key);
    if solver("test_iter").is_some() {
        return wrong(
            "train.solver.test_iter",
            "a run file validates with all of `dataset.val`; leave `test_iter` out",
        );
    }
    if solver("snapshot_prefix").is_some() {
        return wrong(
            "train.solver.snapshot_prefix",
            "snapshots are in the folder that `output` names; leave `snapshot_prefix` out",
        );
    }
    if solver("max_iter").is_some()
        && file.train.epochs.is_some()
        && file.train.iterations.is_none()
    {
        return wrong(
            "train.solver.max_iter",
            "`max_iter` of the solver and `train.epochs` say the same; leave one of them out",
        );
    }
    if let (Some(own), Some(seed)) = (solver("random_seed"), file.train.seed)
        && own.as_u64() != Some(seed)
    {
        return wrong(
            "train.solver.random_seed",
            "`random_seed` of the solver and `train.seed` differ; leave one of them out",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::run_file::read;

    /// What is said of a run file of these lines, if anything.
    fn said(lines: &str) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.yaml");
        std::fs::write(&path, format!("network: net.prototxt\n{lines}\n")).expect("written");
        let error = read(&path, &[]).err()?.to_string();
        Some(error.replace(&format!("{}: ", path.display()), ""))
    }

    #[test]
    fn fields_without_effect_are_refused_at_their_line() {
        for (lines, why) in [
            ("dataset: { train: { images: a, idx: { images: b, labels: c } } }", "say the same"),
            (
                "dataset: { train: { images: a, tensors: b } }",
                "`dataset.train.images` and `dataset.train.tensors`",
            ),
            ("dataset: { val: { labels: a } }", "which are not there"),
            (
                "dataset: { train: { tensors: a } }\ntrain: { shuffle: true }",
                "line 3: `train.shuffle` mixes",
            ),
            ("dataset: { train: { tensors: a }, mean: b }", "tensors are fed as they are"),
            (
                "dataset: { train: { images: a } }\ntrain: { validation: 2 }",
                "line 3: `train.validation` without",
            ),
            (
                "train: { solver: { test_iter: 4, test_interval: 1 } }",
                "line 2: a run file validates with all",
            ),
            ("train: { solver: { snapshot_prefix: x } }", "the folder that `output` names"),
            ("train: { epochs: 3, solver: { max_iter: 7 } }", "`train.epochs` say the same"),
            ("train: { seed: 3, solver: { random_seed: 7 } }", "`train.seed` differ"),
        ] {
            let said = said(lines).unwrap_or_default();
            assert!(said.contains(why), "{lines}: {said}");
        }
        for lines in [
            "dataset: { train: { images: a, labels: b }, mean: c }\ntrain: { shuffle: true }",
            "dataset: { train: { tensors: a }, val: { images: b }, mean: c }\ntrain: { validation: 2 }",
            "train: { epochs: 3, iterations: 5, solver: { max_iter: 7 } }",
            "train: { seed: 7, solver: { random_seed: 7, max_iter: 4 } }",
        ] {
            assert_eq!(said(lines), None, "{lines}");
        }
    }
}
