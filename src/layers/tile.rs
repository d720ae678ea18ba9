//! Repeats a blob along an axis.

use super::prelude::*;

params! {
    /// Copies of a blob one after the other along an axis.
    pub struct Tile {
        /// The axis; -1 is the last.
        axis: i64 = 1,
        /// Number of copies.
        tiles: usize = 0,
    }
}

/// The description of [`Tile`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Garbled,
    spellings: &[caffe("Tile", |a| {
        let p = a.section("tile_param");
        let tiles = p.usize("tiles");
        Tile { axis: p.int("axis").unwrap_or(1), tiles: p.need("tiles", tiles) }.into()
    })],
    ..LayerSpec::new("Tile", Category::Shape, Tile::DOCS)
};

impl LayerOps for Tile {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = cx.axis(0, self.axis)?;
        cx.not_zero("tiles", self.tiles)?;
        let shape = cx.bottom(0);
        Ok(Signature::of(shape.with(axis, shape.dims()[axis].saturating_mul(self.tiles))))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let axis = shape.axis(self.axis).unwrap_or(0);
        let (outer, inner) = (shape.count_of(0..axis), shape.count_of(axis..shape.rank()));
        let x = b.view(cx.bottoms[0], [outer, 1, inner]);
        let y = b.repeat(x, [outer, self.tiles, inner]);
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{} times along axis {}", self.tiles, self.axis)
    }
}
