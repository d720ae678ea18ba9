//! Linear maps of images that act on rows and columns one after the other, such as resizing.

use super::constants::constants;
use crate::program::{Builder, ValueId};

/// A matrix, `to x from`, row by row.
pub struct Map {
    /// Elements of the result.
    pub to: usize,
    /// Elements of what is mapped.
    pub from: usize,
    /// The factors.
    pub factors: Vec<f64>,
}

impl Map {
    /// The matrix whose row `i` has the factors that `weight(i, j)` gives, divided by their sum; a row whose factors add up to
    /// 0 is 0.
    pub fn of_means(to: usize, from: usize, weight: impl Fn(usize, usize) -> f64) -> Self {
        let row = |i: usize| {
            let row: Vec<f64> = (0..from).map(|j| weight(i, j)).collect();
            let sum: f64 = row.iter().sum();
            row.into_iter().map(move |w| if sum == 0.0 { 0.0 } else { w / sum })
        };
        Map { to, from, factors: (0..to).flat_map(row).collect() }
    }
}

/// `N x C x H x W` with the columns of each image mapped by `rows` and its rows by `columns`.
pub fn map_images(b: &mut Builder, x: ValueId, rows: &Map, columns: &Map) -> ValueId {
    let [n, c, h, _] = <[usize; 4]>::try_from(b.shape(x).dims()).unwrap_or([1; 4]);
    let across = constants(b, [columns.to, columns.from], columns.factors.clone());
    let down = constants(b, [rows.to, rows.from], rows.factors.clone());
    let lines = b.view(x, [n * c * h, columns.from]);
    let lines = b.matmul(lines, false, across, true, None);
    let images = b.view(lines, [n * c, h, columns.to]);
    let turned = b.transpose(images, &[0, 2, 1]);
    let turned = b.view(turned, [n * c * columns.to, h]);
    let turned = b.matmul(turned, false, down, true, None);
    let turned = b.view(turned, [n * c, columns.to, rows.to]);
    let images = b.transpose(turned, &[0, 2, 1]);
    b.view(images, [n, c, rows.to, columns.to])
}
