//! The largest or the smallest along one axis.

use super::prelude::*;
use crate::layers::batch_axis::{BatchAxis, to_dimension};
use crate::layers::class_loss::ClassAxis;
use crate::layers::executor::vectorize;
use crate::layers::select::without;

params! {
    /// The largest or the smallest element along one axis, which disappears; of a vector it is a vector of one element.
    ///
    /// The gradient goes to the first of equals, or in equal shares to all of them.
    pub struct Extremum {
        /// The axis; -1 is the last.
        axis: i64 = 0,
        /// The number of axes of an item: a bottom with one more is a batch, whose axis of items is not counted.
        item_axes: Option<usize> = None,
        /// Whether it is the smallest.
        smallest: bool = false,
        /// Whether equals share the gradient, as in TensorFlow.
        shared: bool = false,
    }
}

const SCRIPT: &str = "
function Class:__init(dimension, nInputDims)
   Parent.__init(self)
   self.dimension = dimension or 1
   self.nInputDims = nInputDims
end";

/// The description of [`Extremum`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[
        torch("nn.Max", &["dimension", "nInputDims"], |a| Extremum::read(a, false).into())
            .script(SCRIPT),
        torch("nn.Min", &["dimension", "nInputDims"], |a| Extremum::read(a, true).into())
            .script(SCRIPT),
    ],
    ..LayerSpec::new("Extremum", Category::Elementwise, Extremum::DOCS)
};

impl Extremum {
    fn read(a: &Args, smallest: bool) -> Self {
        let BatchAxis { axis, item_axes } = BatchAxis::read(a, "dimension", "nInputDims");
        Extremum { axis, item_axes, smallest, shared: false }
    }

    fn axis(&self) -> BatchAxis {
        BatchAxis { axis: self.axis, item_axes: self.item_axes }
    }
}

impl LayerOps for Extremum {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = self.axis().resolve(cx, 0)?;
        let x = cx.bottom(0);
        if x.dims()[axis] == 0 {
            return cx.fail_bottom(0, "there is no largest of no elements");
        }
        Ok(Signature::of(if x.rank() == 1 { x.with(axis, 1) } else { without(x, axis) }))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let axis = self.axis().of(b.shape(cx.bottoms[0])).unwrap_or(0);
        let top = cx.top(0).clone();
        b.native(First { axis, smallest: self.smallest, shared: self.shared, top }, cx.bottoms)
    }

    fn detail(&self) -> String {
        let what = if self.smallest { "smallest" } else { "largest" };
        format!("{what} along dimension {}", to_dimension(self.axis))
    }
}

/// Neighbouring lines along the axis that are followed together.
const WIDTH: usize = 64;

/// `(x) -> y`.
#[derive(Debug, PartialEq)]
struct First {
    axis: usize,
    smallest: bool,
    shared: bool,
    top: Shape,
}

impl First {
    /// Calls `see` with the index of each result and of the element that it is.
    fn places<T: Real>(&self, x: &View<T>, mut see: impl FnMut(usize, usize)) {
        let ClassAxis { outer, classes, inner } = ClassAxis::of(x.shape, self.axis);
        let (mut best, mut place) = ([T::ZERO; WIDTH], [0u32; WIDTH]);
        for (o, from) in (0..outer).flat_map(|o| (0..inner).step_by(WIDTH).map(move |i| (o, i))) {
            let (first, width) = (o * classes * inner + from, WIDTH.min(inner - from));
            let (best, place) = (&mut best[..width], &mut place[..width]);
            best.copy_from_slice(&x.data[first..][..width]);
            place.fill(0);
            vectorize(
                #[inline(always)]
                || {
                    let rows = x.data[first..].chunks(inner).take(classes);
                    for (k, row) in rows.enumerate().skip(1) {
                        let so_far = best.iter_mut().zip(&mut *place);
                        for (new, (best, place)) in row.iter().zip(so_far) {
                            let better = if self.smallest { *new < *best } else { *best < *new };
                            *best = if better { *new } else { *best };
                            *place = if better { k as u32 } else { *place };
                        }
                    }
                },
            );
            for (i, &place) in place.iter().enumerate() {
                see(o * inner + from + i, first + i + place as usize * inner);
            }
        }
    }
}

impl Operation for First {
    const NAME: &'static str = "extremum";

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![self.top.clone()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        self.places(&args[0], |i, at| outs[0].data[i] = args[0].data[at]);
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        dargs[0].data.fill(T::ZERO);
        let (x, along) = (&saved.args[0], ClassAxis::of(saved.args[0].shape, self.axis));
        self.places(x, |i, first| {
            let gradient = saved.douts[0].data[i];
            if !self.shared {
                dargs[0].data[first] = gradient;
                return;
            }
            let all = (0..along.classes).map(|k| along.start(i) + k * along.inner);
            let equals = all.filter(|&at| x.data[at] == x.data[first]);
            let share = gradient / T::from_f64(equals.clone().count().max(1) as f64);
            equals.for_each(|at| dargs[0].data[at] = share);
        });
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let along = ClassAxis::of(args[0], self.axis);
        let mut operands = vec![Operand::Arg(0)];
        let function = match pass {
            Pass::Forward => {
                operands.push(Operand::Out(0));
                "extremum"
            }
            Pass::Backward(_) => {
                operands.extend([Operand::OutGradient(0), Operand::ArgGradient(0)]);
                "extremum_grad"
            }
        };
        let call = Call::each(function, along.labels(), operands);
        let call = call.with_all(along.extents()).with(self.smallest);
        let calls = vec![match pass {
            Pass::Forward => call,
            Pass::Backward(_) => call.with(self.shared),
        }];
        Some(DeviceForm { texts: &[include_str!("extremum.cu")], calls, work: 0 })
    }
}
