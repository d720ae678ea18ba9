//! Turns rows in any order into rows whose wires cross seldom: barycentre sweeps, the best kept
//! (Sugiyama, Tagawa and Toda, 1981).

use super::net::{Link, Net};

/// Reorders the items within each row. The number of sweeps falls with the size of the net.
pub fn reduce_crossings(net: &mut Net) {
    let sweeps = match net.items.len() {
        0..2_000 => 24,
        2_000..20_000 => 10,
        _ => 4,
    };
    let by_row = links_by_row(net);
    let mut position = positions(net);
    let mut fewest = crossings(net, &by_row, &position);
    let mut best = net.rows.clone();
    let mut stale = 0;
    for sweep in 0..sweeps {
        if fewest == 0 || 3 < stale {
            break;
        }
        let down = sweep % 2 == 0;
        let last = net.rows.len();
        for step in 1..last {
            let row = if down { step } else { last - 1 - step };
            let links = if down { &by_row[row - 1] } else { &by_row[row] };
            sort_row(net, row, links, down, &mut position);
        }
        let now = crossings(net, &by_row, &position);
        stale += 1;
        if now < fewest {
            (fewest, stale) = (now, 0);
            best.clone_from(&net.rows);
        }
    }
    net.rows = best;
}

/// The place of each item in its row.
pub fn positions(net: &Net) -> Vec<u32> {
    let mut position = vec![0; net.items.len()];
    for row in &net.rows {
        for (place, &item) in row.iter().enumerate() {
            position[item as usize] = place as u32;
        }
    }
    position
}

/// The links between each row and the next.
fn links_by_row(net: &Net) -> Vec<Vec<Link>> {
    let mut by_row = vec![vec![]; net.rows.len()];
    for link in &net.links {
        by_row[net.row[link.from as usize]].push(*link);
    }
    by_row
}

/// The place of an end of a link along its row, in units of items.
fn along(net: &Net, position: &[u32], item: u32, offset: f64) -> f64 {
    let Some(shape) = net.items.get(item as usize) else { return 0.0 };
    f64::from(position[item as usize]) + 0.5 + 0.9 * offset / (shape.left + shape.right)
}

fn sort_row(net: &mut Net, row: usize, links: &[Link], down: bool, position: &mut [u32]) {
    let mut sums = vec![(0.0, 0.0); net.rows[row].len()];
    for link in links {
        let (here, there, offset) = if down {
            (link.to, link.from, link.from_offset)
        } else {
            (link.from, link.to, link.to_offset)
        };
        let sum = &mut sums[position[here as usize] as usize];
        sum.0 += along(net, position, there, offset);
        sum.1 += 1.0;
    }
    let neighbours = if down { row - 1 } else { row + 1 };
    let scale = net.rows[neighbours].len() as f64 / net.rows[row].len().max(1) as f64;
    let key = |place: usize| match sums[place] {
        (_, 0.0) => (place as f64 + 0.5) * scale,
        (sum, count) => sum / count,
    };
    let mut places: Vec<usize> = (0..sums.len()).collect();
    places.sort_by(|&a, &b| key(a).total_cmp(&key(b)));
    let sorted: Vec<u32> = places.iter().map(|&place| net.rows[row][place]).collect();
    for (place, &item) in sorted.iter().enumerate() {
        position[item as usize] = place as u32;
    }
    net.rows[row] = sorted;
}

/// Counts crossings between neighbouring rows as inversions, with a binary indexed tree.
fn crossings(net: &Net, by_row: &[Vec<Link>], position: &[u32]) -> u64 {
    let mut total = 0;
    for links in by_row {
        let mut ends: Vec<(f64, f64)> = links
            .iter()
            .map(|link| {
                let upper = along(net, position, link.from, link.from_offset);
                (upper, along(net, position, link.to, link.to_offset))
            })
            .collect();
        let mut targets: Vec<f64> = ends.iter().map(|end| end.1).collect();
        targets.sort_by(f64::total_cmp);
        ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut tree = vec![0u64; targets.len() + 1];
        for (before, (_, to)) in ends.iter().enumerate() {
            let place = targets.partition_point(|target| target < to) + 1;
            let mut not_right = 0;
            let upto = targets.partition_point(|target| target <= to);
            let mut i = upto;
            while 0 < i {
                not_right += tree[i];
                i &= i - 1;
            }
            total += before as u64 - not_right;
            let mut i = place;
            while i < tree.len() {
                tree[i] += 1;
                i += i & i.wrapping_neg();
            }
        }
    }
    total
}
