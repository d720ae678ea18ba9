//! Images through a trained net: DIGITS' preprocessing, batches, outputs by name.

use std::path::{Path, PathBuf};

use super::clusters::Measure;
use super::data::locate;
use super::program::{self, Facts, is_program};
use super::run_file::training_data;
use super::{RUN_FILE, read_net, run_file};
use crate::data::images::Image;
use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::exec::SessionOptions;
use crate::front::{self, Request};
use crate::layers::Layer;
use crate::passes::deploy::deploy;
use crate::pipeline;
use crate::plan::Slot;
use crate::source::SourceMap;
use crate::spec::Dialect;
use crate::train::machine::{Machine, Purpose, users};
use crate::ty::Shape;
use crate::weights::{Blob, order, read_binaryproto, read_weights};

/// Images in a batch.
const BATCH: usize = 64;

/// A trained net that takes images.
pub struct Inference {
    machine: Machine,
    input: Slot,
    /// Batch, channels, height, width of the input.
    shape: Shape,
    mean: Option<Vec<f32>>,
    scale: f32,
    outputs: Vec<(String, Slot)>,
    /// Whether the net takes images red first.
    red_first: bool,
    /// Whether outputs are logarithms of what is wanted.
    exponentiate: bool,
    /// The weights that were loaded.
    pub weights: PathBuf,
    /// What the loss that the net is trained by tells its outputs apart by.
    pub measure: Measure,
}

/// What a net gives for one image: values by output.
pub type Outputs = Vec<(String, Vec<f32>)>;

/// Complaints about a definition, with the texts they point into.
pub type Complaints = (SourceMap, Diagnostics);

impl Inference {
    /// Opens a run: its definition, its mean image, and its last snapshot or the weights given. Weights that lie in the
    /// folder of a run say that this is the run's folder.
    ///
    /// # Errors
    /// A file is missing or does not fit; complaints about the definition are in the inner result.
    pub fn open(
        path: &Path,
        weights: Option<&Path>,
        options: &SessionOptions,
    ) -> Result<Result<Self, Complaints>> {
        let mut sources = SourceMap::default();
        let mut diagnostics = Diagnostics::default();
        let (file, _) = run_file::read(path, &[])?;
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        let own = file.output.clone().unwrap_or_else(|| path.with_extension(""));
        let beside = weights.and_then(Path::parent).map(Path::to_owned);
        let folder = beside.filter(|folder| folder.join(RUN_FILE).exists()).unwrap_or(own);
        let made = folder.join("pairs").join("train_mean.binaryproto");
        let mean = match (&file.dataset.mean, &file.dataset.pairs) {
            (Some(mean), _) => {
                Some(locate(&mean.display().to_string(), std::slice::from_ref(&base)))
            }
            (None, Some(_)) => Some(made),
            (None, None) => None,
        };
        let mean = mean.map(|path| read_binaryproto(&path)).transpose()?;
        let weights = match weights {
            Some(weights) => weights.to_owned(),
            None => last_snapshot(&folder)?,
        };
        let record = record_shape(&file, &base, &folder, mean.as_ref());
        let network = base.join(&file.network);
        let told = is_program(&network);
        let dialect = front::dialect(&network);
        let torch = dialect == Dialect::Torch;
        let mut classes = None;
        let definition = if told {
            let mut facts = match (&record, file.dataset.classes) {
                (Some(shape), Some(n)) => Facts {
                    dialect,
                    shape: shape.dims().to_vec(),
                    label: vec![],
                    batch: None,
                    classes: Some(n),
                    told: Request::default(),
                },
                (_, said) => Facts::of(&training_data(&file, &base, &folder), said, dialect)?,
            };
            // A net that was trained from other weights is the one that the definition made of them.
            facts.told = file.told();
            facts.told.fine_tune = !file.weights.is_empty();
            classes = facts.classes;
            program::for_images(&network, &facts, BATCH, &mut sources, &mut diagnostics)?
        } else {
            let mut definition =
                read_net(&network, &Default::default(), &mut sources, &mut diagnostics)?;
            let data = training_data(&file, &base, &folder);
            run_file::tell_classes(&mut definition, &file, &data)?;
            definition
        };
        let scale = definition.nodes.iter().find_map(|node| match &node.layer {
            Layer::Data(data) => Some(data.transform.scale as f32),
            _ => None,
        });
        let by_angle = |layer: &Layer| match layer {
            Layer::CosineEmbeddingLoss(_) => true,
            Layer::PairSimilarity(similarity) => similarity.cosine,
            _ => false,
        };
        let measure = match definition.nodes.iter().any(|node| by_angle(&node.layer)) {
            true => Measure::Angle,
            false => Measure::Distance,
        };
        let side = definition.crop.filter(|_| told);
        let (definition, state) = deploy(&definition);
        let inputs: Vec<String> = definition
            .nodes
            .iter()
            .filter(|node| node.layer.is_input())
            .flat_map(|node| node.tops.iter().map(|top| top.value.clone()))
            .collect();
        let mut shapes = std::collections::BTreeMap::new();
        if let (Some(record), Some(name)) = (record, inputs.first()) {
            let mut dims = vec![BATCH];
            dims.extend(record.dims());
            if let (Some(side), 4) = (side, dims.len()) {
                dims[2..].fill(side);
            }
            shapes.insert(name.clone(), Shape(dims));
        }
        let env = super::environment(shapes);
        let typed = pipeline::typed_net(&definition, &state, &env, &mut diagnostics);
        if diagnostics.has_errors() {
            return Ok(Err((sources, diagnostics)));
        }
        if typed.signatures.iter().any(Option::is_none) {
            return Err(Error::refused(
                "the shape of the images is not known; name the data in the run file",
            ));
        }
        let mut machine = Machine::new(typed, &env, Purpose::FORWARD, options)?;
        load(&mut machine, &definition.names, std::slice::from_ref(&weights))?;
        let program = &machine.plan().program;
        let image = program.inputs.iter().find(|(_, v)| program.shape(*v).rank() == 4);
        let Some(&(_, v)) = image else {
            return Err(Error::refused("the net has no input that takes images (N x C x H x W)"));
        };
        let shape = program.shape(v).clone();
        let mean = mean.map(|mean| resized_mean(&mean, &shape)).transpose()?;
        let outputs = machine.planned.outputs.iter();
        let outputs = outputs.map(|(name, v, _)| (name.clone(), machine.plan().slot(*v))).collect();
        let input = machine.plan().slot(v);
        let scale = scale.unwrap_or(1.0);
        Ok(Ok(Inference {
            machine,
            input,
            shape,
            mean,
            scale,
            outputs,
            red_first: told,
            // DIGITS takes the outputs of a Torch classifier for logarithms of probabilities.
            exponentiate: torch && classes.is_some(),
            weights,
            measure,
        }))
    }

    /// An image as the net takes it: resized, channels as needed, blue first for Caffe and red first for Torch.
    pub fn prepare(&self, image: Image) -> Result<Vec<f32>> {
        let [_, channels, height, width] = self.shape.dims() else { unreachable!("of rank 4") };
        let image = match channels {
            3 => image.to_colour(),
            1 => image.to_grey(),
            n => {
                return Err(Error::refused(format!(
                    "the net takes {n} channels, an image has 1 or 3"
                )));
            }
        };
        let image = image
            .resize(*height, *width)
            .ok_or_else(|| Error::refused("an image without pixels cannot be resized"))?;
        let mut values: Vec<f32> = image.pixels().iter().map(|&p| f32::from(p)).collect();
        if let Some(mean) = &self.mean {
            values.iter_mut().zip(mean).for_each(|(x, m)| *x -= m);
        }
        values.iter_mut().for_each(|x| *x *= self.scale);
        if self.red_first && *channels == 3 {
            let plane = height * width;
            let (blue, rest) = values.split_at_mut(plane);
            blue.swap_with_slice(&mut rest[plane..]);
        }
        Ok(values)
    }

    /// The outputs for prepared images, in their order.
    pub fn run(&mut self, images: &[Vec<f32>]) -> Result<Vec<Outputs>> {
        let batch = self.shape.dims()[0];
        let each = self.shape.count() / batch;
        let mut results = vec![];
        for chunk in images.chunks(batch) {
            let mut data = vec![0.0; self.shape.count()];
            for (to, image) in data.chunks_mut(each).zip(chunk) {
                to.copy_from_slice(image);
            }
            self.machine.session.write(self.input, &data);
            self.machine.session.run()?;
            self.machine.take_rows(chunk.len());
            let all: Vec<(String, Vec<f32>)> = self
                .outputs
                .clone()
                .into_iter()
                .map(|(name, slot)| {
                    let mut values = self.machine.session.read(slot);
                    if self.exponentiate {
                        values.iter_mut().for_each(|x| *x = x.exp());
                    }
                    (name, values)
                })
                .collect();
            for i in 0..chunk.len() {
                let one = all.iter().map(|(name, values)| {
                    let n = values.len() / batch;
                    (name.clone(), values[i * n..(i + 1) * n].to_vec())
                });
                results.push(one.collect());
            }
        }
        Ok(results)
    }

    /// Writes the files of the net's HDF5Output layers, with all images that were run.
    pub fn finish(&self) -> Result<()> {
        self.machine.write_files()
    }
}

/// Gives a net the parameters of files, which together have all of them; of several files' the last one's counts.
///
/// # Errors
/// A file cannot be read or has a parameter of another shape; a parameter is in none of them.
pub(super) fn load(
    machine: &mut Machine,
    names: &[(String, String)],
    paths: &[PathBuf],
) -> Result<()> {
    machine.fill(0);
    let places = order::places(&machine.typed, names);
    let mut given = vec![false; machine.typed.variables.len()];
    for path in paths {
        let taken = machine.take(path, &read_weights(path, &places)?, &[])?;
        given.iter_mut().zip(taken).for_each(|(given, taken)| *given |= taken);
    }
    let missing = machine.typed.variables.iter().zip(given).find(|(v, given)| !v.private && !given);
    if let (Some((variable, _)), Some(last)) = (missing, paths.last()) {
        let (layer, at) = &users(&machine.typed, variable)[0];
        return Err(Error::format(last, format!("has no parameter {at} of layer `{layer}`")));
    }
    Ok(())
}

/// Channels, height and width of the images that the run was trained on.
fn record_shape(
    file: &run_file::RunFile,
    base: &Path,
    folder: &Path,
    mean: Option<&Blob>,
) -> Option<Shape> {
    if let Some(mean) = mean {
        let dims = &mean.shape;
        return Some(Shape(dims[dims.len().saturating_sub(3)..].to_vec()));
    }
    let images = file.dataset.train.images.as_ref().map(|images| base.join(images));
    let images = images
        .or_else(|| file.dataset.pairs.as_ref().map(|_| folder.join("pairs").join("train_images")));
    crate::data::record_shape(&images?).ok()
}

/// The mean for every value of an image; DIGITS resizes a mean image of another size through bytes.
fn resized_mean(mean: &Blob, shape: &Shape) -> Result<Vec<f32>> {
    let want = shape.dims()[1..].to_vec();
    if mean.data.len() == want.iter().product::<usize>() {
        return Ok(mean.data.clone());
    }
    let have = Shape(mean.shape.clone());
    Err(Error::refused(format!("the mean image is {have}, the net takes {shape}")))
}

/// The snapshot of the most iterations in a run's folder.
pub fn last_snapshot(folder: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io("read", folder, e))?;
    let iteration = |path: &PathBuf| -> Option<u64> {
        let name = path.file_name()?.to_str()?;
        name.strip_suffix(".safetensors")?.rsplit_once("_iter_")?.1.parse().ok()
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let last = paths.filter_map(|path| Some((iteration(&path)?, path))).max();
    match last {
        Some((_, path)) => Ok(path),
        None => Err(Error::format(folder, "holds no snapshot; train first, or give --weights")),
    }
}
