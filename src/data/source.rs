//! Turns records into batches: the values of a net's inputs, one batch after the other, without end.
//!
//! A [`Source`] starts again with the first record after the last one without telling, as Caffe's Data layer does; a
//! batch may hold the end of one epoch and the start of the next. What it serves depends on its files, options, seed and
//! [position](Source::position) alone, so a run can be resumed to the bit.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::datum::Values;
use super::images::swap_red_and_blue;
use super::records::{Records, Slot};
use super::transform::{Mean, Transform, TransformOptions, times};
use crate::random::{Philox, STREAM_SHUFFLE, STREAM_TRANSFORM};
use crate::weights::{Blob, read_feed};
use crate::{Error, Result};

/// Random words of a record start this many blocks after those of the record before.
pub(super) const BLOCKS_PER_RECORD: u64 = 16;

/// The order in which records are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they are stored.
    #[default]
    Sequential,
    /// Every epoch in another random order that follows from the seed.
    Shuffled,
}

/// One kind of value a source serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Top {
    /// `data`, `label`, or the name of a tensor.
    pub name: String,
    /// The shape of one record, without the batch axis.
    pub shape: Vec<usize>,
}

impl Top {
    /// The number of values of one record.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether a record has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Bytes that a record takes on its way into a batch: its own, and those of so many numbers of its label.
pub fn on_its_way(record: usize, labels: usize) -> usize {
    record + size_of::<f32>() * labels + size_of::<Slot>()
}

/// An endless row of batches.
pub struct Source {
    tops: Vec<Top>,
    position: u64,
    kind: Kind,
    /// For some tops what must be true of every number.
    checks: Vec<(usize, Check)>,
}

/// Why a number that is served is not wanted, if it is not.
pub type Check = Box<dyn Fn(f32) -> Option<String> + Send>;

enum Kind {
    Records(Box<RecordSource>),
    Tensors(TensorSource),
    Other(Box<dyn Serve>),
}

/// Serves batches that follow from the position alone, which counts records.
pub(super) trait Serve: Send {
    /// The number of records of an epoch.
    fn len(&self) -> usize;

    /// The most bytes that it holds, beside the batches.
    fn held(&self) -> u64 {
        0
    }

    /// Fills the buffers of a batch.
    fn fill(&mut self, wanted: Wanted) -> Result<()>;
}

/// What a batch is filled with, and where.
pub(super) struct Wanted<'a> {
    /// Records that were served before.
    pub position: u64,
    /// How many records there are to be.
    pub records: usize,
    /// What is served.
    pub tops: &'a [Top],
    /// One for each of the first tops.
    pub buffers: &'a mut [&'a mut [f32]],
}

struct RecordSource {
    records: Records,
    transform: Transform,
    /// Bytes of a record on its way into a batch.
    each: usize,
    seed: u64,
    turns: Turns,
    /// Records that are passed over before the first one served.
    skip: u64,
    slots: Vec<Slot>,
    /// Whether records may have other shapes than the first.
    varies: bool,
    /// The position whose record lies in the first slot already.
    ready: Option<u64>,
    conventions: Conventions,
}

/// Whose turn it is, in epochs of records that are shuffled or not.
pub(super) struct Turns {
    seed: u64,
    order: Order,
    /// The order of one epoch; empty before the first shuffled record.
    permutation: Vec<u32>,
    permuted_epoch: Option<u64>,
}

/// What frameworks other than Caffe expect of records.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conventions {
    /// Images of three channels of bytes come red first, not blue first.
    pub red_first: bool,
    /// Added to every label.
    pub label_offset: f32,
}

struct TensorSource {
    path: PathBuf,
    /// For each top all batches, one after the other.
    tensors: Vec<Blob>,
    batches: u64,
    batch_size: usize,
}

impl Source {
    /// Serves records as `data` and their labels as `label`. The position counts records.
    pub fn of_records(
        mut records: Records,
        options: TransformOptions,
        seed: u64,
        order: Order,
    ) -> Result<Self> {
        let mut slot = Slot::default();
        if records.is_empty() {
            return Err(records.error(&slot, "is needed, but there is none"));
        }
        if u32::try_from(records.len()).is_err() {
            return Err(records.error(&slot, "would be number 2^32; fewer are allowed"));
        }
        if order == Order::Shuffled {
            records.prepare_random_access()?;
        }
        records.fetch(0, &mut slot)?;
        let stored = slot.record.bytes();
        let transform = options
            .prepare(&mut slot.record)
            .and_then(|()| Transform::new(options, slot.record.shape()))
            .map_err(|message| records.error(&slot, &format!("cannot be used: {message}")))?;
        let tops = vec![
            Top { name: "data".into(), shape: transform.output_shape().to_vec() },
            Top { name: "label".into(), shape: records.label_shape() },
        ];
        let each = on_its_way(stored.max(slot.record.bytes()), slot.label.len());
        let source = RecordSource {
            records,
            transform,
            each,
            seed,
            turns: Turns::new(order, seed),
            skip: 0,
            slots: vec![],
            varies: false,
            ready: None,
            conventions: Conventions::default(),
        };
        Ok(Source { tops, position: 0, kind: Kind::Records(Box::new(source)), checks: vec![] })
    }

    /// Serves the tensors called `names` of a safetensors file of batches, in that order; all if there are no names.
    ///
    /// A tensor has the shape `[batches, batch size, …]`; batch k is slice k mod `batches`. The position counts batches.
    pub fn of_tensors(path: &Path, names: &[&str]) -> Result<Self> {
        let mut all = read_feed(path)?;
        let names: Vec<String> = match names {
            [] => all.keys().cloned().collect(),
            names => names.iter().map(|&name| name.to_owned()).collect(),
        };
        let wrong = |message: String| Error::format(path, message);
        let (mut tops, mut tensors, mut first) = (vec![], vec![], None);
        for name in names {
            let Some(blob) = all.remove(&name) else {
                return Err(wrong(format!("has no tensor `{name}`")));
            };
            let [batches, size, ref shape @ ..] = blob.shape[..] else {
                let shape = times(&blob.shape);
                return Err(wrong(format!(
                    "tensor `{name}` of shape {shape} has no axes for batches"
                )));
            };
            if *first.get_or_insert((batches, size)) != (batches, size) || batches == 0 {
                let message =
                    format!("tensor `{name}` holds {batches} batches of {size}, unlike the first");
                return Err(wrong(message));
            }
            tops.push(Top { name, shape: shape.to_vec() });
            tensors.push(blob);
        }
        let (batches, batch_size) = first.ok_or_else(|| wrong("holds no tensors".into()))?;
        let path = path.to_owned();
        let kind =
            Kind::Tensors(TensorSource { path, tensors, batches: batches as u64, batch_size });
        Ok(Source { tops, position: 0, kind, checks: vec![] })
    }

    /// Serves records by other conventions; batches of tensors are served as they are.
    #[must_use]
    pub fn with_conventions(mut self, conventions: Conventions) -> Self {
        if let Kind::Records(source) = &mut self.kind {
            source.conventions = conventions;
        }
        self
    }

    /// Refuses batches in which a number of a top is not wanted, naming the record.
    pub fn watch(&mut self, top: usize, check: Check) {
        self.checks.push((top, check));
    }

    /// Serves what another module makes.
    pub(super) fn serving(tops: Vec<Top>, served: Box<dyn Serve>) -> Self {
        Source { tops, position: 0, kind: Kind::Other(served), checks: vec![] }
    }

    /// Begins with a record drawn at random from the first `below` of the order, as Caffe's `rand_skip`; the position
    /// still counts from 0. Sources that are not of records stay as they are.
    ///
    /// # Errors
    /// There are not that many records.
    pub fn skip_randomly(&mut self, below: usize) -> Result<()> {
        let Kind::Records(source) = &mut self.kind else { return Ok(()) };
        source.skip = skipped(source.seed, below, source.records.len())?;
        Ok(())
    }

    /// Lets records, served one by one, have shapes of their own, as Caffe's Data layer does with batches of one.
    pub fn vary(&mut self) {
        if let Kind::Records(source) = &mut self.kind {
            source.varies = true;
        }
    }

    /// Reads the next record where its shape may be another than the last one's; after that [`tops`](Self::tops) have it.
    ///
    /// # Errors
    /// The record cannot be read, or cannot be used.
    pub fn look_ahead(&mut self) -> Result<()> {
        let Kind::Records(source) = &mut self.kind else { return Ok(()) };
        if source.varies {
            source.look_ahead(self.position, &mut self.tops)?;
        }
        Ok(())
    }

    /// What is served, in the order of the buffers of [`next_batch`](Self::next_batch).
    pub fn tops(&self) -> &[Top] {
        &self.tops
    }

    /// The number of records, after which the source starts again.
    pub fn len(&self) -> usize {
        match &self.kind {
            Kind::Records(source) => source.records.len(),
            Kind::Tensors(source) => source.batch_size * source.batches as usize,
            Kind::Other(source) => source.len(),
        }
    }

    /// Bytes of memory that batches of so many records take beside themselves: data that are read at once, records on their
    /// way, the order of an epoch.
    pub fn held(&self, batch: usize) -> u64 {
        match &self.kind {
            Kind::Records(source) => source.held(batch),
            Kind::Tensors(source) => {
                source.tensors.iter().map(|tensor| size_of_val(&tensor.data[..]) as u64).sum()
            }
            Kind::Other(source) => source.held(),
        }
    }

    /// Whether there are no records, which [`of_records`](Self::of_records) refuses.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The batch size, if the source dictates one.
    pub fn batch_size(&self) -> Option<usize> {
        match &self.kind {
            Kind::Records(_) | Kind::Other(_) => None,
            Kind::Tensors(source) => Some(source.batch_size),
        }
    }

    /// How much has been served since the start, to be given to [`seek`](Self::seek) of an equal source.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Goes on as if `position` had been served.
    pub fn seek(&mut self, position: u64) {
        self.position = position;
    }

    /// Fills one buffer a top, in the order of [`tops`](Self::tops), each of `batch` times the top's length; later tops may be
    /// left out. Nothing is allocated after the first batch of a size unless images must be decoded.
    pub fn next_batch<B: AsMut<[f32]>>(&mut self, batch: usize, buffers: &mut [B]) -> Result<()> {
        if self.tops.len() < buffers.len() {
            let (n, served) = (buffers.len(), self.tops.len());
            return Err(Error::refused(format!(
                "{n} inputs are to be filled, but there are {served}"
            )));
        }
        for (top, buffer) in self.tops.iter().zip(buffers.iter_mut()) {
            let (found, expected) = (buffer.as_mut().len(), batch * top.len());
            if found != expected {
                let (name, shape) = (&top.name, times(&top.shape));
                return Err(Error::refused(format!(
                    "input `{name}` has {found} values, but {batch} records of shape {shape} have {expected}"
                )));
            }
        }
        let position = self.position;
        match &mut self.kind {
            Kind::Records(source) => {
                source.next_batch(position, batch, &self.tops, buffers)?;
                self.position = position.wrapping_add(batch as u64);
            }
            Kind::Tensors(source) => {
                source.next_batch(position, batch, buffers)?;
                self.position = position.wrapping_add(1);
            }
            Kind::Other(source) => {
                let mut slices: Vec<&mut [f32]> = buffers.iter_mut().map(AsMut::as_mut).collect();
                let (records, tops, buffers) = (batch, &self.tops[..], &mut slices[..]);
                source.fill(Wanted { position, records, tops, buffers })?;
                self.position = position.wrapping_add(records as u64);
            }
        }
        for (top, check) in &self.checks {
            let Some(values) = buffers.get_mut(*top) else { continue };
            let mut values = values.as_mut().iter().enumerate();
            let wrong = values.find_map(|(at, &x)| Some((at, x, check(x)?)));
            if let Some((at, x, why)) = wrong {
                let record = at / self.tops[*top].len().max(1);
                return Err(self.complaint(position, record, x, &why));
            }
        }
        Ok(())
    }

    /// A complaint about a label of a record of the batch that was served at a position.
    fn complaint(&self, position: u64, record: usize, label: f32, why: &str) -> Error {
        match &self.kind {
            Kind::Records(source) => {
                let offset = source.conventions.label_offset;
                let shown = match offset == 0.0 {
                    true => format!("has the label {label}"),
                    false => format!("has the label {}, which becomes {label}", label - offset),
                };
                source.records.error(&source.slots[record], &format!("{shown}: {why}"))
            }
            Kind::Tensors(source) => {
                let batch = position % source.batches;
                let message =
                    format!("record {record} of batch {batch} has the label {label}: {why}");
                Error::format(&source.path, message)
            }
            Kind::Other(_) => Error::refused(format!("a record has the label {label}: {why}")),
        }
    }
}

impl RecordSource {
    fn held(&self, batch: usize) -> u64 {
        let order = self.turns.held(self.records.len());
        let mean = match &self.transform.options().mean {
            Mean::Image(blob) => size_of_val(&blob.data[..]),
            Mean::None | Mean::Values(_) => 0,
        };
        let here = self.each.saturating_mul(batch).saturating_add(order + mean);
        self.records.held().saturating_add(here as u64)
    }

    /// Reads the record at a position into the first slot and takes its shapes over.
    fn look_ahead(&mut self, position: u64, tops: &mut [Top]) -> Result<()> {
        if self.slots.is_empty() {
            self.slots.push(Slot::default());
        }
        let n = self.turns.number(position.wrapping_add(self.skip), self.records.len());
        let slot = &mut self.slots[0];
        self.records.fetch(n, slot)?;
        let mut shape = |slot: &mut Slot| {
            self.transform.prepare(&mut slot.record)?;
            self.transform.suit(slot.record.shape())
        };
        shape(slot).map_err(|message| self.records.error(&self.slots[0], &message))?;
        let shapes = [self.transform.output_shape().to_vec(), self.records.label_shape()];
        for (top, shape) in tops.iter_mut().zip(shapes) {
            top.shape = shape;
        }
        self.ready = Some(position);
        Ok(())
    }

    fn next_batch<B: AsMut<[f32]>>(
        &mut self,
        position: u64,
        batch: usize,
        tops: &[Top],
        buffers: &mut [B],
    ) -> Result<()> {
        if self.slots.len() < batch {
            self.slots.resize_with(batch, Slot::default);
        }
        let mut slots = std::mem::take(&mut self.slots);
        let result = self.fill(position, &mut slots[..batch], tops, buffers);
        self.slots = slots;
        result
    }

    fn fill<B: AsMut<[f32]>>(
        &mut self,
        position: u64,
        slots: &mut [Slot],
        tops: &[Top],
        buffers: &mut [B],
    ) -> Result<()> {
        let ready = self.ready.take() == Some(position);
        for (i, slot) in slots.iter_mut().enumerate().skip(usize::from(ready)) {
            let served = position.wrapping_add(i as u64).wrapping_add(self.skip);
            let n = self.turns.number(served, self.records.len());
            self.records.fetch(n, slot)?;
        }
        let mut buffers = buffers.iter_mut().zip(tops);
        if let Some((data, top)) = buffers.next() {
            self.fill_data(position, slots, data.as_mut(), top.len())?;
            if self.conventions.red_first && top.shape.first() == Some(&3) {
                for (slot, image) in slots.iter().zip(data.as_mut().chunks_exact_mut(top.len())) {
                    if matches!(slot.record.values(), Values::Bytes(_)) {
                        swap_red_and_blue(image);
                    }
                }
            }
        }
        if let Some((labels, top)) = buffers.next() {
            for (slot, target) in slots.iter().zip(labels.as_mut().chunks_exact_mut(top.len())) {
                let checked = slot.check_label(&top.shape);
                checked.map_err(|message| self.records.error(slot, &message))?;
                target.copy_from_slice(&slot.label);
                target.iter_mut().for_each(|label| *label += self.conventions.label_offset);
            }
        }
        Ok(())
    }

    fn fill_data(
        &self,
        position: u64,
        slots: &mut [Slot],
        data: &mut [f32],
        len: usize,
    ) -> Result<()> {
        let random = Philox::new(self.seed, STREAM_TRANSFORM);
        let transform = &self.transform;
        let apply = |i: usize, slot: &mut Slot, target: &mut [f32]| {
            let served = position.wrapping_add(i as u64);
            let mut random = random.sequence(served.wrapping_mul(BLOCKS_PER_RECORD));
            let prepared = transform.prepare(&mut slot.record);
            let applied =
                prepared.and_then(|()| transform.apply(&slot.record, &mut random, target));
            applied.err().map(|message| (i, message))
        };
        let failed = if slots.iter().any(|slot| slot.record.is_encoded()) {
            let work = slots.par_iter_mut().zip(data.par_chunks_exact_mut(len)).enumerate();
            work.filter_map(|(i, (slot, target))| apply(i, slot, target))
                .min_by_key(|failed| failed.0)
        } else {
            let mut work = slots.iter_mut().zip(data.chunks_exact_mut(len)).enumerate();
            work.find_map(|(i, (slot, target))| apply(i, slot, target))
        };
        failed.map_or(Ok(()), |(i, message)| Err(self.records.error(&slots[i], &message)))
    }
}

/// How many records `rand_skip: below` passes over, of so many that there are.
///
/// # Errors
/// There are not that many records.
pub(super) fn skipped(seed: u64, below: usize, records: usize) -> Result<u64> {
    if records < below {
        let message = format!("rand_skip is {below}, but there are {records} records");
        return Err(Error::refused(message));
    }
    Ok(Philox::new(seed, STREAM_SHUFFLE + 1).sequence(0).below(below as u32).into())
}

impl Turns {
    /// Bytes that an order of so many records takes.
    pub(super) fn held(&self, records: usize) -> usize {
        match self.order {
            Order::Sequential => 0,
            Order::Shuffled => size_of::<u32>() * records,
        }
    }

    /// Turns from the first epoch on.
    pub fn new(order: Order, seed: u64) -> Self {
        Turns { seed, order, permutation: vec![], permuted_epoch: None }
    }

    /// The number of the record that is served after `served` others, of `len` in an epoch.
    pub fn number(&mut self, served: u64, len: usize) -> usize {
        let (epoch, within) = (served / len as u64, (served % len as u64) as usize);
        if self.order == Order::Sequential {
            return within;
        }
        if self.permuted_epoch != Some(epoch) {
            self.permutation.clear();
            self.permutation.extend(0..len as u32);
            let random = Philox::new(self.seed, STREAM_SHUFFLE);
            random.sequence(epoch << 32).shuffle(&mut self.permutation);
            self.permuted_epoch = Some(epoch);
        }
        self.permutation[within] as usize
    }
}

impl TensorSource {
    fn next_batch<B: AsMut<[f32]>>(
        &self,
        position: u64,
        batch: usize,
        buffers: &mut [B],
    ) -> Result<()> {
        if batch != self.batch_size {
            let message = format!("holds batches of {}, not of {batch}", self.batch_size);
            return Err(Error::format(&self.path, message));
        }
        let k = (position % self.batches) as usize;
        for (tensor, buffer) in self.tensors.iter().zip(buffers) {
            let buffer = buffer.as_mut();
            buffer.copy_from_slice(&tensor.data[k * buffer.len()..][..buffer.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
