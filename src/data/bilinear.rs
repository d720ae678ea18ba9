//! Resizes 8-bit planes as Caffe does through OpenCV: bilinear between the four nearest pixels, however much smaller the
//! result is, in fixed point.

use super::images::Image;

/// Bits of the weights behind the point.
const BITS: u32 = 11;

/// Rows or columns between which a result lies, and their weights.
struct Tap {
    first: usize,
    second: usize,
    weights: [i32; 2],
}

/// The taps of `to` results between `from` pixels. A result beyond the middle of the first or last pixel is that pixel: among
/// columns it has the whole weight, among rows it is mixed with itself, which rounds twice.
fn taps(from: usize, to: usize, rows: bool) -> Vec<Tap> {
    let scale = 1.0 / (to as f64 / from as f64);
    let one = |i: usize| {
        let at = ((i as f64 + 0.5) * scale - 0.5) as f32;
        let whole = at.floor();
        let part = match whole < 0.0 || (from - 1) as f32 <= whole {
            true if !rows => 0.0,
            _ => at - whole,
        };
        let weight = |w: f32| (w * (1 << BITS) as f32).round_ties_even() as i32;
        let pixel = |at: f32| (at.max(0.0) as usize).min(from - 1);
        Tap {
            first: pixel(whole),
            second: pixel(whole + 1.0),
            weights: [weight(1.0 - part), weight(part)],
        }
    };
    (0..to).map(one).collect()
}

/// One plane of `rows` x `columns` pixels resized to `height` x `width`; all four are at least 1.
fn plane(
    pixels: &[u8],
    [rows, columns]: [usize; 2],
    [height, width]: [usize; 2],
    out: &mut Vec<u8>,
) {
    let (down, across) = (taps(rows, height, true), taps(columns, width, false));
    let row = |r: usize| -> Vec<i32> {
        let line = &pixels[r * columns..][..columns];
        let value = |t: &Tap| {
            i32::from(line[t.first]) * t.weights[0] + i32::from(line[t.second]) * t.weights[1]
        };
        across.iter().map(value).collect()
    };
    for tap in &down {
        let (above, below) = (row(tap.first), row(tap.second));
        let mixed = above.iter().zip(&below).map(|(a, b)| {
            let part = |weight: i32, value: i32| (weight * (value >> 4)) >> 16;
            let sum = part(tap.weights[0], *a) + part(tap.weights[1], *b);
            ((sum + 2) >> 2).clamp(0, 255) as u8
        });
        out.extend(mixed);
    }
}

/// The part of an image from `corner` (row, column), of `size` (rows, columns), resized to `target`; `None` if the part is
/// not inside the image or a side of the result is 0 or enormous.
pub fn resize_part(
    image: &Image,
    corner: [usize; 2],
    size: [usize; 2],
    target: [usize; 2],
) -> Option<Image> {
    let [channels, height, width] = image.shape();
    let inside = |i: usize, whole| {
        let (at, n): (usize, usize) = (corner[i], size[i]);
        0 < n && at.checked_add(n).is_some_and(|end| end <= whole)
    };
    let sane = target.iter().all(|&side| (1..=1 << 15).contains(&side));
    if !inside(0, height) || !inside(1, width) || !sane {
        return None;
    }
    let mut pixels = Vec::with_capacity(channels * target[0] * target[1]);
    for whole in image.pixels().chunks_exact(height * width) {
        let rows = whole.chunks_exact(width).skip(corner[0]).take(size[0]);
        let part: Vec<u8> = rows.flat_map(|row| &row[corner[1]..][..size[1]]).copied().collect();
        match size == target {
            true => pixels.extend(part),
            false => plane(&part, size, target, &mut pixels),
        }
    }
    Image::new(channels, target[0], target[1], pixels)
}

/// A whole image resized to `target` (rows, columns); `None` if a side is 0 or enormous.
pub fn resize(image: &Image, target: [usize; 2]) -> Option<Image> {
    let [_, height, width] = image.shape();
    resize_part(image, [0, 0], [height, width], target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(height: usize, width: usize, pixels: &[u8]) -> Image {
        Image::new(1, height, width, pixels.to_vec()).unwrap()
    }

    #[test]
    fn larger_and_smaller() {
        let check = |image: Image, target, expected: &[u8]| {
            assert_eq!(resize(&image, target).unwrap().pixels(), expected);
        };
        check(grey(1, 2, &[0, 100]), [1, 4], &[0, 25, 75, 100]);
        check(grey(2, 2, &[1, 2, 3, 5]), [1, 1], &[3]);
        // A third of the size: the middle pixel alone counts, its neighbours are passed over.
        check(grey(1, 9, &[9, 1, 9, 9, 2, 9, 9, 3, 9]), [1, 3], &[1, 2, 3]);
        check(grey(2, 1, &[200, 100]), [4, 1], &[200, 175, 125, 100]);
        check(grey(1, 1, &[7]), [2, 3], &[7; 6]);
    }

    /// Expected are the pixels of OpenCV 4.6, whose first and last rows are a row mixed with itself.
    #[test]
    fn the_first_and_last_rows() {
        let image = grey(2, 3, &[200, 100, 7, 31, 250, 3]);
        let expected = [
            [200, 160, 100, 44, 7],
            [200, 160, 100, 44, 7],
            [164, 151, 132, 56, 6],
            [116, 139, 175, 73, 5],
            [67, 127, 218, 89, 4],
            [31, 118, 250, 102, 3],
            [31, 119, 250, 102, 3],
        ];
        assert_eq!(resize(&image, [7, 5]).unwrap().pixels(), expected.as_flattened());
    }

    #[test]
    fn parts() {
        let image = Image::new(3, 2, 3, (0..18).collect()).unwrap();
        let part = resize_part(&image, [1, 1], [1, 2], [1, 2]).unwrap();
        assert_eq!(part.pixels(), [4, 5, 10, 11, 16, 17]);
        for (corner, size, target) in [
            ([1, 1], [2, 1], [1, 1]),
            ([0, 3], [1, 1], [1, 1]),
            ([0, 0], [0, 1], [1, 1]),
            ([0, 0], [1, 1], [0, 1]),
            ([usize::MAX, 0], [2, 1], [1, 1]),
        ] {
            assert!(resize_part(&image, corner, size, target).is_none());
        }
    }
}
