//! Dicts and sets: entries in the order of their insertion, found by keys that Rust can hash.

use super::value::{Value, bury};
use crate::source::Span;
use indexmap::IndexMap;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// What a value is as a key: equal values have equal keys. [`Python::key`](super::Python::key) makes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// `None`.
    None,
    /// An integer, a Boolean, or a number without a fraction.
    Int(i64),
    /// Another number, by its bits.
    Float(u64),
    /// A text.
    Str(Rc<str>),
    /// A tuple.
    Tuple(Vec<Key>),
    /// A frozenset, its keys sorted.
    Set(Vec<Key>),
    /// What is equal to itself only, by its address; the entry keeps it alive.
    Identity(usize),
}

/// Keys with the values they were made of and what they lead to.
pub type Entries = IndexMap<Key, (Value, Value)>;

/// `dict`, `OrderedDict`, `defaultdict`.
#[derive(Default)]
pub struct Dict {
    /// In the order of their insertion.
    pub entries: RefCell<Entries>,
    /// Which of the kinds it is.
    pub kind: DictKind,
    /// Where keys and their values are written, as far as that is kept ([`Python::keep_places`](super::Python::keep_places)).
    pub places: RefCell<Places>,
}

/// Where texts that are keys, and what they lead to, are written.
pub type Places = Option<Box<HashMap<Rc<str>, [Span; 2]>>>;

/// The kinds of dicts; they all keep the order of insertion.
#[derive(Clone, Default)]
pub enum DictKind {
    /// `dict`.
    #[default]
    Plain,
    /// `collections.OrderedDict`.
    Ordered,
    /// `collections.defaultdict`, with what makes a missing value.
    Default(Value),
    /// `collections.Counter`.
    Counter,
}

impl DictKind {
    /// The name of its class in `collections`.
    pub(super) fn class_name(&self) -> Option<&'static str> {
        match self {
            DictKind::Plain => None,
            DictKind::Ordered => Some("OrderedDict"),
            DictKind::Default(_) => Some("defaultdict"),
            DictKind::Counter => Some("Counter"),
        }
    }
}

impl Dict {
    /// An empty dict.
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// An empty dict of a kind.
    pub fn of_kind(kind: DictKind) -> Rc<Self> {
        Rc::new(Dict { entries: RefCell::default(), kind, places: RefCell::default() })
    }

    /// A dict of these entries.
    pub fn of(entries: Entries) -> Rc<Self> {
        Rc::new(Dict {
            entries: RefCell::new(entries),
            kind: DictKind::Plain,
            places: RefCell::default(),
        })
    }

    /// The value of a text as key.
    pub fn get_str(&self, key: &str) -> Option<Value> {
        self.entries.borrow().get(&Key::Str(key.into())).map(|(_, value)| value.clone())
    }

    /// Sets the value of a text as key.
    pub fn set_str(&self, key: &str, value: Value) {
        let key: Rc<str> = key.into();
        let old = self.entries.borrow_mut().insert(Key::Str(key.clone()), (key.into(), value));
        bury(old.into_iter().map(|(_, value)| value));
    }

    /// Remembers where an entry is written: its key and its value.
    pub fn place(&self, key: &Rc<str>, places: [Span; 2]) {
        self.places.borrow_mut().get_or_insert_default().insert(key.clone(), places);
    }

    /// Where an entry is written, if that is known.
    pub fn place_of(&self, key: &str) -> Option<[Span; 2]> {
        self.places.borrow().as_ref()?.get(key).copied()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All keys and values.
    pub fn items(&self) -> Vec<(Value, Value)> {
        self.entries.borrow().values().cloned().collect()
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        bury(self.entries.take().into_values().flat_map(|(key, value)| [key, value]));
        if let DictKind::Default(factory) = &mut self.kind {
            bury([std::mem::take(factory)]);
        }
    }
}

/// `set` and `frozenset`.
#[derive(Default)]
pub struct Set {
    /// In the order of their insertion.
    pub entries: RefCell<IndexMap<Key, Value>>,
    /// Whether it is a frozenset.
    pub frozen: bool,
}

impl Set {
    /// All items.
    pub fn items(&self) -> Vec<Value> {
        self.entries.borrow().values().cloned().collect()
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        bury(self.entries.take().into_values());
    }
}
