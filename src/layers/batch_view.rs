//! The items of a batch in another shape.

use super::prelude::*;
use crate::ty::product;

/// How it is found out whether the bottom is a batch of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchRule {
    /// Items have this many axes, all that are before are batches. If not given, it is a batch if it has more elements
    /// than one item, and never if an extent is inferred. (Torch's View.)
    Axes(Option<usize>),
    /// Whether the first axis is one of items; if not given, it is unless there are just the elements of one item and
    /// the first extent is not 1. (Torch's Reshape.)
    First(Option<bool>),
}

params! {
    /// The same elements in another shape, or in a batch of items of that shape.
    pub struct BatchView {
        /// The extents of an item; one may be -1 and is chosen so that the count stays.
        dims: Vec<i64> = vec![],
        /// What is a batch.
        rule: BatchRule = BatchRule::Axes(None),
    }
}

const VIEW: &str = "
local function declare(self, level, ...)
   local first = ...
   if select('#', ...) == 1 and torch.typename(first) == 'torch.LongStorage' then
      self.size = first
   else
      self.size = torch.LongStorage({...})
   end
   self.numElements = 1
   local inferred = false
   for i = 1, self.size:size() do
      local extent = self.size[i]
      if extent >= 0 then
         self.numElements = self.numElements * extent
      elseif extent ~= -1 then
         error('nn.View: an extent must be positive or -1, not ' .. extent, level + 1)
      elseif inferred then
         error('nn.View: only one dimension can be -1', level + 1)
      else
         inferred = true
      end
   end
end
function Class:__init(...)
   Parent.__init(self)
   declare(self, 3, ...)
   self.numInputDims = nil
end
function Class:resetSize(...)
   declare(self, 2, ...)
   return self
end
function Class:setNumInputDims(numInputDims)
   self.numInputDims = numInputDims
   return self
end
function Class:__tostring__()
   local extents = {}
   for i = 1, self.size:size() do extents[i] = tostring(self.size[i]) end
   return torch.type(self) .. '(' .. table.concat(extents, ', ') .. ')'
end";

const RESHAPE: &str = "
function Class:__init(...)
   Parent.__init(self)
   local extents, n = {...}, select('#', ...)
   if n > 0 and type(extents[n]) == 'boolean' then
      self.batchMode = extents[n]
      extents[n] = nil
      n = n - 1
   end
   if n == 1 and torch.typename(extents[1]) == 'torch.LongStorage' then
      local storage = extents[1]
      for i = 1, storage:size() do extents[i] = storage[i] end
   elseif n == 1 and type(extents[1]) == 'table' then
      extents = extents[1]
   end
   local batch = {1}
   self.nelement = 1
   for i, extent in ipairs(extents) do
      if type(extent) ~= 'number' then
         error('nn.Reshape: an extent must be a number, not ' .. torch.type(extent), 3)
      end
      self.nelement = self.nelement * extent
      batch[i + 1] = extent
   end
   self.size = torch.LongStorage(extents)
   self.batchsize = torch.LongStorage(batch)
end
function Class:__tostring__()
   local extents = {}
   for i = 1, self.size:size() do extents[i] = tostring(self.size[i]) end
   return torch.type(self) .. '(' .. table.concat(extents, 'x') .. ')'
end";

/// The description of [`BatchView`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[
        torch("nn.View", &["size"], |a| {
            let rule = BatchRule::Axes(a.usize("numInputDims"));
            BatchView { dims: a.ints("size"), rule }.into()
        })
        .script(VIEW),
        torch("nn.Reshape", &["size"], |a| {
            let rule = BatchRule::First(a.bool("batchMode"));
            BatchView { dims: a.ints("size"), rule }.into()
        })
        .script(RESHAPE),
    ],
    ..LayerSpec::new("BatchView", Category::Shape, BatchView::DOCS)
};

impl BatchView {
    /// The extents told, `7` or `2 x -1`.
    fn told(&self) -> String {
        let dims: Vec<String> = self.dims.iter().map(i64::to_string).collect();
        dims.join(" x ")
    }

    /// The extent of the axis of items, if there is one; none if the elements do not suit.
    fn batch(&self, x: &Shape) -> Option<Option<usize>> {
        let told = product(self.dims.iter().filter_map(|&d| usize::try_from(d).ok()))?;
        let inferred = self.dims.contains(&-1);
        match self.rule {
            BatchRule::Axes(item_axes) => {
                let first = x.rank().checked_sub(item_axes.unwrap_or(x.rank()))?;
                let item = x.count_of(first..x.rank());
                if told == 0 || !item.is_multiple_of(told) {
                    return None;
                }
                let items = if inferred { 1 } else { item / told } * x.count_of(0..first);
                Some((items != 1 || item_axes.is_some_and(|n| n < x.rank())).then_some(items))
            }
            BatchRule::First(batch) => {
                let items = x.dims().first().copied().unwrap_or(1);
                let fits = !inferred && told == x.count() && items != 1;
                Some(batch.unwrap_or(!fits).then_some(items))
            }
        }
    }

    /// The top's shape, if the elements suit.
    fn top(&self, x: &Shape) -> Option<Shape> {
        let mut dims: Vec<usize> = self.batch(x)?.into_iter().collect();
        let mut inferred = None;
        for &dim in &self.dims {
            if dim < 0 {
                inferred = Some(dims.len());
            }
            dims.push(usize::try_from(dim).unwrap_or(1));
        }
        let mut top = Shape(dims);
        if let Some(axis) = inferred {
            let told = top.checked_count().filter(|&n| 0 < n)?;
            top.0[axis] = x.count() / told;
        }
        (top.checked_count() == Some(x.count())).then_some(top)
    }
}

impl LayerOps for BatchView {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        if let Some(top) = self.top(x) {
            return Ok(Signature::of(top));
        }
        if let BatchRule::Axes(Some(n)) = self.rule
            && x.rank() < n
        {
            return cx.fail_bottom(0, format!("has fewer than the {n} dimensions of an item, {x}"));
        }
        let told = self.told();
        cx.fail_bottom(0, format!("cannot be seen as {told}, or as a batch of that: it is {x}"))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.reshaped(b)
    }

    fn detail(&self) -> String {
        format!("to {}", self.told())
    }
}
