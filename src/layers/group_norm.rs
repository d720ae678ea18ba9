//! Brings groups of channels of each image to mean 0 and variance 1.

use super::prelude::*;
use super::standardize::{moments, standardize};

params! {
    /// (x - mean) / sqrt(variance + eps), with the biased variance over a group of channels of one image and all its pixels (Wu
    /// and He 2018, Group Normalization). With a group for each channel it is instance normalisation (Ulyanov et al. 2016).
    ///
    /// Input `N x C x rest`. Layers of forks of Caffe, which leave factor and bias to a Scale layer.
    pub struct GroupNorm {
        /// Number of groups; none: one for each channel.
        groups: Option<usize> = Some(32),
        /// Added to the variance.
        eps: f64 = 1e-5,
    }
}

/// The description of [`GroupNorm`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("GroupNorm", |a| {
            let p = a.section("group_norm_param");
            let groups = p.usize("group_num").or(p.usize("group_ratio")).unwrap_or(32);
            if groups == 0 {
                p.wrong("group_num", "there must be a group at least");
            }
            let eps = p.float("eps").unwrap_or(1e-5);
            GroupNorm { groups: Some(groups), eps }.into()
        }),
        caffe("InstanceNorm", |_| GroupNorm { groups: None, eps: 1e-4 }.into()),
    ],
    ..LayerSpec::new("GroupNorm", Category::Normalisation, GroupNorm::DOCS)
};

impl LayerOps for GroupNorm {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        let Some(&channels) = x.dims().get(1) else {
            return cx.fail_bottom(0, "needs a channel axis: 2 axes or more");
        };
        match self.groups {
            Some(groups) if groups == 0 || !channels.is_multiple_of(groups) => {
                let why =
                    format!("{channels} channels do not form {groups} groups of the same size");
                cx.fail(&["group_num", "group_ratio"], why)
            }
            _ => Ok(Signature::of(x.clone())),
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = cx.top(0);
        let [items, channels] = [shape.dims()[0], shape.dims()[1]];
        let groups = items * self.groups.unwrap_or(channels);
        let x = b.view(cx.bottoms[0], [groups, shape.count() / groups.max(1)]);
        let moments = moments(b, x, &[1]);
        let y = standardize(b, x, moments, (arg(0) + self.eps).pow(-0.5));
        vec![b.view(y, shape.clone())]
    }

    fn detail(&self) -> String {
        self.groups.map_or_else(String::new, |groups| format!("{groups} groups"))
    }
}
