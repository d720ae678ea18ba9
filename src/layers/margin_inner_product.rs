//! Scores of classes that demand a wider angle to the labelled class than to others.

use super::class_loss::{CLASS_TEXT, ClassAxis, labelled_rows};
use super::inner_product::unit_rows;
use super::prelude::*;

/// By how much the angle is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Margin {
    /// Not at all.
    Single,
    /// By 2.
    Double,
    /// By 3.
    Triple,
    /// By 4.
    Quadruple,
}

params! {
    /// |x| cos θ for the angle θ between a row of features and each of the classes' weights of length 1; for the class of the
    /// label (λ |x| cos θ + |x| ψ) / (1 + λ), where ψ is cos m θ, continued so that it falls all the way to θ = π (SphereFace,
    /// Liu et al. 2017, equation 6).
    ///
    /// Bottoms `N x features` (all axes from `axis` on are features) and N labels; weights `num_output x features`. λ is
    /// max(base (1 + gamma i)^-power, lambda_min) in the i-th pass after `iteration`, in training and in testing; it is the
    /// second top, if there is one.
    ///
    /// As in the authors' fork of Caffe every pass first brings the weights to length 1, for good. Their gradient is that of an
    /// InnerProduct; the gradient of ψ |x| to the features is brought to length 1 in terms of the class's weights and the
    /// features. A label that is no class makes its scores no numbers, where that fork writes to other memory.
    pub struct MarginInnerProduct {
        /// Number of classes.
        num_output: usize = 0,
        /// By how much the angle to the labelled class is multiplied.
        margin: Margin = Margin::Single,
        /// The first axis of features.
        axis: i64 = 1,
        /// λ at the beginning.
        base: f64 = 1.0,
        /// How fast λ falls.
        gamma: f64 = 0.0,
        /// The exponent by which it falls.
        power: f64 = 1.0,
        /// Where it stops.
        lambda_min: f64 = 0.0,
        /// Passes that were made before.
        iteration: i64 = 0,
        /// First values of the weights.
        weight_filler: Filler = Filler::Unset,
    }
}

/// The description of [`MarginInnerProduct`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    tops: Arity::between(1, 2),
    differentiable: 1,
    in_place: InPlace::Refused,
    spellings: &[caffe("MarginInnerProduct", |a| {
        let p = a.section("margin_inner_product_param");
        let margins = [
            ("SINGLE", Margin::Single),
            ("DOUBLE", Margin::Double),
            ("TRIPLE", Margin::Triple),
            ("QUADRUPLE", Margin::Quadruple),
        ];
        MarginInnerProduct {
            num_output: p.required("num_output", Args::usize),
            margin: p.choice("type", &margins).unwrap_or(Margin::Single),
            axis: p.int("axis").unwrap_or(1),
            base: p.float("base").unwrap_or(1.0),
            gamma: p.float("gamma").unwrap_or(0.0),
            power: p.float("power").unwrap_or(1.0),
            lambda_min: p.float("lambda_min").unwrap_or(0.0),
            iteration: p.int("iteration").unwrap_or(0),
            weight_filler: Filler::read(&p.section("weight_filler")),
        }
        .into()
    })],
    ..LayerSpec::new("MarginInnerProduct", Category::Dense, MarginInnerProduct::DOCS)
};

impl LayerOps for MarginInnerProduct {
    fn check(&self, cx: &Infer) -> Result<(), Reported> {
        cx.not_zero("num_output", self.num_output)
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let features = labelled_rows(cx, self.axis)?;
        let x = cx.bottom(0);
        let mut top = x.dims()[..cx.axis(0, self.axis)?].to_vec();
        top.push(self.num_output);
        let mut tops = vec![top.into(), Shape::from([1])];
        tops.truncate(cx.n_tops());
        let weight = [self.num_output, features];
        let passes = Filler::Constant(self.iteration as f64);
        let params = vec![
            ParamDecl::new("weight", weight, self.weight_filler),
            ParamDecl::private("passes", [1], passes),
        ];
        Ok(Signature { tops, params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (weight, count) = (cx.params[0], b.shape(cx.bottoms[1]).count());
        let width = b.shape(weight).dims()[1];
        let x = b.view(cx.bottoms[0], [count, width]);
        let unit = unit_rows(b, weight, 0.0);
        let passes = b.map(&[cx.params[1]], &(arg(0) + 1.0));
        b.assign(cx.params[1], passes);
        let falls = (arg(0) * self.gamma + 1.0).pow(-self.power) * self.base;
        let lambda = b.map(&[passes], &falls.max(self.lambda_min));
        let mut y = b.matmul(x, false, unit, true, None);
        if self.margin != Margin::Single {
            let axis = ClassAxis { outer: count, classes: self.num_output, inner: 1 };
            let angles = Angles { margin: self.margin, axis };
            y = b.native(angles, &[x, cx.bottoms[1], unit, y, lambda])[0];
        }
        let mut tops = vec![b.view(y, cx.top(0).clone()), lambda];
        tops.truncate(cx.signature.tops.len());
        tops
    }

    fn labels(&self, _bottoms: &[Shape]) -> Option<LabelRange> {
        Some(LabelRange::of(self.num_output, 0, None))
    }

    fn detail(&self) -> String {
        let times = ["1", "2", "3", "4"][self.margin as usize];
        format!("{} outputs, {times} times the angle", self.num_output)
    }
}

/// `(rows, labels, weights of length 1, scores, lambda) -> scores`, of which those of the labelled classes are others.
#[derive(Debug)]
struct Angles {
    margin: Margin,
    axis: ClassAxis,
}

impl PartialEq for Angles {
    fn eq(&self, other: &Self) -> bool {
        self.margin == other.margin && self.axis.extents() == other.axis.extents()
    }
}

/// -1, 0 or 1.
fn sign<T: Real>(x: T) -> T {
    if T::ZERO < x {
        T::ONE
    } else if x < T::ZERO {
        -T::ONE
    } else {
        T::ZERO
    }
}

impl Angles {
    /// For the cosine of an angle what stands for the cosine of its multiple; the slope of it to the class's weights; and that
    /// to the features, times their length.
    fn stretched<T: Real>(&self, c: T) -> [T; 3] {
        let n = T::from_i32;
        let whole = sign(c);
        match self.margin {
            Margin::Single => [c, T::ONE, T::ZERO],
            Margin::Double => {
                let square = whole * c * c;
                [n(2) * square - n(1), n(4) * whole * c, -(n(2) * square + n(1))]
            }
            Margin::Triple => {
                let s = sign(c.abs() - T::from_f64(0.5));
                let shift = whole * (n(1) + s) - n(2);
                let cube = s * c * c * c;
                [
                    n(4) * cube - n(3) * s * c + shift,
                    s * (n(12) * c * c - n(3)),
                    -(n(8) * cube - shift),
                ]
            }
            Margin::Quadruple => {
                let (square, fourth) = (c * c, c * c * c * c);
                let s = whole * sign(n(2) * square - n(1));
                let shift = n(2) * whole + s - n(3);
                [
                    s * (n(8) * fourth - n(8) * square + n(1)) + shift,
                    s * (n(32) * c * square - n(16) * c),
                    -(s * (n(24) * fourth - n(8) * square - n(1)) - shift),
                ]
            }
        }
    }
}

fn length<T: Real>(row: &[T]) -> T {
    row.iter().map(|&x| x * x).sum::<T>().sqrt()
}

impl Operation for Angles {
    const NAME: &'static str = "margin";

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        vec![args[3].clone()]
    }

    fn differentiable(&self, arg: usize) -> bool {
        arg == 0 || arg == 3
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (width, classes) = (args[2].shape.dims()[1].max(1), self.axis.classes);
        let lambda = args[4].data[0];
        outs[0].data.copy_from_slice(args[3].data);
        let rows = args[0].data.chunks(width).zip(args[1].data);
        for ((x, &label), y) in rows.zip(outs[0].data.chunks_mut(classes)) {
            let Some(class) = self.axis.class(label) else {
                y.fill(T::from_f64(f64::NAN));
                continue;
            };
            let length = length(x);
            let [cosine, ..] = self.stretched(y[class] / length);
            y[class] = (length * cosine + lambda * y[class]) / (T::ONE + lambda);
        }
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (width, classes) = (saved.args[2].shape.dims()[1].max(1), self.axis.classes);
        let share = T::ONE / (T::ONE + saved.args[4].data[0]);
        for (&which, to) in saved.wrt.iter().zip(dargs) {
            if which == 3 {
                to.data.copy_from_slice(saved.douts[0].data);
                continue;
            }
            let rows = saved.args[0].data.chunks(width).zip(saved.args[1].data).enumerate();
            for ((i, (x, &label)), to) in rows.zip(to.data.chunks_mut(width)) {
                let Some(class) = self.axis.class(label) else {
                    to.fill(T::ZERO);
                    continue;
                };
                let (at, length) = (i * classes + class, length(x));
                let [_, by_weight, by_row] = self.stretched(saved.args[3].data[at] / length);
                let by_row = by_row / length;
                let whole = (by_weight * by_weight + by_row * by_row).sqrt();
                let slope = saved.douts[0].data[at] * share;
                let weight = &saved.args[2].data[class * width..][..width];
                for ((to, &x), &w) in to.iter_mut().zip(x).zip(weight) {
                    *to = slope * ((by_weight * w + by_row * x) / whole - w);
                }
            }
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[CLASS_TEXT, include_str!("margin_inner_product.cu")];
        let (n, width, classes) = (args[1].count(), args[2].dims()[1], self.axis.classes);
        let times = self.margin as usize + 1;
        let [x, labels, weight, scores, lambda] = [0, 1, 2, 3, 4].map(Operand::Arg);
        let calls = match pass {
            Pass::Forward => {
                let operands = vec![x, labels, scores, lambda, Operand::Out(0)];
                let call = Call::teams("margin_scores", n, operands);
                vec![call.with_all([width, classes, times])]
            }
            Pass::Backward(wrt) => wrt
                .iter()
                .enumerate()
                .map(|(position, &which)| {
                    let (dy, to) = (Operand::OutGradient(0), Operand::ArgGradient(position));
                    if which == 3 {
                        return Call::each("margin_same", args[3].count(), vec![dy, to]);
                    }
                    let given = [&x, &labels, &weight, &scores, &lambda].map(Clone::clone);
                    let operands = given.into_iter().chain([dy, to]).collect();
                    let call = Call::teams("margin_grad", n, operands);
                    call.with_all([width, classes, times])
                })
                .collect(),
        };
        Some(DeviceForm { texts: TEXTS, calls, work: 0 })
    }
}
