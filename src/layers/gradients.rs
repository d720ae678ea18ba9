//! The gradient of numbers of the net, as a blob of the net.

use super::prelude::*;
use crate::program::differentiate_twice;

params! {
    /// The gradient of the sum of all elements of some bottoms to a bottom or a parameter: TensorFlow's `tf.gradients`.
    ///
    /// The first `ys` bottoms are what is differentiated; with `weighted` as many follow, by whose elements theirs are
    /// multiplied in the sum. The bottom behind them, or else the parameter, is what the gradient is for. It has a gradient
    /// itself, as a penalty on gradients needs (Gulrajani et al. 2017).
    pub struct Gradients {
        /// How many bottoms are differentiated.
        ys: usize = 1,
        /// Whether there are weights of their elements.
        weighted: bool = false,
        /// The shape of the parameter, if the gradient is for one.
        parameter: Option<Shape> = None,
    }
}

/// The description of [`Gradients`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::at_least(1),
    in_place: InPlace::Refused,
    ..LayerSpec::new("Gradients", Category::Elementwise, Gradients::DOCS)
};

impl Gradients {
    /// How many bottoms come before the one that the gradient is for.
    fn before(&self) -> usize {
        if self.weighted { 2 * self.ys } else { self.ys }
    }
}

impl LayerOps for Gradients {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let before = self.before();
        if self.weighted
            && let Some(i) = (0..self.ys).find(|&i| cx.bottom(i) != cx.bottom(self.ys + i))
        {
            let why = format!("must have the shape {}", cx.bottom(i));
            return cx.fail_bottom(self.ys + i, why);
        }
        Ok(match &self.parameter {
            Some(shape) => Signature {
                tops: vec![shape.clone()],
                params: vec![ParamDecl::new("weight", shape.clone(), Filler::Unset)],
            },
            None => Signature::of(cx.bottom(before).clone()),
        })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = match self.parameter {
            Some(_) => cx.params[0],
            None => cx.bottoms[self.before()],
        };
        let mut seeds = vec![];
        for (i, &y) in cx.bottoms.iter().take(self.ys).enumerate() {
            let weight = match self.weighted {
                true => cx.bottoms[self.ys + i],
                false => b.fill(1.0, b.shape(y).clone()),
            };
            seeds.push((y, weight));
        }
        let gradients = differentiate_twice(b, &seeds, &[x]);
        let top = cx.top(0).clone();
        match gradients.of(x) {
            Some(gradient) => vec![b.view(gradient, top)],
            None => vec![b.fill(0.0, top)],
        }
    }
}
