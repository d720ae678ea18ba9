//! From the solver of a run file, a mapping of YAML in Caffe's or in Torch's words, to a [`Solver`].

use serde_yaml::{Mapping, Value as Yaml};

use crate::diag::Diagnostics;
use crate::source::{FileId, Span, Spanned};
use crate::spec::optim::is_torch;
use crate::spec::optimizer::is_tensorflow;
use crate::spec::solver::Solver;
use crate::spec::{Args, Dialect, Field, Reading, Record, Value};

/// Reads the mapping that is written in `text` from the first `solver` on. Its keys tell whether they are the fields of
/// Caffe's SolverParameter or a configuration of Torch's optim or TensorFlow's optimizers; the dialect says what they are
/// if they are either's. An empty mapping is what DIGITS trains a definition of a program with. Complaints point to where
/// the command line sets the key, `--set train.solver.KEY=`, or else to the first place where it is written.
pub fn read_solver(
    mapping: &Mapping,
    dialect: Dialect,
    file: FileId,
    text: &str,
    diagnostics: &mut Diagnostics,
) -> Solver {
    let whole = Span::new(file, 0, 0);
    let start = text.find("solver").unwrap_or(0);
    let mut fields = record(mapping, file, text, start).fields;
    match dialect {
        Dialect::Torch if fields.is_empty() => return Solver::of_digits_torch(),
        Dialect::TensorFlow if fields.is_empty() => return Solver::of_digits_tensorflow(),
        _ => {}
    }
    let keys = || fields.iter().map(|f| f.key.value.as_str());
    let in_tensorflow = is_tensorflow(keys(), dialect == Dialect::TensorFlow);
    let in_torch = !in_tensorflow && is_torch(keys(), dialect == Dialect::Torch);
    if !in_torch && !in_tensorflow && !fields.iter().any(|f| f.key.value == "lr_policy") {
        let key = Spanned::new("lr_policy".to_string(), whole);
        fields.push(Field { key, value: Spanned::new(Value::Str("fixed".into()), whole) });
    }
    let fields = Record { fields, span: whole };
    let reading = Reading::new(match (in_torch, in_tensorflow) {
        (true, _) => Dialect::Torch,
        (_, true) => Dialect::TensorFlow,
        _ => Dialect::Caffe,
    });
    let args = Args::new(&reading, &fields, whole);
    let solver = match reading.dialect {
        Dialect::Torch => Solver::read_optim(&args),
        Dialect::TensorFlow => Solver::read_optimizer(&args),
        Dialect::Caffe => Solver::read(&args),
    };
    diagnostics.extend(reading.finish(&fields, "solver").0);
    solver
}

fn record(mapping: &Mapping, file: FileId, text: &str, start: usize) -> Record {
    let mut fields = vec![];
    for (key, value) in mapping {
        let key = key.as_str().unwrap_or_default();
        let set = text.rfind(&format!("solver.{key}=")).map(|i| i + "solver.".len());
        let written = || place(&text[start..], key).map(|i| start + i);
        let at = set.or_else(written).unwrap_or(start);
        let span = Span::new(file, at, at + key.len());
        let value = Spanned::new(neutral(value, file, text, at), span);
        fields.push(Field { key: Spanned::new(key.to_owned(), span), value });
    }
    Record { fields, span: Span::new(file, start, start) }
}

/// Where a key stands in a text, in quotes or not: as a whole word, and a colon behind it.
fn place(text: &str, key: &str) -> Option<usize> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut places = text.match_indices(key).map(|(at, _)| at);
    places.find(|&at| {
        let behind = text[at + key.len()..].trim_start_matches(['"', '\'']).trim_start();
        !text[..at].ends_with(in_word) && behind.starts_with(':')
    })
}

fn neutral(value: &Yaml, file: FileId, text: &str, at: usize) -> Value {
    match value {
        Yaml::Bool(b) => Value::Bool(*b),
        Yaml::Number(n) => match n.as_i64() {
            Some(n) => Value::Int(n),
            None => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Yaml::String(s) => Value::Str(s.clone()),
        Yaml::Sequence(list) => {
            let span = Span::new(file, at, at);
            Value::List(
                list.iter().map(|v| Spanned::new(neutral(v, file, text, at), span)).collect(),
            )
        }
        Yaml::Mapping(m) => Value::Record(record(m, file, text, at)),
        Yaml::Tagged(tagged) => neutral(&tagged.value, file, text, at),
        Yaml::Null => Value::Word("null".into()),
    }
}
