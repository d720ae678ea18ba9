//! `cortado layers`: the reference, from the layers' own documentation.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::layer_words::parameters;
use super::{first_sentence, print, terminal};
use crate::diag::nearest::meant;
use crate::error::{Error, Result};
use crate::front::tensorflow::{Entry, functions};
use crate::layers::Layer;
use crate::spec::{Category, InPlace, LayerSpec, Spelling};

/// Arguments of `layers`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A layer's name in any dialect; all layers if not given
    name: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.name {
        None => print(&overview()),
        Some(name) => print(&terminal::wrapped(&reference(name)?)),
    }
}

fn known() -> impl Iterator<Item = &'static LayerSpec> {
    Layer::ALL.iter().copied().filter(|spec| spec.category != Category::Unknown)
}

/// A line for each layer, by category.
fn overview() -> String {
    let mut chapters: BTreeMap<Category, Vec<&LayerSpec>> = BTreeMap::new();
    for spec in known() {
        chapters.entry(spec.category).or_default().push(spec);
    }
    let width = known().map(|spec| spec.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for (category, specs) in chapters {
        let _ = writeln!(out, "{}", category.label());
        for spec in specs {
            let _ = writeln!(out, "  {:<width$}  {}", spec.name, first_sentence(spec.doc));
        }
        out.push('\n');
    }
    out.push_str("functions of TensorFlow definitions\n");
    let names = functions().into_iter().map(|mut entry| entry.names.swap_remove(0));
    let mut line = String::from(" ");
    for name in names {
        if 100 < line.len() + name.len() {
            let _ = writeln!(out, "{line}");
            line.truncate(1);
        }
        let _ = write!(line, " {name}");
    }
    let _ = writeln!(out, "{line}\n");
    out.push_str("`cortado layers NAME` describes one of them.\n");
    out
}

/// A function of TensorFlow definitions as they call it.
fn called(entry: &Entry, name: &str) -> String {
    format!("{name}({})", entry.arguments.join(", "))
}

/// Everything about a function of TensorFlow definitions.
fn function(entry: &Entry) -> String {
    let mut out = format!("{}\n\n", called(entry, &entry.names[0]));
    out.push_str("a function of TensorFlow definitions; arguments with a `?` may be left out\n");
    if 1 < entry.names.len() {
        let _ = writeln!(out, "also {}", entry.names[1..].join(", "));
    }
    if let Some(first) = entry.layers.first() {
        let layers = entry.layers.join(", ");
        let _ = writeln!(out, "\nmakes {layers}; `cortado layers {first}` describes it");
    }
    out
}

/// What was meant by a name that is none: the nearest one, or those that it is a part of.
fn hint(asked: &str, names: &[&str]) -> String {
    if let Some(question) = meant(asked, names.iter().copied()) {
        return question;
    }
    let part = asked.to_ascii_lowercase();
    let mut holding: Vec<&str> =
        names.iter().copied().filter(|name| name.to_ascii_lowercase().contains(&part)).collect();
    holding.sort_unstable();
    holding.dedup();
    match holding.len() {
        _ if part.len() < 2 => "`cortado layers` lists all of them".to_owned(),
        0 => "`cortado layers` lists all of them".to_owned(),
        1..=MOST_HINTS => format!("there are {}", holding.join(", ")),
        n => format!("there are {} and {} more", holding[..MOST_HINTS].join(", "), n - MOST_HINTS),
    }
}

/// Names that a hint has at most.
const MOST_HINTS: usize = 12;

/// Everything about one layer.
fn reference(asked: &str) -> Result<String> {
    let calls = |spec: &&&LayerSpec| {
        spec.name.eq_ignore_ascii_case(asked)
            || spec.spellings.iter().any(|s| s.name.eq_ignore_ascii_case(asked))
    };
    let functions = functions();
    let Some(spec) = Layer::ALL.iter().find(calls) else {
        let is_asked = |name: &String| name.eq_ignore_ascii_case(asked);
        if let Some(entry) = functions.iter().find(|entry| entry.names.iter().any(is_asked)) {
            return Ok(function(entry));
        }
        let names = known().flat_map(|spec| {
            std::iter::once(spec.name).chain(spec.spellings.iter().map(|s| s.name))
        });
        let names = names.chain(functions.iter().flat_map(|f| f.names.iter().map(String::as_str)));
        let names: Vec<&str> = names.collect();
        return Err(Error::refused(format!("`{asked}` is no layer; {}", hint(asked, &names))));
    };
    let mut out = format!("{} ({})\n\n", spec.name, spec.category.label());
    out.push_str(&super::paragraphs(spec.doc));
    let _ = writeln!(out, "\nbottoms: {}    tops: {}", spec.bottoms, spec.tops);
    if spec.in_place == InPlace::Fine {
        out.push_str("may work in place\n");
    }
    if spec.loss {
        out.push_str("a loss: its first top is minimised with weight 1 unless told otherwise\n");
    }
    let named = |s: &&Spelling| s.name.eq_ignore_ascii_case(asked);
    if let Some(spelling) = spec.spellings.iter().find(named).or(spec.spellings.first()) {
        out.push_str(&parameters(spec, spelling));
    }
    let made: Vec<&Entry> = functions.iter().filter(|f| f.layers.contains(&spec.name)).collect();
    if !spec.spellings.is_empty() || !made.is_empty() {
        out.push_str("\nspellings\n");
    }
    for spelling in spec.spellings {
        let _ = write!(out, "  {}: {}", spelling.dialect, spelling.name);
        if !spelling.positional.is_empty() {
            let _ = write!(out, "({})", spelling.positional.join(", "));
        }
        out.push('\n');
    }
    for entry in made {
        let _ = writeln!(out, "  TensorFlow: {}", called(entry, &entry.names[0]));
    }
    Ok(out)
}
