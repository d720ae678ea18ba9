//! A layer whose code is a Python class outside the definition.

use super::prelude::*;

params! {
    /// A layer written in Python, which Caffe imports while it builds the net.
    ///
    /// It is drawn and its blobs are followed, but not run: its code is not part of the definition. The shapes of its tops
    /// are known if they are said from outside (`--shape`); a top in the place of a bottom has its shape. Without bottoms
    /// it brings data, which may come from elsewhere (`--tensors`).
    pub struct Python {
        /// The Python module.
        module: String = String::new(),
        /// The class in it.
        class: String = String::new(),
        /// The text that the class gets.
        text: String = String::new(),
        /// Whether it reads no blobs.
        source: bool = false,
    }
}

/// The description of [`Python`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::at_least(0),
    tops: Arity::at_least(0),
    spellings: &[caffe("Python", |a| {
        let p = a.section("python_param");
        p.ignore(&["share_in_parallel"]);
        Python {
            module: p.required("module", Args::text),
            class: p.required("layer", Args::text),
            text: p.text("param_str").unwrap_or_default(),
            source: !a.has("bottom"),
        }
        .into()
    })],
    ..LayerSpec::new("Python", Category::Unknown, Python::DOCS)
};

impl LayerOps for Python {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature { tops: cx.told_shapes(None)?, params: vec![] })
    }

    fn is_input(&self) -> bool {
        self.source
    }

    /// Inputs, or the tops as they are for a program that nobody runs: not a number.
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        if self.source {
            return cx.inputs(b);
        }
        let tops = cx.signature.tops.iter();
        tops.map(|shape| b.fill(f64::NAN, shape.clone())).collect()
    }

    fn obstacle(&self) -> Option<String> {
        let Python { module, class, source, .. } = self;
        (!source).then(|| format!(
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
