//! What the numbers of an input stand for, by the layers that read it: so that numbers which are made up are such as these
//! layers expect.

use crate::data::made_up::Meaning;
use crate::ir::{Port, TypedNet};
use crate::layers::Layer;
use crate::layers::ctc_loss::Form;
use crate::train::labels::{Labels, moves};
use crate::ty::Shape;

/// The input by which Faster R-CNN is told the size of an image.
const SIZE: &str = "im_info";

/// What the numbers of an input of a net stand for.
pub(super) fn meaning(typed: &TypedNet, input: &str) -> Meaning {
    let labels = Labels::of(typed, input).some();
    if !labels.is_empty() {
        return Meaning::OneOf(labels);
    }
    if input == SIZE {
        return Meaning::Size(size_of_images(typed));
    }
    let inputs = typed.net.nodes().filter(|(_, node)| node.layer.is_input());
    let mut left: Vec<Port> = inputs
        .filter_map(|(node, layer)| {
            let top = layer.tops.iter().position(|top| top.value == input)?;
            Some(Port { node, top })
        })
        .collect();
    while let Some(port) = left.pop() {
        for (node, bottom) in typed.net.readers(port) {
            let layer = &typed.net.graph[node];
            if moves(&layer.layer) {
                left.extend((0..layer.tops.len()).map(|top| Port { node, top }));
                continue;
            }
            let bottoms = typed.net.bottoms(node).into_iter();
            let shapes = bottoms.map(|port| typed.shape(port?).cloned()).collect();
            let Some(shapes): Option<Vec<Shape>> = shapes else { continue };
            if let Some(meaning) = of_reader(typed, &layer.layer, bottom, &shapes) {
                return meaning;
            }
        }
    }
    Meaning::Anything
}

/// What a bottom of a layer stands for, where it is nothing common.
fn of_reader(typed: &TypedNet, layer: &Layer, bottom: usize, shapes: &[Shape]) -> Option<Meaning> {
    let images = || shapes[0].dims().first().copied().unwrap_or(1).max(1);
    let regions = |from_one: bool| Meaning::Regions {
        images: images(),
        size: size_of_images(typed),
        first: f32::from(from_one),
    };
    let other_than = |class: usize, of: usize| -> Vec<f32> {
        (0..of).filter(|&c| c != class).map(|c| c as f32).collect()
    };
    Some(match (layer, bottom) {
        (Layer::MultiBoxLoss(loss), 3) => {
            let classes = other_than(loss.background, loss.num_classes);
            if classes.is_empty() {
                return None;
            }
            Meaning::Objects { images: images(), classes }
        }
        (Layer::RoiPooling(pooling), 1) => regions(pooling.from_one),
        (Layer::PositionPooling(_), 1) => regions(false),
        (Layer::Lstm(_) | Layer::Rnn(_), 1) | (Layer::LstmUnit(_), 2) => Meaning::Begins,
        (Layer::ContrastiveLoss(_), 2) => Meaning::OneOf(vec![0.0, 1.0]),
        (
            Layer::CosineEmbeddingLoss(_) | Layer::L1HingeLoss(_) | Layer::MarginRankingLoss(_),
            2,
        ) => Meaning::OneOf(vec![-1.0, 1.0]),
        (Layer::CtcLoss(loss), _) => {
            let &[steps, _, classes, ..] = shapes[0].dims() else { return None };
            let labels = shapes.last()?.dims();
            let down = loss.form == Form::Columns;
            let longest = *labels.get(usize::from(!down))?;
            // Labels that repeat the one before need a step between them.
            let length = longest.min((steps.saturating_sub(loss.delay) / 2).max(1));
            let blank = loss.blank.unwrap_or(classes.saturating_sub(1));
            let end = if down { -1.0 } else { blank as f32 };
            match (shapes.len(), bottom) {
                (n, at) if at + 1 == n => {
                    let classes = other_than(blank, classes);
                    if classes.is_empty() {
                        return None;
                    }
                    Meaning::Labels { classes, length, end, down }
                }
                (3, 1) => Meaning::Begins,
                (4, 1) => Meaning::OneOf(vec![steps as f32]),
                (4, 2) => Meaning::OneOf(vec![length as f32]),
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// Rows and columns of the first input of a net that takes images.
fn size_of_images(typed: &TypedNet) -> [usize; 2] {
    let inputs = typed.net.nodes().filter(|(_, node)| node.layer.is_input());
    let mut shapes = inputs.filter_map(|(index, _)| typed.signatures[index.index()].as_ref());
    let size = |shape: &Shape| match *shape.dims() {
        [_, _, height, width] if 1 < height.max(width) => Some([height, width]),
        _ => None,
    };
    shapes.find_map(|signature| signature.tops.iter().find_map(size)).unwrap_or([1, 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{self, Options};

    #[test]
    fn inputs_mean_what_their_readers_expect() {
        let text = "input: 'data' input_shape { dim: 2 dim: 1 dim: 8 dim: 6 }
            input: 'rois' input_shape { dim: 3 dim: 5 } input: 'sim' input_shape { dim: 3 }
            layer { name: 'r' type: 'ROIPooling' bottom: 'data' bottom: 'rois' top: 'r'
              roi_pooling_param { pooled_h: 1 pooled_w: 1 spatial_scale: 1 } }
            layer { name: 'a' type: 'InnerProduct' bottom: 'r' top: 'a' inner_product_param { num_output: 2 } }
            layer { name: 'b' type: 'InnerProduct' bottom: 'r' top: 'b' inner_product_param { num_output: 2 } }
            layer { name: 'l' type: 'ContrastiveLoss' bottom: 'a' bottom: 'b' bottom: 'sim' top: 'l' }";
        let checked = pipeline::check("net.prototxt".as_ref(), text.into(), &Options::default());
        let typed = &checked.stages[0];
        let regions = Meaning::Regions { images: 2, size: [8, 6], first: 0.0 };
        assert_eq!(meaning(typed, "rois"), regions);
        assert_eq!(meaning(typed, "sim"), Meaning::OneOf(vec![0.0, 1.0]));
        assert_eq!(meaning(typed, "data"), Meaning::Anything);
    }
}
