//! What programs of pycaffe import: `caffe` with its layers, parameters and messages, `google.protobuf.text_format`, and what
//! they do with files, which goes to memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use super::files::{self, Files};
use super::message::Message;
use super::names;
use super::spec::{Layers, NetSpec, to_proto};
use super::value::Word;
use crate::diag::Diagnostics;
use crate::front::caffe::{parse, schema};
use crate::front::python::interp::{Args, Maybe, Native, Outcome, Python, Value};
use crate::source::Span;

/// A module of which some names are here; all others may be named and not used.
struct Space {
    path: &'static str,
    members: BTreeMap<&'static str, Value>,
    /// The rest.
    beyond: Value,
}

impl Native for Space {
    fn type_name(&self) -> String {
        "module".to_owned()
    }

    fn names(&self) -> Vec<String> {
        self.members.keys().map(|&name| name.to_owned()).collect()
    }

    fn get_attribute(self: Rc<Self>, py: &mut Python, name: &str, at: Span) -> Maybe {
        if let Some(member) = self.members.get(name) {
            return Ok(Some(member.clone()));
        }
        if self.path == "caffe.proto.caffe_pb2" && !name.starts_with("__") {
            return Ok(part_of_protocol(name));
        }
        py.find_attribute(&self.beyond, name, at)
    }

    fn set_attribute(
        self: Rc<Self>,
        _py: &mut Python,
        _name: &str,
        _value: Value,
        _at: Span,
    ) -> Outcome<bool> {
        Ok(true)
    }

    fn repr(self: Rc<Self>, _py: &mut Python) -> Outcome<String> {
        Ok(format!("<module '{}'>", self.path))
    }
}

/// What `caffe_pb2` has under a name: a class of messages, or a word of an enumeration.
fn part_of_protocol(name: &str) -> Option<Value> {
    if let Some(kind) = names::message_of(name) {
        return Some(Value::native(Class { name: name.into(), kind: kind.into() }));
    }
    if let Some(number) = schema::number_of("state", name) {
        return Some(Value::Int(number));
    }
    is_camel(name)
        .then(|| Value::native(Class { name: name.into(), kind: names::snake(name).into() }))
}

/// Whether a name is that of a class or of an enumeration.
fn is_camel(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.contains(|c: char| c.is_lowercase())
}

/// A class of messages.
struct Class {
    name: Rc<str>,
    kind: Rc<str>,
}

impl Native for Class {
    fn type_name(&self) -> String {
        "type".to_owned()
    }

    fn names(&self) -> Vec<String> {
        schema::words(&self.kind).map(str::to_owned).collect()
    }

    fn get_attribute(self: Rc<Self>, _py: &mut Python, name: &str, _at: Span) -> Maybe {
        if name == "__name__" {
            return Ok(Some(self.name.clone().into()));
        }
        if name.starts_with("__") {
            return Ok(None);
        }
        if name == "Value" {
            return Ok(Some(Value::function("Value", move |py: &mut Python, args: Args| {
                let args = args.bind(py, "Value", &["name"])?;
                let name = args.text(py, "name")?.unwrap_or_default();
                match word(&self.kind, &name) {
                    Some(word) => Ok(word),
                    None => {
                        let message = format!("Enum {} has no value '{name}'", self.name);
                        Err(py.value_error(args.span, message))
                    }
                }
            })));
        }
        if is_camel(name) {
            // An enumeration of the message, whose words are those of the message.
            return Ok(Some(Value::native(Class { name: name.into(), kind: self.kind.clone() })));
        }
        Ok(word(&self.kind, name))
    }

    fn call(self: Rc<Self>, py: &mut Python, args: Args, at: Span) -> Outcome {
        let place = py.outside(at);
        py.allocate(size_of::<Message>() + 64, at)?;
        let made = Message::new(&self.kind, place);
        if !args.positional.is_empty() {
            let message = format!("{}() takes keyword arguments only", self.name);
            return Err(py.type_error(at, message));
        }
        for keyword in args.keywords {
            let places = [keyword.name_span, keyword.span];
            made.give(py, &keyword.name, &keyword.value, places)?;
        }
        Ok(Value::Native(made))
    }

    fn repr(self: Rc<Self>, _py: &mut Python) -> Outcome<String> {
        Ok(format!("<class 'caffe_pb2.{}'>", self.name))
    }
}

/// A word of a message's enumerations: its number, or the word itself where only forks have it.
fn word(kind: &str, name: &str) -> Option<Value> {
    if let Some(number) = schema::number_of(kind, name) {
        return Some(Value::Int(number));
    }
    let is_word = name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    is_word.then(|| Value::native(Word(name.into())))
}

/// `caffe.params`: `P.Pooling.MAX` is the value of a word in the message of a type.
struct Params;

impl Native for Params {
    fn type_name(&self) -> String {
        "Parameters".to_owned()
    }

    fn get_attribute(self: Rc<Self>, _py: &mut Python, name: &str, _at: Span) -> Maybe {
        let class = format!("{name}Parameter");
        let kind = names::message_of(&class).filter(|_| !name.starts_with("__"));
        Ok(kind.map(|kind| Value::native(Class { name: class.into(), kind: kind.into() })))
    }
}

/// Settings of Caffe that change no net.
const SETTINGS: [&str; 6] = [
    "init_log",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_multiprocess",
    "set_random_seed",
];

/// Puts everything into an interpreter. `folder` is the definition's.
pub fn install(py: &mut Python, folder: &Path) {
    let nothing = |name: &'static str| {
        (name, Value::function(name, |_: &mut Python, _: Args| Ok(Value::None)))
    };
    let net_spec = || {
        BTreeMap::from([
            ("NetSpec", Value::function("NetSpec", new_spec)),
            ("layers", Value::native(Layers)),
            ("params", Value::native(Params)),
            ("to_proto", Value::function("to_proto", to_proto)),
        ])
    };
    let protocol = space(py, "caffe.proto.caffe_pb2", BTreeMap::new());
    let proto = space(py, "caffe.proto", BTreeMap::from([("caffe_pb2", protocol.clone())]));
    let spec = space(py, "caffe.net_spec", net_spec());
    let mut members = net_spec();
    members.extend(SETTINGS.map(nothing));
    members.extend([
        ("TRAIN", Value::Int(0)),
        ("TEST", Value::Int(1)),
        ("__version__", "1.0.0".into()),
        ("net_spec", spec.clone()),
        ("proto", proto.clone()),
    ]);
    let caffe = space(py, "caffe", members);
    py.add_copy("caffe.model_libs", "model_libs");
    py.add_text("caffe.coord_map", include_str!("coord_map.py"));
    let format = BTreeMap::from([
        ("Merge", Value::function("Merge", merge)),
        ("Parse", Value::function("Parse", merge)),
        ("MessageToString", Value::function("MessageToString", message_to_string)),
        ("PrintMessage", Value::function("PrintMessage", print_message)),
    ]);
    let format = space(py, "google.protobuf.text_format", format);
    let protobuf = space(
        py,
        "google.protobuf",
        BTreeMap::from([("text_format", format.clone()), ("__version__", "3.6.1".into())]),
    );
    let google = space(py, "google", BTreeMap::from([("protobuf", protobuf.clone())]));
    for (name, module) in [
        ("caffe", caffe),
        ("caffe.net_spec", spec),
        ("caffe.proto", proto),
        ("caffe.proto.caffe_pb2", protocol.clone()),
        ("caffe_pb2", protocol),
        ("google", google),
        ("google.protobuf", protobuf),
        ("google.protobuf.text_format", format),
    ] {
        py.add_module(name, module);
    }
    for name in ["caffe.io", "caffe.draw", "caffe.pycaffe", "caffe.classifier", "caffe.detector"] {
        let module = py.outside_module(name);
        py.add_module(name, module);
    }
    py.set_module_advice(|name| {
        Some(match name.contains("model_libs") {
            true => "put the fork's python/caffe/model_libs.py beside the definition, and `from model_libs import *`",
            false => "caffe, google.protobuf, numpy and modules such as math and os are there, and files of the project beside the definition",
        })
    });
    files::install(py, folder, space);
}

/// A module with some names.
fn space(py: &mut Python, path: &'static str, members: BTreeMap<&'static str, Value>) -> Value {
    let beyond = py.outside_module(path);
    Value::native(Space { path, members, beyond })
}

fn new_spec(py: &mut Python, args: Args) -> Outcome {
    let at = args.span;
    args.bind(py, "NetSpec", &[])?;
    py.allocate(256, at)?;
    Ok(Value::native(NetSpec::new()))
}

/// `text_format.Merge(text, message)`.
fn merge(py: &mut Python, args: Args) -> Outcome {
    let at = args.span;
    let args = args.bind(
        py,
        "Merge",
        &["text", "message", "allow_unknown_extension?", "allow_field_number?"],
    )?;
    args.ignore();
    let Some(text) = args.text(py, "text")? else {
        return Err(py.type_error(args.span_of("text"), "Merge() takes a text and a message"));
    };
    let given = args.get("message");
    let Some(message) = given.as_native::<Message>() else {
        let got = py.type_name(&given);
        let error = format!("Merge() takes a message to fill, not '{got}'");
        return Err(py.type_error(args.span_of("message"), error));
    };
    py.work(text.len(), at)?;
    py.allocate(8 * text.len(), at)?;
    let name = py.state(Files::new).name_of(&text).unwrap_or_else(|| "<text>".into());
    let file = py.sources.add_once(name, &text);
    let mut complaints = Diagnostics::default();
    let tree = parse(file, &text, &mut complaints);
    if complaints.has_errors()
        && let Some(first) = complaints.iter().next()
    {
        return Err(py.complaint_of("ValueError", first.clone()));
    }
    message.read(py, &tree)?;
    Ok(given)
}

/// The text of a message.
fn message_to_string(py: &mut Python, args: Args) -> Outcome {
    let at = args.span;
    let (value, place) = match args.positional.first() {
        Some((value, place)) => (value.clone(), *place),
        None => return Err(py.type_error(at, "MessageToString() takes a message")),
    };
    if value.as_native::<Message>().is_none() {
        let got = py.type_name(&value);
        let message = format!("MessageToString() takes a message, not '{got}'");
        return Err(py.type_error(place, message));
    }
    let text = py.str(&value, at)?;
    py.new_str(text, at)
}

/// `text_format.PrintMessage(message, file)`.
fn print_message(py: &mut Python, args: Args) -> Outcome {
    let at = args.span;
    let stream = args.positional.get(1).map(|(stream, _)| stream.clone()).unwrap_or_default();
    let text = message_to_string(py, args)?;
    py.call_method(&stream, "write", Args::new([text], at))
}
