//! Brings every channel of a batch to mean 0 and variance 1, then to a learned scale and shift.

use super::lua::extents;
use super::prelude::*;
use crate::diag::{self, Diagnostic};

params! {
    /// scale · (x - mean) / sqrt(variance + eps) + shift for each channel (Ioffe and Szegedy 2015), with running means
    /// and variances, as in Torch.
    ///
    /// Input `N x C x rest`. While training, mean and biased variance are those of the batch, and the states follow
    /// them: running = (1 - momentum) running + momentum · new, where the new variance is the unbiased one, or in
    /// TensorFlow's unfused form the biased one. Otherwise
    /// the states are used, as they are, by the rule of Torch's last version, for a batch of one while training. Caffe's
    /// `BatchNorm` keeps sums instead.
    pub struct BatchNormalization {
        /// Number of channels.
        channels: usize = 0,
        /// Number of axes of the bottom; outside of training the batch may be missing, and the top has it.
        rank: usize = 2,
        /// Whether there are a scale and a shift.
        affine: bool = true,
        /// Weight of the new mean and variance in the states; with 0 they stay as they are.
        momentum: f64 = 0.1,
        /// Added to the variance, so that nothing is divided by 0.
        eps: f64 = 1e-5,
        /// Whether a batch of one has a mean and a variance too, as before that rule: inside modules of a definition's
        /// own, which see images as channels (Ulyanov et al. 2016), and in cudnn.
        one_sample: bool = false,
        /// Whether the states follow the biased variance.
        biased: bool = false,
        /// Factor on the new mean and variance in the states, where several layers change the same ones and what counts is
        /// another order than that in which they run.
        share: f64 = 1.0,
        /// Whether the mean that is kept is corrected for how few batches it is of (Kingma and Ba 2015): two more states hold the
        /// mean as it would be from 0, and the number of updates.
        debiased: bool = false,
    }
}

/// The description of [`BatchNormalization`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        torch("nn.BatchNormalization", ARGUMENTS, |a| BatchNormalization::read(a, 2).into())
            .tensors(TENSORS)
            .script(SCRIPT),
        torch("nn.SpatialBatchNormalization", ARGUMENTS, |a| BatchNormalization::read(a, 4).into())
            .extends("nn.BatchNormalization")
            .tensors(TENSORS)
            .script("Class.__version = 2\nClass.nDim = 4"),
        torch("nn.VolumetricBatchNormalization", ARGUMENTS, |a| {
            BatchNormalization::read(a, 5).into()
        })
        .extends("nn.BatchNormalization")
        .tensors(TENSORS)
        .script("Class.__version = 2\nClass.nDim = 5"),
    ],
    ..LayerSpec::new("BatchNormalization", Category::Normalisation, BatchNormalization::DOCS)
};

const ARGUMENTS: &[&str] = &["nOutput", "eps", "momentum", "affine"];

const TENSORS: &[&str] = &["weight", "bias", "running_mean", "running_var"];

const SCRIPT: &str = r#"
Class.__version = 2
Class.nDim = 2
function Class:__init(nOutput, eps, momentum, affine)
   Parent.__init(self)
   if type(nOutput) ~= 'number' then
      error('the number of features is missing, or no number: ' .. tostring(nOutput), 3)
   end
   if affine ~= nil and type(affine) ~= 'boolean' then
      error('affine has to be true or false', 3)
   end
   self.affine = affine == nil or affine
   self.eps = eps or 1e-5
   self.train = true
   self.momentum = momentum or 0.1
   self.running_mean = torch.zeros(nOutput)
   self.running_var = torch.ones(nOutput)
   if self.affine then
      self.weight = torch.Tensor(nOutput)
      self.bias = torch.Tensor(nOutput)
      self.gradWeight = torch.Tensor(nOutput)
      self.gradBias = torch.Tensor(nOutput)
      self:reset()
   end
end
function Class:reset()
   if self.weight then self.weight:uniform() end
   if self.bias then self.bias:zero() end
   self.running_mean:zero()
   self.running_var:fill(1)
end
function Class:__tostring__()
   return string.format('%s (%dD) (%d)', torch.type(self), self.nDim, self.running_mean:nElement())
end
"#;

impl BatchNormalization {
    fn read(a: &Args, rank: usize) -> Self {
        let [channels] = extents(a, "running_mean");
        let affine = a.has("weight");
        if affine != a.has("bias") {
            a.wrong("weight", "a batch normalisation has a weight and a bias, or neither");
        }
        BatchNormalization {
            channels,
            rank,
            affine,
            momentum: a.float("momentum").unwrap_or(0.1),
            eps: a.float("eps").unwrap_or(1e-5),
            one_sample: a.bool("one_sample").unwrap_or(false),
            ..BatchNormalization::default()
        }
    }
}

impl BatchNormalization {
    /// The mean that is kept from now on, made of the mean as it would be from 0.
    fn debiased_mean(
        &self,
        b: &mut Builder,
        mean: ValueId,
        biased: ValueId,
        updates: ValueId,
    ) -> ValueId {
        let kept = 1.0 - self.momentum;
        let (before, count) = (b.latest(biased), b.latest(updates));
        let before = b.view(before, [1, self.channels, 1]);
        let now = b.map(&[before, mean], &(arg(0) * kept + arg(1) * self.momentum));
        let count = b.map(&[count], &(arg(0) + 1.0));
        b.assign(biased, now);
        b.assign(updates, count);
        let count = b.view(count, [1, 1, 1]);
        b.map(&[now, count], &(arg(0) / (constant(1.0) - constant(kept).pow(arg(1)))))
    }
}

impl BatchNormalization {
    /// Says of a batch of one, where somebody says so, that it has no statistics of its own.
    fn warn_of_one(&self, cx: &Infer) {
        let layer = &cx.node.name.value;
        let message =
            format!("layer `{layer}`: a batch of one is trained on the running statistics");
        let d = Diagnostic::new(&diag::W0640, cx.node.type_name.span, message);
        cx.report(
            d.note("so Torch does since August 2017; definitions that are older mean the statistics of the batch")
                .help("take batches of two or more, or cudnn.SpatialBatchNormalization, which has statistics of one image"),
        );
    }
}

impl LayerOps for BatchNormalization {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        let (rank, fewer) = (self.rank, self.rank - 1);
        let top = match shape.rank() {
            n if n == rank => shape.clone(),
            n if n == fewer && cx.phase == Phase::Test => super::planes::with_batch(shape, rank),
            n => {
                let why =
                    format!("needs {rank} axes, the first of them a batch, and there are {n}");
                return cx.fail_bottom(0, why);
            }
        };
        let channels = top.dims()[1];
        if channels != self.channels {
            let want = self.channels;
            let why = format!("is made for {want} channels, and there are {channels}");
            return cx.fail_bottom(0, why);
        }
        let told = !cx.env.shapes.is_empty();
        if told && cx.phase == Phase::Train && top.dims()[0] == 1 && !self.one_sample {
            self.warn_of_one(cx);
        }
        let mut params = vec![];
        if self.affine {
            params.push(ParamDecl::new("weight", [channels], Filler::Unset));
            params.push(ParamDecl::new("bias", [channels], Filler::Unset));
        }
        params.push(ParamDecl::state("running_mean", [channels], Filler::Constant(0.0)));
        params.push(ParamDecl::state("running_var", [channels], Filler::Constant(1.0)));
        if self.debiased {
            params.push(ParamDecl::state("biased", [channels], Filler::Constant(0.0)));
            params.push(ParamDecl::state("local_step", Shape::scalar(), Filler::Constant(0.0)));
        }
        Ok(Signature { tops: vec![top], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let top = cx.top(0).clone();
        let rest = top.count_of(2..top.rank());
        let per_channel = [1, self.channels, 1];
        let x = b.view(cx.bottoms[0], top.clone());
        let (params, debiasing) = match self.debiased {
            true => cx.params.split_at(cx.params.len() - 2),
            false => (cx.params, &[][..]),
        };
        let (learned, states) = params.split_at(params.len() - 2);
        let latest: Vec<ValueId> = states.iter().map(|&state| b.latest(state)).collect();
        let running = [b.view(latest[0], per_channel), b.view(latest[1], per_channel)];
        let batch = cx.phase == Phase::Train && (self.one_sample || 1 < top.dims()[0]);
        let moments = if batch {
            let own = b.channel_moments(x);
            let (mean, variance) = (b.view(own.0, per_channel), b.view(own.1, per_channel));
            let (new, kept) = (self.momentum * self.share, 1.0 - self.momentum);
            let m = top.dims()[0].saturating_mul(rest) as f64;
            let unbiased = if 1.0 < m && !self.biased { m / (m - 1.0) } else { 1.0 };
            let mean_now = match debiasing {
                &[biased, updates] => self.debiased_mean(b, mean, biased, updates),
                _ => b.map(&[running[0], mean], &(arg(0) * kept + arg(1) * new)),
            };
            let spread = arg(0) * kept + arg(1) * (unbiased * new);
            let variance_now = b.map(&[running[1], variance], &spread);
            if new != 0.0 {
                b.assign(states[0], mean_now);
                b.assign(states[1], variance_now);
            }
            own
        } else {
            (running[0], running[1])
        };
        let affine = match learned {
            &[scale, shift] => Some((scale, shift)),
            _ => None,
        };
        let y = b.normalize(x, moments, affine, self.eps, batch);
        vec![b.view(y, top)]
    }

    fn detail(&self) -> String {
        if self.affine { String::new() } else { "without scale and shift".into() }
    }
}
