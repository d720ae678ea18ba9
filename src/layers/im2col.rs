//! The windows of a convolution as columns.

use super::convolution::Convolution;
use super::coordinates::PerAxis;
use super::lua::{counts, counts_or};
use super::many_axes::{columns, dense};
use super::prelude::*;
use crate::window::Conv;

params! {
    /// The windows that a convolution would see, as columns: `N x C x spatial` to `N x C·taps x spatial'`.
    ///
    /// Taps count with the last spatial axis fastest; what lies in the padding is 0.
    pub struct Im2col {
        /// The convolution whose windows are taken; filters mean nothing here.
        conv: Convolution = Convolution::default(),
    }
}

/// The fields of the windows that a convolution of images in Torch would see.
const WINDOW: &[&str] = &["kW", "kH", "dW", "dH", "padW", "padH", "dilationW", "dilationH"];

/// The description of [`Im2col`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Garbled,
    spellings: &[
        caffe("Im2col", |a| {
            let window = Convolution::read_window(&a.section("convolution_param"));
            Im2col { conv: Convolution { num_output: 1, group: 1, ..window } }.into()
        }),
        torch("cortado.Windows", WINDOW, |a| {
            let axes = |values| PerAxis { values };
            let conv = Convolution {
                num_output: 1,
                axis: -3,
                kernel: axes(counts(a, ["kH", "kW"])),
                stride: axes(counts_or(a, ["dH", "dW"], 1)),
                pad: axes(counts_or(a, ["padH", "padW"], 0)),
                dilation: axes(counts_or(a, ["dilationH", "dilationW"], 1)),
                ..Convolution::default()
            };
            Im2col { conv }.into()
        }),
    ],
    ..LayerSpec::new("Im2col", Category::Convolution, Im2col::DOCS)
};

impl LayerOps for Im2col {
    fn check(&self, cx: &Infer) -> Result<(), Reported> {
        self.conv.check_numbers(cx)
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (channel, conv) = self.conv.geometry(cx)?;
        if conv.axes.is_empty() {
            return cx
                .fail_bottom(0, format!("needs spatial axes after the channels, axis {channel}"));
        }
        let top = self.conv.windows(cx, channel, &conv)?;
        let taps = conv.axes.iter().fold(1usize, |n, axis| n.saturating_mul(axis.kernel));
        let columns = top.dims()[channel].saturating_mul(taps);
        Ok(Signature::of(top.with(channel, columns)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (channel, conv) = self.conv.approved_windows(&b.shape(cx.bottoms[0]).clone());
        let x = Convolution::batched(b, cx.bottoms[0], channel);
        let taps: Vec<usize> = conv.axes.iter().map(|axis| axis.kernel).collect();
        let axes = dense(&conv.axes);
        let mut y = columns(b, x, Conv { axes: axes.clone(), ..conv });
        if axes.iter().map(|axis| axis.kernel).ne(taps.iter().copied()) {
            // Taps at one place are columns that are alike.
            let (batch, channels) = (b.shape(x).dims()[0], b.shape(x).dims()[1]);
            let windows =
                b.shape(y).count() / axes.iter().fold(batch * channels, |n, a| n * a.kernel);
            let dims = |taps: Vec<usize>| [&[batch, channels][..], &taps, &[windows]].concat();
            let once = b.view(y, dims(axes.iter().map(|axis| axis.kernel).collect()));
            y = b.repeat(once, dims(taps));
        }
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("windows of {}", self.conv.window_text())
    }
}
