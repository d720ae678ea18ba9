//! A failed call to what was meant by it: methods with a point or a misspelt name, modules that are nil, classes for modules.

use std::collections::BTreeSet;

use super::super::interp::{Lua, Value};
use super::functions::names;
use crate::diag::Diagnostic;
use crate::diag::nearest::nearest;
use crate::source::Span;

/// Classes of nn whose methods a misspelt name is compared with.
const CLASSES: [&str; 7] = [
    "Module",
    "Container",
    "Sequential",
    "View",
    "SpatialConvolution",
    "SpatialMaxPooling",
    "Criterion",
];

/// The methods of containers that are given a module.
const ADDING: [&str; 3] = ["add", "insert", "replace"];

/// The complaint about a call, with advice where the text of the call shows what was meant.
pub(super) fn advised(complaint: Diagnostic, lua: &mut Lua) -> Diagnostic {
    let Some(span) = complaint.span().filter(|span| span.start < span.end) else {
        return complaint;
    };
    if lua.is_internal(span) {
        return complaint;
    }
    let text = lua.sources.file(span.file).text.clone();
    let Some(call) = text.get(span.range()) else { return complaint };
    if complaint.message.contains(" cannot be made of these arguments: ") {
        return of_constructor(complaint, call, span);
    }
    if complaint.help.is_some() {
        return complaint;
    }
    let (message, at) = (complaint.message.clone(), span.start as usize);
    if let Some(rest) = message.strip_prefix("attempt to call method '") {
        let name = rest.split('\'').next().unwrap_or("");
        let methods = methods(lua);
        if let Some((place, method)) = point_for_colon(call, span)
            && methods.contains(method)
        {
            return complaint.edit("methods are called with a colon", place, ":");
        }
        return match nearest(name, methods.iter().map(String::as_str)) {
            Some(near) if call.starts_with(name) => {
                let end = span.start + name.len() as u32;
                complaint.edit(format!("did you mean `{near}`?"), Span { end, ..span }, near)
            }
            _ => complaint,
        };
    }
    if message == "attempt to get length of field 'modules' (a nil value)"
        && let Some(before) = text[..at].strip_suffix(':')
        && let object = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next()
        && let Some((at, class)) = module_of(&text, object.unwrap_or(""))
        && !class.contains('(')
    {
        let place = Span::new(span.file, at, at + class.len());
        return complaint.label(place, format!("`{class}` is a class")).edit(
            format!("a module is made by a call: `{class}()`"),
            place.after(),
            "()",
        );
    }
    if let Some(rest) = message.strip_prefix("attempt to index local '")
        && let Some(at) = rest.split('\'').next().and_then(|name| made_by_new(&text, name))
    {
        let place = Span::new(span.file, at, at + "new ".len());
        return complaint.edit("Lua has no `new`: a class is called", place, "");
    }
    if message == "nn.gModule expects nodes as its outputs" {
        return of_outputs(complaint, &text, call, span);
    }
    if let Some(module) = message.strip_prefix(UNCONNECTED) {
        return of_node(complaint, &text, module, span);
    }
    if !message.starts_with("nn.Module expected, got ") {
        return complaint;
    }
    let Some((callee, arguments)) = call.split_once('(') else { return complaint };
    let argument = arguments.strip_suffix(')').unwrap_or(arguments).trim();
    let is_path = |text: &str| {
        text.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_alphanumeric() || "_.".contains(c))
    };
    if let Some((object, method)) = callee.rsplit_once('.')
        && ADDING.contains(&method.trim())
        && !text[..at].ends_with(':')
    {
        let point = at + object.len();
        let place = Span { start: point as u32, end: point as u32 + 1, ..span };
        return complaint.edit("methods are called with a colon", place, ":");
    }
    match &message["nn.Module expected, got ".len()..] {
        "nil" if is_path(argument) => {
            let complaint = complaint.here(format!("`{argument}` is nil"));
            let place = at + callee.len() + 1 + arguments.find(argument).unwrap_or(0);
            let place = Span::new(span.file, place, place + argument.len());
            match nearest(argument, assigned(&text).into_iter().filter(|name| *name != argument)) {
                Some(near) => complaint.edit(format!("did you mean `{near}`?"), place, near),
                None => complaint,
            }
        }
        "table" if is_path(argument) && argument.contains('.') => {
            let place = at + callee.len() + 1 + arguments.find(argument).unwrap_or(0);
            let after = Span::new(span.file, place, place + argument.len()).after();
            complaint.here(format!("`{argument}` is a class")).edit(
                format!("a module is made by a call: `{argument}()`"),
                after,
                "()",
            )
        }
        _ => complaint,
    }
}

/// How the complaint about a node of nngraph without inputs begins; the module follows.
const UNCONNECTED: &str = "a node without inputs is not among the inputs of nn.gModule: ";

/// Arguments of a constructor in braces, or a text where a number belongs.
fn of_constructor(complaint: Diagnostic, call: &str, span: Span) -> Diagnostic {
    let Some(open) = call.find(['(', '{']) else { return complaint };
    let (class, rest) = (call[..open].trim(), &call[open + 1..]);
    let Some(inside) = rest.strip_suffix([')', '}']) else { return complaint };
    if call[open..].starts_with('{') && !inside.contains(['=', '{']) {
        let place = Span { start: span.start + open as u32, ..span };
        let help = "braces make one table of the arguments";
        return complaint.edit(help, place, format!("({})", inside.trim()));
    }
    let text = inside.split(',').map(str::trim).position(|part| part.starts_with(['"', '\'']));
    let signature = complaint.help.as_ref().map(|help| help.text.clone()).unwrap_or_default();
    let names = signature.split_once('(').map_or("", |(_, names)| names.trim_end_matches(')'));
    match text.and_then(|at| names.split(", ").nth(at)) {
        Some(name) if !inside.contains(['(', '{']) => Diagnostic {
            message: format!("`{name}` of {class} is a text, not a number"),
            ..complaint
        },
        _ => complaint,
    }
}

/// Where a name is given a module at the beginning of a line, `local y = nn.Linear(2, 3)`: the place of the module and its
/// text.
fn module_of<'a>(text: &'a str, name: &str) -> Option<(usize, &'a str)> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let written = line.trim_start();
        let written = written.strip_prefix("local ").unwrap_or(written).trim_start();
        if let Some(rest) = written.strip_prefix(name)
            && let Some(value) = rest.trim_start().strip_prefix('=')
            && value.trim_start().starts_with("nn.")
        {
            let value = value.split("--").next().unwrap_or(value).trim();
            return Some((start + line.find(value)?, value));
        }
        start += line.len();
    }
    None
}

/// The point in a call such as `tower.clone('weight')` where a colon belongs, with the name behind it.
fn point_for_colon(call: &str, span: Span) -> Option<(Span, &str)> {
    let (object, method) = call.split_once('(')?.0.rsplit_once('.')?;
    let is_name = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == '_');
    let point = span.start + object.len() as u32;
    let place = Span { start: point, end: point + 1, ..span };
    (is_name(method) && is_name(object)).then_some((place, method))
}

/// The place of `new ` in `x = new nn.Sequential()`.
fn made_by_new(text: &str, name: &str) -> Option<usize> {
    text.match_indices("new nn.").map(|(at, _)| at).find(|&at| {
        let before = text[..at].trim_end().strip_suffix('=').map(str::trim_end);
        before.and_then(|before| before.strip_suffix(name)).is_some_and(|b| b.ends_with(' '))
    })
}

/// An output of `nn.gModule` that is a module which was never called with its input.
fn of_outputs(complaint: Diagnostic, text: &str, call: &str, span: Span) -> Diagnostic {
    let outputs = call.rsplit_once('{').and_then(|(_, list)| list.split_once('}'));
    let names = outputs.map_or("", |(list, _)| list).split(',').map(str::trim);
    for name in names.filter(|name| !name.is_empty()) {
        let Some((at, module)) = module_of(text, name) else { continue };
        // A node has a second pair of brackets behind those of its module.
        if module.contains(")(") || module.contains(")({") || module.contains('\n') {
            continue;
        }
        let place = Span::new(span.file, at, at + module.len());
        return complaint
            .label(place, format!("`{name}` is a module, not a node"))
            .help(format!("call it with the node that it reads: `{module}(...)`"));
    }
    complaint
}

/// A node without inputs, where the text has one such call: `nn.Identity()()`, or a module that is given another module.
fn of_node(complaint: Diagnostic, text: &str, module: &str, span: Span) -> Diagnostic {
    let class = module.split(['(', ' ']).next().unwrap_or(module);
    let class = class.trim();
    let declared = complaint.labels.first().map_or("", |label| {
        let call = text.get(label.span.range()).unwrap_or("");
        call.split_once('{').and_then(|(_, list)| list.split_once('}')).map_or("", |(list, _)| list)
    });
    let is_input = |name: &str| declared.split(',').any(|input| input.trim() == name);
    let mut found = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split("--").next().unwrap_or(line);
        let name = code.trim_start().trim_start_matches("local ").split('=').next().unwrap_or("");
        if let Some(at) = code.find(class).filter(|_| code.contains('=') && !is_input(name.trim()))
        {
            let value = code[at..].trim_end();
            let alone = value.ends_with(")()");
            let of_module = value.split_once(")(nn.").is_some_and(|(_, rest)| !rest.contains(")("));
            if alone || of_module {
                if found.is_some() {
                    return complaint;
                }
                found = Some((start + at, value, alone));
            }
        }
        start += line.len();
    }
    let Some((at, value, alone)) = found else { return complaint };
    let place = Span::new(span.file, at, at + value.len());
    match alone {
        true => complaint
            .label(place, "this node")
            .help("name it among the inputs of nn.gModule, or give it the node that it reads"),
        false => complaint
            .label(place, "is given a module, not a node")
            .help("call the module inside with its input too: `nn.ReLU()(x)`"),
    }
}

/// The methods of nn's classes.
fn methods(lua: &mut Lua) -> BTreeSet<String> {
    let nn = lua.globals().field("nn");
    let mut found = BTreeSet::new();
    for class in CLASSES {
        let Ok(Value::Table(class)) = lua.index(&nn, &class.into(), Span::nowhere()) else {
            continue;
        };
        let is_method = |name: &String| class.field(name).is_function();
        found.extend(names(&class).into_iter().filter(|n| !n.starts_with('_') && is_method(n)));
    }
    found
}

/// Names that a text gives values, in the order of the text.
pub(super) fn assigned(text: &str) -> Vec<&str> {
    let mut found = vec![];
    for line in text.lines() {
        let line = line.trim_start();
        let line = line.strip_prefix("local ").unwrap_or(line).trim_start();
        let name = line.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
        let rest = line[name.len()..].trim_start();
        if !name.is_empty() && rest.starts_with('=') && !rest.starts_with("==") {
            found.push(name);
        }
    }
    found
}
