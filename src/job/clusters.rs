//! How well an embedding separates classes: neighbours, thresholds, areas.

use rayon::prelude::*;

use crate::random::Philox;

/// Points with their classes.
#[derive(Clone, Debug, Default)]
pub struct Embedding {
    /// Coordinates, all of one length.
    pub points: Vec<Vec<f32>>,
    /// The class of each.
    pub classes: Vec<usize>,
}

/// What tells two points apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// How far they are from each other.
    #[default]
    Distance,
    /// The sum of the absolute differences of their coordinates.
    Absolute,
    /// The angle between them, seen from the origin. A point at the origin is at a right angle to all.
    Angle,
}

/// Figures of an embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// Share of points of whose 5 nearest others more are of their class than of any other.
    pub neighbours: f64,
    /// The share of pairs told apart by the best threshold, half of them of one class.
    pub accuracy: f64,
    /// That threshold, a distance or an angle in degrees.
    pub threshold: f64,
    /// Area under the curve of the rates of true and false alarms.
    pub area: f64,
}

/// Neighbours that vote.
const NEIGHBOURS: usize = 5;

/// Pairs that are drawn for the threshold.
const PAIRS: usize = 20_000;

/// Points by the side of each other.
struct Space {
    measure: Measure,
    points: Vec<Vec<f64>>,
}

impl Measure {
    fn space(self, embedding: &Embedding) -> Space {
        let points = embedding.points.iter().map(|point| self.seen(point)).collect();
        Space { measure: self, points }
    }

    /// A point as this measure sees it: for angles, at the distance 1 from the origin.
    fn seen(self, point: &[f32]) -> Vec<f64> {
        let point: Vec<f64> = point.iter().map(|&x| f64::from(x)).collect();
        let length = point.iter().map(|x| x * x).sum::<f64>().sqrt();
        match self {
            Measure::Angle if 0.0 < length => point.iter().map(|x| x / length).collect(),
            _ => point,
        }
    }

    /// The distance of two points, or their angle in degrees.
    pub fn between(self, a: &[f32], b: &[f32]) -> f64 {
        self.shown(self.far(&self.seen(a), &self.seen(b)))
    }

    /// What grows with the distance or the angle: the square of the distance, or 1 less the cosine.
    fn far(self, a: &[f64], b: &[f64]) -> f64 {
        let pairs = a.iter().zip(b);
        match self {
            Measure::Distance => pairs.map(|(a, b)| (a - b) * (a - b)).sum(),
            Measure::Absolute => pairs.map(|(a, b)| (a - b).abs()).sum(),
            Measure::Angle => 1.0 - pairs.map(|(a, b)| a * b).sum::<f64>(),
        }
    }

    /// The distance, or the angle in degrees.
    fn shown(self, far: f64) -> f64 {
        match self {
            Measure::Distance => far.sqrt(),
            Measure::Absolute => far,
            Measure::Angle => (1.0 - far).clamp(-1.0, 1.0).acos().to_degrees(),
        }
    }
}

impl Embedding {
    /// The figures; pairs are drawn by the seed. The neighbours of a point are among the points of `reference`, or else
    /// among the others here. There are none for few points, for one class, and where a coordinate is
    /// [no number](Self::not_finite).
    pub fn quality(
        &self,
        measure: Measure,
        reference: Option<&Embedding>,
        seed: u64,
    ) -> Option<Quality> {
        let few = |e: &Embedding| e.points.len() < 2 * NEIGHBOURS;
        let one_class = self.classes.windows(2).all(|c| c[0] == c[1]);
        if few(self) || reference.is_some_and(few) || one_class {
            return None;
        }
        if self.not_finite().or(reference.and_then(Embedding::not_finite)).is_some() {
            return None;
        }
        let space = measure.space(self);
        let (accuracy, threshold, area) = self.verification(&space, seed)?;
        let neighbours = match reference {
            Some(others) => {
                let known = measure.space(others);
                self.agreeing(|i| neighbours(&space.points[i], &known, others, None))
            }
            None => self.agreeing(|i| neighbours(&space.points[i], &space, self, Some(i))),
        };
        Some(Quality { neighbours, accuracy, threshold, area })
    }

    /// The first point that has a coordinate that is no finite number.
    pub fn not_finite(&self) -> Option<usize> {
        self.points.iter().position(|point| point.iter().any(|x| !x.is_finite()))
    }

    /// The share of points for whose class most of their neighbours vote; of as many votes, those for the lower class win.
    fn agreeing(&self, neighbours: impl Fn(usize) -> Vec<usize> + Sync) -> f64 {
        let right = |i: usize| {
            let classes = neighbours(i);
            let votes = |class: usize| classes.iter().filter(|&&c| c == class).count();
            let best = classes.iter().copied().max_by_key(|&c| (votes(c), std::cmp::Reverse(c)));
            best == Some(self.classes[i])
        };
        let n = self.points.len();
        let count = (0..n).into_par_iter().filter(|&i| right(i)).count();
        count as f64 / n as f64
    }

    /// The best accuracy over thresholds, the threshold, and the area under the curve: the probability that two points of
    /// one class are nearer to each other than two of different ones, where equally far counts half (Mann and Whitney
    /// 1947). Pairs that are equally far are on one side of every threshold.
    fn verification(&self, space: &Space, seed: u64) -> Option<(f64, f64, f64)> {
        let mut random = Philox::new(seed, 0).sequence(0);
        let n = self.points.len() as u32;
        let (mut same, mut different) = (vec![], vec![]);
        for _ in 0..100 * PAIRS {
            let (i, j) = (random.below(n) as usize, random.below(n) as usize);
            let alike = self.classes[i] == self.classes[j];
            let list = if alike { &mut same } else { &mut different };
            if i != j && list.len() < PAIRS / 2 {
                list.push(space.measure.far(&space.points[i], &space.points[j]));
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
        for tied in all.chunk_by(|a, b| a.0 == b.0) {
            let alike = tied.iter().filter(|(_, alike)| *alike).count() as f64;
            let apart = tied.len() as f64 - alike;
            area += apart * (below_same + alike / 2.0) / total_same / total_different;
            below_same += alike;
            below_different += apart;
            let accuracy =
                (below_same / total_same + 1.0 - below_different / total_different) / 2.0;
            if best < accuracy {
                (best, threshold) = (accuracy, space.measure.shown(tied[0].0));
            }
        }
        Some((best, threshold, area))
    }
}

/// The classes of the points nearest to one, which may be the one at `own`.
fn neighbours(point: &[f64], space: &Space, named: &Embedding, own: Option<usize>) -> Vec<usize> {
    let others = (0..space.points.len()).filter(|&j| own != Some(j));
    let mut near: Vec<(f64, usize)> =
        others.map(|j| (space.measure.far(point, &space.points[j]), named.classes[j])).collect();
    near.select_nth_unstable_by(NEIGHBOURS - 1, |a, b| a.0.total_cmp(&b.0));
    near[..NEIGHBOURS].iter().map(|&(_, class)| class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three classes on rays from the origin, each with points at all distances.
    fn rays(offset: f32) -> Embedding {
        let mut rays = Embedding::default();
        for i in 0..60 {
            let (class, step) = (i % 3, i / 3);
            let angle = 2.0 * class as f32 + 0.02 * (step % 5) as f32 + offset;
            let length = 0.1 + step as f32;
            rays.points.push(vec![length * angle.cos(), length * angle.sin()]);
            rays.classes.push(class);
        }
        rays
    }

    #[test]
    fn two_points_have_a_distance_and_an_angle() {
        let (a, b) = ([3.0, 0.0], [0.0, 4.0]);
        assert!((Measure::Distance.between(&a, &b) - 5.0).abs() < 1e-9);
        assert_eq!(Measure::Absolute.between(&a, &b), 7.0);
        assert!((Measure::Angle.between(&a, &b) - 90.0).abs() < 1e-9);
    }

    #[test]
    fn rays_are_apart_by_their_angles_and_not_by_distances() {
        let rays = rays(0.0);
        let by_angle = rays.quality(Measure::Angle, None, 1).expect("two classes");
        assert_eq!((by_angle.neighbours, by_angle.accuracy), (1.0, 1.0));
        assert!((by_angle.area - 1.0).abs() < 1e-9, "{}", by_angle.area);
        assert!((0.0..5.0).contains(&by_angle.threshold), "{}", by_angle.threshold);
        let by_distance = rays.quality(Measure::Distance, None, 1).expect("two classes");
        assert!(by_distance.accuracy < 0.9 && by_distance.area < 0.95, "{by_distance:?}");
    }

    #[test]
    fn neighbours_are_sought_among_the_points_of_reference() {
        let (here, mut there) = (rays(0.0), rays(0.01));
        let quality = here.quality(Measure::Angle, Some(&there), 1).expect("two classes");
        assert_eq!(quality.neighbours, 1.0);
        // Points of reference that carry the names of other classes mislead.
        there.classes.iter_mut().for_each(|class| *class = (*class + 1) % 3);
        let misled = here.quality(Measure::Angle, Some(&there), 1).expect("two classes");
        assert_eq!(misled.neighbours, 0.0);
        assert_eq!(misled.area, quality.area);
    }

    #[test]
    fn a_point_at_the_origin_is_at_a_right_angle_to_all() {
        assert_eq!(Measure::Angle.shown(Measure::Angle.far(&[0.0, 0.0], &[0.6, 0.8])), 90.0);
        assert_eq!(Measure::Distance.shown(Measure::Distance.far(&[0.0, 0.0], &[0.6, 0.8])), 1.0);
    }

    #[test]
    fn most_votes_win_even_if_they_are_not_half_of_them() {
        let far = |i: usize| vec![i as f32, 0.0];
        let mut there =
            Embedding { points: (0..5).map(far).collect(), classes: vec![1, 1, 2, 3, 4] };
        there.points.extend((0..5).map(|i| vec![100.0 + i as f32, 0.0]));
        there.classes.extend([0; 5]);
        let mut here = there.clone();
        here.classes = vec![1, 1, 1, 1, 1, 0, 0, 0, 0, 0];
        let quality = here.quality(Measure::Distance, Some(&there), 1).expect("two classes");
        assert_eq!(quality.neighbours, 1.0);
    }

    #[test]
    fn points_that_are_all_one_tell_nothing_apart() {
        let mut rays = rays(0.0);
        rays.points.iter_mut().for_each(|point| point.fill(0.0));
        let collapsed = rays.quality(Measure::Distance, None, 1).expect("two classes");
        assert_eq!((collapsed.accuracy, collapsed.threshold), (0.5, 0.0));
        assert!((collapsed.area - 0.5).abs() < 1e-9, "{}", collapsed.area);
        rays.points[7][1] = f32::NAN;
        assert_eq!((rays.not_finite(), rays.quality(Measure::Distance, None, 1)), (Some(7), None));
    }

    #[test]
    fn equal_distances_count_half() {
        // One class at 0 and 1, the other at 1 and 2.
        let mut line = Embedding::default();
        for i in 0..40 {
            let class = i % 2;
            line.points.push(vec![(class + i / 2 % 2) as f32]);
            line.classes.push(class);
        }
        let quality = line.quality(Measure::Distance, None, 1).expect("two classes");
        // Within a class the distance is 0 for 9 of 19 others and else 1; between the classes it is 0, 1, 1 or 2.
        let (same_near, far) = (9.0 / 19.0, [0.25, 0.5, 0.25]);
        let half = same_near * far[0] / 2.0 + (1.0 - same_near) * far[1] / 2.0;
        let area = half + same_near * (far[1] + far[2]) + (1.0 - same_near) * far[2];
        assert!((quality.area - area).abs() < 0.01, "{} is not {area}", quality.area);
        assert!((quality.accuracy - 0.625).abs() < 0.01, "{}", quality.accuracy);
    }
}
