//! Geometry of sliding windows: convolution and pooling, the only copy.
//!
//! Caffe's convolution rounds down, its pooling rounds up and, with padding along any axis, drops last windows that
//! would start outside the image and its leading pad (pooling_layer.cpp). Torch rounds pooling down
//! unless `:ceil()` is set. TensorFlow's SAME puts the smaller half of an uneven pad first.

/// How the number of windows along an axis is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Only windows that lie inside the padded image.
    Floor,
    /// A last window may hang over the end; with padding along the axis it begins inside the image or before it.
    Ceil,
    /// A last window may hang over the end if it begins inside the image or before it: what padding along any axis
    /// makes of all.
    CeilInside,
}

/// A window along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Axis {
    /// Extent of the window in elements, before dilation.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// Elements added before the first.
    pub pad_before: usize,
    /// Elements added after the last.
    pub pad_after: usize,
    /// Distance between neighbouring taps of the window; 1 is dense.
    pub dilation: usize,
}

impl Axis {
    /// A dense window with the same pad on both sides.
    pub fn new(kernel: usize, stride: usize, pad: usize) -> Self {
        Axis { kernel, stride, pad_before: pad, pad_after: pad, dilation: 1 }
    }

    /// The extent of the window with its holes.
    pub fn reach(&self) -> usize {
        self.dilation * self.kernel.saturating_sub(1) + usize::from(self.kernel > 0)
    }

    /// Number of windows of a convolution over `extent` elements; `None` if not even one fits.
    ///
    /// `floor((extent + pads - reach) / stride) + 1`.
    pub fn convolved(&self, extent: usize) -> Option<usize> {
        let padded = extent.checked_add(self.pad_before)?.checked_add(self.pad_after)?;
        if self.stride == 0 || self.kernel == 0 {
            return None;
        }
        Some(padded.checked_sub(self.reach())? / self.stride + 1)
    }

    /// The window with as much padding behind `extent` elements as Caffe's convolution takes for granted: its division
    /// rounds towards zero, so that a single window may hang over the end by less than the stride.
    pub fn reaching_over(self, extent: usize) -> Self {
        let padded = extent.saturating_add(self.pad_before).saturating_add(self.pad_after);
        match self.reach().checked_sub(padded) {
            Some(lacking) if lacking < self.stride => {
                Axis { pad_after: self.pad_after + lacking, ..self }
            }
            _ => self,
        }
    }

    /// Extent of the blob that a convolution with this window turns into `extent` elements
    /// (the output of a deconvolution): `stride (extent - 1) + reach - pads + adjust`, where `adjust` says which of
    /// the extents that fit is meant.
    pub fn deconvolved(&self, extent: usize, adjust: usize) -> Option<usize> {
        let spread = self.stride.checked_mul(extent.checked_sub(1)?)?;
        let whole = spread.checked_add(self.reach())?.checked_add(adjust)?;
        whole.checked_sub(self.pad_before + self.pad_after)
    }

    /// Number of pooling windows over `extent` elements; `None` if there is none.
    ///
    /// As Caffe: with any padding the last window must start inside the image or its leading pad. Rounded up, even the
    /// first window may hang over the end, by less than the stride.
    pub fn pooled(&self, extent: usize, rounding: Rounding) -> Option<usize> {
        let padded = extent.checked_add(self.pad_before)?.checked_add(self.pad_after)?;
        if self.stride == 0 || self.kernel == 0 {
            return None;
        }
        let mut count = match (padded.checked_sub(self.reach()), rounding) {
            (Some(room), Rounding::Floor) => room / self.stride + 1,
            (Some(room), _) => room.div_ceil(self.stride) + 1,
            (None, Rounding::Floor) => return None,
            (None, _) => usize::from(self.reach() - padded < self.stride),
        };
        if extent == 0 || count == 0 {
            return None;
        }
        let inside = rounding == Rounding::CeilInside || 0 < self.pad_before + self.pad_after;
        if inside && (count - 1) * self.stride >= extent + self.pad_before {
            count -= 1;
        }
        Some(count)
    }

    /// The axis that TensorFlow's SAME padding gives: `ceil(extent / stride)` windows.
    pub fn same(kernel: usize, stride: usize, dilation: usize, extent: usize) -> Self {
        let mut axis = Axis { kernel, stride, pad_before: 0, pad_after: 0, dilation };
        let windows = extent.div_ceil(stride.max(1)).max(1);
        let total = ((windows - 1) * stride + axis.reach()).saturating_sub(extent);
        axis.pad_before = total / 2;
        axis.pad_after = total - total / 2;
        axis
    }
}

/// A convolution (or, read backwards, a deconvolution): `N x C x spatial` with
/// `O x C/group x kernel` to `N x O x spatial'`. Any number of spatial axes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Conv {
    /// One window per spatial axis.
    pub axes: Vec<Axis>,
    /// Number of groups of channels that do not see each other.
    pub group: usize,
}

impl Conv {
    /// The convolution of the gradient to the result that is this one's gradient to the input, if strides are 1 and no padding
    /// is wider than what a window reaches: windows are turned around, and groups' inputs and outputs exchanged.
    pub fn turned(&self) -> Option<Conv> {
        let turn = |axis: &Axis| {
            let reach = axis.reach() - 1;
            let pad_before = reach.checked_sub(axis.pad_before)?;
            Some(Axis { pad_before, pad_after: reach.checked_sub(axis.pad_after)?, ..*axis })
        };
        let axes = self.axes.iter().map(turn).collect::<Option<Vec<_>>>()?;
        Some(Conv { axes, group: self.group })
    }
}

/// A pooling over the last two axes of `N x C x H x W`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    /// The window along H and along W.
    pub axes: [Axis; 2],
    /// How the number of windows is rounded.
    pub rounding: Rounding,
    /// For averages: whether the divisor counts padding that the window covers (Caffe: yes;
    /// never what hangs over beyond the padding).
    pub count_pad: bool,
}

impl Pool {
    /// The same pooling of images of these extents in the one form that all have that compute the same: of maxima, where
    /// `mean` is false, nothing is divided.
    pub fn plain(mut self, extents: [usize; 2], mean: bool) -> Pool {
        let windows = |rounding| [0, 1].map(|i: usize| self.axes[i].pooled(extents[i], rounding));
        let own = windows(self.rounding);
        let same = [Rounding::Ceil, Rounding::CeilInside].into_iter().find(|&r| windows(r) == own);
        self.rounding = same.unwrap_or(self.rounding);
        let padded = self.axes.iter().any(|axis| 0 < axis.pad_before.max(axis.pad_after));
        self.count_pad |= !mean || !padded;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caffe_pooling_rounds_up_and_clips_only_with_padding() {
        assert_eq!(Axis::new(3, 2, 0).pooled(6, Rounding::Ceil), Some(3));
        assert_eq!(Axis::new(3, 2, 0).pooled(6, Rounding::Floor), Some(2));
        assert_eq!(Axis::new(2, 2, 1).pooled(3, Rounding::Ceil), Some(2));
        assert_eq!(Axis::new(2, 2, 1).pooled(4, Rounding::Ceil), Some(3));
        assert_eq!(Axis::new(2, 3, 1).pooled(3, Rounding::Ceil), Some(2));
        assert_eq!(Axis::new(2, 2, 0).pooled(1, Rounding::Ceil), Some(1));
        assert_eq!(Axis::new(2, 2, 0).pooled(1, Rounding::Floor), None);
        assert_eq!(Axis::new(3, 2, 0).pooled(1, Rounding::Ceil), None);
        assert_eq!(Axis::new(1, 4, 0).pooled(3, Rounding::Ceil), Some(2));
        assert_eq!(Axis::new(1, 4, 0).pooled(3, Rounding::CeilInside), Some(1));
    }

    #[test]
    fn caffe_convolution_may_hang_over_by_less_than_the_stride() {
        assert_eq!(Axis::new(4, 1, 0).reaching_over(3).convolved(3), None);
        assert_eq!(Axis::new(4, 2, 0).reaching_over(3).convolved(3), Some(1));
        assert_eq!(Axis::new(5, 2, 1).reaching_over(1).convolved(1), None);
        assert_eq!(Axis::new(5, 3, 1).reaching_over(1).convolved(1), Some(1));
        assert_eq!(Axis::new(3, 2, 0).reaching_over(8), Axis::new(3, 2, 0));
    }

    #[test]
    fn nothing_fits_is_none() {
        assert_eq!(Axis::new(11, 1, 0).convolved(8), None);
        assert_eq!(Axis::new(3, 1, 1).convolved(1), Some(1));
        assert_eq!(Axis::new(3, 0, 1).convolved(1), None);
    }
}
