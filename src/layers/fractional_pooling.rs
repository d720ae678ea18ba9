//! Maximum over windows whose places are drawn, so that an image shrinks by any factor.

use super::constants::constants;
use super::executor::for_each_piece;
use super::lua::count;
use super::planes;
use super::prelude::*;
use crate::program::Distribution;

/// What the top's extents are.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// These.
    Extents(Vec<usize>),
    /// The bottom's times these, rounded down.
    Ratios(Vec<f64>),
}

params! {
    /// The maximum of windows whose places are random and as even as the extents allow (Graham 2014): one number
    /// between 0 and 1 for each plane and axis places all windows along that axis.
    ///
    /// Over the last axes of `N x C x H x W` or `N x C x T x H x W`; the batch axis may be missing. Places are drawn anew in every
    /// pass, in testing too.
    pub struct FractionalPooling {
        /// Extents of the window.
        kernel: Vec<usize> = vec![2, 2],
        /// Extents of the top.
        target: Target = Target::Ratios(vec![0.5, 0.5]),
        /// The numbers that place the windows, where a definition gives them.
        samples: Vec<f64> = vec![],
    }
}

/// The description of [`FractionalPooling`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[
        torch("nn.SpatialFractionalMaxPooling", &["poolSizeW", "poolSizeH", "arg1", "arg2"], |a| {
            let out = ["outH", "outW"];
            FractionalPooling::read(a, &["poolSizeH", "poolSizeW"], &out, &["ratioH", "ratioW"])
                .into()
        })
        .script(SPATIAL),
        torch(
            "nn.VolumetricFractionalMaxPooling",
            &["poolSizeT", "poolSizeW", "poolSizeH", "arg1", "arg2", "arg3"],
            |a| {
                let window = ["poolSizeT", "poolSizeH", "poolSizeW"];
                let ratios = ["ratioT", "ratioH", "ratioW"];
                FractionalPooling::read(a, &window, &["outT", "outH", "outW"], &ratios).into()
            },
        )
        .script(VOLUMETRIC),
    ],
    ..LayerSpec::new("FractionalPooling", Category::Pooling, FractionalPooling::DOCS)
};

macro_rules! fixed_regions {
    () => {
        "
function Class:fixPoolingRegions(fixed)
   self.newRandomPool = fixed == nil or fixed
   return self
end
"
    };
}

const SPATIAL: &str = concat!(
    r#"
function Class:__init(poolSizeW, poolSizeH, width, height)
   Parent.__init(self)
   if poolSizeW < 2 or poolSizeH < 2 then error('windows must be at least 2 wide and high', 3) end
   self.poolSizeW, self.poolSizeH = poolSizeW, poolSizeH
   self.newRandomPool = false
   if width >= 1 and height >= 1 then
      self.outW, self.outH = width, height
   else
      if width <= 0 or width >= 1 or height <= 0 or height >= 1 then
         error('ratios must be between 0 and 1', 3)
      end
      self.ratioW, self.ratioH = width, height
   end
end
function Class:__tostring__()
   return string.format('%s(%d,%d,%d,%d)', torch.type(self), self.outW or self.ratioW,
      self.outH or self.ratioH, self.poolSizeW, self.poolSizeH)
end
"#,
    fixed_regions!()
);

const VOLUMETRIC: &str = concat!(
    r#"
function Class:__init(poolSizeT, poolSizeW, poolSizeH, time, width, height)
   Parent.__init(self)
   if poolSizeT < 2 or poolSizeW < 2 or poolSizeH < 2 then
      error('windows must be at least 2 long, wide and high', 3)
   end
   self.poolSizeT, self.poolSizeW, self.poolSizeH = poolSizeT, poolSizeW, poolSizeH
   self.newRandomPool = false
   if time >= 1 and width >= 1 and height >= 1 then
      self.outT, self.outW, self.outH = time, width, height
   else
      for _, ratio in ipairs({time, width, height}) do
         if ratio <= 0 or ratio >= 1 then error('ratios must be between 0 and 1', 3) end
      end
      self.ratioT, self.ratioW, self.ratioH = time, width, height
   end
end
function Class:__tostring__()
   return string.format('%s(%d,%d,%d,%d,%d,%d)', torch.type(self), self.outT or self.ratioT,
      self.outW or self.ratioW, self.outH or self.ratioH, self.poolSizeT, self.poolSizeW, self.poolSizeH)
end
"#,
    fixed_regions!()
);

impl FractionalPooling {
    fn read(
        a: &Args,
        window: &[&'static str],
        extents: &[&'static str],
        ratios: &[&'static str],
    ) -> Self {
        let target = match a.has(extents[0]) {
            true => Target::Extents(extents.iter().map(|&key| count(a, key)).collect()),
            false => {
                Target::Ratios(ratios.iter().map(|&key| a.required(key, Args::float)).collect())
            }
        };
        let kernel = window.iter().map(|&key| count(a, key)).collect();
        FractionalPooling { kernel, target, samples: a.floats("randomSamples") }
    }

    /// Numbers of a plane, one for each axis.
    fn axes(&self) -> usize {
        self.kernel.len()
    }
}

impl LayerOps for FractionalPooling {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axes = self.axes();
        let whole = planes::batched(cx, 2 + axes, None)?;
        let mut top = whole.clone();
        for (i, &kernel) in self.kernel.iter().enumerate() {
            let extent = whole.dims()[2 + i];
            let wanted = match &self.target {
                Target::Extents(extents) => extents[i],
                Target::Ratios(ratios) => (extent as f64 * ratios[i]).floor() as usize,
            };
            if wanted == 0 {
                return cx
                    .fail(&["arg1"], format!("nothing of an extent of {extent} would be left"));
            }
            let reach = wanted.checked_add(kernel).map(|sum| sum - 1);
            if kernel == 0 || reach.is_none_or(|reach| extent <= reach) {
                let why =
                    format!("{wanted} windows of {kernel} are too many for an extent of {extent}");
                return cx.fail(&["arg1", "poolSizeW"], why);
            }
            top.0[2 + i] = wanted;
        }
        let (given, needed) = (self.samples.len(), whole.dims()[0] * whole.dims()[1] * axes);
        if given != 0 && given != needed {
            return cx
                .fail(&["randomSamples"], format!("{given} samples where {needed} are needed"));
        }
        Ok(Signature::of(planes::as_bottom(top, cx.bottom(0), 2 + axes)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let axes = self.axes();
        let x = planes::view_batched(b, cx.bottoms[0], 2 + axes);
        let dims = b.shape(x).dims().to_vec();
        let samples = Shape::from([dims[0] * dims[1], axes]);
        let samples = match self.samples.is_empty() {
            true => b.random(Distribution::Uniform, samples),
            false => constants(b, samples, self.samples.clone()),
        };
        let top = planes::with_batch(cx.top(0), 2 + axes);
        let windows = Windows { kernel: self.kernel.clone(), top };
        let y = b.native(windows, &[x, samples])[0];
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        let window: Vec<String> = self.kernel.iter().map(usize::to_string).collect();
        format!("max of {}, drawn", window.join(" x "))
    }
}

/// `(x, samples) -> y`.
#[derive(Debug, PartialEq)]
struct Windows {
    kernel: Vec<usize>,
    top: Shape,
}

impl Windows {
    /// Where the windows along an axis start, in Torch's single precision.
    fn starts(sample: f64, extent: usize, windows: usize, kernel: usize) -> Vec<usize> {
        let (sample, free) = (sample as f32, extent - kernel);
        let step = free as f32 / (windows as f32 - 1.0);
        let place = |i: usize| {
            let place = ((i as f32 + sample) * step) as i64 - (sample * step) as i64;
            place.clamp(0, free as i64) as usize
        };
        (0..windows).map(|i| if i + 1 == windows { free } else { place(i) }).collect()
    }

    /// Elements of a plane of the bottom and of the top.
    fn planes(&self, x: &Shape) -> (usize, usize) {
        (x.count_of(2..x.rank()), self.top.count_of(2..x.rank()))
    }

    /// Every place plus every step along an axis of the planes of `x`.
    fn sums(x: &Shape, axis: usize, places: &[usize], steps: &[usize]) -> Vec<usize> {
        let stride = x.count_of(axis + 3..x.rank());
        let sums = |place| steps.iter().map(move |step| place + step * stride);
        places.iter().flat_map(sums).collect()
    }

    /// Where the elements of a window lie behind its first.
    fn taps(&self, x: &Shape) -> Vec<usize> {
        self.kernel.iter().enumerate().fold(vec![0], |taps, (axis, &kernel)| {
            Self::sums(x, axis, &taps, &(0..kernel).collect::<Vec<_>>())
        })
    }

    /// Calls `visit` with every element of a plane of the top and the place of its maximum in that plane of the bottom.
    fn each<T: Real>(
        &self,
        x: &View<T>,
        samples: &View<T>,
        taps: &[usize],
        plane: usize,
        mut visit: impl FnMut(usize, usize),
    ) {
        let axes = self.kernel.len();
        // Torch's numbers of a plane are those of time, width and height.
        let order: &[usize] = if axes == 2 { &[1, 0] } else { &[0, 2, 1] };
        let windows = (0..axes).fold(vec![0], |windows, axis| {
            let sample = samples.data[plane * axes + order[axis]].to_f64();
            let (large, small) = (x.shape.dims()[2 + axis], self.top.dims()[2 + axis]);
            let starts = Self::starts(sample, large, small, self.kernel[axis]);
            Self::sums(x.shape, axis, &windows, &starts)
        });
        let pixels = &x.data[plane * self.planes(x.shape).0..];
        for (window, &first) in windows.iter().enumerate() {
            let (mut best, mut most) = (first, pixels[first]);
            for tap in &taps[1..] {
                // No branches: which element is largest cannot be foretold.
                let new = pixels[first + tap];
                let better = most < new;
                best = if better { first + tap } else { best };
                most = if better { new } else { most };
            }
            visit(window, best);
        }
    }
}

impl Operation for Windows {
    const NAME: &'static str = "fractional-pool";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![self.top.clone()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (large, small) = self.planes(args[0].shape);
        let taps = self.taps(args[0].shape);
        for_each_piece(outs[0].data, small, |plane, y| {
            let x = &args[0].data[plane * large..];
            self.each(&args[0], &args[1], &taps, plane, |to, from| y[to] = x[from]);
        });
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (x, samples) = (&saved.args[0], &saved.args[1]);
        let (large, small) = self.planes(x.shape);
        let taps = self.taps(x.shape);
        for_each_piece(dargs[0].data, large, |plane, dx| {
            let dy = &saved.douts[0].data[plane * small..];
            dx.fill(T::ZERO);
            self.each(x, samples, &taps, plane, |to, from| dx[from] += dy[to]);
        });
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        // Always three axes: a plane without depth is one of depth 1, whose only window needs no sample.
        let axes = self.kernel.len();
        let three = |extents: &[usize]| {
            let mut all = vec![1; 3 - axes];
            all.extend(extents);
            all
        };
        let order = if axes == 2 { [0, 1, 0] } else { [0, 2, 1] };
        let (x, samples) = (Operand::Arg(0), Operand::Arg(1));
        let call = match pass {
            Pass::Forward => {
                let operands = vec![x, samples, Operand::Out(0)];
                Call::each("fractional_pool", self.top.count(), operands)
            }
            Pass::Backward(_) => {
                let operands = vec![x, samples, Operand::OutGradient(0), Operand::ArgGradient(0)];
                Call::each("fractional_pool_grad", args[0].count_of(0..2), operands)
            }
        };
        let extents = [&args[0].dims()[2..], &self.top.dims()[2..], &self.kernel];
        let numbers = extents.into_iter().flat_map(three).chain(order);
        let calls = vec![call.with(axes).with_all(numbers)];
        Some(DeviceForm { texts: &[include_str!("fractional_pooling.cu")], calls, work: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::Windows;

    #[test]
    fn windows_start_at_both_ends() {
        assert_eq!(Windows::starts(0.0, 8, 3, 2), [0, 3, 6]);
        assert_eq!(Windows::starts(0.75, 7, 4, 2), [0, 1, 3, 5]);
        assert_eq!(Windows::starts(0.5, 7, 1, 2), [5]);
    }
}
