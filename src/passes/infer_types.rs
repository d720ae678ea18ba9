//! Finds the shape of every blob and parameter: asks each layer, in source order.

use std::collections::BTreeMap;

use petgraph::graph::NodeIndex;

use super::share_params::too_many_params;
use crate::diag::{self, Diagnostic, Diagnostics, Reported};
use crate::ir::{Net, Node, Port};
use crate::spec::{Category, Environment, Filler, Infer, Phase, Signature};
use crate::ty::{Shape, product};

/// The elements of the largest blob or parameter, as in Caffe.
const MOST_ELEMENTS: usize = i32::MAX as usize;

/// The most axes that a blob has, as in Caffe.
const MOST_AXES: usize = 32;

/// What is known about shapes.
#[derive(Debug, Default)]
pub struct Types {
    /// The signature of every node, `None` where it or something before it has an error.
    pub signatures: Vec<Option<Signature>>,
    /// What the outside says about single tops of inputs without a signature, because others are not known.
    pub told: BTreeMap<Port, Shape>,
}

impl Types {
    fn shape(&self, port: Port) -> Option<Shape> {
        match &self.signatures[port.node.index()] {
            Some(signature) => signature.tops.get(port.top).cloned(),
            None => self.told.get(&port).cloned(),
        }
    }

    /// Keeps in mind what the outside says about tops of a node that has no signature.
    fn tell(&mut self, index: NodeIndex, node: &Node, env: &Environment) {
        let told = node.tops.iter().enumerate().filter(|_| comes_from_outside(node));
        for (top, name) in told {
            if let Some(shape) = env.shapes.get(&name.value).filter(|shape| is_possible(shape)) {
                self.told.insert(Port { node: index, top }, shape.clone());
            }
        }
    }
}

/// Whether the outside may say the shapes of a node's tops.
fn comes_from_outside(node: &Node) -> bool {
    node.layer.is_input() || node.layer.spec().category == Category::Unknown
}

/// Whether a blob can have this shape.
fn is_possible(shape: &Shape) -> bool {
    let count = product(shape.dims().iter().copied());
    shape.rank() <= MOST_AXES && count.is_some_and(|n| (1..=MOST_ELEMENTS).contains(&n))
}

/// Asks every node. A layer whose bottom has no known shape is passed over in silence, so one error does not cause others.
pub fn infer_types(net: &Net, env: &Environment, diagnostics: &mut Diagnostics) -> Types {
    let mut types = Types::default();
    for (index, node) in net.nodes() {
        let bottoms: Option<Vec<Shape>> =
            net.bottoms(index).into_iter().map(|port| types.shape(port?)).collect();
        let phase = node.phase.unwrap_or(net.state.phase);
        if check_arity(net, index, diagnostics).is_err() {
            types.signatures.push(None);
            continue;
        }
        let signature = match bottoms {
            Some(bottoms) => {
                infer_node(net, index, &bottoms, &types.signatures, env, diagnostics).ok()
            }
            None => {
                let cx = Infer::new(node, &[], phase, env, diagnostics);
                node.layer.ops().check(&cx).ok();
                None
            }
        };
        if signature.is_none() {
            types.tell(index, node, env);
            check_param_count(node, phase, env, diagnostics);
        }
        types.signatures.push(signature);
    }
    types
}

/// How many parameters a layer has does not depend on shapes and values of its bottoms, so those that are made up serve as
/// well.
fn check_param_count(node: &Node, phase: Phase, env: &Environment, diagnostics: &mut Diagnostics) {
    if node.params.is_empty() {
        return;
    }
    if node.layer.is_input() {
        return too_many_params(node, &[], diagnostics);
    }
    // Extents that many groups divide, along as many axes as layers commonly want. A last bottom of items alone may choose.
    let alike = |dims: &[usize]| vec![Shape::from(dims); node.bottoms.len()];
    let mut chosen = alike(&[2, 5040]);
    if let Some(last) = chosen.last_mut() {
        *last = Shape::from([2]);
    }
    let guesses =
        [alike(&[2, 5040, 64, 64]), alike(&[2, 5040]), alike(&[2, 5040, 64, 64, 64]), chosen];
    let signature = guesses.iter().find_map(|bottoms| {
        let mut unheard = diagnostics.unread();
        let values = vec![Some(&[1.0, 1.0][..]); bottoms.len()];
        let cx = Infer::new(node, bottoms, phase, env, &mut unheard).with_values(values);
        node.layer.infer(&cx).ok()
    });
    if let Some(signature) = signature {
        too_many_params(node, &signature.params, diagnostics);
    }
}

/// A layer must have as many bottoms and tops as its type allows, whether their shapes are known or not.
fn check_arity(net: &Net, index: NodeIndex, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    let node = &net.graph[index];
    let spec = node.layer.spec();
    for (what, arity, names) in
        [("bottom", spec.bottoms, &node.bottoms), ("top", spec.tops, &node.tops)]
    {
        if !arity.allows(names.len()) && diagnostics.unreadable_within(node.span) {
            return Err(diagnostics.already_reported());
        }
        if !arity.allows(names.len()) {
            let one = arity.min == 1 && [1, usize::MAX].contains(&arity.max);
            let plural = if one { "" } else { "s" };
            let (kind, n) = (&node.type_name.value, names.len());
            let verb = if what == "bottom" { "takes" } else { "gives" };
            let message = format!("{kind} {verb} {arity} {what}{plural}, not {n}");
            let span = names.get(arity.max).map_or(node.type_name.span, |name| name.span);
            let here = format!("layer `{}`", node.name.value);
            let mut d = Diagnostic::new(&diag::E0205, span, message).here(here);
            let advice = match what {
                "bottom" => node.layer.ops().on_other_bottoms(n),
                _ => node.layer.ops().on_other_tops(n),
            };
            let before = || {
                let before = index.index().checked_sub(1).map(NodeIndex::new)?;
                net.graph[before].tops.last().map(|top| &top.value)
            };
            if let Some([note, help]) = advice {
                d = d.note(note).help(help);
            } else if what == "top" && n == 0 && !node.args.fields.is_empty() {
                let name = &node.name.value;
                d = d.help(format!(
                    "name what it gives, as layers after it read it: `top: \"{name}\"`"
                ));
            } else if what == "bottom" && n == 0 && !node.args.fields.is_empty() {
                // Only a prototxt names what is read.
                if let Some(top) = before() {
                    d = d.help(format!(
                        "say what it reads; the layer before gives `bottom: \"{top}\"`"
                    ));
                }
            }
            return Err(diagnostics.report(d));
        }
    }
    Ok(())
}

fn infer_node(
    net: &Net,
    index: NodeIndex,
    bottoms: &[Shape],
    before: &[Option<Signature>],
    env: &Environment,
    diagnostics: &mut Diagnostics,
) -> Result<Signature, Reported> {
    let node = &net.graph[index];
    let phase = node.phase.unwrap_or(net.state.phase);
    let values = net.bottoms(index).into_iter().map(|port| {
        let port = port.filter(|port| net.graph[port.node].layer.is_input())?;
        env.values.get(net.blob(port)).map(Vec::as_slice)
    });
    let form = |top: usize| {
        let readers = net.readers(Port { node: index, top });
        readers.iter().find_map(|&(reader, bottom)| net.graph[reader].layer.ops().form(bottom))
    };
    let forms = (0..node.tops.len()).filter(|_| comes_from_outside(node)).map(form).collect();
    let cx = Infer::new(node, bottoms, phase, env, diagnostics);
    let cx = cx.with_values(values.collect()).with_forms(forms).within(net, before);
    let signature = node.layer.infer(&cx)?;
    debug_assert_eq!(signature.tops.len(), node.tops.len(), "{}", node.type_name.value);
    let shapes = signature.tops.iter().chain(signature.params.iter().map(|p| &p.shape));
    for shape in shapes {
        if MOST_AXES < shape.rank() {
            let message =
                format!("layer `{}` has a blob of {} axes", node.name.value, shape.rank());
            let d = Diagnostic::new(&diag::E0404, node.type_name.span, message);
            let d = d.here(format!("at most {MOST_AXES} are possible"));
            return Err(diagnostics.report(node.placed(d)));
        }
        // An extent of 0 counts as 1, so that the elements of no range of axes are too many either.
        let count = product(shape.dims().iter().map(|&d| d.max(1)));
        if count.is_none_or(|count| MOST_ELEMENTS < count) {
            let message = format!("layer `{}` would hold a blob of {shape}", node.name.value);
            let d = Diagnostic::new(&diag::E0404, node.type_name.span, message);
            let most = format!("a blob has at most {MOST_ELEMENTS} elements");
            return Err(diagnostics.report(node.placed(d.here(most))));
        }
    }
    let unread = |top: usize| {
        let readers = net.readers(Port { node: index, top });
        node.layer.is_input()
            && readers.iter().all(|(reader, _)| !net.graph[*reader].layer.ops().reads_bottoms())
    };
    let tops = signature.tops.iter().enumerate().filter(|(top, _)| !unread(*top));
    let shapes = tops.map(|(_, shape)| shape).chain(signature.params.iter().map(|p| &p.shape));
    if let Some(empty) =
        shapes.filter(|_| !node.layer.ops().may_be_empty()).find(|shape| shape.count() == 0)
    {
        let message = format!("makes a blob without elements, {empty}, which Caffe stops at");
        return cx.fail(&["dim", "input_dim", "num_output"], message);
    }
    for param in signature.params.iter().filter(|param| param.filler == Filler::Bilinear) {
        if !matches!(param.shape.dims(), [_, _, height, width] if height == width) {
            let role = param.role;
            let message =
                format!("a bilinear filler needs square filters, {role} is {}", param.shape);
            return cx.fail(&[&format!("{role}_filler"), "weight_filler", "filler"], message);
        }
    }
    Ok(signature)
}
