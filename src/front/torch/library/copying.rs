//! Copies of modules and one flat tensor of all parameters: what keeps and what joins storage.

use std::rc::Rc;

use crate::front::torch::interp::{Lua, LuaError, Table, Value};
use crate::front::torch::tensor::{Kind, Layout, Storage, Tensor};

/// A copy of a value that is no table. Tensors of one storage stay tensors of one storage: `seen` remembers what was
/// copied already.
pub(super) fn copy(lua: &mut Lua, value: &Value, seen: &Table) -> Result<Value, LuaError> {
    let Some(tensor) = value.object::<Tensor>() else { return Ok(value.clone()) };
    let copied = |storage: &Rc<Storage>| {
        let name = format!("storage {:p}", Rc::as_ptr(storage));
        (seen.field(&name), name)
    };
    let (known, name) = copied(&tensor.storage());
    let storage = match known.object::<Tensor>() {
        Some(whole) => whole.storage(),
        None => {
            let length = tensor.storage().length();
            let whole = tensor.with(Layout::rows(0, &[length]));
            let whole = whole.deep_copy(lua)?;
            let storage = whole.storage();
            seen.set_field(&name, whole.into_value());
            storage
        }
    };
    let copy = Tensor::over(storage, tensor.layout()).into_value();
    seen.set(value.clone(), copy.clone());
    Ok(copy)
}

/// One tensor of all values, of which the given ones become windows; a tensor that stands twice is in it once.
pub(super) fn flatten(lua: &mut Lua, tensors: &[Value]) -> Result<Value, LuaError> {
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
    let flat = Tensor::zeros(lua, Kind::Float, &[total])?;
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
