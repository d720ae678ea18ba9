//! Brings every channel of a batch to mean 0 and variance 1.

use super::standardize::{moments, standardize};
use crate::diag::{self, Diagnostic, Reported};
use crate::params;
use crate::program::expr::{arg, constant, select};
use crate::program::{Builder, ValueId};
use crate::spec::{
    Category, Filler, Infer, LayerOps, LayerSpec, Lower, ParamDecl, Phase, Signature, caffe,
};
use crate::ty::Shape;

params! {
    /// (x - mean) / sqrt(variance + eps) for each channel (Ioffe and Szegedy 2015), without the affine part, which
    /// Caffe leaves to Scale.
    ///
    /// Input `N x C x rest`; a blob of 1 axis is one channel. While training, mean and biased variance are those of
    /// the batch and three states follow them, as in Caffe (batch_norm_layer.cpp): with f = `moving_average_fraction`
    /// the sums `mean` = f · mean + batch mean and `variance` = f · variance + m/(m-1) · batch variance, for m elements
    /// a channel, and their weight `factor` = f · factor + 1. Otherwise the states divided by `factor` are used, or
    /// zeros while it is 0. Layers that share their states add to them one after the other.
    pub struct BatchNorm {
        /// Whether the states are used and not changed; none: as the phase wants, in TEST.
        use_global_stats: Option<bool> = None,
        /// Part of the states that remains in each pass.
        moving_average_fraction: f64 = 0.999,
        /// Added to the variance, so that nothing is divided by 0.
        eps: f64 = 1e-5,
    }
}

/// The description of [`BatchNorm`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("BatchNorm", |a| {
        let p = a.section("batch_norm_param");
        p.ignore(&["engine"]);
        BatchNorm {
            use_global_stats: p.bool("use_global_stats"),
            moving_average_fraction: p
                .float("moving_average_fraction")
                .unwrap_or(f64::from(0.999f32)),
            eps: p.float("eps").unwrap_or(f64::from(1e-5f32)),
        }
        .into()
    })],
    ..LayerSpec::new("BatchNorm", Category::Normalisation, BatchNorm::DOCS)
};

impl BatchNorm {
    /// Caffe refuses multipliers for the states, except that three `param` entries are silently taken for zeros.
    fn check_multipliers(&self, cx: &Infer) -> Result<(), Reported> {
        let specs = &cx.node.params;
        let learning = specs.iter().find(|spec| spec.lr_mult.unwrap_or(1.0) != 0.0);
        match learning {
            Some(spec) if specs.len() < 3 => {
                let layer = &cx.node.name.value;
                let message =
                    format!("layer `{layer}`: the statistics of BatchNorm are not learned");
                let d = Diagnostic::new(&diag::E0306, spec.span, message)
                    .here("a learning rate for them")
                    .help("write `param { lr_mult: 0 }` three times, or leave them out");
                Err(cx.report(d))
            }
            _ => Ok(()),
        }
    }

    /// `N x C x rest` in three axes.
    fn grouped(shape: &Shape) -> Shape {
        let channels = shape.dims().get(1).copied().unwrap_or(1);
        let rest = if shape.rank() < 2 { 1 } else { shape.count_of(2..shape.rank()) };
        [shape.dims()[0], channels, rest].into()
    }
}

impl LayerOps for BatchNorm {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        self.check_multipliers(cx)?;
        let shape = cx.bottom(0);
        if shape.rank() == 0 {
            return cx.fail_bottom(0, "BatchNorm needs a batch axis");
        }
        let channels = [shape.dims().get(1).copied().unwrap_or(1)];
        let zero = Filler::Constant(0.0);
        let params = vec![
            ParamDecl::state("mean", channels, zero),
            ParamDecl::state("variance", channels, zero),
            ParamDecl::state("factor", [1], zero),
        ];
        Ok(Signature { tops: vec![shape.clone()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let grouped = Self::grouped(cx.top(0));
        let per_channel = [1, grouped.dims()[1], 1];
        let x = b.view(cx.bottoms[0], grouped.clone());
        let states: Vec<ValueId> = cx.params.iter().map(|&state| b.latest(state)).collect();
        let sums = [b.view(states[0], per_channel), b.view(states[1], per_channel)];
        let weight = b.view(states[2], [1, 1, 1]);
        let moments = if self.use_global_stats.unwrap_or(cx.phase == Phase::Test) {
            let mean = select(arg(1).equals(0.0), constant(0.0), arg(0) / arg(1));
            (b.map(&[sums[0], weight], &mean), b.map(&[sums[1], weight], &mean))
        } else {
            let (mean, variance) = moments(b, x, &[0, 2]);
            let kept = self.moving_average_fraction;
            let m = grouped.dims()[0].saturating_mul(grouped.dims()[2]) as f64;
            let unbiased = if 1.0 < m { m / (m - 1.0) } else { 1.0 };
            let new = [
                b.map(&[sums[0], mean], &(arg(0) * kept + arg(1))),
                b.map(&[sums[1], variance], &(arg(0) * kept + arg(1) * unbiased)),
                b.map(&[weight], &(arg(0) * kept + 1.0)),
            ];
            for (&state, new) in cx.params.iter().zip(new) {
                b.assign(state, new);
            }
            (mean, variance)
        };
        let y = standardize(b, x, moments, (arg(0) + self.eps).pow(-0.5));
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        match self.use_global_stats {
            Some(true) => "stored statistics".into(),
            Some(false) => "statistics of the batch".into(),
            None => String::new(),
        }
    }
}
