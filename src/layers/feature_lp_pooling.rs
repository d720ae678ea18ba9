//! The p-norm of windows of neighbouring features.

use super::lua::count;
use super::prelude::*;
use crate::window::{Axis, Pool, Rounding};

params! {
    /// (Σ x^p)^(1/p) over sliding windows of features, which are the first axis or, with a batch, the second.
    pub struct FeatureLpPooling {
        /// Extent of the window in features.
        width: usize = 0,
        /// Step between windows.
        stride: usize = 1,
        /// The exponent.
        power: f64 = 2.0,
        /// Whether the first axis is a batch.
        batched: bool = false,
    }
}

/// The description of [`FeatureLpPooling`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.FeatureLPPooling", &["width", "stride", "power", "batch_mode"], |a| {
        FeatureLpPooling::read(a).into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("FeatureLpPooling", Category::Pooling, FeatureLpPooling::DOCS)
};

const SCRIPT: &str = r#"
function Class:__init(width, stride, power, batch_mode)
   Parent.__init(self)
   if not width or width < 2 or width > 16 then
      error('width must be from 2 to 16', 3)
   end
   if not stride or stride < 1 or stride > 4 then
      error('stride must be from 1 to 4', 3)
   end
   if not power or power < 1 then
      error('power must be from 1', 3)
   end
   self.width, self.stride, self.power = width, stride, power
   self.batch_mode = batch_mode
end
function Class:__tostring__()
   return string.format('%s(w/s: %d/%d, power: %s, batch: %s)', torch.type(self), self.width,
      self.stride, tostring(self.power), tostring(self.batch_mode or false))
end
"#;

impl FeatureLpPooling {
    fn read(a: &Args) -> Self {
        FeatureLpPooling {
            width: count(a, "width"),
            stride: count(a, "stride"),
            power: a.float("power").unwrap_or(2.0),
            batched: a.bool("batch_mode").unwrap_or(false),
        }
    }

    fn axis(&self) -> Axis {
        Axis::new(self.width, self.stride, 0)
    }
}

impl LayerOps for FeatureLpPooling {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (shape, axis) = (cx.bottom(0), usize::from(self.batched));
        if !(1..=3).contains(&(shape.rank().saturating_sub(axis))) {
            let batch = if self.batched { " after the batch" } else { "" };
            return cx.fail_bottom(0, format!("needs 1 to 3 axes{batch}"));
        }
        let features = shape.dims()[axis];
        match self.axis().convolved(features) {
            Some(windows) => Ok(Signature::of(shape.with(axis, windows))),
            None => cx.fail_window(features, 0, self.width, 0, 1),
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let axis = usize::from(self.batched);
        let rest = shape.count_of(axis + 1..shape.rank());
        let images = [1, shape.count_of(0..axis), shape.dims()[axis], rest];
        let x = b.view(cx.bottoms[0], images);
        let power = if self.power == 2.0 { arg(0).squared() } else { arg(0).pow(self.power) };
        let powers = b.map(&[x], &power);
        let axes = [self.axis(), Axis::new(1, 1, 0)];
        let mean = b.ave_pool(powers, Pool { axes, rounding: Rounding::Floor, count_pad: true });
        let sum = arg(0) * self.width as f64;
        let (root, others) = match self.power {
            2.0 => (sum.sqrt(), arg(0)),
            power => (sum.pow(1.0 / power), arg(0).pow(power - 1.0)),
        };
        // Where all features are 0 they have no gradient.
        let slope = constant(self.width as f64 / self.power) / others;
        let y = b.activation(mean, &root, &select(arg(0).equals(0.0), 0.0, slope));
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{}-norm of {} features", self.power, self.width)
    }
}
