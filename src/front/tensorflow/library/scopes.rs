//! Scopes of variables, of names and of arguments, and the variables made in them.

use std::rc::Rc;

use super::initial::{Regularizer, regularizer_of};
use super::tensor::{TensorValue, state};
use super::types::kind_of;
use super::{Call, Function, State};
use crate::front::python::interp::{Args, Dict, Keyword, Maybe, Native, Outcome, Python, Value};
use crate::front::tensorflow::graph::{Asked, Reuse, SharedScope, Source, shown};
use crate::source::Span;

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function(&["tf.variable_scope", "tf.variable_op_scope"], VARIABLE_SCOPE, |c| {
        let given = c.bound.get("name_or_scope");
        if let Some(name) = given.as_str().filter(|name| !is_scope_name(name)) {
            return Err(c.fault(
                format!("'{name}' is not a valid scope name"),
                "letters, digits and the signs _ . / - make a name",
            ));
        }
        let _ = c.bound.get("default_name");
        let scope = given.as_native::<ScopeValue>().map(|value| value.0.clone());
        let open = OpenScope {
            name: given.as_str().map(|name| name.to_string()).filter(|name| !name.is_empty()),
            scope,
            // Of no account beside a name, whatever it is.
            default: match given.is_none() {
                true => c.text("default_name")?,
                false => None,
            },
            reuse: reuse_of(c)?,
            regularizer: c.bound.some("regularizer"),
            initializer: c.bound.some("initializer"),
            getter: c.bound.some("custom_getter"),
            constraint: c.bound.some("constraint"),
            state: c.state.clone(),
        };
        if open.name.is_none() && open.scope.is_none() && open.default.is_none() {
            return Err(c.fault("a variable scope needs a name", "tf.variable_scope('tower')"));
        }
        Ok(Value::native(open))
    }),
    Function(
        &["tf.name_scope", "tf.op_scope", "tf.contrib.framework.name_scope"],
        &["name", "default_name?", "values?"],
        |c| {
            let name = match c.text("name")? {
                Some(name) => name,
                None => c.text("default_name")?.unwrap_or("scope".to_owned()),
            };
            Ok(Value::native(NameScope { name, state: c.state.clone() }))
        },
    ),
    Function(&["tf.get_variable_scope"], &[], |c| {
        let scope = c.state.graph.borrow().scope();
        Ok(Value::native(ScopeValue(scope)))
    }),
    Function(&["tf.control_dependencies"], &["control_inputs?"], |c| {
        let all = c.bound.get("control_inputs");
        let mut before = vec![];
        perform(c, &all, &mut before);
        Ok(Value::native(After { before, state: c.state.clone() }))
    }),
    Function(&["tf.device", "tf.colocate_with"], &["what?", "*name?"], |c| {
        c.bound.ignore();
        Ok(Value::native(Idle))
    }),
    Function(
        &["tf.Variable"],
        &[
            "initial_value",
            "trainable?",
            "collections?",
            "validate_shape?",
            "caching_device?",
            "name?",
            "variable_def?",
            "dtype?",
            "expected_shape?",
            "import_scope?",
            "constraint?",
            "use_resource?",
            "synchronization?",
            "aggregation?",
        ],
        |c| {
            let (initial, name) = (c.tensor("initial_value")?, c.name("Variable")?);
            let trainable = c.truth("trainable", true)?;
            let kind = kind_of(&c.bound.get("dtype")).unwrap_or(initial.kind);
            if !matches!(
                initial.source,
                Source::Uniform(_) | Source::Numbers(_) | Source::Random(..)
            ) {
                return Err(
                    c.fault(
                        "the first value of a variable must not depend on the network",
                        "give it numbers, such as tf.zeros([10]) or tf.truncated_normal([5, 5, 1, 32], stddev=0.1)",
                    )
                );
            }
            let variable = c.graph(|graph| {
                Ok(graph.new_variable(Asked {
                    name: &name,
                    dims: initial.dims,
                    kind,
                    initial: initial.source,
                    trainable,
                    regularizer: None,
                }))
            })?;
            c.constrain(variable);
            let variable = c.give_variable(variable);
            let collections = c.bound.get("collections");
            c.collect(&collections, &variable)?;
            Ok(variable)
        },
    ),
    Function(&["slim.arg_scope", "tf.contrib.framework.arg_scope"], &["list_ops_or_scope"], |c| {
        // Keywords are taken apart before: see `with_scoped`.
        let given = c.bound.get("list_ops_or_scope");
        match given.as_native::<ArgScopeValue>() {
            Some(scope) => Ok(Value::Native(scope)),
            None if matches!(given, Value::Function(_) | Value::NativeFunction(_))
                && !takes_scopes(&given) =>
            {
                let name = c.py.repr(&given, c.span)?;
                Err(c.fault(
                    format!("{name} takes no arguments from a scope"),
                    "layers of slim do, and functions that are decorated by `@slim.add_arg_scope`",
                ))
            }
            None => Err(c.fault(
                "a list of functions is needed",
                "slim.arg_scope([slim.conv2d], padding='SAME')",
            )),
        }
    }),
    Function(&["slim.add_arg_scope", "tf.contrib.framework.add_arg_scope"], &["func"], |c| {
        let inner = c.bound.get("func");
        let state = c.state.clone();
        let own: Rc<std::cell::Cell<Option<usize>>> = Rc::default();
        let identity = own.clone();
        let value = Value::function(DECORATED, move |py: &mut Python, args: Args| {
            let args = with_scoped(&state, identity.get(), &[], args);
            py.call(&inner, args)
        });
        own.set(value.identity());
        Ok(value)
    }),
];

const VARIABLE_SCOPE: &[&str] = &[
    "name_or_scope",
    "default_name?",
    "values?",
    "initializer?",
    "regularizer?",
    "caching_device?",
    "partitioner?",
    "custom_getter?",
    "reuse?",
    "dtype?",
    "use_resource?",
    "constraint?",
];

/// Does the assignments that are among what must be done first.
fn perform(c: &mut Call, value: &Value, before: &mut Vec<(usize, String)>) {
    if let Some(tensor) = value.as_native::<TensorValue>() {
        before.extend(c.state.graph.borrow_mut().perform(&tensor.0));
    }
    for item in value.as_items().unwrap_or_default() {
        perform(c, &item, before);
    }
}

/// What `with tf.control_dependencies(...)` opens: what is made within comes after assignments.
struct After {
    before: Vec<(usize, String)>,
    state: Rc<State>,
}

impl Native for After {
    fn type_name(&self) -> String {
        "context".to_owned()
    }

    fn enter(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome {
        self.state.graph.borrow_mut().before.extend(self.before.iter().cloned());
        Ok(Value::None)
    }

    fn exit(self: Rc<Self>) {
        let before = &mut self.state.graph.borrow_mut().before;
        before.truncate(before.len() - self.before.len());
    }
}

/// Whether a scope may be called so.
fn is_scope_name(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || "_.\\/->".contains(c))
}

/// `reuse`.
pub(super) fn reuse_of(c: &mut Call) -> Outcome<Option<Reuse>> {
    let value = c.bound.get("reuse");
    if value.as_native::<AutoReuse>().is_some() {
        return Ok(Some(Reuse::Auto));
    }
    if value.is_none() {
        return Ok(None);
    }
    Ok(Some(if c.truth("reuse", false)? { Reuse::Yes } else { Reuse::No }))
}

/// `tf.AUTO_REUSE`.
pub struct AutoReuse;

impl Native for AutoReuse {
    fn type_name(&self) -> String {
        "_ReuseMode".to_owned()
    }
}

/// What `with tf.variable_scope(...)` opens.
struct OpenScope {
    name: Option<String>,
    scope: Option<SharedScope>,
    default: Option<String>,
    reuse: Option<Reuse>,
    regularizer: Option<Value>,
    initializer: Option<Value>,
    getter: Option<Value>,
    constraint: Option<Value>,
    state: Rc<State>,
}

impl Native for OpenScope {
    fn type_name(&self) -> String {
        "variable_scope".to_owned()
    }

    fn enter(self: Rc<Self>, py: &mut Python, at: Span) -> Outcome {
        let opened =
            super::with_graph(py, &self.state, at, "tf.variable_scope", |graph| {
                match &self.scope {
                    Some(scope) => Ok(graph.enter_again(scope, self.reuse)),
                    None => graph.enter(self.name.as_deref(), self.default.as_deref(), self.reuse),
                }
            })?;
        if let Some(regularizer) = &self.regularizer {
            self.state.regularize(&opened, regularizer);
        }
        if let Some(initializer) = &self.initializer {
            let mut all = self.state.initializers.borrow_mut();
            opened.borrow_mut().initializer = Some(all.len());
            all.push(initializer.clone());
        }
        if let Some(constraint) = &self.constraint {
            let mut all = self.state.of_scopes.borrow_mut();
            opened.borrow_mut().constraint = Some(all.len());
            all.push(constraint.clone());
        }
        if let Some(getter) = &self.getter {
            let mut all = self.state.getters.borrow_mut();
            let outer = opened.borrow_mut().getter.replace(all.len());
            all.push((getter.clone(), outer));
        }
        Ok(Value::native(ScopeValue(opened)))
    }

    fn exit(self: Rc<Self>) {
        self.state.graph.borrow_mut().leave();
    }
}

/// An open variable scope.
struct ScopeValue(SharedScope);

impl Native for ScopeValue {
    fn type_name(&self) -> String {
        "VariableScope".to_owned()
    }

    fn get_attribute(self: Rc<Self>, _py: &mut Python, name: &str, _at: Span) -> Maybe {
        let scope = self.0.clone();
        Ok(Some(match name {
            "name" => scope.borrow().name.clone().into(),
            "original_name_scope" => format!("{}/", scope.borrow().original).into(),
            "reuse" => (scope.borrow().reuse == Reuse::Yes).into(),
            "reuse_variables" => Value::function("reuse_variables", move |_, _| {
                scope.borrow_mut().reuse = Reuse::Yes;
                Ok(Value::None)
            }),
            "set_initializer" => Value::function("set_initializer", move |py, args: Args| {
                let given = args.positional.first().map(|(value, _)| value.clone());
                let state = state(py);
                let mut all = state.initializers.borrow_mut();
                scope.borrow_mut().initializer = Some(all.len());
                all.push(given.unwrap_or_default());
                Ok(Value::None)
            }),
            "set_regularizer" => Value::function("set_regularizer", move |py, args: Args| {
                let given = args.positional.first().map(|(value, _)| value.clone());
                let state = state(py);
                state.regularize(&scope, &given.unwrap_or_default());
                Ok(Value::None)
            }),
            _ => return Ok(None),
        }))
    }
}

impl State {
    /// Gives a scope the regulariser of its variables: slim's, or a function of the definition's.
    fn regularize(&self, scope: &SharedScope, regularizer: &Value) {
        let (known, mut scope) = (regularizer_of(regularizer), scope.borrow_mut());
        scope.regularizer = known;
        scope.penalty = None;
        if known.is_none() && !regularizer.is_none() {
            let mut all = self.penalties.borrow_mut();
            scope.penalty = Some(all.len());
            all.push(regularizer.clone());
        }
    }
}

/// What `with tf.name_scope(...)` opens.
struct NameScope {
    name: String,
    state: Rc<State>,
}

impl Native for NameScope {
    fn type_name(&self) -> String {
        "name_scope".to_owned()
    }

    fn enter(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome {
        let mut graph = self.state.graph.borrow_mut();
        graph.enter_name(&self.name);
        Ok(format!("{}/", graph.whole_name_scope()).into())
    }

    fn exit(self: Rc<Self>) {
        self.state.graph.borrow_mut().leave_name();
    }
}

/// What opens and does nothing.
pub(super) struct Idle;

impl Native for Idle {
    fn type_name(&self) -> String {
        "context".to_owned()
    }

    fn enter(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome {
        Ok(Value::None)
    }
}

/// Arguments that functions get: the identity of the function, the name, the value.
#[derive(Clone, Default)]
pub struct ArgScope(Vec<(usize, Keyword)>);

/// What `with slim.arg_scope(...)` opens.
struct ArgScopeValue {
    scope: ArgScope,
    state: Rc<State>,
}

impl Native for ArgScopeValue {
    fn type_name(&self) -> String {
        "arg_scope".to_owned()
    }

    fn enter(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome {
        let mut open = self.state.scoped.borrow_mut();
        let mut inner = open.last().cloned().unwrap_or_default();
        for (function, keyword) in &self.scope.0 {
            inner.0.retain(|(other, old)| other != function || old.name != keyword.name);
            inner.0.push((*function, keyword.clone()));
        }
        open.push(inner.clone());
        drop(open);
        Ok(Value::native(ArgScopeValue { scope: inner, state: self.state.clone() }))
    }

    fn exit(self: Rc<Self>) {
        self.state.scoped.borrow_mut().pop();
    }
}

/// The arguments of a call with those that the open arg_scopes give to the function.
pub(super) fn with_scoped(
    state: &Rc<State>,
    function: Option<usize>,
    parameters: &[&str],
    mut args: Args,
) -> Args {
    if parameters == ["list_ops_or_scope"] {
        return arg_scope(state, args);
    }
    let open = state.scoped.borrow();
    let Some(ArgScope(all)) = open.last() else { return args };
    for (of, keyword) in all {
        if Some(*of) != function {
            continue;
        }
        let place = parameters.iter().position(|p| p.trim_matches(['*', '?']) == &*keyword.name);
        let given = place.is_some_and(|place| place < args.positional.len())
            || args.keywords.iter().any(|k| k.name == keyword.name);
        if !given {
            args.keywords.push(keyword.clone());
        }
    }
    args
}

/// Whether a function looks for arguments in scopes: layers of slim, its variables, and what a definition decorates.
fn takes_scopes(function: &Value) -> bool {
    let Value::NativeFunction(function) = function else { return false };
    function.name.starts_with("slim.") || [DECORATED, "tf.get_variable"].contains(&&*function.name)
}

/// The name of functions that a definition decorates to take arguments from scopes.
const DECORATED: &str = "scoped";

/// The arguments of `slim.arg_scope` as one value.
fn arg_scope(state: &Rc<State>, mut args: Args) -> Args {
    let listed = match args.keywords.iter().position(|k| &*k.name == "list_ops_or_scope") {
        Some(at) => Some(args.keywords.remove(at).value),
        None => args.positional.first().map(|(value, _)| value.clone()),
    };
    let functions = match &listed {
        Some(Value::List(_) | Value::Tuple(_)) => listed.as_ref().and_then(Value::as_items),
        Some(value) if value.as_native::<ArgScopeValue>().is_some() => return args,
        _ => None,
    };
    let Some(functions) = functions else { return Args { keywords: vec![], ..args } };
    if let Some(other) = functions.iter().find(|function| !takes_scopes(function)) {
        return Args { positional: vec![(other.clone(), args.span)], keywords: vec![], ..args };
    }
    let mut scope = ArgScope::default();
    for identity in functions.iter().filter_map(Value::identity) {
        scope.0.extend(args.keywords.iter().map(|keyword| (identity, keyword.clone())));
    }
    let value = Value::native(ArgScopeValue { scope, state: state.clone() });
    Args { positional: vec![(value, args.span)], keywords: vec![], span: args.span }
}

/// Entries of a dictionary of arguments as keywords of a call.
pub(super) fn keywords_of(dict: &Dict, at: Span) -> Vec<Keyword> {
    let texts = dict.items().into_iter().filter_map(|(key, value)| {
        let name = key.as_str()?.clone();
        Some(Keyword { name, name_span: at, value, span: at })
    });
    texts.collect()
}

/// What is said of two shapes.
pub(super) fn differ(have: &[usize], want: &[usize]) -> String {
    format!("{} and not {}", shown(have), shown(want))
}

/// A regulariser, as a value.
pub(super) fn regularizer(scale: f64) -> Value {
    Value::native(Regularizer { l2: scale })
}
