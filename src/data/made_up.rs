//! Serves random numbers as the records of an input: something to train a net on whose data are not at hand.

use super::source::{Serve, Source, Top, Wanted};
use crate::Result;
use crate::random::{Philox, STREAM_TRANSFORM, Sequence};

/// Records of an epoch.
const RECORDS: usize = 1000;

/// What the numbers of an input stand for.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Meaning {
    /// Anything: numbers from 0 to below 1.
    #[default]
    Anything,
    /// Some of these, at least one.
    OneOf(Vec<f32>),
    /// The objects of so many images in rows of image, class, instance, xmin, ymin, xmax, ymax (from 0 to 1), difficult.
    Objects {
        /// Images of the batch.
        images: usize,
        /// What objects may be.
        classes: Vec<f32>,
    },
    /// Regions of so many images in rows of image, x and y of the first and the last pixel.
    Regions {
        /// Images of the batch.
        images: usize,
        /// Rows and columns of an image.
        size: [usize; 2],
        /// The number of the first image.
        first: f32,
    },
    /// Rows and columns of an image, and 1 for one that is not scaled.
    Size([usize; 2]),
    /// 0 in the first row, where all sequences begin, and 1 in those that go on.
    Begins,
    /// Sequences of labels, down the rows of the batch or along each.
    Labels {
        /// The labels.
        classes: Vec<f32>,
        /// How many a sequence has.
        length: usize,
        /// What stands behind its end.
        end: f32,
        /// Whether a sequence is a column.
        down: bool,
    },
}

/// Numbers with a meaning. `shape` is that of one record; a record is the same whenever it comes.
pub fn made_up(
    name: &str,
    shape: &[usize],
    meaning: Meaning,
    (seed, number): (u64, u64),
) -> Source {
    let tops = vec![Top { name: name.to_owned(), shape: shape.to_vec() }];
    Source::serving(tops, Box::new(MadeUp { meaning, seed, number }))
}

/// Random numbers of input `number`.
struct MadeUp {
    meaning: Meaning,
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
                self.meaning.fill(i, record, &mut random);
            }
        }
        Ok(())
    }
}

impl Meaning {
    /// Fills record `at` of a batch.
    fn fill(&self, at: usize, record: &mut [f32], random: &mut Sequence) {
        let one_of =
            |some: &[f32], random: &mut Sequence| some[random.below(some.len() as u32) as usize];
        match self {
            Meaning::Anything => record.iter_mut().for_each(|x| *x = random.uniform_f32()),
            Meaning::OneOf(some) => record.iter_mut().for_each(|x| *x = one_of(some, random)),
            Meaning::Objects { images, classes } => {
                let each = record.len() / OBJECT;
                for (i, object) in record.chunks_mut(OBJECT).enumerate() {
                    let class = one_of(classes, random);
                    let [left, right] = extent(random);
                    let [top, bottom] = extent(random);
                    let image = ((at * each + i) % images) as f32;
                    let row = [image, class, 0.0, left, top, right, bottom, 0.0];
                    object.copy_from_slice(&row[..object.len()]);
                }
            }
            Meaning::Regions { images, size: [rows, columns], first } => {
                let each = record.len() / REGION;
                for (i, region) in record.chunks_mut(REGION).enumerate() {
                    let pixel = |part: f32, n: usize| (part * (n.max(1) - 1) as f32).round();
                    let [left, right] = extent(random).map(|part| pixel(part, *columns));
                    let [top, bottom] = extent(random).map(|part| pixel(part, *rows));
                    let image = first + ((at * each + i) % images) as f32;
                    region.copy_from_slice(&[image, left, top, right, bottom][..region.len()]);
                }
            }
            Meaning::Size([rows, columns]) => {
                record.fill(1.0);
                let size = [*rows as f32, *columns as f32];
                record.iter_mut().zip(size).for_each(|(x, extent)| *x = extent);
            }
            Meaning::Begins => record.fill(if at == 0 { 0.0 } else { 1.0 }),
            Meaning::Labels { classes, length, end, down } => {
                for (i, x) in record.iter_mut().enumerate() {
                    let place = if *down { at } else { i };
                    *x = if place < *length { one_of(classes, random) } else { *end };
                }
            }
        }
    }
}

/// Numbers of an object, and of a region.
const OBJECT: usize = 8;
const REGION: usize = 5;

/// Where something between 0 and 1 begins and ends: at least a fifth of all.
fn extent(random: &mut Sequence) -> [f32; 2] {
    let length = 0.2 + 0.6 * random.uniform_f32();
    let first = (1.0 - length) * random.uniform_f32();
    [first, first + length]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(meaning: &Meaning, at: usize, n: usize) -> Vec<f32> {
        let mut record = vec![f32::NAN; n];
        meaning.fill(at, &mut record, &mut Philox::new(1, STREAM_TRANSFORM).sequence(at as u64));
        record
    }

    #[test]
    fn objects_and_regions_lie_in_their_images() {
        let objects = Meaning::Objects { images: 2, classes: vec![1.0, 2.0] };
        for (i, object) in filled(&objects, 0, 40).chunks(8).enumerate() {
            let &[image, class, instance, left, top, right, bottom, difficult] = object else {
                panic!("{object:?}")
            };
            assert_eq!((image, instance, difficult), ((i % 2) as f32, 0.0, 0.0));
            assert!(class == 1.0 || class == 2.0);
            assert!(0.0 <= left && left + 0.19 < right && right <= 1.0, "{object:?}");
            assert!(0.0 <= top && top + 0.19 < bottom && bottom <= 1.0, "{object:?}");
        }
        let regions = Meaning::Regions { images: 3, size: [10, 20], first: 1.0 };
        for at in 0..6 {
            let region = filled(&regions, at, 5);
            assert_eq!(region[0], 1.0 + (at % 3) as f32);
            assert!(region[1] < region[3] && region[3] <= 19.0 && region[3].fract() == 0.0);
            assert!(region[2] < region[4] && region[4] <= 9.0);
        }
    }

    #[test]
    fn sequences_begin_once_and_labels_end() {
        assert_eq!(filled(&Meaning::Begins, 0, 2), [0.0; 2]);
        assert_eq!(filled(&Meaning::Begins, 3, 2), [1.0; 2]);
        assert_eq!(filled(&Meaning::Size([600, 800]), 0, 3), [600.0, 800.0, 1.0]);
        let labels = |down| Meaning::Labels { classes: vec![4.0], length: 2, end: -1.0, down };
        assert_eq!(filled(&labels(false), 5, 3), [4.0, 4.0, -1.0]);
        assert_eq!(filled(&labels(true), 2, 2), [-1.0; 2]);
        assert_eq!(filled(&labels(true), 1, 2), [4.0; 2]);
    }
}
