//! Keeps the number of syntax errors of one text readable.

use crate::diag::{Diagnostic, Diagnostics};

/// A text with more mistakes than this is most likely not a prototxt.
const LIMIT: usize = 100;

/// Passes the first [`LIMIT`] errors on; the last of them says that there are more.
pub(super) struct Complaints<'d> {
    diagnostics: &'d mut Diagnostics,
    count: usize,
}

impl<'d> Complaints<'d> {
    pub fn new(diagnostics: &'d mut Diagnostics) -> Self {
        Complaints { diagnostics, count: 0 }
    }

    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.count += 1;
        if self.count < LIMIT {
            self.diagnostics.report(diagnostic);
        } else if self.count == LIMIT {
            self.diagnostics.report(diagnostic.note(format!(
                "this is error number {LIMIT} of this text; the following ones are not shown"
            )));
        }
    }
}
