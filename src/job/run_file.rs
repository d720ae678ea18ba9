//! From a run file (YAML) to the plan of a job.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_yaml::Mapping;

use super::data::DataSpec;
use super::missing::missing_of_run;
use super::program::{self, Facts, is_program};
use super::run_file_check::check;
use super::run_file_text::{self, Set, Wrong};
use super::solver_mapping::read_solver;
use super::{JobOptions, Kept, Plan, RUN_FILE, is_run_file, read_net, states};
use crate::data::pairs::{Images, PairOptions, create_pairs, differences, foresee};
use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::front;
use crate::ir::Definition;
use crate::passes::adopt_data::adopt_classes;
use crate::source::SourceMap;
use crate::spec::Dialect;

/// Epochs where neither epochs nor iterations are said, as in DIGITS.
pub const DEFAULT_EPOCHS: f64 = 30.0;

/// A run file. Paths are relative to the file's own folder, except `output`, which is relative to where cortado is
/// started.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RunFile {
    /// The definition.
    pub network: PathBuf,
    /// What a definition that is a program finds in its parameters, such as `depth: 50`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Parameter>,
    /// An expression that gives the model where a definition only has functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// The file that is meant of those that a program of Caffe writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// The loss for a definition without one: `nn.CrossEntropyCriterion()`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<String>,
    /// The data.
    #[serde(default)]
    pub dataset: Dataset,
    /// How to train.
    #[serde(default)]
    pub train: Training,
    /// Weights to start from, and to infer with where there is no snapshot: a path or a list of paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_several")]
    pub weights: Vec<PathBuf>,
    /// The folder of the results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<PathBuf>,
    /// Labelled images whose embedding is drawn after training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<LabelledFiles>,
}

/// Paths that are written as one or as a list.
fn one_or_several<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<PathBuf>, D::Error> {
    struct Paths;
    impl<'de> Visitor<'de> for Paths {
        type Value = Vec<PathBuf>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a path or a list of paths")
        }

        fn visit_str<E>(self, path: &str) -> Result<Vec<PathBuf>, E> {
            Ok(vec![path.into()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<PathBuf>, A::Error> {
            let mut paths = vec![];
            while let Some(path) = list.next_element()? {
                paths.push(path);
            }
            Ok(paths)
        }
    }
    reader.deserialize_any(Paths)
}

/// A parameter of a definition that is a program.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Parameter {
    /// true or false
    Truth(bool),
    /// A number.
    Number(f64),
    /// A text, or a table as Lua writes it: `{2, 2}`.
    Text(String),
}

impl std::fmt::Display for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Parameter::Truth(value) => value.fmt(f),
            Parameter::Number(value) => value.fmt(f),
            Parameter::Text(value) => value.fmt(f),
        }
    }
}

/// The data of a run.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// What the net is trained on.
    #[serde(default, skip_serializing_if = "Files::is_nowhere")]
    pub train: Files,
    /// What it is validated on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val: Option<Files>,
    /// The mean image that is subtracted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<PathBuf>,
    /// The number of classes, for definitions that are told it; counted if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<usize>,
    /// Pairs to be made first, if they are not there yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<Pairs>,
}

/// Where data are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// An LMDB of images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<PathBuf>,
    /// An LMDB of their labels, if the images do not carry them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// IDX files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idx: Option<IdxFiles>,
    /// A safetensors file of batches, fed in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensors: Option<PathBuf>,
}

impl Files {
    /// Whether no file is named.
    fn is_nowhere(&self) -> bool {
        *self == Self::default()
    }
}

/// A pair of IDX files.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdxFiles {
    /// The images.
    pub images: PathBuf,
    /// The labels.
    pub labels: PathBuf,
}

/// Images with a class each.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LabelledFiles {
    /// An LMDB, a folder with one folder for each class, a list of `path label` lines, or IDX images.
    pub images: PathBuf,
    /// The labels of IDX images, or of an LMDB without its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
}

/// Pairs of images, as `cortado create-db` makes them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pairs {
    /// The images of the training pairs.
    pub images: PathBuf,
    /// Their labels.
    pub labels: PathBuf,
    /// The images of the validation pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_images: Option<PathBuf>,
    /// Their labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_labels: Option<PathBuf>,
    /// Number of training pairs.
    pub count: usize,
    /// Number of validation pairs.
    pub val_count: usize,
    /// Seed.
    #[serde(default)]
    pub seed: u64,
    /// The part of pairs of one class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<f64>,
}

/// How to train.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the training data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<f64>,
    /// Number of updates, instead of epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u64>,
    /// Records in a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<usize>,
    /// Seed of everything that is random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Whether every epoch has an order of its own.
    #[serde(default)]
    pub shuffle: bool,
    /// Epochs from one snapshot to the next; 1 if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<f64>,
    /// Epochs from one validation to the next; 1 if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
    /// How many snapshots of the run are kept, the last ones; all if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<usize>,
    /// Whether a loss that is no number ends the run, as in DIGITS; it goes on if not given, as in Caffe.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stop_on_nan: bool,
    /// Fields of Caffe's SolverParameter, or the configuration of a method of Torch's optim or of one of TensorFlow's
    /// optimizers.
    #[serde(default)]
    pub solver: Mapping,
}

impl RunFile {
    /// The text of this run file in the run's own folder, whatever folder it is read from, with the weights of the
    /// command line.
    ///
    /// # Errors
    /// The folders cannot be found.
    pub fn kept(&self, base: &Path, folder: &Path, weights: &[PathBuf]) -> Result<Kept> {
        let absolute = |path: &Path| {
            std::path::absolute(path).map_err(|e| Error::io("find the place of", path, e))
        };
        let folder_of_file = match base.as_os_str().is_empty() {
            true => absolute(Path::new("."))?,
            false => base.canonicalize().or_else(|_| absolute(base))?,
        };
        let mut file = self.clone();
        let Dataset { train, val, mean, pairs, .. } = &mut file.dataset;
        let pairs = pairs.iter_mut().flat_map(|pairs| {
            let val = pairs.val_images.iter_mut().chain(&mut pairs.val_labels);
            [&mut pairs.images, &mut pairs.labels].into_iter().chain(val)
        });
        let files = std::iter::once(train).chain(val).flat_map(|files| {
            let idx = files.idx.iter_mut().flat_map(|idx| [&mut idx.images, &mut idx.labels]);
            files.images.iter_mut().chain(&mut files.labels).chain(&mut files.tensors).chain(idx)
        });
        let clusters = file.clusters.iter_mut();
        let clusters = clusters.flat_map(|c| std::iter::once(&mut c.images).chain(&mut c.labels));
        let own = std::iter::once(&mut file.network).chain(&mut file.weights);
        for path in own.chain(files).chain(mean).chain(pairs).chain(clusters) {
            *path = settled(folder_of_file.clone(), path);
        }
        for path in weights {
            file.weights.push(absolute(path)?);
        }
        file.output = Some(absolute(folder)?);
        let text = serde_yaml::to_string(&file)
            .map_err(|e| Error::format(folder.join(RUN_FILE), e.to_string()))?;
        Ok(Kept { name: RUN_FILE, text })
    }
}

/// The place of a path that is relative to a folder, without the `..` that it begins with.
fn settled(mut folder: PathBuf, path: &Path) -> PathBuf {
    let mut rest = path;
    while let Ok(below) = rest.strip_prefix("..") {
        folder.pop();
        rest = below;
    }
    folder.join(rest)
}

/// Reads a run file with the changes of the command line; also gives the text, with these at its end.
///
/// # Errors
/// It cannot be read, or is wrong in itself.
pub fn read(path: &Path, set: &[Set]) -> Result<(RunFile, String)> {
    if !is_run_file(path) {
        let why = "is no run file; that is a .yaml file with `network: NET` and where the data are";
        return Err(Error::format(path, why));
    }
    run_file_text::read(path, set, check)
}

pub(super) fn plan(
    path: &Path,
    options: &JobOptions,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Plan>> {
    let (file, text) = read(path, &options.set)?;
    let base = path.parent().unwrap_or(Path::new("")).to_owned();
    let folder = options.output.clone().or_else(|| file.output.clone());
    let folder = folder.unwrap_or_else(|| path.with_extension(""));
    if let Some((key, why)) = missing_of_run(&file, [&base, &folder], options.tensors.is_some()) {
        return Err(Wrong::new(key, why).error(path, &text, &options.set));
    }
    let (data, making) = datasets(&file, &base, &folder, options)?;
    let network = base.join(&file.network);
    let [definition, val_definition] = match is_program(&network) {
        true => {
            let mut facts = Facts::of(&data.0, file.dataset.classes, front::dialect(&network))?;
            facts.told = file.told();
            facts.told.fine_tune = !file.weights.is_empty() || !options.weights.is_empty();
            program::stages(&network, &facts, file.train.batch_size, sources, diagnostics)?
        }
        false => {
            let told = program::told_to_caffe(&file, &network);
            let mut definition = read_net(&network, &told, sources, diagnostics)?;
            tell_classes(&mut definition, &file, &data.0)?;
            [definition.clone(), definition]
        }
    };
    let id = sources.add(path, text.clone());
    let solver = &file.train.solver;
    let mut solver = read_solver(solver, front::dialect(&network), id, &text, diagnostics);
    if let Some(iterations) = file.train.iterations {
        solver.max_iter = iterations;
    }
    if file.train.seed.is_some() {
        solver.random_seed = file.train.seed;
    }
    let (train_state, val_state) = states(&definition);
    let tests = match &data.1 {
        Some(_) => vec![((val_definition, val_state), 0)],
        None => vec![],
    };
    Ok(Some(Plan {
        solver,
        train: (definition, train_state),
        tests,
        train_data: data.0,
        test_data: data.1.unwrap_or_default(),
        batch_size: file.train.batch_size,
        epochs: Some(file.train.epochs.unwrap_or(DEFAULT_EPOCHS)),
        intervals: [file.train.snapshot, file.train.validation],
        keep: file.train.keep,
        stop_on_nan: file.train.stop_on_nan,
        whole_tests: true,
        prefix: folder.join("snapshot"),
        kept: Some(file.kept(&base, &folder, &options.weights)?),
        folder: Some(folder),
        weights: file.weights.iter().map(|w| base.join(w)).collect(),
        bases: vec![base],
        making,
    }))
}

/// Tells a definition that waits for it the number of classes, counted where the run file does not say it.
pub(super) fn tell_classes(
    definition: &mut Definition,
    file: &RunFile,
    data: &DataSpec,
) -> Result<()> {
    if definition.awaits_classes() {
        if let Some(classes) = Facts::of(data, file.dataset.classes, Dialect::Caffe)?.classes {
            adopt_classes(definition, classes);
        }
    } else if file.dataset.classes.is_some() {
        let network = file.network.display();
        return Err(Error::refused(format!(
            "`dataset.classes` is for layers without `num_output`, and {network} has none"
        )));
    }
    Ok(())
}

/// Where the data of training are, or will be once pairs are made.
pub(super) fn training_data(file: &RunFile, base: &Path, folder: &Path) -> DataSpec {
    match file.dataset.pairs {
        Some(_) => of_pairs(folder, "train"),
        None => of_files(&file.dataset.train, base),
    }
}

/// The data of validation, or of training where there are none, with the mean.
pub(super) fn data_to_look_at(file: &RunFile, base: &Path, folder: &Path) -> DataSpec {
    let data = match (&file.dataset.pairs, &file.dataset.val) {
        (Some(_), _) => of_pairs(folder, "val"),
        (None, Some(files)) => of_files(files, base),
        (None, None) => of_files(&file.dataset.train, base),
    };
    let mean = file.dataset.mean.as_ref().map(|mean| base.join(mean));
    DataSpec { mean: mean.or(data.mean.clone()), ..data }
}

fn of_files(files: &Files, base: &Path) -> DataSpec {
    let under = |path: &PathBuf| base.join(path);
    DataSpec {
        databases: files.images.as_ref().map(|i| (under(i), files.labels.as_ref().map(under))),
        idx: files.idx.as_ref().map(|idx| (under(&idx.images), under(&idx.labels))),
        tensors: files.tensors.as_ref().map(under),
        ..DataSpec::default()
    }
}

/// The pairs for training (`train`) or validation (`val`) that are made in a run's folder.
fn of_pairs(folder: &Path, set: &str) -> DataSpec {
    let pairs = folder.join(PAIRS);
    let labels = pairs.join(format!("{set}_labels"));
    DataSpec {
        databases: Some((pairs.join(format!("{set}_images")), Some(labels))),
        mean: Some(mean_of_pairs(folder)),
        ..DataSpec::default()
    }
}

/// The mean image of the pairs that are made in a run's folder.
pub(super) fn mean_of_pairs(folder: &Path) -> PathBuf {
    folder.join(PAIRS).join("train_mean.binaryproto")
}

/// Where a run's pairs are made.
pub(super) const PAIRS: &str = "pairs";

/// The data of training and validation; makes pairs that are asked for and not there, and says how much memory that takes.
fn datasets(
    file: &RunFile,
    base: &Path,
    folder: &Path,
    options: &JobOptions,
) -> Result<((DataSpec, Option<DataSpec>), u64)> {
    let dataset = &file.dataset;
    let (mut to_be, mut making) = (None, 0);
    if let Some(pairs) = &dataset.pairs {
        let pairs = pair_options(pairs, base, folder);
        if options.only_look && !pairs.folder.exists() {
            let foreseen = foresee(&pairs)?;
            to_be = foreseen.size.map(|[rows, columns]| [3, rows, columns]);
            making = foreseen.memory;
        } else {
            making = make_pairs(&pairs, folder)?;
        }
    }
    let mean = dataset.mean.as_ref().map(|mean| base.join(mean));
    let with_mean =
        |data: DataSpec| DataSpec { mean: mean.clone().or(data.mean.clone()), to_be, ..data };
    let train = with_mean(training_data(file, base, folder));
    let train = match &options.tensors {
        Some(tensors) => DataSpec { tensors: Some(tensors.clone()), ..DataSpec::default() },
        None => DataSpec { shuffle: file.train.shuffle, ..train },
    };
    let val = match (&dataset.pairs, &dataset.val) {
        (Some(_), _) => Some(of_pairs(folder, "val")),
        (None, Some(files)) => Some(of_files(files, base)),
        (None, None) => None,
    };
    Ok(((train, val.map(with_mean)), making))
}

/// The pairs that a run asks for.
fn pair_options(pairs: &Pairs, base: &Path, folder: &Path) -> PairOptions {
    let idx = |images: &PathBuf, labels: &PathBuf| Images::Idx {
        images: base.join(images),
        labels: base.join(labels),
    };
    PairOptions {
        val_images: pairs
            .val_images
            .as_ref()
            .zip(pairs.val_labels.as_ref())
            .map(|(i, l)| idx(i, l)),
        count: pairs.count,
        val_count: pairs.val_count,
        seed: pairs.seed,
        balance: pairs.balance,
        ..PairOptions::new(folder.join(PAIRS), idx(&pairs.images, &pairs.labels))
    }
}

/// Makes the pairs of a run, unless they are there; returns the bytes of memory that took.
///
/// # Errors
/// They cannot be made, or others are there: which of the two are wanted, only the user knows.
fn make_pairs(make: &PairOptions, folder: &Path) -> Result<u64> {
    if !make.folder.exists() {
        std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        return Ok(create_pairs(make, &mut |_, _| {})?.memory);
    }
    let others = differences(make)?;
    if others.is_empty() {
        return Ok(0);
    }
    let why = format!(
        "holds other pairs than the run file asks for: {}; remove the folder to have them made anew, or give the run \
         another folder with --output",
        others.join(", ")
    );
    Err(Error::format(&make.folder, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys that are known at a place, by what is said of one that is not.
    fn keys(text: &str) -> Vec<String> {
        let error = serde_yaml::from_str::<RunFile>(text).expect_err("an unknown key").to_string();
        error.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_documentation_has_all_keys() {
        let page = include_str!("../../docs/run_file.md");
        let example = page.split("```").nth(1).and_then(|block| block.strip_prefix("yaml"));
        let file: RunFile = serde_yaml::from_str(example.expect("an example")).expect("a run file");
        assert_eq!(file.train.epochs, Some(30.0));
        // A key that nobody knows at every level.
        let levels =
            "_|dataset: { _ }|dataset: { train: { _ } }|dataset: { pairs: { _ } }|train: { _ }";
        let unknown = levels.split('|').map(|text| text.replace('_', "zzz: 1"));
        let found: Vec<String> = unknown.flat_map(|text| keys(&text)).collect();
        assert!(25 < found.len(), "{found:?}");
        for key in found {
            assert!(page.contains(&format!("{key}:")), "docs/run_file.md lacks `{key}`");
        }
    }
}
