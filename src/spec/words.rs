//! Turns the reader of a spelling into the words that a definition has for a layer's parameters: made-up arguments are read, and
//! what becomes of the layer's parameters shows what each of the words sets.

use super::{Args, Field, Reading, Record, Spelling, Value};
use crate::layers::Layer;
use crate::source::{Span, Spanned};

/// What kind of value a reader asks a field for.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A whole number, 0 or more.
    Count,
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// True or false.
    Truth,
    /// Text in quotes.
    Text,
    /// One of these words.
    Word(Vec<&'static str>),
    /// Fields in braces.
    Message,
}

/// A field that a reader asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The message that the field stands in; empty for the outermost.
    pub message: String,
    /// Its name.
    pub key: &'static str,
    /// What it is asked for.
    pub kind: Kind,
    /// Whether it may stand more than once.
    pub repeated: bool,
}

/// A word of a definition for a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// The message it stands in, such as `convolution_param`; empty for the outermost.
    pub message: String,
    /// The word.
    pub name: &'static str,
    /// What value it takes.
    pub kind: Kind,
    /// Whether it may stand more than once.
    pub repeated: bool,
    /// Whether it must be given.
    pub needed: bool,
    /// The value that says the same as leaving it out, if there is one.
    pub default: Option<String>,
    /// The parameters of the layer that it sets.
    pub sets: Vec<&'static str>,
}

/// The words of a spelling in the order in which its reader asks for them. Where the arguments of a class become others in its
/// constructor, these are the fields that the constructor leaves.
pub fn words(spelling: &Spelling) -> Vec<Word> {
    let mut known = Known { spelling, questions: vec![] };
    let (usual, missing) = known.read(&Record { fields: vec![], span: Span::nowhere() });
    let mut words: Vec<Word> = vec![];
    let mut next = 0;
    while next < known.questions.len() {
        let question = known.questions[next].clone();
        next += 1;
        let same = |word: &&mut Word| word.message == question.message && word.name == question.key;
        if let Some(word) = words.iter_mut().find(same) {
            word.repeated |= question.repeated;
            continue;
        }
        let needed = missing.iter().any(|(m, key)| *m == question.message && key == question.key);
        let mut word = Word {
            message: question.message.clone(),
            name: question.key,
            kind: question.kind.clone(),
            repeated: question.repeated,
            needed,
            default: None,
            sets: vec![],
        };
        for value in examples(&question.kind) {
            let shown = shown(&value);
            let changed = known.changed(&question, value, &usual);
            if changed.is_empty() && matches!(question.kind, Kind::Word(_) | Kind::Truth) {
                word.default.get_or_insert(shown);
            }
            if word.sets.is_empty() {
                word.sets = changed;
            }
        }
        if word.sets.is_empty() {
            word.default = None;
        }
        if let (Kind::Count | Kind::Whole | Kind::Number, [set]) = (&word.kind, &word.sets[..]) {
            let number = usual.iter().find(|(name, _)| name == set).map(|(_, text)| text.as_str());
            let number = number.and_then(|text| text.parse::<f64>().ok());
            if let Some(number) = number.filter(|number| number.is_finite() && !needed) {
                let whole = number.fract() == 0.0 && number.abs() < 1e9;
                let value = if whole { Value::Int(number as i64) } else { Value::Float(number) };
                if known.changed(&question, value, &usual).is_empty() {
                    // Floats of a prototxt are of single precision.
                    let single = number as f32;
                    let is_single = f64::from(single) == number;
                    word.default =
                        Some(if is_single { single.to_string() } else { number.to_string() });
                }
            }
        }
        words.push(word);
    }
    words
}

/// A spelling and what its reader was seen to ask for.
struct Known<'a> {
    spelling: &'a Spelling,
    questions: Vec<Question>,
}

/// The parameters of a layer with what they are.
type Fields = Vec<(&'static str, String)>;

impl Known<'_> {
    /// The layer of some arguments, and which fields these lack.
    fn read(&mut self, record: &Record) -> (Fields, Vec<(String, String)>) {
        let reading = Reading::listening(self.spelling.dialect);
        let layer: Layer = (self.spelling.read)(&Args::new(&reading, record, Span::nowhere()));
        let (questions, missing) = reading.heard();
        for question in questions {
            if !self.questions.contains(&question) {
                self.questions.push(question);
            }
        }
        (layer.fields(), missing)
    }

    /// The parameters that are others if a field has this value, or if it is there at all for a message.
    fn changed(&mut self, question: &Question, value: Value, usual: &Fields) -> Vec<&'static str> {
        let mut record = record(question.key, value);
        let mut message = question.message.as_str();
        let mut path: Vec<&'static str> = vec![];
        while !message.is_empty() {
            let holds = |q: &&Question| q.kind == Kind::Message && q.key == message;
            let Some(holder) = self.questions.iter().find(holds) else { return vec![] };
            // A message that holds itself has no outermost one.
            if path.contains(&holder.key) {
                return vec![];
            }
            path.push(holder.key);
            message = &holder.message;
        }
        for key in path {
            record = self::record(key, Value::Record(record));
        }
        let (fields, _) = self.read(&record);
        let mut changed = vec![];
        for (name, text) in fields {
            if usual.iter().any(|(other, usual)| *other == name && *usual != text) {
                changed.push(name);
            }
        }
        changed
    }
}

fn record(key: &str, value: Value) -> Record {
    let span = Span::nowhere();
    let key = Spanned::new(key.to_owned(), span);
    Record { fields: vec![Field { key, value: Spanned::new(value, span) }], span }
}

/// Values of a kind, some of which will not be the usual one.
fn examples(kind: &Kind) -> Vec<Value> {
    let wholes = |values: &[i64]| values.iter().map(|&n| Value::Int(n)).collect();
    match kind {
        Kind::Count => wholes(&[7, 2, 1, 0]),
        Kind::Whole => wholes(&[7, 2, 1, 0, -1, -7]),
        Kind::Number => vec![Value::Float(0.375), Value::Float(2.5), Value::Int(1), Value::Int(0)],
        Kind::Truth => vec![Value::Bool(true), Value::Bool(false)],
        Kind::Text => ["gaussian", "x"].map(|text| Value::Str(text.to_owned())).into(),
        Kind::Word(words) => words.iter().map(|word| Value::Word((*word).to_owned())).collect(),
        Kind::Message => vec![Value::Record(Record { fields: vec![], span: Span::nowhere() })],
    }
}

/// A value as a definition writes it.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::Float(x) => x.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Str(text) => format!("{text:?}"),
        Value::Word(word) => word.clone(),
        Value::List(list) => {
            list.iter().map(|item| shown(&item.value)).collect::<Vec<_>>().join(", ")
        }
        Value::Record(record) => {
            let fields = record.fields.iter();
            let fields = fields.map(|f| match &f.value.value {
                Value::Record(_) => format!("{} {}", f.key.value, shown(&f.value.value)),
                value => format!("{}: {}", f.key.value, shown(value)),
            });
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(" "))
        }
    }
}

/// What a definition writes for a parameter of a layer, each word with its value; none if it writes nothing of it.
pub fn written(spelling: &Spelling, record: &Record, parameter: &str) -> Vec<(String, String)> {
    let mut words = words(spelling);
    words.retain(|word| word.sets.contains(&parameter));
    let mut found = vec![];
    collect(record, "", &words, &mut found);
    found
}

/// The fields that some of the words stand for, in the order in which they are written.
fn collect(record: &Record, message: &str, words: &[Word], found: &mut Vec<(String, String)>) {
    for field in &record.fields {
        let (key, value) = (&field.key.value, &field.value.value);
        match value {
            Value::Record(inner) => collect(inner, key, words, found),
            value if words.iter().any(|w| w.message == message && w.name == key) => {
                found.push((key.clone(), shown(value)));
            }
            _ => {}
        }
    }
}

/// An argument of the constructor of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Whether it must be given.
    pub needed: bool,
    /// What it is where it is not given, if the constructor says it in a word.
    pub default: Option<String>,
}

/// The arguments of the constructor that a spelling of Torch has in its own script, or those that become its fields; none where
/// it has the constructor of its parent.
pub fn arguments(spelling: &Spelling) -> Vec<Argument> {
    let script = spelling.class.script;
    let body = script.split_once("Class:__init(").and_then(|(_, rest)| rest.split_once(')'));
    let Some((names, rest)) = body else {
        let named =
            |name: &&str| Argument { name: (*name).to_owned(), needed: true, default: None };
        return spelling.positional.iter().map(named).collect();
    };
    let body = rest.find("\nend").map_or(rest, |end| &rest[..end]);
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| argument(name, body)).collect()
}

fn argument(name: &str, body: &str) -> Argument {
    let code: String = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let mut needed = name != "...";
    let mut default = None;
    for (at, _) in code.match_indices(name) {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        if before.ends_with(is_word) || after.starts_with(is_word) {
            continue;
        }
        let before = before.trim_end();
        if let Some(value) = after.strip_prefix(" or ") {
            needed = false;
            let end = value.find(|c: char| !is_word(c) && c != '-').unwrap_or(value.len());
            let (value, rest) = value.split_at(end);
            let value = value.strip_prefix("self.").unwrap_or(value);
            if !value.is_empty() && !rest.starts_with('(') {
                default.get_or_insert_with(|| value.to_owned());
            }
        }
        let asked = [" == nil", " ~= nil", " and ", " then"];
        let questioned = ["if", "not", "elseif", "type("].iter().any(|word| before.ends_with(word));
        needed &= !questioned && !asked.iter().any(|word| after.starts_with(word));
    }
    Argument { name: name.to_owned(), needed, default }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelling(name: &str) -> &'static Spelling {
        let mut all = Layer::ALL.iter().flat_map(|spec| spec.spellings);
        all.find(|spelling| spelling.name == name).expect("a spelling")
    }

    #[test]
    fn words_of_caffe_are_found_with_what_they_set() {
        let words = words(spelling("Convolution"));
        let of = |name: &str| words.iter().find(|word| word.name == name).expect("a word");
        assert!(of("num_output").needed && of("kernel_size").needed);
        assert_eq!(of("kernel_h").sets, ["kernel"]);
        assert_eq!(
            (&of("bias_term").default, &of("bias_term").sets[..]),
            (&Some("true".into()), &["bias"][..])
        );
        assert_eq!((&of("group").default, of("group").needed), (&Some("1".into()), false));
        assert_eq!(
            (of("weight_filler").message.as_str(), of("type").message.as_str()),
            ("convolution_param", "weight_filler")
        );
        let words = self::words(spelling("Pooling"));
        let pool = words.iter().find(|word| word.name == "pool").expect("a word");
        assert_eq!((pool.default.as_deref(), &pool.sets[..]), (Some("MAX"), &["method"][..]));
    }

    #[test]
    fn every_reader_can_be_asked() {
        for spelling in Layer::ALL.iter().flat_map(|spec| spec.spellings) {
            words(spelling);
            arguments(spelling);
        }
    }

    #[test]
    fn arguments_of_constructors_have_their_defaults() {
        let arguments = arguments(spelling("nn.SpatialConvolutionMM"));
        let of = |name: &str| arguments.iter().find(|one| one.name == name).expect("an argument");
        assert!(of("kW").needed && !of("dW").needed);
        assert_eq!(of("dW").default.as_deref(), Some("1"));
        assert_eq!(of("padH").default.as_deref(), Some("padW"));
    }
}
