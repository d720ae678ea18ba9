//! Tensors and storages to the text that Torch prints.

use super::layout::{Layout, describe};
use super::storage::Storage;
use super::view::Tensor;
use crate::front::torch::interp::{Lua, LuaResult, LuaStr, number};

/// Characters of a line of a matrix.
const LINE: usize = 80;
/// Steps and bytes that the text of an element costs.
const ELEMENT: usize = 16;

/// How all elements of a tensor are printed.
struct Format {
    style: Style,
    /// Characters of an element.
    width: usize,
    /// What the elements are divided by.
    scale: f64,
}

#[derive(Clone, Copy)]
enum Style {
    Whole,
    Fixed,
    Scientific,
    /// `%f`, which Torch falls back to when there is a NaN.
    Plain,
}

/// Digits before the point.
fn magnitude(value: f64) -> f64 {
    if value == 0.0 { 1.0 } else { value.log10().floor() + 1.0 }
}

impl Format {
    fn of(values: &[f64]) -> Format {
        let is_whole = values.iter().all(|value| *value == value.ceil());
        let has_nan = values.iter().any(|value| value.is_nan());
        let sizes = values.iter().map(|value| value.abs());
        let low = magnitude(sizes.clone().fold(f64::INFINITY, f64::min));
        let high = magnitude(sizes.fold(0.0, f64::max));
        let format = |style, width| Format { style, width, scale: 1.0 };
        if has_nan {
            format(Style::Plain, 8)
        } else if is_whole && 9.0 < high {
            format(Style::Scientific, 11)
        } else if is_whole {
            format(Style::Whole, high.max(0.0) as usize + 1)
        } else if 4.0 < high - low {
            let is_long = 99.0 < high.abs() || 99.0 < low.abs();
            format(Style::Scientific, if is_long { 12 } else { 11 })
        } else if !(0.0..=5.0).contains(&high) {
            Format { scale: 10f64.powf(high - 1.0), ..format(Style::Fixed, 7) }
        } else if high == 0.0 {
            format(Style::Fixed, 7)
        } else {
            format(Style::Fixed, high as usize + 6)
        }
    }

    fn element(&self, value: f64) -> String {
        let value = value / self.scale;
        let text = match self.style {
            Style::Whole => number::format_fixed(value + 0.0, 0),
            Style::Fixed => number::format_fixed(value, 4),
            Style::Scientific => number::format_scientific(value, 4),
            Style::Plain => return number::format_fixed(value, 6),
        };
        format!("{text:>width$}", width = self.width)
    }

    fn scale_line(&self, end: &str) -> String {
        match self.scale == 1.0 {
            true => String::new(),
            false => format!("{} *\n{end}", number::format_general(self.scale, 6, false)),
        }
    }

    /// One element a line.
    fn column(&self, values: &[f64]) -> String {
        let lines: String = values.iter().map(|value| self.element(*value) + "\n").collect();
        self.scale_line("") + &lines
    }

    /// Rows, in groups of so many columns as a line holds.
    fn matrix(&self, values: &[f64], columns: usize, indent: &str) -> String {
        let group = ((LINE - indent.len()) / (self.width + 1)).max(1);
        let mut text = indent.to_owned();
        let row_start = if self.scale == 1.0 { indent.to_owned() } else { format!("{indent} ") };
        for first in (0..columns).step_by(group) {
            let last = (first + group).min(columns);
            if group < columns {
                if 0 < first {
                    text.push('\n');
                }
                text += &format!("Columns {} to {last}\n{indent}", first + 1);
            }
            text += &self.scale_line(&format!(" {indent}"));
            let rows: Vec<String> = values
                .chunks(columns)
                .map(|row| {
                    let elements: Vec<_> =
                        row[first..last].iter().map(|value| self.element(*value)).collect();
                    elements.join(" ") + "\n"
                })
                .collect();
            text += &rows.join(&row_start);
        }
        text
    }
}

/// `tostring(tensor)`.
pub(super) fn tensor(lua: &mut Lua, tensor: &Tensor) -> LuaResult<LuaStr> {
    let (name, sizes) = (tensor.kind().tensor_name(), tensor.sizes());
    if tensor.is_unknown() {
        let size = describe(&sizes);
        let shown = format!("[{name} of size {size}, known only when the network runs]\n");
        return Ok(text(lua, shown));
    }
    let values = read(lua, &tensor.storage(), &tensor.layout())?;
    let format = Format::of(&values);
    let body = match sizes[..] {
        [] => return Ok(text(lua, format!("[{name} with no dimension]\n"))),
        [_] => format.column(&values),
        [_, columns] => format.matrix(&values, columns, ""),
        [ref outer @ .., rows, columns] => {
            let mut parts = vec![];
            let mut counter = vec![1; outer.len()];
            // Torch counts the first dimension fastest.
            for _ in 0..outer.iter().product() {
                let place = counter.iter().zip(outer).fold(0, |at, (i, size)| at * size + i - 1);
                let matrix = &values[place * rows * columns..][..rows * columns];
                let index: String = counter.iter().map(|i| format!("{i},")).collect();
                parts.push(format!("({index}.,.) = \n{}", format.matrix(matrix, columns, " ")));
                for (i, size) in counter.iter_mut().zip(outer) {
                    *i += 1;
                    if *i <= *size {
                        break;
                    }
                    *i = 1;
                }
            }
            parts.join("\n")
        }
    };
    Ok(text(lua, format!("{body}[{name} of size {}]\n", describe(&sizes))))
}

/// `tostring(storage)`.
pub(super) fn storage(lua: &mut Lua, storage: &Storage) -> LuaResult<LuaStr> {
    let values = read(lua, storage, &Layout::rows(0, &[storage.length()]))?;
    let body = Format::of(&values).column(&values);
    let name = storage.kind().storage_name();
    Ok(text(lua, format!("{body}[{name} of size {}]\n", values.len())))
}

fn read(lua: &mut Lua, storage: &Storage, layout: &Layout) -> LuaResult<Vec<f64>> {
    let count = layout.count();
    lua.work(count.saturating_mul(ELEMENT))?;
    lua.reserve_here(count.saturating_mul(4 * ELEMENT))?;
    storage.read(lua, layout)
}

fn text(lua: &Lua, text: String) -> LuaStr {
    lua.string(text.into_bytes())
}
