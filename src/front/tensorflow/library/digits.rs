//! `digits.*` (DIGITS' utils.py), and what is easier said in the language itself.

use super::{Call, Function};
use crate::front::python::interp::{Outcome, Python, Value};

const NAMED: &[&str] = &["x"];

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function(&["digits.classification_loss"], &["pred", "y"], |c| {
        let (scores, labels) = (c.floats("pred")?, c.whole_numbers("y")?);
        c.gives(|graph| graph.classification_loss(&scores, &labels))
    }),
    Function(&["digits.mse_loss"], &["lhs", "rhs"], |c| {
        let (a, b) = (c.tensor("lhs")?, c.tensor("rhs")?);
        c.gives(|graph| graph.mean_squared(&a, &b))
    }),
    Function(
        &["digits.constrastive_loss", "digits.contrastive_loss"],
        &["lhs", "rhs", "y", "margin?"],
        |c| {
            let (a, b, same) = (c.tensor("lhs")?, c.tensor("rhs")?, c.tensor("y")?);
            let margin = c.float("margin", 1.0)?;
            c.gives(|graph| graph.contrastive_loss([&a, &b], &same, margin))
        },
    ),
    Function(&["digits.classification_accuracy"], &["pred", "y"], |c| c.accuracy(1)),
    Function(&["digits.classification_accuracy_top_n"], &["pred", "y", "top_n"], |c| {
        let n = usize::try_from(c.whole("top_n", 1)?).unwrap_or(0);
        c.accuracy(n)
    }),
    Function(&["digits.nhwc_to_nchw"], NAMED, |c| c.moved(&[0, 3, 1, 2])),
    Function(&["digits.nchw_to_nhwc"], NAMED, |c| c.moved(&[0, 2, 3, 1])),
    Function(&["digits.hwc_to_chw"], NAMED, |c| c.moved(&[2, 0, 1])),
    Function(&["digits.chw_to_hwc"], NAMED, |c| c.moved(&[1, 2, 0])),
    Function(&["digits.bgr_to_rgb", "digits.rgb_to_bgr"], NAMED, |c| {
        let x = c.tensor("x")?;
        c.gives(|graph| graph.reverse(&x, &[-1]))
    }),
    Function(&["digits.get_available_gpus"], &[], |_| Ok(Value::list([]))),
];

impl Call<'_> {
    fn accuracy(&mut self, n: usize) -> Outcome {
        let (scores, labels) = (self.tensor("pred")?, self.tensor("y")?);
        self.gives(|graph| graph.accuracy(&scores, &labels, n))
    }

    fn moved(&mut self, perm: &[i64]) -> Outcome {
        let x = self.tensor("x")?;
        self.gives(|graph| graph.transpose(&x, Some(perm)))
    }
}

/// Adds the modules that definitions import from DIGITS.
pub fn install(py: &mut Python, digits: Value) {
    py.add_text("model", include_str!("model.py"));
    let at = crate::source::Span::nowhere();
    let Ok(module) = py.import("model", at) else { return };
    for name in ["model_property", "GraphKeys"] {
        if let Ok(value) = py.get_attribute(&module, name, at) {
            let _ = py.set_attribute(&digits, name, value.clone(), at);
            py.add_builtin(name, value);
        }
    }
    for (name, word) in [("STAGE_TRAIN", "train"), ("STAGE_VAL", "val"), ("STAGE_INF", "inf")] {
        let _ = py.set_attribute(&digits, name, word.into(), at);
    }
    if let Ok(tower) = py.get_attribute(&module, "Tower", at) {
        py.add_builtin("Tower", tower);
    }
}
