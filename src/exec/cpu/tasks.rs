//! Splits a kernel's work over the threads of the caller's team or rayon pool, without allocating.
//!
//! Tasks are cut by shapes alone. A task's result may not depend on which thread runs it or on what
//! its scratch memory held before, so any number of threads gives the same bits. With one thread
//! everything is a plain loop.
//!
//! Every runner begins with a part of the tasks of its own, the same in every kernel, and takes those of others when it has
//! done them: what one kernel wrote lies in the caches of the core that reads it in the next, as far as the order of tasks is
//! that of memory.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::real::Real;
use super::team;

/// Elements below which an elementwise pass is not worth a second thread.
pub const CHUNK: usize = 16 * 1024;

thread_local! {
    /// Whether kernels called from this thread stay on it.
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// The number of slots to give a kernel scratch memory for: the threads of the team that this thread leads, or of the
/// current pool.
pub fn threads() -> usize {
    if ALONE.get() { 1 } else { team::size().unwrap_or_else(rayon::current_num_threads) }
}

/// Runs `body`, whose kernels stay on this thread: for work so small that waking others takes longer.
pub fn alone<R>(body: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ALONE.set(self.0);
        }
    }
    let _restore = Restore(ALONE.replace(true));
    body()
}

/// Runs `body(task)` for every task below `tasks`.
pub fn for_each(tasks: usize, body: impl Fn(usize) + Sync) {
    run(tasks, false, body);
}

/// The same, every runner through its part forwards or backwards.
fn run(tasks: usize, back: bool, body: impl Fn(usize) + Sync) {
    let runners = threads().min(tasks);
    if runners < 2 {
        match back {
            false => (0..tasks).for_each(body),
            true => (0..tasks).rev().for_each(body),
        }
        return;
    }
    let parts = Parts::new(tasks, runners);
    share(runners, &|runner| parts.drain(runner, back, &body));
}

/// Runs `body(range)` for ranges that together are `0..items`, each but the last of `each` items.
pub fn for_each_range(items: usize, each: usize, body: impl Fn(Range<usize>) + Sync) {
    for_each(items.div_ceil(each), |task| body(task * each..((task + 1) * each).min(items)));
}

/// Runs `body(task, scratch)` for every task below `tasks`; `scratch` has `each` elements.
///
/// As many threads take part as pieces of `each` elements fit into `work` (at least one must fit).
pub fn for_each_with<T: Real>(
    tasks: usize,
    work: &mut [T],
    each: usize,
    body: impl Fn(usize, &mut [T]) + Sync,
) {
    assert!(each <= work.len(), "workspace of {} elements, {each} needed", work.len());
    let runners = (work.len() / each.max(1)).min(threads()).min(tasks);
    if runners < 2 {
        (0..tasks).for_each(|task| body(task, &mut work[..each]));
        return;
    }
    let parts = Parts::new(tasks, runners);
    let work = Shared::new(work);
    share(runners, &|runner| {
        // SAFETY: each runner has its own number, so the pieces are disjoint.
        let scratch = unsafe { work.slice(runner * each..(runner + 1) * each) };
        parts.drain(runner, false, |task| body(task, scratch));
    });
}

/// Runs `body(index, piece)` for the pieces of `size` elements of `data`; the last may be shorter.
pub fn for_each_piece<T: Send>(data: &mut [T], size: usize, body: impl Fn(usize, &mut [T]) + Sync) {
    pieces(data, size, false, body);
}

/// The same, every runner from its last piece to its first: for a pass over what another has just gone over, of which the
/// end is still in the caches.
pub fn for_each_piece_back<T: Send>(
    data: &mut [T],
    size: usize,
    body: impl Fn(usize, &mut [T]) + Sync,
) {
    pieces(data, size, true, body);
}

/// Runs `body(index, piece, piece)` for the pieces of `size` elements of two slices of one length.
pub fn for_each_pair_of_pieces<T: Send>(
    first: &mut [T],
    second: &mut [T],
    size: usize,
    body: impl Fn(usize, &mut [T], &mut [T]) + Sync,
) {
    assert_eq!(first.len(), second.len());
    let size = size.max(1);
    let second = Shared::new(second);
    pieces(first, size, false, |index, first| {
        // SAFETY: every index is run once, and pieces of different indices are disjoint.
        let second = unsafe { second.slice(index * size..index * size + first.len()) };
        body(index, first, second);
    });
}

fn pieces<T: Send>(data: &mut [T], size: usize, back: bool, body: impl Fn(usize, &mut [T]) + Sync) {
    let size = size.max(1);
    let len = data.len();
    let data = Shared::new(data);
    run(len.div_ceil(size), back, |index| {
        // SAFETY: every index is run once, and pieces of different indices are disjoint.
        body(index, unsafe { data.slice(index * size..(index * size + size).min(len)) });
    });
}

/// The number of items, each of `cost` elements, that make one task of about [`CHUNK`] elements.
pub fn items_per_task(cost: usize) -> usize {
    (CHUNK / cost.max(1)).max(1)
}

/// Most parts that tasks are cut into; more runners share them.
const PARTS: usize = 16;

/// Tasks, in parts of which each begins with its own runner.
struct Parts {
    tasks: usize,
    count: usize,
    /// How many of each part have been taken.
    taken: [Taken; PARTS],
}

/// A number with a cache line of its own.
#[repr(align(64))]
struct Taken(AtomicUsize);

impl Parts {
    fn new(tasks: usize, runners: usize) -> Parts {
        let taken = [const { Taken(AtomicUsize::new(0)) }; PARTS];
        Parts { tasks, count: runners.min(PARTS), taken }
    }

    /// Runs tasks until none is left: those of the runner's part, forwards or backwards, then those of the others.
    fn drain(&self, runner: usize, back: bool, mut body: impl FnMut(usize)) {
        for other in 0..self.count {
            let part = (runner + other) % self.count;
            let bound = |part: usize| self.tasks * part / self.count;
            let (start, end) = (bound(part), bound(part + 1));
            loop {
                let taken = self.taken[part].0.fetch_add(1, Ordering::Relaxed);
                if end - start <= taken {
                    break;
                }
                body(if back { end - 1 - taken } else { start + taken });
            }
        }
    }
}

/// Runs `body` for every runner, or for as many as come.
fn share(runners: usize, body: &(impl Fn(usize) + Sync)) {
    if !team::share(runners, body) {
        fork(0..runners, body);
    }
}

fn fork(runners: Range<usize>, body: &(impl Fn(usize) + Sync)) {
    if runners.len() < 2 {
        runners.for_each(body);
        return;
    }
    let middle = runners.start + runners.len() / 2;
    rayon::join(|| fork(runners.start..middle, body), || fork(middle..runners.end, body));
}

/// A mutable slice of which the tasks of a kernel write disjoint parts.
pub struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    life: PhantomData<&'a mut [T]>,
}

// SAFETY: access goes through `slice` and `pointer`, whose callers keep the parts disjoint.
unsafe impl<T: Send> Send for Shared<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    /// Wraps a slice for the time it is borrowed.
    pub fn new(data: &'a mut [T]) -> Self {
        Shared { start: data.as_mut_ptr(), len: data.len(), life: PhantomData }
    }

    /// A part of the slice.
    ///
    /// # Safety
    /// No other part that is alive overlaps it.
    #[expect(clippy::mut_from_ref, reason = "disjointness is the caller's promise")]
    pub unsafe fn slice(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len, "part outside the slice");
        // SAFETY: inside the slice by the assertion; exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }

    /// The address of an element, for kernels whose parts are not contiguous.
    pub fn pointer(&self, index: usize) -> *mut T {
        assert!(index <= self.len, "pointer outside the slice");
        // SAFETY: inside or one past the slice.
        unsafe { self.start.add(index) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once_for_any_number_of_threads() {
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut data = vec![0u32; 1001];
            let mut work = vec![0f32; 7];
            let count = AtomicUsize::new(0);
            pool.install(|| {
                for_each_piece(&mut data, 10, |i, piece| piece.fill(i as u32));
                for_each_piece_back(&mut data, 10, |i, piece| {
                    assert!(piece.iter().all(|x| *x == i as u32));
                    piece.fill(i as u32 + 1);
                });
                assert_eq!((alone(super::threads), super::threads()), (1, threads));
                for_each_with(37, &mut work, 3, |task, scratch| {
                    scratch.fill(task as f32);
                    assert!(scratch.len() == 3 && scratch.iter().all(|x| *x == task as f32));
                    count.fetch_add(task, Ordering::Relaxed);
                });
            });
            assert!(data.iter().enumerate().all(|(i, x)| *x == (i / 10) as u32 + 1));
            assert_eq!(count.into_inner(), 36 * 37 / 2);
        }
    }
}
