//! From the registry to the part of the reference that says what a definition may write about a layer: fields of a prototxt, or
//! arguments of a constructor.

use std::fmt::Write;

use crate::layers::Layer;
use crate::spec::words::{Argument, Kind, Word, arguments, words};
use crate::spec::{Dialect, LayerSpec, Spelling};

/// What may be written about a layer of this spelling, with what it means, whether it must be given, and what it is if it is not.
pub(super) fn parameters(spec: &LayerSpec, spelling: &Spelling) -> String {
    let words = words(spelling);
    match spelling.dialect {
        Dialect::Caffe => fields(spec, &words),
        _ => constructor(spec, spelling, &words),
    }
}

/// The documentation of a parameter of the layer.
fn meaning(spec: &LayerSpec, sets: &[&str]) -> Option<String> {
    let param = spec.params.iter().find(|param| sets.first() == Some(&param.name))?;
    Some(super::paragraphs(param.doc))
}

fn describe(out: &mut String, margin: &str, meaning: Option<String>) {
    for line in meaning.iter().flat_map(|text| text.lines()) {
        let _ = writeln!(out, "{margin}{line}");
    }
}

/// The fields of a prototxt by the messages they stand in. Several words for one parameter are told of together.
fn fields(spec: &LayerSpec, words: &[Word]) -> String {
    let is_message = |word: &&Word| word.kind == Kind::Message;
    // A message that says one thing about the layer is a word like others.
    let inner =
        |message: &str| -> Vec<&Word> { words.iter().filter(|w| w.message == message).collect() };
    let sets = |message: &str| {
        let mut sets: Vec<&str> =
            inner(message).into_iter().flat_map(|w| &w.sets).copied().collect();
        sets.sort_unstable();
        sets.dedup();
        sets
    };
    let mut out = String::new();
    let top = inner("");
    let mut sections: Vec<(&str, Vec<&Word>)> = vec![];
    let (messages, plain): (Vec<&Word>, Vec<&Word>) = top.into_iter().partition(|w| is_message(w));
    if !plain.is_empty() {
        sections.push(("", plain));
    }
    for message in messages {
        let within = inner(message.name);
        if !within.is_empty() {
            sections.push((message.name, within));
        }
    }
    for (message, within) in sections {
        match message {
            "" => out.push_str("\nfields\n"),
            message => {
                let _ = writeln!(out, "\n{message} {{ ... }}");
            }
        }
        let mut told: Vec<&str> = vec![];
        for word in &within {
            if told.contains(&word.name) {
                continue;
            }
            if is_message(word) {
                let names: Vec<&str> = inner(word.name).iter().map(|w| w.name).collect();
                let list = if names.is_empty() { "...".to_owned() } else { names.join(", ") };
                let of = sets(word.name);
                let _ = writeln!(out, "  {} {{ {list} }}{}", word.name, needed(word.needed));
                describe(
                    &mut out,
                    "      ",
                    meaning(spec, if of.is_empty() { &word.sets } else { &of }),
                );
                continue;
            }
            // The pair for height and width beside the word for both.
            let same = |w: &&&Word| {
                w.name != word.name
                    && w.sets == word.sets
                    && !w.sets.is_empty()
                    && w.kind == word.kind
            };
            let others: Vec<&str> = within.iter().filter(same).map(|w| w.name).collect();
            told.extend(&others);
            let many = within.iter().filter(|w| w.sets == word.sets && !is_message(w)).count();
            let of_one = 1 + others.len() == many;
            let or = if others.is_empty() || !of_one {
                String::new()
            } else {
                format!(" (or {})", others.join(", "))
            };
            if !of_one {
                told.retain(|name| !others.contains(name));
            }
            let _ = writeln!(out, "  {}{or}: {}", word.name, value(word));
            if of_one {
                describe(&mut out, "      ", meaning(spec, &word.sets));
            }
        }
    }
    out
}

fn needed(needed: bool) -> &'static str {
    if needed { "; must be given" } else { "" }
}

/// What a field takes, and what it is if it is not given.
fn value(word: &Word) -> String {
    let kind = match (&word.kind, word.repeated) {
        (Kind::Count, false) => "a count".to_owned(),
        (Kind::Count, true) => "counts, one for all axes or one for each".to_owned(),
        (Kind::Whole, false) => "a whole number".to_owned(),
        (Kind::Whole, true) => "whole numbers".to_owned(),
        (Kind::Number, false) => "a number".to_owned(),
        (Kind::Number, true) => "numbers".to_owned(),
        (Kind::Truth, _) => "true or false".to_owned(),
        (Kind::Text, false) => "text".to_owned(),
        (Kind::Text, true) => "texts".to_owned(),
        (Kind::Word(words), _) => words.join(", "),
        (Kind::Message, _) => "fields in braces".to_owned(),
    };
    match (&word.default, word.needed) {
        (_, true) => format!("{kind}; must be given"),
        (Some(default), false) => format!("{kind}; {default} if not given"),
        (None, false) => kind,
    }
}

/// The arguments of a class's constructor, its own or that of the class it extends.
fn constructor(spec: &LayerSpec, spelling: &Spelling, words: &[Word]) -> String {
    let mut all = arguments(spelling);
    let has_own = spelling.class.script.contains("Class:__init(");
    if !has_own && spelling.class.parent != "nn.Module" {
        let spellings = Layer::ALL.iter().flat_map(|spec| spec.spellings);
        let mut parents = spellings.filter(|s| s.name == spelling.class.parent);
        if let Some(parent) =
            parents.next().filter(|parent| parent.positional == spelling.positional)
        {
            all = arguments(parent);
        }
    }
    if all.is_empty() {
        return String::new();
    }
    let list: Vec<&str> = all.iter().map(|argument| argument.name.as_str()).collect();
    let mut out = format!("\n{}({})\n", spelling.name, list.join(", "));
    for argument in &all {
        let _ = writeln!(out, "  {}: {}", argument.name, given(argument));
        // A field that the constructor leaves mostly has the name of the argument it comes from.
        let word = words.iter().find(|word| word.name == argument.name);
        describe(&mut out, "      ", word.and_then(|word| meaning(spec, &word.sets)));
    }
    out
}

fn given(argument: &Argument) -> String {
    match (&argument.default, argument.needed) {
        (Some(default), _) => format!("{default} if not given"),
        (None, true) => "must be given".to_owned(),
        (None, false) => "may be left out".to_owned(),
    }
}
