//! Images that a program hands over.

use super::data::{Transform, batches};
use super::prelude::*;

params! {
    /// Images and labels that the surrounding program hands over, one batch a step.
    ///
    /// Tops: `batch_size x channels x height x width`, cropped, and `batch_size` labels. In training and testing they come
    /// from the safetensors file of `--tensors`: a tensor with the name of each top, `N x channels x height x width` and
    /// `N`, is served from its start to its end and again from its start.
    pub struct MemoryData {
        /// Images in a batch.
        batch_size: usize = 0,
        /// Channels of an image.
        channels: usize = 0,
        /// Rows of an image.
        height: usize = 0,
        /// Columns of an image.
        width: usize = 0,
        /// What is done to every image on its way in.
        transform: Transform = Transform::default(),
    }
}

/// The description of [`MemoryData`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(0),
    tops: Arity::exactly(2),
    in_place: InPlace::Refused,
    input: true,
    spellings: &[caffe("MemoryData", |a| {
        let p = a.section("memory_data_param");
        let [batch_size, channels, height, width] = ["batch_size", "channels", "height", "width"]
            .map(|key| {
                let extent = p.usize(key);
                p.not_zero(key, extent);
                // What a fork says by `dim` is complained about as its field.
                if p.has("dim") { extent.unwrap_or_default() } else { p.need(key, extent) }
            });
        MemoryData { batch_size, channels, height, width, transform: Transform::read(a) }.into()
    })],
    ..LayerSpec::new("MemoryData", Category::Data, MemoryData::DOCS)
};

impl LayerOps for MemoryData {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let record = Shape::from([self.channels, self.height, self.width]);
        batches(cx, &self.transform, self.batch_size, || Ok(record))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.inputs(b)
    }

    fn detail(&self) -> String {
        format!("{} x {} x {}", self.channels, self.height, self.width)
    }
}
