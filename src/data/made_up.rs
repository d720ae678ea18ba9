//! Serves random numbers as the records of an input: something to train a net on whose data are not at hand.

use super::source::{Serve, Source, Top, Wanted};
use crate::Result;
use crate::random::{Philox, STREAM_TRANSFORM};

/// Records of an epoch.
const RECORDS: usize = 1000;

/// Numbers from 0 to below 1, or some of `labels` if there are any. `shape` is that of one record; a record is the same
/// whenever it comes.
pub fn made_up(
    name: &str,
    shape: &[usize],
    labels: Vec<f32>,
    (seed, number): (u64, u64),
) -> Source {
    let tops = vec![Top { name: name.to_owned(), shape: shape.to_vec() }];
    Source::serving(tops, Box::new(MadeUp { labels, seed, number }))
}

/// Random numbers of input `number`.
struct MadeUp {
    labels: Vec<f32>,
    seed: u64,
    number: u64,
}

impl Serve for MadeUp {
    fn len(&self) -> usize {
        RECORDS
    }

    fn fill(&mut self, wanted: Wanted) -> Result<()> {
        for (top, buffer) in wanted.tops.iter().zip(wanted.buffers) {
            let records = buffer.chunks_mut(top.len().max(1)).take(wanted.records);
            for (i, record) in records.enumerate() {
                let at = (wanted.position + i as u64) % RECORDS as u64;
                let stream = (self.number * RECORDS as u64 + at) << 32;
                let mut random = Philox::new(self.seed, STREAM_TRANSFORM).sequence(stream);
                let n = self.labels.len() as u32;
                record.iter_mut().for_each(|x| {
                    *x = match n {
                        0 => random.uniform_f32(),
                        n => self.labels[random.below(n) as usize],
                    }
                });
            }
        }
        Ok(())
    }
}
