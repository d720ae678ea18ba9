//! Sums, means and extrema over axes.

use super::layout::plain_order;
use super::{Fault, Graph, Kind, Outcome, Source, Tensor};
use crate::layers::extremum::Extremum;
use crate::layers::pooling::{Method, Pooling};
use crate::layers::reduction::{self, Reduce};

/// What is made of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Reduction {
    Sum,
    Mean,
    Largest,
    Smallest,
}

impl Reduction {
    fn name(self) -> &'static str {
        match self {
            Reduction::Sum => "Sum",
            Reduction::Mean => "Mean",
            Reduction::Largest => "Max",
            Reduction::Smallest => "Min",
        }
    }
}

impl Graph {
    /// `tf.reduce_sum` and its relatives, over these axes, or over all.
    ///
    /// # Errors
    /// There is no such axis.
    pub fn reduce(
        &mut self,
        x: &Tensor,
        what: Reduction,
        axes: Option<&[i64]>,
        keep: bool,
        name: Option<&str>,
    ) -> Outcome<Tensor> {
        let (name, told) = (name.unwrap_or(what.name()), axes);
        let mut axes = match axes {
            None => plain_order(x.rank()),
            Some(axes) => axes.iter().map(|&axis| x.axis(axis)).collect::<Outcome<_>>()?,
        };
        axes.sort_unstable();
        if let Some(twice) = axes.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Fault::new(format!("axis {} is named twice", twice[0])));
        }
        let kept: Vec<i64> = (0..x.rank())
            .filter(|axis| keep || !axes.contains(axis))
            .map(|axis| if axes.contains(&axis) { 1 } else { x.dims[axis] as i64 })
            .collect();
        if axes.iter().any(|&axis| x.dims[axis] == 0) {
            return Err(Fault::new("there is nothing to reduce in an axis of extent 0"));
        }
        let reduced: usize = axes.iter().map(|&axis| x.dims[axis]).product();
        if let Some(value) = x.uniform() {
            let value = match what {
                Reduction::Sum => value * reduced as f64,
                Reduction::Mean if x.kind != Kind::Float => value.trunc(),
                _ => value,
            };
            let dims = kept.iter().map(|&extent| extent as usize).collect();
            return Ok(Tensor { source: Source::Uniform(value), dims, ..x.clone() });
        }
        if axes.is_empty() {
            return Ok(x.clone());
        }
        if what == Reduction::Mean && x.kind == Kind::Int {
            // The mean of whole numbers is one: their sum divided without the remainder.
            let sum = self.reduce(x, Reduction::Sum, told, keep, Some(name))?;
            let mean = self.scaled(&sum, "Mean", 1.0 / reduced as f64)?;
            return self.cast(&Tensor { kind: Kind::Float, ..mean }, Kind::Int);
        }
        let images = x.rank() == 4 && axes == [1, 2] && what == Reduction::Mean;
        if images {
            let blob = self.image(x)?;
            let layer = Pooling { method: Method::Ave, global: true, ..Pooling::default() };
            let top = self.push(name, layer, &[&blob], &[])?;
            let pooled = self.image_tensor(top);
            return self.reshape(&pooled, &kept);
        }
        // The axes that go are the last ones of the blob.
        let (blob, order) = self.blob(x)?;
        let gone: Vec<usize> = axes.iter().map(|&axis| order[axis]).collect();
        let stay = x.rank() - axes.len();
        let (blob, order) = if axes.len() == x.rank() || gone.iter().all(|&axis| stay <= axis) {
            (blob, order)
        } else {
            let stays = (0..x.rank()).filter(|axis| !axes.contains(axis));
            let lying: Vec<usize> = stays.chain(axes.iter().copied()).collect();
            let mut order = vec![0; x.rank()];
            for (place, &axis) in lying.iter().enumerate() {
                order[axis] = place;
            }
            (self.arranged(x, &order)?, order)
        };
        let rest: Vec<usize> =
            (0..x.rank()).filter(|axis| !axes.contains(axis)).map(|axis| order[axis]).collect();
        let kind = x.kind;
        let top = match what {
            Reduction::Sum | Reduction::Mean => {
                let operation = if what == Reduction::Sum { Reduce::Sum } else { Reduce::Mean };
                let layer = reduction::Reduction { operation, axis: stay as i64, coeff: 1.0 };
                self.push(name, layer, &[&blob], &[])?
            }
            Reduction::Largest | Reduction::Smallest => {
                let mut dims: Vec<usize> = self.shape(&blob).dims()[..stay].to_vec();
                dims.push(reduced);
                let rows = self.shaped(&blob, &dims.into())?;
                let smallest = what == Reduction::Smallest;
                let layer = Extremum { axis: -1, item_axes: None, smallest, shared: true };
                let top = self.push(name, layer, &[&rows], &[])?;
                match stay {
                    0 => self.shaped(&top, &crate::ty::Shape::scalar())?,
                    _ => top,
                }
            }
        };
        let result = self.tensor(top, rest, kind);
        if keep { self.reshape(&result, &kept) } else { Ok(result) }
    }
}
