//! Rows that are put where numbers say, among zeros.

use super::prelude::*;
use crate::program::Kernel;

params! {
    /// The rows of the first bottom at the places that the second one numbers from 0, among rows of zeros; rows with the same
    /// number are added. The adjoint of looking rows up: TensorFlow's `scatter_nd`.
    pub struct Scatter {
        /// How many rows the top has.
        rows: usize = 1,
    }
}

/// The description of [`Scatter`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    differentiable: 1,
    in_place: InPlace::Refused,
    ..LayerSpec::new("Scatter", Category::Shape, Scatter::DOCS)
};

impl LayerOps for Scatter {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (rows, places) = (cx.bottom(0), cx.bottom(1));
        if rows.rank() == 0 || places.dims() != &rows.dims()[..1] {
            return cx
                .fail_bottom(1, format!("must have a number for each row of {rows}: {places}"));
        }
        Ok(Signature::of(rows.with(0, self.rows)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let told = Some(cx.top(0).clone());
        b.step(Kernel::Scatter(0), &[cx.bottoms[0], cx.bottoms[1]], told)
    }

    fn detail(&self) -> String {
        format!("to {} rows", self.rows)
    }
}
