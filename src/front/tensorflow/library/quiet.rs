//! What shows, saves and schedules, and so changes nothing of what is computed.

use super::Function;
use super::scopes::AutoReuse;
use crate::diag::{self, Diagnostic};
use crate::front::python::interp::Value;
use crate::front::tensorflow::graph::{self, Tensor};

const SUMMARY: &[&str] =
    &["name", "tensor", "max_outputs?", "collections?", "family?", "max_images?"];

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function(
        &["tf.summary.scalar", "tf.scalar_summary", "tf.contrib.deprecated.scalar_summary"],
        SUMMARY,
        |c| {
            let x = c.tensor("tensor")?;
            if x.count() == 1 && x.known().is_none() {
                c.graph(|graph| graph.show(&x))?;
            }
            Ok(Value::None)
        },
    ),
    Function(&["tf.train.optimizer_of_the_definition"], &[], |c| {
        let at = c.py.outside(c.span);
        let message = "the definition makes an optimizer, which DIGITS does not run";
        let d = Diagnostic::new(&diag::W0814, at, message);
        c.py.warnings.report(d.help(
            "what trains is said in the run file, `solver: { optimizer: adam, learning_rate: 0.001 }`; `loss` of \
             `UserModel` returns what is minimised",
        ));
        Ok(Value::None)
    }),
    Function(&["tf.takes_argument"], &["function", "argument"], |c| {
        let function = match c.bound.get("function") {
            Value::Method(method) => method.function.clone(),
            other => other,
        };
        let argument = c.text("argument")?.unwrap_or_default();
        let Value::Function(function) = function else { return Ok(false.into()) };
        Ok(function.code.parameters.iter().any(|one| *one.name.value == *argument).into())
    }),
    Function(&["tf.train.layer_without_training"], &[], |c| {
        if c.state.is_training.get() {
            let at = c.py.outside(c.span);
            let message =
                "a layer of Keras that trains in another way is called without `training`";
            let d = Diagnostic::new(&diag::W0815, at, message);
            c.py.warnings.report(
                d.help("`layer(x, training=self.is_training)`; without it nothing is dropped, and moments do not move"),
            );
        }
        Ok(Value::None)
    }),
    Function(
        &["tf.histogram_fixed_width"],
        &["values", "value_range", "nbins?", "dtype?", "name?"],
        |c| {
            c.bound.ignore();
            // It is shown only: what is made of it must not reach the outputs or the loss.
            let n = usize::try_from(c.whole("nbins", 100)?).unwrap_or(100);
            let x = c.tensor("values")?;
            c.gives(|graph| {
                let all = graph.reduce(&x, graph::Reduction::Mean, None, false, None)?;
                let zeros = Tensor { dims: vec![n], ..Tensor::number(0.0, x.kind) };
                let one = graph.reshape(&all, &[1])?;
                graph.unknown("histogram_fixed_width", &one, zeros.dims)
            })
        },
    ),
];

/// Names that are no functions.
pub fn constants() -> Vec<(&'static str, Value)> {
    vec![
        ("tf.newaxis", Value::None),
        ("tf.no_regularizer", super::scopes::regularizer(0.0)),
        ("tf.AUTO_REUSE", Value::native(AutoReuse)),
        ("tf.GraphKeys.TRAINABLE_VARIABLES", "trainable_variables".into()),
        ("tf.GraphKeys.GLOBAL_VARIABLES", "variables".into()),
        ("tf.GraphKeys.VARIABLES", "variables".into()),
        ("tf.GraphKeys.MODEL_VARIABLES", "model_variables".into()),
        ("tf.GraphKeys.REGULARIZATION_LOSSES", "regularization_losses".into()),
        ("tf.GraphKeys.ACTIVATIONS", "activations".into()),
        ("tf.GraphKeys.GLOBAL_STEP", "global_step".into()),
        ("tf.GraphKeys.LOCAL_VARIABLES", "local_variables".into()),
        ("tf.GraphKeys.MOVING_AVERAGE_VARIABLES", "moving_average_variables".into()),
        ("tf.logging.DEBUG", Value::Int(10)),
        ("tf.logging.INFO", Value::Int(20)),
        ("tf.logging.WARN", Value::Int(30)),
        ("tf.logging.ERROR", Value::Int(40)),
        ("tf.logging.FATAL", Value::Int(50)),
        ("tf.GraphKeys.UPDATE_OPS", "update_ops".into()),
        ("tf.GraphKeys.LOSSES", "losses".into()),
        ("tf.GraphKeys.SUMMARIES", "summaries".into()),
        ("tf.GraphKeys.WEIGHTS", "weights".into()),
        ("tf.GraphKeys.BIASES", "biases".into()),
        ("tf.__version__", "1.9.0".into()),
    ]
}
