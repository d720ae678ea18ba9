//! Torch's random numbers: the words of a Mersenne Twister, any of which can be asked for, and what Torch makes of them.
//!
//! Sources: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8, 1998, with the initialisation of 2002; Torch7,
//! lib/TH/THRandom.c. A word that lies ahead is reached by turning the state so far; states are kept now and then, so that
//! words which lie back need not begin at the seed.

use std::cell::RefCell;
use std::rc::Rc;

/// Words of the state.
const WORDS: usize = 624;
/// Between a word and the one that is mixed into it.
const SHIFT: usize = 397;
/// Blocks of words between two states that are kept.
const EVERY: u64 = 64;

/// The words that follow a seed.
#[derive(Debug)]
pub(super) struct Twister {
    state: Box<[u32; WORDS]>,
    /// Which block of words the state is.
    block: u64,
    /// States of every so many blocks.
    kept: Vec<[u32; WORDS]>,
}

impl Twister {
    /// The words of a seed, of which 32 bits count.
    pub fn new(seed: u64) -> Self {
        let mut state = Box::new([0u32; WORDS]);
        state[0] = seed as u32;
        for at in 1..WORDS {
            let before = state[at - 1];
            state[at] = (before ^ before >> 30).wrapping_mul(1_812_433_253).wrapping_add(at as u32);
        }
        turn(&mut state);
        Twister { kept: vec![*state], state, block: 0 }
    }

    /// How many words must be gone through to reach one for the first time.
    pub fn ahead(&self, at: u64) -> usize {
        let reached = self.block.max((self.kept.len() as u64 - 1) * EVERY);
        (at / WORDS as u64).saturating_sub(reached).saturating_mul(WORDS as u64) as usize
    }

    /// The word at a place from 0.
    pub fn word(&mut self, at: u64) -> u32 {
        let block = at / WORDS as u64;
        if block != self.block {
            self.reach(block);
        }
        let mut word = self.state[(at % WORDS as u64) as usize];
        word ^= word >> 11;
        word ^= word << 7 & 0x9d2c_5680;
        word ^= word << 15 & 0xefc6_0000;
        word ^ word >> 18
    }

    fn reach(&mut self, block: u64) {
        let mark = (block / EVERY).min(self.kept.len() as u64 - 1);
        if block < self.block || self.block < mark * EVERY {
            *self.state = self.kept[mark as usize];
            self.block = mark * EVERY;
        }
        while self.block < block {
            turn(&mut self.state);
            self.block += 1;
            if self.block == self.kept.len() as u64 * EVERY {
                self.kept.push(*self.state);
            }
        }
    }

    /// Uniform in `0 <= x < 1`, a multiple of 2^-32.
    pub fn uniform(&mut self, at: u64) -> f64 {
        f64::from(self.word(at)) / 4_294_967_296.0
    }

    /// The two normal numbers of the words at a place (Box and Muller, 1958).
    pub fn normals(&mut self, at: u64) -> [f64; 2] {
        let (angle, radius) = (self.uniform(at), self.uniform(at + 1));
        let radius = (-2.0 * (1.0 - radius).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * angle).sin_cos();
        [radius * cos, radius * sin]
    }
}

/// The next block of words.
fn turn(state: &mut [u32; WORDS]) {
    for at in 0..WORDS {
        let mixed = state[at] & 0x8000_0000 | state[(at + 1) % WORDS] & 0x7fff_ffff;
        let odd = if mixed & 1 == 1 { 0x9908_b0df } else { 0 };
        state[at] = state[(at + SHIFT) % WORDS] ^ mixed >> 1 ^ odd;
    }
}

/// Random numbers one after the other.
#[derive(Clone, Debug)]
pub(super) struct Generator {
    source: Rc<RefCell<Twister>>,
    /// The next word.
    next: u64,
    /// Where the words lie of which the second normal number was not used yet.
    spare: Option<u64>,
}

/// Where a row of random numbers begins.
#[derive(Clone, Debug)]
pub(super) struct Start {
    /// The words.
    pub source: Rc<RefCell<Twister>>,
    /// The first word.
    pub next: u64,
    /// Where the words lie whose second number is the first of normal ones.
    pub spare: Option<u64>,
}

impl Generator {
    /// The numbers of a seed from the first on.
    pub fn new(seed: u64) -> Self {
        Generator { source: Rc::new(RefCell::new(Twister::new(seed))), next: 0, spare: None }
    }

    /// How many words must be gone through before the next.
    pub fn ahead(&self) -> usize {
        self.source.borrow().ahead(self.next)
    }

    /// The next 32 random bits.
    pub fn word(&mut self) -> u32 {
        self.next += 1;
        self.source.borrow_mut().word(self.next - 1)
    }

    /// Uniform in `0 <= x < 1`.
    pub fn uniform(&mut self) -> f64 {
        self.next += 1;
        self.source.borrow_mut().uniform(self.next - 1)
    }

    /// Normal with mean 0 and deviation 1.
    pub fn normal(&mut self) -> f64 {
        if let Some(at) = self.spare.take() {
            return self.source.borrow_mut().normals(at)[1];
        }
        self.spare = Some(self.next);
        self.next += 2;
        self.source.borrow_mut().normals(self.next - 2)[0]
    }

    /// Leaves so many uniform numbers to be drawn later.
    pub fn leave_uniform(&mut self, count: u64) -> Start {
        let start = Start { source: self.source.clone(), next: self.next, spare: None };
        self.next += count;
        start
    }

    /// Leaves so many normal numbers to be drawn later.
    pub fn leave_normal(&mut self, count: u64) -> Start {
        let start = Start { source: self.source.clone(), next: self.next, spare: self.spare };
        let count = count - u64::from(0 < count && self.spare.take().is_some());
        self.next += count.next_multiple_of(2);
        if count % 2 == 1 {
            self.spare = Some(self.next - 2);
        }
        start
    }
}

#[cfg(test)]
mod tests {
    use super::{Generator, Twister};

    /// Torch7's first numbers after `torch.manualSeed(1)`.
    #[test]
    fn the_first_numbers_of_torch() {
        let mut twister = Twister::new(1);
        let words: Vec<u32> = (0..4).map(|at| twister.word(at)).collect();
        assert_eq!(words, [1791095845, 4282876139, 3093770124, 4005303368]);
        let mut generator = Generator::new(1);
        let normal = [-2.9718290309304063, 1.7069510634116105, -0.430498971038916];
        for expected in normal {
            assert!((generator.normal() - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn words_that_lie_back_and_ahead_are_the_same() {
        let mut twister = Twister::new(5);
        let all: Vec<u32> = (0..200_000).map(|at| twister.word(at)).collect();
        assert_eq!(twister.ahead(199_999), 0);
        let mut other = Twister::new(5);
        assert!(150_000 < other.ahead(199_999));
        for at in [199_999, 3, 130_000, 50_000, 0, 100_000] {
            assert_eq!(other.word(at), all[at as usize], "{at}");
        }
    }

    #[test]
    fn numbers_left_for_later_are_those_that_would_come() {
        let mut now = Generator::new(9);
        let drawn: Vec<f64> = (0..7).map(|_| now.normal()).collect();
        let after = [now.uniform(), now.normal(), now.normal()];
        let mut later = Generator::new(9);
        let (first, rest) = (later.leave_normal(3), later.leave_normal(4));
        assert_eq!([later.uniform(), later.normal(), later.normal()], after);
        let mut source = first.source.borrow_mut();
        assert_eq!((first.spare, source.normals(first.next)[0]), (None, drawn[0]));
        assert_eq!(source.normals(rest.spare.expect("one is left"))[1], drawn[3]);
        assert_eq!(source.normals(rest.next)[0], drawn[4]);
    }
}
