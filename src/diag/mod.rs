//! One [`Diagnostic`] type for every stage from lexing to planning; how it looks is `render` and `json`.
//!
//! A stage collects into [`Diagnostics`] and goes on. A function that cannot continue returns
//! `Err(Reported)`, which can only be had by reporting something, so nothing fails silently.
//!
//! Style of a message: lower case, no full stop, backticks around names, the user's own numbers.

mod codes;
mod excerpt;
pub mod gather;
pub mod json;
pub mod nearest;
pub mod render;

pub use codes::*;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The definition works; something about it deserves a look.
    Warning,
    /// The definition cannot be used.
    Error,
}

/// A kind of complaint: its number, its name and the paragraph of `cortado explain`.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `E0201` for errors, `W0601` for warnings.
    pub id: &'static str,
    /// A short name that reads well after "allow", such as `unknown-layer-type`.
    pub name: &'static str,
    /// What it means, why it matters and what to do: Markdown.
    pub explanation: &'static str,
}

impl Code {
    /// Errors start with `E`, warnings with `W`.
    pub fn severity(&self) -> Severity {
        if self.id.starts_with('W') { Severity::Warning } else { Severity::Error }
    }
}

/// A place in the text with a remark about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The remark; may be empty.
    pub text: String,
}

/// What to do, with the edit that does it when there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// The advice.
    pub text: String,
    /// The smallest change of the text that follows it.
    pub edit: Option<Edit>,
}

impl Help {
    /// The advice with what it would write, for where the edit itself is not shown.
    pub fn with_replacement(&self) -> Cow<'_, str> {
        match &self.edit {
            Some(edit) if !self.text.contains(edit.replacement.trim_matches(['"', ' ', '\n'])) => {
                let lines: Vec<&str> = edit.replacement.lines().map(str::trim).collect();
                format!("{}: `{}`", self.text, lines.join(" ")).into()
            }
            _ => self.text.as_str().into(),
        }
    }
}

/// A replacement of a range of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; an empty span inserts.
    pub span: Span,
    /// The new text.
    pub replacement: String,
}

/// One complaint about a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The kind of complaint.
    pub code: &'static Code,
    /// The one line that must stand alone.
    pub message: String,
    /// Where; the first is the primary place. Empty only if the complaint has no place in any text.
    pub labels: Vec<Label>,
    /// Facts, such as the chain of shapes that led here.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<Help>,
    /// The calls that led to the primary place, innermost first (`in function 'block'`).
    pub trace: Vec<Label>,
}

impl Diagnostic {
    /// A complaint at a place. The text of the primary label is set by [`Self::here`].
    pub fn new(code: &'static Code, span: Span, message: impl Into<String>) -> Self {
        let labels = vec![Label { span, text: String::new() }];
        Diagnostic { labels, ..Self::without_place(code, message) }
    }

    /// A complaint about a file or a net as a whole.
    pub fn without_place(code: &'static Code, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            message: message.into(),
            labels: vec![],
            notes: vec![],
            help: None,
            trace: vec![],
        }
    }

    /// The remark at the primary place.
    pub fn here(mut self, text: impl Into<String>) -> Self {
        if let Some(label) = self.labels.first_mut() {
            label.text = text.into();
        }
        self
    }

    /// A further place.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// A fact.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Advice in words.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(Help { text: text.into(), edit: None });
        self
    }

    /// Advice with the edit that follows it.
    pub fn edit(
        mut self,
        text: impl Into<String>,
        span: Span,
        replacement: impl Into<String>,
    ) -> Self {
        let edit = Some(Edit { span, replacement: replacement.into() });
        self.help = Some(Help { text: text.into(), edit });
        self
    }

    /// Errors and warnings by their code.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Whether the other complaint is the same one, of this layer or of another one that is made by the same text, as a module
    /// and its clone are.
    fn covers(&self, other: &Diagnostic) -> bool {
        let about = |of: Option<(&str, &str)>| {
            of.map(|(name, rest)| (name.to_owned(), without_names(rest)))
        };
        let (Some((name, rest)), Some((other_name, other_rest))) =
            (about(self.of_layer()), about(other.of_layer()))
        else {
            return false;
        };
        let is_again = name != other_name || self.labels == other.labels && self.help == other.help;
        is_again && rest == other_rest && self.span() == other.span()
    }

    /// The layer that the message names at its beginning, and the rest of it.
    fn of_layer(&self) -> Option<(&str, &str)> {
        self.message.strip_prefix("layer `")?.split_once("`: ")
    }

    /// Whether the other complaint is of the same fault at another stage: alike but for numbers.
    fn is_as(&self, other: &Diagnostic) -> bool {
        self.code == other.code
            && self.span() == other.span()
            && without_numbers(&self.message) == without_numbers(&other.message)
    }

    /// What the other complaint says at its stage that this one does not.
    fn otherwise(&self, other: &Diagnostic, stage: &str) -> Option<String> {
        if self.message != other.message {
            return Some(format!("at {stage}: {}", other.message));
        }
        let own: Vec<&str> = self.labels.iter().map(|label| label.text.as_str()).collect();
        let texts = other.labels.iter().map(|label| label.text.as_str());
        let differing: Vec<&str> = texts.filter(|text| !own.contains(text)).collect();
        (!differing.is_empty()).then(|| format!("at {stage} {}", differing.join(", ")))
    }

    /// The primary place.
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }
}

/// A text with nothing between backticks.
fn without_names(text: &str) -> String {
    text.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// A text with one sign in the place of every number.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c.is_ascii_digit() {
            true if out.ends_with('0') => {}
            true => out.push('0'),
            false => out.push(c),
        }
    }
    out
}

/// Proof that an error was reported. Only [`Diagnostics`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported(());

/// The complaints of one compilation, in the order they were found.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// What definitions that are programs have printed.
    said: String,
    /// Where in the list the complaints of a kind at a place are.
    known: HashMap<(&'static str, Option<Span>), Vec<usize>>,
}

impl Diagnostics {
    /// Adds a complaint. Exact repetitions (another stage of the same net) are dropped.
    pub fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        let alike = self.known.entry((diagnostic.code.id, diagnostic.span())).or_default();
        if let Some(&first) = alike.iter().find(|&&i| self.list[i].covers(&diagnostic)) {
            let note = "the same holds for other layers that are made here";
            let known = &mut self.list[first];
            if known.message != diagnostic.message && known.notes.iter().all(|known| known != note)
            {
                known.notes.push(note.to_owned());
            }
            return Reported(());
        }
        if !alike.iter().any(|&i| self.list[i] == diagnostic) {
            alike.push(self.list.len());
            self.list.push(diagnostic);
        }
        Reported(())
    }

    /// The proof again, for whoever meets the consequence of an error that is in the list.
    pub fn already_reported(&self) -> Reported {
        debug_assert!(!self.is_empty(), "nothing was reported");
        Reported(())
    }

    /// A list that nobody reads, for a try: it knows whether something was reported before.
    pub fn unread(&self) -> Diagnostics {
        Diagnostics { list: self.list.first().cloned().into_iter().collect(), ..Self::default() }
    }

    /// All complaints.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// The complaints, to add notes and advice.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Diagnostic> {
        self.list.iter_mut()
    }

    /// True if something is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity() == Severity::Error)
    }

    /// Whether something within a place cannot be read at all.
    pub fn unreadable_within(&self, place: Span) -> bool {
        let is_within =
            |at: Span| at.file == place.file && place.start <= at.start && at.end <= place.end;
        let syntax = self.list.iter().filter(|d| d.code.id.starts_with("E01"));
        syntax.filter_map(Diagnostic::span).any(is_within)
    }

    /// No complaint at all.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Sorts by place, so that a report reads like the file.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|d| d.span().map(|s| (s.file, s.start)));
        self.index();
    }

    /// How many complaints there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Tells a fault of several stages once. `stages` are the names of stages, each with the number of complaints before its
    /// own. What is another number or shape at a later stage becomes a note.
    pub fn join_stages(&mut self, stages: &[(String, usize)]) {
        let Some(&(_, first)) = stages.first() else { return };
        let later = self.list.split_off(first.min(self.list.len()));
        // The stage of every complaint from there on, and the last stage that was joined to it.
        let mut owners: Vec<(usize, usize)> = vec![];
        // Which of them are of a kind at a place.
        let mut places: HashMap<(&str, Option<Span>), Vec<usize>> = HashMap::new();
        for (at, other) in later.into_iter().enumerate() {
            let stage = stages.iter().rposition(|(_, start)| *start <= first + at).unwrap_or(0);
            let alike = places.entry((other.code.id, other.span())).or_default();
            let same = alike.iter().copied().find(|&i| {
                let (owner, joined) = owners[i];
                owner < stage && joined < stage && self.list[first + i].is_as(&other)
            });
            match same {
                Some(i) => {
                    owners[i].1 = stage;
                    let known = &mut self.list[first + i];
                    known.notes.extend(known.otherwise(&other, &stages[stage].0));
                }
                None => {
                    alike.push(owners.len());
                    self.list.push(other);
                    owners.push((stage, stage));
                }
            }
        }
        self.index();
    }

    fn index(&mut self) {
        self.known.clear();
        for (i, d) in self.list.iter().enumerate() {
            self.known.entry((d.code.id, d.span())).or_default().push(i);
        }
    }

    /// Keeps what a definition printed, for whoever shows the complaints. A definition that is read again says it once.
    pub fn say(&mut self, text: &str) {
        if !self.said.contains(text) {
            self.said.push_str(text);
        }
    }

    /// What definitions have printed.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Takes over another list, dropping repetitions.
    pub fn extend(&mut self, other: Diagnostics) {
        self.say(&other.said);
        for diagnostic in other.list {
            self.report(diagnostic);
        }
    }
}
