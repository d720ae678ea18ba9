//! Convolutions whose weights are computed and no variable, as products with the windows of the images; and rows of tables
//! that are computed.

use super::dense::shared;
use super::{Binary, Border, Fault, Graph, Kind, Outcome, Padding, Tensor, Window, shown};
use crate::layers::convolution::Convolution;
use crate::layers::im2col::Im2col;

impl Graph {
    /// The product of rows and a matrix that is a variable or computed from one.
    ///
    /// # Errors
    /// Their extents differ.
    pub fn connected_with(&mut self, x: &Tensor, name: &str, weights: &Tensor) -> Outcome<Tensor> {
        if let Some(variable) = Graph::is_variable(weights) {
            return self.connected(x, name, variable, false);
        }
        let rows = self.reshape(x, &[-1, x.dims.last().map_or(1, |&extent| extent as i64)])?;
        let product = self.matmul(&rows, weights, name, [false, false])?;
        let mut dims: Vec<i64> = x.dims.iter().map(|&extent| extent as i64).collect();
        if let (Some(last), Some(&outputs)) = (dims.last_mut(), weights.dims.last()) {
            *last = outputs as i64;
        }
        self.reshape(&product, &dims)
    }

    /// A bias that is a variable or computed from one, along the last axis.
    ///
    /// # Errors
    /// The extents differ.
    pub fn biased(&mut self, x: &Tensor, bias: &Tensor, name: &str) -> Outcome<Tensor> {
        match Graph::is_variable(bias) {
            Some(variable) => self.bias_add(x, variable, name),
            None => self.binary(Binary::Add, x, bias),
        }
    }

    /// A convolution with weights that are a variable or computed, `[kh, kw, in, out]`; depthwise `[kh, kw, in, multiplier]`.
    ///
    /// # Errors
    /// Image, window and weights do not fit.
    pub fn convolution_with(
        &mut self,
        x: &Tensor,
        name: &str,
        weights: &Tensor,
        window: Window,
        depthwise: bool,
    ) -> Outcome<Tensor> {
        if let Some(variable) = Graph::is_variable(weights) {
            return self.convolution(x, name, variable, window, depthwise);
        }
        let blob = self.image(x)?;
        let &[high, wide, inputs, outputs] = &weights.dims[..] else {
            let shape = shown(&weights.dims);
            return Err(Fault::new(format!("weights of a convolution have 4 axes, not {shape}"))
                .help("they are [height, width, channels in, channels out]"));
        };
        if inputs != x.dims[3] {
            let (shape, have) = (shown(&weights.dims), x.dims[3]);
            let message = format!(
                "the weights are {shape}, for {inputs} channels, and the images have {have}"
            );
            return Err(Fault::new(message).help("images are [batch, height, width, channels]"));
        }
        let window = Window { kernel: [high, wide], ..window };
        let extents = [x.dims[1], x.dims[2]];
        window.check(extents)?;
        let (pad, pad_end) = Window::pads(window.axes(extents));
        let layout = Convolution::default().layout;
        let conv = Convolution { num_output: 1, pad, pad_end, layout, ..shared(&window) };
        let top = self.push("windows", Im2col { conv }, &[&blob], &[])?;
        let columns = self.plain_tensor(top, Kind::Float);
        let &[batch, _, rows, width] = &columns.dims[..] else {
            return Err(Fault::new("the windows of images have 4 axes"));
        };
        let [n, rows, width, inputs, outputs, taps] =
            [batch, rows, width, inputs, outputs, high * wide].map(|extent| extent as i64);
        let columns = self.reshape(&columns, &[n, inputs, taps, rows * width])?;
        let weights = self.transpose(weights, Some(&[2, 0, 1, 3]))?;
        if depthwise {
            let columns = self.transpose(&columns, Some(&[1, 0, 3, 2]))?;
            let columns = self.reshape(&columns, &[inputs, n * rows * width, taps])?;
            let weights = self.reshape(&weights, &[inputs, taps, outputs])?;
            let product = self.matmul(&columns, &weights, name, [false, false])?;
            let product = self.reshape(&product, &[inputs, n * rows * width, outputs])?;
            let product = self.transpose(&product, Some(&[1, 0, 2]))?;
            return self.reshape(&product, &[n, rows, width, inputs * outputs]);
        }
        let columns = self.transpose(&columns, Some(&[0, 3, 1, 2]))?;
        let columns = self.reshape(&columns, &[n * rows * width, inputs * taps])?;
        let weights = self.reshape(&weights, &[inputs * taps, outputs])?;
        let product = self.matmul(&columns, &weights, name, [false, false])?;
        self.reshape(&product, &[n, rows, width, outputs])
    }

    /// The adjoint of a convolution, with weights `[kh, kw, out, in]`, to images of `extents`: a convolution of the images
    /// with zeros between and around their pixels, by the weights turned around.
    ///
    /// # Errors
    /// Image, window and weights do not fit.
    pub fn deconvolution_by(
        &mut self,
        x: &Tensor,
        name: &str,
        weights: &Tensor,
        window: Window,
        extents: Option<[usize; 2]>,
    ) -> Outcome<Tensor> {
        let (&[n, high, wide, channels], &[kh, kw, _, inputs]) = (&x.dims[..], &weights.dims[..])
        else {
            let (have, want) = (shown(&x.dims), shown(&weights.dims));
            return Err(Fault::new(format!(
                "images and weights have 4 axes each, and these are {have} and {want}"
            )));
        };
        if inputs != channels {
            let shape = shown(&weights.dims);
            let message = format!(
                "the weights are {shape}, for {inputs} channels, and the images have {channels}"
            );
            return Err(Fault::new(message)
                .help("a filter is [height, width, channels out, channels in] here"));
        }
        let window = Window { kernel: [kh, kw], ..window };
        let (axes, extents) = self.spread(&window, [high, wide], extents)?;
        let mut spread = x.clone();
        for (axis, gap) in [(1, window.stride[0] - 1), (2, window.stride[1] - 1)] {
            if gap == 0 {
                continue;
            }
            let apart = self.expand_dims(&spread, axis as i64 + 1)?;
            let mut widths = vec![[0, 0]; 5];
            widths[axis + 1] = [0, gap];
            let apart = self.pad(&apart, &widths, Border::Value(0.0))?;
            let mut dims: Vec<i64> = spread.dims.iter().map(|&extent| extent as i64).collect();
            dims[axis] *= gap as i64 + 1;
            let joined = self.reshape(&apart, &dims)?;
            let count = joined.dims[axis] - gap;
            spread = self.slice(&joined, axis, 0, count, 1)?;
        }
        debug_assert_eq!(spread.dims[0], n);
        let around = [0, 1].map(|i| {
            let before = window.kernel[i] - 1 - axes[i].pad_before;
            [before, extents[i] + window.kernel[i] - 1 - spread.dims[i + 1] - before]
        });
        let widths = [[0, 0], around[0], around[1], [0, 0]];
        let spread = self.pad(&spread, &widths, Border::Value(0.0))?;
        let turned = self.reverse(weights, &[0, 1])?;
        let turned = self.transpose(&turned, Some(&[0, 1, 3, 2]))?;
        let each =
            Window { kernel: [kh, kw], stride: [1, 1], rate: [1, 1], padding: Padding::Valid };
        self.convolution_with(&spread, name, &turned, each, false)
    }

    /// What whole numbers name along the first axis of any tensor, from 0: a product with ones in the places named.
    ///
    /// # Errors
    /// The table has no axis.
    pub fn looked_up(&mut self, table: &Tensor, places: &Tensor, name: &str) -> Outcome<Tensor> {
        let Some((&rows, rest)) = table.dims.split_first() else {
            return Err(Fault::new("a tensor without axes has no rows"));
        };
        let flat = self.reshape(places, &[-1])?;
        let ones = self.one_hot(&flat, rows, "one_hot")?;
        let matrix = self.reshape(table, &[rows as i64, -1])?;
        let product = self.matmul(&ones, &matrix, name, [false, false])?;
        let dims: Vec<i64> = places.dims.iter().chain(rest).map(|&extent| extent as i64).collect();
        let found = self.reshape(&product, &dims)?;
        Ok(Tensor { kind: table.kind, ..found })
    }
}
