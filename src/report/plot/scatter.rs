//! Turns two-dimensional embeddings into a cloud of points coloured by class.

use super::axis::{Axis, Scale};
use super::{Frame, Key, Mark};
use crate::report::text::{escape, number, shorten};
use crate::report::theme;
use std::fmt::Write;

/// What to draw behind the points.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Guide {
    /// Nothing.
    #[default]
    None,
    /// A circle around the origin with a radius in data units, for embeddings of unit length.
    Circle(f64),
    /// A line from the origin through the mean of each class.
    Rays,
}

/// A plot of embeddings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scatter {
    /// The heading.
    pub title: String,
    /// The line below it; may be empty.
    pub subtitle: String,
    /// The coordinates.
    pub points: Vec<(f64, f64)>,
    /// The class of each point; points without one are of class 0.
    pub classes: Vec<usize>,
    /// The names of the classes; a class without one is named by its number.
    pub names: Vec<String>,
    /// What to draw behind the points.
    pub guide: Guide,
}

/// More points than this are thinned out evenly.
const MOST_POINTS: usize = 20_000;

/// Draws points with equal units on both axes, 680 by 680 pixels or a little more.
pub fn scatter(plot: &Scatter) -> String {
    let class = |index: usize| plot.classes.get(index).copied().unwrap_or(0);
    let usable: Vec<(usize, (f64, f64))> = plot
        .points
        .iter()
        .enumerate()
        .map(|(index, &point)| (class(index), point))
        .filter(|(_, (x, y))| x.abs() < 1e150 && y.abs() < 1e150)
        .collect();
    let mut frame = Frame::new(&plot.title, &plot.subtitle, 680.0, 680.0);
    let mut around: Vec<(f64, f64)> = usable.iter().map(|point| point.1).collect();
    match plot.guide {
        Guide::Circle(radius) if radius.is_finite() => {
            around.extend([(-radius, -radius), (radius, radius)])
        }
        Guide::Rays => around.push((0.0, 0.0)),
        _ => {}
    }
    let axes = (
        Axis::around(around.iter().map(|point| point.0), Scale::Linear),
        Axis::around(around.iter().map(|point| point.1), Scale::Linear),
    );
    let (Some(x), Some(y), false) = (axes.0, axes.1, usable.is_empty()) else {
        return frame.nothing();
    };

    let present = means(&usable);
    let keys: Vec<Key> = present
        .iter()
        .map(|mean| Key {
            text: name(plot, mean.class),
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
    guide(&mut frame, plot.guide, &x, &y, &present);
    cloud(&mut frame, &usable, &x, &y);
    for mean in present.iter().filter(|_| present.len() <= 40) {
        let (px, py) = frame.at(x.place(mean.at.0), y.place(mean.at.1));
        let _ = writeln!(
            frame.out,
            "<text class=\"halo\" text-anchor=\"middle\" x=\"{}\" y=\"{}\">{}</text>",
            number(px),
            number(py + 4.0),
            escape(&shorten(&name(plot, mean.class), 20)),
        );
    }
    frame.finish()
}

fn name(plot: &Scatter, class: usize) -> String {
    plot.names.get(class).cloned().unwrap_or_else(|| class.to_string())
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

fn guide(frame: &mut Frame, guide: Guide, x: &Axis, y: &Axis, means: &[Mean]) {
    let (ox, oy) = frame.at(x.place(0.0), y.place(0.0));
    match guide {
        Guide::None => {}
        Guide::Circle(radius) => {
            let pixels = radius.abs() / x.length() * (frame.right - frame.left);
            let _ = writeln!(
                frame.out,
                "<circle class=\"guide dashed\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>",
                number(ox),
                number(oy),
                number(pixels),
            );
        }
        Guide::Rays => {
            for mean in means {
                let (px, py) = frame.at(x.place(mean.at.0), y.place(mean.at.1));
                let _ = writeln!(
                    frame.out,
                    "<path class=\"guide\" d=\"M{} {}L{} {}\"/>",
                    number(ox),
                    number(oy),
                    number(px),
                    number(py),
                );
            }
        }
    }
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
