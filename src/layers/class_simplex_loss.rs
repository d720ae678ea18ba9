//! The distance to a corner of a simplex, one corner for each class.

use super::constants::constants;
use super::lua::count;
use super::prelude::*;

params! {
    /// Σ (x - e)² over the elements, or their mean, where e is the corner that belongs to the label: corners of
    /// a regular simplex of n classes, all of length 1, in n dimensions (Mroueh et al. 2012; the last coordinate is 0).
    ///
    /// Scores `classes` or `N x classes`, labels from 1.
    pub struct ClassSimplexLoss {
        /// Number of classes.
        classes: usize = 2,
        /// Whether it is the mean over all elements.
        average: bool = true,
    }
}

const SCRIPT: &str = "
function Class:__init(nClasses)
   Parent.__init(self)
   if type(nClasses) ~= 'number' or nClasses <= 1 or nClasses % 1 ~= 0 then
      error('the number of classes must be whole and above 1, not ' .. tostring(nClasses), 3)
   end
   self.nClasses = nClasses
end";

/// The description of [`ClassSimplexLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[torch("nn.ClassSimplexCriterion", &["nClasses"], |a| {
        ClassSimplexLoss::read(a).into()
    })
    .extends("nn.MSECriterion")
    .script(SCRIPT)],
    ..LayerSpec::loss("ClassSimplexLoss", ClassSimplexLoss::DOCS)
};

/// More classes would be a table of more elements than a definition should ask for.
const MOST_CLASSES: usize = 4096;

impl ClassSimplexLoss {
    fn read(a: &Args) -> Self {
        let classes = count(a, "nClasses");
        if MOST_CLASSES < classes {
            a.wrong("nClasses", format!("at most {MOST_CLASSES} classes, not {classes}"));
        }
        ClassSimplexLoss { classes, average: a.bool("sizeAverage").unwrap_or(true) }
    }

    /// The corners, row by row: corner k has its last free coordinate at k, and all later corners share the
    /// coordinates before theirs, so that any two have the inner product -1 / (classes - 1).
    fn corners(&self) -> Vec<f64> {
        let n = self.classes;
        let mut corners = vec![0.0; n * n];
        for k in 0..n - 1 {
            let square: f64 = corners[k * n..k * n + k].iter().map(|x| x * x).sum();
            let own = (1.0 - square).max(0.0).sqrt();
            corners[k * n + k] = own;
            let later = (own * own - 1.0 - 1.0 / (n - 1) as f64) / own;
            for row in k + 1..n {
                corners[row * n + k] = later;
            }
        }
        corners
    }
}

impl LayerOps for ClassSimplexLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (x, labels, n) = (cx.bottom(0), cx.bottom(1), self.classes);
        if x.dims().last() != Some(&n) || 2 < x.rank() {
            return cx.fail_bottom(0, format!("needs {n} scores for each record"));
        }
        if labels.count() * n != x.count() {
            return cx.fail_bottom(1, format!("there must be one label for {n} of the scores {x}"));
        }
        Ok(Signature { tops: vec![Shape::scalar()], params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let n = self.classes;
        let x = b.view(cx.bottoms[0], [b.shape(cx.bottoms[1]).count(), n]);
        let corners = constants(b, [n, n], self.corners());
        let label = b.map(&[cx.bottoms[1]], &(arg(0) - 1.0));
        let corner = b.gather(corners, 0, label);
        let costs = b.map(&[x, corner], &(arg(0) - arg(1)).squared());
        let sum = b.sum_all(costs);
        let count = b.shape(x).count().max(1);
        vec![if self.average { b.scale(sum, 1.0 / count as f64) } else { sum }]
    }

    fn detail(&self) -> String {
        format!("{} classes, {}", self.classes, if self.average { "mean" } else { "sum" })
    }
}

#[cfg(test)]
mod tests {
    use super::ClassSimplexLoss;

    #[test]
    fn corners_are_as_far_from_each_other_as_can_be() {
        let corners = ClassSimplexLoss { classes: 4, average: true }.corners();
        let row = |i: usize| &corners[4 * i..4 * i + 4];
        for i in 0..4 {
            for j in 0..4 {
                let product: f64 = row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum();
                let want = if i == j { 1.0 } else { -1.0 / 3.0 };
                assert!((product - want).abs() < 1e-9, "{i} {j}: {product}");
            }
        }
    }
}
