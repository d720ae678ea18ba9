//! The arguments of functions about tensors: tensors, extents, dimensions and indices, with complaints about them.

use super::kind::Kind;
use super::layout::describe;
use super::storage::Storage;
use super::view::Tensor;
use crate::front::torch::interp::{Args, Lua, LuaError, LuaResult, Value};

/// Extents that a tensor may have.
const MOST_DIMENSIONS: usize = 64;

/// An argument as a tensor.
pub(super) fn tensor<'a>(lua: &Lua, args: &'a Args, at: usize) -> LuaResult<&'a Tensor> {
    let tensor = args.0.get(at).and_then(Value::object::<Tensor>);
    tensor.ok_or_else(|| wrong(lua, args, at, "tensor"))
}

/// The complaint that an argument is no tensor or whatever was expected; it names the classes of objects.
pub(super) fn wrong(lua: &Lua, args: &Args, at: usize, expected: &str) -> LuaError {
    match args.0.get(at) {
        Some(Value::Object(object)) => {
            lua.bad_argument(at, &format!("{expected} expected, got {}", object.type_name()))
        }
        _ => args.wrong_type(lua, at, expected),
    }
}

/// An argument as a tensor, if it is one.
pub(super) fn optional(args: &Args, at: usize) -> Option<&Tensor> {
    args.0.get(at).and_then(Value::object::<Tensor>)
}

/// A whole number of a script.
pub(super) fn whole(lua: &Lua, args: &Args, at: usize) -> LuaResult<i64> {
    match args.0.get(at) {
        Some(Value::Number(number)) => Ok(*number as i64),
        _ => Err(wrong(lua, args, at, "number")),
    }
}

/// The whole numbers of a LongStorage, of a table, or of all arguments from a position on.
pub(super) fn wholes(lua: &mut Lua, args: &Args, from: usize) -> LuaResult<Vec<i64>> {
    let numbers: Vec<i64> = match args.0.get(from) {
        Some(Value::Object(_)) => {
            let Some(storage) =
                args.0[from].object::<Storage>().filter(|s| s.kind().element() == Kind::Long)
            else {
                return Err(wrong(lua, args, from, "number or torch.LongStorage"));
            };
            let length = storage.length().min(MOST_DIMENSIONS + 1);
            (0..length).map(|place| storage.get(place) as i64).collect()
        }
        Some(Value::Table(table)) => {
            let length = table.length().min(MOST_DIMENSIONS + 1);
            let numbers = (1..=length).map(|at| table.item(at).to_number());
            let numbers: Option<Vec<f64>> = numbers.collect();
            let Some(numbers) = numbers else {
                return Err(lua.bad_argument(from, "table of numbers expected"));
            };
            numbers.iter().map(|number| *number as i64).collect()
        }
        _ => (from..args.len()).map(|at| whole(lua, args, at)).collect::<Result<_, _>>()?,
    };
    if MOST_DIMENSIONS < numbers.len() {
        return Err(lua.error(&format!("a tensor has at most {MOST_DIMENSIONS} dimensions here")));
    }
    Ok(numbers)
}

/// Extents: those before the first that is not positive, as Torch takes them.
pub(super) fn sizes(lua: &mut Lua, args: &Args, from: usize) -> LuaResult<Vec<usize>> {
    let numbers = wholes(lua, args, from)?;
    Ok(numbers.into_iter().take_while(|size| 0 < *size).map(|size| size as usize).collect())
}

/// An argument as a dimension that counts from 1 in Lua and from 0 here.
pub(super) fn dimension(lua: &Lua, args: &Args, at: usize, tensor: &Tensor) -> LuaResult<usize> {
    let (given, count) = (whole(lua, args, at)?, tensor.sizes().len());
    if given < 1 || count < given as usize {
        let message = format!("dimension {given} out of range of {count}D tensor");
        return Err(lua.bad_argument(at, &message));
    }
    Ok(given as usize - 1)
}

/// An index from 1 (or from the end, if negative) to one from 0.
pub(super) fn index(lua: &Lua, given: f64, size: usize) -> LuaResult<usize> {
    let given = given as i64;
    let from_start = if given < 0 { given.saturating_add(size as i64 + 1) } else { given };
    if from_start < 1 || (size as i64) < from_start {
        return Err(lua.error(&format!("index {given} out of range of extent {size}")));
    }
    Ok(from_start as usize - 1)
}

/// Fails unless two tensors have as many elements.
pub(super) fn same_count(lua: &Lua, left: &Tensor, right: &Tensor) -> LuaResult<()> {
    let (a, b) = (left.numel(), right.numel());
    if a == b {
        return Ok(());
    }
    Err(lua.error(&format!(
        "inconsistent tensor sizes: {} and {} have {a} and {b} elements",
        shown(left),
        shown(right)
    )))
}

/// `[2x3]` for messages.
pub(super) fn shown(tensor: &Tensor) -> String {
    format!("[{}]", describe(&tensor.sizes()))
}

/// A tensor as the one result.
pub(super) fn one(tensor: Tensor) -> Vec<Value> {
    vec![tensor.into_value()]
}

/// A LongStorage of numbers.
pub(super) fn long_storage(lua: &mut Lua, numbers: &[usize]) -> LuaResult<Value> {
    let values: Vec<f64> = numbers.iter().map(|number| *number as f64).collect();
    Ok(Value::Object(Tensor::from_values(lua, Kind::Long, &[numbers.len()], &values)?.storage()))
}
