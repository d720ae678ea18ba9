//! The data of a layer that a fork of Caffe has.

use crate::diag::Reported;
use crate::params;
use crate::program::{Builder, ValueId};
use crate::spec::{Arity, Category, Infer, LayerOps, LayerSpec, Lower, Signature};

params! {
    /// Data that a layer of a fork of Caffe would read, in ways that are not followed.
    ///
    /// The rest of the net is checked, drawn and run: shapes may be said from outside (`--shape`), and the blobs may come from
    /// elsewhere (`--tensors`).
    pub struct ForkData {
        /// Whose layer it is.
        fork: &'static str = "",
        /// Items of a batch; 0 if it is not written.
        batch: usize = 0,
    }
}

/// The description of [`ForkData`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(0),
    tops: Arity::at_least(1),
    input: true,
    ..LayerSpec::new("ForkData", Category::Data, ForkData::DOCS)
};

impl LayerOps for ForkData {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let batch = Some(self.batch).filter(|&batch| 0 < batch);
        let why = format!(
            "`{}` is a layer of {}, whose data cortado does not read; `--tensors FILE` gives its blobs",
            cx.node.type_name.value, self.fork
        );
        Ok(Signature { tops: cx.told_shapes_because(batch, Some(why))?, params: vec![] })
    }

    fn is_input(&self) -> bool {
        true
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.inputs(b)
    }
}
