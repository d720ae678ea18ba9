//! Turns a training plan into text: its steps with their places, and what it keeps in memory.

use std::fmt::Write;

use petgraph::graph::NodeIndex;

use super::figures::{bytes, short};
use super::table::{Column, aligned};
use crate::ir::TypedNet;
use crate::plan::Plan;
use crate::program::{Cost, Kernel, Origin, Program, Source, Step, cost};
use crate::train::checkpoint::memory as snapshot;
use crate::train::feed::read_ahead;
use crate::train::memory::of_a_run;

/// Bytes of a number in single precision.
const ELEMENT: u64 = 4;

/// The columns of a list of steps.
const STEPS: [Column; 7] = [
    ("step", true),
    ("layer", false),
    ("kernel", false),
    ("result", false),
    ("place", true),
    ("size", true),
    ("flops", true),
];

/// One line a step: its number, layer, kernel, result, place in the arena, bytes and operations.
pub fn steps(typed: &TypedNet, plan: &Plan) -> String {
    let steps = plan.program.steps.iter().enumerate();
    let lines: Vec<Vec<String>> = steps
        .map(|(number, step)| {
            let shapes = step.outs.iter().map(|&v| plan.program.shape(v).to_string());
            let place = step.outs.first().and_then(|&v| plan.slots[v.0 as usize]);
            let place = place.map(|slot| (slot.offset as u64 * ELEMENT).to_string());
            vec![
                number.to_string(),
                layers(typed, &plan.program, step.origin),
                step.kernel.name().to_owned(),
                shapes.collect::<Vec<_>>().join(", "),
                place.unwrap_or_default(),
                bytes(result_elements(plan, step).saturating_mul(ELEMENT)),
                short(cost(&plan.program, step).flops()),
            ]
        })
        .collect();
    aligned(&STEPS, &lines)
}

/// The names of the layers that a step belongs to: one, or those of towers that run as one.
fn layers(typed: &TypedNet, program: &Program, origin: Origin) -> String {
    let alone = vec![origin];
    let all = program.joined.iter().find(|origins| origins[0] == origin).unwrap_or(&alone);
    let node = |origin: &Origin| typed.net.graph.node_weight(NodeIndex::new(origin.0 as usize));
    let names = all.iter().filter_map(node).map(|node| node.name.value.as_str());
    names.collect::<Vec<_>>().join(" + ")
}

/// What the steps that do the work of several save: how many there are by kind, and the program with them beside the one
/// without.
pub fn saved(apart: &Program, joined: &Program) -> String {
    let count = |holds: &dyn Fn(&Kernel) -> bool| {
        joined.steps.iter().filter(|step| holds(&step.kernel)).count()
    };
    let kinds: [(&str, &dyn Fn(&Kernel) -> bool); 10] = [
        ("kernels on blobs whose channels lie last", &|k| match k {
            Kernel::ChannelsLast(kernel) => {
                !matches!(**kernel, Kernel::PackConv(_) | Kernel::PackTiles { .. })
            }
            _ => false,
        }),
        ("convolutions by tiles of results", &|k| match k.plain() {
            Kernel::FusedConv(fused) | Kernel::PooledConv(fused, _) => fused.tiled,
            kernel => matches!(kernel, Kernel::TilesFilter(_)),
        }),
        ("convolutions with ReLU", &|k| matches!(k.plain(), Kernel::FusedConv(f) if f.relu)),
        ("convolutions with pooling", &|k| matches!(k, Kernel::PooledConv(..))),
        (
            "normalisations with factor and shift",
            &|k| matches!(k.plain(), Kernel::Normalize(n) if n.affine),
        ),
        ("normalisations with the sum of a block", &|k| {
            matches!(k.plain(), Kernel::NormalizeSum(_))
        }),
        ("gradients to the input with the sum of a block", &|k| {
            matches!(k.plain(), Kernel::MaskedConv(_))
        }),
        ("normalisations with ReLU", &|k| matches!(k.plain(), Kernel::Normalize(n) if n.relu)),
        ("gradients to the input over maxima", &|k| matches!(k, Kernel::PooledConvInput(_))),
        ("gradients to the weights over maxima", &|k| matches!(k, Kernel::PooledConvFilter(_))),
    ];
    let mut out = String::from("joined\n");
    for (name, holds) in kinds {
        let n = count(holds);
        if 0 < n {
            let _ = writeln!(out, "  {n:>5}  {name}");
        }
    }
    if let Some(towers) = joined.joined.iter().map(Vec::len).max() {
        let layers: usize = joined.joined.iter().map(Vec::len).sum();
        let _ = writeln!(
            out,
            "  {layers:>5}  layers of {towers} towers as one, for the batches of all"
        );
    }
    let works = |program: &Program| {
        let works = |step: &&Step| !matches!(step.kernel, Kernel::View | Kernel::Stop);
        program.steps.iter().filter(works).count()
    };
    let total = |program: &Program| {
        let mut total = Cost::default();
        program.steps.iter().for_each(|step| total += cost(program, step));
        total
    };
    let (before, after) = (total(apart), total(joined));
    let moved = |cost: Cost| bytes(cost.elements.saturating_mul(ELEMENT));
    let _ = writeln!(
        out,
        "  steps that compute   {:>10}, layer by layer {}",
        works(joined),
        works(apart)
    );
    let _ = writeln!(
        out,
        "  read and written     {:>10}, layer by layer {}",
        moved(after),
        moved(before)
    );
    let _ = writeln!(
        out,
        "  flops                {:>10}, layer by layer {}",
        short(after.flops()),
        short(before.flops())
    );
    out
}

fn result_elements(plan: &Plan, step: &Step) -> u64 {
    step.outs.iter().map(|&v| plan.program.shape(v).count() as u64).sum()
}

/// What a training iteration keeps, by purpose, and the length of the arena, which is what a run allocates; then what a run
/// holds beside it, `program` bytes of its own among them.
pub fn memory(plan: &Plan, program: Option<u64>) -> String {
    let parameters = plan.parameters.len as u64;
    let gradients = plan.gradients.len as u64;
    let histories: u64 = plan.histories.iter().map(|slot| slot.len as u64).sum();
    let values = plan.program.values.iter();
    let inputs: u64 =
        values.filter(|v| v.source == Source::Input).map(|v| v.shape.count() as u64).sum();
    let workspace = plan.work.iter().map(|slot| slot.len).max().unwrap_or(0) as u64;
    let arena = plan.arena as u64;
    let named = parameters + gradients + histories + inputs + workspace;
    let lines = [
        ("parameters", parameters),
        ("gradients", gradients),
        ("solver history", histories),
        ("inputs", inputs),
        ("activations", arena.saturating_sub(named)),
        ("workspace", workspace),
        ("all", arena),
        ("data read ahead", read_ahead(plan)),
        ("snapshots", snapshot(plan)),
    ];
    let mut out = String::from("memory of training\n");
    let mut line = |what: &str, size: u64| {
        let _ = writeln!(out, "  {what:<16}{:>10}", bytes(size));
    };
    for (what, elements) in lines {
        line(what, elements.saturating_mul(ELEMENT));
    }
    if let Some(program) = program {
        line("the program", program);
        line("at most", of_a_run(plan, []).saturating_add(program));
    }
    out
}
