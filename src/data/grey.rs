//! Reads an image file as one channel in the way OpenCV does it for Caffe's `is_color: false` and `force_gray`, which
//! depends on the kind of file.

use image::ImageFormat;

use super::images::Image;
use super::jpeg;

/// Parts of 32768 that red, green and blue have in a grey pixel for libpng when it is asked for 0.299 and 0.587.
const PNG_PARTS: [u32; 3] = [9797, 19234, 3737];

/// The one channel of a file: a PNG's colours mixed as libpng does it, which rounds down, a JPEG's brightness as it is
/// stored, without the way to colours and back, and of other files 0.299 red + 0.587 green + 0.114 blue, rounded.
///
/// # Errors
/// It is not an image that can be read, as a sentence without a file name.
pub fn decode(bytes: &[u8]) -> Result<Image, String> {
    let kind = image::guess_format(bytes).ok();
    if kind == Some(ImageFormat::Jpeg)
        && let Some(found) = jpeg::decode(bytes, true)
        && let Some(image) = Image::new(1, found.size[0], found.size[1], found.bytes)
    {
        return Ok(image);
    }
    let image = Image::decode_opaque(bytes)?;
    let [channels, height, width] = image.shape();
    if channels == 1 || kind != Some(ImageFormat::Png) {
        return Ok(image.to_grey_of_opencv());
    }
    let grey = Image::new(1, height, width, mixed_by_libpng(image.pixels()));
    Ok(grey.unwrap_or_else(|| image.to_grey_of_opencv()))
}

/// One channel of three, blue first.
fn mixed_by_libpng(pixels: &[u8]) -> Vec<u8> {
    let plane = pixels.len() / 3;
    let (blue, rest) = pixels.split_at(plane);
    let (green, red) = rest.split_at(plane);
    let mixed = |rgb: [u8; 3]| {
        let sum: u32 = rgb.iter().zip(PNG_PARTS).map(|(&c, part)| u32::from(c) * part).sum();
        if rgb.iter().all(|&c| c == rgb[0]) { rgb[0] } else { (sum >> 15) as u8 }
    };
    (0..plane).map(|i| mixed([red[i], green[i], blue[i]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(pixels: &[u8], [height, width]: [usize; 2]) -> Image {
        let plane = |c: usize| pixels.iter().skip(c).step_by(3).copied();
        Image::new(3, height, width, [2, 1, 0].into_iter().flat_map(plane).collect()).unwrap()
    }

    /// Expected are the pixels that OpenCV 4.6 has for these files with `IMREAD_GRAYSCALE`.
    #[test]
    fn by_the_kind_of_file() {
        let image = rgb(
            &[10, 200, 30, 255, 255, 255, 255, 254, 255, 7, 0, 0, 0, 0, 255, 77, 77, 77],
            [2, 3],
        );
        let grey = |ending: &str| decode(&image.encode(ending).unwrap()).unwrap();
        assert_eq!(grey("png").pixels(), [123, 255, 254, 2, 29, 77]);
        assert_eq!(grey("bmp").pixels(), [124, 255, 254, 2, 29, 77]);
        assert_eq!(grey("png").shape(), [1, 2, 3]);
    }

    /// 8 x 8 pixels in strong colours, in bytes written as two hexadecimal digits.
    const STRONG: &str = "\
        ffd8ffe000104a46494600010100000100010000ffdb00430050373c463c32504641465a55505f78c882786e6e78f5afb991c8ffffffffff\
        ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffdb004301555a5a786978eb8282ebffffffffffffffff\
        ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc00011080008000803\
        011100021101031101ffc40014000100000000000000000000000000000003ffc400161000030000000000000000000000000000000241ff\
        c4001501010100000000000000000000000000000203ffc40017110003010000000000000000000000000000031121ffda000c0301000211\
        0311003f0007834dd859b329ffd9\
    ";

    /// OpenCV has 75 85 88 72 44 28 31 41 in each row; by way of the colours, which end at 0 and 255, it would be other greys.
    #[test]
    fn the_brightness_of_a_jpeg() {
        let digits = |i: usize| u8::from_str_radix(&STRONG[2 * i..][..2], 16).unwrap();
        let file: Vec<u8> = (0..STRONG.len() / 2).map(digits).collect();
        let grey = decode(&file).unwrap();
        assert_eq!(grey.pixels(), [75, 85, 88, 72, 44, 28, 31, 41].repeat(8));
        let by_colours = Image::decode_opaque(&file).unwrap().to_grey();
        assert!(10 < by_colours.pixels()[5].abs_diff(28));
    }

    #[test]
    fn one_channel_stays() {
        let image = Image::new(1, 1, 2, vec![3, 250]).unwrap();
        assert_eq!(decode(&image.encode("png").unwrap()).unwrap(), image);
        assert!(decode(b"no image").is_err());
    }
}
