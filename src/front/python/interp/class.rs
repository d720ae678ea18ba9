//! Classes, those of the definition and those built in, and the objects they make.

use super::Python;
use super::dict::{Dict, Key};
use super::error::Outcome;
use super::function::Args;
use super::module::Names;
use super::value::{Value, bury};
use crate::source::Span;
use std::cell::RefCell;
use std::rc::{Rc, Weak};

/// How a class written in Rust makes a value; it is told which class was called, since a definition may inherit from it.
pub type Construct = dyn Fn(&mut Python, &Rc<Class>, Args) -> Outcome;

/// A class.
pub struct Class {
    /// The name.
    pub name: Rc<str>,
    /// What it inherits from directly.
    pub bases: Vec<Rc<Class>>,
    /// The classes after this one in which attributes are looked up.
    pub ancestors: Vec<Rc<Class>>,
    /// Methods and class variables.
    pub names: RefCell<Names>,
    /// Makes a value instead of a plain instance; inherited.
    pub construct: Option<Rc<Construct>>,
    /// The module it is from, before its name in `repr`; empty for builtins.
    pub module: Rc<str>,
}

/// A class from inside its own functions.
pub type ClassCell = Rc<RefCell<Weak<Class>>>;

impl Class {
    /// A class written in Rust without methods; add them to `names`.
    pub fn native(
        name: &str,
        bases: &[&Rc<Class>],
        construct: impl Fn(&mut Python, &Rc<Class>, Args) -> Outcome + 'static,
    ) -> Rc<Class> {
        let bases: Vec<_> = bases.iter().map(|&base| base.clone()).collect();
        let ancestors = linearize(&bases).unwrap_or_default();
        let construct: Option<Rc<Construct>> = Some(Rc::new(construct));
        let (name, module) = (name.into(), "".into());
        Rc::new(Class { name, bases, ancestors, names: RefCell::default(), construct, module })
    }

    /// Whether it is the other class or inherits from it.
    pub fn inherits(self: &Rc<Class>, other: &Rc<Class>) -> bool {
        Rc::ptr_eq(self, other) || self.ancestors.iter().any(|class| Rc::ptr_eq(class, other))
    }

    /// A method or class variable of this class or of the next ancestor that has it.
    pub fn lookup(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.names.borrow().get(name) {
            return Some(value.clone());
        }
        self.ancestors.iter().find_map(|class| class.names.borrow().get(name).cloned())
    }

    /// Sets a method or class variable.
    pub fn set(&self, name: impl Into<Rc<str>>, value: impl Into<Value>) {
        let old = self.names.borrow_mut().insert(name.into(), value.into());
        bury(old);
    }

    /// What makes values of this class, if it is not a plain class.
    pub fn constructor(&self) -> Option<Rc<Construct>> {
        let own = self.construct.iter();
        own.chain(self.ancestors.iter().filter_map(|class| class.construct.as_ref()))
            .next()
            .cloned()
    }
}

/// The order in which attributes are looked up behind a class with these bases (C3, as in Python 2.3 and later); `None`
/// where the bases contradict each other.
pub fn linearize(bases: &[Rc<Class>]) -> Option<Vec<Rc<Class>>> {
    let own = |class: &Rc<Class>| {
        let mut list = vec![class.clone()];
        list.extend(class.ancestors.iter().cloned());
        list
    };
    if let [only] = bases {
        return Some(own(only));
    }
    let mut lists: Vec<Vec<Rc<Class>>> = bases.iter().map(own).collect();
    lists.push(bases.to_vec());
    let mut order: Vec<Rc<Class>> = vec![];
    loop {
        lists.retain(|list| !list.is_empty());
        if lists.is_empty() {
            return Some(order);
        }
        let in_a_tail = |class: &Rc<Class>| {
            lists.iter().any(|list| list[1..].iter().any(|other| Rc::ptr_eq(class, other)))
        };
        let next = lists.iter().map(|list| &list[0]).find(|class| !in_a_tail(class))?.clone();
        for list in &mut lists {
            if Rc::ptr_eq(&list[0], &next) {
                list.remove(0);
            }
        }
        order.push(next);
    }
}

impl Python {
    /// As [`linearize`], paid for: each class has a list of all that it inherits from, and those of several bases are merged.
    pub(in crate::front::python) fn ancestors(
        &mut self,
        bases: &[Rc<Class>],
        at: Span,
    ) -> Outcome<Option<Vec<Rc<Class>>>> {
        let all = bases.iter().fold(0, |sum: usize, base| sum + base.ancestors.len() + 1);
        let merged = if bases.len() == 1 { 0 } else { all.saturating_mul(all) };
        self.work(all.saturating_add(merged), at)?;
        Ok(linearize(bases))
    }
}

impl Drop for Class {
    fn drop(&mut self) {
        bury(self.names.take().into_values());
        bury(std::mem::take(&mut self.bases).into_iter().map(Value::Class));
        bury(std::mem::take(&mut self.ancestors).into_iter().map(Value::Class));
    }
}

/// An object of a class.
pub struct Instance {
    /// Its class.
    pub class: Rc<Class>,
    /// Its attributes, until somebody asks for them as a dict.
    pub names: RefCell<Names>,
    /// Its attributes from then on: `__dict__` is what it looks its attributes up in.
    pub dict: RefCell<Option<Rc<Dict>>>,
    /// The value of the built-in type that the class inherits from: the dict of a `class Options(dict)`, the items of a
    /// named tuple.
    pub payload: Option<Value>,
}

impl Instance {
    /// An attribute of its own.
    pub fn get(&self, name: &str) -> Option<Value> {
        match &*self.dict.borrow() {
            Some(dict) => dict.get_str(name),
            None => self.names.borrow().get(name).cloned(),
        }
    }

    /// Sets an attribute of its own.
    pub fn set(&self, name: impl Into<Rc<str>>, value: impl Into<Value>) {
        if let Some(dict) = &*self.dict.borrow() {
            return dict.set_str(&name.into(), value.into());
        }
        let old = self.names.borrow_mut().insert(name.into(), value.into());
        bury(old);
    }

    /// Takes an attribute of its own away.
    pub fn remove(&self, name: &str) -> Option<Value> {
        let Some(dict) = &*self.dict.borrow() else {
            return self.names.borrow_mut().shift_remove(name);
        };
        let removed = dict.entries.borrow_mut().shift_remove(&Key::Str(name.into()));
        removed.map(|(_, value)| value)
    }

    /// The names of its own attributes.
    pub fn own_names(&self) -> Vec<String> {
        match &*self.dict.borrow() {
            Some(dict) => {
                dict.items().iter().filter_map(|(key, _)| Some(key.as_str()?.to_string())).collect()
            }
            None => self.names.borrow().keys().map(|name| name.to_string()).collect(),
        }
    }

    /// Its attributes as a dict, in which they are from then on.
    pub fn as_dict(&self) -> Rc<Dict> {
        let mut dict = self.dict.borrow_mut();
        let moved = || {
            let dict = Dict::new();
            self.names.take().iter().for_each(|(name, value)| dict.set_str(name, value.clone()));
            dict
        };
        dict.get_or_insert_with(moved).clone()
    }

    /// Gives it a dict that it looks its attributes up in.
    pub fn take_dict(&self, dict: Rc<Dict>) {
        bury(self.names.take().into_values());
        self.dict.replace(Some(dict));
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        bury(self.names.take().into_values());
        bury(self.dict.take().map(Value::Dict));
        bury(self.payload.take());
    }
}
