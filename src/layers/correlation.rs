//! How alike patches of two images are, for all displacements between them.

use super::prelude::*;
use crate::window::Axis;

/// How patches are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// By the mean of the products of their elements.
    Multiply,
    /// By the mean of the absolute differences of their elements.
    Subtract,
}

params! {
    /// Compares each patch of the first image with the patches of the second that are displaced by up to
    /// `max_displacement` pixels (FlowNetC, Dosovitskiy et al. 2015, section 3).
    ///
    /// Bottoms `N x C x H x W`, zeros around them; the top is `N x D² x rows x columns`, where D is 2 floor(max_displacement /
    /// stride_2) + 1 and channel D i + j has the patches displaced by `stride_2` (i - (D - 1)/2) rows and (j - (D - 1)/2)
    /// columns. Rows are ceil((H + 2 pad - 2 max_displacement - kernel_size + 1) / stride_1): displaced patches lie within the
    /// padding. `do_abs` has no effect, as in FlowNet's fork of Caffe; where elements are equal the derivative of their
    /// difference counts as 1.
    pub struct Correlation {
        /// Side of a patch, odd.
        kernel_size: usize = 1,
        /// The farthest displacement along each axis.
        max_displacement: usize = 0,
        /// Zeros around both images.
        pad: usize = 0,
        /// Step between patches of the first image.
        stride_1: usize = 1,
        /// Step between displacements.
        stride_2: usize = 1,
        /// How patches are compared.
        correlation_type: Comparison = Comparison::Multiply,
    }
}

/// The description of [`Correlation`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    in_place: InPlace::Refused,
    spellings: &[caffe("Correlation", |a| {
        let p = a.section("correlation_param");
        p.ignore(&["do_abs"]);
        let types = [("MULTIPLY", Comparison::Multiply), ("SUBTRACT", Comparison::Subtract)];
        Correlation {
            kernel_size: p.required("kernel_size", Args::usize),
            max_displacement: p.required("max_displacement", Args::usize),
            pad: p.usize("pad").unwrap_or(0),
            stride_1: p.usize("stride_1").unwrap_or(1),
            stride_2: p.usize("stride_2").unwrap_or(1),
            correlation_type: p.choice("correlation_type", &types).unwrap_or(Comparison::Multiply),
        }
        .into()
    })],
    ..LayerSpec::new("Correlation", Category::Shape, Correlation::DOCS)
};

impl Correlation {
    /// Displacements to either side along an axis.
    fn radius(&self) -> usize {
        self.max_displacement / self.stride_2.max(1)
    }

    /// Displacements along an axis.
    fn grid(&self) -> usize {
        2 * self.radius() + 1
    }

    /// Patches of the first image along an axis, if there are any.
    fn patches(&self, extent: usize) -> Option<usize> {
        let reach = self.max_displacement.checked_mul(2)?.checked_add(self.kernel_size)?;
        Axis::new(reach, self.stride_1, self.pad).convolved(extent)
    }
}

impl LayerOps for Correlation {
    fn check(&self, cx: &Infer) -> Result<(), Reported> {
        if self.kernel_size.is_multiple_of(2) {
            let side = self.kernel_size;
            return cx.fail(&["kernel_size"], format!("the side of a patch is odd, not {side}"));
        }
        let strides = [("stride_1", self.stride_1), ("stride_2", self.stride_2)];
        match strides.iter().find(|(_, stride)| *stride == 0) {
            Some((key, _)) => cx.fail(&[key], format!("`{key}` must not be 0")),
            None => Ok(()),
        }
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (a, b) = (cx.bottom(0), cx.bottom(1));
        let &[items, _, height, width] = a.dims() else {
            return cx.fail_bottom(0, "correlation is of images, N x C x H x W");
        };
        if a != b {
            return cx.fail_bottom(1, format!("must have the shape of the first bottom, {a}"));
        }
        let (Some(rows), Some(columns)) = (self.patches(height), self.patches(width)) else {
            let message = format!(
                "displacements of {} and patches of {} do not fit into {height} x {width} pixels with a padding of {}",
                self.max_displacement, self.kernel_size, self.pad
            );
            return cx.fail(&["max_displacement", "kernel_size", "pad"], message);
        };
        let grid = self.grid();
        let Some(channels) = grid.checked_mul(grid) else {
            return cx.fail(&["max_displacement"], "there are too many displacements");
        };
        Ok(Signature::of([items, channels, rows, columns].into()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        b.native(Compare(self.clone()), cx.bottoms)
    }

    fn detail(&self) -> String {
        let mut text = format!("up to {}", self.max_displacement);
        for (name, value, idle) in [
            ("patches of", self.kernel_size, 1),
            ("stride", self.stride_1, 1),
            ("displacements by", self.stride_2, 1),
            ("pad", self.pad, 0),
        ] {
            if value != idle {
                text.push_str(&format!(", {name} {value}"));
            }
        }
        text
    }
}

/// `(first, second) -> comparisons`.
#[derive(Debug, PartialEq)]
struct Compare(Correlation);

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Sizes {
    channels: usize,
    height: usize,
    width: usize,
    /// Rows and columns with the padding around.
    padded: [usize; 2],
    rows: usize,
    columns: usize,
}

impl Compare {
    fn sizes(&self, image: &Shape) -> Sizes {
        let [channels, height, width] = [1, 2, 3].map(|i| image.dims()[i]);
        let [rows, columns] = [height, width].map(|extent| self.0.patches(extent).unwrap_or(0));
        let padded = [height, width].map(|extent| extent + 2 * self.0.pad);
        Sizes { channels, height, width, padded, rows, columns }
    }

    /// Copies an image to the middle of zeros.
    fn surround<T: Real>(&self, s: Sizes, image: &[T], to: &mut [T]) {
        to.fill(T::ZERO);
        let planes = to.chunks_exact_mut(s.padded[0] * s.padded[1]);
        for (to, from) in planes.zip(image.chunks_exact(s.height * s.width)) {
            let to = to.chunks_exact_mut(s.padded[1]).skip(self.0.pad);
            for (to, from) in to.zip(from.chunks_exact(s.width)) {
                to[self.0.pad..][..s.width].copy_from_slice(from);
            }
        }
    }

    /// Calls `see` with the first output of a row of a channel of the top, and the places of the two elements that are
    /// compared for it in the padded images; later ones are `stride_1` apart.
    fn visit(&self, s: Sizes, mut see: impl FnMut(usize, usize, usize)) {
        let (layer, grid) = (&self.0, self.0.grid());
        let moved = |i: usize| {
            layer.max_displacement + i * layer.stride_2 - layer.radius() * layer.stride_2
        };
        for d in 0..grid * grid {
            for row in 0..s.rows {
                let output = (d * s.rows + row) * s.columns;
                for channel in 0..s.channels {
                    for tap in 0..layer.kernel_size * layer.kernel_size {
                        let (j, i) = (tap / layer.kernel_size, tap % layer.kernel_size);
                        let at = |down: usize, right: usize| {
                            let line = channel * s.padded[0] + row * layer.stride_1 + down + j;
                            line * s.padded[1] + right + i
                        };
                        let first = at(layer.max_displacement, layer.max_displacement);
                        see(output, first, at(moved(d / grid), moved(d % grid)));
                    }
                }
            }
        }
    }

    fn divisor<T: Real>(&self, s: Sizes) -> T {
        T::from_usize(self.0.kernel_size * self.0.kernel_size * s.channels)
    }
}

impl Operation for Compare {
    const NAME: &'static str = "correlation";

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        let (s, grid) = (self.sizes(args[0]), self.0.grid());
        vec![[args[0].dims()[0], grid * grid, s.rows, s.columns].into()]
    }

    fn workspace(&self, args: &[&Shape]) -> usize {
        let s = self.sizes(args[0]);
        3 * s.channels * s.padded[0] * s.padded[1]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], work: &mut [T]) {
        let s = self.sizes(args[0].shape);
        let step = self.0.stride_1;
        let (first, second) = work.split_at_mut(s.channels * s.padded[0] * s.padded[1]);
        let second = &mut second[..first.len()];
        let item = s.channels * s.height * s.width;
        let tops =
            outs[0].data.chunks_mut((self.0.grid() * self.0.grid() * s.rows * s.columns).max(1));
        for (n, top) in tops.enumerate() {
            self.surround(s, &args[0].data[n * item..][..item], first);
            self.surround(s, &args[1].data[n * item..][..item], second);
            top.fill(T::ZERO);
            self.visit(s, |output, a, b| {
                let pairs = first[a..].iter().step_by(step).zip(second[b..].iter().step_by(step));
                for (y, (&a, &b)) in top[output..][..s.columns].iter_mut().zip(pairs) {
                    *y += match self.0.correlation_type {
                        Comparison::Multiply => a * b,
                        Comparison::Subtract => (a - b).abs(),
                    };
                }
            });
            top.iter_mut().for_each(|y| *y /= self.divisor(s));
        }
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], work: &mut [T]) {
        let s = self.sizes(saved.args[0].shape);
        let step = self.0.stride_1;
        let plane = s.padded[0] * s.padded[1];
        let (first, rest) = work.split_at_mut(s.channels * plane);
        let (second, slope) = rest.split_at_mut(s.channels * plane);
        let item = s.channels * s.height * s.width;
        let tops =
            saved.douts[0].data.chunks((self.0.grid() * self.0.grid() * s.rows * s.columns).max(1));
        for (n, dy) in tops.enumerate() {
            self.surround(s, &saved.args[0].data[n * item..][..item], first);
            self.surround(s, &saved.args[1].data[n * item..][..item], second);
            for (&which, to) in saved.wrt.iter().zip(dargs.iter_mut()) {
                slope.fill(T::ZERO);
                self.visit(s, |output, a, b| {
                    let to = if which == 0 { a } else { b };
                    for (i, &dy) in dy[output..][..s.columns].iter().enumerate() {
                        let (a, b) = (first[a + i * step], second[b + i * step]);
                        slope[to + i * step] += match (self.0.correlation_type, which) {
                            (Comparison::Multiply, 0) => dy * b,
                            (Comparison::Multiply, _) => dy * a,
                            (Comparison::Subtract, _) if (b <= a) == (which == 0) => dy,
                            (Comparison::Subtract, _) => -dy,
                        };
                    }
                });
                let to = to.data[n * item..][..item].chunks_exact_mut(s.height * s.width);
                for (to, from) in to.zip(slope.chunks_exact(plane)) {
                    let from = from.chunks_exact(s.padded[1]).skip(self.0.pad);
                    for (to, from) in to.chunks_exact_mut(s.width).zip(from) {
                        let from = &from[self.0.pad..][..s.width];
                        to.iter_mut().zip(from).for_each(|(to, &x)| *to = x / self.divisor(s));
                    }
                }
            }
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let (layer, s) = (&self.0, self.sizes(args[0]));
        let (grid, images) = (layer.grid(), [Operand::Arg(0), Operand::Arg(1)]);
        let numbers = [s.channels, s.height, s.width, s.rows, s.columns, grid, layer.kernel_size];
        let steps = [layer.max_displacement, layer.pad, layer.stride_1, layer.stride_2];
        let subtracts = layer.correlation_type == Comparison::Subtract;
        let told = |call: Call| call.with_all(numbers).with_all(steps).with(subtracts);
        let calls = match pass {
            Pass::Forward => {
                let operands = images.into_iter().chain([Operand::Out(0)]).collect();
                let count = args[0].dims()[0] * grid * grid * s.rows * s.columns;
                vec![told(Call::each("correlation", count, operands))]
            }
            Pass::Backward(wrt) => wrt
                .iter()
                .enumerate()
                .map(|(position, &which)| {
                    let gradients = [Operand::OutGradient(0), Operand::ArgGradient(position)];
                    let operands = images.clone().into_iter().chain(gradients).collect();
                    let call = Call::each("correlation_grad", args[0].count(), operands);
                    told(call).with(which == 1)
                })
                .collect(),
        };
        Some(DeviceForm { texts: &[include_str!("correlation.cu")], calls, work: 0 })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{blob, pass};

    #[test]
    fn channels_are_displacements_and_what_does_not_fit_is_refused() {
        let layer = |more: &str| {
            format!(
                "layer {{ name: 'l' type: 'Correlation' bottom: 'a' bottom: 'b' top: 'y' correlation_param {{ {more} }} }}"
            )
        };
        let tensors = BTreeMap::from([
            ("in.a".to_string(), blob(&[1, 2, 1, 3], &[1.0, 2.0, 3.0, 1.0, 1.0, 1.0])),
            ("in.b".to_string(), blob(&[1, 2, 1, 3], &[5.0, 7.0, 9.0, 0.0, 2.0, 4.0])),
        ]);
        let moved = layer("kernel_size: 1 max_displacement: 1 pad: 1");
        let y = pass(&moved, &tensors).unwrap()["out.y"].clone();
        assert_eq!(y.shape, [1, 9, 1, 3]);
        // The patch to the left, the same, and the one to the right; there are no other rows.
        let rows = [[0.0, 5.0, 11.5], [2.5, 8.0, 15.5], [4.5, 11.0, 0.0]];
        assert_eq!(y.data[9..18], rows.concat());
        assert!(y.data[..9].iter().chain(&y.data[18..]).all(|&x| x == 0.0));
        let differences = layer("kernel_size: 1 max_displacement: 0 correlation_type: SUBTRACT");
        let y = pass(&differences, &tensors).unwrap()["out.y"].clone();
        assert_eq!(y.data, [2.5, 3.0, 4.5]);
        for (more, want) in [
            ("kernel_size: 2 max_displacement: 0", "is odd, not 2"),
            ("kernel_size: 1 max_displacement: 1", "do not fit into 1 x 3 pixels"),
            ("kernel_size: 1 max_displacement: 0 stride_1: 0", "`stride_1` must not be 0"),
            ("max_displacement: 0", "kernel_size"),
        ] {
            let why = pass(&layer(more), &tensors).unwrap_err();
            assert!(why.contains(want), "{why}");
        }
    }
}
