//! Functions of elements: `torch.f([result,] a, …)` makes a tensor or fills its result, `a:f(…)` changes its receiver.

use super::arguments::{same_count, shown, tensor, whole};
use super::view::Tensor;
use super::{Function, Operation};
use crate::front::torch::interp::{Args, Lua, LuaResult, Results, Value};

pub(super) const OPERATIONS: &[Operation] = &[
    ("abs", |lua, args, own| map(lua, args, own, f64::abs)),
    ("acos", |lua, args, own| map(lua, args, own, f64::acos)),
    ("add", |lua, args, own| add(lua, args, own, 1.0)),
    ("addcdiv", |lua, args, own| add_product(lua, args, own, |a, b| a / b)),
    ("addcmul", |lua, args, own| add_product(lua, args, own, |a, b| a * b)),
    ("asin", |lua, args, own| map(lua, args, own, f64::asin)),
    ("atan", |lua, args, own| map(lua, args, own, f64::atan)),
    ("atan2", |lua, args, own| map2(lua, args, own, f64::atan2)),
    ("cdiv", |lua, args, own| map2(lua, args, own, |a, b| a / b)),
    ("ceil", |lua, args, own| map(lua, args, own, f64::ceil)),
    ("cfmod", |lua, args, own| map2(lua, args, own, |a, b| a % b)),
    ("cinv", |lua, args, own| map(lua, args, own, |a| 1.0 / a)),
    ("clamp", |lua, args, own| {
        with_numbers::<2>(lua, args, own, |a, [low, high]| a.max(low).min(high))
    }),
    ("cmax", |lua, args, own| limit(lua, args, own, f64::max)),
    ("cmin", |lua, args, own| limit(lua, args, own, f64::min)),
    ("cmul", |lua, args, own| map2(lua, args, own, |a, b| a * b)),
    ("cos", |lua, args, own| map(lua, args, own, f64::cos)),
    ("cosh", |lua, args, own| map(lua, args, own, f64::cosh)),
    ("cpow", |lua, args, own| map2(lua, args, own, f64::powf)),
    ("cremainder", |lua, args, own| map2(lua, args, own, remainder)),
    ("csub", |lua, args, own| add(lua, args, own, -1.0)),
    ("div", |lua, args, own| scale(lua, args, own, |by| 1.0 / by, |a, [by]| a / by)),
    ("exp", |lua, args, own| map(lua, args, own, f64::exp)),
    ("floor", |lua, args, own| map(lua, args, own, f64::floor)),
    ("fmod", |lua, args, own| with_numbers::<1>(lua, args, own, |a, [b]| a % b)),
    ("frac", |lua, args, own| map(lua, args, own, f64::fract)),
    ("log", |lua, args, own| map(lua, args, own, f64::ln)),
    ("log1p", |lua, args, own| map(lua, args, own, f64::ln_1p)),
    ("mod", |lua, args, own| with_numbers::<1>(lua, args, own, |a, [b]| a % b)),
    ("mul", |lua, args, own| scale(lua, args, own, |by| by, |a, [by]| a * by)),
    ("neg", |lua, args, own| map(lua, args, own, |a| -a)),
    ("pow", power),
    ("remainder", |lua, args, own| with_numbers::<1>(lua, args, own, |a, [b]| remainder(a, b))),
    ("round", |lua, args, own| map(lua, args, own, f64::round_ties_even)),
    ("rsqrt", |lua, args, own| map(lua, args, own, |a| 1.0 / a.sqrt())),
    ("sigmoid", |lua, args, own| map(lua, args, own, |a| 1.0 / (1.0 + (-a).exp()))),
    ("sign", |lua, args, own| map(lua, args, own, |a| if a == 0.0 { 0.0 } else { a.signum() })),
    ("sin", |lua, args, own| map(lua, args, own, f64::sin)),
    ("sinh", |lua, args, own| map(lua, args, own, f64::sinh)),
    ("sqrt", |lua, args, own| map(lua, args, own, f64::sqrt)),
    ("sub", |lua, args, own| add(lua, args, own, -1.0)),
    ("tan", |lua, args, own| map(lua, args, own, f64::tan)),
    ("tanh", |lua, args, own| map(lua, args, own, f64::tanh)),
    ("trunc", |lua, args, own| map(lua, args, own, f64::trunc)),
];

pub(super) const METHODS: &[Function] = &[
    ("apply", apply),
    ("map", |lua, args| map_function(lua, args, 1)),
    ("map2", |lua, args| map_function(lua, args, 2)),
    ("sub", super::shape::sub),
    ("totable", to_table),
];

fn remainder(a: f64, b: f64) -> f64 {
    a - b * (a / b).floor()
}

/// The tensors among the arguments: where the result goes if it is named, and those that are read.
pub(super) struct Operands<'a> {
    target: Option<Value>,
    pub sources: Vec<&'a Tensor>,
}

impl<'a> Operands<'a> {
    /// Takes so many tensors to read, and one more before them as a result. `own`: the receiver is the result if none
    /// is named.
    pub fn take(lua: &Lua, args: &'a Args, own: bool, needed: usize) -> LuaResult<Operands<'a>> {
        let is_tensor = |value: &&Value| value.object::<Tensor>().is_some();
        let mut sources: Vec<&Tensor> = args.0.iter().filter_map(Value::object::<Tensor>).collect();
        let first = args.0.iter().find(is_tensor).cloned();
        if sources.len() == needed + 1 {
            sources.remove(0);
            return Ok(Operands { target: first, sources });
        }
        if sources.len() != needed {
            tensor(lua, args, 0)?;
            let message = format!("{needed} tensors expected, got {}", sources.len());
            return Err(lua.error(&message));
        }
        Ok(Operands { target: first.filter(|_| own), sources })
    }

    /// The tensor that takes the result, with these extents; a new one of the kind of the first source if none is named.
    pub fn target(&self, lua: &mut Lua) -> LuaResult<Value> {
        let sizes = self.sources[0].sizes();
        let target = match &self.target {
            Some(target) => target.clone(),
            None => Tensor::new(lua, self.sources[0].kind(), &[])?,
        };
        if let Some(tensor) = target.object::<Tensor>()
            && !std::ptr::eq(tensor, self.sources[0])
        {
            tensor.resize(lua, &sizes)?;
        }
        Ok(target)
    }

    fn store(&self, lua: &mut Lua, values: &[f64]) -> Results {
        let target = self.target(lua)?;
        if let Some(tensor) = target.object::<Tensor>() {
            tensor.write(lua, values)?;
        }
        Ok(vec![target])
    }

    /// `by * source + plus`, undrawn where that is possible.
    fn store_linear(&self, lua: &mut Lua, by: f64, plus: f64) -> Results {
        let target = self.target(lua)?;
        if let Some(tensor) = target.object::<Tensor>() {
            if !std::ptr::eq(tensor, self.sources[0]) {
                tensor.copy(lua, self.sources[0])?;
            }
            tensor.map_linear(lua, by, plus)?;
        }
        Ok(vec![target])
    }
}

/// The arguments that are no tensors, as numbers.
fn numbers(lua: &Lua, args: &Args) -> LuaResult<Vec<f64>> {
    let others = (0..args.len()).filter(|at| args.0[*at].object::<Tensor>().is_none());
    others.map(|at| args.number(lua, at)).collect()
}

pub(super) fn ends_with_tensor(args: &Args) -> bool {
    args.0.last().is_some_and(|value| value.object::<Tensor>().is_some())
}

fn map(lua: &mut Lua, args: &Args, own: bool, f: fn(f64) -> f64) -> Results {
    // `torch.log(2)` is a number.
    if let (false, [Value::Number(x)]) = (own, &args.0[..]) {
        return Ok(vec![f(*x).into()]);
    }
    with_numbers::<0>(lua, args, own, |a, []| f(a))
}

/// One tensor and so many numbers.
fn with_numbers<const N: usize>(
    lua: &mut Lua,
    args: &Args,
    own: bool,
    f: impl Fn(f64, [f64; N]) -> f64,
) -> Results {
    let operands = Operands::take(lua, args, own, 1)?;
    let given = numbers(lua, args)?;
    let Ok(given) = <[f64; N]>::try_from(given) else {
        return Err(lua.error(&format!("{N} numbers expected")));
    };
    let mut values = operands.sources[0].values(lua)?;
    lua.work(values.len() / 4)?;
    values.iter_mut().for_each(|value| *value = f(*value, given));
    operands.store(lua, &values)
}

/// A product with a number, which leaves recipes undrawn.
fn scale(
    lua: &mut Lua,
    args: &Args,
    own: bool,
    factor: fn(f64) -> f64,
    f: fn(f64, [f64; 1]) -> f64,
) -> Results {
    let operands = Operands::take(lua, args, own, 1)?;
    match numbers(lua, args)?[..] {
        [by] if is_undrawn(operands.sources[0]) => operands.store_linear(lua, factor(by), 0.0),
        _ => with_numbers(lua, args, own, f),
    }
}

/// Whether all elements are held by recipes.
fn is_undrawn(tensor: &Tensor) -> bool {
    tensor.kind().is_real() && tensor.storage().is_undrawn()
}

/// Two tensors of as many elements.
fn map2(lua: &mut Lua, args: &Args, own: bool, f: fn(f64, f64) -> f64) -> Results {
    let operands = Operands::take(lua, args, own, 2)?;
    let (a, b) = (operands.sources[0], operands.sources[1]);
    same_count(lua, a, b)?;
    let mut values = a.values(lua)?;
    let others = b.values(lua)?;
    values.iter_mut().zip(&others).for_each(|(value, other)| *value = f(*value, *other));
    operands.store(lua, &values)
}

/// With another tensor or with a number.
fn limit(lua: &mut Lua, args: &Args, own: bool, f: fn(f64, f64) -> f64) -> Results {
    match ends_with_tensor(args) {
        true => map2(lua, args, own, f),
        false => with_numbers::<1>(lua, args, own, |a, [b]| f(a, b)),
    }
}

/// `a + number`, `a + b` and `a + number * b`, or differences with sign -1.
fn add(lua: &mut Lua, args: &Args, own: bool, sign: f64) -> Results {
    let factor = numbers(lua, args)?;
    if 1 < factor.len() {
        return Err(lua.error("one number expected"));
    }
    if !ends_with_tensor(args) {
        let operands = Operands::take(lua, args, own, 1)?;
        let Some(number) = factor.first() else {
            return Err(args.wrong_type(lua, 1, "number or tensor"));
        };
        return operands.store_linear(lua, 1.0, sign * number);
    }
    let factor = sign * factor.first().copied().unwrap_or(1.0);
    let operands = Operands::take(lua, args, own, 2)?;
    let (a, b) = (operands.sources[0], operands.sources[1]);
    same_count(lua, a, b)?;
    let mut values = a.values(lua)?;
    let others = b.values(lua)?;
    values.iter_mut().zip(&others).for_each(|(value, other)| *value += factor * other);
    operands.store(lua, &values)
}

/// `a + number * f(b, c)`.
fn add_product(lua: &mut Lua, args: &Args, own: bool, f: fn(f64, f64) -> f64) -> Results {
    let factor = numbers(lua, args)?.first().copied().unwrap_or(1.0);
    let operands = Operands::take(lua, args, own, 3)?;
    let [a, b, c] = operands.sources[..] else {
        return Err(lua.error("3 tensors expected"));
    };
    same_count(lua, a, b)?;
    same_count(lua, a, c)?;
    let mut values = a.values(lua)?;
    let (left, right) = (b.values(lua)?, c.values(lua)?);
    for (value, (b, c)) in values.iter_mut().zip(left.iter().zip(&right)) {
        *value += factor * f(*b, *c);
    }
    operands.store(lua, &values)
}

/// `torch.pow(tensor, number)` and `torch.pow(number, tensor)`.
fn power(lua: &mut Lua, args: &Args, own: bool) -> Results {
    match ends_with_tensor(args) {
        true => with_numbers::<1>(lua, args, own, |a, [b]| b.powf(a)),
        false => with_numbers::<1>(lua, args, own, |a, [b]| a.powf(b)),
    }
}

/// Calls a function with each element, row after row, and stores what it returns, unless that is nil.
fn apply(lua: &mut Lua, args: &Args) -> Results {
    call_each(lua, args, 0, 1)
}

fn map_function(lua: &mut Lua, args: &Args, others: usize) -> Results {
    call_each(lua, args, others, 1 + others)
}

fn call_each(lua: &mut Lua, args: &Args, others: usize, function: usize) -> Results {
    let given = tensor(lua, args, 0)?;
    let function = args.function(lua, function)?;
    let mut columns = vec![];
    for at in 1..=others {
        let other = tensor(lua, args, at)?;
        same_count(lua, given, other)?;
        columns.push(other.values(lua)?);
    }
    let mut values = given.values(lua)?;
    let mut is_changed = false;
    for (at, value) in values.iter_mut().enumerate() {
        let more = columns.iter().map(|column| Value::Number(column[at]));
        let call = std::iter::once(Value::Number(*value)).chain(more).collect();
        match lua.call(&function, call)?.first() {
            None | Some(Value::Nil) => {}
            Some(Value::Number(number)) => (*value, is_changed) = (*number, true),
            Some(other) => {
                let message =
                    format!("the function returned a {}, not a number", other.type_name());
                return Err(lua.error(&message));
            }
        }
    }
    if is_changed {
        if values.len() != given.numel() {
            return Err(lua.error(&format!("the function resized the tensor to {}", shown(given))));
        }
        given.write(lua, &values)?;
    }
    Ok(vec![args.get(0)])
}

/// Nested tables of the elements.
fn to_table(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let (sizes, values) = (given.sizes(), given.values(lua)?);
    lua.work(values.len())?;
    lua.reserve_here(values.len().saturating_mul(16))?;
    let mut level: Vec<Value> = values.into_iter().map(Value::Number).collect();
    for &size in sizes.iter().rev() {
        let tables = level.chunks(size).map(|items| {
            let table = lua.table();
            for (at, item) in items.iter().enumerate() {
                table.set((at + 1).into(), item.clone());
            }
            table.into()
        });
        level = tables.collect();
        lua.work(level.len())?;
    }
    let empty = lua.table();
    Ok(vec![level.into_iter().next().unwrap_or(empty.into())])
}

/// A whole number of at least 1.
pub(super) fn positive(lua: &Lua, args: &Args, at: usize) -> LuaResult<usize> {
    match whole(lua, args, at)? {
        number if 0 < number => Ok(number as usize),
        number => Err(lua.bad_argument(at, &format!("positive number expected, got {number}"))),
    }
}
