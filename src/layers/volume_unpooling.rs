//! Puts elements of a volume back where the maxima of its pooling were.

use super::coordinates::PerAxis;
use super::lua::{counts, counts_or};
use super::planes;
use super::prelude::*;

params! {
    /// Every element of the first bottom goes where the maximum of its window was in the second one, the volume that was
    /// pooled, among zeros (Zeiler and Fergus 2013, in space and time). The top is as large as what was pooled.
    pub struct VolumeUnpooling {
        /// Extents of the window of the pooling.
        kernel: PerAxis = PerAxis::default(),
        /// Steps between its windows.
        stride: PerAxis = PerAxis::default(),
        /// Its padding on both sides.
        pad: PerAxis = PerAxis::default(),
    }
}

const SCRIPT: &str = r#"
function Class:__init(pooling)
   Parent.__init(self)
   if not torch.isTypeOf(pooling, 'nn.VolumetricMaxPooling') then
      error('the module must be an nn.VolumetricMaxPooling, not ' .. torch.type(pooling), 3)
   end
   self.pooling = pooling
   for _, name in ipairs({'kT', 'kW', 'kH', 'dT', 'dW', 'dH', 'padT', 'padW', 'padH'}) do
      self[name] = pooling[name]
   end
end
function Class:__tostring__()
   return torch.type(self) .. ' associated to ' .. tostring(self.pooling)
end
"#;

/// The description of [`VolumeUnpooling`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    differentiable: 1,
    in_place: InPlace::Refused,
    spellings: &[torch("nn.VolumetricMaxUnpooling", &["pooling"], |a| {
        VolumeUnpooling {
            kernel: PerAxis { values: counts(a, ["kT", "kH", "kW"]) },
            stride: PerAxis { values: counts_or(a, ["dT", "dH", "dW"], 1) },
            pad: PerAxis { values: counts_or(a, ["padT", "padH", "padW"], 0) },
        }
        .into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("VolumeUnpooling", Category::Shape, VolumeUnpooling::DOCS)
};

impl LayerOps for VolumeUnpooling {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (small, large) = (planes::batched(cx, 5, None)?, cx.bottom(1));
        let large = planes::with_batch(large, 5);
        let same = large.rank() == 5 && large.dims()[..2] == small.dims()[..2];
        let starts = (0..3).all(|i| {
            let last = (small.dims()[2 + i].max(1) - 1).checked_mul(self.stride.values[i]);
            let end = large.dims().get(2 + i).and_then(|e| e.checked_add(self.pad.values[i]));
            last.zip(end).is_some_and(|(last, end)| last < end)
        });
        if !same || !starts || self.kernel.values.contains(&0) {
            return cx.fail_bottom(0, format!("are no maxima of windows of {}", cx.bottom(1)));
        }
        Ok(Signature::of(cx.bottom(1).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let args = [0, 1].map(|i| planes::view_batched(b, cx.bottoms[i], 5));
        let three = |values: &PerAxis| [0, 1, 2].map(|i| values.values[i]);
        let (kernel, stride, pad) = (three(&self.kernel), three(&self.stride), three(&self.pad));
        let y = b.native(Maxima { kernel, stride, pad }, &args)[0];
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("windows of {}", self.kernel.text())
    }
}

/// `(x, pooled) -> y`, all `N x C x T x H x W`.
#[derive(Debug, PartialEq)]
struct Maxima {
    kernel: [usize; 3],
    stride: [usize; 3],
    pad: [usize; 3],
}

impl Maxima {
    /// Calls `visit` with the place of every element of `x` and that of the maximum of its window.
    fn each<T: Real>(&self, x: &Shape, pooled: &View<T>, mut visit: impl FnMut(usize, usize)) {
        let (small, large) = (&x.dims()[2..], &pooled.shape.dims()[2..]);
        let (from, to): (usize, usize) = (small.iter().product(), large.iter().product());
        for plane in 0..x.count_of(0..2) {
            for window in 0..from {
                let place = [
                    window / (small[1] * small[2]),
                    window / small[2] % small[1],
                    window % small[2],
                ];
                let range = |i: usize| {
                    let start = place[i] * self.stride[i];
                    let end = (start + self.kernel[i]).saturating_sub(self.pad[i]).min(large[i]);
                    start.saturating_sub(self.pad[i])..end
                };
                let mut best = None;
                for t in range(0) {
                    for h in range(1) {
                        for w in range(2) {
                            let at = (t * large[1] + h) * large[2] + w;
                            let value = pooled.data[plane * to + at];
                            if best.is_none_or(|(_, most)| most < value) {
                                best = Some((at, value));
                            }
                        }
                    }
                }
                if let Some((at, _)) = best {
                    visit(plane * from + window, plane * to + at);
                }
            }
        }
    }
}

impl Operation for Maxima {
    const NAME: &'static str = "volume-unpool";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        vec![args[1].clone()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        outs[0].data.fill(T::ZERO);
        self.each(args[0].shape, &args[1], |from, to| outs[0].data[to] = args[0].data[from]);
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        dargs[0].data.fill(T::ZERO);
        let dy = saved.douts[0].data;
        self.each(saved.args[0].shape, &saved.args[1], |from, to| dargs[0].data[from] = dy[to]);
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let pooled = Operand::Arg(1);
        let call = match pass {
            Pass::Forward => {
                let operands = vec![Operand::Arg(0), pooled, Operand::Out(0)];
                Call::each("volume_unpool", args[0].count_of(0..2), operands)
            }
            Pass::Backward(_) => {
                let operands = vec![Operand::OutGradient(0), pooled, Operand::ArgGradient(0)];
                Call::each("volume_unpool_grad", args[0].count(), operands)
            }
        };
        let extents = args[0].dims()[2..].iter().chain(&args[1].dims()[2..]);
        let windows = self.kernel.iter().chain(&self.stride).chain(&self.pad);
        let calls = vec![call.with_all(extents.chain(windows).copied())];
        Some(DeviceForm { texts: &[include_str!("volume_unpooling.cu")], calls, work: 0 })
    }
}
