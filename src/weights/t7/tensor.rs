//! Storages, and tensors as windows of them with extents and strides.

use crate::ty::product;
use crate::weights::Blob;

/// The numbers of a storage.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Bytes.
    Byte(Vec<u8>),
    /// Chars, shorts, ints and longs.
    Whole(Vec<i64>),
    /// Halves and floats.
    Float(Vec<f32>),
    /// Doubles.
    Double(Vec<f64>),
}

impl Numbers {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Numbers::Byte(v) => v.len(),
            Numbers::Whole(v) => v.len(),
            Numbers::Float(v) => v.len(),
            Numbers::Double(v) => v.len(),
        }
    }

    fn f32(&self, i: usize) -> f32 {
        match self {
            Numbers::Byte(v) => v[i].into(),
            Numbers::Whole(v) => v[i] as f32,
            Numbers::Float(v) => v[i],
            Numbers::Double(v) => v[i] as f32,
        }
    }
}

/// A window of a storage.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Extents, outermost first; none for an empty tensor.
    pub shape: Vec<usize>,
    /// For each axis, the elements of the storage from one index to the next.
    pub strides: Vec<usize>,
    /// The first element, counted from 0.
    pub offset: usize,
    /// The storage, by its place among the objects of the file; an empty tensor may have none.
    pub storage: Option<usize>,
}

impl Tensor {
    /// Number of elements; torch's tensor without axes has none.
    pub fn count(&self) -> usize {
        match self.shape.as_slice() {
            [] => 0,
            shape => shape.iter().product(),
        }
    }

    /// Number of elements and the last element of the storage that is reached, unless one of them is too large to
    /// be a number.
    pub(super) fn extent(&self) -> Option<(usize, usize)> {
        let count = product(self.shape.iter().copied())?;
        if self.shape.contains(&0) || self.shape.is_empty() {
            return Some((0, self.offset));
        }
        let last = self
            .shape
            .iter()
            .zip(&self.strides)
            .try_fold(self.offset, |at, (&d, &s)| at.checked_add((d - 1).checked_mul(s)?))?;
        Some((count, last))
    }

    /// The elements in row-major order. The reader has made sure that the storage holds them.
    pub(super) fn blob(&self, numbers: &Numbers) -> Blob {
        let count = self.count();
        let mut data = Vec::with_capacity(count);
        let mut index = vec![0; self.shape.len()];
        let mut at = self.offset;
        for _ in 0..count {
            data.push(numbers.f32(at));
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.strides[axis] * self.shape[axis];
                index[axis] = 0;
            }
        }
        let shape = if self.shape.is_empty() { vec![0] } else { self.shape.clone() };
        Blob { shape, data }
    }
}
