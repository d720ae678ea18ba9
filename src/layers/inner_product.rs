//! Fully connected layer.

use super::constants::pick;
use super::convolution::Convolution;
use super::lua::{extents, no_bias, uniform_reset};
use super::prelude::*;

params! {
    /// y = x Wᵀ + b, where x is the bottom with all axes from `axis` on in one.
    ///
    /// Weights `num_output x K`, or `K x num_output` if transposed; bias `num_output`; the top keeps the bottom's
    /// axes before `axis` and ends with `num_output`.
    ///
    /// In the fork of NormFace (Wang et al. 2017) a second bottom may hold the weights and a third one the bias, and
    /// `normalize` brings the rows of the weights to length 1 in every pass, for good; their gradient is that of weights that
    /// have this length.
    pub struct InnerProduct {
        /// Number of outputs.
        num_output: usize = 0,
        /// Whether the number of outputs is not written; in DIGITS it is then that of the classes.
        of_classes: bool = false,
        /// Whether a bias is added.
        bias: bool = true,
        /// The first axis that is summed over; -1 is the last.
        axis: i64 = 1,
        /// Whether the weights are stored `K x num_output`.
        transpose: bool = false,
        /// How many inputs there must be, in a vector or a batch of vectors, where the definition says it.
        num_input: Option<usize> = None,
        /// Only these outputs are computed, counted from 0 (Torch's PartialLinear, whose bias is `1 x num_output`).
        rows: Option<Vec<usize>> = None,
        /// Whether the weights are `direction`, each row brought to the length in `length`, a `num_output x 1`
        /// (Salimans and Kingma 2016).
        weight_norm: bool = false,
        /// What is added to the squared length of a direction: 1e-4 in nn.WeightNorm, nothing in nn.LinearWeightNorm.
        norm_epsilon: f64 = 0.0,
        /// Whether every pass first brings the rows of the weights to length 1.
        normalize: bool = false,
        /// First values of the weights.
        weight_filler: Filler = Filler::Unset,
        /// First values of the bias.
        bias_filler: Filler = Filler::Unset,
    }
}

/// The description of [`InnerProduct`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(1, 3),
    in_place: InPlace::Garbled,
    spellings: &[
        caffe("InnerProduct", |a| InnerProduct::read(a).into()),
        torch("nn.Linear", &["inputSize", "outputSize", "bias"], |a| {
            InnerProduct::read_linear(a, "weight").into()
        })
        .tensors(&["weight", "bias"])
        .script(LINEAR),
        torch("nn.LinearWeightNorm", &["inputSize", "outputSize", "bias"], |a| {
            InnerProduct { weight_norm: true, ..InnerProduct::read_linear(a, "v") }.into()
        })
        .extends("nn.Linear")
        .tensors(&["v", "g", "bias"])
        .script(LINEAR_WEIGHT_NORM),
        torch("nn.WeightNorm", &["module", "outputDim"], |a| match a.text("wraps").as_deref() {
            Some("image") => Convolution::read_normed(a, false).into(),
            Some("volume") => Convolution::read_normed(a, true).into(),
            _ => InnerProduct {
                weight_norm: true,
                norm_epsilon: NORM_EPSILON,
                ..InnerProduct::read_linear(a, "v")
            }
            .into(),
        })
        .extends("nn.Decorator")
        .tensors(&["v", "g", "bias"])
        .script(WEIGHT_NORM),
        torch("nn.PartialLinear", &["inputsize", "outputsize", "bias"], |a| {
            InnerProduct::read_partial(a).into()
        })
        .tensors(&["weight", "bias"])
        .script(PARTIAL_LINEAR),
    ],
    ..LayerSpec::new("InnerProduct", Category::Dense, InnerProduct::DOCS)
};

const LINEAR: &str = concat!(
    r#"
function Class:__init(inputSize, outputSize, bias)
   Parent.__init(self)
   self.weight = torch.Tensor(outputSize, inputSize)
   self.gradWeight = torch.Tensor(outputSize, inputSize)
   if bias == nil or bias then
      self.bias = torch.Tensor(outputSize)
      self.gradBias = torch.Tensor(outputSize)
   end
   self:reset()
end
function Class:__tostring__()
   local sizes = string.format('(%d -> %d)', self.weight:size(2), self.weight:size(1))
   return torch.type(self) .. sizes .. (self.bias == nil and ' without bias' or '')
end
"#,
    uniform_reset!("self.weight:size(2)"),
    no_bias!()
);

/// The parameters of a class that has its weights by their directions and lengths.
macro_rules! direction_and_length {
    () => {
        r#"
function Class:parameters()
   if self.bias then
      return {self.v, self.g, self.bias}, {self.gradV, self.gradG, self.gradBias}
   end
   return {self.v, self.g}, {self.gradV, self.gradG}
end
"#
    };
}

const LINEAR_WEIGHT_NORM: &str = concat!(
    r#"
function Class:__init(inputSize, outputSize, bias)
   Parent.__init(self, inputSize, outputSize, bias)
   self.v = self.weight:clone()
   self.gradV = torch.Tensor(outputSize, inputSize):zero()
   self.g = self.v:norm(2, 2)
   self.gradG = torch.Tensor(outputSize, 1):zero()
end
function Class:reset(stdv)
   Parent.reset(self, stdv)
   if self.v then
      self.v:copy(self.weight)
      self.g:copy(self.v:norm(2, 2))
   end
   return self
end
"#,
    direction_and_length!()
);

const WEIGHT_NORM: &str = concat!(
    r#"
local windows = {'nInputPlane', 'nOutputPlane', 'kT', 'kW', 'kH', 'dT', 'dW', 'dH', 'padT', 'padW',
   'padH', 'dilationW', 'dilationH', 'groups'}
function Class:__init(module, outputDim)
   Parent.__init(self, module)
   local weight = module.weight
   if torch.isTypeOf(module, 'nn.Linear') then
      self.wraps = 'vector'
   elseif torch.isTypeOf(module, 'nn.SpatialConvolution')
      or torch.isTypeOf(module, 'nn.SpatialConvolutionMM') then
      self.wraps = 'image'
   elseif torch.isTypeOf(module, 'nn.VolumetricConvolution') then
      self.wraps = 'volume'
   else
      error('nn.WeightNorm is known around Linear and convolutions, not ' .. torch.type(module), 3)
   end
   if (outputDim or 1) ~= 1 then
      error('nn.WeightNorm is known for the first axis of a weight, not for axis ' .. outputDim, 3)
   end
   self.outputDim = 1
   for _, name in ipairs(windows) do self[name] = module[name] end
   local rows = weight:size(1)
   self.v = torch.Tensor(rows, weight:nElement() / rows)
   self.g = torch.Tensor(rows, 1)
   self.gradV = torch.Tensor(rows, weight:nElement() / rows):zero()
   self.gradG = torch.Tensor(rows, 1):zero()
   self.bias, self.gradBias = module.bias, module.gradBias
   self:reset()
end
function Class:reset()
   self.v:normal(0, math.sqrt(2 / self.v:size(2)))
   self.g:copy(self.v:norm(2, 2))
   if self.bias then self.bias:zero() end
   return self
end
"#,
    direction_and_length!()
);

const PARTIAL_LINEAR: &str = concat!(
    r#"
function Class:__init(inputsize, outputsize, bias)
   Parent.__init(self)
   self.inputsize = inputsize
   self.outputsize = outputsize
   self.bias = (bias == nil or bias) and torch.Tensor(1, outputsize) or nil
   self.gradBias = self.bias and torch.Tensor(1, outputsize) or nil
   self.weight = torch.Tensor(outputsize, inputsize)
   self.gradWeight = torch.Tensor(outputsize, inputsize)
   self:reset()
end
function Class:setPartition(indices)
   self.partition = indices
   return self
end
function Class:resetPartition()
   self.partition = nil
   return self
end
function Class:__tostring__()
   local sizes = string.format('(%d -> %d)', self.inputsize, self.outputsize)
   return torch.type(self) .. sizes .. (self.bias == nil and ' without bias' or '')
end
"#,
    uniform_reset!("self.weight:size(2)"),
    no_bias!()
);

impl InnerProduct {
    fn read(a: &Args) -> Self {
        let p = a.section("inner_product_param");
        let given = a.texts("bottom").len();
        let bias = p.bool("bias_term").unwrap_or(true);
        if given == 2 && bias {
            let why = "of two bottoms the second is the weights; say `bias_term: false`, or give the bias as a third one";
            p.wrong("bias_term", why);
        }
        if given == 3 && !bias {
            p.wrong("bias_term", "the third bottom is the bias");
        }
        let (transpose, normalize) = (p.bool("transpose"), p.bool("normalize"));
        let [transpose, normalize] = [transpose, normalize].map(|yes| yes.unwrap_or(false));
        if transpose && normalize {
            p.wrong(
                "normalize",
                "rows of outputs are normalised, and `transpose` stores them as columns",
            );
        }
        InnerProduct {
            num_output: p.usize("num_output").unwrap_or(0),
            of_classes: !p.has("num_output") && given < 2,
            bias,
            axis: p.int("axis").unwrap_or(1),
            transpose,
            normalize: normalize && given < 2,
            weight_filler: Filler::read(&p.section("weight_filler")),
            bias_filler: Filler::read_if(&p, "bias_term", true, "bias_filler"),
            ..InnerProduct::default()
        }
    }

    /// Reads the fields of Torch's Linear, whose weights have this name.
    fn read_linear(a: &Args, weight: &'static str) -> Self {
        let [num_output, num_input] = extents(a, weight);
        InnerProduct {
            num_output,
            bias: a.has("bias"),
            axis: -1,
            num_input: Some(num_input),
            ..InnerProduct::default()
        }
    }

    fn read_partial(a: &Args) -> Self {
        let layer = Self::read_linear(a, "weight");
        let mut rows = a.has("partition").then(|| a.usizes("partition"));
        for row in rows.iter_mut().flatten() {
            if !(1..=layer.num_output).contains(row) {
                let last = layer.num_output;
                a.wrong("partition", format!("there are outputs 1 to {last}, and no {row}"));
            }
            *row = row.saturating_sub(1);
        }
        let all = || (0..layer.num_output).collect();
        InnerProduct { rows: Some(rows.unwrap_or_else(all)), ..layer }
    }

    /// The weights with rows of the lengths wanted.
    fn weight(&self, b: &mut Builder, params: &[ValueId]) -> ValueId {
        match self.weight_norm {
            true => normed_rows(b, params[0], params[1], self.norm_epsilon),
            false if self.normalize => unit_rows(b, params[0], 1e-6),
            false => params[0],
        }
    }

    /// The shapes where the weights are a bottom.
    fn infer_given(&self, cx: &Infer, axis: usize) -> Result<Signature, Reported> {
        let (x, weight) = (cx.bottom(0), cx.bottom(1));
        let inputs = x.count_of(axis..x.rank());
        let outputs = weight.dims().first().copied().unwrap_or(0);
        if weight.count() != outputs * inputs || self.transpose {
            let why =
                format!("the weights must have rows of {inputs} numbers, one for each output");
            return cx.fail_bottom(1, why);
        }
        if let Some(bias) = cx.bottoms.get(2).filter(|bias| bias.count() != outputs) {
            return cx.fail_bottom(2, format!("{} numbers as the bias of {outputs}", bias.count()));
        }
        let mut top = x.dims()[..axis].to_vec();
        top.push(outputs);
        Ok(Signature::of(top.into()))
    }
}

/// The rows of weights brought to length 1, which the weights are from now on. `epsilon` is added to the squared lengths; the
/// gradient passes as if nothing had been done.
pub(super) fn unit_rows(b: &mut Builder, weight: ValueId, epsilon: f64) -> ValueId {
    let squares = b.map(&[weight], &arg(0).squared());
    let squares = b.sum(squares, &[1]);
    let length = b.map(&[squares], &(arg(0) + epsilon).sqrt());
    let length = b.stop(length);
    let unit = (arg(0) / arg(1)).with_gradient(vec![constant(1.0), constant(0.0)]);
    let unit = b.map(&[weight, length], &unit);
    b.assign(weight, unit);
    unit
}

/// What nn.WeightNorm adds to the squared length of a direction.
pub(super) const NORM_EPSILON: f64 = 1e-4;

/// The rows of a matrix, brought to these lengths; `epsilon` is added to their squared lengths first.
pub(super) fn normed_rows(
    b: &mut Builder,
    direction: ValueId,
    length: ValueId,
    epsilon: f64,
) -> ValueId {
    let squares = b.map(&[direction], &arg(0).squared());
    let squares = b.sum(squares, &[1]);
    b.map(&[direction, length, squares], &(arg(0) * arg(1) / (arg(2) + epsilon).sqrt()))
}

impl LayerOps for InnerProduct {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = cx.axis(0, self.axis)?;
        if 1 < cx.bottoms.len() {
            return self.infer_given(cx, axis);
        }
        if self.of_classes {
            return cx.unknown_classes();
        }
        cx.not_zero("num_output", self.num_output)?;
        let shape = cx.bottom(0);
        if self.num_input.is_some() {
            super::planes::batched(cx, 2, self.num_input)?;
        }
        let inputs = shape.count_of(axis..shape.rank());
        let weight = match self.transpose {
            true => [inputs, self.num_output],
            false => [self.num_output, inputs],
        };
        let name = if self.weight_norm { "direction" } else { "weight" };
        let mut params = vec![ParamDecl::new(name, weight, self.weight_filler)];
        if self.weight_norm {
            params.push(ParamDecl::new("length", [self.num_output, 1], Filler::Unset));
        }
        if self.bias {
            let bias = match self.rows {
                Some(_) => Shape::from([1, self.num_output]),
                None => [self.num_output].into(),
            };
            params.push(ParamDecl::new("bias", bias, self.bias_filler));
        }
        let mut top = shape.dims()[..axis].to_vec();
        top.push(self.rows.as_ref().map_or(self.num_output, Vec::len));
        Ok(Signature { tops: vec![top.into()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let axis = shape.axis(self.axis).unwrap_or(0);
        let matrix = [shape.count_of(0..axis), shape.count_of(axis..shape.rank())];
        let x = b.view(cx.bottoms[0], matrix);
        if let Some(&weight) = cx.bottoms.get(1) {
            let outputs = cx.top(0).dims()[axis];
            let weight = b.view(weight, [outputs, matrix[1]]);
            let bias = cx.bottoms.get(2).map(|&bias| b.view(bias, [outputs]));
            let y = b.matmul(x, false, weight, true, bias);
            return vec![b.view(y, cx.top(0).clone())];
        }
        let mut bias = self.bias.then(|| cx.params[cx.params.len() - 1]);
        let mut weight = self.weight(b, cx.params);
        if let Some(rows) = &self.rows {
            weight = pick(b, weight, 0, rows);
            bias = bias.map(|bias| {
                let bias = pick(b, bias, 1, rows);
                b.view(bias, [rows.len()])
            });
        }
        let y = b.matmul(x, false, weight, !self.transpose, bias);
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        match self.num_output {
            _ if self.of_classes => "an output for each class".into(),
            0 => String::new(),
            1 => "1 output".into(),
            n => format!("{n} outputs"),
        }
    }
}
