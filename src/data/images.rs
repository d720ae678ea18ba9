//! Turns image files into pixels in channels, rows, columns, blue first, by the rules of DIGITS or of OpenCV, and back into
//! PNG.

use std::io::Cursor;
use std::path::Path;

use image::{
    DynamicImage, GrayImage, ImageBuffer, ImageFormat, ImageReader, Limits, Luma, LumaA, Pixel,
    Rgb, RgbImage, Rgba,
};

use super::averaging;
use super::jpeg::{self, Inks};
use crate::{Error, Result, file};

/// Images with more rows or columns are refused.
pub(super) const MAX_SIDE: u32 = 1 << 15;
/// Quality of JPEG files, 0 to 100, as OpenCV sets it.
const JPEG_QUALITY: u8 = 95;
/// Images that need more memory to decode are refused.
pub(super) const MAX_BYTES: u64 = 256 << 20;

/// An image of 8-bit pixels: one channel (grey) or three (blue, green, red), each row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    channels: usize,
    height: usize,
    width: usize,
    pixels: Vec<u8>,
}

impl Image {
    /// An image of `channels` 1 or 3; `None` if the number of pixels does not fit or a side is 0.
    pub fn new(channels: usize, height: usize, width: usize, pixels: Vec<u8>) -> Option<Self> {
        let count = channels.checked_mul(height)?.checked_mul(width)?;
        let fits = matches!(channels, 1 | 3) && 0 < count && count == pixels.len();
        fits.then_some(Image { channels, height, width, pixels })
    }

    /// Reads a PNG, JPEG, BMP, PNM (.pgm, .ppm), GIF, TIFF or WebP file as DIGITS does: transparent images are laid on white.
    pub fn load(path: &Path) -> Result<Self> {
        Self::decode(&file::read(path)?).map_err(|message| Error::format(path, message))
    }

    /// Like [`load`](Self::load) for a file in memory; the error is a sentence without a file name.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        Self::decode_by(bytes, Inks::Pillow, on_white)
    }

    /// Like [`decode`](Self::decode), but as OpenCV reads images for Caffe: what is transparent has its colour all the same.
    pub fn decode_opaque(bytes: &[u8]) -> Result<Self, String> {
        Self::decode_by(bytes, Inks::OpenCv, |image| DynamicImage::from(image.to_rgb8()))
    }

    fn decode_by(
        bytes: &[u8],
        inks: Inks,
        opaque: impl Fn(&DynamicImage) -> DynamicImage,
    ) -> Result<Self, String> {
        if image::guess_format(bytes).ok() == Some(ImageFormat::Jpeg)
            && let Some(image) = jpeg::decode(bytes, false).and_then(|p| of_jpeg(p, inks))
        {
            return Ok(image);
        }
        let failed = |e| format!("is not an image that can be read: {e}");
        let mut reader = ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .map_err(|e| format!("is not an image that can be read: {e}"))?;
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        limits.max_alloc = Some(MAX_BYTES);
        reader.limits(limits);
        let decoded = high_bytes(reader.decode().map_err(failed)?);
        let has_colour = decoded.color().has_color();
        let decoded = if decoded.color().has_alpha() { opaque(&decoded) } else { decoded };
        let image = if has_colour {
            of_rgb(&decoded.into_rgb8())
        } else {
            let grey = decoded.into_luma8();
            let (width, height) = grey.dimensions();
            Image::new(1, height as usize, width as usize, grey.into_raw())
        };
        image.ok_or_else(|| "is an image without pixels".to_owned())
    }

    /// Channels, rows, columns.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// The pixels, channel by channel, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The pixels without a copy.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// Three channels; grey is repeated.
    pub fn to_colour(self) -> Self {
        if self.channels == 3 {
            return self;
        }
        Image { channels: 3, pixels: self.pixels.repeat(3), ..self }
    }

    /// One channel: 0.299 red + 0.587 green + 0.114 blue, rounded, in the fixed point of Pillow.
    pub fn to_grey(self) -> Self {
        self.mixed([19595, 38470, 7471], 16)
    }

    /// The same in the fixed point of OpenCV 2 and 3, which is another one for some of the colours.
    pub fn to_grey_of_opencv(self) -> Self {
        self.mixed([4899, 9617, 1868], 14)
    }

    /// One channel of so many parts of `1 << bits` of red, green and blue, rounded.
    fn mixed(self, parts: [u32; 3], bits: u32) -> Self {
        if self.channels == 1 {
            return self;
        }
        let (blue, rest) = self.pixels.split_at(self.height * self.width);
        let (green, red) = rest.split_at(self.height * self.width);
        let mixed = |((&r, &g), &b): ((&u8, &u8), &u8)| {
            let sum: u32 = [r, g, b].iter().zip(parts).map(|(&c, part)| u32::from(c) * part).sum();
            ((sum + (1 << (bits - 1))) >> bits) as u8
        };
        let grey = red.iter().zip(green).zip(blue).map(mixed);
        Image { channels: 1, pixels: grey.collect(), ..self }
    }

    /// Exactly `height` x `width` pixels, bilinear, whatever that does to the proportions (DIGITS' `squash`).
    /// `None` if a side is 0 or beyond the limit for files.
    pub fn resize(self, height: usize, width: usize) -> Option<Self> {
        if (height, width) == (self.height, self.width) {
            return Some(self);
        }
        let allowed = 1..=MAX_SIDE as usize;
        if !allowed.contains(&height) || !allowed.contains(&width) {
            return None;
        }
        let size = [self.height, self.width];
        let planes = self.pixels.chunks_exact(self.height * self.width);
        let pixels =
            planes.flat_map(|plane| averaging::resize(plane, size, [height, width])).collect();
        Image::new(self.channels, height, width, pixels)
    }

    /// The image as a PNG file in memory.
    pub fn to_png(&self) -> Result<Vec<u8>, String> {
        self.encode("png")
    }

    /// The image as a file of the kind that an ending names, `png`, `jpg`, `jpeg` or `bmp`, in memory.
    pub fn encode(&self, ending: &str) -> Result<Vec<u8>, String> {
        if matches!(ending, "jpg" | "jpeg") {
            let pixels =
                if self.channels == 1 { self.pixels.clone() } else { self.interleaved_rgb() };
            let file = jpeg::encode(&pixels, [self.height, self.width], JPEG_QUALITY);
            return file.ok_or_else(|| format!("cannot be written as {ending}"));
        }
        let (width, height) = (self.width as u32, self.height as u32);
        let image = if self.channels == 1 {
            GrayImage::from_raw(width, height, self.pixels.clone()).map(DynamicImage::from)
        } else {
            RgbImage::from_raw(width, height, self.interleaved_rgb()).map(DynamicImage::from)
        };
        let mut file = Cursor::new(vec![]);
        let image = image.ok_or_else(|| format!("cannot be written as {ending}"))?;
        let written = match ending {
            "png" => image.write_to(&mut file, ImageFormat::Png),
            "bmp" => image.write_to(&mut file, ImageFormat::Bmp),
            _ => return Err(format!("`{ending}` is no kind of image; png, jpg and bmp are")),
        };
        written.map_err(|e| format!("cannot be written as {ending}: {e}"))?;
        Ok(file.into_inner())
    }

    /// Writes a PNG file.
    pub fn save_png(&self, path: &Path) -> Result<()> {
        let png = self.to_png().map_err(|message| Error::format(path, message))?;
        file::write_atomically(path, |writer| writer.write_all(&png))
    }

    fn interleaved_rgb(&self) -> Vec<u8> {
        let plane = self.height * self.width;
        (0..plane).flat_map(|i| [2, 1, 0].map(|c| self.pixels[c * plane + i])).collect()
    }
}

fn of_rgb(rgb: &RgbImage) -> Option<Image> {
    let (width, height) = rgb.dimensions();
    of_interleaved(rgb.as_raw(), [height as usize, width as usize])
}

/// An image of red, green and blue beside each other.
fn of_interleaved(rgb: &[u8], [height, width]: [usize; 2]) -> Option<Image> {
    let channel = |c: usize| rgb.iter().skip(c).step_by(3).copied();
    let pixels = channel(2).chain(channel(1)).chain(channel(0)).collect();
    Image::new(3, height, width, pixels)
}

/// An image of what a JPEG file holds.
fn of_jpeg(pixels: jpeg::Pixels, inks: Inks) -> Option<Image> {
    let jpeg::Pixels { channels, size, bytes } = pixels;
    match channels {
        1 => Image::new(1, size[0], size[1], bytes),
        3 => of_interleaved(&bytes, size),
        _ => of_interleaved(&jpeg::of_inks(&bytes, inks), size),
    }
}

/// An image of 16-bit samples by the upper byte of each, as OpenCV and Pillow have it; other images stay as they are.
fn high_bytes(image: DynamicImage) -> DynamicImage {
    fn upper<P: Pixel<Subpixel = u8> + 'static>(
        wide: &ImageBuffer<impl Pixel<Subpixel = u16>, Vec<u16>>,
    ) -> Option<ImageBuffer<P, Vec<u8>>> {
        let samples = wide.as_raw().iter().map(|sample| (sample >> 8) as u8).collect();
        ImageBuffer::from_raw(wide.width(), wide.height(), samples)
    }
    let narrow = match &image {
        DynamicImage::ImageLuma16(wide) => upper::<Luma<u8>>(wide).map(DynamicImage::from),
        DynamicImage::ImageLumaA16(wide) => upper::<LumaA<u8>>(wide).map(DynamicImage::from),
        DynamicImage::ImageRgb16(wide) => upper::<Rgb<u8>>(wide).map(DynamicImage::from),
        DynamicImage::ImageRgba16(wide) => upper::<Rgba<u8>>(wide).map(DynamicImage::from),
        _ => None,
    };
    narrow.unwrap_or(image)
}

/// The image over a white ground, blended with 8-bit rounding.
fn on_white(image: &DynamicImage) -> DynamicImage {
    let rgba = image.to_rgba8();
    let mut rgb = RgbImage::new(rgba.width(), rgba.height());
    for (source, target) in rgba.pixels().zip(rgb.pixels_mut()) {
        let alpha = u32::from(source[3]);
        target.0 = [source[0], source[1], source[2]].map(|value| {
            let sum = u32::from(value) * alpha + 255 * (255 - alpha) + 128;
            ((sum + (sum >> 8)) >> 8) as u8
        });
    }
    DynamicImage::from(rgb)
}

/// Exchanges the first and the last of three planes.
pub fn swap_red_and_blue<T>(planes: &mut [T]) {
    let plane = planes.len() / 3;
    let (first, rest) = planes.split_at_mut(plane);
    first.swap_with_slice(&mut rest[plane..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayAlphaImage, RgbaImage};

    fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
        let mut bytes = Cursor::new(vec![]);
        image.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn channels_and_transparency() {
        let check = |bytes: &[u8], shape, pixels: &[u8]| {
            let image = Image::decode(bytes).unwrap();
            assert_eq!((image.shape(), image.pixels()), (shape, pixels));
        };
        let check_opaque = |bytes: &[u8], shape, pixels: &[u8]| {
            let image = Image::decode_opaque(bytes).unwrap();
            assert_eq!((image.shape(), image.pixels()), (shape, pixels));
        };
        let grey = GrayImage::from_raw(2, 1, vec![7, 200]).unwrap();
        check(&png(grey), [1, 1, 2], &[7, 200]);
        let rgb = RgbImage::from_raw(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        check(&png(rgb), [3, 1, 2], &[3, 6, 2, 5, 1, 4]);
        let rgba = RgbaImage::from_raw(2, 1, vec![10, 20, 30, 255, 10, 20, 30, 0]).unwrap();
        check(&png(rgba.clone()), [3, 1, 2], &[30, 255, 20, 255, 10, 255]);
        check_opaque(&png(rgba), [3, 1, 2], &[30, 30, 20, 20, 10, 10]);
        let grey_alpha = GrayAlphaImage::from_raw(2, 1, vec![100, 128, 9, 255]).unwrap();
        check(&png(grey_alpha.clone()), [1, 1, 2], &[177, 9]);
        check_opaque(&png(grey_alpha), [1, 1, 2], &[100, 9]);
        let wide = image::ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![0x12ff, 0xff00]);
        check(&png(wide.unwrap()), [1, 1, 2], &[0x12, 0xff]);
        check(b"P5\n# a face\n2 1\n255\n\x07\xc8", [1, 1, 2], &[7, 200]);
        check(b"P6 1 1 255\n\x01\x02\x03", [3, 1, 1], &[3, 2, 1]);
    }

    #[test]
    fn kinds_of_files() {
        let pixels = RgbImage::from_raw(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        for format in [ImageFormat::Gif, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Bmp] {
            let mut file = Cursor::new(vec![]);
            DynamicImage::from(pixels.clone()).write_to(&mut file, format).unwrap();
            let image = Image::decode(file.get_ref()).unwrap();
            assert_eq!(image.pixels(), [3, 6, 2, 5, 1, 4], "{format:?}");
        }
        for broken in [&b"P5 9 9 255\n\x01"[..], b"II*\0\x08\0\0\0", b"RIFF\x04\0\0\0WEBP"] {
            assert!(Image::decode(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn grey_and_colour() {
        let grey = Image::new(1, 1, 2, vec![7, 255]).unwrap();
        let colour = grey.clone().to_colour();
        assert_eq!(colour.pixels(), [7, 255, 7, 255, 7, 255]);
        assert_eq!(colour.to_grey(), grey);
    }

    #[test]
    fn resize_is_bilinear() {
        let image = Image::new(1, 1, 2, vec![0, 100]).unwrap();
        assert_eq!(image.clone().resize(1, 4).unwrap().pixels(), [0, 25, 75, 100]);
        let colour = image.clone().to_colour().resize(2, 2).unwrap();
        assert_eq!((colour.shape(), colour.pixels()[0]), ([3, 2, 2], 0));
        assert!(image.clone().resize(0, 4).is_none() && image.resize(1, 1 << 40).is_none());
    }

    /// A file of `tests/golden/images`, whose `make.py` says where they are from.
    fn golden(name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/images");
        std::fs::read(folder.join(name)).unwrap()
    }

    #[test]
    fn jpeg_files_are_decoded_to_the_bytes_of_libjpeg_turbo() {
        let kinds = [
            "444",
            "422",
            "420",
            "420_progressive",
            "420_restart",
            "420_cut",
            "grey",
            "rgb",
            "turned",
        ];
        for kind in kinds {
            let expected = Image::decode(&golden(&format!("{kind}.png"))).unwrap();
            let file = golden(&format!("{kind}.jpg"));
            assert_eq!(Image::decode(&file).unwrap(), expected, "{kind}");
            assert_eq!(Image::decode_opaque(&file).unwrap(), expected, "{kind}");
        }
        let inks = golden("cmyk.jpg");
        let expected = |by: &str| Image::decode(&golden(&format!("cmyk.{by}.png"))).unwrap();
        assert_eq!(Image::decode_opaque(&inks).unwrap(), expected("opencv"));
        assert_eq!(Image::decode(&inks).unwrap(), expected("pillow"));
    }

    #[test]
    fn jpeg_files_are_written_as_opencv_writes_them() {
        let image = Image::decode(&golden("444.png")).unwrap();
        assert!(image.encode("jpg").unwrap() == golden("written_by_opencv.jpg"));
    }

    /// Expected is what OpenCV's formula and Pillow's `convert('RGB')` give.
    #[test]
    fn inks_become_colours() {
        let stored = [0, 50, 100, 255, 255, 128, 7, 100, 200, 200, 200, 0];
        assert_eq!(jpeg::of_inks(&stored, Inks::OpenCv), [1, 51, 101, 100, 51, 4, 0, 0, 0]);
        assert_eq!(jpeg::of_inks(&stored, Inks::Pillow), [0, 50, 100, 100, 50, 3, 0, 0, 0]);
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let image = Image::new(3, 2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        image.save_png(&path).unwrap();
        assert_eq!(Image::load(&path).unwrap(), image);
        let whole = std::fs::read(&path).unwrap();
        for len in 0..whole.len() - 12 {
            std::fs::write(&path, &whole[..len]).unwrap();
            let error = Image::load(&path).unwrap_err().to_string();
            assert!(error.contains("a.png: is not an image"), "{len}: {error}");
        }
    }

    #[test]
    fn enormous_images_are_refused() {
        let mut bytes = png(GrayImage::new(1, 1));
        // Width and height follow the 16 bytes of signature and chunk head; the checksum follows them.
        bytes[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let checksum = crc(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
        let error = Image::decode(&bytes).unwrap_err();
        assert!(error.contains("imit") || error.contains("large"), "{error}");
    }

    fn crc(bytes: &[u8]) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum()
    }
}
