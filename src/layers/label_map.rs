//! Labels as a definition wants them.

use super::prelude::*;

params! {
    /// scale x + offset, other lines beyond some labels, except for some labels: what a Torch definition's `labelHook` does.
    pub struct LabelMap {
        /// Factor.
        scale: f64 = 1.0,
        /// Summand.
        offset: f64 = 0.0,
        /// Labels beyond which it is another line, in order, with the factors and summands of those.
        beyond: Vec<(f64, f64, f64)> = vec![],
        /// Labels and what they become instead.
        exceptions: Vec<(f64, f64)> = vec![],
    }
}

/// The description of [`LabelMap`].
pub static SPEC: LayerSpec = LayerSpec {
    differentiable: 0,
    in_place: InPlace::Refused,
    ..LayerSpec::new("LabelMap", Category::Data, LabelMap::DOCS)
};

impl LabelMap {
    /// What becomes of a label.
    pub fn of(&self, label: f64) -> f64 {
        let exception = self.exceptions.iter().rev().find(|&&(from, _)| from == label);
        let line = self.beyond.iter().rev().find(|&&(from, ..)| from < label);
        let (scale, offset) = line.map_or((self.scale, self.offset), |&(_, s, o)| (s, o));
        exception.map_or(scale * label + offset, |&(_, to)| to)
    }
}

impl LayerOps for LabelMap {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let line = |scale: f64, offset: f64| arg(0) * scale + offset;
        let lines = self.beyond.iter();
        let lines = lines.fold(line(self.scale, self.offset), |e, &(from, scale, offset)| {
            select(arg(0).gt(from), line(scale, offset), e)
        });
        let exceptions = self.exceptions.iter();
        let mapped = exceptions.fold(lines, |e, &(from, to)| select(arg(0).equals(from), to, e));
        vec![b.map(cx.bottoms, &mapped)]
    }

    fn detail(&self) -> String {
        let mut parts: Vec<String> =
            self.exceptions.iter().map(|(from, to)| format!("{from} to {to}")).collect();
        if (self.scale, self.offset) != (1.0, 0.0) {
            parts.push(format!("{} x + {}", self.scale, self.offset));
        }
        let beyond = self.beyond.iter();
        parts.extend(beyond.map(|(from, s, o)| format!("beyond {from} {s} x + {o}")));
        parts.join(", ")
    }
}
