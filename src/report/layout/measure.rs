//! Turns a node into a box: its size, what is written where in it, and where wires touch its edges.

use crate::report::diagram::{Node, ParamTag};
use crate::report::text::{Weight, shorten, width};

/// Height of the coloured band with name and type.
pub const HEADER: f64 = 24.0;
/// Height of a line of detail and of a parameter.
pub const LINE: f64 = 15.0;
/// Height of a strip of an in-place layer.
pub const STRIP: f64 = 18.0;
/// Space between a box's side and its text.
pub const PADDING: f64 = 10.0;
/// Space between a wire and the text that belongs to it.
pub const LABEL_GAP: f64 = 6.0;
/// Height kept free below a box for the texts of its outputs.
pub const LABEL_ZONE: f64 = 16.0;
/// Height of the pill that stands for the far end of a wire that is not drawn.
pub const PILL: f64 = 18.0;
/// Length of the stub between a box and a pill.
pub const STUB: f64 = 14.0;

const NAME_SIZE: f64 = 12.5;
const TEXT_SIZE: f64 = 11.0;
const NARROWEST: f64 = 96.0;
/// Most letters of a name, of a shape and of any other line, and most lines of a kind, in a box.
pub const LONGEST_NAME: usize = 36;
pub const LONGEST_NOTE: usize = 32;
pub const LONGEST_LINE: usize = 44;
pub const MOST_LINES: usize = 8;

/// The texts of a box, shortened, with its size in pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Interior {
    /// Width that the texts need.
    pub width: f64,
    /// Height that the texts need.
    pub height: f64,
    /// The name in the header.
    pub name: String,
    /// The type in the header, at its right end.
    pub kind: String,
    /// The lines below the header.
    pub details: Vec<String>,
    /// The parameters that have a line.
    pub chips: Vec<Chip>,
    /// The texts and types of the in-place layers at the bottom.
    pub strips: Vec<String>,
}

/// The line of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Chip {
    /// The group of those that share it.
    pub group: Option<usize>,
    /// Whether it learns, in a picture of the backward pass.
    pub learns: Option<bool>,
    /// Its name, at the left.
    pub name: String,
    /// Its shape, or how it learns, at the right.
    pub note: String,
}

impl Chip {
    fn of(tag: &ParamTag) -> Self {
        let note = tag.learning.as_ref().map_or(&tag.shape, |learning| &learning.how);
        Chip {
            group: tag.shared_group,
            learns: tag.learning.as_ref().map(|learning| learning.learns),
            name: shorten(&tag.name, LONGEST_NAME),
            note: shorten(note, LONGEST_NOTE),
        }
    }
}

/// Measures the box of a node.
pub fn interior(node: &Node) -> Interior {
    let name = shorten(&node.name, LONGEST_NAME);
    let kind = shorten(&node.kind, LONGEST_NAME);
    let details: Vec<String> =
        node.details.iter().take(MOST_LINES).map(|line| shorten(line, LONGEST_LINE)).collect();
    let shown = node.parameters.iter().filter(|tag| tag.is_shown());
    let chips: Vec<Chip> = shown.take(MOST_LINES).map(Chip::of).collect();
    let strips: Vec<String> = node
        .folded
        .iter()
        .take(MOST_LINES)
        .map(|strip| shorten(&format!("+ {} {}", strip.kind, strip.name), LONGEST_LINE))
        .collect();

    let plain = |text: &str| width(text, TEXT_SIZE, Weight::Regular);
    let header = width(&name, NAME_SIZE, Weight::Bold) + 12.0 + plain(&kind);
    let chip = |chip: &Chip| 14.0 + plain(&chip.name) + 8.0 + plain(&chip.note);
    let texts = details.iter().chain(&strips).map(|line| plain(line));
    let widest = texts.chain(chips.iter().map(chip)).fold(header, f64::max);

    let lines = (details.len() + chips.len()) as f64;
    let body = if 0.0 < lines { lines * LINE + 8.0 } else { 0.0 };
    Interior {
        width: (widest + 2.0 * PADDING).max(NARROWEST).ceil(),
        height: HEADER + body + strips.len() as f64 * STRIP,
        name,
        kind,
        details,
        chips,
        strips,
    }
}

/// The width of the text of a blob beside its wire.
pub fn label_width(text: &str) -> f64 {
    if text.is_empty() { 0.0 } else { width(text, 10.5, Weight::Regular) + LABEL_GAP }
}

/// The width of a pill with a text.
pub fn pill_width(text: &str) -> f64 {
    width(text, 10.5, Weight::Regular) + 14.0
}

/// Offsets of outputs from the middle of a box, given the widths of their texts, and the room that
/// they need to the right of the middle.
pub fn outputs(labels: &[f64]) -> (Vec<f64>, f64) {
    let steps = labels.iter().map(|width| (width + 12.0).max(20.0));
    let mut at = 0.0;
    let mut offsets: Vec<f64> = vec![];
    for step in steps {
        offsets.push(at);
        at += step;
    }
    let Some(&last) = offsets.last() else { return (vec![], 0.0) };
    for offset in &mut offsets {
        *offset -= last / 2.0;
    }
    (offsets, last / 2.0 + labels.last().copied().unwrap_or(0.0))
}

/// Offsets of `count` inputs from the middle of a box of a width.
pub fn inputs(count: usize, width: f64) -> Vec<f64> {
    let gaps = count.saturating_sub(1) as f64;
    let step = if count < 2 { 0.0 } else { ((width - 28.0) / gaps).min(26.0) };
    (0..count).map(|i| (i as f64 - gaps / 2.0) * step).collect()
}

/// The least width of a box with so many inputs, and outputs that span so much.
pub fn width_for_ports(inputs: usize, outputs_span: f64) -> f64 {
    let needed = inputs.saturating_sub(1) as f64 * 7.0;
    needed.max(outputs_span) + 28.0
}

/// The baseline of the `index`th line below the header, counted from the top of the box.
pub fn baseline(index: usize) -> f64 {
    HEADER + 4.0 + index as f64 * LINE + 11.0
}
