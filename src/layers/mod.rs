//! The vocabulary: one file a layer, and the registry that lists them.
//!
//! To add a layer, write its file and add a `pub mod` line and a `layers!` line here.

// One `pub mod` line a layer.
pub mod abs_val;
pub mod accuracy;
pub mod adaptive_pooling;
pub mod annotated_data;
pub mod arg_max;
pub mod assignment;
pub mod axis_letters;
pub mod axis_span;
pub mod axis_sum;
pub mod axpy;
pub mod batch_norm;
pub mod batch_normalization;
pub mod batch_reindex;
pub mod batch_view;
pub mod bias;
pub mod bilinear;
pub mod bn;
pub mod bnll;
pub mod box_annotator_ohem;
pub mod c_add;
pub mod c_mul;
pub mod center_loss;
pub mod channel_norm;
pub mod channel_scale;
pub mod class_nll_loss;
pub mod class_simplex_loss;
pub mod clip;
pub mod collapse;
pub mod concat;
pub mod constant;
pub mod continuation_indicator;
pub mod contrastive_loss;
pub mod convolution;
pub mod convolution_local;
pub mod convolution_map;
pub mod coordinates;
pub mod correlation;
pub mod cosine_embedding_loss;
pub mod crelu;
pub mod crop;
pub mod cross_entropy;
pub mod ctc_loss;
pub mod cutoff;
pub mod data;
pub mod deconvolution;
pub mod deconvolution_map;
pub mod deformable_convolution;
pub mod dense_image_data;
pub mod detect_net_transformation;
pub mod detection_output;
pub mod distance_ratio_loss;
pub mod distance_to_rows;
pub mod downsample;
pub mod dropout;
pub mod dummy_data;
pub mod element_function;
pub mod element_loss;
pub mod eltwise;
pub mod elu;
pub mod embed;
pub mod euclidean_loss;
pub mod exp;
pub mod extremum;
pub mod feature_lp_pooling;
pub mod filter;
pub mod flatten;
pub mod flip;
pub mod flow_warp;
pub mod focal_loss;
pub mod fork_data;
pub mod fractional_pooling;
pub mod gated_linear_unit;
pub mod general_contrastive_loss;
pub mod gradient_reversal;
pub mod gradient_scaler;
pub mod gradients;
pub mod group_norm;
pub mod hard_sigmoid;
pub mod hdf5_data;
pub mod hdf5_output;
pub mod hinge_loss;
pub mod identity;
pub mod im2col;
pub mod image_data;
pub mod index_select;
pub mod infogain_loss;
pub mod inner_distance;
pub mod inner_product;
pub mod input;
pub mod insanity;
pub mod interp;
pub mod k_max_pooling;
pub mod l1_hinge_loss;
pub mod l1_loss;
pub mod l1_penalty;
pub mod label_map;
pub mod label_specific_add;
pub mod label_specific_rescale;
pub mod lifted_structure_loss;
pub mod local;
pub mod log;
pub mod log_sigmoid;
pub mod log_softmax;
pub mod lp_normalize;
pub mod lrn;
pub mod lstm;
pub mod lstm_unit;
pub mod margin_inner_product;
pub mod margin_ranking_loss;
pub mod masked_select;
pub mod matrix_product;
pub mod memory_data;
pub mod mish;
pub mod mixture;
pub mod multi_box_loss;
pub mod multi_label_margin_loss;
pub mod multi_margin_loss;
pub mod multinomial_logistic_loss;
pub mod mvn;
pub mod narrow;
pub mod normalize;
pub mod one_hot;
pub mod overwritten;
pub mod own_gradient;
pub mod padding;
pub mod pair_similarity;
pub mod pairwise_distance;
pub mod parameter;
pub mod permute;
pub mod pick;
pub mod pixel_shuffle;
pub mod pooling;
pub mod position_pooling;
pub mod power;
pub mod prelu;
pub mod prior_box;
pub mod proposal;
pub mod python;
pub mod random_numbers;
pub mod reduction;
pub mod relu;
pub mod relu6;
pub mod reorg;
pub mod replicate;
pub mod resample;
pub mod reshape;
pub mod reverse;
pub mod rnn;
pub mod roi_pooling;
pub mod rrelu;
pub mod scale;
pub mod scatter;
pub mod seg_accuracy;
pub mod select;
pub mod shrink;
pub mod shuffle_channel;
pub mod sigmoid;
pub mod sigmoid_cross_entropy_loss;
pub mod silence;
pub mod slice;
pub mod smooth_l1_loss;
pub mod smooth_l1_loss_ohem;
pub mod soft_plus;
pub mod soft_sign;
pub mod softmax;
pub mod softmax_loss;
pub mod softmax_loss_ohem;
pub mod sparse_linear;
pub mod spatial_normalization;
pub mod spatial_padding;
pub mod spatial_transformer;
pub mod special_functions;
pub mod split;
pub mod spp;
pub mod sqrt;
pub mod squeeze;
pub mod stop_gradient;
pub mod sub_sampling;
pub mod swish;
pub mod table_sum;
pub mod tanh;
pub mod temporal_convolution;
pub mod threshold;
pub mod tile;
pub mod transpose;
pub mod triplet_embedding_loss;
pub mod unbind;
pub mod unknown;
pub mod unsqueeze;
pub mod upsample;
pub mod volume_unpooling;
pub mod volumes;
pub mod white_noise;
pub mod window_data;

mod batch_axis;
pub mod boxes;
mod broadcast_parameter;
mod class_loss;
mod constants;
mod convolution_classes;
mod executor;
pub mod image_parts;
pub mod image_seg_data;
mod label_mask;
mod lua;
mod many_axes;
mod ohem;
mod planes;
mod pooling_classes;
mod prelude;
mod recurrent;
mod separable;
mod standardize;
mod stochastic_pool;
mod taken_boxes;
#[cfg(test)]
mod testing;

use crate::diag::Reported;
use crate::spec::{Dialect, InPlace, Infer, LayerOps, LayerSpec, Signature, Spelling};

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

            /// The names of its parameters with what they are, for comparisons.
            pub fn fields(&self) -> Vec<(&'static str, String)> {
                match self {
                    $(Layer::$name(layer) => layer.fields(),)*
                }
            }

            /// What this layer does.
            pub fn ops(&self) -> &dyn LayerOps {
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
    adaptive_pooling::AdaptivePooling,
    annotated_data::AnnotatedData,
    arg_max::ArgMax,
    assignment::Assignment,
    axis_letters::AxisLetters,
    axis_sum::AxisSum,
    axpy::Axpy,
    batch_norm::BatchNorm,
    batch_normalization::BatchNormalization,
    batch_reindex::BatchReindex,
    batch_view::BatchView,
    bias::Bias,
    bilinear::Bilinear,
    bn::Bn,
    bnll::Bnll,
    box_annotator_ohem::BoxAnnotatorOhem,
    c_add::CAdd,
    c_mul::CMul,
    center_loss::CenterLoss,
    channel_norm::ChannelNorm,
    channel_scale::ChannelScale,
    class_nll_loss::ClassNllLoss,
    class_simplex_loss::ClassSimplexLoss,
    clip::Clip,
    collapse::Collapse,
    concat::Concat,
    constant::Constant,
    continuation_indicator::ContinuationIndicator,
    contrastive_loss::ContrastiveLoss,
    convolution::Convolution,
    convolution_local::ConvolutionLocal,
    convolution_map::ConvolutionMap,
    correlation::Correlation,
    cosine_embedding_loss::CosineEmbeddingLoss,
    crelu::CRelu,
    crop::Crop,
    cross_entropy::CrossEntropy,
    ctc_loss::CtcLoss,
    cutoff::Cutoff,
    data::Data,
    deconvolution::Deconvolution,
    deconvolution_map::DeconvolutionMap,
    deformable_convolution::DeformableConvolution,
    dense_image_data::DenseImageData,
    detect_net_transformation::DetectNetTransformation,
    detection_output::DetectionOutput,
    distance_to_rows::DistanceToRows,
    distance_ratio_loss::DistanceRatioLoss,
    downsample::Downsample,
    dropout::Dropout,
    dummy_data::DummyData,
    element_function::ElementFunction,
    element_loss::ElementLoss,
    eltwise::Eltwise,
    elu::Elu,
    embed::Embed,
    euclidean_loss::EuclideanLoss,
    exp::Exp,
    feature_lp_pooling::FeatureLpPooling,
    extremum::Extremum,
    filter::Filter,
    flatten::Flatten,
    flip::Flip,
    flow_warp::FlowWarp,
    focal_loss::FocalLoss,
    fork_data::ForkData,
    fractional_pooling::FractionalPooling,
    gated_linear_unit::GatedLinearUnit,
    general_contrastive_loss::GeneralContrastiveLoss,
    gradient_reversal::GradientReversal,
    gradient_scaler::GradientScaler,
    gradients::Gradients,
    group_norm::GroupNorm,
    hard_sigmoid::HardSigmoid,
    hdf5_data::Hdf5Data,
    hdf5_output::Hdf5Output,
    hinge_loss::HingeLoss,
    identity::Identity,
    im2col::Im2col,
    image_data::ImageData,
    image_seg_data::ImageSegData,
    index_select::IndexSelect,
    infogain_loss::InfogainLoss,
    inner_distance::InnerDistance,
    inner_product::InnerProduct,
    input::Input,
    insanity::Insanity,
    interp::Interp,
    k_max_pooling::KMaxPooling,
    label_map::LabelMap,
    label_specific_add::LabelSpecificAdd,
    label_specific_rescale::LabelSpecificRescale,
    lifted_structure_loss::LiftedStructureLoss,
    local::Local,
    log::Log,
    lp_normalize::LpNormalize,
    l1_hinge_loss::L1HingeLoss,
    l1_loss::L1Loss,
    l1_penalty::L1Penalty,
    log_sigmoid::LogSigmoid,
    log_softmax::LogSoftmax,
    lrn::Lrn,
    lstm::Lstm,
    lstm_unit::LstmUnit,
    margin_inner_product::MarginInnerProduct,
    margin_ranking_loss::MarginRankingLoss,
    masked_select::MaskedSelect,
    matrix_product::MatrixProduct,
    memory_data::MemoryData,
    mish::Mish,
    mixture::Mixture,
    multi_box_loss::MultiBoxLoss,
    multi_label_margin_loss::MultiLabelMarginLoss,
    multi_margin_loss::MultiMarginLoss,
    multinomial_logistic_loss::MultinomialLogisticLoss,
    mvn::Mvn,
    narrow::Narrow,
    normalize::Normalize,
    one_hot::OneHot,
    own_gradient::OwnGradient,
    padding::Padding,
    pair_similarity::PairSimilarity,
    pairwise_distance::PairwiseDistance,
    overwritten::Overwritten,
    parameter::Parameter,
    permute::Permute,
    pick::Pick,
    pixel_shuffle::PixelShuffle,
    pooling::Pooling,
    position_pooling::PositionPooling,
    power::Power,
    prelu::PRelu,
    prior_box::PriorBox,
    proposal::Proposal,
    python::Python,
    random_numbers::RandomNumbers,
    reduction::Reduction,
    relu::Relu,
    relu6::Relu6,
    reorg::Reorg,
    replicate::Replicate,
    resample::Resample,
    reshape::Reshape,
    reverse::Reverse,
    rnn::Rnn,
    roi_pooling::RoiPooling,
    rrelu::RRelu,
    scale::Scale,
    scatter::Scatter,
    seg_accuracy::SegAccuracy,
    select::Select,
    shrink::Shrink,
    shuffle_channel::ShuffleChannel,
    sigmoid::Sigmoid,
    sigmoid_cross_entropy_loss::SigmoidCrossEntropyLoss,
    silence::Silence,
    slice::Slice,
    smooth_l1_loss::SmoothL1Loss,
    smooth_l1_loss_ohem::SmoothL1LossOhem,
    soft_plus::SoftPlus,
    soft_sign::SoftSign,
    softmax::Softmax,
    softmax_loss::SoftmaxLoss,
    softmax_loss_ohem::SoftmaxLossOhem,
    spatial_normalization::SpatialNormalization,
    spatial_padding::SpatialPadding,
    sparse_linear::SparseLinear,
    spatial_transformer::SpatialTransformer,
    split::Split,
    spp::Spp,
    stop_gradient::StopGradient,
    sub_sampling::SubSampling,
    sqrt::Sqrt,
    squeeze::Squeeze,
    swish::Swish,
    table_sum::TableSum,
    tanh::Tanh,
    temporal_convolution::TemporalConvolution,
    threshold::Threshold,
    tile::Tile,
    transpose::Transpose,
    triplet_embedding_loss::TripletEmbeddingLoss,
    unbind::Unbind,
    unknown::Unknown,
    unsqueeze::Unsqueeze,
    upsample::Upsample,
    volume_unpooling::VolumeUnpooling,
    volumes::VolumeMax,
    white_noise::WhiteNoise,
    window_data::WindowData,
}

impl Layer {
    /// How a dialect spells a name, if it knows it.
    pub fn resolve(dialect: Dialect, name: &str) -> Option<&'static Spelling> {
        Self::spellings(dialect).find(|spelling| spelling.name == name)
    }

    /// The layer that is spelled so.
    pub fn spec_of(spelling: &'static Spelling) -> Option<&'static LayerSpec> {
        let is_it = |spec: &&&LayerSpec| spec.spellings.iter().any(|s| std::ptr::eq(s, spelling));
        Self::ALL.iter().find(is_it).copied()
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

    /// What [`LayerOps::check`] and then [`LayerOps::infer`] say.
    pub fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        self.ops().check(cx)?;
        self.ops().infer(cx)
    }

    /// Whether a bottom, one of `bottoms`, has a gradient; labels have none.
    pub fn differentiable(&self, bottom: usize, bottoms: usize) -> bool {
        bottom < self.spec().differentiable && self.ops().differentiable(bottom, bottoms)
    }

    /// What happens if the top of this layer with so many tops bears the name of its bottom.
    pub fn in_place(&self, tops: usize) -> InPlace {
        self.ops().in_place(tops).unwrap_or(self.spec().in_place)
    }

    /// Whether the layer brings data into the net: it has no bottoms and its tops are inputs of the program.
    pub fn is_input(&self) -> bool {
        self.spec().input || self.ops().is_input()
    }
}
