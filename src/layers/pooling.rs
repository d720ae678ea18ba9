//! Maximum, mean or a random element of sliding windows.

use super::coordinates::PerAxis;
use super::lua::{count, counts, counts_or};
use super::pooling_classes::{
    CUDNN_AVERAGE_POOLING, DILATED_MAX_POOLING, ROUNDS_UP, SPATIAL, SPATIAL_AVERAGE_POOLING,
    SPATIAL_DILATED, SPATIAL_MAX_POOLING, STOCHASTIC_POOLING, TEMPORAL_MAX_POOLING, VOLUMETRIC,
    VOLUMETRIC_DILATED, VOLUMETRIC_DILATED_POOLING, VOLUMETRIC_POOLING,
};
use super::prelude::*;
use super::stochastic_pool::Draw;
use crate::program::Distribution;
use crate::window::{Axis, Pool, Rounding};

/// What becomes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Its largest element.
    Max,
    /// Its mean.
    Ave,
    /// In training an element drawn with a probability proportional to its value, in testing the mean of the
    /// elements weighted by themselves.
    Stochastic,
}

/// Caffe's names of the methods.
pub(super) const METHODS: [(&str, Method); 3] =
    [("MAX", Method::Max), ("AVE", Method::Ave), ("STOCHASTIC", Method::Stochastic)];

params! {
    /// The maximum, the mean or a random element of sliding windows over the last two axes of `N x C x H x W`, or, as in
    /// forks of Caffe such as Intel's, over the last three of `N x C x L x H x W`, for which `kernel_size`, `stride` and `pad`
    /// may be given three times; a `dilation` is that of Tschopp's fork.
    ///
    /// Caffe counts windows rounding up, so that a last window may hang over the edge; with padding along either axis,
    /// last windows that would start behind the image are dropped along both. The mean divides by the window's extent including padding, but not
    /// what hangs over. Among equal maxima the first takes the gradient. A second top of MAX gets the position of each
    /// maximum as `h W + w`. STOCHASTIC is that of Zeiler and Fergus 2013, for elements that are not negative.
    pub struct Pooling {
        /// What becomes of a window.
        method: Method = Method::Max,
        /// Extent of the window.
        kernel: PerAxis = PerAxis::default(),
        /// Step between windows.
        stride: PerAxis = PerAxis::default(),
        /// Padding on both sides.
        pad: PerAxis = PerAxis::default(),
        /// Padding at the end, where that is not as at the beginning (TensorFlow's SAME).
        pad_end: PerAxis = PerAxis::default(),
        /// One window over the whole image.
        global: bool = false,
        /// How the number of windows is rounded.
        rounding: Rounding = Rounding::Ceil,
        /// Whether the divisor of a mean counts padding.
        count_pad: bool = true,
        /// Distance between the elements of a window.
        dilation: PerAxis = PerAxis::default(),
        /// The least and the largest number of axes of the bottom, of which the last have windows. Where they differ,
        /// as in Torch, the batch axis may be missing, and padding is at most half the window.
        ranks: [usize; 2] = [4, 4],
        /// Whether a mean is multiplied by the number of elements of a window.
        sum: bool = false,
        /// Whether a bottom of five axes is a batch of volumes, `N x C x L x H x W`, with windows over the last three.
        volumes: bool = false,
        /// The axis of the channels, behind which all axes have windows, one to three (the forks' `PoolingND`); none: the
        /// last two, or as many as the window has extents.
        channels: Option<i64> = None,
    }
}

/// The description of [`Pooling`].
pub static SPEC: LayerSpec = LayerSpec {
    tops: Arity::between(1, 2),
    in_place: InPlace::Garbled,
    spellings: &[
        caffe("Pooling", |a| Pooling::read(a).into()),
        caffe("PoolingND", |a| Pooling::read_all_axes(a).into()),
        torch("nn.SpatialMaxPooling", SPATIAL, |a| Pooling::read_spatial(a, Method::Max).into())
            .script(SPATIAL_MAX_POOLING),
        torch("nn.SpatialDilatedMaxPooling", SPATIAL_DILATED, |a| {
            let dilation = PerAxis { values: counts_or(a, ["dilationH", "dilationW"], 1) };
            Pooling { dilation, ..Pooling::read_spatial(a, Method::Max) }.into()
        })
        .extends("nn.SpatialMaxPooling")
        .script(DILATED_MAX_POOLING),
        torch("nn.SpatialAveragePooling", SPATIAL, |a| {
            Pooling::read_spatial(a, Method::Ave).into()
        })
        .script(SPATIAL_AVERAGE_POOLING),
        torch("cudnn.SpatialAveragePooling", SPATIAL, |a| {
            Pooling::read_spatial(a, Method::Ave).into()
        })
        .extends("nn.SpatialAveragePooling")
        .script(CUDNN_AVERAGE_POOLING),
        torch("inn.SpatialMaxPooling", SPATIAL, |a| Pooling::read_spatial(a, Method::Max).into())
            .extends("nn.SpatialMaxPooling")
            .script(ROUNDS_UP),
        torch("inn.SpatialAveragePooling", SPATIAL, |a| {
            Pooling::read_spatial(a, Method::Ave).into()
        })
        .extends("nn.SpatialAveragePooling")
        .script(ROUNDS_UP),
        torch("inn.SpatialStochasticPooling", &["kW", "kH", "dW", "dH"], |a| {
            Pooling::read_spatial(a, Method::Stochastic).into()
        })
        .extends("nn.SpatialMaxPooling")
        .script(STOCHASTIC_POOLING),
        torch("nn.VolumetricMaxPooling", VOLUMETRIC, |a| {
            Pooling::read_volumetric(a, Method::Max).into()
        })
        .script(VOLUMETRIC_POOLING),
        torch("nn.VolumetricDilatedMaxPooling", VOLUMETRIC_DILATED, |a| {
            let dilation = counts_or(a, ["dilationT", "dilationH", "dilationW"], 1);
            let dilation = PerAxis { values: dilation };
            Pooling { dilation, ..Pooling::read_volumetric(a, Method::Max) }.into()
        })
        .extends("nn.VolumetricMaxPooling")
        .script(VOLUMETRIC_DILATED_POOLING),
        torch("nn.VolumetricAveragePooling", VOLUMETRIC, |a| {
            Pooling::read_volumetric(a, Method::Ave).into()
        })
        .script(VOLUMETRIC_POOLING),
        torch("nn.TemporalMaxPooling", &["kW", "dW"], |a| Pooling::read_temporal(a).into())
            .script(TEMPORAL_MAX_POOLING),
    ],
    ..LayerSpec::new("Pooling", Category::Pooling, Pooling::DOCS)
};

/// `round_mode`, or the `ceil_mode` that several forks have instead.
fn rounding(p: &Args) -> Rounding {
    let words = [("CEIL", Rounding::Ceil), ("FLOOR", Rounding::Floor)];
    match (p.choice("round_mode", &words), p.bool("ceil_mode")) {
        (Some(_), Some(_)) => {
            p.wrong("ceil_mode", "`round_mode` and `ceil_mode` exclude each other");
            Rounding::Ceil
        }
        (Some(rounding), None) => rounding,
        (None, Some(false)) => Rounding::Floor,
        (None, _) => Rounding::Ceil,
    }
}

/// Complains about a window that no extent makes possible.
fn check_axis(cx: &Infer, axis: &Axis) -> Result<(), Reported> {
    if axis.kernel == 0 {
        return cx.fail(&["kernel_size", "kernel_h", "kernel_w"], "a window must not be 0");
    }
    if axis.stride == 0 {
        return cx.fail(&["stride", "stride_h", "stride_w"], "a stride must not be 0");
    }
    let (pad, kernel) = (axis.pad_before, axis.kernel);
    if kernel <= pad {
        let why = format!("pad {pad} is not less than the window, {kernel}");
        return cx.fail(&["pad", "pad_h"], why);
    }
    Ok(())
}

impl Pooling {
    /// Reads the fields of Torch's pooling of images.
    fn read_spatial(a: &Args, method: Method) -> Self {
        Pooling {
            kernel: PerAxis { values: counts(a, ["kH", "kW"]) },
            stride: PerAxis { values: counts(a, ["dH", "dW"]) },
            pad: PerAxis { values: counts_or(a, ["padH", "padW"], 0) },
            ranks: [3, 4],
            ..Self::read_modes(a, method)
        }
    }

    /// Reads the fields of Torch's pooling of volumes.
    fn read_volumetric(a: &Args, method: Method) -> Self {
        Pooling {
            kernel: PerAxis { values: counts(a, ["kT", "kH", "kW"]) },
            stride: PerAxis { values: counts(a, ["dT", "dH", "dW"]) },
            pad: PerAxis { values: counts_or(a, ["padT", "padH", "padW"], 0) },
            ranks: [4, 5],
            ..Self::read_modes(a, method)
        }
    }

    /// Reads the fields of Torch's pooling of sequences, `frames x features`.
    fn read_temporal(a: &Args) -> Self {
        Pooling {
            kernel: PerAxis { values: vec![count(a, "kW"), 1] },
            stride: PerAxis { values: vec![count(a, "dW"), 1] },
            ranks: [2, 3],
            ..Self::read_modes(a, Method::Max)
        }
    }

    fn read_modes(a: &Args, method: Method) -> Self {
        let ceil = a.bool("ceil_mode").unwrap_or(false);
        Pooling {
            method,
            rounding: if ceil { Rounding::Ceil } else { Rounding::Floor },
            count_pad: a.bool("count_include_pad").unwrap_or(true),
            sum: method == Method::Ave && a.bool("divide") == Some(false),
            ..Pooling::default()
        }
    }

    /// Reads the message of the forks of Caffe that pool over any axes; each value may be given once for each of them.
    fn read_all_axes(a: &Args) -> Self {
        let p = a.section("pooling_nd_param");
        let layer = Pooling {
            kernel: PerAxis::read(&p, "kernel_size", "kernel_h", "kernel_w"),
            stride: PerAxis::read(&p, "stride", "stride_h", "stride_w"),
            pad: PerAxis::read(&p, "pad", "pad_h", "pad_w"),
            channels: Some(p.int("axis").unwrap_or(1)),
            ..Self::read_common(&p)
        };
        layer.check_fields(&p);
        layer
    }

    /// Number of axes of a shape that have windows.
    fn spatial(&self, shape: &Shape) -> usize {
        let channels = match self.channels {
            None if self.volumes && shape.rank() == 5 => Some(1),
            axis => axis.and_then(|axis| shape.axis(axis)),
        };
        channels.map_or(self.kernel.values.len().max(2), |axis| shape.rank() - axis - 1)
    }

    fn read(a: &Args) -> Self {
        let p = a.section("pooling_param");
        // Forks for volumes repeat what Caffe 1.0 takes once.
        let read = match p.times("kernel_size").max(p.times("stride")) {
            0..3 => PerAxis::read_once,
            _ => PerAxis::read,
        };
        let layer = Pooling {
            kernel: read(&p, "kernel_size", "kernel_h", "kernel_w"),
            stride: read(&p, "stride", "stride_h", "stride_w"),
            pad: read(&p, "pad", "pad_h", "pad_w"),
            dilation: PerAxis { values: p.usizes("dilation") },
            volumes: true,
            ..Self::read_common(&p)
        };
        layer.check_fields(&p);
        layer
    }

    fn read_common(p: &Args) -> Self {
        p.ignore(&["engine"]);
        Pooling {
            method: p.choice("pool", &METHODS).unwrap_or(Method::Max),
            global: p.bool("global_pooling").unwrap_or(false),
            rounding: rounding(p),
            ..Pooling::default()
        }
    }

    /// Complains about fields that do not go together.
    fn check_fields(&self, p: &Args) {
        if self.dilation.values.contains(&0) {
            p.wrong("dilation", "`dilation` must not be 0");
        }
        if self.global && !self.kernel.values.is_empty() {
            p.wrong("kernel_size", "with `global_pooling` the window is the whole image");
        }
        let idle = |given: &PerAxis, value| given.values.iter().all(|&v| v == value);
        if self.global && !(idle(&self.pad, 0) && idle(&self.stride, 1)) {
            let key = if idle(&self.pad, 0) { "stride" } else { "pad" };
            p.wrong(key, "with `global_pooling` there is one window, without padding or stride");
        }
        if !self.global && self.kernel.values.is_empty() {
            p.need::<usize>("kernel_size", None);
        }
    }

    /// The window along each of the last axes.
    fn axes(&self, shape: &Shape) -> Option<Vec<Axis>> {
        let spatial = self.spatial(shape);
        let first = shape.rank().checked_sub(spatial)?;
        if self.global {
            return Some(
                shape.dims()[first..].iter().map(|&extent| Axis::new(extent, 1, 0)).collect(),
            );
        }
        self.kernel.windows(spatial, [&self.stride, &self.pad, &self.pad_end, &self.dilation])
    }

    /// How windows along these axes are counted: padding along one of them clips the last windows of all.
    fn rounding(&self, axes: &[Axis]) -> Rounding {
        let padded = axes.iter().any(|axis| 0 < axis.pad_before);
        if self.rounding == Rounding::Ceil && padded {
            return Rounding::CeilInside;
        }
        self.rounding
    }

    /// The shape of the first top.
    pub(super) fn top(&self, cx: &Infer) -> Result<Shape, Reported> {
        let shape = cx.bottom(0);
        let [least, most] = match self.channels {
            None if self.volumes && shape.rank() == 5 => [5, 5],
            None => self.ranks,
            Some(axis) => {
                let spatial = shape.rank() - cx.axis(0, axis)? - 1;
                if !(1..=3).contains(&spatial) {
                    return cx.fail_bottom(0, "pooling needs one to three axes after the channels");
                }
                [shape.rank(); 2]
            }
        };
        if self.channels.is_none() && least == most && shape.rank() != most {
            let why = "pooling needs a blob of 4 axes, N x C x H x W, or of 5, N x C x L x H x W";
            return cx.fail_bottom(0, why);
        }
        if !(least..=most).contains(&shape.rank()) {
            return cx
                .fail_bottom(0, format!("pooling needs {least} axes, or {most} with a batch"));
        }
        let Some(axes) = self.axes(shape) else {
            let advice = match least {
                5 => {
                    "windows of volumes are as long along all three axes; PoolingND and Pooling3D have others"
                }
                _ => "give one value, or two for H and W",
            };
            return cx
                .fail(&["kernel_h", "stride_h", "pad_h", "kernel_size", "stride", "pad"], advice);
        };
        let (mut top, first) = (shape.clone(), shape.rank() - axes.len());
        let rounding = self.rounding(&axes);
        for (i, axis) in axes.iter().enumerate() {
            check_axis(cx, axis)?;
            let (pad, kernel) = (axis.pad_before, axis.kernel);
            if least < most && kernel / 2 < pad {
                let why = format!("pad {pad} is more than half of the window, {kernel}");
                return cx.fail(&["padW"], why);
            }
            let extent = shape.dims()[first + i];
            match axis.pooled(extent, rounding) {
                Some(windows) if 0 < windows => top.0[first + i] = windows,
                _ => return cx.fail_window(extent, pad, axis.reach(), i, axes.len()),
            }
        }
        let padded = axes.iter().any(|axis| 0 < axis.pad_before);
        if self.method == Method::Stochastic && (padded || axes.len() != 2) {
            let keys = if padded { ["pad", "pad_h"] } else { ["pool", "pool"] };
            return cx.fail(&keys, "STOCHASTIC pooling is over two axes, without padding");
        }
        if cx.n_tops() == 2 && axes.len() != 2 {
            return cx.fail(&["pool"], "positions of maxima are told over two axes only");
        }
        Ok(top)
    }

    /// The tops there are: the pooled blob, and for MAX the positions.
    pub(super) fn pooled(&self, b: &mut Builder, x: ValueId, phase: Phase) -> Vec<ValueId> {
        let shape = b.shape(x).clone();
        let axes = self.axes(&shape).expect("infer has approved the window");
        let first = shape.rank() - axes.len();
        if let &[long] = &axes[..] {
            let x = b.view(x, [1, shape.count_of(0..first), shape.dims()[first], 1]);
            return vec![self.pool_images(b, x, [long, Axis::new(1, 1, 0)], self.rounding(&axes))];
        }
        if let &[long, high, wide] = &axes[..] {
            // A window of a volume is a window of images, and then one of the results of several images.
            let dims = shape.dims();
            let images = [shape.count_of(0..first), dims[first], dims[first + 1], dims[first + 2]];
            let x = b.view(x, images);
            let rounding = self.rounding(&axes);
            let images = self.pool_images(b, x, [high, wide], rounding);
            let [volumes, frames, rows, columns] = [0, 1, 2, 3].map(|i| b.shape(images).dims()[i]);
            let x = b.view(images, [1, volumes, frames, rows * columns]);
            return vec![self.pool_images(b, x, [long, Axis::new(1, 1, 0)], rounding)];
        }
        let pool = Pool {
            axes: [axes[0], axes[1]],
            rounding: self.rounding(&axes),
            count_pad: self.count_pad,
        };
        let x = match shape.rank() {
            4 => x,
            _ => {
                let dims = shape.dims();
                b.view(x, [1, shape.count_of(0..first), dims[first], dims[first + 1]])
            }
        };
        match (self.method, phase) {
            (Method::Max, _) => {
                let (y, index) = b.max_pool(x, pool);
                vec![y, index]
            }
            (Method::Ave, _) => vec![b.ave_pool(x, pool)],
            (Method::Stochastic, Phase::Train) => {
                let draw = Draw(pool);
                let [y, _] = draw.tops(b.shape(x));
                let uniform = b.random(Distribution::Uniform, y);
                vec![b.native(draw, &[x, uniform])[0]]
            }
            (Method::Stochastic, Phase::Test) => {
                let squares = b.map(&[x], &arg(0).squared());
                let (squares, mean) = (b.ave_pool(squares, pool.clone()), b.ave_pool(x, pool));
                let weighted = select(arg(1).gt(0.0), arg(0) / arg(1), 0.0);
                vec![b.map(&[squares, mean], &weighted)]
            }
        }
    }
}

impl Pooling {
    /// Pooled images, `N x C x H x W`; not for STOCHASTIC.
    fn pool_images(
        &self,
        b: &mut Builder,
        x: ValueId,
        axes: [Axis; 2],
        rounding: Rounding,
    ) -> ValueId {
        let pool = Pool { axes, rounding, count_pad: self.count_pad };
        match self.method {
            Method::Max => b.max_pool(x, pool).0,
            Method::Ave | Method::Stochastic => b.ave_pool(x, pool),
        }
    }
}

impl LayerOps for Pooling {
    fn check(&self, cx: &Infer) -> Result<(), Reported> {
        if self.method != Method::Max && cx.n_tops() == 2 {
            return cx.fail(&["pool"], "only MAX pooling has a second top, the positions");
        }
        let given = [&self.kernel, &self.stride, &self.pad].map(|values| &values.values[..]);
        let axes = given.iter().map(|values| values.len()).max().unwrap_or(0);
        let of = |which: usize, i: usize| given[which].get(i).or(given[which].first()).copied();
        let caffe = self.ranks[0] == self.ranks[1];
        for i in (0..axes).filter(|_| caffe && !given[0].is_empty()) {
            let (kernel, stride) = (of(0, i).unwrap_or(1), of(1, i).unwrap_or(1));
            check_axis(cx, &Axis::new(kernel, stride, of(2, i).unwrap_or(0)))?;
        }
        Ok(())
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let top = self.top(cx)?;
        Ok(Signature { tops: vec![top; cx.n_tops()], params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let mut tops = self.pooled(b, cx.bottoms[0], cx.phase);
        if self.sum {
            let axes = self.axes(&b.shape(cx.bottoms[0]).clone()).unwrap_or_default();
            let elements: usize = axes.iter().map(|axis| axis.kernel).product();
            tops[0] = b.scale(tops[0], elements as f64);
        }
        tops[..cx.n_tops()].iter().map(|&top| b.view(top, cx.top(0).clone())).collect()
    }

    fn sliding(&self, bottom: &Shape) -> Vec<Axis> {
        self.axes(bottom).unwrap_or_default()
    }

    fn detail(&self) -> String {
        let method = match self.method {
            Method::Max => "max",
            Method::Ave => "mean",
            Method::Stochastic => "random element",
        };
        if self.global {
            return format!("{method} of the whole image");
        }
        let mut text = format!("{method} of {}", self.kernel.text());
        for (name, value) in [
            ("stride", &self.stride),
            ("pad", &self.pad),
            ("pad at the end", &self.pad_end),
            ("dilation", &self.dilation),
        ] {
            let value = value.text();
            if !matches!((name, value.as_str()), (_, "" | "0") | ("dilation", "1")) {
                text.push_str(&format!(", {name} {value}"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{blob, check, pass};

    const LAYER: &str = r#"layer { name: "l" type: "Pooling" bottom: "a" top: "y"
        pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 } }"#;

    #[test]
    fn stochastic_pooling_tests_with_weighted_means() {
        let x = blob(&[1, 1, 2, 4], &[1.0, 3.0, 2.0, 2.0, 4.0, 2.0, 2.0, 2.0]);
        check(LAYER, &[("a", x)], &blob(&[1, 1, 1, 2], &[3.0, 2.0]));
    }

    #[test]
    fn stochastic_pooling_trains_with_one_element() {
        let tensors = BTreeMap::from([
            ("in.a".to_string(), blob(&[1, 1, 2, 2], &[0.0, 3.0, 0.0, 5.0])),
            ("dout.y".to_string(), blob(&[1, 1, 1, 1], &[2.0])),
        ]);
        let results = pass(&format!("state {{ phase: TRAIN }}\n{LAYER}"), &tensors).unwrap();
        let (y, dx) = (results["out.y"].data[0], &results["din.a"].data);
        assert!(if y == 3.0 { *dx == [0.0, 2.0, 0.0, 0.0] } else { *dx == [0.0, 0.0, 0.0, 2.0] });
    }

    #[test]
    fn volumes_and_rows() {
        let nd = |more: &str| {
            format!(
                "layer {{ name: 'l' type: 'PoolingND' bottom: 'a' top: 'y' pooling_nd_param {{ engine: CAFFE {more} }} }}"
            )
        };
        let x = || blob(&[1, 1, 2, 2, 3], &[1., 8., 2., 3., 4., 9., 5., 6., 20., 7., 0., -1.]);
        let max = nd("pool: MAX kernel_size: 2 stride: 2 pad: 0");
        check(&max, &[("a", x())], &blob(&[1, 1, 1, 1, 2], &[8.0, 20.0]));
        let ave = nd("pool: AVE kernel_size: 2 kernel_size: 1 kernel_size: 3");
        check(&ave, &[("a", x())], &blob(&[1, 1, 1, 2, 1], &[42.0 / 6.0, 22.0 / 6.0]));
        let global = nd("pool: AVE global_pooling: true");
        check(&global, &[("a", x())], &blob(&[1, 1, 1, 1, 1], &[64.0 / 12.0]));
        let row = nd("kernel_size: 2 stride: 2 pad: 1");
        check(
            &row,
            &[("a", blob(&[1, 2, 3], &[1., 2., 3., 6., 5., 4.]))],
            &blob(&[1, 2, 2], &[1., 3., 6., 5.]),
        );
        let images = nd("kernel_h: 1 kernel_w: 2");
        check(
            &images,
            &[("a", blob(&[1, 1, 2, 2], &[1., 2., 4., 3.]))],
            &blob(&[1, 1, 2, 1], &[2., 4.]),
        );
        let refused =
            |layer: &str, x| pass(layer, &BTreeMap::from([("in.a".to_string(), x)])).unwrap_err();
        assert!(refused(&max, blob(&[1, 1], &[1.0])).contains("one to three axes"));
        let positions = max.replace("top: 'y'", "top: 'y' top: 'z'");
        assert!(refused(&positions, x()).contains("over two axes only"));
    }
}
