//! The fields of the table that a DIGITS definition returns: those with wrong values are complained about, since DIGITS
//! would stop at them.

use super::super::interp::{Table, Value};
use super::super::library::{class_name, is_criterion};
use super::super::lower::Stop;
use super::functions::names;
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::source::{SourceMap, Span};

/// Fields that hold a whole number above 0, or nothing.
const COUNTS: [&str; 3] = ["trainBatchSize", "validationBatchSize", "croplen"];

/// Fields that hold a function, or nothing.
const HOOKS: [&str; 2] = ["labelHook", "fineTuneHook"];

/// What else DIGITS reads.
const OTHERS: [&str; 3] = ["model", "loss", "disableAutoDataParallelism"];

/// Every field that DIGITS reads.
fn fields() -> impl Iterator<Item = &'static str> {
    OTHERS.into_iter().chain(COUNTS).chain(HOOKS)
}

/// Where the definition gives a field of the returned table its value: the last place that looks like it, else the whole text.
pub(super) fn place(sources: &SourceMap, whole: Span, field: &str) -> Span {
    if whole == Span::nowhere() {
        return whole;
    }
    let text = &*sources.file(whole.file).text;
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let gives = |at: usize| {
        let (before, after) = (&text[..at], &text[at + field.len()..]);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let after = after.trim_start_matches(['\'', '"', ']']).trim_start();
        after.starts_with('=')
            && !after.starts_with("==")
            && !before.ends_with(is_word)
            && !line.contains("--")
    };
    let found = text.match_indices(field).map(|(at, _)| at).filter(|&at| gives(at)).last();
    found.map_or(whole, |at| Span::new(whole.file, at, at + field.len()))
}

/// Warns of fields whose names resemble those that DIGITS reads; what else a definition keeps there is its own affair.
pub(super) fn misspelt(
    table: &Table,
    sources: &SourceMap,
    whole: Span,
    diagnostics: &mut Diagnostics,
) {
    for (key, _) in table.entries() {
        let Value::String(name) = key else { continue };
        let name = name.to_str();
        if let Some(near) = nearest(&name, fields()).filter(|near| *near != name) {
            let message = format!("DIGITS knows no field `{name}`");
            let d = Diagnostic::new(&diag::W0625, place(sources, whole, &name), message)
                .here("of the table that is returned");
            diagnostics.report(d.help(format!("did you mean `{near}`?")));
        }
    }
}

/// A complaint about a returned table that has a model under a name that resembles the one it should have.
pub(super) fn misspelt_model(
    table: &Table,
    text: &str,
    whole: Span,
    is_module: impl Fn(&Table) -> bool,
) -> Option<Diagnostic> {
    let name = names(table).into_iter().find(|name| {
        let held = matches!(table.field(name), Value::Table(t) if is_module(&t));
        held && name != "model" && nearest(name, ["model"]).is_some()
    })?;
    let message = format!("the returned table has no `model`, but a `{name}`");
    // The only place that gives a field of this name a value.
    let mut places = text.match_indices(&name).map(|(at, _)| at).filter(|&at| {
        let rest = text[at + name.len()..].trim_start();
        let is_end = |c: char| c.is_alphanumeric() || c == '_';
        rest.starts_with('=') && !rest.starts_with("==") && !text[..at].ends_with(is_end)
    });
    Some(match (places.next(), places.next()) {
        (Some(at), None) => {
            let place = Span::new(whole.file, at, at + name.len());
            Diagnostic::new(&diag::E0705, place, message).edit(
                "did you mean `model`?",
                place,
                "model",
            )
        }
        _ => Diagnostic::new(&diag::E0705, whole, message).help("did you mean `model`?"),
    })
}

/// A complaint about a returned table whose `model` is a name that has no value, at that name.
pub(super) fn nil_model(text: &str, whole: Span) -> Option<Diagnostic> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut places = text.match_indices("model").filter_map(|(at, field)| {
        let value = text[at + field.len()..].trim_start().strip_prefix('=')?.trim_start();
        let name = value.split(|c: char| !is_part(c)).next().unwrap_or("");
        let ends = value[name.len()..].trim_start().starts_with([',', '}', ';']);
        let start = text.len() - value.len();
        (!text[..at].ends_with(is_part) && ends && !name.is_empty())
            .then(|| (name, Span::new(whole.file, start, start + name.len())))
    });
    let (Some((name, place)), None) = (places.next(), places.next()) else { return None };
    let d = Diagnostic::new(&diag::E0705, place, "the `model` that is returned is nil");
    let d = d.here(format!("`{name}` has no value here"));
    let names = super::advice::assigned(text).into_iter().filter(|other| *other != name);
    Some(match nearest(name, names) {
        Some(near) => d.edit(format!("did you mean `{near}`?"), place, near),
        None => d,
    })
}

/// The function that a field holds, if it holds anything.
pub(super) fn hook(
    table: &Table,
    name: &str,
    sources: &SourceMap,
    whole: Span,
) -> Result<Option<Value>, Stop> {
    match table.field(name) {
        Value::Nil => Ok(None),
        hook if hook.is_function() => Ok(Some(hook)),
        other => {
            let message = format!("`{name}` is a {}, not a function", other.type_name());
            let d = Diagnostic::new(&diag::E0705, place(sources, whole, name), message);
            Err(Box::new(d.help(match name {
                "labelHook" => "write `labelHook = function(input, label) ... return label end`",
                _ => "write `fineTuneHook = function(net) ... return net end`",
            })))
        }
    }
}

/// Complains about a field of a wrong kind.
pub(super) fn check(table: &Table, sources: &SourceMap, whole: Span) -> Result<(), Stop> {
    let refused = |field: &str, message: String, help: String| {
        let span = place(sources, whole, field);
        Err(Box::new(Diagnostic::new(&diag::E0705, span, message).help(help)))
    };
    match table.field("loss") {
        Value::Nil => {}
        Value::Table(loss) if is_criterion(&loss) => {}
        Value::Table(class)
            if class_name(&class).is_some_and(|_| !class.field("__index").is_nil()) =>
        {
            let name = class_name(&class).unwrap_or_default();
            return refused(
                "loss",
                format!("the `loss` is the class {name}, not a criterion of it"),
                format!("call it: loss = {name}()"),
            );
        }
        other => {
            let kind = other.type_name();
            return refused(
                "loss",
                format!("the `loss` is a {kind}, not a criterion"),
                "such as loss = nn.ClassNLLCriterion()".into(),
            );
        }
    }
    for name in HOOKS {
        hook(table, name, sources, whole)?;
    }
    for name in COUNTS {
        let value = table.field(name);
        let count = value.to_number().filter(|n| (1.0..1e9).contains(n) && n.fract() == 0.0);
        if !value.is_nil() && count.is_none() {
            let given = match value.to_text() {
                Some(text) => format!("`{}`", text.to_str()),
                None => format!("a {}", value.type_name()),
            };
            return refused(
                name,
                format!("`{name}` is {given}, not a whole number above 0"),
                format!("such as {name} = 64, or leave it out"),
            );
        }
    }
    Ok(())
}
