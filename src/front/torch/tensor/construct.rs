//! Constructors: `torch.FloatTensor(…)` and its like, `torch.FloatStorage(…)`, and the functions that make tensors from
//! numbers.

use super::Function;
use super::arguments::{long_storage, one, sizes, tensor, whole, wholes, wrong};
use super::kind::Kind;
use super::layout::Layout;
use super::state::State;
use super::storage::Storage;
use super::view::Tensor;
use crate::front::torch::interp::{Args, Lua, LuaResult, Native, Results, Table, Value};
use std::rc::Rc;

pub(super) const FUNCTIONS: &[Function] = &[
    ("eye", eye),
    ("getdefaulttensortype", |lua, _| {
        let kind = State::of(lua).default.get();
        Ok(vec![Value::from(kind.tensor_name().as_str())])
    }),
    ("isStorage", |_, args| Ok(vec![args.get(0).object::<Storage>().is_some().into()])),
    ("isTensor", |_, args| Ok(vec![args.get(0).object::<Tensor>().is_some().into()])),
    ("linspace", linspace),
    ("logspace", |lua, args| {
        let made = linspace(lua, args)?;
        if let Some(tensor) = made.first().and_then(Value::object::<Tensor>) {
            let values = tensor.values(lua)?;
            let powers: Vec<f64> = values.iter().map(|value| 10f64.powf(*value)).collect();
            tensor.write(lua, &powers)?;
        }
        Ok(made)
    }),
    ("ones", |lua, args| filled(lua, args, 1.0)),
    ("range", range),
    ("setdefaulttensortype", set_default),
    ("zeros", |lua, args| filled(lua, args, 0.0)),
];

/// Puts the constructors of all kinds into the table `torch`: tables that can be called, with the methods inside.
pub(super) fn install(lua: &mut Lua, torch: &Table) {
    let state = State::of(lua);
    for kind in Kind::all() {
        let name = kind.name();
        let make = move |lua: &mut Lua, args: &Args| made(lua, args, kind);
        class(lua, torch, &format!("{name}Tensor"), &state.methods, make);
        let make =
            move |lua: &mut Lua, args: &Args| Ok(vec![Value::Object(storage(lua, args, kind)?)]);
        class(lua, torch, &format!("{name}Storage"), &state.storage_methods, make);
    }
    let make = |lua: &mut Lua, args: &Args| {
        let kind = State::of(lua).default.get();
        made(lua, args, kind)
    };
    class(lua, torch, "Tensor", &state.methods, make);
    let make = |lua: &mut Lua, args: &Args| {
        let kind = State::of(lua).default.get();
        Ok(vec![Value::Object(storage(lua, args, kind)?)])
    };
    class(lua, torch, "Storage", &state.storage_methods, make);
}

/// A table `torch.NAME` that makes objects when called, also by its field `new`, and knows their methods.
fn class(
    lua: &mut Lua,
    torch: &Table,
    name: &str,
    methods: &Table,
    make: impl Fn(&mut Lua, &Args) -> Results + Clone + 'static,
) {
    let (class, metatable) = (lua.table(), lua.table());
    let new = make.clone();
    class.set_field("new", Native::value("new", new));
    let called = move |lua: &mut Lua, args: &Args| make(lua, &Args(args.rest(1).to_vec()));
    metatable.set_field("__call", Native::value(name.to_owned(), called));
    metatable.set_field("__index", methods.clone());
    class.set_metatable(Some(metatable));
    torch.set_field(name, class);
}

/// What `torch.KINDTensor(…)` makes; numbers in a table may be those of a running network.
fn made(lua: &mut Lua, args: &Args, kind: Kind) -> Results {
    let plain = |lua: &mut Lua, args: &Args| Ok(one(construct(lua, args, kind)?));
    match args.0.first() {
        Some(Value::Table(_)) => State::call(lua, ("Tensor", false), args, plain),
        _ => plain(lua, args),
    }
}

/// The tensor that `torch.KINDTensor(…)` makes: empty; of extents; of nested tables; over a storage or a tensor.
pub(super) fn construct(lua: &mut Lua, args: &Args, kind: Kind) -> LuaResult<Tensor> {
    match args.0.first() {
        None | Some(Value::Nil) => Tensor::zeros(lua, kind, &[]),
        Some(Value::Table(table)) => {
            let mut sizes = vec![];
            let mut values = vec![];
            nested(lua, table, 0, &mut sizes, &mut values)?;
            sizes.truncate(if values.is_empty() { 0 } else { sizes.len() });
            Tensor::from_values(lua, kind, &sizes, &values)
        }
        Some(Value::Object(_)) => {
            if let Some(given) = args.0[0].object::<Tensor>() {
                if given.kind() != kind {
                    return Err(wrong(lua, args, 0, &kind.tensor_name()));
                }
                return Ok(given.same());
            }
            let Some(Value::Object(object)) = args.0.first() else {
                return Err(wrong(lua, args, 0, "number"));
            };
            let any: Rc<dyn std::any::Any> = object.clone();
            let Ok(given) = any.downcast::<Storage>() else {
                return Err(wrong(lua, args, 0, "number, table, tensor or storage"));
            };
            if given.kind() == kind {
                let layout = layout(lua, args, 1, &given)?;
                return Ok(Tensor::over(given, layout));
            }
            if given.kind().element() != Kind::Long {
                return Err(wrong(lua, args, 0, &kind.storage_name()));
            }
            let sizes = sizes(lua, args, 0)?;
            Tensor::zeros(lua, kind, &sizes)
        }
        _ => {
            let sizes = sizes(lua, args, 0)?;
            Tensor::zeros(lua, kind, &sizes)
        }
    }
}

/// Geometry over a storage: offset from 1, then sizes and strides in two LongStorages, or alternating numbers.
pub(super) fn layout(
    lua: &mut Lua,
    args: &Args,
    from: usize,
    storage: &Storage,
) -> LuaResult<Layout> {
    let offset = if args.is_none(from) { 1 } else { whole(lua, args, from)? };
    let Some(offset) = usize::try_from(offset).ok().and_then(|offset| offset.checked_sub(1)) else {
        return Err(lua.bad_argument(from, "the offset of a storage counts from 1"));
    };
    let layout = match args.0.get(from + 1) {
        None | Some(Value::Nil) => Layout::rows(
            offset,
            &match storage.length().saturating_sub(offset) {
                0 => vec![],
                rest => vec![rest],
            },
        ),
        Some(Value::Object(_)) => {
            let sizes = sizes(lua, args, from + 1)?;
            let mut layout = Layout::rows(offset, &sizes);
            if !args.is_none(from + 2) {
                let strides = wholes(lua, args, from + 2)?;
                with_strides(lua, &mut layout, &strides)?;
            }
            layout
        }
        _ => {
            let numbers = wholes(lua, args, from + 1)?;
            let sizes = numbers.iter().step_by(2).take_while(|size| 0 < **size);
            let sizes: Vec<usize> = sizes.map(|size| *size as usize).collect();
            let mut layout = Layout::rows(offset, &sizes);
            let strides: Vec<i64> = numbers.iter().skip(1).step_by(2).copied().collect();
            with_strides(lua, &mut layout, &strides)?;
            layout
        }
    };
    if storage.length() < layout.end() {
        let (end, length) = (layout.end(), storage.length());
        let message = format!("the storage has {length} elements, the tensor needs {end}");
        return Err(lua.error(&message));
    }
    Ok(layout)
}

/// Replaces strides; those that are negative or missing stay.
fn with_strides(lua: &Lua, layout: &mut Layout, strides: &[i64]) -> LuaResult<()> {
    for (slot, &stride) in layout.strides.iter_mut().zip(strides) {
        if 0 <= stride {
            *slot = usize::try_from(stride).map_err(|_| lua.error("a stride is too large"))?;
        }
    }
    Ok(())
}

/// Reads nested tables of numbers whose rows are equally long.
fn nested(
    lua: &mut Lua,
    table: &Table,
    depth: usize,
    sizes: &mut Vec<usize>,
    values: &mut Vec<f64>,
) -> LuaResult<()> {
    let length = table.length();
    lua.work(1 + length / 2)?;
    if sizes.len() == depth && values.is_empty() {
        sizes.push(length);
    }
    if sizes.get(depth) != Some(&length) || 32 < depth {
        return Err(lua.error("the rows of the table have different lengths"));
    }
    lua.reserve_here(8 * (values.len() + length))?;
    for at in 1..=length {
        match table.item(at) {
            Value::Table(row) => nested(lua, &row, depth + 1, sizes, values)?,
            item => match item.to_number() {
                Some(number) if sizes.len() == depth + 1 => values.push(number),
                Some(_) => return Err(lua.error("the rows of the table have different depths")),
                None => {
                    let got = item.type_name();
                    return Err(lua.error(&format!(
                        "a tensor is made of numbers, but item {at} of the table is a {got}"
                    )));
                }
            },
        }
    }
    Ok(())
}

/// The storage that `torch.KINDStorage(…)` makes.
fn storage(lua: &mut Lua, args: &Args, kind: Kind) -> LuaResult<Rc<Storage>> {
    match args.0.first() {
        None | Some(Value::Nil) => Storage::new(lua, kind, 0),
        Some(Value::Table(table)) => {
            let (mut sizes, mut values) = (vec![], vec![]);
            nested(lua, table, 0, &mut sizes, &mut values)?;
            if 1 < sizes.len() {
                return Err(lua.bad_argument(0, "table of numbers expected"));
            }
            Ok(Tensor::from_values(lua, kind, &[values.len()], &values)?.storage())
        }
        Some(Value::Number(_)) => {
            let length = usize::try_from(whole(lua, args, 0)?);
            let length = length.map_err(|_| lua.bad_argument(0, "negative size"))?;
            Storage::new(lua, kind, length)
        }
        _ => Err(wrong(lua, args, 0, "number or table")),
    }
}

/// Results that are written into a first argument which is a tensor: the tensor, and where the rest begins.
pub(super) fn result(lua: &mut Lua, args: &Args, kind: Option<Kind>) -> LuaResult<(Value, usize)> {
    if args.get(0).object::<Tensor>().is_some() {
        return Ok((args.get(0), 1));
    }
    let kind = kind.unwrap_or(State::of(lua).default.get());
    Ok((Tensor::new(lua, kind, &[])?, 0))
}

fn filled(lua: &mut Lua, args: &Args, value: f64) -> Results {
    let (made, from) = result(lua, args, None)?;
    let sizes = sizes(lua, args, from)?;
    if let Some(tensor) = made.object::<Tensor>() {
        tensor.resize(lua, &sizes)?;
        tensor.fill(lua, value)?;
    }
    Ok(vec![made])
}

/// Stores numbers in one row.
fn row(lua: &mut Lua, made: Value, sizes: &[usize], values: &[f64]) -> Results {
    if let Some(tensor) = made.object::<Tensor>() {
        tensor.resize(lua, sizes)?;
        tensor.write(lua, values)?;
    }
    Ok(vec![made])
}

fn range(lua: &mut Lua, args: &Args) -> Results {
    let (made, from) = result(lua, args, None)?;
    let (first, last) = (args.number(lua, from)?, args.number(lua, from + 1)?);
    let step = if args.is_none(from + 2) { 1.0 } else { args.number(lua, from + 2)? };
    let count = ((last - first) / step + 1.0).floor();
    if step == 0.0 || !count.is_finite() || count < 1.0 {
        return Err(lua.error("the bounds of a range must fit the sign of its step"));
    }
    let count = count.min(1e15) as usize;
    lua.reserve_here(count.saturating_mul(16))?;
    lua.work(count / 4)?;
    let values: Vec<f64> = (0..count).map(|at| first + at as f64 * step).collect();
    row(lua, made, &[count], &values)
}

fn linspace(lua: &mut Lua, args: &Args) -> Results {
    let (made, from) = result(lua, args, None)?;
    let (first, last) = (args.number(lua, from)?, args.number(lua, from + 1)?);
    let count = args.integer_or(lua, from + 2, 100)?;
    if count < 1 || (count == 1 && first != last) {
        return Err(lua.bad_argument(from + 2, "invalid number of points"));
    }
    let count = count as usize;
    lua.reserve_here(count.saturating_mul(16))?;
    lua.work(count / 4)?;
    let step = if count == 1 { 0.0 } else { (last - first) / (count - 1) as f64 };
    let values: Vec<f64> = (0..count).map(|at| first + at as f64 * step).collect();
    row(lua, made, &[count], &values)
}

fn eye(lua: &mut Lua, args: &Args) -> Results {
    let (made, from) = result(lua, args, None)?;
    let sizes = sizes(lua, args, from)?;
    let (rows, columns) = match sizes[..] {
        [both] => (both, both),
        [rows, columns] => (rows, columns),
        _ => return Err(lua.error("torch.eye takes one or two positive sizes")),
    };
    if let Some(tensor) = made.object::<Tensor>() {
        tensor.resize(lua, &[rows, columns])?;
        tensor.fill(lua, 0.0)?;
        let strides = tensor.strides();
        let shorter = rows.min(columns);
        let diagonal = Layout {
            offset: tensor.offset(),
            sizes: vec![shorter],
            strides: vec![strides[0] + strides[1]],
        };
        lua.reserve_here(8 * shorter)?;
        tensor.with(diagonal).write(lua, &vec![1.0; shorter])?;
    }
    Ok(vec![made])
}

fn set_default(lua: &mut Lua, args: &Args) -> Results {
    let name = args.string(lua, 0)?;
    let Some(kind) = Kind::of_tensor(&name.to_str()) else {
        return Err(lua.bad_argument(0, &format!("'{}' is no type of tensors", name.to_str())));
    };
    State::of(lua).default.set(kind);
    Ok(vec![])
}

/// `tensor:size()` as a value, and one extent with a dimension.
pub(super) fn size(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    if args.len() < 2 {
        return Ok(vec![long_storage(lua, &given.sizes())?]);
    }
    let at = super::arguments::dimension(lua, args, 1, given)?;
    Ok(vec![given.sizes()[at].into()])
}
