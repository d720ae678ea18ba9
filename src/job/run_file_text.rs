//! From the text of a run file and the changes of the command line to its fields, with complaints in the words of the file.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value as Yaml};

use crate::diag::nearest::meant;
use crate::error::{Error, Result};
use crate::file::read_short_text;
use crate::front::pasted::Pasted;

/// Bytes of the longest run file.
const LONGEST: u64 = 1 << 20;

/// A change of the command line: `train.epochs` and `3`.
pub(super) type Set = (String, String);

/// What is wrong with a file's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The field, such as `train.epochs`; empty for the whole.
    pub key: String,
    /// A sentence about it.
    pub why: String,
    /// The line of it, from 1, where that is known.
    pub line: Option<usize>,
}

impl Wrong {
    /// Something wrong with the value of a field.
    pub fn new(key: &str, why: impl Into<String>) -> Self {
        Wrong { key: key.to_owned(), why: why.into(), line: None }
    }

    /// The complaint: about the change of the command line that made it wrong, or about the file at its line.
    pub fn error(self, path: &Path, text: &str, set: &[Set]) -> Error {
        let about =
            |(key, _): &&Set| self.key == *key || key.starts_with(&format!("{}.", self.key));
        if let Some((key, value)) = set.iter().rev().find(about).filter(|_| !self.key.is_empty()) {
            return Error::refused(format!("--set {key}={value}: {}", self.why));
        }
        let line = self.line.or_else(|| line_of(text, &self.key));
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        Error::format(path, format!("{place}{}", self.why))
    }
}

/// Reads a file's fields with the changes of the command line, and checks them; also gives the text, with the changes on
/// lines of their own at the end.
///
/// # Errors
/// The file cannot be read, or a field is not there, is not known, or has a value of another kind.
pub(super) fn read<T: DeserializeOwned>(
    path: &Path,
    set: &[Set],
    check: impl Fn(&T) -> Result<(), Wrong>,
) -> Result<(T, String)> {
    let mut text = read_short_text(path, LONGEST)?;
    let own: Result<T, Wrong> = serde_yaml::from_str(&text).map_err(|e| by_its_line(&text, &e));
    let fields = if set.is_empty() {
        own
    } else {
        let unreadable = |e: serde_yaml::Error| by_its_line(&text, &e).error(path, &text, &[]);
        let mut yaml: Yaml = serde_yaml::from_str(&text).map_err(unreadable)?;
        for (key, value) in set {
            let wrong = |why: String| Error::refused(format!("--set {key}={value}: {why}"));
            let value: Yaml = serde_yaml::from_str(value).map_err(|e| wrong(e.to_string()))?;
            change(&mut yaml, key, value).map_err(wrong)?;
        }
        let whole = serde_yaml::to_string(&yaml).map_err(unreadable)?;
        // The lines are those of a text that nobody wrote.
        let changed =
            serde_yaml::from_str(&whole).map_err(|e| Wrong { line: None, ..in_words(&e) });
        match (changed, own) {
            (Err(now), Err(before)) if now.why == before.why => Err(before),
            (changed, _) => changed,
        }
    };
    let checked = fields.and_then(|fields| check(&fields).map(|()| fields));
    let fields = checked.map_err(|wrong| wrong.error(path, &text, set))?;
    for (key, value) in set {
        text.push_str(&format!("\n--set {key}={value}"));
    }
    Ok((fields, text))
}

/// Sets `a.b.c` in a tree of mappings.
fn change(yaml: &mut Yaml, key: &str, value: Yaml) -> Result<(), String> {
    let (first, rest) = match key.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (key, None),
    };
    if yaml.is_null() {
        *yaml = Yaml::Mapping(Mapping::new());
    }
    let Yaml::Mapping(mapping) = yaml else {
        return Err(format!("there is no mapping to hold `{first}`"));
    };
    let slot = mapping.entry(first.into()).or_insert(Yaml::Null);
    match rest {
        Some(rest) => change(slot, rest, value),
        None => {
            *slot = value;
            Ok(())
        }
    }
}

/// The line of a field in a text in YAML's usual form, whose outermost fields begin lines.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let mut at = 0;
    for (depth, part) in key.split('.').filter(|part| !part.is_empty()).enumerate() {
        let here = |i: &usize| {
            let (before, after) = (&text[..*i], &text[i + part.len()..]);
            let begins = match depth {
                0 => before.is_empty() || before.ends_with('\n'),
                _ => before.ends_with([' ', '{', ',', '"', '\'']),
            };
            begins && after.trim_start_matches(['"', '\'', ' ']).starts_with(':')
        };
        at += text[at..].match_indices(part).map(|(i, _)| i).find(|i| here(&(at + i)))?;
    }
    (!key.is_empty()).then(|| 1 + text[..at].matches('\n').count())
}

/// What is wrong with a text that cannot be read, by what its line shows.
fn by_its_line(text: &str, error: &serde_yaml::Error) -> Wrong {
    if let Some(pasted) = Pasted::find(text, "#", false) {
        let (said, help) = pasted.said();
        return Wrong { key: String::new(), why: format!("{said}; {help}"), line: None };
    }
    let said = error.to_string();
    let wrong = in_words(error);
    // A place that is named last is where something began that never ends.
    let line = wrong.line.unwrap_or(1);
    let shown = text.lines().nth(line - 1).unwrap_or_default();
    let why = if said.contains("cannot start any token") && shown.contains('\t') {
        "has a tab; YAML is indented by spaces".to_owned()
    } else if said.contains("scanning a quoted scalar") {
        "a quote that begins here has no end".to_owned()
    } else if said.contains("while parsing a flow mapping") {
        "a brace that opens here has no end".to_owned()
    } else if said.contains("while parsing a flow sequence") {
        "a bracket that opens here has no end".to_owned()
    } else if let Some(key) = unspaced(text, line) {
        let line = 1 + text.lines().position(|line| line.trim() == key).unwrap_or(line - 1);
        let (name, value) = key.split_once(':').unwrap_or_default();
        let why = format!("a blank belongs behind the colon: `{name}: {value}`");
        return Wrong { key: String::new(), why, line: Some(line) };
    } else if let Some(name) =
        said.split("duplicate field `").nth(1).and_then(|s| s.split('`').next())
    {
        return twice(text, name, line);
    } else if let Some(name) =
        said.split("duplicate entry with key \"").nth(1).and_then(|s| s.split('"').next())
    {
        return twice(text, name, line);
    } else if let Some((value, next)) = continued(&said) {
        format!(
            "`{next}` is read as more of the value `{value}` before it; both fields begin in one column"
        )
    } else {
        return wrong;
    };
    Wrong { key: String::new(), why, line: Some(line) }
}

/// A `name:value` on one of the lines that are read as one text at a line.
fn unspaced(text: &str, line: usize) -> Option<&str> {
    let mut lines = text.lines().skip(line.saturating_sub(2)).take(3).map(str::trim);
    lines.find(|line| {
        let parts = line.split_once(':');
        parts.is_some_and(|(name, value)| {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(is_name)
                && value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.')
        })
    })
}

/// A field that is there twice, at its second place.
fn twice(text: &str, name: &str, from: usize) -> Wrong {
    let is_key = |line: &str| {
        line.match_indices(name).any(|(at, _)| {
            let before = line[..at].trim_end_matches(['"', '\'']);
            let behind = line[at + name.len()..].trim_start_matches(['"', '\'']).trim_start();
            (before.is_empty() || before.ends_with([' ', '{', ','])) && behind.starts_with(':')
        })
    };
    // The fields of a mapping that begin lines begin in one column.
    let column = |line: &str| line.len() - line.trim_start().len();
    let first = text.lines().nth(from - 1).map_or(0, column);
    let lines = text.lines().enumerate().skip(from - 1);
    let lines = lines.filter(|(_, line)| is_key(line) && column(line) == first);
    let numbers: Vec<usize> = lines.map(|(at, _)| at + 1).collect();
    let line = numbers.get(1).or(numbers.first()).copied().unwrap_or(from);
    let why = format!("there is a second `{name}`; leave one of them out");
    Wrong { key: String::new(), why, line: Some(line) }
}

/// A value of a whole number to which the next line was added, since it is indented further: the number and the next word.
fn continued(said: &str) -> Option<(&str, &str)> {
    let value = said.split("invalid type: string \"").nth(1)?.split('"').next()?;
    let (value, next) = value.split_once(' ')?;
    let is_word = next.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (value.parse::<f64>().is_ok() && is_word).then_some((value, next))
}

/// What the reader of YAML says, in words that are not those of its programming language.
fn in_words(error: &serde_yaml::Error) -> Wrong {
    let text = error.to_string();
    let (said, line) = match text.rsplit_once(" at line ") {
        Some((said, place)) => (said, place.split(' ').next().and_then(|line| line.parse().ok())),
        None => (&text[..], None),
    };
    let line = line.or_else(|| error.location().map(|place| place.line()));
    let (key, said) = match said.split_once(": ") {
        Some((key, rest)) if !key.contains([' ', '`']) => (key, rest),
        _ => ("", said),
    };
    let below = |name: &str| match key {
        "" => name.to_owned(),
        key => format!("{key}.{name}"),
    };
    if let Some(rest) = said.strip_prefix("unknown field `") {
        let mut names = rest.split('`').step_by(2);
        let name = names.next().unwrap_or_default();
        let known: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();
        let is_fraction = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        let help = match meant(name, known.iter().copied()) {
            _ if is_fraction => "fractions are written with a point, as in `0.5`".to_owned(),
            Some(help) => help,
            None => format!("there are {}", known.join(", ")),
        };
        return Wrong {
            key: below(name),
            why: format!("there is no `{}`; {help}", below(name)),
            line: None,
        };
    }
    if let Some(name) = said.strip_prefix("missing field `").and_then(|rest| rest.split('`').next())
    {
        return Wrong { key: key.to_owned(), why: format!("`{}` is missing", below(name)), line };
    }
    let invalid = said.strip_prefix("invalid type: ").or(said.strip_prefix("invalid value: "));
    let kinds = invalid.and_then(|rest| rest.rsplit_once(", expected "));
    let (found, kind) = match kinds {
        Some(kinds) => kinds,
        // Of values of several kinds the reader does not say where they are.
        None if said.ends_with("enum Parameter") => {
            let why = "each of `params` must be a number, a text, true or false";
            return Wrong { key: "params".into(), why: why.into(), line: None };
        }
        None => return Wrong { key: key.to_owned(), why: said.to_owned(), line },
    };
    let wanted = match kind {
        "usize" | "u64" | "u32" => "a whole number that is not negative",
        "i64" | "i32" => "a whole number",
        "f64" | "f32" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "path string" | "a string" => "a text",
        "a path or a list of paths" => kind,
        _ => "fields with their values",
    };
    let kinds = ["integer ", "floating point ", "string ", "boolean "];
    let found = kinds.iter().fold(found, |found, kind| found.strip_prefix(kind).unwrap_or(found));
    let comma = found.trim_matches('"').split_once(',').filter(|_| wanted == "a number");
    let advice = match comma {
        Some((whole, rest)) => format!("; fractions are written with a point: `{whole}.{rest}`"),
        None => String::new(),
    };
    let found = match found {
        "unit value" => "empty",
        "map" => "a mapping",
        "sequence" => "a list",
        found => found,
    };
    let named = if key.is_empty() { "the file".into() } else { format!("`{key}`") };
    Wrong {
        key: key.to_owned(),
        why: format!("{named} is {found}, and must be {wanted}{advice}"),
        line,
    }
}

#[cfg(test)]
mod tests {
    use super::super::run_file::read;

    const FILE: &str = "network: net.prototxt
dataset:
  train: { images: db }
train:
  epochs: 3
  solver:
    base_lr: 0.1
output: out
";

    /// What is said of the file after a change of its text and changes of the command line.
    fn said(from: &str, to: &str, set: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.yaml");
        std::fs::write(&path, FILE.replace(from, to)).expect("written");
        let set: Vec<_> = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let error = read(&path, &set).expect_err("wrong").to_string();
        error.replace(&format!("{}: ", path.display()), "run.yaml: ")
    }

    #[test]
    fn unknown_fields_have_a_line_and_a_neighbour() {
        let check =
            |from: &str, to: &str, expected: &str| assert_eq!(said(from, to, &[]), expected);
        check(
            "network:",
            "networqk:",
            "run.yaml: line 1: there is no `networqk`; did you mean `network`?",
        );
        check(
            "epochs",
            "epocs",
            "run.yaml: line 5: there is no `train.epocs`; did you mean `epochs`?",
        );
        check(
            "images",
            "imags",
            "run.yaml: line 3: there is no `dataset.train.imags`; did you mean `images`?",
        );
        assert!(
            said("output", "zzz", &[])
                .contains("line 8: there is no `zzz`; there are network, params")
        );
    }

    #[test]
    fn kinds_of_values_are_named_in_words() {
        let check = |to: &str, expected: &str| assert_eq!(said("epochs: 3", to, &[]), expected);
        check("epochs: many", "run.yaml: line 5: `train.epochs` is \"many\", and must be a number");
        check(
            "batch_size: -4",
            "run.yaml: line 5: `train.batch_size` is `-4`, and must be a whole number that is not negative",
        );
        check("shuffle: 7", "run.yaml: line 5: `train.shuffle` is `7`, and must be true or false");
        for (value, shown) in [("0", "0"), ("-1", "-1"), (".nan", "NaN"), (".inf", "inf")] {
            let expected = format!(
                "run.yaml: line 5: `train.epochs` is {shown}, and must be a number above 0"
            );
            check(&format!("epochs: {value}"), &expected);
        }
        check("iterations: 0", "run.yaml: line 5: `train.iterations` is 0, and must be at least 1");
        check("batch_size: 0", "run.yaml: line 5: `train.batch_size` is 0, and must be at least 1");
        assert!(said("network: net.prototxt\n", "", &[]).contains("`network` is missing"));
        let program =
            said("network: net.prototxt", "network: net.lua\nparams: { depth: [1] }", &[]);
        assert!(
            program.contains("line 2: each of `params` must be a number, a text, true or false"),
            "{program}"
        );
        let list = said(FILE, "[1, 2]", &[]);
        assert!(
            list.contains("the file is a list, and must be fields with their values"),
            "{list}"
        );
    }

    #[test]
    fn texts_that_are_no_yaml_are_explained() {
        let check = |from: &str, to: &str, expected: &str| {
            let said = said(from, to, &[]);
            assert!(said.contains(expected), "{to:?}: {said}");
        };
        check("  epochs", "\tepochs", "line 5: has a tab");
        check("epochs: 3", "epochs:3", "line 5: a blank belongs behind the colon: `epochs: 3`");
        check("net.prototxt", "'net.prototxt", "line 1: a quote that begins here");
        check("db }", "db", "line 3: a brace that opens here");
        check("output", "  epochs: 4\noutput", "line 8: there is a second `epochs`");
        check("output", "train: {}\noutput", "line 8: there is a second `train`");
        check("epochs: 3", "batch_size: 64\n    seed: 1", "line 5: `seed` is read as more of");
        check("epochs: 3", "epochs: 0,5", "fractions are written with a point: `0.5`");
        check("  epochs", "\u{a0}\u{a0}epochs", "line 5 has non-breaking spaces");
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.yaml");
        std::fs::write(&path, format!("\u{feff}{FILE}")).expect("written");
        assert!(read(&path, &[]).is_ok());
        let wide: Vec<u8> =
            format!("\u{feff}{FILE}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        std::fs::write(&path, wide).expect("written");
        assert!(read(&path, &[]).expect_err("wrong").to_string().contains("UTF-16"));
    }

    #[test]
    fn the_command_line_is_blamed_for_its_own_mistakes_only() {
        let set = [("train.epochs", "many")];
        let expected = "--set train.epochs=many: `train.epochs` is \"many\", and must be a number";
        assert_eq!(said("", "", &set), expected);
        let set = [("train.epocs", "1"), ("output", "x")];
        let expected = "--set train.epocs=1: there is no `train.epocs`; did you mean `epochs`?";
        assert_eq!(said("", "", &set), expected);
        let set = [("train.epochs", "0")];
        assert!(said("", "", &set).starts_with("--set train.epochs=0: `train.epochs` is 0"));
        // A mistake of the file stays where it is.
        let expected = "run.yaml: line 8: there is no `outputt`; did you mean `output`?";
        assert_eq!(said("output", "outputt", &[("train.epochs", "1")]), expected);
    }

    #[test]
    fn fields_that_would_be_passed_over_are_refused() {
        let pairs = "  pairs: { images: a, labels: b, count: 1, val_count: 1 }\n";
        let both = said("train:\n", &format!("{pairs}train:\n"), &[]);
        assert!(
            both.contains("line 4: `dataset.pairs` are made, and `dataset.train` would not be"),
            "{both}"
        );
        let alone = "  pairs: { images: a, labels: b, count: 1, val_count: 1, val_images: c }\n";
        let half = said("  train: { images: db }\n", alone, &[]);
        assert!(
            half.contains(
                "line 3: `dataset.pairs.val_images` and `dataset.pairs.val_labels` go together"
            ),
            "{half}"
        );
        let told = said("output: out", "call: netG", &[]);
        assert!(told.contains("line 8: `call` is for definitions that are programs"), "{told}");
    }

    #[test]
    fn weights_are_one_path_or_several() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.yaml");
        for (text, expected) in [("a.t7", vec!["a.t7"]), ("[a.t7, b.t7]", vec!["a.t7", "b.t7"])] {
            std::fs::write(&path, FILE.replace("output: out", &format!("weights: {text}")))
                .expect("written");
            let (file, _) = read(&path, &[]).expect("fields");
            assert_eq!(
                file.weights,
                expected.iter().map(std::path::PathBuf::from).collect::<Vec<_>>()
            );
        }
        let wrong = said("output: out", "weights: { a: b }", &[]);
        assert_eq!(
            wrong,
            "run.yaml: line 8: `weights` is a mapping, and must be a path or a list of paths"
        );
    }
}
