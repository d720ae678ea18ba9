//! Turns a blob around along an axis.

use super::constants::pick;
use super::prelude::*;

params! {
    /// The blob with the elements of one axis in the reverse order: for the backward half of a bidirectional LSTM.
    ///
    /// A layer of the forks of Caffe for recognising text.
    pub struct Reverse {
        /// The axis that is turned around; -1 is the last. Sequences have the time first.
        axis: i64 = 0,
    }
}

/// The description of [`Reverse`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[caffe("Reverse", |a| {
        Reverse { axis: a.section("reverse_param").int("axis").unwrap_or(0) }.into()
    })],
    ..LayerSpec::new("Reverse", Category::Shape, Reverse::DOCS)
};

/// `x` with the elements of an axis in the reverse order.
pub(super) fn reversed(b: &mut Builder, x: ValueId, axis: usize) -> ValueId {
    let places: Vec<usize> = (0..b.shape(x).dims()[axis]).rev().collect();
    pick(b, x, axis, &places)
}

impl LayerOps for Reverse {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        cx.axis(0, self.axis)?;
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let axis = b.shape(x).axis(self.axis).unwrap_or(0);
        vec![reversed(b, x, axis)]
    }

    fn detail(&self) -> String {
        format!("axis {}", self.axis)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{blob, check, counting, pass};

    #[test]
    fn rows_and_columns() {
        let x = || blob(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let layer = "layer { name: 'l' type: 'Reverse' bottom: 'a' top: 'y' }";
        check(layer, &[("a", x())], &blob(&[3, 2], &[5.0, 6.0, 3.0, 4.0, 1.0, 2.0]));
        let layer =
            "layer { name: 'l' type: 'Reverse' bottom: 'a' top: 'y' reverse_param { axis: -1 } }";
        check(layer, &[("a", x())], &blob(&[3, 2], &[2.0, 1.0, 4.0, 3.0, 6.0, 5.0]));
        let tensors = BTreeMap::from([("in.a".to_string(), x()), ("dout.y".to_string(), x())]);
        assert_eq!(pass(layer, &tensors).unwrap()["din.a"].data, [2.0, 1.0, 4.0, 3.0, 6.0, 5.0]);
    }

    #[test]
    fn there_must_be_such_an_axis() {
        let layer =
            "layer { name: 'l' type: 'Reverse' bottom: 'a' top: 'y' reverse_param { axis: 2 } }";
        let tensors = BTreeMap::from([("in.a".to_string(), counting(&[3, 2]))]);
        assert!(pass(layer, &tensors).unwrap_err().contains("axis 2 does not exist"));
    }
}
