//! Sums or means over the last axes.

use super::prelude::*;

/// What is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// Σ x
    Sum,
    /// Σ |x|
    AbsSum,
    /// Σ x²
    SquareSum,
    /// Σ x / n
    Mean,
}

params! {
    /// coeff · Σ x, Σ |x|, Σ x² or the mean, over all axes from `axis` on, which disappear.
    ///
    /// With a `loss_weight` it is a loss.
    pub struct Reduction {
        /// What is summed.
        operation: Reduce = Reduce::Sum,
        /// The first axis that is summed over; -1 is the last.
        axis: i64 = 0,
        /// Factor of the result.
        coeff: f64 = 1.0,
    }
}

/// By their numbers in caffe.proto, which begin at 1.
const OPERATIONS: [(&str, Reduce); 4] = [
    ("SUM", Reduce::Sum),
    ("ASUM", Reduce::AbsSum),
    ("SUMSQ", Reduce::SquareSum),
    ("MEAN", Reduce::Mean),
];

/// The description of [`Reduction`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Garbled,
    spellings: &[caffe("Reduction", |a| {
        let p = a.section("reduction_param");
        Reduction {
            operation: p.choice_from("operation", 1, &OPERATIONS).unwrap_or(Reduce::Sum),
            axis: p.int("axis").unwrap_or(0),
            coeff: p.float("coeff").unwrap_or(1.0),
        }
        .into()
    })],
    ..LayerSpec::new("Reduction", Category::Elementwise, Reduction::DOCS)
};

impl LayerOps for Reduction {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = cx.axis(0, self.axis)?;
        Ok(Signature::of(Shape::from(&cx.bottom(0).dims()[..axis])))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let axis = shape.axis(self.axis).unwrap_or(0);
        let count = shape.count_of(axis..shape.rank());
        let mut x = b.view(cx.bottoms[0], [shape.count_of(0..axis), count]);
        let mut coeff = self.coeff;
        match self.operation {
            Reduce::Sum => {}
            Reduce::AbsSum => x = b.map(&[x], &arg(0).abs()),
            Reduce::SquareSum => x = b.map(&[x], &arg(0).squared()),
            Reduce::Mean => coeff /= count as f64,
        }
        let mut y = b.sum(x, &[1]);
        if coeff != 1.0 {
            y = b.scale(y, coeff);
        }
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        let name = OPERATIONS.iter().find(|(_, o)| *o == self.operation).map_or("", |(n, _)| n);
        let mut text = name.to_lowercase();
        if self.axis != 0 {
            text.push_str(&format!(" from axis {}", self.axis));
        }
        if self.coeff != 1.0 {
            text.push_str(&format!(", times {}", self.coeff));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::OPERATIONS;
    use crate::pipeline::{Options, check};

    #[test]
    fn numbers_mean_what_the_words_mean() {
        let detail = |operation: &str| {
            let text = format!(
                "input: 'x' input_shape {{ dim: 2 dim: 3 }} layer {{ name: 'r' type: 'Reduction' bottom: 'x' top: 'r' \
                 reduction_param {{ operation: {operation} }} }}"
            );
            let checked = check(Path::new("net.prototxt"), text, &Options::default());
            let net = &checked.stages[0].net;
            net.graph.node_weights().map(|node| node.layer.ops().detail()).collect::<Vec<_>>()
        };
        for (i, (word, _)) in OPERATIONS.iter().enumerate() {
            assert_eq!(detail(&(i + 1).to_string()), detail(word));
            assert!(detail(word).contains(&word.to_lowercase()), "{:?}", detail(word));
        }
    }
}
