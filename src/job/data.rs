//! Opens the data of a net: for every input a source that serves it, and the shapes that follow.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::layer_data::{
    batch_size, names_its_data, nothing_in_memory, order, serve, serve_memory,
};
use super::{Plan, RUN_FILE, Shapes};
use crate::data::datum::Colour;
use crate::data::records::Records;
use crate::data::source::{Conventions, Source, on_its_way};
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
    /// Channels, rows and columns of pairs that are not made yet, of a run that is only looked at.
    pub to_be: Option<[usize; 3]>,
}

/// The sources of a net's inputs.
pub(super) struct Inputs {
    /// Shapes of the inputs, with the batch.
    pub shapes: Shapes,
    /// Each source with the inputs it serves: pairs of an input and a top of the source.
    pub sources: Vec<(Source, Vec<(String, String)>)>,
    /// Records in a batch.
    pub batch: usize,
    /// Bytes that records will take on their way into a batch whose source is not there yet.
    foreseen: u64,
    /// What deserves a look about the data.
    pub remarks: Vec<String>,
}

/// What the inputs of a net are opened for.
struct Asked<'a> {
    plan: &'a Plan,
    data: &'a DataSpec,
    seed: u64,
    train: bool,
    /// Whether the net learns from pairs, and whether it learns classes. Where nothing is trained or tested, as where blobs are
    /// extracted, labels do not matter.
    of_pairs: bool,
    of_classes: bool,
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
        let existing = || definition.nodes.iter().filter(|node| node.exists(state));
        let of_pairs = plan.kept.is_some() && existing().any(|n| compares_pairs(&n.layer));
        let of_classes =
            train && plan.kept.is_some() && existing().any(|n| learns_classes(&n.layer));
        let asked = Asked { plan, data, seed, train, of_pairs, of_classes };
        let mut inputs = Inputs {
            shapes: Shapes::new(),
            sources: vec![],
            batch: 0,
            foreseen: 0,
            remarks: vec![],
        };
        let nodes: Vec<&Node> = existing().filter(|n| n.layer.is_input()).collect();
        if let Some(record) = data.to_be {
            inputs.foresee(plan, definition, nodes, record, train);
            return Ok(inputs);
        }
        let nodes = match &data.tensors {
            Some(path) => inputs.tensors(plan, path, nodes, seed, train)?,
            None => nodes,
        };
        let named = data.databases.is_some() || data.idx.is_some();
        let mut free: Vec<&str> = vec![];
        let (mut own, mut adopted): (Vec<&Node>, bool) = (vec![], false);
        for node in nodes {
            if let Some((source, batch)) = serve(plan, node, seed, train)? {
                inputs.serve(node, source, batch);
                own.push(node);
                continue;
            }
            match &node.layer {
                Layer::Data(layer) if !named => inputs.own_database(&asked, node, layer)?,
                Layer::Data(DataLayer { transform: own, batch_size, .. })
                | Layer::MemoryData(MemoryData { transform: own, batch_size, .. })
                    if named =>
                {
                    inputs.named_data(&asked, node, own, *batch_size)?;
                    adopted = true;
                }
                Layer::MemoryData(_) => return Err(nothing_in_memory(node)),
                Layer::Python(_) if !named => return Err(nothing_in_memory(node)),
                _ => free.extend(tops(node)),
            }
        }
        let unfed = |name: &&&str| {
            let node = existing().find(|node| node.tops.iter().any(|top| top.value == ***name));
            node.is_some_and(|n| matches!(&n.layer, Layer::Input(input) if input.shapes.is_empty()))
        };
        let of_run_file = plan.kept.as_ref().is_some_and(|kept| kept.name == RUN_FILE);
        if of_run_file
            && !named
            && let Some(input) = free.iter().find(unfed)
        {
            return Err(Error::refused(format!(
                "the run file has no data for `{input}`: write where they are, `dataset: {{ train: {{ images: LMDB }} }}`"
            )));
        }
        if named && !free.is_empty() {
            let declared = existing().find_map(declared_batch);
            inputs.free_inputs(&asked, definition, &free, declared)?;
            adopted = true;
        }
        if let Some(node) = own.first() {
            beside_own_data(node, data, adopted)?;
        }
        Ok(inputs)
    }

    /// Serves a Data layer with the database that it names.
    fn own_database(&mut self, asked: &Asked, node: &Node, layer: &DataLayer) -> Result<()> {
        let &Asked { plan, data, train, .. } = asked;
        let source = plan.locate(&layer.source);
        let mut records = Records::open_lmdb(&source, None)?;
        let batch = batch_size(plan, node, layer.batch_size)?;
        let tops: Vec<&str> = tops(node).collect();
        // A database of labels alone has no mean.
        let mean =
            data.mean.as_deref().filter(|_| !tops.first().is_some_and(|top| is_label(top, 0)));
        let options = transform(&plan.bases, &layer.transform, mean, train)?;
        if asked.of_pairs && serves_labels(&tops) {
            let advice = "read the labels of pairs by a Data layer of their own";
            labels_of_pairs(&mut records, (&source, None), batch, || advice.into())?;
        }
        if asked.of_classes && serves_labels(&tops) && !data.shuffle {
            self.remark_on_classes(&mut records, &source, batch)?;
        }
        self.records_for(&tops, records, options, asked, batch)
    }

    /// Serves a layer whose own data the run file replaces.
    fn named_data(
        &mut self,
        asked: &Asked,
        node: &Node,
        own: &Transform,
        own_batch: usize,
    ) -> Result<()> {
        let &Asked { plan, data, train, .. } = asked;
        let batch = batch_size(plan, node, own_batch)?;
        let options = transform(&plan.bases, own, data.mean.as_deref(), train)?;
        let tops: Vec<&str> = tops(node).collect();
        let mut records = open_records(data)?;
        if asked.of_pairs && serves_labels(&tops) {
            self.look_at_labels(asked, &mut records, batch)?;
        }
        if let Some((images, labels)) = &data.databases
            && asked.of_classes
            && serves_labels(&tops)
            && !data.shuffle
        {
            let place = labels.as_ref().unwrap_or(images);
            self.remark_on_classes(&mut records, place, batch)?;
        }
        self.records_for(&tops, records, options, asked, batch)
    }

    /// Serves the inputs without a data layer with the data of the run file; `declared` is the batch that one of them says.
    fn free_inputs(
        &mut self,
        asked: &Asked,
        definition: &Definition,
        free: &[&str],
        declared: Option<usize>,
    ) -> Result<()> {
        let &Asked { plan, data, train, .. } = asked;
        let crop_size = definition.crop.unwrap_or(0);
        let layer = Transform { crop_size, ..Transform::default() };
        let options = transform(&plan.bases, &layer, data.mean.as_deref(), train)?;
        let said = definition.batch_sizes[usize::from(!train)].or(declared);
        let batch = plan.batch_size.or(said).unwrap_or(DEFAULT_BATCH);
        let mut images = free.iter().enumerate().filter(|(i, input)| !is_label(input, *i));
        if let (Dialect::Caffe, Some((_, other))) = (definition.dialect, images.nth(1)) {
            return Err(Error::refused(format!(
                "the records have one image each, and the net reads another as `{other}`: give its batches with --tensors"
            )));
        }
        let mut records = open_records(data)?;
        if asked.of_pairs && serves_labels(free) {
            self.look_at_labels(asked, &mut records, batch)?;
        }
        self.records_for(free, records, options, asked, batch)?;
        if definition.dialect != Dialect::Caffe {
            self.as_for(definition.dialect, data);
        }
        Ok(())
    }

    /// Refuses a net with inputs that nothing feeds, which would be trained or tested on zeros.
    pub fn must_feed(&self, definition: &Definition, state: &NetState) -> Result<()> {
        let nodes = definition.nodes.iter().filter(|node| node.exists(state));
        let mut tops = nodes.filter(|n| matches!(n.layer, Layer::Input(_))).flat_map(|n| &n.tops);
        let fed = |name: &str| {
            self.sources.iter().any(|(_, wires)| wires.iter().any(|(input, _)| input == name))
        };
        match tops.find(|top| !fed(&top.value)) {
            Some(top) => Err(Error::refused(format!(
                "nothing feeds the input `{}`: give its batches in a file with --tensors, or its data in a run file",
                top.value
            ))),
            None => Ok(()),
        }
    }

    /// Bytes that the sources hold beside the batches that are read ahead.
    pub fn held(&self) -> u64 {
        let held =
            |(source, _): &(Source, Vec<_>)| source.held(source.batch_size().unwrap_or(self.batch));
        self.sources.iter().map(held).fold(self.foreseen, u64::saturating_add)
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

    /// The shapes that inputs will have of pairs that are not made yet.
    fn foresee(
        &mut self,
        plan: &Plan,
        definition: &Definition,
        nodes: Vec<&Node>,
        record: [usize; 3],
        train: bool,
    ) {
        let asked = definition.batch_sizes[usize::from(!train)];
        let label = label_of_pairs(definition.dialect);
        let each = on_its_way(record.iter().product(), label.iter().product());
        // Tops of layers without data are served together.
        let mut free = 0;
        for node in nodes {
            let (own, first) = match &node.layer {
                Layer::Data(layer) => (Some(layer.batch_size).filter(|&n| 0 < n), 0),
                _ => {
                    free += node.tops.len();
                    (None, free - node.tops.len())
                }
            };
            self.batch = plan.batch_size.or(own).or(asked).unwrap_or(DEFAULT_BATCH);
            self.foreseen = each.saturating_mul(self.batch) as u64;
            for (i, top) in (first..).zip(&node.tops) {
                let record = if is_label(&top.value, i) { &label[..] } else { &record[..] };
                let shape = Shape([&[self.batch][..], record].concat());
                self.shapes.insert(top.value.clone(), shape);
            }
        }
    }

    /// Refuses labels that pairs do not have, and remarks on those of a first batch that are all one.
    fn look_at_labels(&mut self, asked: &Asked, records: &mut Records, batch: usize) -> Result<()> {
        let &Asked { plan, data, .. } = asked;
        let Some((images, labels)) = &data.databases else { return Ok(()) };
        let advice = || own_labels(images, &plan.bases);
        let first = labels_of_pairs(records, (images, labels.as_deref()), batch, advice)?;
        let [one, rest @ ..] = &first[..] else { return Ok(()) };
        if FEW < rest.len() && !data.shuffle && rest.iter().all(|label| label == one) {
            let (n, place) = (first.len(), labels.as_ref().unwrap_or(images).display());
            self.remarks.push(format!(
                "the first {n} labels of {place} are all {one}; a loss of pairs learns from alike and unlike ones: mix them, \
                 or write `shuffle: true` under `train`"
            ));
        }
        Ok(())
    }

    /// Remarks on labels of classes that are all one for several batches, as those of a list that is sorted by class.
    fn remark_on_classes(
        &mut self,
        records: &mut Records,
        place: &Path,
        batch: usize,
    ) -> Result<()> {
        let first = records.first_labels(BATCHES_OF_ONE_CLASS.saturating_mul(batch))?;
        let [one, rest @ ..] = &first[..] else { return Ok(()) };
        if FEW < rest.len() && rest.iter().all(|label| label == one) {
            let (n, place) = (first.len(), place.display());
            self.remarks.push(format!(
                "the first {n} labels of {place} are all {one}, and records come in the order of the database; a net learns \
                 classes that are mixed: make it with --shuffle, or write `shuffle: true` under `train` of a run file"
            ));
        }
        Ok(())
    }

    fn records_for(
        &mut self,
        tops: &[&str],
        records: Records,
        options: TransformOptions,
        asked: &Asked,
        batch: usize,
    ) -> Result<()> {
        let order = order(asked.data.shuffle);
        let source = Source::of_records(records, options, asked.seed, order)?;
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
        self.wire(source, batch, tops(node).zip(served));
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
                _ => names.extend(tops(node)),
            }
        }
        if names.is_empty() {
            return Ok(others);
        }
        let source = Source::of_tensors(path, &names)?;
        let batch = source.batch_size().unwrap_or(1);
        if let Some(asked) = plan.batch_size.filter(|&asked| train && asked != batch) {
            return Err(Error::refused(format!(
                "`train.batch_size` is {asked}, and the batches of {} have {batch} records each",
                path.display()
            )));
        }
        self.wire(source, batch, names.iter().copied().zip(0..));
        Ok(others)
    }
}

/// Refuses what a run file says of data where a layer reads its own, and nothing else reads those of the run file.
fn beside_own_data(node: &Node, data: &DataSpec, adopted: bool) -> Result<()> {
    let about = |key: &str, instead: &str| {
        let (layer, kind) = (&node.name.value, &node.type_name.value);
        Err(Error::refused(format!(
            "`{key}` has no effect on layer `{layer}`, which reads data of its own by {kind}: {instead}"
        )))
    };
    let named = data.databases.is_some() || data.idx.is_some();
    match adopted {
        false if named => about("dataset", "leave it out, or make the layer an Input"),
        false if data.mean.is_some() => {
            about("dataset.mean", "name the mean in its `transform_param`")
        }
        _ if data.shuffle => {
            about("train.shuffle", "write `shuffle: true` into the layer, where it has that")
        }
        _ => Ok(()),
    }
}

/// The names of the tops of a layer.
fn tops(node: &Node) -> impl Iterator<Item = &str> {
    node.tops.iter().map(|top| top.value.as_str())
}

/// The shape of the label of a pair: a number for Torch, an image of one pixel for the others.
pub(super) fn label_of_pairs(dialect: Dialect) -> Vec<usize> {
    if dialect == Dialect::Torch { vec![] } else { vec![1, 1, 1] }
}

/// Labels that may be all alike by chance.
const FEW: usize = 7;

/// The batch that an input declares.
fn declared_batch(node: &Node) -> Option<usize> {
    let Layer::Input(input) = &node.layer else { return None };
    input.shapes.first()?.dims().first().copied().filter(|&n| 0 < n)
}

/// Batches that may be of one class by chance, at most.
const BATCHES_OF_ONE_CLASS: usize = 4;

/// Whether a layer learns to tell classes apart by a label for each record.
fn learns_classes(layer: &Layer) -> bool {
    matches!(layer, Layer::SoftmaxLoss(_) | Layer::ClassNllLoss(_))
}

/// Whether a layer learns from pairs, by labels that say which are alike.
fn compares_pairs(layer: &Layer) -> bool {
    use Layer::{ContrastiveLoss, CosineEmbeddingLoss, L1HingeLoss};
    matches!(layer, ContrastiveLoss(_) | CosineEmbeddingLoss(_) | L1HingeLoss(_))
}

/// Whether one of the inputs that records serve takes their labels.
fn serves_labels(inputs: &[&str]) -> bool {
    inputs.iter().enumerate().any(|(i, input)| is_label(input, i))
}

/// The labels of a first batch of pairs. Images whose labels are in a database of their own carry -1, as DIGITS writes
/// them, which losses of pairs take for a label like any other.
fn labels_of_pairs(
    records: &mut Records,
    (images, labels): (&Path, Option<&Path>),
    batch: usize,
    advice: impl Fn() -> String,
) -> Result<Vec<f32>> {
    let first = records.first_labels(batch)?;
    match labels.is_none() && !first.is_empty() && first.iter().all(|&label| label == -1.0) {
        true => {
            let why = "holds images that carry the label -1, which is none of a pair; ";
            Err(Error::format(images, why.to_owned() + &advice()))
        }
        false => Ok(first),
    }
}

/// Where the labels of pairs are, beside their images.
fn own_labels(images: &Path, bases: &[PathBuf]) -> String {
    let name = images.file_name().unwrap_or_default().to_string_lossy();
    let place = images.with_file_name(name.replace("images", "labels"));
    let shown = bases.iter().find_map(|base| place.strip_prefix(base).ok()).unwrap_or(&place);
    let shown = match place != images && place.exists() {
        true => shown.display().to_string(),
        false => "LMDB".into(),
    };
    format!(
        "the labels of pairs are in an LMDB of their own: write `labels: {shown}` beside `images`"
    )
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
