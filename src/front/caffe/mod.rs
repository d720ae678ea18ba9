//! Caffe: protobuf text format to `ir::Definition`.

mod balance;
mod complaints;
mod literal;
pub mod print;
pub mod syntax;
pub mod tree;

pub use balance::MAX_DEPTH;
pub use print::print;
pub use syntax::parse;

#[cfg(test)]
mod tests;
