//! Enlarges images, by repeating pixels or by putting them back where a maximum was.

use super::interp::Interp;
use super::lua::count;
use super::planes;
use super::prelude::*;

params! {
    /// With one bottom, every pixel becomes a square of `scale` pixels, as in the YOLO forks of Caffe. With the
    /// positions that max pooling gives as second top, every element goes where its maximum was, among zeros, as in
    /// SegNet's fork (Badrinarayanan et al. 2017).
    ///
    /// Positions count `h W + w` in the plane of the top. One outside is left out; SegNet's aborts in the middle of
    /// the run.
    pub struct Upsample {
        /// Factors for height and width; 1 for repeated pixels and 2 with positions if not given.
        scale: Option<[usize; 2]> = None,
        /// Height and width of the top with positions; the bottom's times the factors if not given.
        size: Option<[usize; 2]> = None,
        /// Whether the top with positions is a row and a column smaller, for pooled images of odd extents.
        smaller: [bool; 2] = [false, false],
        /// Whether the batch axis may be missing.
        maybe_batched: bool = false,
    }
}

/// The description of [`Upsample`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(1, 2),
    differentiable: 1,
    in_place: InPlace::Refused,
    spellings: &[
        caffe("Upsample", |a| Upsample::read(a).into()),
        torch("nn.SpatialUpSamplingNearest", &["scale"], |a| {
            Upsample::read_factor(a, "scale_factor").into()
        })
        .script(NEAREST),
        torch("nn.UpSampling", &["upsamplefactor", "mode"], |a| match a.text("mode").as_deref() {
            Some("nearest") | None => Upsample::read_factor(a, "upsamplefactor").into(),
            _ => Interp::read_factor(a, "upsamplefactor").into(),
        })
        .script(UP_SAMPLING),
        torch("nn.SpatialMaxUnpooling", &["pooling"], |a| {
            let size = match a.usizes("extent")[..] {
                [height, width] => Some([height, width]),
                _ => None,
            };
            Upsample { size, maybe_batched: true, ..Upsample::default() }.into()
        })
        .script(MAX_UNPOOLING),
    ],
    ..LayerSpec::new("Upsample", Category::Shape, Upsample::DOCS)
};

const NEAREST: &str = r#"
function Class:__init(scale)
   Parent.__init(self)
   if type(scale) ~= 'number' or scale < 1 or scale ~= math.floor(scale) then
      error('the scale must be a whole number from 1, not ' .. tostring(scale), 3)
   end
   self.scale_factor = scale
end
"#;

const MAX_UNPOOLING: &str = r#"
function Class:__init(pooling)
   Parent.__init(self)
   if not torch.isTypeOf(pooling, 'nn.SpatialMaxPooling') then
      error('the module must be an nn.SpatialMaxPooling, not ' .. torch.type(pooling), 3)
   end
   self.pooling = pooling
end
function Class:__tostring__()
   return torch.type(self) .. ' associated to ' .. tostring(self.pooling)
end
"#;

const UP_SAMPLING: &str = r#"
function Class:__init(upsamplefactor, mode)
   Parent.__init(self)
   if type(upsamplefactor) ~= 'number' or upsamplefactor < 1
      or upsamplefactor ~= math.floor(upsamplefactor) then
      error('the factor must be a whole number from 1, not ' .. tostring(upsamplefactor), 3)
   end
   self.upsamplefactor = upsamplefactor
   self.mode = mode or 'nearest'
   if self.mode ~= 'nearest' and self.mode ~= 'linear' and self.mode ~= 'bilinear' then
      error('the mode must be nearest or linear, not ' .. tostring(mode), 3)
   end
end
function Class:__tostring__()
   return string.format('%s(%dx, %s)', torch.type(self), self.upsamplefactor, self.mode)
end
"#;

impl Upsample {
    fn read(a: &Args) -> Self {
        let p = a.section("upsample_param");
        let (scale, pair) = (p.usize("scale"), [p.usize("scale_h"), p.usize("scale_w")]);
        let size = [p.usize("upsample_h"), p.usize("upsample_w")];
        let scale = match (scale, pair) {
            (Some(_), [Some(_), _] | [_, Some(_)]) => {
                p.wrong("scale", "`scale` and `scale_h`/`scale_w` exclude each other");
                None
            }
            (Some(scale), [None, None]) => Some([scale, scale]),
            (None, pair) => both(&p, ["scale_h", "scale_w"], pair),
        };
        let smaller = [p.bool("pad_out_h"), p.bool("pad_out_w")].map(|b| b.unwrap_or(false));
        let size = both(&p, ["upsample_h", "upsample_w"], size);
        Upsample { scale, size, smaller, maybe_batched: false }
    }

    /// Reads the field of Torch's enlargements by repeated pixels.
    fn read_factor(a: &Args, key: &'static str) -> Self {
        let scale = count(a, key);
        Upsample { scale: Some([scale, scale]), maybe_batched: true, ..Upsample::default() }
    }
}

/// Two values that need each other.
fn both(a: &Args, keys: [&str; 2], values: [Option<usize>; 2]) -> Option<[usize; 2]> {
    match values {
        [Some(h), Some(w)] => Some([h, w]),
        [None, None] => None,
        [Some(_), None] => {
            a.wrong(keys[0], format!("`{}` needs `{}` beside it", keys[0], keys[1]));
            None
        }
        [None, Some(_)] => {
            a.wrong(keys[1], format!("`{}` needs `{}` beside it", keys[1], keys[0]));
            None
        }
    }
}

impl LayerOps for Upsample {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        if self.maybe_batched {
            planes::batched(cx, 4, None)?;
        } else if shape.rank() != 4 {
            return cx.fail_bottom(0, "upsampling needs a blob of 4 axes, N x C x H x W");
        }
        let with_positions = cx.bottoms.len() == 2;
        if with_positions {
            cx.equal_bottoms()?;
        } else if self.size.is_some() || self.smaller != [false, false] {
            let why = "a size needs the positions of the maxima as second bottom";
            return cx.fail(&["upsample_h", "upsample_w", "pad_out_h", "pad_out_w"], why);
        }
        let scale = self.scale.unwrap_or(if with_positions { [2, 2] } else { [1, 1] });
        let mut top = shape.clone();
        for i in 0..2 {
            let axis = top.rank() - 2 + i;
            let extent = &mut top.0[axis];
            let scaled = extent.saturating_mul(scale[i]);
            let scaled = scaled.saturating_sub(usize::from(self.smaller[i]));
            *extent = self.size.map_or(scaled, |size| size[i]);
            if *extent == 0 {
                let keys = ["scale", "scale_factor", "scale_h", "upsample_h", "upsample_w"];
                return cx.fail(&keys, format!("nothing of {shape} would be left"));
            }
        }
        Ok(Signature::of(top))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let top = cx.top(0).clone();
        let shape = b.shape(cx.bottoms[0]).clone();
        let first = shape.rank() - 2;
        let [h, w] = [shape.dims()[first], shape.dims()[first + 1]];
        let planes = shape.count_of(0..first);
        if let [x, positions] = *cx.bottoms {
            let size = [top.dims()[first], top.dims()[first + 1]];
            let whole = if first == 2 { shape } else { [1, planes, h, w].into() };
            let [x, positions] = [x, positions].map(|v| b.view(v, whole.clone()));
            let y = b.native(Unpool { size }, &[x, positions]).remove(0);
            return vec![b.view(y, top)];
        }
        let [high, wide] = self.scale.unwrap_or([1, 1]);
        let x = b.view(cx.bottoms[0], [planes * h, 1, w, 1]);
        let y = b.repeat(x, [planes * h, high, w, wide]);
        vec![b.view(y, top)]
    }

    fn detail(&self) -> String {
        match (self.size, self.scale) {
            (Some([h, w]), _) => format!("to {h} x {w}"),
            (None, Some([h, w])) if h == w => format!("by {h}"),
            (None, Some([h, w])) => format!("by {h} x {w}"),
            (None, None) => String::new(),
        }
    }
}

/// `(x, positions) -> y` with planes of `size`.
#[derive(Debug, PartialEq)]
struct Unpool {
    size: [usize; 2],
}

impl Unpool {
    /// Elements of a plane of the bottom and of the top.
    fn planes(&self, x: &Shape) -> (usize, usize) {
        (x.count_of(2..4).max(1), self.size[0] * self.size[1])
    }
}

/// Threads of a GPU that share a plane.
const SHARES: usize = 64;

/// The place of an element, if there is one.
fn place<T: Real>(position: T) -> Option<usize> {
    (T::ZERO <= position).then(|| position.to_usize())
}

impl Operation for Unpool {
    const NAME: &'static str = "unpool";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        vec![args[0].with(2, self.size[0]).with(3, self.size[1])]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (small, large) = self.planes(args[0].shape);
        outs[0].data.fill(T::ZERO);
        let bottoms = args[0].data.chunks_exact(small).zip(args[1].data.chunks_exact(small));
        for (y, (x, positions)) in outs[0].data.chunks_exact_mut(large).zip(bottoms) {
            for (&x, &position) in x.iter().zip(positions) {
                if let Some(y) = place(position).and_then(|i| y.get_mut(i)) {
                    *y = x;
                }
            }
        }
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (small, large) = self.planes(saved.args[0].shape);
        let tops = saved.douts[0].data.chunks_exact(large);
        let planes = tops.zip(saved.args[1].data.chunks_exact(small));
        for (dx, (dy, positions)) in dargs[0].data.chunks_exact_mut(small).zip(planes) {
            for (dx, &position) in dx.iter_mut().zip(positions) {
                *dx = place(position).and_then(|i| dy.get(i)).copied().unwrap_or(T::ZERO);
            }
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let (small, large) = self.planes(args[0]);
        let positions = Operand::Arg(1);
        let call = match pass {
            Pass::Forward => {
                let operands = vec![Operand::Arg(0), positions, Operand::Out(0)];
                let call = Call::each("unpool", args[0].count() / small * SHARES, operands);
                call.with_all([small, large, SHARES])
            }
            Pass::Backward(_) => {
                let operands = vec![Operand::OutGradient(0), positions, Operand::ArgGradient(0)];
                let call = Call::each("unpool_grad", args[0].count(), operands);
                call.with_all([small, large])
            }
        };
        let calls = vec![call];
        Some(DeviceForm { texts: &[include_str!("upsample.cu")], calls, work: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{blob, check, counting};

    #[test]
    fn pixels_become_squares() {
        let layer = r#"layer { name: "l" type: "Upsample" bottom: "a" top: "y"
            upsample_param { scale: 2 } }"#;
        let rows = [[0.0, 0.0, 1.0, 1.0]; 2].as_flattened().to_vec();
        let want = [rows, [[2.0, 2.0, 3.0, 3.0]; 2].as_flattened().to_vec()].concat();
        check(layer, &[("a", counting(&[1, 1, 2, 2]))], &blob(&[1, 1, 4, 4], &want));
    }

    #[test]
    fn elements_return_to_where_their_maximum_was() {
        let layer = r#"layer { name: "l" type: "Upsample" bottom: "a" bottom: "b" top: "y"
            upsample_param { upsample_h: 2 upsample_w: 3 } }"#;
        let inputs =
            [("a", blob(&[1, 2, 1, 1], &[5.0, 7.0])), ("b", blob(&[1, 2, 1, 1], &[4.0, 0.0]))];
        let mut want = [0.0; 12];
        (want[4], want[6]) = (5.0, 7.0);
        check(layer, &inputs, &blob(&[1, 2, 2, 3], &want));
    }
}
