//! The functions that definitions can call, for the reference: their names, their arguments, and the layers they make.

use super::{tables, written};

/// A function.
#[derive(Clone, Debug)]
pub struct Entry {
    /// All its names, the plainest first.
    pub names: Vec<String>,
    /// Its arguments in order; a `?` at the end marks those that may be left out.
    pub arguments: Vec<String>,
    /// The layers it adds to the net, by their own names; none if it only moves elements or makes variables.
    pub layers: Vec<&'static str>,
}

/// All of them, by name.
pub fn functions() -> Vec<Entry> {
    let of_tables = tables().map(|function| Entry {
        names: function.0.iter().map(|&name| name.to_owned()).collect(),
        arguments: function.1.iter().map(|name| name.trim_start_matches('*').to_owned()).collect(),
        layers: layers(function.0[0]),
    });
    let mut all: Vec<Entry> = of_tables.collect();
    for (module, text) in written::texts() {
        all.extend(defined(text).into_iter().map(|(name, arguments)| {
            let names = written::names(module, &name);
            Entry { layers: layers(&names[0]), names, arguments }
        }));
    }
    all.sort_by(|a, b| a.names[0].cmp(&b.names[0]));
    all
}

/// The functions that a text defines for others, with their arguments.
fn defined(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = vec![];
    for part in text.split("\ndef ").skip(1) {
        let head = part.split_once("):\n").map_or(part, |(head, _)| head);
        let Some((name, arguments)) = head.split_once('(') else { continue };
        if name.starts_with('_') {
            continue;
        }
        // A default may be a tuple, which is no further argument.
        let mut depth = 0;
        let mut all = vec![String::new()];
        for c in arguments.chars() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                ',' if depth == 0 => all.push(String::new()),
                c => all[..].last_mut().expect("it begins with one").push(c),
            }
        }
        let arguments =
            all.iter().filter(|argument| !argument.trim().is_empty()).map(
                |argument| match argument.trim().split_once('=') {
                    Some((name, _)) => format!("{name}?"),
                    None => argument.trim().to_owned(),
                },
            );
        found.push((name.to_owned(), arguments.collect()));
    }
    found
}

/// The layers that a function makes, by its first name.
fn layers(name: &str) -> Vec<&'static str> {
    let found = LAYERS.iter().filter(|(functions, _)| functions.contains(&name));
    found.flat_map(|(_, layers)| layers.iter().copied()).collect()
}

/// Functions and the layers that they make.
const LAYERS: &[(&[&str], &[&str])] = &[
    (&["tf.nn.conv2d", "tf.nn.atrous_conv2d", "tf.nn.depthwise_conv2d"], &["Convolution"]),
    (&["tf.nn.conv2d_transpose", "tf.layers.conv2d_transpose"], &["Deconvolution"]),
    (&["slim.conv2d", "slim.separable_conv2d"], &["Convolution", "ReLU"]),
    (&["slim.conv2d_transpose"], &["Deconvolution", "ReLU"]),
    (&["tf.layers.conv2d"], &["Convolution"]),
    (&["slim.fully_connected"], &["InnerProduct", "ReLU"]),
    (&["tf.layers.dense", "tf.nn.xw_plus_b"], &["InnerProduct"]),
    (&["tf.matmul"], &["InnerProduct", "MatrixProduct"]),
    (&["tf.nn.bias_add", "slim.bias_add"], &["Bias"]),
    (
        &[
            "tf.nn.max_pool",
            "tf.nn.avg_pool",
            "slim.max_pool2d",
            "slim.avg_pool2d",
            "tf.layers.max_pooling2d",
            "tf.layers.average_pooling2d",
        ],
        &["Pooling"],
    ),
    (&["slim.batch_norm", "tf.layers.batch_normalization"], &["BatchNormalization"]),
    (&["tf.nn.lrn"], &["LRN"]),
    (&["tf.nn.dropout", "slim.dropout", "tf.layers.dropout"], &["Dropout"]),
    (&["tf.nn.relu", "tf.nn.leaky_relu", "tf.nn.crelu"], &["ReLU"]),
    (&["tf.nn.relu6"], &["ReLU6"]),
    (&["tf.nn.elu"], &["ELU"]),
    (&["tf.nn.softplus"], &["BNLL"]),
    (&["tf.nn.softsign"], &["SoftSign"]),
    (&["tf.nn.tanh"], &["TanH"]),
    (&["tf.nn.sigmoid"], &["Sigmoid"]),
    (&["tf.nn.softmax", "slim.softmax"], &["Softmax"]),
    (&["tf.nn.log_softmax"], &["LogSoftmax"]),
    (&["tf.nn.embedding_lookup"], &["Embed"]),
    (&["tf.one_hot", "slim.one_hot_encoding"], &["OneHot"]),
    (&["tf.reshape", "tf.expand_dims", "tf.squeeze", "slim.flatten"], &["Reshape"]),
    (&["tf.transpose"], &["Permute"]),
    (&["tf.concat", "tf.stack"], &["Concat"]),
    (&["tf.split", "tf.unstack", "tf.slice", "tf.strided_slice"], &["Narrow"]),
    (&["tf.gather", "tf.reverse"], &["Pick"]),
    (&["tf.tile"], &["Tile"]),
    (&["tf.pad"], &["Padding"]),
    (&["tf.reduce_sum", "tf.reduce_mean", "tf.nn.l2_loss"], &["Reduction"]),
    (
        &[
            "tf.nn.softmax_cross_entropy_with_logits",
            "tf.nn.softmax_cross_entropy_with_logits_v2",
            "tf.nn.sparse_softmax_cross_entropy_with_logits",
        ],
        &["CrossEntropy"],
    ),
    (&["tf.stop_gradient"], &["StopGradient"]),
    (&["digits.classification_loss"], &["SoftmaxWithLoss"]),
    (&["digits.constrastive_loss"], &["ContrastiveLoss"]),
    (&["digits.classification_accuracy", "digits.classification_accuracy_top_n"], &["Accuracy"]),
];
