//! Writes one set of pairs: two databases, the mean and the sample pictures.

use std::path::Path;

use prost::Message;
use rayon::prelude::*;

use super::images::{Decoded, GreyImages};
use super::plan::Pair;
use crate::data::images::Image;
use crate::data::lmdb::LmdbWriter;
use crate::data::proto::Datum;
use crate::weights::{Blob, write_binaryproto};
use crate::{Error, Result};

/// Records that are made at a time.
const CHUNK: usize = 1024;
/// Sample pictures of each kind.
const SAMPLES: usize = 10;

/// Writes the files whose names begin with `name` into `folder`; returns rows and columns of the images.
pub fn write_set(
    folder: &Path,
    name: &str,
    images: &GreyImages,
    pairs: &[Pair],
    step: &mut dyn FnMut(usize),
) -> Result<[usize; 2]> {
    let decoded = images.decode(pairs)?;
    let [height, width] = decoded.size;
    let file = |suffix: &str| folder.join(format!("{name}_{suffix}"));
    // Records are written in the order of their keys as text, which gives the smallest database.
    let mut order: Vec<(String, Pair)> =
        pairs.iter().enumerate().map(|(i, &pair)| (i.to_string(), pair)).collect();
    order.par_sort_unstable();
    let mut image_db = LmdbWriter::create(&file("images"))?;
    let mut label_db = LmdbWriter::create(&file("labels"))?;
    let mut sums = vec![0u64; 2 * height * width];
    for chunk in order.chunks(CHUNK) {
        let work = chunk.par_iter().map(|(_, pair)| pixels(&decoded, *pair));
        let records: Vec<Vec<u8>> = work.collect::<Result<_>>()?;
        for ((key, pair), data) in chunk.iter().zip(records) {
            let values = sums.iter_mut().zip(&data);
            values.for_each(|(sum, &value)| *sum += u64::from(value));
            let same = images.label(pair.0) == images.label(pair.1);
            let image = image_datum(height, width, data);
            image_db.put(key.as_bytes(), &image.encode_to_vec())?;
            label_db.put(key.as_bytes(), &label_datum(same).encode_to_vec())?;
        }
        step(chunk.len());
    }
    image_db.finish()?;
    label_db.finish()?;

    let count = pairs.len() as u64;
    let mut mean: Vec<u8> = sums.iter().map(|sum| (sum / count) as u8).collect();
    mean.resize(3 * height * width, 0);
    let blob = Blob::new(vec![3, height, width], mean.iter().map(|&x| f32::from(x)).collect());
    let blob = blob.ok_or_else(|| picture_error(name))?;
    write_binaryproto(&file("mean.binaryproto"), &blob)?;
    picture(name, height, width, mean)?.save_png(&file("mean.png"))?;
    for (kind, wanted) in [("same", true), ("different", false)] {
        let is_wanted = |pair: &&Pair| (images.label(pair.0) == images.label(pair.1)) == wanted;
        for (i, pair) in pairs.iter().filter(is_wanted).take(SAMPLES).enumerate() {
            let path = file(&format!("test_{kind}_class_{i}.png"));
            picture(name, height, width, pixels(&decoded, *pair)?)?.save_png(&path)?;
        }
    }
    Ok(decoded.size)
}

/// The two images and a channel of zeros.
fn pixels(images: &Decoded, (first, second): Pair) -> Result<Vec<u8>> {
    let (first, second) = (images.get(first)?, images.get(second)?);
    let mut pixels = Vec::with_capacity(3 * first.len());
    pixels.extend_from_slice(&first);
    pixels.extend_from_slice(&second);
    pixels.resize(3 * first.len(), 0);
    Ok(pixels)
}

fn image_datum(height: usize, width: usize, data: Vec<u8>) -> Datum {
    Datum {
        channels: Some(3),
        height: Some(height as i32),
        width: Some(width as i32),
        data,
        label: Some(-1),
        ..Datum::default()
    }
}

fn label_datum(same: bool) -> Datum {
    let (one, value) = (Some(1), if same { 1.0 } else { 0.0 });
    Datum { channels: one, height: one, width: one, float_data: vec![value], ..Datum::default() }
}

fn picture(name: &str, height: usize, width: usize, pixels: Vec<u8>) -> Result<Image> {
    Image::new(3, height, width, pixels).ok_or_else(|| picture_error(name))
}

fn picture_error(name: &str) -> Error {
    Error::refused(format!("the images of the {name} set have no pixels"))
}
