//! Knows the fields that well-known forks added to Caffe's messages, and says of each what becomes of it here.
//!
//! Fields whose meaning cortado follows are read by their layers and do not appear here.

use crate::diag::{self, Diagnostic};
use crate::layers::data::{
    CHANGES_OF_INTEL, CHANGES_OF_MYCAFFE, CHANGES_OF_NVCAFFE, CHANGES_OF_SEGMENTATION,
    CHANGES_OF_SEGMENTS,
};
use crate::spec::{Reading, Record, Value};

/// What an unread field of a fork means for the result.
#[derive(Clone, Copy)]
enum Effect {
    /// The result is the same without it; why.
    Idle(&'static str),
    /// The result would be another; what to do instead.
    Refused(&'static str),
    /// The net is the same without it, but would learn from other images, which therefore are not read; what to do instead.
    Images(&'static str),
}

use Effect::{Idle, Images, Refused};

/// Fields by fork and by the message they stand in.
struct Fork {
    name: &'static str,
    fields: &'static [(&'static str, &'static [&'static str], Effect)],
}

const LAYER: &str = "LayerParameter";
const NET: &str = "NetParameter";
const SOLVER: &str = "SolverParameter";

const PRECISION: Effect = Idle("everything is computed in single precision");
const IMAGES: Effect = Images("store the images as the net takes them and remove it");
const SPEED: Effect = Idle("it only changes the speed of that fork");

const FORKS: &[Fork] = &[
    Fork {
        name: "NVCaffe",
        fields: &[
            (
                NET,
                &[
                    "default_forward_type",
                    "default_backward_type",
                    "default_forward_math",
                    "default_backward_math",
                    "default_cudnn_math_override",
                    "global_grad_scale",
                    "global_grad_scale_adaptive",
                ],
                PRECISION,
            ),
            (NET, &["default_conv_algos_override", "reduce_buckets", "eltwise_mem_sharing"], SPEED),
            (LAYER, &["forward_type", "backward_type", "forward_math", "backward_math"], PRECISION),
            (LAYER, &["cudnn_math_override"], PRECISION),
            ("convolution_param", &["conv_algos_override", "cudnn_math_override"], SPEED),
            ("convolution_param", &["cudnn_convolution_algo_seeker"], SPEED),
            ("data_param", &["threads", "parser_threads", "cache"], SPEED),
            ("image_data_param", &["threads", "parser_threads", "cache"], SPEED),
            ("data_param", &["shuffle"], Refused("a run file has `shuffle: true` under `train`")),
            ("transform_param", &["use_gpu_transform"], SPEED),
            ("transform_param", CHANGES_OF_NVCAFFE, IMAGES),
            (SOLVER, &["solver_data_type", "store_blobs_in_old_format"], PRECISION),
            (
                SOLVER,
                &["test_and_snapshot_start_epoch", "test_and_snapshot_last_epochs"],
                Refused("say it in iterations, by `test_interval` and `snapshot`"),
            ),
            (
                SOLVER,
                &[
                    "min_lr",
                    "rampup_interval",
                    "rampup_lr",
                    "max_momentum",
                    "momentum_policy",
                    "momentum_power",
                    "weight_decay_policy",
                    "weight_decay_power",
                    "larc",
                    "larc_policy",
                    "larc_eta",
                    "larc_turbo",
                    "local_lr_auto",
                    "local_gw_ratio",
                ],
                Refused("train with one of Caffe's seven policies"),
            ),
        ],
    },
    Fork {
        name: "Intel Caffe",
        fields: &[
            (NET, &["engine", "compile_net_state", "bn_scale_remove", "bn_scale_merge"], SPEED),
            ("transform_param", CHANGES_OF_INTEL, IMAGES),
            (
                "batch_norm_param",
                &["filler", "bias_filler", "use_weight_bias", "statistics_batch_size"],
                Refused("write a Scale layer with `bias_term: true` behind the BatchNorm"),
            ),
            (
                "convolution_param",
                &["relu", "negative_slope", "bn_stats", "fusion_type"],
                Refused("write the layer that is joined to the Convolution by itself"),
            ),
            ("convolution_param", &["conv_algorithm"], SPEED),
            ("relu_param", &["fuse"], SPEED),
            (LAYER, &["engine"], SPEED),
            (LAYER, &["quantization_param"], Refused("quantised layers are not computed")),
            (SOLVER, &["engine", "activation_type"], SPEED),
            (
                SOLVER,
                &["warmup_iter", "warmup_start_lr", "disabled_update", "local_lr_auto_layer"],
                Refused("train with one of Caffe's seven policies"),
            ),
        ],
    },
    Fork {
        name: "SSD's fork of Caffe",
        fields: &[
            (
                "transform_param",
                &[
                    "resize_param",
                    "noise_param",
                    "distort_param",
                    "expand_param",
                    "emit_constraint",
                    "crop_h",
                    "crop_w",
                ],
                Refused("store the images as the net takes them"),
            ),
            (
                SOLVER,
                &["eval_type", "ap_version", "show_per_class_result"],
                Idle("tests report the outputs of the test net"),
            ),
            (SOLVER, &["plateau_winsize"], Refused("train with one of Caffe's seven policies")),
        ],
    },
    Fork {
        name: "DeepLab's and PSPNet's forks of Caffe",
        fields: &[("transform_param", CHANGES_OF_SEGMENTATION, IMAGES)],
    },
    Fork {
        name: "Yahoo's CaffeOnSpark",
        fields: &[
            (LAYER, &["source_class"], Idle("it names a class of Spark that reads the data")),
            (
                "memory_data_param",
                &["source", "share_in_parallel", "image_encoded", "dataframe_format"],
                Idle("what a program hands over is read from the file of --tensors"),
            ),
        ],
    },
    Fork {
        name: "Alibaba's PAI Caffe",
        fields: &[(
            SOLVER,
            &["data_distribute_mode", "model_average_iter_interval"],
            Idle("cortado trains on one machine"),
        )],
    },
    Fork {
        name: "the fork of Tschopp for OpenCL and volumes",
        fields: &[(
            "memory_data_param",
            &["dim"],
            Refused("an Input layer has `input_param { shape { dim: 1 dim: 1 dim: 132 ... } }`"),
        )],
    },
    Fork {
        name: "SegNet's fork of Caffe",
        fields: &[(
            "softmax_param",
            &["weight_by_label_freqs", "class_weighting"],
            Refused("the message is `loss_param`"),
        )],
    },
    Fork {
        name: "C3D's fork of Caffe",
        fields: &[
            (
                "convolution_param",
                &["kernel_depth", "temporal_pad", "temporal_stride"],
                Refused("give `kernel_size`, `pad` and `stride` once for each of the three axes"),
            ),
            (
                "pooling_param",
                &["kernel_depth", "temporal_pad", "temporal_stride"],
                Refused("Caffe 1.0 pools over two axes"),
            ),
        ],
    },
    Fork {
        name: "caffe-jacinto",
        fields: &[
            (
                SOLVER,
                &["display_sparsity", "ignore_shape_mismatch"],
                Idle("it says nothing about how the net learns"),
            ),
            (
                SOLVER,
                &[
                    "sparse_mode",
                    "sparsity_target",
                    "sparsity_start_iter",
                    "sparsity_start_factor",
                    "sparsity_step_iter",
                    "sparsity_step_factor",
                ],
                Refused("weights are not made sparse; train without it"),
            ),
        ],
    },
    Fork {
        name: "NormFace's fork of Caffe",
        fields: &[
            (
                "softmax_param",
                &[
                    "normalize_type",
                    "label_smooth_factor",
                    "hard_ratio",
                    "cutting_point",
                    "hard_mining_label",
                    "class_weight",
                ],
                Refused("the loss is the plain one of Caffe"),
            ),
            (
                "image_data_param",
                &[
                    "face_transform",
                    "face_mirror",
                    "max_shear_ratio",
                    "max_aspect_ratio",
                    "max_rotate_angle",
                    "min_random_scale",
                    "max_random_scale",
                    "max_random_shift",
                ],
                Refused("store the images as they are to be seen"),
            ),
            (
                "image_data_param",
                &["balance_class", "balance_by", "label_cut_start", "label_cut_end"],
                Refused("write the list of images as they are to be read"),
            ),
        ],
    },
    Fork {
        name: "HashNet's fork of Caffe",
        fields: &[(
            "image_data_param",
            &["label_dim"],
            Refused("several labels of an image are read by HDF5Data"),
        )],
    },
    Fork {
        name: "MyCaffe",
        fields: &[
            ("transform_param", CHANGES_OF_MYCAFFE, IMAGES),
            (
                "data_param",
                &[
                    "enable_random_selection",
                    "enable_pair_selection",
                    "images_per_blob",
                    "output_all_labels",
                    "balance_matches",
                ],
                Refused("records are read one after the other, as they are stored"),
            ),
            (
                "inner_product_param",
                &["enable_noise", "sigma_init"],
                Refused("weights have no noise"),
            ),
            (
                "inner_product_param",
                &["min_top_axes"],
                Refused("a Reshape layer behind it gives the top more axes"),
            ),
            ("contrastive_loss_param", &["output_matches"], Refused("the loss has no second top")),
            (
                SOLVER,
                &["snapshot_include_weights", "snapshot_include_state"],
                Idle("a snapshot always holds both"),
            ),
        ],
    },
    Fork {
        name: "the fork of Temporal Segment Networks",
        fields: &[
            (NET, &["mem_param"], Idle("memory is always shared by what is not alive")),
            (SOLVER, &["richness"], Idle("memory is planned before the run")),
            ("transform_param", CHANGES_OF_SEGMENTS, IMAGES),
        ],
    },
];

/// Whether some fork has this field in this message.
pub(super) fn knows(message: &str, field: &str) -> bool {
    let entries = FORKS.iter().flat_map(|fork| fork.fields);
    entries.into_iter().any(|(m, names, _)| *m == message && names.contains(&field))
}

/// Reports the fields of forks that nobody read; `what` is the name of the outermost message.
pub(super) fn report(record: &Record, what: &str, reading: &Reading) {
    for field in &record.fields {
        let key = &field.key;
        if !reading.was_used(key.span) {
            let of = |fork: &'static Fork| {
                let mut entries = fork.fields.iter();
                let entry =
                    entries.find(|(m, names, _)| *m == what && names.contains(&&*key.value));
                entry.map(|&(_, _, effect)| (fork.name, effect))
            };
            let Some((fork, effect)) = FORKS.iter().find_map(of) else { continue };
            if matches!((effect, &field.value.value), (Idle(_), Value::Record(_))) {
                continue;
            }
            reading.accept(key.span);
            let message = format!("`{}` is a field of {fork}", key.value);
            reading.report(match effect {
                Idle(why) => {
                    Diagnostic::new(&diag::W0616, key.span, message).here("has no effect").note(why)
                }
                Refused(instead) => Diagnostic::new(&diag::E0307, key.span, message)
                    .here("changes the result in a way that cortado does not follow")
                    .help(instead),
                Images(instead) => Diagnostic::new(&diag::W0619, key.span, message)
                    .here("changes images at random in a way that cortado does not follow")
                    .note("the net is the same without it; images for a layer with it are not read")
                    .help(instead),
            });
        } else if let Value::Record(inner) = &field.value.value
            && reading.was_opened(&key.value)
        {
            report(inner, &key.value, reading);
        }
    }
}
