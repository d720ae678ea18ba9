//! Finds towers in a net: copies of the same layers that share parameters by name and correspond to each other.
//!
//! Layers that share a parameter are the seed; from there the correspondence grows along the wires to layers of
//! equal kind, so that pooling between two shared convolutions belongs to the towers as well.

use std::collections::{BTreeMap, HashMap, VecDeque};

use petgraph::graph::NodeIndex;

use crate::ir::{Net, Port};

/// Copies of one piece of a net.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Towers {
    /// The corresponding layers, one row for each layer of the first tower, in source order; a row has one entry
    /// a tower.
    pub rows: Vec<Vec<NodeIndex>>,
}

impl Towers {
    /// How many towers there are.
    pub fn count(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    /// The layers of tower `i`.
    pub fn side(&self, i: usize) -> Vec<NodeIndex> {
        self.rows.iter().map(|row| row[i]).collect()
    }
}

/// All groups of towers of a net; a layer belongs to at most one.
pub fn towers(net: &Net) -> Vec<Towers> {
    let mut users: BTreeMap<&str, Vec<NodeIndex>> = BTreeMap::new();
    for (index, node) in net.nodes() {
        for name in node.params.iter().filter_map(|param| param.name.as_ref()) {
            let list = users.entry(&name.value).or_default();
            if list.last() != Some(&index) {
                list.push(index);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<Vec<NodeIndex>>> = BTreeMap::new();
    for list in users.into_values().filter(|list| 1 < list.len()) {
        groups.entry(list.len()).or_default().push(list);
    }
    let mut taken = HashMap::new();
    groups.into_iter().rev().map(|(n, seeds)| grow(net, n, seeds, &mut taken)).collect()
}

/// Which tower and which row a layer belongs to.
type Place = (usize, NodeIndex);

/// Grows towers from rows of layers that share a parameter.
fn grow(
    net: &Net,
    count: usize,
    mut seeds: Vec<Vec<NodeIndex>>,
    taken: &mut HashMap<NodeIndex, Place>,
) -> Towers {
    seeds.sort();
    let mut rows: BTreeMap<NodeIndex, Vec<NodeIndex>> = BTreeMap::new();
    let mut queue = VecDeque::new();
    for seed in seeds {
        let kind = net.graph[seed[0]].layer.spec().name;
        let alike = seed.iter().all(|&n| net.graph[n].layer.spec().name == kind);
        if alike && seed.iter().all(|n| !taken.contains_key(n)) {
            taken.extend(seed.iter().enumerate().map(|(side, &n)| (n, (side, seed[0]))));
            rows.insert(seed[0], seed.clone());
            queue.push_back(seed);
        }
    }
    while let Some(row) = queue.pop_front() {
        for next in neighbours(net, &row) {
            let new = next.iter().all(|n| !taken.contains_key(n));
            let distinct = next.iter().collect::<std::collections::BTreeSet<_>>().len() == count;
            let first = &net.graph[next[0]].layer;
            if new && distinct && next.iter().all(|&n| net.graph[n].layer == *first) {
                taken.extend(next.iter().enumerate().map(|(side, &n)| (n, (side, next[0]))));
                rows.insert(next[0], next.clone());
                queue.push_back(next);
            }
        }
    }
    Towers { rows: rows.into_values().collect() }
}

/// The rows that a row reads from and that read it, at corresponding ports.
fn neighbours(net: &Net, row: &[NodeIndex]) -> Vec<Vec<NodeIndex>> {
    let mut found = vec![];
    let bottoms: Vec<_> = row.iter().map(|&n| net.bottoms(n)).collect();
    let fewest = bottoms.iter().map(Vec::len).min().unwrap_or(0);
    for i in 0..fewest {
        let producers: Option<Vec<Port>> = bottoms.iter().map(|ports| ports[i]).collect();
        let Some(producers) = producers else { continue };
        if producers.iter().all(|port| port.top == producers[0].top) {
            found.push(producers.iter().map(|port| port.node).collect());
        }
    }
    let tops = row.iter().map(|&n| net.graph[n].tops.len()).min().unwrap_or(0);
    for top in 0..tops {
        let readers: Vec<_> = row.iter().map(|&node| net.readers(Port { node, top })).collect();
        let fewest = readers.iter().map(Vec::len).min().unwrap_or(0);
        for i in 0..fewest {
            if readers.iter().all(|r| r[i].1 == readers[0][i].1) {
                found.push(readers.iter().map(|r| r[i].0).collect());
            }
        }
    }
    found
}
