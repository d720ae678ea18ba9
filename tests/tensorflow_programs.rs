//! DIGITS-TensorFlow definitions as programs: files that import others of their project, layers that are written in the
//! language over others (`tf.layers`, `tf.losses`, cells of recurrent nets) against plain loops or the same net of other
//! functions, arrays of numpy, and what is said of methods that are not called.

use std::collections::BTreeMap;
use std::path::Path;

use cortado::exec::{Device, SessionOptions};
use cortado::front::Request;
use cortado::ir::NetState;
use cortado::job::check_file;
use cortado::job::trial::trial;
use cortado::layers::Layer;
use cortado::one_pass::{PassOptions, check_options, inward, one_pass, outward};
use cortado::pipeline::{self, Checked, Options};
use cortado::spec::Phase;
use cortado::ty::Shape;
use cortado::weights::Blob;

type Tensors = BTreeMap<String, Blob>;

const LOSS: &str = "return tf.reduce_mean(tf.square(self.inference))";

/// A class with these bodies of `inference` and of `loss`.
fn class(inference: &str, loss: &str) -> String {
    let lines =
        |body: &str| body.lines().map(|line| format!("        {line}\n")).collect::<String>();
    format!(
        "class UserModel(Tower):\n    @model_property\n    def inference(self):\n{}\n    @model_property\n    def loss(self):\n{}",
        lines(inference),
        lines(loss)
    )
}

fn said(checked: &Checked) -> String {
    checked.complaints()
}

fn checked(path: &Path, shape: &[usize]) -> Checked {
    let request = Request { input_shape: Some(shape.to_vec()), ..Request::default() };
    check_file(path, &Options { request, ..Options::default() }).expect("the file is read")
}

/// Numbers between -1 and 1 that have nothing to do with each other.
fn noise(shape: &[usize], seed: u32) -> Blob {
    let n: usize = shape.iter().product();
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let data = (0..n).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        f64::from(state) as f32 / 2f32.powi(31) - 1.0
    });
    Blob { shape: shape.to_vec(), data: data.collect() }
}

/// What a definition gives of tensors.
fn results(text: &str, given: &Tensors) -> Tensors {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("net.py");
    std::fs::write(&path, text).expect("a file");
    let options = check_options(&path, given, Some(NetState::phase(Phase::Train)));
    let checked = pipeline::check_file(&path, &options).expect("the file is read");
    assert!(checked.diagnostics.is_empty(), "{}", said(&checked));
    let env = pipeline::environment(&options, &|_| None);
    let definition = &checked.definition;
    let pass = PassOptions { backward: true, device: Device::Cpu, threads: 1, seed: 0 };
    let results = one_pass(&checked.stages[0], &env, &inward(definition, given), &pass);
    outward(definition, given, results.expect("it runs"))
}

fn close(got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len());
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((a - b).abs() < 1e-5, "{i}: {a} and {b}");
    }
}

fn tensors<const N: usize>(given: [(&str, Blob); N]) -> Tensors {
    given.into_iter().map(|(name, blob)| (name.to_owned(), blob)).collect()
}

#[test]
fn files_of_the_project_are_imported_and_no_others() {
    let root = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write("outside.py", "size = 1\n");
    write(
        "project/common.py",
        "import tensorflow as tf\nimport slim\n\ndef act(x):\n    return tf.nn.relu(x)\n",
    );
    write("project/nets/blocks/__init__.py", "from sizes import width\nfrom .inner import block\n");
    write("project/nets/blocks/sizes.py", "width = 5\n");
    write(
        "project/nets/blocks/inner.py",
        "import common\nfrom sizes import width\n\ndef block(x):\n    return common.act(slim.fully_connected(x, width, \
         activation_fn=None, scope='b'))\n",
    );
    let net = class("import blocks\nx = slim.flatten(self.x)\nreturn blocks.block(x)", LOSS);
    write("project/nets/net.py", &format!("from plain.part import scale\n{net}"));
    write("project/nets/plain/part.py", "scale = 2\n");
    let path = root.path().join("project/nets/net.py");
    let whole = checked(&path, &[2, 2, 1]);
    assert!(whole.diagnostics.is_empty(), "{}", said(&whole));
    assert_eq!(whole.stages[0].parameter_count(), 4 * 5 + 5);
    for name in ["outside", "project.outside", "nowhere_at_all"] {
        write("project/nets/other.py", &format!("import {name}\n{net}"));
        let refused = said(&checked(&root.path().join("project/nets/other.py"), &[2, 2, 1]));
        assert!(refused.contains("No module named"), "{name}: {refused}");
        assert!(refused.contains("files of the project"), "{name}: {refused}");
    }
    // A mistake in another file is shown there.
    write("project/nets/blocks/sizes.py", "width = 5 +\n");
    let broken = said(&checked(&path, &[2, 2, 1]));
    assert!(broken.contains("sizes.py:1"), "{broken}");
    // So is a module that never ends.
    write("project/nets/blocks/sizes.py", "while True:\n    pass\n");
    let endless = said(&checked(&path, &[2, 2, 1]));
    assert!(endless.contains("E0803") && endless.contains("sizes.py"), "{endless}");
}

#[test]
fn imports_with_dots_name_files_of_the_package() {
    let root = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    // Files that are called as modules of Python and of DIGITS, and two of the same name.
    write("pack/__init__.py", "scale = 3\nfrom .model import build\n");
    write("pack/collections.py", "from . import scale\nWIDTH = 2 * scale\n");
    write("pack/layers.py", "depth = 1\n");
    write("pack/nets/__init__.py", "");
    write("pack/nets/layers.py", "depth = 7\n");
    write(
        "pack/nets/dense.py",
        "from __future__ import absolute_import\nfrom ..collections import WIDTH\nfrom .. import layers as above\n\
         from . import layers\n\ndef dense(x):\n    assert (above.depth, layers.depth) == (1, 7)\n    \
         return tf.layers.dense(x, WIDTH + layers.depth, name='d')\n",
    );
    write("pack/model.py", "from .nets.dense import dense\n\ndef build(x):\n    return dense(x)\n");
    write("utils.py", "def twice(x):\n    return x + x\n");
    let net = class("return twice(pack.build(tf.layers.flatten(self.x)))", LOSS);
    write("net.py", &format!("import pack\nfrom utils import twice\n{net}"));
    let whole = checked(&root.path().join("net.py"), &[2, 2, 1]);
    assert!(whole.diagnostics.is_empty(), "{}", said(&whole));
    assert_eq!(whole.stages[0].parameter_count(), 4 * 13 + 13);
    write("pack/model.py", "from .net.dense import dense\n");
    let refused = said(&checked(&root.path().join("net.py"), &[2, 2, 1]));
    assert!(
        refused.contains("No module named '.net'") && refused.contains("put `net.py` there"),
        "{refused}"
    );
}

#[test]
fn what_programs_import_and_set_beside_their_nets_does_nothing() {
    let head = "import os, sys, time\nimport argparse, enum\nimport matplotlib\nmatplotlib.use('Agg')\n\
        import matplotlib.pyplot as plt\nimport cv2\nfrom PIL import Image\nfrom multiprocessing import Process\n\
        from tensorflow.examples.tutorials.mnist import input_data\nfrom easydict import EasyDict as edict\n\
        os.environ['CUDA_VISIBLE_DEVICES'] = '0'\nsys.path.append(os.path.dirname(os.path.abspath(__file__)))\n\
        start = time.time()\n\
        class Reader(Process):\n    def run(self):\n        return cv2.imread('a.png')\n\
        class Kind(enum.Enum):\n    SMALL = 2\n    LARGE = 5\n\
        parser = argparse.ArgumentParser(description='a net')\n\
        parser.add_argument('--hidden-units', '-u', type=int, default='4')\n\
        parser.add_argument('--deep', action='store_true')\nargs = parser.parse_args()\n\
        flags = tf.app.flags\nFLAGS = flags.FLAGS\nflags.DEFINE_integer('more', 1, 'units')\n\
        cfg = edict({'net': {'sizes': [{'n': 2}]}})\ncfg.net.extra = 3\n";
    let net = class(
        "units = args.hidden_units + FLAGS.more + cfg.net.sizes[0].n + cfg.net.extra + Kind.LARGE.value\n\
         assert not args.deep and Kind(2) is Kind.SMALL and os.environ.get('HOME') is None\n\
         params = tf.contrib.training.HParams(units=units)\n\
         return tf.layers.dense(tf.layers.flatten(self.x), params.units)",
        LOSS,
    );
    let root = tempfile::tempdir().expect("a folder");
    let path = root.path().join("net.py");
    std::fs::write(&path, format!("{head}{net}")).expect("a file");
    let whole = checked(&path, &[2, 2, 1]);
    assert!(whole.diagnostics.is_empty(), "{}", said(&whole));
    assert_eq!(whole.stages[0].parameter_count(), 5 * 15);
    for (used, place) in [
        ("cv2.imread('a.png')", "cv2.imread"),
        ("Image.open('a.png')", "PIL.Image.open"),
        (
            "input_data.read_data_sets('.')",
            "tensorflow.examples.tutorials.mnist.input_data.read_data_sets",
        ),
        ("os.listdir('.')", "os.listdir"),
        ("[n for n in sys.modules]", "sys.modules"),
    ] {
        std::fs::write(&path, format!("{head}x = {used}\n{net}")).expect("a file");
        let refused = said(&checked(&path, &[2, 2, 1]));
        assert!(
            refused.contains(&format!("'{place}' is not available to a definition")),
            "{refused}"
        );
    }
}

#[test]
fn a_function_for_estimators_is_a_net_with_a_loss() {
    let text = "def model_fn(features, labels, mode, params):\n    net = tf.layers.dense(tf.layers.flatten(features), 3)\n    \
        predictions = {'classes': tf.argmax(net, 1)}\n    if mode == tf.estimator.ModeKeys.PREDICT:\n        \
        return tf.estimator.EstimatorSpec(mode, predictions={'scores': net})\n    \
        loss = tf.losses.sparse_softmax_cross_entropy(labels, net)\n    \
        metrics = {'accuracy': tf.metrics.accuracy(labels=labels, predictions=predictions['classes'])}\n    \
        tf.summary.scalar('accuracy', metrics['accuracy'][1])\n    \
        train_op = tf.train.AdamOptimizer(params['rate']).minimize(loss, global_step=tf.train.get_global_step())\n    \
        return tf.estimator.EstimatorSpec(mode, {'scores': net}, loss, train_op, eval_metric_ops=metrics)\n";
    let net = class(
        "keys = tf.estimator.ModeKeys\nmode = keys.PREDICT if self.is_inference else keys.TRAIN\n\
         self.spec = model_fn(self.x, self.y, mode, {'rate': 0.1})\nreturn self.spec.predictions['scores']",
        "self.inference\nreturn self.spec.loss",
    );
    let root = tempfile::tempdir().expect("a folder");
    let path = root.path().join("net.py");
    std::fs::write(&path, format!("{text}{net}")).expect("a file");
    let whole = checked(&path, &[2, 2, 1]);
    let said = said(&whole);
    assert!(
        !whole.diagnostics.has_errors() && said.contains("W0814") && said.contains("net.py:9"),
        "{said}"
    );
    assert_eq!(whole.stages[0].parameter_count(), 15);
}

#[test]
fn a_model_that_cannot_be_made_and_a_batch_that_runs_further_are_told() {
    let root = tempfile::tempdir().expect("a folder");
    let path = root.path().join("net.py");
    let own = "class UserModel(Tower):\n    def __init__(self):\n        super(UserModel, self).__init__('lenet')\n";
    std::fs::write(&path, own).expect("a file");
    let refused = said(&checked(&path, &[2, 2, 1]));
    assert!(
        refused.contains("net.py:2") && refused.contains("DIGITS makes the model"),
        "{refused}"
    );
    // A batch of one loses its axis; the mistake is what batches of two show.
    let net = class(
        "x = tf.squeeze(self.x)\nx = tf.transpose(x, [1, 0, 2])\nreturn tf.get_variabel('w', x)",
        LOSS,
    );
    std::fs::write(&path, net).expect("a file");
    let refused = said(&checked(&path, &[2, 2, 1]));
    assert!(refused.contains("get_variabel"), "{refused}");
}

#[test]
fn what_a_definition_prints_is_passed_on_once() {
    let text = class("print('building')\nreturn slim.flatten(self.x)", LOSS);
    let request = Request { input_shape: Some(vec![2, 2, 1]), ..Request::default() };
    let options = Options { request, ..Options::default() };
    let checked = pipeline::check(Path::new("net.py"), text, &options);
    assert_eq!(checked.diagnostics.said(), "building\n");
}

/// The text that runs a cell over 3 steps of 4 numbers.
fn recurrent(cell: &str) -> String {
    class(
        &format!(
            "x = tf.reshape(self.x, [-1, 3, 4])\noutputs, state = tf.nn.dynamic_rnn({cell}, x, dtype=tf.float32)\nreturn \
             outputs"
        ),
        LOSS,
    )
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// x w + b for one row.
fn linear(x: &[f32], w: &Blob, b: &Blob) -> Vec<f32> {
    let outputs = w.shape[1];
    let column =
        |j: usize| x.iter().enumerate().map(|(i, x)| x * w.data[i * outputs + j]).sum::<f32>();
    (0..outputs).map(|j| column(j) + b.data[j]).collect()
}

#[test]
fn an_lstm_and_a_gru_step_as_their_equations_say() {
    let (batch, steps, size, units) = (2, 3, 4, 5);
    let x = noise(&[batch, steps, size, 1], 1);
    let (w, b) = (noise(&[size + units, 4 * units], 2), noise(&[4 * units], 3));
    let mut want = vec![];
    for row in x.data.chunks(steps * size) {
        let (mut c, mut h) = (vec![0.0f32; units], vec![0.0f32; units]);
        for step in row.chunks(size) {
            let gates = linear(&[step, &h[..]].concat(), &w, &b);
            for k in 0..units {
                let [i, j, f, o] = [0, 1, 2, 3].map(|gate| gates[gate * units + k]);
                c[k] = c[k] * sigmoid(f + 1.0) + sigmoid(i) * j.tanh();
                h[k] = c[k].tanh() * sigmoid(o);
            }
            want.extend(&h);
        }
    }
    let given = tensors([
        ("in.x", x.clone()),
        ("param.model/rnn/basic_lstm_cell/kernel", w),
        ("param.model/rnn/basic_lstm_cell/bias", b),
    ]);
    let got = &results(&recurrent("tf.nn.rnn_cell.BasicLSTMCell(5)"), &given)["out.0"];
    assert_eq!(got.shape, [batch, steps, units]);
    close(&got.data, &want);

    let (wg, bg) = (noise(&[size + units, 2 * units], 4), noise(&[2 * units], 5));
    let (wc, bc) = (noise(&[size + units, units], 6), noise(&[units], 7));
    let mut want = vec![];
    for row in x.data.chunks(steps * size) {
        let mut h = vec![0.0f32; units];
        for step in row.chunks(size) {
            let gates: Vec<f32> =
                linear(&[step, &h[..]].concat(), &wg, &bg).into_iter().map(sigmoid).collect();
            let (reset, update) = gates.split_at(units);
            let left: Vec<f32> = h.iter().zip(reset).map(|(h, r)| h * r).collect();
            let new = linear(&[step, &left[..]].concat(), &wc, &bc);
            for k in 0..units {
                h[k] = update[k] * h[k] + (1.0 - update[k]) * new[k].tanh();
            }
            want.extend(&h);
        }
    }
    let given = tensors([
        ("in.x", x),
        ("param.model/rnn/gru_cell/gates/kernel", wg),
        ("param.model/rnn/gru_cell/gates/bias", bg),
        ("param.model/rnn/gru_cell/candidate/kernel", wc),
        ("param.model/rnn/gru_cell/candidate/bias", bc),
    ]);
    let got = &results(&recurrent("tf.contrib.rnn.GRUCell(5)"), &given)["out.0"];
    close(&got.data, &want);
}

#[test]
fn what_a_written_function_complains_of_is_said_at_its_call() {
    let text = class("net = self.x\nreturn tf.layers.conv2d(net, 3, 9)", LOSS);
    let request = Request { input_shape: Some(vec![4, 4, 1]), ..Request::default() };
    let options = Options { request, ..Options::default() };
    let said = said(&pipeline::check(Path::new("net.py"), text, &options));
    assert!(said.contains("a window of 9 does not fit"), "{said}");
    assert!(said.contains("net.py:5") && !said.contains("<tensorflow"), "{said}");
}

#[test]
fn tf_layers_are_the_layers_of_slim_with_other_names_and_defaults() {
    let own = class(
        "net = tf.layers.conv2d(self.x, 4, 3, strides=2, padding='same', activation=tf.nn.relu)\nnet = \
         tf.layers.batch_normalization(net, training=self.is_training)\nnet = tf.layers.conv2d_transpose(net, 3, 3, \
         strides=2)\nnet = tf.layers.max_pooling2d(net, 2, 2)\nnet = tf.layers.dropout(net, 0.5)\nnet = \
         tf.layers.flatten(net)\nreturn tf.layers.dense(net, 2, name='last')",
        LOSS,
    );
    let slim = class(
        "net = slim.conv2d(self.x, 4, 3, stride=2, scope='a')\nnet = slim.batch_norm(net, decay=0.99, epsilon=1e-3, \
         scale=True, is_training=self.is_training, scope='n')\nnet = slim.conv2d_transpose(net, 3, 3, stride=2, \
         padding='VALID', activation_fn=None, scope='d')\nnet = slim.max_pool2d(net, 2, 2)\nnet = slim.flatten(net)\n\
         return slim.fully_connected(net, 2, activation_fn=None, scope='last')",
        LOSS,
    );
    let pairs = [
        ("conv2d/kernel", "a/weights", &[3, 3, 2, 4][..]),
        ("conv2d/bias", "a/biases", &[4]),
        ("batch_normalization/gamma", "n/gamma", &[4]),
        ("batch_normalization/beta", "n/beta", &[4]),
        ("batch_normalization/moving_mean", "n/moving_mean", &[4]),
        ("batch_normalization/moving_variance", "n/moving_variance", &[4]),
        ("conv2d_transpose/kernel", "d/weights", &[3, 3, 3, 4]),
        ("conv2d_transpose/bias", "d/biases", &[3]),
        ("last/kernel", "last/weights", &[3 * 3 * 3, 2]),
        ("last/bias", "last/biases", &[2]),
    ];
    let x = noise(&[3, 6, 6, 2], 9);
    // With labels the net is in training.
    let labels = Blob { shape: vec![3], data: vec![0.0; 3] };
    let inputs = tensors([("in.x", x), ("in.y", labels)]);
    let mut given = [inputs.clone(), inputs];
    for (i, (a, b, shape)) in pairs.into_iter().enumerate() {
        let mut blob = noise(shape, 20 + i as u32);
        if a.ends_with("variance") {
            blob.data.iter_mut().for_each(|v| *v = v.abs());
        }
        given[0].insert(format!("param.model/{a}"), blob.clone());
        given[1].insert(format!("param.model/{b}"), blob);
    }
    let (own, slim) = (results(&own, &given[0]), results(&slim, &given[1]));
    assert_eq!(own["out.0"], slim["out.0"]);
    assert_eq!(own["loss"], slim["loss"]);
}

#[test]
fn losses_of_tensorflow_are_means_over_what_has_a_weight() {
    let of = |loss: &str| {
        let text = class("return slim.flatten(self.x)", loss);
        let y = Blob { shape: vec![3], data: vec![1.0, 0.0, 1.0] };
        results(&text, &tensors([("in.x", noise(&[3, 1, 2, 1], 30)), ("in.y", y)]))["loss"].data[0]
    };
    let plain = of("return digits.classification_loss(self.inference, self.y)");
    for loss in [
        "return tf.losses.sparse_softmax_cross_entropy(self.y, self.inference)",
        "return tf.losses.softmax_cross_entropy(tf.one_hot(self.y, 2), self.inference)",
        "return slim.losses.softmax_cross_entropy(self.inference, tf.one_hot(self.y, 2))",
        "tf.losses.sparse_softmax_cross_entropy(self.y, self.inference, 0.25)\n\
         tf.losses.sparse_softmax_cross_entropy(self.y, self.inference, 0.75)\nreturn tf.losses.get_total_loss()",
    ] {
        assert!((of(loss) - plain).abs() < 1e-6, "{loss}");
    }
    // Of three rows the one without a weight is not counted.
    let some = "w = tf.constant([1.0, 0.0, 1.0])\nreturn tf.losses.sparse_softmax_cross_entropy(self.y, self.inference, w)";
    let two = "return digits.classification_loss(tf.gather(self.inference, [0, 2]), tf.gather(self.y, [0, 2]))";
    assert!((of(some) - of(two)).abs() < 1e-6, "{} and {}", of(some), of(two));
    let x = noise(&[3, 1, 2, 1], 30);
    let labels = [1.0, 1.0, 0.0, 0.0, 1.0, 1.0];
    let huber = x.data.iter().zip(labels).map(|(x, y): (&f32, f32)| {
        let e = (x - y).abs();
        if e <= 0.5 { 0.5 * e * e } else { 0.5 * e - 0.125 }
    });
    let want = huber.sum::<f32>() / 6.0;
    let of_rows = "y = tf.to_float(tf.stack([self.y, self.y], 1))\nreturn tf.losses.huber_loss(y, self.inference, delta=0.5)";
    assert!((of(of_rows) - want).abs() < 1e-6, "{} and {want}", of(of_rows));
}

#[test]
fn rows_are_looked_up_and_arrays_of_numpy_are_constants() {
    let text = class(
        "import numpy as np\nscale = np.ones((2, 3), dtype=np.float32)\nscale[1, 2] = 4\nx = \
         tf.to_int32(tf.reshape(self.x, [-1, 2]))\ntable = tf.get_variable('A', [4, 3])\nrows = \
         tf.nn.embedding_lookup(table, x) * tf.constant(scale)\nreturn tf.reduce_sum(rows * np.array([[1.0], [2.0]]), 1)",
        LOSS,
    );
    let x = Blob { shape: vec![2, 1, 2, 1], data: vec![3.0, 0.0, 1.0, 2.0] };
    let table = noise(&[4, 3], 40);
    let row = |i: usize| &table.data[3 * i..3 * i + 3];
    let mut want = vec![];
    for [a, b] in [[3, 0], [1, 2]] {
        let weight = [2.0, 2.0, 8.0];
        want.extend((0..3).map(|k| row(a)[k] + weight[k] * row(b)[k]));
    }
    let given = tensors([("in.x", x), ("param.model/A", table.clone())]);
    close(&results(&text, &given)["out.0"].data, &want);
}

#[test]
fn moving_moments_follow_a_batch_once_however_many_losses_read_it() {
    let text = class(
        "self.h = slim.fully_connected(slim.flatten(self.x), 3, activation_fn=None, scope='g')\nself.n = \
         slim.batch_norm(self.h, scale=True, updates_collections=None, is_training=self.is_training, scope='d')\nreturn \
         self.n",
        "v = tf.trainable_variables()\ng = [w for w in v if '/g/' in w.name]\nd = [w for w in v if '/d/' in w.name]\n\
         return [{'loss': tf.reduce_mean(self.n * self.n * self.n), 'vars': d}, {'loss': tf.reduce_mean(tf.square(self.n)), \
         'vars': g}]",
    );
    let shapes = BTreeMap::from([("x".to_owned(), Shape(vec![4, 2, 2, 1]))]);
    let options = Options { shapes, training: true, ..Options::default() };
    let mut checked = pipeline::check(Path::new("net.py"), text, &options);
    assert!(checked.diagnostics.is_empty(), "{}", said(&checked));
    let momenta = checked.stages[0].net.nodes().filter_map(|(_, node)| match &node.layer {
        Layer::BatchNormalization(layer) => Some(layer.momentum),
        _ => None,
    });
    let momenta: Vec<f64> = momenta.collect();
    assert_eq!(momenta.len(), 2);
    assert_eq!(momenta.iter().filter(|&&m| m != 0.0).count(), 1, "{momenta:?}");
    let env = pipeline::environment(&options, &|_| None);
    let session = SessionOptions { threads: 1, ..SessionOptions::default() };
    let made = trial(checked.stages.swap_remove(0), &env, &session).expect("a step");
    assert!(made.loss.is_finite() && 0 < made.changed[0], "{made:?}");
}

#[test]
fn images_are_shown_with_their_channels_last() {
    let text = class(
        "net = slim.conv2d(self.x, 4, [3, 3], padding='VALID')\nnet = slim.max_pool2d(net, 2)\nnet = tf.concat([net, net], \
         3)\nreturn slim.flatten(net)",
        LOSS,
    );
    let request = Request { input_shape: Some(vec![8, 6, 2]), ..Request::default() };
    let options = Options { request, ..Options::default() };
    let checked = pipeline::check(Path::new("net.py"), text, &options);
    assert!(checked.diagnostics.is_empty(), "{}", said(&checked));
    let env = pipeline::environment(&options, &|_| None);
    let summary = cortado::report::summary::summarise(&checked.stages[0], &env);
    let shapes = summary
        .rows
        .iter()
        .flat_map(|row| &row.tops)
        .filter_map(|(name, shape)| Some((name.as_str(), shape.as_ref()?.to_string())));
    let shapes: BTreeMap<&str, String> = shapes.collect();
    assert_eq!(shapes["input"], "1 x 8 x 6 x 2");
    assert_eq!(shapes["Conv/Relu"], "1 x 6 x 4 x 4");
    assert_eq!(shapes["concat"], "1 x 3 x 2 x 8");
    assert_eq!(shapes["output"], "1 x 48");
}
