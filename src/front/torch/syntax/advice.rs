//! What is no Lua to what whoever wrote it meant: operators of other languages, and blocks that are not closed.

use super::super::scan;
use crate::diag::Diagnostic;
use crate::source::Span;

/// Operators of other languages, and Lua's.
const OPERATORS: [(&str, &str); 4] = [("!=", "~="), ("&&", "and"), ("||", "or"), ("!", "not ")];

/// Operators with an assignment, which Lua has not.
const ASSIGNMENTS: [&str; 5] = ["+=", "-=", "*=", "/=", "++"];

/// A complaint about a text that is no Lua, with advice where what was meant is plain.
pub fn advised(complaint: Diagnostic, text: &str) -> Diagnostic {
    let Some(span) = complaint.span() else { return complaint };
    let at = span.start as usize;
    let rest = text.get(at..).unwrap_or("");
    let part = |from: usize, to: usize| Span { start: from as u32, end: to as u32, ..span };
    let unclosed = complaint.message.starts_with("'end' expected") && rest.trim().is_empty();
    if let Some(operator) = ASSIGNMENTS.iter().find(|operator| rest.starts_with(**operator)) {
        let name = last_name(&text[..at]);
        return complaint.help(match *operator {
            "++" => format!("Lua has no `++`: write `{name} = {name} + 1`"),
            _ => {
                let plain = &operator[..1];
                format!("Lua has no `{operator}`: write `{name} = {name} {plain} ...`")
            }
        });
    }
    if let Some((other, lua)) = OPERATORS.iter().find(|(other, _)| rest.starts_with(other)) {
        let help = format!("Lua writes `{}`", lua.trim());
        return complaint.edit(help, part(at, at + other.len()), *lua);
    }
    if !unclosed {
        return complaint;
    }
    let split: Vec<usize> = text.match_indices("else if ").map(|(i, _)| i).collect();
    if let [one] = split[..]
        && !text[..one].rsplit('\n').next().unwrap_or("").contains("--")
    {
        let help = "after `else if` two blocks are open; `elseif` goes on with the same one";
        return complaint.edit(help, part(one, one + "else if".len()), "elseif");
    }
    match unclosed_by_indentation(text) {
        Some((word, place)) => complaint
            .label(part(place, place + word.len()), format!("no `end` stands below this `{word}`"))
            .help(format!("by the indentation it is this `{word}` that lacks its `end`")),
        None => complaint,
    }
}

/// The name, with its fields, at the end of a text.
fn last_name(text: &str) -> &str {
    let text = text.trim_end();
    let is_part = |c: char| c.is_alphanumeric() || "_.".contains(c);
    &text[text.trim_end_matches(is_part).len()..]
}

/// The first word that opens a block whose `end`, by the order of words, stands less deep than its own line.
fn unclosed_by_indentation(text: &str) -> Option<(&str, usize)> {
    let indentation = |at: usize| {
        let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
        let line = &text[start..];
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        (blank, start + blank == at)
    };
    let mut open: Vec<(&str, usize)> = vec![];
    let mut at = scan::beginning(text);
    while let Ok(Some(token)) = scan::next_token(text, at) {
        match &text[token.clone()] {
            word @ ("function" | "do" | "if" | "repeat") => open.push((word, token.start)),
            "end" | "until" => {
                let (word, place) = open.pop()?;
                let (depth, is_first) = indentation(token.start);
                if is_first && depth < indentation(place).0 {
                    return Some((word, place));
                }
            }
            _ => {}
        }
        at = token.end;
    }
    None
}
