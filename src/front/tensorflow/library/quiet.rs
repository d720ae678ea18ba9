//! What shows, saves and schedules, and so changes nothing of what is computed.

use super::Function;
use super::math::nothing;
use super::scopes::AutoReuse;
use crate::diag::{self, Diagnostic};
use crate::front::tensorflow::graph::Tensor;
use crate::front::tensorflow::interp::Value;

const SUMMARY: &[&str] =
    &["name", "tensor", "max_outputs?", "collections?", "family?", "max_images?"];

/// What is asserted, by position or by the names that the assertions have for it.
const ASSERTED: &[&str] = &[
    "x?",
    "y?",
    "z?",
    "*name?",
    "*message?",
    "*data?",
    "*summarize?",
    "*rank?",
    "*ranks?",
    "*condition?",
    "*tensor?",
    "*tf_type?",
];

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
    Function(
        &[
            "tf.summary.image",
            "tf.summary.histogram",
            "tf.summary.audio",
            "tf.image_summary",
            "tf.histogram_summary",
            "tf.summary.tensor_summary",
            "tf.summary.text",
        ],
        SUMMARY,
        nothing,
    ),
    Function(
        &[
            "tf.summary.merge",
            "tf.summary.merge_all",
            "tf.merge_summary",
            "tf.merge_all_summaries",
            "tf.summary.FileWriter",
            "tf.train.SummaryWriter",
        ],
        &["inputs?", "collections?", "name?"],
        nothing,
    ),
    Function(
        &["tf.set_random_seed", "tf.random.set_seed", "tf.random.set_random_seed"],
        &["message?", "*args?"],
        nothing,
    ),
    Function(
        &[
            "tf.assert_equal",
            "tf.assert_greater",
            "tf.assert_greater_equal",
            "tf.assert_integer",
            "tf.assert_less",
            "tf.assert_less_equal",
            "tf.assert_negative",
            "tf.assert_non_negative",
            "tf.assert_non_positive",
            "tf.assert_none_equal",
            "tf.assert_positive",
            "tf.assert_rank",
            "tf.assert_rank_at_least",
            "tf.assert_type",
            "tf.assert_near",
            "tf.assert_proper_iterable",
            "tf.assert_rank_in",
            "tf.assert_same_float_dtype",
            "tf.assert_scalar",
            "tf.debugging.assert_equal",
            "tf.debugging.assert_greater",
            "tf.debugging.assert_greater_equal",
            "tf.debugging.assert_integer",
            "tf.debugging.assert_less",
            "tf.debugging.assert_less_equal",
            "tf.debugging.assert_near",
            "tf.debugging.assert_negative",
            "tf.debugging.assert_non_negative",
            "tf.debugging.assert_non_positive",
            "tf.debugging.assert_none_equal",
            "tf.debugging.assert_positive",
            "tf.debugging.assert_rank",
            "tf.debugging.assert_rank_at_least",
            "tf.debugging.assert_rank_in",
            "tf.debugging.assert_scalar",
            "tf.debugging.assert_type",
            "tf.Assert",
            "tf.debugging.Assert",
            "tf.no_op",
            "tf.disable_eager_execution",
            "tf.disable_v2_behavior",
            "tf.reset_default_graph",
            "tf.global_variables_initializer",
            "tf.initialize_all_variables",
        ],
        ASSERTED,
        nothing,
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
    Function(
        &["tf.histogram_fixed_width"],
        &["values", "value_range", "nbins?", "dtype?", "name?"],
        |c| {
            c.bound.ignore();
            // It is shown only: what is made of it must not reach the outputs or the loss.
            let n = usize::try_from(c.whole("nbins", 100)?).unwrap_or(100);
            let x = c.tensor("values")?;
            let result = c.graph(|graph| {
                let all = graph.reduce(
                    &x,
                    crate::front::tensorflow::graph::Reduction::Mean,
                    None,
                    false,
                    None,
                )?;
                let zeros = Tensor { dims: vec![n], ..Tensor::number(0.0, x.kind) };
                let one = graph.reshape(&all, &[1])?;
                graph.unknown("histogram_fixed_width", &one, zeros.dims)
            })?;
            c.give(result)
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
        ("tf.__version__", "1.2.1".into()),
    ]
}
