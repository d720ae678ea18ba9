//! Writes a vector as torch saves a FloatTensor, in the binary encoding: what DIGITS calls `_Weights.t7`.

use std::path::Path;

use crate::weights::stream::write_values;
use crate::{Result, file};

/// Writes the numbers as one tensor of one axis.
///
/// # Errors
/// The file cannot be written.
pub fn write_flat(path: &Path, values: &[f32]) -> Result<()> {
    let int = |n: i32| n.to_le_bytes();
    let mut head = vec![];
    let text = |head: &mut Vec<u8>, text: &str| {
        head.extend(int(text.len() as i32));
        head.extend(text.as_bytes());
    };
    let object = |head: &mut Vec<u8>, number: i32, class: &str| {
        head.extend(int(4));
        head.extend(int(number));
        text(head, "V 1");
        text(head, class);
    };
    let len = (values.len() as i64).to_le_bytes();
    object(&mut head, 1, "torch.FloatTensor");
    head.extend(int(1));
    head.extend(len);
    // The stride, and the offset counted from 1.
    head.extend(1i64.to_le_bytes());
    head.extend(1i64.to_le_bytes());
    object(&mut head, 2, "torch.FloatStorage");
    head.extend(len);
    file::write_atomically(path, |writer| {
        writer.write_all(&head)?;
        write_values(writer, values)
    })
}
