//! `tf.get_variable` and the variables of layers: what scopes give to them, and what stands between.

use std::rc::Rc;

use super::arguments::to_tensor;
use super::initial::{Initializer, first_values, regularizer_of};
use super::tensor::TensorValue;
use super::types::{data_type, kind_of};
use super::{Call, Function, State};
use crate::front::python::interp::{Args, Outcome, Python, Value};
use crate::front::tensorflow::graph::{Asked, Binary, Graph, Kind, Tensor};

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function(
        &[
            "tf.get_variable",
            "slim.variable",
            "slim.model_variable",
            "tf.contrib.framework.variable",
            "tf.contrib.framework.model_variable",
        ],
        GET_VARIABLE,
        get_variable,
    ),
    Function(&["tf.constrained"], &["ref", "constraint"], |c| {
        let variable = c.tensor("ref")?;
        if let Some(variable) = Graph::is_variable(&variable) {
            c.constrain(variable);
        }
        Ok(Value::None)
    }),
    Function(&["tf.assign"], ASSIGN, |c| assign(c, None)),
    Function(&["tf.assign_add"], ASSIGN, |c| assign(c, Some(Binary::Add))),
    Function(&["tf.assign_sub"], ASSIGN, |c| assign(c, Some(Binary::Subtract))),
];

const ASSIGN: &[&str] =
    &["ref", "value", "validate_shape?", "use_locking?", "name?", "read_value?"];

/// What a variable becomes: a value, or what it was with the value added or subtracted.
fn assign(c: &mut Call, change: Option<Binary>) -> Outcome {
    let (variable, value) = (c.tensor("ref")?, c.tensor("value")?);
    for name in ["use_locking", "read_value"] {
        c.bound.get(name);
    }
    let Some(number) = Graph::is_variable(&variable) else {
        let help = "`tf.Variable` and `tf.get_variable` make variables";
        return Err(c.fault("only variables are assigned to", help));
    };
    c.gives(|graph| {
        let value = match change {
            Some(change) => graph.binary(change, &variable, &value)?,
            None => value,
        };
        graph.assign(number, &value)
    })
}

const GET_VARIABLE: &[&str] = &[
    "name",
    "shape?",
    "dtype?",
    "initializer?",
    "regularizer?",
    "trainable?",
    "collections?",
    "caching_device?",
    "partitioner?",
    "validate_shape?",
    "use_resource?",
    "custom_getter?",
    "constraint?",
    "synchronization?",
    "aggregation?",
    "device?",
];

fn get_variable(c: &mut Call) -> Outcome {
    let Some(name) = c.text("name")? else {
        return Err(
            c.fault("a variable needs a name", "such as tf.get_variable('w', [3, 3, 1, 16])")
        );
    };
    let full = c.state.graph.borrow().in_scope(&name);
    let own = c.bound.some("custom_getter");
    let getters = c.state.getters_with(own);
    if getters.is_empty() {
        return named(c, &full);
    }
    let mut args = Args::new([], c.span).keyword("name", full.as_str());
    for argument in ["shape", "initializer", "regularizer", "collections"] {
        args = args.keyword(argument, c.bound.get(argument));
    }
    if let Some(constraint) = c.bound.some("constraint") {
        args = args.keyword("constraint", constraint);
    }
    let kind = kind_of(&c.bound.get("dtype")).unwrap_or(Kind::Float);
    let trainable = c.truth("trainable", true)?;
    args = args.keyword("dtype", data_type(kind)).keyword("trainable", trainable);
    c.through(&getters, args)
}

/// The variable of a whole name, made or found as the arguments of the call say.
fn named(c: &mut Call, full: &str) -> Outcome {
    let mut dims = if c.has("shape") { Some(c.dims("shape")?) } else { None };
    let trainable = c.truth("trainable", true)?;
    let at = c.bound.span_of("initializer");
    let mut initializer = c.bound.some("initializer");
    if initializer.is_none() {
        initializer = c.state.scope_initializer();
    }
    let is_tensor = |value: &Value| value.as_native::<TensorValue>().is_some();
    if dims.is_some() && c.bound.some("initializer").as_ref().is_some_and(is_tensor) {
        let help = "its shape is that of the tensor: `tf.get_variable('w', initializer=t)`";
        return Err(c.fault("`shape` beside a tensor as the initialiser", help));
    }
    if dims.is_none()
        && let Some(value) = &initializer
        && value.as_native::<Initializer>().is_none()
    {
        let state = c.state.clone();
        dims = to_tensor(c.py, &state, value, at).ok().map(|tensor| tensor.dims);
    }
    let known = c.state.graph.borrow().shared(full);
    let dims = match (dims, known) {
        (Some(dims), _) => dims,
        (None, Some(known)) => c.state.graph.borrow().variables[known].dims.clone(),
        (None, None) => {
            return Err(
                c.fault(format!("`{full}` needs a shape"), "tf.get_variable('w', [5, 5, 1, 20])")
            );
        }
    };
    let initial = first_values(c, initializer, &dims, at)?;
    let before = c.state.graph.borrow().variables.len();
    let given = regularizer_of(&c.bound.get("regularizer"));
    let inherited = c.state.graph.borrow().scope().borrow().regularizer;
    let regularizer = if c.has("regularizer") { given } else { inherited };
    let kind = kind_of(&c.bound.get("dtype")).unwrap_or(Kind::Float);
    let variable = c.graph(|graph| {
        graph.get_whole(Asked { name: full, dims, kind, initial, trainable, regularizer })
    })?;
    let value = c.give_variable(variable);
    let collections = c.bound.get("collections");
    c.collect(&collections, &value)?;
    if variable == before {
        let regularizer = c.bound.get("regularizer");
        c.penalise(&regularizer, &value)?;
        c.constrain(variable);
    }
    Ok(value)
}

impl State {
    /// The initialiser that the open variable scopes give.
    fn scope_initializer(&self) -> Option<Value> {
        let scope = self.graph.borrow().scope();
        let number = scope.borrow().initializer?;
        self.initializers.borrow().get(number).cloned()
    }

    /// The getters that stand before a variable of the open scope, the innermost first: its own, and those of scopes.
    fn getters_with(&self, own: Option<Value>) -> Vec<Value> {
        let scope = self.graph.borrow().scope();
        let all = self.getters.borrow();
        let mut found: Vec<Value> = own.into_iter().collect();
        let mut next = scope.borrow().getter;
        while let Some((getter, outer)) = next.and_then(|number| all.get(number)) {
            found.push(getter.clone());
            next = *outer;
        }
        found
    }
}

/// What gives a variable by its whole name, behind all getters.
fn true_getter(state: &Rc<State>) -> Value {
    let state = state.clone();
    Value::function("getter", move |py: &mut Python, args: Args| {
        let span = args.span;
        let bound = args.bind(py, "getter", GET_VARIABLE)?;
        py.work(10, span)?;
        let function = "tf.get_variable";
        let mut c = Call { py, state: state.clone(), bound, span, function };
        let Some(full) = c.text("name")? else {
            return Err(c.fault(
                "a getter must be called with the variable's name",
                "pass on what `custom_getter` was called with: getter(name, *args, **kwargs)",
            ));
        };
        let result = named(&mut c, &full)?;
        c.all_read()?;
        Ok(result)
    })
}

impl Call<'_> {
    /// What getters give for a variable: each is called with the next outer one as its first argument.
    fn through(&mut self, getters: &[Value], args: Args) -> Outcome {
        let mut inner = true_getter(&self.state);
        for getter in getters.iter().rev() {
            let (getter, next) = (getter.clone(), inner);
            inner = Value::function("getter", move |py: &mut Python, args: Args| {
                py.call(&getter, args.prepend(next.clone()))
            });
        }
        self.py.call(&inner, args)
    }

    /// A variable of the open scope, or what getters make of it, by an initialiser and a regulariser that are arguments of
    /// the call.
    pub(super) fn make(
        &mut self,
        name: &str,
        dims: Vec<usize>,
        initializer: &str,
        regularizer: &str,
        default: Initializer,
    ) -> Outcome<Tensor> {
        let given = self.bound.some(initializer).unwrap_or_else(|| Value::native(default));
        let trainable = self.truth("trainable", true)?;
        let regularizer = self.bound.get(regularizer);
        self.make_by(name, dims, given, regularizer, trainable)
    }

    /// The same by an initialiser and a regulariser themselves.
    pub(super) fn make_by(
        &mut self,
        name: &str,
        dims: Vec<usize>,
        initializer: Value,
        regularizer: Value,
        trainable: bool,
    ) -> Outcome<Tensor> {
        let getters = self.state.getters_with(None);
        if !getters.is_empty() {
            let full = self.state.graph.borrow().in_scope(name);
            let args = Args::new([], self.span)
                .keyword("name", full.as_str())
                .keyword("shape", Value::list(dims.iter().map(|&extent| extent.into())))
                .keyword("dtype", data_type(Kind::Float))
                .keyword("initializer", initializer)
                .keyword("regularizer", regularizer)
                .keyword("trainable", trainable);
            let got = self.through(&getters, args)?;
            let tensor = to_tensor(self.py, &self.state.clone(), &got, self.span)?;
            if tensor.dims != dims {
                let why = super::scopes::differ(&tensor.dims, &dims);
                return Err(self.fault(format!("the getter gives `{full}` the shape {why}"), ""));
            }
            return Ok(tensor);
        }
        let at = self.span;
        let initial = first_values(self, Some(initializer), &dims, at)?;
        let before = self.state.graph.borrow().variables.len();
        let given = !regularizer.is_none();
        let inherited = self.state.graph.borrow().scope().borrow().regularizer;
        let scale = if given { regularizer_of(&regularizer) } else { inherited };
        let kind = Kind::Float;
        let variable = self.graph(|graph| {
            let regularizer = scale;
            graph.get_variable(Asked { name, dims, kind, initial, trainable, regularizer })
        })?;
        let collections = match self.bound.get("variables_collections") {
            Value::Dict(by_name) => by_name.get_str(name).unwrap_or_default(),
            all => all,
        };
        let value = self.give_variable(variable);
        self.collect(&collections, &value)?;
        if variable == before {
            self.penalise(&regularizer, &value)?;
            self.constrain(variable);
        }
        Ok(self.state.graph.borrow().variable_tensor(variable))
    }

    /// The variable that a tensor is, where what is computed from one is not known.
    pub(super) fn as_it_is(&mut self, tensor: &Tensor) -> Outcome<usize> {
        match Graph::is_variable(tensor) {
            Some(variable) => Ok(variable),
            None => Err(self.fault(
                "a getter gives what is computed from a variable, which is not known to cortado here",
                "hand the variables of this layer on as they are",
            )),
        }
    }

    /// A vector of a normalisation, as a variable.
    pub(super) fn make_vector(
        &mut self,
        name: &str,
        extent: usize,
        initializer: Value,
        regularizer: Value,
        trainable: bool,
    ) -> Outcome<usize> {
        let tensor = self.make_by(name, vec![extent], initializer, regularizer, trainable)?;
        self.as_it_is(&tensor)
    }

    /// Notes what constrains a variable: `constraint` of the call, else that of the open scope. A variable keeps its first one.
    pub(super) fn constrain(&mut self, variable: usize) {
        let asked = self.bound.has_parameter("constraint");
        let given = if asked { self.bound.some("constraint") } else { None };
        let number = self.state.graph.borrow().scope().borrow().constraint;
        let of_scope = || self.state.of_scopes.borrow().get(number?).cloned();
        let Some(constraint) = given.or_else(of_scope) else { return };
        let mut all = self.state.constrained.borrow_mut();
        if all.iter().all(|(other, ..)| *other != variable) {
            all.push((variable, constraint, self.span));
        }
    }

    /// Collects what a regulariser of the definition's own, a function, makes of a new variable: one that is given, else that of
    /// the open scope.
    fn penalise(&mut self, given: &Value, variable: &Value) -> Outcome<()> {
        let at = self.span;
        let given = Some(given.clone()).filter(|given| !given.is_none());
        let number = self.state.graph.borrow().scope().borrow().penalty;
        let of_scope = || self.state.penalties.borrow().get(number?).cloned();
        let Some(function) = given.or_else(of_scope) else { return Ok(()) };
        if regularizer_of(&function).is_some() {
            return Ok(());
        }
        let loss = self.py.call(&function, Args::new([variable.clone()], at))?;
        if loss.is_none() {
            return Ok(());
        }
        self.collect(&"regularization_losses".into(), &loss)
    }
}
