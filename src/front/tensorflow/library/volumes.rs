//! Convolutions of lines, `N x W x C`, and of volumes, `N x D x H x W x C`.

use super::Call;
use super::initial::Initializer;
use super::slim::Shape;
use super::tensor::TensorValue;
use crate::front::python::interp::{Args, Outcome, Value};
use crate::front::tensorflow::graph::{Padding, shown};

/// Where what is made of them is written.
const MODULE: &str = "tensorflow.volumes";

impl Call<'_> {
    /// A layer of slim that slides along so many axes.
    pub(super) fn conv_along(&mut self, default: &str, shape: Shape, axes: usize) -> Outcome {
        if axes == 2 {
            return self.conv(default, shape);
        }
        let x = self.floats("inputs")?;
        let outputs = self.outputs()?;
        let (kernel, stride) =
            (self.along("kernel_size", axes, 1)?, self.along("stride", axes, 1)?);
        let rate = match shape {
            Shape::Transpose => vec![1; axes],
            _ => self.along("rate", axes, 1)?,
        };
        let padding = self.padding(Padding::Same)?;
        let last = if axes == 1 { "NWC" } else { "NDHWC" };
        if let Some(other) = self.text("data_format")?.filter(|given| given != last) {
            let message = format!("`data_format` {other} is not known, only {last}");
            return Err(self.fault(message, "the channels are the last axis"));
        }
        if x.rank() != axes + 2 {
            let (have, of) = (shown(&x.dims), if axes == 1 { "lines" } else { "volumes" });
            let form = if axes == 1 { "width" } else { "depth, height, width" };
            return Err(self.fault(
                format!(
                    "{of} of {} axes are needed, batch, {form}, channels, not {have}",
                    axes + 2
                ),
                "bring them into that shape with `tf.reshape`",
            ));
        }
        if stride.iter().any(|&n| n != 1) && rate.iter().any(|&n| n != 1) {
            return Err(self.fault(
                "strides > 1 not supported in conjunction with dilation_rate > 1",
                "leave `stride` or `rate` out",
            ));
        }
        let channels = x.dims[axes + 1];
        self.in_scope(default, |c| {
            let ends = match shape {
                Shape::Transpose => [outputs, channels],
                _ => [channels, outputs],
            };
            let dims = kernel.into_iter().chain(ends).collect();
            let glorot = Initializer::glorot();
            let weights =
                c.make("weights", dims, "weights_initializer", "weights_regularizer", glorot)?;
            let listed = |all: Vec<usize>| Value::list(all.into_iter().map(Value::from));
            let (x, weights) = (TensorValue(x), TensorValue(weights));
            let mut given = vec![Value::native(x), Value::native(weights), listed(stride)];
            let name = match shape {
                Shape::Transpose => "deconvolved",
                _ => {
                    given.push(listed(rate));
                    "convolved"
                }
            };
            given.push(if padding == Padding::Same { "SAME" } else { "VALID" }.into());
            let module = c.py.import(MODULE, c.span)?;
            let function = c.py.get_attribute(&module, name, c.span)?;
            let y = c.py.call(&function, Args::new(given, c.span))?;
            let y = super::arguments::to_tensor(c.py, &c.state.clone(), &y, c.span)?;
            let y = c.normalised(y)?;
            c.activated(y, true)
        })
    }

    /// An argument as one number for each axis.
    fn along(&mut self, name: &str, axes: usize, default: usize) -> Outcome<Vec<usize>> {
        let Some(values) = self.wholes(name)? else { return Ok(vec![default; axes]) };
        let at = self.bound.span_of(name);
        let counts: Vec<usize> =
            values.iter().filter_map(|&n| usize::try_from(n).ok()).filter(|&n| 0 < n).collect();
        match counts[..] {
            [one] if values.len() == 1 => Ok(vec![one; axes]),
            _ if counts.len() == axes && values.len() == axes => Ok(counts),
            _ => {
                let message = format!("`{name}` must be one number, or {axes}, not {values:?}");
                Err(self.py.value_error(at, message))
            }
        }
    }
}
