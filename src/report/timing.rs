//! Writes the times of a net's layers as a table and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::table::{Column, Width, aligned};
use crate::job::timing::Timing;

const COLUMNS: [Column; 6] = [
    ("layer", false),
    ("kind", false),
    ("forward ms", true),
    ("share", true),
    ("backward ms", true),
    ("share", true),
];

/// A line for each layer with mean milliseconds and their share of the pass, then the totals.
pub fn table(timing: &Timing, width: Width) -> String {
    let (forward, backward) = (timing.forward(), timing.backward());
    let mut lines: Vec<Vec<String>> = timing
        .layers
        .iter()
        .map(|layer| {
            vec![
                layer.name.clone(),
                layer.kind.clone(),
                milliseconds(layer.forward),
                share(layer.forward, forward),
                milliseconds(layer.backward),
                share(layer.backward, backward),
            ]
        })
        .collect();
    if 0.0 < timing.other {
        let other = timing.other;
        let cells = ["(between layers)", "", "", "", &milliseconds(other), &share(other, backward)];
        lines.push(cells.map(str::to_owned).to_vec());
    }
    let mut out = aligned(&COLUMNS, &lines, width);
    let _ = writeln!(
        out,
        "forward {} ms, backward {} ms, both {} ms: means of {} iterations",
        milliseconds(forward),
        milliseconds(backward),
        milliseconds(forward + backward),
        timing.iterations,
    );
    if timing.layers.iter().any(|layer| layer.forward == 0.0 && layer.backward == 0.0) {
        out.push_str(
            "a layer without a time brings data, runs as part of one before it or of its twin, or only changes a shape\n",
        );
    }
    out
}

fn milliseconds(seconds: f64) -> String {
    if seconds == 0.0 { "-".to_owned() } else { format!("{:.4}", seconds * 1e3) }
}

fn share(part: f64, whole: f64) -> String {
    if part == 0.0 { "-".to_owned() } else { format!("{:.1}%", part / whole * 100.0) }
}

/// The same for programs; times in milliseconds.
pub fn to_json(timing: &Timing) -> Value {
    let layers: Vec<Value> = timing
        .layers
        .iter()
        .map(|layer| {
            json!({
                "name": layer.name,
                "type": layer.kind,
                "forward_ms": layer.forward * 1e3,
                "backward_ms": layer.backward * 1e3,
                "best_forward_ms": layer.best.0 * 1e3,
                "best_backward_ms": layer.best.1 * 1e3,
            })
        })
        .collect();
    json!({
        "iterations": timing.iterations,
        "forward_ms": timing.forward() * 1e3,
        "backward_ms": timing.backward() * 1e3,
        "between_layers_ms": timing.other * 1e3,
        "layers": layers,
    })
}
