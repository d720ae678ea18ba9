//! Definitions that leave functions and no model: the expression that calls one, and what there is to call.

use std::collections::{BTreeSet, HashSet};

use super::super::library::{ancestors, class_name, is_criterion};
use super::super::lower::{Stop, children, stop, torch_type};
use super::OPTIONS;
use crate::front::torch::interp::{Lua, LuaResult, Native, Table, Value};
use crate::source::Span;

/// More functions are not listed.
const MOST_LISTED: usize = 8;

/// The names of a table's fields.
pub(super) fn names(table: &Table) -> BTreeSet<String> {
    let keys = table.entries().filter_map(|(key, _)| match key {
        Value::String(name) => Some(name.to_str().into_owned()),
        _ => None,
    });
    keys.collect()
}

/// What an expression gives after the file: it sees what the file has returned as `M`, the fields of that by their names,
/// and the variables of the file.
pub(super) fn call(
    lua: &mut Lua,
    file: &Value,
    locals: &Table,
    expression: &str,
) -> Result<Vec<Value>, Stop> {
    let mut chunk = lua.load("--call", &format!("return {expression}"));
    if chunk.is_err() {
        // Statements that end with `return` of the model.
        chunk = lua.load("--call", expression).or(chunk);
    }
    let chunk = match chunk {
        Ok(chunk) => chunk,
        Err(errors) => match errors.first() {
            Some(error) => return Err(Box::new(error.diagnostic())),
            None => return Ok(vec![]),
        },
    };
    let (environment, meta) = (lua.table(), lua.table());
    let (scopes, returned) = ([locals.clone(), lua.globals().clone()], file.clone());
    environment.set_field("M", file.clone());
    let index = Native::value("__index", move |lua, args| {
        let key = args.get(1);
        let own = match &returned {
            Value::Table(_) => lua.index(&returned, &key, Span::nowhere())?,
            _ => Value::Nil,
        };
        let variables = scopes.iter().map(|scope| scope.get(&key));
        let found = std::iter::once(own).chain(variables).find(|value| !value.is_nil());
        Ok(vec![found.unwrap_or_default()])
    });
    meta.set_field("__index", index);
    environment.set_metatable(Some(meta));
    if let Value::Function(closure) = &chunk {
        closure.environment.replace(environment);
    }
    lua.call(&chunk, vec![]).map_err(stop)
}

/// What helps where cortado has called a function by itself, whose arguments it can only guess; none where options are all
/// that it takes.
pub(super) fn unasked(lua: &Lua, function: &Value, name: &str, told: &Value) -> Option<String> {
    let list = parameters_of(lua, function)?;
    let (first, rest) = list.split_first()?;
    if rest.is_empty() && OPTIONS.contains(first) {
        return None;
    }
    let told = if matches!(told, Value::Number(_)) { "1" } else { "a table of options" };
    let nothing = match rest {
        [] => String::new(),
        rest => format!(" and nothing for `{}`", rest.join("`, `")),
    };
    let called = if name == "M" { "the function" } else { name };
    Some(format!(
        "cortado called {called} by itself, with {told} for `{first}`{nothing}; --call '{name}({})', with values in the \
         places of the names, gives it what it needs",
        list.join(", ")
    ))
}

/// The names of the parameters of a function.
fn parameters_of<'a>(lua: &'a Lua, function: &Value) -> Option<Vec<&'a str>> {
    let Value::Function(closure) = function else { return None };
    let written = lua.sources.text(closure.proto.span);
    let (list, _) = written.split_once('(')?.1.split_once(')')?;
    Some(list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect())
}

/// Whether a function is told the number of graphics processors only.
pub(super) fn takes_count(lua: &Lua, function: &Value) -> bool {
    let list = parameters_of(lua, function).unwrap_or_default();
    matches!(list[..], [only] if ["ngpu", "ngpus"].contains(&&*only.to_lowercase()))
}

/// What helps where the expression that should give the model has given something else, or nothing and has left modules
/// in what the file has returned.
pub(super) fn gave(expression: &str, given: &Value, file: &Value) -> String {
    if let (Value::Nil, Value::Table(file)) = (given, file) {
        let mut left: Vec<(usize, String, Table)> = names(file)
            .into_iter()
            .filter_map(|name| match file.field(&name) {
                Value::Table(t) if is_instance(&t) && !is_criterion(&t) => {
                    Some((modules_in(&t, &mut MOST_COUNTED.clone()), name, t))
                }
                _ => None,
            })
            .collect();
        // The whole comes before its parts.
        left.sort_by_key(|(size, ..)| std::cmp::Reverse(*size));
        if let Some((_, whole, _)) = left.first() {
            let shown = left.iter().take(MOST_LISTED);
            let shown: Vec<String> =
                shown.map(|(_, name, t)| format!("`M.{name}` ({})", torch_type(t))).collect();
            return format!(
                "`{expression}` gives nothing and leaves {}: --call '{expression}; return M.{whole}' names the model",
                shown.join(", ")
            );
        }
    }
    let Value::Table(table) = given else {
        return format!(
            "`{expression}` gives {}, not a model",
            match given {
                Value::Nil => "nothing".to_owned(),
                other => format!("a {}", other.type_name()),
            }
        );
    };
    if is_instance(table) {
        return format!("`{expression}` gives a {}", torch_type(table));
    }
    let whole = match [" or ", " and "].iter().any(|word| expression.contains(word)) {
        true => format!("({expression})"),
        false => expression.to_owned(),
    };
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let named = names(table).into_iter().map(|name| match is_name(&name) {
        true => (format!(".{name}"), table.field(&name)),
        false => (format!("[\"{name}\"]"), table.field(&name)),
    });
    let counted = (1..=table.length().min(MOST_LISTED)).map(|i| (format!("[{i}]"), table.item(i)));
    let mut fields: Vec<(String, Value)> = counted.chain(named).collect();
    let is_model =
        |value: &Value| matches!(value, Value::Table(t) if is_instance(t) && !is_criterion(t));
    // Models first.
    fields.sort_by_key(|(_, value)| !is_model(value));
    let shown = fields.iter().take(MOST_LISTED).map(|(key, value)| match value {
        Value::Table(table) if is_instance(table) => format!("`{key}` ({})", torch_type(table)),
        value => format!("`{key}` (a {})", value.type_name()),
    });
    let shown: Vec<String> = shown.collect();
    let more = if MOST_LISTED < fields.len() { ", ..." } else { "" };
    match fields.first() {
        None => format!("`{expression}` gives an empty table"),
        Some((key, value)) if is_model(value) => format!(
            "`{expression}` gives a table of {}{more}: --call '{whole}{key}' names the model",
            shown.join(", ")
        ),
        Some(_) => format!(
            "`{expression}` gives a table of {}{more}, none of which is a model",
            shown.join(", ")
        ),
    }
}

/// The modules of a list of names and modules, `{{'conv1', nn.SpatialConvolution(...)}, ...}`, one behind the other: what
/// loadcaffe writes for a net.
pub(super) fn chain_of(lua: &mut Lua, list: &Table) -> LuaResult<Option<Value>> {
    let pair = |value: Value| match value {
        Value::Table(pair) => match (pair.item(1), pair.item(2)) {
            (Value::String(_), Value::Table(module)) if is_instance(&module) => Some(module),
            _ => None,
        },
        _ => None,
    };
    let modules: Option<Vec<Table>> = list.items().map(pair).collect();
    let Some(modules) = modules.filter(|modules| !modules.is_empty()) else { return Ok(None) };
    let make = lua.load_own(
        "<chain>",
        "local chain = nn.Sequential() for _, m in ipairs({...}) do chain:add(m) end return chain",
    );
    let Ok(make) = make else { return Ok(None) };
    lua.call_for_one(&make, modules.into_iter().map(Value::Table).collect()).map(Some)
}

/// So many modules are counted.
const MOST_COUNTED: usize = 1000;

/// How many modules there are in one, with itself.
fn modules_in(module: &Table, left: &mut usize) -> usize {
    *left = left.saturating_sub(1);
    if *left == 0 {
        return 1;
    }
    1 + children(module).iter().map(|child| modules_in(child, left)).sum::<usize>()
}

/// What a file leaves beside a model that it names as one: modules and functions, as global variables that were not there
/// before or in the table that it returns, in the order in which they are written; else as local variables.
#[derive(Default)]
pub(super) struct Left {
    modules: Vec<(String, Table)>,
    criterions: Vec<Table>,
    functions: Vec<(String, Value)>,
}

impl Left {
    /// Looks for them.
    pub(super) fn of(
        lua: &Lua,
        before: &BTreeSet<String>,
        file: &Value,
        locals: &Table,
        text: &str,
    ) -> Self {
        let globals = lua.globals();
        let own = names(globals).into_iter().filter(|name| !before.contains(name));
        let mut all: Vec<(String, Value)> =
            own.map(|name| (name.clone(), globals.field(&name))).collect();
        if let Value::Table(table) = file {
            all.extend(names(table).into_iter().map(|name| (name.clone(), table.field(&name))));
        }
        let mut left = Left::among(all, text);
        let locals = names(locals).into_iter().map(|name| (name.clone(), locals.field(&name)));
        let local = Left::among(locals.collect(), text);
        if left.modules.is_empty() {
            left.modules = local.modules;
            if left.functions.is_empty() && left.modules.is_empty() {
                left.functions = local.functions;
            }
        }
        if left.criterions.is_empty() {
            left.criterions = local.criterions;
        }
        left
    }

    fn among(mut all: Vec<(String, Value)>, text: &str) -> Self {
        all.sort_by_key(|(name, _)| text.find(name.as_str()).unwrap_or(text.len()));
        all.dedup_by(|(a, _), (b, _)| a == b);
        let mut left = Left::default();
        let is_module = |table: &Table| {
            let base = |class| class_name(&class).is_some_and(|name| name == "nn.Module");
            is_instance(table) && ancestors(table.metatable()).any(base)
        };
        for (name, value) in all {
            match value {
                Value::Function(_) if !name.starts_with("__") => left.functions.push((name, value)),
                Value::Table(table) if is_criterion(&table) && is_instance(&table) => {
                    left.criterions.push(table);
                }
                Value::Table(table) if is_module(&table) => left.modules.push((name, table)),
                _ => {}
            }
        }
        left
    }

    /// The only module, or the one that all others are in, with the only criterion if there is one; else the only function,
    /// if it takes nothing but options.
    pub(super) fn only(&self, text: &str) -> Option<(Value, Value)> {
        let whole = self.modules.iter().find(|(_, module)| self.is_whole(module));
        match (whole, &self.functions[..]) {
            (Some((_, module)), _) => {
                let loss = match &self.criterions[..] {
                    [loss] => Value::Table(loss.clone()),
                    _ => Value::Nil,
                };
                Some((Value::Table(module.clone()), loss))
            }
            (None, [(name, function)]) if self.modules.is_empty() => {
                let parameters = parameters(text, name)?.trim();
                let takes_options = parameters.is_empty() || OPTIONS.contains(&parameters);
                takes_options.then(|| (function.clone(), Value::Nil))
            }
            _ => None,
        }
    }

    /// Whether all modules are in this one.
    fn is_whole(&self, module: &Table) -> bool {
        let (mut inside, mut waiting) = (HashSet::new(), vec![module.clone()]);
        while let Some(next) = waiting.pop() {
            if inside.len() < MOST_COUNTED && inside.insert(next.serial()) {
                waiting.extend(children(&next));
            }
        }
        self.modules.iter().all(|(_, other)| inside.contains(&other.serial()))
    }

    /// Help that lists them.
    pub(super) fn listed(&self, text: &str) -> Option<String> {
        let modules =
            self.modules.iter().map(|(name, module)| format!("`{name}` ({})", torch_type(module)));
        let functions = self.functions.iter().map(|(name, _)| {
            let parameters = parameters(text, name).unwrap_or("...");
            format!("`{}({parameters})`", called(text, name))
        });
        let classes = classes(text);
        let made = classes.iter().map(|(name, parameters)| format!("`{name}({parameters})`"));
        let all: Vec<String> = modules.chain(made).chain(functions).collect();
        let example = match (self.modules.first(), classes.first(), self.functions.first()) {
            (Some((name, _)), ..) => name.clone(),
            (None, Some((name, _)), _) => format!("{name}(...)"),
            (None, None, Some((name, _))) => format!("{}(...)", called(text, name)),
            (None, None, None) => return None,
        };
        let listed = all[..all.len().min(MOST_LISTED)].join(", ");
        let more = if MOST_LISTED < all.len() { ", ..." } else { "" };
        Some(format!("say what gives the model, `--call '{example}'`; the file has {listed}{more}"))
    }
}

/// Whether a table is an object, not a class.
pub(super) fn is_instance(table: &Table) -> bool {
    let is_class = !table.field("__typename").is_nil();
    !is_class && table.metatable().is_some_and(|class| !class.field("__typename").is_nil())
}

/// How a function is called: a method of what the file returns by that.
fn called(text: &str, name: &str) -> String {
    let method = format!(":{name}");
    let is_method = text.lines().any(|line| {
        let definition = line.trim_start().strip_prefix("function ");
        definition
            .and_then(|rest| rest.split_once('('))
            .is_some_and(|(n, _)| n.trim().ends_with(&method))
    });
    if is_method { format!("M{method}") } else { name.to_owned() }
}

/// The classes of modules that a text makes, with the parameters of their constructors.
fn classes(text: &str) -> Vec<(&str, &str)> {
    let made = text.match_indices("torch.class(").filter_map(|(at, call)| {
        let rest = &text[at + call.len()..];
        let (given, after) = rest.split_once(')')?;
        let mut names = given.split(['\'', '"']).skip(1).step_by(2);
        let (name, parent) = (names.next()?, names.next().unwrap_or_default());
        let before = after.split("torch.class(").next().unwrap_or_default();
        let (_, constructor) = before.split_once(":__init(")?;
        let (parameters, _) = constructor.split_once(')')?;
        (!parent.ends_with("Criterion")).then_some((name, parameters))
    });
    made.collect()
}

/// The names of a function's parameters, if the text shows them.
fn parameters<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.match_indices(name).find_map(|(at, _)| {
        let line = text[..at].rsplit('\n').next().unwrap_or_default();
        let rest = text[at + name.len()..].trim_start();
        let list = match rest.strip_prefix('=') {
            Some(rest) => rest.trim_start().strip_prefix("function")?.trim_start(),
            None if line.contains("function") => rest,
            None => return None,
        };
        let list = list.strip_prefix('(')?;
        let (parameters, _) = list.split_once(')')?;
        (parameters.len() < 100).then_some(parameters)
    })
}
