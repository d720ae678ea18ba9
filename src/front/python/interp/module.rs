//! Modules: names with values, made by Rust or by running a text.

use super::value::{Value, bury};
use indexmap::IndexMap;
use std::cell::RefCell;
use std::rc::Rc;

/// Names with values, in the order in which they were set.
pub type Names = IndexMap<Rc<str>, Value>;

/// A module.
pub struct Module {
    /// The dotted name.
    pub name: Rc<str>,
    /// Its variables.
    pub names: RefCell<Names>,
}

impl Module {
    /// An empty module.
    pub fn new(name: &str) -> Rc<Self> {
        Rc::new(Module { name: name.into(), names: RefCell::default() })
    }

    /// A variable.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.names.borrow().get(name).cloned()
    }

    /// Sets a variable.
    pub fn set(&self, name: impl Into<Rc<str>>, value: impl Into<Value>) {
        let old = self.names.borrow_mut().insert(name.into(), value.into());
        bury(old);
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        bury(self.names.take().into_values());
    }
}
