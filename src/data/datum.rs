//! Turns the bytes of a Datum into a [`Record`]: one image in channels, rows, columns, with its label.

use std::ops::Range;

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint};
use prost::{DecodeError, Message};

use super::bilinear::resize;
use super::grey;
use super::images::Image;
use super::proto::Datum;
use crate::ty::product;

/// What to make of an encoded image's channels; Caffe's `force_color` and `force_gray`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// As the image has them: one or three.
    #[default]
    AsStored,
    /// Three channels, blue first.
    Colour,
    /// One channel.
    Grey,
}

/// The values of a record, channel by channel, row by row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values<'a> {
    /// Pixels.
    Bytes(&'a [u8]),
    /// Numbers.
    Floats(&'a [f32]),
}

/// One image or vector with its label; reading the next one into it reuses its memory.
#[derive(Clone, Debug, Default)]
pub struct Record {
    shape: [usize; 3],
    datum: Datum,
}

/// The field of a Datum that holds its bytes.
const DATA: u32 = 4;

/// Takes a Datum over as `Datum::merge` does, which would make another copy of its bytes for every record.
fn merge(datum: &mut Datum, mut bytes: &[u8]) -> Result<(), DecodeError> {
    while !bytes.is_empty() {
        let (tag, wire_type) = decode_key(&mut bytes)?;
        let mut rest = bytes;
        if tag == DATA
            && wire_type == WireType::LengthDelimited
            && let Ok(length) = usize::try_from(decode_varint(&mut rest)?)
            && let Some((data, behind)) = rest.split_at_checked(length)
        {
            datum.data.clear();
            datum.data.extend_from_slice(data);
            bytes = behind;
        } else {
            datum.merge_field(tag, wire_type, &mut bytes, DecodeContext::default())?;
        }
    }
    Ok(())
}

impl Record {
    /// A record of pixels; `None` if their number is not the product of `shape` (channels, rows, columns).
    pub fn of_bytes(shape: [usize; 3], pixels: Vec<u8>, label: i32) -> Option<Self> {
        let datum = Datum { data: pixels, label: Some(label), ..Datum::default() };
        (product(shape) == Some(datum.data.len())).then_some(Record { shape, datum })
    }

    /// A record of numbers; `None` if there are not as many as the product of `shape` (channels, rows, columns).
    #[cfg(test)]
    pub fn of_floats(shape: [usize; 3], values: Vec<f32>, label: i32) -> Option<Self> {
        let datum = Datum { float_data: values, label: Some(label), ..Datum::default() };
        (product(shape) == Some(datum.float_data.len())).then_some(Record { shape, datum })
    }

    /// Becomes a copy of `other` without giving up its memory.
    #[cfg(test)]
    pub fn copy_from(&mut self, other: &Record) {
        let label = other.datum.label;
        self.shape = other.shape;
        self.datum.clear();
        self.datum.data.extend_from_slice(&other.datum.data);
        self.datum.float_data.extend_from_slice(&other.datum.float_data);
        self.datum.label = label;
        self.datum.encoded = other.datum.encoded;
    }

    /// Becomes a grey image of `rows` and `columns` without giving up its memory.
    pub(super) fn set_grey(&mut self, rows: usize, columns: usize, pixels: &[u8], label: u8) {
        self.shape = [1, rows, columns];
        self.datum.clear();
        self.datum.data.extend_from_slice(pixels);
        self.datum.label = Some(label.into());
    }

    /// Becomes an image file that is still to be decoded, without giving up its other memory.
    pub(super) fn set_encoded(&mut self, file: Vec<u8>, label: i32) {
        self.datum.clear();
        self.datum.data = file;
        self.datum.label = Some(label);
        self.datum.encoded = Some(true);
    }

    /// Becomes numbers of a shape, as many as its product, without giving up its memory.
    pub(super) fn set_floats(&mut self, shape: [usize; 3], values: &[f32]) {
        self.shape = shape;
        self.datum.clear();
        self.datum.float_data.extend_from_slice(values);
    }

    /// Bytes of its values, or of the file that they are still in.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.datum.data[..]) + size_of_val(&self.datum.float_data[..])
    }

    /// Channels, rows, columns.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The label; 0 if the record has none, as in Caffe.
    pub fn label(&self) -> i32 {
        self.datum.label.unwrap_or(0)
    }

    /// The values; bytes win over floats if a Datum has both, as in Caffe.
    pub fn values(&self) -> Values<'_> {
        let floats = &self.datum.float_data;
        if self.datum.data.is_empty() && !floats.is_empty() {
            Values::Floats(floats)
        } else {
            Values::Bytes(&self.datum.data)
        }
    }

    /// Whether the values are still a whole image file that [`decode`](Self::decode) has to read.
    pub fn is_encoded(&self) -> bool {
        self.datum.encoded == Some(true)
    }

    /// Replaces the record by the Datum in `bytes`; the error is a sentence without file and key.
    ///
    /// The shape of an encoded image is known only after [`decode`](Self::decode).
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.datum.clear();
        merge(&mut self.datum, bytes).map_err(|e| format!("is not a Datum: {e}"))?;
        self.check()
    }

    /// Replaces the record by a Datum, as [`read`](Self::read) does.
    pub(super) fn take(&mut self, datum: Datum) -> Result<(), String> {
        self.datum = datum;
        self.check()
    }

    /// Finds the shape, unless the image is encoded.
    fn check(&mut self) -> Result<(), String> {
        if self.is_encoded() {
            return Ok(());
        }
        let Datum { channels, height, width, .. } = self.datum;
        let axes = [channels, height, width].map(|n| n.unwrap_or(0));
        let [channels, height, width] = axes;
        let (len, kind) = match self.values() {
            Values::Bytes(bytes) => (bytes.len(), "byte"),
            Values::Floats(floats) => (floats.len(), "float"),
        };
        self.shape = axes.map(|n| usize::try_from(n).unwrap_or(0));
        if len == 0 || product(self.shape) != Some(len) {
            let plural = if len == 1 { "" } else { "s" };
            return Err(format!(
                "claims the shape {channels}x{height}x{width} and holds {len} {kind}{plural}"
            ));
        }
        Ok(())
    }

    /// Resizes pixels to `target` (rows, columns) as Caffe does; numbers stay as they are.
    pub(super) fn resize(&mut self, target: [usize; 2]) -> Result<(), String> {
        let [channels, height, width] = self.shape;
        if [height, width] == target || self.datum.data.is_empty() {
            return Ok(());
        }
        let pixels = std::mem::take(&mut self.datum.data);
        let image = Image::new(channels, height, width, pixels);
        let resized = image.and_then(|image| resize(&image, target));
        let resized = resized.ok_or_else(|| {
            format!(
                "of {channels}x{height}x{width} cannot be resized to {}x{}",
                target[0], target[1]
            )
        })?;
        self.shape = resized.shape();
        self.datum.data = resized.into_pixels();
        Ok(())
    }

    /// Keeps the rows and columns from `corner` on.
    pub(super) fn cut(&mut self, [top, left]: [usize; 2], [rows, columns]: [usize; 2]) {
        let [channels, height, width] = self.shape;
        let [top, left] = [top.min(height), left.min(width)];
        let [rows, columns] = [rows.min(height - top), columns.min(width - left)];
        fn keep<T: Copy>(values: &mut Vec<T>, lines: impl Iterator<Item = Range<usize>>) {
            let mut to = 0;
            for line in lines {
                values.copy_within(line.clone(), to);
                to += line.len();
            }
            values.truncate(to);
        }
        let lines = || {
            (0..channels * rows).map(move |i| {
                let start = (i / rows * height + top + i % rows) * width + left;
                start..start + columns
            })
        };
        match self.datum.data.is_empty() {
            true => keep(&mut self.datum.float_data, lines()),
            false => keep(&mut self.datum.data, lines()),
        }
        self.shape = [channels, rows, columns];
    }

    /// Replaces an encoded image (PNG, JPEG, BMP or PNM) by its pixels, blue first; other records stay as they are.
    pub fn decode(&mut self, colour: Colour) -> Result<(), String> {
        if !self.is_encoded() {
            return Ok(());
        }
        let image = match colour {
            Colour::AsStored => Image::decode_opaque(&self.datum.data)?,
            Colour::Colour => Image::decode_opaque(&self.datum.data)?.to_colour(),
            Colour::Grey => grey::decode(&self.datum.data)?,
        };
        self.shape = image.shape();
        self.datum.data = image.into_pixels();
        self.datum.encoded = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datum(shape: [i32; 3]) -> Datum {
        let [channels, height, width] = shape.map(Some);
        Datum { channels, height, width, ..Datum::default() }
    }

    #[test]
    fn bytes_win_over_floats() {
        let both =
            Datum { data: vec![5], float_data: vec![7.5], label: Some(-1), ..datum([1, 1, 1]) };
        let mut record = Record::default();
        record.read(&both.encode_to_vec()).unwrap();
        assert_eq!((record.values(), record.label()), (Values::Bytes(&[5]), -1));
        let floats = Datum { float_data: vec![7.5, 8.0], ..datum([2, 1, 1]) };
        record.read(&floats.encode_to_vec()).unwrap();
        assert_eq!((record.values(), record.label()), (Values::Floats(&[7.5, 8.0]), 0));
        assert_eq!(record.shape(), [2, 1, 1]);
    }

    #[test]
    fn parts_are_cut_out() {
        let pixels: Vec<u8> = (0..24).collect();
        let mut record = Record::of_bytes([2, 3, 4], pixels, 0).unwrap();
        record.cut([1, 2], [2, 1]);
        assert_eq!((record.shape(), record.values()), ([2, 2, 1], Values::Bytes(&[6, 10, 18, 22])));
        let mut record = Record::of_floats([1, 2, 2], vec![0.0, 1.0, 2.0, 3.0], 0).unwrap();
        record.cut([1, 0], [5, 5]);
        assert_eq!((record.shape(), record.values()), ([1, 1, 2], Values::Floats(&[2.0, 3.0])));
    }

    #[test]
    fn wrong_sizes() {
        let check = |datum: Datum, expected: &str| {
            let error = Record::default().read(&datum.encode_to_vec()).unwrap_err();
            assert_eq!(error, expected);
        };
        let data = vec![0; 5];
        check(
            Datum { data: data.clone(), ..datum([1, 2, 3]) },
            "claims the shape 1x2x3 and holds 5 bytes",
        );
        check(Datum { data, ..datum([-1, 5, -1]) }, "claims the shape -1x5x-1 and holds 5 bytes");
        check(datum([0, 0, 0]), "claims the shape 0x0x0 and holds 0 bytes");
        check(
            Datum { float_data: vec![1.0], ..datum([i32::MAX, i32::MAX, i32::MAX]) },
            "claims the shape 2147483647x2147483647x2147483647 and holds 1 float",
        );
        assert!(
            Record::default().read(&[0x22, 0xff, 0xff, 0x7f]).unwrap_err().contains("not a Datum")
        );
    }

    #[test]
    fn encoded_images_are_bgr() {
        let image = Image::new(3, 1, 2, vec![1, 2, 30, 40, 100, 200]).unwrap();
        let datum = Datum {
            data: image.to_png().unwrap(),
            encoded: Some(true),
            label: Some(3),
            ..Datum::default()
        };
        let check = |colour, shape, pixels: &[u8]| {
            let mut record = Record::default();
            record.read(&datum.encode_to_vec()).unwrap();
            assert!(record.is_encoded());
            record.decode(colour).unwrap();
            assert_eq!((record.shape(), record.values()), (shape, Values::Bytes(pixels)));
            assert_eq!(record.label(), 3);
        };
        check(Colour::AsStored, [3, 1, 2], &[1, 2, 30, 40, 100, 200]);
        check(Colour::Grey, [1, 1, 2], &[47, 83]);
        let broken = Datum { data: vec![1, 2, 3], encoded: Some(true), ..Datum::default() };
        let mut record = Record::default();
        record.read(&broken.encode_to_vec()).unwrap();
        assert!(record.decode(Colour::AsStored).unwrap_err().contains("image"));
    }
}
