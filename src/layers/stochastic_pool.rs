//! An operation of [`Pooling`](super::pooling::Pooling): one element of each window, drawn at random (Zeiler and Fergus
//! 2013).

use super::executor::pool as kernels;
use super::prelude::*;
use crate::window::Pool;

/// Stochastic pooling in training: `(x, uniform) -> y, index`.
#[derive(Debug, PartialEq)]
pub(super) struct Draw(pub Pool);

impl Draw {
    fn geometry(&self, x: &Shape) -> kernels::Shape {
        let [n, c, h, w] = [0, 1, 2, 3].map(|i| x.dims()[i]);
        kernels::Shape::new(&self.0, n * c, [h, w]).expect("infer has approved the window")
    }

    /// The shapes of the drawn elements and of their places.
    pub(super) fn tops(&self, x: &Shape) -> [Shape; 2] {
        let [h, w] = self.geometry(x).output;
        let top = x.with(2, h).with(3, w);
        [top.clone(), top]
    }
}

impl Operation for Draw {
    const NAME: &'static str = "stochastic-pool";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        self.tops(args[0]).to_vec()
    }

    fn gradient_reads_outputs(&self) -> bool {
        true
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let [y, index] = outs else { return };
        let shape = self.geometry(args[0].shape);
        kernels::stochastic_forward(&shape, args[0].data, args[1].data, y.data, index.data);
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let shape = self.geometry(saved.args[0].shape);
        let (dy, index) = (saved.douts[0].data, saved.outs[1].data);
        kernels::index_backward(&shape, dy, index, T::ZERO, dargs[0].data);
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let shape = self.geometry(args[0]);
        let axes = self.0.axes.iter();
        let taps = axes.flat_map(|a| [a.kernel, a.stride, a.pad_before, a.dilation]);
        let call = match pass {
            Pass::Forward => {
                let (y, index) = (Operand::Out(0), Operand::Out(1));
                let operands = vec![Operand::Arg(0), Operand::Arg(1), y, index];
                Call::each("stochastic_pool", shape.output_len(), operands)
            }
            Pass::Backward(_) => {
                let (dy, index) = (Operand::OutGradient(0), Operand::Out(1));
                let operands = vec![dy, index, Operand::ArgGradient(0)];
                Call::each("index_grad", shape.input_len(), operands)
            }
        };
        let numbers = shape.input.into_iter().chain(shape.output).chain(taps);
        let calls = vec![call.with_all(numbers)];
        Some(DeviceForm { texts: &[include_str!("pooling.cu")], calls, work: 0 })
    }
}
