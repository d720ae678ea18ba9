//! Torch7: Lua definitions to `ir::Definition`.
//!
//! ```text
//!  text ── syntax ──▶ ast::Block ── interp (resolve, run) ──▶ values
//! ```
//!
//! A definition is a program, so it is run: in an interpreter of Lua 5.1 as LuaJIT speaks it, without files, processes
//! and clock, and with bounded work, memory and depth ([`cage`]).

pub mod ast;
pub mod cage;
pub mod interp;
mod scan;
mod stdlib;
pub mod syntax;
pub mod tensor;
