//! Turns a large diagram into a smaller one. Blocks that follow each other many times become one box. If that is not enough, so
//! does each cluster, and each container if that is not enough; where there is neither, each block between two places that all
//! data pass through.

mod blocks;
mod runs;

use super::diagram::{Category, Cluster, Diagram, Edge, Gradient, Node};
use runs::Run;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use petgraph::graph::DiGraph;

/// Diagrams with fewer boxes are drawn in full unless asked otherwise.
pub const LARGE: usize = 300;

/// So many boxes can still be looked at. Containers are opened, the fullest first, until there are as many.
const READABLE: usize = 100;

/// Containers of fewer boxes are always open.
const SMALLEST: usize = 3;

/// Whether blocks become single boxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fold {
    /// Those that are repeated many times, and from [`LARGE`] boxes on the others.
    #[default]
    Auto,
    /// All.
    Always,
    /// None.
    Never,
}

/// The diagram itself, or one with blocks as boxes.
pub fn folded(diagram: &Diagram, fold: Fold) -> Cow<'_, Diagram> {
    if fold == Fold::Never {
        return Cow::Borrowed(diagram);
    }
    let runs = runs::runs(diagram);
    let diagram = match runs.is_empty() {
        true => Cow::Borrowed(diagram),
        false => Cow::Owned(shortened(diagram, &runs)),
    };
    if fold == Fold::Auto && diagram.nodes.len() < LARGE {
        return diagram;
    }
    let mut clusters = diagram.clusters.clone();
    clusters.extend(containers(&diagram));
    if clusters.is_empty() {
        clusters = blocks::blocks(&diagram);
    }
    match clusters.is_empty() {
        true => diagram,
        false => Cow::Owned(collapse(&diagram, &clusters)),
    }
}

/// A diagram in which each run is one box. Clusters stay, but for those that are a part of a run.
fn shortened(diagram: &Diagram, runs: &[Run]) -> Diagram {
    let boxes = |run: &Run| {
        let length = run.members.len() / run.count;
        let all: Vec<&Node> = run.members.iter().map(|&member| &diagram.nodes[member]).collect();
        let (first, last) = (&all[0].name, &all[all.len() - 1].name);
        let mut node = match length {
            1 => Node { kind: format!("{} × {}", run.count, all[0].kind), ..all[0].clone() },
            _ => {
                let mut node = summary("", &all[..length]);
                node.kind = format!("{} × {length} layers", run.count);
                node.details.insert(0, "in each".into());
                node
            }
        };
        node.name = format!("{first} … {last}");
        node.problem = all.iter().filter_map(|node| node.problem).max();
        (run.members.clone(), node)
    };
    let (mut short, new_index) = replaced(diagram, runs.iter().map(boxes).collect());
    let run_boxes: BTreeSet<usize> = runs.iter().map(|run| new_index[run.members[0]]).collect();
    short.edges = bundled(short.edges, &run_boxes);
    let mut of_run = vec![None; diagram.nodes.len()];
    for (at, run) in runs.iter().enumerate() {
        run.members.iter().for_each(|&member| of_run[member] = Some(at));
    }
    for cluster in &diagram.clusters {
        let inside: BTreeSet<usize> = cluster.members.iter().copied().collect();
        let whole = |&member: &usize| {
            let run = of_run.get(member).copied().flatten();
            run.is_none_or(|at: usize| runs[at].members.iter().all(|other| inside.contains(other)))
        };
        let kept = cluster.members.iter().copied().filter(whole);
        let members: BTreeSet<usize> =
            kept.filter_map(|member| new_index.get(member).copied()).collect();
        if 1 < members.len() {
            let (title, members) = (cluster.title.clone(), members.into_iter().collect());
            short.clusters.push(Cluster { title, members });
        }
    }
    short
}

/// Names as paths: `3.2.1` is the first module in the second in the third; `3.2.1'2` is its second use, which is another
/// place than the first.
fn path(name: &str) -> Vec<String> {
    let (path, again) = name.split_at(name.find('\'').unwrap_or(name.len()));
    path.split('.').map(|part| format!("{part}{again}")).collect()
}

/// The containers that are closed, so that few enough boxes are left. Boxes in clusters count as their clusters.
fn containers(diagram: &Diagram) -> Vec<Cluster> {
    let mut free = vec![true; diagram.nodes.len()];
    for &member in diagram.clusters.iter().flat_map(|cluster| &cluster.members) {
        if let Some(free) = free.get_mut(member) {
            *free = false;
        }
    }
    let members: Vec<usize> = (0..diagram.nodes.len()).filter(|&node| free[node]).collect();
    let paths: Vec<Vec<String>> = diagram.nodes.iter().map(|node| path(&node.name)).collect();
    let target = READABLE.min(diagram.nodes.len() / 4);
    let mut boxes = diagram.clusters.len();
    // Closed containers by the number of their members, with these and the length of the path.
    let mut closed: BinaryHeap<(usize, Reverse<Vec<usize>>, usize)> = BinaryHeap::new();
    // How many boxes an open container shows, and the containers among them.
    let open = |members: &[usize], depth: usize| {
        let mut inside: BTreeMap<&[String], Vec<usize>> = BTreeMap::new();
        for &node in members {
            let path = &paths[node];
            inside.entry(&path[..path.len().min(depth + 1)]).or_default().push(node);
        }
        let (mut shown, mut containers) = (0, vec![]);
        for members in inside.into_values() {
            let is_container = members.iter().any(|&node| depth + 1 < paths[node].len());
            match is_container && SMALLEST <= members.len() {
                false => shown += members.len(),
                true => {
                    shown += 1;
                    containers.push((members.len(), Reverse(members), depth + 1));
                }
            }
        }
        (shown, containers)
    };
    let (shown, containers) = open(&members, 0);
    boxes += shown;
    closed.extend(containers);
    let mut kept = vec![];
    loop {
        while let Some((_, Reverse(members), depth)) = closed.pop() {
            let (shown, containers) = open(&members, depth);
            // A few boxes say too little, however many a container would add.
            if boxes + shown <= target + 1 || boxes < target / 3 {
                boxes += shown - 1;
                closed.extend(containers);
            } else {
                kept.push((members, depth));
            }
        }
        // What is used several times may be before and after another box at once; such containers are opened as well.
        let circles = circular(diagram, &kept);
        let to_blame = circles.iter().copied();
        let to_blame = to_blame.filter(|&at| !circular(diagram, &kept[at..=at]).is_empty());
        let mut opened: Vec<usize> = to_blame.collect();
        if opened.is_empty() {
            opened = circles;
        }
        if opened.is_empty() {
            break;
        }
        for at in opened.into_iter().rev() {
            let (members, depth) = kept.swap_remove(at);
            let (shown, containers) = open(&members, depth);
            boxes += shown - 1;
            closed.extend(containers);
        }
    }
    kept.sort();
    let cluster = |(members, depth): (Vec<usize>, usize)| {
        let name = &diagram.nodes[members[0]].name;
        let (whole, again) = name.split_at(name.find('\'').unwrap_or(name.len()));
        let path: Vec<&str> = whole.split('.').take(depth).collect();
        Cluster { title: format!("{}{again}", path.join(".")), members }
    };
    kept.into_iter().map(cluster).collect()
}

/// Which containers are on a circle once they and the clusters are single boxes.
fn circular(diagram: &Diagram, containers: &[(Vec<usize>, usize)]) -> Vec<usize> {
    let count = diagram.nodes.len();
    let mut of: Vec<usize> = (0..count).collect();
    let lists = containers.iter().map(|(members, _)| members);
    for (at, members) in lists.chain(diagram.clusters.iter().map(|c| &c.members)).enumerate() {
        for &member in members {
            if let Some(of) = of.get_mut(member) {
                *of = count + at;
            }
        }
    }
    let mut graph = DiGraph::<(), ()>::new();
    let places: Vec<_> = (0..count + containers.len() + diagram.clusters.len())
        .map(|_| graph.add_node(()))
        .collect();
    for edge in &diagram.edges {
        if let (Some(&from), Some(&to)) = (of.get(edge.from), of.get(edge.to))
            && from != to
        {
            graph.add_edge(places[from], places[to], ());
        }
    }
    let circles = petgraph::algo::tarjan_scc(&graph).into_iter().filter(|circle| 1 < circle.len());
    let on_circles = circles.flatten().filter_map(|place| place.index().checked_sub(count));
    let mut found: Vec<usize> = on_circles.filter(|&at| at < containers.len()).collect();
    found.sort();
    found
}

/// One edge in the place of the many between two boxes of which one is a run, such as those of a Slice to the steps of an
/// unrolled net.
fn bundled(edges: Vec<Edge>, run_boxes: &BTreeSet<usize>) -> Vec<Edge> {
    let mut counts: HashMap<(usize, usize), usize> = HashMap::new();
    for edge in &edges {
        *counts.entry((edge.from, edge.to)).or_default() += 1;
    }
    let mut gradients: HashMap<(usize, usize), Gradient> = HashMap::new();
    for edge in &edges {
        let most = gradients.entry((edge.from, edge.to)).or_default();
        *most = edge.gradient.max(*most);
    }
    let mut seen = BTreeSet::new();
    let one = |mut edge: Edge| {
        let ends = (edge.from, edge.to);
        let count = counts.get(&ends).copied().unwrap_or(0);
        let of_run = run_boxes.contains(&edge.from) || run_boxes.contains(&edge.to);
        if of_run && runs::FEW <= count {
            edge.label = format!("{count} blobs");
            edge.gradient = gradients.get(&ends).copied().unwrap_or_default();
            return seen.insert(ends).then_some(edge);
        }
        Some(edge)
    };
    edges.into_iter().filter_map(one).collect()
}

/// Replaces the members of each cluster by one box.
fn collapse(diagram: &Diagram, clusters: &[Cluster]) -> Diagram {
    let boxes = clusters.iter().map(|cluster| {
        let members = cluster.members.iter().filter_map(|&member| diagram.nodes.get(member));
        (cluster.members.clone(), summary(&cluster.title, &members.collect::<Vec<_>>()))
    });
    replaced(diagram, boxes.collect()).0
}

/// Replaces boxes by others, each for several; edges inside disappear, edges across are joined. With the diagram, which has no
/// clusters, goes where each box is in it.
fn replaced(diagram: &Diagram, boxes: Vec<(Vec<usize>, Node)>) -> (Diagram, Vec<usize>) {
    let mut box_of: Vec<Option<usize>> = vec![None; diagram.nodes.len()];
    for (index, (members, _)) in boxes.iter().enumerate() {
        for &node in members {
            if let Some(slot) = box_of.get_mut(node) {
                slot.get_or_insert(index);
            }
        }
    }
    let mut nodes = vec![];
    let mut place: HashMap<usize, usize> = HashMap::new();
    let mut new_index = vec![0; diagram.nodes.len()];
    for (index, node) in diagram.nodes.iter().enumerate() {
        let Some(at) = box_of[index] else {
            new_index[index] = nodes.len();
            nodes.push(node.clone());
            continue;
        };
        new_index[index] = *place.entry(at).or_insert_with(|| {
            nodes.push(boxes[at].1.clone());
            nodes.len() - 1
        });
    }
    let edges = joined(diagram, &box_of, &new_index);
    (Diagram { nodes, edges, clusters: vec![], ..diagram.clone() }, new_index)
}

/// Edges between the new boxes: one for each blob and consumer, with ports numbered anew for clusters.
fn joined(diagram: &Diagram, cluster_of: &[Option<usize>], new_index: &[usize]) -> Vec<Edge> {
    let mut outputs: HashMap<(usize, usize, usize), usize> = HashMap::new();
    let mut inputs: HashMap<(usize, usize, usize), usize> = HashMap::new();
    let mut used: HashMap<(usize, bool), usize> = HashMap::new();
    let mut edges: Vec<Edge> = vec![];
    for edge in &diagram.edges {
        let ends = (new_index.get(edge.from), new_index.get(edge.to));
        let (Some(&from), Some(&to)) = ends else { continue };
        let (whole_from, whole_to) = (cluster_of[edge.from], cluster_of[edge.to]);
        if whole_from.is_some() && whole_from == whole_to {
            continue;
        }
        let mut edge = edge.clone();
        let blob = (edge.from, edge.from_port);
        if whole_to.is_some() {
            let before = inputs.len();
            let next = used.entry((to, true)).or_default();
            edge.to_port = *inputs.entry((to, blob.0, blob.1)).or_insert(*next);
            if inputs.len() == before {
                let of_blob = |other: &&mut Edge| (other.to, other.to_port) == (to, edge.to_port);
                let same = edges.iter_mut().find(of_blob);
                if let Some(same) = same.filter(|same| same.gradient < edge.gradient) {
                    (same.gradient, same.why) = (edge.gradient, edge.why);
                }
                continue;
            }
            *next += 1;
        }
        if whole_from.is_some() {
            let before = outputs.len();
            let next = used.entry((from, false)).or_default();
            edge.from_port = *outputs.entry((from, blob.0, blob.1)).or_insert(*next);
            *next += usize::from(before < outputs.len());
        }
        (edge.from, edge.to) = (from, to);
        edges.push(edge);
    }
    edges
}

/// One box that stands for many: its colour is that of most members, its lines count them by type.
fn summary(title: &str, members: &[&Node]) -> Node {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut categories: BTreeMap<Category, usize> = BTreeMap::new();
    for node in members {
        *kinds.entry(&node.kind).or_default() += 1;
        *categories.entry(node.category).or_default() += 1;
    }
    let most =
        categories.iter().max_by_key(|&(category, count)| (*count, std::cmp::Reverse(*category)));
    let category = most.map_or(Category::Unknown, |(&category, _)| category);
    let mut node = Node::new(title, format!("{} layers", members.len()), category);
    node.details = kinds.iter().map(|(kind, count)| format!("{count} × {kind}")).collect();
    let mut groups = BTreeSet::new();
    let tags = members.iter().flat_map(|node| &node.parameters);
    let tags = tags.filter(|tag| tag.shared_group.is_none_or(|group| groups.insert(group)));
    node.parameters = tags.cloned().collect();
    let told = node.parameters.iter_mut().filter_map(|tag| tag.learning.take());
    let told: Vec<bool> = told.map(|learning| learning.learns).collect();
    let learning = told.iter().filter(|&&learns| learns).count();
    match told.len() {
        0 => {}
        all if all == learning => node.details.push("all parameters learn".into()),
        _ if learning == 0 => node.details.push("no parameter learns".into()),
        all => node.details.push(format!("{learning} of {all} parameters learn")),
    }
    node.problem = members.iter().filter_map(|node| node.problem).max();
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_cluster_becomes_one_box_with_its_outer_edges() {
        let net = sample::googlenet();
        let small = folded(&net, Fold::Always);
        let inside: usize = net.clusters.iter().map(|cluster| cluster.members.len()).sum();
        assert_eq!(small.nodes.len(), net.nodes.len() - inside + net.clusters.len());
        // Blocks follow each other in a chain, so one edge enters each box but the first.
        assert_eq!(small.edges.len(), small.nodes.len() - 1);
        assert!(
            small.nodes.iter().any(|node| node.details.contains(&"6 × Convolution".to_string()))
        );
        assert_eq!(folded(&net, Fold::Auto).nodes.len(), net.nodes.len());
    }

    /// A chain of blocks of two branches, with the names that Torch's containers give, each with something of its own.
    fn blocks(count: usize) -> Diagram {
        let mut net = equal_blocks(count);
        let numbered = net.nodes.iter_mut().enumerate();
        numbered.for_each(|(at, node)| node.details = vec![at.to_string()]);
        net
    }

    /// The same, but the blocks are equal.
    fn equal_blocks(count: usize) -> Diagram {
        let mut net = Diagram::default();
        let mut add = |name: String, from: &[usize]| {
            let at = net.nodes.len();
            net.nodes.push(Node::new(name, "nn.Linear", Category::Dense));
            net.edges.extend(from.iter().map(|&from| Edge::new((from, 0), (at, 0), "", "")));
            at
        };
        let mut last = add("input".into(), &[]);
        for block in 1..=count {
            let left = add(format!("{block}.1.1.1"), &[last]);
            let left = add(format!("{block}.1.1.2"), &[left]);
            let left = add(format!("{block}.1.1.3"), &[left]);
            let right = add(format!("{block}.1.2"), &[last]);
            last = add(format!("{block}.2"), &[left, right]);
        }
        net
    }

    /// A chain of blocks, each a chain of so many boxes of different types.
    fn blocks_of(count: usize, boxes: usize) -> Diagram {
        let mut net = Diagram::default();
        net.nodes.push(Node::new("input", "Input", Category::Data));
        for at in 1..=count * boxes {
            let kind = format!("type {}", at % boxes);
            net.nodes.push(Node::new(format!("{at}"), &kind, Category::Dense));
            net.edges.push(Edge::new((at - 1, 0), (at, 0), "", ""));
        }
        net
    }

    #[test]
    fn containers_of_large_nets_become_boxes_as_far_as_they_must() {
        // A quarter of 351. The input and 70 blocks are boxes; 16 of the blocks are open, which shows two boxes of each.
        let net = blocks(70);
        let small = folded(&net, Fold::Auto);
        assert_eq!(small.nodes.len(), 87);
        assert!(small.nodes.iter().any(|node| node.name == "60" && node.kind == "5 layers"));
        assert_eq!(folded(&net, Fold::Never).nodes.len(), 351);
        // Fewer are not folded unasked, and hundreds are not opened at all.
        assert_eq!(folded(&blocks(50), Fold::Auto).nodes.len(), 251);
        assert_eq!(folded(&blocks(50), Fold::Always).nodes.len(), 62);
        assert_eq!(folded(&blocks(400), Fold::Auto).nodes.len(), 401);
    }

    #[test]
    fn equal_blocks_become_one_box_where_there_are_many() {
        let net = equal_blocks(35);
        let small = folded(&net, Fold::Auto);
        // The input, and a block that differs by what it reads.
        let names: Vec<&str> = small.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["input", "1.1.1.1 … 35.2"]);
        assert_eq!(small.nodes[1].kind, "35 × 5 layers");
        assert_eq!(small.nodes[1].details, ["in each", "5 × nn.Linear"]);
        assert_eq!(small.edges.len(), 1);
        assert_eq!(folded(&net, Fold::Never).nodes.len(), 176);
        assert_eq!(folded(&equal_blocks(19), Fold::Auto).nodes.len(), 96);
        // Fewer blocks fold where they are as many boxes.
        assert_eq!(folded(&blocks_of(8, 20), Fold::Auto).nodes.len(), 2);
        assert_eq!(folded(&blocks_of(5, 30), Fold::Auto).nodes.len(), 151);
        // Blocks of two shapes are two runs; what is in one of them only in part is no group any more.
        let mut two = equal_blocks(60);
        two.nodes[150..].iter_mut().for_each(|node| node.details = vec!["larger".into()]);
        two.clusters.push(Cluster { title: "part".into(), members: vec![3, 4, 5] });
        two.clusters.push(Cluster { title: "all".into(), members: (0..301).collect() });
        let small = folded(&two, Fold::Auto);
        assert_eq!(small.nodes.len(), 8, "{:?}", small.nodes);
        let titles: Vec<&str> = small.clusters.iter().map(|c| c.title.as_str()).collect();
        assert_eq!(titles, ["all"]);
    }

    #[test]
    fn steps_of_an_unrolled_net_are_equal() {
        let mut net = Diagram::default();
        for (name, kind) in [("x", "Input"), ("slice", "Slice")] {
            net.nodes.push(Node::new(name, kind, Category::Shape));
        }
        net.edges.push(Edge::new((0, 0), (1, 0), "", ""));
        // Two states go from step to step, and each has an input of its own.
        let mut states = [(0, 0), (0, 0)];
        let mut outputs = vec![];
        for step in 0..30 {
            let at = net.nodes.len();
            for kind in ["InnerProduct", "LSTMUnit"] {
                let tag = format!("{kind}_{step}");
                let node = Node::new(tag, kind, Category::Recurrent);
                net.nodes.push(node.parameter("w", "4×4", Some(0)));
            }
            net.edges.push(Edge::new((1, step), (at, 0), "", ""));
            net.edges.push(Edge::new(states[0], (at, 1), "", ""));
            net.edges.push(Edge::new((at, 0), (at + 1, 0), "", ""));
            net.edges.push(Edge::new(states[1], (at + 1, 1), "", ""));
            states = [(at + 1, 0), (at + 1, 1)];
            outputs.push(at + 1);
        }
        let at = net.nodes.len();
        net.nodes.push(Node::new("all", "Concat", Category::Shape));
        let ends = outputs.iter().enumerate();
        net.edges.extend(ends.map(|(port, &from)| Edge::new((from, 0), (at, port), "", "")));
        let small = folded(&net, Fold::Auto);
        // The first step reads its states from the input.
        let kinds: Vec<&str> = small.nodes.iter().map(|node| node.kind.as_str()).collect();
        assert_eq!(kinds[..2], ["Input", "Slice"]);
        assert!(kinds.contains(&"29 × 2 layers") && kinds.last() == Some(&"Concat"), "{kinds:?}");
        assert_eq!(kinds.len(), 6);
        let run = small.nodes.iter().find(|node| node.kind.starts_with("29")).unwrap();
        assert_eq!(run.parameters.len(), 1);
        let labels: Vec<&str> = small.edges.iter().map(|edge| edge.label.as_str()).collect();
        assert_eq!(labels.iter().filter(|label| **label == "29 blobs").count(), 2, "{labels:?}");
        assert_eq!(labels.len(), 10);
    }

    #[test]
    fn blocks_without_containers_are_found_by_their_shape() {
        let mut net = blocks(6);
        for (at, node) in net.nodes.iter_mut().enumerate() {
            node.name = format!("res{at}_branch");
        }
        // A label that goes past all of them to the end.
        let label = net.nodes.len();
        net.nodes.push(Node::new("label", "Data", Category::Data));
        net.nodes.push(Node::new("loss", "SoftmaxWithLoss", Category::Loss));
        net.edges.push(Edge::new((label - 1, 0), (label + 1, 0), "", ""));
        net.edges.push(Edge::new((label, 0), (label + 1, 1), "", ""));
        let small = folded(&net, Fold::Always);
        let names: Vec<&str> = small.nodes.iter().map(|node| node.name.as_str()).collect();
        let ends = ["res5_branch", "res10_branch", "res15_branch", "res20_branch", "res25_branch"];
        assert_eq!(names[1..6], ends);
        assert_eq!((small.nodes.len(), &small.nodes[1].kind[..]), (9, "5 layers"));
        // Blocks in a chain, from the input to the loss, and the label.
        assert_eq!(small.edges.len(), 8);
        // One block alone is no repetition.
        let mut one = blocks(1);
        one.nodes.iter_mut().for_each(|node| node.name = node.name.replace('.', "_"));
        assert_eq!(folded(&one, Fold::Always).nodes.len(), 6);
    }

    #[test]
    fn a_container_that_reads_what_it_has_given_is_opened() {
        let mut net = blocks(400);
        // What the last block gives goes through the first again.
        let last = net.nodes.len() - 1;
        net.nodes.push(Node::new("1.1.2'2", "nn.Linear", Category::Dense));
        net.edges.push(Edge::new((last, 0), (last + 1, 0), "", ""));
        assert_eq!(folded(&net, Fold::Auto).nodes.len(), 402);
        net.nodes[last + 1].name = "1.1.3".into();
        let small = folded(&net, Fold::Auto);
        assert!(small.nodes.iter().any(|node| node.name == "1.1.3"));
        assert!(!small.nodes.iter().any(|node| node.name == "1"));
    }
}
