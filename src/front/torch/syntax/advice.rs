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
        return of_token(complaint, text, at);
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

/// A complaint about the token at a place, with what is to stand there or before it.
fn of_token(complaint: Diagnostic, text: &str, at: usize) -> Diagnostic {
    let Some(span) = complaint.span() else { return complaint };
    let part = |from: usize, to: usize| Span { start: from as u32, end: to as u32, ..span };
    let (before, rest) = (text[..at].trim_end(), &text[at..]);
    let end = part(before.len(), before.len());
    let breaks = text[before.len()..at].contains('\n');
    let first_on_line = text[..at].rsplit('\n').next().is_some_and(|line| line.trim().is_empty());
    let is_value = rest.starts_with(|c: char| c.is_alphanumeric() || "_{\"'".contains(c));
    let message = complaint.message.clone();
    let starts = |what: &str| message.starts_with(what);
    if starts("unexpected symbol") && first_on_line && rest.starts_with(['#', '/']) {
        let mark = if rest.starts_with("//") { 2 } else { 1 };
        return complaint.edit("comments begin with `--`", part(at, at + mark), "--");
    }
    if starts("'then' expected near '='") {
        return complaint.edit("`==` compares, `=` sets a variable", part(at, at + 1), "==");
    }
    if (starts("'then' expected") || starts("'do' expected")) && breaks {
        let word = &message[1..message[1..].find('\'').map_or(1, |i| i + 1)];
        return complaint.edit(
            format!("write `{word}` behind the condition"),
            end,
            format!(" {word}"),
        );
    }
    if starts("function arguments expected")
        && let Some((colon, edit)) = colon_of_others(before)
    {
        let help = match edit {
            "=" => "a field of a table is set with `=`",
            _ => "Lua has a word where Python has a colon",
        };
        return complaint.edit(help, part(colon, colon + 1), if edit == "=" { " =" } else { edit });
    }
    if starts("'}' expected") && is_value {
        return complaint.edit("fields are separated by commas", end, ",");
    }
    if starts("')' expected") && is_value && !breaks {
        return complaint.edit("arguments are separated by commas", end, ",");
    }
    if starts("')' expected (to close") && breaks {
        return complaint.edit("add the missing `)`", end, ")");
    }
    if starts("unexpected symbol near 'end'")
        && let Some(brace) = open_brace(text, at)
    {
        return complaint
            .label(part(brace, brace + 1), "this `{` is open")
            .help("close the table with `}` before");
    }
    complaint
}

/// The colon of `model: model` or `if x:` before the place where Lua wants the arguments of a method, and what belongs there.
fn colon_of_others(before: &str) -> Option<(usize, &'static str)> {
    let colon = before.rfind(':')?;
    let line = before[..colon].rsplit('\n').next().unwrap_or("").trim();
    let (name, behind) =
        (line.rsplit(['{', ',']).next().unwrap_or(line).trim(), &before[colon + 1..]);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    match line.split_whitespace().next() {
        Some("if" | "elseif") if behind.starts_with(['\n', '\r']) => Some((colon, " then")),
        Some("for" | "while") if behind.starts_with(['\n', '\r']) => Some((colon, " do")),
        _ if is_name && behind.starts_with([' ', '\t']) => Some((colon, "=")),
        _ => None,
    }
}

/// A brace is looked for in so many bytes of whole lines.
const LONGEST_TABLE: usize = 1 << 12;

/// The last brace before a place that no other closes.
fn open_brace(text: &str, place: usize) -> Option<usize> {
    let mut open = vec![];
    let lines = text[..place].char_indices().rev().filter(|(_, c)| *c == '\n');
    let far = lines.map(|(i, _)| i + 1).find(|i| i + LONGEST_TABLE < place);
    let mut at = far.unwrap_or_else(|| scan::beginning(text));
    while let Ok(Some(token)) = scan::next_token(text, at) {
        if place <= token.start {
            break;
        }
        match &text[token.clone()] {
            "{" => open.push(token.start),
            "}" => drop(open.pop()),
            _ => {}
        }
        at = token.end;
    }
    open.pop()
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
