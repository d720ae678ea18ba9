//! Turns texts of each dialect into `ir::Definition`s.

pub mod caffe;
pub mod cage;
pub mod pasted;
mod project;
pub mod python;
pub mod tensorflow;
pub mod torch;
mod unwinding;

use std::collections::BTreeMap;
use std::path::Path;

use crate::diag::Diagnostics;
use crate::file::{is_python, read_definition};
use crate::ir::{Definition, Node};
use crate::source::{SourceMap, Span};
use crate::spec::{Dialect, Phase};
use crate::ty::Shape;

/// The dialect of a file, by its name: `.lua` is Torch, everything but `.py` and `.ipynb` prototxt. A program in Python is Caffe's if it makes nets
/// with pycaffe or as prototxt, and TensorFlow's otherwise, also where it cannot be read.
pub fn dialect(path: &Path) -> Dialect {
    match is_python(path) {
        true => read_definition(path).map_or(Dialect::TensorFlow, |text| of_python(&text)),
        false => dialect_of(path, ""),
    }
}

/// The same of a text that is not read again.
fn dialect_of(path: &Path, text: &str) -> Dialect {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("lua") => Dialect::Torch,
        _ if is_python(path) => of_python(text),
        _ => Dialect::Caffe,
    }
}

fn of_python(text: &str) -> Dialect {
    if caffe::pycaffe::is_program(text) { Dialect::Caffe } else { Dialect::TensorFlow }
}

/// Whether a definition is a program that makes nets of Caffe.
pub fn makes_caffe(path: &Path) -> bool {
    is_python(path) && dialect(path) == Dialect::Caffe
}

/// What a net is called whose definition gives it no name.
fn name(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// What a definition that is a program may be told.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Shapes of inputs by number (`0`, `1`, as in `in.0`) or by name, of targets as `target` or `target.0`; in TensorFlow
    /// `x` and `y`. All are in the dialect's own order.
    pub shapes: BTreeMap<String, Shape>,
    /// The shape of one record in the dialect's own order: channels, height, width in Torch, height, width, channels in
    /// TensorFlow.
    pub input_shape: Option<Vec<usize>>,
    /// The number of classes of the data.
    pub classes: Option<usize>,
    /// The number of tensors the model gives, where the caller knows it.
    pub outputs: Option<usize>,
    /// More fields for the table of parameters that the definition receives, by name.
    pub params: BTreeMap<String, String>,
    /// An expression that gives the model, evaluated after the file among its names, such as `defineG(3, 3, 64)`.
    pub call: Option<String>,
    /// The file that is meant of those that a program of Caffe writes; of two, joined by a comma, the first is the net of
    /// training and the second that of tests.
    pub written: Option<String>,
    /// The loss in the place of the definition's, as a Lua expression: `nn.CrossEntropyCriterion()`.
    pub loss: Option<String>,
    /// What computes small nets that a definition tries while it runs; without it their numbers are not known.
    pub trial: Option<fn(Trial) -> Option<Tried>>,
    /// Whether the net starts from weights, for which the definition may change it (DIGITS' `fineTuneHook`).
    pub fine_tune: bool,
    /// Whether parameters that share their values and not their gradients stay apart, for their gradients one by one; a net
    /// in training has one parameter with the sum of both.
    pub apart: bool,
    /// Whether more may be told than the definition asks for, as where several definitions are told the same.
    pub spare: bool,
}

impl Request {
    /// The options of the command line that say what this holds beyond shapes of inputs, and whether it holds that.
    pub fn options(&self) -> [(&'static str, bool); 6] {
        [
            ("--input-shape", self.input_shape.is_some()),
            ("--classes", self.classes.is_some()),
            ("--param", !self.params.is_empty()),
            ("--call", self.call.is_some()),
            ("--written", self.written.is_some()),
            ("--loss", self.loss.is_some()),
        ]
    }
}

/// A tensor's extents and numbers.
pub type Numbers = (Shape, Vec<f32>);

/// A net that a definition tries while it runs.
#[derive(Debug)]
pub struct Trial {
    /// Its layers.
    pub nodes: Vec<Node>,
    /// Values of inputs (`in.<blob>`) and parameters (`param.<layer>.<i>`).
    pub tensors: BTreeMap<String, Numbers>,
    /// The phase.
    pub phase: Phase,
    /// Where it is tried.
    pub span: Span,
}

/// Values of blobs (`out.<blob>`) and `loss` of such a net, with the steps that the work counts as.
pub type Tried = (BTreeMap<String, Numbers>, usize);

/// Inputs of larger numbers do not exist.
const MOST_INPUTS: usize = 1000;

impl Request {
    /// The shape of an input or target.
    pub fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }

    /// Names and shapes of the model's inputs. One input is called `input` where its shape is that of data, and by
    /// number where tensors are given by number.
    pub fn inputs(
        &self,
        batch: Option<usize>,
        crop: Option<usize>,
    ) -> Vec<(String, Option<Shape>)> {
        let numbers = self.shapes.keys().filter_map(|name| name.parse::<usize>().ok());
        if let Some(last) = numbers.filter(|&i| i < MOST_INPUTS).max() {
            let names = (0..=last).map(|i| i.to_string());
            return names.map(|name| (name.clone(), self.shape(&name).cloned())).collect();
        }
        let of_record = |record: &Vec<usize>| {
            let mut dims = vec![batch.unwrap_or(1)];
            dims.extend(record);
            if let (Some(side), 4) = (crop, dims.len()) {
                dims[2..].fill(side);
            }
            Shape(dims)
        };
        let shape = self.shape("input").or(self.shape("data")).cloned();
        vec![("input".into(), shape.or_else(|| self.input_shape.as_ref().map(of_record)))]
    }

    /// Whether the shape of one record is told and no batch of them.
    pub fn is_one_record(&self) -> bool {
        let told = ["0", "input", "data"].iter().any(|name| self.shape(name).is_some());
        !told && self.input_shape.is_some()
    }

    /// Shapes of the targets that are given.
    pub fn targets(&self) -> Vec<Shape> {
        match self.shape("target") {
            Some(one) => vec![one.clone()],
            None => {
                (0..).map_while(|i: usize| self.shape(&format!("target.{i}")).cloned()).collect()
            }
        }
    }
}

/// Reads a definition; what it is made of joins the sources.
pub fn read(
    sources: &mut SourceMap,
    path: &Path,
    text: &str,
    request: &Request,
    diagnostics: &mut Diagnostics,
) -> Definition {
    let mut own = Diagnostics::default();
    let mut definition = match dialect_of(path, text) {
        Dialect::Torch => torch::read(sources, path, text, request, &mut own),
        Dialect::TensorFlow => tensorflow::read(sources, path, text, request, &mut own),
        Dialect::Caffe if is_python(path) => {
            caffe::pycaffe::read(sources, path, text, request, &mut own)
        }
        Dialect::Caffe => {
            let file = sources.add(path, text);
            caffe::read(file, text, &mut own)
        }
    };
    let comment = if definition.dialect == Dialect::Torch { "--" } else { "#" };
    let file = sources.add_once(path, text);
    // The reader of a prototxt says itself what curved quotes are.
    let quotes = definition.dialect != Dialect::Caffe || definition.is_made;
    match pasted::cause((file, text), (comment, quotes), &own) {
        Some(cause) => {
            definition.nodes.clear();
            diagnostics.report(cause);
        }
        None => diagnostics.extend(own),
    }
    definition
}
