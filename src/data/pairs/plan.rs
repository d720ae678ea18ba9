//! Draws which images are paired.

use std::collections::BTreeMap;

use super::images::PairImages;
use crate::random::{Philox, STREAM_PAIRS, STREAM_SHUFFLE, Sequence};
use crate::{Error, Result};

/// Numbers of the first and the second image.
pub type Pair = (u32, u32);

/// A pair with its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The images.
    pub pair: Pair,
    /// 1 for images of one class, 0 for others, or what a list says.
    pub label: i32,
}

impl Planned {
    /// Whether a contrastive loss takes the two for alike.
    pub fn is_same(&self) -> bool {
        self.label != 0
    }
}

/// Listed pairs in their order, or in one that a seed gives.
pub fn as_listed(pairs: &[Planned], shuffle: Option<u64>, set: u64) -> Vec<Planned> {
    let mut pairs = pairs.to_vec();
    if let Some(seed) = shuffle {
        Philox::new(seed, STREAM_SHUFFLE | set).sequence(0).shuffle(&mut pairs);
    }
    pairs
}

/// Draws `count` pairs; `set` keeps the draws for training and validation apart.
pub fn plan(
    images: &PairImages,
    count: usize,
    balance: Option<f64>,
    seed: u64,
    set: u64,
) -> Result<Vec<Planned>> {
    let mut random = Philox::new(seed, STREAM_PAIRS | set).sequence(0);
    let n = images.len() as u32;
    let labelled = |pair: Pair| Planned {
        pair,
        label: i32::from(images.label(pair.0) == images.label(pair.1)),
    };
    let mut planned = room(count)?;
    let Some(part) = balance else {
        planned.extend((0..count).map(|_| labelled((random.below(n), random.below(n)))));
        return Ok(planned);
    };
    let classes = Classes::of(images);
    let same = (part * count as f64).round() as usize;
    let mut kinds: Vec<bool> = room(count)?;
    kinds.extend((0..count).map(|i| i < same));
    random.shuffle(&mut kinds);
    if 0 < same && classes.pairable == 0 {
        let message = "pairs of one class are asked for, but no class has two images";
        return Err(Error::refused(message));
    }
    if same < count && classes.ranges.len() < 2 {
        let message = "pairs of different classes are asked for, but all images have one class";
        return Err(Error::refused(message));
    }
    let draw = |same| if same { classes.same(&mut random) } else { classes.different(&mut random) };
    planned.extend(kinds.into_iter().map(draw).map(labelled));
    Ok(planned)
}

/// An empty vector with room for something of each of `count` pairs.
fn room<T>(count: usize) -> Result<Vec<T>> {
    let mut room = vec![];
    let why = "pairs do not fit into memory; ask for fewer with --count and --val-count";
    room.try_reserve_exact(count).map_err(|_| Error::refused(format!("{count} {why}")))?;
    Ok(room)
}

/// The numbers below `count` in the order of their digits as text: 0, 1, 10, 11, 2, …
pub fn by_text(count: usize) -> impl Iterator<Item = usize> {
    let after = move |&n: &usize| {
        if n == 0 {
            return (1 < count).then_some(1);
        }
        if n < count.div_ceil(10) {
            return Some(10 * n);
        }
        let mut n = n;
        while n % 10 == 9 || count <= n + 1 {
            n /= 10;
        }
        (n != 0).then_some(n + 1)
    };
    std::iter::successors((0 < count).then_some(0), after)
}

/// Images sorted by class, those of classes with at least two images first.
struct Classes {
    order: Vec<u32>,
    /// Start and length of each class in `order`.
    ranges: Vec<(u32, u32)>,
    /// The class of each place of `order`.
    class: Vec<u32>,
    /// How many images have a companion.
    pairable: u32,
}

impl Classes {
    fn of(images: &PairImages) -> Self {
        let mut members: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for i in 0..images.len() as u32 {
            members.entry(images.label(i)).or_default().push(i);
        }
        let (pairable, single): (Vec<_>, Vec<_>) =
            members.into_values().partition(|members| 2 <= members.len());
        let mut classes = Classes { order: vec![], ranges: vec![], class: vec![], pairable: 0 };
        classes.pairable = pairable.iter().map(|members| members.len() as u32).sum();
        for (class, members) in pairable.into_iter().chain(single).enumerate() {
            classes.ranges.push((classes.order.len() as u32, members.len() as u32));
            classes.class.resize(classes.order.len() + members.len(), class as u32);
            classes.order.extend(members);
        }
        classes
    }

    /// Two different images of one class.
    fn same(&self, random: &mut Sequence) -> Pair {
        let place = random.below(self.pairable);
        let (start, len) = self.range(place);
        let step = 1 + random.below(len - 1);
        let other = start + (place - start + step) % len;
        (self.order[place as usize], self.order[other as usize])
    }

    /// Two images of different classes.
    fn different(&self, random: &mut Sequence) -> Pair {
        let all = self.order.len() as u32;
        let place = random.below(all);
        let (start, len) = self.range(place);
        let drawn = random.below(all - len);
        let other = if drawn < start { drawn } else { drawn + len };
        (self.order[place as usize], self.order[other as usize])
    }

    fn range(&self, place: u32) -> (u32, u32) {
        self.ranges[self.class[place as usize] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_the_order_of_their_text() {
        for count in [0, 1, 2, 9, 10, 11, 99, 100, 101, 1234] {
            let mut sorted: Vec<usize> = (0..count).collect();
            sorted.sort_by_key(usize::to_string);
            assert_eq!(by_text(count).collect::<Vec<_>>(), sorted, "below {count}");
        }
    }
}
