//! Tests of the upgrades against the outputs of Caffe's own tools, and of everything against damaged texts.

use super::{order, upgrade_net, upgrade_solver};
use crate::diag::render::render;
use crate::diag::{Diagnostic, Diagnostics};
use crate::front::caffe::{parse, print};
use crate::source::SourceMap;
use std::path::Path;

/// Upgrades a text; gives the modern text and the complaints.
fn upgrade(text: &str, solver: bool) -> (String, Diagnostics) {
    let mut sources = SourceMap::default();
    let file = sources.add("net", text);
    let mut diagnostics = Diagnostics::default();
    let tree = parse(file, text, &mut diagnostics);
    let (mut tree, name) = match solver {
        true => (upgrade_solver(tree, &mut diagnostics), "solver"),
        false => (upgrade_net(tree, &mut diagnostics), "net"),
    };
    order::sort(&mut tree, name);
    (print(&tree), diagnostics)
}

fn codes(diagnostics: &Diagnostics) -> Vec<&str> {
    diagnostics.iter().map(|d| d.code.id).collect()
}

/// The text with all suggested edits done.
fn edited(text: &str, diagnostics: &Diagnostics) -> String {
    let edit = |d: &Diagnostic| d.help.as_ref().and_then(|help| help.edit.clone());
    let mut edits: Vec<_> = diagnostics.iter().filter_map(edit).collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
    let mut text = text.to_string();
    for edit in edits {
        text.replace_range(edit.span.range(), &edit.replacement);
    }
    text
}

/// Expects what Caffe's upgrade tools make of a file, these complaints, and that the suggested edits alone
/// give the same.
fn check(name: &str, expected: &[&str]) {
    let folder = Path::new("tests/golden/caffe/legacy");
    let text = std::fs::read_to_string(folder.join(format!("{name}.prototxt"))).unwrap();
    let golden = std::fs::read_to_string(folder.join(format!("{name}.upgraded.prototxt"))).unwrap();
    let solver = name.starts_with("solver");
    let (upgraded, diagnostics) = upgrade(&text, solver);
    assert_eq!(upgraded, golden, "{name}");
    assert_eq!(codes(&diagnostics), expected, "{name}");
    let by_hand = edited(&text, &diagnostics);
    let (again, diagnostics) = upgrade(&by_hand, solver);
    assert_eq!(again, golden, "{name} edited:\n{by_hand}");
    let left = codes(&diagnostics);
    assert!(left.iter().all(|code| *code == "W0612"), "{name} edited: {left:?}");
}

#[test]
fn upgrades_as_caffes_tools_do() {
    check("bn_params", &["W0614"]);
    check("data_transform_new", &["W0612", "W0612", "W0612"]);
    check("input_dims_two", &["W0613"]);
    check("input_fields", &["W0613"]);
    check("solver_type", &["W0615"]);
    check("v0_net", &["W0611", "W0613"]);
    check("v1_net", &["W0611"]);
}

#[test]
fn what_caffe_refuses_is_an_error() {
    let complaints = |text: &str, solver| codes(&upgrade(text, solver).1).join(" ");
    let mixed = "layer { name: 'a' type: 'Input' } layers { name: 'r' type: RELU }";
    assert_eq!(complaints(mixed, false), "E0211 W0611");
    assert_eq!(complaints("type: 'Adam' solver_type: ADAM", true), "E0212");
    assert_eq!(complaints("input: 'a' input_dim: [1, 2, 3]", false), "E0207 W0613");
    assert_eq!(complaints("input_dim: 1", false), "E0207");
    let padding = "layers { layer { type: 'padding' pad: 1 } bottom: 'a' top: 'b' }
        layers { layer { type: 'relu' number: 2 } bottom: 'b' top: 'c' }";
    assert_eq!(complaints(padding, false), "E0213 E0210 W0611");
    // Of a field that other types have, Caffe's log says only that it is left out.
    let misplaced = "layers { layer { type: 'relu' num_output: 2 } bottom: 'b' top: 'c' }";
    assert_eq!(complaints(misplaced, false), "W0621 W0611");
}

/// A small generator (splitmix64), so that the damage is the same in every run.
struct Damage(u64);

impl Damage {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) as usize % limit.max(1)
    }

    /// Deletes, doubles, inserts or swaps in a few pieces of the text.
    fn apply(&mut self, text: &str) -> String {
        let mut pieces: Vec<&str> = text.split_inclusive([' ', '\n', ':', '{', '"']).collect();
        for _ in 0..1 + self.below(4) {
            let at = self.below(pieces.len());
            match self.below(4) {
                0 => _ = pieces.remove(at.min(pieces.len() - 1)),
                1 => pieces.insert(at, pieces[at]),
                2 => {
                    const MARKS: [&str; 13] =
                        ["{", "}", "<", "]", "[", "\"", "'", ":", "\\", "-", "#", "é", "layer "];
                    pieces.insert(at, MARKS[self.below(MARKS.len())]);
                }
                _ => {
                    let other = self.below(pieces.len());
                    pieces.swap(at, other);
                }
            }
            if pieces.is_empty() {
                pieces.push("");
            }
        }
        let damaged = pieces.concat();
        let cut = self.below(8 * damaged.len().max(1));
        damaged.chars().enumerate().filter(|&(i, _)| i != cut).map(|(_, c)| c).collect()
    }
}

#[test]
fn damaged_texts_are_survived() {
    let mut damage = Damage(1);
    for entry in std::fs::read_dir("tests/golden/caffe/legacy").unwrap() {
        let golden = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for _ in 0..200 {
            let text = damage.apply(&golden);
            let mut sources = SourceMap::default();
            let file = sources.add("net", text.as_str());
            let mut diagnostics = Diagnostics::default();
            let tree = parse(file, &text, &mut diagnostics);
            let tree = upgrade_net(upgrade_solver(tree, &mut diagnostics), &mut diagnostics);
            let rendered = render(&diagnostics, &sources, false);
            assert_eq!(rendered.is_empty(), diagnostics.is_empty());
            let printed = print(&tree);
            let mut clean = Diagnostics::default();
            assert_eq!(print(&parse(file, &printed, &mut clean)), printed, "of {text}");
        }
    }
}
