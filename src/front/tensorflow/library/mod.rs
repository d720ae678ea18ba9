//! What definitions call: `tf`, `slim` and `digits`, as tables of functions over the graph that a definition makes.

mod advice;
mod arguments;
mod collections;
mod digits;
mod index;
mod initial;
mod math;
mod nets;
mod nn;
mod quiet;
mod scopes;
mod shapes;
mod slim;
mod tensor;
mod types;
mod variables;
mod volumes;
mod written;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::graph::{Fault, Graph, Tensor};
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic};
use crate::front::python::interp::{
    Args, Bound, Dict, Maybe, Native, Outcome, PyError, Python, Value,
};
use crate::source::Span;

pub use arguments::to_tensor;
pub use index::{Entry, functions};
pub use tensor::TensorValue;
use tensor::pay_for;

/// What a function of the library does.
type Run = fn(&mut Call) -> Outcome;

/// A function: all names it has, its parameters as [`Args::bind`] reads them, and what it does.
pub struct Function(pub &'static [&'static str], pub &'static [&'static str], pub Run);

/// What the library keeps while a definition runs.
pub struct State {
    /// The graph.
    pub graph: RefCell<Graph>,
    /// Arguments that open arg_scopes give to functions, by the identity of the function.
    scoped: RefCell<Vec<scopes::ArgScope>>,
    /// Initialisers that variable scopes name by number.
    initializers: RefCell<Vec<Value>>,
    /// Functions that variable scopes name by number, the penalties of their variables.
    penalties: RefCell<Vec<Value>>,
    /// Getters that variable scopes name by number, each with the number of the one around it.
    getters: RefCell<Vec<(Value, Option<usize>)>>,
    /// Constraints that variable scopes name by number.
    of_scopes: RefCell<Vec<Value>>,
    /// Variables with what constrains them, in the order in which they were made.
    constrained: RefCell<Vec<(usize, Value, Span)>>,
    /// The lists of the definition's own collections.
    collections: RefCell<BTreeMap<String, Value>>,
    /// Variables as values by their numbers, each the same one always.
    variables: RefCell<BTreeMap<usize, Value>>,
    /// Outputs of layers that were collected, with the scopes of the layers.
    outputs: RefCell<Vec<(Value, String)>>,
    /// Whether the net is made that is trained.
    pub is_training: Cell<bool>,
}

impl State {
    /// Variables by their numbers, each with the function that gives what it becomes after a step, and where that was said.
    pub fn constraints(&self) -> Vec<(usize, Value, Span)> {
        self.constrained.borrow().clone()
    }

    /// A variable as a value, the same one whenever it is asked for.
    pub fn variable(&self, variable: usize) -> Value {
        let mut all = self.variables.borrow_mut();
        let make = || {
            let tensor = self.graph.borrow().variable_tensor(variable);
            Value::native(TensorValue(tensor))
        };
        all.entry(variable).or_insert_with(make).clone()
    }
}

/// A call of a function of the library.
pub struct Call<'a> {
    /// The interpreter.
    pub py: &'a mut Python,
    /// The state.
    pub state: Rc<State>,
    /// The arguments.
    pub bound: Bound,
    /// The place of the call.
    pub span: Span,
    /// The function's first name.
    pub function: &'static str,
}

/// A namespace of the library, such as `tf.nn`.
struct Namespace {
    path: String,
    members: RefCell<BTreeMap<String, Value>>,
}

impl Native for Namespace {
    fn type_name(&self) -> String {
        "module".to_owned()
    }

    fn names(&self) -> Vec<String> {
        let own = self.members.borrow().keys().cloned().collect::<Vec<_>>();
        own.into_iter().chain(written::members(&self.path).map(str::to_owned)).collect()
    }

    fn get_attribute(self: Rc<Self>, py: &mut Python, name: &str, at: Span) -> Maybe {
        if let Some(found) = self.members.borrow().get(name) {
            return Ok(Some(found.clone()));
        }
        if name.starts_with("__") {
            return Ok(None);
        }
        if let Some(written) = written::member(py, &self.path, name, at)? {
            return Ok(Some(written));
        }
        let path = &self.path;
        let message = format!("`{path}.{name}` is not known to cortado");
        let d = Diagnostic::new(&diag::E0810, at, message);
        let known = self.names();
        let near = nearest(name, known.iter().map(String::as_str));
        let near = near.map(|near| format!("did you mean `{path}.{near}`?"));
        let told = advice::advice(&format!("{path}.{name}")).map(str::to_owned);
        let elsewhere =
            || py.state(all_names).elsewhere(name).map(|other| format!("there is `{other}`"));
        let d = match told.or_else(elsewhere).or(near) {
            Some(help) => d.help(help),
            None => d,
        };
        Err(py.complaint_of("AttributeError", d))
    }

    fn set_attribute(
        self: Rc<Self>,
        _py: &mut Python,
        name: &str,
        value: Value,
        _at: Span,
    ) -> Outcome<bool> {
        self.members.borrow_mut().insert(name.to_owned(), value);
        Ok(true)
    }

    fn repr(self: Rc<Self>, _py: &mut Python) -> Outcome<String> {
        Ok(format!("<module '{}'>", self.path))
    }
}

/// The names of all functions, for advice.
struct Names(Vec<&'static str>);

fn all_names(_py: &mut Python) -> Names {
    Names(tables().flat_map(|function| function.0).copied().collect())
}

impl Names {
    /// A function of this name in another namespace.
    fn elsewhere(&self, name: &str) -> Option<&'static str> {
        let known =
            |path: &&str| path.rsplit('.').next() == Some(name) && !path.contains("summary");
        self.0.iter().copied().find(known)
    }
}

/// All functions.
fn tables() -> impl Iterator<Item = &'static Function> {
    let tables: [&'static [Function]; 10] = [
        collections::FUNCTIONS,
        math::FUNCTIONS,
        shapes::FUNCTIONS,
        nn::FUNCTIONS,
        scopes::FUNCTIONS,
        variables::FUNCTIONS,
        initial::FUNCTIONS,
        slim::FUNCTIONS,
        digits::FUNCTIONS,
        quiet::FUNCTIONS,
    ];
    tables.into_iter().flatten()
}

/// Defines the library in an interpreter, over a graph.
pub fn install(py: &mut Python, graph: Graph) -> Rc<State> {
    let state = State {
        graph: RefCell::new(graph),
        scoped: RefCell::default(),
        initializers: RefCell::default(),
        penalties: RefCell::default(),
        getters: RefCell::default(),
        of_scopes: RefCell::default(),
        constrained: RefCell::default(),
        collections: RefCell::default(),
        variables: RefCell::default(),
        outputs: RefCell::default(),
        is_training: Cell::default(),
    };
    let given = Cell::new(Some(state));
    let state = py.state(|_| given.take().expect("the library is installed once"));
    let mut spaces: BTreeMap<String, Rc<Namespace>> = BTreeMap::new();
    for function in tables() {
        let value = value_of(function, &state);
        for path in function.0 {
            define(&mut spaces, path, value.clone());
        }
    }
    for path in written::spaces() {
        space(&mut spaces, path);
    }
    for (path, value) in types::constants().into_iter().chain(quiet::constants()) {
        define(&mut spaces, path, value);
    }
    for (path, other) in [
        ("tf.contrib.slim", "slim"),
        ("tf.contrib.layers.xavier_initializer_conv2d", "tf.contrib.layers.xavier_initializer"),
        ("slim.xavier_initializer_conv2d", "tf.contrib.layers.xavier_initializer"),
        ("tf.compat.v1", "tf"),
    ] {
        let value = match spaces.get(other) {
            Some(space) => Value::Native(space.clone()),
            None => find(&spaces, other),
        };
        define(&mut spaces, path, value);
    }
    let space = |path: &str| spaces.get(path).map(|space| Value::Native(space.clone()));
    for path in spaces.keys().filter(|path| path.starts_with("tf.")) {
        let name = path.replacen("tf.", "tensorflow.", 1);
        py.add_module(&name, space(path).unwrap_or_default());
    }
    for (module, path) in [
        ("tensorflow", "tf"),
        ("tensorflow.compat.v1", "tf"),
        ("tensorflow.compat", "tf.compat"),
        ("tensorflow.contrib.slim", "slim"),
        ("tf_slim", "slim"),
        ("slim", "slim"),
        ("tensorflow.python", "tf"),
        ("tensorflow.python.framework", "tf"),
        ("tensorflow.python.framework.ops", "tf"),
        ("tensorflow.python.training", "tf.train"),
        ("tensorflow.python.ops", "tf"),
        ("tensorflow.contrib.layers.python", "tf.contrib.layers"),
        ("tensorflow.contrib.layers.python.layers", "tf.contrib.layers"),
        ("tensorflow.contrib.framework.python", "tf.contrib.framework"),
        ("tensorflow.contrib.framework.python.ops", "tf.contrib.framework"),
        ("tensorflow.python.keras", "tf.keras"),
        ("keras", "tf.keras"),
        ("utils", "digits"),
        ("digits", "digits"),
    ] {
        if let Some(value) = space(path) {
            py.add_module(module, value);
        }
    }
    if let (Some(tf), Some(ops)) = (space("tf"), space("tf")) {
        let at = Span::nowhere();
        let _ = py.set_attribute(&tf, "ops", ops, at);
    }
    // Parts of TensorFlow name each other by where they are written.
    for (place, name, path) in [
        ("tf", "array_ops", "tf"),
        ("tf", "math_ops", "tf"),
        ("tf", "init_ops", "tf"),
        ("tf", "random_ops", "tf"),
        ("tf", "control_flow_ops", "tf"),
        ("tf", "nn_ops", "tf.nn"),
        ("tf.contrib.layers", "layers", "tf.contrib.layers"),
        ("tf.contrib.layers", "initializers", "tf.contrib.layers"),
        ("tf.contrib.layers", "regularizers", "tf.contrib.layers"),
        ("slim", "initializers", "tf.contrib.layers"),
        ("slim", "layers", "tf.contrib.layers"),
        ("slim", "regularizers", "tf.contrib.layers"),
    ] {
        if let (Some(place), Some(value)) = (spaces.get(place), space(path)) {
            place.members.borrow_mut().insert(name.to_owned(), value);
        }
    }
    for name in ["Tensor", "Variable"] {
        if let Some(class) = tensor::class(py, name)
            && let Some(tf) = spaces.get("tf")
        {
            tf.members.borrow_mut().entry(name.to_owned()).or_insert(Value::Class(class));
        }
    }
    written::install(py);
    digits::install(py, space("digits").unwrap_or_default());
    for name in ["tf", "slim", "digits"] {
        py.add_builtin(name, space(name).unwrap_or_default());
    }
    py.set_module_advice(advice::module_advice);
    state
}

fn find(spaces: &BTreeMap<String, Rc<Namespace>>, path: &str) -> Value {
    let Some((space, name)) = path.rsplit_once('.') else { return Value::None };
    let found = spaces.get(space).and_then(|space| space.members.borrow().get(name).cloned());
    found.unwrap_or_default()
}

/// Puts a value under a path, with the namespaces on the way.
fn define(spaces: &mut BTreeMap<String, Rc<Namespace>>, path: &str, value: Value) {
    let Some((outer, name)) = path.rsplit_once('.') else { return };
    space(spaces, outer).members.borrow_mut().insert(name.to_owned(), value);
}

fn space(spaces: &mut BTreeMap<String, Rc<Namespace>>, path: &str) -> Rc<Namespace> {
    if let Some(space) = spaces.get(path) {
        return space.clone();
    }
    let made = Rc::new(Namespace { path: path.to_owned(), members: RefCell::default() });
    spaces.insert(path.to_owned(), made.clone());
    if let Some((outer, name)) = path.rsplit_once('.') {
        let outer = space(spaces, outer);
        outer.members.borrow_mut().insert(name.to_owned(), Value::Native(made.clone()));
    }
    made
}

/// A function of a table as a value of the language.
fn value_of(function: &'static Function, state: &Rc<State>) -> Value {
    let Function(names, parameters, run) = *function;
    let name = names[0];
    let (state, short) = (state.clone(), name.rsplit('.').next().unwrap_or(name));
    let own: Rc<Cell<Option<usize>>> = Rc::default();
    let identity = own.clone();
    let value = Value::function(name, move |py: &mut Python, args: Args| {
        let args = scopes::with_scoped(&state, identity.get(), parameters, args);
        let span = args.span;
        if let Some(answer) = answered(py, name, &args)? {
            return Ok(answer);
        }
        let bound = args.bind(py, short, parameters)?;
        let nodes = state.graph.borrow().nodes.len();
        py.work(10 + nodes, span)?;
        let mut call = Call { py, state: state.clone(), bound, span, function: name };
        call.said_once()?;
        let result = run(&mut call)?;
        call.all_read()?;
        Ok(result)
    });
    own.set(value.identity());
    value
}

/// What an argument itself says of the call, if there is such a one.
fn answered(py: &mut Python, name: &str, args: &Args) -> Maybe {
    let positional = args.positional.iter().map(|(value, _)| value);
    let keywords = args.keywords.iter().map(|keyword| &keyword.value);
    let found = positional.clone().chain(keywords).find(|value| tensor::answers_calls(value));
    let Some(found) = found else { return Ok(None) };
    let by_name = Dict::new();
    for keyword in &args.keywords {
        by_name.set_str(&keyword.name, keyword.value.clone());
    }
    let told = [name.into(), Value::tuple(positional.cloned()), Value::Dict(by_name)];
    py.call_method(found, tensor::ANSWER, Args::new(told, args.span)).map(Some)
}

/// Arguments that newer versions call otherwise: the new name and the old one.
const RENAMED: [[&str; 2]; 8] = [
    ["axis", "dim"],
    ["axis", "dimension"],
    ["axis", "reduction_indices"],
    ["axis", "squeeze_dims"],
    ["keepdims", "keep_dims"],
    ["rate", "keep_prob"],
    ["input", "value"],
    ["filters", "filter"],
];

/// Arguments that change no number: names, places, types, checks, and how TensorFlow goes about it.
const IDLE: &[&str] = &[
    "name",
    "scope",
    "values",
    "seed",
    "dtype",
    "output_type",
    "out_type",
    "message",
    "data",
    "first_n",
    "summarize",
    "collections",
    "variables_collections",
    "updates_collections",
    "caching_device",
    "device",
    "partitioner",
    "use_resource",
    "synchronization",
    "aggregation",
    "validate_shape",
    "verify_shape",
    "validate_indices",
    "variable_def",
    "expected_shape",
    "preferred_dtype",
    "import_scope",
    "use_cudnn_on_gpu",
    "a_is_sparse",
    "b_is_sparse",
    "conjugate",
    "optimize",
    "partition_info",
    "partition_strategy",
    "param_regularizers",
    "strict",
    "shift",
    "trainable",
    "reuse",
    "num",
    "max_outputs",
    "max_images",
    "family",
    "default_name",
    // What comes from an arg_scope, where something else stands in its place.
    "normalizer_params",
    "biases_initializer",
    "biases_regularizer",
];

impl Call<'_> {
    /// Does something with the graph; what is wrong is a complaint at the call.
    pub fn graph<T>(
        &mut self,
        work: impl FnOnce(&mut Graph) -> super::graph::Outcome<T>,
    ) -> Outcome<T> {
        with_graph(self.py, &self.state, self.span, self.function, work)
    }

    /// A tensor as the result, whose operation has the name that the call gives it.
    pub fn give(&mut self, tensor: Tensor) -> Outcome {
        pay_for(self.py, &tensor, size_of::<f64>(), self.span)?;
        let named = self.bound.has_parameter("name");
        let given = if named { self.bound.get("name") } else { Value::None };
        let tensor = match given.as_str().filter(|name| !name.is_empty()) {
            Some(name) => self.state.graph.borrow().renamed(tensor, name),
            None => tensor,
        };
        Ok(Value::native(TensorValue(tensor)))
    }

    /// The tensor that the graph makes as the result.
    pub fn gives(
        &mut self,
        work: impl FnOnce(&mut Graph) -> super::graph::Outcome<Tensor>,
    ) -> Outcome {
        let tensor = self.graph(work)?;
        self.give(tensor)
    }

    /// A variable as the result, the same value whenever it is asked for.
    pub fn give_variable(&self, variable: usize) -> Value {
        self.state.variable(variable)
    }

    /// Complains about an argument that is given by its old and by its new name.
    fn said_once(&mut self) -> Outcome<()> {
        let all = self.bound.unread();
        let given = |name: &str| all.iter().any(|(one, value, _)| one == name && !value.is_none());
        for [new, old] in RENAMED {
            if given(new) && given(old) {
                let message = format!("cannot specify both `{new}` and `{old}`");
                return Err(self.fault(message, &format!("they mean the same: leave `{old}` out")));
            }
        }
        Ok(())
    }

    /// Complains about an argument that was given and is not heeded, but for those that change no number.
    fn all_read(&mut self) -> Outcome<()> {
        for (name, value, at) in self.bound.unread() {
            let absent = match &value {
                Value::None => true,
                Value::Bool(truth) => !truth,
                other => other.as_int() == Some(0),
            };
            if absent || IDLE.contains(&&*name) {
                continue;
            }
            let message = format!("{}: `{name}` is not known to cortado", self.function);
            let d = Diagnostic::new(&diag::E0811, at, message);
            return Err(self.py.complaint(d.help("leave it out, or compute without it")));
        }
        Ok(())
    }

    /// Tensors as the result, a list.
    pub fn give_all(&mut self, tensors: Vec<Tensor>) -> Outcome {
        for tensor in &tensors {
            pay_for(self.py, tensor, size_of::<f64>(), self.span)?;
        }
        Ok(Value::list(tensors.into_iter().map(|tensor| Value::native(TensorValue(tensor)))))
    }

    /// A complaint about the call.
    pub fn fault(&mut self, message: impl Into<String>, help: &str) -> PyError {
        let message = format!("{}: {}", self.function, message.into());
        let d = Diagnostic::new(&diag::E0811, self.span, message);
        let d = if help.is_empty() { d } else { d.help(help) };
        self.py.complaint_of("ValueError", d)
    }
}

/// Does something with the graph on behalf of a call at a place.
pub fn with_graph<T>(
    py: &mut Python,
    state: &State,
    span: Span,
    function: &str,
    work: impl FnOnce(&mut Graph) -> super::graph::Outcome<T>,
) -> Outcome<T> {
    let span = py.outside(span);
    let result = {
        let mut graph = state.graph.borrow_mut();
        graph.place = span;
        function.clone_into(&mut graph.function);
        work(&mut graph)
    };
    result.map_err(|fault| {
        let message = format!("{function}: {}", fault.message);
        py.complaint_of("ValueError", Fault { message, ..fault }.diagnostic(span))
    })
}
