//! Turns SVG into PNG, with fonts that come with the program.

use crate::error::{Error, Result};
use resvg::{tiny_skia, usvg};
use std::sync::Arc;

/// The most pixels of a picture; larger ones are scaled down to this.
const MOST_PIXELS: f64 = 64e6;

/// The most pixels along one side.
const LONGEST_SIDE: f64 = 32_000.0;

/// Draws an SVG document. `scale` is the number of pixels for a unit of the document; pictures that
/// would be too large are drawn smaller.
///
/// # Errors
/// Refused if the document is not valid SVG or has no size.
pub fn render_png(svg: &str, scale: f64) -> Result<Vec<u8>> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(dejavu::sans_condensed::regular().to_vec());
    fonts.load_font_data(dejavu::sans_condensed::bold().to_vec());
    let family =
        fonts.faces().next().and_then(|face| face.families.first()).map(|name| name.0.clone());
    let family = family.unwrap_or_default();
    fonts.set_sans_serif_family(family.clone());
    let options =
        usvg::Options { fontdb: Arc::new(fonts), font_family: family, ..Default::default() };
    let tree = usvg::Tree::from_str(svg, &options)
        .map_err(|error| Error::refused(format!("the picture cannot be drawn: {error}")))?;
    let size = tree.size();
    let (width, height) = (f64::from(size.width()), f64::from(size.height()));
    let largest = (LONGEST_SIDE / width.max(height)).min((MOST_PIXELS / (width * height)).sqrt());
    let scale = if scale.is_finite() { scale.clamp(1e-3, largest.max(1e-3)) } else { 1.0 };
    let side = |length: f64| (length * scale).ceil().max(1.0) as u32;
    let mut pixels = tiny_skia::Pixmap::new(side(width), side(height))
        .ok_or_else(|| Error::refused(format!("a picture of {width} × {height} is too large")))?;
    let transform = tiny_skia::Transform::from_scale(scale as f32, scale as f32);
    resvg::render(&tree, transform, &mut pixels.as_mut());
    pixels
        .encode_png()
        .map_err(|error| Error::refused(format!("cannot encode the picture: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::report::svg::{Options, render_svg};

    #[test]
    fn a_diagram_becomes_pixels_of_its_colours() {
        let svg = render_svg(&sample::siamese(), &Options::default());
        let png = render_png(&svg, 1.0).expect("a picture");
        let image = image::load_from_memory(&png).expect("valid PNG").to_rgb8();
        let convolution = image::Rgb([0x3f, 0x6f, 0xb0]);
        let count = |colour| image.pixels().filter(|&&pixel| pixel == colour).count();
        // Four headers of convolutions, about 150 by 24 pixels each, less their texts.
        assert!(4 * 2_000 < count(convolution), "{}", count(convolution));
        // Text in the default ink is dark on white, so the fonts are found.
        assert!(500 < image.pixels().filter(|pixel| pixel.0.iter().all(|&v| v < 100)).count());
    }

    #[test]
    fn bad_documents_are_refused() {
        assert!(matches!(render_png("<svg", 1.0), Err(Error::Refused(_))));
    }
}
