//! Where in the definition a module was made and added, for complaints about it.

use super::{Stop, Walk};
use crate::diag::{self, Diagnostic, Label};
use crate::front::torch::interp::Table;
use crate::source::Span;

/// Places that a complaint names beside the one that made a module.
const MOST_ADDED: usize = 4;

/// Modules that may lie within each other.
const MOST_DEEP: usize = 6000;

impl Walk<'_> {
    /// The places that added what is being walked, the innermost first, for a node that was made at `span`.
    pub(super) fn adding(&self, span: Span) -> Vec<Span> {
        let mut places: Vec<Span> = vec![];
        for &place in self.adding.iter().rev() {
            if places.len() == MOST_ADDED {
                break;
            }
            if place != span && !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// A complaint with a place in the definition: that of a module, if it has none of its own.
    pub(super) fn placed(&self, mut stop: Stop, module: &Table) -> Stop {
        let outside = |span: Span| !self.lua.is_internal(span) && span != Span::nowhere();
        if !stop.span().is_some_and(outside) {
            let text = "in this module".to_owned();
            stop.labels.retain(|label| outside(label.span));
            stop.labels.insert(0, Label { span: self.place(module), text });
        }
        stop
    }

    /// Complains where modules are within each other without end.
    pub(super) fn deeper(&self, module: &Table) -> Result<(), Stop> {
        if self.lua.has_room() && self.depth <= MOST_DEEP {
            return Ok(());
        }
        let message = "modules are too deep within each other, or one contains itself";
        Err(self.complaint(module, message.to_owned()))
    }

    /// The line that made a module.
    pub(super) fn place(&self, module: &Table) -> Span {
        self.library.constructed(module).unwrap_or(self.whole)
    }

    /// A complaint about a module, with the line that added it.
    pub(super) fn complaint(&self, module: &Table, message: String) -> Stop {
        let d = Diagnostic::new(&diag::E0402, self.place(module), message).here("made here");
        Box::new(match self.library.added(module) {
            Some(added) if added != self.place(module) => d.label(added, "added here"),
            _ => d,
        })
    }
}
