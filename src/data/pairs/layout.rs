//! How the two images of a pair lie in one record.

use crate::data::images::Image;

/// The channels of a record of two images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Two channels: both images grey, as in the Siamese example of Caffe.
    Grey,
    /// Three channels: both images grey in the blue and the green of a picture without red, as in that of DIGITS.
    Digits,
    /// Six channels: blue, green, red of the first image, then those of the second; a `Slice` at 3 takes them apart.
    Colour,
}

impl Layout {
    /// The layout of as many channels, if there is one.
    pub fn of(channels: usize) -> Option<Self> {
        [Layout::Grey, Layout::Digits, Layout::Colour]
            .into_iter()
            .find(|l| l.channels() == channels)
    }

    /// Channels of a record.
    pub fn channels(self) -> usize {
        match self {
            Layout::Grey => 2,
            Layout::Digits => 3,
            Layout::Colour => 6,
        }
    }

    /// Channels of each image.
    pub fn of_one(self) -> usize {
        if self == Layout::Colour { 3 } else { 1 }
    }

    /// An image in the channels that it has in a record.
    pub fn adapt(self, image: Image) -> Image {
        if self == Layout::Colour { image.to_colour() } else { image.to_grey() }
    }

    /// The values of a record: those of the first image, of the second, and zeros.
    pub fn join(self, first: &[u8], second: &[u8]) -> Vec<u8> {
        let mut pixels = Vec::with_capacity(self.channels() / self.of_one() * first.len());
        pixels.extend_from_slice(first);
        pixels.extend_from_slice(second);
        if self == Layout::Digits {
            pixels.resize(3 * first.len(), 0);
        }
        pixels
    }

    /// A record as a picture: of three channels as it is, else one image beside the other. `None` if there are no pixels or
    /// they are not as many as `height` and `width` say.
    pub fn picture(self, height: usize, width: usize, pixels: Vec<u8>) -> Option<Image> {
        if self == Layout::Digits {
            return Image::new(3, height, width, pixels);
        }
        let (first, second) = pixels.split_at(pixels.len() / 2);
        let lines = |half: &[u8]| half.chunks(width.max(1)).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let beside = lines(first).into_iter().zip(lines(second)).flat_map(|(a, b)| [a, b].concat());
        Image::new(self.of_one(), height, 2 * width, beside.collect())
    }

    /// The two images of a picture that shows them side by side; `None` if it cannot be halved.
    pub fn halves(image: &Image) -> Option<[Image; 2]> {
        let [channels, height, width] = image.shape();
        let half = |at: usize| {
            let lines = image.pixels().chunks_exact(width);
            let pixels = lines.flat_map(|line| &line[at..at + width / 2]).copied().collect();
            Image::new(channels, height, width / 2, pixels)
        };
        (width % 2 == 0).then(|| Some([half(0)?, half(width / 2)?])).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_show_images_side_by_side() {
        let record = Layout::Grey.join(&[1, 2, 3, 4, 5, 6], &[7, 8, 9, 10, 11, 12]);
        let picture = Layout::Grey.picture(2, 3, record).unwrap();
        assert_eq!(picture.pixels(), [1, 2, 3, 7, 8, 9, 4, 5, 6, 10, 11, 12]);
        let [first, second] = Layout::halves(&picture).unwrap();
        assert_eq!((first.pixels()[5], second.pixels()[5]), (6, 12));
        assert!(Layout::halves(&first).is_none());
        let record = Layout::Colour.join(&[1, 2, 3], &[4, 5, 6]);
        let picture = Layout::Colour.picture(1, 1, record).unwrap();
        assert_eq!((picture.shape(), picture.pixels()), ([3, 1, 2], &[1, 4, 2, 5, 3, 6][..]));
        assert_eq!(Layout::Digits.join(&[1], &[2]), [1, 2, 0]);
        assert!(Layout::of(4).is_none() && Layout::of(6) == Some(Layout::Colour));
    }
}
