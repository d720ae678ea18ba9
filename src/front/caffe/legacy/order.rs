//! Puts the fields of messages into the order of Caffe 1.0's field numbers, the order in which Caffe's own
//! tools write them.

use crate::front::caffe::tree::{Message, ValueKind};

/// Sorts the fields of a message that a field called `name` holds, and of those within it. A whole file is
/// a `net` or a `solver`. Fields that Caffe does not have come last, as they were written.
pub fn sort(message: &mut Message, name: &str) {
    let name = match name {
        "train_net_param" | "test_net_param" | "net_param" => "net",
        "train_state" | "test_state" => "state",
        "exclude" => "include",
        "weight_filler" | "bias_filler" | "data_filler" => "filler",
        "log_param" => "exp_param",
        _ => name,
    };
    if let Some((_, order)) = ORDER.iter().find(|(known, _)| *known == name) {
        let rank = |field: &str| order.split(' ').position(|known| known == field);
        message.fields.sort_by_key(|field| rank(&field.name.value).unwrap_or(usize::MAX));
    }
    sort_inner(message);
}

/// Sorts the messages within a message, but not its own fields.
pub fn sort_inner(message: &mut Message) {
    for field in &mut message.fields {
        match &mut field.value.kind {
            ValueKind::Message(inner) => sort(inner, &field.name.value),
            ValueKind::List(values) => {
                for value in values {
                    if let ValueKind::Message(inner) = &mut value.kind {
                        sort(inner, &field.name.value);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The fields of each message by number. Messages with one field need no order.
const ORDER: &[(&str, &str)] = &[
    ("net", "name layers input input_dim force_backward state debug_info input_shape layer"),
    (
        "solver",
        "train_net test_net test_iter test_interval base_lr display max_iter lr_policy gamma \
              power momentum weight_decay stepsize snapshot snapshot_prefix snapshot_diff solver_mode \
              device_id test_compute_loss random_seed train_net_param test_net_param debug_info net \
              net_param train_state test_state snapshot_after_train regularization_type solver_type \
              delta test_initialization average_loss stepvalue clip_gradients iter_size \
              snapshot_format rms_decay momentum2 type layer_wise_reduce weights",
    ),
    (
        "layer",
        "name type bottom top loss_weight param blobs include exclude phase propagate_down \
              transform_param loss_param accuracy_param argmax_param concat_param \
              contrastive_loss_param convolution_param data_param dropout_param dummy_data_param \
              eltwise_param exp_param hdf5_data_param hdf5_output_param hinge_loss_param \
              image_data_param infogain_loss_param inner_product_param lrn_param memory_data_param \
              mvn_param pooling_param power_param relu_param sigmoid_param softmax_param slice_param \
              tanh_param threshold_param window_data_param python_param prelu_param spp_param \
              reshape_param log_param flatten_param reduction_param embed_param tile_param \
              batch_norm_param elu_param bias_param scale_param input_param crop_param parameter_param \
              recurrent_param swish_param clip_param",
    ),
    ("accuracy_param", "top_k axis ignore_label"),
    ("argmax_param", "out_max_val top_k axis"),
    ("batch_norm_param", "use_global_stats moving_average_fraction eps"),
    ("bias_param", "axis num_axes filler"),
    ("clip_param", "min max"),
    ("concat_param", "concat_dim axis"),
    ("contrastive_loss_param", "margin legacy_version"),
    (
        "convolution_param",
        "num_output bias_term pad kernel_size group stride weight_filler bias_filler pad_h pad_w \
              kernel_h kernel_w stride_h stride_w engine axis force_nd_im2col dilation",
    ),
    ("crop_param", "axis offset"),
    (
        "data_param",
        "source scale mean_file batch_size crop_size mirror rand_skip backend force_encoded_color \
              prefetch",
    ),
    ("dummy_data_param", "data_filler num channels height width shape"),
    ("eltwise_param", "operation coeff stable_prod_grad"),
    ("embed_param", "num_output input_dim bias_term weight_filler bias_filler"),
    ("exp_param", "base scale shift"),
    ("filler", "type value min max mean std sparse variance_norm"),
    ("flatten_param", "axis end_axis"),
    ("hdf5_data_param", "source batch_size shuffle"),
    (
        "image_data_param",
        "source scale mean_file batch_size crop_size mirror rand_skip shuffle new_height \
              new_width is_color root_folder",
    ),
    ("include", "phase min_level max_level stage not_stage"),
    ("infogain_loss_param", "source axis"),
    ("inner_product_param", "num_output bias_term weight_filler bias_filler axis transpose"),
    ("loss_param", "ignore_label normalize normalization"),
    ("lrn_param", "local_size alpha beta norm_region k engine"),
    ("memory_data_param", "batch_size channels height width"),
    ("mvn_param", "normalize_variance across_channels eps"),
    ("param", "name share_mode lr_mult decay_mult"),
    (
        "pooling_param",
        "pool kernel_size stride pad kernel_h kernel_w stride_h stride_w pad_h pad_w engine \
              global_pooling round_mode",
    ),
    ("power_param", "power scale shift"),
    ("prelu_param", "filler channel_shared"),
    ("python_param", "module layer param_str share_in_parallel"),
    ("recurrent_param", "num_output weight_filler bias_filler debug_info expose_hidden"),
    ("reduction_param", "operation axis coeff"),
    ("relu_param", "negative_slope engine"),
    ("reshape_param", "shape axis num_axes"),
    ("scale_param", "axis num_axes filler bias_term bias_filler"),
    ("slice_param", "slice_dim slice_point axis"),
    ("softmax_param", "engine axis"),
    ("spp_param", "pyramid_height pool engine"),
    ("state", "phase level stage"),
    ("tile_param", "axis tiles"),
    ("transform_param", "scale mirror crop_size mean_file mean_value force_color force_gray"),
    (
        "window_data_param",
        "source scale mean_file batch_size crop_size mirror fg_threshold bg_threshold fg_fraction \
              context_pad crop_mode cache_images root_folder",
    ),
];
