//! Parts of tensors, and tensors put together.

use super::layout::plain_order;
use super::{Fault, Graph, Kind, MOST_PARTS, Outcome, Source, Tensor, shown};
use crate::layers::concat::Concat;
use crate::layers::embed::Embed;
use crate::layers::narrow::Narrow;
use crate::layers::padding;
use crate::layers::pick::Pick;
use crate::layers::tile::Tile;

/// What is put around a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Border {
    /// One number.
    Value(f64),
    /// The tensor mirrored, its edge not repeated.
    Reflect,
    /// The tensor mirrored, its edge repeated.
    Symmetric,
}

impl Graph {
    /// `count` elements of an axis from `start` on, `step` apart.
    ///
    /// # Errors
    /// They do not lie in the axis.
    pub fn slice(
        &mut self,
        x: &Tensor,
        axis: usize,
        start: usize,
        count: usize,
        step: i64,
    ) -> Outcome<Tensor> {
        let extent = x.dims[axis];
        if step == 1 && start == 0 && count == extent {
            return Ok(x.clone());
        }
        if count == 0 {
            let shape = shown(&x.dims);
            return Err(Fault::new(format!("nothing is left of axis {axis} of {shape}")));
        }
        let place = |i: usize| {
            let place = i64::try_from(start).ok()?.checked_add(step.checked_mul(i as i64)?)?;
            usize::try_from(place).ok().filter(|&place| place < extent)
        };
        let places: Option<Vec<usize>> = match count {
            _ if extent < count => None,
            _ => (0..count).map(place).collect(),
        };
        let Some(places) = places else {
            let shape = shown(&x.dims);
            let message =
                format!("{count} elements from {start} on do not lie in axis {axis} of {shape}");
            return Err(Fault::new(message));
        };
        let mut dims = x.dims.clone();
        dims[axis] = count;
        if let Source::Uniform(_) = x.source {
            return Ok(Tensor { dims, ..x.clone() });
        }
        if let Source::Numbers(values) = &x.source {
            let inner: usize = x.dims[axis + 1..].iter().product();
            let outer = values.chunks(inner * extent);
            let rows = outer.flat_map(|rows| {
                places.iter().flat_map(move |&place| &rows[place * inner..(place + 1) * inner])
            });
            return Ok(Tensor::numbers(rows.copied().collect(), dims, x.kind));
        }
        let (blob, order) = self.blob(x)?;
        let axis = order[axis] as i64;
        let name = self.function.rsplit('.').next().unwrap_or_default().to_owned();
        let top = match step {
            1 => {
                let layer = Narrow { axis, first: start as i64, length: count as i64 };
                self.push(&name, layer, &[&blob], &[])?
            }
            _ => self.push(&name, Pick { axis, places }, &[&blob], &[])?,
        };
        Ok(self.tensor(top, order, x.kind))
    }

    /// Slices of an axis by number.
    ///
    /// # Errors
    /// One does not exist.
    pub fn pick(
        &mut self,
        x: &Tensor,
        axis: usize,
        places: Vec<usize>,
        name: &str,
    ) -> Outcome<Tensor> {
        let (blob, order) = self.blob(x)?;
        let layer = Pick { axis: order[axis] as i64, places };
        let top = self.push(name, layer, &[&blob], &[])?;
        Ok(self.tensor(top, order, x.kind))
    }

    /// `tf.nn.embedding_lookup`: the rows of a table of a variable that whole numbers name, from 0.
    ///
    /// # Errors
    /// The table has not two axes.
    pub fn embedding(&mut self, table: usize, places: &Tensor, name: &str) -> Outcome<Tensor> {
        let &[rows, length] = &self.variables[table].dims[..] else {
            let shape = shown(&self.variables[table].dims);
            return Err(Fault::new(format!("a table of rows is needed, not {shape}")));
        };
        let blob = self.plain(places)?;
        let layer = Embed { input_dim: rows, num_output: length, bias: false, ..Embed::default() };
        let top = self.push(name, layer, &[&blob], &[table])?;
        Ok(self.plain_tensor(top, Kind::Float))
    }

    /// `tf.reverse`.
    ///
    /// # Errors
    /// There is no such axis.
    pub fn reverse(&mut self, x: &Tensor, axes: &[i64]) -> Outcome<Tensor> {
        let mut result = x.clone();
        for &axis in axes {
            let axis = x.axis(axis)?;
            let places = (0..x.dims[axis]).rev().collect();
            result = self.pick(&result, axis, places, "ReverseV2")?;
        }
        Ok(result)
    }

    /// `tf.split`, into parts of these extents.
    ///
    /// # Errors
    /// They are not all of the axis.
    pub fn split(&mut self, x: &Tensor, axis: i64, extents: &[usize]) -> Outcome<Vec<Tensor>> {
        let axis = x.axis(axis)?;
        let total = extents.iter().try_fold(0usize, |sum, &n| sum.checked_add(n));
        if total != Some(x.dims[axis]) {
            let (shape, extent) = (shown(&x.dims), x.dims[axis]);
            let message =
                format!("parts of {extents:?} are not axis {axis} of {shape}, which has {extent}");
            return Err(Fault::new(message));
        }
        few(extents.len())?;
        let mut start = 0;
        let mut parts = vec![];
        for &extent in extents {
            parts.push(self.slice(x, axis, start, extent, 1)?);
            start += extent;
        }
        Ok(parts)
    }

    /// `tf.concat`.
    ///
    /// # Errors
    /// The other extents differ.
    pub fn concat(&mut self, parts: &[Tensor], axis: i64) -> Outcome<Tensor> {
        let Some(first) = parts.first() else {
            return Err(Fault::new("there is nothing to join"));
        };
        let axis = first.axis(axis)?;
        if parts.len() == 1 {
            return Ok(first.clone());
        }
        let without = |t: &Tensor| {
            let mut dims = t.dims.clone();
            if axis < dims.len() {
                dims.remove(axis);
            }
            dims
        };
        if let Some(other) =
            parts.iter().find(|t| t.rank() != first.rank() || without(t) != without(first))
        {
            let (a, b) = (shown(&first.dims), shown(&other.dims));
            let message = format!("{a} and {b} cannot be joined along axis {axis}");
            let pairs = super::origins::all_but(first, other, Some(axis));
            return Err(self
                .unlike(message, [first, other], pairs)
                .help("all other extents must be equal"));
        }
        let known: Option<Vec<Vec<f64>>> = parts.iter().map(Tensor::known).collect();
        if let Some(known) = known {
            let mut dims = first.dims.clone();
            dims[axis] = parts.iter().map(|t| t.dims[axis]).sum();
            let inner: usize = first.dims[axis + 1..].iter().product();
            let outer: usize = first.dims[..axis].iter().product();
            let mut all = vec![];
            for row in 0..outer {
                for (values, part) in known.iter().zip(parts) {
                    let n = inner * part.dims[axis];
                    all.extend(&values[row * n..(row + 1) * n]);
                }
            }
            return Ok(Tensor::numbers(all, dims, first.kind));
        }
        let leader = parts.iter().find(|t| matches!(t.source, Source::Blob { .. }));
        let order = match leader {
            Some(leader) => self.blob(leader)?.1,
            None => plain_order(first.rank()),
        };
        let blobs = parts.iter().map(|t| self.arranged(t, &order)).collect::<Outcome<Vec<_>>>()?;
        let bottoms: Vec<&str> = blobs.iter().map(String::as_str).collect();
        let layer = Concat { axis: order[axis] as i64, item_axes: None };
        let top = self.push("concat", layer, &bottoms, &[])?;
        let kind =
            if parts.iter().any(|t| t.kind == Kind::Float) { Kind::Float } else { first.kind };
        Ok(self.tensor(top, order, kind))
    }

    /// `tf.stack`.
    ///
    /// # Errors
    /// The shapes differ.
    pub fn stack(&mut self, parts: &[Tensor], axis: i64) -> Outcome<Tensor> {
        if let Some((first, other)) = parts
            .split_first()
            .and_then(|(a, rest)| Some((a, rest.iter().find(|b| b.dims != a.dims)?)))
        {
            let (a, b) = (shown(&first.dims), shown(&other.dims));
            let message = format!("{a} and {b} cannot be stacked");
            return Err(self.differ(message, [first, other], "all must have one shape"));
        }
        let wide = parts.iter().map(|t| self.expand_dims(t, axis)).collect::<Outcome<Vec<_>>>()?;
        let rank = wide.first().map_or(0, Tensor::rank) as i64;
        self.concat(&wide, if axis < 0 { axis + rank } else { axis })
    }

    /// `tf.unstack`.
    ///
    /// # Errors
    /// There is no such axis.
    pub fn unstack(&mut self, x: &Tensor, axis: i64) -> Outcome<Vec<Tensor>> {
        let place = x.axis(axis)?;
        few(x.dims[place])?;
        let mut parts = vec![];
        for start in 0..x.dims[place] {
            let part = self.slice(x, place, start, 1, 1)?;
            parts.push(self.squeeze(&part, &[place as i64])?);
        }
        Ok(parts)
    }

    /// `tf.tile`.
    ///
    /// # Errors
    /// There is not one number for each axis.
    pub fn tile(&mut self, x: &Tensor, multiples: &[usize]) -> Outcome<Tensor> {
        if multiples.len() != x.rank() {
            let (shape, n) = (shown(&x.dims), multiples.len());
            return Err(Fault::new(format!("{n} multiples for the axes of {shape}")));
        }
        let mut result = x.clone();
        for (axis, &tiles) in multiples.iter().enumerate().filter(|(_, tiles)| **tiles != 1) {
            let (blob, order) = self.blob(&result)?;
            let layer = Tile { axis: order[axis] as i64, tiles };
            let top = self.push("Tile", layer, &[&blob], &[])?;
            result = self.tensor(top, order, x.kind);
        }
        Ok(result)
    }

    /// `tf.pad`.
    ///
    /// # Errors
    /// There is not one pair for each axis, or a border cannot be mirrored.
    pub fn pad(&mut self, x: &Tensor, widths: &[[usize; 2]], border: Border) -> Outcome<Tensor> {
        if widths.len() != x.rank() {
            let (shape, n) = (shown(&x.dims), widths.len());
            return Err(Fault::new(format!("{n} pairs of paddings for the axes of {shape}")));
        }
        let Border::Value(value) = border else {
            return self.mirrored(x, widths, border == Border::Symmetric);
        };
        let mut result = x.clone();
        for (axis, &[before, after]) in widths.iter().enumerate() {
            for (count, inset) in [(-(before as i64), 0), (after as i64, 0)] {
                if count == 0 {
                    continue;
                }
                let (blob, order) = self.blob(&result)?;
                let axis = order[axis] as i64;
                let layer = padding::Padding { axis, pad: count, item_axes: None, value, inset };
                let top = self.push("Pad", layer, &[&blob], &[])?;
                result = self.tensor(top, order, x.kind);
            }
        }
        Ok(result)
    }

    /// A tensor with mirrored borders; the edge is repeated if `edge`.
    fn mirrored(&mut self, x: &Tensor, widths: &[[usize; 2]], edge: bool) -> Outcome<Tensor> {
        let mut result = x.clone();
        for (axis, &[before, after]) in widths.iter().enumerate() {
            let extent = x.dims[axis];
            let inset = usize::from(!edge);
            let most = extent.saturating_sub(inset);
            if most < before.max(after) {
                let shape = shown(&x.dims);
                let message = format!(
                    "a border of {} is wider than the {most} elements of axis {axis} of {shape} that it mirrors",
                    before.max(after)
                );
                return Err(Fault::new(message));
            }
            if (before, after) == (0, 0) {
                continue;
            }
            let front = (inset..inset + before).rev();
            let back = (most - after..most).rev();
            let places = front.chain(0..extent).chain(back).collect();
            result = self.pick(&result, axis, places, "MirrorPad")?;
        }
        Ok(result)
    }
}

/// Complains about too many parts.
fn few(parts: usize) -> Outcome<()> {
    if parts <= MOST_PARTS {
        return Ok(());
    }
    Err(Fault::new(format!("{parts} parts are too many: {MOST_PARTS} at most")))
}
