//! From the complaints of a net's layers to a list in which the same mistake made in many layers stands once.

use std::collections::HashMap;

use crate::diag::gather::{FEW, also};
use crate::diag::{Diagnostic, Diagnostics};

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
