//! Blobs full of constants or random numbers.

use super::input::read_shape;
use super::prelude::*;
use crate::program::Distribution;

params! {
    /// Blobs that need no data: constants, or random numbers that are drawn anew in every pass.
    ///
    /// For timing a net and for noise.
    pub struct DummyData {
        /// The shape of each top; a single shape serves all of them.
        shapes: Vec<Shape> = vec![],
        /// What each top is filled with; a single filler serves all of them, none means zeros.
        fillers: Vec<Filler> = vec![],
    }
}

/// The description of [`DummyData`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(0),
    tops: Arity::at_least(1),
    in_place: InPlace::Refused,
    spellings: &[caffe("DummyData", |a| {
        let p = a.section("dummy_data_param");
        let mut shapes: Vec<Shape> = p.sections("shape").iter().map(read_shape).collect();
        let legacy = read_legacy_shapes(&p);
        if !shapes.is_empty() && !legacy.is_empty() {
            p.wrong("num", "`shape` and `num`, `channels`, `height`, `width` exclude each other");
        }
        shapes.extend(legacy);
        let fillers = p.sections("data_filler").iter().map(Filler::read).collect();
        DummyData { shapes, fillers }.into()
    })],
    ..LayerSpec::new("DummyData", Category::Data, DummyData::DOCS)
};

/// Shapes by `num`, `channels`, `height` and `width`, each given once for all tops or once for each.
fn read_legacy_shapes(p: &Args) -> Vec<Shape> {
    let keys = ["num", "channels", "height", "width"];
    let extents = keys.map(|key| p.usizes(key));
    let count = extents.iter().map(Vec::len).max().unwrap_or(0);
    for (key, extents) in keys.iter().zip(&extents) {
        if extents.is_empty() && 0 < count {
            p.wrong(key, format!("`{key}` is missing beside the other extents"));
            return vec![];
        }
        if extents.len() != count && extents.len() != 1 {
            let message = format!("`{key}` is given {} times, not 1 or {count}", extents.len());
            p.wrong(key, message);
            return vec![];
        }
    }
    let extent = |e: &Vec<usize>, i: usize| e.get(i).or(e.first()).copied().unwrap_or(0);
    (0..count).map(|i| Shape(extents.iter().map(|e| extent(e, i)).collect())).collect()
}

impl DummyData {
    /// The filler of top `i`.
    fn filler(&self, i: usize) -> Filler {
        let filler = self.fillers.get(i).or(self.fillers.first());
        filler.copied().unwrap_or(Filler::Constant(0.0))
    }
}

impl LayerOps for DummyData {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let n = cx.n_tops();
        if self.shapes.len() != 1 && self.shapes.len() != n {
            let message = format!("{} shapes for {n} tops; give 1 or {n}", self.shapes.len());
            return cx.fail(&["shape", "num", "dummy_data_param"], message);
        }
        if 1 < self.fillers.len() && self.fillers.len() != n {
            let message = format!("{} fillers for {n} tops; give 1 or {n}", self.fillers.len());
            return cx.fail(&["data_filler"], message);
        }
        let shape = |i| self.shapes.get(i).or(self.shapes.first()).cloned().unwrap_or_default();
        let tops: Vec<Shape> = (0..n).map(shape).collect();
        let fixed = tops.iter().enumerate().filter(|(i, _)| self.filler(*i) == Filler::Bilinear);
        let params = fixed
            .map(|(_, shape)| ParamDecl::private("data", shape.clone(), Filler::Bilinear))
            .collect();
        Ok(Signature { tops, params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let mut fixed = cx.params.iter().copied();
        let mut tops = vec![];
        for (i, shape) in cx.signature.tops.iter().enumerate() {
            let top = match self.filler(i) {
                Filler::Bilinear => fixed.next(),
                filler => Some(draw(b, filler, shape)),
            };
            tops.extend(top);
        }
        tops
    }
}

/// A blob filled in every pass.
fn draw(b: &mut Builder, filler: Filler, shape: &Shape) -> ValueId {
    match filler {
        Filler::Constant(value) => b.fill(value, shape.clone()),
        Filler::Uniform(min, max) => {
            let u = b.random(Distribution::Uniform, shape.clone());
            b.map(&[u], &(arg(0) * (max - min) + min))
        }
        Filler::Gaussian { mean, std, sparse } => {
            let x = b.random(Distribution::Normal, shape.clone());
            let value = arg(0) * std + mean;
            let Some(inputs) = sparse else { return b.map(&[x], &value) };
            let rows = shape.dims().first().copied().unwrap_or(1).max(1);
            let kept = inputs as f64 / rows as f64;
            let u = b.random(Distribution::Uniform, shape.clone());
            b.map(&[x, u], &select(arg(1).lt(kept), value, constant(0.0)))
        }
        Filler::PositiveUnitball => {
            let u = b.random(Distribution::Uniform, shape.clone());
            let axes: Vec<usize> = (1..shape.rank()).collect();
            let sum = b.sum(u, &axes);
            b.map(&[u, sum], &(arg(0) / arg(1)))
        }
        Filler::GaussianUnitball => {
            let x = b.random(Distribution::Normal, shape.clone());
            let axes: Vec<usize> = (1..shape.rank()).collect();
            let squares = b.map(&[x], &arg(0).squared());
            let sum = b.sum(squares, &axes);
            b.map(&[x, sum], &(arg(0) / (arg(1) + 1e-12).sqrt()))
        }
        Filler::Unset | Filler::Xavier(_) | Filler::Msra(_) | Filler::MsraLeaky(..) => {
            draw(b, filler.for_shape(shape), shape)
        }
        Filler::Bilinear => unreachable!("it is the same in every pass, so it is a parameter"),
        Filler::TruncatedNormal { .. } | Filler::Orthogonal(_) => {
            unreachable!("no `FillerParameter` names it")
        }
    }
}
