//! Convolution with learned filters.

use super::coordinates::PerAxis;
use crate::diag::Reported;
use crate::params;
use crate::program::{Builder, ValueId};
use crate::spec::{
    Args, Arity, Category, Filler, Infer, LayerOps, LayerSpec, Lower, ParamDecl, Signature, caffe,
};
use crate::ty::Shape;
use crate::window::{Axis, Conv};

params! {
    /// Convolution with learned filters (LeCun et al. 1989), over any number of spatial axes.
    ///
    /// Input `N x C x spatial`, weights `num_output x C/group x kernel`, bias `num_output`; an output extent is
    /// floor((in + 2 pad - (dilation (kernel - 1) + 1)) / stride) + 1. Several bottoms are convolved with the same
    /// weights, each into its own top.
    pub struct Convolution {
        /// Number of filters.
        num_output: usize = 0,
        /// Extent of a filter along each spatial axis.
        kernel: PerAxis = PerAxis::default(),
        /// Step between applications of the filter.
        stride: PerAxis = PerAxis::default(),
        /// Zeros added on both sides.
        pad: PerAxis = PerAxis::default(),
        /// Distance between the taps of a filter.
        dilation: PerAxis = PerAxis::default(),
        /// Number of groups of channels that do not see each other (Krizhevsky et al. 2012).
        group: usize = 1,
        /// One group for each channel (the forks' `DepthwiseConvolution` and `ConvolutionDepthwise`).
        depthwise: bool = false,
        /// Whether a bias is added.
        bias: bool = true,
        /// The channel axis; axes after it are spatial.
        axis: i64 = 1,
        /// First values of the weights.
        weight_filler: Filler = Filler::Unset,
        /// First values of the bias.
        bias_filler: Filler = Filler::Unset,
    }
}

/// The description of [`Convolution`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::at_least(1),
    tops: Arity::at_least(1),
    in_place: false,
    spellings: &[
        caffe("Convolution", |a| Convolution::read(a).into()),
        caffe("DepthwiseConvolution", |a| Convolution::read_depthwise(a).into()),
        caffe("ConvolutionDepthwise", |a| Convolution::read_depthwise(a).into()),
    ],
    ..LayerSpec::new("Convolution", Category::Convolution, Convolution::DOCS)
};

/// `dilation`, or `hole` as DeepLab's fork calls it.
fn dilation(p: &Args) -> PerAxis {
    let dilation = PerAxis { values: p.usizes("dilation") };
    let hole = PerAxis::read(p, "hole", "hole_h", "hole_w");
    match (dilation.values.is_empty(), hole.values.is_empty()) {
        (false, false) => {
            p.wrong("hole", "`dilation` and `hole` exclude each other");
            dilation
        }
        (true, false) => hole,
        _ => dilation,
    }
}

impl Convolution {
    /// Reads a `convolution_param`.
    pub fn read(a: &Args) -> Self {
        let p = a.section("convolution_param");
        p.need::<usize>("num_output", None);
        Self::read_window(&p)
    }

    /// Reads the fields of a `convolution_param` of which only the window need be there.
    pub(super) fn read_window(p: &Args) -> Self {
        p.ignore(&["engine", "force_nd_im2col"]);
        let layer = Convolution {
            num_output: p.usize("num_output").unwrap_or(0),
            kernel: PerAxis::read(p, "kernel_size", "kernel_h", "kernel_w"),
            stride: PerAxis::read(p, "stride", "stride_h", "stride_w"),
            pad: PerAxis::read(p, "pad", "pad_h", "pad_w"),
            dilation: dilation(p),
            group: p.usize("group").unwrap_or(1),
            depthwise: false,
            bias: p.bool("bias_term").unwrap_or(true),
            axis: p.int("axis").unwrap_or(1),
            weight_filler: Filler::read(&p.section("weight_filler")),
            bias_filler: Filler::read(&p.section("bias_filler")),
        };
        if layer.kernel.values.is_empty() {
            p.need::<usize>("kernel_size", None);
        }
        layer
    }

    fn read_depthwise(a: &Args) -> Self {
        Convolution { depthwise: true, ..Self::read(a) }
    }

    /// Number of groups for so many input channels.
    fn groups(&self, channels: usize) -> usize {
        if self.depthwise { channels } else { self.group }
    }

    /// The channel axis and the geometry over the spatial axes of a bottom, with plausible values.
    pub(super) fn geometry(&self, cx: &Infer) -> Result<(usize, Conv), Reported> {
        let channel = cx.axis(0, self.axis)?;
        let spatial = cx.bottom(0).rank() - channel - 1;
        if !(1..=3).contains(&spatial) {
            let why = format!("needs 1 to 3 spatial axes after the channels, axis {channel}");
            return cx.fail_bottom(0, format!("{why}, and there are {spatial}"));
        }
        let kernel = self.kernel.resolve(cx, "kernel_size", spatial, 0)?;
        let stride = self.stride.resolve(cx, "stride", spatial, 1)?;
        let pad = self.pad.resolve(cx, "pad", spatial, 0)?;
        let dilation = self.dilation.resolve(cx, "dilation", spatial, 1)?;
        for (key, values) in
            [("kernel_size", &kernel), ("stride", &stride), ("dilation", &dilation)]
        {
            if values.contains(&0) {
                return cx.fail(&[key], format!("`{key}` must not be 0"));
            }
        }
        if self.num_output == 0 || self.group == 0 {
            let key = if self.group == 0 { "group" } else { "num_output" };
            return cx.fail(&[key], format!("`{key}` must not be 0"));
        }
        let axes = (0..spatial)
            .map(|i| Axis { dilation: dilation[i], ..Axis::new(kernel[i], stride[i], pad[i]) });
        let channels = cx.bottom(0).dims()[channel];
        let group = self.groups(channels);
        if self.depthwise && self.group != 1 && self.group != group {
            let why = format!("a depthwise convolution of {channels} channels has as many groups");
            return cx.fail(&["group"], format!("{why}, not {}", self.group));
        }
        if group == 0 || !channels.is_multiple_of(group) {
            let why = format!("{channels} input channels cannot form {group} groups");
            return cx.fail(&["group"], why);
        }
        if !self.num_output.is_multiple_of(group) {
            let n = self.num_output;
            return cx
                .fail(&["group", "num_output"], format!("{n} outputs cannot form {group} groups"));
        }
        Ok((channel, Conv { axes: axes.collect(), group }))
    }

    /// The shape of the first bottom with the number of windows along every spatial axis.
    pub(super) fn windows(cx: &Infer, channel: usize, conv: &Conv) -> Result<Shape, Reported> {
        let mut shape = cx.bottom(0).clone();
        for (i, axis) in conv.axes.iter().enumerate() {
            let extent = &mut shape.0[channel + 1 + i];
            match axis.convolved(*extent) {
                Some(windows) => *extent = windows,
                None => {
                    let (reach, pad) = (axis.reach(), axis.pad_before);
                    return cx.fail_window(*extent, pad, reach, i, conv.axes.len());
                }
            }
        }
        Ok(shape)
    }

    /// The parameters, for weights of this shape.
    pub(super) fn params(&self, weight: Shape) -> Vec<ParamDecl> {
        let mut params = vec![ParamDecl::new("weight", weight, self.weight_filler)];
        if self.bias {
            params.push(ParamDecl::new("bias", [self.num_output], self.bias_filler));
        }
        params
    }

    /// A bottom seen as `N x C x spatial`, with all axes before the channels in one.
    pub(super) fn batched(b: &mut Builder, x: ValueId, channel: usize) -> ValueId {
        let shape = b.shape(x);
        let mut dims = vec![shape.count_of(0..channel)];
        dims.extend(&shape.dims()[channel..]);
        b.view(x, dims)
    }

    /// `5, stride 2, pad 1`.
    pub(super) fn window_text(&self) -> String {
        let mut text = self.kernel.text();
        for (name, value) in
            [("stride", &self.stride), ("pad", &self.pad), ("dilation", &self.dilation)]
        {
            let value = value.text();
            let default = if name == "pad" { "0" } else { "1" };
            if !value.is_empty() && value != default {
                text.push_str(&format!(", {name} {value}"));
            }
        }
        text
    }

    /// The geometry that `infer` has approved.
    pub(super) fn approved(&self, shape: &Shape) -> (usize, Conv) {
        let channel = shape.axis(self.axis).unwrap_or(0);
        let spatial = shape.rank() - channel - 1;
        let spread = |p: &PerAxis, default| p.spread(spatial, default).unwrap_or_default();
        let (kernel, stride) = (spread(&self.kernel, 0), spread(&self.stride, 1));
        let (pad, dilation) = (spread(&self.pad, 0), spread(&self.dilation, 1));
        let axes = (0..spatial)
            .map(|i| Axis { dilation: dilation[i], ..Axis::new(kernel[i], stride[i], pad[i]) });
        (channel, Conv { axes: axes.collect(), group: self.groups(shape.dims()[channel]) })
    }
}

impl LayerOps for Convolution {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (channel, conv) = self.geometry(cx)?;
        let channels = cx.bottom(0).dims()[channel];
        cx.equal_bottoms()?;
        cx.one_top_per_bottom()?;
        let top = Self::windows(cx, channel, &conv)?.with(channel, self.num_output);
        let mut weight = vec![self.num_output, channels / conv.group];
        weight.extend(conv.axes.iter().map(|axis| axis.kernel));
        let tops = vec![top; cx.bottoms.len()];
        Ok(Signature { tops, params: self.params(weight.into()) })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (channel, conv) = self.approved(&b.shape(cx.bottoms[0]).clone());
        let mut tops = vec![];
        for &x in cx.bottoms {
            let x = Self::batched(b, x, channel);
            let y = b.conv(x, cx.params[0], cx.params.get(1).copied(), conv.clone());
            tops.push(b.view(y, cx.top(0).clone()));
        }
        tops
    }

    fn detail(&self) -> String {
        let mut text = format!("{} filters of {}", self.num_output, self.window_text());
        if self.depthwise {
            text.push_str(", depthwise");
        } else if 1 < self.group {
            text.push_str(&format!(", group {}", self.group));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{counting, pass};

    fn check(layer: &str, shape: &[usize], want: Result<&[usize], &str>) {
        let tensors = BTreeMap::from([("in.a".to_string(), counting(shape))]);
        match (pass(layer, &tensors), want) {
            (Ok(results), Ok(want)) => assert_eq!(results["out.y"].shape, want),
            (Err(why), Err(want)) => assert!(why.contains(want), "{why}"),
            (got, want) => panic!("{layer}: {got:?}, not {want:?}"),
        }
    }

    #[test]
    fn a_depthwise_convolution_has_a_group_for_each_channel() {
        let layer = r#"layer { name: "l" type: "DepthwiseConvolution" bottom: "a" top: "y"
            convolution_param { num_output: 6 kernel_size: 3 } }"#;
        check(layer, &[1, 3, 5, 5], Ok(&[1, 6, 3, 3]));
        check(layer, &[1, 4, 5, 5], Err("6 outputs cannot form 4 groups"));
    }

    #[test]
    fn one_to_three_spatial_axes() {
        let layer = r#"layer { name: "l" type: "Convolution" bottom: "a" top: "y"
            convolution_param { num_output: 2 kernel_size: 1 } }"#;
        check(layer, &[1, 3, 5], Ok(&[1, 2, 5]));
        check(layer, &[1, 3], Err("needs 1 to 3 spatial axes"));
        check(layer, &[1, 3, 2, 2, 2, 2], Err("needs 1 to 3 spatial axes"));
    }
}
