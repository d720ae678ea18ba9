//! Bilinear interpolation to another size.

use super::planes;
use super::prelude::*;

params! {
    /// Resizes the last two axes of `N x C x H x W` by bilinear interpolation with aligned corners: the centres of
    /// the corner pixels stay where they are.
    ///
    /// A layer of the DeepLab fork of Caffe (Chen et al. 2015), also used by PSPNet. The size is (in - 1) / shrink + 1
    /// rounded down, then (in - 1) zoom + 1 or both in this order, else `height` and `width`; as there, a single factor
    /// wins over a size, and a size over both factors. Padding is not positive: it crops the bottom first.
    pub struct Interp {
        /// Height of the top; needs `width` beside it.
        height: Option<usize> = None,
        /// Width of the top.
        width: Option<usize> = None,
        /// Factor by which intervals between pixels are divided.
        zoom: Option<usize> = None,
        /// Factor by which intervals between pixels grow.
        shrink: Option<usize> = None,
        /// Rows and columns cut off at the beginning.
        crop_begin: usize = 0,
        /// Rows and columns cut off at the end.
        crop_end: usize = 0,
        /// Factor for height and width; the batch axis may then be missing, as it may with `maybe_batched`.
        scale: Option<usize> = None,
        /// Whether the batch axis may be missing.
        maybe_batched: bool = false,
    }
}

/// The description of [`Interp`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[
        caffe("Interp", |a| Interp::read(a).into()),
        torch("nn.SpatialUpSamplingBilinear", &["scale"], |a| Interp::read_fields(a).into())
            .script(BILINEAR),
    ],
    ..LayerSpec::new("Interp", Category::Shape, Interp::DOCS)
};

const BILINEAR: &str = r#"
function Class:__init(scale)
   Parent.__init(self)
   if type(scale) == 'table' then
      self.oheight, self.owidth = scale.oheight, scale.owidth
   else
      self.scale_factor = scale
   end
   local size = self.oheight and self.owidth
   if not size and (not self.scale_factor or self.scale_factor ~= math.floor(self.scale_factor)) then
      error('a whole number is needed as scale, or {oheight=.., owidth=..}', 3)
   end
end
function Class:__tostring__()
   if self.scale_factor then
      return string.format('%s(%d)', torch.type(self), self.scale_factor)
   end
   return string.format('%s(%d, %d)', torch.type(self), self.oheight, self.owidth)
end
"#;

impl Interp {
    fn read(a: &Args) -> Self {
        let p = a.section("interp_param");
        let crop = |key| {
            let pad = p.int(key).unwrap_or(0);
            if 0 < pad {
                p.wrong(key, format!("`{key}` crops, so it is 0 or negative, not {pad}"));
            }
            usize::try_from(pad.unsigned_abs()).unwrap_or(usize::MAX)
        };
        Interp {
            height: p.usize("height"),
            width: p.usize("width"),
            zoom: p.usize("zoom_factor"),
            shrink: p.usize("shrink_factor"),
            crop_begin: crop("pad_beg"),
            crop_end: crop("pad_end"),
            ..Interp::default()
        }
    }

    /// Reads the field of a factor for height and width.
    pub(super) fn read_factor(a: &Args, key: &'static str) -> Self {
        let scale = Some(super::lua::count(a, key));
        Interp { scale, maybe_batched: true, ..Interp::default() }
    }

    /// Reads the fields of Torch's SpatialUpSamplingBilinear.
    fn read_fields(a: &Args) -> Self {
        Interp {
            height: a.usize("oheight"),
            width: a.usize("owidth"),
            scale: a.usize("scale_factor"),
            maybe_batched: true,
            ..Interp::default()
        }
    }

    /// The size along an axis of which `extent` elements are left; none if nothing is said about it.
    fn resized(&self, extent: usize, size: Option<usize>) -> Option<usize> {
        let shrunk = |by: usize| (extent - 1) / by + 1;
        let zoomed = |extent: usize, by: usize| (extent - 1).saturating_mul(by).saturating_add(1);
        match (self.shrink, self.zoom) {
            (Some(shrink), None) => Some(shrunk(shrink)),
            (None, Some(zoom)) => Some(zoomed(extent, zoom)),
            (Some(shrink), Some(zoom)) => size.or(Some(zoomed(shrunk(shrink), zoom))),
            (None, None) => size,
        }
    }
}

impl LayerOps for Interp {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        let whole = match self.maybe_batched {
            true => planes::batched(cx, 4, None)?,
            false => shape.clone(),
        };
        if whole.rank() != 4 {
            return cx.fail_bottom(0, "interpolation needs a blob of 4 axes, N x C x H x W");
        }
        for (key, value) in [
            ("height", self.height),
            ("width", self.width),
            ("zoom_factor", self.zoom),
            ("shrink_factor", self.shrink),
            ("scale_factor", self.scale),
        ] {
            cx.not_zero(key, value)?;
        }
        let sizes = match (self.height, self.width) {
            (Some(height), Some(width)) => [Some(height), Some(width)],
            _ => [None, None],
        };
        let mut top = whole;
        for (extent, size) in top.0[2..].iter_mut().zip(sizes) {
            let cropped = self.crop_begin.saturating_add(self.crop_end);
            let left = extent.saturating_sub(cropped);
            if left == 0 {
                let why = format!("nothing of {shape} is left if {cropped} rows and columns go");
                return cx.fail(&["pad_beg", "pad_end"], why);
            }
            let scaled = self.scale.map(|scale| left.saturating_mul(scale));
            *extent = match scaled.or_else(|| self.resized(left, size)) {
                Some(size) => size,
                None => {
                    let why = "give `zoom_factor`, `shrink_factor`, or `height` and `width`";
                    return cx.fail(&["interp_param"], why);
                }
            };
        }
        Ok(Signature::of(planes::as_bottom(top, shape, 4)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let mut x = planes::view_batched(b, cx.bottoms[0], 4);
        for axis in [2, 3] {
            let extent = b.shape(x).dims()[axis];
            let left = extent.saturating_sub(self.crop_begin.saturating_add(self.crop_end));
            x = b.slice(x, axis, self.crop_begin, left);
        }
        let top = planes::with_batch(cx.top(0), 4);
        if *b.shape(x) != top {
            x = b.native(Bilinear { size: [top.dims()[2], top.dims()[3]] }, &[x])[0];
        }
        vec![b.view(x, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        let factor = |name: &str, by: Option<usize>| by.map(|by| format!("{name} {by}"));
        let factors = [factor("shrink", self.shrink), factor("zoom", self.zoom)];
        let text = factors.into_iter().flatten().collect::<Vec<_>>().join(", ");
        match (self.height, self.width) {
            (Some(height), Some(width)) if text.is_empty() => format!("to {height} x {width}"),
            _ => text,
        }
    }
}

/// `(N x C x H x W) -> N x C x size`.
#[derive(Debug, PartialEq)]
struct Bilinear {
    size: [usize; 2],
}

/// Between which elements an element of the result lies, and how far from the first.
#[derive(Clone, Copy)]
struct Place<T> {
    first: usize,
    second: usize,
    weight: T,
}

/// The places along an axis.
fn places<T: Real>(from: usize, to: usize) -> Vec<Place<T>> {
    let (room, intervals) = (from as u128 - 1, (to as u128 - 1).max(1));
    let place = |i: usize| {
        let at = i as u128 * room;
        let first = (at / intervals) as usize;
        let weight = (at % intervals) as f64 / intervals as f64;
        Place { first, second: (first + 1).min(from - 1), weight: T::from_f64(weight) }
    };
    (0..to).map(place).collect()
}

impl Operation for Bilinear {
    const NAME: &'static str = "interpolate";

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        vec![args[0].with(2, self.size[0]).with(3, self.size[1])]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let [height, width] = [2, 3].map(|i| args[0].shape.dims()[i]);
        let (rows, columns) = (places::<T>(height, self.size[0]), places::<T>(width, self.size[1]));
        let tops = outs[0].data.chunks_exact_mut(rows.len() * columns.len());
        for (x, y) in args[0].data.chunks_exact(height * width).zip(tops) {
            for (row, y) in rows.iter().zip(y.chunks_exact_mut(columns.len())) {
                let above = &x[row.first * width..][..width];
                let below = &x[row.second * width..][..width];
                for (column, y) in columns.iter().zip(y) {
                    let across = |x: &[T]| {
                        x[column.first] * (T::ONE - column.weight)
                            + x[column.second] * column.weight
                    };
                    *y = across(above) * (T::ONE - row.weight) + across(below) * row.weight;
                }
            }
        }
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let [height, width] = [2, 3].map(|i| saved.args[0].shape.dims()[i]);
        let (rows, columns) = (places::<T>(height, self.size[0]), places::<T>(width, self.size[1]));
        let tops = saved.douts[0].data.chunks_exact(rows.len() * columns.len());
        dargs[0].data.fill(T::ZERO);
        for (dx, dy) in dargs[0].data.chunks_exact_mut(height * width).zip(tops) {
            for (row, dy) in rows.iter().zip(dy.chunks_exact(columns.len())) {
                for (column, &dy) in columns.iter().zip(dy) {
                    let (above, below) = (dy * (T::ONE - row.weight), dy * row.weight);
                    for (row, d) in [(row.first, above), (row.second, below)] {
                        dx[row * width + column.first] += d * (T::ONE - column.weight);
                        dx[row * width + column.second] += d * column.weight;
                    }
                }
            }
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let extents = [2, 3].map(|i| args[0].dims()[i]).into_iter().chain(self.size);
        let call = match pass {
            Pass::Forward => {
                let n = args[0].count_of(0..2) * self.size[0] * self.size[1];
                Call::each("interpolate", n, vec![Operand::Arg(0), Operand::Out(0)])
            }
            Pass::Backward(_) => {
                let operands = vec![Operand::OutGradient(0), Operand::ArgGradient(0)];
                Call::each("interpolate_grad", args[0].count(), operands)
            }
        };
        let calls = vec![call.with_all(extents)];
        Some(DeviceForm { texts: &[include_str!("interp.cu")], calls, work: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{blob, check, counting};

    fn layer(fields: &str) -> String {
        format!(
            r#"layer {{ name: "l" type: "Interp" bottom: "a" top: "y" interp_param {{ {fields} }} }}"#
        )
    }

    #[test]
    fn corners_stay_and_the_rest_lies_between() {
        let x = || [("a", counting(&[1, 1, 2, 3]))];
        let doubled = [
            [0.0, 0.5, 1.0, 1.5, 2.0], //
            [1.5, 2.0, 2.5, 3.0, 3.5],
            [3.0, 3.5, 4.0, 4.5, 5.0],
        ];
        check(&layer("zoom_factor: 2"), &x(), &blob(&[1, 1, 3, 5], doubled.as_flattened()));
        check(&layer("shrink_factor: 2"), &x(), &blob(&[1, 1, 1, 2], &[0.0, 2.0]));
        let sized = [0.0, 2.0 / 3.0, 4.0 / 3.0, 2.0];
        check(&layer("height: 1 width: 4"), &x(), &blob(&[1, 1, 1, 4], &sized));
    }

    #[test]
    fn padding_crops_first() {
        let fields = "height: 1 width: 3 pad_beg: 0 pad_end: -1";
        let want = blob(&[1, 1, 1, 3], &[0.0, 0.5, 1.0]);
        check(&layer(fields), &[("a", counting(&[1, 1, 2, 3]))], &want);
    }
}
