//! Where the elements of a tensor lie in its storage: first place, extents and strides.

use std::ops::Range;

/// The geometry of a tensor; extents and strides count elements, the first place counts from 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The place of the first element.
    pub offset: usize,
    /// Extents; a tensor without any has no elements.
    pub sizes: Vec<usize>,
    /// How far apart neighbours lie along each extent.
    pub strides: Vec<usize>,
}

impl Layout {
    /// Row after row from a place on.
    pub fn rows(offset: usize, sizes: &[usize]) -> Layout {
        let mut strides = vec![1usize; sizes.len()];
        for at in (1..sizes.len()).rev() {
            strides[at - 1] = strides[at].saturating_mul(sizes[at]);
        }
        Layout { offset, sizes: sizes.to_vec(), strides }
    }

    /// Without extents if one of them is 0, as tensors without elements are.
    pub(super) fn or_empty(self) -> Layout {
        match self.sizes.contains(&0) {
            true => Layout { offset: self.offset, ..Layout::default() },
            false => self,
        }
    }

    /// How many elements there are.
    pub fn count(&self) -> usize {
        count(&self.sizes)
    }

    /// Whether the elements lie row after row without gaps.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        for (&size, &stride) in self.sizes.iter().zip(&self.strides).rev() {
            if size != 1 && stride != expected {
                return false;
            }
            expected *= size;
        }
        true
    }

    /// The places of the elements if these are a run without gaps and repetitions, in whatever order.
    pub fn run(&self) -> Option<Range<usize>> {
        let mut extents: Vec<_> = self.strides.iter().zip(&self.sizes).collect();
        extents.retain(|(_, size)| **size != 1);
        extents.sort();
        let mut expected = 1;
        for (&stride, &size) in extents {
            if stride != expected {
                return None;
            }
            expected *= size;
        }
        Some(self.offset..self.offset + self.count())
    }

    /// One more than the largest place.
    pub fn end(&self) -> usize {
        let last =
            |(size, stride): (&usize, &usize)| size.saturating_sub(1).saturating_mul(*stride);
        let extents = self.sizes.iter().zip(&self.strides);
        let span = extents.map(last).fold(0usize, usize::saturating_add);
        if self.count() == 0 { 0 } else { self.offset.saturating_add(span).saturating_add(1) }
    }

    /// The places of the elements, row after row.
    pub fn places(&self) -> Places<'_> {
        Places {
            layout: self,
            index: vec![0; self.sizes.len()],
            place: self.offset,
            left: self.count(),
        }
    }

    /// One index of an extent; the extent goes away.
    pub fn select(&self, dimension: usize, index: usize) -> Layout {
        let mut layout = self.clone();
        layout.offset += index * layout.strides[dimension];
        layout.sizes.remove(dimension);
        layout.strides.remove(dimension);
        layout
    }

    /// A part of an extent.
    pub fn narrow(&self, dimension: usize, start: usize, length: usize) -> Layout {
        let mut layout = self.clone();
        layout.offset += start * layout.strides[dimension];
        layout.sizes[dimension] = length;
        layout
    }

    /// Two extents exchanged.
    pub fn transpose(&self, first: usize, second: usize) -> Layout {
        let mut layout = self.clone();
        layout.sizes.swap(first, second);
        layout.strides.swap(first, second);
        layout
    }

    /// The layout without extents of 1, but with at least one extent.
    pub fn squeeze(&self) -> Layout {
        let mut layout = self.clone();
        let kept: Vec<usize> = (0..self.sizes.len()).filter(|&d| self.sizes[d] != 1).collect();
        layout.sizes = kept.iter().map(|&d| self.sizes[d]).collect();
        layout.strides = kept.iter().map(|&d| self.strides[d]).collect();
        if kept.is_empty() && !self.sizes.is_empty() {
            (layout.sizes, layout.strides) = (vec![1], vec![1]);
        }
        layout
    }
}

/// The product of extents, 0 if there is none; the largest number if it is larger than that.
pub(super) fn count(sizes: &[usize]) -> usize {
    if sizes.is_empty() || sizes.contains(&0) {
        return 0;
    }
    sizes.iter().fold(1usize, |product, &size| product.saturating_mul(size))
}

/// `2x3` for messages.
pub(super) fn describe(sizes: &[usize]) -> String {
    let sizes: Vec<_> = sizes.iter().map(usize::to_string).collect();
    sizes.join("x")
}

/// Goes through the places of a layout.
pub struct Places<'l> {
    layout: &'l Layout,
    index: Vec<usize>,
    place: usize,
    left: usize,
}

impl Iterator for Places<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let place = self.place;
        for at in (0..self.index.len()).rev() {
            let (size, stride) = (self.layout.sizes[at], self.layout.strides[at]);
            self.index[at] += 1;
            // The stride of a single index is never walked and may be anything.
            self.place = self.place.wrapping_add(stride);
            if self.index[at] < size {
                break;
            }
            self.index[at] = 0;
            self.place = self.place.wrapping_sub(stride.wrapping_mul(size));
        }
        Some(place)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Places<'_> {}
