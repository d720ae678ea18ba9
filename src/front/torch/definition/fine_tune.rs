//! DIGITS' `fineTuneHook`: a function of the definition that changes the model once it has the weights of another training,
//! such as that of its last layer for other classes.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::super::interp::{Lua, Value};
use super::super::library::Library;
use super::super::lower::{Places, Stop, Window, stop};
use super::{Returned, build};
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::front::Request;
use crate::ir::{Before, Definition};

/// A net as it was before the hook.
pub(super) struct Earlier {
    definition: Definition,
    places: Places,
}

impl Earlier {
    /// With where its parameters are after the hook.
    pub(super) fn after(self, now: &Places) -> Before {
        let now: HashMap<Window, &(String, usize)> =
            now.iter().rev().map(|(window, place)| (*window, place)).collect();
        let moved: BTreeMap<_, _> = self
            .places
            .into_iter()
            .filter_map(|(window, old)| Some((old, (*now.get(&window)?).clone())))
            .collect();
        Before { definition: self.definition, moved }
    }
}

/// Lets the definition change its model, if weights are waiting for it and it has such a function.
pub(super) fn apply(
    lua: &mut Lua,
    library: &Rc<Library>,
    returned: &mut Returned,
    request: &Request,
    empty: &Definition,
) -> Result<Option<Earlier>, Stop> {
    let hook = returned.whole.as_ref().map(|whole| whole.field("fineTuneHook"));
    let Some(hook) = hook.filter(|hook| request.fine_tune && !hook.is_nil()) else {
        return Ok(None);
    };
    let (mut definition, mut silent) = (empty.clone(), Diagnostics::default());
    let whole = empty.span;
    let places = build(lua, library, returned, request, whole, &mut silent, &mut definition)?;
    match lua.call_for_one(&hook, vec![Value::Table(returned.model.clone())]).map_err(stop)? {
        Value::Table(model) => returned.model = model,
        _ => {
            let message = "the fineTuneHook returns no model";
            let help = "end it with `return net`";
            let place = super::contract::place(&lua.sources, whole, "fineTuneHook");
            return Err(Box::new(Diagnostic::new(&diag::E0705, place, message).help(help)));
        }
    }
    Ok(Some(Earlier { definition, places }))
}
