//! A layer whose code is a Python class outside the definition.

use super::Layer;
use super::dropout::Dropout;
use super::euclidean_loss::EuclideanLoss;
use super::power::Power;
use super::prelude::*;
use super::proposal::Proposal;

params! {
    /// A layer written in Python, which Caffe imports while it builds the net.
    ///
    /// It is drawn and its blobs are followed, but not run: its code is not part of the definition. Known ones are layers of
    /// cortado: Faster R-CNN's `rpn.proposal_layer` is Proposal, ENet's `spatial_dropout` a Dropout of channels, and the loss
    /// of Caffe's example `pyloss` EuclideanLoss. The shapes of its tops
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
        let (module, class) = (p.text("module"), p.text("layer"));
        let text = p.text("param_str").unwrap_or_default();
        if let Some(layer) = known(a, module.as_deref(), class.as_deref(), &text) {
            return layer;
        }
        Python {
            module: p.need("module", module),
            class: p.need("layer", class),
            text,
            source: !a.has("bottom"),
        }
        .into()
    })],
    ..LayerSpec::new("Python", Category::Unknown, Python::DOCS)
};

/// The layer that a published class is: the regions of Faster R-CNN, the dropout of ENet, and the loss of Caffe's own example,
/// which is minimised only where a weight is written.
fn known(a: &Args, module: Option<&str>, class: Option<&str>, text: &str) -> Option<Layer> {
    let bottoms = a.times("bottom");
    match (file(module?), class?) {
        ("proposal_layer", "ProposalLayer") if bottoms == 3 => {
            Proposal::of_python(text).map(Layer::from)
        }
        ("spatial_dropout", "SpatialDropoutLayer") => spatial_dropout(text),
        ("pyloss", "EuclideanLossLayer") if bottoms == 2 && a.has("loss_weight") => {
            Some(EuclideanLoss {}.into())
        }
        _ => None,
    }
}

/// ENet's dropout of whole channels (Sämann 2017): its text names the phase, whatever that of the net is, and outside of training
/// it multiplies all the same. Its gradient passes the channels that were kept; the author's passes those of the last image.
fn spatial_dropout(text: &str) -> Option<Layer> {
    let given: serde_yaml::Value = serde_yaml::from_str(text).ok()?;
    let ratio = match given.get("p")? {
        serde_yaml::Value::String(digits) => digits.parse().ok()?,
        other => other.as_f64()?,
    };
    if !(0.0 < ratio && ratio < 1.0) {
        return None;
    }
    let scale = 1.0 / (1.0 - ratio);
    Some(match given.get("phase")?.as_str()? {
        "TRAIN" => Dropout { ratio, always: true, map_axes: Some(2), ..Dropout::default() }.into(),
        _ => Power { scale, ..Power::default() }.into(),
    })
}

/// The last part of a module's name.
fn file(module: &str) -> &str {
    module.rsplit('.').next().unwrap_or(module)
}

impl Python {
    /// The shapes of the tops of the classes with which Faster R-CNN is trained (Ren et al. 2015, py-faster-rcnn): targets of
    /// the region proposal network, and the 128 regions that its configuration draws from an image.
    fn published(&self, cx: &Infer) -> Option<Vec<Shape>> {
        let first = cx.bottoms.first()?.dims();
        let tops = match (file(&self.module), self.class.as_str(), first) {
            ("anchor_target_layer", "AnchorTargetLayer", &[_, channels, high, wide]) => {
                let targets = [1, channels.checked_mul(2)?, high, wide];
                let labels = [1, 1, (channels / 2).checked_mul(high)?, wide];
                vec![Shape::from(labels), targets.into(), targets.into(), targets.into()]
            }
            ("proposal_target_layer", "ProposalTargetLayer", _) => {
                let digits = self.text.split_once("num_classes")?.1;
                let digits = digits.trim_start_matches(|c: char| !c.is_ascii_digit());
                let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
                let classes: usize = digits[..end].parse().ok()?;
                let targets = Shape::from([128, classes.checked_mul(4)?]);
                vec![[128, 5].into(), [128].into(), targets.clone(), targets.clone(), targets]
            }
            _ => return None,
        };
        let told = cx.node.tops.iter().any(|top| cx.env.shapes.contains_key(&top.value));
        (!told && tops.len() == cx.n_tops()).then_some(tops)
    }
}

impl LayerOps for Python {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let tops = match self.published(cx) {
            Some(tops) => tops,
            None => cx.told_shapes(None)?,
        };
        Ok(Signature { tops, params: vec![] })
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
    use std::path::Path;

    use super::super::testing::{counting, pass};
    use super::*;
    use crate::pipeline::{Options, check};

    #[test]
    fn published_classes_are_layers() {
        let known = |module, class, text| {
            let net = format!(
                r#"layer {{ name: "i" type: "Input" top: "a" top: "b" input_param {{ shape {{ dim: 2 dim: 3 dim: 4 dim: 4 }} }} }}
                layer {{ name: "p" type: "Python" bottom: "a" top: "y" python_param {{ module: "{module}" layer: "{class}" param_str: "{text}" }} }}"#
            );
            let checked = check(Path::new("net.prototxt"), net, &Options::default());
            let of_net = &checked.stages[0].net;
            let (_, node) = of_net.nodes().last().unwrap();
            node.layer.clone()
        };
        let train = known(
            "spatial_dropout",
            "SpatialDropoutLayer",
            "{\\'phase\\': \\'TRAIN\\', \\'p\\': \\'0.2\\'}",
        );
        assert_eq!(
            train,
            Dropout { ratio: 0.2, always: true, map_axes: Some(2), ..Dropout::default() }.into()
        );
        let test = known("spatial_dropout", "SpatialDropoutLayer", "{'phase': 'TEST', 'p': 0.2}");
        assert_eq!(test, Power { scale: 1.25, ..Power::default() }.into());
        for text in ["", "{'phase': 'TRAIN'}", "{'phase': 'TRAIN', 'p': 1}"] {
            let layer = known("spatial_dropout", "SpatialDropoutLayer", text);
            assert!(matches!(layer, Layer::Python(_)), "{text}");
        }
    }

    #[test]
    fn a_net_with_python_is_refused() {
        let layer = r#"layer { name: "p" type: "Python" bottom: "a" top: "y"
            python_param { module: "shapes" layer: "Halve" } }"#;
        let tensors = BTreeMap::from([("in.a".to_string(), counting(&[2]))]);
        let why = pass(layer, &tensors).unwrap_err();
        assert!(why.contains("layer `p` is the Python class shapes.Halve"), "{why}");
    }
}
