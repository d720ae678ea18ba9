//! DIGITS-TensorFlow: Python definitions to `ir::Definition`.
//!
//! ```text
//!  text ── syntax (layout, grammar, reader) ──▶ ast::File ── interp (resolve, run) ──▶ graph ── definition ──▶ nodes
//! ```
//!
//! A definition is a program, so it is run: in an interpreter of the Python that network definitions are written in,
//! 2.7 or 3, without files, processes and clock, and with bounded work, memory and depth
//! ([`cage`](crate::front::cage)).
//!
//! Where the Pythons differ, the text decides ([`ast::Version`]): one with syntax of Python 3 alone (f-strings, `nonlocal`,
//! annotations, `super()`) is read as Python 3, all others as Python 2.7, for which DIGITS was written: `range`, `map`, `zip`
//! and `filter` give lists; `round` gives a float. `/` of two integers keeps the remainder in a definition: DIGITS' main.py
//! begins with `from __future__ import division` and gives the text to `exec`, which hands that on. In files that a
//! definition imports it drops the remainder, with a warning (W0805) where there is one, unless they begin so themselves.
//!
//! Integers have 64 bits and raise OverflowError beyond. Bytes are texts. Objects with an `__eq__` of their own cannot be
//! keys of dicts. `yield` is a statement or the whole value of an assignment, and nothing is sent to it. Classes have no
//! metaclass that does anything.

pub mod ast;
mod definition;
pub mod graph;
pub mod interp;
mod library;
mod stdlib;
pub mod syntax;

pub use definition::read;
pub use library::{Entry, functions};
