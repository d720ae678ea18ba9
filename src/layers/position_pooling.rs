//! Means of parts of regions of interest, each part from channels of its own.

use super::prelude::*;
use super::roi_pooling::rounded;

params! {
    /// Divides regions of images into `group_size x group_size` parts and gives the mean of each, which is taken from
    /// channels that belong to the part (R-FCN, Dai et al. 2016, equation 1): `R x output_dim x group_size x group_size`.
    ///
    /// The bottoms are images of `output_dim group_size²` channels, of which number (c group_size + row) group_size + column
    /// is for that part and output c, and R regions of five numbers: the image, counted from 0, and x and y of the first and
    /// the last pixel. As in R-FCN's fork of Caffe these are rounded, halves away from 0, before they are scaled, a region
    /// is at least a tenth of a pixel, parts overlap, and a part without pixels gives 0. Where that fork reads other memory,
    /// because there is no such image, the top is not a number. Only the images have a gradient.
    pub struct PositionPooling {
        /// Outputs of every part.
        output_dim: usize = 1,
        /// Parts along each axis.
        group_size: usize = 1,
        /// Pixels of the images for one unit of the regions' coordinates.
        spatial_scale: f64 = 1.0,
    }
}

/// The description of [`PositionPooling`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    differentiable: 1,
    in_place: InPlace::Refused,
    spellings: &[caffe("PSROIPooling", |a| {
        let p = a.section("psroi_pooling_param");
        let [output_dim, group_size] = ["output_dim", "group_size"].map(|key| {
            let count = p.required(key, Args::usize);
            p.not_zero(key, count);
            count
        });
        let spatial_scale = p.required("spatial_scale", Args::float);
        PositionPooling { output_dim, group_size, spatial_scale }.into()
    })],
    ..LayerSpec::new("PSROIPooling", Category::Pooling, PositionPooling::DOCS)
};

impl LayerOps for PositionPooling {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (images, regions) = (cx.bottom(0), cx.bottom(1));
        let &[_, channels, _, _] = images.dims() else {
            return cx.fail_bottom(0, "regions are of images, N x C x H x W");
        };
        let parts = self.group_size.checked_mul(self.group_size);
        let wanted = parts.and_then(|parts| parts.checked_mul(self.output_dim));
        if wanted != Some(channels) {
            let (outputs, side) = (self.output_dim, self.group_size);
            let message = format!(
                "{outputs} outputs for {side} x {side} parts do not come from {channels} channels"
            );
            return cx.fail(&["output_dim", "group_size"], message);
        }
        if !(2..=4).contains(&regions.rank()) || regions.count_of(1..regions.rank()) != 5 {
            return cx.fail_bottom(1, "a region is five numbers: the image, x, y, x, y");
        }
        let side = self.group_size;
        Ok(Signature::of([regions.dims()[0], self.output_dim, side, side].into()))
    }

    fn form(&self, bottom: usize) -> Option<&'static [usize]> {
        (bottom == 1).then_some(&[5])
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let regions = b.view(cx.bottoms[1], [cx.top(0).dims()[0], 5]);
        b.native(Parts(self.clone()), &[cx.bottoms[0], regions])
    }

    fn detail(&self) -> String {
        let scale = self.spatial_scale as f32;
        format!("{0} x {0} parts, {1} outputs, scale {scale}", self.group_size, self.output_dim)
    }
}

/// `(images, regions) -> means`.
#[derive(Debug, PartialEq)]
struct Parts(PositionPooling);

impl Parts {
    /// The image of a region, if there is one.
    fn image<T: Real>(&self, region: &[T], images: usize) -> Option<usize> {
        let image = (-T::ONE < region[0]).then(|| region[0].to_usize())?;
        (image < images).then_some(image)
    }

    /// The pixels of part `i` along an axis of `extent` pixels, of a region from `first` to `last`.
    fn span<T: Real>(&self, i: usize, first: T, last: T, extent: usize) -> [usize; 2] {
        let scale = T::from_f64(self.0.spatial_scale);
        let whole = |x: T| T::from_f64(rounded(x) as f64);
        let (start, end) = (whole(first) * scale, (whole(last) + T::ONE) * scale);
        let size = (end - start).at_least(T::from_f64(0.1)) / T::from_usize(self.0.group_size);
        let from = (T::from_usize(i) * size + start).floor();
        let to = -(-(T::from_usize(i + 1) * size + start)).floor();
        [from, to].map(|edge| (edge.to_f64() as i64).clamp(0, extent as i64) as usize)
    }

    /// Calls `see` with the number of every output and, if it is a mean, the start of its plane, the rows and the columns; it
    /// gets `None` where there is no such image.
    fn visit<T: Real>(
        &self,
        images: &Shape,
        regions: &[T],
        mut see: impl FnMut(usize, Option<(usize, [usize; 2], [usize; 2])>),
    ) {
        let [n, channels, height, width] = [0, 1, 2, 3].map(|i| images.dims()[i]);
        let side = self.0.group_size;
        for (r, region) in regions.chunks_exact(5).enumerate() {
            let image = self.image(region, n);
            for channel in 0..channels {
                let (row, column) = (channel / side % side, channel % side);
                let part = image.map(|image| {
                    let rows = self.span(row, region[2], region[4], height);
                    let columns = self.span(column, region[1], region[3], width);
                    ((image * channels + channel) * height * width, rows, columns)
                });
                see(r * channels + channel, part);
            }
        }
    }
}

impl Operation for Parts {
    const NAME: &'static str = "position-pool";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        let side = self.0.group_size;
        vec![[args[1].dims()[0], self.0.output_dim, side, side].into()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let width = args[0].shape.dims()[3];
        self.visit(args[0].shape, args[1].data, |output, part| {
            outs[0].data[output] = match part {
                None => T::from_f64(f64::NAN),
                Some((plane, [top, bottom], [left, right])) => {
                    let size = bottom.saturating_sub(top) * right.saturating_sub(left);
                    let rows = (top..bottom).map(|row| plane + row * width);
                    let rows = rows.filter(|_| left < right);
                    let sum: T = rows
                        .map(|row| args[0].data[row + left..row + right].iter().copied().sum::<T>())
                        .sum();
                    if size == 0 { T::ZERO } else { sum / T::from_usize(size) }
                }
            };
        });
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let width = saved.args[0].shape.dims()[3];
        dargs[0].data.fill(T::ZERO);
        self.visit(saved.args[0].shape, saved.args[1].data, |output, part| {
            let Some((plane, [top, bottom], [left, right])) = part else { return };
            if bottom <= top || right <= left {
                return;
            }
            let size = T::from_usize((bottom - top) * (right - left));
            for row in top..bottom {
                let to = &mut dargs[0].data[plane + row * width..][left..right];
                to.iter_mut().for_each(|to| *to += saved.douts[0].data[output] / size);
            }
        });
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] =
            &[include_str!("roi_pooling.cu"), include_str!("position_pooling.cu")];
        let regions = args[1].dims()[0];
        let [n, channels, height, width] = [0, 1, 2, 3].map(|i| args[0].dims()[i]);
        let call = match pass {
            Pass::Forward => {
                let operands = vec![Operand::Arg(0), Operand::Arg(1), Operand::Out(0)];
                Call::each("position_pool", regions * channels, operands).with(n)
            }
            Pass::Backward(_) => {
                let gradients = [Operand::OutGradient(0), Operand::ArgGradient(0)];
                let operands = [Operand::Arg(1)].into_iter().chain(gradients).collect();
                Call::each("position_pool_grad", n * channels, operands).with(regions)
            }
        };
        let call = call.with_all([channels, height, width, self.0.group_size]);
        let calls = vec![call.with(self.0.spatial_scale)];
        Some(DeviceForm { texts: TEXTS, calls, work: 0 })
    }
}
