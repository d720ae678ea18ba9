//! A blob that is given from outside.

use super::prelude::*;

params! {
    /// Blobs that are given from outside: images to classify, tensors of a test.
    pub struct Input {
        /// The shape of each top; a single shape serves all of them.
        shapes: Vec<Shape> = vec![],
    }
}

/// The description of [`Input`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(0),
    tops: Arity::at_least(1),
    input: true,
    spellings: &[caffe("Input", |a| {
        let shapes = a.section("input_param").sections("shape");
        Input { shapes: shapes.iter().map(read_shape).collect() }.into()
    })],
    ..LayerSpec::new("Input", Category::Data, Input::DOCS)
};

/// Reads a `BlobShape` message.
pub(super) fn read_shape(a: &Args) -> Shape {
    let dims = a.ints("dim");
    if let Some(&negative) = dims.iter().find(|&&d| d < 0) {
        a.wrong("dim", format!("an extent cannot be {negative}"));
    }
    Shape(dims.into_iter().map(|d| usize::try_from(d).unwrap_or(0)).collect())
}

impl LayerOps for Input {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        if 1 < self.shapes.len() && self.shapes.len() != cx.n_tops() {
            let (shapes, tops) = (self.shapes.len(), cx.n_tops());
            return cx.fail(&["shape"], format!("{shapes} shapes for {tops} tops"));
        }
        let mut tops = vec![];
        for (i, top) in cx.node.tops.iter().enumerate() {
            let own = match &self.shapes[..] {
                [one] => Some(one),
                several => several.get(i),
            };
            match cx.env.shapes.get(&top.value).or(own) {
                Some(shape) => tops.push(shape.clone()),
                None => return cx.unknown_shape(&top.value),
            }
        }
        Ok(Signature { tops, params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.inputs(b)
    }
}
