//! The largest element of each part of a region of interest.

use super::executor::{for_each_pair_of_pieces, for_each_piece};
use super::lua::count;
use super::prelude::*;

params! {
    /// Divides regions of images into `pooled_h x pooled_w` parts and gives the largest element of each (Fast R-CNN,
    /// Girshick 2015, section 2.1): `R x C x pooled_h x pooled_w`.
    ///
    /// The bottoms are images, `N x C x H x W`, and R regions of five numbers: the image, counted from 0, and x and y of
    /// the first and the last pixel. As in Fast R-CNN's fork of Caffe these are scaled and rounded, halves away from 0, a
    /// region is at least one pixel, parts overlap where they do not fit, and a part without pixels gives 0. Where that
    /// fork aborts because there is no such image the top is not a number. Only the images have a gradient.
    ///
    /// Torch's inn.ROIPooling (imagine-nn, ROIPooling.cu) counts images and pixels from 1, and in its second form, which is
    /// the default, leaves out the last pixel and rounds the edges of parts, which then do not overlap.
    pub struct RoiPooling {
        /// Rows of parts.
        pooled_h: usize = 1,
        /// Columns of parts.
        pooled_w: usize = 1,
        /// Pixels of the images for one unit of the regions' coordinates.
        spatial_scale: f64 = 1.0,
        /// Images and pixels of regions are counted from 1.
        from_one: bool = false,
        /// A region ends before its last pixel, and the edges of parts are rounded.
        rounded: bool = false,
    }
}

/// The description of [`RoiPooling`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    differentiable: 1,
    in_place: InPlace::Refused,
    spellings: &[
        torch("inn.ROIPooling", &["W", "H", "spatial_scale"], |a| {
            RoiPooling {
                pooled_h: count(a, "H"),
                pooled_w: count(a, "W"),
                spatial_scale: a.float("spatial_scale").unwrap_or(1.0),
                from_one: true,
                rounded: a.bool("v2").unwrap_or(true),
            }
            .into()
        })
        .script(INN),
        caffe("ROIPooling", |a| {
            let p = a.section("roi_pooling_param");
            let [pooled_h, pooled_w] = ["pooled_h", "pooled_w"].map(|key| {
                let extent = p.required(key, Args::usize);
                p.not_zero(key, extent);
                extent
            });
            let spatial_scale = p.float("spatial_scale").unwrap_or(1.0);
            RoiPooling { pooled_h, pooled_w, spatial_scale, ..RoiPooling::default() }.into()
        }),
    ],
    ..LayerSpec::new("ROIPooling", Category::Pooling, RoiPooling::DOCS)
};

const INN: &str = r#"
function Class:__init(W, H, spatial_scale)
   Parent.__init(self)
   if not W or not H then error('W and H have to be provided', 3) end
   self.W, self.H = W, H
   self.spatial_scale = spatial_scale or 1
   self.v2 = true
end
function Class:setSpatialScale(scale)
   self.spatial_scale = scale
   return self
end
"#;

impl LayerOps for RoiPooling {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (images, regions) = (cx.bottom(0), cx.bottom(1));
        if images.rank() != 4 || images.count() == 0 {
            return cx.fail_bottom(0, "regions are of images, N x C x H x W");
        }
        if !(2..=4).contains(&regions.rank()) || regions.count_of(1..regions.rank()) != 5 {
            return cx.fail_bottom(1, "a region is five numbers: the image, x, y, x, y");
        }
        let top = [regions.dims()[0], images.dims()[1], self.pooled_h, self.pooled_w];
        Ok(Signature::of(top.into()))
    }

    fn form(&self, bottom: usize) -> Option<&'static [usize]> {
        (bottom == 1).then_some(&[5])
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let regions = b.view(cx.bottoms[1], [cx.top(0).dims()[0], 5]);
        let outs = b.native(Parts(self.clone()), &[cx.bottoms[0], regions]);
        outs[..1].to_vec()
    }

    fn detail(&self) -> String {
        format!("{} x {}, scale {}", self.pooled_h, self.pooled_w, self.spatial_scale as f32)
    }
}

/// Columns whose pixels are computed once for a region.
const COLUMNS: usize = 64;

/// Threads of a GPU that share a plane.
const SHARES: usize = 64;

/// `(images, regions) -> largest elements, their places in their planes`.
#[derive(Debug, PartialEq)]
struct Parts(RoiPooling);

/// Rounded, halves away from 0, as C's `round`; a number without a whole part near it is 0.
pub(super) fn rounded<T: Real>(x: T) -> i64 {
    let below = x.abs().floor();
    // What a whole part leaves over is exact.
    let up = T::from_f64(0.5) <= x.abs() - below;
    let whole = below.to_f64().clamp(0.0, 1e9) as i64 + i64::from(up);
    if x < T::ZERO { -whole } else { whole }
}

/// The pixels of part `i` of `parts` along an axis of `extent` pixels, of a region from pixel `first` to `last`.
fn span<T: Real>(
    i: usize,
    parts: usize,
    (first, last): (i64, i64),
    extent: usize,
    is_rounded: bool,
) -> [usize; 2] {
    let size = T::from_i32((last - first + 1).clamp(1, 1 << 24) as i32) / T::from_usize(parts);
    let (start, end) = (T::from_usize(i) * size, T::from_usize(i + 1) * size);
    let edges = match is_rounded {
        true => [rounded(start), rounded(end)],
        false => [start.floor(), -(-end).floor()].map(|edge| edge.to_f64() as i64),
    };
    edges.map(|edge| (edge + first).clamp(0, extent as i64) as usize)
}

impl Parts {
    /// The image of a region, if there is one, and the pixels of its corners: rows, then columns.
    fn region<T: Real>(&self, region: &[T], images: usize) -> Option<(usize, [(i64, i64); 2])> {
        let scale = T::from_f64(self.0.spatial_scale);
        let one = if self.0.from_one { T::ONE } else { T::ZERO };
        let [x1, y1, x2, y2] = [1, 2, 3, 4].map(|i| rounded((region[i] - one) * scale));
        let image = region[0] - one;
        let image = (-T::ONE < image).then(|| image.to_usize())?;
        let less = i64::from(self.0.rounded);
        (image < images).then_some((image, [(y1, y2 - less), (x1, x2 - less)]))
    }
}

impl Operation for Parts {
    const NAME: &'static str = "roi-pool";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        let (rows, columns) = (self.0.pooled_h, self.0.pooled_w);
        let top = Shape::from([args[1].dims()[0], args[0].dims()[1], rows, columns]);
        vec![top.clone(), top]
    }

    fn gradient_reads_outputs(&self) -> bool {
        true
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let [n, channels, height, width] = [0, 1, 2, 3].map(|i| args[0].shape.dims()[i]);
        let (rows, columns) = (self.0.pooled_h, self.0.pooled_w);
        let [y, places] = outs else { return };
        for_each_pair_of_pieces(y.data, places.data, channels * rows * columns, |at, y, places| {
            places.fill(-T::ONE);
            let Some((image, [high, wide])) = self.region(&args[1].data[5 * at..], n) else {
                y.fill(T::from_f64(f64::NAN));
                return;
            };
            let is_rounded = self.0.rounded;
            let of_row = |row| span::<T>(row, rows, high, height, is_rounded);
            let of_column = |column| span::<T>(column, columns, wide, width, is_rounded);
            // Those of the first columns are computed once for all planes.
            let mut first: [_; COLUMNS] = [[0; 2]; COLUMNS];
            (0..columns.min(COLUMNS)).for_each(|column| first[column] = of_column(column));
            let lines = y.chunks_exact_mut(columns).zip(places.chunks_exact_mut(columns));
            for (line, (y, places)) in lines.enumerate() {
                let [top, bottom] = of_row(line % rows);
                let plane = image * channels + line / rows;
                let plane = &args[0].data[plane * height * width..][..height * width];
                for (column, (y, place)) in y.iter_mut().zip(places).enumerate() {
                    let span = first.get(column).copied();
                    let [left, right] = span.unwrap_or_else(|| of_column(column));
                    if bottom <= top || right <= left {
                        *y = T::ZERO;
                        continue;
                    }
                    *y = -T::FLT_MAX;
                    for h in top..bottom {
                        let row = &plane[h * width + left..h * width + right];
                        for (w, &x) in row.iter().enumerate() {
                            if *y < x {
                                (*y, *place) = (x, T::from_usize(h * width + left + w));
                            }
                        }
                    }
                }
            }
        });
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let [n, channels, height, width] = [0, 1, 2, 3].map(|i| saved.args[0].shape.dims()[i]);
        let parts = self.0.pooled_h * self.0.pooled_w;
        let (dy, places) = (saved.douts[0].data, saved.outs[1].data);
        for_each_piece(dargs[0].data, height * width, |plane, dx| {
            dx.fill(T::ZERO);
            let (image, channel) = (plane / channels, plane % channels);
            for (i, region) in saved.args[1].data.chunks_exact(5).enumerate() {
                if self.region(region, n).is_none_or(|(own, _)| own != image) {
                    continue;
                }
                let range = (i * channels + channel) * parts..(i * channels + channel + 1) * parts;
                for (&dy, &place) in dy[range.clone()].iter().zip(&places[range]) {
                    if T::ZERO <= place {
                        dx[place.to_usize()] += dy;
                    }
                }
            }
        });
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let (images, regions) = (args[0], args[1].dims()[0]);
        let [n, channels, height, width] = [0, 1, 2, 3].map(|i| images.dims()[i]);
        let (rows, columns) = (self.0.pooled_h, self.0.pooled_w);
        let places = Operand::Out(1);
        let call = match pass {
            Pass::Forward => {
                let operands = vec![Operand::Arg(0), Operand::Arg(1), Operand::Out(0), places];
                let count = regions * channels * rows * columns;
                let call = Call::each("roi_pool", count, operands);
                let flags = [self.0.from_one, self.0.rounded].map(usize::from);
                call.with_all([n, channels, height, width, rows, columns])
                    .with(self.0.spatial_scale)
                    .with_all(flags)
            }
            Pass::Backward(_) => {
                let (dy, dx) = (Operand::OutGradient(0), Operand::ArgGradient(0));
                let operands = vec![Operand::Arg(1), places, dy, dx];
                let call = Call::each("roi_pool_grad", n * channels * SHARES, operands);
                call.with_all([regions, channels, height * width, rows * columns])
                    .with_all([usize::from(self.0.from_one), SHARES])
            }
        };
        Some(DeviceForm { texts: &[include_str!("roi_pooling.cu")], calls: vec![call], work: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::{rounded, span};

    #[test]
    fn halves_are_rounded_away_from_0() {
        for (x, want) in [(0.5, 1), (-0.5, -1), (1.49, 1), (2.5, 3), (-2.5, -3), (f64::NAN, 0)] {
            assert_eq!(rounded(x), want, "{x}");
        }
        assert_eq!(rounded(0.5f32 - f32::EPSILON / 4.0), 0);
        assert_eq!(rounded(8388609.0f32), 8388609);
    }

    #[test]
    fn parts_overlap_where_they_do_not_fit_and_end_at_the_edges() {
        let parts = |first, last| [0, 1].map(|i| span::<f32>(i, 2, (first, last), 6, false));
        assert_eq!(parts(1, 3), [[1, 3], [2, 4]]);
        assert_eq!(parts(4, 9), [[4, 6], [6, 6]]);
        assert_eq!(parts(3, 1), [[3, 4], [3, 4]]);
        let parts = |first, last| [0, 1].map(|i| span::<f32>(i, 2, (first, last), 6, true));
        assert_eq!(parts(1, 3), [[1, 3], [3, 4]]);
    }
}
