//! The elements that a mask names.

use crate::diag::Reported;
use crate::params;
use crate::program::device::{Call, DeviceForm, Operand, Pass};
use crate::program::native::{Operation, Saved, View, ViewMut};
use crate::program::{Builder, ValueId};
use crate::real::Real;
use crate::spec::{Arity, Category, InPlace, Infer, LayerOps, LayerSpec, Lower, Signature, torch};
use crate::ty::Shape;

params! {
    /// The elements of the first bottom where the second bottom is not 0, as a vector.
    ///
    /// Its length is that of the values of the mask, which must be known beforehand.
    pub struct MaskedSelect {
    }
}

/// The description of [`MaskedSelect`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    differentiable: 1,
    in_place: InPlace::Refused,
    spellings: &[torch("nn.MaskedSelect", &[], |_| MaskedSelect {}.into())],
    ..LayerSpec::new("MaskedSelect", Category::Shape, MaskedSelect::DOCS)
};

impl LayerOps for MaskedSelect {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        if cx.bottom(0).count() != cx.bottom(1).count() {
            let x = cx.bottom(0);
            return cx.fail_bottom(1, format!("a mask must have as many elements as {x}"));
        }
        match cx.value(1) {
            Some(mask) => Ok(Signature::of([mask.iter().filter(|&&m| m != 0.0).count()].into())),
            None => cx.fail_bottom(
                1,
                "the shape of the result depends on the values of the mask, which are not known before the net runs",
            ),
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        b.native(Chosen { shape: cx.top(0).clone() }, cx.bottoms)
    }
}

/// `(x, mask) -> chosen`.
#[derive(Debug, PartialEq)]
struct Chosen {
    shape: Shape,
}

/// The places where a mask is not 0.
fn places<'a, T: Real>(mask: &View<'a, T>) -> impl Iterator<Item = usize> + use<'a, T> {
    mask.data.iter().enumerate().filter(|(_, m)| **m != T::ZERO).map(|(i, _)| i)
}

impl Operation for Chosen {
    const NAME: &'static str = "masked-select";
    const GRADIENT: &'static str = "masked-select-grad";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![self.shape.clone()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        outs[0].data.fill(T::ZERO);
        for (y, from) in outs[0].data.iter_mut().zip(places(&args[1])) {
            *y = args[0].data[from];
        }
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        dargs[0].data.fill(T::ZERO);
        for (&dy, to) in saved.douts[0].data.iter().zip(places(&saved.args[1])) {
            dargs[0].data[to] = dy;
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let mask = Operand::Arg(1);
        let call = match pass {
            Pass::Forward => {
                Call::teams("masked_select", 1, vec![Operand::Arg(0), mask, Operand::Out(0)])
            }
            Pass::Backward(_) => {
                let operands = vec![Operand::OutGradient(0), mask, Operand::ArgGradient(0)];
                Call::teams("masked_select_grad", 1, operands)
            }
        };
        let calls = vec![call.with_all([args[1].count(), self.shape.count()])];
        Some(DeviceForm { texts: &[include_str!("masked_select.cu")], calls, work: 0 })
    }
}
