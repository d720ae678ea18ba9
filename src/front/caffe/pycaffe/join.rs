//! A net for training and one for tests as one net of two phases, as Caffe has it in one file.

use super::choose::Net;
use super::message::written_alone;
use crate::front::caffe::tree::{Field, Message, Value, ValueKind};
use crate::source::{Span, Spanned};

/// What the name of a file says that its net is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Train,
    Test,
    Deploy,
}

/// What a name says, if it says one thing.
fn part(name: &str) -> Option<Part> {
    let last = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| last.contains(word));
    let is = [has(&["train"]), has(&["test", "val"]), has(&["deploy"])];
    match is {
        [true, false, false] => Some(Part::Train),
        [false, true, false] => Some(Part::Test),
        [false, false, true] => Some(Part::Deploy),
        _ => None,
    }
}

/// The net for training and the one for tests of a program that writes one of each, and at most one for use beside them.
pub(super) fn pair(nets: &[Net]) -> Option<[&Net; 2]> {
    let of = |wanted: Part| -> Vec<&Net> {
        nets.iter().filter(|net| part(&net.name) == Some(wanted)).collect()
    };
    match (&of(Part::Train)[..], &of(Part::Test)[..], of(Part::Deploy).len()) {
        ([train], [test], deploy) if nets.len() == 2 + deploy => Some([*train, *test]),
        _ => None,
    }
}

/// Both nets as one: what they have in common stands once, all else under a rule for its phase. `None` where layers are
/// excluded by rules that leave the phase open.
pub(super) fn joined(train: Message, test: Message) -> Option<Message> {
    let is_other = |field: &&Field| !is_layer(field);
    let mut out: Vec<Field> = train.fields.iter().filter(is_other).cloned().collect();
    let with_texts = |net: Message| -> Vec<(Field, String)> {
        let layers = net.fields.into_iter().filter(is_layer);
        layers.map(|field| (field.clone(), written_alone(&field))).collect()
    };
    let (span, train, test) = (train.span, with_texts(train), with_texts(test));
    let mut next = 0;
    for (field, text) in train {
        match test[next..].iter().position(|(_, other)| *other == text) {
            Some(before) => {
                for (other, _) in &test[next..next + before] {
                    out.extend(in_phase(other.clone(), "TEST")?);
                }
                next += before + 1;
                out.push(field);
            }
            None => out.extend(in_phase(field, "TRAIN")?),
        }
    }
    for (other, _) in &test[next..] {
        out.extend(in_phase(other.clone(), "TEST")?);
    }
    Some(Message { fields: out, span })
}

fn is_layer(field: &Field) -> bool {
    field.name.value == "layer"
}

/// A layer under a rule for a phase; `Some(None)` if its own rules keep it out of that.
#[allow(
    clippy::option_option,
    reason = "a layer that cannot be joined is not one that is left out"
)]
fn in_phase(mut field: Field, phase: &str) -> Option<Option<Field>> {
    let ValueKind::Message(layer) = &mut field.value.kind else { return Some(Some(field)) };
    let span = layer.span;
    let (mut rules, mut excluded) = (0, false);
    let mut kept = vec![];
    for mut own in std::mem::take(&mut layer.fields) {
        let ValueKind::Message(rule) = &mut own.value.kind else {
            kept.push(own);
            continue;
        };
        let named = rule.fields.iter().find(|field| field.name.value == "phase");
        let of = named.map(|field| match &field.value.kind {
            ValueKind::Ident(word) | ValueKind::Str(word) => word == phase,
            ValueKind::Integer(n) => (*n == 0) == (phase == "TRAIN"),
            _ => true,
        });
        match (own.name.value.as_str(), of) {
            ("include", Some(true)) => rules += 1,
            ("include", Some(false)) => {
                excluded = true;
                continue;
            }
            ("include", None) => {
                rules += 1;
                rule.fields.push(word("phase", phase, span));
            }
            ("exclude", Some(true)) if rule.fields.len() == 1 => return Some(None),
            ("exclude", Some(false)) => continue,
            ("exclude", _) => return None,
            _ => {}
        }
        kept.push(own);
    }
    layer.fields = kept;
    if rules == 0 {
        if excluded {
            return Some(None);
        }
        let rule = Message { fields: vec![word("phase", phase, span)], span };
        let value = Value { kind: ValueKind::Message(rule), span };
        let name = Spanned::new("include".to_owned(), span);
        layer.fields.push(Field { name, value, span });
    }
    Some(Some(field))
}

fn word(name: &str, word: &str, span: Span) -> Field {
    let value = Value { kind: ValueKind::Ident(word.to_owned()), span };
    Field { name: Spanned::new(name.to_owned(), span), value, span }
}
