//! Caffe: protobuf text format to `ir::Definition`.

mod balance;
mod complaints;
mod conflicts;
mod first_values;
mod foreign;
mod fork_types;
mod forks;
pub mod legacy;
mod literal;
mod lower;
mod print;
pub mod pycaffe;
mod repeated;
mod schema;
pub mod solver;
mod strangers;
mod syntax;
pub mod tree;

pub(crate) use lower::{definition, record, state};
pub use print::print;
use print::print_field;
use solver::is_solver_message;
pub use syntax::parse;

use crate::diag::Diagnostics;
use crate::ir::Definition;
use crate::source::FileId;

/// Reads a net definition of any generation.
pub fn read(file: FileId, text: &str, diagnostics: &mut Diagnostics) -> Definition {
    let net = legacy::upgrade_net(parse(file, text, diagnostics), diagnostics);
    definition(&record(&net), diagnostics)
}

#[cfg(test)]
mod tests;
