//! Fills batches on another thread while the net works on earlier ones.
//!
//! A fixed ring of buffers goes round between the two threads; the batches are those of the [`Source`], bit for bit and in
//! its order, and nothing is allocated once the ring is full.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::source::{Source, Top};
use crate::{Error, Result};

/// A batch in one of the ring's buffers.
#[derive(Debug)]
pub struct Batch {
    /// One buffer a top of the source, each of batch size times the top's length.
    pub tops: Vec<Vec<f32>>,
    /// The shapes of a record's tops, which differ from batch to batch where the [source varies](Source::vary).
    pub shapes: Vec<Vec<usize>>,
    position: u64,
}

impl Batch {
    /// Gives the buffers the lengths of batches of these tops.
    fn suit(&mut self, batch: usize, tops: &[Top]) {
        for ((buffer, shape), top) in self.tops.iter_mut().zip(&mut self.shapes).zip(tops) {
            if *shape != top.shape {
                buffer.resize(batch * top.len(), 0.0);
                shape.clone_from(&top.shape);
            }
        }
    }
}

/// A source whose batches are made ahead.
pub struct Prefetcher {
    /// Batches that wait for the net; `None` once the thread is being stopped.
    full: Option<Receiver<Result<Batch>>>,
    empty: Option<SyncSender<Batch>>,
    lent: Option<Batch>,
    /// The thread gives the source back when it ends.
    thread: Option<JoinHandle<Source>>,
    position: u64,
    batch: usize,
    ahead: usize,
}

impl Prefetcher {
    /// Starts making batches of `batch` records from the source's position on; at most `ahead` (at least 1) wait at a time.
    pub fn new(source: Source, batch: usize, ahead: usize) -> Result<Self> {
        let ahead = ahead.max(1);
        let position = source.position();
        let (give_full, full) = sync_channel(ahead);
        // One more buffer than wait: the one the net is working on.
        let (empty, take_empty) = sync_channel(ahead + 1);
        for _ in 0..=ahead {
            let tops = source.tops().iter();
            let shapes = tops.clone().map(|top| top.shape.clone()).collect();
            let buffers = tops.map(|top| vec![0.0; batch * top.len()]).collect();
            // Both ends are in this function, and there is room for all of them.
            let _ = empty.send(Batch { tops: buffers, shapes, position: 0 });
        }
        let thread = std::thread::Builder::new()
            .name("prefetch".into())
            .spawn(move || fill(source, batch, take_empty, give_full))
            .map_err(|e| Error::refused(format!("cannot start a thread for the data: {e}")))?;
        let (full, empty, thread) = (Some(full), Some(empty), Some(thread));
        Ok(Prefetcher { full, empty, lent: None, thread, position, batch, ahead })
    }

    /// The next batch, waiting for it if need be. After an error there are no more batches.
    pub fn next_batch(&mut self) -> Result<&Batch> {
        if let (Some(empty), Some(batch)) = (&self.empty, self.lent.take()) {
            // A thread that ended has left its reason in the other channel.
            let _ = empty.send(batch);
        }
        let received = self.full.as_ref().and_then(|full| full.recv().ok());
        let stopped = || Error::refused("there are no more batches after an error in the data");
        let batch = received.ok_or_else(stopped)??;
        self.position = batch.position;
        Ok(self.lent.insert(batch))
    }

    /// The batch that was handed out last.
    pub fn current(&self) -> Option<&Batch> {
        self.lent.as_ref()
    }

    /// The [position](Source::position) after the batches handed out so far, however many have been made ahead.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Starts again from the source's first record; what was made ahead is dropped.
    pub fn rewind(&mut self) -> Result<()> {
        if self.position == 0 {
            return Ok(());
        }
        let stopped = || Error::refused("the thread that read the data has ended");
        let mut source = self.stop().ok_or_else(stopped)?;
        source.seek(0);
        *self = Prefetcher::new(source, self.batch, self.ahead)?;
        Ok(())
    }

    /// Ends the thread, if it still runs, and takes the source back.
    fn stop(&mut self) -> Option<Source> {
        // Closing both channels ends the thread at its next send or receive.
        self.full = None;
        self.empty = None;
        // A panic of the thread was reported when it happened.
        self.thread.take()?.join().ok()
    }
}

impl Drop for Prefetcher {
    fn drop(&mut self) {
        self.stop();
    }
}

fn fill(
    mut source: Source,
    batch: usize,
    empty: Receiver<Batch>,
    full: SyncSender<Result<Batch>>,
) -> Source {
    while let Ok(mut buffers) = empty.recv() {
        let filled = source.look_ahead().and_then(|()| {
            buffers.suit(batch, source.tops());
            source.next_batch(batch, &mut buffers.tops)
        });
        buffers.position = source.position();
        let failed = filled.is_err();
        if full.send(filled.map(|()| buffers)).is_err() || failed {
            break;
        }
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::datum::Record;
    use crate::data::records::Records;
    use crate::data::source::Order;
    use crate::data::transform::TransformOptions;

    fn source(records: Vec<Record>) -> Source {
        let options = TransformOptions { mirror: true, ..TransformOptions::default() };
        Source::of_records(Records::in_memory(records), options, 5, Order::Shuffled).unwrap()
    }

    fn records() -> Vec<Record> {
        let record = |i| Record::of_bytes([1, 1, 3], vec![i, i + 1, i + 2], i.into()).unwrap();
        (0..23).map(record).collect()
    }

    #[test]
    fn same_batches_as_without() {
        let mut direct = source(records());
        let mut ahead = Prefetcher::new(source(records()), 4, 3).unwrap();
        let mut addresses = vec![];
        for _ in 0..40 {
            let mut expected = [vec![0.0; 12], vec![0.0; 4]];
            direct.next_batch(4, &mut expected).unwrap();
            let batch = ahead.next_batch().unwrap();
            assert_eq!(batch.tops, expected);
            addresses.push(batch.tops[0].as_ptr());
            assert_eq!(ahead.position(), direct.position());
        }
        addresses.sort_unstable();
        addresses.dedup();
        assert!(addresses.len() <= 4, "{} buffers", addresses.len());
    }

    #[test]
    fn resumes_behind_the_last_batch_handed_out() {
        let mut ahead = Prefetcher::new(source(records()), 5, 2).unwrap();
        for _ in 0..9 {
            ahead.next_batch().unwrap();
        }
        let mut resumed = source(records());
        resumed.seek(ahead.position());
        let mut resumed = Prefetcher::new(resumed, 5, 4).unwrap();
        for _ in 0..9 {
            assert_eq!(ahead.next_batch().unwrap().tops, resumed.next_batch().unwrap().tops);
        }
    }

    #[test]
    fn records_have_shapes_of_their_own() {
        let sizes = [[2, 3], [2, 3], [4, 1], [1, 5]];
        let record = |(i, [rows, columns]): (usize, [usize; 2])| {
            Record::of_bytes([1, rows, columns], vec![i as u8; rows * columns], i as i32).unwrap()
        };
        let records = || sizes.into_iter().enumerate().map(record).collect();
        let source = |options| {
            let records = Records::in_memory(records());
            let mut source = Source::of_records(records, options, 5, Order::Sequential).unwrap();
            source.vary();
            source
        };
        let mut ahead = Prefetcher::new(source(TransformOptions::default()), 1, 2).unwrap();
        for n in 0..9 {
            let i = n % sizes.len();
            let [rows, columns] = sizes[i];
            let batch = ahead.next_batch().unwrap();
            assert_eq!(batch.shapes, [vec![1, rows, columns], vec![]]);
            assert_eq!(batch.tops, [vec![i as f32; rows * columns], vec![i as f32]]);
            assert_eq!(ahead.position(), n as u64 + 1);
        }
        let cropping = TransformOptions { crop: Some(2), ..TransformOptions::default() };
        let mut ahead = Prefetcher::new(source(cropping), 1, 1).unwrap();
        assert!(ahead.next_batch().is_ok() && ahead.next_batch().is_ok());
        let error = ahead.next_batch().unwrap_err().to_string();
        assert!(error.contains("crop_size 2 does not fit into records of 4x1"), "{error}");
    }

    #[test]
    fn rewinds_to_the_first_batch() {
        let mut ahead = Prefetcher::new(source(records()), 5, 2).unwrap();
        let first: Vec<_> = (0..3).map(|_| ahead.next_batch().unwrap().tops.clone()).collect();
        ahead.rewind().unwrap();
        assert_eq!(ahead.position(), 0);
        let again: Vec<_> = (0..3).map(|_| ahead.next_batch().unwrap().tops.clone()).collect();
        assert_eq!(first, again);
        assert_eq!(ahead.position(), 15);
    }

    #[test]
    fn errors_arrive_in_their_place() {
        let mut broken = records();
        broken.push(Record::of_bytes([1, 1, 2], vec![0, 0], 0).unwrap());
        let sequential = |records| {
            let options = TransformOptions::default();
            Source::of_records(Records::in_memory(records), options, 0, Order::Sequential).unwrap()
        };
        let mut ahead = Prefetcher::new(sequential(broken), 12, 2).unwrap();
        assert!(ahead.next_batch().is_ok());
        let error = ahead.next_batch().unwrap_err().to_string();
        assert_eq!(error, "a record has the shape 1x1x2, the first record 1x1x3");
        assert!(ahead.next_batch().unwrap_err().to_string().contains("no more batches"));
    }
}
