//! The string library, which is also the metatable of all strings.

use super::pattern::{Capture, Matcher};
use super::{format, library};
use crate::front::torch::interp::{Args, Lua, LuaResult, LuaStr, Native, Results, Value};
use memchr::memmem;
use std::cell::Cell;

pub(super) fn install(lua: &mut Lua) {
    let string = library(
        lua,
        "string",
        &[
            ("byte", byte),
            ("char", char),
            ("dump", super::dump::dump),
            ("find", find),
            ("format", format::format),
            ("gmatch", gmatch),
            ("gsub", gsub),
            ("len", len),
            ("lower", lower),
            ("match", match_),
            ("rep", rep),
            ("reverse", reverse),
            ("sub", sub),
            ("upper", upper),
        ],
    );
    string.set_field("gfind", string.field("gmatch"));
    lua.string_metatable.set_field("__index", string);
}

/// The half-open range of bytes that `first` and `last` of `sub` and `byte` mean.
fn range(length: usize, first: i64, last: i64) -> std::ops::Range<usize> {
    let length = length as i64;
    let from_end = |at: i64| if at < 0 { length.saturating_add(at).saturating_add(1) } else { at };
    let first = from_end(first).max(1);
    let last = from_end(last).min(length);
    if last < first { 0..0 } else { first as usize - 1..last as usize }
}

fn byte(lua: &mut Lua, args: &Args) -> Results {
    let text = args.string(lua, 0)?;
    let first = args.integer_or(lua, 1, 1)?;
    let last = args.integer_or(lua, 2, first)?;
    let range = range(text.len(), first, last);
    if 8000 <= range.len() {
        return Err(lua.error("string slice too long"));
    }
    lua.work(range.len())?;
    Ok(text[range].iter().map(|&byte| Value::Number(f64::from(byte))).collect())
}

fn char(lua: &mut Lua, args: &Args) -> Results {
    let mut bytes = Vec::with_capacity(args.len());
    for at in 0..args.len() {
        match u8::try_from(args.integer(lua, at)?) {
            Ok(byte) => bytes.push(byte),
            Err(_) => return Err(lua.bad_argument(at, "invalid value")),
        }
    }
    Ok(vec![lua.string(bytes).into()])
}

fn len(lua: &mut Lua, args: &Args) -> Results {
    Ok(vec![args.string(lua, 0)?.len().into()])
}

fn mapped(lua: &mut Lua, args: &Args, map: fn(&[u8]) -> Vec<u8>) -> Results {
    let text = args.string(lua, 0)?;
    lua.reserve_here(text.len())?;
    lua.work(text.len() / 16)?;
    Ok(vec![lua.string(map(&text)).into()])
}

fn lower(lua: &mut Lua, args: &Args) -> Results {
    mapped(lua, args, <[u8]>::to_ascii_lowercase)
}

fn upper(lua: &mut Lua, args: &Args) -> Results {
    mapped(lua, args, <[u8]>::to_ascii_uppercase)
}

fn reverse(lua: &mut Lua, args: &Args) -> Results {
    mapped(lua, args, |text| text.iter().rev().copied().collect())
}

fn sub(lua: &mut Lua, args: &Args) -> Results {
    let text = args.string(lua, 0)?;
    let range = range(text.len(), args.integer(lua, 1)?, args.integer_or(lua, 2, -1)?);
    lua.reserve_here(range.len())?;
    lua.work(range.len() / 256)?;
    Ok(vec![lua.string(&text[range]).into()])
}

fn rep(lua: &mut Lua, args: &Args) -> Results {
    let text = args.string(lua, 0)?;
    let count = args.integer(lua, 1)?.max(0) as usize;
    let separator = if args.is_none(2) { LuaStr::from("") } else { args.string(lua, 2)? };
    let total = count.saturating_mul(text.len().saturating_add(separator.len()));
    if total == 0 {
        return Ok(vec![lua.string([]).into()]);
    }
    lua.reserve_here(total)?;
    lua.work(total / 32)?;
    let mut joined = [&text[..], &separator].concat().repeat(count);
    joined.truncate(total - separator.len());
    Ok(vec![lua.string(joined).into()])
}

fn find(lua: &mut Lua, args: &Args) -> Results {
    search(lua, args, true)
}

fn match_(lua: &mut Lua, args: &Args) -> Results {
    search(lua, args, false)
}

fn search(lua: &mut Lua, args: &Args, is_find: bool) -> Results {
    let (text, pattern) = (args.string(lua, 0)?, args.string(lua, 1)?);
    let length = text.len() as i64;
    let start = match args.integer_or(lua, 2, 1)? {
        at if at < 0 => length.saturating_add(at).max(0),
        at => (at - 1).clamp(0, length),
    } as usize;
    let is_plain = is_find && args.get(3).is_truthy();
    if is_plain || is_find && !pattern.iter().any(|b| b"^$*+?.([%-".contains(b)) {
        lua.work(text.len() / 8)?;
        return Ok(match memmem::find(&text[start..], &pattern) {
            Some(at) => vec![(start + at + 1).into(), (start + at + pattern.len()).into()],
            None => vec![Value::Nil],
        });
    }
    let mut matcher = Matcher::new(&text, &pattern);
    let found = matcher.find(lua, start)?;
    let Some((from, to)) = found else { return Ok(vec![Value::Nil]) };
    let mut values = match is_find {
        true => vec![(from + 1).into(), to.into()],
        false => vec![],
    };
    if !(is_find && matcher.captures().is_empty()) {
        values.extend(captured(lua, &matcher, from, to)?);
    }
    Ok(values)
}

/// The captures of a match, or the whole match if the pattern has none.
fn captured(lua: &mut Lua, matcher: &Matcher, from: usize, to: usize) -> Results {
    if matcher.captures().is_empty() {
        return Ok(vec![lua.string(&matcher.text()[from..to]).into()]);
    }
    (0..matcher.captures().len()).map(|at| capture(lua, matcher, at)).collect()
}

fn capture(lua: &mut Lua, matcher: &Matcher, at: usize) -> LuaResult<Value> {
    match matcher.captures().get(at) {
        Some(&Capture::Text(from, to)) => Ok(lua.string(&matcher.text()[from..to]).into()),
        Some(&Capture::Position(at)) => Ok((at + 1).into()),
        Some(Capture::Open(_)) => Err(lua.error("unfinished capture")),
        None => Err(lua.error("invalid capture index")),
    }
}

fn gmatch(lua: &mut Lua, args: &Args) -> Results {
    let (text, pattern) = (args.string(lua, 0)?, args.string(lua, 1)?);
    let next = Cell::new(0);
    Ok(vec![Native::value("gmatch_aux", move |lua, _| {
        let mut matcher = Matcher::new(&text, &pattern);
        matcher.is_anchored = false;
        let start = next.get();
        let found = if start <= text.len() { matcher.find(lua, start)? } else { None };
        let Some((from, to)) = found else {
            next.set(usize::MAX);
            return Ok(vec![]);
        };
        next.set(if to == from { to + 1 } else { to });
        captured(lua, &matcher, from, to)
    })])
}

fn gsub(lua: &mut Lua, args: &Args) -> Results {
    let (text, pattern) = (args.string(lua, 0)?, args.string(lua, 1)?);
    let replacement = args.get(2);
    let is_usable = matches!(replacement, Value::Number(_) | Value::String(_) | Value::Table(_))
        || replacement.is_function();
    if !is_usable {
        return Err(lua.bad_argument(2, "string/function/table expected"));
    }
    let most = args.integer_or(lua, 3, i64::MAX)?;
    let mut matcher = Matcher::new(&text, &pattern);
    let mut out = vec![];
    let (mut at, mut count) = (0, 0i64);
    while count < most {
        let end = matcher.match_at(lua, at)?;
        if let Some(end) = end {
            count += 1;
            replace(lua, &matcher, &replacement, at, end, &mut out)?;
            lua.reserve_here(2 * out.len())?;
        }
        match end {
            Some(end) if at < end => at = end,
            _ if at < text.len() => {
                out.push(text[at]);
                at += 1;
            }
            _ => break,
        }
        if matcher.is_anchored {
            break;
        }
    }
    out.extend_from_slice(text.get(at..).unwrap_or(&[]));
    lua.work(out.len() / 64)?;
    Ok(vec![lua.string(out).into(), Value::Number(count as f64)])
}

/// Appends what replaces the match `from..to`.
fn replace(
    lua: &mut Lua,
    matcher: &Matcher,
    replacement: &Value,
    from: usize,
    to: usize,
    out: &mut Vec<u8>,
) -> LuaResult<()> {
    let whole = &matcher.text()[from..to];
    let value = match replacement {
        Value::Table(_) => {
            let key = captured(lua, matcher, from, to)?.into_iter().next().unwrap_or_default();
            match lua.call_span() {
                Some(span) => lua.index(replacement, &key, span)?,
                None => Value::Nil,
            }
        }
        Value::Function(_) | Value::Native(_) => {
            let args = captured(lua, matcher, from, to)?;
            lua.call_for_one(replacement, args)?
        }
        _ => {
            let template = replacement.to_text().unwrap_or("".into());
            return expand(lua, matcher, &template, from, to, out);
        }
    };
    match value {
        Value::Nil | Value::Bool(false) => out.extend_from_slice(whole),
        value => match value.to_text() {
            Some(text) => out.extend_from_slice(&text),
            None => {
                let kind = value.type_name();
                return Err(lua.error(&format!("invalid replacement value (a {kind})")));
            }
        },
    }
    Ok(())
}

/// Appends a template with `%0` to `%9` and `%%`.
fn expand(
    lua: &mut Lua,
    matcher: &Matcher,
    template: &[u8],
    from: usize,
    to: usize,
    out: &mut Vec<u8>,
) -> LuaResult<()> {
    lua.work(template.len() / 16)?;
    let mut bytes = template.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'0') => out.extend_from_slice(&matcher.text()[from..to]),
            Some(b'1') if matcher.captures().is_empty() => {
                out.extend_from_slice(&matcher.text()[from..to]);
            }
            Some(digit @ b'1'..=b'9') => {
                let value = capture(lua, matcher, usize::from(digit - b'1'))?;
                out.extend_from_slice(&value.to_text().unwrap_or("".into()));
            }
            Some(&other) => out.push(other),
            // The end of the text counts as one more byte.
            None => out.push(0),
        }
    }
    Ok(())
}
