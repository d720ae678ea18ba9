//! Deconvolution: the adjoint of a convolution, which makes images larger.

use super::convolution::Convolution;
use crate::diag::Reported;
use crate::params;
use crate::program::{Builder, ValueId};
use crate::spec::{Arity, Category, Infer, LayerOps, LayerSpec, Lower, Signature, caffe};

params! {
    /// The adjoint of a convolution with learned filters (Zeiler et al. 2010; Long et al. 2015 upsample with it).
    ///
    /// Input `N x C x spatial`, weights `C x num_output/group x kernel`, bias `num_output`; an output extent is
    /// stride (in - 1) + dilation (kernel - 1) + 1 - 2 pad. Several bottoms use the same weights, each for its own
    /// top.
    pub struct Deconvolution {
        /// The parameters of the convolution, with the number of channels that come out as `num_output`.
        conv: Convolution = Convolution::default(),
    }
}

/// The description of [`Deconvolution`]; its parameters are those of [`Convolution`].
pub static SPEC: LayerSpec = LayerSpec {
    params: Convolution::DOCS.params,
    bottoms: Arity::at_least(1),
    tops: Arity::at_least(1),
    in_place: false,
    spellings: &[caffe("Deconvolution", |a| Deconvolution { conv: Convolution::read(a) }.into())],
    ..LayerSpec::new("Deconvolution", Category::Convolution, Deconvolution::DOCS)
};

impl LayerOps for Deconvolution {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (channel, conv) = self.conv.geometry(cx)?;
        cx.equal_bottoms()?;
        cx.one_top_per_bottom()?;
        let first = cx.bottom(0);
        let mut top = first.with(channel, self.conv.num_output);
        for (i, axis) in conv.axes.iter().enumerate() {
            let extent = first.dims()[channel + 1 + i];
            match axis.deconvolved(extent) {
                Some(spread) if 0 < spread => top.0[channel + 1 + i] = spread,
                _ => {
                    let (reach, pad) = (axis.reach(), axis.pad_before);
                    let why = format!("{extent} windows of {reach}, less {pad} on both sides");
                    return cx.fail(&["pad", "pad_h"], format!("nothing is left of {why}"));
                }
            }
        }
        let mut weight = vec![first.dims()[channel], self.conv.num_output / conv.group];
        weight.extend(conv.axes.iter().map(|axis| axis.kernel));
        let tops = vec![top; cx.bottoms.len()];
        Ok(Signature { tops, params: self.conv.params(weight.into()) })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (channel, conv) = self.conv.approved(&b.shape(cx.bottoms[0]).clone());
        let mut tops = vec![];
        for &x in cx.bottoms {
            let x = Convolution::batched(b, x, channel);
            let mut shape = vec![b.shape(x).dims()[0]];
            shape.extend(&cx.top(0).dims()[channel..]);
            let mut y = b.deconv(x, cx.params[0], conv.clone(), shape.into());
            if let Some(&bias) = cx.params.get(1) {
                let mut spread = vec![1; b.shape(y).rank()];
                spread[1] = self.conv.num_output;
                let bias = b.view(bias, spread);
                y = b.add(y, bias);
            }
            tops.push(b.view(y, cx.top(0).clone()));
        }
        tops
    }

    fn detail(&self) -> String {
        self.conv.detail()
    }
}
