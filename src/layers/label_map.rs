//! Labels as a definition wants them.

use crate::diag::Reported;
use crate::params;
use crate::program::expr::{arg, select};
use crate::program::{Builder, ValueId};
use crate::spec::{Category, InPlace, Infer, LayerOps, LayerSpec, Lower, Signature};

params! {
    /// scale x + offset, except for some labels: what a Torch definition's `labelHook` does.
    pub struct LabelMap {
        /// Factor.
        scale: f64 = 1.0,
        /// Summand.
        offset: f64 = 0.0,
        /// Labels and what they become instead.
        exceptions: Vec<(f64, f64)> = vec![],
    }
}

/// The description of [`LabelMap`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    ..LayerSpec::new("LabelMap", Category::Data, LabelMap::DOCS)
};

impl LabelMap {
    /// What becomes of a label.
    pub fn of(&self, label: f64) -> f64 {
        let exception = self.exceptions.iter().rev().find(|&&(from, _)| from == label);
        exception.map_or(self.scale * label + self.offset, |&(_, to)| to)
    }
}

impl LayerOps for LabelMap {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let affine = arg(0) * self.scale + self.offset;
        let exceptions = self.exceptions.iter();
        let mapped = exceptions.fold(affine, |e, &(from, to)| select(arg(0).equals(from), to, e));
        vec![b.map(cx.bottoms, &mapped)]
    }

    fn differentiable(&self, _bottom: usize) -> bool {
        false
    }

    fn detail(&self) -> String {
        let mut parts: Vec<String> =
            self.exceptions.iter().map(|(from, to)| format!("{from} to {to}")).collect();
        if (self.scale, self.offset) != (1.0, 0.0) {
            parts.push(format!("{} x + {}", self.scale, self.offset));
        }
        parts.join(", ")
    }
}
