//! A blob of random numbers, drawn anew at every pass.

use super::prelude::*;
use crate::program::Distribution;

/// How the numbers are distributed; `first` and `second` are the two parameters of the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Between `first` and `second`.
    Uniform,
    /// With the mean `first` and the deviation `second`.
    Normal,
    /// 1 with the probability `first`, else 0.
    Bernoulli,
    /// With the rate `first`.
    Exponential,
    /// Whole numbers from `first` to `second`.
    Whole,
}

params! {
    /// Random numbers in a blob of a fixed shape, drawn anew at every pass.
    ///
    /// Torch's `uniform`, `normal`, `bernoulli`, `exponential` and `random`, where a module of a definition's own fills
    /// a tensor with them.
    pub struct RandomNumbers {
        /// The law.
        law: Law = Law::Uniform,
        /// Its first parameter.
        first: f64 = 0.0,
        /// Its second parameter.
        second: f64 = 1.0,
        /// The shape of the top.
        shape: Shape = Shape::scalar(),
    }
}

const SCRIPT: &str = "
function Class:__init(law, first, second, size)
   Parent.__init(self)
   self.law, self.first, self.second, self.size = law, first, second, size
end";

/// The description of [`RandomNumbers`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(0),
    in_place: InPlace::Refused,
    spellings: &[torch("cortado.RandomNumbers", &["law", "first", "second", "size"], |a| {
        read(a).into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("RandomNumbers", Category::Regularisation, RandomNumbers::DOCS)
};

fn read(a: &Args) -> RandomNumbers {
    let name = a.text("law").unwrap_or_default();
    let (law, first, second) = match name.as_str() {
        "normal" => (Law::Normal, 0.0, 1.0),
        "bernoulli" => (Law::Bernoulli, 0.5, 0.0),
        "exponential" => (Law::Exponential, 1.0, 0.0),
        "random" => (Law::Whole, 1.0, 1.0),
        _ => (Law::Uniform, 0.0, 1.0),
    };
    RandomNumbers {
        law,
        first: a.float("first").unwrap_or(first),
        second: a.float("second").unwrap_or(second),
        shape: Shape(a.usizes("size")),
    }
}

impl LayerOps for RandomNumbers {
    fn infer(&self, _cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature::of(self.shape.clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let source = match self.law {
            Law::Normal => Distribution::Normal,
            _ => Distribution::Uniform,
        };
        let drawn = b.random(source, cx.top(0).clone());
        let (first, second) = (self.first, self.second);
        let numbers = match self.law {
            Law::Uniform => arg(0) * (second - first) + first,
            Law::Normal => arg(0) * second + first,
            Law::Bernoulli => arg(0).lt(first),
            Law::Exponential => (constant(1.0) - arg(0)).ln() * (-1.0 / first),
            Law::Whole => (arg(0) * (second - first + 1.0)).floor() + first,
        };
        vec![b.map(&[drawn], &numbers)]
    }

    fn detail(&self) -> String {
        let (first, second) = (self.first as f32, self.second as f32);
        match self.law {
            Law::Uniform => format!("from {first} to {second}"),
            Law::Normal => format!("mean {first}, deviation {second}"),
            Law::Bernoulli => format!("1 with probability {first}"),
            Law::Exponential => format!("rate {first}"),
            Law::Whole => format!("whole, {first} to {second}"),
        }
    }
}
