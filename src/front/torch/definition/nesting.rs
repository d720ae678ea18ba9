//! How the inputs of a model are nested in tables, which nobody writes down: what its modules take, or all possibilities.

use std::ops::Range;

use super::super::interp::{Table, Value};
use super::super::library::{ancestors, class_name};
use super::super::lower::{Nesting, STRUCTURAL, children};

/// What a module takes, as far as its first modules say; all tensors have the number 0.
pub(super) fn asked_by(module: &Table) -> Nesting {
    asked(module, &mut MOST_ASKED.clone())
}

/// So many modules are asked what they take.
const MOST_ASKED: usize = 1000;

fn asked(module: &Table, left: &mut usize) -> Nesting {
    let one = Nesting::One(0);
    *left = left.saturating_sub(1);
    if *left == 0 {
        return one;
    }
    let kind = ancestors(module.metatable()).find_map(|class| {
        let name = class_name(&class)?;
        STRUCTURAL.contains(&name.as_str()).then_some(name)
    });
    let children = children(module);
    match kind.as_deref() {
        Some("nn.Sequential" | "nn.Decorator" | "nn.DataParallelTable") => {
            // What nn.Identity takes is for the next to say.
            let says = |child: &&Table| !is_identity(child);
            children.iter().find(says).map_or(one, |first| asked(first, left))
        }
        Some("nn.ConcatTable" | "nn.Concat") => {
            let mut all = children.iter().map(|child| asked(child, left));
            all.find(|nesting| *nesting != one).unwrap_or(one)
        }
        Some("nn.ParallelTable") if !children.is_empty() => {
            Nesting::Many(children.iter().map(|child| asked(child, left)).collect())
        }
        Some("nn.gModule") => match module.field("inputs") {
            Value::Table(inputs) if 1 < inputs.length() => {
                let inputs = (1..=inputs.length().min(*left)).map(|i| inputs.item(i));
                Nesting::Many(inputs.map(|input| of_node(&input)).collect())
            }
            _ => one,
        },
        _ => one,
    }
}

/// What an input node of a graph stands for: a table, where it is split.
fn of_node(node: &Value) -> Nesting {
    let parts = match node {
        Value::Table(node) => match node.field("data") {
            Value::Table(data) => data.field("parts").to_number(),
            _ => None,
        },
        _ => None,
    };
    match parts {
        Some(parts) if (2.0..MOST_ASKED as f64).contains(&parts) => {
            Nesting::Many(vec![Nesting::One(0); parts as usize])
        }
        _ => Nesting::One(0),
    }
}

fn is_identity(module: &Table) -> bool {
    module
        .metatable()
        .and_then(|class| class_name(&class))
        .is_some_and(|name| name == "nn.Identity")
}

/// All nestings of so many tensors are tried up to this many of them.
const MOST_NESTED: usize = 5;

/// The nestings that are tried, likely ones first. A lone tensor is no table.
pub(super) fn nestings(n: usize) -> Vec<Nesting> {
    let list = |range: Range<usize>| Nesting::Many(range.map(Nesting::One).collect());
    if n == 1 {
        return vec![Nesting::One(0)];
    }
    let mut all = vec![list(0..n)];
    if 2 < n {
        all.push(Nesting::Many(vec![Nesting::One(0), list(1..n)]));
        all.push(Nesting::Many(vec![list(0..n - 1), Nesting::One(n - 1)]));
    }
    for k in 2..n {
        if n.is_multiple_of(k) {
            let rows = (0..n / k).map(|i| list(i * k..(i + 1) * k)).collect();
            all.push(Nesting::Many(rows));
        }
    }
    if n <= MOST_NESTED {
        for nesting in groups(0..n, true).into_iter().map(Nesting::Many) {
            if !all.contains(&nesting) {
                all.push(nesting);
            }
        }
    }
    all
}

/// All ways to write a range as items of a table, each a tensor or a table of more than one; the only item of a `whole`
/// table is no table.
fn groups(range: Range<usize>, whole: bool) -> Vec<Vec<Nesting>> {
    if range.is_empty() {
        return vec![vec![]];
    }
    let mut all = vec![];
    for end in range.start + 1..=range.end {
        let first: Vec<Nesting> = match end - range.start {
            1 => vec![Nesting::One(range.start)],
            n if whole && n == range.len() => continue,
            _ => groups(range.start..end, true).into_iter().map(Nesting::Many).collect(),
        };
        for rest in groups(end..range.end, false) {
            for first in &first {
                all.push([vec![first.clone()], rest.clone()].concat());
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::nestings;

    #[test]
    fn tensors_nest_in_every_way() {
        // Little Schröder numbers.
        for (n, ways) in [(1, 1), (2, 1), (3, 3), (4, 11), (5, 45)] {
            assert_eq!(nestings(n).len(), ways, "{n}");
        }
    }
}
