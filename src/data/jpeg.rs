//! Decodes and encodes JPEG files to the bytes that libjpeg-turbo has, by which OpenCV and Pillow read and write them.

use std::panic::catch_unwind;

use libjpeg_turbo_rs::{ColorSpace, DecodeLimits, Decoder, PixelFormat, Subsampling, compress};

use super::images::{MAX_BYTES, MAX_SIDE};

/// Scans of a progressive file, at most; real ones have about ten.
const MAX_SCANS: usize = 500;

/// Pixels of a file, row by row, the channels of a pixel beside each other.
pub(super) struct Pixels {
    /// 1 for grey; 3 for red, green, blue; 4 for cyan, magenta, yellow, black as they are stored, 255 without ink.
    pub channels: usize,
    /// Rows and columns.
    pub size: [usize; 2],
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The colours of a file, or with `brightness` its first component, where the others are differences of colour. Of a file that
/// ends early the rest is grey, as libjpeg has it. The orientation that a camera has noted changes nothing.
///
/// `None` if it is too large, or of a kind that is not decoded here.
pub(super) fn decode(file: &[u8], brightness: bool) -> Option<Pixels> {
    // A file can be anything; a mistake of the decoder's must not end the program.
    catch_unwind(|| decode_trusted(file, brightness)).ok().flatten()
}

fn decode_trusted(file: &[u8], brightness: bool) -> Option<Pixels> {
    let limits = DecodeLimits {
        max_width: MAX_SIDE as usize,
        max_height: MAX_SIDE as usize,
        max_scans: MAX_SCANS,
        max_pixels: MAX_BYTES / 3,
        max_memory: Some(2 * MAX_BYTES),
    };
    let mut decoder = Decoder::new_with_limits(file, limits).ok()?;
    let (format, channels) = match decoder.jpeg_color_space() {
        ColorSpace::Grayscale => (PixelFormat::Grayscale, 1),
        ColorSpace::YCbCr if brightness => (PixelFormat::Grayscale, 1),
        ColorSpace::YCbCr | ColorSpace::Rgb if !brightness => (PixelFormat::Rgb, 3),
        ColorSpace::Cmyk | ColorSpace::Ycck if !brightness => (PixelFormat::Cmyk, 4),
        _ => return None,
    };
    decoder.set_output_format(format);
    decoder.set_lenient(true);
    let image = decoder.decode_image().ok()?;
    let size = [image.height, image.width];
    let is_whole = image.data.len() == channels * image.height * image.width;
    is_whole.then_some(Pixels { channels, size, bytes: image.data })
}

/// By whose formula inks become colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inks {
    /// Pillow's, which DIGITS reads images with.
    Pillow,
    /// OpenCV's.
    OpenCv,
}

/// Red, green and blue of stored inks.
pub(super) fn of_inks(inks: &[u8], by: Inks) -> Vec<u8> {
    let (pixels, _) = inks.as_chunks::<4>();
    let colour = |&[cyan, magenta, yellow, light]: &[u8; 4]| {
        [cyan, magenta, yellow].map(|stored| {
            let product = (255 - u32::from(stored)) * u32::from(light);
            let dark = match by {
                Inks::OpenCv => product >> 8,
                // An eighth bit rounds, and 255 times 255 is 255.
                Inks::Pillow => (product + 128 + ((product + 128) >> 8)) >> 8,
            };
            light - dark as u8
        })
    };
    pixels.iter().flat_map(colour).collect()
}

/// A file of grey or red, green, blue pixels, as OpenCV and Pillow write it: the differences of colour at half the size. None if it
/// cannot be made.
pub(super) fn encode(pixels: &[u8], size: [usize; 2], quality: u8) -> Option<Vec<u8>> {
    let [height, width] = size;
    let format = match pixels.len() == height * width {
        true => PixelFormat::Grayscale,
        false => PixelFormat::Rgb,
    };
    compress(pixels, width, height, format, quality, Subsampling::S420).ok()
}
