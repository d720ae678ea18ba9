//! DIGITS-TensorFlow: Python definitions to `ir::Definition`.
//!
//! ```text
//!  text ── python (syntax, interp) with library ──▶ graph ── definition ──▶ nodes
//! ```
//!
//! A definition is a program, so it is run in the interpreter of [`python`](crate::front::python), over a library of what
//! definitions call.
//!
//! `/` of two integers keeps the remainder in a definition: DIGITS' main.py begins with `from __future__ import division` and
//! gives the text to `exec`, which hands that on. In files that a definition imports it drops the remainder, with a warning
//! (W0805) where there is one, unless they begin so themselves.

mod definition;
pub mod graph;
mod library;

pub use definition::read;
pub use library::{Entry, functions};
