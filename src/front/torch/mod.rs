//! Torch7: Lua definitions to `ir::Definition`.
//!
//! ```text
//!  text ── syntax ──▶ ast::Block ── interp (resolve, run) ──▶ modules ── lower ──▶ nodes
//! ```
//!
//! A definition is a program, so it is run: in an interpreter of Lua 5.1 as LuaJIT speaks it, without files, processes
//! and clock, and with bounded work, memory and depth ([`cage`](crate::front::cage)).

pub mod ast;
mod definition;
pub mod interp;
pub mod library;
pub mod lower;
mod scan;
mod stdlib;
pub mod syntax;
pub mod tensor;

pub use definition::read;
