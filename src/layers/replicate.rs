//! A blob several times, along a new axis.

use super::prelude::*;

params! {
    /// Repeats the bottom along a new axis.
    pub struct Replicate {
        /// How often.
        times: usize = 1,
        /// Where the new axis is then, from 0.
        axis: usize = 0,
        /// The number of axes of an item: a bottom with more is a batch, whose axis of items is not counted.
        item_axes: Option<usize> = None,
    }
}

const SCRIPT: &str = "
function Class:__init(nfeatures, dim, ndim)
   Parent.__init(self)
   self.nfeatures = nfeatures
   self.dim = dim or 1
   self.ndim = ndim
   if self.dim <= 0 then error('nn.Replicate: the dimension must be positive', 3) end
end";

/// The description of [`Replicate`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.Replicate", &["nfeatures", "dim", "ndim"], |a| {
        let (times, dimension) = (a.usize("nfeatures"), a.usize("dim").unwrap_or(1));
        let times = a.need("nfeatures", times);
        if times == 0 {
            a.wrong("nfeatures", "`nfeatures` must be 1 or more");
        }
        let axis = dimension.saturating_sub(1);
        Replicate { times, axis, item_axes: a.usize("ndim") }.into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("Replicate", Category::Shape, Replicate::DOCS)
};

impl Replicate {
    fn place(&self, rank: usize) -> usize {
        self.axis + usize::from(self.item_axes.is_some_and(|n| n < rank))
    }
}

impl LayerOps for Replicate {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        let place = self.place(x.rank());
        if x.rank() < place {
            let dimension = place + 1;
            return cx.fail_bottom(0, format!("has no place {dimension} for a new dimension: {x}"));
        }
        let mut dims = x.dims().to_vec();
        dims.insert(place, self.times);
        let top = Shape(dims);
        if top.checked_count().is_none() {
            return cx
                .fail(&["nfeatures"], format!("{} times {x} are too many elements", self.times));
        }
        Ok(Signature::of(top))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let place = self.place(b.shape(x).rank());
        let one = b.view(x, cx.top(0).with(place, 1));
        if self.times == 1 {
            return vec![one];
        }
        vec![b.repeat(one, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{} times", self.times)
    }
}
