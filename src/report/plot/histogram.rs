//! Turns the distribution of activations or weights into a small bar chart.

use super::Frame;
use super::axis::{Axis, Scale};
use crate::report::text::number;
use crate::report::theme;
use std::fmt::Write;

/// Counts in bins of equal width.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// The heading: the name of a blob or a parameter.
    pub title: String,
    /// The line below it, such as mean and deviation; may be empty.
    pub subtitle: String,
    /// Where the first bin begins.
    pub start: f64,
    /// The width of a bin; above 0.
    pub step: f64,
    /// How many values are in each bin.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Counts the finite values in `bins` bins between the least and the greatest, which is in the last bin.
    pub fn of(title: &str, values: &[f32], bins: usize) -> Histogram {
        let finite = || values.iter().copied().filter(|value| value.is_finite()).map(f64::from);
        let low = finite().fold(f64::INFINITY, f64::min);
        let high = finite().fold(f64::NEG_INFINITY, f64::max);
        let empty = Histogram { title: title.into(), ..Histogram::default() };
        if bins == 0 || high < low {
            return empty;
        }
        let step = if low < high { (high - low) / bins as f64 } else { 1.0 };
        let start = if low < high { low } else { low - 0.5 };
        let mut counts = vec![0; if low < high { bins } else { 1 }];
        let last = counts.len() - 1;
        for value in finite() {
            counts[(((value - start) / step) as usize).min(last)] += 1;
        }
        Histogram { start, step, counts, ..empty }
    }
}

/// Draws bars, 360 by 220 pixels.
pub fn histogram(plot: &Histogram) -> String {
    let mut frame = Frame::new(&plot.title, &plot.subtitle, 360.0, 220.0);
    frame.bottom += 14.0;
    let bins = plot.counts.len() as f64;
    let most = plot.counts.iter().max().copied().unwrap_or(0);
    let x = Axis::exactly([plot.start, plot.start + plot.step * bins]);
    let y = Axis::around([0.0, most as f64], Scale::Linear);
    let sound = 0.0 < plot.step && 0 < most;
    let (Some(x), Some(y), true) = (x, y, sound) else { return frame.nothing() };
    let y = Axis::exactly([0.0, most as f64]).unwrap_or(y);
    frame.x_axis(&x, "");
    frame.y_axis(&y, "", false);
    let colour = theme::series(0);
    let _ = write!(frame.out, "<path fill=\"{colour}\" d=\"");
    for (bin, &count) in plot.counts.iter().enumerate().filter(|bin| 0 < *bin.1) {
        let (left, top) = frame.at(bin as f64 / bins, y.place(count as f64));
        let (right, bottom) = frame.at((bin + 1) as f64 / bins, 0.0);
        // A hairline of paper between bars, as long as they are wide enough.
        let right = if 4.0 < right - left { right - 1.0 } else { right };
        let (left, top, right, bottom) = (number(left), number(top), number(right), number(bottom));
        let _ = write!(frame.out, "M{left} {bottom}V{top}H{right}V{bottom}z");
    }
    frame.out.push_str("\"/>\n");
    frame.finish()
}
