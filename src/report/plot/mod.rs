//! Turns numbers into plots as SVG: training curves, embeddings.
//!
//! Values that are not finite are left out; a plot without any value says so.

mod axis;
mod scatter;
mod training;

pub use axis::{Axis, Scale};
pub use scatter::{Scatter, scatter};
pub use training::{Output, Run, Training, training};

use super::text::{Weight, escape, number, shorten, width};
use super::theme;
use std::fmt::Write;

/// A plot under construction: a page, a rectangle for the data, and the SVG so far.
struct Frame {
    width: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    out: String,
}

/// An entry of a legend: the text, its colour, and how it is drawn.
struct Key {
    text: String,
    colour: &'static str,
    mark: Mark,
}

/// How a series is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Line,
    Dashed,
    Dot,
}

const KEY_ROW: f64 = 18.0;

impl Frame {
    /// An empty page with a title; the data rectangle leaves room for axes.
    fn new(title: &str, subtitle: &str, width: f64, height: f64) -> Frame {
        let (light, dark) = css();
        let (w, h) = (number(width), number(height));
        let name = escape(title);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
             role=\"img\" aria-label=\"{name}\">\n<title>{name}</title>\n{}\n\
             <rect class=\"paper\" width=\"{w}\" height=\"{h}\"/>\n",
            theme::style(&light, &dark)
        );
        let mut top = 22.0;
        for (class, text, step) in [("title", title, 12.0), ("subtitle", subtitle, 19.0)] {
            if !text.is_empty() {
                top += step;
                let text = escape(&shorten(text, 90));
                let _ = writeln!(out, "<text class=\"{class}\" x=\"20\" y=\"{top}\">{text}</text>");
            }
        }
        Frame {
            width,
            left: 64.0,
            right: width - 24.0,
            top: top + 18.0,
            bottom: height - 48.0,
            out,
        }
    }

    /// A legend in rows above the data; moves the data rectangle down.
    fn legend(&mut self, keys: &[Key]) {
        if keys.is_empty() {
            return;
        }
        let mut x = self.left;
        let mut y = self.top + 2.0;
        for key in keys {
            let text = shorten(&key.text, 40);
            let needed = 24.0 + width(&text, 11.0, Weight::Regular) + 16.0;
            if self.right < x + needed && self.left < x {
                (x, y) = (self.left, y + KEY_ROW);
            }
            let (at, middle, colour) = (number(x), number(y - 4.0), key.colour);
            let _ = match key.mark {
                Mark::Dot => {
                    let x = number(x + 9.0);
                    write!(
                        self.out,
                        "<circle cx=\"{x}\" cy=\"{middle}\" r=\"4.5\" fill=\"{colour}\"/>"
                    )
                }
                Mark::Line | Mark::Dashed => {
                    let dash = if key.mark == Mark::Dashed { " dashed" } else { "" };
                    write!(
                        self.out,
                        "<path class=\"line{dash}\" stroke=\"{colour}\" d=\"M{at} {middle}h18\"/>"
                    )
                }
            };
            let (x_text, text) = (number(x + 24.0), escape(&text));
            let _ = writeln!(self.out, "<text x=\"{x_text}\" y=\"{}\">{text}</text>", number(y));
            x += needed;
        }
        self.top = y + 14.0;
    }

    /// Grid lines, ticks and the name of the horizontal axis.
    fn x_axis(&mut self, axis: &Axis, label: &str) {
        for (value, text) in axis.ticks((self.right - self.left) / 80.0) {
            let x = number(self.left + axis.place(value) * (self.right - self.left));
            let _ = writeln!(
                self.out,
                "<path class=\"grid\" d=\"M{x} {}V{}\"/>\
                 <text class=\"tick\" text-anchor=\"middle\" x=\"{x}\" y=\"{}\">{text}</text>",
                number(self.top),
                number(self.bottom),
                number(self.bottom + 16.0),
            );
        }
        let (x, y) = (number((self.left + self.right) / 2.0), number(self.bottom + 36.0));
        let label = escape(&shorten(label, 60));
        let _ = writeln!(
            self.out,
            "<text class=\"axis\" text-anchor=\"middle\" x=\"{x}\" y=\"{y}\">{label}</text>"
        );
    }

    /// Ticks and the name of a vertical axis at the left (with grid lines) or at the right.
    fn y_axis(&mut self, axis: &Axis, label: &str, right: bool) {
        for (value, text) in axis.ticks((self.bottom - self.top) / 44.0) {
            let y = self.bottom - axis.place(value) * (self.bottom - self.top);
            let (x, anchor) =
                if right { (self.right + 8.0, "start") } else { (self.left - 8.0, "end") };
            if !right {
                let (from, to) = (number(self.left), number(self.right));
                let _ = write!(self.out, "<path class=\"grid\" d=\"M{from} {}H{to}\"/>", number(y));
            }
            let _ = writeln!(
                self.out,
                "<text class=\"tick\" text-anchor=\"{anchor}\" x=\"{}\" y=\"{}\">{text}</text>",
                number(x),
                number(y + 3.8),
            );
        }
        let x = if right { self.width - 12.0 } else { 18.0 };
        let y = (self.top + self.bottom) / 2.0;
        let label = escape(&shorten(label, 60));
        let _ = writeln!(
            self.out,
            "<text class=\"axis\" text-anchor=\"middle\" transform=\"translate({} {}) rotate(-90)\">{label}</text>",
            number(x),
            number(y),
        );
    }

    /// A line through points; `colour` and `class` tell it from others.
    fn line(&mut self, points: &[(f64, f64)], x: &Axis, y: &Axis, colour: &str, class: &str) {
        let mut d = String::new();
        for (i, &(px, py)) in points.iter().enumerate() {
            let (px, py) = self.at(x.place(px), y.place(py));
            let _ = write!(d, "{}{} {}", if i == 0 { "M" } else { "L" }, number(px), number(py));
        }
        if let [only] = points {
            let (cx, cy) = self.at(x.place(only.0), y.place(only.1));
            let (cx, cy) = (number(cx), number(cy));
            let _ =
                writeln!(self.out, "<circle cx=\"{cx}\" cy=\"{cy}\" r=\"3\" fill=\"{colour}\"/>");
        } else if !d.is_empty() {
            let _ = writeln!(self.out, "<path class=\"{class}\" stroke=\"{colour}\" d=\"{d}\"/>");
        }
    }

    /// Pixels of a place in the data rectangle, given from 0 to 1 to the right and upwards.
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.left + x * (self.right - self.left), self.bottom - y * (self.bottom - self.top))
    }

    /// The words in place of data.
    fn nothing(mut self) -> String {
        let (x, y) = (number(self.width / 2.0), number((self.top + self.bottom) / 2.0));
        let _ = writeln!(
            self.out,
            "<text class=\"subtitle\" text-anchor=\"middle\" x=\"{x}\" y=\"{y}\">no values yet</text>"
        );
        self.finish()
    }

    fn finish(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }
}

/// The rules of plots: light, then dark.
fn css() -> (String, String) {
    let light = ".grid{fill:none;stroke:#e6e9ee;stroke-width:1}\
        .axis{font-size:12px}.tick{fill:#5d6673}\
        .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\
        .faint{fill:none;stroke-width:1;stroke-linejoin:round;opacity:.28}\
        .thin{fill:none;stroke-width:1.2;opacity:.75}.dashed{stroke-dasharray:6 4}\
        .halo,.mean{font-weight:bold}.halo{stroke:#ffffff;stroke-width:3px;stroke-linejoin:round}";
    let dark = ".grid{stroke:#272d35}.tick{fill:#9aa4b2}.halo{stroke:#15181d}";
    (light.into(), dark.into())
}

#[cfg(test)]
mod tests;
