//! `tf.gradients`: the gradient of tensors as a tensor of the graph.

use std::collections::HashSet;

use super::layout::plain_order;
use super::{Fault, Graph, Kind, Outcome, Source, Tensor, shown};
use crate::layers::Layer;
use crate::layers::gradients::Gradients;
use crate::ty::Shape;

impl Graph {
    /// The gradient of the sum of all elements of `ys`, times those of `weights` where these are given, to `x`; nothing where
    /// no `y` is computed from `x`.
    ///
    /// # Errors
    /// A weight has another shape than its `y`.
    pub fn gradient(
        &mut self,
        ys: &[Tensor],
        weights: &[Tensor],
        x: &Tensor,
    ) -> Outcome<Option<Tensor>> {
        if let Some((y, weight)) = ys.iter().zip(weights).find(|(y, w)| y.dims != w.dims) {
            let (have, want) = (shown(&weight.dims), shown(&y.dims));
            return Err(Fault::new(format!("`grad_ys` has {have} where `ys` has {want}")));
        }
        let (end, variable, order) = match &x.source {
            Source::Blob { blob, order } => (Some(self.with_its_bias(blob)), None, order.clone()),
            Source::Variable(variable) => (None, Some(*variable), plain_order(x.rank())),
            _ => return Ok(None),
        };
        let mut reads = vec![];
        for y in ys {
            reads.push(self.plain(y)?);
        }
        let mut used = vec![];
        for (number, y) in reads.iter().enumerate() {
            if self.comes_from(y, end.as_deref(), variable) {
                used.push(number);
            }
        }
        if used.is_empty() {
            return Ok(None);
        }
        let mut bottoms: Vec<String> = used.iter().map(|&number| reads[number].clone()).collect();
        for &number in used.iter().filter(|&&number| number < weights.len()) {
            bottoms.push(self.plain(&weights[number])?);
        }
        bottoms.extend(end.clone());
        let layer = Gradients {
            ys: used.len(),
            weighted: !weights.is_empty(),
            parameter: variable.map(|variable| Shape(self.variables[variable].dims.clone())),
        };
        let bottoms: Vec<&str> = bottoms.iter().map(String::as_str).collect();
        let variables: Vec<usize> = variable.into_iter().collect();
        let top = self.push("gradients", layer, &bottoms, &variables)?;
        // It lies as what it is the gradient of, whatever is differentiated.
        if end.is_some_and(|blob| self.images.contains(&blob)) {
            self.images.insert(top.clone());
        } else {
            self.images.remove(&top);
        }
        Ok(Some(self.tensor(top, order, Kind::Float)))
    }

    /// The blob in whose place a blob's bias was added, whose gradient is the same; else the blob itself.
    fn with_its_bias(&self, blob: &str) -> String {
        let Some(without) = self.unbiased.get(blob) else { return blob.to_owned() };
        let name = &without.name.value;
        let node = self.nodes.iter().find(|node| node.name.value == *name);
        node.map_or_else(|| blob.to_owned(), |node| node.tops[0].value.clone())
    }

    /// Whether a blob is computed from a blob or a variable on a way that no gradient is kept from.
    fn comes_from(&self, blob: &str, end: Option<&str>, variable: Option<usize>) -> bool {
        let mut wanted: HashSet<&str> = HashSet::from([blob]);
        if end == Some(blob) {
            return true;
        }
        for node in self.nodes.iter().rev() {
            let goes_on = node.tops.iter().any(|top| wanted.contains(top.value.as_str()));
            if !goes_on || matches!(node.layer, Layer::StopGradient(_)) {
                continue;
            }
            let mut users = self.uses.iter().filter(|used| used.node == node.name.value);
            if variable.is_some_and(|variable| users.any(|used| used.variable == variable)) {
                return true;
            }
            let bottoms = node.bottoms.len();
            let open = node.bottoms.iter().enumerate();
            let open = open.filter(|(i, _)| node.layer.differentiable(*i, bottoms));
            wanted.extend(open.map(|(_, bottom)| bottom.value.as_str()));
            if end.is_some_and(|end| wanted.contains(end)) {
                return true;
            }
        }
        false
    }
}
