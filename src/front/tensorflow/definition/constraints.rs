//! Constraints of variables, functions of a variable that give what it becomes after each step that changes it: `max_norm` and
//! the others of Keras, and the definition's own (tensorflow 1.15, optimizer.py).

use super::gradients::{Changed, Hooked};
use super::{Args, Diagnostic, Mode, PyError, Python, Stop, TensorValue, Value, diag};
use crate::front::tensorflow::graph::{Graph, Kind, shown};
use crate::front::tensorflow::library::{State, to_tensor};
use crate::ir::{Becomes, Rewriting};
use crate::layers::Layer;
use crate::source::Span;

/// Asks the constraints for the values of their variables, if there are any of variables that are trained.
pub(super) fn constrained(
    py: &mut Python,
    state: &State,
    whole: Span,
    failed: impl Fn(PyError) -> Stop,
) -> Result<Option<Hooked>, Stop> {
    let all = state.constraints();
    let trained = |variable: usize| state.graph.borrow().variables[variable].trainable;
    let all: Vec<_> = all.into_iter().filter(|(variable, ..)| trained(*variable)).collect();
    if all.is_empty() {
        return Ok(None);
    }
    // What they compute is a graph of its own, in which the variables are the same.
    let mut own = Graph::new(Mode::Train, whole);
    own.variables = state.graph.borrow().variables.clone();
    let main = state.graph.replace(own);
    let mut changed = vec![];
    let asked: Result<(), PyError> = all.into_iter().try_for_each(|(variable, function, at)| {
        changed.push(ask(py, state, variable, &function, at)?);
        Ok(())
    });
    let graph = state.graph.replace(main);
    asked.map_err(failed).map(|()| Some(Hooked { graph, changed }))
}

/// What a constraint makes of a variable.
fn ask(
    py: &mut Python,
    state: &State,
    variable: usize,
    function: &Value,
    at: Span,
) -> Result<Changed, PyError> {
    let (name, input, value) = {
        let mut graph = state.graph.borrow_mut();
        graph.place = at;
        let (name, dims) =
            (graph.variables[variable].name.clone(), graph.variables[variable].dims.clone());
        let input = format!("constraints/{name}");
        let value = graph.plain_input(&input, &dims, Kind::Float);
        (name, input, value)
    };
    let given = py.call(function, Args::new([Value::native(TensorValue(value.clone()))], at))?;
    let made = to_tensor(py, state, &given, at)?;
    if made.dims != value.dims {
        let (have, want) = (shown(&made.dims), shown(&value.dims));
        let message = format!("the constraint gives `{name}`, which is {want}, the shape {have}");
        return Err(py.complaint(Diagnostic::new(&diag::E0811, at, message)));
    }
    let becomes = match made.source == value.source {
        true => Becomes::Itself,
        false => {
            let output = state.graph.borrow_mut().output(&made);
            Becomes::Output(output.map_err(|fault| py.complaint(fault.diagnostic(at)))?)
        }
    };
    Ok(Changed { variable, input, becomes })
}

/// What becomes of variables in a definition with this graph.
///
/// # Errors
/// Rows of a variable are looked up, whose gradient TensorFlow applies to the named rows alone.
pub(super) fn rewriting(hooked: Hooked, graph: &Graph, whole: Span) -> Result<Rewriting, Stop> {
    for changed in &hooked.changed {
        let mut uses = graph.uses.iter().filter(|used| used.variable == changed.variable);
        let looked_up = uses.find_map(|used| {
            let node = graph.nodes.iter().find(|node| node.name.value == used.node)?;
            matches!(node.layer, Layer::Embed(_)).then_some(node.span)
        });
        if let Some(at) = looked_up {
            let name = &graph.variables[changed.variable].name;
            let message = format!("`{name}` has a constraint, and rows of it are looked up");
            let d = Diagnostic::new(&diag::E0811, at, message);
            return Err(Box::new(d.help(
                "TensorFlow refuses it too (`Cannot use a constraint function on a sparse variable`): leave the constraint out",
            )));
        }
    }
    Ok(hooked.rewriting("constraints", &graph.uses, whole))
}
