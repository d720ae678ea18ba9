//! Turns arrows between nodes into layers: which arrows close a cycle, and how far down each node is.

/// Arrows between nodes as `(from, to)`, grouped by node.
pub struct Arrows {
    starts: Vec<u32>,
    targets: Vec<u32>,
}

impl Arrows {
    /// Groups arrows by their first end, in order.
    pub fn new(nodes: usize, pairs: impl Iterator<Item = (usize, usize)> + Clone) -> Self {
        let mut starts = vec![0u32; nodes + 1];
        for (from, _) in pairs.clone() {
            starts[from + 1] += 1;
        }
        for i in 0..nodes {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut targets = vec![0u32; starts[nodes] as usize];
        for (from, to) in pairs {
            targets[next[from] as usize] = to as u32;
            next[from] += 1;
        }
        Arrows { starts, targets }
    }

    /// The other ends of a node's arrows.
    pub fn of(&self, node: usize) -> &[u32] {
        &self.targets[self.starts[node] as usize..self.starts[node + 1] as usize]
    }
}

/// For each pair, whether it closes a cycle in a depth-first walk in node order.
pub fn closing(nodes: usize, pairs: &[(usize, usize)]) -> Vec<bool> {
    let numbered = pairs.iter().enumerate().map(|(i, &(from, _))| (from, i));
    let arrows = Arrows::new(nodes, numbered);
    let mut closes = vec![false; pairs.len()];
    // 0: not seen, 1: on the current path, 2: done.
    let mut state = vec![0u8; nodes];
    let mut path: Vec<(usize, usize)> = vec![];
    for root in 0..nodes {
        if state[root] != 0 {
            continue;
        }
        state[root] = 1;
        path.push((root, 0));
        while let Some(top) = path.last_mut() {
            let node = top.0;
            let Some(&pair) = arrows.of(node).get(top.1) else {
                state[node] = 2;
                path.pop();
                continue;
            };
            top.1 += 1;
            let to = pairs[pair as usize].1;
            match state[to] {
                0 => {
                    state[to] = 1;
                    path.push((to, 0));
                }
                1 => closes[pair as usize] = true,
                _ => {}
            }
        }
    }
    closes
}

/// The layer of each node: the longest path from a source, then everything that only feeds one place
/// (labels, short towers) and everything with more outputs than inputs moves down to its consumers.
///
/// `pairs` has no cycle. `outputs` counts the blobs of a node that somebody reads.
pub fn layers(nodes: usize, pairs: &[(usize, usize)], outputs: &[usize]) -> Vec<usize> {
    let down = Arrows::new(nodes, pairs.iter().copied());
    let up = Arrows::new(nodes, pairs.iter().map(|&(from, to)| (to, from)));
    let mut waiting: Vec<usize> = (0..nodes).map(|node| up.of(node).len()).collect();
    let mut order: Vec<usize> = (0..nodes).filter(|&node| waiting[node] == 0).collect();
    let mut layer = vec![0; nodes];
    let mut done = 0;
    while let Some(&node) = order.get(done) {
        done += 1;
        for &to in down.of(node) {
            let to = to as usize;
            layer[to] = layer[to].max(layer[node] + 1);
            waiting[to] -= 1;
            if waiting[to] == 0 {
                order.push(to);
            }
        }
    }
    // A node hangs freely if nothing above it would be stretched by moving it down with all of that.
    let mut free = vec![false; nodes];
    for &node in &order {
        free[node] = outputs[node] == 1 && up.of(node).iter().all(|&from| free[from as usize]);
    }
    for &node in order.iter().rev() {
        let movable = free[node] || up.of(node).len() < outputs[node];
        let lowest = down.of(node).iter().map(|&to| layer[to as usize]).min();
        if let (true, Some(lowest)) = (movable, lowest) {
            layer[node] = layer[node].max(lowest - 1);
        }
    }
    layer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_stands_next_to_its_consumer() {
        // 0 -> 1 -> 2 -> 3 (loss), 4 (label) -> 5 (reshape) -> 3
        let pairs = [(0, 1), (1, 2), (2, 3), (4, 5), (5, 3)];
        assert_eq!(layers(6, &pairs, &[1, 1, 1, 0, 1, 1]), [0, 1, 2, 3, 1, 2]);
    }

    #[test]
    fn only_the_arrow_back_closes_a_cycle() {
        assert_eq!(closing(3, &[(0, 1), (1, 2), (2, 0), (0, 2)]), [false, false, true, false]);
        assert_eq!(closing(1, &[(0, 0)]), [true]);
    }
}
