//! Writes Caffe's messages of blobs from where the values lie, without a copy of them: a snapshot takes little memory beside
//! the net.

use std::io::{Result, Write};

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use super::Blob;
use crate::data::proto::{BlobProto, BlobShape};

/// Fields of `BlobProto`; the four axes of old files have the numbers 1 to 4.
const DATA: u32 = 5;
const DIFF: u32 = 6;

/// A blob as a field of a message.
pub(super) struct BlobField<'a> {
    /// The number of the field.
    pub tag: u32,
    /// The values.
    pub blob: &'a Blob,
    /// Their `diff`; may be empty.
    pub diff: &'a [f32],
    /// Whether four axes are written as in old files. Caffe forgives these, and no others, axes of 1 in front.
    pub four_axes: bool,
}

/// Bytes of a field that has so many bytes itself.
fn field_len(tag: u32, len: usize) -> usize {
    key_len(tag) + encoded_len_varint(len as u64) + len
}

/// Begins a field of so many bytes.
pub(super) fn begin(writer: &mut dyn Write, tag: u32, len: usize) -> Result<()> {
    let mut start = vec![];
    encode_key(tag, WireType::LengthDelimited, &mut start);
    encode_varint(len as u64, &mut start);
    writer.write_all(&start)
}

/// The values of a packed field; none at all for none.
fn floats(writer: &mut dyn Write, tag: u32, values: &[f32]) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    begin(writer, tag, size_of_val(values))?;
    write_values(writer, values)
}

/// Writes values in the order of bytes of all these formats, a piece at a time.
pub(super) fn write_values(writer: &mut dyn Write, values: &[f32]) -> Result<()> {
    let mut bytes = Vec::with_capacity(1 << 16);
    for piece in values.chunks((1 << 16) / size_of::<f32>()) {
        bytes.clear();
        bytes.extend(piece.iter().flat_map(|x| x.to_le_bytes()));
        writer.write_all(&bytes)?;
    }
    Ok(())
}

impl BlobField<'_> {
    /// The fields of the axes in front of the values, and those behind.
    fn axes(&self) -> [Vec<u8>; 2] {
        let axes = |i: usize| self.blob.shape.get(i).and_then(|&n| i32::try_from(n).ok());
        if self.four_axes && self.blob.shape.len() == 4 {
            let [num, channels, height, width] = [0, 1, 2, 3].map(axes);
            let old = BlobProto { num, channels, height, width, ..BlobProto::default() };
            return [old.encode_to_vec(), vec![]];
        }
        let dim = self.blob.shape.iter().map(|&n| n as i64).collect();
        let shape = Some(BlobShape { dim });
        [vec![], BlobProto { shape, ..BlobProto::default() }.encode_to_vec()]
    }

    fn inner_len(&self) -> usize {
        let packed = |tag, values: &[f32]| match values.len() {
            0 => 0,
            _ => field_len(tag, size_of_val(values)),
        };
        let axes: usize = self.axes().iter().map(Vec::len).sum();
        packed(DATA, &self.blob.data) + packed(DIFF, self.diff) + axes
    }

    /// Bytes of the field.
    pub fn len(&self) -> usize {
        field_len(self.tag, self.inner_len())
    }

    pub fn write(&self, writer: &mut dyn Write) -> Result<()> {
        begin(writer, self.tag, self.inner_len())?;
        let [before, after] = self.axes();
        writer.write_all(&before)?;
        floats(writer, DATA, &self.blob.data)?;
        floats(writer, DIFF, self.diff)?;
        writer.write_all(&after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::proto::LayerParameter;

    #[test]
    fn fields_are_those_of_the_messages() {
        let many = Blob { shape: vec![3, 20_000], data: (0..60_000).map(|i| i as f32).collect() };
        let none = Blob { shape: vec![0], data: vec![] };
        let scalar = Blob { shape: vec![], data: vec![2.5] };
        let old = Blob { shape: vec![1, 1, 2, 3], data: vec![0.5; 6] };
        let cases: [(&Blob, &[f32], bool); 4] = [
            (&many, &many.data, false),
            (&none, &[], true),
            (&scalar, &[], false),
            (&old, &[], true),
        ];
        for (blob, diff, four_axes) in cases {
            let field = BlobField { tag: 7, blob, diff, four_axes };
            let mut bytes = vec![];
            field.write(&mut bytes).expect("written");
            let dim = blob.shape.iter().map(|&n| n as i64).collect();
            let proto = BlobProto {
                shape: Some(BlobShape { dim }),
                data: blob.data.clone(),
                diff: diff.to_vec(),
                ..BlobProto::default()
            };
            let proto = match blob.shape[..] {
                [1, 1, 2, 3] => BlobProto {
                    shape: None,
                    num: Some(1),
                    channels: Some(1),
                    height: Some(2),
                    width: Some(3),
                    ..proto
                },
                _ => proto,
            };
            let layer = LayerParameter { blobs: vec![proto], ..LayerParameter::default() };
            assert!(bytes == layer.encode_to_vec(), "{:?}", blob.shape);
            assert_eq!(bytes.len(), field.len());
        }
    }
}
