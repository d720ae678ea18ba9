//! Which default box of a detector takes which object, and which boxes count.

use super::boxes::overlap;
use crate::real::Real;

/// What each default box of an image has.
pub(super) struct Taken<'a, T> {
    /// The object that it takes, or -1.
    pub object: &'a mut [T],
    /// Its largest overlap with an object, then what it costs, if it counts, or -1.
    pub cost: &'a mut [T],
}

impl<T: Real> Taken<'_, T> {
    /// The object of a box.
    pub fn object(&self, at: usize) -> Option<usize> {
        (T::ZERO <= self.object[at]).then(|| self.object[at].to_usize())
    }

    /// Gives default boxes the objects of an image, whose numbers are `rows`; the number of boxes that have one. Each object
    /// takes the box that it overlaps most, then each box takes the object that it overlaps most, if that is `enough`.
    pub fn take(
        &mut self,
        priors: &[T],
        objects: &[T],
        rows: &[usize],
        enough: Option<f64>,
    ) -> usize {
        let least = T::from_f64(1e-6);
        let shared = |at: usize, row: usize| {
            let shared = overlap(&priors[at * 4..][..4], &objects[row * 8 + 3..][..4]);
            if least < shared { shared } else { T::ZERO }
        };
        self.object.fill(-T::ONE);
        for (at, cost) in self.cost.iter_mut().enumerate() {
            *cost = rows.iter().map(|&row| shared(at, row)).fold(T::ZERO, |most, x| most.max(x));
        }
        let mut waiting = rows.to_vec();
        let mut count = 0;
        while !waiting.is_empty() {
            let mut best: Option<(usize, usize, T)> = None;
            for at in (0..self.object.len()).filter(|&at| self.object[at] < T::ZERO) {
                // A default box that overlaps nothing more than the best so far cannot be better.
                if best.is_some_and(|(_, _, most)| self.cost[at] <= most) {
                    continue;
                }
                for (place, &row) in waiting.iter().enumerate() {
                    let now = shared(at, row);
                    if T::ZERO < now && best.is_none_or(|(_, _, most)| most < now) {
                        best = Some((at, place, now));
                    }
                }
            }
            let Some((at, place, most)) = best else { break };
            self.object[at] = T::from_usize(waiting.remove(place));
            self.cost[at] = most;
            count += 1;
        }
        let Some(enough) = enough.map(T::from_f64) else { return count };
        for at in 0..self.object.len() {
            if T::ZERO <= self.object[at] {
                continue;
            }
            let mut best: Option<(usize, T)> = None;
            for &row in rows {
                let now = shared(at, row);
                let fits = T::ZERO < now && enough <= now;
                if fits && best.is_none_or(|(_, most)| most < now) {
                    best = Some((row, now));
                }
            }
            if let Some((row, _)) = best {
                self.object[at] = T::from_usize(row);
                count += 1;
            }
        }
        count
    }

    /// Chooses the boxes that cost most, of equal ones the first; of those with a cost, the others get the cost -1. Whether all
    /// costs are numbers; those that are not are left.
    pub fn choose(&mut self, wanted: usize) -> bool {
        let costs = &mut self.cost;
        let mut counted: Vec<usize> = (0..costs.len()).filter(|&at| T::ZERO <= costs[at]).collect();
        counted
            .sort_by(|&a, &b| costs[b].partial_cmp(&costs[a]).unwrap_or(std::cmp::Ordering::Equal));
        for &at in counted.iter().skip(wanted) {
            costs[at] = -T::ONE;
        }
        !costs.iter().any(|cost| cost.to_f64().is_nan())
    }

    /// Takes the objects from all boxes that [`choose`](Self::choose) has passed over; the number of boxes that keep one.
    pub fn let_go(&mut self) -> usize {
        let mut kept = 0;
        for (object, &cost) in self.object.iter_mut().zip(self.cost.iter()) {
            if cost < T::ZERO {
                *object = -T::ONE;
            }
            kept += usize::from(T::ZERO <= *object);
        }
        kept
    }
}
