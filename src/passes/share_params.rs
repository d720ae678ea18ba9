//! Finds the owner of every parameter: equal names are one variable (Caffe's `Net::AppendParam`).

use std::collections::HashMap;

use super::infer_types::Types;
use super::loss_weights::loss_weights;
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::{Net, Node, ParamSpec, ShareMode, TypedNet, Variable};
use crate::program::VarId;
use crate::spec::{Category, ParamDecl};

/// Joins shared parameters and settles multipliers and loss weights.
pub fn share_params(
    net: Net,
    Types { signatures, told }: Types,
    diagnostics: &mut Diagnostics,
) -> TypedNet {
    let mut sharing =
        Sharing { owners: HashMap::new(), variables: vec![], unfit: false, diagnostics };
    let mut node_variables = vec![];
    let mut weights = vec![];
    for ((index, node), signature) in net.nodes().zip(&signatures) {
        let params = signature.as_ref().map_or(&[][..], |s| &s.params);
        if signature.is_some() {
            too_many_params(node, params, sharing.diagnostics);
        }
        sharing.unfit = false;
        let variables = params.iter().enumerate().map(|(i, decl)| {
            let spec = node.params.get(i).filter(|_| !decl.private);
            sharing.variable((index, i), node, decl, spec)
        });
        node_variables.push(variables.collect());
        weights.push(loss_weights(&net, index, sharing.diagnostics));
    }
    let variables = sharing.variables.into_iter().map(|(v, _)| v).collect();
    TypedNet { net, signatures, told, variables, node_variables, loss_weights: weights }
}

/// Complains about more `param` than a layer has parameters. A layer of foreign code may have any.
pub(super) fn too_many_params(node: &Node, params: &[ParamDecl], diagnostics: &mut Diagnostics) {
    if node.layer.spec().category == Category::Unknown {
        return;
    }
    let (given, has) = (node.params.len(), params.iter().filter(|p| !p.private).count());
    if let Some(place) = node.args.find(&["blobs"]) {
        let first = node.params.iter().filter(|param| param.values.is_some()).count();
        if first < has {
            let message = format!("{first} `blobs` for a layer of {has} parameters");
            let d = Diagnostic::new(&diag::E0503, place, message);
            diagnostics.report(d.help("give the first values of all of them, or of none"));
        }
    }
    let Some(extra) = node.params.get(has) else { return };
    let name = &node.name.value;
    let message = match has {
        0 => format!("layer `{name}` has no parameters, but {given} `param`"),
        1 => format!("layer `{name}` has 1 parameter, but {given} `param`"),
        _ => format!("layer `{name}` has {has} parameters, but {given} `param`"),
    };
    let d = Diagnostic::new(&diag::E0503, extra.span, message).here("too many");
    let roles: Vec<&str> = params.iter().filter(|p| !p.private).map(|p| p.role).collect();
    diagnostics.report(match roles.is_empty() {
        true => d.help("remove it"),
        false => d.help(format!("they are, in this order: {}", roles.join(", "))),
    });
}

struct Sharing<'a> {
    owners: HashMap<String, VarId>,
    /// Each with the specification that set its multipliers.
    variables: Vec<(Variable, Multipliers)>,
    /// Whether a parameter of the layer does not fit the one of its name: the others that do not for the same reason are
    /// no complaints of their own.
    unfit: bool,
    diagnostics: &'a mut Diagnostics,
}

/// Which multipliers were set, and where.
#[derive(Default)]
struct Multipliers {
    lr: Option<crate::source::Span>,
    decay: Option<crate::source::Span>,
    /// Where the parameter was named first.
    named: Option<crate::source::Span>,
}

impl Sharing<'_> {
    fn variable(
        &mut self,
        user: (petgraph::graph::NodeIndex, usize),
        node: &Node,
        decl: &ParamDecl,
        spec: Option<&ParamSpec>,
    ) -> VarId {
        let name = spec.and_then(|s| s.name.as_ref());
        let owner = name.and_then(|n| self.owners.get(&n.value).copied());
        let Some(owner) = owner else {
            let id = VarId(self.variables.len() as u32);
            if let Some(name) = name {
                self.owners.insert(name.value.clone(), id);
            }
            let values = spec.and_then(|s| s.values.clone());
            let values =
                values.filter(|values| self.fit(values.len(), &node.name.value, decl, spec));
            let variable = Variable {
                name: name.map(|n| n.value.clone()),
                role: decl.role,
                shape: decl.shape.clone(),
                filler: spec.and_then(|s| s.filler).unwrap_or(decl.filler),
                values,
                lr_mult: spec.and_then(|s| s.lr_mult).filter(|_| !decl.own_rate).unwrap_or(1.0),
                decay_mult: spec.and_then(|s| s.decay_mult).unwrap_or(1.0),
                learned: decl.learned,
                private: decl.private,
                users: vec![user],
            };
            let span = |set: bool| spec.filter(|_| set).map(|s| s.span);
            let set = Multipliers {
                lr: span(spec.is_some_and(|s| s.lr_mult.is_some())),
                decay: span(spec.is_some_and(|s| s.decay_mult.is_some())),
                named: name.map(|n| n.span),
            };
            self.variables.push((variable, set));
            return id;
        };
        if let Some(spec) = spec {
            self.join(owner, user, node, decl, spec);
        }
        owner
    }

    /// Whether a definition gives as many first values as a parameter has elements; complains if not.
    fn fit(&mut self, n: usize, layer: &str, decl: &ParamDecl, spec: Option<&ParamSpec>) -> bool {
        let fits = n == decl.shape.count();
        if let (false, Some(spec)) = (fits, spec) {
            let (role, shape) = (decl.role, &decl.shape);
            let message = format!("{n} first values for the {role} of layer `{layer}`, {shape}");
            self.diagnostics.report(Diagnostic::new(&diag::E0306, spec.span, message));
        }
        fits
    }

    fn join(
        &mut self,
        owner: VarId,
        user: (petgraph::graph::NodeIndex, usize),
        node: &Node,
        decl: &ParamDecl,
        spec: &ParamSpec,
    ) {
        let (variable, set) = &mut self.variables[owner.0 as usize];
        let name = variable.name.clone().unwrap_or_default();
        let fits = match spec.share {
            ShareMode::Strict => variable.shape == decl.shape,
            ShareMode::Permissive => variable.shape.count() == decl.shape.count(),
        };
        if !fits {
            if std::mem::replace(&mut self.unfit, true) {
                return;
            }
            let layer = &node.name.value;
            let message = format!(
                "`{name}` is {} where it was first named, but layer `{layer}` needs {}",
                variable.shape, decl.shape
            );
            let mut d = Diagnostic::new(&diag::E0501, spec.span, message).here("shared here");
            if let Some(first) = set.named {
                d = d.label(first, "first named here");
            }
            let (one, other) = (variable.shape.dims(), decl.shape.dims());
            let outputs = node.args.find(&["num_output"]);
            if variable.shape.count() == decl.shape.count() {
                d = d.help("`share_mode: PERMISSIVE` shares blobs of equal counts");
            } else if let Some(outputs) = outputs.filter(|_| one.get(1..) == other.get(1..)) {
                d = d.label(outputs, "the other layer has another number here");
                d = d.help("layers with one weight have one `num_output`");
            } else if one.len() != other.len() {
                d = d.help("the first `param` of a layer is its weight, the second its bias");
            } else {
                d = d.help("layers with one weight read blobs of one shape");
            }
            self.diagnostics.report(d);
            return;
        }
        variable.users.push(user);
        for (what, given, have, at) in [
            ("lr_mult", spec.lr_mult, &mut variable.lr_mult, &mut set.lr),
            ("decay_mult", spec.decay_mult, &mut variable.decay_mult, &mut set.decay),
        ] {
            let Some(given) = given else { continue };
            match at {
                Some(first) if *have != given => {
                    let message = format!(
                        "parameter `{name}` is shared, with {what} {have} and with {given}"
                    );
                    let d = Diagnostic::new(&diag::E0502, spec.span, message)
                        .here(format!("{what} {given}"))
                        .label(*first, format!("{what} {have}"));
                    self.diagnostics.report(d);
                }
                _ => {
                    *have = given;
                    *at = Some(spec.span);
                }
            }
        }
    }
}
