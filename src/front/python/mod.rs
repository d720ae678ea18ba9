//! Python, for definitions that are programs in it: text to syntax tree to values.
//!
//! ```text
//!  text ── syntax (layout, grammar, reader) ──▶ ast::File ── interp (resolve, run) ──▶ values
//! ```
//!
//! A definition is run in an interpreter of the Python that network definitions are written in, 2.7 or 3, without files,
//! processes and clock, and with bounded work, memory and depth ([`cage`](crate::front::cage)). What it calls to make a net,
//! TensorFlow's functions or pycaffe's, a dialect's front end adds.
//!
//! Where the Pythons differ, the text decides ([`ast::Version`]): one with syntax of Python 3 alone (f-strings, `nonlocal`,
//! annotations, `super()`) is read as Python 3, all others as Python 2.7: `range`, `map`, `zip` and `filter` give lists;
//! `round` gives a float; `/` of two integers drops the remainder, with a warning (W0805) where there is one, unless the text
//! begins with `from __future__ import division`.
//!
//! Integers have 64 bits and raise OverflowError beyond. Bytes are texts. Objects with an `__eq__` of their own cannot be
//! keys of dicts. `yield` is a statement or the whole value of an assignment, and nothing is sent to it. Classes have no
//! metaclass that does anything.

pub mod ast;
pub(in crate::front) mod find;
pub mod interp;
mod stdlib;
pub mod syntax;
