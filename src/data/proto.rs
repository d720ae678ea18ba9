//! Caffe's binary messages as Rust structs: field numbers and types of `caffe.proto` (proto2), as far as data and
//! weights need them. Unknown fields are skipped.

use prost::Message;

/// One record of an image database.
#[derive(Clone, PartialEq, Message)]
pub struct Datum {
    /// Number of channels.
    #[prost(int32, optional, tag = "1")]
    pub channels: Option<i32>,
    /// Rows.
    #[prost(int32, optional, tag = "2")]
    pub height: Option<i32>,
    /// Columns.
    #[prost(int32, optional, tag = "3")]
    pub width: Option<i32>,
    /// Pixels, channel by channel, one byte each; or a whole image file if `encoded`.
    #[prost(bytes = "vec", tag = "4")]
    pub data: Vec<u8>,
    /// The class.
    #[prost(int32, optional, tag = "5")]
    pub label: Option<i32>,
    /// Values, channel by channel, used when `data` is empty.
    #[prost(float, repeated, packed = "false", tag = "6")]
    pub float_data: Vec<f32>,
    /// Whether `data` is a PNG or JPEG file.
    #[prost(bool, optional, tag = "7")]
    pub encoded: Option<bool>,
}

/// An image with the boxes of the objects in it, of SSD's fork.
#[derive(Clone, PartialEq, Message)]
pub struct AnnotatedDatum {
    /// The image.
    #[prost(message, optional, tag = "1")]
    pub datum: Option<Datum>,
    /// What the annotations are; 0 for boxes, and there is no other.
    #[prost(int32, optional, tag = "2")]
    pub r#type: Option<i32>,
    /// The objects by class.
    #[prost(message, repeated, tag = "3")]
    pub annotation_group: Vec<AnnotationGroup>,
}

/// The objects of a class.
#[derive(Clone, PartialEq, Message)]
pub struct AnnotationGroup {
    /// The class.
    #[prost(int32, optional, tag = "1")]
    pub group_label: Option<i32>,
    /// The objects.
    #[prost(message, repeated, tag = "2")]
    pub annotation: Vec<Annotation>,
}

/// An object.
#[derive(Clone, PartialEq, Message)]
pub struct Annotation {
    /// Its number among those of its class.
    #[prost(int32, optional, tag = "1")]
    pub instance_id: Option<i32>,
    /// Where it is.
    #[prost(message, optional, tag = "2")]
    pub bbox: Option<NormalizedBBox>,
}

/// The corners of a box in parts of its image.
#[derive(Clone, PartialEq, Message)]
pub struct NormalizedBBox {
    /// The left side.
    #[prost(float, optional, tag = "1")]
    pub xmin: Option<f32>,
    /// The upper side.
    #[prost(float, optional, tag = "2")]
    pub ymin: Option<f32>,
    /// The right side.
    #[prost(float, optional, tag = "3")]
    pub xmax: Option<f32>,
    /// The lower side.
    #[prost(float, optional, tag = "4")]
    pub ymax: Option<f32>,
    /// Whether the object is hard to see.
    #[prost(bool, optional, tag = "6")]
    pub difficult: Option<bool>,
}

/// The shape of a blob.
#[derive(Clone, PartialEq, Message)]
pub struct BlobShape {
    /// Axes, outermost first; none for a scalar.
    #[prost(int64, repeated, tag = "1")]
    pub dim: Vec<i64>,
}

/// A tensor: parameters, means, solver history.
#[derive(Clone, PartialEq, Message)]
pub struct BlobProto {
    /// The shape; older files have the four legacy axes instead.
    #[prost(message, optional, tag = "7")]
    pub shape: Option<BlobShape>,
    /// Values in row-major order.
    #[prost(float, repeated, tag = "5")]
    pub data: Vec<f32>,
    /// Gradients, where a snapshot holds them.
    #[prost(float, repeated, tag = "6")]
    pub diff: Vec<f32>,
    /// Values of a net that ran in double precision.
    #[prost(double, repeated, tag = "8")]
    pub double_data: Vec<f64>,
    /// Gradients of a net that ran in double precision.
    #[prost(double, repeated, tag = "9")]
    pub double_diff: Vec<f64>,
    /// Legacy axis 0.
    #[prost(int32, optional, tag = "1")]
    pub num: Option<i32>,
    /// Legacy axis 1.
    #[prost(int32, optional, tag = "2")]
    pub channels: Option<i32>,
    /// Legacy axis 2.
    #[prost(int32, optional, tag = "3")]
    pub height: Option<i32>,
    /// Legacy axis 3.
    #[prost(int32, optional, tag = "4")]
    pub width: Option<i32>,
}

/// A net with its parameters.
#[derive(Clone, PartialEq, Message)]
pub struct NetParameter {
    /// The net's name.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Layers of the first two generations of the format.
    #[prost(message, repeated, tag = "2")]
    pub layers: Vec<V1LayerParameter>,
    /// Layers of the present format.
    #[prost(message, repeated, tag = "100")]
    pub layer: Vec<LayerParameter>,
}

/// A layer of the present format.
#[derive(Clone, PartialEq, Message)]
pub struct LayerParameter {
    /// The name by which weights are matched.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// The layer's type, such as `Convolution`.
    #[prost(string, optional, tag = "2")]
    pub r#type: Option<String>,
    /// Names of the inputs.
    #[prost(string, repeated, tag = "3")]
    pub bottom: Vec<String>,
    /// Names of the outputs.
    #[prost(string, repeated, tag = "4")]
    pub top: Vec<String>,
    /// 0 in training, 1 in testing.
    #[prost(int32, optional, tag = "10")]
    pub phase: Option<i32>,
    /// Weights of the outputs in the loss.
    #[prost(float, repeated, packed = "false", tag = "5")]
    pub loss_weight: Vec<f32>,
    /// How each parameter is shared and scaled.
    #[prost(message, repeated, tag = "6")]
    pub param: Vec<ParamSpec>,
    /// The parameters.
    #[prost(message, repeated, tag = "7")]
    pub blobs: Vec<BlobProto>,
}

/// How a parameter is shared and scaled.
#[derive(Clone, PartialEq, Message)]
pub struct ParamSpec {
    /// The name under which it is shared.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Factor on the learning rate.
    #[prost(float, optional, tag = "3")]
    pub lr_mult: Option<f32>,
    /// Factor on the weight decay.
    #[prost(float, optional, tag = "4")]
    pub decay_mult: Option<f32>,
}

/// A layer of the second generation, or the envelope of one of the first.
#[derive(Clone, PartialEq, Message)]
pub struct V1LayerParameter {
    /// The first generation's layer, if this is only its envelope.
    #[prost(message, optional, tag = "1")]
    pub layer: Option<V0LayerParameter>,
    /// Names of the inputs.
    #[prost(string, repeated, tag = "2")]
    pub bottom: Vec<String>,
    /// Names of the outputs.
    #[prost(string, repeated, tag = "3")]
    pub top: Vec<String>,
    /// The name by which weights are matched.
    #[prost(string, optional, tag = "4")]
    pub name: Option<String>,
    /// The layer's type as a number.
    #[prost(int32, optional, tag = "5")]
    pub r#type: Option<i32>,
    /// The parameters.
    #[prost(message, repeated, tag = "6")]
    pub blobs: Vec<BlobProto>,
}

/// A layer of the first generation.
#[derive(Clone, PartialEq, Message)]
pub struct V0LayerParameter {
    /// The name by which weights are matched.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// The layer's type, such as `conv`.
    #[prost(string, optional, tag = "2")]
    pub r#type: Option<String>,
    /// The parameters.
    #[prost(message, repeated, tag = "50")]
    pub blobs: Vec<BlobProto>,
}

/// What a solver needs to go on, beside the weights.
#[derive(Clone, PartialEq, Message)]
pub struct SolverState {
    /// Updates made so far.
    #[prost(int32, optional, tag = "1")]
    pub iter: Option<i32>,
    /// Path of the weights that belong to it.
    #[prost(string, optional, tag = "2")]
    pub learned_net: Option<String>,
    /// Momentum and the like, in the solver's own order.
    #[prost(message, repeated, tag = "3")]
    pub history: Vec<BlobProto>,
    /// The step reached by the `multistep` policy.
    #[prost(int32, optional, tag = "4")]
    pub current_step: Option<i32>,
}
