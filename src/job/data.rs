//! Opens the data of a net: for every input a source that serves it, and the shapes that follow.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::layer_data::{
    batch_size, names_its_data, nothing_in_memory, order, serve, serve_memory,
};
use super::{Plan, Shapes};
use crate::data::datum::Colour;
use crate::data::records::Records;
use crate::data::source::{Conventions, Source};
use crate::data::transform::{Mean, TransformOptions};
use crate::error::{Error, Result};
use crate::ir::{Definition, NetState, Node};
use crate::layers::Layer;
use crate::layers::data::{Data as DataLayer, Transform};
use crate::layers::memory_data::MemoryData;
use crate::passes::deploy::is_label;
use crate::spec::{Dialect, Phase};
use crate::ty::Shape;
use crate::weights::{read_binaryproto, read_feed};

/// Records in a batch where nothing else is said, as in DIGITS.
pub(super) const DEFAULT_BATCH: usize = 16;

/// Where a run file says that the data of a stage are.
#[derive(Clone, Debug, Default)]
pub(super) struct DataSpec {
    /// An image database and its label database.
    pub databases: Option<(PathBuf, Option<PathBuf>)>,
    /// IDX files of images and labels.
    pub idx: Option<(PathBuf, PathBuf)>,
    /// A file of batches.
    pub tensors: Option<PathBuf>,
    /// The mean image, subtracted from what a definition without data layers reads.
    pub mean: Option<PathBuf>,
    /// Whether every epoch has an order of its own.
    pub shuffle: bool,
}

/// The sources of a net's inputs.
pub(super) struct Inputs {
    /// Shapes of the inputs, with the batch.
    pub shapes: Shapes,
    /// Each source with the inputs it serves: pairs of an input and a top of the source.
    pub sources: Vec<(Source, Vec<(String, String)>)>,
    /// Records in a batch.
    pub batch: usize,
}

impl Inputs {
    /// Opens what serves the inputs that exist in `state`.
    pub fn open(
        plan: &Plan,
        definition: &Definition,
        state: &NetState,
        data: &DataSpec,
        seed: u64,
    ) -> Result<Self> {
        let train = state.phase == Phase::Train;
        let mut inputs = Inputs { shapes: Shapes::new(), sources: vec![], batch: 0 };
        let exists = |node: &&Node| node.exists(state);
        let nodes: Vec<&Node> =
            definition.nodes.iter().filter(exists).filter(|n| n.layer.is_input()).collect();
        let nodes = match &data.tensors {
            Some(path) => inputs.tensors(plan, path, nodes, seed, train)?,
            None => nodes,
        };
        let named = data.databases.is_some() || data.idx.is_some();
        let mut free: Vec<&str> = vec![];
        for node in nodes {
            if let Some((source, batch)) = serve(plan, node, seed, train)? {
                inputs.serve(node, source, batch);
                continue;
            }
            match &node.layer {
                Layer::Data(layer) if !named => {
                    let records = Records::open_lmdb(&plan.locate(&layer.source), None)?;
                    let options = transform(&plan.bases, &layer.transform, None, train)?;
                    let batch = batch_size(plan, node, layer.batch_size)?;
                    let tops = node.tops.iter().map(|t| t.value.as_str()).collect::<Vec<_>>();
                    inputs.records_for(&tops, records, options, seed, data.shuffle, batch)?;
                }
                Layer::Data(DataLayer { transform: own, batch_size, .. })
                | Layer::MemoryData(MemoryData { transform: own, batch_size, .. })
                    if named =>
                {
                    let batch = self::batch_size(plan, node, *batch_size)?;
                    let options = transform(&plan.bases, own, data.mean.as_deref(), train)?;
                    let tops = node.tops.iter().map(|t| t.value.as_str()).collect::<Vec<_>>();
                    let records = open_records(data)?;
                    inputs.records_for(&tops, records, options, seed, data.shuffle, batch)?;
                }
                Layer::MemoryData(_) => return Err(nothing_in_memory(node)),
                Layer::Python(_) if !named => return Err(nothing_in_memory(node)),
                _ => free.extend(node.tops.iter().map(|t| t.value.as_str())),
            }
        }
        if named && !free.is_empty() {
            let crop_size = definition.crop.unwrap_or(0);
            let layer = Transform { crop_size, ..Transform::default() };
            let options = transform(&plan.bases, &layer, data.mean.as_deref(), train)?;
            let asked = definition.batch_sizes[usize::from(!train)];
            let batch = plan.batch_size.or(asked).unwrap_or(DEFAULT_BATCH);
            let records = open_records(data)?;
            inputs.records_for(&free, records, options, seed, data.shuffle, batch)?;
            if definition.dialect != Dialect::Caffe {
                inputs.as_for(definition.dialect, data);
            }
        }
        Ok(inputs)
    }

    /// Number of records of the largest source, and the batch size.
    pub fn records(&self) -> Option<(u64, u64)> {
        let most = self.sources.iter().map(|(source, _)| source.len()).max()?;
        Some((most as u64, self.batch.max(1) as u64))
    }

    /// Red first; in Torch classes from 1. One label a record is a vector, but not a TensorFlow label from a database of
    /// its own.
    fn as_for(&mut self, dialect: Dialect, data: &DataSpec) {
        let apart = matches!(&data.databases, Some((_, Some(_))));
        let label_offset = if apart || dialect != Dialect::Torch { 0.0 } else { 1.0 };
        let conventions = Conventions { red_first: true, label_offset };
        let sources = std::mem::take(&mut self.sources).into_iter();
        self.sources =
            sources.map(|(source, wires)| (source.with_conventions(conventions), wires)).collect();
        if apart && dialect != Dialect::Torch {
            return;
        }
        for (_, wires) in &self.sources {
            for (input, top) in wires {
                let shape = self.shapes.get_mut(input).filter(|shape| {
                    top == "label" && shape.count() == shape.dims().first().copied().unwrap_or(0)
                });
                if let Some(shape) = shape {
                    shape.0.truncate(1);
                }
            }
        }
    }

    fn records_for(
        &mut self,
        tops: &[&str],
        records: Records,
        options: TransformOptions,
        seed: u64,
        shuffle: bool,
        batch: usize,
    ) -> Result<()> {
        let source = Source::of_records(records, options, seed, order(shuffle))?;
        let served = |(i, &input)| (input, usize::from(is_label(input, i)));
        self.wire(source, batch, tops.iter().enumerate().map(served));
        Ok(())
    }

    /// Serves inputs with the tops of a source that have these numbers.
    fn wire<'a>(
        &mut self,
        source: Source,
        batch: usize,
        inputs: impl Iterator<Item = (&'a str, usize)>,
    ) {
        let mut wires = vec![];
        for (input, top) in inputs {
            let top = &source.tops()[top];
            let shape = Shape([&[batch][..], &top.shape].concat());
            self.shapes.insert(input.to_owned(), shape);
            wires.push((input.to_owned(), top.name.clone()));
        }
        self.batch = batch;
        self.sources.push((source, wires));
    }

    /// Serves the tops of a layer with those of a source, in order.
    fn serve(&mut self, node: &Node, source: Source, batch: usize) {
        let served = 0..source.tops().len();
        self.wire(source, batch, node.tops.iter().map(|top| top.value.as_str()).zip(served));
    }

    /// Serves layers with the tensors of a file; returns those that name data of their own and are not in the file.
    fn tensors<'a>(
        &mut self,
        plan: &Plan,
        path: &Path,
        nodes: Vec<&'a Node>,
        seed: u64,
        train: bool,
    ) -> Result<Vec<&'a Node>> {
        let given = if nodes.iter().any(|node| names_its_data(&node.layer)) {
            read_feed(path)?
        } else {
            BTreeMap::new()
        };
        let (mut names, mut others): (Vec<&str>, Vec<&Node>) = (vec![], vec![]);
        for node in nodes {
            let in_file = node.tops.iter().any(|top| given.contains_key(&top.value));
            match &node.layer {
                layer if names_its_data(layer) && !in_file => others.push(node),
                Layer::MemoryData(layer) => {
                    let (source, batch) = serve_memory(plan, node, layer, path, seed, train)?;
                    self.serve(node, source, batch);
                }
                _ => names.extend(node.tops.iter().map(|t| t.value.as_str())),
            }
        }
        if names.is_empty() {
            return Ok(others);
        }
        let source = Source::of_tensors(path, &names)?;
        let batch = source.batch_size().unwrap_or(1);
        self.wire(source, batch, names.iter().copied().zip(0..));
        Ok(others)
    }
}

fn open_records(data: &DataSpec) -> Result<Records> {
    match (&data.databases, &data.idx) {
        (Some((images, labels)), _) => Records::open_lmdb(images, labels.as_deref()),
        (None, Some((images, labels))) => Records::open_idx(images, labels),
        (None, None) => Err(Error::refused("the run file names no data")),
    }
}

/// A layer's transformation, with the mean of the run file in place of its own, as in DIGITS.
pub(super) fn transform(
    bases: &[PathBuf],
    layer: &Transform,
    mean: Option<&Path>,
    train: bool,
) -> Result<TransformOptions> {
    if let Some(field) = layer.unmade.first() {
        return Err(Error::refused(format!(
            "images with the `{field}` of a `transform_param` cannot be read: this change of them is not made here; store \
             them as the net takes them and remove the field"
        )));
    }
    let file = mean.map(Path::to_owned).or(layer.mean_file.as_ref().map(|f| locate(f, bases)));
    let mean = match file {
        Some(path) => Mean::Image(read_binaryproto(&path)?),
        None if layer.mean_value.is_empty() => Mean::None,
        None => Mean::Values(layer.mean_value.iter().map(|&v| v as f32).collect()),
    };
    Ok(TransformOptions {
        scale: layer.scale as f32,
        mean,
        crop: Some(layer.crop_size).filter(|&side| 0 < side),
        mirror: layer.mirror,
        colour: match (layer.force_color, layer.force_gray) {
            (true, _) => Colour::Colour,
            (_, true) => Colour::Grey,
            _ => Colour::AsStored,
        },
        resize: None,
        train,
    })
}

impl Plan {
    /// A path of a definition: relative to where cortado is started, as for Caffe, or to the job's own files.
    pub(super) fn locate(&self, path: &str) -> PathBuf {
        locate(path, &self.bases)
    }
}

/// The first place where a relative path exists, or the path itself.
pub(super) fn locate(path: &str, bases: &[PathBuf]) -> PathBuf {
    let plain = PathBuf::from(path);
    let candidates = std::iter::once(plain.clone()).chain(bases.iter().map(|base| base.join(path)));
    candidates.into_iter().find(|p| p.exists()).unwrap_or(plain)
}
