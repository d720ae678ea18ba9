//! `sorted`, `min`, `max` and `list.sort`: what is ordered by a key.

use super::free_function;
use crate::front::python::ast::Compare;
use crate::front::python::interp::{Args, Outcome, PyError, Python, Value};
use crate::source::Span;

pub(super) fn install(py: &mut Python) {
    let builtins = py.builtins.clone();
    free_function(&builtins, "sorted", |py, args| {
        let args = args.bind(py, "sorted", &["iterable", "cmp?", "key?", "reverse?"])?;
        let items = py.iterate(&args.get("iterable"), args.span_of("iterable"))?;
        let reverse = args.bool_or(py, "reverse", false)?;
        let sorted = sort(py, items, (&args.get("key"), &args.get("cmp")), reverse, args.span)?;
        py.new_list(sorted, args.span)
    });
    free_function(&builtins, "min", |py, args| extreme(py, args, "min", Compare::Less));
    free_function(&builtins, "max", |py, args| extreme(py, args, "max", Compare::Greater));
}

/// Sorts stably by what a key function gives, or by a function of two as in Python 2.
pub(super) fn sort(
    py: &mut Python,
    items: Vec<Value>,
    (key, cmp): (&Value, &Value),
    reverse: bool,
    at: Span,
) -> Outcome<Vec<Value>> {
    py.room(2 * items.len(), at)?;
    let mut keyed: Vec<(Value, Value)> = Vec::with_capacity(items.len());
    for item in items {
        let by =
            if key.is_none() { item.clone() } else { py.call(key, Args::new([item.clone()], at))? };
        keyed.push((by, item));
    }
    if reverse {
        keyed.reverse();
    }
    let mut less = |a: &Value, b: &Value| -> Outcome<bool> {
        if cmp.is_none() {
            return py.less(a, b, at);
        }
        let order = py.call(cmp, Args::new([a.clone(), b.clone()], at))?;
        py.less(&order, &Value::Int(0), at)
    };
    let mut sorted = merge_sort(keyed, &mut less)?;
    if reverse {
        sorted.reverse();
    }
    Ok(sorted.into_iter().map(|(_, item)| item).collect())
}

type Keyed = Vec<(Value, Value)>;

/// A sort that stands any answer of its comparison, which may also fail.
fn merge_sort(
    mut items: Keyed,
    less: &mut dyn FnMut(&Value, &Value) -> Result<bool, PyError>,
) -> Outcome<Keyed> {
    if items.len() < 2 {
        return Ok(items);
    }
    let right = items.split_off(items.len() / 2);
    let left = merge_sort(items, less)?;
    let right = merge_sort(right, less)?;
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some((a, _)), Some((b, _))) = (left.peek(), right.peek()) {
        let next = if less(b, a)? { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}

fn extreme(py: &mut Python, args: Args, name: &str, wins: Compare) -> Outcome {
    let at = args.span;
    let (mut key, mut default) = (Value::None, None);
    for keyword in &args.keywords {
        match &*keyword.name {
            "key" => key = keyword.value.clone(),
            "default" => default = Some(keyword.value.clone()),
            _ => {
                let known = vec!["key".to_owned(), "default".to_owned()];
                return Err(py.unexpected_keyword(name, keyword, known));
            }
        }
    }
    let items = match &args.positional[..] {
        [] => {
            return Err(py.type_error(at, format!("{name} expected at least 1 argument, got 0")));
        }
        [(one, span)] => py.iterate(one, *span)?,
        several => several.iter().map(|(value, _)| value.clone()).collect(),
    };
    let mut best: Option<(Value, Value)> = None;
    for item in items {
        let by = if key.is_none() {
            item.clone()
        } else {
            py.call(&key, Args::new([item.clone()], at))?
        };
        let better = match &best {
            None => true,
            Some((known, _)) => {
                let result = py.compare(wins, &by, known, at)?;
                py.truth(&result, at)?
            }
        };
        if better {
            best = Some((by, item));
        }
    }
    match best.map(|(_, item)| item).or(default) {
        Some(item) => Ok(item),
        None => Err(py.value_error(at, format!("{name}() arg is an empty sequence"))),
    }
}
