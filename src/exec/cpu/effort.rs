//! Guesses how long a step takes on one thread, from its cost, to keep small ones from waking other threads.

use crate::program::{Program, Step, cost};

/// Nanoseconds of a step on one thread up to which no other is asked to help.
pub(super) const SMALL: u64 = 4_000;

/// Nanoseconds of all steps on one thread up to which a run stays where it is called.
pub(super) const SMALL_RUN: u64 = 40_000;

/// About how long a step takes on one thread.
pub(super) fn nanoseconds(program: &Program, step: &Step) -> u64 {
    let cost = cost(program, step);
    cost.multiply_adds / 40 + cost.other / 8 + cost.elements / 8
}
