//! LuaJIT's `bit`: operations on 32-bit integers, and the version that `jit` states.

use super::library;
use crate::front::torch::interp::{Args, Lua, LuaResult, Results};

pub(super) fn install(lua: &mut Lua) {
    library(
        lua,
        "bit",
        &[
            ("arshift", |lua, args| shift(lua, args, |x, n| (x as i32 >> n) as u32)),
            ("band", |lua, args| fold(lua, args, |x, y| x & y)),
            ("bnot", |lua, args| Ok(vec![shown(!word(lua, args, 0)?)])),
            ("bor", |lua, args| fold(lua, args, |x, y| x | y)),
            ("bswap", |lua, args| Ok(vec![shown(word(lua, args, 0)?.swap_bytes())])),
            ("bxor", |lua, args| fold(lua, args, |x, y| x ^ y)),
            ("lshift", |lua, args| shift(lua, args, |x, n| x << n)),
            ("rol", |lua, args| shift(lua, args, u32::rotate_left)),
            ("ror", |lua, args| shift(lua, args, u32::rotate_right)),
            ("rshift", |lua, args| shift(lua, args, |x, n| x >> n)),
            ("tobit", |lua, args| Ok(vec![shown(word(lua, args, 0)?)])),
            ("tohex", to_hex),
        ],
    );
    let jit = library(lua, "jit", &[]);
    jit.set_field("version", "LuaJIT 2.1.0-beta3");
    jit.set_field("version_num", 20100.0);
    for (name, value) in [("os", "Linux"), ("arch", "x64")] {
        jit.set_field(name, value);
    }
}

/// The low 32 bits of a number rounded to a whole one.
fn word(lua: &Lua, args: &Args, at: usize) -> LuaResult<u32> {
    let number = args.number(lua, at)?.round_ties_even();
    Ok(number.rem_euclid(4_294_967_296.0) as u32)
}

fn shown(word: u32) -> crate::front::torch::interp::Value {
    f64::from(word as i32).into()
}

fn fold(lua: &mut Lua, args: &Args, f: fn(u32, u32) -> u32) -> Results {
    let mut value = word(lua, args, 0)?;
    for at in 1..args.len() {
        value = f(value, word(lua, args, at)?);
    }
    Ok(vec![shown(value)])
}

fn shift(lua: &mut Lua, args: &Args, f: fn(u32, u32) -> u32) -> Results {
    let value = word(lua, args, 0)?;
    let count = word(lua, args, 1)? & 31;
    Ok(vec![shown(f(value, count))])
}

fn to_hex(lua: &mut Lua, args: &Args) -> Results {
    let value = word(lua, args, 0)?;
    let digits = args.integer_or(lua, 1, 8)?;
    let text = if digits < 0 { format!("{value:08X}") } else { format!("{value:08x}") };
    let shown = digits.unsigned_abs().min(8) as usize;
    Ok(vec![text[8 - shown..].into()])
}
