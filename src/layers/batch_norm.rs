//! Brings every channel of a batch to mean 0 and variance 1.

use super::prelude::*;
use crate::diag::{self, Diagnostic};

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
        /// First values of a learned factor and a learned bias for each channel that follow, as NVCaffe has them in this
        /// layer; none: Caffe's layer without them.
        affine: Option<(Filler, Filler)> = None,
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
            affine: affine(&p),
        }
        .into()
    })],
    ..LayerSpec::new("BatchNorm", Category::Normalisation, BatchNorm::DOCS)
};

/// NVCaffe's fields: either filler asks for factor and bias, as `scale_bias` does.
fn affine(p: &Args) -> Option<(Filler, Filler)> {
    let wanted = p.bool("scale_bias").unwrap_or(false);
    let fillers = [p.section("scale_filler"), p.section("bias_filler")];
    let given = fillers.iter().any(Args::is_present);
    let [scale, bias] = fillers.map(|filler| Filler::read(&filler));
    (wanted || given).then(|| (scale.or_constant(1.0), bias.or_constant(0.0)))
}

impl BatchNorm {
    /// Caffe refuses multipliers for the states, except that three `param` entries are silently taken for zeros. NVCaffe has
    /// its own for all, 0 for the states and 1 for factor and bias (its batch_norm_layer.cpp, LayerSetUp).
    fn check_multipliers(&self, cx: &Infer) -> Result<(), Reported> {
        let specs = &cx.node.params;
        if self.affine.is_some() {
            let own = [0.0, 0.0, 0.0, 1.0, 1.0];
            let other =
                specs.iter().zip(own).find(|(spec, own)| spec.lr_mult.unwrap_or(1.0) != *own);
            if let Some((spec, _)) = other.filter(|_| specs.len() != 3) {
                let message = "a BatchNorm layer with factor and bias has multipliers of its own";
                let d = Diagnostic::new(&diag::W0614, spec.span, message).help(
                    "NVCaffe takes 0 for the three statistics and 1 for factor and bias; leave `param` out",
                );
                cx.report(d);
            }
            return Ok(());
        }
        let learning = specs.iter().take(3).find(|spec| spec.lr_mult.unwrap_or(1.0) != 0.0);
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
        [shape.dims()[0], shape.dims()[1], shape.count_of(2..shape.rank())].into()
    }
}

impl LayerOps for BatchNorm {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        self.check_multipliers(cx)?;
        let shape = cx.bottom(0);
        let Some(&channels) = shape.dims().get(1) else {
            return cx.fail_bottom(0, "BatchNorm needs a channel axis: 2 axes or more");
        };
        let channels = [channels];
        let zero = Filler::Constant(0.0);
        let mut params = vec![
            ParamDecl::state("mean", channels, zero),
            ParamDecl::state("variance", channels, zero),
            ParamDecl::state("factor", [1], zero),
        ];
        let asked = cx.phase == Phase::Test && self.use_global_stats == Some(false);
        if asked && !cx.is_for_training_alone() {
            let message = format!(
                "layer `{}`: `use_global_stats: false` holds in TEST as well",
                cx.node.name.value
            );
            let d = Diagnostic::new(&diag::W0617, cx.place(&["use_global_stats"]), message);
            cx.report(d.here("what an image gives depends on the others of its batch").help(
                "leave the line out: in TRAIN the statistics are the batch's, in TEST those that are stored",
            ));
        }
        if let Some((scale, bias)) = self.affine {
            for (role, filler) in [("scale", scale), ("bias", bias)] {
                params.push(ParamDecl { own_rate: true, ..ParamDecl::new(role, channels, filler) });
            }
        }
        Ok(Signature { tops: vec![shape.clone()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let grouped = Self::grouped(cx.top(0));
        let per_channel = [1, grouped.dims()[1], 1];
        let x = cx.bottoms[0];
        let states: Vec<ValueId> = cx.params.iter().take(3).map(|&state| b.latest(state)).collect();
        let sums = [b.view(states[0], per_channel), b.view(states[1], per_channel)];
        let weight = b.view(states[2], [1, 1, 1]);
        let stored = self.use_global_stats.unwrap_or(cx.phase == Phase::Test);
        let moments = if stored {
            let mean = select(arg(1).equals(0.0), constant(0.0), arg(0) / arg(1));
            (b.map(&[sums[0], weight], &mean), b.map(&[sums[1], weight], &mean))
        } else {
            let own = b.channel_moments(x);
            let (mean, variance) = (b.view(own.0, per_channel), b.view(own.1, per_channel));
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
            own
        };
        let affine = match cx.params.get(3..5) {
            Some(&[scale, bias]) => Some((scale, bias)),
            _ => None,
        };
        let y = b.normalize(x, moments, affine, self.eps, !stored);
        vec![y]
    }

    fn detail(&self) -> String {
        let statistics = match self.use_global_stats {
            Some(true) => "stored statistics",
            Some(false) => "statistics of the batch",
            None => "",
        };
        let affine = if self.affine.is_some() { "with factor and bias" } else { "" };
        let parts = [statistics, affine].into_iter().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::layers::testing::{counting, pass};
    use crate::weights::Blob;

    const NAMES: &str = "name: 'n' bottom: 'a' top: 'y'";
    const FIELDS: &str = "use_global_stats: false eps: 0.1";

    fn tensors(layers: &[(&str, usize)]) -> BTreeMap<String, Blob> {
        let mut a = counting(&[2, 3, 2, 2]);
        a.data.iter_mut().for_each(|x| *x = (*x * 0.7).sin());
        let mut dy = counting(&[2, 3, 2, 2]);
        dy.data.iter_mut().for_each(|x| *x = (*x * 1.3).cos());
        let blob = |data: [f32; 3]| Blob { shape: vec![3], data: data.to_vec() };
        let mut tensors = BTreeMap::from([("in.a".to_owned(), a), ("dout.y".to_owned(), dy)]);
        for (layer, at) in layers {
            tensors.insert(format!("param.{layer}.{at}"), blob([2.0, -1.0, 0.5]));
            tensors.insert(format!("param.{layer}.{}", at + 1), blob([0.1, 0.2, 0.3]));
        }
        tensors
    }

    #[test]
    fn factor_and_bias_are_those_of_a_scale_layer() {
        let one = format!(
            "layer {{ {NAMES} type: 'BatchNorm' batch_norm_param {{ {FIELDS} scale_bias: true }} }}"
        );
        let two = format!(
            "layer {{ name: 'n' bottom: 'a' top: 'b' type: 'BatchNorm' batch_norm_param {{ {FIELDS} }} }}
             layer {{ name: 's' bottom: 'b' top: 'y' type: 'Scale' scale_param {{ bias_term: true }} }}"
        );
        let one = pass(&one, &tensors(&[("n", 3)])).unwrap();
        let two = pass(&two, &tensors(&[("s", 0)])).unwrap();
        let pairs = [
            ("out.y", "out.y"),
            ("din.a", "din.a"),
            ("dparam.n.3", "dparam.s.0"),
            ("dparam.n.4", "dparam.s.1"),
        ];
        for (name, other) in pairs {
            assert_eq!(one[name].shape, two[other].shape);
            for (x, y) in one[name].data.iter().zip(&two[other].data) {
                assert!((x - y).abs() < 2e-6 * x.abs().max(1.0), "{name}: {x} {y}");
            }
        }
    }

    #[test]
    fn a_filler_alone_asks_for_both() {
        let layer = |field: &str| {
            format!("layer {{ {NAMES} type: 'BatchNorm' batch_norm_param {{ {FIELDS} {field} }} }}")
        };
        let results = |field: &str| pass(&layer(field), &tensors(&[])).unwrap();
        let plain = results("");
        assert!(!plain.contains_key("dparam.n.3"));
        let bias = results("bias_filler { type: 'constant' value: 3 }");
        for (x, y) in plain["out.y"].data.iter().zip(&bias["out.y"].data) {
            assert!((x + 3.0 - y).abs() < 1e-6, "{x} {y}");
        }
        let scale = results("scale_filler { type: 'constant' value: -2 }");
        for (x, y) in plain["out.y"].data.iter().zip(&scale["out.y"].data) {
            assert!((x * -2.0 - y).abs() < 1e-6, "{x} {y}");
        }
        let rates = "layer { name: 'n' bottom: 'a' top: 'y' type: 'BatchNorm' param {} param {}
            param { lr_mult: 0 } param { lr_mult: 0 } batch_norm_param { scale_bias: true } }";
        assert!(pass(rates, &tensors(&[])).unwrap().contains_key("dparam.n.3"));
    }
}
