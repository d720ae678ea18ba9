//! The largest elements of windows of volumes, and how C3D's fork of Caffe writes convolution and pooling over them.

use super::convolution::Convolution;
use super::coordinates::PerAxis;
use super::pooling::{METHODS, Method, Pooling};
use super::prelude::*;
use crate::window::{Axis, Rounding};

/// The largest `f32`, which no padding is larger than.
const LARGEST: f64 = f32::MAX as f64;

params! {
    /// The largest element of each window of `N x C x L x H x W`, where windows are counted rounding up and the last may
    /// hang over the end (C3D, Tran et al. 2015).
    ///
    /// As in that fork of Caffe all elements of a window that are equal to its maximum take the whole gradient, where
    /// Pooling gives it to the first. AVE over volumes is Pooling's own.
    pub struct VolumeMax {
        /// Extents of the window: frames, rows, columns.
        kernel: [usize; 3] = [1; 3],
        /// Steps between windows along these axes.
        stride: [usize; 3] = [1; 3],
    }
}

/// The description of [`VolumeMax`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[caffe("Pooling3D", |a| {
        let p = message(a, "pooling3d_param", "pooling_param");
        let method = p.choice("pool", &METHODS).unwrap_or(Method::Max);
        let [kernel, stride, pad] = window(&p);
        let pad = if p.usize("temporal_pad").is_some_and(|pad| pad != 0) {
            p.wrong("temporal_pad", "pooling over volumes has no padding of frames");
            [0; 3]
        } else {
            pad
        };
        match method {
            Method::Ave => Pooling {
                method,
                kernel: PerAxis { values: kernel.to_vec() },
                stride: PerAxis { values: stride.to_vec() },
                pad: PerAxis { values: pad.to_vec() },
                channels: Some(1),
                ..Pooling::default()
            }
            .into(),
            Method::Max => {
                if pad != [0; 3] {
                    p.wrong("pad", "only AVE pooling over volumes has padding");
                }
                VolumeMax { kernel, stride }.into()
            }
            Method::Stochastic => {
                p.wrong("pool", "STOCHASTIC pooling over volumes is not written in C3D's fork");
                VolumeMax { kernel, stride }.into()
            }
        }
    })],
    ..LayerSpec::new("Pooling3D", Category::Pooling, VolumeMax::DOCS)
};

/// The parameters of a layer over volumes: in a message of their own, or among those of the layer over images.
fn message<'a>(a: &Args<'a>, own: &'static str, of_images: &'static str) -> Args<'a> {
    a.section(if a.has(own) { own } else { of_images })
}

/// Kernel, stride and padding of frames, rows and columns.
fn window(p: &Args) -> [[usize; 3]; 3] {
    let [side, depth] = ["kernel_size", "kernel_depth"].map(|key| p.required(key, Args::usize));
    let along = |key, default| p.usize(key).unwrap_or(default);
    let (step, pad) = (along("stride", 1), along("pad", 0));
    [[depth, side, side], [along("temporal_stride", 1), step, step], [0, pad, pad]]
}

impl Convolution {
    /// Reads C3D's convolution of volumes. Its `filter_group` says in how many parts filters are computed, all of which
    /// see all channels.
    pub(super) fn read_volume(a: &Args) -> Self {
        let p = message(a, "convolution3d_param", "convolution_param");
        p.ignore(&["engine"]);
        let num_output = p.required("num_output", Args::usize);
        let [kernel, stride, mut pad] = window(&p);
        pad[0] = p.usize("temporal_pad").unwrap_or(0);
        let parts = p.usize("filter_group").unwrap_or(1);
        if parts == 0 || !num_output.is_multiple_of(parts) {
            p.wrong("filter_group", format!("{num_output} filters cannot form {parts} groups"));
        }
        Convolution {
            num_output,
            kernel: PerAxis { values: kernel.to_vec() },
            stride: PerAxis { values: stride.to_vec() },
            pad: PerAxis { values: pad.to_vec() },
            bias: p.bool("bias_term").unwrap_or(true),
            weight_filler: Filler::read(&p.section("weight_filler")),
            bias_filler: Filler::read_if(&p, "bias_term", true, "bias_filler"),
            ..Convolution::default()
        }
    }
}

impl VolumeMax {
    fn axis(&self, i: usize) -> Axis {
        Axis::new(self.kernel[i], self.stride[i], 0)
    }
}

impl LayerOps for VolumeMax {
    fn check(&self, cx: &Infer) -> Result<(), Reported> {
        if self.kernel.contains(&0) {
            return cx.fail(&["kernel_size"], "a window must not be 0");
        }
        match self.stride.contains(&0) {
            true => cx.fail(&["stride"], "a stride must not be 0"),
            false => Ok(()),
        }
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let mut top = cx.bottom(0).clone();
        if top.rank() != 5 {
            return cx.fail_bottom(0, "pooling needs a blob of 5 axes, N x C x L x H x W");
        }
        for i in 0..3 {
            let extent = top.dims()[i + 2];
            match self.axis(i).pooled(extent, Rounding::Ceil) {
                Some(windows) if 0 < windows => top.0[i + 2] = windows,
                _ => return cx.fail_window(extent, 0, self.kernel[i], i, 3),
            }
        }
        Ok(Signature::of(top))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let mut x = cx.bottoms[0];
        for i in (0..3).rev() {
            x = largest(b, x, i + 2, self.axis(i), cx.top(0).dims()[i + 2]);
        }
        vec![x]
    }

    fn detail(&self) -> String {
        let text = |values: [usize; 3]| values.map(|n| n.to_string()).join(" x ");
        format!("max of {}, stride {}", text(self.kernel), text(self.stride))
    }
}

/// The largest elements of windows along one axis; all of these take the gradient.
fn largest(b: &mut Builder, x: ValueId, at: usize, axis: Axis, windows: usize) -> ValueId {
    let shape = b.shape(x).clone();
    let (extent, needed) = (shape.dims()[at], axis.stride * (windows - 1) + axis.kernel);
    let mut x = x;
    if extent < needed {
        let inside = b.fill(1.0, shape);
        let inside = b.pad(inside, at, 0, needed);
        x = b.pad(x, at, 0, needed);
        x = b.map(&[x, inside], &select(arg(1).gt(0.0), arg(0), constant(-LARGEST)));
    }
    let one_if = |condition| select(condition, constant(1.0), constant(0.0));
    let (left, right) = (one_if(arg(0).ge(arg(1))), one_if(arg(1).ge(arg(0))));
    let larger = arg(0).max(arg(1)).with_gradient(vec![left, right]);
    let first = b.strided_slice(x, at, 0, axis.stride, windows);
    (1..axis.kernel).fold(first, |so_far, tap| {
        let next = b.strided_slice(x, at, tap, axis.stride, windows);
        b.map(&[so_far, next], &larger)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{blob, pass};

    fn pool(more: &str, x: &crate::weights::Blob) -> Result<[Vec<f32>; 2], String> {
        let layer = format!(
            "layer {{ name: 'l' type: 'Pooling3D' bottom: 'a' top: 'y' pooling_param {{ {more} }} }}"
        );
        let tensors = BTreeMap::from([("in.a".to_string(), x.clone())]);
        let y = pass(&layer, &tensors)?["out.y"].clone();
        let ones = blob(&y.shape, &vec![1.0; y.data.len()]);
        let tensors = BTreeMap::from([("in.a".to_string(), x.clone()), ("dout.y".into(), ones)]);
        let results = pass(&layer, &tensors)?;
        Ok([y.data, results["din.a"].data.clone()])
    }

    #[test]
    fn all_maxima_of_a_window_take_the_gradient_and_the_last_hangs_over() {
        let x =
            blob(&[1, 1, 2, 2, 3], &[-5., -2., -3., -2., -4., -7., -2., -9., -3., -8., -2., -6.]);
        let [y, dx] =
            pool("kernel_size: 2 stride: 2 kernel_depth: 2 temporal_stride: 2", &x).unwrap();
        assert_eq!(y, [-2.0, -3.0]);
        assert_eq!(dx, [0., 1., 1., 1., 0., 0., 1., 0., 1., 0., 1., 0.]);
        let [y, _] = pool("kernel_size: 2 kernel_depth: 1", &x).unwrap();
        assert_eq!(y, [-2.0, -2.0, -2.0, -2.0]);
    }

    #[test]
    fn means_of_volumes() {
        let x = blob(&[1, 1, 2, 1, 2], &[1.0, 3.0, 5.0, 7.0]);
        let [y, _] = pool("pool: AVE kernel_size: 1 kernel_depth: 2", &x).unwrap();
        assert_eq!(y, [3.0, 5.0]);
        assert!(
            pool("kernel_size: 2 kernel_depth: 1 pad: 1", &x)
                .unwrap_err()
                .contains("only AVE pooling")
        );
        assert!(pool("pool: STOCHASTIC kernel_size: 2 kernel_depth: 1", &x).is_err());
        assert!(pool("kernel_size: 2", &x).unwrap_err().contains("kernel_depth"));
        assert!(pool("kernel_size: 0 kernel_depth: 1", &x).unwrap_err().contains("must not be 0"));
    }
}
