//! Keeps the largest frames of every feature of a sequence, in their order.

use super::lua::count;
use super::prelude::*;

params! {
    /// Keeps for each feature of `N x frames x features` its k largest frames, in their order (Kalchbrenner et al.
    /// 2014), with k = max(`least`, ceil(factor · frames)). The batch axis may be missing.
    pub struct KMaxPooling {
        /// At least so many frames are kept.
        least: usize = 1,
        /// Part of the frames that is kept.
        factor: f64 = 0.0,
    }
}

/// The description of [`KMaxPooling`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.TemporalDynamicKMaxPooling", &["minK", "factor"], |a| {
        let factor = a.float("factor").unwrap_or(0.0);
        if !(0.0..=1.0).contains(&factor) {
            a.wrong("factor", format!("`factor` must be from 0 to 1, not {factor}"));
        }
        KMaxPooling { least: count(a, "minK"), factor }.into()
    })],
    ..LayerSpec::new("KMaxPooling", Category::Pooling, KMaxPooling::DOCS)
};

impl LayerOps for KMaxPooling {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        if ![2, 3].contains(&shape.rank()) {
            return cx.fail_bottom(0, "needs frames x features: 2 axes, or 3 with a batch");
        }
        let axis = shape.rank() - 2;
        let frames = shape.dims()[axis];
        let kept = self.least.max((self.factor * frames as f64).ceil() as usize);
        if kept == 0 || frames < kept {
            return cx.fail_bottom(0, format!("{kept} of {frames} frames cannot be kept"));
        }
        Ok(Signature::of(shape.with(axis, kept)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        b.native(Largest { top: cx.top(0).clone() }, cx.bottoms)
    }

    fn detail(&self) -> String {
        format!("at least {} frames", self.least)
    }
}

/// `(.. x frames x features) -> largest frames`.
#[derive(Debug, PartialEq)]
struct Largest {
    top: Shape,
}

impl Largest {
    /// Calls `visit` with the places in the result and in the argument of every element that is kept.
    fn each<T: Real>(&self, x: &View<T>, mut visit: impl FnMut(usize, usize)) {
        let rank = x.shape.rank();
        let (items, kept) = (x.shape.count_of(0..rank - 2), self.top.dims()[rank - 2]);
        let (frames, features) = (x.shape.dims()[rank - 2], x.shape.dims()[rank - 1]);
        let mut order: Vec<usize> = Vec::with_capacity(frames);
        for item in 0..items {
            for feature in 0..features {
                let at = |frame: usize| (item * frames + frame) * features + feature;
                order.clear();
                order.extend(0..frames);
                order.sort_by(|&a, &b| {
                    let (a, b) = (x.data[at(a)].to_f64(), x.data[at(b)].to_f64());
                    b.total_cmp(&a)
                });
                order.truncate(kept);
                order.sort_unstable();
                for (place, &frame) in order.iter().enumerate() {
                    visit((item * kept + place) * features + feature, at(frame));
                }
            }
        }
    }
}

impl Operation for Largest {
    const NAME: &'static str = "k-max-pool";

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![self.top.clone()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        self.each(&args[0], |to, from| outs[0].data[to] = args[0].data[from]);
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        dargs[0].data.fill(T::ZERO);
        self.each(&saved.args[0], |to, from| dargs[0].data[from] = saved.douts[0].data[to]);
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let (rank, x) = (args[0].rank(), args[0]);
        let (frames, features) = (x.dims()[rank - 2], x.dims()[rank - 1]);
        let (from, to) = match pass {
            Pass::Forward => (Operand::Arg(0), Operand::Out(0)),
            Pass::Backward(_) => (Operand::OutGradient(0), Operand::ArgGradient(0)),
        };
        let lines = x.count_of(0..rank - 2) * features;
        let call = Call::each("k_max", lines, vec![Operand::Arg(0), from, to]);
        let call = call.with_all([frames, features, self.top.dims()[rank - 2]]);
        let calls = vec![call.with(pass == Pass::Forward)];
        Some(DeviceForm { texts: &[include_str!("k_max_pooling.cu")], calls, work: 0 })
    }
}
