//! Pairs of axes exchanged.

use super::prelude::*;

params! {
    /// Exchanges pairs of axes, one pair after the other.
    pub struct Transpose {
        /// The pairs, from 0.
        pairs: Vec<[usize; 2]> = vec![],
        /// The number of axes of an item; the axes that a bottom has more are not counted.
        item_axes: Option<usize> = None,
    }
}

const SCRIPT: &str = "
function Class:__init(...)
   Parent.__init(self)
   self.permutations = {...}
   self.exchanged = {}
   for _, pair in ipairs(self.permutations) do
      table.insert(self.exchanged, pair[1])
      table.insert(self.exchanged, pair[2])
   end
   self.numInputDims = nil
end
function Class:setNumInputDims(numInputDims)
   self.numInputDims = numInputDims
   return self
end";

/// The description of [`Transpose`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.Transpose", &["permutations"], |a| {
        let mut pairs = vec![];
        for pair in a.ints("exchanged").chunks(2) {
            match pair[..] {
                [from, to] if 0 < from && 0 < to => {
                    pairs.push([from as usize - 1, to as usize - 1]);
                }
                _ => a.wrong("permutations", "each permutation is a pair of dimensions, from 1"),
            }
        }
        Transpose { pairs, item_axes: a.usize("numInputDims") }.into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("Transpose", Category::Shape, Transpose::DOCS)
};

impl Transpose {
    /// For each axis of the top the axis of the bottom, if all exist.
    fn order(&self, rank: usize) -> Option<Vec<usize>> {
        let batch = rank.checked_sub(self.item_axes.unwrap_or(rank))?;
        let mut order: Vec<usize> = (0..rank).collect();
        for &[from, to] in &self.pairs {
            if rank <= from.max(to).checked_add(batch)? {
                return None;
            }
            order.swap(from + batch, to + batch);
        }
        Some(order)
    }
}

impl LayerOps for Transpose {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        match self.order(x.rank()) {
            Some(order) => Ok(Signature::of(Shape(order.iter().map(|&i| x.dims()[i]).collect()))),
            None => {
                let detail = self.detail();
                cx.fail_bottom(0, format!("has not the dimensions to exchange ({detail}): {x}"))
            }
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let order = self.order(cx.top(0).rank()).unwrap_or_default();
        if order.iter().enumerate().all(|(i, &from)| i == from) {
            return vec![cx.bottoms[0]];
        }
        vec![b.transpose(cx.bottoms[0], &order)]
    }

    fn detail(&self) -> String {
        let pair = |[from, to]: &[usize; 2]| format!("{} and {}", from + 1, to + 1);
        self.pairs.iter().map(pair).collect::<Vec<_>>().join(", ")
    }
}
