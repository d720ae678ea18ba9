//! Turns a list of images and of what their pixels show into batches in which both are cut out at the same place and
//! mirrored together, as the data layer of DeepLab's fork of Caffe does it.

use rayon::prelude::*;

use super::datum::{Record, Values};
use super::image_pairs::ImagePairs;
use super::source::{BLOCKS_PER_RECORD, Order, Serve, Source, Top, Turns, Wanted, skipped};
use super::transform::{Mean, TransformOptions, times};
use crate::random::{Philox, STREAM_TRANSFORM, Sequence};
use crate::{Error, Result};

/// The part of an image that is served.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Its rows and columns; none takes the whole image, and then all must have the size of the first.
    pub size: Option<[usize; 2]>,
    /// The label of what lies beyond an image that is smaller than the part.
    pub beyond: u8,
}

struct Segmented {
    list: ImagePairs,
    options: TransformOptions,
    /// One for each channel.
    means: Vec<f32>,
    /// Rows and columns of what is served.
    size: [usize; 2],
    cut: Cut,
    turns: Turns,
    skip: u64,
    seed: u64,
}

impl Source {
    /// Serves images as `data`, what their pixels show as `label`, and the rows and columns of the images as `data_dim`. The
    /// position counts images. `turns` are their order, and how many of the first are passed over at most.
    ///
    /// # Errors
    /// The first image cannot be read, or the options do not fit it.
    pub fn of_segmented(
        list: ImagePairs,
        options: TransformOptions,
        cut: Cut,
        turns: (Order, usize),
        seed: u64,
    ) -> Result<Self> {
        let (order, below) = turns;
        let skip = skipped(seed, below, list.len())?;
        let (line, bytes) = list.image(0)?;
        let mut record = Record::default();
        record.set_encoded(bytes, 0);
        let failed = |message: String| list.error(line, &format!("the image {message}"));
        options.prepare(&mut record).map_err(failed)?;
        let [channels, height, width] = record.shape();
        let means = match &options.mean {
            Mean::Values(values) if values.len() == channels => values.clone(),
            Mean::Values(values) if values.len() == 1 => vec![values[0]; channels],
            Mean::Values(values) => {
                let n = values.len();
                return Err(failed(format!(
                    "has {channels} channels, for which there are {n} means"
                )));
            }
            _ => vec![0.0; channels],
        };
        let size = cut.size.unwrap_or([height, width]);
        let [rows, columns] = size;
        let top = |name: &str, shape: &[usize]| Top { name: name.into(), shape: shape.to_vec() };
        let tops = vec![
            top("data", &[channels, rows, columns]),
            top("label", &[1, rows, columns]),
            top("data_dim", &[1, 1, 2]),
        ];
        let turns = Turns::new(order, seed);
        let served = Segmented { list, options, means, size, cut, turns, skip, seed };
        Ok(Source::serving(tops, Box::new(served)))
    }
}

/// An image on its way into a batch.
struct Loaded {
    record: Record,
    /// Rows and columns of its file.
    stored: [usize; 2],
    labels: Vec<f32>,
}

impl Segmented {
    fn load(&self, n: usize) -> Result<Loaded> {
        let (line, bytes) = self.list.image(n)?;
        let failed = |message: String| self.list.error(line, &format!("the image {message}"));
        let mut record = Record::default();
        record.set_encoded(bytes, 0);
        record.decode(self.options.colour).map_err(failed)?;
        let [_, rows, columns] = record.shape();
        self.options.resize.map_or(Ok(()), |size| record.resize(size)).map_err(failed)?;
        let [channels, height, width] = record.shape();
        if self.cut.size.is_none() && [height, width] != self.size {
            let (found, first) = (times(&[height, width]), times(&self.size));
            return Err(failed(format!(
                "has {found} pixels, the first one {first}; cut them by `crop_size`"
            )));
        }
        if channels != self.means.len() {
            let first = self.means.len();
            return Err(failed(format!("has {channels} channels, the first one {first}")));
        }
        let (size, labels) = self.list.labels(n, [height, width])?;
        if size != [height, width] {
            let (found, labelled) = (times(&[height, width]), times(&size));
            return Err(failed(format!("has {found} pixels, its labels {labelled}")));
        }
        Ok(Loaded { record, stored: [rows, columns], labels })
    }

    /// Writes a part of an image and of its labels.
    fn cut(&self, from: &Loaded, random: &mut Sequence, data: &mut [f32], labels: &mut [f32]) {
        let [_, height, width] = from.record.shape();
        let [rows, columns] = self.size;
        let mirror = self.options.mirror && random.below(2) == 1;
        let spare = [height.max(rows) - rows, width.max(columns) - columns];
        let [top, left] = match self.options.train {
            true => spare.map(|spare| random.below(spare as u32 + 1) as usize),
            false => spare.map(|spare| spare / 2),
        };
        let place = |i: usize, j: usize| {
            let (row, column) = (top + i, left + j);
            (row < height && column < width).then_some(row * width + column)
        };
        for (i, line) in labels.chunks_exact_mut(columns).enumerate() {
            for (j, label) in line.iter_mut().enumerate() {
                *label = place(i, j).map_or(f32::from(self.cut.beyond), |at| from.labels[at]);
            }
        }
        let plane = height * width;
        let value = |at: usize| match from.record.values() {
            Values::Bytes(bytes) => f32::from(bytes[at]),
            Values::Floats(floats) => floats[at],
        };
        for (k, line) in data.chunks_exact_mut(columns).enumerate() {
            let (channel, i) = (k / rows, k % rows);
            for (j, x) in line.iter_mut().enumerate() {
                let at = place(i, j).map(|at| channel * plane + at);
                *x = at.map_or(0.0, |at| (value(at) - self.means[channel]) * self.options.scale);
            }
        }
        if mirror {
            data.chunks_exact_mut(columns).for_each(<[f32]>::reverse);
            labels.chunks_exact_mut(columns).for_each(<[f32]>::reverse);
        }
    }
}

impl Serve for Segmented {
    fn len(&self) -> usize {
        self.list.len()
    }

    fn held(&self) -> u64 {
        (self.list.held() + self.turns.held(self.list.len())) as u64
    }

    fn fill(&mut self, wanted: Wanted) -> Result<()> {
        let Wanted { position, records, tops, buffers } = wanted;
        let len = self.list.len();
        let served = |i: usize| position.wrapping_add(i as u64);
        let numbers: Vec<usize> = (0..records)
            .map(|i| self.turns.number(served(i).wrapping_add(self.skip), len))
            .collect();
        let mut spare = vec![0.0; records * tops[1].len()];
        let (data, rest) = buffers.split_first_mut().ok_or_else(|| Error::refused("no inputs"))?;
        let (labels, dims) = match rest {
            [] => (&mut spare[..], None),
            [labels, dims @ ..] => (&mut labels[..], dims.first_mut()),
        };
        let this = &*self;
        let work = data
            .par_chunks_exact_mut(tops[0].len())
            .zip(labels.par_chunks_exact_mut(tops[1].len()));
        let stored: Vec<Result<[usize; 2]>> = work
            .enumerate()
            .map(|(i, (data, labels))| {
                let loaded = this.load(numbers[i])?;
                let random = Philox::new(this.seed, STREAM_TRANSFORM);
                let mut random = random.sequence(served(i).wrapping_mul(BLOCKS_PER_RECORD));
                this.cut(&loaded, &mut random, data, labels);
                Ok(loaded.stored)
            })
            .collect();
        let stored: Vec<[usize; 2]> = stored.into_iter().collect::<Result<_>>()?;
        if let Some(dims) = dims {
            let kept =
                |[rows, columns]: [usize; 2]| [rows.min(self.size[0]), columns.min(self.size[1])];
            for (of, stored) in dims.chunks_exact_mut(2).zip(stored) {
                of.copy_from_slice(&kept(stored).map(|extent| extent as f32));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::images::Image;
    use crate::layers::image_seg_data::LabelType;

    /// A list of one image of 2 x 3 pixels, 10, 20 ... 60, whose labels are 1, 2 ... 6.
    fn list(folder: &std::path::Path, line: &str, label_type: LabelType) -> Result<ImagePairs> {
        let image = |values: Vec<u8>| Image::new(1, 2, 3, values).unwrap().to_png().unwrap();
        std::fs::write(folder.join("i.png"), image((1..7).map(|i| i * 10).collect())).unwrap();
        std::fs::write(folder.join("l.png"), image((1..7).collect())).unwrap();
        std::fs::write(folder.join("list.txt"), line).unwrap();
        let root = format!("{}/", folder.display());
        ImagePairs::read_as(&folder.join("list.txt"), &root, (label_type, 255), None, 1)
    }

    fn options() -> TransformOptions {
        let mean = Mean::Values(vec![10.0]);
        TransformOptions { scale: 0.1, mean, ..TransformOptions::default() }
    }

    fn one(source: &mut Source) -> Vec<Vec<f32>> {
        let mut buffers: Vec<Vec<f32>> = source.tops().iter().map(|t| vec![9.0; t.len()]).collect();
        source.next_batch(1, &mut buffers).unwrap();
        buffers
    }

    #[test]
    fn what_lies_beyond_the_image() {
        let folder = tempfile::tempdir().unwrap();
        let list = list(folder.path(), "i.png l.png\n", LabelType::Pixels).unwrap();
        let cut = Cut { size: Some([3, 2]), beyond: 255 };
        let turns = (Order::Sequential, 0);
        let mut source = Source::of_segmented(list, options(), cut, turns, 1).unwrap();
        let [data, labels, dims] = &one(&mut source)[..] else { panic!() };
        assert_eq!(data[..], [0.0, 1.0, 3.0, 4.0, 0.0, 0.0]);
        assert_eq!(labels[..], [1.0, 2.0, 4.0, 5.0, 255.0, 255.0]);
        assert_eq!(dims[..], [2.0, 2.0]);
    }

    #[test]
    fn images_and_labels_move_together() {
        let folder = tempfile::tempdir().unwrap();
        let list = list(folder.path(), "i.png l.png\n", LabelType::Pixels).unwrap();
        let cut = Cut { size: Some([1, 2]), beyond: 255 };
        let options = TransformOptions { mirror: true, train: true, ..options() };
        let mut source = Source::of_segmented(list, options, cut, (Order::Shuffled, 1), 1).unwrap();
        let mut seen = vec![];
        for _ in 0..200 {
            let [data, labels, _] = &one(&mut source)[..] else { panic!() };
            assert!(data.iter().zip(labels).all(|(x, l)| (x - (l - 1.0)).abs() < 1e-6));
            seen.push(labels.iter().map(|&l| l as u8).collect::<Vec<_>>());
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen, [[1, 2], [2, 1], [2, 3], [3, 2], [4, 5], [5, 4], [5, 6], [6, 5]]);
    }

    #[test]
    fn labels_of_whole_images_and_of_none() {
        let folder = tempfile::tempdir().unwrap();
        let whole = Cut { size: None, beyond: 255 };
        for (line, label_type, label) in
            [("i.png 7", LabelType::Whole, 7.0), ("i.png more words", LabelType::Nothing, 255.0)]
        {
            let list = list(folder.path(), line, label_type).unwrap();
            let turns = (Order::Sequential, 0);
            let mut source = Source::of_segmented(list, options(), whole, turns, 1).unwrap();
            let served = one(&mut source);
            assert_eq!(served[1], [label; 6]);
            assert_eq!(served[2], [2.0, 3.0]);
        }
        let error = list(folder.path(), "i.png cat", LabelType::Whole).unwrap_err().to_string();
        assert!(
            error.contains("line 1: `i.png cat` is not an image and its label; write"),
            "{error}"
        );
    }
}
