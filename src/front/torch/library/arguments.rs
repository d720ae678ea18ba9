//! How many arguments the constructors of the library take, and what is said of those beyond them, which Lua drops.

use std::rc::Rc;

use super::{Library, add};
use crate::diag::{self, Diagnostic};
use crate::front::torch::interp::{Args, Lua, Table, Value};
use crate::layers::Layer;
use crate::spec::Dialect;

/// What the Lua side calls: `count_arguments(class, constructor, ...)`. The constructors that Rust wraps have their numbers in
/// the table `arities`.
pub(super) fn fill(lua: &Lua, library: &Rc<Library>, natives: &Table) {
    let (this, arities) = (library.clone(), lua.table());
    natives.set_field("arities", arities.clone());
    add(natives, "count_arguments", move |lua, args| {
        let name = args.string(lua, 0)?.to_str().into_owned();
        let most = match (arities.get(&args.get(1)), args.get(1)) {
            (Value::Number(most), _) => Some(most as usize),
            (_, Value::Function(init)) => arity_of(&Value::Function(init)),
            _ => None,
        };
        if let (Some(most), Some(span)) = (most, lua.call_span())
            && let Some(value) = superfluous(args, most)
        {
            let d = Diagnostic::new(&diag::W0642, span, dropped(&name, most, &value));
            let spelling = Layer::resolve(Dialect::Torch, &name);
            let names = spelling.map(|s| s.positional).filter(|names| names.len() == most);
            let d = match names {
                Some(names) if 0 < most => {
                    d.help(format!("it is made by {name}({})", names.join(", ")))
                }
                _ => d,
            };
            let mut warnings = this.warnings.borrow_mut();
            if warnings.iter().all(|known| *known != d) {
                warnings.push(d);
            }
        }
        Ok(vec![])
    });
}

/// How many arguments a constructor takes, without the object that is made; none if it takes any number.
pub(super) fn arity_of(init: &Value) -> Option<usize> {
    let Value::Function(init) = init else { return None };
    init.arity().map(|all| all.saturating_sub(1))
}

/// The first argument beyond `most`, if there is one. Activations are often told that they may work in place.
fn superfluous(args: &Args, most: usize) -> Option<Value> {
    let given = args.rest(2);
    let beyond = given.get(most..).unwrap_or_default();
    let first = beyond.first()?;
    let told = beyond.iter().any(|value| !matches!(value, Value::Nil | Value::Bool(false)));
    let in_place = most == 0 && matches!(beyond, [Value::Bool(_)]);
    (told && !in_place).then(|| first.clone())
}

fn dropped(name: &str, most: usize, value: &Value) -> String {
    let what = match value {
        Value::Number(x) => format!("`{x}`"),
        Value::Bool(b) => format!("`{b}`"),
        _ => "what is given beyond".to_owned(),
    };
    match most {
        0 => format!("{name} takes no arguments: {what} has no effect"),
        1 => format!("{name} takes one argument: {what} has no effect"),
        n => format!("{name} takes {n} arguments: {what} has no effect"),
    }
}
