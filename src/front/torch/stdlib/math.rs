//! The mathematical library. Random numbers are the same in every run.

use super::library;
use crate::front::torch::interp::{Args, Lua, Results, Value};

pub(super) fn install(lua: &mut Lua) {
    let math = library(
        lua,
        "math",
        &[
            ("abs", |lua, args| map(lua, args, f64::abs)),
            ("acos", |lua, args| map(lua, args, f64::acos)),
            ("asin", |lua, args| map(lua, args, f64::asin)),
            ("atan", |lua, args| map(lua, args, f64::atan)),
            ("atan2", |lua, args| map2(lua, args, f64::atan2)),
            ("ceil", |lua, args| map(lua, args, f64::ceil)),
            ("cos", |lua, args| map(lua, args, f64::cos)),
            ("cosh", |lua, args| map(lua, args, f64::cosh)),
            ("deg", |lua, args| map(lua, args, |x| x * (180.0 / std::f64::consts::PI))),
            ("exp", |lua, args| map(lua, args, f64::exp)),
            ("floor", |lua, args| map(lua, args, f64::floor)),
            ("fmod", |lua, args| map2(lua, args, |x, y| x % y)),
            ("frexp", frexp),
            ("ldexp", ldexp),
            ("log", log),
            ("log10", |lua, args| map(lua, args, f64::log10)),
            // The last number that is not beaten, so that one that is none wins if it comes last.
            ("max", |lua, args| fold(lua, args, |a, b| if a > b { a } else { b })),
            ("min", |lua, args| fold(lua, args, |a, b| if a < b { a } else { b })),
            ("modf", modf),
            ("pow", |lua, args| map2(lua, args, f64::powf)),
            ("rad", |lua, args| map(lua, args, |x| x * (std::f64::consts::PI / 180.0))),
            ("random", random),
            ("randomseed", random_seed),
            ("sin", |lua, args| map(lua, args, f64::sin)),
            ("sinh", |lua, args| map(lua, args, f64::sinh)),
            ("sqrt", |lua, args| map(lua, args, f64::sqrt)),
            ("tan", |lua, args| map(lua, args, f64::tan)),
            ("tanh", |lua, args| map(lua, args, f64::tanh)),
        ],
    );
    math.set_field("mod", math.field("fmod"));
    math.set_field("pi", std::f64::consts::PI);
    math.set_field("huge", f64::INFINITY);
}

fn map(lua: &mut Lua, args: &Args, f: fn(f64) -> f64) -> Results {
    Ok(vec![f(args.number(lua, 0)?).into()])
}

fn map2(lua: &mut Lua, args: &Args, f: fn(f64, f64) -> f64) -> Results {
    Ok(vec![f(args.number(lua, 0)?, args.number(lua, 1)?).into()])
}

fn fold(lua: &mut Lua, args: &Args, f: fn(f64, f64) -> f64) -> Results {
    let mut value = args.number(lua, 0)?;
    for at in 1..args.len() {
        value = f(value, args.number(lua, at)?);
    }
    Ok(vec![value.into()])
}

fn log(lua: &mut Lua, args: &Args) -> Results {
    let value = args.number(lua, 0)?;
    if args.is_none(1) {
        return Ok(vec![value.ln().into()]);
    }
    let base = args.number(lua, 1)?;
    Ok(vec![(value.log2() / base.log2()).into()])
}

fn modf(lua: &mut Lua, args: &Args) -> Results {
    let value = args.number(lua, 0)?;
    let fraction = if value.is_infinite() { 0.0 } else { value.fract() };
    let fraction = fraction.copysign(value);
    Ok(vec![value.trunc().into(), fraction.into()])
}

/// A fraction in [0.5, 1) and a power of two.
fn frexp(lua: &mut Lua, args: &Args) -> Results {
    let value = args.number(lua, 0)?;
    if value == 0.0 || !value.is_finite() {
        return Ok(vec![value.into(), Value::Number(0.0)]);
    }
    // Subnormal numbers are brought into the normal range first.
    let (value, shift) =
        if value.abs() < f64::MIN_POSITIVE { (value * 2f64.powi(54), 54) } else { (value, 0) };
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64 - 1022;
    let fraction = f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52);
    Ok(vec![fraction.into(), ((exponent - shift) as f64).into()])
}

fn ldexp(lua: &mut Lua, args: &Args) -> Results {
    let value = args.number(lua, 0)?;
    let exponent = args.integer(lua, 1)?.clamp(-2200, 2200) as i32;
    // Two halves, so that neither power overflows alone.
    let half = exponent / 2;
    let rest = exponent - half;
    Ok(vec![(value * 2f64.powi(half) * 2f64.powi(rest)).into()])
}

/// SplitMix64 (Steele, Lea and Flood 2014).
fn next_random(lua: &mut Lua) -> f64 {
    lua.random = lua.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = lua.random;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ z >> 31) >> 11) as f64 / (1u64 << 53) as f64
}

fn random(lua: &mut Lua, args: &Args) -> Results {
    let (low, high) = match args.len() {
        0 => return Ok(vec![next_random(lua).into()]),
        1 => (1.0, args.number(lua, 0)?.floor()),
        _ => (args.number(lua, 0)?.floor(), args.number(lua, 1)?.floor()),
    };
    if high < low {
        return Err(lua.bad_argument(args.len().min(2) - 1, "interval is empty"));
    }
    let value = low + (next_random(lua) * (high - low + 1.0)).floor();
    Ok(vec![value.into()])
}

fn random_seed(lua: &mut Lua, args: &Args) -> Results {
    lua.random = args.number(lua, 0)?.to_bits();
    Ok(vec![])
}
