//! ReLU with a ceiling.

use super::prelude::*;

params! {
    /// min(max(x, 0) + negative_slope · min(x, 0), ceiling), element by element (Krizhevsky 2010; MobileNets).
    ///
    /// A layer of forks of Caffe (MobileNet-YOLO, Intel's training toolbox); the gradient at exactly 0 is
    /// `negative_slope` and at the ceiling 0, as there and in TensorFlow.
    pub struct Relu6 {
        /// The largest result.
        ceiling: f64 = 6.0,
        /// Slope below 0.
        negative_slope: f64 = 0.0,
    }
}

const SCRIPT: &str = "
function Class:__init(inplace)
   Parent.__init(self)
   self.inplace = inplace or false
end";

/// The description of [`Relu6`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("ReLU6", |a| {
            let p = a.section("relu6_param");
            p.ignore(&["engine"]);
            let negative_slope = p.float("negative_slope").unwrap_or(0.0);
            Relu6 { ceiling: p.float("n").unwrap_or(6.0), negative_slope }.into()
        }),
        torch("nn.ReLU6", &["inplace"], |_| Relu6::default().into()).script(SCRIPT),
    ],
    ..LayerSpec::new("ReLU6", Category::Activation, Relu6::DOCS)
};

impl LayerOps for Relu6 {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let slanted = select(arg(0).gt(0.0), arg(0), arg(0) * self.negative_slope);
        let y = select(slanted.clone().lt(self.ceiling), slanted, constant(self.ceiling));
        vec![b.map(cx.bottoms, &y)]
    }

    fn detail(&self) -> String {
        match self.negative_slope {
            0.0 => format!("at most {}", self.ceiling as f32),
            slope => format!("at most {}, slope {}", self.ceiling as f32, slope as f32),
        }
    }
}
