//! Maximum, mean or a random element of sliding windows.

use super::coordinates::PerAxis;
use crate::diag::Reported;
use crate::exec::cpu::pool as kernels;
use crate::params;
use crate::program::expr::{arg, select};
use crate::program::native::{Operation, Saved, View, ViewMut};
use crate::program::{Builder, Distribution, ValueId};
use crate::real::Real;
use crate::spec::{
    Args, Arity, Category, Infer, LayerOps, LayerSpec, Lower, Phase, Signature, caffe,
};
use crate::ty::Shape;
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
    /// The maximum, the mean or a random element of sliding windows over the last two axes of `N x C x H x W`.
    ///
    /// Caffe counts windows rounding up, so that a last window may hang over the edge; with padding, one that would
    /// start in the padding at the end is dropped. The mean divides by the window's extent including padding, but not
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
        /// One window over the whole image.
        global: bool = false,
        /// How the number of windows is rounded.
        rounding: Rounding = Rounding::Ceil,
        /// Whether the divisor of a mean counts padding.
        count_pad: bool = true,
    }
}

/// The description of [`Pooling`].
pub static SPEC: LayerSpec = LayerSpec {
    tops: Arity::between(1, 2),
    spellings: &[caffe("Pooling", |a| Pooling::read(a).into())],
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

impl Pooling {
    fn read(a: &Args) -> Self {
        let p = a.section("pooling_param");
        p.ignore(&["engine"]);
        let layer = Pooling {
            method: p.choice("pool", &METHODS).unwrap_or(Method::Max),
            kernel: PerAxis::read_once(&p, "kernel_size", "kernel_h", "kernel_w"),
            stride: PerAxis::read_once(&p, "stride", "stride_h", "stride_w"),
            pad: PerAxis::read_once(&p, "pad", "pad_h", "pad_w"),
            global: p.bool("global_pooling").unwrap_or(false),
            rounding: rounding(&p),
            count_pad: true,
        };
        if layer.global && !layer.kernel.values.is_empty() {
            p.wrong("kernel_size", "with `global_pooling` the window is the whole image");
        }
        if !layer.global && layer.kernel.values.is_empty() {
            p.need::<usize>("kernel_size", None);
        }
        layer
    }

    fn pool(&self, shape: &Shape) -> Option<Pool> {
        let (kernel, stride) = (self.kernel.spread(2, 0)?, self.stride.spread(2, 1)?);
        let pad = self.pad.spread(2, 0)?;
        let axis = |i: usize| match self.global {
            true => Axis::new(shape.dims()[i + 2], 1, 0),
            false => Axis::new(kernel[i], stride[i], pad[i]),
        };
        let axes = [axis(0), axis(1)];
        Some(Pool { axes, rounding: self.rounding, count_pad: self.count_pad })
    }

    /// The shape of the first top.
    pub(super) fn top(&self, cx: &Infer) -> Result<Shape, Reported> {
        let shape = cx.bottom(0);
        if shape.rank() != 4 {
            return cx.fail_bottom(0, "pooling needs a blob of 4 axes, N x C x H x W");
        }
        let Some(pool) = self.pool(shape) else {
            return cx
                .fail(&["kernel_size", "stride", "pad"], "give one value, or two for H and W");
        };
        let mut top = shape.clone();
        for (i, axis) in pool.axes.iter().enumerate() {
            if axis.kernel == 0 || axis.stride == 0 {
                return cx
                    .fail(&["kernel_size", "stride"], "a window and its stride must not be 0");
            }
            if axis.kernel <= axis.pad_before {
                let (pad, kernel) = (axis.pad_before, axis.kernel);
                return cx.fail(
                    &["pad", "pad_h"],
                    format!("pad {pad} is not less than the window, {kernel}"),
                );
            }
            match axis.pooled(shape.dims()[i + 2], pool.rounding) {
                Some(windows) if 0 < windows => top.0[i + 2] = windows,
                _ => {
                    let (pad, reach) = (axis.pad_before, axis.reach());
                    return cx.fail_window(shape.dims()[i + 2], pad, reach, i, 2);
                }
            }
        }
        let padded = pool.axes.iter().any(|axis| 0 < axis.pad_before);
        if self.method == Method::Stochastic && padded {
            return cx.fail(&["pad", "pad_h"], "STOCHASTIC pooling has no padding");
        }
        Ok(top)
    }

    /// The tops there are: the pooled blob, and for MAX the positions.
    pub(super) fn pooled(&self, b: &mut Builder, x: ValueId, phase: Phase) -> Vec<ValueId> {
        let pool = self.pool(b.shape(x)).expect("infer has approved the window");
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

impl LayerOps for Pooling {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let top = self.top(cx)?;
        if self.method != Method::Max && cx.n_tops() == 2 {
            return cx.fail(&["pool"], "only MAX pooling has a second top, the positions");
        }
        Ok(Signature { tops: vec![top; cx.n_tops()], params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let tops = self.pooled(b, cx.bottoms[0], cx.phase);
        tops[..cx.n_tops()].to_vec()
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
        for (name, value) in [("stride", &self.stride), ("pad", &self.pad)] {
            let value = value.text();
            if !matches!(value.as_str(), "" | "0") {
                text.push_str(&format!(", {name} {value}"));
            }
        }
        text
    }
}

/// Stochastic pooling in training: `(x, uniform) -> y, index`.
#[derive(Debug, PartialEq)]
struct Draw(Pool);

impl Draw {
    fn geometry(&self, x: &Shape) -> kernels::Shape {
        let [n, c, h, w] = [0, 1, 2, 3].map(|i| x.dims()[i]);
        kernels::Shape::new(&self.0, n * c, [h, w]).expect("infer has approved the window")
    }

    fn tops(&self, x: &Shape) -> [Shape; 2] {
        let [h, w] = self.geometry(x).output;
        let top = x.with(2, h).with(3, w);
        [top.clone(), top]
    }
}

impl Operation for Draw {
    const NAME: &'static str = "stochastic-pool";
    const GRADIENT: &'static str = "stochastic-pool-grad";

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        self.tops(args[0]).to_vec()
    }

    fn differentiable(&self, arg: usize) -> bool {
        arg == 0
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let [y, index] = outs else { return };
        let shape = self.geometry(args[0].shape);
        kernels::stochastic_forward(&shape, args[0].data, args[1].data, y.data, index.data);
    }

    fn backward<T: Real>(
        &self,
        saved: &Saved<T>,
        _wrt: &[usize],
        dargs: &mut [ViewMut<T>],
        _work: &mut [T],
    ) {
        let shape = self.geometry(saved.args[0].shape);
        let (dy, index) = (saved.douts[0].data, saved.outs[1].data);
        kernels::index_backward(&shape, dy, index, T::ZERO, dargs[0].data);
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
}
