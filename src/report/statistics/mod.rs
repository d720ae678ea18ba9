//! The page of all activations and weights of a net for one image, as DIGITS' "Show visualizations and statistics" has it.
//!
//! The page stands alone: pictures are in it, scripts there are none.

mod cells;

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::figures::{compact, grouped};
use super::text::{escape, number, shorten};
use super::theme;
use crate::error::Result;
use crate::job::inference::Inference;
use crate::job::statistics::{Array, Figures, Holdings, What};
use crate::ty::Shape;
use cells::{Grid, Paint};

/// Bytes of all pictures before they are compressed, which are hardly less than what they are in the page.
const ROOM: usize = 9_000_000;

/// Pixels of the screen along the longer side of a picture that is small.
const SMALL: usize = 360;

/// What a page says beside the figures.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The image, or the two of a pair.
    pub image: &'a str,
    /// What the net answers, by name.
    pub answers: &'a [(String, String)],
}

/// The page, and its figures for programs.
///
/// # Errors
/// A picture cannot be encoded.
pub fn page(net: &mut Inference, told: Told) -> Result<(String, Value)> {
    let holdings = net.holdings();
    let shown = holdings.iter().flat_map(|layer| &layer.arrays).filter(|array| is_shown(array));
    let side = cells::side_for(shown.map(|array| &array.extents[..]), ROOM);
    let mut body = String::new();
    let mut layers = vec![];
    for (place, Holdings { layer, kind, arrays }) in holdings.iter().enumerate() {
        let (name, kind_shown) = (escape(&shorten(layer, 80)), escape(&shorten(kind, 60)));
        let _ =
            writeln!(body, "<section id=\"l{place}\"><h2>{name} <small>{kind_shown}</small></h2>");
        let (mut parameters, mut tops) = (vec![], vec![]);
        for array in arrays {
            let values = net.values(array);
            let figures = Figures::of(&values);
            let picture = match is_shown(array) {
                true => picture(array, &values, &figures, side, net.red_first())?,
                false => String::new(),
            };
            row(&mut body, array, &figures, &picture);
            match &array.what {
                What::Parameter { .. } => parameters.push(array_json(array, &figures)),
                _ => tops.push(array_json(array, &figures)),
            }
        }
        body.push_str("</section>\n");
        layers.push(json!({ "name": layer, "type": kind, "parameters": parameters, "tops": tops }));
    }
    let total = net.parameters();
    let name = if net.name().is_empty() { "network" } else { net.name() };
    let html = whole(name, told, &holdings, &body, total);
    Ok((html, json!({ "parameters": total, "layers": layers })))
}

/// A parameter is drawn where it belongs.
fn is_shown(array: &Array) -> bool {
    !matches!(array.what, What::Parameter { owner: Some(_), .. })
}

fn array_json(array: &Array, figures: &Figures) -> Value {
    let Figures { count, not_finite, mean, deviation, min, max, counts, range } = figures;
    let mut told = json!({ "shape": array.shape });
    match &array.what {
        What::Parameter { learned, owner } => {
            told["role"] = json!(array.name);
            told["learned"] = json!(learned);
            told["shared_with"] = json!(owner);
        }
        _ => told["name"] = json!(array.name),
    }
    told["count"] = json!(count);
    told["not_finite"] = json!(not_finite);
    told["mean"] = json!(mean);
    told["deviation"] = json!(deviation);
    told["min"] = json!(min);
    told["max"] = json!(max);
    told["histogram"] = json!({ "from": range[0], "to": range[1], "counts": counts });
    told
}

/// The row of an array: what it is, its figures, its picture.
fn row(out: &mut String, array: &Array, figures: &Figures, picture: &str) {
    let what = match &array.what {
        What::Parameter { learned: true, .. } => "parameter",
        What::Parameter { learned: false, .. } => "kept by the layer",
        What::Input => "input",
        What::Activation => "activation",
    };
    let shape = compact(&Shape(array.shape.clone()));
    let count = figures.count as u64;
    let name = escape(&shorten(&array.name, 60));
    let _ = write!(out, "<div class=\"row\"><div><h3>{name}</h3><p>{what}<br>{shape}");
    if let What::Parameter { learned: true, owner: None } = array.what {
        let _ = write!(out, "<br>{} learned parameters", grouped(count));
    }
    if let What::Parameter { owner: Some(owner), .. } = &array.what {
        let owner = escape(&shorten(owner, 60));
        let _ = writeln!(out, "<br>shared with {owner}</p></div></div>");
        return;
    }
    if 0 < figures.not_finite {
        let _ =
            write!(out, "<br><b>{} are no finite numbers</b>", grouped(figures.not_finite as u64));
    }
    out.push_str("</p></div><div>");
    if figures.not_finite < figures.count {
        let facts = [
            ("mean", figures.mean),
            ("deviation", figures.deviation),
            ("min", f64::from(figures.min)),
            ("max", f64::from(figures.max)),
        ];
        out.push_str("<dl>");
        for (name, value) in facts {
            let _ = write!(out, "<dt>{name}</dt><dd>{}</dd>", significant(value));
        }
        out.push_str("</dl>");
        histogram(out, figures);
    }
    let _ = writeln!(out, "</div><div>{picture}</div></div>");
}

/// Bars, as high as the counts of their bins, and the values at both ends and in the middle.
fn histogram(out: &mut String, figures: &Figures) {
    const HEIGHT: f64 = 56.0;
    let most = figures.counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let listed: Vec<String> = figures.counts.iter().map(u64::to_string).collect();
    let [from, to] = figures.range;
    let _ = write!(
        out,
        "<svg class=\"histogram\" viewBox=\"0 0 200 {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\">\
         <title>values in bins of equal width: {}</title><path fill=\"{}\" d=\"",
        listed.join(", "),
        theme::series(0),
    );
    for (bin, &count) in figures.counts.iter().enumerate().filter(|(_, count)| 0 < **count) {
        // What is there is seen.
        let top = (HEIGHT - HEIGHT * count as f64 / most).min(HEIGHT - 0.8);
        let _ = write!(out, "M{} {HEIGHT}V{}h9V{HEIGHT}z", 10 * bin, number(top));
    }
    let ticks = [from, from / 2.0 + to / 2.0, to].map(significant);
    let _ = write!(
        out,
        "\"/></svg><div class=\"ticks\"><span>{}</span></div>",
        ticks.join("</span><span>")
    );
}

/// The picture of an array as an element of the page.
fn picture(
    array: &Array,
    values: &[f32],
    figures: &Figures,
    side: usize,
    red_first: bool,
) -> Result<String> {
    let Some(grid) = Grid::of(&array.extents, side) else { return Ok(String::new()) };
    let paint = if array.what == What::Activation { Paint::Heat } else { Paint::Grey };
    let png = grid.png(values, [figures.min, figures.max], paint, red_first)?;
    let [width, height] = grid.size();
    let times = (SMALL / width.max(height)).clamp(1, 12);
    let width = width * times;
    let mut said = String::new();
    let [rows, columns] = grid.cell;
    if grid.shown < grid.cells {
        let [shown, cells] = [grid.shown, grid.cells].map(|n| grouped(n as u64));
        let _ = write!(said, "the first {shown} of {cells}");
    } else if grid.is_cut() {
        let _ = write!(said, "the upper left corner of {rows} × {columns}");
    }
    if !said.is_empty() {
        said = format!("<p class=\"quiet\">{said}</p>");
    }
    let (name, data) = (escape(&array.name), BASE64_STANDARD.encode(png));
    Ok(format!(
        "<img style=\"width:{width}px\" alt=\"{name}\" src=\"data:image/png;base64,{data}\">{said}"
    ))
}

/// Four significant digits.
fn significant(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-3..1e6).contains(&size) {
        let digits = 3.0 - size.max(1e-3).log10().floor();
        let text = format!("{value:.*}", digits.clamp(0.0, 6.0) as usize);
        return match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        };
    }
    format!("{value:.3e}")
}

fn whole(title: &str, told: Told, holdings: &[Holdings], body: &str, total: usize) -> String {
    let (title, image) = (escape(&shorten(title, 80)), escape(told.image));
    let mut answers = String::new();
    for (name, answer) in told.answers {
        let _ = write!(answers, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(answer));
    }
    let links = holdings.iter().enumerate().map(|(place, layer)| {
        format!("<a href=\"#l{place}\">{}</a>", escape(&shorten(&layer.layer, 40)))
    });
    let links = links.collect::<Vec<_>>().join(" ");
    let (fonts, total) = (theme::FONTS, grouped(total as u64));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\
         <title>{title}: {image}</title><style>body{{font-family:{fonts}}}{STYLE}</style></head>\n<body>\
         <h1>{title}</h1><p class=\"quiet\">{image}</p><dl class=\"answers\">{answers}</dl>\
         <details><summary>{} layers</summary><nav>{links}</nav></details>\n{body}\
         <section><h2>Total</h2><p>{total} learned parameters</p></section></body></html>\n",
        holdings.len(),
    )
}

/// The rules of the page, in light and dark.
const STYLE: &str = "body{margin:24px auto;max-width:1180px;padding:0 20px;font-size:14px;line-height:1.45;\
color:#3d4450;background:#fff}h1{font-size:22px;margin:0;color:#16191f;overflow-wrap:anywhere}\
h2{font-size:16px;margin:0 0 8px;color:#16191f}h2 small,.quiet{color:#5d6673;font-weight:normal}\
h3{font-size:14px;margin:0;color:#16191f}h2,h3{overflow-wrap:anywhere}p{margin:2px 0 8px}\
section{border-top:1px solid #d9dee5;padding:14px 0}nav{display:flex;flex-wrap:wrap;gap:2px 12px;margin:6px 0 14px}\
a{color:#3f6fb0}.row{display:grid;grid-template-columns:190px 220px 1fr;gap:8px 28px;margin-bottom:18px}\
.row>div{min-width:0}dl{display:grid;grid-template-columns:auto 1fr;gap:0 12px;margin:0 0 6px}\
dt{color:#5d6673}dd{margin:0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}.answers{margin:10px 0 14px}\
.histogram{width:200px;height:56px;display:block;border-bottom:1px solid #aab2bd}\
.ticks{width:200px;display:flex;justify-content:space-between;font-size:11px;color:#5d6673}\
img{image-rendering:pixelated;max-width:100%;height:auto;display:block}\
@media(max-width:760px){.row{grid-template-columns:1fr}}\
@media(prefers-color-scheme:dark){body{color:#c3cad5;background:#15181d}h1,h2,h3{color:#f2f4f7}\
h2 small,.quiet,dt,.ticks{color:#9aa4b2}section{border-color:#2d343d}a{color:#88ccee}\
.histogram{border-color:#4a5360}.histogram path{fill:#6f9fd0}}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let shown = [0.0, 0.5, -0.012345, 123456.0, 1e-7, 33.333333].map(significant);
        assert_eq!(shown, ["0", "0.5", "-0.01235", "123456", "1.000e-7", "33.33"]);
    }
}
