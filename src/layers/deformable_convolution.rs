//! Convolution whose taps lie where a second bottom says.

use super::constants::constants;
use super::coordinates::PerAxis;
use super::flow_warp::sample;
use super::prelude::*;
use crate::window::Axis;

params! {
    /// A convolution that reads each tap at an offset of its own, between pixels by their four neighbours (Dai et al. 2017,
    /// Deformable Convolutional Networks, as ported to Caffe from the authors' MXNet).
    ///
    /// Bottoms: images `N x C x H x W`, and offsets `N x 2·kernel·groups x H' x W'` for a top of H' x W' pixels: for each group of
    /// channels and each tap one of rows and one of columns. Weights `num_output x C/group x kernel`, bias `num_output`. What
    /// lies outside of the image is 0; between the last pixel and the edge the last pixel counts.
    pub struct DeformableConvolution {
        /// Number of filters.
        num_output: usize = 0,
        /// Extent of a filter along both axes.
        kernel: PerAxis = PerAxis::default(),
        /// Step between applications of the filter.
        stride: PerAxis = PerAxis::default(),
        /// How far the filter hangs over the edges.
        pad: PerAxis = PerAxis::default(),
        /// Distance between the taps before they are moved.
        dilation: PerAxis = PerAxis::default(),
        /// Number of groups of channels that do not see each other.
        group: usize = 1,
        /// Number of groups of channels that have their own offsets.
        deformable_group: usize = 1,
        /// Whether a bias is added.
        bias: bool = true,
        /// First values of the weights.
        weight_filler: Filler = Filler::Unset,
        /// First values of the bias.
        bias_filler: Filler = Filler::Unset,
    }
}

/// The description of [`DeformableConvolution`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    in_place: InPlace::Refused,
    spellings: &[caffe("DeformableConvolution", |a| {
        let p = a.section("deformable_convolution_param");
        p.ignore(&["engine"]);
        let num_output = p.usize("num_output");
        let kernel = PerAxis::read(&p, "kernel_size", "kernel_h", "kernel_w");
        if kernel.values.is_empty() {
            p.need::<usize>("kernel_size", None);
        }
        DeformableConvolution {
            num_output: p.need("num_output", num_output),
            kernel,
            stride: PerAxis::read(&p, "stride", "stride_h", "stride_w"),
            pad: PerAxis::read(&p, "pad", "pad_h", "pad_w"),
            dilation: PerAxis { values: p.usizes("dilation") },
            group: p.usize("group").unwrap_or(1),
            deformable_group: p.usize("deformable_group").unwrap_or(1),
            bias: p.bool("bias_term").unwrap_or(true),
            weight_filler: Filler::read(&p.section("weight_filler")),
            bias_filler: Filler::read_if(&p, "bias_term", true, "bias_filler"),
        }
        .into()
    })],
    ..LayerSpec::new("DeformableConvolution", Category::Convolution, DeformableConvolution::DOCS)
};

/// Each tap of each group is moved by steps of its own, so there is an end to their number.
const MOST_TAPS: usize = 1024;

impl DeformableConvolution {
    /// The windows along both axes.
    fn axes(&self) -> Option<[Axis; 2]> {
        let (kernel, stride) = (self.kernel.spread(2, 0)?, self.stride.spread(2, 1)?);
        let (pad, dilation) = (self.pad.spread(2, 0)?, self.dilation.spread(2, 1)?);
        let axis =
            |i: usize| Axis { dilation: dilation[i], ..Axis::new(kernel[i], stride[i], pad[i]) };
        Some([axis(0), axis(1)])
    }
}

impl LayerOps for DeformableConvolution {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let &[items, channels, height, width] = cx.bottom(0).dims() else {
            return cx.fail_bottom(0, "needs images, N x C x H x W");
        };
        let keys = ["kernel_size", "stride", "pad", "dilation"];
        let Some(axes) = self.axes() else {
            return cx.fail(&keys, "give one value, or two for H and W");
        };
        if axes.iter().any(|axis| [axis.kernel, axis.stride, axis.dilation].contains(&0)) {
            return cx.fail(&keys, "a filter, its step and the distance of its taps must not be 0");
        }
        let (group, own) = (self.group, self.deformable_group);
        let parts = |n: usize, of: usize| n != 0 && of.is_multiple_of(n);
        if self.num_output == 0 || !parts(group, channels) || !parts(group, self.num_output) {
            let why = format!(
                "{channels} channels and {} filters cannot form {group} groups",
                self.num_output
            );
            return cx.fail(&["group", "num_output"], why);
        }
        if !parts(own, channels) {
            let why = format!("{channels} channels cannot form {own} groups");
            return cx.fail(&["deformable_group"], why);
        }
        let mut top = [items, self.num_output, 0, 0];
        for (i, extent) in [height, width].into_iter().enumerate() {
            match axes[i].convolved(extent) {
                Some(windows) if 0 < windows => top[2 + i] = windows,
                _ => return cx.fail_window(extent, axes[i].pad_before, axes[i].reach(), i, 2),
            }
        }
        let taps = axes[0].kernel.saturating_mul(axes[1].kernel);
        if MOST_TAPS < taps.saturating_mul(own) {
            let why = format!("{taps} taps in {own} groups are more than are moved, {MOST_TAPS}");
            return cx.fail(&["kernel_size", "kernel_h"], why);
        }
        let offsets = [items, 2 * taps * own, top[2], top[3]];
        if cx.bottom(1).dims() != offsets {
            let want = crate::ty::Shape::from(offsets);
            return cx
                .fail_bottom(1, format!("the offsets of {taps} taps in {own} groups are {want}"));
        }
        let weight = [self.num_output, channels / group, axes[0].kernel, axes[1].kernel];
        let mut params = vec![ParamDecl::new("weight", weight, self.weight_filler)];
        if self.bias {
            params.push(ParamDecl::new("bias", [self.num_output], self.bias_filler));
        }
        Ok(Signature { tops: vec![top.into()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let axes = self.axes().expect("infer has approved the window");
        let [items, outputs, high, wide] = [0, 1, 2, 3].map(|i| cx.top(0).dims()[i]);
        let channels = b.shape(cx.bottoms[0]).dims()[1];
        let (places, taps) = (high * wide, axes[0].kernel * axes[1].kernel);
        let each = channels / self.deformable_group;
        let mut parts = vec![];
        for own in 0..self.deformable_group {
            let images = b.slice(cx.bottoms[0], 1, own * each, each);
            let mut moved = vec![];
            for tap in 0..taps {
                let first = 2 * (own * taps + tap);
                let at = [tap / axes[1].kernel, tap % axes[1].kernel];
                // How far the tap lies from the pixel of the top that it belongs to, before it is moved.
                let start = |i: usize, place: usize| {
                    (place * axes[i].stride + at[i] * axes[i].dilation) as f64
                        - (axes[i].pad_before + place) as f64
                };
                let across = (0..places).map(|place| start(1, place % wide)).collect();
                let down = (0..places).map(|place| start(0, place / wide)).collect();
                let moves = [(first + 1, across), (first, down)].map(|(plane, start)| {
                    let offset = b.slice(cx.bottoms[1], 1, plane, 1);
                    let start = constants(b, [1, 1, high, wide], start);
                    b.map(&[offset, start], &(arg(0) + arg(1)))
                });
                let flow = b.concat(&moves, 1);
                let taken = sample(b, images, flow);
                moved.push(b.view(taken, [items, each, 1, places]));
            }
            parts.push(b.concat(&moved, 2));
        }
        // The columns of all images side by side: each row is a tap of a channel.
        let columns = b.concat(&parts, 1);
        let columns = b.view(columns, [items, channels * taps, places]);
        let columns = b.transpose(columns, &[1, 0, 2]);
        let columns = b.view(columns, [channels * taps, items * places]);
        let weight = b.view(cx.params[0], [outputs, channels / self.group * taps]);
        let (rows, filters) = (channels / self.group * taps, outputs / self.group);
        let products: Vec<ValueId> = (0..self.group)
            .map(|i| {
                let weight = b.slice(weight, 0, i * filters, filters);
                let columns = b.slice(columns, 0, i * rows, rows);
                b.matmul(weight, false, columns, false, None)
            })
            .collect();
        let y = b.concat(&products, 0);
        let y = b.view(y, [outputs, items, places]);
        let mut y = b.transpose(y, &[1, 0, 2]);
        if let Some(&bias) = cx.params.get(1) {
            let bias = b.view(bias, [1, outputs, 1]);
            y = b.add(y, bias);
        }
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{} filters of {}, moved", self.num_output, self.kernel.text())
    }
}
