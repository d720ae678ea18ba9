//! From the complaints of a net's layers to a list in which the same mistake made in many layers stands once.

use std::collections::HashMap;

use crate::diag::{Diagnostic, Diagnostics};

/// So often the same words are repeated; after that one complaint stands for all.
const FEW: usize = 2;

/// A complaint and the name of its layer.
pub(super) type Complaint = (String, Diagnostic);

/// Reports complaints in their order. Of more than [`FEW`] with the same words the first stands for all of them.
pub(super) fn report(complaints: Vec<Complaint>, diagnostics: &mut Diagnostics) {
    let mut groups: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (i, (_, complaint)) in complaints.iter().enumerate() {
        groups.entry((complaint.code.id, &complaint.message)).or_default().push(i);
    }
    for (i, (_, complaint)) in complaints.iter().enumerate() {
        let group = &groups[&(complaint.code.id, complaint.message.as_str())];
        match &group[..] {
            few if few.len() <= FEW => diagnostics.report(complaint.clone()),
            [first, rest @ ..] if *first == i => {
                let layers = rest.iter().map(|&i| complaints[i].0.as_str()).collect();
                diagnostics.report(complaint.clone().note(also(layers)))
            }
            _ => continue,
        };
    }
}

/// `the same in the layers `conv2`, `conv3` and 6 more`.
fn also(mut layers: Vec<&str>) -> String {
    let times = layers.len();
    layers.dedup();
    let quoted: Vec<String> = layers.iter().map(|layer| format!("`{layer}`")).collect();
    match &quoted[..] {
        [] => String::new(),
        [one] => format!("the same {times} times more up to layer {one}"),
        [one, two] => format!("the same in the layers {one} and {two}"),
        [one, two, rest @ ..] => {
            format!("the same in the layers {one}, {two} and {} more", rest.len())
        }
    }
}
