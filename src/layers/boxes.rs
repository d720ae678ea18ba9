//! What layers about boxes share: their overlap, and how a box is told by its difference from a default box.

use crate::program::device::Number;
use crate::real::Real;
use crate::spec::Args;

/// The corners of a box: xmin, ymin, xmax, ymax, in parts of an image.
pub type Corners<T> = [T; 4];

/// The texts of [`overlap`], [`Code::encode`] and [`Code::decode`] for a GPU.
pub(super) const BOX_TEXT: &str = include_str!("boxes.cu");

/// What the four numbers of a box are, relative to its default box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offsets {
    /// The differences of the corners.
    Corner,
    /// The difference of the centres in sizes of the default box, and the logarithms of the ratios of the sizes.
    CenterSize,
    /// The differences of the corners in sizes of the default box.
    CornerSize,
}

/// The `code_type` of SSD's layers, and whether the variances are left out of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// What the numbers are.
    pub offsets: Offsets,
    /// Whether the numbers are not divided by the variances of the default box.
    pub plain: bool,
}

impl Code {
    /// Reads `code_type`; `plain` is the field that says whether variances are left out.
    pub(super) fn read(p: &Args, plain: &'static str) -> Self {
        let words = [
            ("CORNER", Offsets::Corner),
            ("CENTER_SIZE", Offsets::CenterSize),
            ("CORNER_SIZE", Offsets::CornerSize),
        ];
        Code {
            offsets: p.choice_from("code_type", 1, &words).unwrap_or(Offsets::Corner),
            plain: p.bool(plain).unwrap_or(false),
        }
    }

    /// The constants of the device functions.
    pub(super) fn numbers(self) -> [Number; 2] {
        [(self.offsets as usize).into(), self.plain.into()]
    }

    fn factors<T: Real>(self, variances: &[T]) -> Corners<T> {
        [0, 1, 2, 3].map(|i| if self.plain { T::ONE } else { variances[i] })
    }

    /// The numbers of a box beside a default box.
    pub(super) fn encode<T: Real>(
        self,
        prior: &[T],
        variances: &[T],
        of: &Corners<T>,
    ) -> Corners<T> {
        let half = T::from_f64(0.5);
        let size = [prior[2] - prior[0], prior[3] - prior[1]];
        let apart: Corners<T> = match self.offsets {
            Offsets::Corner => [0, 1, 2, 3].map(|i| of[i] - prior[i]),
            Offsets::CornerSize => [0, 1, 2, 3].map(|i| (of[i] - prior[i]) / size[i % 2]),
            Offsets::CenterSize => [0, 1, 2, 3].map(|i| match i {
                0 | 1 => ((of[i] + of[i + 2]) * half - (prior[i] + prior[i + 2]) * half) / size[i],
                _ => ((of[i] - of[i - 2]) / size[i - 2]).ln(),
            }),
        };
        let factors = self.factors(variances);
        [0, 1, 2, 3].map(|i| apart[i] / factors[i])
    }

    /// The box that these numbers beside a default box mean.
    pub(super) fn decode<T: Real>(self, prior: &[T], variances: &[T], numbers: &[T]) -> Corners<T> {
        let half = T::from_f64(0.5);
        let size = [prior[2] - prior[0], prior[3] - prior[1]];
        let factors = self.factors(variances);
        let by = [0, 1, 2, 3].map(|i| numbers[i] * factors[i]);
        match self.offsets {
            Offsets::Corner => [0, 1, 2, 3].map(|i| prior[i] + by[i]),
            Offsets::CornerSize => [0, 1, 2, 3].map(|i| prior[i] + by[i] * size[i % 2]),
            Offsets::CenterSize => {
                let centre = [0, 1].map(|i| by[i] * size[i] + (prior[i] + prior[i + 2]) * half);
                let reach = [0, 1].map(|i| by[i + 2].exp() * size[i] * half);
                let (low, high) =
                    ([0, 1].map(|i| centre[i] - reach[i]), [0, 1].map(|i| centre[i] + reach[i]));
                [low[0], low[1], high[0], high[1]]
            }
        }
    }
}

/// The area of a box; 0 if it is turned inside out.
fn area<T: Real>(of: &[T]) -> T {
    if of[2] < of[0] || of[3] < of[1] { T::ZERO } else { (of[2] - of[0]) * (of[3] - of[1]) }
}

/// The area that two boxes share, in parts of the area that either covers (Jaccard's index).
pub(super) fn overlap<T: Real>(a: &[T], b: &[T]) -> T {
    let wide = a[2].min(b[2]) - a[0].max(b[0]);
    let high = a[3].min(b[3]) - a[1].max(b[1]);
    if !(T::ZERO < wide && T::ZERO < high) {
        return T::ZERO;
    }
    let shared = wide * high;
    shared / (area(a) + area(b) - shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_again() {
        let prior: Corners<f64> = [0.1, 0.2, 0.5, 0.4];
        let (variances, of) = ([0.1, 0.1, 0.2, 0.3], [0.15, 0.1, 0.45, 0.6]);
        for offsets in [Offsets::Corner, Offsets::CenterSize, Offsets::CornerSize] {
            for plain in [false, true] {
                let code = Code { offsets, plain };
                let numbers = code.encode(&prior, &variances, &of);
                let back = code.decode(&prior, &variances, &numbers);
                let near = back.iter().zip(&of).all(|(a, b)| (a - b).abs() < 1e-12);
                assert!(near, "{code:?}: {back:?}");
            }
        }
    }

    #[test]
    fn overlaps() {
        let unit = [0.0, 0.0, 1.0, 1.0];
        assert_eq!(overlap(&unit, &unit), 1.0);
        assert_eq!(overlap(&unit, &[0.5, 0.0, 1.5, 1.0]), 1.0 / 3.0);
        assert_eq!(overlap(&unit, &[1.0, 0.0, 2.0, 1.0]), 0.0);
        assert_eq!(overlap(&unit, &[0.6, 0.0, 0.4, 1.0]), 0.0);
    }
}
