//! What losses over class labels share: which labels are ignored and what the sum is divided by.

use crate::diag::Reported;
use crate::real::Real;
use crate::spec::{Args, Infer};
use crate::ty::Shape;

/// What the sum of a loss is divided by (Caffe's `LossParameter.NormalizationMode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalization {
    /// The number of labels.
    Full,
    /// The number of labels that are not ignored.
    Valid,
    /// The batch size: the extent of axes before the class axis.
    BatchSize,
    /// 1.
    None,
}

/// A `loss_param`.
#[derive(Clone, Debug, PartialEq)]
pub struct LossRule {
    /// Labels of this value add nothing to the loss and have no gradient.
    pub ignore_label: Option<i64>,
    /// What the sum is divided by.
    pub normalization: Normalization,
}

impl LossRule {
    /// Reads `loss_param`, where `default` is used if nothing is said. `normalize` counts only if
    /// `normalization` is not written.
    pub fn read(a: &Args, default: Normalization) -> Self {
        let p = a.section("loss_param");
        let modes = [
            ("FULL", Normalization::Full),
            ("VALID", Normalization::Valid),
            ("BATCH_SIZE", Normalization::BatchSize),
            ("NONE", Normalization::None),
        ];
        let normalize = p.bool("normalize").map(|yes| match yes {
            true => Normalization::Valid,
            false => Normalization::BatchSize,
        });
        let normalization = p.choice("normalization", &modes).or(normalize).unwrap_or(default);
        LossRule { ignore_label: p.int("ignore_label"), normalization }
    }

    /// Whether a label counts; labels are truncated to whole numbers.
    pub fn counts(&self, label: i64) -> bool {
        self.ignore_label != Some(label)
    }

    /// The divisor, at least 1.
    pub fn divisor(&self, labels: usize, valid: usize, batch: usize) -> f64 {
        let n = match self.normalization {
            Normalization::Full => labels,
            Normalization::Valid => valid,
            Normalization::BatchSize => batch,
            Normalization::None => 1,
        };
        n.max(1) as f64
    }
}

/// A label as Caffe reads it: truncated to a whole number.
pub fn label<T: Real>(x: T) -> i64 {
    x.to_f64() as i64
}

/// Scores of classes along an axis, seen as `outer x classes x inner`.
#[derive(Clone, Copy, Debug)]
pub struct ClassAxis {
    /// Extent before the axis.
    pub outer: usize,
    /// Number of classes.
    pub classes: usize,
    /// Extent after the axis.
    pub inner: usize,
}

impl ClassAxis {
    /// The view of a shape.
    pub fn of(shape: &Shape, axis: usize) -> Self {
        ClassAxis {
            outer: shape.count_of(0..axis),
            classes: shape.dims()[axis],
            inner: shape.count_of(axis + 1..shape.rank()),
        }
    }

    /// Every row of a blob (first extent x all others) is a score vector; rank 0 has no rows.
    pub fn rows(shape: &Shape) -> Self {
        let outer = shape.dims().first().copied().unwrap_or(0);
        ClassAxis { outer, classes: shape.count_of(1.min(shape.rank())..shape.rank()), inner: 1 }
    }

    /// The class that a label names, if there is such a class.
    pub fn class<T: Real>(&self, x: T) -> Option<usize> {
        usize::try_from(label(x)).ok().filter(|&class| class < self.classes)
    }

    /// Number of labels that belong to it.
    pub fn labels(&self) -> usize {
        self.outer * self.inner
    }

    /// Where the score of class 0 for label `i` is; classes are `inner` apart.
    pub fn start(&self, i: usize) -> usize {
        i / self.inner * self.classes * self.inner + i % self.inner
    }

    /// Writes the softmax of score vector `i` to the same places of `probabilities`.
    pub fn softmax<T: Real>(&self, i: usize, scores: &[T], probabilities: &mut [T]) {
        let at = |class: usize| self.start(i) + class * self.inner;
        let largest = (0..self.classes).map(|c| scores[at(c)]).fold(-T::FLT_MAX, |m, x| m.max(x));
        let mut total = T::ZERO;
        for class in 0..self.classes {
            let e = (scores[at(class)] - largest).exp();
            probabilities[at(class)] = e;
            total += e;
        }
        for class in 0..self.classes {
            let p = &mut probabilities[at(class)];
            *p /= total;
        }
    }

    /// Complains unless bottom `i` has one label for each score vector and the first extents agree.
    pub fn check_labels(&self, cx: &Infer, i: usize) -> Result<(), Reported> {
        self.check_count(cx, i)?;
        cx.same_batch(0, i)
    }

    /// Complains unless bottom `i` has one label for each score vector, in whatever shape.
    pub fn check_count(&self, cx: &Infer, i: usize) -> Result<(), Reported> {
        let (scores, labels) = (cx.bottom(0), cx.bottom(i));
        if labels.count() != self.labels() {
            let want = self.labels();
            return cx.fail_bottom(
                i,
                format!(
                    "{} labels for {want} score vectors ({scores} over {} classes)",
                    labels.count(),
                    self.classes
                ),
            );
        }
        Ok(())
    }
}
