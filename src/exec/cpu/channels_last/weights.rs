//! Weights of a convolution in the order in which its sums read them: panels of channels, depth by depth.
//!
//! The panels of a group lie one after the other; all but the last are two registers wide, and columns without a channel
//! are 0.

use super::Way;
use super::sums::Sums;
use crate::exec::cpu::micro::Tile;
use crate::exec::cpu::tasks::{Shared, for_each};
use crate::exec::cpu::turn::{SIDE, turn};
use crate::real::Real;

/// The panels that a number of channels is cut into.
#[derive(Clone, Copy, Debug)]
pub struct Panels {
    /// Numbers in a register.
    lanes: usize,
    /// Channels.
    channels: usize,
}

impl Panels {
    /// The panels of `channels` channels of `T`.
    pub fn of<T: Real>(channels: usize) -> Panels {
        Panels { lanes: Tile::of::<T>().columns / 2, channels }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.channels.div_ceil(2 * self.lanes)
    }

    /// The first channel of a panel.
    pub fn start(&self, panel: usize) -> usize {
        panel * 2 * self.lanes
    }

    /// Channels of a panel.
    pub fn channels(&self, panel: usize) -> usize {
        (self.channels - self.start(panel)).min(2 * self.lanes)
    }

    /// Registers of a panel.
    pub fn registers(&self, panel: usize) -> usize {
        self.channels(panel).div_ceil(self.lanes)
    }

    /// Columns of a panel, with those that are 0.
    pub fn width(&self, panel: usize) -> usize {
        self.registers(panel) * self.lanes
    }

    /// Columns of all panels.
    pub fn all(&self) -> usize {
        self.channels.div_ceil(self.lanes) * self.lanes
    }
}

/// Writes the weights `O x C/group x kernel` in the order in which `sums` reads them.
pub fn pack<T: Real>(sums: &Sums, w: &[T], packed: &mut [T]) {
    assert!(w.len() == sums.weight_len(), "{} weights", w.len());
    assert!(sums.packed_len() <= packed.len(), "{} packed weights", packed.len());
    let panels = Panels::of::<T>(sums.outputs);
    // Whatever lies behind the last panel is read by nobody.
    let packed = Shared::new(packed);
    for_each(sums.group * panels.count(), |task| {
        let (group, panel) = (task / panels.count(), task % panels.count());
        match sums.way {
            Way::Forward => forward(sums, w, &panels, group, panel, &packed),
            Way::Input => input(sums, w, &panels, group, panel, &packed),
        }
    });
}

/// A panel of output channels.
fn forward<T: Real>(
    sums: &Sums,
    w: &[T],
    panels: &Panels,
    group: usize,
    panel: usize,
    packed: &Shared<T>,
) {
    let taps = sums.all_taps;
    let depth = sums.channels * taps;
    let width = panels.width(panel);
    let start = sums.panel(0, group, panel);
    let first = group * sums.outputs + panels.start(panel);
    let place = |column: usize| {
        let (channel, tap) = (column / taps, column % taps);
        Some(start + (tap * sums.channels + channel) * width)
    };
    turn_lines(&w[first * depth..], depth, (panels.channels(panel), width), place, packed);
}

/// A panel of input channels.
fn input<T: Real>(
    sums: &Sums,
    w: &[T],
    panels: &Panels,
    group: usize,
    panel: usize,
    packed: &Shared<T>,
) {
    let taps = sums.all_taps;
    let (channels, width) = (panels.channels(panel), panels.width(panel));
    for depth in 0..sums.channels {
        let first = (group * sums.channels + depth) * sums.outputs + panels.start(panel);
        let place = |tap: usize| {
            let (grid, at) = sums.places[tap]?;
            Some(sums.panel(grid, group, panel) + (at * sums.channels + depth) * width)
        };
        if taps == 1 {
            let Some(at) = place(0) else { continue };
            // SAFETY: panels do not overlap.
            let to = unsafe { packed.slice(at..at + width) };
            to[..channels].copy_from_slice(&w[first..][..channels]);
            to[channels..].fill(T::ZERO);
            continue;
        }
        turn_lines(&w[first * taps..], taps, (channels, width), place, packed);
    }
}

/// Writes the lines of a panel's channels, `len` numbers each, as columns. `place` tells where that of a number of the line
/// goes, if anybody reads it; no two go to one place, nor to a part that another task writes.
fn turn_lines<T: Real>(
    w: &[T],
    len: usize,
    (channels, width): (usize, usize),
    place: impl Fn(usize) -> Option<usize>,
    packed: &Shared<T>,
) {
    for half in (0..width).step_by(SIDE) {
        let height = (width - half).min(SIDE);
        let lines = channels.saturating_sub(half).min(SIDE);
        for from in (0..len).step_by(SIDE) {
            let columns = (len - from).min(SIDE);
            let mut source = [std::ptr::null(); SIDE];
            for (line, source) in source[..lines].iter_mut().enumerate() {
                *source = w[(half + line) * len + from..][..columns].as_ptr();
            }
            let mut target = [std::ptr::null_mut(); SIDE];
            let mut unread = [T::ZERO; SIDE];
            for (column, target) in target[..columns].iter_mut().enumerate() {
                *target = match place(from + column) {
                    // SAFETY: places do not overlap.
                    Some(at) => unsafe { packed.slice(at + half..at + half + height) },
                    None => &mut unread[..height],
                }
                .as_mut_ptr();
            }
            // SAFETY: both were cut from slices of these lengths.
            unsafe { turn(&source[..lines], &target[..columns], height) };
        }
    }
}
