//! Lets only the chosen items of a batch pass.

use super::prelude::*;
use crate::diag::{self, Diagnostic};

params! {
    /// Keeps the items of every bottom for which the last bottom, the selector, is not 0.
    ///
    /// How many items pass depends on the values of the selector. A plan needs to know, so the selector must be a data
    /// blob whose values are given together with the shapes, as `cortado run --tensors` does. Should a later run
    /// select more, the last of them are dropped; should it select fewer, the missing items are 0.
    pub struct Filter {
    }
}

/// The description of [`Filter`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::at_least(2),
    tops: Arity::at_least(1),
    in_place: InPlace::Garbled,
    spellings: &[caffe("Filter", |_| Filter {}.into())],
    ..LayerSpec::new("Filter", Category::Shape, Filter::DOCS)
};

impl LayerOps for Filter {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let last = cx.bottoms.len() - 1;
        if cx.n_tops() != last {
            let tops = cx.n_tops();
            return cx.fail(&[], format!("needs a top for each bottom but the last, not {tops}"));
        }
        let selector = cx.bottom(last);
        if selector.rank() == 0 || selector.count() != selector.dims()[0] {
            return cx.fail_bottom(last, "a selector has one number for each item");
        }
        for i in 0..last {
            cx.same_batch(last, i)?;
        }
        let Some(values) = cx.value(last) else {
            let name = &cx.node.bottoms[last].value;
            let message = format!(
                "how many items pass depends on the values of `{name}`, which no plan can know"
            );
            let complaint = Diagnostic::new(&diag::W0605, cx.bottom_place(last), message);
            let help = format!(
                "`cortado run --tensors` plans for the values it is given, if `{name}` is an input"
            );
            return Err(cx.report(complaint.help(help)));
        };
        let selected = values.iter().filter(|&&x| x != 0.0).count();
        let tops = cx.bottoms[..last].iter().map(|shape| shape.with(0, selected)).collect();
        Ok(Signature { tops, params: vec![] })
    }

    fn differentiable(&self, bottom: usize, bottoms: usize) -> bool {
        bottom + 1 < bottoms
    }

    fn may_be_empty(&self) -> bool {
        true
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let last = cx.bottoms.len() - 1;
        let mut tops = vec![];
        for (i, &x) in cx.bottoms[..last].iter().enumerate() {
            let select = Select { top: cx.top(i).clone() };
            tops.extend(b.native(select, &[x, cx.bottoms[last]]));
        }
        tops
    }
}

/// `(x, selector) -> items of x`.
#[derive(Debug, PartialEq)]
pub(super) struct Select {
    /// The shape of the items that pass: their number, and that of an item.
    pub top: Shape,
}

impl Select {
    /// The elements of one item.
    fn item(&self) -> usize {
        self.top.count_of(1..self.top.rank()).max(1)
    }
}

/// Items whose numbers a single-precision number holds exactly.
const MOST_ITEMS: usize = 1 << 24;

/// The numbers of the items that pass.
fn selected<'a, T: Real>(selector: &View<'a, T>) -> impl Iterator<Item = usize> + use<'a, T> {
    let numbered = selector.data.iter().enumerate();
    numbered.filter(|&(_, &x)| x != T::ZERO).map(|(i, _)| i)
}

impl Operation for Select {
    const NAME: &'static str = "filter";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![self.top.clone()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let item = self.item();
        outs[0].data.fill(T::ZERO);
        let places = outs[0].data.chunks_exact_mut(item);
        for (to, from) in places.zip(selected(&args[1])) {
            to.copy_from_slice(&args[0].data[from * item..][..item]);
        }
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let item = self.item();
        dargs[0].data.fill(T::ZERO);
        let gradients = saved.douts[0].data.chunks_exact(item);
        for (from, to) in gradients.zip(selected(&saved.args[1])) {
            dargs[0].data[to * item..][..item].copy_from_slice(from);
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let (item, items, kept) = (self.item(), args[1].count(), self.top.count() / self.item());
        if MOST_ITEMS < items {
            return None;
        }
        let (from, to, n, sources) = match pass {
            Pass::Forward => (Operand::Arg(0), Operand::Out(0), self.top.count(), true),
            Pass::Backward(_) => {
                (Operand::OutGradient(0), Operand::ArgGradient(0), args[0].count(), false)
            }
        };
        let operands = vec![Operand::Arg(1), Operand::Work(0)];
        let places = Call::teams("filter_places", 1, operands).with_all([items, kept]);
        let copy = Call::each("filter", n, vec![from, Operand::Work(0), to]);
        let calls = vec![places.with(sources), copy.with(item)];
        Some(DeviceForm { texts: &[include_str!("filter.cu")], calls, work: items.max(kept) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{counting, pass};

    #[test]
    fn a_selector_that_is_computed_cannot_be_planned() {
        let layer = r#"layer { name: "s" type: "Power" bottom: "b" top: "s" }
            layer { name: "l" type: "Filter" bottom: "a" bottom: "s" top: "y" }"#;
        let tensors = BTreeMap::from([
            ("in.a".to_string(), counting(&[3, 2])),
            ("in.b".to_string(), counting(&[3])),
        ]);
        let why = pass(layer, &tensors).unwrap_err();
        assert!(why.contains("layer `l`"), "{why}");
    }
}
