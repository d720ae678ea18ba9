//! base^(shift + scale x).

use super::prelude::*;

params! {
    /// base^(shift + scale x), element by element.
    pub struct Exp {
        /// A positive number.
        base: f64 = std::f64::consts::E,
        /// Factor of the input.
        scale: f64 = 1.0,
        /// Added after scaling.
        shift: f64 = 0.0,
    }
}

/// The description of [`Exp`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("Exp", |a| {
            let p = a.section("exp_param");
            let scale = p.float("scale").unwrap_or(1.0);
            let shift = p.float("shift").unwrap_or(0.0);
            Exp { base: base(&p), scale, shift }.into()
        }),
        torch("nn.Exp", &[], |_| Exp::default().into()),
    ],
    ..LayerSpec::new("Exp", Category::Elementwise, Exp::DOCS)
};

/// Reads the `base` of a power or of a logarithm, where Caffe writes -1 for Euler's number.
pub(super) fn base(p: &Args) -> f64 {
    let base = p.float("base").unwrap_or(-1.0);
    if base == -1.0 {
        return std::f64::consts::E;
    }
    if !(0.0 < base && base.is_finite()) {
        p.wrong("base", format!("`base` must be above 0, or -1 for e, not {base}"));
    }
    base
}

impl LayerOps for Exp {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (rate, factor) = (self.base.ln() * self.scale, self.base.powf(self.shift));
        let y = (arg(0) * rate).exp() * factor;
        vec![b.activation(cx.bottoms[0], &y, &(arg(0) * rate))]
    }

    fn detail(&self) -> String {
        affine(self.base, self.scale, self.shift)
    }
}

/// `base 2, scale 0.5, shift 1`: what differs from the default.
pub(super) fn affine(base: f64, scale: f64, shift: f64) -> String {
    let mut parts = vec![];
    for (name, value, default) in
        [("base", base, std::f64::consts::E), ("scale", scale, 1.0), ("shift", shift, 0.0)]
    {
        if value != default {
            parts.push(format!("{name} {}", value as f32));
        }
    }
    parts.join(", ")
}
