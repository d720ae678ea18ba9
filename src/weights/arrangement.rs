//! How the elements of a parameter lie, and the way between TensorFlow's order and that of Caffe and Torch: filters
//! `out x in x height x width`, matrices `out x in`, and rows of images with the channels first.

use petgraph::graph::NodeIndex;

use super::Blob;
use crate::ir::TypedNet;
use crate::layers::Layer;
use crate::layers::convolution::Layout;
use crate::ty::Shape;

/// How the elements of a parameter lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrangement {
    /// As in Caffe and Torch.
    Plain,
    /// `height x width x in x out`, of an adjoint `height x width x out x in`.
    Pixels,
    /// `height x width x channels x multiplier`: a filter for each channel.
    Depthwise,
    /// `in x out`; where the rows are elements of an image, its channels, height and width, which lie
    /// `height x width x channels`.
    Columns(Option<[usize; 3]>),
}

impl Arrangement {
    /// That of a parameter of a TensorFlow definition.
    pub fn of(typed: &TypedNet, node: NodeIndex, at: usize) -> Self {
        if at != 0 {
            return Arrangement::Plain;
        }
        match &typed.net.graph[node].layer {
            Layer::Convolution(layer) if layer.layout == Layout::ChannelsLast => {
                if layer.depthwise { Arrangement::Depthwise } else { Arrangement::Pixels }
            }
            Layer::Deconvolution(layer) if layer.conv.layout == Layout::ChannelsLast => {
                Arrangement::Pixels
            }
            Layer::InnerProduct(layer) if layer.transpose => {
                Arrangement::Columns(image_behind(typed, node))
            }
            _ => Arrangement::Plain,
        }
    }

    /// The shape that a parameter of this shape has in Caffe and Torch.
    pub fn filters_shape(self, shape: &Shape) -> Vec<usize> {
        match (self, shape.dims()) {
            (Arrangement::Pixels, &[h, w, a, b]) => vec![b, a, h, w],
            (Arrangement::Depthwise, &[h, w, c, m]) => vec![c * m, 1, h, w],
            (Arrangement::Columns(_), &[inputs, outputs]) => vec![outputs, inputs],
            (_, dims) => dims.to_vec(),
        }
    }

    /// A parameter as it is in Caffe and Torch.
    pub fn to_filters(self, blob: Blob) -> Blob {
        let shape = Shape(blob.shape);
        let places = self.places(&shape);
        let data = match places.is_empty() {
            true => blob.data,
            false => places.into_iter().map(|from| blob.data[from]).collect(),
        };
        Blob { shape: self.filters_shape(&shape), data }
    }

    /// A parameter of this shape from how it is in Caffe and Torch.
    pub fn from_filters(self, filters: &[f32], shape: &Shape) -> Vec<f32> {
        let mut data = filters.to_vec();
        for (from, to) in self.places(shape).into_iter().enumerate() {
            data[to] = filters[from];
        }
        data
    }

    /// For each element of the filters its place in a parameter of this shape; none where they are the same.
    fn places(self, shape: &Shape) -> Vec<usize> {
        let mut places = vec![];
        match (self, shape.dims()) {
            (Arrangement::Pixels, &[h, w, a, b]) => {
                for (j, i) in pairs(b, a) {
                    places.extend((0..h * w).map(|pixel| (pixel * a + i) * b + j));
                }
            }
            (Arrangement::Depthwise, &[h, w, c, m]) => {
                for filter in 0..c * m {
                    places.extend((0..h * w).map(|pixel| pixel * c * m + filter));
                }
            }
            (Arrangement::Columns(image), &[inputs, outputs]) => {
                let fits = image.filter(|[c, h, w]| c * h * w == inputs);
                let row = |input: usize| match fits {
                    Some([c, h, w]) => input % (h * w) * c + input / (h * w),
                    None => input,
                };
                for (output, input) in pairs(outputs, inputs) {
                    places.push(row(input) * outputs + output);
                }
            }
            _ => {}
        }
        places
    }
}

/// All pairs of numbers below two bounds, the second changing first.
fn pairs(a: usize, b: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..a).flat_map(move |i| (0..b).map(move |j| (i, j)))
}

/// Channels, height and width of the images whose elements are what a layer reads, if it reads such with the channels
/// last.
fn image_behind(typed: &TypedNet, node: NodeIndex) -> Option<[usize; 3]> {
    let mut port = typed.net.bottoms(node).first().copied()??;
    loop {
        let maker = &typed.net.graph[port.node];
        let next = typed.net.bottoms(port.node).first().copied()??;
        match &maker.layer {
            Layer::Permute(layer) if layer.order == [0, 2, 3, 1] => {
                return match typed.shape(next)?.dims() {
                    &[_, c, h, w] => Some([c, h, w]),
                    _ => None,
                };
            }
            Layer::Reshape(_) | Layer::Relu(_) | Layer::Dropout(_) => port = next,
            _ => return None,
        }
    }
}
