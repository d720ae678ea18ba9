//! Softmax followed by a log-likelihood that weighs every confusion of classes.

use std::sync::Arc;

use super::class_loss::{CLASS_TEXT, ClassAxis, LossRule, Normalization, label};
use super::multinomial_logistic_loss::LEAST_PROBABILITY;
use super::prelude::*;

params! {
    /// -1/n Σ Σ_k H\[label, k\] ln p\[k\], where p is the softmax of the scores along an axis and H the infogain matrix,
    /// `classes x classes`. With the unit matrix it is SoftmaxWithLoss.
    ///
    /// The matrix is the third bottom or, without one, the content of a BlobProto file. The second top, if there is one,
    /// is p. As in Caffe a probability is taken as at least 1e-20 inside the logarithm, but not in the gradient, and
    /// the matrix has no gradient.
    pub struct InfogainLoss {
        /// The BlobProto file with the matrix, where there is no third bottom.
        source: Option<String> = None,
        /// The class axis; -1 is the last.
        axis: i64 = 1,
        /// Ignored labels and the divisor.
        rule: LossRule = LossRule { ignore_label: None, normalization: Normalization::Valid },
    }
}

/// The description of [`InfogainLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(2, 3),
    tops: Arity::between(1, 2),
    spellings: &[caffe("InfogainLoss", |a| {
        let p = a.section("infogain_loss_param");
        a.section("softmax_param").ignore(&["engine", "axis"]);
        let loss = a.section("loss_param");
        if loss.has("normalize") {
            loss.wrong("normalize", "an InfogainLoss takes `normalization`, not `normalize`");
        }
        InfogainLoss {
            source: p.text("source"),
            axis: p.int("axis").unwrap_or(1),
            rule: LossRule::read(a, Normalization::Valid),
        }
        .into()
    })],
    ..LayerSpec::loss("InfogainLoss", InfogainLoss::DOCS)
};

impl LayerOps for InfogainLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = ClassAxis::of_scores(cx, self.axis)?;
        axis.check_labels(cx, 1)?;
        let classes = axis.classes;
        let wrong = |n: usize| {
            let count = classes.checked_mul(classes);
            (count != Some(n)).then(|| {
                format!("the infogain matrix must be {classes} x {classes}, it has {n} elements")
            })
        };
        if let Some(matrix) = cx.bottoms.get(2) {
            if let Some(message) = wrong(matrix.count()) {
                return cx.fail_bottom(2, message);
            }
        } else {
            let Some(source) = &self.source else {
                return cx.fail(
                    &["infogain_loss_param"],
                    "there is no infogain matrix; give a third bottom or a `source`",
                );
            };
            let read = cx.env.blob.map_or(Err("files cannot be read here".into()), |f| f(source));
            match read.map(|(_, values)| wrong(values.len())) {
                Ok(None) => {}
                Ok(Some(message)) => return cx.fail(&["source"], message),
                Err(why) => return cx.fail(&["source"], format!("the infogain matrix: {why}")),
            }
        }
        let mut tops = vec![Shape::scalar()];
        if cx.n_tops() == 2 {
            tops.push(cx.bottom(0).clone());
        }
        Ok(Signature { tops, params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let axis = b.shape(cx.bottoms[0]).axis(self.axis).unwrap_or(0);
        let classes = b.shape(cx.bottoms[0]).dims()[axis];
        let matrix = (cx.bottoms.len() == 2).then(|| self.matrix(cx, classes));
        let outs = b.native(Infogain { axis, rule: self.rule.clone(), matrix }, cx.bottoms);
        outs[..cx.n_tops()].to_vec()
    }
}

impl InfogainLoss {
    /// The matrix of the file that `infer` found good; NaN if the file has changed since, so that it is noticed.
    fn matrix(&self, cx: &Lower, classes: usize) -> Arc<[f32]> {
        let read = self.source.as_deref().zip(cx.env.blob).and_then(|(path, f)| f(path).ok());
        let values = read.map(|(_, values)| values).filter(|v| v.len() == classes * classes);
        values.unwrap_or_else(|| vec![f32::NAN; classes * classes]).into()
    }
}

/// `(scores, labels[, matrix]) -> loss, probabilities`.
#[derive(Debug, PartialEq)]
struct Infogain {
    axis: usize,
    rule: LossRule,
    /// The matrix, where it is no argument.
    matrix: Option<Arc<[f32]>>,
}

impl Infogain {
    /// The entry of the matrix for a label and a class.
    fn gain<T: Real>(&self, args: &[View<T>], at: usize) -> T {
        match &self.matrix {
            Some(matrix) => T::from_f64(f64::from(matrix[at])),
            None => args[2].data[at],
        }
    }
}

impl Operation for Infogain {
    const NAME: &'static str = "infogain-loss";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        vec![Shape::scalar(), args[0].clone()]
    }

    fn gradient_reads_outputs(&self) -> bool {
        true
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let axis = ClassAxis::of(args[0].shape, self.axis);
        let labels = args[1].data;
        let [loss, probabilities] = outs else { return };
        axis.softmax(args[0].data, probabilities.data);
        let mut total = T::ZERO;
        for (i, &l) in labels.iter().enumerate() {
            if !self.rule.counts(label(l)) {
                continue;
            }
            let Some(class) = axis.class(l) else {
                total = T::from_f64(f64::NAN);
                continue;
            };
            for k in 0..axis.classes {
                let p = probabilities.data[axis.start(i) + k * axis.inner];
                let gain = self.gain(args, class * axis.classes + k);
                total -= gain * p.at_least(T::from_f64(LEAST_PROBABILITY)).ln();
            }
        }
        loss.data[0] = total / self.rule.divisor_of(labels, axis.outer);
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let axis = ClassAxis::of(saved.args[0].shape, self.axis);
        let labels = saved.args[1].data;
        let scale = saved.douts[0].data[0] / self.rule.divisor_of(labels, axis.outer);
        dargs[0].data.fill(T::ZERO);
        for (i, &l) in labels.iter().enumerate() {
            let Some(class) = axis.class(l).filter(|_| self.rule.counts(label(l))) else {
                continue;
            };
            let gains = (0..axis.classes).map(|k| class * axis.classes + k);
            let row: T = gains.clone().map(|at| self.gain(saved.args, at)).sum();
            for (k, at) in gains.enumerate() {
                let x = axis.start(i) + k * axis.inner;
                let gain = self.gain(saved.args, at);
                dargs[0].data[x] = (saved.outs[1].data[x] * row - gain) * scale;
            }
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[CLASS_TEXT, include_str!("infogain_loss.cu")];
        let axis = ClassAxis::of(args[0], self.axis);
        let n = axis.labels();
        let gain = match &self.matrix {
            Some(matrix) => Operand::Table(matrix.iter().map(|&x| f64::from(x)).collect()),
            None => Operand::Arg(2),
        };
        let [p, labels] = [Operand::Out(1), Operand::Arg(1)];
        let calls = match pass {
            Pass::Forward => {
                let operands = vec![p, labels, gain, Operand::Work(0)];
                let terms = Call::each("infogain_terms", n, operands).with_all(axis.extents());
                vec![
                    axis.softmax_call(),
                    terms.with_all(self.rule.ignored()).with(LEAST_PROBABILITY),
                    self.rule.total_call(n, n, axis.outer),
                ]
            }
            Pass::Backward(_) => {
                let (dy, dx) = (Operand::OutGradient(0), Operand::ArgGradient(0));
                let (divisor, mut calls) = self.rule.divisor_form(n, axis.outer);
                let operands = vec![p, labels, gain, dy, divisor, dx];
                let slope = Call::each("infogain_grad", n, operands).with_all(axis.extents());
                calls.push(slope.with_all(self.rule.ignored()));
                calls
            }
        };
        Some(DeviceForm { texts: TEXTS, calls, work: n + 1 })
    }
}
