//! Writes summaries of stages as tables of text.

use std::borrow::Cow;
use std::fmt::Write;

use super::figures::{bytes, grouped, short};
use super::summary::{Parameter, Row, Summary};
use super::text::shorten;
use crate::diag::render::plain;

/// How much a table shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A line for every blob, with details and parameters.
    Full,
    /// A line for every layer.
    Short,
}

/// A column's heading and whether it is aligned to the right.
pub type Column = (&'static str, bool);

const FULL: [Column; 7] = [
    ("layer", false),
    ("kind", false),
    ("detail", false),
    ("output", false),
    ("parameters", true),
    ("activations", true),
    ("multiply-adds", true),
];
const SHORT: [Column; 6] = [
    ("layer", false),
    ("kind", false),
    ("output", false),
    ("parameters", true),
    ("activations", true),
    ("multiply-adds", true),
];

/// The columns of a terminal; none where lines may have any length.
pub type Width = Option<usize>;

/// All stages of a net: the first in full, of each further one what differs from it.
pub fn stages(net: &str, summaries: &[Summary], form: Form, width: Width) -> String {
    let mut out = String::new();
    let Some(first) = summaries.first() else { return out };
    let same: Vec<&str> =
        summaries.iter().filter(|s| look_alike(first, s)).map(|s| s.stage.as_str()).collect();
    let _ = writeln!(out, "{} at {}", if net.is_empty() { "net" } else { net }, same.join(" and "));
    out.push_str(&table(first, form, width));
    for other in summaries.iter().filter(|s| !look_alike(first, s)) {
        let _ = writeln!(out, "\n{} differs from {}:", other.stage, first.stage);
        out.push_str(&difference(first, other, width));
        let _ = writeln!(out, "{}", totals(other));
    }
    out
}

/// Whether two stages show nothing that differs, such as a layer of which only the operations do.
fn look_alike(one: &Summary, other: &Summary) -> bool {
    let shown = |summary: &Summary| summary.rows.iter().flat_map(full).collect::<Vec<_>>();
    shown(one) == shown(other) && totals(one) == totals(other)
}

/// One stage.
pub fn table(summary: &Summary, form: Form, width: Width) -> String {
    let mut lines: Vec<Vec<String>> = vec![];
    for row in &summary.rows {
        match form {
            Form::Full => lines.extend(full(row)),
            Form::Short => lines.push(brief(row)),
        }
    }
    let columns: &[Column] = match form {
        Form::Full => &FULL,
        Form::Short => &SHORT,
    };
    let mut out = aligned(columns, &lines, width);
    let _ = writeln!(out, "{}", totals(summary));
    out
}

/// `9 layers, 431,080 parameters (1.64 MiB), 5.12 MiB of activations, 147 M multiply-adds`.
pub fn totals(summary: &Summary) -> String {
    let parameters = summary.parameters();
    let size =
        format!("{} parameters ({})", grouped(parameters), bytes(parameters.saturating_mul(4)));
    let size = match (summary.is_complete(), parameters) {
        (true, _) => size,
        (false, 0) => "? parameters".to_owned(),
        (false, _) => format!("at least {size}"),
    };
    let mut text = format!("{} layers, {size}", summary.rows.len());
    if let Some(n) = summary.activation_bytes() {
        let _ = write!(text, ", {} of activations", bytes(n));
    }
    let known = summary.known_cost().multiply_adds;
    let least = if summary.cost().is_some() { "" } else { "at least " };
    if least.is_empty() || 0 < known {
        let _ = write!(text, ", {least}{} multiply-adds forward", short(known));
    }
    text
}

fn full(row: &Row) -> Vec<Vec<String>> {
    let mut outputs: Vec<String> = row.tops.iter().map(|top| output(row, top)).collect();
    if outputs.is_empty() {
        outputs.push(String::new());
    }
    let mut lines = vec![];
    for (i, text) in outputs.into_iter().enumerate() {
        let first = |text: String| if i == 0 { text } else { String::new() };
        lines.push(vec![
            first(row.name.clone()),
            first(row.kind.clone()),
            first(row.detail.clone()),
            text,
            first(parameters(row)),
            first(activations(row)),
            first(operations(row)),
        ]);
    }
    lines
}

fn brief(row: &Row) -> Vec<String> {
    let first = row.tops.first().map(|top| output(row, top)).unwrap_or_default();
    let more = match row.tops.len() {
        0 | 1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    let (name, kind) = (row.name.clone(), row.kind.clone());
    vec![name, kind, first + &more, parameters(row), activations(row), operations(row)]
}

/// The memory of a layer's outputs.
fn activations(row: &Row) -> String {
    match row.activation_bytes {
        _ if row.in_place => "in place".to_owned(),
        Some(0) => String::new(),
        Some(n) => bytes(n),
        None => "?".to_owned(),
    }
}

/// `64 x 20 x 24 x 24`, after the blob's name if that is not the layer's.
fn output(row: &Row, (name, shape): &(String, Option<crate::ty::Shape>)) -> String {
    let shape = shape.as_ref().map_or("?".to_owned(), ToString::to_string);
    if *name == row.name || row.in_place { shape } else { format!("{name}: {shape}") }
}

/// `25,000 + 50`, or `=conv1.weight` for what another layer owns.
fn parameters(row: &Row) -> String {
    let text = |p: &Parameter| match &p.owner {
        Some(owner) => format!("={owner}"),
        None if p.learned => grouped(p.shape.count() as u64),
        None => format!("({})", grouped(p.shape.count() as u64)),
    };
    let texts: Vec<String> = row.parameters.iter().map(text).collect();
    texts.join(" + ")
}

fn operations(row: &Row) -> String {
    match row.cost {
        Some(cost) if 0 < cost.multiply_adds => short(cost.multiply_adds),
        Some(_) => String::new(),
        None => "?".into(),
    }
}

/// Lines that begin with `-` for layers only the first has, `+` for those only the other has, `~` for layers
/// whose outputs, parameters or details differ.
fn difference(first: &Summary, other: &Summary, width: Width) -> String {
    let mut lines: Vec<Vec<String>> = vec![];
    let mut mark = |sign: &str, row: &Row| {
        for mut line in full(row) {
            line[0] =
                if line[0].is_empty() { String::new() } else { format!("{sign} {}", line[0]) };
            lines.push(line);
        }
    };
    // Layers have the same order at every stage, so one walk over both lists finds what is missing.
    let mut rest = &other.rows[..];
    for row in &first.rows {
        let alike = |r: &Row| r.name == row.name && r.kind == row.kind;
        match rest.iter().position(alike) {
            None => mark("-", row),
            Some(at) => {
                rest[..at].iter().for_each(|extra| mark("+", extra));
                if full(&rest[at]) != full(row) {
                    mark("~", &rest[at]);
                }
                rest = &rest[at + 1..];
            }
        }
    }
    rest.iter().for_each(|extra| mark("+", extra));
    aligned(&FULL, &lines, width)
}

/// Columns that are as narrow as this stay so, however narrow the terminal is.
const NARROWEST: usize = 9;

/// What brings a cell to a width; a name can be wider than the padding of `format!` goes.
fn blanks(width: usize, cell: &str) -> String {
    " ".repeat(width.saturating_sub(cell.chars().count()))
}

/// Columns side by side, two spaces apart; an empty table is empty. A cell is one line, whatever a definition calls its layers.
/// Where they are wider than they may be, the longest cells lose their middles.
pub fn aligned(columns: &[Column], lines: &[Vec<String>], width: Width) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let line =
        |line: &Vec<String>| line.iter().map(|cell| plain(cell).replace('\n', " ")).collect();
    let lines: Vec<Vec<String>> = lines.iter().map(line).collect();
    let heading: Vec<String> = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
    let all = || std::iter::once(&heading).chain(&lines);
    let mut widths: Vec<usize> = (0..columns.len())
        .map(|i| all().map(|line| line[i].chars().count()).max().unwrap_or(0))
        .collect();
    let gaps = 2 * columns.len().saturating_sub(1);
    while let Some(most) = width
        && most < widths.iter().sum::<usize>() + gaps
        && let Some(widest) = widths.iter_mut().max().filter(|widest| NARROWEST < **widest)
    {
        *widest -= 1;
    }
    let mut out = String::new();
    for line in all() {
        let mut text = String::new();
        for ((cell, &(_, right)), &width) in line.iter().zip(columns).zip(&widths) {
            let cell = match cell.chars().count() <= width {
                true => Cow::Borrowed(cell),
                false => Cow::Owned(shorten(cell, width)),
            };
            match right {
                true => text.extend([&blanks(width, &cell), cell.as_str(), "  "]),
                false => text.extend([cell.as_str(), &blanks(width, &cell), "  "]),
            }
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}
