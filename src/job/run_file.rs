//! From a run file (YAML) to the plan of a job.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_yaml::{Mapping, Value as Yaml};

use super::data::DataSpec;
use super::program::{self, Facts, is_program};
use super::solver_mapping::read_solver;
use super::{JobOptions, Kept, Plan, RUN_FILE, read_net, states};
use crate::data::pairs::{Images, PairOptions, create_pairs};
use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::file::read_short_text;
use crate::front::{self, Request};
use crate::ir::Definition;
use crate::passes::adopt_data::adopt_classes;
use crate::source::SourceMap;
use crate::spec::Dialect;

/// Bytes of the longest run file.
const LONGEST: u64 = 1 << 20;

/// Epochs where neither epochs nor iterations are said, as in DIGITS.
const DEFAULT_EPOCHS: f64 = 30.0;

/// A run file. Paths are relative to the file's own folder, except `output`, which is relative to where cortado is
/// started.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RunFile {
    /// The definition.
    pub network: PathBuf,
    /// Fields of the table that a Lua definition's function receives, such as `depth: 50`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Parameter>,
    /// An expression that gives the model where a Lua definition only has functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// The loss for a Lua definition without one: `nn.CrossEntropyCriterion()`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<String>,
    /// The data.
    #[serde(default)]
    pub dataset: Dataset,
    /// How to train.
    #[serde(default)]
    pub train: Training,
    /// Weights to start from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<PathBuf>,
    /// The folder of the results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<PathBuf>,
    /// Labelled images whose embedding is drawn after training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<IdxFiles>,
}

/// A field of the table that a Lua definition's function receives.
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

impl RunFile {
    /// What the file tells a Lua definition beside its data.
    pub(super) fn told(&self) -> Request {
        Request {
            params: self
                .params
                .iter()
                .map(|(name, value)| (name.clone(), value.to_string()))
                .collect(),
            call: self.call.clone(),
            loss: self.loss.clone(),
            ..Request::default()
        }
    }
}

/// The data of a run.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// What the net is trained on.
    #[serde(default)]
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
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
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

/// A pair of IDX files.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdxFiles {
    /// The images.
    pub images: PathBuf,
    /// The labels.
    pub labels: PathBuf,
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
    /// Fields of Caffe's SolverParameter, or the configuration of a method of Torch's optim.
    #[serde(default)]
    pub solver: Mapping,
}

impl RunFile {
    /// The text of this run file in the run's own folder, whatever folder it is read from, with the weights of the
    /// command line.
    fn kept(&self, base: &Path, folder: &Path, weights: &[PathBuf]) -> Result<Kept> {
        let absolute = |path: &Path| {
            std::path::absolute(path).map_err(|e| Error::io("find the place of", path, e))
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
        let clusters = file.clusters.iter_mut().flat_map(|idx| [&mut idx.images, &mut idx.labels]);
        let own = std::iter::once(&mut file.network).chain(&mut file.weights);
        for path in own.chain(files).chain(mean).chain(pairs).chain(clusters) {
            *path = absolute(&base.join(&path))?;
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

/// Reads a run file with the changes of the command line.
pub fn read(path: &Path, set: &[(String, String)]) -> Result<(RunFile, String)> {
    let text = read_short_text(path, LONGEST)?;
    let wrong = |e: serde_yaml::Error| Error::format(path, e.to_string());
    let mut yaml: Yaml = serde_yaml::from_str(&text).map_err(wrong)?;
    for (key, value) in set {
        let value: Yaml = serde_yaml::from_str(value).map_err(wrong)?;
        change(&mut yaml, key, value).map_err(|why| Error::format(path, why))?;
    }
    let text = if set.is_empty() { text } else { serde_yaml::to_string(&yaml).map_err(wrong)? };
    // Parsing the text again, and not the changed tree, keeps line numbers in messages.
    let file: RunFile = serde_yaml::from_str(&text).map_err(wrong)?;
    Ok((file, text))
}

/// Sets `a.b.c` in a tree of mappings.
fn change(yaml: &mut Yaml, key: &str, value: Yaml) -> Result<(), String> {
    let (first, rest) = match key.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (key, None),
    };
    if yaml.is_null() {
        *yaml = Yaml::Mapping(Mapping::new());
    }
    let Yaml::Mapping(mapping) = yaml else {
        return Err(format!("`{key}` cannot be set: there is no mapping to hold it"));
    };
    let slot = mapping.entry(first.into()).or_insert(Yaml::Null);
    match rest {
        Some(rest) => change(slot, rest, value),
        None => {
            *slot = value;
            Ok(())
        }
    }
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
    let data = datasets(&file, &base, &folder, options)?;
    let network = base.join(&file.network);
    let [definition, val_definition] = match is_program(&network) {
        true => {
            let mut facts = Facts::of(&data.0, file.dataset.classes, front::dialect(&network))?;
            facts.told = file.told();
            facts.told.fine_tune = !file.weights.is_empty() || !options.weights.is_empty();
            program::stages(&network, &facts, file.train.batch_size, sources, diagnostics)?
        }
        false => {
            let mut definition = read_net(&network, &Request::default(), sources, diagnostics)?;
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
    let epochs = Some(file.train.epochs.unwrap_or(DEFAULT_EPOCHS));
    Ok(Some(Plan {
        solver,
        train: (definition, train_state),
        tests,
        train_data: data.0,
        test_data: data.1.unwrap_or_default(),
        batch_size: file.train.batch_size,
        epochs,
        whole_tests: true,
        prefix: folder.join("snapshot"),
        kept: Some(file.kept(&base, &folder, &options.weights)?),
        folder: Some(folder),
        weights: file.weights.iter().map(|w| base.join(w)).collect(),
        bases: vec![base],
    }))
}

/// Tells a definition that waits for it the number of classes, counted where the run file does not say it.
pub(super) fn tell_classes(
    definition: &mut Definition,
    file: &RunFile,
    data: &DataSpec,
) -> Result<()> {
    if definition.awaits_classes()
        && let Some(classes) = Facts::of(data, file.dataset.classes, Dialect::Caffe)?.classes
    {
        adopt_classes(definition, classes);
    }
    Ok(())
}

/// Where the data of training are, or will be once pairs are made.
pub(super) fn training_data(file: &RunFile, base: &Path, folder: &Path) -> DataSpec {
    let files = &file.dataset.train;
    let under = |path: &PathBuf| base.join(path);
    let pairs = folder.join("pairs");
    let databases = match file.dataset.pairs {
        Some(_) => Some((pairs.join("train_images"), Some(pairs.join("train_labels")))),
        None => files.images.as_ref().map(|i| (under(i), files.labels.as_ref().map(under))),
    };
    DataSpec {
        databases,
        idx: files.idx.as_ref().map(|idx| (under(&idx.images), under(&idx.labels))),
        tensors: files.tensors.as_ref().map(under),
        ..DataSpec::default()
    }
}

/// The data of training and validation; makes pairs that are asked for and not there.
fn datasets(
    file: &RunFile,
    base: &Path,
    folder: &Path,
    options: &JobOptions,
) -> Result<(DataSpec, Option<DataSpec>)> {
    let dataset = &file.dataset;
    let under = |path: &PathBuf| base.join(path);
    let spec = |files: &Files| DataSpec {
        databases: files.images.as_ref().map(|i| (under(i), files.labels.as_ref().map(under))),
        idx: files.idx.as_ref().map(|idx| (under(&idx.images), under(&idx.labels))),
        tensors: files.tensors.as_ref().map(under),
        mean: dataset.mean.as_ref().map(under),
        shuffle: file.train.shuffle,
    };
    let mut train = spec(&dataset.train);
    let mut val = dataset.val.as_ref().map(|files| DataSpec { shuffle: false, ..spec(files) });
    if let Some(pairs) = &dataset.pairs {
        let db = folder.join("pairs");
        if !db.exists() {
            std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
            let idx = |images: &PathBuf, labels: &PathBuf| Images::Idx {
                images: under(images),
                labels: under(labels),
            };
            let val_images = match (&pairs.val_images, &pairs.val_labels) {
                (Some(images), Some(labels)) => Some(idx(images, labels)),
                _ => None,
            };
            let make = PairOptions {
                folder: db.clone(),
                images: idx(&pairs.images, &pairs.labels),
                val_images,
                count: pairs.count,
                val_count: pairs.val_count,
                seed: pairs.seed,
                balance: pairs.balance,
            };
            create_pairs(&make, &mut |_, _| {})?;
        }
        let set = |name: &str, shuffle| DataSpec {
            databases: Some((
                db.join(format!("{name}_images")),
                Some(db.join(format!("{name}_labels"))),
            )),
            mean: Some(db.join("train_mean.binaryproto")),
            shuffle,
            ..DataSpec::default()
        };
        train = set("train", file.train.shuffle);
        val = Some(set("val", false));
    }
    if let Some(tensors) = &options.tensors {
        train = DataSpec { tensors: Some(tensors.clone()), ..DataSpec::default() };
    }
    Ok((train, val))
}
