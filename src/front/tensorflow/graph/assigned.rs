//! New values of variables that the definition itself assigns: `tf.assign`, and moving averages made of it.

use super::layout::plain_order;
use super::{Fault, Graph, Mode, Outcome, Tensor, shown};
use crate::layers::Layer;
use crate::layers::assignment::Assignment;
use crate::source::Span;

impl Graph {
    /// What a variable becomes, as a tensor without a gradient. It does so while training, if something needs the tensor or it
    /// is among what is [performed](Graph::perform).
    ///
    /// # Errors
    /// The value has another shape than the variable.
    pub fn assign(&mut self, variable: usize, value: &Tensor) -> Outcome<Tensor> {
        let own = &self.variables[variable];
        if own.dims != value.dims {
            let (name, have, want) = (&own.name, shown(&value.dims), shown(&own.dims));
            return Err(Fault::new(format!("`{name}` is {want}, and its new value {have}")));
        }
        if self.mode != Mode::Train {
            return self.stop_gradient(value);
        }
        let kind = own.kind;
        let blob = self.plain(value)?;
        let top = self.push("Assign", Assignment {}, &[&blob], &[variable])?;
        self.images.remove(&top);
        Ok(self.tensor(top, plain_order(value.rank()), kind))
    }

    /// Takes an assignment as done in every step, though no output needs its result; the variable and the blob of what it holds
    /// then.
    pub fn perform(&mut self, tensor: &Tensor) -> Option<(usize, String)> {
        let super::Source::Blob { blob, .. } = &tensor.source else { return None };
        let blob = blob.clone();
        let node = self.maker(&blob).filter(|node| matches!(node.layer, Layer::Assignment(_)))?;
        let name = node.params.first()?.name.as_ref()?.value.clone();
        self.performed.push(blob.clone());
        Some((self.variable(&name)?, blob))
    }

    /// The blob of what a variable holds after the assignments that come before what is made now.
    pub(super) fn became(&self, variable: usize) -> Option<String> {
        let mut found = self.before.iter().rev().filter(|(assigned, _)| *assigned == variable);
        found.next().map(|(_, blob)| blob.clone())
    }

    /// A variable that solvers change and that is assigned to as well, with the place where it is.
    pub fn assigned_and_trained(&self) -> Option<(Span, &str)> {
        let assigned = self.nodes.iter().filter(|n| matches!(n.layer, Layer::Assignment(_)));
        let mut named = assigned.filter_map(|node| {
            let name = node.params.first()?.name.as_ref()?;
            let variable = self.variables.iter().find(|v| v.name == name.value)?;
            variable.trainable.then_some((node.span, variable.name.as_str()))
        });
        named.next()
    }
}
