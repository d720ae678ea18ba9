//! Resizes 8-bit planes as DIGITS does through Pillow: a small image is made of averages of a large one, weighted by a
//! triangle, in fixed point, columns before rows.

/// Bits of the weights behind the point.
const BITS: u32 = 22;

/// The pixels that a result is made of: the first of them, and the weight of each.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

impl Window {
    fn mixed(&self, pixel: impl Fn(usize) -> u8) -> u8 {
        let products = self.weights.iter().zip(self.first..);
        let sum: i64 = products.map(|(&w, i)| i64::from(w) * i64::from(pixel(i))).sum();
        ((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
    }
}

/// The windows of `to` results on `from` pixels.
fn windows(from: usize, to: usize) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let one = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(from);
        let weight = |x: usize| (1.0 - ((x as f64 - centre + 0.5) / reach).abs()).max(0.0);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |w: &f64| (w / sum * f64::from(1 << BITS)).round() as i32;
        Window { first, weights: weights.iter().map(fixed).collect() }
    };
    (0..to).map(one).collect()
}

/// One plane of `rows` x `columns` pixels resized to `height` x `width`; all four are at least 1.
pub(super) fn resize(
    pixels: &[u8],
    [rows, columns]: [usize; 2],
    [height, width]: [usize; 2],
) -> Vec<u8> {
    let narrowed: Vec<u8> = match columns == width {
        true => pixels.to_vec(),
        false => {
            let across = windows(columns, width);
            let lines = pixels.chunks_exact(columns).take(rows);
            lines.flat_map(|line| across.iter().map(|w| w.mixed(|i| line[i]))).collect()
        }
    };
    if rows == height {
        return narrowed;
    }
    let down = windows(rows, height);
    let row = |window| (0..width).map(move |x| (window, x));
    down.iter().flat_map(row).map(|(w, x)| w.mixed(|i| narrowed[i * width + x])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels that are not regular.
    fn pixels(n: usize) -> Vec<u8> {
        (0..n).map(|i| ((i * i * 31 + i * 17) % 256) as u8).collect()
    }

    /// Expected is what Pillow's `Image.resize(..., BILINEAR)` gives.
    #[test]
    fn as_pillow_does_it() {
        assert_eq!(
            resize(&pixels(35), [5, 7], [3, 4]),
            [54, 117, 88, 114, 111, 68, 113, 153, 168, 160, 72, 57]
        );
        assert_eq!(
            resize(&pixels(6), [3, 2], [4, 5]),
            [0, 5, 24, 43, 48, 99, 96, 82, 67, 64, 118, 115, 100, 84, 81, 52, 56, 72, 88, 92]
        );
        assert_eq!(
            resize(&pixels(30), [6, 5], [6, 2]),
            [59, 85, 135, 95, 121, 107, 39, 133, 157, 103, 103, 157]
        );
        assert_eq!(resize(&pixels(9), [9, 1], [2, 3]), [77, 77, 77, 110, 110, 110]);
    }
}
