//! Neutral calls: a layer's arguments as every front end hands them over, and typed reads of them.
//!
//! Every read marks an argument as used; what is left unread after the reader has returned is a complaint
//! with the nearest name that was asked for. Reads never fail: a wrong type is reported, the reader goes
//! on with the default, and the layer is discarded afterwards.

use super::Dialect;
use super::near::{join, meant, near_word};
use super::reading::{Missing, Reading};
use super::words::{Kind, Question};
use crate::diag::{self, Diagnostic};
use crate::source::{Span, Spanned};

/// An argument's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// A number written with a point or an exponent, or computed.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// Text.
    Str(String),
    /// A bare word: `MAX`.
    Word(String),
    /// Several values.
    List(Vec<Spanned<Value>>),
    /// Named values.
    Record(Record),
}

impl Value {
    fn kind(&self) -> String {
        match self {
            Value::Int(n) => format!("`{n}`"),
            Value::Float(x) => format!("`{x}`"),
            Value::Bool(b) => format!("`{b}`"),
            Value::Str(s) => format!("the text {s:?}"),
            Value::Word(w) => format!("`{w}`"),
            Value::List(_) => "a list".into(),
            Value::Record(_) => "a message".into(),
        }
    }
}

/// A named value.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name.
    pub key: Spanned<String>,
    /// The value.
    pub value: Spanned<Value>,
}

/// Named values in the order they were written; names may repeat.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The fields.
    pub fields: Vec<Field>,
    /// The whole text.
    pub span: Span,
}

impl Record {
    /// The place of the first field with one of these names, at any depth.
    pub fn find(&self, keys: &[&str]) -> Option<Span> {
        keys.iter().find_map(|key| self.find_one(key))
    }

    fn find_one(&self, key: &str) -> Option<Span> {
        self.fields.iter().find_map(|field| {
            if field.key.value == key {
                return Some(field.key.span.to(field.value.span));
            }
            match &field.value.value {
                Value::Record(inner) => inner.find_one(key),
                _ => None,
            }
        })
    }
}

/// Caffe's whole numbers of 64 bits; all others with a sign have 32.
const WIDE: [&str; 2] = ["dim", "random_seed"];

/// The arguments of a layer, or of one message inside them.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    reading: &'a Reading,
    record: Option<&'a Record>,
    path: &'a str,
    /// Where to point when something is missing.
    anchor: Span,
}

/// What a value of the field of this name is; none, with a complaint, if it is of another kind.
type Read<'a, T> = fn(&Args<'a>, &str, &Spanned<Value>) -> Option<T>;

impl<'a> Args<'a> {
    /// The outermost arguments; `anchor` is the place of the layer's type.
    pub fn new(reading: &'a Reading, record: &'a Record, anchor: Span) -> Self {
        Args { reading, record: Some(record), path: "", anchor }
    }

    /// Where to point when something is missing: the message, or the layer's type.
    pub fn anchor(&self) -> Span {
        self.anchor
    }

    /// The beginning of the place of [`anchor`](Self::anchor): for what is missing in a whole file.
    pub fn start(&self) -> Span {
        Span { end: self.anchor.start, ..self.anchor }
    }

    /// Reports a complaint; an error discards the layer.
    pub fn report(&self, diagnostic: Diagnostic) {
        self.reading.report(diagnostic);
    }

    /// The place of a field, or the anchor.
    pub fn place(&self, key: &str) -> Span {
        self.record.and_then(|r| r.find(&[key])).unwrap_or(self.anchor)
    }

    /// Keeps in mind what a field is asked for.
    fn ask(&self, key: &'static str, kind: Kind, repeated: bool) {
        let Some(questions) = &self.reading.questions else { return };
        let question = Question { message: self.path.to_owned(), key, kind, repeated };
        let mut questions = questions.borrow_mut();
        if !questions.contains(&question) {
            questions.push(question);
        }
    }

    fn all(&self, key: &'static str) -> Vec<&'a Field> {
        self.reading.asked.borrow_mut().entry(self.path.to_owned()).or_default().insert(key);
        let Some(record) = self.record else { return vec![] };
        let fields: Vec<&Field> = record.fields.iter().filter(|f| f.key.value == key).collect();
        self.reading.used.borrow_mut().extend(fields.iter().map(|f| f.key.span));
        fields
    }

    /// The values of a repeated field; lists are opened.
    fn values(&self, key: &'static str) -> Vec<&'a Spanned<Value>> {
        let mut values = vec![];
        for field in self.all(key) {
            match &field.value.value {
                Value::List(list) => values.extend(list),
                _ => values.push(&field.value),
            }
        }
        values
    }

    /// The value of a field that may stand once.
    fn single(&self, key: &'static str) -> Option<&'a Spanned<Value>> {
        let fields = self.all(key);
        if let [first, second, ..] = fields[..] {
            let message = format!("`{key}` is given more than once");
            let d = Diagnostic::new(&diag::E0302, second.key.span, message).here("given again");
            self.report(d.label(first.key.span, "first given here"));
            self.reading.repeated.borrow_mut().insert(key);
        }
        fields.first().map(|f| &f.value)
    }

    fn mismatch(&self, key: &str, expected: &str, got: &Spanned<Value>) {
        let caffe = self.reading.dialect == Dialect::Caffe;
        let given = match &got.value {
            // A whole number keeps its point, by which it is none.
            Value::Float(x) if caffe => format!("`{x:?}`"),
            other => other.kind(),
        };
        let message = format!("`{key}` must be {expected}, not {given}");
        let d = Diagnostic::new(&diag::E0303, got.span, message);
        let d = d.here(format!("expected {expected}"));
        self.report(match meant(key, expected, &got.value) {
            Some((help, text)) if caffe => d.edit(help, got.span, text),
            _ => d,
        });
    }

    /// True if the field is written; does not count as reading it.
    pub fn has(&self, key: &str) -> bool {
        self.record.is_some_and(|r| r.fields.iter().any(|f| f.key.value == key))
    }

    /// How often the field is written; does not count as reading it.
    pub fn times(&self, key: &str) -> usize {
        self.record.map_or(0, |r| r.fields.iter().filter(|f| f.key.value == key).count())
    }

    /// Accepts fields that mean nothing to cortado, such as `engine`.
    pub fn ignore(&self, keys: &[&'static str]) {
        for key in keys {
            self.all(key);
        }
    }

    /// Accepts all fields with a property of their names.
    pub fn ignore_where(&self, property: impl Fn(&str) -> bool) {
        let fields = self.record.into_iter().flat_map(|r| &r.fields);
        let keys = fields.map(|f| &f.key).filter(|key| property(&key.value));
        self.reading.used.borrow_mut().extend(keys.map(|key| key.span));
    }

    /// The value of a field that is not repeated.
    fn one<T>(&self, key: &'static str, kind: Kind, read: Read<'a, T>) -> Option<T> {
        self.ask(key, kind, false);
        read(self, key, self.single(key)?)
    }

    /// All values of a repeated field.
    fn every<T>(&self, key: &'static str, kind: Kind, read: Read<'a, T>) -> Vec<T> {
        self.ask(key, kind, true);
        self.values(key).into_iter().filter_map(|v| read(self, key, v)).collect()
    }

    /// A count: a whole number from 0 to 4294967295.
    pub fn usize(&self, key: &'static str) -> Option<usize> {
        self.one(key, Kind::Count, Self::as_usize)
    }

    /// All counts of a repeated field.
    pub fn usizes(&self, key: &'static str) -> Vec<usize> {
        self.every(key, Kind::Count, Self::as_usize)
    }

    fn as_usize(&self, key: &str, value: &Spanned<Value>) -> Option<usize> {
        match value.value {
            Value::Int(n) if u32::try_from(n).is_ok() => Some(n as usize),
            Value::Float(x) if x.fract() == 0.0 && (0.0..4294967296.0).contains(&x) => {
                if self.reading.dialect == Dialect::Caffe {
                    self.mismatch(key, "a whole number, 0 or more", value);
                }
                Some(x as usize)
            }
            _ => {
                self.mismatch(key, "a whole number, 0 or more", value);
                None
            }
        }
    }

    /// A whole number, possibly negative.
    pub fn int(&self, key: &'static str) -> Option<i64> {
        self.one(key, Kind::Whole, Self::as_int)
    }

    /// All whole numbers of a repeated field.
    pub fn ints(&self, key: &'static str) -> Vec<i64> {
        self.every(key, Kind::Whole, Self::as_int)
    }

    fn as_int(&self, key: &str, value: &Spanned<Value>) -> Option<i64> {
        match value.value {
            Value::Int(n)
                if self.reading.dialect == Dialect::Caffe
                    && !WIDE.contains(&key)
                    && i32::try_from(n).is_err() =>
            {
                self.mismatch(key, "a whole number of 32 bits", value);
                None
            }
            Value::Int(n) => Some(n),
            Value::Float(x)
                if x.fract() == 0.0 && x.abs() < 9e15 && self.reading.dialect != Dialect::Caffe =>
            {
                Some(x as i64)
            }
            _ => {
                self.mismatch(key, "a whole number", value);
                None
            }
        }
    }

    /// A number.
    pub fn float(&self, key: &'static str) -> Option<f64> {
        self.one(key, Kind::Number, Self::as_float)
    }

    /// All numbers of a repeated field.
    pub fn floats(&self, key: &'static str) -> Vec<f64> {
        self.every(key, Kind::Number, Self::as_float)
    }

    fn as_float(&self, key: &str, value: &Spanned<Value>) -> Option<f64> {
        match &value.value {
            Value::Int(n) => Some(*n as f64),
            // Caffe's fields are single precision: 0.1 means the float nearest to it.
            Value::Float(x) if self.reading.dialect == Dialect::Caffe => Some(f64::from(*x as f32)),
            Value::Float(x) => Some(*x),
            Value::Word(w) if w.eq_ignore_ascii_case("inf") => Some(f64::INFINITY),
            Value::Word(w) if w.eq_ignore_ascii_case("nan") => Some(f64::NAN),
            _ => {
                self.mismatch(key, "a number", value);
                None
            }
        }
    }

    /// A truth value; 0 and 1 are accepted as protobuf does.
    pub fn bool(&self, key: &'static str) -> Option<bool> {
        self.one(key, Kind::Truth, Self::as_bool)
    }

    fn as_bool(&self, key: &str, value: &Spanned<Value>) -> Option<bool> {
        match &value.value {
            Value::Bool(b) => Some(*b),
            Value::Int(0) => Some(false),
            Value::Int(1) => Some(true),
            Value::Word(w) if matches!(w.as_str(), "true" | "t" | "True") => Some(true),
            Value::Word(w) if matches!(w.as_str(), "false" | "f" | "False") => Some(false),
            // In Lua all else is true.
            Value::Int(_) | Value::List(_) if self.reading.dialect == Dialect::Torch => Some(true),
            _ => {
                self.mismatch(key, "true or false", value);
                None
            }
        }
    }

    /// All truth values of a repeated field.
    pub fn bools(&self, key: &'static str) -> Vec<bool> {
        self.every(key, Kind::Truth, Self::as_bool)
    }

    /// Text.
    pub fn text(&self, key: &'static str) -> Option<String> {
        self.one(key, Kind::Text, Self::as_text)
    }

    /// All texts of a repeated field.
    pub fn texts(&self, key: &'static str) -> Vec<String> {
        self.every(key, Kind::Text, Self::as_text)
    }

    fn as_text(&self, key: &str, value: &Spanned<Value>) -> Option<String> {
        match &value.value {
            Value::Str(s) => Some(s.clone()),
            Value::Word(w) => {
                let message = format!("`{key}` must be text in quotes, not `{w}`");
                let d = Diagnostic::new(&diag::E0303, value.span, message);
                let quoted = format!("\"{w}\"");
                self.report(d.edit("put it in quotes", value.span, quoted));
                None
            }
            _ => {
                self.mismatch(key, "text in quotes", value);
                None
            }
        }
    }

    /// One of several words, by name or (as protobuf allows) by its number in the list, from 0.
    pub fn choice<C: Copy>(&self, key: &'static str, words: &[(&'static str, C)]) -> Option<C> {
        self.choice_from(key, 0, words)
    }

    /// Like [`choice`](Self::choice), where the first word has the number `first`.
    pub fn choice_from<C: Copy>(
        &self,
        key: &'static str,
        first: i64,
        words: &[(&'static str, C)],
    ) -> Option<C> {
        self.ask(key, Kind::Word(words.iter().map(|(word, _)| *word).collect()), false);
        let value = self.single(key)?;
        let found = match &value.value {
            Value::Word(w) | Value::Str(w) => words.iter().find(|(name, _)| name == w),
            Value::Int(n) => {
                let place = n.checked_sub(first).and_then(|n| usize::try_from(n).ok());
                place.and_then(|n| words.get(n))
            }
            _ => None,
        };
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            let message = format!("`{key}` cannot be {}", value.value.kind());
            let mut d = Diagnostic::new(&diag::E0304, value.span, message)
                .here(format!("expected one of {}", join(&names)));
            if let Value::Word(w) | Value::Str(w) = &value.value
                && let Some(near) = near_word(w, names)
            {
                d = d.edit(format!("did you mean `{near}`?"), value.span, near);
            }
            self.report(d);
        }
        found.map(|&(_, choice)| choice)
    }

    /// The fields of a message, or none of them if it is not written.
    pub fn section(&self, key: &'static str) -> Args<'a> {
        self.ask(key, Kind::Message, false);
        let value = self.single(key);
        self.open(key, value)
    }

    /// Every message of a repeated field.
    pub fn sections(&self, key: &'static str) -> Vec<Args<'a>> {
        self.ask(key, Kind::Message, true);
        self.values(key).into_iter().map(|v| self.open(key, Some(v))).collect()
    }

    fn open(&self, key: &'static str, value: Option<&'a Spanned<Value>>) -> Args<'a> {
        let mut section = Args { record: None, path: key, ..*self };
        match value.map(|v| (&v.value, v)) {
            Some((Value::Record(record), v)) => {
                section.record = Some(record);
                section.anchor = v.span;
            }
            Some((_, v)) => self.mismatch(key, "a message in braces", v),
            None => {}
        }
        section
    }

    /// The fields themselves, if the message is written.
    pub fn record(&self) -> Option<&'a Record> {
        self.record
    }

    /// True if the message that these are the fields of is written at all.
    pub fn is_present(&self) -> bool {
        self.record.is_some()
    }

    /// The value of a field that must be there; reports its absence and gives the default.
    pub fn required<T: Default>(
        &self,
        key: &'static str,
        read: fn(&Self, &'static str) -> Option<T>,
    ) -> T {
        self.need(key, read(self, key))
    }

    /// A value that must be there; reports its absence and gives the default.
    pub fn need<T: Default>(&self, key: &str, value: Option<T>) -> T {
        value.unwrap_or_else(|| {
            if !self.has(key) && !self.reading.repeated.borrow().contains(self.path) {
                let d = Diagnostic::new(&diag::E0305, self.anchor, format!("`{key}` is missing"));
                let complaint = d.here(format!("`{key}` must be set here"));
                let (path, key) = (self.path.to_owned(), key.to_owned());
                self.reading.failed.set(true);
                self.reading.missing.borrow_mut().push(Missing { path, key, complaint });
            }
            T::default()
        })
    }

    /// Reports a count that is 0.
    pub fn not_zero(&self, key: &str, count: impl Into<Option<usize>>) {
        if count.into() == Some(0) {
            self.wrong(key, format!("`{key}` must not be 0"));
        }
    }

    /// Reports a value that makes no sense, at its field.
    pub fn wrong(&self, key: &str, message: impl Into<String>) {
        self.report(Diagnostic::new(&diag::E0306, self.place(key), message));
    }
}
