//! Tensors that are given to a pass and that nothing in the net takes, so that a mistyped name is seen.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::nearest::meant;
use crate::ir::{Definition, TypedNet};
use crate::weights::Blob;

/// What a pass gives begins so; a file with results of an earlier one may be given again.
const RESULTS: [&str; 9] = [
    "out.",
    "out2.",
    "din.",
    "dparam.",
    "param_after.",
    "buf_after.",
    "state.",
    "loss",
    "reg_loss",
];

/// What is said of every tensor that names nothing in the net, with the nearest name that does.
pub fn strangers(
    definition: &Definition,
    typed: &TypedNet,
    tensors: &BTreeMap<String, Blob>,
) -> Vec<String> {
    let mut own: BTreeSet<String> = BTreeSet::new();
    for (index, node) in typed.net.nodes() {
        let declared = typed.signatures[index.index()].as_ref().map_or(0, |s| s.params.len());
        own.extend((0..declared).map(|at| format!("param.{}.{at}", node.name.value)));
        for top in &node.tops {
            own.insert(format!("dout.{}", top.value));
            if node.layer.is_input() {
                own.extend(["in.", "in2."].map(|prefix| format!("{prefix}{}", top.value)));
            }
        }
    }
    // Names of the dialect come first in advice, and stand for what other stages have as well.
    let public: BTreeSet<&str> =
        definition.names.iter().map(|(public, _)| public.as_str()).collect();
    let aliases = definition.names.iter().map(|(_, own)| own.as_str());
    let known: BTreeSet<&str> =
        own.iter().map(String::as_str).chain(aliases).chain(public.iter().copied()).collect();
    let offered: Vec<&str> = match public.is_empty() {
        true => own.iter().map(String::as_str).collect(),
        false => public.iter().copied().collect(),
    };
    let is_result = |name: &str| RESULTS.iter().any(|prefix| name.starts_with(prefix));
    let is_known = |name: &str| {
        known.contains(name)
            || !public.is_empty()
                && super::otherwise(name).is_some_and(|other| known.contains(other.as_str()))
    };
    let strange = tensors.keys().filter(|name| !is_known(name) && !is_result(name));
    strange
        .map(|name| {
            let said = format!("tensor `{name}` names nothing in the net, and is left out");
            match meant(name, offered.iter().copied().filter(|name| !is_result(name))) {
                Some(question) => format!("{said}; {question}"),
                None => said,
            }
        })
        .collect()
}
