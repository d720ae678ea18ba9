//! Plots to files, as SVG or PNG by the ending of the name.

use std::path::Path;

use crate::error::{Error, Result};
use crate::file::write_atomically;
use crate::report::png::render_png;

/// Whether the ending of a name says how to draw; asked before the work that the picture shows.
///
/// # Errors
/// It is neither `.svg` nor `.png`.
pub(super) fn check_name(path: &Path) -> Result<()> {
    is_png(path).map(drop)
}

/// Writes an SVG document as it is or as pixels, `scale` for each of its units.
pub(super) fn write(path: &Path, svg: String, scale: f64) -> Result<()> {
    let bytes = if is_png(path)? { render_png(&svg, scale)? } else { svg.into_bytes() };
    write_atomically(path, |file| file.write_all(&bytes))
}

fn is_png(path: &Path) -> Result<bool> {
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    match ending.as_deref() {
        Some("svg") => Ok(false),
        Some("png") => Ok(true),
        _ => Err(Error::format(path, "the name of a plot ends with .svg or .png")),
    }
}
