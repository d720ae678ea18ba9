//! How well the classes of pixels are told: the share that is right, and the means of recall and overlap over the classes.

use super::class_loss::{ClassAxis, without_labels};
use super::constants::constants;
use super::label_mask::label_mask_along;
use super::prelude::*;
use crate::diag::{self, Diagnostic};

params! {
    /// Three numbers of a batch, `1 x 1 x 1 x 3`, a layer of DeepLab's fork of Caffe and of those that come from it: the share
    /// of pixels whose class has the highest score; the mean over the classes that occur of the share of their pixels that
    /// are recognised; and the mean over all classes of the pixels that have a class and are taken for it, over those of
    /// which one of both holds, 1 for a class of which neither holds.
    ///
    /// Of equal scores the last counts, as there. Pixels whose label is ignored or no class are left out; without any pixel
    /// the first two numbers are 0.
    pub struct SegAccuracy {
        /// Labels of these values are left out.
        ignore_label: Vec<i64> = vec![],
    }
}

/// The description of [`SegAccuracy`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    differentiable: 0,
    in_place: InPlace::Refused,
    spellings: &[caffe("SegAccuracy", |a| {
        let p = a.section("seg_accuracy_param");
        if p.bool("reset") == Some(false) {
            let message = "the counts begin anew with every batch here";
            let d = Diagnostic::new(&diag::W0619, p.place("reset"), message);
            p.report(
                d.here("has no effect").note("a test reports the mean of what its batches give"),
            );
        }
        SegAccuracy { ignore_label: p.ints("ignore_label") }.into()
    })],
    ..LayerSpec::new("SegAccuracy", Category::Metric, SegAccuracy::DOCS)
};

impl LayerOps for SegAccuracy {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        ClassAxis::of_scores(cx, 1)?.check_count(cx, 1)?;
        Ok(Signature::of([1, 1, 1, 3].into()))
    }

    fn on_other_bottoms(&self, given: usize) -> Option<[&'static str; 2]> {
        without_labels(given)
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let axis = ClassAxis::of(b.shape(cx.bottoms[0]), 1);
        let extents = [axis.outer, axis.classes, axis.inner];
        let counted = self.ignore_label.iter().fold(arg(0).trunc(), |label, &ignored| {
            select(label.clone().equals(ignored as f64), -1.0, label)
        });
        let labels = b.map(&[cx.bottoms[1]], &counted);
        let has = label_mask_along(b, labels, extents);
        let counts = b.sum(has, &[1]);

        let scores = b.view(cx.bottoms[0], extents);
        let best = b.max(scores, &[1]);
        let classes = (0..axis.classes).map(|class| class as f64).collect();
        let places = constants(b, [1, axis.classes, 1], classes);
        let best_at = select(arg(0).equals(arg(1)), arg(2), -1.0);
        let candidates = b.map(&[scores, best, places], &best_at);
        let told = b.max(candidates, &[1]);
        let taken = b.map(&[told, places, counts], &(arg(0).equals(arg(1)) * arg(2)));

        let both = b.mul(has, taken);
        let [have, take, both] = [has, taken, both].map(|of| b.sum(of, &[0, 2]));
        let recalls = b.map(&[both, have], &(arg(0) / arg(1).max(1.0)));
        let occurs = b.map(&[have], &arg(0).min(1.0));
        let either = arg(0) + arg(1) - arg(2);
        let overlap = select(either.clone().gt(0.0), arg(2) / either.max(1.0), 1.0);
        let overlaps = b.map(&[have, take, both], &overlap);

        let mut share = |part: ValueId, whole: ValueId| {
            let [part, whole] = [part, whole].map(|of| b.sum_all(of));
            let share = b.map(&[part, whole], &(arg(0) / arg(1).max(1.0)));
            b.view(share, [1, 1, 1, 1])
        };
        let [right, recall] = [share(both, have), share(recalls, occurs)];
        let overlap = b.sum_all(overlaps);
        let overlap = b.scale(overlap, 1.0 / axis.classes as f64);
        let overlap = b.view(overlap, [1, 1, 1, 1]);
        vec![b.concat(&[right, recall, overlap], 3)]
    }
}
