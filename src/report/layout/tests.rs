//! What every placement promises, on known nets and random ones.

use super::*;
use crate::report::diagram::{Category, Edge, Node};
use crate::report::sample;

/// Points along a wire, densely.
fn along(wire: &Wire) -> Vec<Point> {
    let mut points = vec![wire.start];
    let mut at = wire.start;
    for piece in &wire.pieces {
        let (a, b, to) = match *piece {
            Piece::Line(to) => (at, to, to),
            Piece::Curve(a, b, to) => (a, b, to),
        };
        for step in 1..=32 {
            let t = f64::from(step) / 32.0;
            let s = 1.0 - t;
            let mix = |p: f64, q: f64, r: f64, z: f64| {
                s * s * s * p + 3.0 * s * s * t * q + 3.0 * s * t * t * r + t * t * t * z
            };
            points.push((mix(at.0, a.0, b.0, to.0), mix(at.1, a.1, b.1, to.1)));
        }
        at = to;
    }
    points
}

/// Everything is finite and within the picture, boxes and labels keep apart, wires run through no
/// foreign box, and a second run gives the same.
fn check(diagram: &Diagram) -> Placement {
    let placement = place(diagram);
    assert_eq!(placement, place(diagram), "not deterministic");
    let page = Rect { x: 0.0, y: 0.0, width: placement.width, height: placement.height };
    let inside = |(x, y): Point| {
        assert!(x.is_finite() && y.is_finite());
        assert!(0.0 <= x && x <= page.width && 0.0 <= y && y <= page.height, "{x} {y} outside");
    };
    let boxes = &placement.boxes;
    assert_eq!(boxes.len(), diagram.nodes.len());
    for (i, a) in boxes.iter().enumerate() {
        inside((a.x, a.y));
        inside((a.x + a.width, a.y + a.height));
        for (j, b) in boxes.iter().enumerate().skip(i + 1) {
            assert!(!a.overlaps(b), "boxes {i} and {j} overlap: {a:?} {b:?}");
        }
    }
    for wire in &placement.wires {
        let edge = &diagram.edges[wire.edge];
        for point in along(wire) {
            inside(point);
            for (i, at) in boxes.iter().enumerate() {
                let within = at.x < point.0
                    && point.0 < at.x + at.width
                    && at.y + 0.01 < point.1
                    && point.1 < at.y + at.height - 0.01;
                assert!(!within, "{} -> {} runs through {i}", edge.from, edge.to);
            }
        }
    }
    for label in &placement.labels {
        let width = measure::label_width(&label.text) - measure::LABEL_GAP;
        let text = Rect { x: label.at.0, y: label.at.1 - 9.0, width, height: 11.0 };
        for (i, at) in boxes.iter().enumerate() {
            assert!(!at.overlaps(&text), "label {:?} lies on box {i}", label.text);
        }
    }
    // Every valid edge ends in a wire or in a pill.
    let pills = placement.pills.iter().filter(|pill| pill.arrives).count();
    assert_eq!(placement.wires.len() + pills, diagram.edges.len());
    placement
}

#[test]
fn towers_stand_side_by_side() {
    let net = sample::siamese();
    let placement = check(&net);
    let index = |name: &str| net.nodes.iter().position(|node| node.name == name).expect("a layer");
    let at = |name: &str| placement.boxes[index(name)];
    let center = |name: &str| at(name).x + at(name).width / 2.0;
    for name in ["conv1", "pool1", "conv2", "pool2", "ip1", "ip2", "feat"] {
        let twin = format!("{name}_p");
        assert_eq!(at(name).y, at(&twin).y, "{name}");
        assert!(at(name).x + at(name).width < at(&twin).x, "{name}");
        // Each tower is one straight column.
        assert!((center(name) - center("conv1")).abs() < 1.0, "{name}");
        assert!((center(&twin) - center("conv1_p")).abs() < 1.0, "{twin}");
    }
    // The loss stands between the towers, the label beside the features that it is compared with.
    assert!(center("feat") < center("loss") && center("loss") < center("feat_p"));
    assert_eq!(at("sim").y + at("sim").height / 2.0, at("feat").y + at("feat").height / 2.0);
}

#[test]
fn blocks_are_framed() {
    let placement = check(&sample::googlenet());
    assert!(placement.clusters.iter().all(Option::is_some));
    assert!(placement.pills.is_empty());
}

#[test]
fn a_wide_fan_and_random_nets_keep_their_promises() {
    check(&sample::unrolled(40));
    for seed in 0..60 {
        let count = 1 + seed as usize * 2;
        check(&sample::random(count, 1 + seed as usize % 17, seed));
    }
}

#[test]
fn nothing_and_nonsense_are_placed() {
    check(&Diagram::default());
    let mut net = Diagram::default();
    net.nodes.push(Node::new("only", "X", Category::Unknown));
    net.edges.push(Edge::new((0, 0), (0, 0), "self", ""));
    check(&net);
    net.edges.push(Edge::new((0, 0), (9, 0), "nowhere", ""));
    let placement = place(&net);
    assert_eq!((placement.wires.len(), placement.pills.len()), (0, 2));
}

#[test]
fn the_picture_of_a_net_with_many_long_wires_stays_linear() {
    // Half of the layers feed their mirror image, as in an encoder and decoder with 2000 levels.
    let mut net = sample::random(4000, 1, 5);
    net.edges.clear();
    for i in 1..4000 {
        net.edges.push(Edge::new((i - 1, 0), (i, 0), "", ""));
    }
    for i in 0..2000 {
        net.edges.push(Edge::new((i, 1), (3999 - i, 1), "skip", ""));
    }
    let placement = place(&net);
    let pieces: usize = placement.wires.iter().map(|wire| wire.pieces.len()).sum();
    assert!(pieces < 40 * net.edges.len(), "{pieces}");
    assert!(!placement.pills.is_empty());
}
