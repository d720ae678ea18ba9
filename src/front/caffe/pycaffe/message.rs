//! Messages of Caffe's protocol as values of Python (`caffe_pb2`): fields that are set, read, added to and printed, each with
//! the place in the program that set it.
//!
//! A message takes fields that Caffe's does not have, as forks add them; what cortado makes of these is the affair of whoever
//! reads the net. Fields of messages that only forks have are taken for repeated ones where they are asked for unset.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use super::names;
use super::repeated::Repeated;
use super::value::{Word, default, scalar, written};
use crate::front::caffe::schema::{self, Kind};
use crate::front::caffe::tree;
use crate::front::caffe::{print, print_field};
use crate::front::python::interp::{Args, Maybe, Native, Outcome, Python, Value};
use crate::source::{Span, Spanned};

/// Messages within each other.
const MOST_LEVELS: usize = 60;

/// A message.
pub struct Message {
    /// The name it has in the schema: `net`, `layer`, `convolution_param`, or that of a fork's message.
    pub kind: Rc<str>,
    /// How many messages are around it at most.
    level: usize,
    fields: RefCell<Vec<Field>>,
    /// Whether it is there though nothing is set in it.
    present: Cell<bool>,
    /// Where it was made.
    pub place: Span,
}

/// A field that was set or asked for.
#[derive(Clone)]
struct Field {
    name: Rc<str>,
    /// Where its name stands.
    place: Span,
    value: Held,
}

#[derive(Clone)]
enum Held {
    /// A number, a text or a word, and where it stands.
    One(Value, Span),
    Message(Rc<Message>),
    Several(Rc<Repeated>),
}

impl Message {
    /// An empty message.
    pub fn new(kind: &str, place: Span) -> Rc<Self> {
        Self::within(kind, 0, place)
    }

    /// An empty message inside of others.
    pub fn within(kind: &str, level: usize, place: Span) -> Rc<Self> {
        let (kind, fields, present) = (kind.into(), RefCell::default(), Cell::default());
        Rc::new(Message { kind, level, fields, present, place })
    }

    /// What Caffe says of a field: what it holds and whether several of it.
    fn declared(&self, name: &str) -> Option<(Kind, bool)> {
        schema::field(&self.kind, name)
    }

    fn at(&self, name: &str) -> Option<usize> {
        self.fields.borrow().iter().position(|field| &*field.name == name)
    }

    fn held(&self, name: &str) -> Option<Held> {
        let fields = self.fields.borrow();
        fields.iter().find(|field| &*field.name == name).map(|field| field.value.clone())
    }

    fn put(&self, py: &mut Python, name: &str, value: Held, places: [Span; 2]) -> Outcome<()> {
        py.allocate(size_of::<Field>() + 64, places[0])?;
        py.work(1 + self.fields.borrow().len() / 8, places[0])?;
        let field = Field { name: name.into(), place: places[0], value };
        match self.at(name) {
            Some(at) => self.fields.borrow_mut()[at] = field,
            None => self.fields.borrow_mut().push(field),
        }
        Ok(())
    }

    /// Whether anything is in it.
    fn is_present(&self) -> bool {
        self.present.get() || self.fields.borrow().iter().any(Field::is_set)
    }

    /// The message inside of this one under a name, made if it is not there.
    fn inner(
        self: &Rc<Self>,
        py: &mut Python,
        name: &str,
        kind: &str,
        place: Span,
    ) -> Outcome<Rc<Message>> {
        if let Some(Held::Message(message)) = self.held(name) {
            return Ok(message);
        }
        let made = self.below(py, kind, place)?;
        self.put(py, name, Held::Message(made.clone()), [place; 2])?;
        Ok(made)
    }

    /// A message one level deeper.
    pub fn below(&self, py: &mut Python, kind: &str, place: Span) -> Outcome<Rc<Message>> {
        if MOST_LEVELS <= self.level {
            return Err(py.value_error(place, "messages lie too deep within each other"));
        }
        py.allocate(size_of::<Message>() + 64, place)?;
        Ok(Message::within(kind, self.level + 1, place))
    }

    /// What a repeated field holds, made if it is not there.
    fn several(
        self: &Rc<Self>,
        py: &mut Python,
        name: &str,
        kind: Option<Kind>,
        place: Span,
    ) -> Outcome<Rc<Repeated>> {
        if let Some(Held::Several(items)) = self.held(name) {
            return Ok(items);
        }
        let items = Repeated::new(name, kind, self.level);
        self.put(py, name, Held::Several(items.clone()), [place; 2])?;
        Ok(items)
    }

    /// Gives a field a value as Python's assignment does: one number, text or word.
    pub fn set(
        self: &Rc<Self>,
        py: &mut Python,
        name: &str,
        value: &Value,
        [place, at]: [Span; 2],
    ) -> Outcome<()> {
        let refused = |what: &str| {
            format!("Assignment not allowed to {what} field \"{name}\" in protocol message object.")
        };
        match self.declared(name) {
            Some((_, true)) => {
                let help = format!("fill it: `{name}.extend([...])` or `{name}.append(...)`");
                Err(py.error("AttributeError", at, refused("repeated")).help(help))
            }
            Some((Kind::Message(_), _)) => {
                let help = format!("set its fields, or `{name}.CopyFrom(...)`");
                Err(py.error("AttributeError", at, refused("composite")).help(help))
            }
            declared => {
                let value = scalar(py, declared.map(|(kind, _)| kind), value, at)?;
                self.put(py, name, Held::One(value, at), [place, at])
            }
        }
    }

    /// Gives a field a value as pycaffe does: lists become repeated fields, dicts messages, all else is assigned.
    pub fn assign(
        self: &Rc<Self>,
        py: &mut Python,
        name: &str,
        value: &Value,
        [place, at]: [Span; 2],
    ) -> Outcome<()> {
        py.work(4, at)?;
        let declared = self.declared(name);
        let kind = declared.map(|(kind, _)| kind);
        let value = Python::inner(value);
        let list = match (value, declared) {
            (Value::List(list), _) => list.0.borrow().clone(),
            (_, Some((_, true))) => vec![value.clone()],
            (Value::Dict(dict), _) => {
                let message = match kind {
                    Some(Kind::Message(kind)) => self.inner(py, name, kind, place)?,
                    None => self.inner(py, name, name, place)?,
                    Some(_) => {
                        let message = format!("`{name}` takes a value, no dict");
                        return Err(py.error("AttributeError", at, message));
                    }
                };
                return message.assign_all(py, dict, at);
            }
            _ => return self.set(py, name, value, [place, at]),
        };
        if declared.is_some_and(|(_, repeated)| !repeated) {
            let message = format!("`{name}` takes one value, no list");
            return Err(py.error("AttributeError", at, message));
        }
        let Some(first) = list.first() else {
            let error = py.error("IndexError", at, "list index out of range");
            return Err(error.help(format!("pycaffe takes no empty list: leave `{name}` out")));
        };
        let items = self.several(py, name, kind, place)?;
        if !matches!(Python::inner(first), Value::Dict(_)) {
            return items.extend(py, &list, at);
        }
        for item in &list {
            let Value::Dict(dict) = Python::inner(item) else {
                let got = py.type_name(item);
                let message = format!("'{got}' object has no attribute 'items'");
                return Err(py.error("AttributeError", at, message));
            };
            let message = items.add(py, at)?;
            message.present.set(true);
            message.assign_all(py, dict, at)?;
        }
        Ok(())
    }

    /// Gives a field a value as a message's constructor does: also a message.
    pub fn give(
        self: &Rc<Self>,
        py: &mut Python,
        name: &str,
        value: &Value,
        places: [Span; 2],
    ) -> Outcome<()> {
        if schema::has_message(&self.kind)
            && self.declared(name).is_none()
            && !name.ends_with("_param")
        {
            let class = names::class_of(&self.kind);
            let message = format!("{class}() got an unexpected keyword argument '{name}'");
            let error = py.type_error(places[0], message);
            let known = schema::names(&self.kind).map(str::to_owned).collect();
            return Err(py.advise(error, name, known));
        }
        match (value.as_native::<Message>(), self.declared(name)) {
            (Some(given), Some((Kind::Message(kind), false))) if *kind == *given.kind => {
                let inner = self.inner(py, name, kind, places[0])?;
                inner.mark();
                inner.merge(py, &given, places[1])
            }
            _ if matches!(value, Value::List(list) if list.0.borrow().is_empty()) => Ok(()),
            _ => self.assign(py, name, value, places),
        }
    }

    /// Gives fields the values of a dict.
    fn assign_all(
        self: &Rc<Self>,
        py: &mut Python,
        dict: &crate::front::python::interp::Dict,
        at: Span,
    ) -> Outcome<()> {
        for (key, value) in dict.items() {
            let Value::Str(key) = &key else {
                let got = py.type_name(&key);
                return Err(
                    py.type_error(at, format!("attribute name must be string, not '{got}'"))
                );
            };
            let places = dict.place_of(key).unwrap_or([at; 2]);
            self.assign(py, key, &value, places)?;
        }
        Ok(())
    }

    /// Adds what another message has: numbers and texts replace, repeated fields grow.
    pub fn merge(self: &Rc<Self>, py: &mut Python, other: &Rc<Message>, at: Span) -> Outcome<()> {
        if Rc::ptr_eq(self, other) {
            return Ok(());
        }
        let fields = other.fields.borrow().clone();
        for Field { name, place, value } in fields {
            match value {
                Held::One(value, own) => {
                    self.put(py, &name, Held::One(value, own), [place, own])?
                }
                Held::Message(message) if message.is_present() => {
                    let inner = match self.held(&name) {
                        Some(Held::Message(inner)) => inner,
                        _ => {
                            let made = self.below(py, &message.kind, message.place)?;
                            self.put(py, &name, Held::Message(made.clone()), [place; 2])?;
                            made
                        }
                    };
                    inner.present.set(true);
                    inner.merge(py, &message, at)?;
                }
                Held::Message(_) => {}
                Held::Several(items) => {
                    let own = self.several(py, &name, items.kind, place)?;
                    own.merge(py, &items, at)?;
                }
            }
        }
        self.present.set(self.present.get() || other.present.get());
        Ok(())
    }

    /// Takes the fields of a text, as if they were set in the program.
    pub fn read(self: &Rc<Self>, py: &mut Python, text: &tree::Message) -> Outcome<()> {
        for field in &text.fields {
            let values = match &field.value.kind {
                tree::ValueKind::List(values) => &values[..],
                _ => std::slice::from_ref(&field.value),
            };
            for value in values {
                self.read_field(py, field, value)?;
            }
        }
        Ok(())
    }

    fn read_field(
        self: &Rc<Self>,
        py: &mut Python,
        field: &tree::Field,
        value: &tree::Value,
    ) -> Outcome<()> {
        let name = &field.name.value;
        let places = [field.name.span, value.span];
        let declared = self.declared(name);
        let several = declared.map_or(self.at(name).is_some(), |(_, several)| several);
        let kind = declared.map(|(kind, _)| kind);
        let own = match &value.kind {
            tree::ValueKind::Message(inner) => {
                let message = match (several, kind) {
                    (true, _) => self.several(py, name, kind, places[0])?.add(py, value.span)?,
                    (false, Some(Kind::Message(kind))) => self.inner(py, name, kind, places[0])?,
                    (false, _) => self.inner(py, name, name, places[0])?,
                };
                message.present.set(true);
                return message.read(py, inner);
            }
            tree::ValueKind::Integer(n) => Value::Int(i64::try_from(*n).unwrap_or(i64::MAX)),
            tree::ValueKind::Float(x) => Value::Float(*x),
            tree::ValueKind::Str(text) => Value::str(text),
            tree::ValueKind::Ident(word) => match (word.as_str(), kind) {
                ("true", _) => Value::Bool(true),
                ("false", _) => Value::Bool(false),
                (word, Some(Kind::Words(..))) => Value::str(word),
                (word, _) => Value::native(Word(word.into())),
            },
            tree::ValueKind::List(_) => return Ok(()),
        };
        match several {
            true => self.several(py, name, kind, places[0])?.append(py, &own, value.span),
            false => {
                let own = scalar(py, kind, &own, value.span)?;
                self.put(py, name, Held::One(own, value.span), places)
            }
        }
    }

    /// The message as a syntax tree, with its fields in the order of their numbers; fields that Caffe does not have come last,
    /// as they were set.
    pub fn tree(&self) -> tree::Message {
        let mut fields: Vec<tree::Field> = vec![];
        for field in self.fields.borrow().iter() {
            let mut add = |kind: tree::ValueKind, at: Span, name: Span| {
                let name = Spanned::new(field.name.to_string(), name);
                let value = tree::Value { kind, span: at };
                fields.push(tree::Field { name, value, span: at });
            };
            let declared = self.declared(&field.name).map(|(kind, _)| kind);
            match &field.value {
                Held::One(value, at) => add(written(declared, value), *at, field.place),
                Held::Message(message) if message.is_present() => {
                    add(tree::ValueKind::Message(message.tree()), message.place, field.place);
                }
                Held::Message(_) => {}
                Held::Several(items) => {
                    for (value, at) in items.items().iter() {
                        match value.as_native::<Message>() {
                            Some(inner) => {
                                add(tree::ValueKind::Message(inner.tree()), *at, *at);
                            }
                            None => add(written(declared, value), *at, field.place),
                        }
                    }
                }
            }
        }
        let rank = |name: &str| schema::names(&self.kind).position(|known| known == name);
        fields.sort_by_key(|field| rank(&field.name.value).unwrap_or(usize::MAX));
        apart(&mut fields);
        tree::Message { fields, span: self.place }
    }

    /// The message inside of this one under its own name, made if it is not there.
    pub fn get_message(
        self: &Rc<Self>,
        py: &mut Python,
        name: &str,
        place: Span,
    ) -> Outcome<Rc<Message>> {
        self.inner(py, name, name, place)
    }

    /// Adds a message to a repeated field as it is.
    pub fn hold(
        self: &Rc<Self>,
        py: &mut Python,
        name: &str,
        message: Rc<Message>,
        at: Span,
    ) -> Outcome<()> {
        let kind = self.declared(name).map(|(kind, _)| kind);
        self.several(py, name, kind, at)?.hold(py, message)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        !self.fields.borrow().iter().any(Field::is_set)
    }

    /// Marks it as there though nothing is set in it.
    pub fn mark(&self) {
        self.present.set(true);
    }

    fn clear(&self, name: &str) {
        self.fields.borrow_mut().retain(|field| &*field.name != name);
    }
}

/// What is read by the place of its name must have one of its own: of fields that are written at the same place all but the
/// first get a part of it.
fn apart(fields: &mut [tree::Field]) {
    let mut known = HashSet::new();
    for field in fields {
        let place = &mut field.name.span;
        while !known.insert(*place) && place.start + 1 < place.end {
            place.end -= 1;
        }
    }
}

impl Field {
    fn is_set(&self) -> bool {
        match &self.value {
            Held::One(..) => true,
            Held::Message(message) => message.is_present(),
            Held::Several(items) => !items.items().is_empty(),
        }
    }
}

const METHODS: [&str; 8] = [
    "CopyFrom",
    "MergeFrom",
    "Clear",
    "ClearField",
    "HasField",
    "SetInParent",
    "ListFields",
    "IsInitialized",
];

impl Native for Message {
    fn type_name(&self) -> String {
        names::class_of(&self.kind)
    }

    fn names(&self) -> Vec<String> {
        let own = schema::names(&self.kind).map(str::to_owned);
        own.chain(METHODS.iter().map(|&name| name.to_owned())).collect()
    }

    fn get_attribute(self: Rc<Self>, py: &mut Python, name: &str, at: Span) -> Maybe {
        if METHODS.contains(&name) {
            let (name, this) = (name.to_owned(), self.clone());
            let run = {
                let name = name.clone();
                move |py: &mut Python, args: Args| method(py, &this, &name, args)
            };
            return Ok(Some(Value::function(name, run)));
        }
        if name.starts_with("__") {
            return Ok(None);
        }
        let declared = self.declared(name);
        Ok(match (self.held(name), declared) {
            (Some(Held::One(value, _)), _) => Some(value),
            (Some(Held::Message(message)), _) => Some(Value::Native(message)),
            (Some(Held::Several(items)), _) => Some(Value::Native(items)),
            (None, Some((kind, true))) => {
                Some(Value::Native(self.several(py, name, Some(kind), at)?))
            }
            (None, Some((Kind::Message(kind), false))) => {
                Some(Value::Native(self.inner(py, name, kind, at)?))
            }
            (None, Some((kind, false))) => Some(default(&self.kind, name, Some(kind))),
            (None, None) if name.ends_with("_param") => {
                Some(Value::Native(self.inner(py, name, name, at)?))
            }
            (None, None) => match schema::number_of(&self.kind, name) {
                Some(number) => Some(Value::Int(number)),
                None if schema::has_message(&self.kind) => None,
                None => Some(Value::Native(self.several(py, name, None, at)?)),
            },
        })
    }

    fn set_attribute(
        self: Rc<Self>,
        py: &mut Python,
        name: &str,
        value: Value,
        at: Span,
    ) -> Outcome<bool> {
        self.set(py, name, &value, [at; 2])?;
        Ok(true)
    }

    fn compare(
        self: Rc<Self>,
        _py: &mut Python,
        operator: crate::front::python::ast::Compare,
        other: &Value,
        _at: Span,
    ) -> Maybe {
        use crate::front::python::ast::Compare;
        let same = other.as_native::<Message>().is_some_and(|other| {
            other.kind == self.kind && print(&other.tree()) == print(&self.tree())
        });
        Ok(match operator {
            Compare::Equal => Some(same.into()),
            Compare::NotEqual => Some((!same).into()),
            _ => None,
        })
    }

    fn repr(self: Rc<Self>, py: &mut Python) -> Outcome<String> {
        let tree = self.tree();
        let text = print(&tree);
        let at = py.here();
        py.work(text.len() / 4, at)?;
        py.allocate(3 * text.len(), at)?;
        let printed = py.state(super::Printed::new);
        printed.remember(&self.kind, &tree, &text);
        Ok(text)
    }
}

fn method(py: &mut Python, this: &Rc<Message>, name: &str, args: Args) -> Outcome {
    let at = args.span;
    let parameters: &[&str] = match name {
        "CopyFrom" | "MergeFrom" => &["other"],
        "ClearField" | "HasField" => &["name"],
        _ => &[],
    };
    let args = args.bind(py, name, parameters)?;
    match name {
        "CopyFrom" | "MergeFrom" => {
            let given = args.get("other");
            let Some(other) = given.as_native::<Message>().filter(|m| m.kind == this.kind) else {
                let (own, got) = (this.type_name(), py.type_name(&given));
                let message = format!(
                    "Parameter to {name}() must be instance of same class: expected {own} got {got}."
                );
                return Err(py.type_error(args.span_of("other"), message));
            };
            if name == "CopyFrom" && !Rc::ptr_eq(this, &other) {
                this.fields.borrow_mut().clear();
            }
            this.mark();
            this.merge(py, &other, at)?;
        }
        "Clear" => {
            this.fields.borrow_mut().clear();
            this.present.set(false);
        }
        "ClearField" => {
            let name = args.text(py, "name")?.unwrap_or_default();
            this.clear(&name);
        }
        "HasField" => {
            let name = args.text(py, "name")?.unwrap_or_default();
            let fields = this.fields.borrow();
            return Ok(fields.iter().any(|f| f.name == name && f.is_set()).into());
        }
        "SetInParent" => this.mark(),
        "ListFields" => {
            let error = py.not_available("'ListFields'", at);
            return Err(error.help("ask for fields by their names"));
        }
        _ => return Ok(true.into()),
    }
    Ok(Value::None)
}

/// How a field of a message is written alone; what is written so is the same field.
pub fn written_alone(field: &tree::Field) -> String {
    print_field(&field.name.value, &field.value)
}
