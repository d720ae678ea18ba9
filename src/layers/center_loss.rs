//! Half of the squared distance to a learned centre of each class.

use super::class_loss::{CLASS_TEXT, ClassAxis, LossRule, Normalization, labelled_rows};
use super::prelude::*;

params! {
    /// 1/(2N) Σ |x - c|², where x is a row of features and c the centre of the class that its label names (Wen et al.
    /// 2016, A Discriminative Feature Learning Approach for Deep Face Recognition).
    ///
    /// Bottoms `N x features` (all axes from `axis` on are features) and N labels; centres `num_output x features`. As in
    /// the authors' fork of Caffe a centre's gradient is not that of the loss: it is Σ (c - x) / (1 + n) over the n rows of
    /// its class, whatever the `loss_weight` is, so that a centre learns by its `lr_mult` alone. A label that is no class
    /// makes the loss no number, where that fork reads other memory.
    pub struct CenterLoss {
        /// Number of classes.
        num_output: usize = 0,
        /// The first axis of features.
        axis: i64 = 1,
        /// First values of the centres.
        center_filler: Filler = Filler::Unset,
    }
}

/// The description of [`CenterLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("CenterLoss", |a| {
        let p = a.section("center_loss_param");
        CenterLoss {
            num_output: p.required("num_output", Args::usize),
            axis: p.int("axis").unwrap_or(1),
            center_filler: Filler::read(&p.section("center_filler")),
        }
        .into()
    })],
    ..LayerSpec::loss("CenterLoss", CenterLoss::DOCS)
};

impl LayerOps for CenterLoss {
    fn check(&self, cx: &Infer) -> Result<(), Reported> {
        cx.not_zero("num_output", self.num_output)
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let features = labelled_rows(cx, self.axis)?;
        let centers = [self.num_output, features];
        let params = vec![ParamDecl::new("center", centers, self.center_filler)];
        Ok(Signature { tops: vec![Shape::scalar()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let [rows, width] = [0, 1].map(|i| b.shape(cx.params[0]).dims()[i]);
        let count = b.shape(cx.bottoms[1]).count();
        let x = b.view(cx.bottoms[0], [count, width]);
        let axis = ClassAxis { outer: count, classes: rows, inner: 1 };
        b.native(Centers(axis), &[x, cx.bottoms[1], cx.params[0]])
    }

    fn labels(&self, _bottoms: &[Shape]) -> Option<LabelRange> {
        Some(LabelRange::of(self.num_output, 0, None))
    }

    fn detail(&self) -> String {
        format!("{} centres", self.num_output)
    }
}

/// `(rows, labels, centers) -> loss`.
#[derive(Debug)]
struct Centers(ClassAxis);

impl PartialEq for Centers {
    fn eq(&self, other: &Self) -> bool {
        self.0.extents() == other.0.extents()
    }
}

/// Every row with the class of its label.
fn rows<'a, T: Real>(
    axis: ClassAxis,
    args: &'a [View<T>],
) -> impl Iterator<Item = (&'a [T], Option<usize>)> {
    let width = args[2].shape.dims()[1].max(1);
    let labels = args[1].data.iter().map(move |&label| axis.class(label));
    args[0].data.chunks(width).zip(labels)
}

impl Operation for Centers {
    const NAME: &'static str = "center-loss";

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![Shape::scalar()]
    }

    fn differentiable(&self, arg: usize) -> bool {
        arg != 1
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (width, mut loss) = (args[2].shape.dims()[1], T::ZERO);
        for (row, class) in rows(self.0, args) {
            let Some(class) = class else {
                loss = T::from_f64(f64::NAN);
                break;
            };
            let center = &args[2].data[class * width..(class + 1) * width];
            let squared: T = row.iter().zip(center).map(|(&x, &c)| (x - c) * (x - c)).sum();
            loss += squared / T::from_f64(2.0);
        }
        outs[0].data[0] = loss / T::from_usize(args[1].data.len());
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let centers = saved.args[2];
        let width = centers.shape.dims()[1];
        for (&which, to) in saved.wrt.iter().zip(dargs) {
            if which == 0 {
                let scale = saved.douts[0].data[0] / T::from_usize(saved.args[1].data.len());
                let to = to.data.chunks_mut(width.max(1));
                for ((row, class), to) in rows(self.0, saved.args).zip(to) {
                    let center = class.map(|class| &centers.data[class * width..][..width]);
                    for (j, to) in to.iter_mut().enumerate() {
                        *to = center.map_or(T::ZERO, |center| scale * (row[j] - center[j]));
                    }
                }
                continue;
            }
            for (class, to) in to.data.chunks_mut(width.max(1)).enumerate() {
                let center = &centers.data[class * width..][..width];
                let mut count = T::ONE;
                to.fill(T::ZERO);
                for (row, _) in rows(self.0, saved.args).filter(|(_, of)| *of == Some(class)) {
                    count += T::ONE;
                    for (j, to) in to.iter_mut().enumerate() {
                        *to += center[j] - row[j];
                    }
                }
                to.iter_mut().for_each(|to| *to /= count);
            }
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[CLASS_TEXT, include_str!("center_loss.cu")];
        let (n, width, classes) = (args[1].count(), args[2].dims()[1], self.0.classes);
        let [x, labels, centers] = [0, 1, 2].map(Operand::Arg);
        let calls = match pass {
            Pass::Forward => {
                let operands = vec![x, labels, centers, Operand::Work(0)];
                let terms = Call::teams("center_terms", n, operands).with_all([width, classes]);
                let rule = LossRule { ignore_label: None, normalization: Normalization::Full };
                vec![terms, rule.total_call(n, n, n)]
            }
            Pass::Backward(wrt) => wrt
                .iter()
                .enumerate()
                .map(|(position, &which)| {
                    let mut operands = vec![x.clone(), labels.clone(), centers.clone()];
                    let to = Operand::ArgGradient(position);
                    let call = if which == 0 {
                        operands.extend([Operand::OutGradient(0), to]);
                        Call::each("center_grad", args[0].count(), operands)
                    } else {
                        operands.push(to);
                        Call::each("center_follow", args[2].count(), operands)
                    };
                    call.with_all([width, classes, n])
                })
                .collect(),
        };
        Some(DeviceForm { texts: TEXTS, calls, work: n + 1 })
    }
}
