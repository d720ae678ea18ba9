//! The reading of one layer's arguments: what was read, what was asked for, what is missing, and the complaints.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Dialect;
use super::args::{Record, Value};
use super::near::{inside, join, longer};
use super::words::Question;
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic, Diagnostics, Reported};
use crate::source::Span;

/// The reading of one layer's arguments: what was read, what was asked for, and the complaints.
#[derive(Debug)]
pub struct Reading {
    /// The language, for the words of messages.
    pub dialect: Dialect,
    pub(super) diagnostics: RefCell<Diagnostics>,
    /// Where complaints point.
    pub(super) places: RefCell<BTreeSet<Span>>,
    pub(super) failed: Cell<bool>,
    pub(super) used: RefCell<HashSet<Span>>,
    pub(super) asked: RefCell<BTreeMap<String, BTreeSet<&'static str>>>,
    /// Fields that stand once too often; what is within or missing from them is no further complaint.
    pub(super) repeated: RefCell<HashSet<&'static str>>,
    /// Complaints about fields that are missing, unless an unknown one beside them is found to be one mistyped.
    pub(super) missing: RefCell<Vec<Missing>>,
    /// Every field that is asked for, in this order, where somebody wants to know.
    pub(super) questions: Option<RefCell<Vec<Question>>>,
}

/// A complaint about a field that is missing in the message of a path.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) path: String,
    pub(super) key: String,
    pub(super) complaint: Diagnostic,
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

    /// Drops complaints about what is missing where something cannot be read.
    pub fn leave_out_unreadable(&self, before: &Diagnostics) {
        let readable = |at| !before.unreadable_within(at);
        self.missing.borrow_mut().retain(|m| m.complaint.span().is_none_or(readable));
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
                // What must be there and is not is likelier than what may be left out.
                let missing = |known: &&str| {
                    self.missing.borrow().iter().any(|m| m.path == path && m.key == *known)
                };
                let wanted: Vec<&str> = known.iter().copied().filter(missing).collect();
                let near = longer(&key.value, &wanted)
                    .or_else(|| nearest(&key.value, known.iter().copied()));
                if let Some(near) = near.or_else(|| longer(&key.value, &known)) {
                    let explained = |m: &Missing| match m.path == path {
                        true => m.key == near,
                        false => path.is_empty() && m.path == near,
                    };
                    self.missing.borrow_mut().retain(|m| !explained(m));
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
