//! Copies of modules and one flat tensor of all parameters: what keeps and what joins storage.

use std::rc::Rc;

use crate::front::torch::interp::{Args, Lua, LuaResult, Results, Table, Value};
use crate::front::torch::tensor::{Kind, Layout, Storage, Tensor};

/// A copy of a value that is no table, where a third argument says so with elements of that kind. Tensors of one storage
/// stay tensors of one storage: the second argument remembers what was copied already.
pub(super) fn copied(lua: &mut Lua, args: &Args) -> Results {
    let (value, seen) = (args.get(0), args.table(lua, 1)?);
    let known = seen.get(&value);
    if !known.is_nil() {
        return Ok(vec![known]);
    }
    lua.work(COPY)?;
    let kind = match args.get(2) {
        Value::String(name) => Kind::of_tensor(&name.to_str()),
        _ => None,
    };
    Ok(vec![copy(lua, &value, &seen, kind)?])
}

/// Steps that the copy of a value costs.
const COPY: usize = 40;

fn copy(lua: &mut Lua, value: &Value, seen: &Table, kind: Option<Kind>) -> LuaResult<Value> {
    let Some(tensor) = value.object::<Tensor>() else { return Ok(value.clone()) };
    let known = |storage: &Rc<Storage>| {
        let name = format!("storage {:p}", Rc::as_ptr(storage));
        (seen.field(&name), name)
    };
    let (known, name) = known(&tensor.storage());
    let storage = match known.object::<Tensor>() {
        Some(whole) => whole.storage(),
        None => {
            let length = tensor.storage().length();
            let rows = Layout::rows(0, &[length]);
            let storage = match kind {
                Some(kind) => tensor.storage().recast(lua, kind)?,
                None => tensor.with(rows.clone()).deep_copy(lua)?.storage(),
            };
            seen.set_field(&name, Tensor::over(storage.clone(), rows).into_value());
            storage
        }
    };
    let copy = Tensor::over(storage, tensor.layout()).into_value();
    seen.set(value.clone(), copy.clone());
    Ok(copy)
}

/// One tensor of all values, of which the given ones become windows; a tensor that stands twice is in it once.
pub(super) fn flatten(lua: &mut Lua, tensors: &[Value]) -> LuaResult<Value> {
    let mut windows: Vec<((*const Storage, usize), usize)> = vec![];
    let mut total = 0;
    let tensors: Vec<&Tensor> = tensors.iter().filter_map(|v| v.object::<Tensor>()).collect();
    for tensor in &tensors {
        let key = (Rc::as_ptr(&tensor.storage()), tensor.offset());
        if !windows.iter().any(|(known, _)| *known == key) {
            windows.push((key, total));
            total += tensor.numel();
        }
    }
    let kind = tensors.first().map_or(Kind::Float, |tensor| tensor.kind());
    let flat = Tensor::zeros(lua, kind, &[total])?;
    let storage = flat.storage();
    // Values move first: afterwards the old storages may be gone.
    let mut places = vec![];
    for tensor in &tensors {
        let key = (Rc::as_ptr(&tensor.storage()), tensor.offset());
        let at = windows.iter().find(|(known, _)| *known == key).map_or(0, |(_, at)| *at);
        let window = Layout::rows(at, &tensor.sizes());
        Tensor::over(storage.clone(), window.clone()).copy(lua, tensor)?;
        places.push(window);
    }
    for (tensor, window) in tensors.into_iter().zip(places) {
        tensor.set(storage.clone(), window);
    }
    Ok(flat.into_value())
}
