//! Turns a record into input values as Caffe's `transform_param` does: crop, mirror, subtract the mean, scale.

use super::datum::{Colour, Record, Values};
use crate::random::Sequence;
use crate::weights::Blob;

/// What is subtracted from every value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Mean {
    /// Nothing.
    #[default]
    None,
    /// An image of the size of the records, before cropping: `[channels, rows, columns]` or with a leading 1.
    Image(Blob),
    /// One value for each channel, or one for all.
    Values(Vec<f32>),
}

/// The fields of `transform_param`, and the phase.
#[derive(Clone, Debug, PartialEq)]
pub struct TransformOptions {
    /// Factor, applied after the mean is subtracted.
    pub scale: f32,
    /// What is subtracted.
    pub mean: Mean,
    /// Rows and columns of the square that is cut out.
    pub crop: Option<usize>,
    /// Whether every other image, at random, is mirrored left to right.
    pub mirror: bool,
    /// What to make of the channels of encoded images.
    pub colour: Colour,
    /// Rows and columns that images are resized to before anything else.
    pub resize: Option<[usize; 2]>,
    /// Crops are at random places in training, in the middle otherwise.
    pub train: bool,
}

impl Default for TransformOptions {
    fn default() -> Self {
        TransformOptions {
            scale: 1.0,
            mean: Mean::None,
            crop: None,
            mirror: false,
            colour: Colour::AsStored,
            resize: None,
            train: false,
        }
    }
}

impl TransformOptions {
    /// Decodes a record and resizes it; the error is a sentence without file and key.
    pub fn prepare(&self, record: &mut Record) -> Result<(), String> {
        record.decode(self.colour)?;
        self.resize.map_or(Ok(()), |target| record.resize(target))
    }
}

/// A transformation of records of a known shape into input values of a known shape.
#[derive(Clone, Debug)]
pub struct Transform {
    options: TransformOptions,
    /// Channels, rows, columns of a record.
    shape: [usize; 3],
    mean: Subtract,
}

#[derive(Clone, Debug)]
enum Subtract {
    /// One value for each value of a record.
    Image(Vec<f32>),
    /// One value for each channel.
    Channels(Vec<f32>),
}

impl Transform {
    /// Checks the options against the shape of the first record; the error is a sentence without a file name.
    pub fn new(options: TransformOptions, shape: [usize; 3]) -> Result<Self, String> {
        let [channels, height, width] = shape;
        let mean = match &options.mean {
            Mean::None => Subtract::Channels(vec![0.0; channels]),
            Mean::Values(values) if values.len() == channels => Subtract::Channels(values.clone()),
            Mean::Values(values) if values.len() == 1 => {
                Subtract::Channels(vec![values[0]; channels])
            }
            Mean::Values(values) => {
                let n = values.len();
                let (channels, wanted) = match channels {
                    1 => ("1 channel".to_owned(), "1".to_owned()),
                    several => (format!("{several} channels"), format!("1 or {several}")),
                };
                return Err(format!("{n} mean values for records of {channels}; give {wanted}"));
            }
            Mean::Image(mean) if mean.fits(&shape) => Subtract::Image(mean.data.clone()),
            Mean::Image(mean) => {
                let (mean, shape) = (times(&mean.shape), times(&shape));
                return Err(format!("the mean image has the shape {mean}, the records {shape}"));
            }
        };
        if let Some(crop) = options.crop
            && !(1..=height.min(width)).contains(&crop)
        {
            return Err(format!("crop_size {crop} does not fit into records of {height}x{width}"));
        }
        Ok(Transform { options, shape, mean })
    }

    /// Becomes a transformation of records of another shape, unless it takes those as it is; the error is a sentence
    /// without file and key.
    pub fn suit(&mut self, shape: [usize; 3]) -> Result<(), String> {
        if self.check(shape).is_err() {
            *self = Transform::new(self.options.clone(), shape)
                .map_err(|message| format!("cannot be used: {message}"))?;
        }
        Ok(())
    }

    /// What it was made of.
    pub fn options(&self) -> &TransformOptions {
        &self.options
    }

    /// Channels, rows, columns of what [`apply`](Self::apply) writes.
    pub fn output_shape(&self) -> [usize; 3] {
        let [channels, height, width] = self.shape;
        match self.options.crop {
            Some(crop) => [channels, crop, crop],
            None => [channels, height, width],
        }
    }

    /// Brings a record into the form that [`apply`](Self::apply) takes: decoded and resized.
    pub fn prepare(&self, record: &mut Record) -> Result<(), String> {
        self.options.prepare(record)
    }

    /// Writes the values of a decoded record to `out`, which has as many places as the output shape.
    ///
    /// With a crop and without a mean image, records may be larger or smaller than the first one, as in Caffe.
    /// Nothing is allocated. The error is a sentence without file and key.
    pub fn apply(
        &self,
        record: &Record,
        random: &mut Sequence,
        out: &mut [f32],
    ) -> Result<(), String> {
        let shape = record.shape();
        self.check(shape)?;
        let [channels, rows, columns] = self.output_shape();
        if out.len() != channels * rows * columns {
            return Err(format!("fills {} values, not {}", channels * rows * columns, out.len()));
        }
        let mirror = self.options.mirror && random.below(2) == 1;
        let (spare_rows, spare_columns) = (shape[1] - rows, shape[2] - columns);
        let corner = match self.options.crop {
            Some(_) if self.options.train => {
                let mut offset = |spare: usize| random.below(spare as u32 + 1) as usize;
                [offset(spare_rows), offset(spare_columns)]
            }
            _ => [spare_rows / 2, spare_columns / 2],
        };
        let window = Window { shape, corner, rows, columns, mirror };
        match record.values() {
            Values::Bytes(bytes) => self.fill(bytes, window, out),
            Values::Floats(floats) => self.fill(floats, window, out),
        }
        Ok(())
    }

    fn check(&self, shape: [usize; 3]) -> Result<(), String> {
        if shape == self.shape {
            return Ok(());
        }
        let fits = |crop| crop <= shape[1].min(shape[2]) && shape[0] == self.shape[0];
        if self.options.crop.is_some_and(fits) && matches!(self.mean, Subtract::Channels(_)) {
            return Ok(());
        }
        Err(format!("has the shape {}, the first record {}", times(&shape), times(&self.shape)))
    }

    fn fill<T: Copy + Into<f32>>(&self, values: &[T], window: Window, out: &mut [f32]) {
        let Window { shape: [_, height, width], corner: [top, left], rows, columns, mirror } =
            window;
        let scale = self.options.scale;
        for (i, target) in out.chunks_exact_mut(columns).enumerate() {
            let (channel, row) = (i / rows, i % rows);
            let start = (channel * height + top + row) * width + left;
            let source = &values[start..start + columns];
            match &self.mean {
                Subtract::Channels(means) => {
                    let mean = means[channel];
                    let write = |(t, &x): (&mut f32, &T)| *t = (x.into() - mean) * scale;
                    target.iter_mut().zip(source).for_each(write);
                }
                Subtract::Image(mean) => {
                    let mean = &mean[start..start + columns];
                    for ((t, &x), m) in target.iter_mut().zip(source).zip(mean) {
                        *t = (x.into() - m) * scale;
                    }
                }
            }
            if mirror {
                target.reverse();
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Window {
    /// Of the record.
    shape: [usize; 3],
    /// First row and column that are used.
    corner: [usize; 2],
    rows: usize,
    columns: usize,
    mirror: bool,
}

/// `3x28x28`.
pub(super) fn times(shape: &[usize]) -> String {
    let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
    axes.join("x")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Philox;

    fn record() -> Record {
        Record::of_bytes([1, 3, 4], (0..12).collect(), 0).unwrap()
    }

    fn apply(options: TransformOptions, draw: u64) -> Vec<f32> {
        let transform = Transform::new(options, [1, 3, 4]).unwrap();
        let mut out = vec![0.0; transform.output_shape().iter().product()];
        let mut random = Philox::new(1, 0).sequence(16 * draw);
        transform.apply(&record(), &mut random, &mut out).unwrap();
        out
    }

    #[test]
    fn mean_then_scale_at_the_cropped_place() {
        let mean = Blob::new(vec![1, 1, 3, 4], (0..12).map(|i| i as f32 * 0.5).collect()).unwrap();
        let options = TransformOptions {
            scale: 4.0,
            mean: Mean::Image(mean),
            crop: Some(2),
            ..TransformOptions::default()
        };
        // Rows 0 and 1 (the odd row is cut at the end), columns 1 and 2.
        assert_eq!(apply(options, 0), [1.0, 2.0, 5.0, 6.0].map(|x| x * 0.5 * 4.0));
    }

    #[test]
    fn mirror_is_one_of_two_everywhere() {
        let options = TransformOptions { mirror: true, ..TransformOptions::default() };
        let plain: Vec<f32> = (0..12u8).map(f32::from).collect();
        let flipped = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8u8].map(f32::from);
        let mirrored = (0..200).filter(|&draw| {
            let out = apply(options.clone(), draw);
            assert!(out == plain || out == flipped);
            out == flipped
        });
        assert!((70..130).contains(&mirrored.count()));
    }

    #[test]
    fn random_crops_reach_every_place() {
        let options =
            TransformOptions { crop: Some(2), train: true, ..TransformOptions::default() };
        let mut corners: Vec<u32> = (0..200).map(|d| apply(options.clone(), d)[0] as u32).collect();
        corners.sort_unstable();
        corners.dedup();
        assert_eq!(corners, [0, 1, 2, 4, 5, 6]);
    }

    #[test]
    fn wrong_options() {
        let check = |options: TransformOptions, expected: &str| {
            assert_eq!(Transform::new(options, [1, 3, 4]).unwrap_err(), expected);
        };
        let default = TransformOptions::default;
        check(
            TransformOptions { crop: Some(4), ..default() },
            "crop_size 4 does not fit into records of 3x4",
        );
        check(
            TransformOptions { crop: Some(0), ..default() },
            "crop_size 0 does not fit into records of 3x4",
        );
        check(
            TransformOptions { mean: Mean::Values(vec![1.0, 2.0]), ..default() },
            "2 mean values for records of 1 channel; give 1",
        );
        let mean = Mean::Image(Blob::new(vec![1, 4, 3], vec![0.0; 12]).unwrap());
        check(
            TransformOptions { mean, ..default() },
            "the mean image has the shape 1x4x3, the records 1x3x4",
        );
    }

    #[test]
    fn other_shapes() {
        let small = Record::of_bytes([1, 2, 2], vec![1, 2, 3, 4], 0).unwrap();
        let check = |crop, expected: Result<[f32; 1], &str>| {
            let options = TransformOptions { crop, ..TransformOptions::default() };
            let transform = Transform::new(options, [1, 3, 4]).unwrap();
            let mut out = vec![0.0; transform.output_shape().iter().product()];
            let mut random = Philox::new(1, 0).sequence(0);
            let result = transform.apply(&small, &mut random, &mut out);
            assert_eq!(result.map(|()| [out[0]]), expected.map_err(str::to_owned));
        };
        check(Some(1), Ok([1.0]));
        check(None, Err("has the shape 1x2x2, the first record 1x3x4"));
        check(Some(3), Err("has the shape 1x2x2, the first record 1x3x4"));
    }
}
