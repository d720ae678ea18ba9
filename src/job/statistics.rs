//! What every layer of a net holds and gives for one image, with the figures that DIGITS shows of it.

use petgraph::graph::NodeIndex;

use super::inference::{Inference, Outputs};
use crate::error::Result;
use crate::ir::Port;
use crate::plan::Slot;
use crate::program::VarId;
use crate::ty::Shape;
use crate::weights::{Arrangement, Blob};

/// Bins of a histogram, as many as DIGITS has.
const BINS: usize = 20;

/// Numbers about numbers. Those that are not finite are counted and left out of everything else.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// How many there are, all counted.
    pub count: usize,
    /// How many are NaN or infinite.
    pub not_finite: usize,
    /// Their mean; NaN if there are none.
    pub mean: f64,
    /// Their standard deviation, by their number.
    pub deviation: f64,
    /// The smallest.
    pub min: f32,
    /// The largest.
    pub max: f32,
    /// How many are in each of 20 bins of equal width.
    pub counts: Vec<u64>,
    /// Where the first bin begins and the last one ends: the smallest and the largest, or 0.5 around a single value, as NumPy
    /// has it.
    pub range: [f64; 2],
}

impl Figures {
    /// Those of some numbers.
    pub fn of(values: &[f32]) -> Self {
        let finite = || values.iter().copied().filter(|x| x.is_finite());
        let (mut found, mut sum) = (0usize, 0.0);
        let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
        for x in finite() {
            (found, sum) = (found + 1, sum + f64::from(x));
            (min, max) = (min.min(x), max.max(x));
        }
        let [count, not_finite] = [values.len(), values.len() - found];
        let mut counts = vec![0; BINS];
        if found == 0 {
            let (mean, deviation, min, max) = (f64::NAN, f64::NAN, f32::NAN, f32::NAN);
            let range = [f64::NAN; 2];
            return Figures { count, not_finite, mean, deviation, min, max, counts, range };
        }
        let mean = sum / found as f64;
        let around = if min < max { 0.0 } else { 0.5 };
        let range = [f64::from(min) - around, f64::from(max) + around];
        let width = range[1] - range[0];
        let mut squares = 0.0;
        for x in finite().map(f64::from) {
            squares += (x - mean).powi(2);
            counts[(((x - range[0]) * BINS as f64 / width) as usize).min(BINS - 1)] += 1;
        }
        let deviation = (squares / found as f64).sqrt();
        Figures { count, not_finite, mean, deviation, min, max, counts, range }
    }
}

/// A layer with what it holds and gives.
#[derive(Clone, Debug)]
pub struct Holdings {
    /// Its name.
    pub layer: String,
    /// Its type as the definition writes it.
    pub kind: String,
    /// Its parameters, then its tops.
    pub arrays: Vec<Array>,
}

/// A parameter of a layer, or what it gives for the image.
#[derive(Clone, Debug)]
pub struct Array {
    /// `weight`, or the name of the blob.
    pub name: String,
    /// What it is.
    pub what: What,
    /// Its extents as the definition's people know them, without the axis of records.
    pub shape: Vec<usize>,
    /// The extents of its values: channels of images and inputs of filters come first.
    pub extents: Vec<usize>,
    slot: Slot,
    len: usize,
    arrangement: Arrangement,
}

/// What an array is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A parameter of its layer.
    Parameter {
        /// Whether a solver changes it, rather than the layer itself.
        learned: bool,
        /// The layer that has it, if this one uses what belongs to another.
        owner: Option<String>,
    },
    /// What the net takes.
    Input,
    /// What a layer computes.
    Activation,
}

impl Inference {
    /// The outputs for a prepared image, with all that layers compute to be read afterwards, of a net that was opened to be
    /// watched.
    ///
    /// # Errors
    /// Those of [`run`](Self::run).
    pub fn run_watched(&mut self, image: &[f32]) -> Result<Outputs> {
        Ok(self.run(&vec![image.to_vec(); self.batch()])?.swap_remove(0))
    }

    /// The number of values that a solver changes, shared ones counted once.
    pub fn parameters(&self) -> usize {
        self.machine.typed.parameter_count()
    }

    /// The name of the net; may be empty.
    pub fn name(&self) -> &str {
        &self.machine.typed.net.name
    }

    /// The layers, in their order, that hold or give anything, after a run.
    ///
    /// # Panics
    /// The net is not watched, so that what it has computed is gone.
    pub fn holdings(&mut self) -> Vec<Holdings> {
        let indices: Vec<_> = self.machine.typed.net.graph.node_indices().collect();
        let mut all = vec![];
        for index in indices {
            let typed = &self.machine.typed;
            let node = &typed.net.graph[index];
            let (layer, kind) = (node.name.value.clone(), node.type_name.value.clone());
            let (tops, count) = (node.tops.len(), typed.node_variables[index.index()].len());
            let mut arrays: Vec<Array> =
                (0..count).filter_map(|at| self.parameter(index, at)).collect();
            for top in 0..tops {
                arrays.push(self.activation(Port { node: index, top }));
            }
            if !arrays.is_empty() {
                all.push(Holdings { layer, kind, arrays });
            }
        }
        all
    }

    /// The values of an array after that run.
    pub fn values(&mut self, array: &Array) -> Vec<f32> {
        let mut data = self.machine.session.read(array.slot);
        data.truncate(array.len);
        if array.arrangement == Arrangement::Plain {
            return data;
        }
        array.arrangement.to_filters(Blob { shape: array.shape.clone(), data }).data
    }

    fn parameter(&self, node: NodeIndex, at: usize) -> Option<Array> {
        let machine = &self.machine;
        let VarId(var) = machine.typed.node_variables[node.index()][at];
        let variable = &machine.typed.variables[var as usize];
        if variable.private {
            return None;
        }
        let owner = variable.users.first().filter(|first| **first != (node, at));
        let owner = owner.map(|(owner, _)| machine.typed.net.graph[*owner].name.value.clone());
        // Matrices are drawn as they lie: to turn large ones round takes longer than all the rest.
        let arrangement = match variable.shape.rank() {
            4 => Arrangement::of(&machine.typed, node, at),
            _ => Arrangement::Plain,
        };
        Some(Array {
            name: variable.role.to_owned(),
            what: What::Parameter { learned: variable.learned, owner },
            shape: variable.shape.0.clone(),
            extents: arrangement.filters_shape(&variable.shape),
            slot: machine.place(var as usize),
            len: variable.shape.count(),
            arrangement,
        })
    }

    fn activation(&mut self, port: Port) -> Array {
        let batch = self.batch();
        let machine = &mut self.machine;
        let typed = &machine.typed;
        let name = typed.net.blob(port).to_owned();
        let is_input = typed.net.graph[port.node].layer.is_input();
        let what = if is_input { What::Input } else { What::Activation };
        let v = machine.planned.blobs[port.node.index()][port.top];
        let slot = machine.planned.plan.slot(v);
        let extents = machine.planned.plan.program.shape(v).clone();
        let shape = typed.seen(port).unwrap_or_else(|| extents.clone());
        // All records are the same image, so what has a row for each has equal rows.
        let values = machine.session.read(slot);
        let rows = values.len() / batch;
        let equal = |row: &[f32]| row.iter().zip(&values).all(|(a, b)| a.to_bits() == b.to_bits());
        let by_record =
            extents.dims().first() == Some(&batch) && values.chunks(rows.max(1)).all(equal);
        let of_one = |shape: Shape| if by_record { shape.0[1..].to_vec() } else { shape.0 };
        let len = if by_record { rows } else { values.len() };
        let (shape, extents) = (of_one(shape), of_one(extents));
        Array { name, what, shape, extents, slot, len, arrangement: Arrangement::Plain }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean, deviation, range and counts as `numpy.mean`, `std` and `histogram(bins=20)` give them in double precision, of what
    /// `isfinite` leaves.
    #[test]
    fn figures_are_those_of_numpy() {
        let check = |values: &[f32],
                     [mean, deviation, from, to]: [f64; 4],
                     full: &[(usize, u64)]| {
            let figures = Figures::of(values);
            assert!(
                (figures.mean - mean).abs() < 1e-15
                    && (figures.deviation - deviation).abs() < 1e-15
            );
            let counts = (0..20).map(|bin| full.iter().find(|f| f.0 == bin).map_or(0, |f| f.1));
            assert_eq!((figures.range, figures.counts), ([from, to], counts.collect::<Vec<_>>()));
            (figures.count, figures.not_finite, figures.min, figures.max)
        };
        let some = [1.5, -2.0, 0.25, 7.0, 7.0, 3.75, -0.5, 1.0];
        let bins = [(0, 1), (3, 1), (5, 1), (6, 1), (7, 1), (12, 1), (19, 2)];
        assert_eq!(check(&some, [2.25, 3.144936406352281, -2.0, 7.0], &bins), (8, 0, -2.0, 7.0));
        assert_eq!(check(&[4.0; 3], [4.0, 0.0, 3.5, 4.5], &[(10, 3)]), (3, 0, 4.0, 4.0));
        let odd = [1.0, f32::NAN, 3.0, f32::INFINITY, 2.5];
        let numbers = [2.1666666666666665, 0.8498365855987975, 1.0, 3.0];
        assert_eq!(check(&odd, numbers, &[(0, 1), (15, 1), (19, 1)]), (5, 2, 1.0, 3.0));
        let none = Figures::of(&[f32::NAN]);
        assert!(none.mean.is_nan() && none.counts == [0; 20] && none.not_finite == 1);
    }
}
