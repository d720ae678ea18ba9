//! The inputs of a net that images are run through: which of them the images fill, what is given for the others, and what is
//! said of those that nothing fills.

use std::path::PathBuf;

use super::Shapes;
use crate::diag::nearest::meant;
use crate::error::{Error, Result};
use crate::ir::{Definition, NetState, Node};
use crate::layers::Layer;
use crate::layers::input::Input;
use crate::train::labels::moves;
use crate::ty::Shape;
use crate::weights::{Blob, read_tensor};

/// What is given for an input beside the images.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// The input.
    pub name: String,
    /// What it takes.
    pub value: Value,
}

/// Numbers, or a file of them or of an image.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Row by row.
    Numbers(Vec<f32>),
    /// An image, or a tensor in a file that [`read_tensor`] reads.
    File(PathBuf),
}

impl Given {
    /// Reads `rois=0,10,10,100,100` or `rois=rois.npy`.
    ///
    /// # Errors
    /// It is neither, as a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .filter(|(name, value)| !name.trim().is_empty() && !value.trim().is_empty())
            .ok_or("write it as rois=0,10,10,100,100, or with a file, second=b.png")?;
        let numbers: Result<Vec<f32>, _> = value.split(',').map(|n| n.trim().parse()).collect();
        let value = match numbers {
            Ok(numbers) if !PathBuf::from(value).exists() => Value::Numbers(numbers),
            _ => Value::File(value.into()),
        };
        Ok(Given { name: name.trim().to_owned(), value })
    }
}

/// How the numbers that are given for an input fill it.
#[derive(Clone, Debug, PartialEq)]
enum Fit {
    /// The same for every record.
    Record,
    /// All rows of the batch that the net declares.
    Whole,
    /// So many rows, which are no records: boxes of one image.
    Rows(usize),
}

/// An input with what is given for it.
struct Filled {
    name: String,
    /// The extents of one row.
    row: Vec<usize>,
    fit: Fit,
    numbers: Vec<f32>,
}

/// An input with an image of its own.
pub(super) struct Picture {
    /// Its name.
    pub name: String,
    /// Channels, rows, columns, where the net declares them.
    pub declared: Option<[usize; 3]>,
}

/// What fills the inputs of a net.
pub(super) struct Inputs {
    /// The input of the images.
    pub images: Picture,
    /// The input of the second image of each pair.
    pub second: Option<Picture>,
    /// Inputs with one image for all records, and the image's file.
    pub pictures: Vec<(Picture, PathBuf)>,
    /// Inputs that say where sequences go on, of which nothing is given: all records begin one.
    pub markers: Vec<String>,
    filled: Vec<Filled>,
    /// All others with the shapes that they declare.
    others: Vec<(String, Shape)>,
    /// Records of the batch that the input of the images declares.
    declared_batch: Option<usize>,
}

/// The input that detectors of Faster R-CNN's kind tell the size of one image.
pub(super) const SIZE: &str = "im_info";

impl Inputs {
    /// Sorts the inputs of a net that are there in a state; `pairs` says that images come in twos.
    ///
    /// # Errors
    /// An input is given that the net does not have, or what does not fit; the shape of one that nothing fills is not known.
    pub fn new(net: &Definition, state: &NetState, given: &[Given], pairs: bool) -> Result<Self> {
        let all = inputs(net, state);
        let names = || all.iter().map(|(name, _)| name.as_str());
        if let Some(stranger) = given.iter().find(|given| names().all(|name| name != given.name)) {
            let name = &stranger.name;
            let known = meant(name, names()).unwrap_or_else(|| {
                let names: Vec<String> = names().map(|name| format!("`{name}`")).collect();
                format!("it has {}", names.join(", "))
            });
            return Err(Error::refused(format!("the net has no input `{name}`; {known}")));
        }
        let value = |name: &str| given.iter().rev().find(|given| given.name == name);
        let free = || all.iter().filter(|(name, _)| value(name).is_none());
        let images = free().find(|(_, shape)| picture(shape).is_some());
        let images = images.or_else(|| free().find(|(_, shape)| shape.is_none()));
        let Some(images) = images.or_else(|| free().next()) else {
            return Err(match all.is_empty() {
                true => no_images(),
                false => {
                    Error::refused("no input is left for the images: give one less by --input")
                }
            });
        };
        let declared_batch = images.1.as_ref().and_then(|shape| shape.dims().first().copied());
        let of = |(name, shape): &(String, Option<Shape>)| Picture {
            name: name.clone(),
            declared: picture(shape),
        };
        let mut found = Inputs {
            images: of(images),
            second: None,
            pictures: vec![],
            markers: markers(there(net, state), names().filter(|name| value(name).is_none())),
            filled: vec![],
            others: vec![],
            declared_batch,
        };
        let is_other = |(name, _): &&(String, Option<Shape>)| {
            *name != images.0 && name != SIZE && !found.markers.contains(name)
        };
        let seconds: Vec<_> = free()
            .filter(is_other)
            .filter(|(_, shape)| shape.is_none() || picture(shape).is_some())
            .collect();
        if pairs {
            if let [_, _, ..] = seconds[..] {
                let names: Vec<String> =
                    seconds.iter().map(|(name, _)| format!("`{name}`")).collect();
                return Err(Error::refused(format!(
                    "--pairs fills two inputs, `{}` and one of {}: give the others by --input NAME=FILE",
                    images.0,
                    names.join(", ")
                )));
            }
            found.second = seconds.first().map(|input| of(input));
        }
        for input @ (name, shape) in &all {
            let is_second = found.second.as_ref().is_some_and(|second| second.name == *name);
            if *name == images.0 || is_second {
                continue;
            }
            match (value(name), shape) {
                (Some(given), shape) => found.fill(given, of(input), shape.as_ref())?,
                (None, Some(shape)) => found.others.push((name.clone(), shape.clone())),
                (None, None) if is_read(net, state, name) => {
                    return Err(unfilled(name, None, found.takes_pairs(name, None)));
                }
                (None, None) => {}
            }
        }
        Ok(found)
    }

    /// Takes what is given for an input.
    fn fill(&mut self, given: &Given, input: Picture, shape: Option<&Shape>) -> Result<()> {
        let Given { name, value } = given;
        let blob = match value {
            Value::Numbers(numbers) => Blob { shape: vec![numbers.len()], data: numbers.clone() },
            Value::File(path) => match read_tensor(path, name)? {
                Some(blob) => blob,
                None => {
                    self.pictures.push((input, path.clone()));
                    return Ok(());
                }
            },
        };
        let has_shape = matches!(value, Value::File(_)) && 1 < blob.shape.len();
        let declared = match shape {
            Some(shape) => shape.clone(),
            None if has_shape => Shape(blob.shape.clone()),
            None => Shape::from([blob.data.len()]),
        };
        let (rows, row) = declared.dims().split_first().map_or((1, &[][..]), |(n, row)| (*n, row));
        let each: usize = row.iter().product();
        let n = blob.data.len();
        let fits = match (&blob.shape[..], has_shape) {
            (dims, true) => 0 < n && (dims == row || dims[1..] == *row),
            (_, false) => 0 < each && 0 < n && n.is_multiple_of(each),
        };
        if !fits {
            let have = match has_shape {
                true => Shape(blob.shape).to_string(),
                false => format!("{n} numbers"),
            };
            return Err(Error::refused(format!("the input `{name}` is {declared}, not {have}")));
        }
        let fit = match n / each.max(1) {
            1 => Fit::Record,
            n if n == rows => Fit::Whole,
            n => Fit::Rows(n),
        };
        let row = row.to_vec();
        self.filled.push(Filled { name: name.clone(), row, fit, numbers: blob.data });
        Ok(())
    }

    /// Records of a batch, where `images` would be run at once: as many as the net declares if it is given something for each
    /// of them, or knows sequences; one where something else is told of an image.
    pub fn batch(&self, images: usize) -> usize {
        let has_whole = self.filled.iter().any(|filled| filled.fit == Fit::Whole);
        let has_size = self.others.iter().any(|(name, _)| name == SIZE);
        match self.declared_batch {
            Some(n) if 0 < n && (has_whole || !self.markers.is_empty()) => n,
            _ if has_whole || has_size || !self.filled.is_empty() || !self.pictures.is_empty() => 1,
            _ => images,
        }
    }

    /// The shapes of the inputs that take no images, for a batch.
    pub fn shapes(&self, batch: usize) -> Shapes {
        let mut shapes = Shapes::new();
        for (name, shape) in &self.others {
            let mut shape = shape.clone();
            if let Some(rows) = shape.0.first_mut()
                && self.declared_batch == Some(*rows)
            {
                *rows = batch;
            }
            shapes.insert(name.clone(), shape);
        }
        for filled in &self.filled {
            let rows = match filled.fit {
                Fit::Record => batch,
                Fit::Whole => filled.numbers.len() / filled.row.iter().product::<usize>().max(1),
                Fit::Rows(n) => n,
            };
            shapes.insert(filled.name.clone(), Shape([&[rows][..], &filled.row].concat()));
        }
        shapes
    }

    /// What is given for inputs, by name; of one record to be repeated.
    pub fn numbers(&self) -> impl Iterator<Item = (&str, &[f32])> {
        self.filled.iter().map(|filled| (filled.name.as_str(), &filled.numbers[..]))
    }

    /// What deserves a word.
    pub fn notes(&self) -> Vec<String> {
        let of = |marker: &String| {
            let frames = match self.declared_batch {
                Some(n) if 1 < n => "0,1,1,...".to_owned(),
                _ => "1".to_owned(),
            };
            format!(
                "`{marker}` is 0, so every image begins a sequence of its own; the frames of one clip are told by \
                 --input {marker}={frames}"
            )
        };
        self.markers.iter().map(of).collect()
    }

    /// Whether an input could take the second image of each pair.
    fn takes_pairs(&self, name: &str, shape: Option<&Shape>) -> bool {
        let is_picture = shape.is_none_or(|shape| picture_of(shape).is_some());
        self.second.is_none() && is_picture && name != self.images.name
    }

    /// The complaint about an input that nothing fills.
    pub fn complaint(&self, name: &str, shape: &Shape) -> Error {
        unfilled(name, Some(shape), self.takes_pairs(name, Some(shape)))
    }
}

/// The layers that are there in a state.
fn there<'a>(net: &'a Definition, state: &'a NetState) -> impl Iterator<Item = &'a Node> + Clone {
    net.nodes.iter().filter(move |node| node.exists(state))
}

/// The inputs of a net in a state, with the shapes that they declare.
fn inputs(net: &Definition, state: &NetState) -> Vec<(String, Option<Shape>)> {
    let mut all = vec![];
    for node in there(net, state).filter(|node| node.layer.is_input()) {
        for (i, top) in node.tops.iter().enumerate() {
            let shape = match &node.layer {
                Layer::Input(Input { shapes }) if shapes.len() == 1 => shapes.first(),
                Layer::Input(Input { shapes }) => shapes.get(i),
                _ => None,
            };
            all.push((top.value.clone(), shape.cloned()));
        }
    }
    all
}

/// Channels, rows, columns of an input of that shape, if it takes images.
fn picture_of(shape: &Shape) -> Option<[usize; 3]> {
    match *shape.dims() {
        [_, channels, height, width] => Some([channels, height, width]),
        _ => None,
    }
}

fn picture(shape: &Option<Shape>) -> Option<[usize; 3]> {
    shape.as_ref().and_then(picture_of)
}

/// Whether anything reads a blob.
fn is_read(net: &Definition, state: &NetState, name: &str) -> bool {
    there(net, state).any(|node| node.bottoms.iter().any(|bottom| bottom.value == name))
}

/// Those of some inputs that only say to recurrent layers where sequences go on.
pub(super) fn markers<'a>(
    nodes: impl Iterator<Item = &'a Node> + Clone,
    inputs: impl Iterator<Item = &'a str>,
) -> Vec<String> {
    let is_marker = |input: &&str| {
        let mut blobs = vec![*input];
        let mut found = false;
        for node in nodes.clone() {
            let reads = |i: usize| node.bottoms.get(i).is_some_and(|b| blobs.contains(&&*b.value));
            let place = match &node.layer {
                Layer::Lstm(_) | Layer::Rnn(_) => Some(1),
                Layer::LstmUnit(_) => Some(2),
                _ => None,
            };
            let others = (0..node.bottoms.len()).filter(|&i| Some(i) != place);
            let elsewhere = others.filter(|&i| reads(i)).count();
            match place {
                _ if 0 < elsewhere && moves(&node.layer) => {
                    blobs.extend(node.tops.iter().map(|top| top.value.as_str()));
                }
                _ if 0 < elsewhere => return false,
                Some(place) => found |= reads(place),
                None => {}
            }
        }
        found
    };
    inputs.filter(is_marker).map(str::to_owned).collect()
}

/// The complaint about a net that takes no images.
pub(super) fn no_images() -> Error {
    Error::refused("the net has no input that takes images (N x C x H x W)")
}

/// Numbers of a row that are written out in advice, at most.
const FEW: usize = 6;

/// The complaint about an input that nothing fills; `in_twos` says that it could take the second image of each pair.
fn unfilled(name: &str, shape: Option<&Shape>, in_twos: bool) -> Error {
    let of = shape.map_or(String::new(), |shape| format!(", {shape},"));
    let row = shape.map_or(0, |shape| shape.dims().iter().skip(1).product());
    let files = "a file (.npy, .safetensors, .json)";
    let advice = match row {
        _ if shape.is_some_and(|shape| picture_of(shape).is_some()) => {
            format!("give it an image or its numbers in {files}, --input {name}=FILE")
        }
        1..=FEW => {
            let numbers = vec!["N"; row].join(",");
            format!("give its numbers, --input {name}={numbers}, or {files} with them")
        }
        _ => format!("give its numbers in {files}, --input {name}=FILE"),
    };
    let pairs = if in_twos { ", or take the images in twos with --pairs" } else { "" };
    Error::refused(format!(
        "nothing fills the input `{name}`{of} and outputs depend on it: {advice}{pairs}"
    ))
}
