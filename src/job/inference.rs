//! Images through a trained net: batches, and outputs by name.

use std::path::{Path, PathBuf};

use super::clusters::Measure;
use super::data::{DataSpec, locate};
use super::forward::{needed, results};
pub use super::images::Pixels;
use super::images::{Intake, Rules, Told, mean_shape, record_of};
pub use super::inputs::Given;
use super::inputs::{Inputs, Picture, SIZE, no_images};
use super::program::{self, Facts, is_program};
use super::run_file::{RunFile, mean_of_pairs, training_data};
use super::seen::Seen;
use super::snapshots::last_snapshot;
use super::{Complaints, RUN_FILE, is_run_file, read_net, run_file, states};
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
use crate::passes::deploy::deploy;
use crate::pipeline;
use crate::plan::Slot;
use crate::source::SourceMap;
use crate::spec::Dialect;
use crate::train::machine::{Machine, Purpose, users};
use crate::ty::Shape;
use crate::weights::{order, read_weights};

/// Images in a batch, at most.
const BATCH: usize = 64;

/// A trained net that takes images.
pub struct Inference {
    pub(super) machine: Machine,
    input: Slot,
    /// The input of the second image of each pair.
    second: Option<Second>,
    /// What is written into other inputs before every run.
    others: Vec<(Slot, Vec<f32>)>,
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
    /// What deserves a word about what the inputs take.
    pub notes: Vec<String>,
}

/// The input of the second image of each pair.
struct Second {
    slot: Slot,
    /// Makes images into what it takes.
    intake: Intake,
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
    /// What is given for inputs that take no images, or one image for all records.
    pub inputs: &'a [Given],
    /// Whether images come in twos: the second goes to the net's other input of images, if it has one.
    pub pairs: bool,
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
        let net = match told {
            true => {
                let batch = if given.watched { WATCHED } else { BATCH };
                Net::of_program(&network, &found, batch, &mut sources, &mut diagnostics)?
            }
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
        let named: Vec<&str> = given.inputs.iter().map(|given| given.name.as_str()).collect();
        let (deployed, state) = deploy(&definition, &named);
        let inputs = match Inputs::new(&deployed, &state, given.inputs, given.pairs) {
            Ok(inputs) => inputs,
            // What is wrong with the definition comes first.
            Err(_) if diagnostics.has_errors() => return Ok(Err((sources, diagnostics))),
            Err(e) => return Err(e),
        };
        let batch = match told {
            true if given.watched => WATCHED,
            true => BATCH,
            false => inputs.batch(given.images.unwrap_or(BATCH).clamp(1, BATCH)),
        };
        let (stages, tested) = (definition.stages(), states(&definition).1);
        let no_data = DataSpec::default();
        let intake_of = |declared: Option<[usize; 3]>, data: &DataSpec| {
            Intake::new(&Told {
                definition: &definition,
                tested: &tested,
                declared,
                staged: stages.contains(&state) && state.label() == "deploy",
                data,
                mean: mean.as_deref(),
                bases: std::slice::from_ref(&base),
                rules: if alone { Rules::OpenCv } else { Rules::Digits },
                red_first: told,
                pixels: given.pixels.unwrap_or(&Pixels::default()),
            })
        };
        let own = |picture: &Picture| match picture.declared {
            Some(size) if size != inputs.images.declared.unwrap_or_default() => {
                intake_of(Some(size), &no_data)
            }
            _ => intake_of(declared.or(inputs.images.declared.filter(|_| !told)), &data),
        };
        let intake = own(&inputs.images)?;
        let second = inputs.second.as_ref().map(own).transpose()?;
        let mut values: Vec<(String, Vec<f32>)> =
            inputs.numbers().map(|(name, numbers)| (name.to_owned(), numbers.to_vec())).collect();
        let mut shapes = inputs.shapes(batch);
        let mut takes = |name: &String, intake: &Intake| {
            shapes.insert(name.clone(), Shape([&[batch][..], &intake.shape()].concat()));
        };
        takes(&inputs.images.name, &intake);
        if let (Some(picture), Some(intake)) = (&inputs.second, &second) {
            takes(&picture.name, intake);
        }
        for (picture, path) in &inputs.pictures {
            let intake = own(picture)?;
            takes(&picture.name, &intake);
            values.push((picture.name.clone(), intake.load(path)?));
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
        let fed = Fed::of(&machine, &inputs, values)?;
        if fed.shape.dims()[1..] != intake.shape() {
            let (shape, images) = (&fed.shape, Shape(intake.shape().to_vec()));
            return Err(Error::refused(format!("the net takes {shape}, the images are {images}")));
        }
        let outputs = machine.planned.outputs.iter();
        let outputs = outputs.map(|(name, v, _)| (name.clone(), machine.plan().slot(*v))).collect();
        let Fed { input, second: slot, others, shape } = fed;
        let second = slot.zip(second).map(|(slot, intake)| Second { slot, intake });
        Ok(Ok(Inference {
            machine,
            input,
            second,
            others,
            shape,
            intake,
            readers,
            outputs,
            // DIGITS takes the outputs of a Torch classifier for logarithms of probabilities.
            exponentiate: definition.dialect == Dialect::Torch && classes.is_some(),
            weights,
            measure: measure_of(&definition),
            notes: inputs.notes(),
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

    /// Two image files as a net of pairs takes them, or one with two inputs of images.
    ///
    /// # Errors
    /// A file cannot be read; the net takes no pairs.
    pub fn load_pair(&self, paths: [&Path; 2]) -> Result<Vec<f32>> {
        if let Some(Second { intake, .. }) = &self.second {
            return Ok([self.intake.load(paths[0])?, intake.load(paths[1])?].concat());
        }
        let [first, second] = paths.map(|path| self.intake.read(path));
        self.intake.prepare_pair([first?, second?])
    }

    /// What becomes of an image until the net takes it, or of a pair of them: one for each input that takes one.
    ///
    /// # Errors
    /// Those of [`load`](Self::load) and [`load_pair`](Self::load_pair).
    pub fn seen(&self, paths: &[&Path]) -> Result<Vec<Seen>> {
        let read = |intake: &Intake, paths: &[&Path]| {
            let images = paths.iter().map(|path| intake.read(path)).collect::<Result<_>>()?;
            Seen::new(intake, &self.readers, images)
        };
        match (&self.second, paths) {
            (Some(Second { intake, .. }), [first, second]) => {
                Ok(vec![read(&self.intake, &[first])?, read(intake, &[second])?])
            }
            _ => Ok(vec![read(&self.intake, paths)?]),
        }
    }

    /// An image as the net takes it: resized, transformed as the net's data layer does it in a test, channels as needed, blue
    /// first for Caffe and red first for programs. Where images come in twos it is both of them.
    ///
    /// # Errors
    /// The net takes other channels than images have.
    pub fn prepare(&self, image: Image) -> Result<Vec<f32>> {
        match &self.second {
            Some(Second { intake, .. }) => {
                Ok([self.intake.prepare(image.clone())?, intake.prepare(image)?].concat())
            }
            None => self.intake.prepare(image),
        }
    }

    /// The outputs for prepared images, in their order.
    pub fn run(&mut self, images: &[Vec<f32>]) -> Result<Vec<Outputs>> {
        let batch = self.batch();
        let each = self.shape.count() / batch;
        let mut results = vec![];
        for chunk in images.chunks(batch) {
            let own = chunk.iter().flat_map(|image| &image[..each]).copied();
            write_rows(&mut self.machine, self.input, own, self.shape.count());
            if let Some(Second { slot, intake }) = &self.second {
                let count = batch * intake.shape().iter().product::<usize>();
                let own = chunk.iter().flat_map(|image| &image[each..]).copied();
                write_rows(&mut self.machine, *slot, own, count);
            }
            for (slot, values) in &self.others {
                self.machine.session.write(*slot, values);
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

/// Writes the rows of a batch, zeros where there are no more.
fn write_rows(machine: &mut Machine, slot: Slot, rows: impl Iterator<Item = f32>, count: usize) {
    let mut rows: Vec<f32> = rows.collect();
    rows.resize(count, 0.0);
    machine.session.write(slot, &rows);
}

/// Where the inputs of a net lie, and what they take.
struct Fed {
    /// The place and the shape of the images.
    input: Slot,
    shape: Shape,
    /// The place of the second images.
    second: Option<Slot>,
    /// What all others take.
    others: Vec<(Slot, Vec<f32>)>,
}

impl Fed {
    /// Finds the inputs; what is given for one is by its name, of one record for all of a batch.
    ///
    /// # Errors
    /// The net takes no images, or an input that something depends on takes nothing.
    fn of(machine: &Machine, inputs: &Inputs, given: Vec<(String, Vec<f32>)>) -> Result<Self> {
        let program = &machine.plan().program;
        let shape_of = |name: &str| {
            let (_, v) = program.inputs.iter().find(|(input, _)| input == name)?;
            Some(program.shape(*v).clone())
        };
        let images = &inputs.images.name;
        let shape = shape_of(images).filter(|shape| shape.rank() == 4).ok_or_else(no_images)?;
        let input = machine.input(images).ok_or_else(|| {
            Error::refused(format!("no output of the net depends on its images, `{images}`"))
        })?;
        let second = inputs.second.as_ref().map(|picture| &picture.name);
        let net = &machine.typed.net;
        let needed = needed(net, &results(net));
        let is_needed = |name: &String| needed.iter().any(|&port| net.blob(port) == name);
        let mut others = vec![];
        for (name, v) in &program.inputs {
            let Some(slot) = machine.input(name).filter(|_| name != images) else { continue };
            let shape_here = program.shape(*v);
            let count = shape_here.count();
            if let Some((_, values)) = given.iter().find(|(given, _)| given == name) {
                others.push((slot, values.iter().copied().cycle().take(count).collect()));
            } else if name == SIZE {
                others.push((slot, size(count, [shape.dims()[2], shape.dims()[3]])));
            } else if inputs.markers.contains(name) || second != Some(name) && !is_needed(name) {
                others.push((slot, vec![0.0; count]));
            } else if second != Some(name) {
                return Err(inputs.complaint(name, shape_here));
            }
        }
        let second = second.and_then(|name| machine.input(name));
        Ok(Fed { input, shape, second, others })
    }
}

/// What detectors of Faster R-CNN's kind are told of an image: its height and its width, and that it is not scaled.
fn size(count: usize, [height, width]: [usize; 2]) -> Vec<f32> {
    let mut size = vec![1.0; count];
    for (to, of) in size.iter_mut().zip([height, width]) {
        *to = of as f32;
    }
    size
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
