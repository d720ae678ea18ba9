//! Values with a gradient that the definition computes itself.

use std::sync::Arc;

use super::prelude::*;
use crate::ir::Node;
use crate::layers::Layer;
use crate::spec::Environment;

/// A layer within a gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientStep {
    /// The layer; it has no parameters.
    pub layer: Layer,
    /// The numbers of its bottoms: first the gradients of the outputs, then the bottoms of the whole behind the outputs,
    /// then the tops of the steps.
    pub bottoms: Vec<usize>,
    /// The shapes of its tops.
    pub tops: Vec<Shape>,
}

params! {
    /// The first bottoms as they are, with a gradient to the inputs behind them that steps compute from the gradients of
    /// the outputs and from whatever else is among the bottoms.
    ///
    /// A Torch module with an `updateGradInput` of its own. The outputs were computed from inputs that get no gradient on
    /// the way, so that what arrives at the outputs goes on to the module's parameters only.
    pub struct OwnGradient {
        /// How many outputs there are.
        outputs: usize = 1,
        /// For every input the number of its gradient among the numbers of the steps; none if it gets no gradient.
        inputs: Vec<Option<usize>> = vec![],
        /// What is computed.
        steps: Arc<Vec<GradientStep>> = Arc::new(vec![]),
    }
}

/// The description of [`OwnGradient`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::at_least(2),
    tops: Arity::at_least(1),
    in_place: InPlace::Refused,
    ..LayerSpec::new("OwnGradient", Category::Shape, OwnGradient::DOCS)
};

impl LayerOps for OwnGradient {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let tops = cx.bottoms[..self.outputs.min(cx.bottoms.len())].to_vec();
        Ok(Signature { tops, params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let straight = Straight {
            outputs: self.outputs,
            inputs: self.inputs.clone(),
            steps: self.steps.clone(),
            node: cx.node.clone(),
            phase: cx.phase,
        };
        b.native(straight, cx.bottoms)
    }
}

/// `(outputs, inputs, others) -> outputs`.
#[derive(Debug)]
struct Straight {
    outputs: usize,
    inputs: Vec<Option<usize>>,
    steps: Arc<Vec<GradientStep>>,
    /// The layer's node, for what the steps say of themselves.
    node: Node,
    phase: Phase,
}

impl PartialEq for Straight {
    fn eq(&self, other: &Self) -> bool {
        let parts = (self.outputs, &self.inputs, &self.steps, self.phase);
        parts == (other.outputs, &other.inputs, &other.steps, other.phase)
    }
}

impl Operation for Straight {
    const NAME: &'static str = "own-gradient";

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        args[..self.outputs].iter().map(|&shape| shape.clone()).collect()
    }

    fn differentiable(&self, arg: usize) -> bool {
        arg < self.outputs + self.inputs.len()
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        for (out, arg) in outs.iter_mut().zip(args) {
            out.data.copy_from_slice(arg.data);
        }
    }

    fn rule(
        &self,
        b: &mut Builder,
        args: &[ValueId],
        douts: &[Option<ValueId>],
    ) -> Option<Vec<(usize, ValueId)>> {
        let mut values = vec![];
        for (&dout, &output) in douts.iter().zip(args) {
            let shape = b.shape(output).clone();
            values.push(dout.unwrap_or_else(|| b.fill(0.0, shape)));
        }
        let mut parts: Vec<(usize, ValueId)> = values.iter().copied().enumerate().collect();
        values.extend(&args[self.outputs..]);
        let env = Environment::default();
        for step in self.steps.iter() {
            let bottoms: Vec<ValueId> = step.bottoms.iter().map(|&i| values[i]).collect();
            let signature = Signature { tops: step.tops.clone(), params: vec![] };
            let node = Node { layer: step.layer.clone(), ..self.node.clone() };
            let cx = Lower {
                node: &node,
                bottoms: &bottoms,
                params: &[],
                signature: &signature,
                phase: self.phase,
                env: &env,
            };
            values.extend(step.layer.ops().lower(b, &cx));
        }
        for (i, result) in self.inputs.iter().enumerate() {
            if let Some(result) = result {
                let at = self.outputs + i;
                let shape = b.shape(args[at]).clone();
                parts.push((at, b.view(values[*result], shape)));
            }
        }
        Some(parts)
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let Pass::Forward = pass else { return None };
        let calls = (0..self.outputs).map(|i| {
            let count = args[i].count();
            let operands = vec![Operand::Arg(i), Operand::Out(i)];
            Call::fours("slice", count, operands).with_all([1, count, 1, 0, 1])
        });
        Some(DeviceForm { texts: &[], calls: calls.collect(), work: 0 })
    }
}
