//! What DIGITS-TensorFlow definitions may say and what is said about their mistakes: scopes, sharing, stages, the forms of
//! three generations, and complaints that name the line.

use std::path::Path;

use cortado::front::Request;
use cortado::pipeline::{Checked, Options, check};

const HEAD: &str = "import tensorflow as tf
import tensorflow.contrib.slim as slim
from model import Tower
from utils import model_property
import utils as digits


";

/// A class with these bodies of `inference` and of `loss`.
fn class(inference: &str, loss: &str) -> String {
    let lines =
        |body: &str| body.lines().map(|line| format!("        {line}\n")).collect::<String>();
    format!(
        "{HEAD}class UserModel(Tower):\n    @model_property\n    def inference(self):\n{}\n    @model_property\n    \
         def loss(self):\n{}",
        lines(inference),
        lines(loss)
    )
}

fn checked(text: &str, shape: &[usize], classes: Option<usize>) -> Checked {
    let request = Request { input_shape: Some(shape.to_vec()), classes, ..Request::default() };
    let options = Options { request, ..Options::default() };
    check(Path::new("net.py"), text.to_owned(), &options)
}

fn complaints(checked: &Checked) -> String {
    checked.complaints()
}

/// A definition without complaints.
fn clean(text: &str, shape: &[usize], classes: Option<usize>) -> Checked {
    let checked = checked(text, shape, classes);
    assert!(checked.diagnostics.is_empty(), "{}", complaints(&checked));
    checked
}

/// A definition whose complaints have all of these parts.
fn wrong(text: &str, shape: &[usize], parts: &[&str]) {
    let checked = checked(text, shape, Some(3));
    let said = complaints(&checked);
    assert!(checked.diagnostics.has_errors(), "{text}\nis right: {said}");
    for part in parts {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
}

const LOSS: &str = "return digits.classification_loss(self.inference, self.y)";

/// The public names of the parameters, in their order.
fn parameters(checked: &Checked) -> Vec<&str> {
    let names = checked.definition.names.iter();
    let mut found: Vec<&str> =
        names.filter_map(|(public, _)| public.strip_prefix("param.model/")).collect();
    found.dedup();
    found
}

#[test]
fn stages_share_what_is_the_same() {
    let text = class(
        "net = slim.flatten(self.x)\nif self.is_training:\n    net = tf.nn.dropout(net, 0.5)\nnet = \
         slim.fully_connected(net, 8, scope='a')\nreturn slim.fully_connected(net, self.nclasses, activation_fn=None, \
         scope='b')",
        LOSS,
    );
    let checked = clean(&text, &[4, 4, 1], Some(3));
    let count =
        |name: &str| checked.definition.nodes.iter().filter(|n| n.name.value == name).count();
    assert_eq!((count("a"), count("b"), count("dropout"), count("softmax")), (2, 1, 1, 1));
    let of_stage = |name: &str| {
        let stage = checked.stage(name).expect("one of three");
        stage.net.nodes().map(|(_, node)| node.name.value.clone()).collect::<Vec<_>>()
    };
    assert!(of_stage("train").contains(&"dropout".to_owned()));
    assert!(!of_stage("val").contains(&"dropout".to_owned()));
    assert!(!of_stage("deploy").contains(&"target".to_owned()));
    let parameters = |stage: &str| checked.stage(stage).map(|typed| typed.parameter_count());
    assert_eq!(parameters("train"), Some(16 * 8 + 8 + 8 * 3 + 3));
    assert_eq!(parameters("deploy"), parameters("train"));
}

/// Layers without scopes are numbered, and what only training has moves the numbers.
#[test]
fn a_place_is_one_variable_in_all_stages() {
    let text = class(
        "x = slim.flatten(self.x) + 1.0\nif self.is_training:\n    x = x + 0.1 * tf.random_normal(tf.shape(x))\na = \
         tf.get_variable('a', [4])\nb = tf.get_variable('b', [4])\nx = tf.nn.relu(x + a) + b\nreturn \
         slim.fully_connected(x, self.nclasses, activation_fn=None)",
        LOSS,
    );
    let checked = clean(&text, &[2, 2, 1], Some(3));
    let mut variables = std::collections::BTreeMap::new();
    for (public, own) in &checked.definition.names {
        if public.starts_with("param.") {
            assert_eq!(variables.insert(own, public).unwrap_or(public), public, "{own}");
        }
    }
    for stage in &checked.stages {
        let named = |name: &str| stage.variables.iter().any(|v| v.name.as_deref() == Some(name));
        assert!(named("model/a") && named("model/b"));
    }
}

#[test]
fn names_of_variables() {
    let text = class(
        "net = slim.conv2d(self.x, 4, 3)\nnet = slim.conv2d(net, 4, 3)\nwith tf.variable_scope('block'):\n    net = \
         slim.repeat(net, 2, slim.conv2d, 4, [3, 3], scope='c')\n    w = tf.get_variable('w', [4])\n    net = net * w\n\
         net = slim.batch_norm(net, scale=True)\nnet = slim.flatten(net)\nreturn slim.fully_connected(net, 3)",
        LOSS,
    );
    let checked = clean(&text, &[5, 5, 2], Some(3));
    let wanted = [
        "Conv/weights",
        "Conv/biases",
        "Conv_1/weights",
        "Conv_1/biases",
        "block/c/c_1/weights",
        "block/c/c_1/biases",
        "block/c/c_2/weights",
        "block/c/c_2/biases",
        "block/w",
        "BatchNorm/beta",
        "BatchNorm/gamma",
        "BatchNorm/moving_mean",
        "BatchNorm/moving_variance",
        "fully_connected/weights",
        "fully_connected/biases",
    ];
    assert_eq!(parameters(&checked), wanted);
}

#[test]
fn the_forms_before_the_present_one() {
    let class = "class UserModel(Tower):
    @model_property
    def inference(self):
        halves = tf.split(3, 2, self.x)
        net = tf.concat(3, [tf.sub(halves[0], 1.0), tf.mul(halves[1], 2.0)])
        rows = tf.unpack(net)
        return slim.fully_connected(slim.flatten(tf.pack(rows)), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
";
    clean(class, &[4, 4, 2], Some(3));
    let function = "def build_model(params):
    net = slim.flatten(params['x'])
    net = slim.fully_connected(net, params['nclasses'], activation_fn=None)

    def loss(y):
        return digits.classification_loss(net, y)

    return {'model': net, 'loss': loss}
";
    let checked = clean(function, &[4, 4, 2], Some(3));
    assert_eq!(parameters(&checked), ["fully_connected/weights", "fully_connected/biases"]);
}

#[test]
fn sharing() {
    let text = class(
        "def tower(x):\n    return slim.fully_connected(x, 3, activation_fn=None, scope='fc')\nx = slim.flatten(self.x)\n\
         with tf.variable_scope('t') as scope:\n    a = tower(x)\n    scope.reuse_variables()\n    b = tower(x * 2)\n\
         return a + b",
        LOSS,
    );
    let checked = clean(&text, &[2, 2, 1], Some(3));
    assert_eq!(checked.stages[0].parameter_count(), 15);
    let without = text.replace("    scope.reuse_variables()\n", "    pass\n");
    wrong(
        &without,
        &[2, 2, 1],
        &["`model/t/fc/weights` exists already", "reuse_variables()", "E0811"],
    );
    let early = text.replace("    a = tower(x)\n            scope", "    scope");
    wrong(&early, &[2, 2, 1], &["`model/t/fc/weights` does not exist"]);
}

#[test]
fn mistakes_are_named_at_their_line() {
    let logits = "return slim.fully_connected(slim.flatten(self.x), 3, activation_fn=None)";
    for (inference, loss, parts) in [
        (
            "return slim.conv2dd(self.x, 3, 3)",
            LOSS,
            &["E0810", "`slim.conv2dd`", "did you mean `slim.conv2d`?", "net.py:11"][..],
        ),
        ("return tf.nn.reluu(self.x)", LOSS, &["did you mean `tf.nn.relu`?"]),
        (
            "return tf.conv2d(self.x)",
            LOSS,
            &["`tf.conv2d` is not known", "there is `tf.nn.conv2d`"],
        ),
        ("return slim.conv2d(self.x, 3, 3, paddin='SAME')", LOSS, &["paddin", "padding"]),
        (
            "return slim.conv2d(self.x, 3, 9, padding='VALID')",
            LOSS,
            &["a window of 9 does not fit into an image 6 high"],
        ),
        (
            "return slim.fully_connected(slim.flatten(self.x), 3, activation_fn=None)[:, 5]",
            LOSS,
            &["index 5 is out of range"],
        ),
        (
            "w = tf.get_variable('w', [7, 3])\nreturn tf.matmul(slim.flatten(self.x), w)",
            LOSS,
            &["(1, 72) and (7, 3)"],
        ),
        (
            "return tf.reshape(self.x, [-1, 7])",
            LOSS,
            &["(1, 6, 6, 2) has 72 elements", "slim.flatten(x)"],
        ),
        (
            "return tf.concat([self.x, self.x[:, 1:]], 3)",
            LOSS,
            &["cannot be joined along axis 3: heights", "is made of"],
        ),
        (
            "w = tf.get_variable('w', [3, 3, 5, 4])\nreturn tf.nn.conv2d(self.x, w, [1, 1, 1, 1], 'SAME')",
            LOSS,
            &["for 5 channels, and the images have 2"],
        ),
        (
            "net = slim.flatten(self.x)\nif tf.reduce_sum(net) > 0:\n    net = net * 2\nreturn net",
            LOSS,
            &["a condition on a tensor", "net.py:12"],
        ),
        (logits, "return self.inference", &["a loss is one number", "tf.reduce_mean"]),
        (logits, "return 3", &["no tensor"]),
        ("return None", LOSS, &["`inference` returns nothing"]),
        (logits, "return digits.mse_loss(self.inference, self.x)", &["(1, 3) and (1, 6, 6, 2)"]),
        ("return slim.dropout(self.x, 1.5)", LOSS, &["`keep_prob` must be above 0"]),
        ("return self.x.foo", LOSS, &["'Tensor' object has no attribute 'foo'"]),
    ] {
        wrong(&class(inference, loss), &[6, 6, 2], parts);
    }
    wrong("x = 3\n", &[6, 6, 2], &["E0812", "no class `UserModel`"]);
}

#[test]
fn the_shape_must_be_known() {
    let text = class("return slim.flatten(self.x)", LOSS);
    let checked = check(Path::new("net.py"), text, &Options::default());
    assert!(complaints(&checked).contains("--input-shape 28,28,1"), "{}", complaints(&checked));
}

#[test]
fn a_batch_is_split_in_two() {
    let text = class(
        "a, b = tf.split(slim.fully_connected(slim.flatten(self.x), 4, activation_fn=None), 2, 0)\nreturn a - b",
        "return tf.reduce_mean(tf.square(self.inference))",
    );
    let checked = clean(&text, &[2, 2, 1], None);
    assert_eq!(checked.stages[0].parameter_count(), 20);
}

#[test]
fn a_raw_output_keeps_its_values_beside_its_bias() {
    let text = class(
        "w = tf.get_variable('w', [3, 3, 1, 2])\nb = tf.get_variable('b', [2])\nraw = tf.nn.conv2d(self.x, w, [1, 1, 1, 1], \
         'SAME')\nbiased = tf.nn.bias_add(raw, b)\nreturn slim.flatten(biased * raw)",
        "return tf.reduce_mean(self.inference)",
    );
    let checked = clean(&text, &[4, 4, 1], None);
    let convolutions =
        checked.definition.nodes.iter().filter(|n| n.layer.spec().name == "Convolution");
    assert_eq!(convolutions.count(), 2);
    assert_eq!(checked.stages[0].parameter_count(), 20);
}

#[test]
fn a_net_that_is_used_on_other_inputs_is_still_trained() {
    let text = class(
        "if self.is_inference:\n    return tf.reshape(self.x, [-1, 7])\nreturn slim.fully_connected(slim.flatten(self.x), 3, \
         activation_fn=None)",
        LOSS,
    );
    let checked = checked(&text, &[2, 2, 1], Some(3));
    let said = complaints(&checked);
    assert!(said.contains("W0810") && !checked.diagnostics.has_errors(), "{said}");
    let stages: Vec<String> = checked.stages.iter().map(|typed| typed.net.state.label()).collect();
    assert!(!stages.contains(&"deploy".to_owned()), "{stages:?}");
}

#[test]
fn each_loss_changes_its_own_variables() {
    let text = class(
        "a = tf.get_variable('a', [4, 4])\nb = tf.get_variable('b', [4, 1])\nself.h = tf.matmul(slim.flatten(self.x), a)\n\
         return tf.matmul(self.h, b)",
        "y = self.inference\nv = dict((v.op.name, v) for v in tf.trainable_variables())\nreturn [{'loss': tf.reduce_mean(y), \
         'vars': [v['model/b']]}, {'loss': tf.reduce_mean(tf.square(y)), 'vars': [v['model/a']]}]",
    );
    let checked = clean(&text, &[2, 2, 1], None);
    let frozen = |variable: &str| {
        let nodes = checked.definition.nodes.iter().flat_map(|node| &node.params);
        let own = nodes.filter(|p| p.name.as_ref().is_some_and(|n| n.value == variable));
        own.map(|param| param.frozen).collect::<Vec<_>>()
    };
    // The first loss reads `a` frozen, the second `b`; the rest is the net itself and what changes.
    let (a, b) = (frozen("model/a"), frozen("model/b"));
    assert_eq!((a, b), (vec![false, true, false], vec![false, true]));
    assert_eq!(checked.stages[0].parameter_count(), 20);
}

#[test]
fn labels_may_be_images() {
    let text = class(
        "return slim.conv2d(self.x, 2, 3, activation_fn=None)",
        "y = tf.reshape(self.y, [-1] + list(self.input_shape))\nreturn digits.mse_loss(self.inference, y)",
    );
    clean(&text, &[5, 4, 2], None);
    let told = class(
        "return slim.flatten(self.x)",
        "return digits.mse_loss(self.inference, tf.reshape(self.y, [-1, 3]))",
    );
    wrong(&told, &[5, 4, 2], &["the shape of the labels is not known"]);
}

#[test]
fn the_reference_has_every_function() {
    let all = cortado::front::tensorflow::functions();
    let entry = |name: &str| all.iter().find(|entry| entry.names.iter().any(|n| n == name));
    for entry in &all {
        for layer in &entry.layers {
            let known = cortado::layers::Layer::ALL.iter().any(|spec| spec.name == *layer);
            assert!(known, "no layer {layer}, which {} is said to make", entry.names[0]);
        }
        let plain = |a: &String| !a.is_empty() && !a.contains(['(', ')', '=', ' ', '\'']);
        assert!(entry.arguments.iter().all(plain), "{entry:?}");
    }
    let conv = entry("tf.layers.conv2d").expect("it is there");
    assert_eq!(conv.arguments[..4], ["inputs", "filters", "kernel_size", "strides?"]);
    let slim = entry("tf.contrib.layers.convolution2d").expect("it is there");
    assert_eq!(
        (slim.names[0].as_str(), &slim.layers[..]),
        ("slim.conv2d", &["Convolution", "ReLU"][..])
    );
    for name in
        ["tf.nn.max_pool", "digits.constrastive_loss", "tf.losses.huber_loss", "tf.get_variable"]
    {
        assert!(entry(name).is_some(), "{name}");
    }
}

/// slim's own nets: how large an image is, how many variables TensorFlow makes, how many elements
/// those have that are trained, and a number made of their
/// names, in order and each with the end of a line: h = 31 h + byte in 32 bits (tf-slim 1.1, ten classes, while training).
const NETS: &[(&str, usize, usize, usize, u32)] = &[
    ("alexnet.alexnet_v2", 224, 16, 46247882, 1444209098),
    ("inception.inception_v1", 224, 230, 5602874, 1666214678),
    ("inception.inception_v2", 224, 277, 10163586, 1015940181),
    ("inception.inception_v3", 299, 388, 24353332, 4060997092),
    ("overfeat.overfeat", 231, 16, 141648394, 269567626),
    ("resnet_v1.resnet_v1_50", 64, 267, 23528522, 2437566570),
    ("resnet_v2.resnet_v2_101", 64, 544, 42549386, 3488838469),
    ("vgg.vgg_16", 224, 32, 134301514, 2642115792),
    ("vgg.vgg_19", 224, 38, 139611210, 284235254),
];

#[test]
fn nets_of_slim_have_the_variables_of_tensorflow() {
    for &(net, size, variables, elements, names) in NETS {
        let (module, function) = net.split_once('.').unwrap_or_default();
        let scope = match module {
            "inception" => format!("{net}_arg_scope"),
            "resnet_v1" | "resnet_v2" => format!("{module}.resnet_arg_scope"),
            "vgg" => "vgg.vgg_arg_scope".to_owned(),
            _ => format!("{module}.{function}_arg_scope"),
        };
        let text = class(
            &format!(
                "from tensorflow.contrib.slim.python.slim.nets import {module}\nwith slim.arg_scope({scope}()):\n    net, points = \
                 {net}(self.x, 10, is_training=self.is_training)\nself.points = points\nreturn tf.reshape(net, [-1, 10])"
            ),
            LOSS,
        );
        // What a net is trained with beside its logits, as inception_v3 is, has variables as well.
        let text = match net {
            "inception.inception_v3" => text.replace(LOSS, "other = self.points['AuxLogits'] if self.is_training else \
                self.inference\n        return digits.classification_loss(self.inference, self.y) + \
                digits.classification_loss(other, self.y)"),
            _ => text,
        };
        let checked = checked(&text, &[size, size, 3], Some(10));
        assert!(!checked.diagnostics.has_errors(), "{net}: {}", complaints(&checked));
        let mut found: Vec<String> =
            parameters(&checked).into_iter().map(|name| format!("model/{name}")).collect();
        found.sort();
        found.dedup();
        assert_eq!(found.len(), variables, "{net}: {found:?}");
        let line = found.iter().flat_map(|name| name.bytes().chain([b'\n']));
        let sum = line.fold(0u32, |h, byte| h.wrapping_mul(31).wrapping_add(u32::from(byte)));
        assert_eq!(sum, names, "{net}: {found:?}");
        let train = checked.stage("train").expect("it is trained");
        assert_eq!(train.parameter_count(), elements, "{net}");
    }
}
