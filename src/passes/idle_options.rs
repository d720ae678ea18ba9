//! Complains about what a definition is told and does not ask for, such as the shape of a blob that is none of its inputs.

use std::collections::BTreeMap;

use crate::diag::nearest::meant;
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::{Definition, Node};
use crate::spec::{Category, Dialect};
use crate::ty::Shape;

/// Complains about what is told beyond shapes: the options of the command line, and whether each is given. `awaits_classes` says
/// whether a layer has as many outputs as there are classes.
pub fn idle_options(
    definition: &Definition,
    awaits_classes: bool,
    options: &[(&str, bool)],
    diagnostics: &mut Diagnostics,
) {
    let dialect = definition.dialect;
    let program = dialect != Dialect::Caffe;
    let asked = |option: &str| match option {
        "--classes" => program || awaits_classes,
        "--param" | "--loss" => dialect == Dialect::Torch,
        "--call" => program || definition.is_made,
        "--written" => definition.is_made,
        _ => program,
    };
    for (option, _) in options.iter().filter(|(option, told)| *told && !asked(option)) {
        let message = format!("`{option}` means nothing to this {dialect} definition");
        let d = Diagnostic::without_place(&diag::W0627, message);
        let help = match (*option, dialect) {
            ("--input-shape", _) => {
                let inputs = names(&[definition]);
                let name = inputs.first().map_or("data", String::as_str);
                format!("the shape of an input is said with its batch: --shape {name}=64,3,28,28")
            }
            ("--classes", _) => "every `num_output` of it is written".into(),
            ("--loss", Dialect::TensorFlow) => {
                "its loss is what `loss` of `UserModel` gives".into()
            }
            ("--written", _) => {
                "it chooses among the files that a Python program of Caffe writes".into()
            }
            ("--loss", _) => "its losses are layers of their own".into(),
            ("--param", Dialect::TensorFlow) => "it is told --input-shape and --classes".into(),
            _ => "only definitions that are programs are told it".into(),
        };
        diagnostics.report(d.help(help));
    }
}

/// Complains about shapes of blobs that are no inputs of any of these definitions.
pub fn idle_shapes(
    definitions: &[&Definition],
    shapes: &BTreeMap<String, Shape>,
    diagnostics: &mut Diagnostics,
) {
    let Some(first) = definitions.first() else { return };
    if definitions.iter().any(|definition| definition.nodes.is_empty()) {
        return;
    }
    let inputs = names(definitions);
    let numbered = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let of_program = |name: &str| {
        let whole =
            name.split_once('.').filter(|(_, i)| numbered(i)).map_or(name, |(name, _)| name);
        numbered(name) || matches!(whole, "input" | "data" | "target" | "label" | "x" | "y")
    };
    for name in shapes.keys().filter(|name| !inputs.contains(name)) {
        if first.dialect != Dialect::Caffe && of_program(name) {
            continue;
        }
        let message = format!("the net has no input `{name}`");
        let d = Diagnostic::without_place(&diag::W0627, message);
        let near = meant(name, inputs.iter().map(String::as_str));
        let near = near.map(|question| format!("; {question}")).unwrap_or_default();
        let d = match &inputs[..] {
            [] => d.help("it has no inputs whose shapes could be said"),
            names => d.help(format!("it has {}{near}", names.join(", "))),
        };
        diagnostics.report(d);
    }
}

/// The blobs that come from outside, at any stage, in the order of the definitions.
fn names(definitions: &[&Definition]) -> Vec<String> {
    let comes_in = |node: &&Node| {
        // What cortado cannot compute has the shapes it is said to have.
        node.layer.is_input() || node.layer.spec().category == Category::Unknown
    };
    let nodes = definitions.iter().flat_map(|definition| &definition.nodes);
    let mut names: Vec<String> = vec![];
    for top in nodes.filter(comes_in).flat_map(|node| &node.tops) {
        if !names.contains(&top.value) {
            names.push(top.value.clone());
        }
    }
    names
}
