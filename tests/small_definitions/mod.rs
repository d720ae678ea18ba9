//! The small definitions of tests/golden/tensorflow_small: bodies of `inference` and `loss`, run on one batch.

use std::collections::BTreeMap;
use std::path::Path;

use cortado::ir::NetState;
use cortado::one_pass::check_options;
use cortado::pipeline::{self, Checked, Options};
use cortado::spec::Phase;
use cortado::weights::Blob;
use serde_json::Value;

const CASES: [&str; 2] = [
    include_str!("../golden/tensorflow_small/cases.json"),
    include_str!("../golden/tensorflow_small/more.json"),
];

const HEAD: &str = "import tensorflow as tf
import tensorflow.contrib.slim as slim
from model import Tower
from utils import model_property
import utils as digits


class UserModel(Tower):
    @model_property
    def inference(self):
";

/// All cases, and the batch that all of them get.
pub fn all() -> (Vec<Value>, BTreeMap<String, Blob>) {
    let read = |text| serde_json::from_str::<Value>(text).expect("the golden data are JSON");
    let all = CASES.map(read);
    let inputs = BTreeMap::from([
        ("in.x".to_owned(), Blob { shape: vec![2, 2, 2, 1], data: numbers(&all[0]["x"]) }),
        ("in.y".to_owned(), Blob { shape: vec![2], data: numbers(&all[0]["y"]) }),
    ]);
    let cases = all.iter().flat_map(|all| all["cases"].as_array().cloned().unwrap_or_default());
    (cases.collect(), inputs)
}

/// The text that a value is.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn numbers(value: &Value) -> Vec<f32> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(Value::as_f64).map(|number| number as f32).collect()
}

/// Tensors by their names.
pub fn blobs(value: &Value) -> BTreeMap<String, Blob> {
    let all = value.as_object().into_iter().flatten();
    let blob = |value: &Value| {
        let shape = numbers(&value["shape"]).into_iter().map(|extent| extent as usize).collect();
        Blob { shape, data: numbers(&value["data"]) }
    };
    all.map(|(name, value)| (name.clone(), blob(value))).collect()
}

/// What a case is run on: the batch and its own variables.
pub fn given(case: &Value, mut inputs: BTreeMap<String, Blob>) -> BTreeMap<String, Blob> {
    inputs.extend(blobs(&case["params"]).into_iter().map(|(n, b)| (format!("param.{n}"), b)));
    inputs
}

/// A definition of these bodies, checked for these tensors, and how.
pub fn checked(
    inference: &str,
    loss: &str,
    tensors: &BTreeMap<String, Blob>,
    training: bool,
) -> (Checked, Options) {
    let lines =
        |body: &str| body.lines().map(|line| format!("        {line}\n")).collect::<String>();
    let text = format!(
        "{HEAD}{}\n    @model_property\n    def loss(self):\n{}",
        lines(inference),
        lines(loss)
    );
    let phase = if training { Phase::Train } else { Phase::Test };
    let path = Path::new("net.py");
    let mut options = check_options(path, tensors, Some(NetState::phase(phase)));
    options.request.classes = Some(3);
    (pipeline::check(path, text, &options), options)
}
