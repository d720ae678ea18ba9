//! Maximum, mean or a random element of sliding windows.

use super::coordinates::PerAxis;
use crate::diag::Reported;
use crate::params;
use crate::program::{Builder, ValueId};
use crate::spec::{Args, Arity, Category, Infer, LayerOps, LayerSpec, Lower, Signature, caffe};
use crate::ty::Shape;
use crate::window::{Axis, Pool, Rounding};

/// What becomes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Its largest element.
    Max,
    /// Its mean.
    Ave,
}

params! {
    /// The maximum or the mean of sliding windows over the last two axes of `N x C x H x W`.
    ///
    /// Caffe counts windows rounding up, so that a last window may hang over the edge; with padding, one that would
    /// start in the padding at the end is dropped. The mean divides by the window's extent including padding, but not
    /// what hangs over. Among equal maxima the first takes the gradient. A second top of MAX gets the position of each
    /// maximum as `h W + w`.
    pub struct Pooling {
        /// Maximum or mean.
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

impl Pooling {
    fn read(a: &Args) -> Self {
        let p = a.section("pooling_param");
        p.ignore(&["engine"]);
        let methods = [("MAX", Method::Max), ("AVE", Method::Ave)];
        let layer = Pooling {
            method: p.choice("pool", &methods).unwrap_or(Method::Max),
            kernel: PerAxis::read(&p, "kernel_size", "kernel_h", "kernel_w"),
            stride: PerAxis::read(&p, "stride", "stride_h", "stride_w"),
            pad: PerAxis::read(&p, "pad", "pad_h", "pad_w"),
            global: p.bool("global_pooling").unwrap_or(false),
            rounding: p
                .choice("round_mode", &[("CEIL", Rounding::Ceil), ("FLOOR", Rounding::Floor)])
                .unwrap_or(Rounding::Ceil),
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
}

impl LayerOps for Pooling {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
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
        if self.method == Method::Ave && cx.n_tops() == 2 {
            return cx.fail(&["pool"], "only MAX pooling has a second top, the positions");
        }
        Ok(Signature { tops: vec![top; cx.n_tops()], params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let pool = self.pool(b.shape(x)).expect("infer has approved the window");
        match self.method {
            Method::Max => {
                let (y, index) = b.max_pool(x, pool);
                [y, index][..cx.n_tops()].to_vec()
            }
            Method::Ave => vec![b.ave_pool(x, pool)],
        }
    }

    fn detail(&self) -> String {
        let method = match self.method {
            Method::Max => "max",
            Method::Ave => "mean",
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
