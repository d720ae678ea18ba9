//! `gradientUpdate`: what a model makes of the pairs of a gradient and a variable that DIGITS applies (model.py). It is asked
//! once for each loss, on gradients without numbers, and what it computes is a net of its own.

use std::sync::Arc;

use super::{Args, Diagnostic, Mode, PyError, Python, Stop, TensorValue, Value, asked, diag};
use crate::front::tensorflow::graph::{Graph, Kind, Loss, Source, Tensor, Use, shown};
use crate::front::tensorflow::library::{State, to_tensor};
use crate::ir::{Becomes, Change, Definition, Place, Rewriting};
use crate::source::Span;
use crate::spec::Dialect;

/// The method.
const NAME: &str = "gradientUpdate";

/// What becomes of the gradient of a variable, or of the variable.
pub(super) struct Changed {
    pub(super) variable: usize,
    pub(super) input: String,
    pub(super) becomes: Becomes,
}

/// What a model makes of gradients or variables, until it is known where the variables are.
pub(super) struct Hooked {
    pub(super) graph: Graph,
    pub(super) changed: Vec<Changed>,
}

/// Asks a model for it, if it has such a method of its own.
pub(super) fn hooked(
    py: &mut Python,
    state: &State,
    tower: &Value,
    losses: &[(Tensor, Option<Vec<String>>)],
    whole: Span,
    failed: impl Fn(PyError) -> Stop,
) -> Result<Option<Hooked>, Stop> {
    let Value::Instance(instance) = tower else { return Ok(None) };
    let mut classes = std::iter::once(&instance.class).chain(&instance.class.ancestors);
    let owner = classes.find(|class| class.names.borrow().contains_key(NAME));
    if losses.is_empty() || owner.is_none_or(|class| &*class.name == "Tower") {
        return Ok(None);
    }
    let of_losses: Vec<Vec<usize>> = {
        let graph = state.graph.borrow();
        losses.iter().map(|(_, names)| changed_by(&graph, names.as_deref())).collect()
    };
    let mut seen = std::collections::BTreeSet::new();
    if let Some(twice) = of_losses.iter().flatten().find(|&&variable| !seen.insert(variable)) {
        let name = state.graph.borrow().variables[*twice].name.clone();
        let message = format!("`{NAME}` is not called: several losses change `{name}`");
        let at = asked::place(py, &format!("def {NAME}"), whole);
        let d = Diagnostic::new(&diag::W0812, at, message);
        py.warnings.report(d.help(
            "give each loss variables of its own, `{'loss': ..., 'vars': [...]}`: their gradients are then changed apart",
        ));
        return Ok(None);
    }
    let reached: Vec<Vec<usize>> = {
        let graph = state.graph.borrow();
        losses.iter().map(|(loss, _)| graph.reaches(loss)).collect()
    };
    // The net of the gradients is a graph of its own, in which the variables are the same.
    let mut own = Graph::new(Mode::Train, whole);
    own.variables = state.graph.borrow().variables.clone();
    let main = state.graph.replace(own);
    let mut changed = vec![];
    let mut result = Ok(());
    for (variables, reached) in of_losses.iter().zip(&reached) {
        result = ask(py, state, tower, (variables, reached), whole, &mut changed)
            .map_err(|refusal| refusal.or_else(&failed));
        if result.is_err() {
            break;
        }
    }
    let graph = state.graph.replace(main);
    result?;
    let same = |one: &Changed| one.becomes == Becomes::Itself;
    Ok((!changed.iter().all(same)).then_some(Hooked { graph, changed }))
}

/// The variables that a loss changes.
fn changed_by(graph: &Graph, names: Option<&[String]>) -> Vec<usize> {
    let all = graph.variables.iter().enumerate();
    let chosen = all.filter(|(_, variable)| {
        variable.trainable && names.is_none_or(|names| names.contains(&variable.name))
    });
    chosen.map(|(number, _)| number).collect()
}

/// An error of the definition's, or a complaint about what it gave.
enum Refusal {
    Raised(PyError),
    Told(Stop),
}

impl Refusal {
    fn or_else(self, failed: impl FnOnce(PyError) -> Stop) -> Stop {
        match self {
            Refusal::Raised(error) => failed(error),
            Refusal::Told(stop) => stop,
        }
    }
}

impl From<PyError> for Refusal {
    fn from(error: PyError) -> Self {
        Refusal::Raised(error)
    }
}

/// Asks for the gradients of one loss.
fn ask(
    py: &mut Python,
    state: &State,
    tower: &Value,
    (variables, reached): (&[usize], &[usize]),
    whole: Span,
    changed: &mut Vec<Changed>,
) -> Result<(), Refusal> {
    let mut pairs = vec![];
    for &variable in variables {
        let gradient = if reached.contains(&variable) {
            let mut graph = state.graph.borrow_mut();
            let (name, dims) =
                (graph.variables[variable].name.clone(), graph.variables[variable].dims.clone());
            graph.place = whole;
            Value::native(TensorValue(graph.plain_input(&input_of(&name), &dims, Kind::Float)))
        } else {
            Value::None
        };
        pairs.push(Value::tuple([gradient, state.variable(variable)]));
    }
    let given = py.call_method(tower, NAME, Args::new([Value::list(pairs)], whole))?;
    let at = asked::place(py, &format!("def {NAME}"), whole);
    let told = |message: String| {
        let d = Diagnostic::new(&diag::E0812, at, message);
        let help =
            "return a list of pairs: `[(tf.clip_by_norm(g, 40.0), v) for g, v in grads_and_vars]`";
        Refusal::Told(Box::new(d.help(help)))
    };
    if given.is_none() {
        return Err(told(format!("`{NAME}` returns nothing")));
    }
    let mut left = variables.to_vec();
    for pair in py.iterate(&given, whole)? {
        let items = pair.as_items().unwrap_or_default();
        let [gradient, variable] = &items[..] else {
            return Err(told(format!("`{NAME}` gives something else than pairs")));
        };
        let source = variable.as_native::<TensorValue>().map(|tensor| tensor.0.source.clone());
        let Some(Source::Variable(variable)) = source else {
            return Err(told(format!("`{NAME}` gives a pair without a variable at its end")));
        };
        let Some(place) = left.iter().position(|&other| other == variable) else {
            let name = &state.graph.borrow().variables[variable].name;
            return Err(told(format!("`{NAME}` gives `{name}` twice, or was not given it")));
        };
        left.remove(place);
        if gradient.is_none() {
            left.push(variable);
            continue;
        }
        let tensor = to_tensor(py, state, gradient, at)?;
        let (name, dims) = {
            let graph = state.graph.borrow();
            (graph.variables[variable].name.clone(), graph.variables[variable].dims.clone())
        };
        if tensor.dims != dims {
            let (have, want) = (shown(&tensor.dims), shown(&dims));
            return Err(told(format!(
                "`{NAME}` gives `{name}`, which is {want}, a gradient of the shape {have}"
            )));
        }
        let input = input_of(&name);
        let as_it_is = Source::Blob { blob: input.clone(), order: (0..dims.len()).collect() };
        let becomes = match tensor.source == as_it_is {
            true => Becomes::Itself,
            false => {
                let output = state.graph.borrow_mut().output(&tensor);
                Becomes::Output(output.map_err(|fault| told(fault.message))?)
            }
        };
        changed.push(Changed { variable, input, becomes });
    }
    // Those that are left out are not changed at all.
    changed.extend(left.into_iter().map(|variable| {
        let input = input_of(&state.graph.borrow().variables[variable].name);
        Changed { variable, input, becomes: Becomes::Nothing }
    }));
    Ok(())
}

/// The input of the net of gradients that takes that of a variable.
fn input_of(variable: &str) -> String {
    format!("gradients/{variable}")
}

/// The place of a variable in a net, by the first layer that uses it there.
fn place(uses: &[Use], variable: usize) -> Option<Place> {
    let found = uses.iter().find(|used| used.variable == variable);
    found.map(|used| (used.node.clone(), used.at))
}

/// What becomes of gradients: what the model makes of them, and which step of the solver is theirs.
pub(super) fn rewriting(
    hooked: Option<Hooked>,
    losses: &[Loss],
    graph: &Graph,
    whole: Span,
) -> Option<Rewriting> {
    let mut rewriting = hooked.map(|hooked| hooked.rewriting(NAME, &graph.uses, whole));
    if 1 < losses.len() {
        let steps = losses.iter().map(|(_, names)| {
            let own = changed_by(graph, names.as_deref()).into_iter();
            own.filter_map(|variable| place(&graph.uses, variable)).collect()
        });
        let rewriting = rewriting.get_or_insert_default();
        rewriting.steps = steps.collect();
        rewriting.losses = losses.iter().map(|(blob, _)| blob.clone()).collect();
    }
    rewriting
}

impl Hooked {
    /// The same for a definition whose layers use the variables here, as a net of this name.
    pub(super) fn rewriting(mut self, name: &str, uses: &[Use], whole: Span) -> Rewriting {
        let outputs = self.changed.iter().filter_map(|one| match &one.becomes {
            Becomes::Output(output) => Some(output.clone()),
            _ => None,
        });
        let outputs: Vec<String> = outputs.collect();
        self.graph.keep(&outputs, &[]);
        let nodes = std::mem::take(&mut self.graph.nodes);
        let reads = |input: &String| nodes.iter().any(|node| node.tops[0].value == *input);
        let mut changes = vec![];
        for Changed { variable, input, becomes } in self.changed {
            let Some(parameter) = place(uses, variable) else { continue };
            let input = Some(input).filter(reads);
            changes.push(Change { parameter, input, becomes });
        }
        let values =
            self.graph.uses.iter().filter_map(|used| {
                Some(((used.node.clone(), used.at), place(uses, used.variable)?))
            });
        let values = values.collect();
        let net = (!nodes.is_empty()).then(|| {
            let definition = Definition::empty(Dialect::TensorFlow, name.to_owned(), whole);
            Arc::new(Definition { nodes, ..definition })
        });
        Rewriting { net, changes, values, steps: vec![], losses: vec![] }
    }
}
