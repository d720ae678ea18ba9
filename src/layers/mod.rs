//! The vocabulary: one file a layer, and the registry that lists them.
//!
//! To add a layer, write its file and add a `pub mod` line and a `layers!` line here.

// One `pub mod` line a layer.
pub mod abs_val;
pub mod accuracy;
pub mod arg_max;
pub mod axpy;
pub mod batch_norm;
pub mod batch_reindex;
pub mod bias;
pub mod bnll;
pub mod clip;
pub mod concat;
pub mod contrastive_loss;
pub mod convolution;
pub mod crop;
pub mod data;
pub mod deconvolution;
pub mod dropout;
pub mod dummy_data;
pub mod eltwise;
pub mod elu;
pub mod embed;
pub mod euclidean_loss;
pub mod exp;
pub mod filter;
pub mod flatten;
pub mod hdf5_data;
pub mod hdf5_output;
pub mod hinge_loss;
pub mod im2col;
pub mod image_data;
pub mod infogain_loss;
pub mod inner_product;
pub mod input;
pub mod interp;
pub mod label_map;
pub mod log;
pub mod lrn;
pub mod lstm;
pub mod lstm_unit;
pub mod memory_data;
pub mod multinomial_logistic_loss;
pub mod mvn;
pub mod normalize;
pub mod parameter;
pub mod permute;
pub mod pooling;
pub mod power;
pub mod prelu;
pub mod prior_box;
pub mod python;
pub mod reduction;
pub mod relu;
pub mod relu6;
pub mod reshape;
pub mod rnn;
pub mod scale;
pub mod shuffle_channel;
pub mod sigmoid;
pub mod sigmoid_cross_entropy_loss;
pub mod silence;
pub mod slice;
pub mod softmax;
pub mod softmax_loss;
pub mod split;
pub mod spp;
pub mod swish;
pub mod tanh;
pub mod threshold;
pub mod tile;
pub mod unknown;
pub mod upsample;
pub mod window_data;

mod axis_span;
mod class_loss;
mod coordinates;
mod recurrent;
mod standardize;
#[cfg(test)]
mod testing;

use crate::diag::Reported;
use crate::program::{Builder, ValueId};
use crate::spec::{Dialect, Infer, LayerOps, LayerSpec, Lower, Signature, Spelling};

/// From a list of layers makes the enum of all layers, the list of their descriptions and the one place
/// where a layer becomes a `&dyn LayerOps`. No other `match` on all layers exists.
macro_rules! layers {
    ($($module:ident :: $name:ident,)*) => {
        /// Any layer.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Layer {
            $(
                #[doc = concat!("See [`", stringify!($module), "`].")]
                $name($module::$name),
            )*
        }

        $(
            impl From<$module::$name> for Layer {
                fn from(layer: $module::$name) -> Layer {
                    Layer::$name(layer)
                }
            }
        )*

        impl Layer {
            /// The descriptions of all layers.
            pub const ALL: &'static [&'static LayerSpec] = &[$(&$module::SPEC,)*];

            /// What is known about this kind of layer.
            pub fn spec(&self) -> &'static LayerSpec {
                match self {
                    $(Layer::$name(_) => &$module::SPEC,)*
                }
            }

            fn ops(&self) -> &dyn LayerOps {
                match self {
                    $(Layer::$name(layer) => layer,)*
                }
            }
        }
    };
}

layers! {
    abs_val::AbsVal,
    accuracy::Accuracy,
    arg_max::ArgMax,
    axpy::Axpy,
    batch_norm::BatchNorm,
    batch_reindex::BatchReindex,
    bias::Bias,
    bnll::Bnll,
    clip::Clip,
    concat::Concat,
    contrastive_loss::ContrastiveLoss,
    convolution::Convolution,
    crop::Crop,
    data::Data,
    deconvolution::Deconvolution,
    dropout::Dropout,
    dummy_data::DummyData,
    eltwise::Eltwise,
    elu::Elu,
    embed::Embed,
    euclidean_loss::EuclideanLoss,
    exp::Exp,
    filter::Filter,
    flatten::Flatten,
    hdf5_data::Hdf5Data,
    hdf5_output::Hdf5Output,
    hinge_loss::HingeLoss,
    im2col::Im2col,
    image_data::ImageData,
    infogain_loss::InfogainLoss,
    inner_product::InnerProduct,
    input::Input,
    interp::Interp,
    label_map::LabelMap,
    log::Log,
    lrn::Lrn,
    lstm::Lstm,
    lstm_unit::LstmUnit,
    memory_data::MemoryData,
    multinomial_logistic_loss::MultinomialLogisticLoss,
    mvn::Mvn,
    normalize::Normalize,
    parameter::Parameter,
    permute::Permute,
    pooling::Pooling,
    power::Power,
    prelu::PRelu,
    prior_box::PriorBox,
    python::Python,
    reduction::Reduction,
    relu6::Relu6,
    relu::Relu,
    reshape::Reshape,
    rnn::Rnn,
    scale::Scale,
    shuffle_channel::ShuffleChannel,
    sigmoid::Sigmoid,
    sigmoid_cross_entropy_loss::SigmoidCrossEntropyLoss,
    silence::Silence,
    slice::Slice,
    softmax::Softmax,
    softmax_loss::SoftmaxLoss,
    split::Split,
    spp::Spp,
    swish::Swish,
    tanh::Tanh,
    threshold::Threshold,
    tile::Tile,
    unknown::Unknown,
    upsample::Upsample,
    window_data::WindowData,
}

impl Layer {
    /// How a dialect spells a name, if it knows it.
    pub fn resolve(dialect: Dialect, name: &str) -> Option<&'static Spelling> {
        Self::spellings(dialect).find(|spelling| spelling.name == name)
    }

    /// All names a dialect knows.
    pub fn spellings(dialect: Dialect) -> impl Iterator<Item = &'static Spelling> {
        let all = Self::ALL.iter().flat_map(|spec| spec.spellings);
        all.filter(move |spelling| spelling.dialect == dialect)
    }

    /// The layer that another dialect calls so, with that dialect.
    pub fn elsewhere(dialect: Dialect, name: &str) -> Option<(&'static LayerSpec, Dialect)> {
        Self::ALL.iter().find_map(|spec| {
            let other = spec.spellings.iter().find(|s| s.dialect != dialect && s.name == name)?;
            Some((*spec, other.dialect))
        })
    }

    /// See [`LayerOps::infer`].
    pub fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        self.ops().infer(cx)
    }

    /// See [`LayerOps::lower`].
    pub fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        self.ops().lower(b, cx)
    }

    /// See [`LayerOps::differentiable`].
    pub fn differentiable(&self, bottom: usize) -> bool {
        self.ops().differentiable(bottom)
    }

    /// See [`LayerOps::obstacle`].
    pub fn obstacle(&self) -> Option<String> {
        self.ops().obstacle()
    }

    /// See [`LayerOps::detail`].
    pub fn detail(&self) -> String {
        self.ops().detail()
    }

    /// See [`LayerSpec::input`].
    pub fn is_input(&self) -> bool {
        self.spec().input
    }
}
