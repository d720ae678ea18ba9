//! From a definition that is a program and the data it is for to the definitions of training and validation, by DIGITS'
//! contract: it is told the shape of an image and the number of classes; one in Lua says itself which batches and crops
//! it wants.

use std::path::Path;

use super::data::{DEFAULT_BATCH, DataSpec, label_of_pairs};
use super::read_net;
use super::run_file::RunFile;
use crate::data::idx::read_idx_pair;
use crate::data::record_shape;
use crate::data::records::Records;
use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::front::{self, Request};
use crate::ir::Definition;
use crate::source::SourceMap;
use crate::spec::Dialect;
use crate::ty::Shape;
use crate::weights::read_feed;

/// The blob that takes images, and the one that takes labels.
const INPUT: &str = "input";
const TARGET: &str = "target";

/// Whether a definition is told about its data.
pub(super) fn is_program(path: &Path) -> bool {
    front::dialect(path) != Dialect::Caffe
}

impl RunFile {
    /// What the file tells a program beside its data.
    pub(super) fn told(&self) -> Request {
        Request {
            params: self
                .params
                .iter()
                .map(|(name, value)| (name.clone(), value.to_string()))
                .collect(),
            call: self.call.clone(),
            written: self.written.clone(),
            loss: self.loss.clone(),
            ..Request::default()
        }
    }
}

/// What a net of Caffe is told: where a program makes it, which net of it is meant.
pub(super) fn told_to_caffe(file: &RunFile, network: &Path) -> Request {
    if front::makes_caffe(network) { file.told() } else { Request::default() }
}

/// `channels, height, width` as a dialect's people write it.
fn in_order(dialect: Dialect, record: &[usize]) -> Vec<usize> {
    match (dialect, record) {
        (Dialect::TensorFlow, &[channels, height, width]) => vec![height, width, channels],
        _ => record.to_vec(),
    }
}

/// What a dialect's people write, as `channels, height, width`.
pub(super) fn channels_first(dialect: Dialect, image: &[usize]) -> Vec<usize> {
    match (dialect, image) {
        (Dialect::TensorFlow, &[height, width, channels]) => vec![channels, height, width],
        _ => image.to_vec(),
    }
}

/// An image's shape as an example, as a dialect's people write it.
pub(super) fn image_of(dialect: Dialect) -> &'static str {
    if dialect == Dialect::TensorFlow { "224,224,3" } else { "3,224,224" }
}

/// What a definition is told about data.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// The dialect that is told.
    pub dialect: Dialect,
    /// Channels, height, width.
    pub shape: Vec<usize>,
    /// The shape of a label.
    pub label: Vec<usize>,
    /// Records in a batch, if the data dictate it.
    pub batch: Option<usize>,
    /// The number of classes, if labels are classes.
    pub classes: Option<usize>,
    /// What else the definition is told, such as whether training starts from weights.
    pub told: Request,
}

impl Facts {
    /// Looks at the data; classes that are not said are counted.
    ///
    /// # Errors
    /// There are no data, or they cannot be read.
    pub fn of(data: &DataSpec, classes: Option<usize>, dialect: Dialect) -> Result<Self> {
        if let Some(record) = data.to_be {
            return Ok(Facts {
                dialect,
                shape: record.to_vec(),
                label: label_of_pairs(dialect),
                batch: None,
                classes,
                told: Request::default(),
            });
        }
        if let Some(path) = &data.tensors {
            let blobs = read_feed(path)?;
            let of = |name: &str| match blobs.get(name).map(|blob| blob.shape.as_slice()) {
                Some([_, batch, rest @ ..]) => Ok((*batch, rest.to_vec())),
                _ => Err(Error::format(
                    path,
                    format!(
                        "has no batches of `{name}`: such a file has `{INPUT}`, batches x records x channels x height x \
                         width, and `{TARGET}`, batches x records x label, whatever the dialect"
                    ),
                )),
            };
            let (batch, shape) = of(INPUT)?;
            let label = of(TARGET).map(|(_, label)| label).unwrap_or_default();
            let of = Facts::of_shape(dialect, shape);
            return Ok(Facts { label, batch: Some(batch), classes, ..of });
        }
        match (&data.databases, &data.idx) {
            (Some((images, Some(labels))), _) => {
                let label = match record_shape(labels)?.0 {
                    // A vector for Torch, an image of one pixel for TensorFlow.
                    one if one.iter().product::<usize>() == 1 && dialect == Dialect::Torch => {
                        vec![]
                    }
                    several => several,
                };
                let of = Facts::of_shape(dialect, record_shape(images)?.0);
                Ok(Facts { label, classes, ..of })
            }
            (Some((images, None)), _) => {
                let of = Facts::of_shape(dialect, record_shape(images)?.0);
                let classes = match classes {
                    Some(n) => Some(n),
                    None => Records::open_lmdb(images, None)?.largest_label()?.map(|n| n + 1),
                };
                Ok(Facts { classes, ..of })
            }
            (None, Some((images, labels))) => {
                let (pixels, labels) = read_idx_pair(images, labels)?;
                let counted = labels.iter().max().map(|&most| usize::from(most) + 1);
                let of = Facts::of_shape(dialect, vec![1, pixels.height, pixels.width]);
                Ok(Facts { classes: classes.or(counted), ..of })
            }
            (None, None) => Err(Error::refused(
                "the definition is told about its data; name them in the run file: `dataset: { train: { images: LMDB } }`",
            )),
        }
    }

    /// What is told of images of a shape, if nothing else is known.
    pub fn of_shape(dialect: Dialect, shape: Vec<usize>) -> Self {
        let told = Request::default();
        Facts { dialect, shape, label: vec![], batch: None, classes: None, told }
    }

    /// The shape of a record as the dialect's people write it.
    pub fn image(&self) -> Vec<usize> {
        in_order(self.dialect, &self.shape)
    }

    fn request(&self) -> Request {
        Request { input_shape: Some(self.image()), classes: self.classes, ..self.told.clone() }
    }
}

/// The definition as it is in training and in validation.
pub(super) fn stages(
    path: &Path,
    facts: &Facts,
    batch: Option<usize>,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Result<[Definition; 2]> {
    let first = first(path, facts, sources, diagnostics)?;
    if first.nodes.is_empty() {
        return Ok([first.clone(), first]);
    }
    let mut stage = |i: usize| {
        let batch = facts.batch.or(batch).or(first.batch_sizes[i]).unwrap_or(DEFAULT_BATCH);
        told(path, facts, batch, first.crop, sources, diagnostics)
    };
    Ok([stage(0)?, stage(1)?])
}

/// The definition for batches of `batch` images.
pub(super) fn for_images(
    path: &Path,
    facts: &Facts,
    batch: usize,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Result<Definition> {
    let first = first(path, facts, sources, diagnostics)?;
    told(path, facts, batch, first.crop, sources, diagnostics)
}

/// The definition before its batch size is known. It is read again with the batch; what is wrong with it is said then,
/// unless nothing comes of it at all.
fn first(
    path: &Path,
    facts: &Facts,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Result<Definition> {
    let mut complaints = Diagnostics::default();
    let first = read_net(path, &facts.request(), sources, &mut complaints)?;
    if first.nodes.is_empty() {
        diagnostics.extend(complaints);
    }
    Ok(first)
}

fn told(
    path: &Path,
    facts: &Facts,
    batch: usize,
    crop: Option<usize>,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Result<Definition> {
    let mut request = facts.request();
    let mut image = facts.shape.clone();
    if let (Some(side), [_, height, width]) = (crop, &mut image[..]) {
        (*height, *width) = (side, side);
    }
    let of = |record: &[usize]| {
        let mut dims = vec![batch];
        dims.extend(in_order(facts.dialect, record));
        Shape(dims)
    };
    request.shapes.insert(INPUT.into(), of(&image));
    request.shapes.insert(TARGET.into(), of(&facts.label));
    read_net(path, &request, sources, diagnostics)
}
