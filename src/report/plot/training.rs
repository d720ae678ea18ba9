//! Turns the log of one or several training runs into curves.

use super::axis::{Axis, Scale};
use super::{Frame, Key, Mark};
use crate::report::theme;

/// The curves of one run: pairs of a step and a value, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// The name in the legend; may be empty if there is only one run.
    pub name: String,
    /// Training loss.
    pub train: Vec<(f64, f64)>,
    /// Validation loss.
    pub val: Vec<(f64, f64)>,
    /// Learning rate, on the axis at the right.
    pub rate: Vec<(f64, f64)>,
    /// Other figures, each drawn in a panel of its own below the loss.
    pub outputs: Vec<Output>,
}

/// The curves of one output of a net.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// What it is; outputs of the same name share a panel.
    pub name: String,
    /// Values in training.
    pub train: Vec<(f64, f64)>,
    /// Values in validation.
    pub val: Vec<(f64, f64)>,
}

/// A plot of losses over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Training {
    /// The heading.
    pub title: String,
    /// What a step is: `iteration` or `epoch`.
    pub steps: String,
    /// The scale of the loss.
    pub scale: Scale,
    /// Weight of the past in the exponential mean that is drawn over the training loss: 0 for none, below 1. If not given, that
    /// of a mean over ten points, or a twentieth of those there are.
    pub smoothing: Option<f64>,
    /// The runs.
    pub runs: Vec<Run>,
}

/// More points than this in a curve are thinned out; the extremes of each stretch stay.
const MOST_POINTS: usize = 4000;

/// The height of the part with the loss, and of each panel below it, in pixels.
const HEIGHT: f64 = 420.0;
const PANEL: f64 = 240.0;

/// Draws losses (and learning rates, if there are any) of all runs, 760 by 420 pixels, and below a panel for each
/// other output.
pub fn training(plot: &Training) -> String {
    let mut names: Vec<&str> = vec![];
    for output in plot.runs.iter().flat_map(|run| &run.outputs) {
        if !names.contains(&output.name.as_str()) {
            names.push(&output.name);
        }
    }
    let height = HEIGHT + PANEL * names.len() as f64;
    let mut frame = Frame::new(&plot.title, "", 760.0, height);
    frame.bottom -= PANEL * names.len() as f64;
    let losses = |run: &Run| run.train.iter().chain(&run.val).copied().collect::<Vec<_>>();
    let points = || plot.runs.iter().flat_map(losses);
    let outputs = plot.runs.iter().flat_map(|run| &run.outputs);
    let others = || outputs.clone().flat_map(|output| output.train.iter().chain(&output.val));
    let steps = points().chain(others().copied()).filter(|point| point.1.is_finite());
    let steps = steps.map(|point| point.0);
    let x = Axis::exactly(steps);
    let y = Axis::around(points().map(|point| point.1), plot.scale);
    let rates = plot.runs.iter().flat_map(|run| &run.rate).map(|point| point.1);
    let rate = Axis::around(rates, Scale::Linear).map(Axis::from_zero);
    let (Some(x), Some(y)) = (x, y.map(Axis::from_zero)) else { return frame.nothing() };

    frame.legend(&keys(plot));
    if rate.is_some() {
        frame.right -= 52.0;
    }
    frame.x_axis(&x, &plot.steps);
    frame.y_axis(&y, "loss", false);
    if let Some(rate) = &rate {
        frame.y_axis(rate, "learning rate", true);
    }
    for (i, run) in plot.runs.iter().enumerate() {
        let (train, val) = colours(plot, i);
        if let Some(rate) = &rate {
            frame.line(&shown(&run.rate, &x, rate), &x, rate, RATE, "thin");
        }
        let raw = shown(&run.train, &x, &y);
        let weight = plot.smoothing.unwrap_or_else(|| usual(raw.len()));
        let smoothed = smooth(&raw, weight, plot.scale);
        if smoothed.len() != raw.len() || weight <= 0.0 {
            frame.line(&thinned(&raw), &x, &y, train, "line");
        } else {
            frame.line(&thinned(&raw), &x, &y, train, "faint");
            frame.line(&thinned(&smoothed), &x, &y, train, "line");
        }
        let class = if train == val { "line dashed" } else { "line" };
        frame.line(&thinned(&shown(&run.val, &x, &y)), &x, &y, val, class);
    }
    for name in names {
        frame.top = frame.bottom + 64.0;
        frame.bottom += PANEL;
        panel(&mut frame, plot, name, &x);
    }
    frame.finish()
}

/// The curves of one output of all runs, in the colours of their losses.
fn panel(frame: &mut Frame, plot: &Training, name: &str, x: &Axis) {
    let of =
        |run: &'_ Run| run.outputs.iter().filter(|o| o.name == name).cloned().collect::<Vec<_>>();
    let all: Vec<Vec<Output>> = plot.runs.iter().map(of).collect();
    let points = all.iter().flatten().flat_map(|output| output.train.iter().chain(&output.val));
    let Some(y) = Axis::around(points.map(|point| point.1), Scale::Linear) else { return };
    frame.x_axis(x, &plot.steps);
    frame.y_axis(&y, name, false);
    for (i, outputs) in all.iter().enumerate() {
        let (train, val) = colours(plot, i);
        let class = if train == val { "line dashed" } else { "line" };
        for output in outputs {
            frame.line(&thinned(&shown(&output.train, x, &y)), x, &y, train, "line");
            frame.line(&thinned(&shown(&output.val, x, &y)), x, &y, val, class);
        }
    }
}

const RATE: &str = "#7f8790";

/// The colours of training and validation loss: two for a single run, one for each of several.
fn colours(plot: &Training, run: usize) -> (&'static str, &'static str) {
    match plot.runs.len() {
        1 => (theme::series(0), theme::series(6)),
        _ => (theme::series(run), theme::series(run)),
    }
}

fn keys(plot: &Training) -> Vec<Key> {
    let mut keys = vec![];
    for (i, run) in plot.runs.iter().enumerate() {
        let (train, val) = colours(plot, i);
        let several = train == val;
        let text = |what: &str| match run.name.is_empty() {
            true => what.to_string(),
            false => format!("{}: {what}", run.name),
        };
        let others = |part: fn(&Output) -> bool| run.outputs.iter().any(part);
        if !run.train.is_empty() {
            keys.push(Key { text: text("training loss"), colour: train, mark: Mark::Line });
        }
        if !run.val.is_empty() {
            let mark = if several { Mark::Dashed } else { Mark::Line };
            keys.push(Key { text: text("validation loss"), colour: val, mark });
        } else if others(|output| !output.val.is_empty()) {
            let mark = if several { Mark::Dashed } else { Mark::Line };
            keys.push(Key { text: text("validation"), colour: val, mark });
        }
    }
    if plot.runs.iter().any(|run| !run.rate.is_empty()) {
        keys.push(Key { text: "learning rate".into(), colour: RATE, mark: Mark::Line });
    }
    keys
}

fn shown(points: &[(f64, f64)], x: &Axis, y: &Axis) -> Vec<(f64, f64)> {
    points.iter().copied().filter(|point| x.shows(point.0) && y.shows(point.1)).collect()
}

/// The weight of the past for so many points.
fn usual(points: usize) -> f64 {
    1.0 - 1.0 / (points as f64 / 20.0).clamp(1.0, 10.0)
}

/// The exponential mean with the start-up bias taken out; of logarithms on a logarithmic scale.
fn smooth(points: &[(f64, f64)], weight: f64, scale: Scale) -> Vec<(f64, f64)> {
    let weight = if weight.is_finite() { weight.clamp(0.0, 0.9999) } else { 0.0 };
    let (mut mean, mut total) = (0.0, 0.0);
    let log = scale == Scale::Log;
    let step = |&(x, y): &(f64, f64)| {
        let y = if log { y.ln() } else { y };
        mean = weight * mean + (1.0 - weight) * y;
        total = weight * total + (1.0 - weight);
        let y = mean / total;
        (x, if log { y.exp() } else { y })
    };
    points.iter().map(step).collect()
}

/// At most [`MOST_POINTS`] points: of each stretch, the lowest and the highest, in order.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let stretch = points.len().div_ceil(MOST_POINTS / 2);
    let mut kept = vec![];
    for part in points.chunks(stretch) {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let ends = (part.iter().min_by(by_value), part.iter().max_by(by_value));
        if let (Some(&low), Some(&high)) = ends {
            kept.extend(if low.0 < high.0 { [low, high] } else { [high, low] });
        }
    }
    kept
}
