//! Turns a diagram into SVG: boxes coloured by kind, shapes on wires, shared parameters tied.
//!
//! The text stands alone (no scripts, fonts or images from elsewhere), follows the reader's preference for
//! light or dark, and names every box in a tooltip and in `data-layer`.

use super::diagram::{Category, Diagram, Edge, Gradient, Node, Role};
use super::fold::{Fold, folded};
use super::layout::measure::{self, HEADER, PADDING, STRIP};
use super::layout::{self, MARGIN, Piece, Placement, Point, Rect};
use super::text::{Weight, escape, number, shorten, width};
use super::theme;
use crate::diag::Severity;
use std::collections::HashMap;
use std::fmt::Write;

/// Who computes the coordinates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// This crate.
    #[default]
    Own,
    /// The program `dot`; this crate if it is missing, fails or takes too long.
    Graphviz,
}

/// How to draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Who computes the coordinates.
    pub layout: Layout,
    /// Whether clusters become single boxes.
    pub fold: Fold,
}

/// More shared parameters than this are not tied by lines; colour and name must do.
const MOST_TIES: usize = 24;
const LEGEND_ROW: f64 = 20.0;
const LEAST_WIDTH: f64 = 420.0;

/// The head of an arrow back to its beginning, and the bar at which a gradient ends.
const BACKWARD_MARKERS: &str = "<marker id=\"back\" viewBox=\"0 0 9 9\" refX=\"1\" refY=\"4.5\" markerWidth=\"9\" \
    markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
    <path class=\"back\" d=\"M9 0.6 0 4.5 9 8.4 7 4.5z\"/></marker>\
    <marker id=\"bar\" viewBox=\"0 0 6 14\" refX=\"9\" refY=\"7\" markerWidth=\"6\" markerHeight=\"14\" \
    markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"bar\" d=\"M3 0.5V13.5\"/></marker>";

/// Draws a diagram as an SVG document.
pub fn render_svg(diagram: &Diagram, options: &Options) -> String {
    let diagram = folded(diagram, options.fold);
    if options.layout == Layout::Graphviz
        && let Some(svg) = super::dot::dot_svg(&diagram)
    {
        return svg;
    }
    let placement = layout::place(&diagram);
    Drawing::new(&diagram, &placement).finish()
}

/// A document that grows.
struct Drawing<'a> {
    diagram: &'a Diagram,
    placement: &'a Placement,
    /// The place of each group of a shared parameter in order of first use.
    groups: HashMap<usize, usize>,
    out: String,
}

impl<'a> Drawing<'a> {
    fn new(diagram: &'a Diagram, placement: &'a Placement) -> Self {
        let shared = diagram.shared_parameters();
        let groups = shared.iter().enumerate().map(|(i, shared)| (shared.group, i)).collect();
        Drawing { diagram, placement, groups, out: String::new() }
    }

    fn finish(mut self) -> String {
        let wide = self.placement.width.max(self.title_width()).max(LEAST_WIDTH);
        let mut head = String::new();
        let top = self.head(&mut head, wide);
        let high = top + self.placement.height;
        let (light, dark) = theme::diagram_css();
        let title = escape(&self.diagram.title);
        let (w, h) = (number(wide), number(high));
        let _ = write!(
            self.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
             role=\"img\" aria-label=\"{title}: {} layers\">\n<title>{title}</title>\n{}\n\
             <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" \
             markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
             <path class=\"head\" d=\"M0 0.6 8 4 0 7.4 1.8 4z\"/></marker>{}</defs>\n\
             <rect class=\"paper\" width=\"{w}\" height=\"{h}\"/>\n{head}",
            self.diagram.nodes.len(),
            theme::style(&light, &dark),
            if self.diagram.is_backward() { BACKWARD_MARKERS } else { "" },
        );
        let left = (wide - self.placement.width) / 2.0;
        let _ = writeln!(self.out, "<g transform=\"translate({} {})\">", number(left), number(top));
        self.clusters();
        self.wires();
        self.ties();
        self.pills();
        for index in 0..self.diagram.nodes.len() {
            self.node(index);
        }
        self.labels();
        self.out.push_str("</g>\n</svg>\n");
        self.out
    }

    fn title_width(&self) -> f64 {
        let title = width(&shorten(&self.diagram.title, 80), 17.0, Weight::Bold);
        let subtitle = width(&shorten(&self.diagram.subtitle, 120), 12.0, Weight::Regular);
        title.max(subtitle) + 2.0 * MARGIN
    }

    /// Title, subtitle and legend; returns where the drawing begins.
    fn head(&self, out: &mut String, wide: f64) -> f64 {
        let mut y = MARGIN;
        for (class, text, limit, step) in [
            ("title", &self.diagram.title, 80, 16.0),
            ("subtitle", &self.diagram.subtitle, 120, 20.0),
        ] {
            if text.is_empty() {
                continue;
            }
            y += step;
            let text = escape(&shorten(text, limit));
            let _ = writeln!(out, "<text class=\"{class}\" x=\"{MARGIN}\" y=\"{y}\">{text}</text>");
        }
        if !self.diagram.legend {
            return if MARGIN < y { y } else { 0.0 };
        }
        let _ = writeln!(out, "<g class=\"legend\" role=\"list\" aria-label=\"legend\">");
        y += 26.0;
        let limit = wide - MARGIN;
        let mut x = MARGIN;
        let categories = self.diagram.categories().into_iter();
        let categories = categories.map(|c| (format!("c-{}", theme::class(c)), c.label()));
        let problems = [Severity::Warning, Severity::Error]
            .into_iter()
            .filter(|&of| self.diagram.nodes.iter().any(|node| node.problem == Some(of)))
            .map(|of| (frame(of).to_owned(), frame(of)));
        for (class, text) in categories.chain(problems) {
            let needed = 17.0 + width(text, 11.0, Weight::Regular);
            if limit < x + needed {
                (x, y) = (MARGIN, y + LEGEND_ROW);
            }
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"12\" height=\"12\" rx=\"3\"/>\
                 <text x=\"{}\" y=\"{}\">{text}</text>",
                number(x),
                number(y - 10.0),
                number(x + 17.0),
                number(y),
            );
            x += needed + 16.0;
        }
        if self.diagram.is_backward() {
            y = backward_legend(out, y + LEGEND_ROW, limit);
        }
        y = self.shared_legend(out, y, limit);
        out.push_str("</g>\n");
        y
    }

    fn shared_legend(&self, out: &mut String, mut y: f64, limit: f64) -> f64 {
        let shared = self.diagram.shared_parameters();
        if shared.is_empty() {
            return y;
        }
        y += LEGEND_ROW + 2.0;
        let heading = "shared parameters";
        let _ = writeln!(out, "<text class=\"quiet\" x=\"{MARGIN}\" y=\"{y}\">{heading}</text>");
        let indent = MARGIN + width(heading, 11.0, Weight::Regular) + 14.0;
        let mut x = indent;
        for (i, group) in shared.iter().enumerate() {
            let text = if i < MOST_TIES {
                format!("{} ×{}", shorten(group.name, 30), group.users.len())
            } else {
                format!("and {} more", shared.len() - i)
            };
            let needed = 14.0 + width(&text, 11.0, Weight::Regular);
            if limit < x + needed && indent < x {
                (x, y) = (indent, y + LEGEND_ROW);
            }
            if i < MOST_TIES {
                marker(out, i, (x + 5.0, y - 4.0), true);
            }
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"{}\">{}</text>",
                number(x + 14.0),
                number(y),
                escape(&text)
            );
            if i == MOST_TIES {
                break;
            }
            x += needed + 14.0;
        }
        y
    }

    fn clusters(&mut self) {
        let drawn = self.diagram.clusters.iter().zip(&self.placement.clusters);
        for (cluster, rect) in drawn.filter_map(|(cluster, rect)| Some((cluster, (*rect)?))) {
            let _ = writeln!(
                self.out,
                "<g><rect class=\"cluster\" {} rx=\"10\"/>\
                 <text class=\"cluster-title\" x=\"{}\" y=\"{}\">{}</text></g>",
                attributes(&rect),
                number(rect.x + 10.0),
                number(rect.y + 14.5),
                escape(&shorten(&cluster.title, 40)),
            );
        }
    }

    fn wires(&mut self) {
        let mut wires: Vec<_> = self.placement.wires.iter().collect();
        wires.sort_by_key(|wire| self.diagram.edges[wire.edge].gradient);
        for wire in wires {
            let edge = &self.diagram.edges[wire.edge];
            let name = |node: usize| escape(&self.diagram.nodes[node].name);
            let mut classes = format!("wire{}", edge.gradient.class());
            if edge.role == Role::Label {
                classes.push_str(" label-role");
            }
            if edge.dashed {
                classes.push_str(" dashed");
            }
            let _ = writeln!(
                self.out,
                "<path class=\"{classes}\" {} data-from=\"{}\" data-to=\"{}\" d=\"{}\"><title>{}</title></path>",
                heads(edge.gradient),
                name(edge.from),
                name(edge.to),
                path(wire.start, &wire.pieces),
                escape(&tip(edge)),
            );
        }
    }

    /// Dashed lines between neighbours in a row that use the same parameter.
    fn ties(&mut self) {
        let shared = self.diagram.shared_parameters();
        if MOST_TIES < shared.len() {
            return;
        }
        for (i, group) in shared.iter().enumerate() {
            let ends: Vec<(Rect, f64)> = group
                .users
                .iter()
                .filter_map(|&node| {
                    let interior = &self.placement.interiors[node];
                    let mut chips = interior.chips.iter();
                    let chip = chips.position(|chip| chip.group == Some(group.group))?;
                    let rect = self.placement.boxes[node];
                    let line = interior.details.len() + chip;
                    Some((rect, rect.y + measure::baseline(line) - 4.0))
                })
                .collect();
            for pair in ends.windows(2) {
                let ((mut left, y), (mut right, other)) = (pair[0], pair[1]);
                if right.x < left.x {
                    std::mem::swap(&mut left, &mut right);
                }
                let (from, to) = (left.x + left.width, right.x);
                let line = Rect { x: from, y: y - 1.0, width: to - from, height: 2.0 };
                let free = || !self.placement.boxes.iter().any(|at| at.overlaps(&line));
                if 0.5 < (y - other).abs() || to <= from || !free() {
                    continue;
                }
                let _ = writeln!(
                    self.out,
                    "<path class=\"tie\" stroke=\"{}\" d=\"M{} {}H{}\"><title>{}</title></path>",
                    theme::series(i),
                    number(from),
                    number(y),
                    number(to),
                    escape(&format!("{} is one parameter", group.name)),
                );
            }
        }
    }

    fn pills(&mut self) {
        for pill in &self.placement.pills {
            let rect = pill.at;
            let y = rect.y + rect.height / 2.0;
            let (from, to) = if pill.arrives {
                (rect.x + rect.width, rect.x + rect.width + measure::STUB)
            } else {
                (rect.x - measure::STUB, rect.x)
            };
            let edge = &self.diagram.edges[pill.edge];
            let heads = match edge.gradient {
                Gradient::Passes => heads(edge.gradient),
                _ if pill.arrives => heads(edge.gradient),
                _ => "",
            };
            let _ = writeln!(
                self.out,
                "<g><path class=\"wire dashed{}\" {heads} d=\"M{} {}H{}\"/>\
                 <rect class=\"pill\" {} rx=\"8\"/>\
                 <text class=\"blob\" text-anchor=\"middle\" x=\"{}\" y=\"{}\">{}</text></g>",
                edge.gradient.class(),
                number(from),
                number(y),
                number(to),
                attributes(&rect),
                number(rect.x + rect.width / 2.0),
                number(y + 3.5),
                escape(&pill.text),
            );
        }
    }

    fn labels(&mut self) {
        for label in &self.placement.labels {
            let _ = writeln!(
                self.out,
                "<text class=\"blob\" x=\"{}\" y=\"{}\">{}</text>",
                number(label.at.0),
                number(label.at.1),
                escape(&label.text),
            );
        }
    }

    fn node(&mut self, index: usize) {
        let node = &self.diagram.nodes[index];
        let interior = &self.placement.interiors[index];
        let rect = self.placement.boxes[index];
        let ink = if theme::colour(node.category).1 { "on-dark" } else { "on-light" };
        let radius = match node.category {
            Category::Data => HEADER / 2.0,
            _ => 6.0,
        };
        let _ = writeln!(
            self.out,
            "<g class=\"layer\" data-layer=\"{}\" data-kind=\"{}\"><title>{}</title>",
            escape(&node.name),
            escape(&node.kind),
            escape(&tooltip(node)),
        );
        let class = if node.category == Category::Loss { "box end" } else { "box" };
        let outline = attributes(&rect);
        let _ = writeln!(self.out, "<rect class=\"{class}\" {outline} rx=\"{radius}\"/>");
        let strips = interior.strips.len();
        let filled = if interior.details.is_empty() && interior.chips.is_empty() {
            rect.height - strips as f64 * STRIP
        } else {
            HEADER
        };
        let band = Rect { height: filled, ..rect };
        let closed = if strips == 0 && filled == rect.height { radius } else { 0.0 };
        let _ = writeln!(
            self.out,
            "<path class=\"c-{}\" d=\"{}\"/>",
            theme::class(node.category),
            rounded(&band, radius, closed)
        );
        let inset = PADDING.max(radius - 2.0);
        self.text(&format!("name {ink}"), (rect.x + inset, rect.y + 16.5), &interior.name);
        let _ = writeln!(
            self.out,
            "<text class=\"kind {ink}\" text-anchor=\"end\" x=\"{}\" y=\"{}\">{}</text>",
            number(rect.x + rect.width - inset),
            number(rect.y + 16.5),
            escape(&interior.kind),
        );
        for (line, detail) in interior.details.iter().enumerate() {
            self.text("detail", (rect.x + PADDING, rect.y + measure::baseline(line)), detail);
        }
        for (line, chip) in interior.chips.iter().enumerate() {
            let y = rect.y + measure::baseline(interior.details.len() + line);
            let place = chip.group.and_then(|group| self.groups.get(&group).copied());
            let at = (rect.x + PADDING + 4.0, y - 4.0);
            match place {
                Some(place) => marker(&mut self.out, place, at, chip.learns != Some(false)),
                None => dot(&mut self.out, chip.learns == Some(true), at),
            }
            self.text("detail", (rect.x + PADDING + 14.0, y), &chip.name);
            let _ = writeln!(
                self.out,
                "<text class=\"quiet\" text-anchor=\"end\" x=\"{}\" y=\"{}\">{}</text>",
                number(rect.x + rect.width - PADDING),
                number(y),
                escape(&chip.note),
            );
        }
        let first = rect.y + rect.height - strips as f64 * STRIP;
        for (line, text) in interior.strips.iter().enumerate() {
            let y = first + line as f64 * STRIP;
            let category = node.folded[line].category;
            let band = Rect { y, height: STRIP, ..rect };
            let last = if line + 1 == strips { 6.0 } else { 0.0 };
            let ink = if theme::colour(category).1 { "on-dark" } else { "on-light" };
            let _ = writeln!(
                self.out,
                "<path class=\"c-{}\" d=\"{}\"/>",
                theme::class(category),
                rounded(&band, 0.0, last)
            );
            self.text(&format!("kind {ink}"), (rect.x + PADDING, y + 13.0), text);
        }
        if let Some(problem) = node.problem {
            let class = frame(problem);
            let around = grown(&rect, 2.5);
            let _ =
                writeln!(self.out, "<rect class=\"{class}\" {} rx=\"8\"/>", attributes(&around));
        }
        self.out.push_str("</g>\n");
    }

    fn text(&mut self, class: &str, at: Point, text: &str) {
        let (x, y) = (number(at.0), number(at.1));
        let text = escape(text);
        let _ = writeln!(self.out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>");
    }
}

/// The class of the frame around a layer that there is something to complain about.
fn frame(problem: Severity) -> &'static str {
    match problem {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Everything about a layer as plain text.
fn tooltip(node: &Node) -> String {
    let mut text = format!("{} — {}", node.name, node.kind);
    for line in &node.details {
        let _ = write!(text, "\n{line}");
    }
    for tag in &node.parameters {
        let _ = write!(text, "\n{} {}", tag.name, tag.shape);
    }
    for strip in &node.folded {
        let _ = write!(text, "\n+ {} {}", strip.kind, strip.name);
    }
    if !node.source.is_empty() {
        let _ = write!(text, "\n{}", node.source);
    }
    text
}

/// What a wire begins and ends with.
fn heads(gradient: Gradient) -> &'static str {
    match gradient {
        Gradient::Untold | Gradient::Absent => "marker-end=\"url(#arrow)\"",
        Gradient::Ends => "marker-end=\"url(#bar)\"",
        Gradient::Passes => "marker-start=\"url(#back)\"",
    }
}

/// What is said of a wire.
fn tip(edge: &Edge) -> String {
    let blob = format!("{} {}", edge.label, edge.shape);
    match edge.gradient {
        Gradient::Untold => blob,
        Gradient::Passes => format!("{blob}\ngradient"),
        Gradient::Ends => format!("{blob}\ngradient ends: {}", edge.why),
        Gradient::Absent => format!("{blob}\nno gradient: {}", edge.why),
    }
}

/// What wires and marks mean in a picture of the backward pass; gives the last baseline.
fn backward_legend(out: &mut String, mut y: f64, limit: f64) -> f64 {
    let entries = [
        (Some(Gradient::Passes), true, "gradient"),
        (Some(Gradient::Ends), true, "gradient ends"),
        (Some(Gradient::Absent), true, "no gradient"),
        (None, true, "learns"),
        (None, false, "does not learn"),
    ];
    let mut x = MARGIN;
    for (wire, learns, text) in entries {
        let mark = if wire.is_some() { 33.0 } else { 14.0 };
        let needed = mark + width(text, 11.0, Weight::Regular);
        if limit < x + needed {
            (x, y) = (MARGIN, y + LEGEND_ROW);
        }
        let middle = y - 4.0;
        match wire {
            Some(gradient) => {
                let (class, heads) = (gradient.class(), heads(gradient));
                let (x, y) = (number(x), number(middle));
                let _ = write!(out, "<path class=\"wire{class}\" {heads} d=\"M{x} {y}h26\"/>");
            }
            None => dot(out, learns, (x + 5.0, middle)),
        }
        let (at, baseline) = (number(x + mark), number(y));
        let _ = writeln!(out, "<text x=\"{at}\" y=\"{baseline}\">{text}</text>");
        x += needed + 16.0;
    }
    y
}

/// A mark for a parameter that one layer has: full if it learns.
fn dot(out: &mut String, learns: bool, (x, y): Point) {
    let (class, radius) = if learns { ("learns", 4.0) } else { ("fixed", 3.3) };
    let (x, y) = (number(x), number(y));
    let _ = write!(out, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>");
}

/// A mark for the `place`th shared parameter: ten colours, then other shapes; an outline if it is not filled.
fn marker(out: &mut String, place: usize, (x, y): Point, filled: bool) {
    let colour = theme::series(place);
    let fill = match filled {
        true => format!("fill=\"{colour}\""),
        false => format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\""),
    };
    let (x0, y0) = (number(x - 4.0), number(y - 4.0));
    let _ = match (place / theme::SERIES.len()) % 3 {
        0 => write!(out, "<circle cx=\"{}\" cy=\"{}\" r=\"4\" {fill}/>", number(x), number(y)),
        1 => write!(out, "<rect x=\"{x0}\" y=\"{y0}\" width=\"8\" height=\"8\" {fill}/>"),
        _ => write!(out, "<path d=\"M{} {}l5 5-5 5-5-5z\" {fill}/>", number(x), number(y - 5.0)),
    };
}

fn attributes(rect: &Rect) -> String {
    format!(
        "x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
        number(rect.x),
        number(rect.y),
        number(rect.width),
        number(rect.height)
    )
}

fn grown(rect: &Rect, by: f64) -> Rect {
    Rect {
        x: rect.x - by,
        y: rect.y - by,
        width: rect.width + 2.0 * by,
        height: rect.height + 2.0 * by,
    }
}

/// The outline of a rectangle with other radii at the top than at the bottom.
fn rounded(rect: &Rect, top: f64, bottom: f64) -> String {
    let (x, y) = (number(rect.x), number(rect.y + top));
    let (t, b) = (number(top), number(bottom));
    format!(
        "M{x} {y}a{t} {t} 0 0 1 {t} -{t}h{}a{t} {t} 0 0 1 {t} {t}v{}a{b} {b} 0 0 1 -{b} {b}h-{}\
         a{b} {b} 0 0 1 -{b} -{b}z",
        number(rect.width - 2.0 * top),
        number(rect.height - top - bottom),
        number(rect.width - 2.0 * bottom),
    )
}

fn path(start: Point, pieces: &[Piece]) -> String {
    let point = |p: &Point| format!("{} {}", number(p.0), number(p.1));
    let mut d = format!("M{}", point(&start));
    for piece in pieces {
        let _ = match piece {
            Piece::Line(to) => write!(d, "L{}", point(to)),
            Piece::Curve(a, b, to) => write!(d, "C{} {} {}", point(a), point(b), point(to)),
        };
    }
    d
}
