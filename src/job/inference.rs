//! Images through a trained net: batches, and outputs by name.

use std::path::{Path, PathBuf};

use super::clusters::Measure;
use super::data::{DataSpec, locate};
pub use super::images::Pixels;
use super::images::{Intake, Rules, Told, mean_shape, record_of};
use super::program::{self, Facts, is_program};
use super::run_file::{RunFile, mean_of_pairs, training_data};
use super::seen::Seen;
use super::{Complaints, LOG, RUN_FILE, is_run_file, read_net, run_file, states};
use crate::data::datum::Colour;
use crate::data::images::Image;
use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::exec::SessionOptions;
use crate::file::read_definition;
use crate::front::caffe::solver::is_solver;
use crate::front::{self, Request};
use crate::ir::{Definition, Port, TypedNet};
use crate::layers::Layer;
use crate::layers::input::Input;
use crate::passes::deploy::deploy;
use crate::pipeline;
use crate::plan::Slot;
use crate::source::SourceMap;
use crate::spec::Dialect;
use crate::train::log;
use crate::train::machine::{Machine, Purpose, users};
use crate::ty::Shape;
use crate::weights::{order, read_weights};

/// Images in a batch, at most.
const BATCH: usize = 64;

/// A trained net that takes images.
pub struct Inference {
    pub(super) machine: Machine,
    input: Slot,
    /// The input that is told the size of the images, and what it is told.
    size: Option<(Slot, Vec<f32>)>,
    /// Batch, channels, height, width of the input.
    shape: Shape,
    intake: Intake,
    /// Names and types of the layers that read the images.
    readers: Vec<(String, String)>,
    outputs: Vec<(String, Slot)>,
    /// Whether outputs are logarithms of what is wanted.
    exponentiate: bool,
    /// The weights that were loaded.
    pub weights: Vec<PathBuf>,
    /// What the loss that the net is trained by tells its outputs apart by.
    pub measure: Measure,
}

/// Records in a batch of a program that is watched: with a single one programs may take its axis away.
const WATCHED: usize = 2;

/// What a net gives for one image: values by output.
pub type Outputs = Vec<(String, Vec<f32>)>;

/// What is said beside the run file or the net.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// Weights, instead of those of the run.
    pub weights: Option<&'a Path>,
    /// The mean image, instead of the run's.
    pub mean: Option<&'a Path>,
    /// What becomes of pixels, for a net alone.
    pub pixels: Option<&'a Pixels>,
    /// What a definition that is a program is told: for one that is alone the shape of an image must be among it.
    pub request: Option<&'a Request>,
    /// How many images there will be, if that is known: a batch need not be larger.
    pub images: Option<usize>,
    /// Whether all that layers compute for one image can be read afterwards.
    pub watched: bool,
}

/// Where the parts of a net for inference lie.
struct Found {
    /// The run file, or what stands for it where a net is alone.
    file: RunFile,
    /// Whether the net is alone.
    alone: bool,
    /// The folder that paths in the file are relative to.
    base: PathBuf,
    mean: Option<PathBuf>,
    weights: Vec<PathBuf>,
    data: DataSpec,
    /// What the definition is told beside that, if it is a program.
    request: Request,
}

impl Found {
    fn at(path: &Path, given: &Beside) -> Result<Self> {
        let alone = !is_run_file(path);
        if let Some(option) = given.pixels.and_then(Pixels::option).filter(|_| !alone) {
            let why = format!(
                "{option} is for a net alone; a run file says how its images are transformed"
            );
            return Err(Error::refused(why));
        }
        let file = match alone {
            true => of_net(path, given)?,
            false => run_file::read(path, &[])?.0,
        };
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        let own = file.output.clone().unwrap_or_else(|| path.with_extension(""));
        let beside = given.weights.and_then(Path::parent).map(Path::to_owned);
        let folder = beside.filter(|folder| folder.join(RUN_FILE).exists()).unwrap_or(own);
        let bases = std::slice::from_ref(&base);
        let mean = match (given.mean, &file.dataset.mean, &file.dataset.pairs) {
            (Some(mean), _, _) => Some(mean.to_owned()),
            (None, Some(mean), _) => Some(locate(&mean.display().to_string(), bases)),
            (None, None, Some(_)) => Some(mean_of_pairs(&folder)),
            (None, None, None) => None,
        };
        let weights = match given.weights {
            Some(weights) => vec![weights.to_owned()],
            None => match last_snapshot(&folder) {
                Ok(last) => vec![last],
                Err(_) if !file.weights.is_empty() => {
                    file.weights.iter().map(|weights| base.join(weights)).collect()
                }
                Err(e) => return Err(e),
            },
        };
        let data = training_data(&file, &base, &folder);
        let request = given.request.cloned().unwrap_or_default();
        Ok(Found { file, alone, base, mean, weights, data, request })
    }
}

/// A definition for inference, and what is known of its data.
struct Net {
    definition: Definition,
    /// The number of classes that a program was told.
    classes: Option<usize>,
    /// Channels, rows, columns of the images.
    declared: Option<[usize; 3]>,
}

impl Net {
    /// A definition that is told about its data, for batches of so many images.
    fn of_program(
        network: &Path,
        found: &Found,
        batch: usize,
        sources: &mut SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> Result<Self> {
        let Found { file, mean, data, request, .. } = found;
        let dialect = front::dialect(network);
        let said =
            request.input_shape.as_deref().map(|shape| program::channels_first(dialect, shape));
        let classes = request.classes.or(file.dataset.classes);
        let known = match (record_of(data, Colour::AsStored), mean) {
            (Some(record), _) => Some(record),
            (None, Some(mean)) => Some(mean_shape(mean)?),
            (None, None) => None,
        };
        let mut facts = match (said.or(known.map(|shape| shape.to_vec())), classes) {
            (Some(shape), classes) if request.input_shape.is_some() || classes.is_some() => {
                Facts { classes, ..Facts::of_shape(dialect, shape) }
            }
            (_, said) => Facts::of(data, said, dialect)?,
        };
        // A net that was trained from other weights is the one that the definition made of them.
        facts.told = file.told();
        facts.told.params.extend(request.params.clone());
        facts.told.call = request.call.clone().or(facts.told.call);
        facts.told.loss = request.loss.clone().or(facts.told.loss);
        facts.told.fine_tune = !file.weights.is_empty();
        let declared = match data.tensors.is_some() || request.input_shape.is_some() {
            true => <[usize; 3]>::try_from(&facts.shape[..]).ok(),
            false => None,
        };
        let definition = program::for_images(network, &facts, batch, sources, diagnostics)?;
        Ok(Net { definition, classes: facts.classes, declared })
    }
}

/// What the losses of a net tell its outputs apart by.
fn measure_of(definition: &Definition) -> Measure {
    let of = |layer: &Layer| match layer {
        Layer::CosineEmbeddingLoss(_) => Some(Measure::Angle),
        Layer::PairSimilarity(similarity) => similarity.cosine.then_some(Measure::Angle),
        Layer::L1HingeLoss(_) => Some(Measure::Absolute),
        Layer::PairwiseDistance(distance) if distance.norm == 1.0 => Some(Measure::Absolute),
        _ => None,
    };
    definition.nodes.iter().find_map(|node| of(&node.layer)).unwrap_or_default()
}

impl Inference {
    /// Opens a run: its definition, its mean image, and its last snapshot or the weights given. Weights that lie in the
    /// folder of a run say that this is the run's folder. Or opens one of Caffe's nets alone with its weights.
    ///
    /// # Errors
    /// A file is missing or does not fit; complaints about the definition are in the inner result.
    pub fn open(
        path: &Path,
        given: &Beside,
        options: &SessionOptions,
    ) -> Result<Result<Self, Complaints>> {
        let mut sources = SourceMap::default();
        let mut diagnostics = Diagnostics::default();
        let found = Found::at(path, given)?;
        let network = found.base.join(&found.file.network);
        let told = is_program(&network);
        let batch = match told {
            true if given.watched => WATCHED,
            true => BATCH,
            false => given.images.unwrap_or(BATCH).clamp(1, BATCH),
        };
        let net = match told {
            true => Net::of_program(&network, &found, batch, &mut sources, &mut diagnostics)?,
            false => {
                let mut asked = program::told_to_caffe(&found.file, &network);
                if front::makes_caffe(&network) {
                    asked.call = found.request.call.clone().or(asked.call);
                    asked.written = found.request.written.clone().or(asked.written);
                }
                let mut definition = read_net(&network, &asked, &mut sources, &mut diagnostics)?;
                run_file::tell_classes(&mut definition, &found.file, &found.data)?;
                Net { definition, classes: None, declared: None }
            }
        };
        let Net { definition, classes, declared } = net;
        let Found { alone, base, mean, weights, data, .. } = found;
        let (deployed, state) = deploy(&definition);
        let (input, shape) = taken(&deployed);
        let intake = Intake::new(&Told {
            definition: &definition,
            tested: &states(&definition).1,
            declared: declared.or(shape.filter(|_| !told)),
            staged: definition.stages().contains(&state) && state.label() == "deploy",
            data: &data,
            mean: mean.as_deref(),
            bases: std::slice::from_ref(&base),
            rules: if alone { Rules::OpenCv } else { Rules::Digits },
            red_first: told,
            pixels: given.pixels.unwrap_or(&Pixels::default()),
        })?;
        let mut shapes = std::collections::BTreeMap::new();
        if let Some(name) = input {
            shapes.insert(name, Shape([&[batch][..], &intake.shape()].concat()));
        }
        let env = super::environment(shapes);
        let typed = pipeline::typed_net(&deployed, &state, &env, &mut diagnostics);
        if diagnostics.has_errors() {
            return Ok(Err((sources, diagnostics)));
        }
        if typed.signatures.iter().any(Option::is_none) {
            return Err(Error::refused(
                "the shape of the images is not known; name the data in the run file",
            ));
        }
        let readers = readers(&typed);
        let purpose = Purpose { watched: given.watched, ..Purpose::FORWARD };
        let mut machine = Machine::new(typed, &env, purpose, options)?;
        load(&mut machine, &deployed.names, &weights)?;
        let program = &machine.plan().program;
        let image = program.inputs.iter().find(|(_, v)| program.shape(*v).rank() == 4);
        let Some(&(_, v)) = image else {
            return Err(Error::refused("the net has no input that takes images (N x C x H x W)"));
        };
        let shape = program.shape(v).clone();
        if shape.dims()[1..] != intake.shape() {
            let images = Shape(intake.shape().to_vec());
            return Err(Error::refused(format!("the net takes {shape}, the images are {images}")));
        }
        let outputs = machine.planned.outputs.iter();
        let outputs = outputs.map(|(name, v, _)| (name.clone(), machine.plan().slot(*v))).collect();
        let input = machine.plan().slot(v);
        let size = size(&machine, [shape.dims()[2], shape.dims()[3]]);
        Ok(Ok(Inference {
            machine,
            input,
            size,
            shape,
            intake,
            readers,
            outputs,
            // DIGITS takes the outputs of a Torch classifier for logarithms of probabilities.
            exponentiate: definition.dialect == Dialect::Torch && classes.is_some(),
            weights,
            measure: measure_of(&definition),
        }))
    }

    /// Records in a batch.
    pub(super) fn batch(&self) -> usize {
        self.shape.dims()[0]
    }

    /// Whether the net takes images red first.
    pub fn red_first(&self) -> bool {
        self.intake.red_first
    }

    /// An image file as the net takes it.
    ///
    /// # Errors
    /// See [`prepare`](Self::prepare); the file cannot be read.
    pub fn load(&self, path: &Path) -> Result<Vec<f32>> {
        self.intake.load(path)
    }

    /// Whether a file holds one grey image, which all channels of a net of colour see.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn is_grey_for_colour(&self, path: &Path) -> Result<bool> {
        Ok(self.shape.dims()[1] == 3 && self.intake.read(path)?.shape()[0] == 1)
    }

    /// Two image files as a net of pairs takes them.
    ///
    /// # Errors
    /// A file cannot be read; the net takes no pairs.
    pub fn load_pair(&self, paths: [&Path; 2]) -> Result<Vec<f32>> {
        let [first, second] = paths.map(|path| self.intake.read(path));
        self.intake.prepare_pair([first?, second?])
    }

    /// What becomes of an image, or of a pair of them, until the net takes it.
    ///
    /// # Errors
    /// Those of [`load`](Self::load) and [`load_pair`](Self::load_pair).
    pub fn seen(&self, paths: &[&Path]) -> Result<Seen> {
        let images: Vec<_> =
            paths.iter().map(|path| self.intake.read(path)).collect::<Result<_>>()?;
        Seen::new(&self.intake, &self.readers, images)
    }

    /// An image as the net takes it: resized, transformed as the net's data layer does it in a test, channels as needed, blue
    /// first for Caffe and red first for programs.
    ///
    /// # Errors
    /// The net takes other channels than images have.
    pub fn prepare(&self, image: Image) -> Result<Vec<f32>> {
        self.intake.prepare(image)
    }

    /// The outputs for prepared images, in their order.
    pub fn run(&mut self, images: &[Vec<f32>]) -> Result<Vec<Outputs>> {
        let batch = self.batch();
        let each = self.shape.count() / batch;
        let mut results = vec![];
        for chunk in images.chunks(batch) {
            let mut data = vec![0.0; self.shape.count()];
            for (to, image) in data.chunks_mut(each).zip(chunk) {
                to.copy_from_slice(image);
            }
            self.machine.session.write(self.input, &data);
            if let Some((slot, size)) = &self.size {
                self.machine.session.write(*slot, size);
            }
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
            self.machine.session.sound()?;
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
    pub fn finish(&mut self) -> Result<()> {
        self.machine.write_files()
    }
}

/// Gives a net the parameters of files, which together have all of them; of several files' the last one's counts.
///
/// # Errors
/// A file cannot be read or has a parameter of another shape; a parameter is in none of them; or there is no file.
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
    let Some((variable, _)) = missing else { return Ok(()) };
    let (layer, _) = &users(&machine.typed, variable)[0];
    Err(match paths.last() {
        Some(last) => Error::format(last, format!("has no {} of layer `{layer}`", variable.role)),
        None => Error::refused("give the weights of the net with --weights"),
    })
}

/// The input that detectors of Faster R-CNN's kind call `im_info`, and the height and the width of images that are not scaled.
fn size(machine: &Machine, [height, width]: [usize; 2]) -> Option<(Slot, Vec<f32>)> {
    let program = &machine.plan().program;
    let &(_, v) = program.inputs.iter().find(|(name, _)| name == "im_info")?;
    let mut size = vec![1.0; program.shape(v).count()];
    let [high, wide, ..] = &mut size[..] else { return None };
    (*high, *wide) = (height as f32, width as f32);
    Some((machine.plan().slot(v), size))
}

/// Names and types of the layers that read the images.
fn readers(typed: &TypedNet) -> Vec<(String, String)> {
    let net = &typed.net;
    let ports = net.nodes().filter(|(_, node)| node.layer.is_input());
    let ports = ports
        .flat_map(|(index, node)| (0..node.tops.len()).map(move |top| Port { node: index, top }));
    let images = ports.filter(|&port| typed.shape(port).is_some_and(|shape| shape.rank() == 4));
    images
        .flat_map(|port| net.readers(port))
        .map(|(node, _)| &net.graph[node])
        .map(|node| (node.name.value.clone(), node.type_name.value.clone()))
        .collect()
}

/// The run of a net alone.
fn of_net(path: &Path, given: &Beside) -> Result<RunFile> {
    let name = path.file_name().map(PathBuf::from).unwrap_or_default();
    let shown = name.display();
    let is_program = is_program(path);
    if is_program && given.request.is_none_or(|request| request.input_shape.is_none()) {
        let why = format!(
            "is told the shape of an image: say it by --input-shape {}, or write a run file with `network: {shown}` and the data",
            program::image_of(front::dialect(path))
        );
        return Err(Error::format(path, why));
    }
    let is_text = !is_program && !front::makes_caffe(path);
    if is_text && is_solver(&read_definition(path)?) {
        let why = "is a solver; name the net that it trains, with --weights, or a run file";
        return Err(Error::format(path, why));
    }
    if given.weights.is_none() {
        return Err(Error::refused(format!(
            "{}: give the net's weights with --weights",
            path.display()
        )));
    }
    Ok(RunFile { network: name, ..RunFile::default() })
}

/// The input of a net for inference that takes images, and what it declares of them: channels, rows, columns.
fn taken(deployed: &Definition) -> (Option<String>, Option<[usize; 3]>) {
    let mut first = None;
    for node in deployed.nodes.iter().filter(|node| node.layer.is_input()) {
        for (i, top) in node.tops.iter().enumerate() {
            let shape = match &node.layer {
                Layer::Input(Input { shapes }) if shapes.len() == 1 => shapes.first(),
                Layer::Input(Input { shapes }) => shapes.get(i),
                _ => None,
            };
            if let Some(&[_, channels, height, width]) = shape.map(Shape::dims) {
                return (Some(top.value.clone()), Some([channels, height, width]));
            }
            first = first.or(Some(top.value.clone()));
        }
    }
    (first, None)
}

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
