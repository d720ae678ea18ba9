//! The methods of texts.

use super::method;
use crate::front::python::interp::{Args, Bound, Outcome, Python, Value};
use crate::source::Span;
use std::rc::Rc;

fn text_of(value: &Value) -> Rc<str> {
    value.as_str().cloned().unwrap_or("".into())
}

/// A text argument that must be given.
fn text(py: &mut Python, args: &Bound, name: &str) -> Outcome<Rc<str>> {
    match args.text(py, name)? {
        Some(text) => Ok(text),
        None => {
            Err(py
                .type_error(args.span_of(name), format!("'{name}' must be a string, not NoneType")))
        }
    }
}

fn pieces(py: &mut Python, parts: Vec<&str>, at: Span) -> Outcome {
    py.room(2 * parts.len(), at)?;
    let bytes = parts.iter().map(|part| part.len()).sum();
    py.allocate(bytes, at)?;
    Ok(Value::list(parts.into_iter().map(Value::from)))
}

pub(super) fn install(py: &mut Python) {
    let str = py.types.str.clone();
    changes(py);
    questions(py);
    splits(py);
    method(&str, "join", &["iterable"], |py, this, args| {
        let separator = text_of(&this);
        let items = py.iterate(&args.get("iterable"), args.span_of("iterable"))?;
        let mut out = String::new();
        for (i, item) in items.iter().enumerate() {
            let Value::Str(item) = Python::inner(item) else {
                let name = py.type_name(item);
                let message = format!("sequence item {i}: expected str instance, {name} found");
                return Err(py.type_error(args.span_of("iterable"), message));
            };
            py.allocate(separator.len() + item.len(), args.span)?;
            if 0 < i {
                out.push_str(&separator);
            }
            out.push_str(item);
        }
        py.work(out.len() / 64, args.span)?;
        Ok(out.into())
    });
    let format = Value::method("format", |py: &mut Python, mut args: Args| {
        let this = super::take_self(py, &mut args, "format")?;
        let text = py.format_method(&text_of(&this), &args)?;
        py.new_str(text, args.span)
    });
    str.set("format", format);
}

/// Methods that give a changed text.
fn changes(py: &mut Python) {
    let str = py.types.str.clone();
    let simple: [(&'static str, fn(&str) -> String); 7] = [
        ("lower", |text| text.to_lowercase()),
        ("upper", |text| text.to_uppercase()),
        ("casefold", |text| text.to_lowercase()),
        ("swapcase", |text| {
            let swap = |c: char| -> Vec<char> {
                if c.is_uppercase() {
                    c.to_lowercase().collect()
                } else {
                    c.to_uppercase().collect()
                }
            };
            text.chars().flat_map(swap).collect()
        }),
        ("capitalize", |text| {
            let mut chars = text.chars();
            let first: String =
                chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
            first + &chars.as_str().to_lowercase()
        }),
        ("title", |text| {
            let mut inside = false;
            let mut out = String::new();
            for c in text.chars() {
                match inside {
                    true => out.extend(c.to_lowercase()),
                    false => out.extend(c.to_uppercase()),
                }
                inside = c.is_alphabetic();
            }
            out
        }),
        ("__str__", |text| text.to_owned()),
    ];
    for (name, change) in simple {
        method(&str, name, &[], move |py, this, args| {
            py.new_str(change(&text_of(&this)), args.span)
        });
    }
    for (name, left, right) in
        [("strip", true, true), ("lstrip", true, false), ("rstrip", false, true)]
    {
        method(&str, name, &["chars?"], move |py, this, args| {
            let chars: Option<Vec<char>> =
                args.text(py, "chars")?.map(|chars| chars.chars().collect());
            let this = text_of(&this);
            py.work(this.len() * chars.as_ref().map_or(1, Vec::len) / 64, args.span)?;
            let strips = |c: char| match &chars {
                Some(chars) => chars.contains(&c),
                None => c.is_whitespace(),
            };
            let mut rest: &str = &this;
            if left {
                rest = rest.trim_start_matches(strips);
            }
            if right {
                rest = rest.trim_end_matches(strips);
            }
            py.new_str(rest, args.span)
        });
    }
    for (name, align) in [("ljust", '<'), ("rjust", '>'), ("center", '^')] {
        method(&str, name, &["width", "fillchar?"], move |py, this, args| {
            let width = usize::try_from(args.int_or(py, "width", 0)?).unwrap_or(0);
            let fill = args.text(py, "fillchar")?.unwrap_or(" ".into());
            if fill.chars().count() != 1 {
                let message = "The fill character must be exactly one character long";
                return Err(py.type_error(args.span, message));
            }
            let this = text_of(&this);
            let blanks = width.saturating_sub(this.chars().count());
            py.allocate(blanks.saturating_mul(fill.len()), args.span)?;
            let left = match align {
                '<' => 0,
                '>' => blanks,
                // The odd blank goes where CPython puts it.
                _ => blanks / 2 + (blanks & width & 1),
            };
            let text = format!("{}{this}{}", fill.repeat(left), fill.repeat(blanks - left));
            py.new_str(text, args.span)
        });
    }
    method(&str, "zfill", &["width"], |py, this, args| {
        let width = usize::try_from(args.int_or(py, "width", 0)?).unwrap_or(0);
        let this = text_of(&this);
        let zeros = width.saturating_sub(this.chars().count());
        py.allocate(zeros, args.span)?;
        let sign = this.len() - this.strip_prefix(['+', '-']).unwrap_or(&this).len();
        let text = format!("{}{}{}", &this[..sign], "0".repeat(zeros), &this[sign..]);
        py.new_str(text, args.span)
    });
    method(&str, "replace", &["old", "new", "count?"], |py, this, args| {
        let (old, new) = (text(py, &args, "old")?, text(py, &args, "new")?);
        let count = usize::try_from(args.int_or(py, "count", -1)?).unwrap_or(usize::MAX);
        let this = text_of(&this);
        py.work(this.len() / 16, args.span)?;
        let places = this.matches(&*old).take(count).count();
        py.allocate(this.len().saturating_add(places.saturating_mul(new.len())), args.span)?;
        py.work(places.saturating_mul(new.len()) / 64, args.span)?;
        Ok(this.replacen(&*old, &new, count).into())
    });
    for name in ["encode", "decode"] {
        let same = move |py: &mut Python, mut args: Args| super::take_self(py, &mut args, name);
        str.set(name, Value::method(name, same));
    }
    method(&str, "expandtabs", &["tabsize?"], |py, this, args| {
        let size = usize::try_from(args.int_or(py, "tabsize", 8)?).unwrap_or(0);
        let this = text_of(&this);
        let tabs = this.matches('\t').count();
        py.allocate(this.len().saturating_add(tabs.saturating_mul(size)), args.span)?;
        let (mut out, mut column) = (String::new(), 0);
        for c in this.chars() {
            match c {
                '\t' if size > 0 => {
                    let blanks = size - column % size;
                    out.push_str(&" ".repeat(blanks));
                    column += blanks;
                }
                '\t' => {}
                '\n' | '\r' => {
                    out.push(c);
                    column = 0;
                }
                c => {
                    out.push(c);
                    column += 1;
                }
            }
        }
        py.new_str(out, args.span)
    });
}

/// Methods that say something about the text.
fn questions(py: &mut Python) {
    let str = py.types.str.clone();
    let tests: [(&'static str, fn(&str) -> bool); 8] = [
        ("isdigit", |text| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())),
        ("isdecimal", |text| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())),
        ("isnumeric", |text| !text.is_empty() && text.chars().all(char::is_numeric)),
        ("isalpha", |text| !text.is_empty() && text.chars().all(char::is_alphabetic)),
        ("isalnum", |text| !text.is_empty() && text.chars().all(char::is_alphanumeric)),
        ("isspace", |text| !text.is_empty() && text.chars().all(char::is_whitespace)),
        ("isupper", |text| {
            text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase)
        }),
        ("islower", |text| {
            text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase)
        }),
    ];
    for (name, test) in tests {
        method(&str, name, &[], move |py, this, args| {
            let this = text_of(&this);
            py.work(this.len() / 64, args.span)?;
            Ok(Value::Bool(test(&this)))
        });
    }
    for (name, at_end) in [("startswith", false), ("endswith", true)] {
        method(&str, name, &["prefix", "start?", "end?"], move |py, this, args| {
            let this = part(py, &text_of(&this), &args)?;
            let candidates = match args.get("prefix") {
                Value::Tuple(items) => items.to_vec(),
                one => vec![one],
            };
            for candidate in candidates {
                let Value::Str(candidate) = &candidate else {
                    let got = py.type_name(&candidate);
                    let message =
                        format!("{name} first arg must be str or a tuple of str, not {got}");
                    return Err(py.type_error(args.span, message));
                };
                py.work(candidate.len() / 64, args.span)?;
                if if at_end {
                    this.ends_with(&**candidate)
                } else {
                    this.starts_with(&**candidate)
                } {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        });
    }
    for (name, last, must) in [
        ("find", false, false),
        ("rfind", true, false),
        ("index", false, true),
        ("rindex", true, true),
    ] {
        method(&str, name, &["sub", "start?", "end?"], move |py, this, args| {
            let this = text_of(&this);
            let sub = text(py, &args, "sub")?;
            py.work(this.len() / 16, args.span)?;
            let (start, end) = range(py, &this, &args)?;
            let bytes = byte_of(&this, start)..byte_of(&this, end.max(start));
            let within = &this[bytes.clone()];
            let found = if last { within.rfind(&*sub) } else { within.find(&*sub) };
            match found {
                Some(at) => Ok(this[..bytes.start + at].chars().count().into()),
                None if must => Err(py.value_error(args.span, "substring not found")),
                None => Ok(Value::Int(-1)),
            }
        });
    }
    method(&str, "count", &["sub", "start?", "end?"], |py, this, args| {
        let this = part(py, &text_of(&this), &args)?;
        let sub = text(py, &args, "sub")?;
        py.work(this.len() / 16, args.span)?;
        Ok(this.matches(&*sub).count().into())
    });
}

fn byte_of(text: &str, place: usize) -> usize {
    text.char_indices().nth(place).map_or(text.len(), |(at, _)| at)
}

/// The characters that `start` and `end` mean.
fn range(py: &mut Python, text: &str, args: &Bound) -> Outcome<(usize, usize)> {
    let length = text.chars().count() as i64;
    let clamp = |index: i64| {
        let index = if index < 0 { index.saturating_add(length) } else { index };
        index.clamp(0, length) as usize
    };
    let start = clamp(args.int_or(py, "start", 0)?);
    let end = clamp(args.int_or(py, "end", i64::MAX)?);
    Ok((start, end))
}

fn part(py: &mut Python, text: &str, args: &Bound) -> Outcome<String> {
    let (start, end) = range(py, text, args)?;
    py.allocate(text.len(), args.span)?;
    Ok(text[byte_of(text, start)..byte_of(text, end.max(start))].to_owned())
}

/// Methods that take the text apart.
fn splits(py: &mut Python) {
    let str = py.types.str.clone();
    for (name, from_right) in [("split", false), ("rsplit", true)] {
        method(&str, name, &["sep?", "maxsplit?"], move |py, this, args| {
            let this = text_of(&this);
            let most = usize::try_from(args.int_or(py, "maxsplit", -1)?).unwrap_or(usize::MAX);
            py.work(this.len() / 16, args.span)?;
            let parts = match args.text(py, "sep")? {
                Some(separator) if separator.is_empty() => {
                    return Err(py.value_error(args.span, "empty separator"));
                }
                Some(separator) if from_right => {
                    let mut parts: Vec<&str> =
                        this.rsplitn(most.saturating_add(1), &*separator).collect();
                    parts.reverse();
                    parts
                }
                Some(separator) => this.splitn(most.saturating_add(1), &*separator).collect(),
                None => words(&this, most, from_right),
            };
            pieces(py, parts, args.span)
        });
    }
    for (name, from_right) in [("partition", false), ("rpartition", true)] {
        method(&str, name, &["sep"], move |py, this, args| {
            let (this, separator) = (text_of(&this), text(py, &args, "sep")?);
            if separator.is_empty() {
                return Err(py.value_error(args.span, "empty separator"));
            }
            py.allocate(this.len() + 96, args.span)?;
            let found = if from_right {
                this.rsplit_once(&*separator)
            } else {
                this.split_once(&*separator)
            };
            Ok(Value::tuple(match found {
                Some((before, after)) => [before, &separator, after].map(Value::from),
                None if from_right => ["", "", &this].map(Value::from),
                None => [&this, "", ""].map(Value::from),
            }))
        });
    }
    method(&str, "splitlines", &["keepends?"], |py, this, args| {
        let this = text_of(&this);
        let keep = args.bool_or(py, "keepends", false)?;
        let parts = match keep {
            true => this.split_inclusive('\n').collect(),
            false => this.lines().collect(),
        };
        pieces(py, parts, args.span)
    });
}

/// The words between blanks, the last of at most `most + 1` with what is left.
fn words(text: &str, most: usize, from_right: bool) -> Vec<&str> {
    let mut parts = vec![];
    let mut rest = text.trim();
    while !rest.is_empty() {
        if parts.len() == most {
            parts.push(if from_right { rest.trim_end() } else { rest });
            break;
        }
        let cut = if from_right {
            rest.rfind(char::is_whitespace)
        } else {
            rest.find(char::is_whitespace)
        };
        match cut {
            None => {
                parts.push(rest);
                break;
            }
            Some(at) if from_right => {
                let blank = rest[at..].chars().next().map_or(1, char::len_utf8);
                parts.push(&rest[at + blank..]);
                rest = rest[..at].trim_end();
            }
            Some(at) => {
                parts.push(&rest[..at]);
                rest = rest[at..].trim_start();
            }
        }
    }
    if most != usize::MAX
        && !from_right
        && let Some(last) = parts.last_mut()
        && parts_end(text, last)
    {
        // What is left keeps the blanks at its end.
        let start = last.as_ptr() as usize - text.as_ptr() as usize;
        *last = &text[start..];
    }
    if from_right {
        parts.reverse();
    }
    parts
}

fn parts_end(text: &str, last: &str) -> bool {
    last.contains(char::is_whitespace) && text.trim_end().ends_with(last)
}
