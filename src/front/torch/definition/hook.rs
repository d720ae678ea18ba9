//! A definition's `labelHook` to layers: one that answers each label by itself is a function of a label, anything else is
//! followed on the batch like the `updateOutput` of a module.

use super::super::interp::{Table, Value};
use super::super::lower::{Flow, Outcome, Stop, Walk, stop};
use crate::diag::Label;
use crate::layers::label_map::LabelMap;
use crate::source::Span;

/// The target as the criterion sees it. `field` is where the definition names the hook.
///
/// # Errors
/// The hook fails, or asks for numbers that only a batch of data has.
pub(super) fn apply(
    walk: &mut Walk,
    hook: Value,
    field: Span,
    input: &Flow,
    target: Flow,
) -> Outcome {
    let library = walk.library();
    let written = match &hook {
        Value::Function(closure) => Some(closure.proto.span),
        _ => None,
    };
    let made = library.call(walk.lua(), "hooked", vec![hook]).map_err(stop)?;
    let Some(Value::Table(hooked)) = made.into_iter().next() else { return Ok(target) };
    if let Flow::Tensor(label) = &target
        && let Some(map) = by_itself(walk, &hooked, input, label)?
    {
        return Ok(match map == LabelMap::default() {
            true => target,
            false => walk.mapped_label(&map, &target),
        });
    }
    let followed = walk.follow_hook(&hooked, &[&target, input]);
    followed.map_err(|mut complaint| {
        let returns_nothing = complaint.message.contains("the labelHook returns nothing");
        if let Some(place) = written.filter(|_| returns_nothing) {
            complaint.labels = vec![Label { span: place, text: "this function".to_owned() }];
            *complaint = complaint.help("end it with `return label`");
        } else if complaint.span().is_none_or(|span| span == walk.whole()) {
            complaint.labels = vec![Label { span: field, text: "this hook".to_owned() }];
            let help = "it is called with the input and the labels: write `labelHook = function(input, label) ... return label end`";
            *complaint = complaint.help(help);
        }
        Box::new(complaint.note("the labelHook is run on labels that come later"))
    })
}

/// The hook as a function of one label, if it is one.
fn by_itself(
    walk: &mut Walk,
    hooked: &Table,
    input: &Flow,
    label: &str,
) -> Result<Option<LabelMap>, Stop> {
    let extents = walk.shape(label).cloned();
    if extents.as_ref().is_some_and(|extents| extents.rank() != 1) {
        return Ok(None);
    }
    let Some(sample) = walk.sample(input)? else { return Ok(None) };
    let batch = extents.map_or(Value::Nil, |extents| extents.count().into());
    let library = walk.library();
    let args = vec![hooked.clone().into(), sample, batch];
    let answers = library.call(walk.lua(), "label_map", args).map_err(stop)?;
    let [Value::Table(points), Value::Table(answers)] = &answers[..] else { return Ok(None) };
    let read = |at: usize| {
        let Value::Table(answer) = answers.item(at) else { return None };
        let number = |name: &str| answer.field(name).to_number();
        Some((points.item(at).to_number()?, number("at")?, number("slope")?))
    };
    let read: Option<Vec<_>> = (1..=points.length()).map(read).collect();
    Ok(read.map(|points| fit(&points)))
}

/// The function that has these values and slopes: the points at odd places (from 0) are labels that it compares with, the
/// others lie between and beyond them. Two points are of a function that compares with none.
fn fit(points: &[(f64, f64, f64)]) -> LabelMap {
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 * (1.0 + b.abs());
    let tidy = |v: f64| if close(v, v.round()) { v.round() } else { v };
    let line = |&(x, y, slope): &(f64, f64, f64)| (tidy(slope), tidy(y - slope * x));
    let (scale, offset) = line(&points[0]);
    let mut map = LabelMap { scale, offset, ..LabelMap::default() };
    for at in (1..points.len().saturating_sub(1)).step_by(2) {
        let (x, y, _) = points[at];
        let (before, after) = (line(&points[at - 1]), line(&points[at + 1]));
        if !close(before.0 * x + before.1, y) {
            map.exceptions.push((x, tidy(y)));
        }
        if !close(before.0, after.0) || !close(before.1, after.1) {
            map.beyond.push((x, after.0, after.1));
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn pieces_and_exceptions() {
        // 0 becomes -1, what is above 10 becomes 3.
        let points = [
            (-1.0, -1.0, 1.0),
            (0.0, -1.0, 0.0),
            (5.0, 5.0, 1.0),
            (10.0, 10.0, 1.0),
            (11.0, 3.0, 0.0),
        ];
        let map = fit(&points);
        let seen: Vec<f64> = [-2.0, 0.0, 0.5, 10.0, 10.5, 99.0].map(|x| map.of(x)).to_vec();
        assert_eq!(seen, [-2.0, -1.0, 0.5, 10.0, 3.0, 3.0]);
    }
}
