//! Finds for each layer of a net the layer of another that has the same place in it, whatever both are called and in whatever
//! order independent ones are written.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use petgraph::graph::NodeIndex;

use crate::ir::{Net, Port};

/// Layers of two nets that correspond.
pub(super) struct Pairs {
    right: HashMap<NodeIndex, NodeIndex>,
    left: HashMap<NodeIndex, NodeIndex>,
}

/// How a layer is seen from where it stands.
struct Places {
    /// By what it is and all that it is made from.
    above: Vec<u64>,
    /// By what it is and all that is made from it.
    below: Vec<u64>,
}

impl Places {
    fn of(net: &Net) -> Self {
        let nodes: Vec<NodeIndex> = net.graph.node_indices().collect();
        let own: Vec<u64> = nodes
            .iter()
            .map(|&i| {
                let node = &net.graph[i];
                hash((node.layer.spec().name, node.layer.fields(), node.tops.len()))
            })
            .collect();
        let mut above = own.clone();
        // Who reads a layer: as what it is seen from below, at which bottom, and which top.
        let mut readers: Vec<Vec<(NodeIndex, usize, usize)>> = vec![vec![]; nodes.len()];
        for &i in &nodes {
            let ports = net.bottoms(i);
            let read = |port: &Option<Port>| port.map(|p| (above[p.node.index()], p.top));
            above[i.index()] = hash((own[i.index()], ports.iter().map(read).collect::<Vec<_>>()));
            for (bottom, port) in ports.into_iter().enumerate() {
                if let Some(port) = port {
                    readers[port.node.index()].push((i, bottom, port.top));
                }
            }
        }
        let mut below = own.clone();
        for &i in nodes.iter().rev() {
            let seen = readers[i.index()].iter();
            let mut seen: Vec<_> =
                seen.map(|&(reader, bottom, top)| (below[reader.index()], bottom, top)).collect();
            seen.sort_unstable();
            below[i.index()] = hash((own[i.index()], seen));
        }
        Places { above, below }
    }

    fn whole(&self, node: NodeIndex) -> (u64, u64) {
        (self.above[node.index()], self.below[node.index()])
    }
}

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

impl Pairs {
    /// Layers with the same places first; of the others those that read the same, then those of one name.
    pub fn of(a: &Net, b: &Net) -> Self {
        let (places, others) = (Places::of(a), Places::of(b));
        let mut waiting: HashMap<(u64, u64), usize> = HashMap::new();
        for i in a.graph.node_indices() {
            *waiting.entry(places.whole(i)).or_default() += 1;
        }
        let mut pairs = Pairs { right: HashMap::new(), left: HashMap::new() };
        for (i, node) in a.nodes() {
            let mine = places.whole(i);
            if let Some(count) = waiting.get_mut(&mine) {
                *count -= 1;
            }
            let reads: Vec<Option<Port>> =
                a.bottoms(i).into_iter().map(|port| pairs.port(port?)).collect();
            let best = b
                .nodes()
                .filter(|(j, _)| !pairs.left.contains_key(j))
                .filter_map(|(j, other)| {
                    let theirs = others.whole(j);
                    let same = mine == theirs;
                    // What another layer is waiting for is left to it.
                    if !same && waiting.get(&theirs).is_some_and(|&count| 0 < count) {
                        return None;
                    }
                    let kind = node.layer.spec().name == other.layer.spec().name;
                    let name = node.name.value == other.name.value;
                    let tops = node.tops.len() == other.tops.len();
                    let wired = reads == b.bottoms(j) && (name || !reads.is_empty());
                    let alike = kind && (wired || name || reads.is_empty()) || wired && tops;
                    let below = places.below[i.index()] == others.below[j.index()];
                    let equal = node.layer == other.layer;
                    alike.then_some(((same, kind, wired, equal, below, name), j))
                })
                // Of several the first.
                .reduce(|best, next| if best.0 < next.0 { next } else { best });
            if let Some((_, j)) = best {
                pairs.right.insert(i, j);
                pairs.left.insert(j, i);
            }
        }
        pairs
    }

    /// The layer of the second net for one of the first.
    pub fn right(&self, left: NodeIndex) -> Option<NodeIndex> {
        self.right.get(&left).copied()
    }

    /// The layer of the first net for one of the second.
    pub fn left(&self, right: NodeIndex) -> Option<NodeIndex> {
        self.left.get(&right).copied()
    }

    /// The output of the second net for one of the first.
    pub fn port(&self, port: Port) -> Option<Port> {
        Some(Port { node: self.right(port.node)?, top: port.top })
    }
}
