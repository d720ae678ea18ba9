//! Convolution of sequences of feature vectors.

use super::lua::{count, extents, no_bias, uniform_reset};
use super::prelude::*;
use crate::window::{Axis, Conv};

params! {
    /// Convolution of sequences, `N x frames x features` or `frames x features`, along their frames, as in Torch.
    ///
    /// Weights `num_output x (kernel · features)`, where the features of a frame lie together, and a bias
    /// `num_output`. Row by row, every feature has its own filter: weights `features x 1 x kernel`.
    pub struct TemporalConvolution {
        /// Number of features that come in.
        num_input: usize = 0,
        /// Number of features that come out.
        num_output: usize = 0,
        /// Extent of a filter in frames.
        kernel: usize = 0,
        /// Step between applications of the filter.
        stride: usize = 1,
        /// Whether every feature has its own filter.
        rowwise: bool = false,
        /// Whether the features come before the frames.
        features_first: bool = false,
        /// Whether a bias is added.
        bias: bool = true,
    }
}

/// The description of [`TemporalConvolution`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[
        torch("nn.TemporalConvolution", &["inputFrameSize", "outputFrameSize", "kW", "dW"], |a| {
            TemporalConvolution::read(a).into()
        })
        .tensors(&["weight", "bias"])
        .script(DENSE),
        torch("nn.TemporalRowConvolution", &["inputFrameSize", "kW", "dW", "featFirst"], |a| {
            TemporalConvolution::read_rowwise(a).into()
        })
        .tensors(&["weight", "bias"])
        .script(ROWWISE),
    ],
    ..LayerSpec::new("TemporalConvolution", Category::Convolution, TemporalConvolution::DOCS)
};

const DENSE: &str = concat!(
    r#"
function Class:__init(inputFrameSize, outputFrameSize, kW, dW)
   Parent.__init(self)
   self.inputFrameSize, self.outputFrameSize = inputFrameSize, outputFrameSize
   self.kW, self.dW = kW, dW or 1
   self.weight = torch.Tensor(outputFrameSize, inputFrameSize * kW)
   self.bias = torch.Tensor(outputFrameSize)
   self.gradWeight = torch.Tensor(outputFrameSize, inputFrameSize * kW)
   self.gradBias = torch.Tensor(outputFrameSize)
   self:reset()
end
"#,
    uniform_reset!("self.kW * self.inputFrameSize"),
    no_bias!()
);

const ROWWISE: &str = concat!(
    r#"
function Class:__init(inputFrameSize, kW, dW, featFirst)
   Parent.__init(self)
   self.inputFrameSize = inputFrameSize
   self.kW, self.dW = kW, dW or 1
   self.featFirst = featFirst or false
   self.weight = torch.Tensor(inputFrameSize, 1, kW)
   self.bias = torch.Tensor(inputFrameSize)
   self.gradWeight = torch.Tensor(inputFrameSize, 1, kW)
   self.gradBias = torch.Tensor(inputFrameSize)
   self:reset()
end
function Class:__tostring__()
   local text = string.format('%s(%d, %d', torch.type(self), self.inputFrameSize, self.kW)
   if self.dW ~= 1 then
      text = text .. string.format(', %d', self.dW)
   end
   return text .. ')' .. (self.bias and '' or ' without bias')
end
"#,
    uniform_reset!("self.kW * self.inputFrameSize"),
    no_bias!()
);

impl TemporalConvolution {
    fn read(a: &Args) -> Self {
        TemporalConvolution {
            num_input: count(a, "inputFrameSize"),
            num_output: count(a, "outputFrameSize"),
            kernel: count(a, "kW"),
            stride: count(a, "dW"),
            bias: a.has("bias"),
            ..TemporalConvolution::default()
        }
    }

    fn read_rowwise(a: &Args) -> Self {
        let [num_input, _, kernel] = extents(a, "weight");
        TemporalConvolution {
            num_input,
            num_output: num_input,
            kernel,
            stride: count(a, "dW"),
            rowwise: true,
            features_first: a.bool("featFirst").unwrap_or(false),
            bias: a.has("bias"),
        }
    }

    fn axis(&self) -> Axis {
        Axis::new(self.kernel, self.stride, 0)
    }

    /// The axes of the frames and of the features, from the last.
    fn places(&self, rank: usize) -> (usize, usize) {
        if self.features_first { (rank - 1, rank - 2) } else { (rank - 2, rank - 1) }
    }
}

impl LayerOps for TemporalConvolution {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        if ![2, 3].contains(&shape.rank()) {
            return cx.fail_bottom(0, "needs frames x features, or a batch of them: 2 or 3 axes");
        }
        if self.kernel == 0 || self.stride == 0 {
            return cx.fail(&["kW", "dW"], "a window and its stride must not be 0");
        }
        let (frames, features) = self.places(shape.rank());
        let (long, wide, want) = (shape.dims()[frames], shape.dims()[features], self.num_input);
        if wide != want {
            let why = format!("is made for frames of {want} features, and there are {wide}");
            return cx.fail_bottom(0, why);
        }
        let Some(windows) = self.axis().convolved(long) else {
            return cx.fail_window(long, 0, self.kernel, 0, 1);
        };
        let weight = match self.rowwise {
            true => vec![want, 1, self.kernel],
            false => vec![self.num_output, self.kernel * want],
        };
        let mut params = vec![ParamDecl::new("weight", weight, Filler::Unset)];
        if self.bias {
            params.push(ParamDecl::new("bias", [self.num_output], Filler::Unset));
        }
        let top = shape.with(frames, windows).with(features, self.num_output);
        Ok(Signature { tops: vec![top], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let (frames, _) = self.places(shape.rank());
        let (items, long) = (shape.count_of(0..shape.rank() - 2), shape.dims()[frames]);
        let (num_input, weight, bias) = (self.num_input, cx.params[0], cx.params.get(1).copied());
        let y = if self.rowwise {
            let x = if self.features_first {
                b.view(cx.bottoms[0], [items, num_input, long])
            } else {
                let x = b.view(cx.bottoms[0], [items, long, num_input]);
                b.transpose(x, &[0, 2, 1])
            };
            b.conv(x, weight, bias, Conv { axes: vec![self.axis()], group: num_input })
        } else {
            // A sequence is an image of one channel, and a window spans all of its columns.
            let x = b.view(cx.bottoms[0], [items, 1, long, num_input]);
            let weight = b.view(weight, [self.num_output, 1, self.kernel, num_input]);
            let axes = vec![self.axis(), Axis::new(num_input, 1, 0)];
            let y = b.conv(x, weight, bias, Conv { axes, group: 1 });
            let y = b.transpose(y, &[0, 2, 3, 1]);
            return vec![b.view(y, cx.top(0).clone())];
        };
        let y = if self.features_first { y } else { b.transpose(y, &[0, 2, 1]) };
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{} filters of {} frames", self.num_output, self.kernel)
    }
}
