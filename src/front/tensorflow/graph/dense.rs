//! Layers with weights: convolutions, products, normalisations; and dropout.

use super::layout::plain_order;
use super::windows::per_axis;
use super::{Fault, Graph, Kind, Outcome, Padding, Source, Tensor, Use, Window, shown};
use crate::layers::Layer;
use crate::layers::axis_span::AxisSpan;
use crate::layers::batch_normalization::BatchNormalization;
use crate::layers::bias::Bias;
use crate::layers::convolution::{Convolution, Layout};
use crate::layers::coordinates::PerAxis;
use crate::layers::deconvolution::Deconvolution;
use crate::layers::dropout::Dropout;
use crate::layers::inner_product::InnerProduct;
use crate::layers::lrn::Lrn;
use crate::layers::matrix_product::MatrixProduct;
use crate::layers::power::Power;
use crate::layers::scale::Scale;
use crate::spec::Phase;
use crate::window::Axis;

/// How a batch is normalised.
#[derive(Clone, Copy, Debug)]
pub struct Normalisation {
    /// The variable of the factor, if there is one.
    pub gamma: Option<usize>,
    /// The variable of the offset, if there is one.
    pub beta: Option<usize>,
    /// The variables of the moving mean and variance.
    pub moving: [usize; 2],
    /// The variables of the mean as it would be from 0 and of the number of updates, where the moving mean is corrected for
    /// how few these are.
    pub debiased: Option<[usize; 2]>,
    /// How much of them stays at each step.
    pub decay: f64,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether the batch's own moments are taken.
    pub is_training: bool,
    /// Whether the moving variance follows the unbiased one, as where one kernel does it all.
    pub fused: bool,
}

impl Graph {
    /// A convolution with a variable `[kh, kw, in, out]`; depthwise with `[kh, kw, in, multiplier]`.
    ///
    /// # Errors
    /// Image, window and weights do not fit.
    pub fn convolution(
        &mut self,
        x: &Tensor,
        name: &str,
        weights: usize,
        window: Window,
        depthwise: bool,
    ) -> Outcome<Tensor> {
        let blob = self.image(x)?;
        let dims = self.weights(weights)?;
        let channels = x.dims[3];
        if dims[2] != channels {
            return Err(self.channels(weights, dims[2], channels));
        }
        let window = Window { kernel: [dims[0], dims[1]], ..window };
        let extents = [x.dims[1], x.dims[2]];
        window.check(extents)?;
        let (pad, pad_end) = Window::pads(window.axes(extents));
        let num_output = if depthwise { channels.saturating_mul(dims[3]) } else { dims[3] };
        let layer = Convolution {
            num_output,
            pad,
            pad_end,
            num_input: Some(channels),
            depthwise,
            ..shared(&window)
        };
        let top = self.push(name, layer, &[&blob], &[weights])?;
        Ok(self.image_tensor(top))
    }

    /// The adjoint of a convolution with a variable `[kh, kw, out, in]`, to images of `extents`, or without those to as
    /// large ones as the window gives.
    ///
    /// # Errors
    /// Image, window and weights do not fit.
    pub fn deconvolution(
        &mut self,
        x: &Tensor,
        name: &str,
        weights: usize,
        window: Window,
        extents: Option<[usize; 2]>,
    ) -> Outcome<Tensor> {
        let blob = self.image(x)?;
        let dims = self.weights(weights)?;
        let channels = x.dims[3];
        if dims[3] != channels {
            return Err(self.channels(weights, dims[3], channels));
        }
        let window = Window { kernel: [dims[0], dims[1]], ..window };
        let from = [x.dims[1], x.dims[2]];
        let (axes, extents) = self.spread(&window, from, extents)?;
        let least = |i: usize| axes[i].deconvolved(from[i], 0).unwrap_or(extents[i]);
        let mut adjust = vec![extents[0] - least(0), extents[1] - least(1)];
        let (pad, pad_end) = Window::pads(axes);
        if adjust == [0, 0] {
            adjust.clear();
        }
        let conv = Convolution {
            num_output: dims[2],
            pad,
            pad_end,
            num_input: Some(channels),
            ..shared(&window)
        };
        let top = self.push(name, Deconvolution { conv, adjust }, &[&blob], &[weights])?;
        Ok(self.image_tensor(top))
    }

    /// The axes of the images that windows of images of the extents `from` come from, and the extents of these: those that
    /// are told if they fit, else as large ones as the windows give.
    pub(super) fn spread(
        &self,
        window: &Window,
        from: [usize; 2],
        told: Option<[usize; 2]>,
    ) -> Outcome<([Axis; 2], [usize; 2])> {
        if window.kernel.contains(&0) || window.stride.contains(&0) {
            return Err(Fault::new("a window and its stride must not be 0"));
        }
        let whole = |i: usize| {
            let spread = from[i].saturating_mul(window.stride[i]);
            let lacking = window.kernel[i].saturating_sub(window.stride[i]);
            if window.padding == Padding::Same { spread } else { spread.saturating_add(lacking) }
        };
        let extents = told.unwrap_or([whole(0), whole(1)]);
        let axes = window.axes(extents);
        let fits = |i: usize| {
            let least = axes[i].deconvolved(from[i], 0);
            axes[i].convolved(extents[i]) == Some(from[i]) && least.is_some_and(|n| n <= extents[i])
        };
        if fits(0) && fits(1) {
            return Ok((axes, extents));
        }
        Err(self.no_such_image(window, axes, extents, from))
    }

    fn no_such_image(
        &self,
        window: &Window,
        axes: [Axis; 2],
        extents: [usize; 2],
        from: [usize; 2],
    ) -> Fault {
        let counted = [0, 1].map(|i| axes[i].convolved(extents[i]).unwrap_or(0));
        let [h, w] = extents;
        let [kh, kw] = window.kernel;
        let message = format!(
            "an image {h} x {w} has {} x {} windows of {kh} x {kw}, and there are {} x {}",
            counted[0], counted[1], from[0], from[1]
        );
        Fault::new(message)
            .help("`output_shape` is the shape of what the convolution would be applied to")
    }

    /// The extents of weights of images.
    fn weights(&self, variable: usize) -> Outcome<[usize; 4]> {
        let variable = &self.variables[variable];
        <[usize; 4]>::try_from(variable.dims.clone()).map_err(|dims| {
            let (name, shape) = (&variable.name, shown(&dims));
            let message = format!("`{name}` is {shape}; the weights of a convolution have 4 axes");
            Fault::new(message).help("they are [height, width, channels in, channels out]")
        })
    }

    fn channels(&self, weights: usize, of_weights: usize, have: usize) -> Fault {
        let variable = &self.variables[weights];
        let (name, shape) = (&variable.name, shown(&variable.dims));
        let message =
            format!("`{name}` is {shape}, for {of_weights} channels, and the images have {have}");
        Fault::new(message).help("images are [batch, height, width, channels]")
    }

    /// A matrix product. A variable as the second factor makes it a fully connected layer.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn matmul(
        &mut self,
        a: &Tensor,
        b: &Tensor,
        name: &str,
        transposed: [bool; 2],
    ) -> Outcome<Tensor> {
        let sides = |t: &Tensor, transposed: bool| {
            let [rows, columns] = *t.dims.last_chunk::<2>()?;
            Some(if transposed { [columns, rows] } else { [rows, columns] })
        };
        let fits = match (sides(a, transposed[0]), sides(b, transposed[1])) {
            (Some([_, inner]), Some([rows, _])) => {
                inner == rows && a.dims[..a.rank() - 2] == b.dims[..b.rank() - 2]
            }
            _ => false,
        };
        if let (Some([_, inner]), Some([rows, columns])) =
            (sides(a, transposed[0]), sides(b, transposed[1]))
            && inner == rows
            && b.rank() == 2
            && 2 < a.rank()
            && !transposed[0]
        {
            // One matrix for all.
            let all = self.reshape(a, &[-1, inner as i64])?;
            let product = self.matmul(&all, b, name, transposed)?;
            let outer = a.dims[..a.rank() - 1].iter().chain([&columns]);
            let dims: Vec<i64> = outer.map(|&extent| extent as i64).collect();
            return self.reshape(&product, &dims);
        }
        if fits && 3 < a.rank() {
            let matrices = |graph: &mut Self, t: &Tensor| {
                let [rows, columns] = [t.dims[t.rank() - 2], t.dims[t.rank() - 1]];
                graph.reshape(t, &[-1, rows as i64, columns as i64])
            };
            let (left, right) = (matrices(self, a)?, matrices(self, b)?);
            let product = self.matmul(&left, &right, name, transposed)?;
            let outer = a.dims[..a.rank() - 2].iter().chain(&product.dims[1..]);
            let dims: Vec<i64> = outer.map(|&extent| extent as i64).collect();
            return self.reshape(&product, &dims);
        }
        if !fits {
            let (left, right) = (shown(&a.dims), shown(&b.dims));
            let fault =
                Fault::new(format!("the matrix product of {left} and {right} does not exist"));
            return Err(match (a.rank(), a.dims.first(), b.dims.first()) {
                (4, Some(n), Some(&rows)) if a.count() == n * rows => fault.help(format!(
                    "bring the first into rows before: `tf.reshape(x, [-1, {rows}])`"
                )),
                (2, ..) if b.rank() == 2 && transposed == [false, false] => fault.help(format!(
                    "a row of the first has {} elements, so the second needs as many rows",
                    a.dims[1]
                )),
                _ => fault,
            });
        }
        if let (Source::Variable(weights), 2, false) = (&b.source, a.rank(), transposed[0]) {
            return self.connected(a, name, *weights, transposed[1]);
        }
        let (x, y) = (self.plain(a)?, self.plain(b)?);
        let layer = MatrixProduct { trans_a: transposed[0], trans_b: transposed[1], vector: false };
        let top = self.push(name, layer, &[&x, &y], &[])?;
        Ok(self.plain_tensor(top, Kind::Float))
    }

    /// A fully connected layer over the last axis, with weights `[in, out]`, or `[out, in]` if transposed.
    ///
    /// # Errors
    /// The weights do not fit.
    pub fn connected(
        &mut self,
        x: &Tensor,
        name: &str,
        weights: usize,
        transposed: bool,
    ) -> Outcome<Tensor> {
        let blob = self.plain(x)?;
        let dims = self.variables[weights].dims.clone();
        let [inputs, outputs] = match dims[..] {
            [inputs, outputs] if !transposed => [inputs, outputs],
            [outputs, inputs] => [inputs, outputs],
            _ => return Err(Fault::new(format!("a matrix is needed, not {}", shown(&dims)))),
        };
        if x.dims.last() != Some(&inputs) {
            let (have, want) = (shown(&x.dims), shown(&dims));
            let name = &self.variables[weights].name;
            return Err(Fault::new(format!("`{name}` is {want} and does not go with {have}")));
        }
        let layer = InnerProduct {
            num_output: outputs,
            bias: false,
            axis: -1,
            transpose: !transposed,
            ..InnerProduct::default()
        };
        let top = self.push(name, layer, &[&blob], &[weights])?;
        Ok(self.plain_tensor(top, Kind::Float))
    }

    /// The blob of a layer with the variable as its bias, if the layer that gave the blob can take it.
    pub(super) fn take_bias(
        &mut self,
        blob: &str,
        axis: usize,
        variable: usize,
        name: &str,
    ) -> Outcome<Option<String>> {
        let rank = self.shape(blob).rank();
        if self.is_read(blob) || self.unbiased.contains_key(blob) {
            return Ok(None);
        }
        let extent = self.shape(blob).dims().get(axis).copied();
        if extent.is_none() || self.variables[variable].dims.first().copied() != extent {
            return Ok(None);
        }
        let Some(at) = self.nodes.iter().rposition(|node| node.name.value == blob) else {
            return Ok(None);
        };
        let without = self.nodes[at].clone();
        let takes = match &mut self.nodes[at].layer {
            Layer::Convolution(layer) if !layer.bias && axis == 1 => &mut layer.bias,
            Layer::Deconvolution(layer) if !layer.conv.bias && axis == 1 => &mut layer.conv.bias,
            Layer::InnerProduct(layer) if !layer.bias && axis + 1 == rank => &mut layer.bias,
            _ => return Ok(None),
        };
        *takes = true;
        let param = self.param(variable);
        let position = self.nodes[at].params.len();
        self.nodes[at].params.push(param);
        let node = self.nodes[at].name.value.clone();
        self.uses.push(Use { variable, node, at: position });
        // Whoever reads the blob as it was before gets it from a node of its own.
        let top = self.unique(name);
        let shape = self.shapes[blob].clone();
        self.nodes[at].tops[0].value.clone_from(&top);
        self.shapes.insert(top.clone(), shape);
        self.unbiased.insert(blob.to_owned(), without);
        Ok(Some(top))
    }

    /// Batch normalisation over the last axis; one kernel does it for 2 and 4 axes only.
    ///
    /// # Errors
    /// The tensor has fewer than 2 axes.
    pub fn batch_norm(&mut self, x: &Tensor, name: &str, how: Normalisation) -> Outcome<Tensor> {
        if x.rank() == 3 || 4 < x.rank() {
            let channels = x.dims[x.rank() - 1] as i64;
            let rows = self.reshape(x, &[-1, channels])?;
            let rows = self.batch_norm(&rows, name, Normalisation { fused: false, ..how })?;
            let dims: Vec<i64> = x.dims.iter().map(|&extent| extent as i64).collect();
            return self.reshape(&rows, &dims);
        }
        let (blob, order) = match x.rank() {
            4 => (self.image(x)?, super::layout::IMAGE.to_vec()),
            2 => (self.plain(x)?, plain_order(2)),
            _ => {
                let shape = shown(&x.dims);
                return Err(Fault::new(format!(
                    "batch normalisation needs 2 axes or more, not {shape}"
                )));
            }
        };
        let [mean, variance] = how.moving;
        let affine = how.gamma.zip(how.beta);
        let layer = BatchNormalization {
            channels: x.dims[x.rank() - 1],
            rank: x.rank(),
            affine: affine.is_some(),
            momentum: 1.0 - how.decay,
            eps: how.epsilon,
            one_sample: true,
            biased: !how.fused,
            debiased: how.debiased.is_some(),
            ..BatchNormalization::default()
        };
        let mut variables = match affine {
            Some((gamma, beta)) => vec![gamma, beta, mean, variance],
            None => vec![mean, variance],
        };
        variables.extend(how.debiased.into_iter().flatten());
        let mut top = self.push(name, layer, &[&blob], &variables)?;
        self.phase(how.is_training);
        let span = AxisSpan { axis: 1, count: 1 };
        match (how.gamma, how.beta) {
            (Some(gamma), None) => {
                let layer = Scale { span, ..Scale::default() };
                top = self.push("gamma", layer, &[&top], &[gamma])?;
            }
            (None, Some(beta)) => {
                let layer = Bias { span, ..Bias::default() };
                top = self.push("beta", layer, &[&top], &[beta])?;
            }
            _ => {}
        }
        Ok(self.tensor(top, order, Kind::Float))
    }

    /// The last node behaves as in training, or not, whatever the mode.
    fn phase(&mut self, training: bool) {
        let phase = if training { Phase::Train } else { Phase::Test };
        if let Some(node) = self.nodes.last_mut()
            && phase != self.mode.phase()
        {
            node.phase = Some(phase);
        }
    }

    /// Dropout that keeps an element with a probability, while it is training.
    ///
    /// # Errors
    /// The probability is none.
    pub fn dropout(
        &mut self,
        x: &Tensor,
        name: &str,
        keep: f64,
        is_training: bool,
    ) -> Outcome<Tensor> {
        if !(0.0 < keep && keep <= 1.0) {
            let message = format!("`keep_prob` must be above 0 and at most 1, not {keep}");
            return Err(Fault::new(message)
                .help("it is the probability of being kept, not of being dropped"));
        }
        let ratio = 1.0 - keep;
        let dropped = self.unary(x, name, Dropout { ratio, ..Dropout::default() })?;
        self.phase(is_training);
        Ok(dropped)
    }

    /// `tf.nn.lrn`: x / (bias + alpha · sum of squares)^beta over `2 radius + 1` channels.
    ///
    /// # Errors
    /// The tensor is no batch of images.
    pub fn lrn(
        &mut self,
        x: &Tensor,
        radius: usize,
        [bias, alpha, beta]: [f64; 3],
    ) -> Outcome<Tensor> {
        let blob = self.image(x)?;
        let local_size = radius.saturating_mul(2).saturating_add(1);
        let layer = Lrn { local_size, alpha, beta, k: bias, mean: false, ..Lrn::default() };
        let top = self.push("LRN", layer, &[&blob], &[])?;
        Ok(self.image_tensor(top))
    }

    /// The sum of the squares of a variable, times half the scale of its regulariser.
    ///
    /// # Errors
    /// There are too many elements.
    pub fn l2(&mut self, x: &Tensor, name: &str, scale: f64) -> Outcome<Tensor> {
        use crate::layers::reduction::{Reduce, Reduction};
        let (blob, _) = self.blob(x)?;
        let layer =
            Reduction { operation: Reduce::SquareSum, coeff: scale / 2.0, ..Reduction::default() };
        let top = self.push(name, layer, &[&blob], &[])?;
        Ok(self.plain_tensor(top, Kind::Float))
    }

    /// x times a number.
    ///
    /// # Errors
    /// There are too many elements.
    pub fn scaled(&mut self, x: &Tensor, name: &str, scale: f64) -> Outcome<Tensor> {
        self.power(x, name, Power { scale, ..Power::default() })
    }
}

/// What convolutions and their adjoints take from a window.
pub(super) fn shared(window: &Window) -> Convolution {
    let unless_one = |values: [usize; 2]| match values {
        [1, 1] => PerAxis::default(),
        values => per_axis(values),
    };
    Convolution {
        kernel: PerAxis { values: window.kernel.to_vec() },
        stride: unless_one(window.stride),
        dilation: unless_one(window.rate),
        bias: false,
        axis: 1,
        layout: Layout::ChannelsLast,
        ..Convolution::default()
    }
}
