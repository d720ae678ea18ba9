//! The name of a field that is not known to the known ones that resemble it.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::nearest::nearest;

/// The one known name that a name is the beginning or the end of: `operation` for `op`, `dropout_ratio` for `ratio`.
pub(super) fn longer<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let mut found = known.iter().filter(|known| {
        known.starts_with(name) || known.strip_suffix(name).is_some_and(|rest| rest.ends_with('_'))
    });
    let one = found.next()?;
    (2 <= name.len() && found.next().is_none()).then_some(one)
}

/// A message among the known fields that has a field nearly of this name, and that field.
pub(super) fn inside<'a>(
    name: &str,
    known: &[&'a str],
    asked: &BTreeMap<String, BTreeSet<&'static str>>,
) -> Option<(&'a str, &'static str)> {
    known.iter().find_map(|message| {
        let fields = asked.get(*message)?;
        Some((*message, nearest(name, fields.iter().copied())?))
    })
}

/// `a`, `b` and `c` in backticks.
pub(super) fn join(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
