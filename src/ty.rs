//! Shapes of blobs.

use std::fmt;

/// The extent of every axis of a blob, outermost first. No axes at all is a scalar.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(pub Vec<usize>);

/// The number of elements of a blob with these extents, or `None` if it does not fit; for extents from untrusted input.
pub fn product(extents: impl IntoIterator<Item = usize>) -> Option<usize> {
    extents.into_iter().try_fold(1usize, |n, extent| n.checked_mul(extent))
}

impl Shape {
    /// The shape of a scalar: no axes, one element.
    pub fn scalar() -> Self {
        Shape(vec![])
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The extents.
    pub fn dims(&self) -> &[usize] {
        &self.0
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.0.iter().product()
    }

    /// Number of elements, or `None` if it does not fit; for shapes from untrusted text.
    pub fn checked_count(&self) -> Option<usize> {
        product(self.0.iter().copied())
    }

    /// Product of the extents of a range of axes.
    pub fn count_of(&self, axes: std::ops::Range<usize>) -> usize {
        self.0[axes].iter().product()
    }

    /// Turns an axis that may count from the end (-1 is the last) into an index, if it exists.
    pub fn axis(&self, axis: i64) -> Option<usize> {
        let rank = self.rank() as i64;
        let index = if axis < 0 { axis + rank } else { axis };
        (0..rank).contains(&index).then_some(index as usize)
    }

    /// `N x C x H x W` as `N x H x W x C`.
    pub fn channels_last(&self) -> Shape {
        Shape(vec![self.0[0], self.0[2], self.0[3], self.0[1]])
    }

    /// `N x H x W x C` as `N x C x H x W`.
    pub fn channels_first(&self) -> Shape {
        Shape(vec![self.0[0], self.0[3], self.0[1], self.0[2]])
    }

    /// The same shape with one axis changed.
    pub fn with(&self, axis: usize, extent: usize) -> Shape {
        let mut dims = self.0.clone();
        dims[axis] = extent;
        Shape(dims)
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Self {
        Shape(dims.to_vec())
    }
}

impl From<Vec<usize>> for Shape {
    fn from(dims: Vec<usize>) -> Self {
        Shape(dims)
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Self {
        Shape(dims.to_vec())
    }
}

/// `64 x 20 x 24 x 24`, and `scalar` for no axes.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("scalar");
        }
        for (i, d) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { " x " };
            write!(f, "{separator}{d}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
