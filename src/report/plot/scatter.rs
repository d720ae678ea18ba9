//! Turns two-dimensional embeddings into a cloud of points coloured by class.

use super::axis::{Axis, Scale};
use super::{Frame, Key, Mark};
use crate::report::text::number;
use crate::report::theme;
use std::fmt::Write;

/// A plot of embeddings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scatter {
    /// The heading.
    pub title: String,
    /// The line below it; may be empty.
    pub subtitle: String,
    /// The coordinates.
    pub points: Vec<(f64, f64)>,
    /// The class of each point.
    pub classes: Vec<usize>,
}

/// More points than this are thinned out evenly.
const MOST_POINTS: usize = 20_000;

/// Draws points with equal units on both axes, 680 by 680 pixels or a little more.
pub fn scatter(plot: &Scatter) -> String {
    let points = plot.classes.iter().copied().zip(plot.points.iter().copied());
    let usable: Vec<(usize, (f64, f64))> =
        points.filter(|(_, (x, y))| x.abs() < 1e150 && y.abs() < 1e150).collect();
    let mut frame = Frame::new(&plot.title, &plot.subtitle, 680.0, 680.0);
    let axes = (
        Axis::around(usable.iter().map(|(_, point)| point.0), Scale::Linear),
        Axis::around(usable.iter().map(|(_, point)| point.1), Scale::Linear),
    );
    let (Some(x), Some(y), false) = (axes.0, axes.1, usable.is_empty()) else {
        return frame.nothing();
    };

    let present = means(&usable);
    let keys: Vec<Key> = present
        .iter()
        .map(|mean| Key {
            text: mean.class.to_string(),
            colour: theme::series(mean.class),
            mark: Mark::Dot,
        })
        .take(40)
        .collect();
    frame.legend(&keys);
    let (wide, high) = (frame.right - frame.left, frame.bottom - frame.top);
    let unit = (x.length() / wide).max(y.length() / high);
    let (x, y) = (x.widened(unit * wide), y.widened(unit * high));
    frame.x_axis(&x, "");
    frame.y_axis(&y, "", false);
    cloud(&mut frame, &usable, &x, &y);
    for mean in present.iter().filter(|_| present.len() <= 40) {
        let (px, py) = frame.at(x.place(mean.at.0), y.place(mean.at.1));
        // Twice, since not every program paints the stroke of a text below its letters.
        for class in ["halo", "mean"] {
            let _ = writeln!(
                frame.out,
                "<text class=\"{class}\" text-anchor=\"middle\" x=\"{}\" y=\"{}\">{}</text>",
                number(px),
                number(py + 4.0),
                mean.class,
            );
        }
    }
    frame.finish()
}

/// The mean of a class.
struct Mean {
    class: usize,
    at: (f64, f64),
}

/// The means of the classes that occur, by class.
fn means(points: &[(usize, (f64, f64))]) -> Vec<Mean> {
    let mut sums: std::collections::BTreeMap<usize, (f64, f64, f64)> = Default::default();
    for &(class, (x, y)) in points {
        let sum = sums.entry(class).or_default();
        *sum = (sum.0 + x, sum.1 + y, sum.2 + 1.0);
    }
    let mean = |(class, (x, y, count)): (usize, (f64, f64, f64))| Mean {
        class,
        at: (x / count, y / count),
    };
    sums.into_iter().map(mean).collect()
}

/// The points, more transparent and smaller the more there are. Classes alternate, so that none covers the rest.
fn cloud(frame: &mut Frame, points: &[(usize, (f64, f64))], x: &Axis, y: &Axis) {
    let every = points.len().div_ceil(MOST_POINTS).max(1);
    let shown = points.len() / every;
    let (radius, opacity) = match shown {
        0..200 => (5.0, 0.85),
        200..1_000 => (4.0, 0.65),
        1_000..5_000 => (3.0, 0.45),
        _ => (2.2, 0.32),
    };
    let _ = writeln!(frame.out, "<g fill-opacity=\"{opacity}\">");
    for &(class, (px, py)) in points.iter().step_by(every) {
        let (cx, cy) = frame.at(x.place(px), y.place(py));
        let _ = writeln!(
            frame.out,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{radius}\" fill=\"{}\"/>",
            number(cx),
            number(cy),
            theme::series(class),
        );
    }
    frame.out.push_str("</g>\n");
}
