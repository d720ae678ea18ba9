//! Sum, product or maximum of several blobs, element by element.

use super::prelude::*;
use crate::diag::{self, Diagnostic};
use crate::layers::Layer;
use crate::program::expr::Expr;
use crate::spec::Spelling;

/// How the elements of the bottoms are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combination {
    /// Their product.
    Product,
    /// Their sum, each with a factor.
    Sum,
    /// The largest.
    Max,
    /// The smallest; the first of equals.
    Min,
    /// The first divided by the others.
    Quotient,
}

params! {
    /// The sum, product, quotient, maximum or minimum of two or more blobs of one shape, element by element.
    ///
    /// Among equal maxima the gradient goes as in Caffe (eltwise_layer.cpp): the second bottom wins over the first, and
    /// a later one must be strictly larger than all before it. In Torch the first wins. With the top in the place of the first bottom Caffe
    /// loses that summand; here it is added like the others. A single bottom, as in FlowNet's fork and in Torch, is
    /// multiplied by its factor.
    pub struct Eltwise {
        /// What is done with the elements.
        operation: Combination = Combination::Sum,
        /// Factors of the bottoms in a sum; empty for 1.
        coefficients: Vec<f64> = vec![],
        /// Whether the gradient of a product multiplies the other bottoms, which is right where a bottom is 0, or
        /// divides the top by the bottom, which is NaN there.
        stable_gradient: bool = true,
        /// Whether the gradient of equal maxima goes to the first of them.
        first_of_equals: bool = false,
        /// Whether a bottom of another shape with as many elements is read in the first one's shape, as Torch does.
        by_count: bool = false,
    }
}

/// The description of [`Eltwise`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::at_least(1),
    spellings: &[
        caffe("Eltwise", |a| Eltwise::read(a).into()),
        table("nn.CAddTable", |_| Eltwise::of(Combination::Sum, &[])),
        table("nn.CSubTable", |_| Eltwise::of(Combination::Sum, &[1.0, -1.0])),
        table("nn.CMulTable", |_| Eltwise::of(Combination::Product, &[])),
        table("nn.CDivTable", |_| Eltwise::of(Combination::Quotient, &[])),
        table("nn.CMaxTable", |_| Eltwise::of(Combination::Max, &[])),
        table("nn.CMinTable", |_| Eltwise::of(Combination::Min, &[])),
    ],
    ..LayerSpec::new("Eltwise", Category::Elementwise, Eltwise::DOCS)
};

/// Torch's arithmetic of a table of tensors.
const fn table(name: &'static str, read: fn(&Args) -> Layer) -> Spelling {
    torch(name, &["inplace"], read)
}

/// Bottoms that one step combines; longer sums go on from the result.
const STEP: usize = 8;

impl Eltwise {
    fn of(operation: Combination, coefficients: &[f64]) -> Layer {
        let coefficients = coefficients.to_vec();
        Eltwise {
            operation,
            coefficients,
            stable_gradient: true,
            first_of_equals: true,
            by_count: true,
        }
        .into()
    }

    fn read(a: &Args) -> Self {
        let p = a.section("eltwise_param");
        let operations =
            [("PROD", Combination::Product), ("SUM", Combination::Sum), ("MAX", Combination::Max)];
        let layer = Eltwise {
            operation: p.choice("operation", &operations).unwrap_or(Combination::Sum),
            coefficients: p.floats("coeff"),
            stable_gradient: p.bool("stable_prod_grad").unwrap_or(true),
            first_of_equals: false,
            by_count: false,
        };
        if layer.operation == Combination::Product && !layer.coefficients.is_empty() {
            p.wrong("coeff", "`coeff` are factors of a sum; a product has none");
        }
        if layer.operation == Combination::Max && !layer.coefficients.is_empty() {
            let message = "`coeff` has no effect on a maximum";
            let d = Diagnostic::new(&diag::W0617, p.place("coeff"), message);
            p.report(d.here("factors of a sum").help("remove it, or write `operation: SUM`"));
        }
        layer
    }

    /// The summand or factor that bottom `i` contributes, where it is argument `at` of the step.
    fn term(&self, i: usize, at: usize) -> Expr {
        match (self.operation, self.coefficients.get(i)) {
            (Combination::Sum, Some(&factor)) => arg(at) * factor,
            _ => arg(at),
        }
    }

    /// `so_far` combined with one more bottom; `first` tells whether `so_far` is a bottom itself.
    fn combine(&self, so_far: Expr, next: Expr, first: bool) -> Expr {
        match self.operation {
            Combination::Sum => so_far + next,
            Combination::Product => so_far * next,
            Combination::Max if first && !self.first_of_equals => so_far.max(next),
            Combination::Max => next.max(so_far),
            Combination::Min => next.min(so_far),
            Combination::Quotient => so_far / next,
        }
    }
}

impl LayerOps for Eltwise {
    fn check(&self, cx: &Infer) -> Result<(), Reported> {
        let (given, bottoms) = (self.coefficients.len(), cx.node.bottoms.len());
        if given != 0 && given != bottoms {
            return cx.fail(&["coeff"], format!("{given} `coeff` for {bottoms} bottoms"));
        }
        if bottoms == 1 && !self.by_count {
            let message = format!("layer `{}`: Eltwise of a single bottom", cx.node.name.value);
            let d = Diagnostic::new(&diag::W0624, cx.bottom_place(0), message)
                .here("Caffe 1.0 wants two or more")
                .note("FlowNet's fork of Caffe multiplies one by its `coeff` so")
                .help("in Caffe 1.0 a Power layer with `power_param { scale: ... }` does the same");
            cx.report(d);
        }
        Ok(())
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        match self.by_count {
            true => cx.equal_counts()?,
            false => cx.equal_bottoms()?,
        }
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let mut result = None;
        let mut done = 0;
        let shape = b.shape(cx.bottoms[0]).clone();
        let bottoms: Vec<ValueId> =
            cx.bottoms.iter().map(|&bottom| b.view(bottom, shape.clone())).collect();
        for group in bottoms.chunks(STEP) {
            let args: Vec<ValueId> = result.into_iter().chain(group.iter().copied()).collect();
            let before = args.len() - group.len();
            let mut y = match result {
                Some(_) => arg(0),
                None => self.term(0, 0),
            };
            for at in 1..args.len() {
                let i = done + at - before;
                y = self.combine(y, self.term(i, at), i == 1);
            }
            if self.operation == Combination::Product && !self.stable_gradient {
                y = y.clone().with_gradient((0..args.len()).map(|i| y.clone() / arg(i)).collect());
            }
            result = Some(b.map(&args, &y));
            done += group.len();
        }
        result.into_iter().collect()
    }

    fn detail(&self) -> String {
        let name = match self.operation {
            Combination::Product => "product",
            Combination::Sum => "sum",
            Combination::Max => "maximum",
            Combination::Min => "minimum",
            Combination::Quotient => "quotient",
        };
        match &self.coefficients[..] {
            [] => name.into(),
            factors => {
                let factors: Vec<f32> = factors.iter().map(|&f| f as f32).collect();
                format!("{name} with factors {factors:?}")
            }
        }
    }
}
