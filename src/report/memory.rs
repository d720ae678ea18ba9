//! Turns a training plan into text or JSON: its steps with their places, and what it keeps in memory.

use std::fmt::Write;

use petgraph::graph::NodeIndex;
use serde_json::{Value, json};

use super::figures::{bytes, short};
use super::table::{Column, Width, aligned};
use crate::exec::OnGpu;
use crate::ir::TypedNet;
use crate::plan::Plan;
use crate::program::{Cost, Kernel, Origin, Program, Source, Step, cost};
use crate::train::memory::Needed;

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

/// One line a step: its number, layer, kernel, result, place in the arena, bytes and operations; of a plan for a GPU how
/// much is launched there as well.
pub fn steps(typed: &TypedNet, plan: &Plan, gpu: Option<&OnGpu>, width: Width) -> String {
    let steps = plan.program.steps.iter().enumerate();
    let lines: Vec<Vec<String>> = steps
        .map(|(number, step)| {
            let shapes = step.outs.iter().map(|&v| plan.program.shape(v).to_string());
            let mut line = vec![
                number.to_string(),
                layers(typed, &plan.program, step.origin).join(" + "),
                step.kernel.name().into_owned(),
                shapes.collect::<Vec<_>>().join(", "),
                place(plan, step).map(|place| place.to_string()).unwrap_or_default(),
                bytes(result_bytes(plan, step)),
                short(cost(&plan.program, step).flops()),
            ];
            line.extend(gpu.map(|gpu| gpu.launches[number].to_string()));
            line
        })
        .collect();
    let launches = gpu.map(|_| ("launches", true));
    aligned(&STEPS.into_iter().chain(launches).collect::<Vec<_>>(), &lines, width)
}

/// The same steps for programs, with what joining them saves of `apart`, the program without:
///
/// ```json
/// { "steps": [{ "step": 0, "layers": ["conv1"], "kernel": "conv", "results": [[64, 20, 24, 24]],
///               "offset_bytes": 1024, "bytes": 2949120, "flops": 37601280 }],
///   "joined": [{ "what": "convolutions with ReLU", "steps": 2 }],
///   "towers": { "count": 2, "layers": 8 },
///   "as_planned": { "steps_that_compute": 40, "bytes_moved": 1234, "flops": 5678 },
///   "layer_by_layer": { "steps_that_compute": 50, "bytes_moved": 2345, "flops": 5678 } }
/// ```
///
/// `offset_bytes` is null where a step has no result of its own, `towers` where no towers run as one. Steps of a plan for a
/// GPU have `launches` as well.
pub fn steps_json(typed: &TypedNet, plan: &Plan, gpu: Option<&OnGpu>, apart: &Program) -> Value {
    let steps = plan.program.steps.iter().enumerate();
    let steps: Vec<Value> = steps
        .map(|(number, step)| {
            let shapes = step.outs.iter().map(|&v| plan.program.shape(v).dims().to_vec());
            let mut one = json!({
                "step": number,
                "layers": layers(typed, &plan.program, step.origin),
                "kernel": step.kernel.name(),
                "results": shapes.collect::<Vec<_>>(),
                "offset_bytes": place(plan, step),
                "bytes": result_bytes(plan, step),
                "flops": cost(&plan.program, step).flops(),
            });
            if let Some(gpu) = gpu {
                one["launches"] = gpu.launches[number].into();
            }
            one
        })
        .collect();
    let joined = &plan.program;
    let kinds: Vec<Value> =
        kinds(joined).into_iter().map(|(what, n)| json!({ "what": what, "steps": n })).collect();
    let towers = towers(joined).map(|(count, layers)| json!({ "count": count, "layers": layers }));
    let work = |program: &Program| {
        let Work { steps, bytes, flops } = work(program);
        json!({ "steps_that_compute": steps, "bytes_moved": bytes, "flops": flops })
    };
    json!({
        "steps": steps,
        "joined": kinds,
        "towers": towers,
        "as_planned": work(joined),
        "layer_by_layer": work(apart),
    })
}

/// Where the first result of a step lies, in bytes from the start of the arena.
fn place(plan: &Plan, step: &Step) -> Option<u64> {
    let slot = step.outs.first().and_then(|&v| plan.slots[v.0 as usize])?;
    Some(slot.offset as u64 * ELEMENT)
}

/// The names of the layers that a step belongs to: one, or those of towers that run as one.
fn layers<'a>(typed: &'a TypedNet, program: &Program, origin: Origin) -> Vec<&'a str> {
    let alone = vec![origin];
    let all = program.joined.iter().find(|origins| origins[0] == origin).unwrap_or(&alone);
    let node = |origin: &Origin| typed.net.graph.node_weight(NodeIndex::new(origin.0 as usize));
    all.iter().filter_map(node).map(|node| node.name.value.as_str()).collect()
}

/// The kinds of steps that do the work of several, with the number of each that there is.
fn kinds(joined: &Program) -> Vec<(&'static str, usize)> {
    let count = |holds: &dyn Fn(&Kernel) -> bool| {
        joined.steps.iter().filter(|step| holds(&step.kernel)).count()
    };
    let kinds: [(&'static str, &dyn Fn(&Kernel) -> bool); 10] = [
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
    let counted = kinds.into_iter().map(|(name, holds)| (name, count(holds)));
    counted.filter(|&(_, n)| 0 < n).collect()
}

/// How many towers run as one, and how many layers they have together.
fn towers(joined: &Program) -> Option<(usize, usize)> {
    let most = joined.joined.iter().map(Vec::len).max()?;
    Some((most, joined.joined.iter().map(Vec::len).sum()))
}

/// What a program does.
struct Work {
    /// Steps that compute.
    steps: usize,
    /// Bytes that they read and write.
    bytes: u64,
    /// Their operations.
    flops: u64,
}

fn work(program: &Program) -> Work {
    let works = |step: &&Step| !matches!(step.kernel, Kernel::View | Kernel::Stop);
    let mut total = Cost::default();
    program.steps.iter().for_each(|step| total += cost(program, step));
    Work {
        steps: program.steps.iter().filter(works).count(),
        bytes: total.elements.saturating_mul(ELEMENT),
        flops: total.flops(),
    }
}

/// What the steps that do the work of several save: how many there are by kind, and the program with them beside the one
/// without.
pub fn saved(apart: &Program, joined: &Program) -> String {
    let mut out = String::from("joined\n");
    for (name, n) in kinds(joined) {
        let _ = writeln!(out, "  {n:>5}  {name}");
    }
    if let Some((towers, layers)) = towers(joined) {
        let _ = writeln!(
            out,
            "  {layers:>5}  layers of {towers} towers as one, for the batches of all"
        );
    }
    let (before, after) = (work(apart), work(joined));
    let lines = [
        ("steps that compute", after.steps.to_string(), before.steps.to_string()),
        ("read and written", bytes(after.bytes), bytes(before.bytes)),
        ("flops", short(after.flops), short(before.flops)),
    ];
    for (what, after, before) in lines {
        let _ = writeln!(out, "  {what:<21}{after:>10}, layer by layer {before}");
    }
    out
}

fn result_bytes(plan: &Plan, step: &Step) -> u64 {
    let elements: u64 = step.outs.iter().map(|&v| plan.program.shape(v).count() as u64).sum();
    elements.saturating_mul(ELEMENT)
}

/// What a training iteration keeps, by purpose, and the length of the arena, which is what a run allocates; then what a run
/// takes on a GPU, and what it holds beside the arena.
pub fn memory(plan: &Plan, needed: &Needed) -> String {
    let mut out = String::from("memory of training\n");
    for (what, size) in held(plan, needed) {
        let _ = writeln!(out, "  {what:<16}{:>10}", bytes(size));
    }
    out + REMARK
}

/// What the last figures mean.
const REMARK: &str = "\
`all` is one block that is allocated once; results that are not needed at the same time share places in it. `at most` adds
what is beside it, and is what training reports in the end.
";

/// The same for programs, in bytes: `{ "parameters": 1724320, "gradients": …, "at_most": … }`.
pub fn memory_json(plan: &Plan, needed: &Needed) -> Value {
    let held = held(plan, needed).into_iter();
    held.map(|(what, size)| (what.replace(' ', "_"), Value::from(size)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// What is held in memory, in bytes.
fn held(plan: &Plan, needed: &Needed) -> Vec<(&'static str, u64)> {
    let parameters = plan.parameters.len as u64;
    let gradients = plan.gradients.len as u64;
    let histories: u64 = plan.histories.iter().map(|slot| slot.len as u64).sum();
    let values = plan.program.values.iter();
    let inputs: u64 =
        values.filter(|v| v.source == Source::Input).map(|v| v.shape.count() as u64).sum();
    let workspace = plan.work.iter().map(|slot| slot.len).max().unwrap_or(0) as u64;
    let arena = plan.arena as u64;
    let named = parameters + gradients + histories + inputs + workspace;
    let elements = [
        ("parameters", parameters),
        ("gradients", gradients),
        ("solver history", histories),
        ("inputs", inputs),
        ("activations", arena.saturating_sub(named)),
        ("workspace", workspace),
        ("all", arena),
    ];
    let mut held: Vec<_> = elements.iter().map(|&(what, n)| (what, bytes_of(n))).collect();
    held.extend(needed.gpu.map(|bytes| ("the GPU", bytes)));
    held.extend([("data read ahead", needed.ahead), ("snapshots", needed.snapshot)]);
    let of_some =
        [("tests", needed.tests), ("data in memory", needed.data), ("making pairs", needed.making)];
    held.extend(of_some.into_iter().filter(|&(_, bytes)| 0 < bytes));
    held.extend([("the program", needed.program), ("at most", needed.host())]);
    held
}

fn bytes_of(elements: u64) -> u64 {
    elements.saturating_mul(ELEMENT)
}
