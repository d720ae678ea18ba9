//! Makes one complaint of those that the layers of a net have in common.

use std::collections::HashMap;

use super::{Diagnostics, Severity, W0605, W0620, without_names};

/// So often the same words are repeated; after that one complaint stands for all.
pub const FEW: usize = 2;

impl Diagnostics {
    /// Of more than [`FEW`] warnings in which only the layer's name differs, the first stays and names the others. What
    /// is not known of a blob is said once, at the first layer that gives it, such as the one of TRAIN; a file that several
    /// layers name and that cannot be read likewise.
    pub fn gather(&mut self) {
        let mut groups: HashMap<(&str, String), Vec<usize>> = HashMap::new();
        let mut unknown: HashMap<&str, usize> = HashMap::new();
        let mut labels = vec![];
        let mut gone = vec![false; self.list.len()];
        for (i, d) in self.list.iter().enumerate() {
            if *d.code == W0605 || *d.code == W0620 {
                let first = *unknown.entry(&d.message).or_insert(i);
                if let Some(place) = d.span().filter(|_| first != i) {
                    labels.push((first, place));
                    gone[i] = true;
                }
            } else if let Some((_, rest)) =
                d.of_layer().filter(|_| d.severity() == Severity::Warning)
            {
                groups.entry((d.code.id, without_names(rest))).or_default().push(i);
            }
        }
        let name = |i: &usize| self.list[*i].of_layer().map_or("", |(name, _)| name);
        let mut notes = vec![];
        for group in groups.values().filter(|group| FEW < group.len()) {
            notes.push((group[0], also(group[1..].iter().map(name).collect())));
            group[1..].iter().for_each(|&i| gone[i] = true);
        }
        for (first, place) in labels {
            self.list[first] = self.list[first].clone().label(place, "and here");
        }
        for (first, note) in notes {
            self.list[first].notes.push(note);
        }
        let mut gone = gone.into_iter();
        self.list.retain(|_| gone.next() != Some(true));
        self.index();
    }
}

/// `the same in the layers `conv2`, `conv3` and 6 more`.
pub fn also(mut layers: Vec<&str>) -> String {
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
