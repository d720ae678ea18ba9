//! One number for each element and its target, added up.

use super::prelude::*;
use crate::layers::Layer;
use crate::program::expr::Expr;
use crate::spec::Spelling;

/// What an element x with the target t costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Penalty {
    /// (x - t)²
    Square,
    /// |x - t|; the gradient is 1 where they are equal.
    Distance,
    /// |x|, without a target.
    Magnitude,
    /// (x - t)² / 2 up to a distance of 1, then |x - t| - 1/2.
    Huber,
    /// -t ln x - (1 - t) ln(1 - x), with 1e-12 added inside the logarithms.
    CrossEntropy,
    /// The same of x' = 1 / (1 + e^-x).
    LogisticCrossEntropy,
    /// t (ln t - x) for positive t, else 0.
    Divergence,
    /// ln(1 + e^(-t x))
    SoftMargin,
    /// max(0, margin - t x)
    Margin,
    /// x where t is 1, max(0, margin - x) where it is -1.
    Embedding,
}

params! {
    /// Σ of a penalty for each element of the first bottom and its target, or the mean over all elements.
    ///
    /// The bottoms may have different shapes of the same number of elements. Only the first has a gradient.
    pub struct ElementLoss {
        /// What an element costs.
        penalty: Penalty = Penalty::Square,
        /// Whether the sum is divided by the number of elements.
        average: bool = true,
        /// The margin, for the penalties that have one.
        margin: f64 = 1.0,
        /// Extents of a blob of factors: of the penalties, or of the targets of squares.
        weights: Option<Vec<usize>> = None,
        /// Whether the target is cut to the height and width of the input, around its middle.
        crop: bool = false,
    }
}

const AVERAGE: &str = "
function Class:__init(sizeAverage)
   Parent.__init(self)
   self.sizeAverage = sizeAverage == nil or sizeAverage
end";

/// A constructor that knows no argument: only the field can turn the mean into the sum.
const MEAN: &str = "
function Class:__init()
   Parent.__init(self)
   self.sizeAverage = true
end";

const MARGIN: &str = "
function Class:__init(margin)
   Parent.__init(self)
   self.margin = margin or 1
   self.sizeAverage = true
end";

const WEIGHTS: &str = "
function Class:__init(weights, sizeAverage)
   Parent.__init(self)
   if weights ~= nil and weights:dim() ~= 1 then
      error(torch.type(self) .. ': weights must be a vector, one for each class', 3)
   end
   self.weights = weights
   self.sizeAverage = sizeAverage == nil or sizeAverage
end";

const WEIGHTED_SQUARE: &str = "
function Class:__init(weight, sizeAverage)
   Parent.__init(self, sizeAverage)
   self.weight = weight:clone()
end";

const fn criterion(
    name: &'static str,
    positional: &'static [&'static str],
    read: fn(&Args) -> Layer,
) -> Spelling {
    torch(name, positional, read).extends("nn.Criterion")
}

/// The description of [`ElementLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(1, 2),
    spellings: &[
        criterion("nn.MSECriterion", &["sizeAverage"], |a| read(a, Penalty::Square))
            .script(AVERAGE),
        criterion("nn.AbsCriterion", &["sizeAverage"], |a| read(a, Penalty::Distance))
            .script(AVERAGE),
        criterion("nn.SmoothL1Criterion", &["sizeAverage"], |a| read(a, Penalty::Huber))
            .script(AVERAGE),
        criterion("nn.SoftMarginCriterion", &["sizeAverage"], |a| read(a, Penalty::SoftMargin))
            .script(AVERAGE),
        criterion("nn.DistKLDivCriterion", &[], |a| read(a, Penalty::Divergence)).script(MEAN),
        criterion("nn.MarginCriterion", &["margin"], |a| read(a, Penalty::Margin)).script(MARGIN),
        criterion("nn.HingeEmbeddingCriterion", &["margin"], |a| read(a, Penalty::Embedding))
            .script(MARGIN),
        criterion("nn.BCECriterion", &["weights", "sizeAverage"], |a| {
            read(a, Penalty::CrossEntropy)
        })
        .tensors(&["weights"])
        .script(WEIGHTS),
        criterion("nn.MultiLabelSoftMarginCriterion", &["weights", "sizeAverage"], |a| {
            read(a, Penalty::LogisticCrossEntropy)
        })
        .tensors(&["weights"])
        .script(WEIGHTS),
        torch("nn.WeightedMSECriterion", &["weight"], |a| {
            let average = a.bool("sizeAverage").unwrap_or(true);
            let weights = Some(a.usizes("weight"));
            ElementLoss { average, weights, ..ElementLoss::default() }.into()
        })
        .extends("nn.MSECriterion")
        .tensors(&["weight"])
        .script(WEIGHTED_SQUARE),
        torch("nn.SpatialAutoCropMSECriterion", &["sizeAverage"], |a| {
            let average = a.bool("sizeAverage").unwrap_or(true);
            ElementLoss { average, crop: true, ..ElementLoss::default() }.into()
        })
        .extends("nn.MSECriterion"),
        criterion("nn.L1Cost", &[], |_| {
            let penalty = Penalty::Magnitude;
            ElementLoss { penalty, average: false, ..ElementLoss::default() }.into()
        }),
    ],
    ..LayerSpec::loss("ElementLoss", ElementLoss::DOCS)
};

fn read(a: &Args, penalty: Penalty) -> Layer {
    ElementLoss {
        penalty,
        average: a.bool("sizeAverage").unwrap_or(true),
        margin: a.float("margin").unwrap_or(1.0),
        weights: a.has("weights").then(|| a.usizes("weights")),
        ..ElementLoss::default()
    }
    .into()
}

impl ElementLoss {
    /// The penalty of x, argument 0, with the target t.
    fn penalty(&self, t: Expr) -> Expr {
        let x = || arg(0);
        let gap = || x() - t.clone();
        match self.penalty {
            Penalty::Square => gap().squared(),
            Penalty::Distance => {
                let slope = select(gap().lt(0.0), constant(-1.0), constant(1.0));
                gap().abs().with_gradient(vec![slope])
            }
            Penalty::Magnitude => x().abs(),
            Penalty::Huber => {
                let far = gap().abs() - 0.5;
                select(gap().abs().lt(1.0), gap().squared() * 0.5, far)
            }
            Penalty::CrossEntropy => {
                let (yes, no) = (x() + 1e-12, constant(1.0) - x() + 1e-12);
                let slope = gap() / (yes.clone() * no.clone());
                let gain = t.clone() * yes.ln() + (constant(1.0) - t) * no.ln();
                (-gain).with_gradient(vec![slope])
            }
            Penalty::LogisticCrossEntropy => {
                let slope = x().sigmoid() - t.clone();
                (soft_plus(x()) - x() * t).with_gradient(vec![slope])
            }
            Penalty::Divergence => {
                select(t.clone().gt(0.0), t.clone() * (t.clone().ln() - x()), constant(0.0))
            }
            Penalty::SoftMargin => {
                let wrong = -(x() * t.clone());
                soft_plus(wrong.clone()).with_gradient(vec![-(t * wrong.sigmoid())])
            }
            Penalty::Margin => (constant(self.margin) - x() * t).max(0.0),
            Penalty::Embedding => {
                let (near, far) = (t.clone().equals(-1.0), t.clone().equals(1.0));
                let pushed = select(far, constant(0.0), (constant(self.margin) - x()).max(0.0));
                let pulled = select(near.clone(), constant(0.0), x());
                let beyond = near * x().gt(self.margin);
                (pulled + pushed).with_gradient(vec![select(beyond, constant(0.0), t)])
            }
        }
    }
}

/// ln(1 + e^x) without overflow.
fn soft_plus(x: Expr) -> Expr {
    x.clone().max(0.0) + (-x.abs()).exp().ln_1p()
}

/// A smaller shape with `rank` axes, at the last of them.
fn at_end(small: &[usize], rank: usize) -> Shape {
    let mut dims = vec![1; rank - small.len()];
    dims.extend(small);
    Shape(dims)
}

impl LayerOps for ElementLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        if self.penalty != Penalty::Magnitude {
            match cx.bottoms.get(1) {
                Some(t) if self.crop => {
                    let first = x.rank().saturating_sub(2);
                    let fits = t.rank() == x.rank()
                        && [3, 4].contains(&x.rank())
                        && t.dims()[..first] == x.dims()[..first]
                        && t.dims()[first..].iter().zip(&x.dims()[first..]).all(|(t, x)| x <= t);
                    if !fits {
                        let why = format!("must be at least as high and wide as the input, {x}");
                        return cx.fail_bottom(1, why);
                    }
                }
                None => return cx.fail(&[], "needs a target"),
                Some(t) if t.count() != x.count() => {
                    return cx
                        .fail_bottom(1, format!("must have as many elements as the input, {x}"));
                }
                Some(_) => {}
            }
        }
        let mut params = vec![];
        if let Some(weights) = &self.weights {
            let small = Shape(weights.clone());
            let fits = small.count() == x.count() || x.dims().ends_with(small.dims());
            if !fits {
                return cx.fail(&["weights", "weight"], format!("weights of {small} for {x}"));
            }
            params.push(ParamDecl::state("weights", small, Filler::Constant(1.0)));
        }
        Ok(Signature { tops: vec![Shape::scalar()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let shape = b.shape(x).clone();
        let mut args = vec![x];
        if self.penalty != Penalty::Magnitude {
            let mut target = cx.bottoms[1];
            if self.crop {
                for axis in shape.rank() - 2..shape.rank() {
                    let (whole, part) = (b.shape(target).dims()[axis], shape.dims()[axis]);
                    target = b.slice(target, axis, (whole - part) / 2, part);
                }
            }
            args.push(b.view(target, shape.clone()));
        }
        let cost = match (cx.params.first(), &self.weights) {
            (Some(&weights), Some(dims)) => {
                let whole = b.shape(weights).count() == shape.count();
                let seen = if whole { shape.clone() } else { at_end(dims, shape.rank()) };
                args.push(b.view(weights, seen));
                match self.penalty {
                    Penalty::Square => self.penalty(arg(1) * arg(2)),
                    _ => self.penalty(arg(1)) * arg(2),
                }
            }
            _ => self.penalty(arg(1)),
        };
        let costs = b.map(&args, &cost);
        let sum = b.sum_all(costs);
        vec![if self.average { b.scale(sum, 1.0 / shape.count().max(1) as f64) } else { sum }]
    }

    fn detail(&self) -> String {
        let margin = match self.penalty {
            Penalty::Margin | Penalty::Embedding => format!(", margin {}", self.margin as f32),
            _ => String::new(),
        };
        format!("{}{margin}", if self.average { "mean" } else { "sum" })
    }
}
