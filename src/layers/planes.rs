//! Bottoms that may lack the batch axis, as Torch allows: `N x C x spatial` or `C x spatial`.

use super::prelude::*;

/// Letters for the axes of a bottom.
fn letters(axes: usize) -> &'static str {
    match axes {
        2 => "features",
        3 => "C x L",
        4 => "C x H x W",
        5 => "C x T x H x W",
        _ => "axes",
    }
}

/// The shape of bottom 0 with all `axes` axes, the batch among them, which is 1 if there is none; complains about
/// other numbers of axes, and about other numbers of channels than `channels`.
pub fn batched(cx: &Infer, axes: usize, channels: Option<usize>) -> Result<Shape, Reported> {
    let shape = cx.bottom(0);
    if ![axes - 1, axes].contains(&shape.rank()) {
        let (fewer, letters) = (axes - 1, letters(axes));
        let why = format!("needs {letters}, or a batch of them: {fewer} or {axes} axes");
        let complaint = cx.bottom_complaint(0, why);
        return Err(cx.report(match (axes, shape.rank()) {
            (2, 4) => {
                let features = shape.count_of(1..4);
                let view = format!("nn.View({features}):setNumInputDims(3)");
                complaint.help(format!("{view} before it makes features of images"))
            }
            _ => complaint,
        }));
    }
    let shape = with_batch(shape, axes);
    match channels {
        Some(want) if want != shape.dims()[1] => {
            let got = shape.dims()[1];
            let what = if axes == 2 { "inputs" } else { "planes" };
            let what = if want == 1 { &what[..what.len() - 1] } else { what };
            let complaint =
                cx.bottom_complaint(0, format!("is made for {want} {what}, and there are {got}"));
            Err(cx.report(match cx.bottom(0).rank() < axes && axes == 4 {
                true => complaint.help(
                    "three dimensions are the planes, rows and columns of one image; of a batch there are four",
                ),
                false => complaint.help(format!("make it for {got} {}", if axes == 2 { "inputs" } else { "planes" })),
            }))
        }
        _ => Ok(shape),
    }
}

/// A shape with a batch axis of 1 in front, if it has one axis less than `axes`.
pub fn with_batch(shape: &Shape, axes: usize) -> Shape {
    let mut dims = shape.dims().to_vec();
    if dims.len() < axes {
        dims.insert(0, 1);
    }
    dims.into()
}

/// A shape with a batch axis, without it if the bottom has none.
pub fn as_bottom(top: Shape, bottom: &Shape, axes: usize) -> Shape {
    if bottom.rank() < axes { top.dims()[1..].into() } else { top }
}

/// A value with a batch axis of 1 in front, if it has one axis less than `axes`.
pub fn view_batched(b: &mut Builder, x: ValueId, axes: usize) -> ValueId {
    let shape = with_batch(b.shape(x), axes);
    b.view(x, shape)
}
