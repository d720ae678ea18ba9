//! A definition's `labelHook` to a layer: the function is asked about many labels at once, and must answer each by
//! itself, as an affine function with exceptions (the Siamese one makes -1 of 0).

use super::super::interp::{Table, Value};
use super::super::lower::{Flow, Stop, Walk, stop};
use super::super::tensor::{Kind, Tensor};
use crate::diag::{self, Diagnostic};
use crate::layers::label_map::LabelMap;

/// The labels that are asked about; the last three tell the affine part.
const PROBES: [f64; 19] = [
    -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 0.5, 255.0, 21.5,
    1000.25, 77.75,
];

/// The targets as the criterion sees them.
pub(super) fn apply(
    walk: &mut Walk,
    definition: &Table,
    targets: Vec<Flow>,
) -> Result<Vec<Flow>, Stop> {
    let hook = definition.field("labelHook");
    if hook.is_nil() {
        return Ok(targets);
    }
    let answers = ask(walk, &hook, &PROBES)?;
    let mut backward = PROBES;
    backward.reverse();
    let again = ask(walk, &hook, &backward)?;
    let by_itself = answers.as_ref().zip(again.as_ref()).is_some_and(|(a, b)| {
        a.len() == PROBES.len() && a.iter().zip(b.iter().rev()).all(|(x, y)| x == y)
    });
    let map = answers.filter(|_| by_itself).and_then(|answers| fit(&answers));
    let Some(map) = map else {
        let message = "the labelHook is no function of each label by itself";
        let d = Diagnostic::new(&diag::E0704, walk.whole(), message).help(
            "cortado translates hooks that replace labels or scale them, such as \
                   `label[torch.eq(label, 0)] = -1`",
        );
        return Err(Box::new(d));
    };
    if map == LabelMap::default() {
        return Ok(targets);
    }
    Ok(targets.into_iter().map(|target| walk.mapped_label(&map, &target)).collect())
}

fn ask(walk: &mut Walk, hook: &Value, labels: &[f64]) -> Result<Option<Vec<f64>>, Stop> {
    let lua = walk.lua();
    let input = Tensor::zeros(lua, Kind::Float, &[labels.len()]).map_err(stop)?;
    let tensor = Tensor::from_values(lua, Kind::Float, &[labels.len()], labels).map_err(stop)?;
    let results = lua.call(hook, vec![input.into_value(), tensor.into_value()]).map_err(stop)?;
    match results.first().and_then(|v| v.object::<Tensor>()) {
        Some(answer) => Ok(Some(answer.values(lua).map_err(stop)?)),
        None => Ok(None),
    }
}

fn fit(answers: &[f64]) -> Option<LabelMap> {
    let n = PROBES.len();
    let (x, y) = (&PROBES[n - 3..], &answers[n - 3..]);
    let scale = (y[1] - y[0]) / (x[1] - x[0]);
    let offset = y[0] - scale * x[0];
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-5 * (1.0 + b.abs());
    if !close(scale * x[2] + offset, y[2]) {
        return None;
    }
    let tidy = |v: f64| if close(v, v.round()) { v.round() } else { v };
    let (scale, offset) = (tidy(scale), tidy(offset));
    let pairs = PROBES.iter().zip(answers);
    let exceptions = pairs.filter(|&(&x, &y)| !close(scale * x + offset, y));
    Some(LabelMap { scale, offset, exceptions: exceptions.map(|(&x, &y)| (x, y)).collect() })
}
