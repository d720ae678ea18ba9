//! One blob added to each of several.

use super::prelude::*;

params! {
    /// Adds the first bottom to each of the others; there is a top for each of those.
    pub struct TableSum {
    }
}

/// The description of [`TableSum`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::at_least(2),
    tops: Arity::at_least(1),
    in_place: InPlace::Refused,
    spellings: &[torch("nn.CAddTensorTable", &[], |_| TableSum {}.into())],
    ..LayerSpec::new("TableSum", Category::Elementwise, TableSum::DOCS)
};

impl LayerOps for TableSum {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        cx.equal_bottoms()?;
        let (tops, others) = (cx.n_tops(), cx.bottoms.len() - 1);
        if tops != others {
            return cx.fail(&[], format!("needs a top for each bottom but the first: {others}"));
        }
        Ok(Signature { tops: cx.bottoms[1..].to_vec(), params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.bottoms[1..].iter().map(|&other| b.add(cx.bottoms[0], other)).collect()
    }
}
