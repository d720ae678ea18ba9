//! Files of data that a job names and that are not there: told before anything is built, where they are named, with what may be
//! meant.

use std::path::{Path, PathBuf};

use super::Plan;
use super::data::{DataSpec, locate};
use super::run_file::{Dataset, Files, IdxFiles, PAIRS, RunFile};
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::{Definition, NetState, Node};
use crate::layers::Layer;
use crate::layers::data::Transform;

/// How databases are made.
const MAKE: &str =
    "`cortado create-db` makes LMDBs of pairs, `cortado convert-imageset` those of images";

/// Reports the files that layers of a stage read and that are nowhere; whether there are any.
pub(super) fn report_missing(
    plan: &Plan,
    definition: &Definition,
    state: &NetState,
    data: &DataSpec,
    diagnostics: &mut Diagnostics,
) -> bool {
    // A file of tensors may take the place of what a layer names.
    if data.tensors.is_some() {
        return false;
    }
    let mut found = false;
    for node in definition.nodes.iter().filter(|n| n.layer.is_input() && n.exists(state)) {
        let (source, transform) = named(&node.layer);
        let replaced = data.databases.is_some() || data.idx.is_some();
        let source = source.filter(|_| !(replaced && matches!(node.layer, Layer::Data(_))));
        let mean = transform.and_then(|transform| transform.mean_file.as_deref());
        let mean = mean.filter(|_| data.mean.is_none());
        for (key, path) in [("source", source), ("mean_file", mean)] {
            if let Some(path) = path.filter(|path| !locate(path, &plan.bases).exists()) {
                diagnostics.report(complaint(node, key, path, &plan.bases));
                found = true;
            }
        }
    }
    found
}

/// The first file that a run file names and that is not there: its key, and what is to be said. Tensors of the command line
/// stand for the data of training.
pub(super) fn missing_of_run(
    file: &RunFile,
    [base, folder]: [&Path; 2],
    with_tensors: bool,
) -> Option<(&'static str, String)> {
    let Dataset { train, val, mean, pairs, .. } = &file.dataset;
    let train = Some(train).filter(|_| !with_tensors);
    let idx = |files: &Option<IdxFiles>| match files {
        Some(IdxFiles { images, labels }) => [Some(images.clone()), Some(labels.clone())],
        None => [None, None],
    };
    let [train_images, train_labels] = idx(&train.and_then(|files| files.idx.clone()));
    let [val_images, val_labels] = idx(&val.as_ref().and_then(|files| files.idx.clone()));
    let of = |files: Option<&Files>, field: fn(&Files) -> &Option<PathBuf>| {
        files.and_then(|files| field(files).clone())
    };
    let made = pairs.as_ref().filter(|_| !folder.join(PAIRS).exists());
    let named = [
        ("network", Some(file.network.clone())),
        ("dataset.train.images", of(train, |files| &files.images)),
        ("dataset.train.labels", of(train, |files| &files.labels)),
        ("dataset.train.idx.images", train_images),
        ("dataset.train.idx.labels", train_labels),
        ("dataset.train.tensors", of(train, |files| &files.tensors)),
        ("dataset.val.images", of(val.as_ref(), |files| &files.images)),
        ("dataset.val.labels", of(val.as_ref(), |files| &files.labels)),
        ("dataset.val.idx.images", val_images),
        ("dataset.val.idx.labels", val_labels),
        ("dataset.val.tensors", of(val.as_ref(), |files| &files.tensors)),
        ("dataset.mean", mean.clone()),
        ("dataset.pairs.images", made.map(|pairs| pairs.images.clone())),
        ("dataset.pairs.labels", made.map(|pairs| pairs.labels.clone())),
        ("dataset.pairs.val_images", made.and_then(|pairs| pairs.val_images.clone())),
        ("dataset.pairs.val_labels", made.and_then(|pairs| pairs.val_labels.clone())),
    ];
    let mut named = named.into_iter().filter_map(|(key, path)| Some((key, path?)));
    let (key, missing) = named.find(|(_, path)| !base.join(path).exists())?;
    let why = match (near(base, &missing), key) {
        (Some(near), _) => format!("did you mean `{}`?", near.display()),
        (None, "dataset.train.images" | "dataset.val.images") => MAKE.to_owned(),
        _ => "paths are relative to the run file".to_owned(),
    };
    Some((key, format!("`{key}`: there is no `{}`; {why}", missing.display())))
}

fn complaint(node: &Node, key: &str, path: &str, bases: &[PathBuf]) -> Diagnostic {
    let place = node.args.find(&[key]).unwrap_or(node.type_name.span);
    let message = format!("layer `{}`: there is no `{path}`", node.name.value);
    let d = Diagnostic::new(&diag::E0902, place, message);
    let here = std::iter::once(Path::new("")).chain(bases.iter().map(PathBuf::as_path));
    match here.into_iter().find_map(|base| near(base, Path::new(path))) {
        Some(near) => d.help(format!("did you mean `{}`?", near.display())),
        None if matches!(node.layer, Layer::Data(_)) && key == "source" => d.help(MAKE),
        None if key == "mean_file" => d.help("`cortado compute-mean` makes it of an LMDB"),
        None => d.help("paths count from where cortado is started, or from the job's own file"),
    }
}

/// What a layer reads: a path, and what becomes of the images.
fn named(layer: &Layer) -> (Option<&str>, Option<&Transform>) {
    let (source, transform) = match layer {
        Layer::Data(data) => (&data.source, Some(&data.transform)),
        Layer::ImageData(list) => (&list.source, Some(&list.transform)),
        Layer::DenseImageData(list) => (&list.source, Some(&list.transform)),
        Layer::ImageSegData(list) => (&list.source, Some(&list.transform)),
        Layer::AnnotatedData(boxes) => (&boxes.source, Some(&boxes.transform)),
        Layer::WindowData(windows) => (&windows.source, Some(&windows.transform)),
        Layer::Hdf5Data(rows) => (&rows.source, None),
        Layer::MemoryData(memory) => return (None, Some(&memory.transform)),
        _ => return (None, None),
    };
    (Some(source.as_str()).filter(|source| !source.is_empty()), transform)
}

/// A path with its first part that is not there replaced by the nearest name beside it, if that exists.
fn near(base: &Path, path: &Path) -> Option<PathBuf> {
    let exists = |part: &Path| base.join(part).exists() || part.as_os_str().is_empty();
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    let missing = parts.into_iter().find(|part| !exists(part))?;
    let above = missing.parent()?;
    let folder = base.join(above);
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let names: Vec<String> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
    let near = nearest(missing.file_name()?.to_str()?, names.iter().map(String::as_str))?;
    let rest = path.strip_prefix(missing).ok()?;
    let found = match rest.as_os_str().is_empty() {
        true => above.join(near),
        false => above.join(near).join(rest),
    };
    base.join(&found).exists().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_is_mistyped_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("siamesedb/train_images")).unwrap();
        let near = |path: &str| near(folder.path(), Path::new(path));
        let found = Some(PathBuf::from("siamesedb/train_images"));
        assert_eq!(near("siamesedb/train_imgs"), found);
        assert_eq!(near("siamesdb/train_images"), found);
        assert_eq!(near("siamesdb/other"), None);
        assert_eq!(near("elsewhere/train_images"), None);
    }
}
