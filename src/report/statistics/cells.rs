//! Turns an array into a picture: images of channels and filters side by side, vectors as lines of cells.
//!
//! An array is shown in the range of its own values, as DIGITS does it (digits/utils/image.py, `vis_square`), and no more cells of it
//! than DIGITS shows. Where a page would become too large its pictures are made smaller, and show fewer cells only where these could
//! not be told apart any more.

use crate::error::{Error, Result};

/// The width of DIGITS' pictures: so many pixels hold the cells of a picture and a line between any two.
pub const WIDEST: usize = 1200;

/// Cells are not made smaller than this, in pixels.
const LEAST_CELL: usize = 12;

/// Cells in a line of a vector, unless it is so long that a square is better.
const IN_LINE: usize = 64;

/// The place of what has no value in the palette: transparent.
const NOTHING: u8 = 255;

/// The colours at equal distances from the smallest to the largest value: those of Matplotlib's map viridis.
const HEAT: [[u8; 3]; 9] = [
    [0x44, 0x01, 0x54],
    [0x47, 0x2d, 0x7b],
    [0x3b, 0x52, 0x8b],
    [0x2c, 0x72, 0x8e],
    [0x21, 0x91, 0x8c],
    [0x28, 0xae, 0x80],
    [0x5e, 0xc9, 0x62],
    [0xad, 0xdc, 0x30],
    [0xfd, 0xe7, 0x25],
];

/// How values become colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Black to white.
    Grey,
    /// Dark blue over green to yellow.
    Heat,
}

/// How an array lies in its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Cells of the array.
    pub cells: usize,
    /// Those that are shown, the first ones.
    pub shown: usize,
    /// Rows and columns of a cell, and how many of them are shown.
    pub cell: [usize; 2],
    cut: [usize; 2],
    /// Whether a cell has three channels, which are its colours.
    pub colour: bool,
    /// Rows and columns that become one pixel.
    shrink: usize,
    /// Pixels between cells.
    gap: usize,
    columns: usize,
}

impl Grid {
    /// The picture of an array, at most `side` pixels wide; none of an array without values. The last two of three or more axes
    /// are the rows and columns of images, and three channels their colours; two axes are a matrix, one is a vector.
    pub fn of(extents: &[usize], side: usize) -> Option<Grid> {
        let side = side.clamp(LEAST_CELL, WIDEST);
        let count: usize = extents.iter().product();
        let vector = |cells: usize| {
            let columns = cells.min(IN_LINE).max(root(cells)).min(side);
            let (shown, one) = (cells.min(columns * side), [1, 1]);
            Grid { cells, shown, cell: one, cut: one, colour: false, shrink: 1, gap: 0, columns }
        };
        match *extents {
            _ if count == 0 => None,
            // All axes but one are 1 long.
            _ if extents.contains(&count) || extents.is_empty() => Some(vector(count)),
            [height, width] => {
                let cut = [height.min(side), width.min(side)];
                let cell = [height, width];
                let (cells, shown, columns) = (1, 1, 1);
                Some(Grid { cells, shown, cell, cut, colour: false, shrink: 1, gap: 0, columns })
            }
            [ref leading @ .., height, width] => {
                let leads: usize = leading.iter().product();
                if height * width == 1 {
                    return Some(vector(leads));
                }
                let colour = leading.len() <= 2 && leading.last() == Some(&3);
                let cells = if colour { leads / 3 } else { leads };
                Some(Grid { colour, ..images(cells, [height, width], side) })
            }
            _ => None,
        }
    }

    /// Columns and rows of the picture.
    pub fn size(&self) -> [usize; 2] {
        let [height, width] = self.pixels();
        let rows = self.shown.div_ceil(self.columns);
        [(width, self.columns), (height, rows)].map(|(of, n)| n * (of + self.gap) - self.gap)
    }

    /// Whether cells are larger than what is shown of them.
    pub fn is_cut(&self) -> bool {
        self.cut != self.cell
    }

    /// Bytes of the picture before it is compressed.
    pub fn bytes(&self) -> usize {
        let [width, height] = self.size();
        width * height * if self.colour { 4 } else { 1 }
    }

    /// Rows and columns of the picture of a cell.
    fn pixels(&self) -> [usize; 2] {
        self.cut.map(|extent| extent.div_ceil(self.shrink))
    }

    /// The picture as PNG. The numbers from `low` to `high` have colours, others that of the nearest of these, and what is no
    /// number none. `red_first` is the order of three channels.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn png(
        &self,
        values: &[f32],
        [low, high]: [f32; 2],
        paint: Paint,
        red_first: bool,
    ) -> Result<Vec<u8>> {
        let unit = if low < high { 254.0 / (f64::from(high) - f64::from(low)) } else { 0.0 };
        let level = |x: f64| match x.is_nan() {
            true => NOTHING,
            false => ((x - f64::from(low)) * unit).clamp(0.0, 254.0).round() as u8,
        };
        let plane: usize = self.cell.iter().product();
        let [width, height] = self.size();
        let mut encoded = vec![];
        let mut encoder = png::Encoder::new(&mut encoded, width as u32, height as u32);
        encoder.set_depth(png::BitDepth::Eight);
        let pixels = match self.colour {
            true => {
                encoder.set_color(png::ColorType::Rgba);
                let mut pixels = vec![0u8; width * height * 4];
                let order = if red_first { [0, 1, 2] } else { [2, 1, 0] };
                for (channel, plane_of) in order.into_iter().enumerate() {
                    self.each(
                        |cell| (3 * cell + plane_of) * plane,
                        values,
                        |at, x| {
                            // A pixel of which any channel is no number is transparent.
                            pixels[4 * at + channel] = level(x);
                            let seen = !x.is_nan() && (channel == 0 || pixels[4 * at + 3] != 0);
                            pixels[4 * at + 3] = if seen { 255 } else { 0 };
                        },
                    );
                }
                pixels
            }
            false => {
                encoder.set_color(png::ColorType::Indexed);
                encoder.set_palette(palette(paint));
                let mut opacity = vec![255; 256];
                opacity[usize::from(NOTHING)] = 0;
                encoder.set_trns(opacity);
                let mut pixels = vec![NOTHING; width * height];
                self.each(|cell| cell * plane, values, |at, x| pixels[at] = level(x));
                pixels
            }
        };
        let failed = |e| Error::refused(format!("cannot encode a picture: {e}"));
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&pixels).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(encoded)
    }

    /// Gives every pixel the mean of what it shows; `begin` says where a cell begins.
    fn each(
        &self,
        begin: impl Fn(usize) -> usize,
        values: &[f32],
        mut put: impl FnMut(usize, f64),
    ) {
        let [height, width] = self.pixels();
        let [of_picture, _] = self.size();
        for cell in 0..self.shown {
            let [left, top] = [
                cell % self.columns * (width + self.gap),
                cell / self.columns * (height + self.gap),
            ];
            let first = begin(cell);
            for (row, column) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                let (mut sum, mut n) = (0.0, 0u32);
                let [rows, columns] = [(row, 0), (column, 1)].map(|(at, axis)| {
                    let from = at * self.shrink;
                    from..(from + self.shrink).min(self.cut[axis])
                });
                for y in rows {
                    for x in columns.clone() {
                        let value = f64::from(values[first + y * self.cell[1] + x]);
                        (sum, n) = (sum + value, n + 1);
                    }
                }
                put((top + row) * of_picture + left + column, sum / f64::from(n));
            }
        }
    }
}

/// The grid of so many images, near to a square.
fn images(cells: usize, cell: [usize; 2], side: usize) -> Grid {
    let longest = cell[0].max(cell[1]);
    let most = (WIDEST / (longest + 1)).max(1);
    let mut shown = cells.min(most * most);
    let mut columns = root(shown);
    let least = if shown == 1 { 1 } else { LEAST_CELL };
    let room = |columns: usize, shrink: usize| columns * (longest.div_ceil(shrink) + 1) <= side + 1;
    let mut shrink = 1;
    while !room(columns, shrink) && least <= longest.div_ceil(shrink + 1) {
        shrink += 1;
    }
    if !room(columns, shrink) {
        columns = ((side + 1) / (longest.div_ceil(shrink) + 1)).max(1);
        shown = shown.min(columns * columns);
    }
    Grid { cells, shown, cell, cut: cell, colour: false, shrink, gap: 1, columns }
}

/// The side of the least square that holds `n` cells.
fn root(n: usize) -> usize {
    let root = n.isqrt();
    if root * root < n { root + 1 } else { root }
}

/// The widest that pictures of these arrays can be so that all of them have at most so many bytes before they are compressed.
pub fn side_for<'a>(arrays: impl Iterator<Item = &'a [usize]> + Clone, bytes: usize) -> usize {
    let all = |side: usize| -> usize {
        arrays.clone().filter_map(|extents| Grid::of(extents, side)).map(|grid| grid.bytes()).sum()
    };
    let sides = std::iter::successors(Some(WIDEST), |side| Some(side * 4 / 5));
    let sides = sides.take_while(|&side| 4 * LEAST_CELL < side);
    sides.into_iter().find(|&side| all(side) <= bytes).unwrap_or(4 * LEAST_CELL)
}

/// The colours of 255 levels, and one that is not seen.
fn palette(paint: Paint) -> Vec<u8> {
    let colour = |level: usize| -> [u8; 3] {
        match paint {
            Paint::Grey => [((level * 255 + 127) / 254) as u8; 3],
            Paint::Heat => {
                let place = level as f64 / 254.0 * (HEAT.len() - 1) as f64;
                let from = (place as usize).min(HEAT.len() - 2);
                let part = place - from as f64;
                std::array::from_fn(|i| {
                    let [a, b] = [HEAT[from][i], HEAT[from + 1][i]].map(f64::from);
                    (a + (b - a) * part).round() as u8
                })
            }
        }
    };
    (0..255).flat_map(colour).chain([0; 3]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The picture of an array: columns, rows, and the red of every pixel, none where it is transparent.
    fn drawn(extents: &[usize], values: &[f32], range: [f32; 2]) -> (u32, u32, Vec<Option<u8>>) {
        let grid = Grid::of(extents, WIDEST).expect("a picture");
        let png = grid.png(values, range, Paint::Grey, true).expect("encoded");
        let image = image::load_from_memory(&png).expect("a picture").to_rgba8();
        let pixels = image.pixels().map(|p| (p[3] != 0).then_some(p[0])).collect();
        (image.width(), image.height(), pixels)
    }

    #[test]
    fn cells_lie_side_by_side_in_the_range_of_all_of_them() {
        let values = [0.0, 1.0, 2.0, f32::NAN, 4.0];
        let expected = [Some(0), Some(64), Some(128), None, Some(255)];
        assert_eq!(drawn(&[5], &values, [0.0, 4.0]), (5, 1, expected.into()));
        // Three images of 1 x 2 with a line between any two, in two columns; the fourth place is empty.
        let values = [0.0, 4.0, 1.0, 2.0, 3.0, 9.0];
        let (width, height, pixels) = drawn(&[3, 1, 1, 2], &values, [0.0, 4.0]);
        assert_eq!((width, height), (5, 3));
        let row = |y: usize| &pixels[5 * y..5 * y + 5];
        assert_eq!(row(0), [Some(0), Some(255), None, Some(64), Some(128)]);
        assert_eq!(
            (row(1), row(2)),
            (&[None; 5][..], &[Some(192), Some(255), None, None, None][..])
        );
        // A matrix is one picture.
        assert_eq!(drawn(&[2, 3], &[0.0; 6], [0.0, 0.0]), (3, 2, vec![Some(0); 6]));
    }

    #[test]
    fn three_channels_are_colours_in_the_order_of_the_net() {
        let values: Vec<f32> = (0..6).map(|i| i as f32).collect();
        for (red_first, first) in [(true, [0, 102, 203]), (false, [203, 102, 0])] {
            let grid = Grid::of(&[1, 3, 1, 2], WIDEST).expect("a picture");
            assert!(grid.colour && grid.cells == 1);
            let png = grid.png(&values, [0.0, 5.0], Paint::Heat, red_first).expect("encoded");
            let image = image::load_from_memory(&png).expect("a picture").to_rgba8();
            assert_eq!(&image.get_pixel(0, 0).0[..3], first);
        }
    }

    #[test]
    fn no_more_is_shown_than_digits_shows_and_less_where_there_is_no_room() {
        let grid = |extents: &[usize], side| Grid::of(extents, side).expect("a picture");
        // 1200 / 225 = 5 cells in a row.
        assert_eq!(
            (grid(&[64, 224, 224], 1200).shown, grid(&[64, 224, 224], 1200).size()),
            (25, [1124, 1124])
        );
        let small = grid(&[64, 224, 224], 300);
        assert_eq!((small.shown, small.shrink), (25, 4));
        assert!(small.size()[0] <= 300);
        // Filters of 3 x 3 are not made smaller.
        assert_eq!(
            (grid(&[512, 512, 3, 3], 1200).shown, grid(&[512, 512, 3, 3], 400).shown),
            (90_000, 10_000)
        );
        assert_eq!(grid(&[4096, 25_088], 1200).size(), [1200, 1200]);
        assert_eq!(
            (grid(&[1000], 1200).size(), grid(&[10, 1, 1], 1200).size()),
            ([64, 16], [10, 1])
        );
        assert_eq!(grid(&[2, 3, 4, 5, 6], 1200).cells, 24);
        assert_eq!((grid(&[], 1200).cells, Grid::of(&[3, 0], 1200)), (1, None));
        let many = [&[64, 224, 224][..]; 40];
        let side = side_for(many.into_iter(), 4_000_000);
        assert!(40 * grid(&[64, 224, 224], side).bytes() <= 4_000_000 && 200 < side, "{side}");
    }
}
