//! A layer whose code is a Python class outside the definition.

use crate::diag::Reported;
use crate::params;
use crate::program::{Builder, ValueId};
use crate::spec::{Arity, Category, Infer, LayerOps, LayerSpec, Lower, Signature, caffe};

params! {
    /// A layer written in Python, which Caffe imports while it builds the net.
    ///
    /// It is drawn and its blobs are followed, but a net with it cannot be run: its code is not part of the
    /// definition. The shapes of its tops are known if they are said from outside (`--shape`); a top that takes the place of
    /// a bottom has the shape of that.
    pub struct Python {
        /// The Python module.
        module: String = String::new(),
        /// The class in it.
        class: String = String::new(),
        /// The text that the class gets.
        text: String = String::new(),
    }
}

/// The description of [`Python`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::at_least(0),
    tops: Arity::at_least(0),
    spellings: &[caffe("Python", |a| {
        let p = a.section("python_param");
        p.ignore(&["share_in_parallel"]);
        let (module, class) = (p.text("module"), p.text("layer"));
        Python {
            module: p.need("module", module),
            class: p.need("layer", class),
            text: p.text("param_str").unwrap_or_default(),
        }
        .into()
    })],
    ..LayerSpec::new("Python", Category::Unknown, Python::DOCS)
};

impl LayerOps for Python {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let mut tops = vec![];
        for top in &cx.node.tops {
            let own = cx.node.bottoms.iter().position(|bottom| bottom.value == top.value);
            match (cx.env.shapes.get(&top.value), own) {
                (Some(shape), _) => tops.push(shape.clone()),
                (None, Some(bottom)) => tops.push(cx.bottom(bottom).clone()),
                (None, None) => return cx.unknown_shape(&top.value),
            }
        }
        Ok(Signature { tops, params: vec![] })
    }

    /// The tops as they are for a program that nobody runs: not a number.
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let tops = cx.signature.tops.iter();
        tops.map(|shape| b.fill(f64::NAN, shape.clone())).collect()
    }

    fn obstacle(&self) -> Option<String> {
        let Python { module, class, .. } = self;
        Some(format!(
            "is the Python class {module}.{class}, which cortado does not run; replace it by layers of Caffe, or \
             compute what it gives beforehand and read it with an Input layer"
        ))
    }

    fn detail(&self) -> String {
        format!("{}.{}", self.module, self.class)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{counting, pass};

    #[test]
    fn a_net_with_python_is_refused() {
        let layer = r#"layer { name: "p" type: "Python" bottom: "a" top: "y"
            python_param { module: "shapes" layer: "Halve" } }"#;
        let tensors = BTreeMap::from([("in.a".to_string(), counting(&[2]))]);
        let why = pass(layer, &tensors).unwrap_err();
        assert!(why.contains("layer `p` is the Python class shapes.Halve"), "{why}");
    }
}
