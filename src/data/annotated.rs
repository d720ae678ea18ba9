//! Turns an LMDB of AnnotatedDatums, images with the boxes of their objects, into batches, as SSD's fork of Caffe does.

use std::path::Path;

use prost::Message;

use super::datum::{Colour, Record};
use super::lmdb::{LmdbReader, record_error};
use super::proto::AnnotatedDatum;
use super::source::{BLOCKS_PER_RECORD, Serve, Source, Top, Wanted};
use super::transform::{Transform, TransformOptions};
use crate::layers::image_parts::{Emit, Sampler, part};
use crate::random::{Philox, STREAM_TRANSFORM};
use crate::{Error, Result};

/// Numbers that tell an object.
const OBJECT: usize = 8;
/// The stream of the parts of images, and the blocks of a record in it.
const STREAM_PARTS: u64 = STREAM_TRANSFORM + 1;
const BLOCKS_PER_PART: u64 = 1 << 20;

/// Which parts of images are served instead of whole ones, and with which of their objects.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// Rules by which parts are drawn.
    pub samplers: Vec<Sampler>,
    /// Which objects a part keeps.
    pub emit: Emit,
}

struct Annotated {
    reader: LmdbReader,
    /// The record that the reader gives next.
    next: usize,
    transform: Transform,
    parts: Parts,
    colour: Colour,
    mirror: bool,
    seed: u64,
}

/// The rows of a record's objects, the image left open.
fn objects(datum: &AnnotatedDatum) -> Vec<[f32; OBJECT]> {
    let mut rows = vec![];
    for group in &datum.annotation_group {
        let class = group.group_label.unwrap_or(0) as f32;
        for annotation in &group.annotation {
            let of = annotation.bbox.clone().unwrap_or_default();
            let [xmin, ymin, xmax, ymax] =
                [of.xmin, of.ymin, of.xmax, of.ymax].map(|x| x.unwrap_or(0.0).clamp(0.0, 1.0));
            // What has no area within the image is no object.
            if xmin < xmax && ymin < ymax {
                let instance = annotation.instance_id.unwrap_or(0) as f32;
                let difficult = f32::from(u8::from(of.difficult.unwrap_or(false)));
                rows.push([0.0, class, instance, xmin, ymin, xmax, ymax, difficult]);
            }
        }
    }
    rows
}

impl Source {
    /// Serves images as `data` and their objects as `label`. The position counts records.
    ///
    /// # Errors
    /// The database cannot be read or has other records, or the options do not fit the first image.
    pub fn of_annotated(
        path: &Path,
        options: TransformOptions,
        parts: Parts,
        seed: u64,
    ) -> Result<Self> {
        let mut reader = LmdbReader::open(path)?;
        let (mut most, mut first) = (1, None);
        while let Some((key, value)) = reader.advance()? {
            let key = key.to_owned();
            let datum = read(path, &key, value)?;
            most = most.max(objects(&datum).len());
            first = first.or(Some((key, datum)));
        }
        reader.rewind();
        let (key, datum) = first.ok_or_else(|| Error::format(path, "has no records"))?;
        let failed = |message: String| record_error(path, &key, &message);
        let mut record = image(datum).map_err(failed)?;
        let (mirror, colour) = (options.mirror, options.colour);
        let options = TransformOptions { mirror: false, ..options };
        let transform = options
            .prepare(&mut record)
            .and_then(|()| Transform::new(options, record.shape()))
            .map_err(failed)?;
        let tops = vec![
            Top { name: "data".into(), shape: transform.output_shape().to_vec() },
            Top { name: "label".into(), shape: vec![most, OBJECT] },
        ];
        let served = Annotated { reader, next: 0, transform, parts, colour, mirror, seed };
        Ok(Source::serving(tops, Box::new(served)))
    }
}

fn read(path: &Path, key: &[u8], value: &[u8]) -> Result<AnnotatedDatum> {
    AnnotatedDatum::decode(value)
        .map_err(|e| record_error(path, key, &format!("is not an AnnotatedDatum: {e}")))
}

/// The image of a record; the error is a sentence without file and key.
fn image(datum: AnnotatedDatum) -> Result<Record, String> {
    let mut record = Record::default();
    record.take(datum.datum.ok_or("has no image")?)?;
    Ok(record)
}

impl Annotated {
    /// The record with this number.
    fn fetch(&mut self, n: usize) -> Result<(Vec<u8>, AnnotatedDatum)> {
        if n < self.next {
            self.reader.rewind();
            self.next = 0;
        }
        while self.next < n {
            self.reader.advance_key()?;
            self.next += 1;
        }
        self.next += 1;
        let path = self.reader.path().to_owned();
        let (key, value) = self.reader.advance_around()?;
        let key = key.to_owned();
        let datum = read(&path, &key, value)?;
        Ok((key, datum))
    }
}

impl Parts {
    /// Cuts a part out of an image, unless none is found, and leaves the objects in it.
    fn cut(&self, record: &mut Record, rows: &mut Vec<[f32; OBJECT]>, (seed, served): (u64, u64)) {
        if self.samplers.is_empty() {
            return;
        }
        let corners = |row: &[f32; OBJECT]| [row[3], row[4], row[5], row[6]];
        let objects: Vec<[f32; 4]> = rows.iter().map(corners).collect();
        let random = Philox::new(seed, STREAM_PARTS);
        let mut draws = random.sequence(served.wrapping_mul(BLOCKS_PER_PART));
        let Some(part) = part(&self.samplers, &objects, &mut draws) else { return };
        let part = part.map(|x| x.clamp(0.0, 1.0));
        let [_, height, width] = record.shape();
        let extents = [height as f32, width as f32];
        let corner = [part[1] * extents[0], part[0] * extents[1]];
        let size = [part[3] * extents[0] - corner[0], part[2] * extents[1] - corner[1]];
        record.cut(corner.map(|x| x as usize), size.map(|x| (x as usize).max(1)));
        rows.retain_mut(|row| {
            let Some(placed) = self.emit.place(&part, &corners(row)) else { return false };
            row[3..7].copy_from_slice(&placed);
            true
        });
    }
}

impl Serve for Annotated {
    fn len(&self) -> usize {
        self.reader.len()
    }

    fn fill(&mut self, wanted: Wanted) -> Result<()> {
        let Wanted { position, records, tops, buffers } = wanted;
        let random = Philox::new(self.seed, STREAM_TRANSFORM);
        for i in 0..records {
            let served = position.wrapping_add(i as u64);
            let (key, datum) = self.fetch((served % self.len() as u64) as usize)?;
            let mut rows = objects(&datum);
            let failed = |path: &Path, message: String| record_error(path, &key, &message);
            let mut record = image(datum).map_err(|message| failed(self.reader.path(), message))?;
            let path = self.reader.path();
            record.decode(self.colour).map_err(|message| failed(path, message))?;
            self.parts.cut(&mut record, &mut rows, (self.seed, served));
            let mut draws = random.sequence(served.wrapping_mul(BLOCKS_PER_RECORD));
            let mirrored = self.mirror && draws.below(2) == 1;
            if let (Some(data), Some(top)) = (buffers.first_mut(), tops.first()) {
                let target = &mut data[i * top.len()..][..top.len()];
                self.transform
                    .prepare(&mut record)
                    .and_then(|()| self.transform.apply(&record, &mut draws, target))
                    .map_err(|message| failed(self.reader.path(), message))?;
                if mirrored {
                    let width = top.shape[2];
                    target.chunks_exact_mut(width).for_each(|line| line.reverse());
                }
            }
            if let (Some(labels), Some(top)) = (buffers.get_mut(1), tops.get(1)) {
                let target = &mut labels[i * top.len()..][..top.len()];
                target.fill(-1.0);
                for (row, to) in rows.iter_mut().zip(target.chunks_exact_mut(OBJECT)) {
                    row[0] = i as f32;
                    if mirrored {
                        (row[3], row[5]) = (1.0 - row[5], 1.0 - row[3]);
                    }
                    to.copy_from_slice(row);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::lmdb::LmdbWriter;
    use super::super::proto::{Annotation, AnnotationGroup, Datum, NormalizedBBox};
    use super::*;

    fn annotated(width: i32, boxes: &[(i32, [f32; 4])]) -> Vec<u8> {
        let pixels = (0..2 * width as u8).collect();
        let datum = Datum {
            channels: Some(1),
            height: Some(2),
            width: Some(width),
            data: pixels,
            ..Datum::default()
        };
        let group = |&(label, [xmin, ymin, xmax, ymax]): &(i32, [f32; 4])| AnnotationGroup {
            group_label: Some(label),
            annotation: vec![Annotation {
                instance_id: Some(7),
                bbox: Some(NormalizedBBox {
                    xmin: Some(xmin),
                    ymin: Some(ymin),
                    xmax: Some(xmax),
                    ymax: Some(ymax),
                    difficult: Some(label == 2),
                }),
            }],
        };
        let annotation_group = boxes.iter().map(group).collect();
        AnnotatedDatum { datum: Some(datum), r#type: Some(0), annotation_group }.encode_to_vec()
    }

    fn database(records: &[Vec<u8>]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = LmdbWriter::create(&folder.path().join("db")).unwrap();
        for (i, record) in records.iter().enumerate() {
            writer.put(format!("{i:08}").as_bytes(), record).unwrap();
        }
        writer.finish().unwrap();
        folder
    }

    #[test]
    fn objects_come_with_their_images() {
        let records = [
            annotated(4, &[(3, [0.0, 0.25, 0.5, 1.5]), (2, [0.5, 0.5, 0.75, 0.75])]),
            annotated(4, &[(1, [0.5, 0.5, 0.5, 0.75])]),
        ];
        let folder = database(&records);
        for mirror in [false, true] {
            let options = TransformOptions { mirror, scale: 0.5, ..TransformOptions::default() };
            let path = folder.path().join("db");
            let mut source = Source::of_annotated(&path, options, Parts::default(), 1).unwrap();
            let mut buffers = [vec![0.0; 24], vec![0.0; 48]];
            source.next_batch(3, &mut buffers).unwrap();
            let [data, labels] = &buffers;
            assert_eq!(labels[16..32], [-1.0; 16], "a box without an area is no object");
            for (first, row) in [(0, 0), (16, 32)] {
                let image = row as f32 / 16.0;
                let turned = data[first] != 0.0;
                assert!(mirror || !turned);
                let (line, sides) = match turned {
                    false => ([0.0, 0.5, 1.0, 1.5], [[0.0, 0.5], [0.5, 0.75]]),
                    true => ([1.5, 1.0, 0.5, 0.0], [[0.5, 1.0], [0.25, 0.5]]),
                };
                assert_eq!(data[first..first + 4], line);
                let [a, b] = sides;
                assert_eq!(labels[row..row + 8], [image, 3.0, 7.0, a[0], 0.25, a[1], 1.0, 0.0]);
                assert_eq!(
                    labels[row + 8..row + 16],
                    [image, 2.0, 7.0, b[0], 0.5, b[1], 0.75, 1.0]
                );
            }
        }
    }

    /// A picture whose pixels tell where they lie, with one object whose pixels are marked.
    #[test]
    fn parts_hold_their_objects() {
        let side = 40;
        let object = [0.25, 0.5, 0.5, 0.75];
        let inside = |i: usize| (10..20).contains(&(i % side)) && (20..30).contains(&(i / side));
        let pixels = (0..side * side).map(|i| if inside(i) { 200 } else { 10 }).collect();
        let datum = Datum {
            channels: Some(1),
            height: Some(side as i32),
            width: Some(side as i32),
            data: pixels,
            ..Datum::default()
        };
        let mut record = AnnotatedDatum::decode(&annotated(4, &[(1, object)])[..]).unwrap();
        record.datum = Some(datum);
        let folder = database(&[record.encode_to_vec()]);
        let text = "batch_sampler { sampler { min_scale: 0.3 max_scale: 0.8 min_aspect_ratio: 0.5 max_aspect_ratio: 2 }
            sample_constraint { min_object_coverage: 0.6 } max_sample: 1 max_trials: 50 }";
        let layer = format!(
            "layer {{ name: 'd' type: 'AnnotatedData' top: 'data' top: 'label' data_param {{ source: 'x' batch_size: 1 }}
             transform_param {{ resize_param {{ height: 80 width: 80 }} }} annotated_data_param {{ {text} }} }}"
        );
        let options = crate::pipeline::Options::default();
        let checked = crate::pipeline::check(Path::new("net.prototxt"), layer, &options);
        let crate::layers::Layer::AnnotatedData(layer) = &checked.definition.nodes[0].layer else {
            panic!("another layer");
        };
        let parts = Parts { samplers: layer.samplers.clone(), emit: layer.emit };
        let options = TransformOptions { resize: layer.resize, ..TransformOptions::default() };
        let path = folder.path().join("db");
        let batches = |seed: u64| {
            let mut source =
                Source::of_annotated(&path, options.clone(), parts.clone(), seed).unwrap();
            let mut buffers = [vec![0.0; 20 * 80 * 80], vec![0.0; 20 * OBJECT]];
            source.next_batch(20, &mut buffers).unwrap();
            buffers
        };
        let [data, labels] = batches(1);
        assert_eq!([data.clone(), labels.clone()], batches(1), "one seed, one choice");
        assert_ne!(data, batches(2)[0]);
        let mut widths = std::collections::BTreeSet::new();
        for (image, row) in data.chunks(80 * 80).zip(labels.chunks(OBJECT)) {
            let [left, top, right, bottom] = [row[3], row[4], row[5], row[6]].map(|x| x * 80.0);
            widths.insert((right - left) as usize);
            // Edges are smooth for some pixels, as the part was stretched; a part begins at a whole pixel.
            let far = 9.0;
            for (i, &x) in image.iter().enumerate() {
                let (column, line) = ((i % 80) as f32, (i / 80) as f32);
                let within = |from: f32, to: f32, at: f32| from + far < at && at + far < to;
                if within(left, right, column) && within(top, bottom, line) {
                    assert!(195.0 < x, "{row:?} {column} {line}: {x}");
                }
                let beyond = |from: f32, to: f32, at: f32| at + far < from || to + far < at;
                if beyond(left, right, column) || beyond(top, bottom, line) {
                    assert!(x < 15.0, "{row:?} {column} {line}: {x}");
                }
            }
        }
        assert!(5 < widths.len(), "{widths:?}");
    }

    #[test]
    fn other_records_are_named() {
        let folder = database(&[vec![0xff, 0xff]]);
        let options = TransformOptions::default();
        let path = folder.path().join("db");
        let error = Source::of_annotated(&path, options, Parts::default(), 1).err().unwrap();
        let error = error.to_string();
        assert!(error.contains("record `00000000` is not an AnnotatedDatum"), "{error}");
    }
}
