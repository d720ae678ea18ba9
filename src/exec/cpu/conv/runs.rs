//! Sums of runs of memory, each times a factor: the inner loop of the gradients over maxima.

use pulp::{Simd, WithSimd};

use crate::real::{Real, load, store, vectorize, with_short_simd};

/// Registers of the longest piece of a run that is summed at a time.
const REGISTERS: usize = 13;

/// Numbers in a register; runs are padded to whole ones.
pub(super) fn lanes<T: Real>() -> usize {
    struct Probe<T>(std::marker::PhantomData<T>);
    impl<T: Real> WithSimd for Probe<T> {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            T::lanes::<S>()
        }
    }
    with_short_simd(Probe::<T>(std::marker::PhantomData))
}

/// Lists of factors and of the runs that they belong to.
#[derive(Clone, Copy)]
pub(super) struct Lists<'a, T> {
    /// The factors, list by list.
    pub values: &'a [T],
    /// Where the run of each begins.
    pub from: &'a [u32],
    /// Where each list ends, in order.
    pub ends: &'a [u32],
    /// Where the sum of each list goes.
    pub to: &'a [u32],
}

/// Adds to the run at `to[i]` of `sums` the runs of `base` that list `i` names, each times its factor. A run has `len`
/// elements, whole registers.
pub(super) fn add_runs<T: Real>(len: usize, lists: Lists<T>, base: &[T], sums: &mut [T]) {
    let lanes = lanes::<T>();
    let registers = len / lanes;
    let pieces = registers.div_ceil(REGISTERS).max(1);
    let most = registers.div_ceil(pieces);
    let listed = lists.ends.last().map_or(0, |end| *end as usize);
    let farthest = |at: &[u32]| {
        let most = vectorize(
            #[inline(always)]
            || at.iter().fold(0, |most, at| most.max(*at)),
        );
        if at.is_empty() { 0 } else { most as usize + len }
    };
    assert!(farthest(&lists.from[..listed]) <= base.len(), "a run outside the operand");
    assert!(farthest(lists.to) <= sums.len(), "a run outside the sums");
    assert!(lists.ends.is_sorted(), "lists that end before others");
    let lists = Lists { values: &lists.values[..listed], from: &lists.from[..listed], ..lists };
    for first in (0..registers).step_by(most.max(1)) {
        with_short_simd(Runs {
            registers: most.min(registers - first),
            lists,
            base: &base[first * lanes..],
            sums: &mut sums[first * lanes..],
        });
    }
}

/// One piece of all runs of [`add_runs`], which has made sure that they are inside.
struct Runs<'a, T> {
    registers: usize,
    lists: Lists<'a, T>,
    base: &'a [T],
    sums: &'a mut [T],
}

impl<T: Real> WithSimd for Runs<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // SAFETY: the caller has compared the farthest runs with the lengths.
        unsafe {
            match self.registers {
                1 => sum_lists::<T, S, 1, 8>(simd, self),
                2 => sum_lists::<T, S, 2, 6>(simd, self),
                3 => sum_lists::<T, S, 3, 4>(simd, self),
                4 => sum_lists::<T, S, 4, 3>(simd, self),
                5 => sum_lists::<T, S, 5, 2>(simd, self),
                6 => sum_lists::<T, S, 6, 2>(simd, self),
                7 => sum_lists::<T, S, 7, 1>(simd, self),
                8 => sum_lists::<T, S, 8, 1>(simd, self),
                9 => sum_lists::<T, S, 9, 1>(simd, self),
                10 => sum_lists::<T, S, 10, 1>(simd, self),
                11 => sum_lists::<T, S, 11, 1>(simd, self),
                12 => sum_lists::<T, S, 12, 1>(simd, self),
                13 => sum_lists::<T, S, 13, 1>(simd, self),
                _ => {}
            }
        }
    }
}

/// Sums every list in `V` registers, `WAYS` gradients at a time so that no addition waits for the one before.
///
/// # Safety
/// Lists end inside their values and places, and runs of `V` registers lie inside `base` and `sums`.
#[inline(always)]
unsafe fn sum_lists<T: Real, S: Simd, const V: usize, const WAYS: usize>(simd: S, job: Runs<T>) {
    let lanes = T::lanes::<S>();
    let (base, sums) = (job.base.as_ptr(), job.sums.as_mut_ptr());
    let mut at = 0;
    for (end, to) in job.lists.ends.iter().zip(job.lists.to) {
        let end = *end as usize;
        if end <= at {
            continue;
        }
        // SAFETY: lists end inside `values` and `from`, and runs inside the operands: promised by the caller.
        unsafe {
            let mut acc = [[T::splat(simd, T::ZERO); V]; WAYS];
            while at + WAYS <= end {
                for (way, acc) in acc.iter_mut().enumerate() {
                    let value = *job.lists.values.get_unchecked(at + way);
                    let from = base.add(*job.lists.from.get_unchecked(at + way) as usize);
                    add_run::<T, S, V>(simd, value, from, acc);
                }
                at += WAYS;
            }
            while at < end {
                let value = *job.lists.values.get_unchecked(at);
                let from = base.add(*job.lists.from.get_unchecked(at) as usize);
                add_run::<T, S, V>(simd, value, from, &mut acc[0]);
                at += 1;
            }
            let to = sums.add(*to as usize);
            for v in 0..V {
                let to = to.add(v * lanes);
                let mut sum = load::<T, S>(to);
                for acc in &acc {
                    sum = T::vector_add(simd, sum, acc[v]);
                }
                store::<T, S>(to, sum);
            }
        }
    }
}

/// `sum += value run`.
///
/// # Safety
/// The run is valid for reading `V` registers.
#[inline(always)]
unsafe fn add_run<T: Real, S: Simd, const V: usize>(
    simd: S,
    value: T,
    run: *const T,
    sum: &mut [T::Vector<S>; V],
) {
    let value = T::splat(simd, value);
    for (v, sum) in sum.iter_mut().enumerate() {
        // SAFETY: the run extends over `V` registers, promised by the caller.
        let run = unsafe { load::<T, S>(run.add(v * T::lanes::<S>())) };
        *sum = T::mul_add(simd, value, run, *sum);
    }
}
