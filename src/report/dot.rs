//! Turns a diagram into Graphviz: first the graph types of `graphviz_rust`, then text in the DOT language.

use super::diagram::{Diagram, Gradient, Node, Role};
use super::layout::measure::{LONGEST_LINE, LONGEST_NAME, LONGEST_NOTE, MOST_LINES};
use super::text::{escape, shorten};
use super::theme;
use crate::diag::Severity;
use graphviz_rust::dot_structures::{
    Attribute, Edge as DotEdge, EdgeTy, Graph, GraphAttributes, Id, Node as DotNode, NodeId, Port,
    Stmt, Subgraph, Vertex,
};
use graphviz_rust::printer::{DotPrinter, PrinterContext};
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long `dot` may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A diagram as text in the DOT language.
pub fn render_dot(diagram: &Diagram) -> String {
    // One statement a line, whatever its length.
    let mut context = PrinterContext::default();
    context.with_semi().with_inline_size(0);
    let mut text = graph(diagram).print(&mut context);
    text.push('\n');
    text
}

/// A diagram as a graph for Graphviz, with clusters as subgraphs.
pub fn graph(diagram: &Diagram) -> Graph {
    let font = || attribute("fontname", quoted("Helvetica,Arial,sans-serif"));
    let heading = match diagram.subtitle.is_empty() {
        true => diagram.title.clone(),
        false => format!("{}\n{}", diagram.title, diagram.subtitle),
    };
    let mut stmts = vec![
        Stmt::GAttribute(GraphAttributes::Graph(vec![
            attribute("label", quoted(&heading)),
            attribute("labelloc", Id::Plain("t".into())),
            attribute("rankdir", Id::Plain("TB".into())),
            attribute("nodesep", Id::Plain("0.35".into())),
            attribute("ranksep", Id::Plain("0.45".into())),
            font(),
        ])),
        Stmt::GAttribute(GraphAttributes::Node(vec![
            attribute("shape", Id::Plain("plain".into())),
            attribute("fontsize", Id::Plain("11".into())),
            font(),
        ])),
        Stmt::GAttribute(GraphAttributes::Edge(vec![
            attribute("fontsize", Id::Plain("10".into())),
            attribute("color", quoted("#7c8795")),
            attribute("fontcolor", quoted("#5d6673")),
            attribute("arrowsize", Id::Plain("0.7".into())),
            font(),
        ])),
    ];
    let groups: std::collections::HashMap<usize, usize> = diagram
        .shared_parameters()
        .iter()
        .enumerate()
        .map(|(place, shared)| (shared.group, place))
        .collect();
    let mut clustered = vec![false; diagram.nodes.len()];
    for (index, cluster) in diagram.clusters.iter().enumerate() {
        let mut inside = vec![
            Stmt::Attribute(attribute("label", quoted(&cluster.title))),
            Stmt::Attribute(attribute("style", quoted("rounded,filled"))),
            Stmt::Attribute(attribute("color", quoted("#d9dee5"))),
            Stmt::Attribute(attribute("fillcolor", quoted("#f4f6f9"))),
        ];
        for &member in &cluster.members {
            let Some(node) = diagram.nodes.get(member) else { continue };
            if !std::mem::replace(&mut clustered[member], true) {
                inside.push(Stmt::Node(box_of(member, node, &groups)));
            }
        }
        let id = Id::Plain(format!("cluster_{index}"));
        stmts.push(Stmt::Subgraph(Subgraph { id, stmts: inside }));
    }
    let rest = diagram.nodes.iter().enumerate().filter(|(index, _)| !clustered[*index]);
    stmts.extend(rest.map(|(index, node)| Stmt::Node(box_of(index, node, &groups))));
    stmts.extend(arrows(diagram));
    Graph::DiGraph { id: quoted(&diagram.title), strict: false, stmts }
}

fn arrows(diagram: &Diagram) -> impl Iterator<Item = Stmt> + '_ {
    let valid = diagram
        .edges
        .iter()
        .filter(|edge| edge.from < diagram.nodes.len() && edge.to < diagram.nodes.len());
    valid.map(|edge| {
        let label = match edge.label == diagram.nodes[edge.from].name {
            true => edge.shape.clone(),
            false => format!("{} {}", edge.label, edge.shape),
        };
        let mut attributes = vec![attribute("label", quoted(label.trim()))];
        if edge.dashed || edge.gradient == Gradient::Absent {
            attributes.push(attribute("style", Id::Plain("dashed".into())));
        }
        match edge.gradient {
            Gradient::Passes => attributes.extend([
                attribute("color", quoted(theme::GRADIENT)),
                attribute("dir", Id::Plain("back".into())),
                attribute("penwidth", Id::Plain("1.8".into())),
            ]),
            Gradient::Ends => attributes.push(attribute("arrowhead", Id::Plain("tee".into()))),
            Gradient::Untold | Gradient::Absent => {}
        }
        if edge.role == Role::Label {
            attributes.push(attribute("penwidth", Id::Plain("0.7".into())));
        }
        let end = |node: usize, side: &str| {
            Vertex::N(NodeId(node_id(node), Some(Port(None, Some(side.into())))))
        };
        Stmt::Edge(DotEdge { ty: EdgeTy::Pair(end(edge.from, "s"), end(edge.to, "n")), attributes })
    })
}

fn node_id(index: usize) -> Id {
    Id::Plain(format!("n{index}"))
}

fn attribute(name: &str, value: Id) -> Attribute {
    Attribute(Id::Plain(name.into()), value)
}

/// A quoted string in which nothing of the text has a meaning.
fn quoted(text: &str) -> Id {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            // Graphviz decodes entities in labels.
            '&' => out.push_str("&amp;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    Id::Escaped(out)
}

/// A box as an HTML-like table: a coloured header, lines of detail, strips of in-place layers.
fn box_of(index: usize, node: &Node, groups: &std::collections::HashMap<usize, usize>) -> DotNode {
    let border = match node.problem {
        None => "border=\"1\" color=\"#aab2bd\"",
        Some(Severity::Warning) => "border=\"3\" color=\"#e08a00\"",
        Some(Severity::Error) => "border=\"3\" color=\"#d32f2f\"",
    };
    let text = |text: &str, limit: usize| match shorten(text, limit).trim() {
        // An empty element is a syntax error.
        "" => "&#160;".to_string(),
        some => escape(some),
    };
    let (fill, white) = theme::colour(node.category);
    let mut table = format!(
        "<<table {border} cellborder=\"0\" cellspacing=\"0\" cellpadding=\"4\" bgcolor=\"#ffffff\">\
         <tr><td align=\"left\" bgcolor=\"{fill}\"><font color=\"{}\"><b>{}</b>&#160;&#160;{}</font></td></tr>",
        ink(white),
        text(&node.name, LONGEST_NAME),
        text(&node.kind, LONGEST_NAME),
    );
    for line in node.details.iter().take(MOST_LINES) {
        let _ = write!(table, "<tr><td align=\"left\">{}</td></tr>", text(line, LONGEST_LINE));
    }
    for tag in node.parameters.iter().filter(|tag| tag.is_shown()).take(MOST_LINES) {
        let place = tag.shared_group.and_then(|group| groups.get(&group)).copied();
        let learns = tag.learning.as_ref().is_none_or(|learning| learning.learns);
        let _ = write!(
            table,
            "<tr><td align=\"left\"><font color=\"{}\">{}</font>&#160;{}&#160;{}</td></tr>",
            place.map_or(theme::GRADIENT, theme::series),
            if learns { "●" } else { "○" },
            text(&tag.name, LONGEST_NAME),
            text(tag.learning.as_ref().map_or(&tag.shape, |learning| &learning.how), LONGEST_NOTE),
        );
    }
    for strip in node.folded.iter().take(MOST_LINES) {
        let (fill, white) = theme::colour(strip.category);
        let line = format!("+ {} {}", strip.kind, strip.name);
        let _ = write!(
            table,
            "<tr><td align=\"left\" bgcolor=\"{fill}\"><font color=\"{}\">{}</font></td></tr>",
            ink(white),
            text(&line, LONGEST_LINE),
        );
    }
    table.push_str("</table>>");
    let tooltip = format!("{}\n{}", node.name, node.kind);
    let attributes =
        vec![attribute("label", Id::Html(table)), attribute("tooltip", quoted(&tooltip))];
    DotNode { id: NodeId(node_id(index), None), attributes }
}

fn ink(white: bool) -> &'static str {
    if white { "#ffffff" } else { "#1c2027" }
}

/// The SVG that `dot` makes of a diagram; `None` if the program is missing, fails, or takes longer than
/// ten seconds, after which it is stopped.
pub fn dot_svg(diagram: &Diagram) -> Option<String> {
    let mut child = Command::new("dot")
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take()?;
    let mut output = child.stdout.take()?;
    let text = render_dot(diagram);
    // `dot` may answer before it has read everything, so both pipes are served at once. A failure to
    // write shows in the exit status.
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).is_ok());
    let reader = std::thread::spawn(move || {
        let mut svg = String::new();
        output.read_to_string(&mut svg).ok().map(|_| svg)
    });
    let succeeded = finished_in(&mut child, PATIENCE);
    let written = writer.join().unwrap_or(false);
    let svg = reader.join().ok().flatten()?;
    (succeeded && written && svg.contains("<svg")).then_some(svg)
}

/// Waits for a program; stops it when its time is over. True if it ended well by itself.
fn finished_in(child: &mut Child, patience: Duration) -> bool {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if begun.elapsed() < patience => std::thread::sleep(Duration::from_millis(5)),
            _ => break,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::diagram::{Category, Edge};
    use crate::report::sample;

    /// The text is valid for the grammar of `graphviz_rust`, which reads it back with as many nodes and edges.
    fn check(diagram: &Diagram) -> String {
        let text = render_dot(diagram);
        let parsed = graphviz_rust::parse(&text).expect("valid DOT");
        let Graph::DiGraph { stmts, .. } = parsed else { panic!("not a digraph") };
        let edges = stmts.iter().filter(|stmt| matches!(stmt, Stmt::Edge(_))).count();
        assert_eq!(edges, diagram.edges.len());
        text
    }

    #[test]
    fn known_nets_are_valid() {
        let siamese = check(&sample::siamese());
        assert!(siamese.contains("<b>conv1_p</b>"), "{siamese}");
        let googlenet = check(&sample::googlenet());
        assert_eq!(googlenet.matches("subgraph cluster_").count(), 9);
    }

    #[test]
    fn names_cannot_break_out_of_labels() {
        let mut hostile = Diagram { title: "a\"; b -> c; \"\\".into(), ..Diagram::default() };
        hostile.nodes.push(Node::new("</td>&amp;<script>\"", "", Category::Unknown));
        hostile.nodes.push(Node::new("", "\\N", Category::Loss).detail(""));
        hostile.edges.push(Edge::new((0, 0), (1, 0), "x\"]; y [label=\"", "\\"));
        let text = check(&hostile);
        assert!(text.contains("&lt;/td&gt;&amp;amp;&lt;script&gt;&quot;"), "{text}");
        assert!(text.contains(r#"label="x\"]; y [label=\" \\""#), "{text}");
    }

    #[test]
    fn a_program_that_hangs_is_stopped() {
        let Ok(mut child) = Command::new("sleep").arg("600").spawn() else { return };
        assert!(!finished_in(&mut child, Duration::from_millis(20)));
        assert!(child.try_wait().is_ok_and(|status| status.is_some()));
    }
}
