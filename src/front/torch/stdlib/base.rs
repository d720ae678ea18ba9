//! The basic functions: types, errors, raw access, iteration, environments, chunks.

use super::{debug, dump, fill};
use crate::front::torch::interp::{
    Args, Lua, LuaError, LuaResult, LuaStr, Native, Object, Results, Table, Userdata, Value, number,
};

pub(super) fn install(lua: &mut Lua) {
    let globals = lua.globals().clone();
    fill(
        &globals,
        &[
            ("assert", assert),
            ("collectgarbage", collect_garbage),
            ("error", error),
            ("getfenv", get_environment),
            ("getmetatable", get_metatable),
            ("gcinfo", |lua, _| Ok(vec![(lua.memory_used() / 1024).into()])),
            ("ipairs", ipairs),
            ("load", load),
            ("loadstring", load),
            ("newproxy", new_proxy),
            ("next", next),
            ("pairs", pairs),
            ("pcall", protected_call),
            ("print", print),
            ("rawequal", raw_equal),
            ("rawget", raw_get),
            ("rawset", raw_set),
            ("select", select),
            ("setfenv", set_environment),
            ("setmetatable", set_metatable),
            ("tonumber", to_number),
            ("tostring", to_string),
            ("type", type_of),
            ("unpack", unpack),
            ("xpcall", protected_call_with_handler),
        ],
    );
    globals.set_field("_G", globals.clone());
    globals.set_field("_VERSION", "Lua 5.1");
}

fn assert(lua: &mut Lua, args: &Args) -> Results {
    if args.any(lua, 0)?.is_truthy() {
        return Ok(args.0.clone());
    }
    Err(match args.get(1) {
        Value::Nil => lua.error("assertion failed!"),
        // LuaJIT adds the position to messages.
        message => lua.error_of_level(message, 1),
    })
}

fn collect_garbage(lua: &mut Lua, args: &Args) -> Results {
    let what = if args.is_none(0) { LuaStr::from("collect") } else { args.string(lua, 0)? };
    Ok(vec![match &*what.to_str() {
        "count" => Value::Number(lua.memory_used() as f64 / 1024.0),
        "collect" => {
            collect(lua)?;
            0usize.into()
        }
        "stop" | "restart" => 0usize.into(),
        // Memory is counted, so there are no steps, and no pace of them.
        "step" => {
            collect(lua)?;
            Value::Bool(false)
        }
        "setpause" | "setstepmul" => 200usize.into(),
        "isrunning" => Value::Bool(true),
        other => return Err(lua.bad_argument(0, &format!("invalid option '{other}'"))),
    }])
}

/// What nothing holds is freed at once, but weak tables are looked through only here.
fn collect(lua: &mut Lua) -> LuaResult<()> {
    loop {
        lua.work(100 + lua.heap.tables() / 4)?;
        if lua.heap.forget_weak() == 0 {
            return Ok(());
        }
    }
}

/// `newproxy(true)` makes a value with a new metatable, `newproxy(proxy)` one that shares it.
fn new_proxy(lua: &mut Lua, args: &Args) -> Results {
    let metatable = match args.get(0) {
        Value::Nil | Value::Bool(false) => None,
        Value::Bool(true) => Some(lua.table()),
        other => match other.object().filter(|proxy: &&Userdata| proxy.is_proxy) {
            Some(proxy) => proxy.metatable().flatten().cloned(),
            None => return Err(lua.bad_argument(0, "boolean or proxy expected")),
        },
    };
    Ok(vec![Userdata::value(lua, true, metatable)])
}

fn error(lua: &mut Lua, args: &Args) -> Results {
    let level = args.integer_or(lua, 1, 1)?.clamp(0, 1 << 20) as usize;
    Err(lua.error_of_level(args.get(0), level))
}

/// The metatable of a value, whatever it shows of it.
pub(super) fn metatable(lua: &Lua, value: &Value) -> Option<Table> {
    match value {
        Value::Table(table) => table.metatable(),
        Value::String(_) => Some(lua.string_metatable.clone()),
        Value::Object(object) => object.metatable().flatten().cloned(),
        _ => None,
    }
}

fn get_metatable(lua: &mut Lua, args: &Args) -> Results {
    let Some(metatable) = metatable(lua, &args.any(lua, 0)?) else { return Ok(vec![Value::Nil]) };
    Ok(vec![match metatable.field("__metatable") {
        Value::Nil => metatable.into(),
        shown => shown,
    }])
}

fn set_metatable(lua: &mut Lua, args: &Args) -> Results {
    let table = args.table(lua, 0)?;
    let metatable = match args.0.get(1) {
        Some(Value::Nil) => None,
        Some(Value::Table(metatable)) => Some(metatable.clone()),
        _ => return Err(lua.bad_argument(1, "nil or table expected")),
    };
    if !table.metamethod("__metatable").is_nil() {
        return Err(lua.error("cannot change a protected metatable"));
    }
    table.set_metatable(metatable);
    Ok(vec![table.into()])
}

fn ipairs(lua: &mut Lua, args: &Args) -> Results {
    let value = args.any(lua, 0)?;
    if !matches!(value, Value::Table(_) | Value::Object(_)) {
        return Err(args.wrong_type(lua, 0, "table"));
    }
    let step = Native::value("ipairs_aux", |lua, args| {
        let at = args.number(lua, 1)? + 1.0;
        let value = match &args.get(0) {
            Value::Table(table) => table.get(&at.into()),
            other => match lua.call_span() {
                Some(span) => lua.index(other, &at.into(), span)?,
                None => Value::Nil,
            },
        };
        Ok(if value.is_nil() { vec![Value::Nil] } else { vec![at.into(), value] })
    });
    Ok(vec![step, value, Value::Number(0.0)])
}

fn pairs(lua: &mut Lua, args: &Args) -> Results {
    match args.get(0) {
        value @ (Value::Table(_) | Value::Object(_)) => {
            Ok(vec![Native::value("next", next), value, Value::Nil])
        }
        _ => Err(args.wrong_type(lua, 0, "table")),
    }
}

fn next(lua: &mut Lua, args: &Args) -> Results {
    let found = match &args.get(0) {
        Value::Object(object) => match object.next(&args.get(1)) {
            Some(found) => found,
            None => return Err(args.wrong_type(lua, 0, "table")),
        },
        _ => {
            let table = args.table(lua, 0)?;
            match lua.next_entry(&table, &args.get(1))? {
                Some(found) => found,
                None => return Err(lua.error_without_place("invalid key to 'next'".into())),
            }
        }
    };
    Ok(found.map_or(vec![Value::Nil], |(key, value)| vec![key, value]))
}

fn protected_call(lua: &mut Lua, args: &Args) -> Results {
    let function = args.any(lua, 0)?;
    let results = protected(lua, &function, args.rest(1), None);
    pay_for_protection(lua, &results)?;
    caught(results, |error| Ok(vec![error.into_value()]))
}

fn protected_call_with_handler(lua: &mut Lua, args: &Args) -> Results {
    let function = args.any(lua, 0)?;
    let handler = args.function(lua, 1)?;
    let results = protected(lua, &function, args.rest(2), Some(handler.clone()));
    pay_for_protection(lua, &results)?;
    caught(results, |error| match error {
        error if error.is_handled() => Ok(vec![error.into_value()]),
        error => match lua.call_through(&handler, vec![error.into_value()]) {
            Err(error) if error.is_catchable() => Ok(vec!["error in error handling".into()]),
            handled => handled.map(|values| vec![values.into_iter().next().unwrap_or_default()]),
        },
    })
}

/// A call whose errors the caller catches.
fn protected(lua: &mut Lua, function: &Value, args: &[Value], handler: Option<Value>) -> Results {
    let around = std::mem::replace(&mut lua.handler, handler);
    lua.protected += 1;
    let results = lua.call_through(function, args.to_vec());
    lua.protected -= 1;
    lua.handler = around;
    results
}

/// A protected call costs more than another, and most if there is an error, since that carries its trace.
fn pay_for_protection(lua: &mut Lua, results: &Results) -> LuaResult<()> {
    lua.work(if results.is_err() { 500 } else { 16 })
}

fn caught(results: Results, handle: impl FnOnce(LuaError) -> Results) -> Results {
    let (first, rest) = match results {
        Ok(values) => (true, values),
        Err(error) if error.is_catchable() => (false, handle(error)?),
        Err(error) => return Err(error),
    };
    let mut values = vec![Value::Bool(first)];
    values.extend(rest);
    Ok(values)
}

fn print(lua: &mut Lua, args: &Args) -> Results {
    let mut line = vec![];
    for (at, value) in args.0.iter().enumerate() {
        if 0 < at {
            line.push(b'\t');
        }
        line.extend_from_slice(&lua.to_text(value)?);
    }
    line.push(b'\n');
    lua.print(&line)?;
    Ok(vec![])
}

fn raw_equal(lua: &mut Lua, args: &Args) -> Results {
    Ok(vec![args.any(lua, 0)?.raw_equals(&args.any(lua, 1)?).into()])
}

fn raw_get(lua: &mut Lua, args: &Args) -> Results {
    let table = args.table(lua, 0)?;
    Ok(vec![table.get(&args.any(lua, 1)?)])
}

fn raw_set(lua: &mut Lua, args: &Args) -> Results {
    let table = args.table(lua, 0)?;
    let (key, value) = (args.any(lua, 1)?, args.any(lua, 2)?);
    match key {
        Value::Nil => return Err(lua.error("table index is nil")),
        Value::Number(n) if n.is_nan() => return Err(lua.error("table index is NaN")),
        key => table.set(key, value),
    }
    Ok(vec![table.into()])
}

fn select(lua: &mut Lua, args: &Args) -> Results {
    if let Value::String(text) = &args.get(0)
        && text.first() == Some(&b'#')
    {
        return Ok(vec![(args.len() - 1).into()]);
    }
    let at = args.integer(lua, 0)?;
    let count = args.len() as i64;
    let from = if at < 0 { count + at } else { at };
    if from < 1 {
        return Err(lua.bad_argument(0, "index out of range"));
    }
    Ok(args.rest(from.min(count) as usize).to_vec())
}

fn to_number(lua: &mut Lua, args: &Args) -> Results {
    let base = args.integer_or(lua, 1, 10)?;
    if let Value::String(text) = &args.get(0) {
        lua.work(text.len() / 8)?;
    }
    if base == 10 {
        return Ok(vec![args.any(lua, 0)?.to_number().into()]);
    }
    let text = args.string(lua, 0)?;
    if !(2..=36).contains(&base) {
        return Err(lua.bad_argument(1, "base out of range"));
    }
    Ok(vec![number::parse_in_base(&text, base as u32).into()])
}

fn to_string(lua: &mut Lua, args: &Args) -> Results {
    let value = args.any(lua, 0)?;
    if matches!(value, Value::Table(_) | Value::Object(_)) {
        let handler = lua.metamethod(&value, "__tostring");
        if !handler.is_nil() {
            // Whatever it gives, text or not.
            let first = lua.call_through(&handler, vec![value])?.into_iter().next();
            return Ok(first.into_iter().collect());
        }
    }
    Ok(vec![lua.to_text(&value)?.into()])
}

fn type_of(lua: &mut Lua, args: &Args) -> Results {
    Ok(vec![args.any(lua, 0)?.type_name().into()])
}

/// What one call may return, as in LuaJIT.
const MOST_RESULTS: i64 = 8000;

fn unpack(lua: &mut Lua, args: &Args) -> Results {
    let table = args.table(lua, 0)?;
    let first = args.integer_or(lua, 1, 1)?;
    let last = args.integer_or(lua, 2, table.length() as i64)?;
    if last < first {
        return Ok(vec![]);
    }
    if last.checked_sub(first).is_none_or(|count| MOST_RESULTS <= count) {
        return Err(lua.error("too many results to unpack"));
    }
    lua.work((last - first) as usize)?;
    Ok((first..=last).map(|at| table.get(&(at as f64).into())).collect())
}

/// What dumped functions begin with, and no text.
const ESCAPE: u8 = 27;

/// `load(text or function, name, mode, environment)`; a function gives the text in pieces, up to an empty one.
fn load(lua: &mut Lua, args: &Args) -> Results {
    let (text, name) = match args.get(0).to_text() {
        Some(text) => (text.clone(), text),
        None => {
            let reader = args.function(lua, 0)?;
            match read_pieces(lua, &reader) {
                Ok(text) => (text, "=(load)".into()),
                Err(error) if error.is_catchable() => {
                    return Ok(vec![Value::Nil, error.into_value()]);
                }
                Err(error) => return Err(error),
            }
        }
    };
    let name = if args.is_none(1) { name } else { args.string(lua, 1)? };
    let environment = match args.get(3) {
        Value::Table(environment) => Some(environment),
        _ => None,
    };
    if text.first() == Some(&ESCAPE) {
        return Ok(match dump::load(lua, &text, environment) {
            Some(function) => vec![function],
            None => {
                let chunk =
                    if args.is_none(1) { "(binary)".into() } else { chunk_name(&name.to_str()) };
                let message = format!("{chunk}: cannot load incompatible bytecode");
                vec![Value::Nil, message.as_str().into()]
            }
        });
    }
    if !args.is_none(2) && !args.string(lua, 2)?.contains(&b't') {
        return Ok(vec![Value::Nil, "attempt to load chunk with wrong mode".into()]);
    }
    lua.reserve_here(24 * text.len())?;
    lua.work(2000 + 50 * text.len())?;
    let chunk = chunk_name(&name.to_str());
    match lua.load(chunk, &text.to_str()) {
        Ok(function) => {
            if let Value::Function(closure) = &function {
                debug::name_chunk(lua, closure.proto.span.file, name);
            }
            if let (Value::Function(closure), Some(environment)) = (&function, environment) {
                let _old = closure.environment.replace(environment);
            }
            Ok(vec![function])
        }
        Err(errors) => {
            let first = errors.first().map(|e| lua.position(e.span) + " " + &e.message);
            Ok(vec![Value::Nil, Value::from(first.unwrap_or_default().as_str())])
        }
    }
}

fn read_pieces(lua: &mut Lua, reader: &Value) -> LuaResult<LuaStr> {
    let mut text = vec![];
    loop {
        let piece = lua.call_for_one(reader, vec![])?;
        match piece.to_text() {
            Some(piece) if !piece.is_empty() => text.extend_from_slice(&piece),
            Some(_) => break,
            None if piece.is_nil() => break,
            None => return Err(lua.error("reader function must return a string")),
        }
        lua.reserve_here(2 * text.len())?;
    }
    Ok(lua.string(text))
}

/// Letters of a chunk's name in messages.
const NAME: usize = 59;

/// How messages name a chunk: `=name` and `@name` as they are, a text by its first line.
fn chunk_name(name: &str) -> String {
    if let Some(name) = name.strip_prefix('=') {
        return name.chars().take(NAME).collect();
    }
    if let Some(path) = name.strip_prefix('@') {
        let over = path.chars().count().saturating_sub(NAME);
        // Of a long path the end says more.
        let end = path.chars().skip(if over == 0 { 0 } else { over + 3 });
        return if over == 0 { end.collect() } else { format!("...{}", end.collect::<String>()) };
    }
    let line = name.split(['\n', '\r']).next().unwrap_or("");
    let short: String = line.chars().take(45).collect();
    let dots = if short.len() < name.len() { "..." } else { "" };
    format!("[string \"{short}{dots}\"]")
}

pub(super) fn get_environment(lua: &mut Lua, args: &Args) -> Results {
    let closure = match args.get(0) {
        Value::Function(closure) => Some(closure),
        Value::Native(_) => None,
        _ => match args.integer_or(lua, 0, 1)? {
            0 => None,
            level => {
                match usize::try_from(level).ok().and_then(|level| lua.closure_at_level(level)) {
                    Some(closure) => Some(closure),
                    None => return Err(lua.bad_argument(0, "invalid level")),
                }
            }
        },
    };
    let environment = closure.map(|closure| closure.environment.borrow().clone());
    Ok(vec![environment.unwrap_or_else(|| lua.globals().clone()).into()])
}

pub(super) fn set_environment(lua: &mut Lua, args: &Args) -> Results {
    let environment = args.table(lua, 1)?;
    let closure = match args.get(0) {
        Value::Function(closure) => Some(closure),
        Value::Native(_) => None,
        _ => {
            let level = usize::try_from(args.integer(lua, 0)?).unwrap_or(usize::MAX / 2);
            match lua.closure_at_level(level) {
                Some(closure) if 0 < level => Some(closure),
                _ => return Err(lua.bad_argument(0, "invalid level")),
            }
        }
    };
    let Some(closure) = closure else {
        return Err(lua.error("'setfenv' cannot change environment of given object"));
    };
    let _old = closure.environment.replace(environment);
    Ok(vec![Value::Function(closure)])
}
