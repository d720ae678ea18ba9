//! The Siamese networks with one slip each, as whoever types them for the first time makes it: there must be one complaint,
//! on the right line, that says what to write.

use std::path::Path;

use cortado::front::Request;
use cortado::pipeline::{self, Options};
use cortado::ty::Shape;
use libtest_mimic::Failed;

/// What is replaced by what, and what the only complaint and its advice contain. An occurrence of a text that is not the first is
/// meant by its number behind `§`.
type Slip = (&'static str, &'static str, &'static str, &'static str);

const CAFFE: &[Slip] = &[
    ("Layer", "layer {", "Layer {", "did you mean `layer`?"),
    ("a brace forgotten", "inner_product_param {", "inner_product_param", "add the missing `{`"),
    ("a fraction", "scale: 0.0125", "scale: 1/80", "a number is written out"),
    (
        "a loss without its last word",
        "\"ContrastiveLoss\"",
        "\"Contrastive\"",
        "did you mean `ContrastiveLoss`?",
    ),
    (
        "the label forgotten",
        "  bottom: \"label\"\n",
        "",
        "add the labels as the last: `bottom: \"label\"`",
    ),
    (
        "the label first",
        "  bottom: \"feat_left\"\n  bottom: \"feat_right\"\n  bottom: \"label\"\n",
        "  bottom: \"label\"\n  bottom: \"feat_left\"\n  bottom: \"feat_right\"\n",
        "the order is: both features, then the labels",
    ),
    (
        "cuts counted from 1",
        "slice_point: 1 slice_point: 2",
        "slice_point: 2 slice_point: 3",
        "`slice_point: 1` `slice_point: 2` cuts into 3 of 1",
    ),
    (
        "a cut too few",
        "slice_point: 1 slice_point: 2",
        "slice_point: 1",
        "one point fewer than tops",
    ),
    ("the batch cut", "slice_dim: 1", "slice_dim: 0", "channels are axis 1"),
    ("a short name", "kernel_size: 5", "kernel: 5", "did you mean `kernel_size`?"),
    ("a message by a short name", "pooling_param", "pool_param", "did you mean `pooling_param`?"),
    (
        "a name of two layers",
        "name: \"conv2_left\"",
        "name: \"conv1_left\"",
        "give it a name of its own",
    ),
    (
        "a top of another layer",
        "  top: \"conv2_left\"",
        "  top: \"conv1_left\"",
        "the layers below read `conv2_left`",
    ),
    ("no top", "  top: \"pool1_left\"\n", "", "name what it gives"),
    (
        "a renamed top",
        "  top: \"pool1_left\"\n",
        "  top: \"pooled\"\n",
        "named by the `top` of its layer",
    ),
    (
        "the other tower",
        "  bottom: \"conv2_right\"\n",
        "  bottom: \"conv2_left\"\n",
        "what the layers of its own side give",
    ),
    (
        "a text for a parameter",
        "param { name: \"conv1_w\" lr_mult: 1 }",
        "param: \"conv1_w\"",
        "the name is a field of it",
    ),
    (
        "a bias as the weight",
        "{ name: \"conv1_b\" lr_mult: 2 }§2",
        "{ name: \"conv1_w\" lr_mult: 2 }",
        "the second its bias",
    ),
];

const TORCH: &[Slip] = &[
    ("a comma forgotten", "model = model,", "model = model", "fields are separated by commas"),
    (
        "arguments without a comma",
        "nn.Linear(800, 500)",
        "nn.Linear(800 500)",
        "arguments are separated by commas",
    ),
    ("a bracket forgotten", "nn.Linear(800, 500))", "nn.Linear(800, 500)", "add the missing `)`"),
    ("a brace forgotten", "      end,\n   }\nend", "      end,\nend", "close the table"),
    ("a comment of others", "require 'nn'", "# nn\n   require 'nn'", "comments begin with `--`"),
    (
        "an assignment as a condition",
        "if params.inputShape then",
        "if params.inputShape = nil then",
        "`==` compares",
    ),
    ("no then", "if params.inputShape then", "if params.inputShape", "write `then` behind"),
    (
        "a colon of Python",
        "if params.inputShape then",
        "if params.inputShape:",
        "a word where Python has a colon",
    ),
    ("a colon of JSON", "model = model,", "model: model,", "set with `=`"),
    (
        "a name of PyTorch",
        "nn.SpatialConvolution(1,",
        "nn.Conv2d(1,",
        "it is `nn.SpatialConvolution(",
    ),
    (
        "a name of Keras",
        "nn.SpatialMaxPooling(2, 2, 2, 2)",
        "nn.MaxPooling(2, 2, 2, 2)",
        "it is `nn.SpatialMaxPooling(",
    ),
    ("a misspelt variable", "towers:add(tower)", "towers:add(towr)", "did you mean `tower`?"),
    ("a misspelt model", "model = model,", "model = modell,", "did you mean `model`?"),
    ("a point for a colon", "tower:clone(", "tower.clone(", "methods are called with a colon"),
    (
        "a class for a module",
        "local model = nn.Sequential()",
        "local model = nn.Sequential",
        "made by a call",
    ),
    (
        "new",
        "local tower = nn.Sequential()",
        "local tower = new nn.Sequential()",
        "Lua has no `new`",
    ),
    ("a wrong size", "nn.Linear(800, 500)", "nn.Linear(500, 500)", "make it for 800 inputs"),
    ("the records cut", "nn.Parallel(2, 2)", "nn.Parallel(1, 1)", "dimension 1 counts the records"),
    ("no table", "   model:add(nn.SplitTable(2))\n", "", "nn.SplitTable(2)"),
    (
        "one tower twice",
        "tower:clone('weight', 'bias', 'gradWeight', 'gradBias')",
        "tower",
        "add a copy with the same parameters",
    ),
];

const TENSORFLOW: &[Slip] = &[
    ("no colon", "def tower(self, net):", "def tower(self, net)", "add the colon"),
    ("a comma forgotten", "[5, 5], scope='conv1'", "[5, 5] scope='conv1'", "is a comma missing?"),
    ("a colon for `=`", "scope='pool1'", "scope:'pool1'", "named with `=`"),
    (
        "a line one blank short",
        "        net = slim.max_pool2d(",
        "       net = slim.max_pool2d(",
        "begins after 7 blanks",
    ),
    (
        "a method outside",
        "    @model_property\n    def loss(self)",
        "@model_property\ndef loss(self)",
        "outside of the class",
    ),
    ("a misspelt method", "def loss(self)", "def losss(self)", "call it `loss`"),
    (
        "a tower without return",
        "return slim.fully_connected(net, 2",
        "net = slim.fully_connected(net, 2",
        "end it with `return net`",
    ),
    ("no self", "def tower(self, net)", "def tower(net)", "`def tower(self, ...)`"),
    ("a method without self", "left = self.tower(left)", "left = tower(left)", "`self.tower`"),
    ("labels without self", "tf.reshape(self.y,", "tf.reshape(y,", "`self.y`"),
    (
        "a property called",
        "left, right = self.inference",
        "left, right = self.inference()",
        "without parentheses",
    ),
    ("no base class", "UserModel(Tower)", "UserModel", "write `class UserModel(Tower):`"),
    ("a name without quotes", "scope='pool1'", "scope=pool1", "in quotes"),
    ("false", "as scope:", "as scope, tf.name_scope(false):", "`False`"),
    ("two for three", "_, left, right = tf.split", "left, right = tf.split", "there are 3"),
    (
        "a name of Keras",
        "slim.fully_connected(net, 500",
        "slim.dense(net, 500",
        "slim.fully_connected",
    ),
    (
        "an increment",
        "        net = slim.flatten(net)",
        "        net++\n        net = slim.flatten(net)",
        "net += 1",
    ),
    ("one sign for two", "assert channels == 3", "assert channels = 3", "did you mean `==`?"),
];

fn check(file: &str, slips: &[Slip], input_shape: [usize; 3]) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("networks/siamese").join(file);
    let right = std::fs::read_to_string(&path).expect("the network is there");
    let mut wrong = vec![];
    for (name, from, to, advice) in slips {
        let (from, number) = from.rsplit_once('§').unwrap_or((*from, "1"));
        let number: usize = number.parse().expect("a number");
        let Some((at, _)) = right.match_indices(from).nth(number - 1) else {
            wrong.push(format!("{file}, {name}: there is no {from:?}"));
            continue;
        };
        let text = format!("{}{to}{}", &right[..at], &right[at + from.len()..]);
        let shapes = [("data".to_owned(), Shape::from([64, 3, 28, 28]))];
        let options = match file.ends_with(".prototxt") {
            true => Options { shapes: shapes.into(), ..Options::default() },
            false => Options {
                request: Request { input_shape: Some(input_shape.to_vec()), ..Request::default() },
                ..Options::default()
            },
        };
        let checked = pipeline::check(Path::new(file), text, &options);
        let complaints = checked.complaints();
        let told: Vec<&str> = complaints.lines().filter(|l| l.contains("help: ")).collect();
        if checked.diagnostics.iter().count() != 1 || !told.iter().any(|help| help.contains(advice))
        {
            wrong.push(format!("{file}, {name}: not {advice:?} alone, but\n{complaints}"));
        }
    }
    wrong
}

/// Runs all of them.
pub fn one_complaint_says_what_to_write() -> Result<(), Failed> {
    let mut wrong = check("caffe.prototxt", CAFFE, [3, 28, 28]);
    wrong.extend(check("torch.lua", TORCH, [3, 28, 28]));
    wrong.extend(check("tensorflow.py", TENSORFLOW, [28, 28, 3]));
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n").into()),
    }
}
