//! What layers over class labels share: which shapes fit, which labels are ignored and what the sum is divided by.

use super::executor::softmax;
use super::prelude::*;
use crate::program::device::Number;

/// The number of features, which are all axes of bottom 0 from this one on, of rows that have a label each in bottom 1.
pub(super) fn labelled_rows(cx: &Infer, axis: i64) -> Result<usize, Reported> {
    let axis = cx.axis(0, axis)?;
    let (x, labels) = (cx.bottom(0), cx.bottom(1));
    let rows = x.dims()[0];
    if axis == 0 || x.count_of(0..axis) != rows {
        return cx.fail(&["axis"], format!("features of {x} begin at axis 1"));
    }
    if labels.count() != rows || labels.dims().first() != Some(&rows) {
        return cx.fail_bottom(1, format!("{} labels for {rows} rows", labels.count()));
    }
    Ok(x.count_of(axis..x.rank()))
}

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

    /// Which numbers are labels of scores whose classes are along an axis.
    pub(super) fn labels(&self, scores: &Shape, axis: i64) -> Option<LabelRange> {
        let classes = ClassAxis::of(scores, scores.axis(axis)?).classes;
        Some(LabelRange::of(classes, 0, self.ignore_label))
    }

    /// Whether a label counts; labels are truncated to whole numbers.
    pub fn counts(&self, label: i64) -> bool {
        self.ignore_label != Some(label)
    }

    /// Whether a label is ignored, and which, as the constants of a call.
    pub(super) fn ignored(&self) -> [Number; 2] {
        [self.ignore_label.is_some().into(), self.ignore_label.unwrap_or(0).into()]
    }

    /// Whether the divisor depends on what the labels are.
    fn counts_labels(&self) -> bool {
        self.normalization == Normalization::Valid && self.ignore_label.is_some()
    }

    /// The divisor, where argument 1 has the labels, and the calls that find it.
    pub(super) fn divisor_form(&self, labels: usize, batch: usize) -> (Operand, Vec<Call>) {
        if !self.counts_labels() {
            return (Operand::Table(vec![self.divisor(labels, labels, batch)]), vec![]);
        }
        let operands = vec![Operand::Arg(1), Operand::Work(0)];
        let call = Call::teams("loss_divisor", 1, operands).with(labels);
        (Operand::Work(0), vec![call.with_all(self.ignored())])
    }

    /// The call that adds up the `count` terms at the start of the scratch memory and divides them, where argument 1 has the
    /// labels.
    pub(super) fn total_call(&self, count: usize, labels: usize, batch: usize) -> Call {
        let operands = vec![Operand::Work(0), Operand::Arg(1), Operand::Out(0)];
        let call = Call::teams("loss_total", 1, operands).with_all([count, labels]);
        let call = call.with(self.counts_labels()).with(self.divisor(labels, labels, batch));
        call.with_all(self.ignored())
    }

    /// The divisor for these labels.
    pub(super) fn divisor_of<T: Real>(&self, labels: &[T], batch: usize) -> T {
        let valid = match self.counts_labels() {
            true => labels.iter().filter(|&&l| self.counts(label(l))).count(),
            false => labels.len(),
        };
        T::from_f64(self.divisor(labels.len(), valid, batch))
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

/// What losses over class labels share, for a GPU.
pub(super) const CLASS_TEXT: &str = include_str!("class_loss.cu");

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

/// A note and a help for whoever gives a layer that compares scores with labels one bottom.
pub(super) fn without_labels(given: usize) -> Option<[&'static str; 2]> {
    let note = "the first bottom is the scores, the second the labels";
    (given == 1).then_some([note, "add the labels: `bottom: \"label\"`"])
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

    /// The extents of the axis and behind it.
    pub(super) fn extents(&self) -> [usize; 2] {
        [self.classes, self.inner]
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

    /// The classes of bottom 0, whose labels are bottom 1; a complaint where it is the other way round.
    pub fn of_scores(cx: &Infer, axis: i64) -> Result<Self, Reported> {
        let fits = |scores: usize, labels: usize| {
            let (scores, labels) = (cx.bottom(scores), cx.bottom(labels));
            let classes = scores.axis(axis).map(|axis| ClassAxis::of(scores, axis));
            classes.is_some_and(|c| 1 < c.classes && c.labels() == labels.count())
        };
        if !fits(0, 1) && fits(1, 0) {
            return cx.fail_bottom(
                0,
                "the scores are the first bottom, the labels the second; they are swapped here",
            );
        }
        Ok(ClassAxis::of(cx.bottom(0), cx.axis(0, axis)?))
    }

    /// The classes of bottom 0 as Torch's criteria take them: of one item, or items x classes.
    pub(super) fn of_items(cx: &Infer) -> Result<Self, Reported> {
        let x = cx.bottom(0);
        match x.rank() {
            rank @ 1..=2 => Ok(ClassAxis::of(x, rank - 1)),
            _ => cx.fail_bottom(0, format!("scores must be classes, or items x classes, not {x}")),
        }
    }

    /// The parameter of `n` weights, where there are some: one for each class.
    pub(super) fn weights(&self, cx: &Infer, n: Option<usize>) -> Result<Vec<ParamDecl>, Reported> {
        let Some(n) = n else { return Ok(vec![]) };
        if n != self.classes {
            return cx.fail(&["weights"], format!("{n} weights for {} classes", self.classes));
        }
        Ok(vec![ParamDecl::state("weights", [n], Filler::Constant(1.0))])
    }

    /// Number of labels that belong to it.
    pub fn labels(&self) -> usize {
        self.outer * self.inner
    }

    /// Where the score of class 0 for label `i` is; classes are `inner` apart.
    pub fn start(&self, i: usize) -> usize {
        i / self.inner * self.classes * self.inner + i % self.inner
    }

    /// The extents for the executor.
    fn softmax_shape(&self) -> softmax::Shape {
        softmax::Shape { outer: self.outer, axis: self.classes, inner: self.inner }
    }

    /// Writes the softmax of all score vectors.
    pub fn softmax<T: Real>(&self, scores: &[T], probabilities: &mut [T]) {
        softmax::forward(self.softmax_shape(), false, scores, probabilities);
    }

    /// Writes the gradient of -ln p to the scores, where `p` is the probability of a label's class, times the label's own
    /// factor; `of` has class and factor of a label by its number, and nothing where it has no gradient.
    pub(super) fn softmax_gradient<T: Real>(
        &self,
        probabilities: &[T],
        of: impl Fn(usize) -> Option<(Option<usize>, T)> + Sync,
        gradient: &mut [T],
    ) {
        softmax::towards_classes(self.softmax_shape(), probabilities, of, gradient);
    }

    /// What the score of a class lacks to the logarithm of the sum of e^x of score vector `i`.
    pub fn lacking<T: Real>(&self, i: usize, class: usize, scores: &[T]) -> T {
        let at = |class: usize| scores[self.start(i) + class * self.inner];
        let largest = (0..self.classes).map(at).fold(-T::FLT_MAX, |m, x| m.max(x));
        let total: T = (0..self.classes).map(|c| (at(c) - largest).exp()).sum();
        total.ln() + (largest - at(class))
    }

    /// The call that writes the softmax of argument 0 to result 1.
    pub(super) fn softmax_call(&self) -> Call {
        let operands = vec![Operand::Arg(0), Operand::Out(1)];
        let call = match self.classes <= 32 || 32 < self.inner {
            true => Call::each("softmax_each", self.labels(), operands),
            false => Call::teams("softmax_teams", self.labels(), operands),
        };
        call.with_all(self.extents()).with(false)
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
            let message = format!(
                "{} labels for {want} score vectors ({scores} over {} classes)",
                labels.count(),
                self.classes
            );
            let d = cx.bottom_complaint(i, message);
            return Err(cx.report(match labels.count() == scores.count() && 1 < self.classes {
                true => {
                    d.help("it takes the number of the class, from 0, not a number for each class")
                }
                false => d.help(format!("there must be {want} labels, one for each score vector")),
            }));
        }
        Ok(())
    }
}
