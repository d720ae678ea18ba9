//! Values that are described but not drawn: constants and random numbers, each a function of its place.
//!
//! Random numbers are counted, not generated in turn: a fill only notes which ones it has. A copy of undrawn values is
//! therefore again undrawn and still equal.

use super::twister::Start;
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
    pub start: Start,
}

impl Draw {
    /// The first word that the random number at a place is made of.
    pub fn word(&self, place: u64) -> u64 {
        match (self.law, self.start.spare, place) {
            (Law::Uniform, _, place) => self.start.next.wrapping_add(place),
            (Law::Normal, Some(spare), 0) => spare,
            (Law::Normal, spare, place) => {
                let place = place - u64::from(spare.is_some());
                self.start.next.wrapping_add(place / 2 * 2)
            }
        }
    }

    /// The random number at a place.
    pub fn at(&self, place: u64) -> f64 {
        let (word, mut source) = (self.word(place), self.start.source.borrow_mut());
        let second = match self.start.spare {
            Some(_) => place.is_multiple_of(2),
            None => !place.is_multiple_of(2),
        };
        match self.law {
            Law::Uniform => source.uniform(word),
            Law::Normal => source.normals(word)[usize::from(second)],
        }
    }

    /// How many words must be gone through before the random number at a place.
    pub fn ahead(&self, place: u64) -> usize {
        self.start.source.borrow().ahead(self.word(place))
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
