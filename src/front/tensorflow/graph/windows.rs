//! Windows over images as TensorFlow counts them, and pooling.

use super::{Binary, Fault, Graph, Kind, Outcome, Tensor};
use crate::layers::coordinates::PerAxis;
use crate::layers::pooling::{Method, Pooling};
use crate::source::Spanned;
use crate::window::{Axis, Rounding};

/// What lies around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Nothing.
    Valid,
    /// As much that there is a window for each step, the smaller half first.
    Same,
}

/// A window, high and wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its extents.
    pub kernel: [usize; 2],
    /// The step between windows.
    pub stride: [usize; 2],
    /// The distance between its elements.
    pub rate: [usize; 2],
    /// What lies around the image.
    pub padding: Padding,
}

/// The same number twice is one.
pub(super) fn per_axis(values: [usize; 2]) -> PerAxis {
    PerAxis { values: if values[0] == values[1] { vec![values[0]] } else { values.to_vec() } }
}

impl Window {
    /// The axes over an image of these extents.
    pub(super) fn axes(&self, extents: [usize; 2]) -> [Axis; 2] {
        [0, 1].map(|i| match self.padding {
            Padding::Valid => {
                Axis { dilation: self.rate[i], ..Axis::new(self.kernel[i], self.stride[i], 0) }
            }
            Padding::Same => Axis::same(self.kernel[i], self.stride[i], self.rate[i], extents[i]),
        })
    }

    /// The padding before and behind, the latter only where it differs.
    pub(super) fn pads(axes: [Axis; 2]) -> (PerAxis, PerAxis) {
        let (before, after) = (axes.map(|a| a.pad_before), axes.map(|a| a.pad_after));
        let pad = if before == [0, 0] { PerAxis::default() } else { per_axis(before) };
        let end = if before == after { PerAxis::default() } else { per_axis(after) };
        (pad, end)
    }

    /// Complains about extents of 0 and windows that do not fit.
    pub(super) fn check(&self, extents: [usize; 2]) -> Outcome<()> {
        if self.kernel.contains(&0) || self.stride.contains(&0) || self.rate.contains(&0) {
            return Err(Fault::new("a window, its stride and its rate must not be 0"));
        }
        for (i, direction) in ["high", "wide"].into_iter().enumerate() {
            let reach = self.rate[i].saturating_mul(self.kernel[i] - 1).saturating_add(1);
            if self.padding == Padding::Valid && extents[i] < reach {
                let extent = extents[i];
                let message =
                    format!("a window of {reach} does not fit into an image {extent} {direction}");
                let [h, w] = extents;
                let fault = Fault::new(message);
                return Err(match h {
                    1 | 3 if 16 < w => fault.help(format!(
                        "images are (batch, height, width, channels), so this one is {h} high and {w} wide; \
                         `digits.nchw_to_nhwc(x)` brings the channels to the end"
                    )),
                    _ => fault.help(
                        "`padding='SAME'` adds zeros around the image, or take a smaller window",
                    ),
                });
            }
        }
        Ok(())
    }
}

impl Graph {
    /// `tf.nn.max_pool`, `tf.nn.avg_pool`: an average does not count what is around the image.
    ///
    /// # Errors
    /// The tensor is no batch of images, or the window does not fit.
    pub fn pool(&mut self, x: &Tensor, name: &str, mean: bool, window: Window) -> Outcome<Tensor> {
        let blob = self.image(x)?;
        let layer = self.pooling(x, mean, window)?;
        let top = self.push(name, layer, &[&blob], &[])?;
        Ok(self.image_tensor(top))
    }

    /// `tf.nn.max_pool_with_argmax`: the largest of each window, and its place in the image, `(y width + x) channels + channel`.
    ///
    /// # Errors
    /// The tensor is no batch of images, the window does not fit, or places are too large to be exact.
    pub fn pool_with_places(
        &mut self,
        x: &Tensor,
        name: &str,
        window: Window,
    ) -> Outcome<[Tensor; 2]> {
        let blob = self.image(x)?;
        let layer = self.pooling(x, false, window)?;
        self.exact(x.dims[1..].iter().product())?;
        let top = self.push(name, layer, &[&blob], &[])?;
        let places = second(&top);
        if let Some(node) = self.nodes.last_mut() {
            node.tops.push(Spanned::new(places.clone(), node.span));
        }
        self.infer()?;
        self.images.insert(places.clone());
        let channels = x.dims[3];
        let places = Tensor { kind: Kind::Int, ..self.image_tensor(places) };
        let factor = Tensor::number(channels as f64, Kind::Int);
        let places = self.binary(Binary::Multiply, &places, &factor)?;
        let each = (0..channels).map(|channel| channel as f64).collect();
        let each = Tensor::numbers(each, vec![channels], Kind::Int);
        let places = self.binary(Binary::Add, &places, &each)?;
        Ok([self.image_tensor(top), places])
    }

    /// Rows at numbered places among so many rows of zeros.
    ///
    /// # Errors
    /// There is not a number for each row, or there are too many rows for numbers to be exact.
    pub fn scattered(&mut self, rows: &Tensor, places: &Tensor, count: usize) -> Outcome<Tensor> {
        self.exact(count)?;
        let (updates, places) = (self.plain(rows)?, self.plain(places)?);
        let layer = crate::layers::scatter::Scatter { rows: count };
        let top = self.push("ScatterNd", layer, &[&updates, &places], &[])?;
        self.images.remove(&top);
        Ok(Tensor { kind: rows.kind, ..self.plain_tensor(top, Kind::Float) })
    }

    /// Complains about more places than numbers of single precision count one by one.
    fn exact(&self, places: usize) -> Outcome<()> {
        if places <= MOST_PLACES {
            return Ok(());
        }
        let message =
            format!("{places} places are more than are counted exactly here, {MOST_PLACES}");
        Err(Fault::new(message).help("take a smaller batch, or smaller images"))
    }

    fn pooling(&self, x: &Tensor, mean: bool, window: Window) -> Outcome<Pooling> {
        let extents = [x.dims[1], x.dims[2]];
        window.check(extents)?;
        let axes = window.axes(extents);
        let (pad, pad_end) = Window::pads(axes);
        let stride =
            if window.stride == [1, 1] { PerAxis::default() } else { per_axis(window.stride) };
        Ok(Pooling {
            method: if mean { Method::Ave } else { Method::Max },
            kernel: per_axis(window.kernel),
            stride,
            pad,
            pad_end,
            rounding: Rounding::Floor,
            count_pad: false,
            ..Pooling::default()
        })
    }
}

/// The name of the second top of a node whose first has this name.
pub(super) fn second(top: &str) -> String {
    format!("{top}:1")
}

/// Whole numbers are exact in single precision up to here.
const MOST_PLACES: usize = 1 << 24;
