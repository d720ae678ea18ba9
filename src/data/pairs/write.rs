//! Writes one set of pairs: two databases, the mean and the sample pictures.

use std::path::Path;

use prost::Message;
use rayon::prelude::*;

use super::images::{Decoded, PairImages};
use super::plan::{Pair, Planned, by_text};
use super::{Layout, PairOptions};
use crate::data::lmdb::LmdbWriter;
use crate::data::proto::Datum;
use crate::file::room;
use crate::weights::{Blob, write_binaryproto};
use crate::{Error, Result};

/// Records that are made at a time, at most, and about how many bytes of them.
const CHUNK: usize = 1024;
const CHUNK_BYTES: usize = 4 << 20;

/// Bytes that writing takes beside the images and the pairs.
pub const MEMORY: usize = CHUNK_BYTES + 2 * LmdbWriter::MEMORY;

/// Sample pictures of each kind.
const SAMPLES: usize = 10;

/// Writes the files whose names begin with `name` into `folder`; returns rows and columns of the images. `coming` is how
/// many pairs are still to be written, these and those of later sets, for which there must be room.
pub fn write_set(
    folder: &Path,
    name: &str,
    images: &PairImages,
    pairs: &[Planned],
    (options, coming): (&PairOptions, usize),
    step: &mut dyn FnMut(usize),
) -> Result<[usize; 2]> {
    let layout = options.layout;
    let decoded = images.decode(pairs)?;
    let [height, width] = decoded.size;
    let pixels_of_all = (layout.channels() * height * width).saturating_mul(coming);
    room::need(&options.folder, pixels_of_all as u64, "the pairs take")?;
    let file = |suffix: &str| folder.join(format!("{name}_{suffix}"));
    // Records are written in the order of their keys as text, which gives the smallest database.
    let mut order = by_text(pairs.len()).map(|i| (i.to_string(), pairs[i]));
    let mut image_db = LmdbWriter::create(&file("images"))?;
    let mut label_db = LmdbWriter::create(&file("labels"))?;
    let mut sums = vec![0u64; layout.channels() * height * width];
    let at_once = (CHUNK_BYTES / sums.len().max(1)).min(CHUNK).max(rayon::current_num_threads());
    loop {
        let chunk: Vec<(String, Planned)> = order.by_ref().take(at_once).collect();
        if chunk.is_empty() {
            break;
        }
        let work = chunk.par_iter().map(|(_, planned)| pixels(&decoded, layout, planned.pair));
        let records: Vec<Vec<u8>> = work.collect::<Result<_>>()?;
        for ((key, planned), data) in chunk.iter().zip(records) {
            let values = sums.iter_mut().zip(&data);
            values.for_each(|(sum, &value)| *sum += u64::from(value));
            // DIGITS' images say nothing of their label; those of Caffe's example have it.
            let own = if layout == Layout::Digits { -1 } else { planned.label };
            let image = image_datum([layout.channels(), height, width], data, own);
            image_db.put(key.as_bytes(), &image.encode_to_vec())?;
            label_db.put(key.as_bytes(), &label_datum(planned.label).encode_to_vec())?;
        }
        step(chunk.len());
    }
    image_db.finish()?;
    label_db.finish()?;

    let count = pairs.len() as u64;
    let whole = |sum: &u64| (sum / count) as u8;
    let mean: Vec<f32> = match layout {
        Layout::Digits => sums.iter().map(|sum| f32::from(whole(sum))).collect(),
        _ => sums.iter().map(|&sum| (sum as f64 / count as f64) as f32).collect(),
    };
    let no_pixels = || Error::refused(format!("the images of the {name} set have no pixels"));
    let picture = |pixels| layout.picture(height, width, pixels).ok_or_else(no_pixels);
    let blob = Blob::new(vec![layout.channels(), height, width], mean).ok_or_else(no_pixels)?;
    write_binaryproto(&file("mean.binaryproto"), &blob)?;
    picture(sums.iter().map(whole).collect())?.save_png(&file("mean.png"))?;
    for (kind, wanted) in [("same", true), ("different", false)] {
        let is_wanted = |planned: &&Planned| planned.is_same() == wanted;
        for (i, planned) in pairs.iter().filter(is_wanted).take(SAMPLES).enumerate() {
            let path = file(&format!("test_{kind}_class_{i}.png"));
            picture(pixels(&decoded, layout, planned.pair)?)?.save_png(&path)?;
        }
    }
    Ok(decoded.size)
}

/// The values of a record.
fn pixels(images: &Decoded, layout: Layout, (first, second): Pair) -> Result<Vec<u8>> {
    Ok(layout.join(&images.get(first)?, &images.get(second)?))
}

fn image_datum(shape: [usize; 3], data: Vec<u8>, label: i32) -> Datum {
    let [channels, height, width] = shape.map(|n| Some(n as i32));
    Datum { channels, height, width, data, label: Some(label), ..Datum::default() }
}

fn label_datum(label: i32) -> Datum {
    let (one, value) = (Some(1), label as f32);
    Datum { channels: one, height: one, width: one, float_data: vec![value], ..Datum::default() }
}
