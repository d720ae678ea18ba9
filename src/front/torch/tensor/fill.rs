//! Fills: constants and distributions over whole tensors, random numbers one by one, and the seed.

use super::arguments::{optional, tensor};
use super::construct::result;
use super::kind::Kind;
use super::recipe::{Law, Recipe};
use super::state::State;
use super::twister::Generator;
use super::view::Tensor;
use super::{Function, arguments};
use crate::front::torch::interp::{Args, Lua, LuaResult, Results, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("bernoulli", |lua, args| single(lua, args, bernoulli)),
    ("exponential", |lua, args| single(lua, args, exponential)),
    ("geometric", |lua, args| single(lua, args, geometric)),
    ("initialSeed", seed_of),
    ("manualSeed", |lua, args| {
        let seed = args.number(lua, 0)?;
        State::of(lua).set_seed(seed as i64 as u64);
        Ok(vec![])
    }),
    ("normal", |lua, args| single(lua, args, normal)),
    ("rand", |lua, args| made(lua, args, Law::Uniform)),
    ("randn", |lua, args| made(lua, args, Law::Normal)),
    ("random", |lua, args| single(lua, args, random)),
    ("seed", seed_of),
    ("uniform", |lua, args| single(lua, args, uniform)),
];

pub(super) const METHODS: &[Function] = &[
    ("bernoulli", |lua, args| each(lua, args, bernoulli)),
    ("exponential", |lua, args| each(lua, args, exponential)),
    ("fill", |lua, args| {
        let value = args.number(lua, 1)?;
        tensor(lua, args, 0)?.fill(lua, value)?;
        Ok(vec![args.get(0)])
    }),
    ("geometric", |lua, args| each(lua, args, geometric)),
    ("normal", |lua, args| {
        let (mean, deviation) = pair(lua, args, 1, (0.0, 1.0))?;
        if deviation < 0.0 {
            return Err(lua.bad_argument(2, "standard deviation must not be negative"));
        }
        law(lua, args, Law::Normal, deviation, mean)
    }),
    ("random", |lua, args| each(lua, args, random)),
    ("uniform", |lua, args| {
        let (low, high) = pair(lua, args, 1, (0.0, 1.0))?;
        law(lua, args, Law::Uniform, high - low, low)
    }),
    ("zero", |lua, args| {
        tensor(lua, args, 0)?.fill(lua, 0.0)?;
        Ok(vec![args.get(0)])
    }),
];

/// Two optional numbers.
fn pair(lua: &Lua, args: &Args, from: usize, defaults: (f64, f64)) -> LuaResult<(f64, f64)> {
    let number = |at: usize, default: f64| {
        if args.is_none(at) { Ok(default) } else { args.number(lua, at) }
    };
    Ok((number(from, defaults.0)?, number(from + 1, defaults.1)?))
}

/// Fills the receiver by `shift + scale * random`.
fn law(lua: &mut Lua, args: &Args, law: Law, scale: f64, shift: f64) -> Results {
    fill_law(lua, tensor(lua, args, 0)?, law, scale, shift)?;
    Ok(vec![args.get(0)])
}

fn fill_law(lua: &mut Lua, given: &Tensor, law: Law, scale: f64, shift: f64) -> LuaResult<()> {
    let recipe = State::of(lua).recipe(law, given.numel(), scale, shift);
    match given.layout().run().filter(|_| given.kind().is_real()) {
        Some(run) => {
            let recipe = recipe.moved(run.start as i64);
            given.storage().fill(lua, run, recipe)
        }
        None => {
            lua.reserve_here(8 * given.numel())?;
            let last = given.numel().saturating_sub(1) as u64;
            let ahead = match &recipe {
                Recipe::Random { draw, .. } => draw.ahead(last),
                _ => 0,
            };
            lua.work(given.numel().saturating_add(ahead / 32))?;
            let values: Vec<f64> = (0..given.numel()).map(|place| recipe.at(place)).collect();
            given.write(lua, &values)
        }
    }
}

/// `torch.rand(sizes)` and `torch.randn(sizes)`.
fn made(lua: &mut Lua, args: &Args, law: Law) -> Results {
    let (made, from) = result(lua, args, None)?;
    let sizes = arguments::sizes(lua, args, from)?;
    if let Some(tensor) = made.object::<Tensor>() {
        tensor.resize(lua, &sizes)?;
        fill_law(lua, tensor, law, 1.0, 0.0)?;
    }
    Ok(vec![made])
}

/// What draws a number.
type Draw = Box<dyn Fn(&mut Generator) -> f64>;

/// A distribution whose parameters are the arguments from a position on.
type Distribution = fn(&Lua, &Args, usize) -> LuaResult<Draw>;

/// One number, or a tensor filled, as `torch.NAME([tensor,] …)` gives it.
fn single(lua: &mut Lua, args: &Args, distribution: Distribution) -> Results {
    if optional(args, 0).is_some() {
        return each(lua, args, distribution);
    }
    let draw = distribution(lua, args, 0)?;
    State::pay_for_random(lua, 1)?;
    let state = State::of(lua);
    Ok(vec![draw(&mut state.random.borrow_mut()).into()])
}

/// Fills the receiver number by number.
fn each(lua: &mut Lua, args: &Args, distribution: Distribution) -> Results {
    let given = tensor(lua, args, 0)?;
    let draw = distribution(lua, args, 1)?;
    let count = given.numel();
    lua.reserve_here(8 * count)?;
    State::pay_for_random(lua, count)?;
    let state = State::of(lua);
    let values: Vec<f64> = {
        let mut random = state.random.borrow_mut();
        (0..count).map(|_| draw(&mut random)).collect()
    };
    given.write(lua, &values)?;
    Ok(vec![args.get(0)])
}

fn uniform(lua: &Lua, args: &Args, from: usize) -> LuaResult<Draw> {
    let (low, high) = pair(lua, args, from, (0.0, 1.0))?;
    Ok(Box::new(move |random| low + (high - low) * random.uniform()))
}

fn normal(lua: &Lua, args: &Args, from: usize) -> LuaResult<Draw> {
    let (mean, deviation) = pair(lua, args, from, (0.0, 1.0))?;
    Ok(Box::new(move |random| mean + deviation * random.normal()))
}

fn bernoulli(lua: &Lua, args: &Args, from: usize) -> LuaResult<Draw> {
    let (chance, _) = pair(lua, args, from, (0.5, 0.0))?;
    if !(0.0..=1.0).contains(&chance) {
        return Err(lua.bad_argument(from, "must be a probability between 0 and 1"));
    }
    Ok(Box::new(move |random| f64::from(u8::from(random.uniform() <= chance))))
}

fn exponential(lua: &Lua, args: &Args, from: usize) -> LuaResult<Draw> {
    let (rate, _) = pair(lua, args, from, (1.0, 0.0))?;
    Ok(Box::new(move |random| -(1.0 - random.uniform()).ln() / rate))
}

fn geometric(lua: &Lua, args: &Args, from: usize) -> LuaResult<Draw> {
    let chance = args.number(lua, from)?;
    if !(0.0 < chance && chance < 1.0) {
        return Err(lua.bad_argument(from, "must be a probability between 0 and 1"));
    }
    // Torch divides by the logarithm of the chance itself.
    Ok(Box::new(move |random| ((1.0 - random.uniform()).ln() / chance.ln()).trunc() + 1.0))
}

/// Whole numbers: up to 2^32, from 1 to a bound, or between two bounds.
fn random(lua: &Lua, args: &Args, from: usize) -> LuaResult<Draw> {
    let (low, high) = match (args.is_none(from), args.is_none(from + 1)) {
        (true, _) => {
            // The largest number that the elements can hold, where there are some.
            let most = optional(args, 0).map_or(1 << 32, |tensor| match tensor.kind().element() {
                Kind::Byte => 1 << 8,
                Kind::Char => 1 << 7,
                Kind::Short => 1 << 15,
                Kind::Int => 1 << 31,
                Kind::Float => (1u64 << 24) + 1,
                _ => 1 << 32,
            });
            return Ok(Box::new(move |random| (u64::from(random.word()) % most) as f64));
        }
        (false, true) => (1.0, args.number(lua, from)?.floor()),
        _ => (args.number(lua, from)?.floor(), args.number(lua, from + 1)?.floor()),
    };
    if high < low {
        return Err(lua.bad_argument(from, "upper bound must not be below the lower one"));
    }
    let count = (high - low + 1.0).clamp(1.0, 1e18) as u64;
    Ok(Box::new(move |random| (u64::from(random.word()) % count) as f64 + low))
}

fn seed_of(lua: &mut Lua, _args: &Args) -> Results {
    let seed = State::of(lua).seed.get();
    Ok(vec![Value::Number(seed as f64)])
}
