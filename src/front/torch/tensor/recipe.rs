//! Values that are described but not drawn: constants and random numbers, each a function of its place.
//!
//! Random numbers are counted, not generated in turn: the number at a place is known without those before it. A copy of
//! undrawn values is therefore again undrawn and still equal.

use crate::random::{Philox, STREAM_DEFINITION};
use crate::spec::Filler;
use std::rc::Rc;

/// The distribution of a [`Draw`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Law {
    /// Between 0 and 1.
    Uniform,
    /// Mean 0 and deviation 1.
    Normal,
}

/// One call of `uniform` or `normal`.
#[derive(Debug)]
pub(super) struct Draw {
    pub law: Law,
    pub seed: u64,
    /// How many fills came before since the seed was set.
    pub number: u64,
}

impl Draw {
    /// The random number at a place.
    pub fn at(&self, place: u64) -> f64 {
        let words =
            Philox::new(self.seed, STREAM_DEFINITION.wrapping_add(self.number)).block(place / 2);
        let unit = |low: u32, high: u32| {
            (u64::from(low) | u64::from(high) << 32).wrapping_shr(11) as f64 / (1u64 << 53) as f64
        };
        let (first, second) = (unit(words[0], words[1]), unit(words[2], words[3]));
        let is_second = place % 2 == 1;
        match self.law {
            Law::Uniform => [first, second][usize::from(is_second)],
            Law::Normal => {
                let radius = (-2.0 * (1.0 - first).ln()).sqrt();
                let (sin, cos) = (std::f64::consts::TAU * second).sin_cos();
                radius * if is_second { sin } else { cos }
            }
        }
    }
}

/// What a run of elements holds.
#[derive(Clone, Debug)]
pub(super) enum Recipe {
    /// The same number everywhere.
    Constant(f64),
    /// What a network gives: numbers that are known only when it runs, and that cannot be read before.
    Unknown,
    /// `shift + scale * draw.at(place + skew)`.
    Random { draw: Rc<Draw>, skew: i64, scale: f64, shift: f64 },
}

impl Recipe {
    /// The number at a place of the storage.
    pub fn at(&self, place: usize) -> f64 {
        match self {
            Recipe::Constant(value) => *value,
            Recipe::Unknown => f64::NAN,
            Recipe::Random { draw, skew, scale, shift } => {
                shift + scale * draw.at((place as i64).wrapping_add(*skew) as u64)
            }
        }
    }

    /// The recipe of `scale * value + shift`.
    pub fn mapped(&self, by: f64, plus: f64) -> Recipe {
        match self {
            Recipe::Constant(value) => Recipe::Constant(value * by + plus),
            Recipe::Unknown => Recipe::Unknown,
            Recipe::Random { .. } if by == 0.0 => Recipe::Constant(plus),
            Recipe::Random { draw, skew, scale, shift } => Recipe::Random {
                draw: draw.clone(),
                skew: *skew,
                scale: scale * by,
                shift: shift * by + plus,
            },
        }
    }

    /// The recipe of the same values at places that many further on.
    pub fn moved(&self, by: i64) -> Recipe {
        let mut moved = self.clone();
        if let Recipe::Random { skew, .. } = &mut moved {
            *skew = skew.wrapping_sub(by);
        }
        moved
    }

    /// Whether the same random numbers are held anywhere else.
    pub fn is_copied(&self) -> bool {
        matches!(self, Recipe::Random { draw, .. } if 1 < Rc::strong_count(draw))
    }

    /// The recipe in the words of a layer's parameter; `None` where nothing is known.
    pub fn filler(&self) -> Option<Filler> {
        Some(match self {
            Recipe::Unknown => return None,
            Recipe::Constant(value) => Filler::Constant(*value),
            Recipe::Random { draw, scale, shift, .. } => match draw.law {
                Law::Uniform => Filler::Uniform(shift.min(shift + scale), shift.max(shift + scale)),
                Law::Normal => Filler::Gaussian { mean: *shift, std: scale.abs(), sparse: None },
            },
        })
    }
}
