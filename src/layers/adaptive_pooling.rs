//! Pooling to a size that is given, over windows of unequal extents.

use super::executor::for_each_piece;
use super::lua::count;
use super::planes;
use super::prelude::*;

params! {
    /// The maximum or the mean of windows over the last two axes that cut an image into `height x width` parts.
    ///
    /// Window i of n over E pixels goes from floor(i E / n) to before ceil((i + 1) E / n), so windows may overlap and
    /// differ in extent. Among equal maxima the first takes the gradient. The batch axis may be missing.
    pub struct AdaptivePooling {
        /// Whether the mean is taken, else the maximum.
        mean: bool = false,
        /// Height of the top.
        height: usize = 1,
        /// Width of the top.
        width: usize = 1,
    }
}

/// The description of [`AdaptivePooling`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[
        torch("nn.SpatialAdaptiveMaxPooling", &["W", "H"], |a| {
            AdaptivePooling::read(a, false).into()
        })
        .script(SCRIPT),
        torch("nn.SpatialAdaptiveAveragePooling", &["W", "H"], |a| {
            AdaptivePooling::read(a, true).into()
        })
        .script(SCRIPT),
    ],
    ..LayerSpec::new("AdaptivePooling", Category::Pooling, AdaptivePooling::DOCS)
};

const SCRIPT: &str = r#"
function Class:__init(W, H)
   Parent.__init(self)
   self.W, self.H = W, H
end
"#;

impl AdaptivePooling {
    fn read(a: &Args, mean: bool) -> Self {
        AdaptivePooling { mean, height: count(a, "H"), width: count(a, "W") }
    }
}

impl LayerOps for AdaptivePooling {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let whole = planes::batched(cx, 4, None)?;
        for (key, size) in [("H", self.height), ("W", self.width)] {
            cx.not_zero(key, size)?;
        }
        let top = whole.with(2, self.height).with(3, self.width);
        Ok(Signature::of(planes::as_bottom(top, cx.bottom(0), 4)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let first = shape.rank() - 2;
        let images = [shape.count_of(0..first), shape.dims()[first], shape.dims()[first + 1]];
        let x = b.view(cx.bottoms[0], images);
        let y = b.native(Parts { mean: self.mean, size: [self.height, self.width] }, &[x])[0];
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        let what = if self.mean { "mean" } else { "max" };
        format!("{what} of {} x {} parts", self.height, self.width)
    }
}

/// `(planes x H x W) -> planes x size`.
#[derive(Debug, PartialEq)]
struct Parts {
    mean: bool,
    size: [usize; 2],
}

/// The pixels of part `i` of `parts` along an axis of `extent` pixels.
fn part(i: usize, parts: usize, extent: usize) -> std::ops::Range<usize> {
    let start = i as u128 * extent as u128 / parts as u128;
    let end = ((i as u128 + 1) * extent as u128).div_ceil(parts as u128);
    start as usize..end as usize
}

impl Parts {
    /// The ranges of rows and columns of every part of a plane.
    fn of(&self, x: &Shape) -> Vec<[std::ops::Range<usize>; 2]> {
        let parts = |axis: usize| {
            let (parts, extent) = (self.size[axis], x.dims()[1 + axis]);
            (0..parts).map(move |i| part(i, parts, extent)).collect::<Vec<_>>()
        };
        let (rows, columns) = (parts(0), parts(1));
        rows.iter().flat_map(|row| columns.iter().map(|c| [row.clone(), c.clone()])).collect()
    }
}

/// Where the first maximum of a part is in its plane.
fn largest<T: Real>(x: &[T], width: usize, [rows, columns]: [std::ops::Range<usize>; 2]) -> usize {
    let mut best = rows.start * width + columns.start;
    let mut most = x[best];
    for row in rows {
        for (column, &x) in columns.clone().zip(&x[row * width..][columns.clone()]) {
            if most < x {
                (best, most) = (row * width + column, x);
            }
        }
    }
    best
}

impl Operation for Parts {
    const NAME: &'static str = "adaptive-pool";

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        vec![args[0].with(1, self.size[0]).with(2, self.size[1])]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (shape, parts) = (args[0].shape, self.of(args[0].shape));
        let (pixels, width) = (shape.count_of(1..3).max(1), shape.dims()[2]);
        for_each_piece(outs[0].data, parts.len(), |plane, y| {
            let x = &args[0].data[plane * pixels..][..pixels];
            for (y, [rows, columns]) in y.iter_mut().zip(parts.iter().cloned()) {
                if !self.mean {
                    *y = x[largest(x, width, [rows, columns])];
                    continue;
                }
                let count = rows.len() * columns.len();
                let pixels = rows.flat_map(|row| &x[row * width..][columns.clone()]);
                let sum = pixels.fold(T::ZERO, |sum, &x| sum + x);
                *y = sum / T::from_usize(count);
            }
        });
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (shape, parts) = (saved.args[0].shape, self.of(saved.args[0].shape));
        let (pixels, width) = (shape.count_of(1..3).max(1), shape.dims()[2]);
        for_each_piece(dargs[0].data, pixels, |plane, dx| {
            let x = &saved.args[0].data[plane * pixels..][..pixels];
            let dy = &saved.douts[0].data[plane * parts.len()..];
            dx.fill(T::ZERO);
            for (dy, [rows, columns]) in dy.iter().zip(parts.iter().cloned()) {
                if !self.mean {
                    dx[largest(x, width, [rows, columns])] += *dy;
                    continue;
                }
                let share = *dy / T::from_usize(rows.len() * columns.len());
                for row in rows {
                    for dx in &mut dx[row * width..][columns.clone()] {
                        *dx += share;
                    }
                }
            }
        });
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let (planes, x) = (args[0].dims()[0], Operand::Arg(0));
        let extents = args[0].dims()[1..3].iter().copied().chain(self.size);
        let call = match pass {
            Pass::Forward => {
                let n = planes * self.size[0] * self.size[1];
                Call::each("adaptive_pool", n, vec![x, Operand::Out(0)])
            }
            Pass::Backward(_) => {
                let operands = vec![x, Operand::OutGradient(0), Operand::ArgGradient(0)];
                Call::each("adaptive_pool_grad", args[0].count(), operands)
            }
        };
        let calls = vec![call.with_all(extents).with(self.mean)];
        Some(DeviceForm { texts: &[include_str!("adaptive_pooling.cu")], calls, work: 0 })
    }
}
