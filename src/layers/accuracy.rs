//! The share of labels that are among the best scores.

use super::class_loss::{CLASS_TEXT, ClassAxis, label, without_labels};
use super::prelude::*;

params! {
    /// The share of labels whose score is among the `top_k` largest along the class axis.
    ///
    /// The second top, if there is one, is the same share for each class, 0 for a class that does not occur. In Caffe a
    /// class with an equal score counts as better, so ties are wrong; `ties` says what they are elsewhere. Wrong is also
    /// a score that is NaN, and a label that is no class. Without a label that counts the accuracy is 0.
    pub struct Accuracy {
        /// How many of the best scores are looked at.
        top_k: usize = 1,
        /// The class axis; -1 is the last.
        axis: i64 = 1,
        /// Labels of this value are left out.
        ignore_label: Option<i64> = None,
        /// Which scores as good as that of the label are better.
        ties: Ties = Ties::Better,
        /// Whether the smallest scores are the best (NormFace's fork, for distances).
        least_is_best: bool = false,
    }
}

/// Which scores as good as that of the label are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// All of them, as in Caffe.
    Better,
    /// Those of earlier classes, as of TensorFlow's `argmax`.
    EarlierBetter,
    /// None, as of TensorFlow's `in_top_k`.
    Equal,
}

/// The description of [`Accuracy`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    tops: Arity::between(1, 2),
    differentiable: 0,
    in_place: InPlace::Refused,
    spellings: &[caffe("Accuracy", |a| {
        let p = a.section("accuracy_param");
        Accuracy {
            top_k: p.usize("top_k").unwrap_or(1),
            axis: p.int("axis").unwrap_or(1),
            ignore_label: p.int("ignore_label"),
            least_is_best: p.bool("min_is_better").unwrap_or(false),
            ..Accuracy::default()
        }
        .into()
    })],
    ..LayerSpec::new("Accuracy", Category::Metric, Accuracy::DOCS)
};

impl LayerOps for Accuracy {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = ClassAxis::of_scores(cx, self.axis)?;
        axis.check_count(cx, 1)?;
        let (k, classes) = (self.top_k, axis.classes);
        if k == 0 || classes < k {
            let message = format!("`top_k` must be from 1 to the number of classes, {classes}");
            return cx.fail(&["top_k"], format!("{message}, not {k}"));
        }
        let mut tops = vec![Shape::scalar()];
        if cx.n_tops() == 2 {
            tops.push(Shape::from([classes]));
        }
        Ok(Signature { tops, params: vec![] })
    }

    fn on_other_bottoms(&self, given: usize) -> Option<[&'static str; 2]> {
        without_labels(given)
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let axis = b.shape(cx.bottoms[0]).axis(self.axis).unwrap_or(0);
        let (top_k, ignore_label, ties) = (self.top_k, self.ignore_label, self.ties);
        let shares = Shares { axis, top_k, ignore_label, ties };
        let mut bottoms = cx.bottoms.to_vec();
        if self.least_is_best {
            bottoms[0] = b.scale(bottoms[0], -1.0);
        }
        let outs = b.native(shares, &bottoms);
        outs[..cx.n_tops()].to_vec()
    }

    fn detail(&self) -> String {
        match self.top_k {
            1 => String::new(),
            k => format!("top {k}"),
        }
    }
}

/// `(scores, labels) -> accuracy, accuracy of each class`.
#[derive(Debug, PartialEq)]
struct Shares {
    axis: usize,
    top_k: usize,
    ignore_label: Option<i64>,
    ties: Ties,
}

impl Operation for Shares {
    const NAME: &'static str = "accuracy";
    const DIFFERENTIABLE: usize = 0;

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        vec![Shape::scalar(), Shape::from([args[0].dims()[self.axis]])]
    }

    /// The labels of each class.
    fn workspace(&self, args: &[&Shape]) -> usize {
        args[0].dims()[self.axis]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], work: &mut [T]) {
        let axis = ClassAxis::of(args[0].shape, self.axis);
        let (scores, labels) = (args[0].data, args[1].data);
        let [overall, right] = outs else { return };
        let seen = &mut work[..axis.classes];
        seen.fill(T::ZERO);
        right.data.fill(T::ZERO);
        let (mut counted, mut hits) = (0usize, 0usize);
        for (i, &l) in labels.iter().enumerate() {
            if self.ignore_label == Some(label(l)) {
                continue;
            }
            counted += 1;
            let Some(class) = axis.class(l) else { continue };
            seen[class] += T::ONE;
            let score = |c: usize| scores[axis.start(i) + c * axis.inner];
            let own = score(class);
            let as_good = |c: usize| match self.ties {
                Ties::Better => true,
                Ties::EarlierBetter => c < class,
                Ties::Equal => false,
            };
            let better = |&c: &usize| {
                let other = score(c);
                let below = other.partial_cmp(&own) == Some(std::cmp::Ordering::Less);
                c != class && !below && (other != own || as_good(c))
            };
            if (0..axis.classes).filter(better).count() < self.top_k {
                hits += 1;
                right.data[class] += T::ONE;
            }
        }
        overall.data[0] = T::from_usize(hits) / T::from_usize(counted.max(1));
        for (share, &seen) in right.data.iter_mut().zip(seen.iter()) {
            *share /= seen.max(T::ONE);
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[CLASS_TEXT, include_str!("accuracy.cu")];
        let Pass::Forward = pass else { return None };
        let axis = ClassAxis::of(args[0], self.axis);
        let n = axis.labels();
        let [labels, hits] = [Operand::Arg(1), Operand::Work(0)];
        let operands = vec![Operand::Arg(0), labels.clone(), hits.clone()];
        let find = Call::each("accuracy_hits", n, operands).with_all(axis.extents());
        let find = find.with(self.top_k).with(self.ties as usize);
        let find = find.with(self.ignore_label.is_some());
        let operands = vec![labels, hits, Operand::Out(0), Operand::Out(1)];
        let share = Call::teams("accuracy_shares", axis.classes + 1, operands);
        let calls =
            vec![find.with(self.ignore_label.unwrap_or(0)), share.with_all([axis.classes, n])];
        Some(DeviceForm { texts: TEXTS, calls, work: n })
    }
}
