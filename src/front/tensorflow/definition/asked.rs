//! What DIGITS asks a definition for, and what is said where it is not there.

use std::rc::Rc;

use super::{Module, PyError, Python, Stop, Value};
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic};
use crate::front::python::interp::{Class, Instance};
use crate::front::tensorflow::graph::Variable;
use crate::source::Span;

/// Where the first line of the definition that begins with these words is, or the whole.
pub(super) fn place(py: &Python, words: &str, whole: Span) -> Span {
    let text = &py.sources.file(whole.file).text;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let indented = line.len() - line.trim_start().len();
        let rest = line[indented..].strip_prefix(words);
        if rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')) {
            return Span::new(whole.file, at + indented, at + indented + words.len());
        }
        at += line.len();
    }
    whole
}

/// What is said of a file without a model.
pub(super) const NO_MODEL: &str = "the definition has no class `UserModel`";

/// A file without a model. `module` is what is left of it, where it ran.
pub(super) fn no_model(py: &Python, whole: Span, module: Option<&Rc<Module>>) -> Stop {
    let is_tower = |class: &Rc<Class>| class.ancestors.iter().any(|base| &*base.name == "Tower");
    let names = module.map(|module| module.names.borrow().clone());
    let towers = names.iter().flat_map(|names| names.values()).filter_map(|value| match value {
        Value::Class(class) if is_tower(class) => Some(class.name.clone()),
        _ => None,
    });
    let towers: Vec<Rc<str>> = towers.collect();
    Box::new(match towers.first() {
        Some(name) => {
            let at = place(py, &format!("class {name}"), whole);
            let d = Diagnostic::new(&diag::E0812, at, NO_MODEL);
            d.here("the model here has another name")
                .help(format!("call it `UserModel`, or name it with --call {name}"))
        }
        None => Diagnostic::new(&diag::E0812, whole, NO_MODEL).help(
            "write it as `class UserModel(Tower):` with the methods `inference` and `loss`, each behind `@model_property`",
        ),
    })
}

/// The model could not be made: an `__init__` that does not take what DIGITS gives.
pub(super) fn not_made(py: &Python, mut stop: Stop, whole: Span) -> Stop {
    if stop.span() == Some(whole) && stop.message.contains("__init__()") {
        let at = place(py, "def __init__", whole);
        stop.labels.iter_mut().for_each(|label| label.span = at);
        return Box::new(stop.help(
            "DIGITS makes the model, with names for what it gives: leave `__init__` out, or write `def __init__(self, \
             **kwargs):` and begin it with `super(UserModel, self).__init__(**kwargs)`",
        ));
    }
    if stop.span() == Some(whole) && stop.message.ends_with("() takes no arguments") {
        let at = place(py, "class UserModel", whole);
        stop.labels.iter_mut().for_each(|label| label.span = at);
        return Box::new(
            stop.help("write `class UserModel(Tower):`, which takes what DIGITS gives"),
        );
    }
    stop
}

/// The name of a function of the definition that was to be this one of its class, and what is wrong with it.
fn astray(py: &Python, name: &str, whole: Span) -> Option<String> {
    let text = &py.sources.file(whole.file).text;
    if text.lines().any(|line| line.starts_with(&format!("def {name}("))) {
        return Some(format!(
            "`def {name}` stands outside of the class: indent it as the other methods are"
        ));
    }
    let defined = text.lines().filter_map(|line| line.trim_start().strip_prefix("def "));
    let names = defined.filter_map(|rest| Some(rest.split_once('(')?.0.trim()));
    let near = nearest(name, names.filter(|other| *other != "__init__"))?;
    Some(format!("is the method `{near}` meant? call it `{name}`"))
}

/// What a property of the model gives; `None` for a model that has no loss, with a warning.
pub(super) fn property(
    py: &mut Python,
    tower: &Value,
    name: &str,
    whole: Span,
    failed: impl FnOnce(PyError) -> Stop,
) -> Result<Option<Value>, Stop> {
    if let Value::Instance(instance) = tower
        && !has(instance, name)
    {
        let class = instance.class.name.clone();
        let at = place(py, &format!("class {class}"), whole);
        if name == "loss" {
            let message = format!("`{class}` has no `loss`, so that it cannot be trained");
            let d = Diagnostic::new(&diag::W0811, at, message);
            let help = "write a method `loss` behind `@model_property`, which gives a tensor of one number";
            let help = astray(py, name, whole).unwrap_or_else(|| help.to_owned());
            py.warnings.report(d.help(help));
            return Ok(None);
        }
        let d = Diagnostic::new(&diag::E0812, at, format!("`{class}` has no `{name}`"));
        let help =
            "write a method `inference` behind `@model_property`, which gives the net's output";
        return Err(Box::new(d.help(astray(py, name, whole).unwrap_or_else(|| help.to_owned()))));
    }
    let value = py.get_attribute(tower, name, whole).map_err(failed)?;
    if matches!(value, Value::Method(_)) {
        let at = place(py, &format!("def {name}"), whole);
        let message = format!("`{name}` is a method, and DIGITS asks for a property");
        let d = Diagnostic::new(&diag::E0812, at, message);
        return Err(Box::new(d.help(
            "write `@model_property` in the line above, and `self.NAME` without parentheses where it is used"
                .replace("NAME", name),
        )));
    }
    Ok(Some(value))
}

fn has(instance: &Instance, name: &str) -> bool {
    instance.get(name).is_some() || instance.class.lookup(name).is_some()
}

/// `inference` or `loss` gave something that is no tensor.
pub(super) fn no_tensor(py: &mut Python, name: &str, value: &Value, whole: Span) -> Stop {
    let at = place(py, &format!("def {name}"), whole);
    let message = match value {
        Value::None => format!("`{name}` returns nothing"),
        list if list.as_items().is_some_and(|items| items.iter().any(Value::is_none)) => {
            let d = Diagnostic::new(&diag::E0812, at, format!("`{name}` gives a list of None"));
            return Box::new(d.help(
                "a function that was called for it returns nothing: end it with `return net`",
            ));
        }
        other => format!("`{name}` gives '{}', no tensor", py.type_name(other)),
    };
    let d = Diagnostic::new(&diag::E0812, at, message);
    Box::new(match name {
        "loss" => d.help("end it with `return loss`, a tensor of one number"),
        _ => d.help("end it with `return net`, a tensor, or with a list of tensors"),
    })
}

/// Warns of variables that were made while the loss was asked for.
pub(super) fn late<'a>(py: &mut Python, variables: impl Iterator<Item = &'a Variable>) {
    for Variable { name, place, .. } in variables {
        let message = format!("the variable `{name}` is made in `loss`, which DIGITS 6 refuses");
        let d = Diagnostic::new(&diag::W0813, *place, message);
        py.warnings.report(d.help("make it in `inference`, and keep it in `self`"));
    }
}

/// Whether a message is about shapes or elements, not about names and types.
pub(super) fn names_shapes(message: &str) -> bool {
    !["NameError", "AttributeError", "TypeError", "ModuleNotFoundError", "ImportError"]
        .iter()
        .any(|kind| message.starts_with(kind))
}
