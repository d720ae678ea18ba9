//! How well an embedding separates classes: neighbours, thresholds, areas.

use crate::random::Philox;

/// Points with their classes.
#[derive(Clone, Debug, Default)]
pub struct Embedding {
    /// Coordinates, all of one length.
    pub points: Vec<Vec<f32>>,
    /// The class of each.
    pub classes: Vec<usize>,
}

/// Figures of an embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// Share of points whose nearest 5 others are mostly of their class.
    pub neighbours: f64,
    /// The share of pairs told apart by the best threshold of the distance, half of them of one class.
    pub accuracy: f64,
    /// That threshold.
    pub threshold: f64,
    /// Area under the curve of the rates of true and false alarms.
    pub area: f64,
}

/// Neighbours that vote.
const NEIGHBOURS: usize = 5;

/// Pairs that are drawn for the threshold.
const PAIRS: usize = 20_000;

/// Points that vote and are voted on, at most: the work grows with the square.
const VOTERS: usize = 4_000;

impl Embedding {
    /// The figures; pairs are drawn by the seed.
    pub fn quality(&self, seed: u64) -> Option<Quality> {
        if self.points.len() < 2 * NEIGHBOURS || self.classes.iter().all(|&c| c == self.classes[0])
        {
            return None;
        }
        let (accuracy, threshold, area) = self.verification(seed)?;
        Some(Quality { neighbours: self.neighbours(), accuracy, threshold, area })
    }

    fn neighbours(&self) -> f64 {
        let n = self.points.len().min(VOTERS);
        let right = (0..n).filter(|&i| {
            let mut near: Vec<(f32, usize)> = (0..n)
                .filter(|&j| j != i)
                .map(|j| (squared_distance(&self.points[i], &self.points[j]), self.classes[j]))
                .collect();
            near.select_nth_unstable_by(NEIGHBOURS - 1, |a, b| a.0.total_cmp(&b.0));
            let own = near[..NEIGHBOURS].iter().filter(|(_, c)| *c == self.classes[i]).count();
            NEIGHBOURS < 2 * own
        });
        right.count() as f64 / n as f64
    }

    /// The best accuracy over thresholds, the threshold, and the area under the curve.
    fn verification(&self, seed: u64) -> Option<(f64, f64, f64)> {
        let mut random = Philox::new(seed, 0).sequence(0);
        let n = self.points.len() as u32;
        let (mut same, mut different) = (vec![], vec![]);
        for _ in 0..100 * PAIRS {
            let (i, j) = (random.below(n) as usize, random.below(n) as usize);
            let alike = self.classes[i] == self.classes[j];
            let list = if alike { &mut same } else { &mut different };
            if i != j && list.len() < PAIRS / 2 {
                list.push(f64::from(squared_distance(&self.points[i], &self.points[j]).sqrt()));
            }
            if same.len() == PAIRS / 2 && different.len() == PAIRS / 2 {
                break;
            }
        }
        if same.is_empty() || different.is_empty() {
            return None;
        }
        let mut all: Vec<(f64, bool)> = same.iter().map(|&d| (d, true)).collect();
        all.extend(different.iter().map(|&d| (d, false)));
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (total_same, total_different) = (same.len() as f64, different.len() as f64);
        let (mut below_same, mut below_different) = (0.0, 0.0);
        let (mut best, mut threshold, mut area) = (0.0, 0.0, 0.0);
        for (distance, alike) in all {
            if alike {
                below_same += 1.0;
            } else {
                below_different += 1.0;
                area += below_same / total_same / total_different;
            }
            let accuracy =
                (below_same / total_same + 1.0 - below_different / total_different) / 2.0;
            if best < accuracy {
                (best, threshold) = (accuracy, distance);
            }
        }
        Some((best, threshold, area))
    }
}

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
