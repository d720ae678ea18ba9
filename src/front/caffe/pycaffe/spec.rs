//! What pycaffe's net_spec makes: layers as functions of tops, names for tops, and the message of a net that all of it
//! becomes, with the names and the order of layers that pycaffe gives them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::message::Message;
use super::names;
use crate::diag::nearest::nearest;
use crate::front::caffe::schema;
use crate::front::python::interp::{
    Args, Dict, DictKind, Maybe, Native, Outcome, Python, Value, bury,
};
use crate::source::Span;

/// A layer: its type, what it takes and its parameters.
pub struct Function {
    type_name: Rc<str>,
    /// Where the type is written.
    type_place: Span,
    /// Tops of other layers, with their places.
    inputs: Vec<(Value, Span)>,
    params: Rc<Dict>,
    tops: usize,
    in_place: bool,
    /// Where it was made.
    place: Span,
}

impl Drop for Function {
    fn drop(&mut self) {
        bury(std::mem::take(&mut self.inputs).into_iter().map(|(value, _)| value));
    }
}

/// One of the blobs that a layer gives.
pub struct Top {
    function: Value,
    number: usize,
}

impl Drop for Top {
    fn drop(&mut self) {
        bury([std::mem::take(&mut self.function)]);
    }
}

/// A layer, or one of its tops: what a name can be given to.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Named {
    Layer(usize),
    Top(usize, usize),
}

/// The layer of a top or function.
fn layer_of(value: &Value) -> Option<(Rc<Function>, Option<usize>)> {
    if let Some(top) = value.as_native::<Top>() {
        return Some((top.function.as_native::<Function>()?, Some(top.number)));
    }
    Some((value.as_native::<Function>()?, None))
}

fn address(function: &Rc<Function>) -> usize {
    Rc::as_ptr(function).cast::<u8>() as usize
}

/// `caffe.layers`: every name is a type of layer.
pub struct Layers;

impl Native for Layers {
    fn type_name(&self) -> String {
        "Layers".to_owned()
    }

    fn get_attribute(self: Rc<Self>, _py: &mut Python, name: &str, at: Span) -> Maybe {
        if name.starts_with("__") {
            return Ok(None);
        }
        let type_name: Rc<str> = name.into();
        let make = move |py: &mut Python, args: Args| layer(py, &type_name, at, args);
        Ok(Some(Value::function(name.to_owned(), make)))
    }
}

/// A layer with these bottoms and parameters: its top, or its tops.
fn layer(py: &mut Python, type_name: &Rc<str>, type_place: Span, args: Args) -> Outcome {
    let place = py.outside(args.span);
    py.allocate(size_of::<Function>() + 256 + 64 * args.len(), place)?;
    py.work(10, place)?;
    for (i, (input, at)) in args.positional.iter().enumerate() {
        if input.as_native::<Top>().is_none() {
            let got = py.type_name(input);
            let message = format!("{type_name} input {i} is not a Top (type is '{got}')");
            let error = py.type_error(*at, message);
            return Err(match input {
                Value::Tuple(_) | Value::List(_) => error.help(
                    "a layer with several tops gives a tuple: take one of it, or give all with `*`",
                ),
                _ => error.help("bottoms come first, parameters by name"),
            });
        }
    }
    let params = Dict::new();
    let (mut tops, mut in_place) = (1, false);
    for mut keyword in args.keywords {
        for at in [&mut keyword.name_span, &mut keyword.span] {
            *at = py.outside(*at);
        }
        match &*keyword.name {
            "ntop" => match py.to_index(&keyword.value, keyword.span)? {
                Some(count @ 0..1000) => tops = count as usize,
                _ => {
                    let message = "`ntop` is the number of tops, 0 or more";
                    return Err(py.type_error(keyword.span, message));
                }
            },
            "in_place" => in_place = py.truth(&keyword.value, keyword.span)?,
            _ => {
                params.place(&keyword.name, [keyword.name_span, keyword.span]);
                params.set_str(&keyword.name, keyword.value);
            }
        }
    }
    let mut inputs = args.positional;
    inputs.iter_mut().for_each(|(_, at)| *at = py.outside(*at));
    let (type_name, type_place) = (type_name.clone(), py.outside(type_place));
    let made = Function { type_name, type_place, inputs, params, tops, in_place, place };
    let function = Value::native(made);
    Ok(match tops {
        0 => function,
        1 => top(&function, 0),
        _ => Value::tuple((0..tops).map(|number| top(&function, number))),
    })
}

fn top(function: &Value, number: usize) -> Value {
    Value::native(Top { function: function.clone(), number })
}

/// The tops of a layer as a tuple.
fn tops_of(function: &Rc<Function>) -> Value {
    let own = Value::Native(function.clone());
    Value::tuple((0..function.tops).map(|number| top(&own, number)))
}

impl Native for Function {
    fn type_name(&self) -> String {
        "Function".to_owned()
    }

    fn names(&self) -> Vec<String> {
        ["type_name", "inputs", "params", "ntop", "in_place", "tops"].map(str::to_owned).to_vec()
    }

    fn get_attribute(self: Rc<Self>, _py: &mut Python, name: &str, _at: Span) -> Maybe {
        Ok(Some(match name {
            "type_name" => self.type_name.clone().into(),
            "inputs" => Value::tuple(self.inputs.iter().map(|(value, _)| value.clone())),
            "params" => Value::Dict(self.params.clone()),
            "ntop" => self.tops.into(),
            "in_place" => self.in_place.into(),
            "tops" => tops_of(&self),
            _ => return Ok(None),
        }))
    }
}

impl Native for Top {
    fn type_name(&self) -> String {
        "Top".to_owned()
    }

    fn names(&self) -> Vec<String> {
        ["fn", "n", "to_proto"].map(str::to_owned).to_vec()
    }

    fn get_attribute(self: Rc<Self>, _py: &mut Python, name: &str, _at: Span) -> Maybe {
        Ok(Some(match name {
            "fn" => self.function.clone(),
            "n" => self.number.into(),
            "to_proto" => Value::function("to_proto", move |py: &mut Python, args: Args| {
                let at = args.span;
                args.bind(py, "to_proto", &[])?;
                net_of(py, &[(Value::Native(self.clone()), at)], at)
            }),
            _ => return Ok(None),
        }))
    }

    // The same top is made anew where a layer is asked for its tops.
    fn compare(
        self: Rc<Self>,
        _py: &mut Python,
        operator: crate::front::python::ast::Compare,
        other: &Value,
        _at: Span,
    ) -> Maybe {
        use crate::front::python::ast::Compare;
        let same = other
            .as_native::<Top>()
            .is_some_and(|other| other.number == self.number && other.function.is(&self.function));
        Ok(match operator {
            Compare::Equal => Some(same.into()),
            Compare::NotEqual => Some((!same).into()),
            _ => None,
        })
    }
}

/// `caffe.to_proto(*tops)`.
pub fn to_proto(py: &mut Python, args: Args) -> Outcome {
    let at = args.span;
    if let Some(keyword) = args.keywords.first() {
        return Err(py.unexpected_keyword("to_proto", keyword, vec![]));
    }
    net_of(py, &args.positional, at)
}

fn net_of(py: &mut Python, tops: &[(Value, Span)], at: Span) -> Outcome {
    let mut net = Making::default();
    for (top, place) in tops {
        net.add(py, top, *place)?;
    }
    net.finish(py, at)
}

/// A net whose layers are being put in order.
#[derive(Default)]
struct Making {
    names: HashMap<Named, (Rc<str>, Span)>,
    counts: HashMap<Rc<str>, usize>,
    /// Layers by their addresses, in their order.
    done: HashMap<usize, usize>,
    layers: Vec<(Rc<Message>, Vec<(Rc<str>, Span)>)>,
    /// Keeps the layers alive whose addresses are known.
    held: Vec<Rc<Function>>,
    /// The messages of types of layers.
    messages: HashMap<Rc<str>, Option<String>>,
}

impl Making {
    /// The next name that a type gives by itself.
    fn count(&mut self, function: &Function) -> (Rc<str>, Span) {
        let count = self.counts.entry(function.type_name.clone()).or_default();
        *count += 1;
        (format!("{}{count}", function.type_name).into(), function.type_place)
    }

    fn top_name(&mut self, function: &Rc<Function>, number: usize) -> (Rc<str>, Span) {
        let named = Named::Top(address(function), number);
        if let Some(known) = self.names.get(&named) {
            return known.clone();
        }
        let made = self.count(function);
        self.names.insert(named, made.clone());
        made
    }

    fn layer_name(&mut self, function: &Rc<Function>) -> (Rc<str>, Span) {
        let named = Named::Layer(address(function));
        if let Some(known) = self.names.get(&named) {
            return known.clone();
        }
        let made = match function.tops {
            0 => self.count(function),
            _ => self.top_name(function, 0),
        };
        self.names.insert(named, made.clone());
        made
    }

    /// Adds the layer of a top, after all that it takes.
    fn add(&mut self, py: &mut Python, value: &Value, at: Span) -> Outcome<()> {
        let Some((function, _)) = layer_of(value) else { return Err(no_top(py, value, at)) };
        // A layer and how many of its inputs are there.
        let mut waiting = vec![(function, 0)];
        while let Some((function, ready)) = waiting.last_mut() {
            py.work(4, at)?;
            if self.done.contains_key(&address(function)) {
                waiting.pop();
                continue;
            }
            if let Some((input, _)) = function.inputs.get(*ready) {
                *ready += 1;
                let next = layer_of(input).map(|(function, _)| function);
                py.allocate(64, at)?;
                waiting.extend(next.map(|function| (function, 0)));
                continue;
            }
            let function = function.clone();
            waiting.pop();
            self.make(py, &function)?;
        }
        Ok(())
    }

    /// Writes a layer's message.
    fn make(&mut self, py: &mut Python, function: &Rc<Function>) -> Outcome<()> {
        let place = function.place;
        let message = Message::within("layer", 1, place);
        py.allocate(size_of::<Message>() + 128, place)?;
        message.mark();
        let kind = function.type_place;
        message.set(py, "type", &function.type_name.clone().into(), [kind; 2])?;
        let mut bottoms = vec![];
        for (input, at) in &function.inputs {
            let Some((maker, number)) = layer_of(input) else { continue };
            let known = self.done.get(&address(&maker)).map(|&layer| &self.layers[layer].1);
            let top = known.and_then(|tops| tops.get(number.unwrap_or(0)).cloned());
            let Some((name, _)) = top else {
                return Err(py.error("IndexError", *at, "list index out of range"));
            };
            bottoms.push((name, *at));
        }
        let of = |names: &[(Rc<str>, Span)]| -> Vec<(Value, Span)> {
            names.iter().map(|(name, at)| (name.clone().into(), *at)).collect()
        };
        let tops = match function.in_place {
            true => bottoms.clone(),
            false => (0..function.tops).map(|number| self.top_name(function, number)).collect(),
        };
        let (name, name_place) = self.layer_name(function);
        for (field, names) in [("bottom", &bottoms), ("top", &tops)] {
            for (name, at) in of(names) {
                message.assign(py, field, &name, [at; 2])?;
            }
        }
        message.set(py, "name", &name.into(), [name_place; 2])?;
        for (key, value) in function.params.items() {
            let Some(key) = key.as_str() else { continue };
            let places = function.params.place_of(key).unwrap_or([place; 2]);
            self.parameter(py, function, &message, key, &value, places)?;
        }
        self.done.insert(address(function), self.layers.len());
        self.held.push(function.clone());
        self.layers.push((message, tops));
        Ok(())
    }

    /// Puts an argument where pycaffe puts it: into the message that the type has, or into the layer.
    fn parameter(
        &mut self,
        py: &mut Python,
        function: &Function,
        layer: &Rc<Message>,
        key: &str,
        value: &Value,
        places: [Span; 2],
    ) -> Outcome<()> {
        if key.ends_with("param") {
            return layer.assign(py, key, value, places);
        }
        let name = &function.type_name;
        let known = self.messages.entry(name.clone());
        let message = known.or_insert_with(|| names::message_of_type(name)).clone();
        let Some(message) = message.filter(|own| belongs(own, key)) else {
            return layer.assign(py, key, value, places);
        };
        let inner = layer.get_message(py, &message, function.place)?;
        inner.assign(py, key, value, places)
    }

    fn finish(self, py: &mut Python, at: Span) -> Outcome {
        let net = Message::new("net", py.outside(at));
        for (layer, _) in &self.layers {
            net.hold(py, "layer", layer.clone(), at)?;
        }
        py.state(super::Printed::new).net_made();
        Ok(Value::Native(net))
    }
}

/// Whether an argument without a message of its own belongs into a type's message, or where it is none of either, is nearer to
/// the fields of that.
fn belongs(message: &str, key: &str) -> bool {
    let of = |message: &str| schema::names(message).any(|name| name == key);
    if of(message) || !schema::has_message(message) {
        return of(message) || !of("layer");
    }
    !of("layer")
        && (nearest(key, schema::names(message)).is_some()
            || nearest(key, schema::names("layer")).is_none())
}

fn no_top(py: &mut Python, value: &Value, at: Span) -> crate::front::python::interp::PyError {
    let got = py.type_name(value);
    let message = format!("'{got}' object has no attribute '_to_proto'");
    let error = py.error("AttributeError", at, message);
    match value {
        Value::Tuple(_) | Value::List(_) => error.help(
            "a layer with several tops gives a tuple: name each, as in `n.data, n.label = ...`",
        ),
        _ => error.help("the attributes of a NetSpec are tops of layers"),
    }
}

/// `caffe.NetSpec`: tops by name.
pub struct NetSpec {
    tops: Rc<Dict>,
    /// Where names were given.
    places: RefCell<HashMap<Rc<str>, Span>>,
}

impl NetSpec {
    /// An empty one.
    pub fn new() -> Self {
        NetSpec { tops: Dict::of_kind(DictKind::Ordered), places: RefCell::default() }
    }

    fn put(&self, py: &mut Python, name: &str, value: Value, at: Span) -> Outcome<()> {
        py.allocate(256, at)?;
        self.tops.set_str(name, value);
        self.places.borrow_mut().insert(name.into(), at);
        Ok(())
    }

    fn get(&self, py: &mut Python, name: &str, at: Span) -> Outcome {
        if let Some(top) = self.tops.get_str(name) {
            return Ok(top);
        }
        let class = py.builtin_class("KeyError");
        let error = py.error_of(&class, name.into(), at);
        let items = self.tops.items();
        let known = items.iter().filter_map(|(key, _)| Some(key.as_str()?.to_string())).collect();
        Err(py.advise(error, name, known))
    }

    /// The net of all tops that have names.
    pub fn to_proto(&self, py: &mut Python, at: Span) -> Outcome {
        let mut net = Making::default();
        let items = self.tops.items();
        let place = |name: &Rc<str>| self.places.borrow().get(name).copied().unwrap_or(at);
        for (name, value) in &items {
            let (Some(name), Some((function, number))) = (name.as_str(), layer_of(value)) else {
                continue;
            };
            let named = match number {
                Some(number) => Named::Top(address(&function), number),
                None => Named::Layer(address(&function)),
            };
            net.names.insert(named, (name.clone(), place(name)));
        }
        for (name, value) in &items {
            net.add(py, value, name.as_str().map_or(at, place))?;
        }
        net.finish(py, at)
    }
}

const METHODS: [&str; 5] = ["to_proto", "keys", "vals", "values", "update"];

impl Native for NetSpec {
    fn type_name(&self) -> String {
        "NetSpec".to_owned()
    }

    fn get_attribute(self: Rc<Self>, py: &mut Python, name: &str, at: Span) -> Maybe {
        if name == "tops" || name == "__dict__" {
            return Ok(Some(Value::Dict(self.tops.clone())));
        }
        let Some(name) = METHODS.into_iter().find(|known| *known == name) else {
            if name.starts_with("__") {
                return Ok(None);
            }
            return self.get(py, name, at).map(Some);
        };
        let run = move |py: &mut Python, args: Args| method(py, &self, name, args);
        Ok(Some(Value::function(name, run)))
    }

    fn set_attribute(
        self: Rc<Self>,
        py: &mut Python,
        name: &str,
        value: Value,
        at: Span,
    ) -> Outcome<bool> {
        self.put(py, name, value, at)?;
        Ok(true)
    }

    fn get_item(self: Rc<Self>, py: &mut Python, key: &Value, at: Span) -> Outcome {
        match key.as_str() {
            Some(name) => self.get(py, &name.clone(), at),
            None => {
                let class = py.builtin_class("KeyError");
                Err(py.error_of(&class, key.clone(), at))
            }
        }
    }

    fn set_item(
        self: Rc<Self>,
        py: &mut Python,
        key: &Value,
        value: Value,
        at: Span,
    ) -> Outcome<()> {
        match key.as_str() {
            Some(name) => self.put(py, &name.clone(), value, at),
            None => Err(py.type_error(at, "the names of tops are texts")),
        }
    }

    fn delete_item(self: Rc<Self>, py: &mut Python, key: &Value, at: Span) -> Outcome<()> {
        py.delete_item(&Value::Dict(self.tops.clone()), key, at)
    }

    fn contains(
        self: Rc<Self>,
        _py: &mut Python,
        item: &Value,
        _at: Span,
    ) -> Outcome<Option<bool>> {
        Ok(item.as_str().map(|name| self.tops.get_str(name).is_some()))
    }
}

fn method(py: &mut Python, spec: &NetSpec, name: &str, args: Args) -> Outcome {
    let at = args.span;
    let parameters: &[&str] = if name == "update" { &["name", "params"] } else { &[] };
    let args = args.bind(py, name, parameters)?;
    match name {
        "to_proto" => spec.to_proto(py, at),
        "keys" => py.new_list(spec.tops.items().into_iter().map(|(key, _)| key).collect(), at),
        "vals" | "values" => {
            py.new_list(spec.tops.items().into_iter().map(|(_, value)| value).collect(), at)
        }
        _ => {
            let name = args.text(py, "name")?.unwrap_or_default();
            let top = spec.get(py, &name, args.span_of("name"))?;
            let Some((function, _)) = layer_of(&top) else { return Err(no_top(py, &top, at)) };
            let given = args.get("params");
            for (key, value) in py.mapping(&given, args.span_of("params"))? {
                py.set_item(&Value::Dict(function.params.clone()), &key, value, at)?;
            }
            Ok(Value::None)
        }
    }
}
