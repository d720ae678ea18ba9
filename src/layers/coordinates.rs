//! Reads window parameters that may be given once, per axis, or as `_h` and `_w`, as Caffe allows.

use super::prelude::*;
use crate::diag::{self, Diagnostic};
use crate::window::Axis;

/// One value per spatial axis, as written: repeated values or a pair for height and width.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PerAxis {
    /// No value (the default), one for all axes, or one per axis.
    pub values: Vec<usize>,
}

impl PerAxis {
    /// Reads `key` (repeated) or the pair `key_h`, `key_w`.
    pub fn read(a: &Args, key: &'static str, h: &'static str, w: &'static str) -> Self {
        Self::with_pair(a, key, a.usizes(key), h, w)
    }

    /// Reads `key`, which may be given once, or the pair `key_h`, `key_w`, of which both must be given. Beside a `kernel_size`
    /// Caffe reads past one of the pair alone.
    pub fn read_once(a: &Args, key: &'static str, h: &'static str, w: &'static str) -> Self {
        let values = a.usize(key).into_iter().collect();
        for (one, other) in [(h, w), (w, h)] {
            if a.has(one) && !a.has(other) && key == "kernel_size" && a.has(key) {
                a.ignore(&[one]);
                let message = format!("`{one}` without `{other}` has no effect beside `{key}`");
                let d = Diagnostic::new(&diag::W0617, a.place(one), message);
                a.report(d.here(format!("the window is as long as `{key}` both ways")));
                return PerAxis { values };
            }
            if a.has(one) && !a.has(other) && key != "kernel_size" {
                a.wrong(one, format!("`{one}` needs `{other}` beside it"));
            }
        }
        Self::with_pair(a, key, values, h, w)
    }

    fn with_pair(
        a: &Args,
        key: &'static str,
        values: Vec<usize>,
        h: &'static str,
        w: &'static str,
    ) -> Self {
        let (high, wide) = (a.usize(h), a.usize(w));
        if high.is_some() || wide.is_some() {
            if !values.is_empty() {
                let message = format!("`{key}` and `{h}`/`{w}` exclude each other");
                let d = Diagnostic::new(&diag::E0306, a.place(h), message);
                a.report(d.help(format!("keep `{key}` for a square, or the other two")));
            }
            let alone = |one: &str, other: &str| {
                let message = format!("`{one}` needs `{other}` beside it");
                let d = Diagnostic::new(&diag::E0306, a.place(one), message);
                a.report(d.help(format!("`{key}` alone says both")));
            };
            if high.is_none() && wide.is_some() && key == "kernel_size" {
                alone(w, h);
            }
            if wide.is_none() && key == "kernel_size" {
                alone(h, w);
            }
            let default = if key == "stride" { 1 } else { 0 };
            let pair = vec![high.unwrap_or(default), wide.unwrap_or(default)];
            return PerAxis { values: pair };
        }
        PerAxis { values }
    }

    /// The values for `axes` axes.
    pub fn spread(&self, axes: usize, default: usize) -> Option<Vec<usize>> {
        match self.values.len() {
            0 => Some(vec![default; axes]),
            1 => Some(vec![self.values[0]; axes]),
            n if n == axes => Some(self.values.clone()),
            _ => None,
        }
    }

    /// The values for `axes` axes, or a complaint.
    pub fn resolve(
        &self,
        cx: &Infer,
        key: &str,
        axes: usize,
        default: usize,
    ) -> Result<Vec<usize>, Reported> {
        match self.spread(axes, default) {
            Some(values) => Ok(values),
            None => {
                let n = self.values.len();
                cx.fail(&[key], format!("`{key}` has {n} values for {axes} spatial axes"))
            }
        }
    }

    /// The windows along `axes` axes of these kernels, with strides and paddings; `pad_end` is that of `pad` where nothing
    /// is said.
    pub fn windows(
        &self,
        axes: usize,
        [stride, pad, pad_end, dilation]: [&Self; 4],
    ) -> Option<Vec<Axis>> {
        let (kernel, stride) = (self.spread(axes, 0)?, stride.spread(axes, 1)?);
        let (before, dilation) = (pad.spread(axes, 0)?, dilation.spread(axes, 1)?);
        let after = if pad_end.values.is_empty() { pad } else { pad_end }.spread(axes, 0)?;
        let axis = |i: usize| Axis {
            dilation: dilation[i],
            pad_after: after[i],
            ..Axis::new(kernel[i], stride[i], before[i])
        };
        Some((0..axes).map(axis).collect())
    }

    /// `5`, `3 x 5`, or nothing.
    pub fn text(&self) -> String {
        let all: Vec<String> = self.values.iter().map(usize::to_string).collect();
        match &self.values[..] {
            [first, rest @ ..] if rest.iter().all(|v| v == first) => first.to_string(),
            _ => all.join(" x "),
        }
    }
}
