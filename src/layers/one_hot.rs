//! Numbers of classes as rows of zeros with a one.

use super::prelude::*;

params! {
    /// A row for each element, with 1 at the class that the element names, counted from 1, and 0 elsewhere; the classes
    /// are a new last axis. A row of NaN for an element that names no class. It has no gradient.
    pub struct OneHot {
        /// Number of classes.
        classes: usize = 0,
    }
}

/// The description of [`OneHot`].
pub static SPEC: LayerSpec = LayerSpec {
    differentiable: 0,
    in_place: InPlace::Refused,
    spellings: &[torch("nn.OneHot", &["outputSize"], |a| {
        OneHot { classes: a.required("outputSize", Args::usize) }.into()
    })],
    ..LayerSpec::new("OneHot", Category::Dense, OneHot::DOCS)
};

impl LayerOps for OneHot {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        if self.classes == 0 {
            return cx.fail(&["outputSize"], "there must be a class at least");
        }
        let mut dims = cx.bottom(0).dims().to_vec();
        dims.push(self.classes);
        let top = Shape(dims);
        match top.checked_count() {
            Some(_) => Ok(Signature::of(top)),
            None => cx.fail(&["outputSize"], format!("{top} are too many elements")),
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        b.native(Rows { top: cx.top(0).clone() }, cx.bottoms)
    }

    fn detail(&self) -> String {
        format!("{} classes", self.classes)
    }
}

/// `(classes) -> rows`.
#[derive(Debug, PartialEq)]
struct Rows {
    top: Shape,
}

impl Operation for Rows {
    const NAME: &'static str = "one-hot";
    const DIFFERENTIABLE: usize = 0;

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![self.top.clone()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let classes = self.top.dims().last().copied().unwrap_or(1).max(1);
        for (row, &x) in outs[0].data.chunks_mut(classes).zip(args[0].data) {
            row.fill(T::ZERO);
            let class = x.to_f64() as i64;
            match usize::try_from(class - 1).ok().and_then(|class| row.get_mut(class)) {
                Some(one) => *one = T::ONE,
                None => row.fill(T::from_f64(f64::NAN)),
            }
        }
    }

    fn device(&self, pass: Pass, _args: &[&Shape]) -> Option<DeviceForm> {
        let Pass::Forward = pass else { return None };
        let classes = self.top.dims().last().copied().unwrap_or(1).max(1);
        let operands = vec![Operand::Arg(0), Operand::Out(0)];
        let calls = vec![Call::each("one_hot", self.top.count(), operands).with(classes)];
        Some(DeviceForm { texts: &[include_str!("one_hot.cu")], calls, work: 0 })
    }
}
