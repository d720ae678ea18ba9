//! Windows of images to the rows of numbers that a product reads: one row per channel and tap.
//!
//! In an image with its padding around it, whose columns are sorted by their remainder by the stride, the same tap of
//! neighbouring windows reads neighbouring numbers. Without padding and stride a blob is such an image. Otherwise the
//! rows that a task needs are laid out like that first (a slab); then every row is a copy from a known place.

use std::ops::Range;

use crate::exec::cpu::im2col::{Run, Windows, clip, copy_strided};
use crate::real::{Real, vectorize};
use crate::window::Axis;

/// Rows whose places are found once for all windows.
const TABLE: usize = 512;

/// Rows that are copied for one run of windows after the other, so that they stay in the first-level cache.
const ROWS: usize = 64;

/// Most runs of windows that are copied at once.
pub(super) const PIECES: usize = 128;

/// Neighbouring windows: where the first begins, its column, and their number.
#[derive(Clone, Copy, Default)]
struct Piece {
    from: usize,
    column: usize,
    len: usize,
}

/// An axis of extent 1 that is not windowed.
const UNIT: Axis = Axis { kernel: 1, stride: 1, pad_before: 0, pad_after: 0, dilation: 1 };

/// The layout of a slab: outer rows (planes of volumes, rows of images), inner rows, and columns sorted by remainder.
#[derive(Clone, Copy)]
struct Layout {
    /// The windows with their outermost axis first; images have one inner row.
    windows: Windows,
    /// Whether the blob itself is laid out like that.
    is_blob: bool,
    /// Columns that have the same remainder by the stride.
    columns: usize,
    /// Elements of a row and of an outer row.
    pitch: usize,
    outer: usize,
}

impl Layout {
    fn new(windows: &Windows) -> Layout {
        let is_plain = |a: &Axis| a.stride == 1 && a.pad_before == 0 && a.pad_after == 0;
        let mut windows = *windows;
        if windows.input[0] == 1 && windows.axes[0].kernel == 1 && is_plain(&windows.axes[0]) {
            windows.input.swap(0, 1);
            windows.output.swap(0, 1);
            windows.axes = [windows.axes[1], UNIT, windows.axes[2]];
        }
        let [_, h, w] = &windows.axes;
        if windows.axes.iter().all(is_plain) {
            let [_, height, width] = windows.input;
            let outer = height * width;
            return Layout { windows, is_blob: true, columns: width, pitch: width, outer };
        }
        let columns = windows.output[2].max(1) - 1 + w.reach().div_ceil(w.stride);
        let phases = if w.dilation == 1 { w.stride.min(w.kernel) } else { w.stride };
        let pitch = phases * columns;
        let rows = windows.output[1].max(1) - 1;
        let outer = (rows * h.stride + h.reach()) * pitch;
        Layout { windows, is_blob: false, columns, pitch, outer }
    }

    /// Windows of one outermost position.
    fn inner(&self) -> usize {
        self.windows.output[1] * self.windows.output[2]
    }

    /// Outer rows that `outputs` neighbouring windows along the outermost axis read.
    fn outer_rows(&self, outputs: usize) -> usize {
        (outputs - 1) * self.windows.axes[0].stride + self.windows.axes[0].reach()
    }
}

/// Most elements of the slab for `len` neighbouring windows in `channels`.
pub(super) fn slab_len(windows: &Windows, channels: usize, len: usize) -> usize {
    let layout = Layout::new(windows);
    if layout.is_blob || len == 0 || windows.count() == 0 {
        return 0;
    }
    let images = (len - 1).div_ceil(windows.count()) + 1;
    let outputs = ((len - 1).div_ceil(layout.inner()) + 1).min(images * layout.windows.output[0]);
    let axis = &layout.windows.axes[0];
    channels * (outputs * axis.stride + images * axis.reach()) * layout.outer
}

/// Some channels of neighbouring windows, ready to be copied row by row.
pub(super) struct Source<'a, T> {
    layout: Layout,
    from: &'a [T],
    /// Channels of the blob, and those that are read.
    all_channels: usize,
    channels: Range<usize>,
    /// The image and the outermost position of the first window.
    image: usize,
    top: usize,
    /// Elements from channel to channel.
    channel: usize,
    /// Where the first rows lie behind the start of a run, and the last row of all.
    table: [usize; TABLE],
    furthest: usize,
}

impl<'a, T: Real> Source<'a, T> {
    /// The windows `range`, counted through all images of `x`, in `channels` of `all_channels`. `slab` holds at least
    /// [`slab_len`] elements.
    pub fn new(
        windows: &Windows,
        x: &'a [T],
        all_channels: usize,
        channels: Range<usize>,
        range: Range<usize>,
        slab: &'a mut [T],
    ) -> Self {
        let layout = Layout::new(windows);
        let (count, inner) = (windows.count(), layout.inner());
        let (image, top) = (range.start / count, range.start % count / inner);
        let mut source = Source {
            layout,
            from: x,
            all_channels,
            channels,
            image,
            top,
            channel: windows.pixels(),
            table: [0; TABLE],
            furthest: 0,
        };
        if !layout.is_blob && !range.is_empty() {
            let last = range.end - 1;
            let above = source.outer_before(last / count, last % count / inner);
            source.channel = (above + layout.outer_rows(1)) * layout.outer;
            let slab = &mut slab[..source.channel * source.channels.len()];
            vectorize(
                #[inline(always)]
                || source.lay_out(x, range, slab),
            );
            source.from = slab;
        }
        let rows = source.channels.len() * windows.taps();
        let mut table = source.table;
        source.places(0, &mut table[..rows.min(TABLE)]);
        let mut last = [0];
        source.places(rows.saturating_sub(1), &mut last);
        (source.table, source.furthest) = (table, last[0]);
        source
    }

    /// Outer rows of the slab above those of a window.
    #[inline(always)]
    fn outer_before(&self, image: usize, row: usize) -> usize {
        let axis = &self.layout.windows.axes[0];
        let whole = self.layout.outer_rows(self.layout.windows.output[0]);
        whole * (image - self.image) + row * axis.stride - self.top * axis.stride
    }

    /// Writes the rows of images that the windows `range` read.
    #[inline(always)]
    fn lay_out(&self, x: &[T], range: Range<usize>, slab: &mut [T]) {
        let layout = &self.layout;
        let windows = &layout.windows;
        let [d, h, _] = windows.axes;
        let [depth, height, width] = windows.input;
        let (count, pixels) = (windows.count(), windows.pixels());
        let used = |axis: &Axis, row: usize| axis.dilation != 1 || row % axis.stride < axis.kernel;
        let inside = |axis: &Axis, row: usize, extent: usize| {
            row.checked_sub(axis.pad_before).filter(|row| *row < extent)
        };
        let inner = layout.inner();
        let mut window = range.start;
        let mut above = 0;
        while window < range.end {
            let (image, top) = (window / count, window % count / inner);
            let end = range.end.min((image + 1) * count);
            let rows = layout.outer_rows((end - 1) % count / inner - top + 1);
            for (index, channel) in self.channels.clone().enumerate() {
                let x = &x[(image * self.all_channels + channel) * pixels..][..pixels];
                let slab = &mut slab[index * self.channel + above * layout.outer..];
                for (outer, to) in slab.chunks_exact_mut(layout.outer).take(rows).enumerate() {
                    if !used(&d, outer) {
                        continue;
                    }
                    let z = inside(&d, top * d.stride + outer, depth);
                    for (row, to) in to.chunks_exact_mut(layout.pitch).enumerate() {
                        if !used(&h, row) {
                            continue;
                        }
                        match z.zip(inside(&h, row, height)) {
                            None => to.fill(T::ZERO),
                            Some((z, y)) => self.sort(&x[(z * height + y) * width..][..width], to),
                        }
                    }
                }
            }
            above += rows;
            window = end;
        }
    }

    /// Writes one row with its padding, sorted by remainder.
    #[inline(always)]
    fn sort(&self, from: &[T], to: &mut [T]) {
        let columns = self.layout.columns;
        let axis = Axis { dilation: 1, ..self.layout.windows.axes[2] };
        for (phase, to) in to.chunks_exact_mut(columns).enumerate() {
            let (inside, first) = clip(&axis, from.len(), 0, columns, phase);
            to[..inside.start].fill(T::ZERO);
            to[inside.end..].fill(T::ZERO);
            let to = &mut to[inside];
            match axis.stride {
                1 => to.copy_from_slice(&from[first..][..to.len()]),
                2 => copy_strided::<T, 2>(&from[first..], to),
                4 => copy_strided::<T, 4>(&from[first..], to),
                stride => {
                    let from = from[first..].iter().step_by(stride);
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }

    /// Copies the windows `range` of those that the source was made for. Row `i` of `rows`, counted by channel and tap,
    /// goes to `to[(i - rows.start) stride..]`; what is behind the range, up to `width`, becomes 0. The range has at most
    /// [`PIECES`] windows.
    pub fn copy(
        &self,
        rows: Range<usize>,
        range: Range<usize>,
        width: usize,
        stride: usize,
        to: &mut [T],
    ) {
        let len = range.len();
        vectorize(
            #[inline(always)]
            || {
                let mut runs = [Piece::default(); PIECES];
                let mut count = 0;
                self.layout.windows.runs(
                    range.clone(),
                    #[inline(always)]
                    |run: Run| {
                        let (column, len) = (run.column, run.len);
                        runs[count] = Piece { from: self.start(&run), column, len };
                        count += 1;
                    },
                );
                let mut others = [0; ROWS];
                for first in rows.clone().step_by(ROWS) {
                    let last = (first + ROWS).min(rows.end);
                    let table = match self.table.get(first..last) {
                        Some(table) => table,
                        None => {
                            self.places(first, &mut others[..last - first]);
                            &others[..last - first]
                        }
                    };
                    let to = &mut to[(first - rows.start) * stride..];
                    for &Piece { from, column, len } in &runs[..count] {
                        let (from, to) = (&self.from[from..], &mut to[column..]);
                        copy_rows(from, table, self.furthest, len, stride, to);
                    }
                }
                if len < width {
                    for row in to.chunks_mut(stride).take(rows.len()) {
                        row[len..width].fill(T::ZERO);
                    }
                }
            },
        );
    }

    /// Where the rows from `first` lie behind the start of a run.
    #[inline(always)]
    fn places(&self, first: usize, table: &mut [usize]) {
        let Layout { outer, pitch, columns, .. } = self.layout;
        let [d, h, w] = &self.layout.windows.axes;
        let deep = first / w.kernel / h.kernel;
        let mut tap =
            [deep / d.kernel, deep % d.kernel, first / w.kernel % h.kernel, first % w.kernel];
        for place in table {
            let [channel, kd, kh, kw] = tap;
            let column = kw * w.dilation;
            let column = match w.stride {
                1 => column,
                stride => column % stride * columns + column / stride,
            };
            let row = kd * d.dilation * outer + kh * h.dilation * pitch;
            *place = channel * self.channel + row + column;
            tap = match tap {
                [c, d0, h0, w0] if w0 + 1 < w.kernel => [c, d0, h0, w0 + 1],
                [c, d0, h0, _] if h0 + 1 < h.kernel => [c, d0, h0 + 1, 0],
                [c, d0, ..] if d0 + 1 < d.kernel => [c, d0 + 1, 0, 0],
                [c, ..] => [c + 1, 0, 0, 0],
            };
        }
    }

    /// Where the first tap of a run's first window lies.
    #[inline(always)]
    fn start(&self, run: &Run) -> usize {
        let Layout { windows, is_blob, outer, pitch, .. } = &self.layout;
        let row = run.at[1] * windows.axes[1].stride * pitch + run.at[2];
        if *is_blob {
            let channel = run.image * self.all_channels + self.channels.start;
            return channel * self.channel + run.at[0] * outer + row;
        }
        self.outer_before(run.image, run.at[0]) * outer + row
    }
}

/// `to[row stride..][..len] = from[table[row]..][..len]` for every row; no entry is larger than `furthest`.
#[inline(always)]
fn copy_rows<T: Real>(
    from: &[T],
    table: &[usize],
    furthest: usize,
    len: usize,
    stride: usize,
    to: &mut [T],
) {
    assert!(furthest + len <= from.len(), "rows outside of the source");
    assert!((table.len() - 1) * stride + len <= to.len(), "rows outside of the target");
    // SAFETY: asserted just above.
    unsafe {
        match len {
            0 => {}
            1 => copy_ends::<T, 1>(from, table, len, stride, to),
            2..4 => copy_ends::<T, 2>(from, table, len, stride, to),
            4 => copy_whole::<T, 4>(from, table, stride, to),
            5..8 => copy_ends::<T, 4>(from, table, len, stride, to),
            8 => copy_whole::<T, 8>(from, table, stride, to),
            9..16 => copy_ends::<T, 8>(from, table, len, stride, to),
            16 => copy_whole::<T, 16>(from, table, stride, to),
            17..32 => copy_ends::<T, 16>(from, table, len, stride, to),
            32 => copy_whole::<T, 32>(from, table, stride, to),
            _ => {
                for (row, at) in table.iter().enumerate() {
                    let (from, to) = (from.as_ptr().add(*at), to.as_mut_ptr().add(row * stride));
                    for first in (0..len - 32).step_by(32) {
                        copy_exactly::<T, 32>(from.add(first), to.add(first));
                    }
                    copy_exactly::<T, 32>(from.add(len - 32), to.add(len - 32));
                }
            }
        }
    }
}

/// The first and the last `N` of `len` numbers, which are all.
///
/// # Safety
/// Rows of `len` numbers, at least `N`, lie inside `from` at the places of the table and inside `to` a stride apart.
#[inline(always)]
unsafe fn copy_ends<T: Real, const N: usize>(
    from: &[T],
    table: &[usize],
    len: usize,
    stride: usize,
    to: &mut [T],
) {
    let last = len - N;
    for (row, at) in table.iter().enumerate() {
        // SAFETY: both parts are within `len` numbers of the row, promised by the caller.
        unsafe {
            let (from, to) = (from.as_ptr().add(*at), to.as_mut_ptr().add(row * stride));
            copy_exactly::<T, N>(from, to);
            copy_exactly::<T, N>(from.add(last), to.add(last));
        }
    }
}

/// Rows of exactly `N` numbers.
///
/// # Safety
/// Rows of `N` numbers lie inside `from` at the places of the table and inside `to` a stride apart.
#[inline(always)]
unsafe fn copy_whole<T: Real, const N: usize>(
    from: &[T],
    table: &[usize],
    stride: usize,
    to: &mut [T],
) {
    for (row, at) in table.iter().enumerate() {
        // SAFETY: rows of `N` numbers are inside of both slices, promised by the caller.
        unsafe {
            let (from, to) = (from.as_ptr().add(*at), to.as_mut_ptr().add(row * stride));
            copy_exactly::<T, N>(from, to);
        }
    }
}

/// Copies `N` numbers at once.
///
/// # Safety
/// `from` is valid for reading and `to` for writing `N` numbers.
#[inline(always)]
unsafe fn copy_exactly<T: Real, const N: usize>(from: *const T, to: *mut T) {
    // SAFETY: promised by the caller; arrays of numbers have their alignment.
    unsafe { to.cast::<[T; N]>().write(from.cast::<[T; N]>().read()) };
}
