//! An image moved by a field of displacements.

use super::prelude::*;

params! {
    /// The image at the places that a flow points to, between pixels by their four neighbours (FlowNet 2.0, Ilg et al. 2017).
    ///
    /// Bottoms: images `N x C x H x W`, and flows `N x 2 x H x W` of columns and rows to the right and down. What lies outside
    /// of the image, at negative places or at H and W, is filled; its flow has no gradient there. Between the last pixel and
    /// the edge the last pixel counts.
    pub struct FlowWarp {
        /// Whether what lies outside is no number, else 0.
        fills_nan: bool = false,
    }
}

/// The description of [`FlowWarp`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    in_place: InPlace::Refused,
    spellings: &[caffe("FlowWarp", |a| {
        let fillings = [("ZERO", false), ("NOT_A_NUMBER", true)];
        let fills_nan = a.section("flow_warp_param").choice_from("fill_value", 1, &fillings);
        FlowWarp { fills_nan: fills_nan.unwrap_or(false) }.into()
    })],
    ..LayerSpec::new("FlowWarp", Category::Shape, FlowWarp::DOCS)
};

impl LayerOps for FlowWarp {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (image, flow) = (cx.bottom(0), cx.bottom(1));
        let &[items, _, height, width] = image.dims() else {
            return cx.fail_bottom(0, "a flow moves images, N x C x H x W");
        };
        if flow.dims() != [items, 2, height, width] {
            let want = Shape::from([items, 2, height, width]);
            return cx.fail_bottom(1, format!("the flow of images of {image} is {want}"));
        }
        Ok(Signature::of(image.clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        b.native(Warp(self.clone()), cx.bottoms)
    }
}

/// Images at the places that flows `N x 2 x H' x W'` point to, as `N x C x H' x W'`, with 0 outside: see [`FlowWarp`]. A flow
/// begins at the pixel of the result.
pub(super) fn sample(b: &mut Builder, images: ValueId, flows: ValueId) -> ValueId {
    b.native(Warp(FlowWarp::default()), &[images, flows])[0]
}

/// Pixels of which a GPU notes together where they come from.
const RUN: usize = 256;

/// `(images, flows) -> moved images`.
#[derive(Debug, PartialEq)]
struct Warp(FlowWarp);

/// Where a pixel comes from: the places of its neighbours in a plane, and how far it lies behind the first to the right and
/// down.
struct Origin<T> {
    corners: [usize; 4],
    right: T,
    down: T,
}

impl<T: Real> Origin<T> {
    /// The origin of the pixel at a place of a plane of this width, if it lies inside.
    fn of(flow: &[T], at: usize, wide: usize, [height, width]: [usize; 2]) -> Option<Self> {
        let x = T::from_usize(at % wide) + flow[at];
        let y = T::from_usize(at / wide) + flow[flow.len() / 2 + at];
        let inside = |place: T, extent: usize| T::ZERO <= place && place < T::from_usize(extent);
        if !inside(x, width) || !inside(y, height) {
            return None;
        }
        let (left, top) = (x.to_usize().min(width - 1), y.to_usize().min(height - 1));
        let (next, below) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
        let corners =
            [top * width + left, top * width + next, below * width + left, below * width + next];
        Some(Origin { corners, right: x - T::from_usize(left), down: y - T::from_usize(top) })
    }

    /// What each of the neighbours counts.
    fn shares(&self) -> [T; 4] {
        let (left, up) = (T::ONE - self.right, T::ONE - self.down);
        [left * up, self.right * up, left * self.down, self.right * self.down]
    }
}

impl Operation for Warp {
    const NAME: &'static str = "flow-warp";

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        let [items, channels] = [0, 1].map(|i| args[0].dims()[i]);
        let [high, wide] = [2, 3].map(|i| args[1].dims()[i]);
        vec![[items, channels, high, wide].into()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let [items, channels, height, width] = [0, 1, 2, 3].map(|i| args[0].shape.dims()[i]);
        let [high, wide] = [2, 3].map(|i| args[1].shape.dims()[i]);
        let (image_plane, plane) = (height * width, high * wide);
        let filling = T::from_f64(if self.0.fills_nan { f64::NAN } else { 0.0 });
        for n in 0..items {
            let flow = &args[1].data[n * 2 * plane..][..2 * plane];
            for at in 0..plane {
                let origin = Origin::of(flow, at, wide, [height, width]);
                for c in (0..channels).map(|c| n * channels + c) {
                    outs[0].data[c * plane + at] = origin.as_ref().map_or(filling, |origin| {
                        let image = &args[0].data[c * image_plane..][..image_plane];
                        let pairs = origin.corners.iter().zip(origin.shares());
                        pairs.map(|(&corner, share)| share * image[corner]).sum()
                    });
                }
            }
        }
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (images, dy) = (saved.args[0], saved.douts[0].data);
        let [items, channels, height, width] = [0, 1, 2, 3].map(|i| images.shape.dims()[i]);
        let [high, wide] = [2, 3].map(|i| saved.args[1].shape.dims()[i]);
        let (image_plane, plane) = (height * width, high * wide);
        for (&which, to) in saved.wrt.iter().zip(dargs) {
            to.data.fill(T::ZERO);
            for n in 0..items {
                let flow = &saved.args[1].data[n * 2 * plane..][..2 * plane];
                for at in 0..plane {
                    let Some(origin) = Origin::of(flow, at, wide, [height, width]) else {
                        continue;
                    };
                    let planes = (0..channels).map(|c| n * channels + c);
                    if which == 0 {
                        for i in planes {
                            for (corner, share) in origin.corners.iter().zip(origin.shares()) {
                                to.data[i * image_plane + corner] += share * dy[i * plane + at];
                            }
                        }
                        continue;
                    }
                    let (mut right, mut down) = (T::ZERO, T::ZERO);
                    for i in planes {
                        let start = i * image_plane;
                        let [a, b, c, d] = origin.corners.map(|corner| images.data[start + corner]);
                        let across = (T::ONE - origin.down) * (b - a) + origin.down * (d - c);
                        let along = (T::ONE - origin.right) * (c - a) + origin.right * (d - b);
                        right += across * dy[i * plane + at];
                        down += along * dy[i * plane + at];
                    }
                    to.data[n * 2 * plane + at] = right;
                    to.data[(n * 2 + 1) * plane + at] = down;
                }
            }
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let [items, channels, height, width] = [0, 1, 2, 3].map(|i| args[0].dims()[i]);
        let [high, wide] = [2, 3].map(|i| args[1].dims()[i]);
        let (sizes, plane) = ([channels, height, width, high, wide], high * wide);
        let (image, flow) = (Operand::Arg(0), Operand::Arg(1));
        let (runs, mut work) = (plane.div_ceil(RUN), 0);
        let calls = match pass {
            Pass::Forward => {
                let operands = vec![image, flow, Operand::Out(0)];
                let call = Call::each("flow_warp", items * channels * plane, operands);
                vec![call.with_all(sizes).with(self.0.fills_nan)]
            }
            Pass::Backward(wrt) => {
                let mut calls = vec![];
                for (position, &which) in wrt.iter().enumerate() {
                    let (dy, to) = (Operand::OutGradient(0), Operand::ArgGradient(position));
                    if which == 0 {
                        work = 4 * items * runs;
                        let operands = vec![flow.clone(), Operand::Work(0)];
                        let reach = Call::teams("flow_reach", items * runs, operands);
                        calls.push(reach.with_all([height, width, high, wide, runs, RUN]));
                        let operands = vec![flow.clone(), dy, Operand::Work(0), to];
                        let call =
                            Call::each("flow_warp_image_grad", items * height * width, operands);
                        calls.push(call.with_all(sizes).with_all([runs, RUN]));
                    } else {
                        let operands = vec![image.clone(), flow.clone(), dy, to];
                        let call = Call::each("flow_warp_flow_grad", items * plane, operands);
                        calls.push(call.with_all(sizes));
                    }
                }
                calls
            }
        };
        Some(DeviceForm { texts: &[include_str!("flow_warp.cu")], calls, work })
    }
}
