//! A blob's axes named by letters and put into another order.

use super::prelude::*;

params! {
    /// Puts axes that are named by letters into another order: `bhwc` into `bchw`.
    ///
    /// `b` is the axis of items; where only the result has it, it is 1. `f` in the result, where the bottom has none,
    /// is one axis of all that remain.
    pub struct AxisLetters {
        /// The axes of the bottom.
        from: String = String::new(),
        /// The axes of the top.
        to: String = String::new(),
    }
}

/// The description of [`AxisLetters`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.Convert", &["inputShape", "outputShape"], |a| {
        let (from, to) = (a.text("inputShape"), a.text("outputShape"));
        let layer = AxisLetters { from: a.need("inputShape", from), to: a.need("outputShape", to) };
        if layer.order().is_none() {
            let AxisLetters { from, to } = &layer;
            a.wrong("outputShape", format!("axes `{from}` cannot be put into the order `{to}`"));
        }
        layer.into()
    })],
    ..LayerSpec::new("AxisLetters", Category::Shape, AxisLetters::DOCS)
};

impl AxisLetters {
    /// For each axis of the top those of the bottom: one, none, or the rest.
    fn order(&self) -> Option<Vec<Vec<usize>>> {
        let from: Vec<char> = self.from.chars().collect();
        let at = |c: char| from.iter().position(|&f| f == c);
        let rest: Vec<usize> = (0..from.len()).filter(|&i| !self.to.contains(from[i])).collect();
        let mut order = vec![];
        for c in self.to.chars() {
            order.push(match at(c) {
                Some(i) => vec![i],
                None if c == 'b' => vec![],
                None if c == 'f' && !rest.is_empty() => rest.clone(),
                None => return None,
            });
        }
        let mut used: Vec<usize> = order.iter().flatten().copied().collect();
        used.sort_unstable();
        (used == (0..from.len()).collect::<Vec<_>>()).then_some(order)
    }
}

impl LayerOps for AxisLetters {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (x, from) = (cx.bottom(0), &self.from);
        if x.rank() != from.chars().count() {
            return cx.fail_bottom(0, format!("does not have the axes `{from}`: it is {x}"));
        }
        let extent = |axes: &Vec<usize>| axes.iter().map(|&i| x.dims()[i]).product();
        Ok(Signature::of(Shape(self.order().unwrap_or_default().iter().map(extent).collect())))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let order: Vec<usize> = self.order().unwrap_or_default().concat();
        let mut x = cx.bottoms[0];
        if order.iter().enumerate().any(|(i, &from)| i != from) {
            x = b.transpose(x, &order);
        }
        vec![b.view(x, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{} to {}", self.from, self.to)
    }
}
