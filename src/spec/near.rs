//! From a name or a value that is not known to the known one that was meant.

use std::collections::{BTreeMap, BTreeSet};

use super::{Args, Value};
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic};

/// The one known name that a name is the beginning or the end of: `operation` for `op`, `dropout_ratio` for `ratio`.
pub(super) fn longer<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let mut found = known.iter().filter(|known| {
        known.starts_with(name) || known.strip_suffix(name).is_some_and(|rest| rest.ends_with('_'))
    });
    let one = found.next()?;
    (2 <= name.len() && found.next().is_none()).then_some(one)
}

/// A message among the known fields that has a field nearly of this name, and that field.
pub(super) fn inside<'a>(
    name: &str,
    known: &[&'a str],
    asked: &BTreeMap<String, BTreeSet<&'static str>>,
) -> Option<(&'a str, &'static str)> {
    known.iter().find_map(|message| {
        let fields = asked.get(*message)?;
        Some((*message, nearest(name, fields.iter().copied())?))
    })
}

/// `a`, `b` and `c` in backticks.
pub(super) fn join(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// What to write instead of a value of another kind in a field, and why, where that is plain.
pub fn meant(key: &str, expected: &str, got: &Value) -> Option<(&'static str, String)> {
    const UNQUOTED: &str = "without quotes";
    let whole = expected.starts_with("a whole number");
    match got {
        Value::Float(x) if whole && x.fract() == 0.0 && (0.0..1e15).contains(x) => {
            Some(("without a point or an exponent", format!("{x}")))
        }
        Value::Str(s) if whole && s.trim().parse::<u32>().is_ok() => {
            Some((UNQUOTED, s.trim().to_owned()))
        }
        Value::Str(s) if expected == "a number" && s.trim().parse::<f64>().is_ok() => {
            Some((UNQUOTED, s.trim().to_owned()))
        }
        Value::Str(s) | Value::Word(s) if expected == "true or false" => {
            let word = s.trim().to_ascii_lowercase();
            let help = if matches!(got, Value::Str(_)) { UNQUOTED } else { "in small letters" };
            ["true", "false"].contains(&word.as_str()).then_some((help, word))
        }
        Value::Str(s) if expected == "a message in braces" && key.ends_with("filler") => {
            Some(("its type is a field of it", format!("{{ type: {s:?} }}")))
        }
        Value::Str(s) if expected == "a message in braces" && key == "param" => {
            Some(("the name is a field of it", format!("{{ name: {s:?} }}")))
        }
        _ => None,
    }
}

/// One of several words that a word is nearly, or that begins it: `MAX` for `max`, `AVE` for `AVERAGE`.
pub fn near_word<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let words: Vec<&str> = words.into_iter().collect();
    let begins = |word: &&&str| {
        3 <= word.len()
            && written.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    nearest(written, words.iter().copied()).or_else(|| words.iter().find(begins).copied())
}

impl Args<'_> {
    /// Reports a text that is none of those that there are, at its place, with the nearest of them.
    pub fn unknown_text(&self, key: &str, message: String, known: &[&'static str]) {
        let value = self.record().and_then(|r| r.fields.iter().find(|f| f.key.value == key));
        let value = value.map(|field| &field.value);
        let place = value.map_or(self.anchor(), |value| value.span);
        let d = Diagnostic::new(&diag::E0306, place, message);
        let near = match value.map(|value| &value.value) {
            Some(Value::Str(text)) => near_word(text, known.iter().copied()),
            _ => None,
        };
        self.report(match near {
            Some(near) => d.edit(format!("did you mean \"{near}\"?"), place, format!("\"{near}\"")),
            None => d.help(format!("there are {}", join(known))),
        });
    }
}
