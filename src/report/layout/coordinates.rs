//! Turns ordered rows into horizontal coordinates in which chains are straight.
//!
//! Four alignments of items with their median neighbours, each compacted, then averaged, after Brandes
//! and Köpf, "Fast and Simple Horizontal Coordinate Assignment" (Graph Drawing 2001). Items have widths
//! and wires leave and arrive beside their middles, so that what is aligned are the ends of wires.
//! Afterwards straight runs are moved to where their remaining wires bend least.

use super::net::Net;
use super::order::positions;
use super::rank::Arrows;

/// Space between neighbours in a row.
const SEPARATION: f64 = 36.0;

/// The least distance of the middles of neighbours.
fn apart(net: &Net, left: u32, right: u32) -> f64 {
    let (left, right) = (net.items[left as usize], net.items[right as usize]);
    let gap = if left.bend && right.bend { 8.0 } else { SEPARATION };
    left.right + right.left + gap
}

/// The middle of each item.
pub fn assign(net: &Net) -> Vec<f64> {
    let position = positions(net);
    let straight = without_conflicts(net, &position);
    let all = [(false, false), (false, true), (true, false), (true, true)];
    let four = all.map(|(up, mirrored)| {
        let aligned = align(net, &position, &straight, up, mirrored);
        compact(net, &aligned, mirrored)
    });
    let mut middle = balance(net, &four);
    settle(net, &position, &mut middle);
    middle
}

/// For each link, whether it may be aligned: a link that crosses a piece between two bends may not.
fn without_conflicts(net: &Net, position: &[u32]) -> Vec<bool> {
    let mut by_row: Vec<Vec<usize>> = vec![vec![]; net.rows.len()];
    for (index, link) in net.links.iter().enumerate() {
        by_row[net.row[link.from as usize]].push(index);
    }
    let mut allowed = vec![true; net.links.len()];
    for links in &mut by_row {
        let inner = |index: usize| {
            let link = &net.links[index];
            net.items[link.from as usize].bend && net.items[link.to as usize].bend
        };
        let ends = |index: usize| {
            let link = &net.links[index];
            (position[link.from as usize], position[link.to as usize])
        };
        let mut pieces: Vec<(u32, u32)> =
            links.iter().filter(|&&index| inner(index)).map(|&index| ends(index)).collect();
        pieces.sort_unstable();
        // Pieces in order of their upper ends; the extremes of the lower ends to the left and right.
        let mut most_left = vec![0; pieces.len() + 1];
        for (i, &(_, to)) in pieces.iter().enumerate() {
            most_left[i + 1] = most_left[i].max(to + 1);
        }
        let mut least_right = vec![u32::MAX; pieces.len() + 1];
        for (i, &(_, to)) in pieces.iter().enumerate().rev() {
            least_right[i] = least_right[i + 1].min(to);
        }
        for &index in links.iter().filter(|&&index| !inner(index)) {
            let (from, to) = ends(index);
            let left = pieces.partition_point(|piece| piece.0 < from);
            let right = pieces.partition_point(|piece| piece.0 <= from);
            allowed[index] = most_left[left] <= to + 1 && to <= least_right[right];
        }
    }
    allowed
}

/// Which items stand in one vertical run.
struct Runs {
    /// The first item of the run of each item.
    root: Vec<u32>,
    /// The middle of each item from the middle of its root.
    shift: Vec<f64>,
}

/// Aligns each item with the median of its neighbours above (or below), going right (or left).
fn align(net: &Net, position: &[u32], allowed: &[bool], up: bool, mirrored: bool) -> Runs {
    let count = net.items.len();
    let mut neighbours: Vec<Vec<u32>> = vec![vec![]; count];
    for (index, link) in net.links.iter().enumerate() {
        neighbours[if up { link.from } else { link.to } as usize].push(index as u32);
    }
    let far = |index: u32| {
        let link = &net.links[index as usize];
        if up { (link.to, link.to_offset) } else { (link.from, link.from_offset) }
    };
    for list in &mut neighbours {
        // Targets follow activations, not the other way round.
        if list.iter().any(|&index| net.links[index as usize].data) {
            list.retain(|&index| net.links[index as usize].data);
        }
        list.sort_by(|&a, &b| {
            let (a, b) = (far(a), far(b));
            let places = position[a.0 as usize].cmp(&position[b.0 as usize]);
            places.then(a.1.total_cmp(&b.1))
        });
    }
    let mut root: Vec<u32> = (0..count as u32).collect();
    let mut shift = vec![0.0; count];
    let mut taken = vec![false; count];
    for step in 1..net.rows.len() {
        let row = &net.rows[if up { net.rows.len() - 1 - step } else { step }];
        let width = row.len();
        // The place of the last item that was aligned with, counted in the direction of the walk.
        let mut reached: i64 = -1;
        for i in 0..width {
            let item = row[if mirrored { width - 1 - i } else { i }];
            let list = &neighbours[item as usize];
            if list.is_empty() {
                continue;
            }
            let (low, high) = ((list.len() - 1) / 2, list.len() / 2);
            for median in if mirrored { [high, low] } else { [low, high] } {
                let link = list[median];
                let (other, _) = far(link);
                let place = i64::from(position[other as usize]);
                let place = if mirrored { i64::from(u32::MAX) - place } else { place };
                if taken[other as usize] || !allowed[link as usize] || place <= reached {
                    continue;
                }
                let ends = &net.links[link as usize];
                let along = ends.from_offset - ends.to_offset;
                let along = if up { -along } else { along };
                root[item as usize] = root[other as usize];
                shift[item as usize] = shift[other as usize] + along;
                taken[other as usize] = true;
                reached = place;
                break;
            }
        }
    }
    Runs { root, shift }
}

/// Packs runs as far left as they go, then each as far right as its right neighbours allow; mirrored,
/// the other way round.
fn compact(net: &Net, runs: &Runs, mirrored: bool) -> Vec<f64> {
    let count = net.items.len();
    let sign = if mirrored { -1.0 } else { 1.0 };
    let mut bounds = vec![];
    for row in &net.rows {
        for pair in row.windows(2) {
            let distance = apart(net, pair[0], pair[1]);
            let (a, b) = if mirrored { (pair[1], pair[0]) } else { (pair[0], pair[1]) };
            let (a, b) = (a as usize, b as usize);
            bounds.push((
                runs.root[a],
                runs.root[b],
                distance + sign * (runs.shift[a] - runs.shift[b]),
            ));
        }
    }
    let mut waiting = vec![0u32; count];
    bounds.iter().for_each(|bound| waiting[bound.1 as usize] += 1);
    let numbered = bounds.iter().enumerate().map(|(i, bound)| (bound.0 as usize, i));
    let after = Arrows::new(count, numbered);

    let is_root = |item: &usize| runs.root[*item] as usize == *item;
    let mut order: Vec<usize> =
        (0..count).filter(is_root).filter(|&run| waiting[run] == 0).collect();
    let mut at = vec![0.0f64; count];
    let mut done = 0;
    while let Some(&run) = order.get(done) {
        done += 1;
        for &bound in after.of(run) {
            let (_, to, distance) = bounds[bound as usize];
            let to = to as usize;
            at[to] = at[to].max(at[run] + distance);
            waiting[to] -= 1;
            if waiting[to] == 0 {
                order.push(to);
            }
        }
    }
    for &run in order.iter().rev() {
        let limits = after.of(run).iter().map(|&bound| {
            let (_, to, distance) = bounds[bound as usize];
            at[to as usize] - distance
        });
        let limit = limits.fold(f64::INFINITY, f64::min);
        if limit.is_finite() {
            at[run] = at[run].max(limit);
        }
    }
    (0..count).map(|item| sign * at[runs.root[item] as usize] + runs.shift[item]).collect()
}

/// The mean of the two middle ones of four assignments, which are first aligned with the narrowest.
fn balance(net: &Net, four: &[Vec<f64>; 4]) -> Vec<f64> {
    let extent = |xs: &Vec<f64>| {
        let ends = xs.iter().zip(&net.items);
        ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (x, item)| {
            (low.min(x - item.left), high.max(x + item.right))
        })
    };
    let extents = four.each_ref().map(extent);
    let narrowest = extents.iter().copied().min_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
    let Some((low, high)) = narrowest else { return vec![] };
    let delta = |i: usize| {
        let mirrored = i % 2 == 1;
        if mirrored { high - extents[i].1 } else { low - extents[i].0 }
    };
    let deltas = [delta(0), delta(1), delta(2), delta(3)];
    let between = |item: usize| {
        let mut candidates = [0, 1, 2, 3].map(|i| four[i][item] + deltas[i]);
        candidates.sort_by(f64::total_cmp);
        (candidates[1] + candidates[2]) / 2.0
    };
    (0..net.items.len()).map(between).collect()
}

/// Moves straight runs, within the room that their neighbours leave, to the mean of where their bent
/// wires would like them.
fn settle(net: &Net, position: &[u32], middle: &mut [f64]) {
    const CLOSE: f64 = 0.75;
    let rounds = if net.items.len() < 20_000 { 6 } else { 2 };
    for round in 0..rounds {
        let mut leader: Vec<u32> = (0..net.items.len() as u32).collect();
        let bend = |link: &super::net::Link, middle: &[f64]| {
            (middle[link.from as usize] + link.from_offset)
                - (middle[link.to as usize] + link.to_offset)
        };
        for link in &net.links {
            if bend(link, middle).abs() < CLOSE {
                let (a, b) = (find(&mut leader, link.from), find(&mut leader, link.to));
                leader[a.max(b) as usize] = a.min(b);
            }
        }
        let mut members: Vec<Vec<u32>> = vec![vec![]; net.items.len()];
        for item in 0..net.items.len() as u32 {
            members[find(&mut leader, item) as usize].push(item);
        }
        // For each run, its bent wires: the link and whether the run is at the lower end.
        let mut bent: Vec<Vec<(u32, bool)>> = vec![vec![]; net.items.len()];
        for (index, link) in net.links.iter().enumerate() {
            let (a, b) = (find(&mut leader, link.from), find(&mut leader, link.to));
            if a != b {
                bent[a as usize].push((index as u32, false));
                bent[b as usize].push((index as u32, true));
            }
        }
        let order: Vec<usize> = if round % 2 == 0 {
            (0..members.len()).rev().collect()
        } else {
            (0..members.len()).collect()
        };
        for run in order.into_iter().filter(|&run| !members[run].is_empty()) {
            let (mut pull, mut weight) = (0.0, 0.0);
            for &(index, lower) in &bent[run] {
                let link = &net.links[index as usize];
                let strength = if link.data { 1.0 } else { 0.1 };
                let towards = if lower { bend(link, middle) } else { -bend(link, middle) };
                pull += strength * towards;
                weight += strength;
            }
            if weight == 0.0 {
                continue;
            }
            let (mut least, mut most) = (f64::NEG_INFINITY, f64::INFINITY);
            for &item in &members[run] {
                let row = &net.rows[net.row[item as usize]];
                let place = position[item as usize] as usize;
                let x = middle[item as usize];
                if let Some(&left) = place.checked_sub(1).and_then(|place| row.get(place)) {
                    least = least.max(middle[left as usize] + apart(net, left, item) - x);
                }
                if let Some(&right) = row.get(place + 1) {
                    most = most.min(middle[right as usize] - apart(net, item, right) - x);
                }
            }
            let step = (pull / weight).max(least.min(0.0)).min(most.max(0.0));
            for &item in &members[run] {
                middle[item as usize] += step;
            }
        }
    }
}

/// The leader of a run, with the way to it halved.
fn find(leader: &mut [u32], mut item: u32) -> u32 {
    while leader[item as usize] != item {
        let above = leader[leader[item as usize] as usize];
        leader[item as usize] = above;
        item = above;
    }
    item
}
