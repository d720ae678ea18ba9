//! Sets random elements to zero while training.

use super::prelude::*;
use crate::diag::{self, Diagnostic};
use crate::layers::Layer;
use crate::program::Distribution;

params! {
    /// Sets each element to zero with a probability while training (Srivastava et al. 2014); afterwards it is the
    /// identity.
    ///
    /// What is kept is multiplied by 1 / (1 - ratio), so that the expected value stays and nothing needs to be scaled
    /// when the net is used. Torch's older form and Fast R-CNN's fork of Caffe with `scale_train: false` instead multiply
    /// everything by 1 - ratio afterwards. Bayesian SegNet goes on dropping when the net is used
    /// (`sample_weights_test`; Kendall et al. 2015).
    pub struct Dropout {
        /// Probability that an element is dropped, from 0 to below 1; Caffe also takes 1, which leaves zeros.
        ratio: f64 = 0.5,
        /// Whether everything is multiplied by 1 - ratio afterwards, and nothing while training.
        scale_afterwards: bool = false,
        /// Whether elements are dropped when the net is used as well.
        always: bool = false,
        /// Drops whole maps of this many axes; each element by itself if not given.
        map_axes: Option<usize> = None,
    }
}

/// What both classes do with their probability.
macro_rules! probability {
    () => {
        "
function Class:setp(p)
   self.p = p
end
function Class:__tostring__()
   return string.format('%s(%f)', torch.type(self), self.p)
end"
    };
}

const SCRIPT: &str = concat!(
    "
function Class:__init(p, v1, inplace, stochasticInference)
   Parent.__init(self)
   self.p = p or 0.5
   self.train = true
   self.inplace = inplace
   self.stochastic_inference = stochasticInference or false
   self.v2 = not v1
   if self.p >= 1 or self.p < 0 then
      error('nn.Dropout: the probability must be at least 0 and less than 1, not ' .. self.p, 3)
   end
end",
    probability!()
);

const MAPS: &str = concat!(
    "
function Class:__init(p, stochasticInference)
   Parent.__init(self)
   self.p = p or 0.5
   self.train = true
   self.stochastic_inference = stochasticInference or false
end",
    probability!()
);

const POSITIONAL: &[&str] = &["p", "stochastic_inference"];

/// The description of [`Dropout`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("Dropout", |a| {
            let p = a.section("dropout_param");
            let all = p.float("dropout_ratio") == Some(1.0);
            if all {
                let d = Diagnostic::new(
                    &diag::W0617,
                    p.place("dropout_ratio"),
                    "every element is dropped",
                );
                p.report(d.here("the net learns nothing").note("Caffe goes on with NaN, 0 / 0"));
            }
            let ratio = if all { 1.0 } else { ratio(&p, "dropout_ratio") };
            let scale_afterwards = !p.bool("scale_train").unwrap_or(true);
            let always = p.bool("sample_weights_test").unwrap_or(false);
            Dropout { ratio, scale_afterwards, always, map_axes: None }.into()
        }),
        torch("nn.Dropout", &["p", "v1", "inplace", "stochastic_inference"], |a| read(a, None))
            .script(SCRIPT),
        torch("nn.SpatialDropout", POSITIONAL, |a| read(a, Some(2))).script(MAPS),
        torch("nn.VolumetricDropout", POSITIONAL, |a| read(a, Some(3))).script(MAPS),
    ],
    ..LayerSpec::new("Dropout", Category::Regularisation, Dropout::DOCS)
};

fn ratio(p: &Args, key: &'static str) -> f64 {
    let ratio = p.float(key).unwrap_or(0.5);
    if !(0.0..1.0).contains(&ratio) {
        p.wrong(key, format!("`{key}` must be at least 0 and less than 1, not {ratio}"));
    }
    ratio
}

fn read(a: &Args, map_axes: Option<usize>) -> Layer {
    let scale_afterwards = map_axes.is_some() || !a.bool("v2").unwrap_or(true);
    let always = a.bool("stochastic_inference").unwrap_or(false);
    Dropout { ratio: ratio(a, "p"), scale_afterwards, always, map_axes }.into()
}

impl LayerOps for Dropout {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        if let Some(n) = self.map_axes
            && x.rank() != n + 1
            && x.rank() != n + 2
        {
            let why =
                format!("needs a tensor of {} or {} dimensions, not {}", n + 2, n + 1, x.rank());
            return cx.fail_bottom(0, why);
        }
        Ok(Signature::of(x.clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let drops = cx.phase == Phase::Train || self.always;
        let factor = match (self.scale_afterwards, drops) {
            (true, true) => 1.0,
            (true, false) => 1.0 - self.ratio,
            (false, true) => 1.0 / (1.0 - self.ratio),
            (false, false) => 1.0,
        };
        if self.ratio == 0.0 {
            return vec![x];
        }
        if drops && self.ratio == 1.0 {
            return vec![b.fill(0.0, cx.top(0).clone())];
        }
        if !drops {
            return vec![if factor == 1.0 { x } else { b.scale(x, factor) }];
        }
        let mut noise = cx.top(0).clone();
        if let Some(n) = self.map_axes {
            let first = noise.rank() - n;
            noise.0[first..].fill(1);
        }
        let uniform = b.random(Distribution::Uniform, noise);
        let y = select(arg(1).lt(self.ratio), constant(0.0), arg(0) * factor);
        vec![b.map(&[x, uniform], &y)]
    }

    fn detail(&self) -> String {
        format!("ratio {}", self.ratio as f32)
    }
}
