//! How improbable a sequence of labels is, wherever its labels lie in time.

use super::class_loss::{CLASS_TEXT, LossRule, Normalization, label};
use super::prelude::*;

/// How a fork of Caffe lays out labels and what it makes of the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// CTCLoss: labels are `longest x N`, a negative one ends a sequence. Of sequences shorter than T the second bottom
    /// tells the ends, `T x N` with 0 where a sequence begins; or four bottoms tell lengths.
    Columns,
    /// CtcLoss: labels are `N x longest`, blanks among them do not count, and all sequences have one length.
    Rows,
}

params! {
    /// -ln p averaged over N sequences, where p is the probability that a recurrent net writes the labels of a sequence in
    /// any alignment, with blanks between them (connectionist temporal classification, Graves et al. 2006).
    ///
    /// The first bottom has scores of classes, `T x N x classes`, whose softmax are probabilities. A sequence that is too
    /// short for its labels has the probability 0: its loss is infinite, or 0 and without a gradient for CtcLoss. A label
    /// that is no class makes the loss no number, where the forks stop.
    ///
    /// As in the forks of Caffe that have these layers the gradient of a sequence is not divided by N, though the loss is;
    /// and that of CTCLoss does not depend on its `loss_weight`.
    pub struct CtcLoss {
        /// Layout of the labels.
        form: Form = Form::Columns,
        /// The class that stands for no label; the last one if nothing is said.
        blank: Option<usize> = None,
        /// How many classes there must be; 0 for any number.
        classes: usize = 0,
        /// Steps of every sequence; 0 if the bottoms tell them.
        steps: usize = 0,
        /// Steps at the beginning that say nothing yet.
        delay: usize = 0,
        /// Labels that repeat the one before are left out before anything else.
        collapse: bool = false,
        /// A label that is written in several steps in a row counts once.
        merge: bool = true,
    }
}

/// The description of [`CtcLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(2, 4),
    spellings: &[
        caffe("CTCLoss", |a| {
            let p = a.section("ctc_loss_param");
            p.ignore(&["loss_calculation_t"]);
            let blank = p.int("blank_index").filter(|&blank| 0 <= blank);
            CtcLoss {
                blank: blank.and_then(|blank| usize::try_from(blank).ok()),
                delay: p.usize("output_delay").unwrap_or(0),
                collapse: p.bool("preprocess_collapse_repeated").unwrap_or(false),
                merge: p.bool("ctc_merge_repeated").unwrap_or(true),
                ..CtcLoss::default()
            }
            .into()
        }),
        caffe("CtcLoss", |a| {
            let p = a.section("ctc_loss_param");
            let [classes, steps] = ["alphabet_size", "time_step"].map(|key| {
                let extent = p.required(key, Args::usize);
                p.not_zero(key, extent);
                extent
            });
            let blank = Some(p.usize("blank_label").unwrap_or(0));
            CtcLoss { form: Form::Rows, blank, classes, steps, ..CtcLoss::default() }.into()
        }),
    ],
    ..LayerSpec::loss("CTCLoss", CtcLoss::DOCS)
};

impl CtcLoss {
    /// The class that stands for no label.
    fn blank(&self, classes: usize) -> usize {
        self.blank.unwrap_or(classes.saturating_sub(1))
    }

    /// Complains unless there is a sequence of labels for every item, and what tells the lengths.
    fn check_labels(&self, cx: &Infer, steps: usize, items: usize) -> Result<(), Reported> {
        let last = cx.node.bottoms.len() - 1;
        let (axis, want) = match self.form {
            Form::Rows => (0, format!("{items} x longest, a sequence a row")),
            Form::Columns => (1, format!("longest x {items}, a sequence a column")),
        };
        let dims = cx.bottom(last).dims();
        let spare = dims.get(2..).is_some_and(|rest| rest.iter().all(|&extent| extent == 1));
        if !spare || dims[axis] != items {
            return cx.fail_bottom(last, format!("labels must be {want}"));
        }
        let begins = cx.bottom(1);
        let fits = begins.dims().starts_with(&[steps, items]) && begins.count() == steps * items;
        if last == 2 && !fits {
            let message = format!("must be {steps} x {items}, 0 where a sequence begins");
            return cx.fail_bottom(1, message);
        }
        let lengths = if last == 3 { 1..3 } else { 0..0 };
        let mut counts = lengths.map(|i| (i, cx.bottom(i).count()));
        match counts.find(|(_, n)| *n != items) {
            Some((i, n)) => cx.fail_bottom(i, format!("{n} lengths for {items} sequences")),
            None => Ok(()),
        }
    }
}

impl LayerOps for CtcLoss {
    fn check(&self, cx: &Infer) -> Result<(), Reported> {
        let given = cx.node.bottoms.len();
        match (self.form, given) {
            (Form::Rows, 2) | (Form::Columns, 3 | 4) => Ok(()),
            (Form::Rows, _) => cx.fail(&[], format!("takes scores and labels, not {given} bottoms")),
            (Form::Columns, _) => cx.fail(
                &[],
                format!(
                    "takes scores, where sequences begin, and labels; or scores, lengths of sequences, lengths of \
                     labels, and labels; not {given} bottoms"
                ),
            ),
        }
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let scores = cx.bottom(0);
        let &[steps, items, classes, ref rest @ ..] = scores.dims() else {
            return cx.fail_bottom(0, "scores are steps x sequences x classes");
        };
        if rest.iter().any(|&extent| extent != 1) || classes == 0 {
            return cx.fail_bottom(0, "scores are steps x sequences x classes");
        }
        if self.classes != 0 && self.classes != classes {
            let said = self.classes;
            return cx.fail(
                &["alphabet_size"],
                format!("`alphabet_size` is {said}, and there are scores of {classes} classes"),
            );
        }
        if classes <= self.blank(classes) {
            let blank = self.blank(classes);
            return cx.fail(
                &["blank_label", "blank_index"],
                format!("class {blank} is none of the {classes} that there are scores of"),
            );
        }
        if steps < self.steps || steps <= self.delay {
            let (key, said) = if steps < self.steps {
                ("time_step", self.steps)
            } else {
                ("output_delay", self.delay)
            };
            return cx
                .fail(&[key], format!("`{key}` is {said}, and there are scores of {steps} steps"));
        }
        self.check_labels(cx, steps, items)?;
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let dims = b.shape(cx.bottoms[0]).dims()[..3].to_vec();
        let classes = dims[2];
        let scores = b.view(cx.bottoms[0], dims);
        let mut args = vec![scores];
        args.extend(&cx.bottoms[1..]);
        let blank = self.blank(classes);
        let outs = b.native(Alignments { layer: self.clone(), blank }, &args);
        outs[..1].to_vec()
    }

    fn detail(&self) -> String {
        match self.blank {
            Some(blank) => format!("blank {blank}"),
            None => "the last class is blank".to_owned(),
        }
    }
}

/// `(scores, ..., labels) -> loss, gradient to the scores`.
#[derive(Debug, PartialEq)]
struct Alignments {
    layer: CtcLoss,
    blank: usize,
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Sizes {
    steps: usize,
    items: usize,
    classes: usize,
    /// Labels of a sequence, at most.
    longest: usize,
    /// Labels and the blanks around them, at most.
    states: usize,
}

impl Sizes {
    fn of(form: Form, args: &[&Shape]) -> Self {
        let [steps, items, classes] = [0, 1, 2].map(|i| args[0].dims()[i]);
        let labels = args[args.len() - 1].dims();
        let longest = if form == Form::Rows { labels[1] } else { labels[0] };
        Sizes { steps, items, classes, longest, states: 2 * longest + 1 }
    }

    /// Elements of scratch for one sequence: its labels, the forward variables of all steps, two steps of the backward
    /// variables.
    fn work(&self) -> usize {
        self.longest + (self.steps + 2) * self.states
    }
}

/// ln(e^a + e^b).
fn log_sum<T: Real>(a: T, b: T) -> T {
    let (large, small) = if b < a { (a, b) } else { (b, a) };
    if small == T::NEG_INFINITY { large } else { large + (small - large).exp().ln_1p() }
}

/// A sequence as it is read: how many labels count, and the step behind the last; none if a label is no class.
type Told = Option<(usize, usize)>;

impl Alignments {
    /// Reads sequence `n` and writes its labels to `to`.
    fn read<T: Real>(&self, sizes: Sizes, args: &[View<T>], n: usize, to: &mut [T]) -> Told {
        let labels = args[args.len() - 1].data;
        let (mut count, mut known) = (0, true);
        let mut keep = |class: i64| {
            known &= (0..sizes.classes as i64).contains(&class);
            to[count] = T::from_i32(class.clamp(0, i64::from(i32::MAX)) as i32);
            count += 1;
        };
        if self.layer.form == Form::Rows {
            let row = &labels[n * sizes.longest..][..sizes.longest];
            row.iter().map(|&x| label(x)).filter(|&c| c != self.blank as i64).for_each(keep);
            return known.then_some((count, self.layer.steps));
        }
        let rounded = |x: T| label(x + T::from_f64(0.5));
        let (mut end, mut written) = (sizes.steps, sizes.longest);
        if args.len() == 4 {
            end = args[1].data[n].to_usize().min(end);
            written = args[2].data[n].to_usize().min(written);
        } else {
            let begins = |&step: &usize| rounded(args[1].data[step * sizes.items + n]) == 0;
            end = (1..sizes.steps).find(begins).unwrap_or(end);
        }
        let mut before = None;
        for i in 0..written {
            let x = labels[i * sizes.items + n];
            if x < T::ZERO {
                break;
            }
            let repeats = self.layer.collapse && before == Some(x);
            before = Some(x);
            // In this fork the last class ends a sequence, whichever class is blank.
            if !repeats && rounded(x) < sizes.classes as i64 - 1 {
                keep(rounded(x));
            }
        }
        (known && 0 < count).then_some((count, end))
    }

    /// -ln p of sequence `n`, whose softmax has its logarithm in `rows`; what is there becomes the gradient.
    fn align<T: Real>(
        &self,
        sizes: Sizes,
        n: usize,
        told: Told,
        rows: &mut [T],
        work: &mut [T],
    ) -> T {
        let row = |step: usize| (step * sizes.items + n) * sizes.classes;
        let (count, end) = told.unwrap_or((0, 0));
        let first = self.layer.delay.min(end);
        for step in (0..first).chain(end..sizes.steps) {
            rows[row(step)..][..sizes.classes].fill(T::ZERO);
        }
        if end == 0 {
            return if told.is_none() { T::from_f64(f64::NAN) } else { T::ZERO };
        }
        let (labels, work) = work.split_at_mut(sizes.longest);
        let (ahead, behind) = work.split_at_mut(sizes.steps * sizes.states);
        let states = 2 * count + 1;
        let class = |state: usize| match state % 2 {
            0 => self.blank,
            _ => labels[state / 2].to_usize(),
        };
        let stays = |state: usize| self.layer.merge || class(state) == self.blank;
        // Whether the blank before a label may be left out.
        let leaps = |state: usize| {
            let alike = self.layer.merge && class(state) == class(state - 2);
            class(state) != self.blank && !alike
        };
        for step in first..end {
            let (past, now) = ahead.split_at_mut((step - first) * sizes.states);
            let past = past.len().checked_sub(sizes.states).map(|at| &past[at..]);
            for state in 0..states {
                let reached = match past {
                    None if state < 2 => T::ZERO,
                    None => T::NEG_INFINITY,
                    Some(past) => {
                        let mut sum = if stays(state) { past[state] } else { T::NEG_INFINITY };
                        if 0 < state {
                            sum = log_sum(sum, past[state - 1]);
                        }
                        if 1 < state && leaps(state) {
                            sum = log_sum(sum, past[state - 2]);
                        }
                        sum
                    }
                };
                now[state] = reached + rows[row(step) + class(state)];
            }
        }
        let last = (end - first).checked_sub(1).map(|last| &ahead[last * sizes.states..][..states]);
        let ends = last.map_or(&[][..], |last| &last[states.saturating_sub(2)..]);
        let p = ends.iter().fold(T::NEG_INFINITY, |sum, &x| log_sum(sum, x));
        let fails = p == T::NEG_INFINITY;
        if fails && self.layer.form == Form::Rows {
            (first..end).for_each(|step| rows[row(step)..][..sizes.classes].fill(T::ZERO));
            return T::ZERO;
        }
        let (mut now, mut next) = behind.split_at_mut(sizes.states);
        for step in (first..end).rev() {
            let rows = &mut rows[row(step)..][..sizes.classes];
            let ahead = &mut ahead[(step - first) * sizes.states..][..states];
            for state in 0..states {
                let follows = match step + 1 == end {
                    true if states <= state + 2 => T::ZERO,
                    true => T::NEG_INFINITY,
                    false => {
                        let mut sum = if stays(state) { next[state] } else { T::NEG_INFINITY };
                        if state + 1 < states {
                            sum = log_sum(sum, next[state + 1]);
                        }
                        if state + 2 < states && leaps(state + 2) {
                            sum = log_sum(sum, next[state + 2]);
                        }
                        sum
                    }
                };
                now[state] = follows + rows[class(state)];
                let passes =
                    !fails && ahead[state] != T::NEG_INFINITY && follows != T::NEG_INFINITY;
                ahead[state] = if passes { (ahead[state] + follows - p).exp() } else { T::ZERO };
            }
            rows.iter_mut().for_each(|x| *x = x.exp());
            ahead.iter().enumerate().for_each(|(state, &share)| rows[class(state)] -= share);
            std::mem::swap(&mut now, &mut next);
        }
        -p
    }
}

impl Operation for Alignments {
    const NAME: &'static str = "ctc-loss";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        vec![Shape::scalar(), args[0].clone()]
    }

    fn workspace(&self, args: &[&Shape]) -> usize {
        Sizes::of(self.layer.form, args).work()
    }

    fn gradient_reads_outputs(&self) -> bool {
        true
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], work: &mut [T]) {
        let shapes: [&Shape; 4] = std::array::from_fn(|i| args[i.min(args.len() - 1)].shape);
        let sizes = Sizes::of(self.layer.form, &shapes[..args.len()]);
        let [loss, rows] = outs else { return };
        let of_row = args[0].data.chunks_exact(sizes.classes);
        for (row, x) in rows.data.chunks_exact_mut(sizes.classes).zip(of_row) {
            let largest = x.iter().fold(-T::FLT_MAX, |m, &x| m.max(x));
            let total: T = x.iter().map(|&x| (x - largest).exp()).sum();
            let total = total.ln();
            row.iter_mut().zip(x).for_each(|(y, &x)| *y = x - largest - total);
        }
        let mut sum = T::ZERO;
        for n in 0..sizes.items {
            let told = self.read(sizes, args, n, &mut work[..sizes.longest]);
            sum += self.align(sizes, n, told, rows.data, work);
        }
        loss.data[0] = sum / T::from_usize(sizes.items);
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let scale = match self.layer.form {
            Form::Rows => saved.douts[0].data[0],
            Form::Columns => T::ONE,
        };
        let gradient = saved.outs[1].data.iter();
        dargs[0].data.iter_mut().zip(gradient).for_each(|(to, &x)| *to = scale * x);
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[CLASS_TEXT, include_str!("ctc_loss.cu")];
        let sizes = Sizes::of(self.layer.form, args);
        let (layer, rows) = (&self.layer, self.layer.form == Form::Rows);
        let calls = match pass {
            Pass::Forward => {
                let last = args.len() - 1;
                let bottoms = [0, 1, 2.min(last), last].map(Operand::Arg);
                let (terms, own) = (Operand::Work(0), Operand::Work(sizes.items + 1));
                let operands = bottoms.into_iter().chain([own, Operand::Out(1), terms]).collect();
                let lengths = [rows, args.len() == 4, layer.collapse, layer.merge];
                let call = Call::teams("ctc_align", sizes.items, operands)
                    .with_all([sizes.steps, sizes.classes, sizes.longest])
                    .with_all([layer.steps, layer.delay, self.blank])
                    .with_all(lengths);
                let rule = LossRule { ignore_label: None, normalization: Normalization::Full };
                let n = sizes.items;
                vec![call, rule.total_call(n, n, n)]
            }
            Pass::Backward(_) => {
                let operands =
                    vec![Operand::Out(1), Operand::OutGradient(0), Operand::ArgGradient(0)];
                vec![Call::each("ctc_grad", args[0].count(), operands).with(rows)]
            }
        };
        let work = sizes.items + 1 + sizes.items * sizes.work();
        Some(DeviceForm { texts: TEXTS, calls, work })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{blob, pass};
    use crate::weights::Blob;

    /// Three steps of two sequences over three classes.
    fn scores() -> Blob {
        let values = (0..18).map(|i| ((i * 7 % 11) as f32) / 4.0 - 1.0).collect::<Vec<_>>();
        blob(&[3, 2, 3], &values)
    }

    fn probability(x: &Blob, step: usize, n: usize, class: usize) -> f64 {
        let row = &x.data[(step * 2 + n) * 3..][..3];
        let total: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
        f64::from(row[class]).exp() / total
    }

    /// The probability of a sequence by all ways to write it, blanks being class `blank`.
    fn by_all_ways(x: &Blob, n: usize, steps: usize, wanted: &[usize], blank: usize) -> f64 {
        let mut sum = 0.0;
        for way in 0..3usize.pow(steps as u32) {
            let path: Vec<usize> = (0..steps).map(|t| way / 3usize.pow(t as u32) % 3).collect();
            let mut written = path.clone();
            written.dedup();
            written.retain(|&class| class != blank);
            if written == wanted {
                sum += (0..steps).map(|t| probability(x, t, n, path[t])).product::<f64>();
            }
        }
        sum
    }

    fn tensors(named: &[(&str, Blob)]) -> BTreeMap<String, Blob> {
        let mut tensors: BTreeMap<String, Blob> =
            named.iter().map(|(name, blob)| (format!("in.{name}"), blob.clone())).collect();
        tensors.insert("dout.y".into(), blob(&[], &[1.0]));
        tensors
    }

    #[test]
    fn probabilities_are_those_of_all_ways_to_write_the_labels() {
        let layer =
            "layer { name: 'l' type: 'CTCLoss' bottom: 'a' bottom: 'b' bottom: 'c' top: 'y' }";
        let begins = blob(&[3, 2], &[0.0, 0.0, 1.0, 1.0, 1.0, 0.0]);
        let labels = blob(&[3, 2], &[1.0, 0.0, 0.0, -1.0, -1.0, -1.0]);
        let named = [("a", scores()), ("b", begins), ("c", labels)];
        let results = pass(layer, &tensors(&named)).unwrap();
        let first = by_all_ways(&scores(), 0, 3, &[1, 0], 2);
        let second = by_all_ways(&scores(), 1, 2, &[0], 2);
        let want = -(first.ln() + second.ln()) / 2.0;
        assert!((f64::from(results["out.y"].data[0]) - want).abs() < 1e-5);
        // Behind the end of a sequence nothing changes the loss.
        assert_eq!(results["din.a"].data[15..], [0.0; 3]);

        let lengths = layer.replace("bottom: 'c'", "bottom: 'c' bottom: 'd'");
        let both = [
            ("a", scores()),
            ("b", blob(&[2], &[3.0, 2.0])),
            ("c", blob(&[2], &[2.0, 1.0])),
            ("d", blob(&[2, 2], &[1.0, 0.0, 0.0, 1.0])),
        ];
        let same = pass(&lengths, &tensors(&both)).unwrap();
        assert_eq!(same["out.y"].data, results["out.y"].data);
        assert_eq!(same["din.a"].data, results["din.a"].data);
    }

    #[test]
    fn blanks_among_labels_do_not_count() {
        let layer = "layer { name: 'l' type: 'CtcLoss' bottom: 'a' bottom: 'b' top: 'y'
            ctc_loss_param { alphabet_size: 3 time_step: 3 blank_label: 0 } }";
        let loss = |labels: &[f32]| {
            let labels = blob(&[2, labels.len() / 2], labels);
            let results = pass(layer, &tensors(&[("a", scores()), ("b", labels)])).unwrap();
            (f64::from(results["out.y"].data[0]), results["din.a"].data.clone())
        };
        let first = by_all_ways(&scores(), 0, 3, &[2, 1], 0);
        let second = by_all_ways(&scores(), 1, 3, &[1], 0);
        let want = -(first.ln() + second.ln()) / 2.0;
        assert!((loss(&[0.0, 2.0, 1.0, 1.0, 0.0, 0.0]).0 - want).abs() < 1e-5);
        // Two alike need a step more than there is; such a sequence has no part in the loss.
        let (value, slope) = loss(&[2.0, 2.0, 1.0, 1.0, 0.0, 0.0]);
        assert!((value + second.ln() / 2.0).abs() < 1e-5);
        assert_eq!(slope[..3], [0.0; 3]);
        assert!(loss(&[2.0, 3.0, 1.0, 0.0]).0.is_nan());
    }

    #[test]
    fn shapes_are_told() {
        let refused =
            |layer: &str, named: &[(&str, Blob)]| pass(layer, &tensors(named)).unwrap_err();
        let rows = "layer { name: 'l' type: 'CtcLoss' bottom: 'a' bottom: 'b' top: 'y'
            ctc_loss_param { alphabet_size: 4 time_step: 3 } }";
        let labels = || blob(&[2, 1], &[1.0, 1.0]);
        let why = refused(rows, &[("a", scores()), ("b", labels())]);
        assert!(why.contains("`alphabet_size` is 4, and there are scores of 3 classes"), "{why}");
        let columns = "layer { name: 'l' type: 'CTCLoss' bottom: 'a' bottom: 'b' top: 'y' }";
        let why = refused(columns, &[("a", scores()), ("b", labels())]);
        assert!(why.contains("not 2 bottoms"), "{why}");
    }
}
