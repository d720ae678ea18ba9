//! Neutral calls: a layer's arguments as every front end hands them over, and typed reads of them.
//!
//! Every read marks an argument as used; what is left unread after the reader has returned is a complaint
//! with the nearest name that was asked for. Reads never fail: a wrong type is reported, the reader goes
//! on with the default, and the layer is discarded afterwards.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Dialect;
use super::near::{inside, join, longer, meant, near_word};
use super::words::{Kind, Question};
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic, Diagnostics, Reported};
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

/// The reading of one layer's arguments: what was read, what was asked for, and the complaints.
#[derive(Debug)]
pub struct Reading {
    /// The language, for the words of messages.
    pub dialect: Dialect,
    diagnostics: RefCell<Diagnostics>,
    /// Where complaints point.
    places: RefCell<BTreeSet<Span>>,
    failed: Cell<bool>,
    used: RefCell<HashSet<Span>>,
    asked: RefCell<BTreeMap<String, BTreeSet<&'static str>>>,
    /// Fields that stand once too often; what is within or missing from them is no further complaint.
    repeated: RefCell<HashSet<&'static str>>,
    /// Complaints about fields that are missing, unless an unknown one beside them is found to be one mistyped.
    missing: RefCell<Vec<Missing>>,
    /// Every field that is asked for, in this order, where somebody wants to know.
    questions: Option<RefCell<Vec<Question>>>,
}

/// A complaint about a field that is missing in the message of a path.
#[derive(Debug)]
struct Missing {
    path: String,
    key: String,
    complaint: Diagnostic,
}

impl Reading {
    /// A fresh one.
    pub fn new(dialect: Dialect) -> Self {
        Reading {
            dialect,
            diagnostics: RefCell::default(),
            places: RefCell::default(),
            failed: Cell::new(false),
            used: RefCell::default(),
            asked: RefCell::default(),
            repeated: RefCell::default(),
            missing: RefCell::default(),
            questions: None,
        }
    }

    /// One that keeps in mind what is asked for.
    pub fn listening(dialect: Dialect) -> Self {
        Reading { questions: Some(RefCell::default()), ..Reading::new(dialect) }
    }

    /// What was asked for, and the message and name of every field that must be there and is not.
    pub fn heard(self) -> (Vec<Question>, Vec<(String, String)>) {
        let missing = self.missing.into_inner().into_iter();
        let questions = self.questions.map(RefCell::into_inner).unwrap_or_default();
        (questions, missing.map(|missing| (missing.path, missing.key)).collect())
    }

    /// Reports a complaint; an error discards the layer.
    pub fn report(&self, diagnostic: Diagnostic) -> Reported {
        if diagnostic.severity() == diag::Severity::Error {
            self.failed.set(true);
        }
        self.places.borrow_mut().extend(diagnostic.span());
        self.diagnostics.borrow_mut().report(diagnostic)
    }

    /// Reports what was never read and hands out all complaints; the flag says whether the layer is usable.
    pub fn finish(self, record: &Record, what: &str) -> (Diagnostics, bool) {
        self.unread(record, what, "");
        self.complaints()
    }

    /// All complaints and whether the layer is usable, where unread arguments are no mistakes.
    pub fn complaints(self) -> (Diagnostics, bool) {
        for missing in self.missing.take() {
            self.report(missing.complaint);
        }
        (self.diagnostics.into_inner(), !self.failed.get())
    }

    /// Whether a complaint points into this place.
    pub fn has_complained(&self, place: Span) -> bool {
        let within =
            |at: &Span| at.file == place.file && place.start <= at.start && at.end <= place.end;
        let (first, last) = (Span { end: 0, ..place }, Span { start: place.end, ..place });
        self.places.borrow().range(first..=last).any(within)
            || self.missing.borrow().iter().any(|m| m.complaint.span().as_ref().is_some_and(within))
    }

    /// The message that is wanted and not there at all, if a field of it must be given; the complaints about its fields are
    /// dropped.
    pub fn absent_message(&self, record: &Record) -> Option<String> {
        let mut missing = self.missing.borrow_mut();
        let is_there = |path: &str| record.fields.iter().any(|field| field.key.value == path);
        let path = missing.iter().map(|m| &m.path).find(|path| !path.is_empty() && !is_there(path));
        let path = path.cloned()?;
        missing.retain(|m| m.path != path);
        Some(path)
    }

    /// Whether the outermost arguments were asked for this name.
    pub fn was_asked(&self, key: &str) -> bool {
        self.asked.borrow().get("").is_some_and(|keys| keys.contains(key))
    }

    /// Whether the field whose name stands here was read.
    pub fn was_used(&self, key: Span) -> bool {
        self.used.borrow().contains(&key)
    }

    /// Counts the field whose name stands here as read.
    pub fn accept(&self, key: Span) {
        self.used.borrow_mut().insert(key);
    }

    /// Whether fields of this message were asked for.
    pub fn was_opened(&self, message: &str) -> bool {
        self.asked.borrow().contains_key(message)
    }

    fn unread(&self, record: &Record, what: &str, path: &str) {
        for field in &record.fields {
            let key = &field.key;
            if !self.used.borrow().contains(&key.span) {
                let asked = self.asked.borrow();
                let known: Vec<&str> = asked.get(path).into_iter().flatten().copied().collect();
                let owner = if path.is_empty() { what } else { path };
                let message = format!("`{owner}` has no field named `{}`", key.value);
                let mut d = Diagnostic::new(&diag::E0301, key.span, message).here("unknown field");
                let near = nearest(&key.value, known.iter().copied());
                if let Some(near) = near.or_else(|| longer(&key.value, &known)) {
                    self.missing.borrow_mut().retain(|m| m.path != path || m.key != near);
                    d = d.edit(format!("did you mean `{near}`?"), key.span, near);
                } else if let Some((message, near)) = inside(&key.value, &known, &asked) {
                    self.missing.borrow_mut().retain(|m| m.path != message || m.key != near);
                    d = d.help(format!("`{near}` stands inside: `{message} {{ {near}: ... }}`"));
                } else if !known.is_empty() {
                    d = d.help(format!("its fields are {}", join(&known)));
                }
                drop(asked);
                self.report(d);
            } else if let Value::Record(inner) = &field.value.value {
                let opened = self.asked.borrow().contains_key(&field.key.value);
                let repeated = self.repeated.borrow().contains(field.key.value.as_str());
                if opened && !repeated {
                    self.unread(inner, what, &field.key.value);
                }
            }
        }
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

    /// A count: a whole number from 0 to 4294967295.
    pub fn usize(&self, key: &'static str) -> Option<usize> {
        self.ask(key, Kind::Count, false);
        let value = self.single(key)?;
        self.as_usize(key, value)
    }

    /// All counts of a repeated field.
    pub fn usizes(&self, key: &'static str) -> Vec<usize> {
        self.ask(key, Kind::Count, true);
        self.values(key).into_iter().filter_map(|v| self.as_usize(key, v)).collect()
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
        self.ask(key, Kind::Whole, false);
        let value = self.single(key)?;
        self.as_int(key, value)
    }

    /// All whole numbers of a repeated field.
    pub fn ints(&self, key: &'static str) -> Vec<i64> {
        self.ask(key, Kind::Whole, true);
        self.values(key).into_iter().filter_map(|v| self.as_int(key, v)).collect()
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
        self.ask(key, Kind::Number, false);
        let value = self.single(key)?;
        self.as_float(key, value)
    }

    /// All numbers of a repeated field.
    pub fn floats(&self, key: &'static str) -> Vec<f64> {
        self.ask(key, Kind::Number, true);
        self.values(key).into_iter().filter_map(|v| self.as_float(key, v)).collect()
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
        self.ask(key, Kind::Truth, false);
        let value = self.single(key)?;
        self.as_bool(key, value)
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
        self.ask(key, Kind::Truth, true);
        self.values(key).into_iter().filter_map(|v| self.as_bool(key, v)).collect()
    }

    /// Text.
    pub fn text(&self, key: &'static str) -> Option<String> {
        self.ask(key, Kind::Text, false);
        let value = self.single(key)?;
        self.as_text(key, value)
    }

    /// All texts of a repeated field.
    pub fn texts(&self, key: &'static str) -> Vec<String> {
        self.ask(key, Kind::Text, true);
        self.values(key).into_iter().filter_map(|v| self.as_text(key, v)).collect()
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

    /// A value that must be there; reports its absence and gives the default.
    pub fn need<T: Default>(&self, key: &str, value: Option<T>) -> T {
        value.unwrap_or_else(|| {
            if !self.has(key) && !self.reading.repeated.borrow().contains(self.path) {
                let message = format!("`{key}` is missing");
                let d = Diagnostic::new(&diag::E0305, self.anchor, message);
                let complaint = d.here(format!("`{key}` must be set here"));
                let (path, key) = (self.path.to_owned(), key.to_owned());
                self.reading.failed.set(true);
                self.reading.missing.borrow_mut().push(Missing { path, key, complaint });
            }
            T::default()
        })
    }

    /// Reports a value that makes no sense, at its field.
    pub fn wrong(&self, key: &str, message: impl Into<String>) {
        self.report(Diagnostic::new(&diag::E0306, self.place(key), message));
    }
}
