//! Turns a database of images into their mean, as Caffe's compute_image_mean does.

use std::path::Path;

use super::datum::{Colour, Record, Values};
use super::lmdb::{LmdbReader, record_error};
use super::transform::times;
use crate::weights::Blob;
use crate::{Error, Result};

/// The mean of the images of a database.
#[derive(Clone, Debug)]
pub struct MeanImage {
    /// The mean of every value: `1 x channels x height x width`.
    pub image: Blob,
    /// The mean of every channel.
    pub channels: Vec<f32>,
    /// Number of images.
    pub count: usize,
}

/// Adds up all images of an LMDB; encoded ones are decoded.
///
/// # Errors
/// The database is empty, or an image cannot be read or has another shape than the first one.
pub fn mean_image(database: &Path) -> Result<MeanImage> {
    let mut reader = LmdbReader::open(database)?;
    let mut record = Record::default();
    let (mut sums, mut shape, mut count) = (Vec::<f64>::new(), None, 0usize);
    while let Some((key, value)) = reader.advance()? {
        let wrong = |message: String| record_error(database, key, &message);
        record.read(value).and_then(|()| record.decode(Colour::AsStored)).map_err(wrong)?;
        let (own, first) = (record.shape(), *shape.get_or_insert(record.shape()));
        if own != first {
            let (own, first) = (times(&own), times(&first));
            return Err(wrong(format!("has the shape {own}, the first record {first}")));
        }
        sums.resize(own.iter().product(), 0.0);
        match record.values() {
            Values::Bytes(bytes) => {
                sums.iter_mut().zip(bytes).for_each(|(sum, &x)| *sum += f64::from(x));
            }
            Values::Floats(floats) => {
                sums.iter_mut().zip(floats).for_each(|(sum, &x)| *sum += f64::from(x));
            }
        }
        count += 1;
    }
    let Some([channels, height, width]) = shape else {
        return Err(Error::format(database, "the database has no records"));
    };
    let data: Vec<f32> = sums.iter().map(|sum| (sum / count as f64) as f32).collect();
    let plane = (height * width).max(1);
    let mean = |part: &[f64]| (part.iter().sum::<f64>() / (count * plane) as f64) as f32;
    let means = sums.chunks(plane).map(mean).collect();
    let image = Blob { shape: vec![1, channels, height, width], data };
    Ok(MeanImage { image, channels: means, count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::read_binaryproto;

    #[test]
    fn the_mean_of_caffe() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/caffe/io");
        let mean = mean_image(&golden.join("tiny_lmdb")).unwrap();
        let expected = read_binaryproto(&golden.join("mean.binaryproto")).unwrap();
        assert_eq!(mean.image, expected);
        assert_eq!((mean.count, mean.channels.len()), (20, 3));
        let first: f32 = expected.data[..120].iter().sum::<f32>() / 120.0;
        assert!((mean.channels[0] - first).abs() < 1e-3, "{} {first}", mean.channels[0]);
    }
}
