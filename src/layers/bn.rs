//! Brings every channel of a batch to mean 0 and variance 1, then to a learned slope and shift, in one layer.

use super::prelude::*;

/// Which mean and variance a [`Bn`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// Those of the batch, in training and in tests alike.
    Batch,
    /// None: they were folded into slope and shift.
    Folded,
    /// Those of the batch in training, where they are followed; the followed ones otherwise.
    Running,
    /// The followed ones always; nothing is learned.
    Frozen,
}

params! {
    /// slope · (x - mean) / sqrt(variance + eps) + shift for each channel (Ioffe and Szegedy 2015), as forks of Caffe
    /// have it beside BatchNorm.
    ///
    /// Input `N x C x rest`; every parameter is `1 x C x 1 x 1`. Two layers bear this name. SegNet's (`scale_filler`,
    /// `shift_filler`, `bn_mode`; Kendall et al. 2015) has a slope and a shift, and normalises by the batch whatever the
    /// phase, until a script of its authors folds the statistics into them and sets `bn_mode: INFERENCE`; it may give
    /// mean and variance of the batch as further tops, which have no gradient. That of Temporal Segment Networks and
    /// PSPNet (`slope_filler`, `bias_filler`, `momentum`; Wang et al. 2016, Zhao et al. 2017) has two more blobs, which
    /// follow mean and biased variance of the batches: new = momentum · old + (1 - momentum) · batch. PSPNet's first
    /// version writes the same as `scale_filler`, `shift_filler`, `moving_average: true` and `decay`, 1 - momentum.
    pub struct Bn {
        /// Which mean and variance are taken.
        statistics: Statistics = Statistics::Running,
        /// First values of the slope.
        slope: Filler = Filler::Unset,
        /// First values of the shift.
        shift: Filler = Filler::Unset,
        /// Part of the followed statistics that remains in each pass.
        momentum: f64 = 0.9,
        /// Added to the variance, so that nothing is divided by 0.
        eps: f64 = 1e-5,
    }
}

/// The description of [`Bn`].
pub static SPEC: LayerSpec = LayerSpec {
    tops: Arity::between(1, 3),
    spellings: &[caffe("BN", |a| {
        let p = a.section("bn_param");
        let has = |fields: &[&str]| fields.iter().any(|field| p.has(field));
        let layer = if has(&["moving_average", "decay", "var_eps"]) {
            if p.bool("moving_average") != Some(true) {
                p.wrong("moving_average", "only `moving_average: true` is computed here");
            }
            Bn {
                statistics: Statistics::Running,
                slope: Filler::read(&p.section("scale_filler")),
                shift: Filler::read(&p.section("shift_filler")),
                momentum: 1.0 - p.required("decay", Args::float),
                eps: p.float("var_eps").unwrap_or(1e-10),
            }
        } else if has(&["scale_filler", "shift_filler", "bn_mode"]) {
            let modes = [("LEARN", Statistics::Batch), ("INFERENCE", Statistics::Folded)];
            let statistics = p.choice("bn_mode", &modes).unwrap_or(Statistics::Batch);
            let slope = Filler::read(&p.section("scale_filler"));
            let shift = Filler::read(&p.section("shift_filler"));
            p.ignore(&["engine"]);
            Bn { statistics, slope, shift, eps: 1e-9, ..Bn::default() }
        } else {
            let frozen = p.bool("frozen").unwrap_or(false);
            p.ignore(&["engine"]);
            Bn {
                statistics: if frozen { Statistics::Frozen } else { Statistics::Running },
                slope: Filler::read(&p.section("slope_filler")),
                shift: Filler::read(&p.section("bias_filler")),
                momentum: p.float("momentum").unwrap_or(f64::from(0.9f32)),
                eps: p.float("eps").unwrap_or(f64::from(1e-5f32)),
            }
        };
        layer.into()
    })],
    ..LayerSpec::new("BN", Category::Normalisation, Bn::DOCS)
};

impl LayerOps for Bn {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        if !(2..=4).contains(&shape.rank()) {
            return cx.fail_bottom(0, "BN needs a channel axis and at most two behind it");
        }
        if 1 < cx.n_tops() && self.statistics != Statistics::Batch {
            let why = "only SegNet's BN in the mode LEARN gives mean and variance as tops";
            return cx.fail(&["top"], why);
        }
        let per_channel = [1, shape.dims()[1], 1, 1];
        let learned = |role, filler| match self.statistics {
            Statistics::Frozen => ParamDecl::state(role, per_channel, filler),
            _ => ParamDecl::new(role, per_channel, filler),
        };
        let mut params = vec![learned("slope", self.slope), learned("shift", self.shift)];
        if let Statistics::Running | Statistics::Frozen = self.statistics {
            let spread = if self.statistics == Statistics::Frozen { 1.0 } else { 0.0 };
            params.push(ParamDecl::state("mean", per_channel, Filler::Constant(0.0)));
            params.push(ParamDecl::state("variance", per_channel, Filler::Constant(spread)));
        }
        let mut tops = vec![shape.clone()];
        tops.resize(cx.n_tops().max(1), per_channel.into());
        Ok(Signature { tops, params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let shape = cx.top(0).clone();
        let channels = shape.dims()[1];
        if self.statistics == Statistics::Folded {
            let mut across = vec![1; shape.rank()];
            across[1] = channels;
            let [slope, shift] = [0, 1].map(|i| b.view(cx.params[i], across.clone()));
            return vec![b.map(&[x, slope, shift], &(arg(0) * arg(1) + arg(2)))];
        }
        let affine = [0, 1].map(|i| b.view(cx.params[i], [channels]));
        let affine = Some((affine[0], affine[1]));
        let running = self.statistics == Statistics::Running && cx.phase == Phase::Train;
        if !running && self.statistics != Statistics::Batch {
            let states = [2, 3].map(|i| b.latest(cx.params[i]));
            let states = states.map(|state| b.view(state, [1, channels, 1]));
            return vec![b.normalize(x, (states[0], states[1]), affine, self.eps, false)];
        }
        let moments = b.channel_moments(x);
        if running {
            for (i, new) in [(2, moments.0), (3, moments.1)] {
                let state = cx.params[i];
                let (old, new) = (b.latest(state), b.view(new, [1, channels, 1, 1]));
                let next = arg(0) * self.momentum + arg(1) * (1.0 - self.momentum);
                let next = b.map(&[old, new], &next);
                b.assign(state, next);
            }
        }
        let mut tops = vec![b.normalize(x, moments, affine, self.eps, true)];
        for moment in [moments.0, moments.1].into_iter().take(cx.n_tops() - 1) {
            let told = b.stop(moment);
            tops.push(b.view(told, [1, channels, 1, 1]));
        }
        tops
    }

    fn detail(&self) -> String {
        match self.statistics {
            Statistics::Batch => "statistics of the batch",
            Statistics::Folded => "slope and shift",
            Statistics::Running => "",
            Statistics::Frozen => "stored statistics",
        }
        .into()
    }
}
