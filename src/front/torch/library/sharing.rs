//! What `clone` and `share` are told: which fields are shared, and names of fields that no module has.

use std::rc::Rc;

use super::{Library, Sharing, add};
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic};
use crate::front::torch::interp::{Table, Value};

/// Sharings that are remembered, for a complaint about those that end.
const MOST_SHARED: usize = 10_000;

/// Fields of modules that others do without, so that naming them is no mistake.
const USUAL: [&str; 6] =
    ["weight", "bias", "gradWeight", "gradBias", "running_mean", "running_var"];

/// What the Lua side calls.
pub(super) fn fill(library: &Rc<Library>, natives: &Table) {
    let this = library.clone();
    add(natives, "shares", move |lua, args| {
        let (module, other) = (args.table(lua, 0)?, args.table(lua, 1)?);
        let (field, place) = (args.string(lua, 2)?.to_str().into_owned(), lua.call_span());
        let mut shared = this.shared.borrow_mut();
        if let Some(place) = place.filter(|_| shared.len() < MOST_SHARED) {
            shared.push(Sharing { module: module.clone(), other: other.clone(), field, place });
        }
        Ok(vec![])
    });
    let this = library.clone();
    add(natives, "shares_nothing", move |lua, args| {
        let (name, held) = (args.string(lua, 0)?.to_str().into_owned(), args.table(lua, 1)?);
        let held: Vec<String> = held
            .items()
            .filter_map(|value| match value {
                Value::String(name) => Some(name.to_str().into_owned()),
                _ => None,
            })
            .collect();
        let Some(span) = lua.call_span().filter(|_| !USUAL.contains(&&*name)) else {
            return Ok(vec![]);
        };
        let message = format!("`{name}` is shared by nothing: no module here has such a tensor");
        let known = USUAL.into_iter().chain(held.iter().map(String::as_str));
        let d = Diagnostic::new(&diag::W0633, span, message);
        let d = match nearest(&name, known) {
            Some(near) => d.help(format!("did you mean '{near}'?")),
            None => d.help("'weight', 'bias', 'gradWeight' and 'gradBias' are what twins share"),
        };
        let mut warnings = this.warnings.borrow_mut();
        if warnings.iter().all(|known| *known != d) {
            warnings.push(d);
        }
        Ok(vec![])
    });
}

impl Library {
    /// Modules that were told to share fields, with the modules that they were to share them with.
    pub fn sharings(&self) -> Vec<Sharing> {
        self.shared.borrow().clone()
    }
}
