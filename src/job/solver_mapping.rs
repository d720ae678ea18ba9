//! From the solver of a run file, a mapping of YAML in Caffe's or in Torch's words, to a [`Solver`].

use serde_yaml::{Mapping, Value as Yaml};

use crate::diag::{self, Diagnostic, Diagnostics};
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
    let mut fields = record(mapping, file, text, start, diagnostics).fields;
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

fn record(
    mapping: &Mapping,
    file: FileId,
    text: &str,
    start: usize,
    diagnostics: &mut Diagnostics,
) -> Record {
    let mut fields: Vec<Field> = vec![];
    for (key, value) in mapping {
        if let Some(field) = fields.last_mut()
            && let Some(comma) = comma(field, key, value, text)
        {
            report_comma(field, comma, diagnostics);
            continue;
        }
        let key = key.as_str().unwrap_or_default();
        let set = text.rfind(&format!("solver.{key}=")).map(|i| i + "solver.".len());
        let written = || place(&text[start..], key).map(|i| start + i);
        let at = set.or_else(written).unwrap_or(start);
        let span = Span::new(file, at, at + key.len());
        let value_span =
            scalar(text, at + key.len(), value).map(|r| Span::new(file, r.start, r.end));
        let value_span = match value {
            Yaml::Mapping(_) | Yaml::Sequence(_) => span,
            _ => value_span.unwrap_or(span),
        };
        let whole = fraction(key, value);
        let value = Spanned::new(neutral(value, file, text, at, diagnostics), value_span);
        let mut field = Field { key: Spanned::new(key.to_owned(), span), value };
        if let Some(number) = whole {
            report_comma(&mut field, (number, value_span), diagnostics);
        }
        fields.push(field);
    }
    Record { fields, span: Span::new(file, start, start) }
}

/// The text of a value with a comma where the point of a fraction belongs, as `0.01`. Steps may be a list without brackets.
fn fraction(key: &str, value: &Yaml) -> Option<String> {
    let text = value.as_str().filter(|_| !key.starts_with("step"))?;
    let (whole, rest) = text.trim().split_once(',')?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let whole_part = whole.strip_prefix('-').unwrap_or(whole);
    (is_number(whole_part) && is_number(rest)).then(|| format!("{whole}.{rest}"))
}

/// The same within braces, where YAML takes what is behind the comma for a key without a value.
fn comma(before: &Field, key: &Yaml, value: &Yaml, text: &str) -> Option<(String, Span)> {
    let digits = match key {
        Yaml::Number(n) => n.to_string(),
        Yaml::String(s) => s.clone(),
        _ => return None,
    };
    let is_number = matches!(before.value.value, Value::Int(_));
    if !is_number || !value.is_null() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let span = before.value.span;
    let rest = text.get(span.end as usize..)?.strip_prefix(',')?;
    let behind = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let whole = text.get(span.range())?;
    let number = format!("{whole}.{}", &rest[..behind]);
    Some((number, Span { end: span.end + 1 + behind as u32, ..span }))
}

/// Says that a number has a comma for a point, and takes it for what is meant.
fn report_comma(field: &mut Field, (number, span): (String, Span), diagnostics: &mut Diagnostics) {
    let message = format!("the value of `{}` has a comma", field.key.value);
    let d = Diagnostic::new(&diag::E0105, span, message);
    field.value = Spanned::new(Value::Float(number.parse().unwrap_or(f64::NAN)), span);
    diagnostics.report(d.edit("fractions are written with a point", span, number));
}

/// Where the value behind a key stands, if it is one word or a text in quotes.
fn scalar(text: &str, key_end: usize, value: &Yaml) -> Option<std::ops::Range<usize>> {
    let rest = text[key_end..].trim_start_matches(['"', '\'']).trim_start();
    let rest = rest.strip_prefix([':', '='])?.trim_start_matches(' ');
    let start = text.len() - rest.len();
    let length = match (rest.chars().next()?, value.as_str()) {
        (quote @ ('"' | '\''), _) => 2 + rest[1..].find(quote)?,
        (_, Some(word)) if rest.starts_with(word) => word.len(),
        _ => {
            let line = rest.lines().next()?;
            let ends = line.find([',', '}', ']', '#']).unwrap_or(line.len());
            line[..ends].trim_end().len()
        }
    };
    (0 < length).then_some(start..start + length)
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

fn neutral(
    value: &Yaml,
    file: FileId,
    text: &str,
    at: usize,
    diagnostics: &mut Diagnostics,
) -> Value {
    match value {
        Yaml::Bool(b) => Value::Bool(*b),
        Yaml::Number(n) => match n.as_i64() {
            Some(n) => Value::Int(n),
            None => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Yaml::String(s) => Value::Str(s.clone()),
        Yaml::Sequence(list) => {
            let span = Span::new(file, at, at);
            let of = |v| Spanned::new(neutral(v, file, text, at, diagnostics), span);
            Value::List(list.iter().map(of).collect())
        }
        Yaml::Mapping(m) => Value::Record(record(m, file, text, at, diagnostics)),
        Yaml::Tagged(tagged) => neutral(&tagged.value, file, text, at, diagnostics),
        Yaml::Null => Value::Word("null".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of `solver` in a text, with the place and the text of the suggested edit.
    fn said(text: &str) -> Vec<(String, String)> {
        let yaml: Yaml = serde_yaml::from_str(text).expect("YAML");
        let mapping = yaml["solver"].as_mapping().expect("a mapping").clone();
        let mut diagnostics = Diagnostics::default();
        read_solver(&mapping, Dialect::Caffe, FileId(0), text, &mut diagnostics);
        let edit = |d: &Diagnostic| {
            let edit = d.help.as_ref().and_then(|help| help.edit.as_ref());
            let edit = edit.map(|e| format!("{} -> {}", &text[e.span.range()], e.replacement));
            (d.code.id.to_owned(), edit.unwrap_or_default())
        };
        diagnostics.iter().map(edit).collect()
    }

    #[test]
    fn edits_replace_the_value_and_not_its_key() {
        let expect = |text: &str, code: &str, edit: &str| {
            assert_eq!(said(text), [(code.to_owned(), edit.to_owned())], "{text}");
        };
        let solver = "solver: { type: Adma, base_lr: 0.1 }";
        expect(solver, "E0306", "Adma -> \"Adam\"");
        let solver =
            "solver:\n  base_lr: 0.1\n  lr_policy: 'setp' # by steps\n  stepsize: 1\n  gamma: 0.1";
        expect(solver, "E0306", "'setp' -> \"step\"");
    }

    #[test]
    fn a_comma_for_a_point_is_one_mistake() {
        for text in [
            "solver: { base_lr: 0,01, momentum: 0.9 }",
            "solver: { base_lr: 0,01 }",
            "solver:\n  base_lr: 0,01\n  momentum: 0.9",
        ] {
            assert_eq!(said(text), [("E0105".to_owned(), "0,01 -> 0.01".to_owned())], "{text}");
        }
    }
}
