//! `digits.*` (DIGITS' utils.py), and what is easier said in the language itself.

use super::{Call, Function};
use crate::front::tensorflow::interp::{Outcome, Python, Value};

const NAMED: &[&str] = &["x"];

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function(&["digits.classification_loss"], &["pred", "y"], |c| {
        let (scores, labels) = (c.floats("pred")?, c.whole_numbers("y")?);
        let result = c.graph(|graph| graph.classification_loss(&scores, &labels))?;
        c.give(result)
    }),
    Function(&["digits.mse_loss"], &["lhs", "rhs"], |c| {
        let (a, b) = (c.tensor("lhs")?, c.tensor("rhs")?);
        let result = c.graph(|graph| graph.mean_squared(&a, &b))?;
        c.give(result)
    }),
    Function(
        &["digits.constrastive_loss", "digits.contrastive_loss"],
        &["lhs", "rhs", "y", "margin?"],
        |c| {
            let (a, b, same) = (c.tensor("lhs")?, c.tensor("rhs")?, c.tensor("y")?);
            let margin = c.float("margin", 1.0)?;
            let result = c.graph(|graph| graph.contrastive_loss([&a, &b], &same, margin))?;
            c.give(result)
        },
    ),
    Function(&["digits.classification_accuracy"], &["pred", "y"], |c| c.accuracy(1)),
    Function(&["digits.classification_accuracy_top_n"], &["pred", "y", "top_n"], |c| {
        let n = usize::try_from(c.whole("top_n", 1)?).unwrap_or(0);
        c.accuracy(n)
    }),
    Function(&["digits.nhwc_to_nchw"], NAMED, |c| c.moved(&[0, 3, 1, 2])),
    Function(&["digits.nchw_to_nhwc"], NAMED, |c| c.moved(&[0, 2, 3, 1])),
    Function(&["digits.hwc_to_chw"], NAMED, |c| c.moved(&[2, 0, 1])),
    Function(&["digits.chw_to_hwc"], NAMED, |c| c.moved(&[1, 2, 0])),
    Function(&["digits.bgr_to_rgb", "digits.rgb_to_bgr"], NAMED, |c| {
        let x = c.tensor("x")?;
        let result = c.graph(|graph| graph.reverse(&x, &[-1]))?;
        c.give(result)
    }),
    Function(&["digits.get_available_gpus"], &[], |_| Ok(Value::list([]))),
];

impl Call<'_> {
    fn accuracy(&mut self, n: usize) -> Outcome {
        let (scores, labels) = (self.tensor("pred")?, self.tensor("y")?);
        let result = self.graph(|graph| graph.accuracy(&scores, &labels, n))?;
        self.give(result)
    }

    fn moved(&mut self, perm: &[i64]) -> Outcome {
        let x = self.tensor("x")?;
        let result = self.graph(|graph| graph.transpose(&x, Some(perm)))?;
        self.give(result)
    }
}

/// What DIGITS' model.py and utils.py give to definitions, and the layers that call other layers.
const MODEL: &str = r#"
class GraphKeys(object):
    TEMPLATE = "model"
    QUEUE_RUNNERS = "queue_runner"
    MODEL = "model"
    LOSS = "loss"
    LOSSES = "losses"
    LOADER = "data"
    SUMMARIES_TRAIN = "summaries_train"
    SUMMARIES_VAL = "summaries_val"


def model_property(function):
    attribute = '_cache_' + function.__name__

    def cached(self):
        if not hasattr(self, attribute):
            setattr(self, attribute, function(self))
        return getattr(self, attribute)

    return property(cached)


class Tower(object):
    def __init__(self, x, y, input_shape, nclasses, is_training, is_inference):
        self.x = x
        self.y = y
        self.input_shape = input_shape
        self.nclasses = nclasses
        self.is_training = is_training
        self.is_inference = is_inference
        self.summaries = []
        self.train = None

    def gradientUpdate(self, grad):
        return grad


def name_of(layer, otherwise):
    if not hasattr(layer, '__name__'):
        layer = getattr(layer, 'func', None)
    name = getattr(layer, '__name__', otherwise).split('.')[-1]
    whole = {'conv2d': 'convolution2d', 'conv2d_transpose': 'convolution2d_transpose',
             'separable_conv2d': 'separable_convolution2d'}
    return whole.get(name, name)


def repeat(inputs, repetitions, layer, *args, **kwargs):
    scope = kwargs.pop('scope', None)
    with tf.variable_scope(scope, 'Repeat', [inputs]):
        scope = scope or name_of(layer, 'repeat')
        outputs = inputs
        for i in range(repetitions):
            kwargs['scope'] = scope + '_' + str(i + 1)
            outputs = layer(outputs, *args, **kwargs)
        return outputs


def stack(inputs, layer, stack_args, **kwargs):
    scope = kwargs.pop('scope', None)
    if not isinstance(stack_args, (list, tuple)):
        raise ValueError('stack_args need to be a list or tuple')
    with tf.variable_scope(scope, 'Stack', [inputs]):
        scope = scope or name_of(layer, 'stack')
        outputs = inputs
        for i in range(len(stack_args)):
            kwargs['scope'] = scope + '_' + str(i + 1)
            layer_args = stack_args[i]
            if not isinstance(layer_args, (list, tuple)):
                layer_args = [layer_args]
            outputs = layer(outputs, *layer_args, **kwargs)
        return outputs


def linear(inputs, num_outputs, **kwargs):
    kwargs.setdefault('activation_fn', None)
    return slim.fully_connected(inputs, num_outputs, **kwargs)


def relu(inputs, num_outputs, **kwargs):
    kwargs.setdefault('activation_fn', tf.nn.relu)
    return slim.fully_connected(inputs, num_outputs, **kwargs)


def relu6(inputs, num_outputs, **kwargs):
    kwargs.setdefault('activation_fn', tf.nn.relu6)
    return slim.fully_connected(inputs, num_outputs, **kwargs)
"#;

/// Adds the modules that definitions import from DIGITS, and what is written in the language.
pub fn install(py: &mut Python, digits: Value) {
    py.add_text("model", MODEL);
    let at = crate::source::Span::nowhere();
    let Ok(module) = py.import("model", at) else { return };
    for name in ["model_property", "GraphKeys"] {
        if let Ok(value) = py.get_attribute(&module, name, at) {
            let _ = py.set_attribute(&digits, name, value.clone(), at);
            py.add_builtin(name, value);
        }
    }
    for (name, word) in [("STAGE_TRAIN", "train"), ("STAGE_VAL", "val"), ("STAGE_INF", "inf")] {
        let _ = py.set_attribute(&digits, name, word.into(), at);
    }
    if let Ok(tower) = py.get_attribute(&module, "Tower", at) {
        py.add_builtin("Tower", tower);
    }
    for (space, name) in [
        ("slim", "repeat"),
        ("slim", "stack"),
        ("slim", "linear"),
        ("tensorflow.contrib.layers", "linear"),
        ("tensorflow.contrib.layers", "relu"),
        ("tensorflow.contrib.layers", "relu6"),
        ("tensorflow.contrib.layers", "repeat"),
        ("tensorflow.contrib.layers", "stack"),
    ] {
        let found = py.import(space, at).and_then(|space| {
            let value = py.get_attribute(&module, name, at)?;
            py.set_attribute(&space, name, value, at)
        });
        debug_assert!(found.is_ok(), "{space}.{name} can be set");
    }
}
