//! Repeated fields of messages: lists of numbers, texts or messages, each with the place that added it.

use std::cell::{Ref, RefCell};
use std::rc::Rc;

use super::message::Message;
use super::value::scalar;
use crate::front::caffe::schema::Kind;
use crate::front::python::interp::{Args, Maybe, Native, Outcome, Python, Value};
use crate::source::Span;

/// What a repeated field holds.
pub struct Repeated {
    name: Rc<str>,
    /// What each of it is, as far as Caffe knows the field.
    pub kind: Option<Kind>,
    /// How many messages are around it.
    level: usize,
    items: RefCell<Vec<(Value, Span)>>,
}

const METHODS: [&str; 9] =
    ["add", "append", "extend", "insert", "remove", "pop", "MergeFrom", "index", "reverse"];

impl Repeated {
    /// A field that holds nothing yet.
    pub fn new(name: &str, kind: Option<Kind>, level: usize) -> Rc<Self> {
        Rc::new(Repeated { name: name.into(), kind, level, items: RefCell::default() })
    }

    /// What it holds, with the places.
    pub fn items(&self) -> Ref<'_, Vec<(Value, Span)>> {
        self.items.borrow()
    }

    /// One more message.
    pub fn add(&self, py: &mut Python, at: Span) -> Outcome<Rc<Message>> {
        let kind = match self.kind {
            Some(Kind::Message(kind)) => kind.to_owned(),
            None => self.name.to_string(),
            Some(_) => {
                let message = format!("`{}` holds values and no messages", self.name);
                return Err(py.error("AttributeError", at, message));
            }
        };
        let around = Message::within("", self.level, at);
        let made = around.below(py, &kind, at)?;
        made.mark();
        self.push(py, Value::Native(made.clone()), at)?;
        Ok(made)
    }

    fn push(&self, py: &mut Python, value: Value, at: Span) -> Outcome<()> {
        py.allocate(2 * size_of::<(Value, Span)>(), at)?;
        py.work(1, at)?;
        self.items.borrow_mut().push((value, at));
        Ok(())
    }

    /// The value as this field can hold it: of a message a copy.
    fn held(&self, py: &mut Python, value: &Value, at: Span) -> Outcome {
        let Some(given) = value.as_native::<Message>() else {
            return scalar(py, self.kind, value, at);
        };
        match self.kind {
            Some(Kind::Message(kind)) if *kind == *given.kind => {}
            None => {}
            _ => return scalar(py, self.kind, value, at),
        }
        let around = Message::within("", self.level, given.place);
        let copy = around.below(py, &given.kind, given.place)?;
        copy.mark();
        copy.merge(py, &given, at)?;
        Ok(Value::Native(copy))
    }

    /// Where an item counts as written: a message where it was made.
    fn place(value: &Value, at: Span) -> Span {
        value.as_native::<Message>().map_or(at, |message| message.place)
    }

    /// Adds a value.
    pub fn append(&self, py: &mut Python, value: &Value, at: Span) -> Outcome<()> {
        let value = self.held(py, value, at)?;
        let place = Self::place(&value, at);
        self.push(py, value, place)
    }

    /// Adds a message as it is.
    pub fn hold(&self, py: &mut Python, message: Rc<Message>) -> Outcome<()> {
        let place = message.place;
        self.push(py, Value::Native(message), place)
    }

    /// Adds values that are all written at one place.
    pub fn extend(&self, py: &mut Python, values: &[Value], at: Span) -> Outcome<()> {
        values.iter().try_for_each(|value| self.append(py, value, at))
    }

    /// Adds what another field holds, with its places.
    pub fn merge(&self, py: &mut Python, other: &Repeated, at: Span) -> Outcome<()> {
        let items = other.items.borrow().clone();
        for (value, place) in items {
            let value = self.held(py, &value, at)?;
            self.push(py, value, place)?;
        }
        Ok(())
    }

    fn values(&self) -> Vec<Value> {
        self.items.borrow().iter().map(|(value, _)| value.clone()).collect()
    }

    /// The list of what is held, for what lists can do.
    fn list(&self, py: &mut Python, at: Span) -> Outcome {
        py.new_list(self.values(), at)
    }

    /// The place of an item by its number, counted from the end if below 0.
    fn place_of(&self, py: &mut Python, key: &Value, at: Span) -> Outcome<usize> {
        let count = self.items.borrow().len();
        let number = py.to_index(key, at)?.unwrap_or(i64::MAX);
        let place = if number < 0 { number + count as i64 } else { number };
        match usize::try_from(place).ok().filter(|&place| place < count) {
            Some(place) => Ok(place),
            None => Err(py.error("IndexError", at, "list index out of range")),
        }
    }
}

impl Native for Repeated {
    fn type_name(&self) -> String {
        "RepeatedField".to_owned()
    }

    fn names(&self) -> Vec<String> {
        METHODS.map(str::to_owned).to_vec()
    }

    fn get_attribute(self: Rc<Self>, _py: &mut Python, name: &str, _at: Span) -> Maybe {
        let Some(name) = METHODS.into_iter().find(|known| *known == name) else { return Ok(None) };
        let run = move |py: &mut Python, args: Args| method(py, &self, name, args);
        Ok(Some(Value::function(name, run)))
    }

    fn get_item(self: Rc<Self>, py: &mut Python, key: &Value, at: Span) -> Outcome {
        if let Value::Slice(_) = key {
            let list = self.list(py, at)?;
            return py.get_item(&list, key, at);
        }
        let place = self.place_of(py, key, at)?;
        Ok(self.items.borrow()[place].0.clone())
    }

    fn set_item(
        self: Rc<Self>,
        py: &mut Python,
        key: &Value,
        value: Value,
        at: Span,
    ) -> Outcome<()> {
        if let Value::Slice(slice) = key {
            if slice.start.is_none() && slice.stop.is_none() && slice.step.is_none() {
                let values = py.iterate(&value, at)?;
                self.items.borrow_mut().clear();
                return self.extend(py, &values, at);
            }
            return Err(py.not_available("assignment to a part of a repeated field", at));
        }
        let place = self.place_of(py, key, at)?;
        let value = self.held(py, &value, at)?;
        self.items.borrow_mut()[place] = (value, at);
        Ok(())
    }

    fn delete_item(self: Rc<Self>, py: &mut Python, key: &Value, at: Span) -> Outcome<()> {
        let gone: Vec<usize> = match key {
            Value::Slice(_) => {
                let count = self.items.borrow().len();
                let numbers = py.new_list((0..count).map(Value::from).collect(), at)?;
                let part = py.get_item(&numbers, key, at)?;
                let part = part.as_items().unwrap_or_default();
                part.iter().filter_map(|n| usize::try_from(n.as_int()?).ok()).collect()
            }
            _ => vec![self.place_of(py, key, at)?],
        };
        let mut place = 0;
        self.items.borrow_mut().retain(|_| {
            place += 1;
            !gone.contains(&(place - 1))
        });
        Ok(())
    }

    fn iterate(self: Rc<Self>, py: &mut Python, at: Span) -> Outcome<Vec<Value>> {
        py.work(self.items.borrow().len(), at)?;
        Ok(self.values())
    }

    fn len(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome<usize> {
        Ok(self.items.borrow().len())
    }

    fn truth(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome<bool> {
        Ok(!self.items.borrow().is_empty())
    }

    fn compare(
        self: Rc<Self>,
        py: &mut Python,
        operator: crate::front::python::ast::Compare,
        other: &Value,
        at: Span,
    ) -> Maybe {
        use crate::front::python::ast::Compare;
        let other = match other.as_native::<Repeated>() {
            Some(other) => other.list(py, at)?,
            None => other.clone(),
        };
        let own = self.list(py, at)?;
        let same = py.equal(&own, &other, at)?;
        Ok(match operator {
            Compare::Equal => Some(same.into()),
            Compare::NotEqual => Some((!same).into()),
            _ => None,
        })
    }

    fn repr(self: Rc<Self>, py: &mut Python) -> Outcome<String> {
        let at = py.here();
        let list = self.list(py, at)?;
        py.repr(&list, at)
    }
}

fn method(py: &mut Python, this: &Rc<Repeated>, name: &str, args: Args) -> Outcome {
    let at = args.span;
    if name == "add" {
        let made = this.add(py, at)?;
        if let Some((_, place)) = args.positional.first() {
            return Err(py.type_error(*place, "add() takes keyword arguments only"));
        }
        for keyword in args.keywords {
            let places = [keyword.name_span, keyword.span];
            made.give(py, &keyword.name, &keyword.value, places)?;
        }
        return Ok(Value::Native(made));
    }
    let parameters: &[&str] = match name {
        "insert" => &["index", "value"],
        "pop" => &["index?"],
        "reverse" => &[],
        _ => &["value"],
    };
    let args = args.bind(py, name, parameters)?;
    let value = if name == "pop" || name == "reverse" { Value::None } else { args.get("value") };
    match name {
        "append" => this.append(py, &value, args.span_of("value"))?,
        "extend" => {
            let place = args.span_of("value");
            match value.as_native::<Repeated>() {
                Some(other) => this.merge(py, &other, place)?,
                None => {
                    let values = py.iterate(&value, place)?;
                    this.extend(py, &values, place)?;
                }
            }
        }
        "MergeFrom" => match value.as_native::<Repeated>() {
            Some(other) => this.merge(py, &other, at)?,
            None => return Err(py.type_error(at, "MergeFrom() takes a repeated field")),
        },
        "insert" => {
            let place = args.span_of("value");
            let value = this.held(py, &value, place)?;
            let index = args.int_or(py, "index", 0)?;
            let count = this.items.borrow().len();
            let index = if index < 0 { index + count as i64 } else { index };
            let index = usize::try_from(index).unwrap_or(0).min(count);
            py.allocate(2 * size_of::<(Value, Span)>(), at)?;
            py.work(count, at)?;
            this.items.borrow_mut().insert(index, (value, place));
        }
        "pop" => {
            let index = if args.is_given("index") { args.get("index") } else { Value::Int(-1) };
            let place = this.place_of(py, &index, at)?;
            let (value, _) = this.items.borrow_mut().remove(place);
            return Ok(value);
        }
        "reverse" => this.items.borrow_mut().reverse(),
        _ => {
            let items = this.values();
            let mut found = None;
            for (place, item) in items.iter().enumerate() {
                if found.is_none() && py.equal(item, &value, at)? {
                    found = Some(place);
                }
            }
            match (found, name) {
                (Some(place), "index") => return Ok(place.into()),
                (Some(place), _) => _ = this.items.borrow_mut().remove(place),
                (None, _) => return Err(py.value_error(at, "it is not in the list")),
            }
        }
    }
    Ok(Value::None)
}
