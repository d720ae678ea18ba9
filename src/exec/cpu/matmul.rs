//! Row-major matrix products `C = alpha op(A) op(B) + beta C`, batched, with bias and ReLU.

use super::micro::{DEPTH, Epilogue, Left, RowPanel, Target, Tile};
use super::narrow;
use super::pack::{pack_columns, pack_rows};
use super::real::Real;
use super::tasks::{Shared, for_each, for_each_with};

/// Most column panels of one task.
const PANELS: usize = 16;

/// Rows of one task; each task packs its columns anew.
const ROWS: usize = 480;

/// The extents of a batched product; all matrices are dense and row-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matmul {
    /// Number of products.
    pub batch: usize,
    /// Rows of C.
    pub m: usize,
    /// Columns of C.
    pub n: usize,
    /// Length of the sums.
    pub k: usize,
    /// Whether A is stored `k x m` instead of `m x k`.
    pub trans_a: bool,
    /// Whether B is stored `n x k` instead of `k x n`.
    pub trans_b: bool,
    /// Elements from one A to the next; 0 uses the same for all.
    pub a_step: usize,
    /// Elements from one B to the next; 0 uses the same for all.
    pub b_step: usize,
}

impl Matmul {
    /// A single product.
    pub fn new(m: usize, n: usize, k: usize, trans_a: bool, trans_b: bool) -> Self {
        Matmul { batch: 1, m, n, k, trans_a, trans_b, a_step: m * k, b_step: k * n }
    }

    /// `batch` products of neighbouring matrices.
    pub fn batched(self, batch: usize) -> Self {
        Matmul { batch, ..self }
    }

    /// Whether packing B would cost more than the product: a few rows, whose sums run along
    /// contiguous numbers of both operands.
    fn is_narrow(&self) -> bool {
        self.batch == 1 && self.m <= narrow::MOST && self.trans_b && (!self.trans_a || self.m == 1)
    }

    fn a_strides(&self) -> (usize, usize) {
        if self.trans_a { (1, self.m) } else { (self.k, 1) }
    }

    fn b_strides(&self) -> (usize, usize) {
        if self.trans_b { (1, self.k) } else { (self.n, 1) }
    }
}

/// What follows a product, in this order: an addend, a bias per row, a bias per column, ReLU.
#[derive(Clone, Copy, Debug)]
pub struct Finish<'a, T> {
    /// A matrix like C that is added, where beta is 0.
    pub addend: Option<&'a [T]>,
    /// `m` numbers, one added to each row.
    pub row_bias: Option<&'a [T]>,
    /// `n` numbers, one added to each column.
    pub column_bias: Option<&'a [T]>,
    /// Whether negative results become 0.
    pub relu: bool,
}

impl<T> Default for Finish<'_, T> {
    fn default() -> Self {
        Finish { addend: None, row_bias: None, column_bias: None, relu: false }
    }
}

/// Elements of workspace that [`matmul`] needs for `threads` to take part; fewer make it slower,
/// down to those for one.
pub fn workspace<T: Real>(shape: &Matmul, threads: usize) -> usize {
    if shape.is_narrow() {
        return 0;
    }
    let plan = Plan::new::<T>(shape);
    plan.shared + threads.max(1) * plan.each
}

/// The cut of a product into tasks; depends on the shape only.
struct Plan {
    tile: Tile,
    /// Rows of a packed panel of A.
    height: usize,
    /// Column panels and rows of one task.
    panels: usize,
    rows: usize,
    column_blocks: usize,
    row_blocks: usize,
    /// Elements of workspace used by all tasks, and by each.
    shared: usize,
    each: usize,
}

impl Plan {
    fn new<T: Real>(shape: &Matmul) -> Plan {
        let tile = Tile::of::<T>();
        let height = tile.panel_rows(shape.m);
        let columns = shape.n.div_ceil(tile.columns);
        let panels = if shape.batch == 1 { columns.div_ceil(8).clamp(1, PANELS) } else { PANELS };
        let rows = if shape.batch == 1 { ROWS.div_ceil(height) * height } else { shape.m.max(1) };
        let spill = tile.rows * tile.columns;
        let right = shape.k.min(DEPTH) * panels.min(columns) * tile.columns;
        let left = shape.m * shape.k;
        let one = shape.batch == 1;
        Plan {
            tile,
            height,
            panels,
            rows,
            column_blocks: columns.div_ceil(panels),
            row_blocks: shape.m.div_ceil(rows),
            shared: if one { left } else { 0 },
            each: right + spill + if one { 0 } else { left },
        }
    }
}

/// `C = alpha op(A) op(B) + beta C` for every matrix of the batch, then `finish`.
///
/// With `beta` 0, C is not read. `work` holds at least `workspace(shape, 1)` elements.
#[expect(clippy::too_many_arguments, reason = "the customary arguments of a matrix product")]
pub fn matmul<T: Real>(
    shape: &Matmul,
    alpha: T,
    a: &[T],
    b: &[T],
    beta: T,
    c: &mut [T],
    finish: Finish<T>,
    work: &mut [T],
) {
    let &Matmul { batch, m, n, k, .. } = shape;
    assert!(c.len() == batch * m * n, "C of {} elements is not {batch} x {m} x {n}", c.len());
    assert!((batch.max(1) - 1) * shape.a_step + m * k <= a.len(), "A is too short");
    assert!((batch.max(1) - 1) * shape.b_step + k * n <= b.len(), "B is too short");
    assert!(finish.row_bias.is_none_or(|bias| bias.len() == m), "row bias is not of length {m}");
    assert!(
        finish.column_bias.is_none_or(|bias| bias.len() == n),
        "column bias is not of length {n}"
    );
    assert!(finish.addend.is_none_or(|a| a.len() == c.len()), "the addend is not like C");
    if c.is_empty() {
        return;
    }
    if shape.is_narrow() {
        narrow::product([m, n, k], alpha, a, b, beta, c, finish);
        return;
    }
    let plan = Plan::new::<T>(shape);
    let beta = if finish.addend.is_some() { T::ONE } else { beta };
    let job = Job { shape, plan: &plan, finish, beta };
    let c = Shared::new(c);
    let (packed, work) = work.split_at_mut(plan.shared);
    let (row, depth) = shape.a_strides();
    if batch == 1 {
        let shared = Shared::new(packed);
        for_each(m.div_ceil(plan.height), |panel| {
            let rows = panel * plan.height..((panel + 1) * plan.height).min(m);
            // SAFETY: panels of different rows go to different places.
            unsafe { pack_rows(a, row, depth, alpha, m, k, rows, shared.pointer(0)) };
        });
        for_each_with(plan.column_blocks * plan.row_blocks, work, plan.each, |task, scratch| {
            job.block(packed, b, &c, 0, task, scratch);
        });
        return;
    }
    for_each_with(batch, work, plan.each, |item, scratch| {
        let (packed, scratch) = scratch.split_at_mut(m * k);
        let a = &a[item * shape.a_step..];
        for first in (0..m).step_by(plan.height) {
            let rows = first..(first + plan.height).min(m);
            // SAFETY: `packed` holds all panels of A.
            unsafe { pack_rows(a, row, depth, alpha, m, k, rows, packed.as_mut_ptr()) };
        }
        for task in 0..plan.column_blocks * plan.row_blocks {
            job.block(packed, &b[item * shape.b_step..], &c, item * m * n, task, scratch);
        }
    });
}

struct Job<'a, T> {
    shape: &'a Matmul,
    plan: &'a Plan,
    finish: Finish<'a, T>,
    beta: T,
}

impl<T: Real> Job<'_, T> {
    /// Computes one block of rows and columns of the C that starts at `origin`.
    fn block(
        &self,
        left: &[T],
        b: &[T],
        c: &Shared<T>,
        origin: usize,
        task: usize,
        scratch: &mut [T],
    ) {
        let &Matmul { m, n, k, .. } = self.shape;
        let Plan { tile, height, panels, rows, .. } = *self.plan;
        let first = task / self.plan.row_blocks * panels * tile.columns;
        let last = (first + panels * tile.columns).min(n);
        let rows =
            task % self.plan.row_blocks * rows..((task % self.plan.row_blocks + 1) * rows).min(m);
        let count = (last - first).div_ceil(tile.columns);
        let (spill, right) = scratch.split_at_mut(tile.rows * tile.columns);
        let (depth_stride, column_stride) = self.shape.b_strides();
        let pointer =
            |bias: Option<&[T]>, at: usize| bias.map_or(std::ptr::null(), |b| b[at..].as_ptr());
        // What is read for one panel of rows alone is read where it is.
        let in_place =
            column_stride == 1 && m <= height && (last - first).is_multiple_of(tile.columns);
        let mut start = 0;
        loop {
            let depth = (k - start).min(DEPTH);
            let (panels, panel, step) = match in_place {
                true => (b[(start * n + first).min(b.len())..].as_ptr(), tile.columns, n),
                false => (right.as_ptr(), depth * tile.columns, tile.columns),
            };
            let ends = start + depth == k;
            let addend = self.finish.addend.filter(|_| start == 0);
            for panel in 0..if in_place { 0 } else { count } {
                let from = first + panel * tile.columns;
                let columns = from..(from + tile.columns).min(last);
                let to = &mut right[panel * depth * tile.columns..][..depth * tile.columns];
                pack_columns(b, depth_stride, column_stride, start, columns, tile.columns, to);
            }
            for row in rows.clone().step_by(height) {
                let mut targets = [Target::new(spill.as_mut_ptr(), tile.columns, true); PANELS];
                for (panel, target) in targets[..count].iter_mut().enumerate() {
                    let at = first + panel * tile.columns;
                    if at + tile.columns <= last {
                        *target = Target::new(c.pointer(origin + row * n + at), n, false);
                        if let Some(addend) = addend {
                            target.old = addend[origin + row * n + at..].as_ptr();
                        }
                    }
                }
                let height = height.min(rows.end - row);
                let epilogue = Epilogue {
                    beta: if start == 0 { self.beta } else { T::ONE },
                    row_bias: pointer(self.finish.row_bias.filter(|_| ends), row),
                    column_bias: pointer(self.finish.column_bias.filter(|_| ends), first),
                    relu: ends && self.finish.relu,
                };
                // SAFETY: packed operands extend over `depth`; tiles of this task are its own.
                unsafe {
                    RowPanel {
                        rows: height,
                        depth,
                        left: left[start * m + row * depth..].as_ptr(),
                        layout: Left::Packed,
                        right: panels,
                        right_panel: panel,
                        right_step: step,
                        targets: &targets[..count],
                        epilogue,
                    }
                    .run();
                    let tail = first + (count - 1) * tile.columns;
                    if tail + tile.columns <= last {
                        continue;
                    }
                    for i in 0..height {
                        for j in 0..last - tail {
                            let at = origin + (row + i) * n + tail + j;
                            let (to, sum) = (c.pointer(at), spill[i * tile.columns + j]);
                            let old = addend.map_or(*to, |addend| addend[at]);
                            *to = epilogue.finish(sum, old, i, tail - first + j);
                        }
                    }
                }
            }
            start += depth;
            if k <= start {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Dice, close, fill, same_for_any_threads};
    use super::*;

    fn check<T: Real>(shape: Matmul) {
        let Matmul { batch, m, n, k, trans_a, trans_b, .. } = shape;
        let a: Vec<T> = fill(batch * m * k, 1);
        let b: Vec<T> = fill(batch * k * n, 2);
        let old: Vec<T> = fill(batch * m * n, 3);
        let row_bias: Vec<T> = fill(m, 4);
        let column_bias: Vec<T> = fill(n, 5);
        let mut plain = vec![0.0; batch * m * n];
        let mut full = plain.clone();
        for (i, (plain, full)) in plain.iter_mut().zip(&mut full).enumerate() {
            let (item, row, column) = (i / (m * n), i / n % m, i % n);
            for d in 0..k {
                let left = if trans_a { d * m + row } else { row * k + d } + item * shape.a_step;
                let right = if trans_b { column * k + d } else { d * n + column };
                *plain += a[left].to_f64() * b[right + item * shape.b_step].to_f64();
            }
            let bias = row_bias[row].to_f64() + column_bias[column].to_f64();
            *full = (0.5 * *plain - 2.0 * old[i].to_f64() + bias).max(0.0);
        }
        let need = workspace::<T>(&shape, 3);
        let nan = T::from_f64(f64::NAN);
        let c = same_for_any_threads(batch * m * n, |c| {
            let mut work = vec![nan; need];
            matmul(&shape, T::ONE, &a, &b, T::ZERO, c, Finish::default(), &mut work);
        });
        close(&c, &plain, 2e-5);
        let c = same_for_any_threads(batch * m * n, |c| {
            let mut work = vec![nan; need];
            c.copy_from_slice(&old);
            let finish = Finish {
                row_bias: Some(&row_bias),
                column_bias: Some(&column_bias),
                relu: true,
                addend: None,
            };
            matmul(&shape, T::from_f64(0.5), &a, &b, T::from_f64(-2.0), c, finish, &mut work);
        });
        close(&c, &full, 2e-5);
        let sum: Vec<f64> = plain.iter().zip(&old).map(|(a, b)| a + b.to_f64()).collect();
        let c = same_for_any_threads(batch * m * n, |c| {
            let mut work = vec![nan; need];
            let finish = Finish { addend: Some(&old), ..Finish::default() };
            matmul(&shape, T::ONE, &a, &b, T::ZERO, c, finish, &mut work);
        });
        close(&c, &sum, 2e-5);
    }

    #[test]
    fn random_products_agree_with_a_triple_loop() {
        let mut dice = Dice(3);
        for round in 0..150 {
            let most = if round % 10 == 0 { 300 } else { 40 };
            let [m, n, k] = [1; 3].map(|low| dice.roll(low, most));
            let batch = [1, 1, 2, 5][dice.roll(0, 3)];
            let mut shape = Matmul::new(m, n, k, dice.roll(0, 1) == 1, dice.roll(0, 1) == 1);
            if dice.roll(0, 4) == 0 {
                shape.b_step = 0;
            }
            check::<f64>(shape.batched(batch));
            check::<f32>(shape.batched(batch));
        }
        check::<f32>(Matmul::new(1, 1000, 600, false, true));
        check::<f32>(Matmul::new(3, 37, 601, false, true));
        check::<f64>(Matmul::new(1, 37, 60, true, true));
        check::<f32>(Matmul::new(700, 3, 520, true, false));
        check::<f32>(Matmul::new(5, 4, 0, false, false));
        check::<f32>(Matmul::new(600, 70, 30, false, false));
    }
}
