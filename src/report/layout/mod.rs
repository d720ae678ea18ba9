//! Turns a [`Diagram`] into coordinates: a layered drawing from top to bottom.
//!
//! The steps are those of Sugiyama: arrows that close a cycle are set aside and nodes get rows (`rank`),
//! long wires get bends (`net`), rows are ordered (`order`), items get horizontal places (`coordinates`);
//! here rows get heights and wires their curves. Wires bend only between rows, where no box is, so they
//! never run through one. Everything is deterministic and takes linear memory.

mod coordinates;
pub mod measure;
mod net;
mod order;
mod rank;
#[cfg(test)]
mod tests;

use super::diagram::{Diagram, Edge, Gradient};
use measure::Interior;
use net::Net;

/// Space around the whole drawing.
pub const MARGIN: f64 = 24.0;
const GAP: f64 = 34.0;
const CLUSTER_TITLE: f64 = 22.0;
const CLUSTER_PADDING: f64 = 10.0;

/// A rectangle in pixels, `y` pointing down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Rect {
    /// Whether the interiors overlap.
    pub fn overlaps(&self, other: &Rect) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

/// A point in pixels.
pub type Point = (f64, f64);

/// A piece of a wire, from where the last one ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece {
    /// A straight line to a point.
    Line(Point),
    /// A cubic Bézier curve: two control points and the end.
    Curve(Point, Point, Point),
}

/// A wire that is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Wire {
    /// The edge it belongs to; of a blob with several consumers, this edge's part beyond the shared trunk.
    pub edge: usize,
    /// Where it begins.
    pub start: Point,
    /// How it goes on; it ends at the top of the consumer.
    pub pieces: Vec<Piece>,
}

/// The end of a wire that is not drawn: a stub and a pill with the blob's name.
#[derive(Clone, Debug, PartialEq)]
pub struct Pill {
    /// An edge of the blob.
    pub edge: usize,
    /// The pill.
    pub at: Rect,
    /// Whether it stands to the left of the consumer, rather than to the right of the producer.
    pub arrives: bool,
    /// The blob's name.
    pub text: String,
}

/// A text beside a wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// An edge of the blob.
    pub edge: usize,
    /// The left end of the baseline.
    pub at: Point,
    /// Name and shape of the blob.
    pub text: String,
}

/// Coordinates of everything in a diagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// Width with margins.
    pub width: f64,
    /// Height with margins.
    pub height: f64,
    /// One for each node.
    pub boxes: Vec<Rect>,
    /// What is written in each box.
    pub interiors: Vec<Interior>,
    /// The wires.
    pub wires: Vec<Wire>,
    /// The texts beside wires.
    pub labels: Vec<Label>,
    /// The ends of wires that are not drawn.
    pub pills: Vec<Pill>,
    /// One for each cluster; `None` if other boxes stand between its members.
    pub clusters: Vec<Option<Rect>>,
}

/// Places a diagram.
pub fn place(diagram: &Diagram) -> Placement {
    let interiors: Vec<Interior> = diagram.nodes.iter().map(measure::interior).collect();
    let mut net = net::build(diagram, &interiors);
    order::reduce_crossings(&mut net);
    let middle = coordinates::assign(&net);
    let rows = Rows::new(diagram, &net, &middle);
    let mut placement = Placement {
        width: 0.0,
        height: 0.0,
        boxes: boxes(&net, &middle, &rows),
        interiors,
        wires: vec![],
        labels: vec![],
        pills: vec![],
        clusters: vec![],
    };
    route(diagram, &net, &middle, &rows, &mut placement);
    placement.clusters = clusters(diagram, &net, &placement.boxes);
    fit(&net, &middle, &mut placement);
    placement
}

/// Top and bottom of each row; the texts of outputs are above the bottom.
struct Rows {
    top: Vec<f64>,
    bottom: Vec<f64>,
    /// The height of the tallest box.
    tallest: Vec<f64>,
}

impl Rows {
    fn new(diagram: &Diagram, net: &Net, middle: &[f64]) -> Rows {
        let count = net.rows.len();
        let mut height = vec![0.0f64; count];
        for (node, size) in net.size.iter().enumerate() {
            let row = net.row[node];
            height[row] = height[row].max(size.1);
        }
        let mut labelled = vec![false; count];
        for blob in net.blobs.iter().filter(|blob| !blob.drawn.is_empty() && !blob.text.is_empty())
        {
            labelled[net.row[blob.node]] = true;
        }
        // Wide steps need room to be smooth.
        let mut step = vec![0.0f64; count];
        for link in &net.links {
            let from = middle[link.from as usize] + link.from_offset;
            let to = middle[link.to as usize] + link.to_offset;
            let row = net.row[link.from as usize];
            step[row] = step[row].max((from - to).abs());
        }
        let mut before = vec![0.0f64; count];
        let mut after = vec![0.0f64; count];
        for cluster in &diagram.clusters {
            let rows = cluster
                .members
                .iter()
                .filter_map(|&node| net.row.get(node).filter(|_| node < net.size.len()));
            let (first, last) = rows.fold((usize::MAX, 0), |(a, b), &row| (a.min(row), b.max(row)));
            if first < count {
                before[first] = CLUSTER_TITLE + CLUSTER_PADDING;
                after[last] = CLUSTER_PADDING;
            }
        }
        let (mut top, mut bottom) = (vec![], vec![]);
        let mut y = 0.0;
        for row in 0..count {
            y += before[row];
            top.push(y);
            y += height[row] + if labelled[row] { measure::LABEL_ZONE } else { 0.0 };
            bottom.push(y);
            y += after[row] + GAP + (step[row] * 0.09).min(70.0)
                - if labelled[row] { 8.0 } else { 0.0 };
        }
        Rows { top, bottom, tallest: height }
    }
}

/// Boxes stand in the middle of their row's height, label zone aside.
fn boxes(net: &Net, middle: &[f64], rows: &Rows) -> Vec<Rect> {
    let place = |(node, &(width, height)): (usize, &(f64, f64))| {
        let row = net.row[node];
        let y = rows.top[row] + (rows.tallest[row] - height) / 2.0;
        Rect { x: middle[node] - width / 2.0, y, width, height }
    };
    net.size.iter().enumerate().map(place).collect()
}

/// Curves from each producer to its consumers, texts beside them, and pills.
fn route(diagram: &Diagram, net: &Net, middle: &[f64], rows: &Rows, out: &mut Placement) {
    let mut pills_right = vec![0; net.size.len()];
    let mut pills_left = vec![0; net.size.len()];
    for blob in &net.blobs {
        let start = net.row[blob.node];
        let from = out.boxes[blob.node];
        let mut next = start;
        let mut trunk = Gradient::Untold;
        for &edge in &blob.drawn {
            let Edge { to, gradient, .. } = diagram.edges[edge];
            // What a gradient comes through is drawn as such from its end to its beginning.
            if trunk < gradient {
                (next, trunk) = (start, gradient);
            }
            let last = net.row[to];
            // The trunk down to `next` is drawn already.
            let (item, offset) = net::above(blob, next - start);
            let mut at = (middle[item as usize] + offset, rows.bottom[next]);
            let begin = if next == start { (at.0, from.y + from.height) } else { at };
            let mut pieces = vec![];
            if begin != at {
                pieces.push(Piece::Line(at));
            }
            for row in next + 1..=last {
                let x = if row == last {
                    middle[to] + net.arrival[edge]
                } else {
                    middle[net::above(blob, row - start).0 as usize]
                };
                let y = if row == last { out.boxes[to].y } else { rows.bottom[row] };
                pieces.push(curve(at, (x, rows.top[row])));
                at = (x, y);
                if y != rows.top[row] {
                    pieces.push(Piece::Line(at));
                }
            }
            out.wires.push(Wire { edge, start: begin, pieces });
            next = last - 1;
        }
        if let (Some(&edge), false) = (blob.drawn.first(), blob.text.is_empty()) {
            let x = middle[blob.node] + blob.offset + measure::LABEL_GAP;
            let at = (x, from.y + from.height + 12.0);
            out.labels.push(Label { edge, at, text: blob.text.clone() });
        }
        let width = measure::pill_width(&blob.pill_text);
        let pill = |node: usize, number: usize, arrives: bool, edge: usize| {
            let rect = out.boxes[node];
            let gap = measure::STUB;
            let x = if arrives { rect.x - gap - width } else { rect.x + rect.width + gap };
            let y = rect.y + 3.0 + number as f64 * measure::PILL;
            let at = Rect { x, y, width, height: measure::PILL - 2.0 };
            Pill { edge, at, arrives, text: blob.pill_text.clone() }
        };
        let mut pills = vec![];
        if let Some(&edge) = blob.pills.first() {
            pills.push(pill(blob.node, pills_right[blob.node], false, edge));
            pills_right[blob.node] += 1;
        }
        for &edge in &blob.pills {
            let to = diagram.edges[edge].to;
            pills.push(pill(to, pills_left[to], true, edge));
            pills_left[to] += 1;
        }
        out.pills.extend(pills);
    }
}

/// A piece that leaves and arrives vertically.
fn curve(from: Point, to: Point) -> Piece {
    if (from.0 - to.0).abs() < 0.5 {
        return Piece::Line(to);
    }
    let pull = (to.1 - from.1) * 0.55;
    Piece::Curve((from.0, from.1 + pull), (to.0, to.1 - pull), to)
}

/// The rectangles of clusters whose members have no strangers between them.
fn clusters(diagram: &Diagram, net: &Net, boxes: &[Rect]) -> Vec<Option<Rect>> {
    let mut budget = 4_000_000usize;
    let one = |cluster: &super::diagram::Cluster| {
        let mut members: Vec<usize> =
            cluster.members.iter().copied().filter(|&node| node < boxes.len()).collect();
        members.sort_unstable();
        let rects = members.iter().map(|&node| boxes[node]);
        let all = rects.reduce(union)?;
        let rect = Rect {
            x: all.x - CLUSTER_PADDING,
            y: all.y - CLUSTER_TITLE,
            width: all.width + 2.0 * CLUSTER_PADDING,
            height: all.height + CLUSTER_TITLE + CLUSTER_PADDING + measure::LABEL_ZONE,
        };
        let rows = members.iter().map(|&node| net.row[node]);
        let (first, last) = rows.fold((usize::MAX, 0), |(a, b), row| (a.min(row), b.max(row)));
        for row in &net.rows[first..=last] {
            budget = budget.checked_sub(row.len())?;
            let strangers =
                row.iter().filter_map(|&item| boxes.get(item as usize).map(|at| (item, at)));
            for (item, at) in strangers {
                if at.overlaps(&rect) && members.binary_search(&(item as usize)).is_err() {
                    return None;
                }
            }
        }
        Some(rect)
    };
    diagram.clusters.iter().map(one).collect()
}

fn union(a: Rect, b: Rect) -> Rect {
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    let right = (a.x + a.width).max(b.x + b.width);
    let bottom = (a.y + a.height).max(b.y + b.height);
    Rect { x, y, width: right - x, height: bottom - y }
}

/// Moves everything so that the drawing begins at the margin, and sets its size.
fn fit(net: &Net, middle: &[f64], placement: &mut Placement) {
    let mut extent = Rect { x: 0.0, y: 0.0, width: 0.0, height: 0.0 };
    let mut first = true;
    let mut include = |rect: Rect| {
        extent = if first { rect } else { union(extent, rect) };
        first = false;
    };
    for (item, &x) in net.items.iter().zip(middle) {
        include(Rect { x: x - item.left, y: 0.0, width: item.left + item.right, height: 0.0 });
    }
    placement.boxes.iter().copied().for_each(&mut include);
    placement.clusters.iter().flatten().copied().for_each(&mut include);
    placement.pills.iter().for_each(|pill| include(pill.at));
    placement.labels.iter().for_each(|label| {
        include(Rect { x: label.at.0, y: label.at.1, width: 0.0, height: 4.0 });
    });
    let (dx, dy) = (MARGIN - extent.x, MARGIN - extent.y);
    let moved = |point: &mut Point| *point = (point.0 + dx, point.1 + dy);
    let rects = placement.boxes.iter_mut().chain(placement.clusters.iter_mut().flatten());
    for rect in rects.chain(placement.pills.iter_mut().map(|pill| &mut pill.at)) {
        (rect.x, rect.y) = (rect.x + dx, rect.y + dy);
    }
    placement.labels.iter_mut().for_each(|label| moved(&mut label.at));
    for wire in &mut placement.wires {
        moved(&mut wire.start);
        for piece in &mut wire.pieces {
            match piece {
                Piece::Line(to) => moved(to),
                Piece::Curve(a, b, to) => [a, b, to].into_iter().for_each(moved),
            }
        }
    }
    placement.width = extent.width + 2.0 * MARGIN;
    placement.height = extent.height + 2.0 * MARGIN;
}
