//! Turns the values of a pass and an update into Caffe's `debug_info` lines: mean absolute values of everything.
//!
//! The lines are Caffe's, except that it copies a blob for each of its readers and shows the gradient of each copy;
//! here a blob has one gradient, the sum, which every reader's line shows. `[Update]` lines are those of Caffe before 1.0.

use super::machine::Machine;
use crate::exec::cpu::reduce::{Reduction, total};
use crate::ir::Port;
use crate::plan::Slot;
use crate::program::ValueId;

/// The lines of a forward pass: every blob and every parameter.
pub(super) fn forward(machine: &mut Machine) -> Vec<String> {
    let mut lines = vec![];
    for (index, node) in machine.typed.net.nodes() {
        let layer = &node.name.value;
        for (top, &v) in node.tops.iter().zip(&machine.planned.blobs[index.index()]) {
            let start = format!("    [Forward] Layer {layer}, top blob {} data: ", top.value);
            lines.push((start, machine.planned.plan.slot(v)));
        }
        for (at, var) in machine.typed.node_variables[index.index()].iter().enumerate() {
            let variable = &machine.typed.variables[var.0 as usize];
            if !variable.private {
                let name = display(variable.name.as_ref(), at);
                let start = format!("    [Forward] Layer {layer}, param blob {name} data: ");
                lines.push((start, machine.place(var.0 as usize)));
            }
        }
    }
    measured(machine, lines)
}

/// The lines of a backward pass: the gradients of what layers read and of what they learn, last layer first, and the
/// norms of all parameters together.
pub(super) fn backward(machine: &mut Machine) -> Vec<String> {
    let mut lines = vec![];
    let nodes: Vec<_> = machine.typed.net.nodes().collect();
    for (index, node) in nodes.into_iter().rev() {
        let layer = &node.name.value;
        let bottoms = machine.typed.net.bottoms(index).into_iter().zip(&node.bottoms);
        for (port, name) in bottoms {
            if let Some(slot) = port.and_then(|port| gradient_of(machine, port)) {
                let start =
                    format!("    [Backward] Layer {layer}, bottom blob {} diff: ", name.value);
                lines.push((start, slot));
            }
        }
        for (at, var) in machine.typed.node_variables[index.index()].iter().enumerate() {
            if let Some(slot) =
                machine.planned.gradients[var.0 as usize].and_then(|v| place(machine, v))
            {
                lines.push((format!("    [Backward] Layer {layer}, param blob {at} diff: "), slot));
            }
        }
    }
    let mut lines = measured(machine, lines);
    lines.push(norms(machine));
    lines
}

fn gradient_of(machine: &Machine, port: Port) -> Option<Slot> {
    let v = machine.planned.blob_gradients.get(&port)?;
    place(machine, *v)
}

fn place(machine: &Machine, v: ValueId) -> Option<Slot> {
    machine.plan().slots[v.0 as usize]
}

fn norms(machine: &mut Machine) -> String {
    let mut places = vec![];
    for (i, variable) in machine.typed.variables.iter().enumerate() {
        if !variable.private {
            let gradient = machine.planned.gradients[i].and_then(|v| place(machine, v));
            places.push((machine.place(i), gradient));
        }
    }
    let sums = machine.session.with_arena(|arena| {
        let sum = |what, slot: Slot| f64::from(total(what, &arena[slot.range()]));
        let of = |what| {
            places.iter().fold((0.0, 0.0), |(data, diff), &(place, gradient)| {
                (data + sum(what, place), diff + gradient.map_or(0.0, |slot| sum(what, slot)))
            })
        };
        (of(Reduction::SumAbs), of(Reduction::SumSquares))
    });
    let ((data, diff), (squares, diff_squares)) = sums;
    format!(
        "    [Backward] All net params (data, diff): L1 norm = ({}, {}); L2 norm = ({}, {})",
        general(data),
        general(diff),
        general(squares.sqrt()),
        general(diff_squares.sqrt()),
    )
}

/// The lines of an update, given the parameters before it: their size, and by how much each was changed.
pub(super) fn update(machine: &mut Machine, before: &[f32]) -> Vec<String> {
    let after = machine.session.read(machine.plan().parameters);
    let mut lines = vec![];
    for (index, node) in machine.typed.net.nodes() {
        for (at, var) in machine.typed.node_variables[index.index()].iter().enumerate() {
            let variable = &machine.typed.variables[var.0 as usize];
            if !variable.learned {
                continue;
            }
            let place = machine.plan().layout[var.0 as usize].range();
            let (old, new) = (&before[place.clone()], &after[place]);
            let changes = old.iter().zip(new).map(|(old, new)| f64::from((old - new).abs()));
            let diff = general(changes.sum::<f64>() / old.len().max(1) as f64);
            let layer = &node.name.value;
            let name = display(variable.name.as_ref(), at);
            let owner = variable.users.first().filter(|&&(node, _)| node != index);
            lines.push(match owner {
                None => {
                    let data = general(mean_absolute(old));
                    format!("    [Update] Layer {layer}, param {name} data: {data}; diff: {diff}")
                }
                Some(&(owner, at)) => {
                    let owner = &machine.typed.net.graph[owner].name.value;
                    let of = display(variable.name.as_ref(), at);
                    format!(
                        "    [Update] Layer {layer}, param blob {name} (owned by layer {owner}, param {of}) diff: {diff}"
                    )
                }
            });
        }
    }
    lines
}

/// A parameter's name, or its number among those of its layer.
fn display(name: Option<&String>, at: usize) -> String {
    name.cloned().unwrap_or_else(|| at.to_string())
}

fn measured(machine: &mut Machine, lines: Vec<(String, Slot)>) -> Vec<String> {
    machine.session.with_arena(|arena| {
        let line =
            |(start, slot): (String, Slot)| start + &general(mean_absolute(&arena[slot.range()]));
        lines.into_iter().map(line).collect()
    })
}

fn mean_absolute(values: &[f32]) -> f64 {
    f64::from(total(Reduction::SumAbs, values)) / values.len().max(1) as f64
}

/// A number as C++ streams write it: six digits, without zeros at the end.
fn general(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return if x.is_nan() { "nan".into() } else { format!("{x}") };
    }
    let written = format!("{x:.5e}");
    let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..6).contains(&exponent) {
        return trimmed(&format!("{x:.*}", (5 - exponent).max(0) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn numbers_look_as_in_a_stream() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (0.16, "0.16"),
            (123_456.7, "123457"),
            (1_234_567.0, "1.23457e+06"),
            (999_999.9, "1e+06"),
            (0.000_123_456_78, "0.000123457"),
            (0.000_012, "1.2e-05"),
            (2.5e-120, "2.5e-120"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
        ];
        for (x, text) in cases {
            assert_eq!(general(x), text);
        }
    }
}
