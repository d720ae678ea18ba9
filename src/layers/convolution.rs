//! Convolution with learned filters.

use super::convolution_classes::{
    CONVOLUTION_MM, CUDNN_CONVOLUTION, DEPTH_WISE_CONVOLUTION, DILATED_CONVOLUTION, SPATIAL,
    SPATIAL_CONVOLUTION, SPATIAL_DILATED, SPATIAL_GROUPS, VOLUMETRIC, VOLUMETRIC_CONVOLUTION,
    VOLUMETRIC_DILATED, VOLUMETRIC_DILATED_CONVOLUTION,
};
use super::coordinates::PerAxis;
use super::inner_product::{NORM_EPSILON, normed_rows};
use super::lua::{count, counts, counts_or};
use super::many_axes::convolve;
use super::planes;
use super::prelude::*;
use crate::window::{Axis, Conv};

/// How a convolution's weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `num_output x C/group x kernel`.
    Filters,
    /// A matrix, `num_output` by all else (Torch's SpatialConvolutionMM).
    Matrix,
    /// The matrix `direction` with rows brought to the length in `length`, a `num_output x 1` (Torch's WeightNorm;
    /// Salimans and Kingma 2016).
    Normed,
    /// `multiplier x C·taps`, and a bias `multiplier x C` (Torch's SpatialDepthWiseConvolution).
    Multiplier,
    /// `kernel x C/group x num_output`, or `kernel x C x num_output/C` for a depthwise convolution (TensorFlow).
    ChannelsLast,
}

params! {
    /// Convolution with learned filters (LeCun et al. 1989), over any number of spatial axes.
    ///
    /// Input `N x C x spatial`, weights `num_output x C/group x kernel`, bias `num_output`; an output extent is
    /// floor((in + 2 pad - (dilation (kernel - 1) + 1)) / stride) + 1, but a first window may hang over the end by less
    /// than the stride. A dilation of 0 puts all taps at one place. Without spatial axes it is an InnerProduct of the
    /// channels. Several bottoms are convolved with the same
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
        /// Zeros added at the end, where these are not as many as at the beginning (TensorFlow's SAME).
        pad_end: PerAxis = PerAxis::default(),
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
        /// How many input channels there must be, where the definition says it; the batch axis may then be missing.
        num_input: Option<usize> = None,
        /// How the weights are stored.
        layout: Layout = Layout::Filters,
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
    in_place: InPlace::Garbled,
    spellings: &[
        caffe("Convolution", |a| Convolution::read(a).into()),
        caffe("DepthwiseConvolution", |a| Convolution::read_depthwise(a).into()),
        caffe("ConvolutionDepthwise", |a| Convolution::read_depthwise(a).into()),
        caffe("HoleConvolution", |a| Convolution::read(a).into()),
        caffe("Convolution3D", |a| Convolution::read_volume(a).into()),
        torch("nn.SpatialConvolution", SPATIAL, |a| Convolution::read_spatial(a).into())
            .tensors(&["weight", "bias"])
            .script(SPATIAL_CONVOLUTION),
        torch("cudnn.SpatialConvolution", SPATIAL_GROUPS, |a| {
            let group = a.usize("groups").unwrap_or(1);
            Convolution { group, ..Convolution::read_spatial(a) }.into()
        })
        .extends("nn.SpatialConvolution")
        .tensors(&["weight", "bias"])
        .script(CUDNN_CONVOLUTION),
        torch("nn.SpatialConvolutionMM", SPATIAL, |a| {
            Convolution { layout: Layout::Matrix, ..Convolution::read_spatial(a) }.into()
        })
        .tensors(&["weight", "bias"])
        .script(CONVOLUTION_MM),
        torch("nn.SpatialDilatedConvolution", SPATIAL_DILATED, |a| {
            let dilation = counts_or(a, ["dilationH", "dilationW"], 1);
            let dilation = PerAxis { values: dilation };
            Convolution { dilation, ..Convolution::read_spatial(a) }.into()
        })
        .extends("nn.SpatialConvolution")
        .tensors(&["weight", "bias"])
        .script(DILATED_CONVOLUTION),
        torch("nn.SpatialDepthWiseConvolution", SPATIAL, |a| {
            Convolution::read_multiplier(a).into()
        })
        .tensors(&["weight", "bias"])
        .script(DEPTH_WISE_CONVOLUTION),
        torch("nn.VolumetricConvolution", VOLUMETRIC, |a| Convolution::read_volumetric(a).into())
            .tensors(&["weight", "bias"])
            .script(VOLUMETRIC_CONVOLUTION),
        torch("nn.VolumetricDilatedConvolution", VOLUMETRIC_DILATED, |a| {
            let dilation = counts_or(a, ["dilationT", "dilationH", "dilationW"], 1);
            let dilation = PerAxis { values: dilation };
            Convolution { dilation, ..Convolution::read_volumetric(a) }.into()
        })
        .extends("nn.VolumetricConvolution")
        .tensors(&["weight", "bias"])
        .script(VOLUMETRIC_DILATED_CONVOLUTION),
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
    /// Reads the fields of Torch's convolutions of images.
    pub(super) fn read_spatial(a: &Args) -> Self {
        Self::read_fields(
            a,
            counts(a, ["kH", "kW"]),
            counts_or(a, ["dH", "dW"], 1),
            counts_or(a, ["padH", "padW"], 0),
        )
    }

    /// Reads the fields of Torch's convolutions of volumes.
    pub(super) fn read_volumetric(a: &Args) -> Self {
        Self::read_fields(
            a,
            counts(a, ["kT", "kH", "kW"]),
            counts_or(a, ["dT", "dH", "dW"], 1),
            counts_or(a, ["padT", "padH", "padW"], 0),
        )
    }

    /// The layer of fields that Torch's convolutions have in common, the channels before all axes of the window.
    fn read_fields(a: &Args, kernel: Vec<usize>, stride: Vec<usize>, pad: Vec<usize>) -> Self {
        Convolution {
            num_output: count(a, "nOutputPlane"),
            num_input: Some(count(a, "nInputPlane")),
            axis: -1 - kernel.len() as i64,
            kernel: PerAxis { values: kernel },
            stride: PerAxis { values: stride },
            pad: PerAxis { values: pad },
            bias: a.has("bias"),
            ..Convolution::default()
        }
    }

    /// Reads the fields of a convolution in Torch's WeightNorm.
    pub(super) fn read_normed(a: &Args, volume: bool) -> Self {
        let layer = if volume { Self::read_volumetric(a) } else { Self::read_spatial(a) };
        let dilation = match volume {
            true => PerAxis::default(),
            false => PerAxis { values: counts_or(a, ["dilationH", "dilationW"], 1) },
        };
        let group = a.usize("groups").unwrap_or(1);
        Convolution { layout: Layout::Normed, dilation, group, ..layer }
    }

    fn read_multiplier(a: &Args) -> Self {
        let layer = Self::read_spatial(a);
        let num_output = layer.num_output.saturating_mul(layer.num_input.unwrap_or(0));
        Convolution { num_output, depthwise: true, layout: Layout::Multiplier, ..layer }
    }

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
            bias_filler: Filler::read_if(p, "bias_term", true, "bias_filler"),
            ..Convolution::default()
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
        if self.num_input.is_some() {
            planes::batched(cx, 2 + self.kernel.values.len(), self.num_input)?;
        }
        let channel = cx.axis(0, self.axis)?;
        let spatial = cx.bottom(0).rank() - channel - 1;
        let kernel = self.kernel.resolve(cx, "kernel_size", spatial, 0)?;
        let stride = self.stride.resolve(cx, "stride", spatial, 1)?;
        let pad = self.pad.resolve(cx, "pad", spatial, 0)?;
        let dilation = self.dilation.resolve(cx, "dilation", spatial, 1)?;
        let pad_end = if self.pad_end.values.is_empty() { &self.pad } else { &self.pad_end };
        let pad_end = pad_end.resolve(cx, "pad", spatial, 0)?;
        let axes = (0..spatial).map(|i| Axis {
            dilation: dilation[i],
            pad_after: pad_end[i],
            ..Axis::new(kernel[i], stride[i], pad[i])
        });
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
        self.check_groups(cx, group)?;
        Ok((channel, Conv { axes: axes.collect(), group }))
    }

    /// What can be seen without the bottoms.
    pub(super) fn check_numbers(&self, cx: &Infer) -> Result<(), Reported> {
        for (key, values) in [("kernel_size", &self.kernel), ("stride", &self.stride)] {
            if values.values.contains(&0) {
                return cx.fail(&[key], format!("`{key}` must not be 0"));
            }
        }
        if self.num_output == 0 || self.group == 0 {
            let key = if self.group == 0 { "group" } else { "num_output" };
            return cx.fail(&[key], format!("`{key}` must not be 0"));
        }
        if self.depthwise { Ok(()) } else { self.check_groups(cx, self.group) }
    }

    fn check_groups(&self, cx: &Infer, group: usize) -> Result<(), Reported> {
        let n = self.num_output;
        if !n.is_multiple_of(group) {
            return cx
                .fail(&["group", "num_output"], format!("{n} outputs cannot form {group} groups"));
        }
        Ok(())
    }

    /// The axis of a window over so many elements.
    fn fitted(&self, axis: Axis, extent: usize) -> Axis {
        if self.num_input.is_none() { axis.reaching_over(extent) } else { axis }
    }

    /// The shape of the first bottom with the number of windows along every spatial axis.
    pub(super) fn windows(
        &self,
        cx: &Infer,
        channel: usize,
        conv: &Conv,
    ) -> Result<Shape, Reported> {
        let mut shape = cx.bottom(0).clone();
        for (i, axis) in conv.axes.iter().enumerate() {
            let extent = &mut shape.0[channel + 1 + i];
            match self.fitted(*axis, *extent).convolved(*extent) {
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
        let (outputs, taps) = (weight.dims()[0], weight.count_of(1..weight.rank()));
        let (weight, bias) = match self.layout {
            Layout::Filters => (weight, Shape::from([self.num_output])),
            Layout::Matrix | Layout::Normed => ([outputs, taps].into(), [self.num_output].into()),
            Layout::Multiplier => {
                let inputs = self.num_input.unwrap_or(1).max(1);
                let multiplier = outputs / inputs;
                ([multiplier, inputs * taps].into(), [multiplier, inputs].into())
            }
            Layout::ChannelsLast => {
                let channels = self.num_input.unwrap_or(1).max(1);
                let mut dims = weight.dims()[2..].to_vec();
                dims.extend(match self.depthwise {
                    true => [channels, outputs / channels],
                    false => [weight.dims()[1], outputs],
                });
                (dims.into(), [self.num_output].into())
            }
        };
        let name = if self.layout == Layout::Normed { "direction" } else { "weight" };
        let mut params = vec![ParamDecl::new(name, weight, self.weight_filler)];
        if self.layout == Layout::Normed {
            params.push(ParamDecl::new("length", [outputs, 1], Filler::Unset));
        }
        if self.bias {
            params.push(ParamDecl::new("bias", bias, self.bias_filler));
        }
        params
    }

    /// The parameters as filters of this shape and a bias for each of them.
    pub(super) fn filters(
        &self,
        b: &mut Builder,
        params: &[ValueId],
        shape: &[usize],
    ) -> (ValueId, Option<ValueId>) {
        let bias = self.bias.then(|| params[params.len() - 1]);
        match self.layout {
            Layout::Filters | Layout::Matrix => (b.view(params[0], shape), bias),
            Layout::Normed => {
                let weight = normed_rows(b, params[0], params[1], NORM_EPSILON);
                (b.view(weight, shape), bias)
            }
            Layout::Multiplier => {
                // Filters of one channel follow each other, as its outputs do.
                let inputs = self.num_input.unwrap_or(1).max(1);
                let taps: usize = shape[1..].iter().product();
                let weight = b.view(params[0], [shape[0] / inputs, inputs, taps]);
                let weight = b.transpose(weight, &[1, 0, 2]);
                let bias = bias.map(|bias| {
                    let bias = b.transpose(bias, &[1, 0]);
                    b.view(bias, [shape[0]])
                });
                (b.view(weight, shape), bias)
            }
            Layout::ChannelsLast => {
                let taps = shape.len() - 2;
                let channels = if self.depthwise { [taps, taps + 1] } else { [taps + 1, taps] };
                let order: Vec<usize> = channels.into_iter().chain(0..taps).collect();
                let weight = b.transpose(params[0], &order);
                (b.view(weight, shape), bias)
            }
        }
    }

    /// A bottom seen as `N x C x spatial`, with all axes before the channels in one, and a spatial axis of extent 1 if it
    /// has none.
    pub(super) fn batched(b: &mut Builder, x: ValueId, channel: usize) -> ValueId {
        let shape = b.shape(x);
        let mut dims = vec![shape.count_of(0..channel)];
        dims.extend(&shape.dims()[channel..]);
        if dims.len() == 2 {
            dims.push(1);
        }
        b.view(x, dims)
    }

    /// `5, stride 2, pad 1`.
    pub(super) fn window_text(&self) -> String {
        let mut text = self.kernel.text();
        for (name, value) in [
            ("stride", &self.stride),
            ("pad", &self.pad),
            ("pad at the end", &self.pad_end),
            ("dilation", &self.dilation),
        ] {
            let value = value.text();
            let default = if name.starts_with("pad") { "0" } else { "1" };
            if !value.is_empty() && value != default {
                text.push_str(&format!(", {name} {value}"));
            }
        }
        text
    }

    /// The geometry over the spatial axes of [`batched`](Self::batched) that `infer` has approved.
    pub(super) fn approved(&self, shape: &Shape) -> (usize, Conv) {
        let channel = shape.axis(self.axis).unwrap_or(0);
        let spatial = shape.rank() - channel - 1;
        let spread = |p: &PerAxis, default| p.spread(spatial, default).unwrap_or_default();
        let (kernel, stride) = (spread(&self.kernel, 0), spread(&self.stride, 1));
        let (pad, dilation) = (spread(&self.pad, 0), spread(&self.dilation, 1));
        let pad_end = if self.pad_end.values.is_empty() { &self.pad } else { &self.pad_end };
        let pad_end = spread(pad_end, 0);
        let axes = (0..spatial).map(|i| Axis {
            dilation: dilation[i],
            pad_after: pad_end[i],
            ..Axis::new(kernel[i], stride[i], pad[i])
        });
        let mut axes: Vec<Axis> = axes.collect();
        if axes.is_empty() {
            axes.push(Axis::new(1, 1, 0));
        }
        (channel, Conv { axes, group: self.groups(shape.dims()[channel]) })
    }

    /// The same with the axes as a convolution of so large a bottom has them.
    pub(super) fn approved_windows(&self, shape: &Shape) -> (usize, Conv) {
        let (channel, mut conv) = self.approved(shape);
        for (axis, &extent) in conv.axes.iter_mut().zip(&shape.dims()[channel + 1..]) {
            *axis = self.fitted(*axis, extent);
        }
        (channel, conv)
    }
}

impl LayerOps for Convolution {
    fn check(&self, cx: &Infer) -> Result<(), Reported> {
        self.check_numbers(cx)
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (channel, conv) = self.geometry(cx)?;
        let channels = cx.bottom(0).dims()[channel];
        cx.equal_bottoms()?;
        cx.one_top_per_bottom()?;
        let top = self.windows(cx, channel, &conv)?.with(channel, self.num_output);
        let mut weight = vec![self.num_output, channels / conv.group];
        weight.extend(conv.axes.iter().map(|axis| axis.kernel));
        let tops = vec![top; cx.bottoms.len()];
        Ok(Signature { tops, params: self.params(weight.into()) })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (channel, conv) = self.approved_windows(&b.shape(cx.bottoms[0]).clone());
        let channels = b.shape(cx.bottoms[0]).dims()[channel];
        let mut shape = vec![self.num_output, channels / conv.group];
        shape.extend(conv.axes.iter().map(|axis| axis.kernel));
        let (weight, bias) = self.filters(b, cx.params, &shape);
        let mut tops = vec![];
        for &x in cx.bottoms {
            let x = Self::batched(b, x, channel);
            let y = convolve(b, x, weight, bias, conv.clone());
            tops.push(b.view(y, cx.top(0).clone()));
        }
        tops
    }

    fn sliding(&self, bottom: &Shape) -> Vec<Axis> {
        let Some(channel) = bottom.axis(self.axis) else { return vec![] };
        let fields = [&self.stride, &self.pad, &self.pad_end, &self.dilation];
        self.kernel.windows(bottom.rank() - channel - 1, fields).unwrap_or_default()
    }

    fn detail(&self) -> String {
        let filters = if self.num_output == 1 { "filter" } else { "filters" };
        let mut text = format!("{} {filters} of {}", self.num_output, self.window_text());
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
    fn any_number_of_spatial_axes() {
        let layer = r#"layer { name: "l" type: "Convolution" bottom: "a" top: "y"
            convolution_param { num_output: 2 kernel_size: 1 } }"#;
        check(layer, &[1, 3, 5], Ok(&[1, 2, 5]));
        check(layer, &[1, 3], Ok(&[1, 2]));
        check(layer, &[1, 3, 2, 3, 2, 3], Ok(&[1, 2, 2, 3, 2, 3]));
        let layer = layer.replace("Convolution", "Deconvolution");
        check(&layer, &[1, 3, 2, 2, 2, 2], Ok(&[1, 2, 2, 2, 2, 2]));
    }

    /// Windows over four axes: what a deconvolution gives for an array, times another one, is what the convolution of the
    /// other with the same filters gives, times the first; and a convolution is the filters times the columns.
    #[test]
    fn four_axes_are_taken_apart_alike() {
        let param = "kernel_size: 2 kernel_size: 3 kernel_size: 1 kernel_size: 2 stride: 2 stride: 1 stride: 1 stride: 2
            pad: 1 pad: 0 pad: 0 pad: 1 dilation: 2 dilation: 1 dilation: 1 dilation: 1 bias_term: false";
        let layer = |kind: &str, more: &str| {
            format!(
                "layer {{ name: 'l' type: '{kind}' bottom: 'a' top: 'y' convolution_param {{ {param} {more} }} }}"
            )
        };
        let uneven = |shape: &[usize]| {
            let mut blob = counting(shape);
            blob.data.iter_mut().enumerate().for_each(|(i, x)| *x = ((i * 7) % 11) as f32 - 5.0);
            blob
        };
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            assert_eq!(a.len(), b.len());
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let x = uneven(&[2, 4, 5, 4, 2, 4]);
        let weight = uneven(&[6, 2, 2, 3, 1, 2]);
        let given = BTreeMap::from([
            ("in.a".to_string(), x.clone()),
            ("param.l.0".to_string(), weight.clone()),
        ]);
        let convolved = pass(&layer("Convolution", "num_output: 6 group: 2"), &given).unwrap();
        let convolved = &convolved["out.y"];
        assert_eq!(convolved.shape, [2, 6, 3, 2, 2, 3]);
        let other = uneven(&convolved.shape);
        let given = BTreeMap::from([
            ("in.a".to_string(), other.clone()),
            ("param.l.0".to_string(), weight.clone()),
        ]);
        let back = pass(&layer("Deconvolution", "num_output: 4 group: 2"), &given).unwrap();
        let back = &back["out.y"];
        assert_eq!(back.shape, x.shape);
        let (one, two) = (dot(&convolved.data, &other.data), dot(&back.data, &x.data));
        assert!((one - two).abs() < 1e-3 * one.abs() && 1.0 < one.abs(), "{one} {two}");

        let given = BTreeMap::from([("in.a".to_string(), x)]);
        let columns = pass(&layer("Im2col", ""), &given).unwrap();
        let columns = &columns["out.y"];
        assert_eq!(columns.shape, [2, 4 * 12, 3, 2, 2, 3]);
        let (taps, places) = (12, 36);
        for image in 0..2 {
            for output in 0..6 {
                let group = output / 3;
                for place in 0..places {
                    let sum: f32 = (0..2 * taps)
                        .map(|i| {
                            let row = (image * 4 + group * 2) * taps + i;
                            weight.data[output * 2 * taps + i] * columns.data[row * places + place]
                        })
                        .sum();
                    assert_eq!(convolved.data[(image * 6 + output) * places + place], sum);
                }
            }
        }
    }
}
