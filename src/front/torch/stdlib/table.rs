//! The table library.

use super::library;
use super::sort::sort;
use crate::front::torch::interp::{Args, Lua, LuaResult, Results, Value};

pub(super) fn install(lua: &mut Lua) {
    library(
        lua,
        "table",
        &[
            ("concat", concat),
            ("foreach", for_each),
            ("foreachi", for_each_item),
            ("getn", length),
            ("insert", insert),
            ("maxn", largest_index),
            ("move", move_items),
            ("remove", remove),
            ("sort", sort),
        ],
    );
}

fn concat(lua: &mut Lua, args: &Args) -> Results {
    let table = args.table(lua, 0)?;
    let separator = if args.is_none(1) { "".into() } else { args.string(lua, 1)? };
    let first = args.integer_or(lua, 2, 1)?;
    let last = args.integer_or(lua, 3, table.length() as i64)?;
    let mut joined = vec![];
    for at in first..=last {
        lua.work(2)?;
        let value = table.get(&(at as f64).into());
        let Some(text) = value.to_text() else {
            let kind = value.type_name();
            let message = format!("invalid value ({kind}) at index {at} in table for 'concat'");
            return Err(lua.error(&message));
        };
        joined.extend_from_slice(&text);
        if at < last {
            joined.extend_from_slice(&separator);
        }
        lua.reserve_here(2 * joined.len())?;
    }
    Ok(vec![lua.string(joined).into()])
}

fn insert(lua: &mut Lua, args: &Args) -> Results {
    let table = args.table(lua, 0)?;
    let length = table.length();
    match args.len() {
        2 => table.set((length + 1).into(), args.get(1)),
        3 => {
            let at = args.integer(lua, 1)?;
            let value = args.get(2);
            let inside = usize::try_from(at).ok().filter(|&at| at <= length);
            if let Some(at) = inside
                && !value.is_nil()
                && table.insert_shifting(at, length, value.clone())
            {
                lua.work((length - at) / 16)?;
                return Ok(vec![]);
            }
            for place in (at..=length as i64).rev() {
                lua.work(1)?;
                table.set((place as f64 + 1.0).into(), table.get(&(place as f64).into()));
            }
            table.set((at as f64).into(), value);
        }
        _ => return Err(lua.error("wrong number of arguments to 'insert'")),
    }
    Ok(vec![])
}

fn remove(lua: &mut Lua, args: &Args) -> Results {
    let table = args.table(lua, 0)?;
    let length = table.length();
    let at = args.integer_or(lua, 1, length as i64)?;
    let Some(at) = usize::try_from(at).ok().filter(|at| (1..=length).contains(at)) else {
        return Ok(vec![]);
    };
    if let Some(removed) = table.remove_shifting(at, length) {
        lua.work((length - at) / 16)?;
        return Ok(vec![removed]);
    }
    let removed = table.item(at);
    for place in at..length {
        lua.work(1)?;
        table.set(place.into(), table.item(place + 1));
    }
    table.set(length.into(), Value::Nil);
    Ok(vec![removed])
}

/// `move(from, first, last, to, into)`: items `first` to `last` go to `to` and after, of the same or another table.
fn move_items(lua: &mut Lua, args: &Args) -> Results {
    let from = args.table(lua, 0)?;
    let (first, last, to) = (args.integer(lua, 1)?, args.integer(lua, 2)?, args.integer(lua, 3)?);
    let into = if args.is_none(4) { from.clone() } else { args.table(lua, 4)? };
    let last_to = last.checked_sub(first).and_then(|count| count.checked_add(to));
    if last < first {
        return Ok(vec![into.into()]);
    }
    let Some(last_to) = last_to else {
        return Err(lua.bad_argument(2, "too many elements to move"));
    };
    let carry = |lua: &mut Lua, at: i64| -> LuaResult<()> {
        lua.work(1)?;
        let value = from.get(&((first + at) as f64).into());
        into.set(((to + at) as f64).into(), value);
        Ok(())
    };
    // Where the places overlap, items are not overwritten before they have moved.
    let overlaps = from == into && first < to && to <= last;
    if overlaps {
        (0..=last_to - to).rev().try_for_each(|at| carry(lua, at))?;
    } else {
        (0..=last_to - to).try_for_each(|at| carry(lua, at))?;
    }
    Ok(vec![into.into()])
}

fn length(lua: &mut Lua, args: &Args) -> Results {
    Ok(vec![args.table(lua, 0)?.length().into()])
}

fn largest_index(lua: &mut Lua, args: &Args) -> Results {
    let table = args.table(lua, 0)?;
    lua.work(table.length())?;
    Ok(vec![table.largest_index().into()])
}

fn for_each(lua: &mut Lua, args: &Args) -> Results {
    let (table, function) = (args.table(lua, 0)?, args.function(lua, 1)?);
    let mut key = Value::Nil;
    while let Some(Some((next, value))) = lua.next_entry(&table, &key)? {
        let results = lua.call_through(&function, vec![next.clone(), value])?;
        if results.first().is_some_and(|value| !value.is_nil()) {
            return Ok(results);
        }
        key = next;
    }
    Ok(vec![])
}

fn for_each_item(lua: &mut Lua, args: &Args) -> Results {
    let (table, function) = (args.table(lua, 0)?, args.function(lua, 1)?);
    for at in 1..=table.length() {
        let results = lua.call_through(&function, vec![at.into(), table.item(at)])?;
        if results.first().is_some_and(|value| !value.is_nil()) {
            return Ok(results);
        }
    }
    Ok(vec![])
}
