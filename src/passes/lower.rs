//! Writes the program of a typed net, with its backward pass: `ir::TypedNet` to `program::Program`.

use std::collections::{HashMap, HashSet};

use petgraph::graph::NodeIndex;

use crate::error::{Error, Result};
use crate::ir::{Node, Place, Port, TypedNet};
use crate::program::{
    self, Builder, Origin, Program, ValueId, VarId, compute_once, differentiate, fold, join_towers,
};
use crate::spec::{Environment, Lower, Signature};
use crate::ty::Shape;

/// Which gradients the program computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backward {
    /// None.
    No,
    /// Those of the loss, to the parameters that the solver changes.
    Parameters,
    /// Those of the loss and of gradients placed on the outputs (inputs `dout.<blob>` of the program), to
    /// everything Caffe's backward pass would reach.
    Everything,
}

/// A program with the places of what people ask about.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The program; its outputs are not set yet.
    pub program: Program,
    /// The values of every node's tops.
    pub blobs: Vec<Vec<ValueId>>,
    /// The value of every variable.
    pub variables: Vec<ValueId>,
    /// The gradient of every variable, where there is one.
    pub gradients: Vec<Option<ValueId>>,
    /// Of variables that several losses change, each by a step of the solver: the number of a later loss, the variable, and
    /// the gradient of that loss. Theirs above is that of the first of these losses.
    pub further: Vec<(usize, usize, ValueId)>,
    /// The gradient of every blob, where there is one.
    pub blob_gradients: HashMap<Port, ValueId>,
    /// The total loss, a scalar: the sum over tops of weight times sum of elements. None without a weight.
    pub loss: Option<ValueId>,
    /// The tops where the backward pass of the loss begins.
    pub starts: Vec<Port>,
    /// See [`Gradients::ends`](crate::program::Gradients::ends).
    pub ends: Vec<Origin>,
}

/// Whether a net without errors can be lowered and run.
///
/// # Errors
/// The shapes of some layer are not known, or some layer cannot be run.
pub fn ready(typed: &TypedNet) -> Result<()> {
    for (index, node) in typed.net.nodes() {
        let name = &node.name.value;
        if let Some(why) = node.layer.ops().obstacle() {
            return Err(Error::refused(format!("layer `{name}` {why}")));
        }
        if typed.signatures[index.index()].is_none() {
            let why = "are not known, so the net cannot be run";
            return Err(Error::refused(format!("the shapes of layer `{name}` {why}")));
        }
    }
    Ok(())
}

/// The forward pass of one layer by itself, if its shapes are known, whatever is wrong with others.
pub fn alone(typed: &TypedNet, index: NodeIndex, env: &Environment) -> Option<Program> {
    let node = &typed.net.graph[index];
    let signature = typed.signatures[index.index()].as_ref()?;
    let mut b = Builder::new();
    let mut bottoms = vec![];
    for port in typed.net.bottoms(index) {
        let shape = typed.shape(port?)?.clone();
        bottoms.push(b.input("", shape));
    }
    let params = signature.params.iter().enumerate();
    let params = params.map(|(i, decl)| b.variable(VarId(i as u32), &decl.shape));
    let params: Vec<ValueId> = params.collect();
    let phase = node.phase.unwrap_or(typed.net.state.phase);
    let cx = Lower { node, bottoms: &bottoms, params: &params, signature, phase, env };
    node.layer.ops().lower(&mut b, &cx);
    Some(b.finish())
}

/// Lowers a net that is [`ready`].
pub fn lower(typed: &TypedNet, env: &Environment, backward: Backward) -> Lowered {
    lowered(typed, env, backward, None)
}

/// Which layers one kernel does the work of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// Those of towers that share parameters ([`join_towers`]), and those that follow a normalisation ([`fold`]).
    Normalizations,
    /// And those that follow a convolution.
    Chains,
}

/// The same with layers joined where one kernel does the work of several: blobs between them are computed only if they are
/// outputs, and have no gradients; what is computed twice is computed once.
pub fn lower_joined(
    typed: &TypedNet,
    env: &Environment,
    backward: Backward,
    join: Join,
) -> Lowered {
    lowered(typed, env, backward, Some(join))
}

fn lowered(typed: &TypedNet, env: &Environment, backward: Backward, join: Option<Join>) -> Lowered {
    let mut b = Builder::new();
    let mut blobs: Vec<Vec<ValueId>> = vec![];
    let variables: Vec<ValueId> = (typed.variables.iter().enumerate())
        .map(|(i, variable)| b.variable(VarId(i as u32), &variable.shape))
        .collect();
    let force = typed.net.force_backward;
    let mut wanted = wanted_variables(typed, &variables, backward);
    for (index, node) in typed.net.nodes() {
        b.set_origin(Origin(index.index() as u32));
        let signature = typed.signatures[index.index()].as_ref().expect("the net has no errors");
        let mut bottoms = vec![];
        for (i, port) in typed.net.bottoms(index).into_iter().enumerate() {
            let port = port.expect("the net has no errors");
            let x = blobs[port.node.index()][port.top];
            let told = node.propagate_down.get(i).copied();
            let open =
                node.layer.differentiable(i, node.bottoms.len()) && (force || told != Some(false));
            if open && told == Some(true) && backward != Backward::No {
                wanted.push(x);
            }
            bottoms.push(if open || backward == Backward::No { x } else { b.stop(x) });
        }
        let mut params = vec![];
        let declared = typed.node_variables[index.index()].iter().zip(&signature.params);
        for (i, (var, decl)) in declared.enumerate() {
            let param = b.view(variables[var.0 as usize], decl.shape.clone());
            // What is not learned has no gradient that could be stopped, and the layer itself goes on changing it.
            let frozen = decl.learned && node.params.get(i).is_some_and(|spec| spec.frozen);
            params.push(if frozen && backward != Backward::No { b.stop(param) } else { param });
        }
        let phase = node.phase.unwrap_or(typed.net.state.phase);
        let cx = Lower { node, bottoms: &bottoms, params: &params, signature, phase, env };
        let mut tops = node.layer.ops().lower(&mut b, &cx);
        for (&top, shape) in tops.iter().zip(&signature.tops) {
            debug_assert_eq!(b.shape(top), shape, "{}", node.type_name.value);
        }
        debug_assert_eq!(tops.len(), signature.tops.len(), "{}", node.type_name.value);
        if backward == Backward::Everything {
            // A blob that is its layer's bottom unchanged has a gradient of its own: that of its own readers.
            for top in tops.iter_mut().filter(|top| bottoms.contains(top)) {
                *top = b.same(*top);
            }
            if force || keeps_parameters(node, signature) {
                wanted.extend(&tops);
            }
        }
        blobs.push(tops);
    }

    if let Some(join) = join {
        let stands = compute_once(&mut b);
        blobs.iter_mut().flatten().chain(&mut wanted).for_each(|v| *v = stands[v.0 as usize]);
        fold(&mut b, join == Join::Chains);
        join_towers(&mut b);
    }
    let (loss, starting) = total_loss(&mut b, typed, &blobs);
    let (starts, mut seeds): (_, Vec<_>) = starting.into_iter().unzip();
    if backward == Backward::Everything {
        seeds.extend(output_seeds(&mut b, typed, &blobs));
    }
    let mut lowered = Lowered {
        program: Program::default(),
        gradients: vec![None; variables.len()],
        further: vec![],
        blob_gradients: HashMap::new(),
        blobs,
        variables,
        loss,
        starts,
        ends: vec![],
    };
    if backward != Backward::No {
        let gradients = differentiate(&mut b, &seeds, &wanted);
        lowered.ends.clone_from(&gradients.ends);
        lowered.gradients = lowered.variables.iter().map(|&v| gradients.of(v)).collect();
        for (index, tops) in typed.net.graph.node_indices().zip(&lowered.blobs) {
            for (top, &v) in tops.iter().enumerate() {
                if let Some(gradient) = gradients.of(v) {
                    lowered.blob_gradients.insert(Port { node: index, top }, gradient);
                }
            }
        }
    }
    if backward == Backward::Parameters {
        by_loss(&mut b, typed, &mut lowered);
    }
    lowered.program = b.finish();
    debug_assert_eq!(program::verify(&lowered.program), Ok(()));
    lowered
}

/// The gradients of variables that several losses change, each loss by a step of its own.
fn by_loss(b: &mut Builder, typed: &TypedNet, lowered: &mut Lowered) {
    let Some(rewriting) = &typed.net.rewriting else { return };
    let changed = |places: &Vec<Place>| -> Vec<usize> {
        let variables = typed.variables.iter().enumerate().filter(|(at, variable)| {
            let used = |&(node, at): &(NodeIndex, usize)| {
                let name = &typed.net.graph[node].name.value;
                places.iter().any(|place| place.0 == *name && place.1 == at)
            };
            lowered.gradients[*at].is_some() && variable.users.iter().any(used)
        });
        variables.map(|(at, _)| at).collect()
    };
    let steps: Vec<Vec<usize>> = rewriting.steps.iter().map(changed).collect();
    let several = |at: &usize| 1 < steps.iter().filter(|step| step.contains(at)).count();
    let mut seen = HashSet::new();
    for (number, (step, loss)) in steps.iter().zip(&rewriting.losses).enumerate() {
        let shared: Vec<usize> = step.iter().copied().filter(several).collect();
        let made = typed.net.nodes().find_map(|(index, node)| {
            let top = node.tops.iter().position(|top| top.value == *loss)?;
            Some(lowered.blobs[index.index()][top])
        });
        let Some(top) = made.filter(|_| !shared.is_empty()) else { continue };
        let seed = b.fill(1.0, b.shape(top).clone());
        let wanted: Vec<ValueId> = shared.iter().map(|&at| lowered.variables[at]).collect();
        let gradients = differentiate(b, &[(top, seed)], &wanted);
        for at in shared {
            let own = gradients.of(lowered.variables[at]);
            let own = own.unwrap_or_else(|| b.fill(0.0, typed.variables[at].shape.clone()));
            match seen.insert(at) {
                true => lowered.gradients[at] = Some(own),
                false => lowered.further.push((number, at, own)),
            }
        }
    }
}

/// Whether Caffe goes back to a layer for its parameters, which it does for running statistics as well unless their rate
/// is said to be 0.
fn keeps_parameters(node: &Node, signature: &Signature) -> bool {
    let declared = signature.params.iter().filter(|param| !param.private).count();
    (0..declared).any(|at| node.params.get(at).and_then(|spec| spec.lr_mult) != Some(0.0))
}

fn wanted_variables(typed: &TypedNet, values: &[ValueId], backward: Backward) -> Vec<ValueId> {
    let all = typed.variables.iter().zip(values);
    all.filter(|(v, _)| {
        backward != Backward::No
            && v.learned
            && (v.lr_mult != 0.0 || typed.net.force_backward && backward == Backward::Everything)
    })
    .map(|(_, &value)| value)
    .collect()
}

/// A top where the backward pass begins, with its value and the gradient of that.
type Start = (Port, (ValueId, ValueId));

/// The total loss, and the gradient of each weighted top: its weight everywhere.
fn total_loss(
    b: &mut Builder,
    typed: &TypedNet,
    blobs: &[Vec<ValueId>],
) -> (Option<ValueId>, Vec<Start>) {
    let towards_loss = towards_loss(typed);
    let mut total = None;
    let mut starts = vec![];
    for (i, (tops, weights)) in blobs.iter().zip(&typed.loss_weights).enumerate() {
        b.set_origin(Origin(i as u32));
        for (at, (&top, &weight)) in tops.iter().zip(weights).enumerate() {
            if weight == 0.0 {
                continue;
            }
            let shape = b.shape(top).clone();
            let sum = if shape == Shape::scalar() { top } else { b.sum_all(top) };
            let part = if weight == 1.0 { sum } else { b.scale(sum, f64::from(weight)) };
            total = Some(match total {
                Some(total) => b.add(total, part),
                None => part,
            });
            let port = Port { node: NodeIndex::new(i), top: at };
            if !overwritten(typed, port, &towards_loss) {
                starts.push((port, (top, b.fill(f64::from(weight), shape))));
            }
        }
    }
    (total, starts)
}

/// Whether each layer leads to a top with a weight.
fn towards_loss(typed: &TypedNet) -> Vec<bool> {
    let mut leads: Vec<bool> =
        typed.loss_weights.iter().map(|weights| weights.iter().any(|&w| w != 0.0)).collect();
    for (index, _) in typed.net.nodes().collect::<Vec<_>>().into_iter().rev() {
        if leads[index.index()] {
            let bottoms = typed.net.bottoms(index);
            bottoms.into_iter().flatten().for_each(|port| leads[port.node.index()] = true);
        }
    }
    leads
}

/// Whether the gradient that a reader's backward pass writes takes the place of the weight. Caffe keeps the two apart by a
/// Split, but only if the weight is written in the definition.
fn overwritten(typed: &TypedNet, port: Port, towards_loss: &[bool]) -> bool {
    typed.net.graph[port.node].loss_weights.is_empty()
        && typed.net.readers(port).into_iter().any(|(reader, bottom)| {
            let node = &typed.net.graph[reader];
            let in_place =
                node.tops.get(bottom).is_some_and(|t| t.value == node.bottoms[bottom].value);
            let back = typed.net.force_backward || towards_loss[reader.index()];
            back && !in_place && node.layer.differentiable(bottom, node.bottoms.len())
        })
}

/// For every output of the net without a weight: an input of the program with its gradient.
fn output_seeds(
    b: &mut Builder,
    typed: &TypedNet,
    blobs: &[Vec<ValueId>],
) -> Vec<(ValueId, ValueId)> {
    let mut seeds = vec![];
    for &port in &typed.net.outputs {
        let weights = &typed.loss_weights[port.node.index()];
        if weights.get(port.top).is_none_or(|&w| w == 0.0) {
            let v = blobs[port.node.index()][port.top];
            let shape = b.shape(v).clone();
            seeds.push((v, b.input(&format!("dout.{}", typed.net.blob(port)), shape)));
        }
    }
    seeds
}
