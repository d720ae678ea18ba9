//! What a definition is told, and what it asks for in vain.

use std::cell::RefCell;
use std::rc::Rc;

use crate::diag::Diagnostic;
use crate::front::Request;
use crate::front::torch::interp::{Lua, LuaResult, Native, Table, Value};
use crate::front::torch::library::Library;
use crate::front::torch::tensor::{Kind, Tensor};
use crate::source::{SourceMap, Span};

/// The options that a definition has asked for and that nobody gives, in order.
#[derive(Clone, Default)]
pub(super) struct Asked(Rc<RefCell<Vec<String>>>);

/// More options in a row are not listed.
const MOST_LISTED: usize = 12;

impl Asked {
    /// Notes which fields of a table are read in vain.
    fn watch(&self, lua: &mut Lua, params: &Table) {
        let (asked, meta) = (self.0.clone(), lua.table());
        let index = Native::value("__index", move |_, args| {
            if let Value::String(name) = args.get(1) {
                let (name, mut asked) = (name.to_str().into_owned(), asked.borrow_mut());
                if !asked.contains(&name) && asked.len() < 1000 {
                    asked.push(name);
                }
            }
            Ok(vec![Value::Nil])
        });
        meta.set_field("__index", index);
        params.set_metatable(Some(meta));
    }

    /// A complaint with what helps: the name of a known module, or the options that are missing.
    ///
    /// "attempt to call field 'X'" says little where `X` is a misspelt module.
    pub(super) fn suggest(
        &self,
        diagnostic: Diagnostic,
        library: &Library,
        sources: &SourceMap,
        text: &str,
    ) -> Diagnostic {
        let field = diagnostic.message.split_once("field '");
        let name = field.and_then(|(_, rest)| rest.split_once('\''));
        if let Some(help) = name.and_then(|(name, _)| library.suggestion(name)) {
            return diagnostic.help(help);
        }
        if let Some(name) = asserted(&diagnostic, text) {
            return diagnostic.help(format!("`--param {name}=…` gives it"));
        }
        if !["E0701", "E0702"].contains(&diagnostic.code.id) {
            return diagnostic;
        }
        let needed = |name: &&String| sources.files().any(|file| is_needed(&file.text, name));
        let asked = self.0.borrow();
        let missing: Vec<String> =
            asked.iter().filter(needed).map(|name| format!("--param {name}=…")).collect();
        match &missing[..] {
            [] => diagnostic,
            [one] => {
                diagnostic.help(format!("the definition asks for an option: `{one}` gives it"))
            }
            several => {
                let listed = several[..several.len().min(MOST_LISTED)].join(" ");
                diagnostic.help(format!("options that nobody has given: `{listed}`"))
            }
        }
    }
}

/// What helps where a call or an operation that failed reads global variables that nobody has set.
pub(super) fn unset(lua: &Lua, complaint: &Diagnostic) -> Option<String> {
    let place = complaint.span().filter(|_| ["E0701", "E0702"].contains(&complaint.code.id))?;
    let mut missing: Vec<String> = vec![];
    for (name, span) in lua.globals_read() {
        let inside = span.file == place.file && place.start <= span.start && span.end <= place.end;
        let text = &lua.sources.file(span.file).text;
        let used =
            text[span.range().end..].trim_start().starts_with(['(', '.', ':', '{', '[', '"', '\'']);
        let name = name.to_str();
        if inside
            && !used
            && lua.globals().field(&name).is_nil()
            && !missing.contains(&name.to_string())
        {
            missing.push(name.into_owned());
        }
    }
    let given: Vec<String> = missing.iter().map(|name| format!("--param {name}=…")).collect();
    match missing.len() {
        0 => None,
        1 => Some(format!("`{}` is nil: `{}` sets it", missing[0], given[0])),
        _ => Some(format!("`{}` are nil: `{}` sets them", missing.join("`, `"), given.join(" "))),
    }
}

/// Whether a text reads a field of this name somewhere without asking whether it is there.
fn is_needed(text: &str, name: &str) -> bool {
    let written = format!(".{name}");
    let mut places = text.match_indices(&written).filter(|(at, _)| {
        let owner = text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let rest = &text[at + written.len()..];
        owner && !rest.starts_with(|c: char| c.is_alphanumeric() || "_(:".contains(c))
    });
    places.any(|(at, _)| {
        let owner = text[..at].trim_end_matches(|c: char| c.is_alphanumeric() || "_.".contains(c));
        let (before, after) = (owner.trim_end(), text[at + written.len()..].trim_start());
        let asked_before = ["if", "not", "and", "or"].iter().any(|word| before.ends_with(word));
        let asked_after = ["or ", "==", "~=", "and ", "then"].iter().any(|w| after.starts_with(w));
        !(asked_after || asked_before && !after.starts_with(['<', '>', '+', '*', '/', '%']))
    })
}

/// The option that a failed `assert(opt and opt.depth)` asks for.
fn asserted(diagnostic: &Diagnostic, text: &str) -> Option<String> {
    let place = diagnostic.labels.first()?.span;
    let written = text.get(place.start as usize..place.end as usize)?;
    let (_, rest) = written.strip_prefix("assert(")?.rsplit_once("opt.")?;
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (diagnostic.message == "assertion failed!" && !name.is_empty()).then_some(name)
}

/// What DIGITS passes to the function: `ngpus`, `nclasses`, `inputShape`; and what the caller adds.
pub(super) fn parameters(lua: &mut Lua, request: &Request, asked: &Asked) -> LuaResult<Value> {
    let params = lua.table();
    params.set_field("ngpus", 0.0);
    // What programs of the kind of fb.resnet.torch are told where nobody tells them anything else.
    params.set_field("nGPU", 1.0);
    params.set_field("retrain", "none");
    if let Some(classes) = request.classes {
        params.set_field("nclasses", classes as f64);
    }
    let shape = request.input_shape.clone().or_else(|| {
        let shape = request.shape("0").or(request.shape("input"))?;
        (shape.rank() == 4).then(|| shape.dims()[1..].to_vec())
    });
    if let Some(shape) = shape {
        let values: Vec<f64> = shape.iter().map(|&d| d as f64).collect();
        params.set_field(
            "inputShape",
            Tensor::from_values(lua, Kind::Float, &[values.len()], &values)?.into_value(),
        );
    }
    // Benchmarks of convolutions pass the classes to use as a list, with the order of axes and the library's name.
    let nn = lua.globals().field("nn");
    for (i, name) in ["SpatialConvolutionMM", "SpatialMaxPooling", "ReLU"].into_iter().enumerate() {
        let class = lua.index(&nn, &name.into(), Span::nowhere())?;
        params.set((i + 1).into(), class);
    }
    params.set(4usize.into(), "BDHW".into());
    params.set(5usize.into(), "nn".into());
    for (name, value) in &request.params {
        let value = param(lua, value)?;
        params.set_field(name, value);
    }
    asked.watch(lua, &params);
    Ok(Value::Table(params))
}

/// A parameter as it was written: a truth value, a number, a table as Lua writes it, a tensor or module by the call that
/// makes it, or a text.
pub(super) fn param(lua: &mut Lua, text: &str) -> LuaResult<Value> {
    let written = text.trim();
    let is_call = ["torch.", "nn."].iter().any(|space| written.starts_with(space))
        && written.ends_with([')', '}']);
    if (written.starts_with('{') || is_call)
        && let Ok(chunk) = lua.load("--param", &format!("return {text}"))
    {
        return lua.call_for_one(&chunk, vec![]);
    }
    Ok(match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text => text.parse().map_or_else(|_| text.into(), |x: f64| x.into()),
    })
}
