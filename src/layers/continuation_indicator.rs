//! Says of every step of a batch of sequences whether it goes on with the one before.

use super::prelude::*;

params! {
    /// `T x N`: 0 for the first step of every sequence and 1 for all others, as the recurrent layers want it for sequences that
    /// all begin with the batch.
    ///
    /// A layer of the forks of Caffe for recognising text. With a bottom, the batch is its first extent.
    pub struct ContinuationIndicator {
        /// Steps of a sequence, T.
        time_step: usize = 0,
        /// Sequences in a batch, N; 0 takes the first extent of the bottom.
        batch_size: usize = 0,
    }
}

/// The description of [`ContinuationIndicator`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(0, 1),
    differentiable: 0,
    in_place: InPlace::Refused,
    spellings: &[caffe("ContinuationIndicator", |a| {
        let p = a.section("continuation_indicator_param");
        let (steps, batch) = (p.usize("time_step"), p.usize("batch_size"));
        p.not_zero("time_step", steps);
        let batch = if a.has("bottom") { batch } else { Some(p.need("batch_size", batch)) };
        if batch == Some(0) && p.has("batch_size") {
            p.wrong("batch_size", "`batch_size` must not be 0");
        }
        ContinuationIndicator {
            time_step: p.need("time_step", steps),
            batch_size: batch.unwrap_or(0),
        }
        .into()
    })],
    ..LayerSpec::new("ContinuationIndicator", Category::Recurrent, ContinuationIndicator::DOCS)
};

impl LayerOps for ContinuationIndicator {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let batch = match (self.batch_size, cx.bottoms.first()) {
            (0, Some(shape)) if shape.rank() == 0 => {
                return cx.fail_bottom(0, "a scalar has no batch axis");
            }
            (0, Some(shape)) => shape.dims()[0],
            (given, _) => given,
        };
        Ok(Signature::of([self.time_step, batch].into()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let [steps, batch] = [cx.top(0).dims()[0], cx.top(0).dims()[1]];
        let first = b.fill(0.0, Shape::from([1, batch]));
        if steps == 1 {
            return vec![first];
        }
        let others = b.fill(1.0, Shape::from([steps - 1, batch]));
        vec![b.concat(&[first, others], 0)]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{counting, pass};

    #[test]
    fn the_first_step_begins_every_sequence() {
        let layer = "layer { name: 'l' type: 'ContinuationIndicator' top: 'y'
            continuation_indicator_param { time_step: 3 batch_size: 2 } }";
        let given = BTreeMap::from([("in.a".to_string(), counting(&[3, 1, 4, 2]))]);
        let y = |layer: &str| {
            let y = pass(layer, &given).unwrap().remove("out.y").unwrap();
            (y.shape, y.data)
        };
        assert_eq!(y(layer), (vec![3, 2], vec![0.0, 0.0, 1.0, 1.0, 1.0, 1.0]));
        let layer = "layer { name: 'l' type: 'ContinuationIndicator' bottom: 'a' top: 'y'
            continuation_indicator_param { time_step: 2 } }";
        assert_eq!(y(layer), (vec![2, 3], vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0]));
        assert_eq!(y(&layer.replace("time_step: 2", "time_step: 1")), (vec![1, 3], vec![0.0; 3]));
    }
}
