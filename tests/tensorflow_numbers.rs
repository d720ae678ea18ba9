//! Small definitions with the numbers that real TensorFlow gives for them, gradients among them
//! (tests/golden/tensorflow_small; TensorFlow 2.12 in its 1.x mode with tf-slim 1.1), and definitions that it refuses.

mod small_definitions;

use std::collections::BTreeMap;

use cortado::exec::Device;
use cortado::one_pass::{PassOptions, by_loss, inward, one_pass, outward};
use cortado::pipeline;
use cortado::weights::Blob;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use small_definitions::{blobs, checked, given, text};

fn main() {
    let (cases, inputs) = small_definitions::all();
    let mut trials = vec![];
    for case in cases {
        let (name, inputs) = (text(&case["name"]).to_owned(), inputs.clone());
        trials.push(Trial::test(name, move || numbers_agree(&case, inputs)));
    }
    for (name, inference, loss, parts) in REFUSED {
        let inputs = inputs.clone();
        trials.push(Trial::test(format!("refused/{name}"), move || {
            refused(inference, loss, parts, inputs)
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn numbers_agree(case: &Value, inputs: BTreeMap<String, Blob>) -> Result<(), Failed> {
    let given = given(case, inputs);
    let training = case["train"] == true;
    let (checked, _) = checked(text(&case["inference"]), text(&case["loss"]), &given, training);
    if checked.diagnostics.has_errors() {
        return Err(checked.complaints().into());
    }
    let env = pipeline::environment(&pipeline::Options::default(), &|_| None);
    let pass = PassOptions { backward: true, device: Device::Cpu, threads: 1, seed: 0 };
    let (definition, typed) = (&checked.definition, &checked.stages[0]);
    let own = inward(definition, &given);
    let mut results = one_pass(typed, &env, &own, &pass)?;
    results.extend(by_loss(definition, typed, &env, &own, &pass)?);
    let results = outward(definition, &given, results);
    let mut failures = vec![];
    for (name, want) in blobs(&case["want"]) {
        let Some(got) = results.get(&name) else {
            failures.push(format!("{name} is missing among {:?}", results.keys()));
            continue;
        };
        let largest = want.data.iter().fold(1.0f32, |m, x| m.max(x.abs()));
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 * largest;
        if got.shape != want.shape || !got.data.iter().zip(&want.data).all(near) {
            failures.push(format!("{name} is {got:?}, not {want:?}"));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

fn refused(
    inference: &str,
    loss: &str,
    parts: &[&str],
    inputs: BTreeMap<String, Blob>,
) -> Result<(), Failed> {
    let (checked, _) = checked(inference, loss, &inputs, false);
    let said = checked.complaints();
    if !checked.diagnostics.has_errors() {
        return Err(format!("{inference}\n{loss}\nis right: {said}").into());
    }
    match parts.iter().find(|part| !said.contains(**part)) {
        Some(part) => Err(format!("no {part:?} in\n{said}").into()),
        None => Ok(()),
    }
}

const CLASSES: &str = "return digits.classification_loss(self.inference, self.y)";
const NET: &str = "return slim.fully_connected(slim.flatten(self.x), 3)";

/// What real TensorFlow raises TypeError or ValueError for: the bodies of `inference` and `loss`, and parts of the complaint.
const REFUSED: &[(&str, &str, &str, &[&str])] = &[
    (
        "float_times_int",
        "return self.x * tf.constant(2)",
        CLASSES,
        &["net.py:11:", "tf.mul: float32 and int64 do not go together", "tf.to_float"],
    ),
    (
        "int_times_fraction",
        "return self.x * tf.to_float(self.y * 0.5)",
        CLASSES,
        &["net.py:11:", "0.5 is no number of the type int64"],
    ),
    (
        "root_of_int",
        "return self.x * tf.sqrt(tf.argmax(self.x, 1))",
        CLASSES,
        &["net.py:11:", "`x` must be float32, not int64"],
    ),
    (
        "and_of_floats",
        "return tf.to_float(tf.logical_and(self.x, self.x))",
        CLASSES,
        &["net.py:11:", "truth values are needed, not float32"],
    ),
    (
        "one_hot_of_floats",
        "return tf.one_hot(self.x, 3)",
        CLASSES,
        &["net.py:11:", "`indices` must be whole numbers, not float32"],
    ),
    (
        "classes_of_floats",
        NET,
        "return digits.classification_loss(self.inference, tf.to_float(self.y))",
        &["net.py:15:", "`y` must be whole numbers, not float32"],
    ),
    (
        "sigmoid_of_int_labels",
        NET,
        "return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(logits=self.inference, \
         labels=tf.one_hot(self.y, 3, dtype=tf.int32)))",
        &["net.py:15:", "`labels` must be float32, not int64"],
    ),
    (
        "nothing_to_add",
        NET,
        "return tf.add_n(tf.get_collection('losses'))",
        &["net.py:15:", "there is nothing to add"],
    ),
    (
        "sum_of_two_shapes",
        "return tf.add_n([self.x, self.x[0]])",
        CLASSES,
        &["net.py:11:", "the shapes (2, 2, 2, 1) and (2, 2, 1) differ"],
    ),
    (
        "choice_of_two_shapes",
        "return tf.where(self.x > 0, self.x, self.x[0])",
        CLASSES,
        &["net.py:11:", "`x` is (2, 2, 2, 1) and `y` (2, 2, 1)"],
    ),
    (
        "parts_miscounted",
        "return tf.unstack(self.x, 3, 1)[0]",
        CLASSES,
        &["net.py:11:", "`num` is 3, and axis 1 has 2 elements"],
    ),
    (
        "axis_twice",
        "return tf.reduce_mean(self.x, [1, 1])",
        CLASSES,
        &["net.py:11:", "axis 1 is named twice"],
    ),
    (
        "shape_beside_tensor",
        "return self.x * tf.get_variable('w', [1], initializer=tf.constant([1.0]))",
        CLASSES,
        &["net.py:11:", "`shape` beside a tensor"],
    ),
    (
        "too_many_first_values",
        "return self.x * tf.get_variable('w', [1], initializer=tf.constant_initializer([1.0, 2.0]))",
        CLASSES,
        &["net.py:11:", "2 numbers for a variable of 1 elements"],
    ),
    (
        "stride_and_rate",
        "return slim.conv2d(self.x, 2, 2, stride=2, rate=2)",
        CLASSES,
        &["net.py:11:", "strides > 1 not supported in conjunction with dilation_rate > 1"],
    ),
    (
        "channels_of_the_transpose",
        "w = tf.get_variable('w', [2, 2, 4, 1])\nreturn tf.nn.conv2d_transpose(self.x, w, [2, 4, 4, 5], [1, 2, 2, 1])",
        CLASSES,
        &["net.py:12:", "`output_shape` has 5 channels, and the filter gives 4"],
    ),
    (
        "scope_with_a_blank",
        "with tf.variable_scope('a b'):\n    return self.x * 1",
        CLASSES,
        &["net.py:11:", "'a b' is not a valid scope name"],
    ),
    (
        "arguments_of_no_list",
        "with slim.arg_scope(slim.conv2d, padding='SAME'):\n    return slim.conv2d(self.x, 2, 2)",
        CLASSES,
        &["net.py:11:", "a list of functions is needed"],
    ),
    (
        "arguments_of_what_takes_none",
        "with slim.arg_scope([tf.nn.relu], name='a'):\n    return tf.nn.relu(self.x)",
        CLASSES,
        &["net.py:11:", "takes no arguments from a scope", "slim.add_arg_scope"],
    ),
    (
        "mask_of_the_net",
        "return slim.fully_connected(slim.flatten(tf.boolean_mask(self.x, self.x > 0)), 3)",
        CLASSES,
        &["net.py:11:", "of what a computed mask keeps", "its number of rows changes"],
    ),
    (
        "border_wider_than_the_tensor",
        "return tf.pad(self.x, [[0, 0], [2, 0], [0, 0], [0, 0]], 'REFLECT')",
        CLASSES,
        &["net.py:11:", "wider than the 1 elements of axis 1 of (2, 2, 2, 1)"],
    ),
    (
        "letters_of_other_extents",
        "return tf.einsum('bhwc,h->bc', self.x, tf.ones([3]))",
        CLASSES,
        &["net.py:11:", "axes of 2 and 3 elements have one name"],
    ),
    (
        "loop_over_a_tensor",
        "for x in self.x:\n    pass\nreturn x",
        CLASSES,
        &["net.py:11:", "a tensor cannot be iterated over", "tf.unstack"],
    ),
    // What TensorFlow carries out and cortado does not must not be left out in silence.
    (
        "getter_of_moments",
        "with tf.variable_scope('a', custom_getter=lambda getter, **k: getter(**k) * 2):\n    return slim.batch_norm(self.x)",
        CLASSES,
        &["net.py:12:", "a getter gives what is computed from a variable"],
    ),
    (
        "noise_shape",
        "return tf.nn.dropout(self.x, 0.5, noise_shape=[2, 3, 1, 1])",
        CLASSES,
        &["net.py:11:", "`noise_shape` is (2, 3, 1, 1), and the tensor (2, 2, 2, 1)"],
    ),
    (
        "renorm_with_updates_of_its_own",
        "return slim.batch_norm(self.x, renorm=True, updates_collections=None)",
        CLASSES,
        &["net.py:11:", "`renorm` is not there with `updates_collections`"],
    ),
    (
        "assigned_and_trained",
        "w = tf.get_variable('w', [4, 3])\nwith tf.control_dependencies([tf.assign(w, w * 0.5)]):\n    return \
         tf.matmul(slim.flatten(self.x), w)",
        CLASSES,
        &["net.py:12:", "`model/w` is assigned to, and trained as well", "trainable=False"],
    ),
    (
        "assigned_shape",
        "v = tf.get_variable('v', [2], trainable=False)\nv.assign(tf.zeros([3]))\nreturn self.x",
        CLASSES,
        &["net.py:12:", "`model/v` is (2), and its new value (3)"],
    ),
    (
        "assigned_tensor",
        "return tf.assign(self.x, self.x * 2.0)",
        CLASSES,
        &["net.py:11:", "only variables are assigned to"],
    ),
    (
        "gradient_that_is_no_factor",
        "@tf.custom_gradient\ndef f(x):\n    return x, lambda dy: tf.clip_by_value(dy, -1.0, 1.0)\nreturn f(self.x)",
        CLASSES,
        &["net.py:14:", "must be the gradient that arrives times a number"],
    ),
    (
        "groups_that_do_not_fit",
        "return slim.group_norm(tf.tile(self.x, [1, 1, 1, 6]), groups=4)",
        CLASSES,
        &["net.py:11:", "6 channels is not commensurate with 4 groups"],
    ),
];
