//! Transforms the weights of a convolution, `G w G'`: from `O x C x kernel` to panels of output channels, each `36 x C x width`.

use pulp::{Simd, WithSimd};

use super::transform::{self, PLACES, REACH};
use crate::exec::cpu::channels_last::Way;
use crate::exec::cpu::channels_last::weights::Panels;
use crate::exec::cpu::past;
use crate::exec::cpu::tasks::{Shared, for_each};
use crate::exec::cpu::turn::{SIDE, turn};
use crate::real::{Real, load, store, store_past, with_simd};

/// Channels of one task.
const CHANNELS: usize = 32;

/// Most taps of a window.
const MOST: usize = 25;

/// Elements of the transformed weights of sums over `channels` for `outputs`.
pub fn tiles_weight_len<T: Real>(channels: usize, outputs: usize) -> usize {
    PLACES * channels * Panels::of::<T>(outputs).all()
}

/// Transforms the weights of sums over `channels` for `outputs`, windows of 3 x 3 or 5 x 5: of a convolution, `outputs x
/// channels x kernel`, or of its gradient to the input, which turns windows around, `channels x outputs x kernel`.
pub fn tiles_pack<T: Real>(way: Way, channels: usize, outputs: usize, w: &[T], packed: &mut [T]) {
    let all = w.len() / (outputs * channels).max(1);
    assert!(w.len() == outputs * channels * all && [9, 25].contains(&all), "{} weights", w.len());
    assert!(tiles_weight_len::<T>(channels, outputs) <= packed.len(), "packed weights");
    let panels = Panels::of::<T>(outputs);
    // Rows begin at cache lines if the first does.
    let aligned = packed.as_ptr().align_offset(64) == 0;
    let past = aligned && past::is_large(packed);
    let packed = &Shared::new(packed);
    let blocks = channels.div_ceil(CHANNELS);
    for_each(panels.count() * blocks, |task| {
        let (panel, first) = (task / blocks, task % blocks * CHANNELS);
        for channel in first..(first + CHANNELS).min(channels) {
            for half in (0..panels.width(panel)).step_by(SIDE) {
                let lines = panels.channels(panel).saturating_sub(half).min(SIDE);
                let output = panels.start(panel) + half;
                let mut from = [std::ptr::null(); SIDE];
                for (line, from) in from[..lines].iter_mut().enumerate() {
                    let at = match way {
                        Way::Forward => (output + line) * channels + channel,
                        Way::Input => channel * outputs + output + line,
                    };
                    *from = w[at * all..][..all].as_ptr();
                }
                let mut taps = [[T::ZERO; SIDE]; MOST];
                let mut to = taps.each_mut().map(|tap| tap.as_mut_ptr());
                let to = &mut to[..all];
                if way == Way::Input {
                    to.reverse();
                }
                for first in (0..all).step_by(SIDE) {
                    let from = from.map(|line| line.wrapping_add(first));
                    let to = &to[first..(first + SIDE).min(all)];
                    // SAFETY: lines and columns are of these lengths.
                    unsafe { turn(&from[..lines], to, SIDE) };
                }
                let at =
                    PLACES * channels * panels.start(panel) + channel * panels.width(panel) + half;
                let place = channels * panels.width(panel);
                let width = (panels.width(panel) - half).min(SIDE);
                let taps = &taps;
                match all {
                    9 => with_simd(Transform::<_, 3> { taps, width, at, place, packed, past }),
                    _ => with_simd(Transform::<_, 5> { taps, width, at, place, packed, past }),
                }
            }
        }
        if past {
            past::fence();
        }
    });
}

/// Transforms the windows, of `N` taps along a side, of up to [`SIDE`] output channels.
struct Transform<'a, T, const N: usize> {
    taps: &'a [[T; SIDE]; MOST],
    /// Output channels: whole registers.
    width: usize,
    /// Where the first place goes, and the distance to the next.
    at: usize,
    place: usize,
    packed: &'a Shared<'a, T>,
    /// Whether they are written past the caches.
    past: bool,
}

impl<T: Real, const N: usize> WithSimd for Transform<'_, T, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Transform { taps, width, at, place, packed, past } = self;
        for lane in (0..width).step_by(T::lanes::<S>()) {
            transform::square(
                #[inline(always)]
                |column| {
                    let mut w = [T::splat(simd, T::ZERO); N];
                    for (line, w) in w.iter_mut().enumerate() {
                        // SAFETY: a tap has this many lanes.
                        *w = unsafe { load::<T, S>(taps[line * N + column][lane..].as_ptr()) };
                    }
                    w
                },
                #[inline(always)]
                |w| transform::weights::<T, S, N>(simd, w),
                #[inline(always)]
                |line, values| {
                    for (column, value) in values.into_iter().enumerate() {
                        let at = at + (line * REACH + column) * place + lane;
                        // SAFETY: every channel of every panel is in one task.
                        unsafe {
                            match past {
                                true => store_past::<T, S>(packed.pointer(at), value),
                                false => store::<T, S>(packed.pointer(at), value),
                            }
                        }
                    }
                },
            );
        }
    }
}
