//! Turns a diagram into rows of items joined by links between neighbouring rows.
//!
//! An item is a box or a bend of a long wire. All edges of one output share one chain of bends. An edge
//! that closes a cycle, or is so long that drawing it would be unreadable or make the picture larger
//! than linear, becomes a pair of pills instead.

use super::measure::{self, Interior};
use super::rank;
use crate::report::diagram::{Diagram, Role};
use crate::report::text::shorten;
use std::collections::{BTreeMap, BinaryHeap};

/// Longest wire in rows; longer ones get pills.
const LONGEST: usize = 120;

/// A box or a bend.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Room to the left of its middle.
    pub left: f64,
    /// Room to the right of its middle.
    pub right: f64,
    /// Whether it is a bend.
    pub bend: bool,
}

/// A piece of wire between neighbouring rows.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// The upper item.
    pub from: u32,
    /// The lower item.
    pub to: u32,
    /// Where it leaves, from the middle of the upper item.
    pub from_offset: f64,
    /// Where it arrives, from the middle of the lower item.
    pub to_offset: f64,
    /// Whether it carries activations.
    pub data: bool,
}

/// One output of a node and who reads it.
#[derive(Clone, Debug)]
pub struct Blob {
    /// The producer.
    pub node: usize,
    /// Where it leaves the box, from its middle.
    pub offset: f64,
    /// The text beside the wire.
    pub text: String,
    /// The edges that are drawn, shortest first.
    pub drawn: Vec<usize>,
    /// The edges that are shown as pills.
    pub pills: Vec<usize>,
    /// The text in those pills.
    pub pill_text: String,
    /// The first bend; the others follow it in number, one a row.
    pub first_bend: usize,
}

/// The rows.
pub struct Net {
    /// Boxes first, with the indices of the nodes, then bends.
    pub items: Vec<Item>,
    /// The row of each item.
    pub row: Vec<usize>,
    /// The items of each row from left to right.
    pub rows: Vec<Vec<u32>>,
    /// All pieces of wire.
    pub links: Vec<Link>,
    /// All outputs that somebody reads.
    pub blobs: Vec<Blob>,
    /// Width and height of each box.
    pub size: Vec<(f64, f64)>,
    /// For each edge, where it arrives from the middle of its consumer.
    pub arrival: Vec<f64>,
}

/// Builds the rows; the items of a row are in the order of a depth-first walk.
pub fn build(diagram: &Diagram, interiors: &[Interior]) -> Net {
    let count = diagram.nodes.len();
    let (mut blobs, rows_of) = blobs_and_rows(diagram);

    let mut pills_in = vec![0usize; count];
    let mut pills_out = vec![0usize; count];
    let mut pill_room = vec![(0.0f64, 0.0f64); count];
    let mut inputs: Vec<Vec<usize>> = vec![vec![]; count];
    let mut outputs: Vec<Vec<usize>> = vec![vec![]; count];
    for (index, blob) in blobs.iter().enumerate() {
        let room = measure::pill_width(&blob.pill_text) + measure::STUB;
        if !blob.pills.is_empty() {
            pills_out[blob.node] += 1;
            pill_room[blob.node].1 = pill_room[blob.node].1.max(room);
        }
        for &edge in &blob.pills {
            let to = diagram.edges[edge].to;
            pills_in[to] += 1;
            pill_room[to].0 = pill_room[to].0.max(room);
        }
        if !blob.drawn.is_empty() {
            outputs[blob.node].push(index);
        }
        for &edge in &blob.drawn {
            inputs[diagram.edges[edge].to].push(edge);
        }
    }

    let mut arrival = vec![0.0; diagram.edges.len()];
    let mut size = Vec::with_capacity(count);
    let mut items = Vec::with_capacity(count);
    for node in 0..count {
        let labels: Vec<f64> =
            outputs[node].iter().map(|&blob| measure::label_width(&blobs[blob].text)).collect();
        let (offsets, room) = measure::outputs(&labels);
        let span = offsets.last().map_or(0.0, |last| last * 2.0);
        let needed = measure::width_for_ports(inputs[node].len(), span);
        let width = interiors[node].width.max(needed);
        let rows = pills_in[node].max(pills_out[node]) as f64;
        let height = interiors[node].height.max(rows * measure::PILL + 4.0);
        for (&blob, offset) in outputs[node].iter().zip(offsets) {
            blobs[blob].offset = offset;
        }
        inputs[node].sort_by_key(|&edge| (diagram.edges[edge].to_port, edge));
        for (&edge, offset) in inputs[node].iter().zip(measure::inputs(inputs[node].len(), width)) {
            arrival[edge] = offset;
        }
        let (before, after) = pill_room[node];
        items.push(Item {
            left: width / 2.0 + before,
            right: (width / 2.0 + after).max(room),
            bend: false,
        });
        size.push((width, height));
    }

    let mut row = rows_of;
    let mut links = vec![];
    for blob in &mut blobs {
        blob.first_bend = items.len();
        let Some(&longest) = blob.drawn.last() else { continue };
        let start = row[blob.node];
        let bends = row[diagram.edges[longest].to] - start - 1;
        let data = blob.drawn.iter().any(|&edge| diagram.edges[edge].role == Role::Data);
        for bend in 0..bends {
            let (from, from_offset) = above(blob, bend);
            let to = items.len() as u32;
            items.push(Item { left: 5.0, right: 5.0, bend: true });
            row.push(start + 1 + bend);
            links.push(Link { from, to, from_offset, to_offset: 0.0, data });
        }
        for &edge in &blob.drawn {
            let to = diagram.edges[edge].to;
            let (from, from_offset) = above(blob, row[to] - start - 1);
            let data = diagram.edges[edge].role == Role::Data;
            links.push(Link { from, to: to as u32, from_offset, to_offset: arrival[edge], data });
        }
    }
    let rows = walk(&items, &row, &links);
    Net { items, row, rows, links, blobs, size, arrival }
}

/// The item from which a wire comes after so many bends, and where it leaves it.
pub fn above(blob: &Blob, bends: usize) -> (u32, f64) {
    match bends {
        0 => (blob.node as u32, blob.offset),
        bends => ((blob.first_bend + bends - 1) as u32, 0.0),
    }
}

/// Groups edges by output, decides which are drawn, and finds the row of each node.
fn blobs_and_rows(diagram: &Diagram) -> (Vec<Blob>, Vec<usize>) {
    let count = diagram.nodes.len();
    let valid = |edge: &usize| {
        let edge = &diagram.edges[*edge];
        edge.from < count && edge.to < count
    };
    let edges: Vec<usize> = (0..diagram.edges.len()).filter(valid).collect();
    let ends = |edge: usize| (diagram.edges[edge].from, diagram.edges[edge].to);
    let pairs: Vec<(usize, usize)> = edges.iter().map(|&edge| ends(edge)).collect();
    let closes = rank::closing(count, &pairs);

    let mut grouped: BTreeMap<(usize, usize), Blob> = BTreeMap::new();
    for (&edge, closes) in edges.iter().zip(closes) {
        let described = &diagram.edges[edge];
        let producer = &diagram.nodes[described.from].name;
        let blob = grouped.entry((described.from, described.from_port)).or_insert_with(|| Blob {
            node: described.from,
            offset: 0.0,
            text: String::new(),
            drawn: vec![],
            pills: vec![],
            pill_text: shorten(
                if described.label.is_empty() { producer } else { &described.label },
                24,
            ),
            first_bend: 0,
        });
        if blob.text.is_empty() {
            let name = if described.label == *producer { "" } else { described.label.as_str() };
            let joint = if name.is_empty() || described.shape.is_empty() { "" } else { " · " };
            blob.text = format!("{}{joint}{}", shorten(name, 28), shorten(&described.shape, 28));
        }
        if closes { blob.pills.push(edge) } else { blob.drawn.push(edge) }
    }
    let mut blobs: Vec<Blob> = grouped.into_values().collect();

    let drawn: Vec<(usize, usize)> =
        blobs.iter().flat_map(|blob| blob.drawn.iter().map(|&edge| ends(edge))).collect();
    let mut outputs = vec![0; count];
    for blob in blobs.iter().filter(|blob| !blob.drawn.is_empty()) {
        outputs[blob.node] += 1;
    }
    let row = rank::layers(count, &drawn, &outputs);
    for blob in &mut blobs {
        blob.drawn.sort_by_key(|&edge| (row[diagram.edges[edge].to], edge));
    }
    cut_longest(
        &mut blobs,
        |edge| {
            let (from, to) = ends(edge);
            row[to] - row[from]
        },
        8 * (count + edges.len()) + 1000,
    );
    (blobs, row)
}

/// Turns the longest wires into pills until the bends fit into a budget.
fn cut_longest(blobs: &mut [Blob], length: impl Fn(usize) -> usize, budget: usize) {
    let longest = |blob: &Blob| blob.drawn.last().map_or(0, |&edge| length(edge));
    let mut total: usize = blobs.iter().map(|blob| longest(blob).saturating_sub(1)).sum();
    let mut queue: BinaryHeap<(usize, usize)> =
        blobs.iter().enumerate().map(|(index, blob)| (longest(blob), index)).collect();
    while let Some((reach, index)) = queue.pop() {
        if reach <= LONGEST && (total <= budget || reach < 2) {
            return;
        }
        let blob = &mut blobs[index];
        if let Some(edge) = blob.drawn.pop() {
            blob.pills.push(edge);
        }
        let shorter = longest(blob);
        total -= reach.saturating_sub(1) - shorter.saturating_sub(1);
        queue.push((shorter, index));
    }
}

/// The rows in the order of a depth-first walk from each source, so that towers stay together.
fn walk(items: &[Item], row: &[usize], links: &[Link]) -> Vec<Vec<u32>> {
    let pairs = links.iter().map(|link| (link.from as usize, link.to as usize));
    let down = rank::Arrows::new(items.len(), pairs.clone());
    let up = rank::Arrows::new(items.len(), pairs.map(|(from, to)| (to, from)));
    let mut rows: Vec<Vec<u32>> = vec![vec![]; row.iter().max().map_or(0, |last| last + 1)];
    let mut seen = vec![false; items.len()];
    let mut stack = vec![];
    for root in 0..items.len() {
        if !up.of(root).is_empty() {
            continue;
        }
        stack.push(root as u32);
        while let Some(item) = stack.pop() {
            if std::mem::replace(&mut seen[item as usize], true) {
                continue;
            }
            rows[row[item as usize]].push(item);
            stack.extend(down.of(item as usize).iter().rev());
        }
    }
    rows
}
