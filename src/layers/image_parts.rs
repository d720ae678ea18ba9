//! Parts of an image drawn at random with regard to the objects in it, as the `batch_sampler` of SSD's fork of Caffe says.

use super::boxes::{Corners, overlap};
use crate::random::Sequence;
use crate::spec::Args;

/// Trials for one part; further ones would only take time.
const MOST_TRIALS: usize = 1000;

/// How a part is told good by one of the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The area that the two share, in parts of what either covers.
    Overlap,
    /// How much of the part the object covers.
    OfPart,
    /// How much of the object lies in the part.
    OfObject,
}

/// A rule by which parts of an image are drawn (Liu et al. 2016, section 2.2, data augmentation).
#[derive(Clone, Debug, PartialEq)]
pub struct Sampler {
    /// The least and the largest square root of a part's area.
    scale: [f64; 2],
    /// The least and the largest ratio of width to height.
    ratio: [f64; 2],
    /// What an object must measure, at least and at most. Of several kinds of measures the fork heeds the first.
    constraint: Option<(Measure, Option<f64>, Option<f64>)>,
    /// How many parts are enough.
    enough: Option<usize>,
    /// How often one is drawn.
    trials: usize,
}

/// Which objects a part keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Emit {
    /// All of which some lies in it.
    #[default]
    Any,
    /// Those whose centre lies in it.
    Centre,
    /// Those of which more than so much lies in it.
    Share(f64),
}

impl Sampler {
    /// Reads the `batch_sampler` fields of an `annotated_data_param`; those that do not draw from the image are passed over.
    pub(super) fn read_all(annotated: &Args) -> Vec<Sampler> {
        let samplers = annotated.sections("batch_sampler");
        samplers.iter().filter_map(Self::read).collect()
    }

    fn read(p: &Args) -> Option<Sampler> {
        let (sampler, constraint) = (p.section("sampler"), p.section("sample_constraint"));
        let range = |keys: [&'static str; 2]| keys.map(|key| sampler.float(key).unwrap_or(1.0));
        let scale = range(["min_scale", "max_scale"]);
        if !(0.0 < scale[0] && scale[0] <= scale[1] && scale[1] <= 1.0) {
            sampler.wrong("min_scale", "scales must be above 0, at most 1, and in order");
        }
        let ratio = range(["min_aspect_ratio", "max_aspect_ratio"]);
        if !(0.0 < ratio[0] && ratio[0] <= ratio[1] && ratio[1].is_finite()) {
            sampler.wrong("min_aspect_ratio", "ratios must be above 0 and in order");
        }
        let measures = [
            (Measure::Overlap, "min_jaccard_overlap", "max_jaccard_overlap"),
            (Measure::OfPart, "min_sample_coverage", "max_sample_coverage"),
            (Measure::OfObject, "min_object_coverage", "max_object_coverage"),
        ];
        let bounds = measures
            .map(|(measure, min, max)| (measure, constraint.float(min), constraint.float(max)));
        let bound = bounds.into_iter().find(|(_, min, max)| min.is_some() || max.is_some());
        let trials = p.usize("max_trials").unwrap_or(100);
        if MOST_TRIALS < trials {
            p.wrong("max_trials", format!("more than {MOST_TRIALS} trials for an image"));
        }
        let enough = p.usize("max_sample");
        let drawn = p.bool("use_original_image").unwrap_or(true);
        drawn.then_some(Sampler { scale, ratio, constraint: bound, enough, trials })
    }

    /// A part of an image, in parts of its width and height.
    fn draw(&self, random: &mut Sequence) -> Corners<f32> {
        let mut within = |[low, high]: [f64; 2]| low + (high - low) * random.uniform_f64();
        let scale = within(self.scale);
        let square = scale * scale;
        let ratio = within(self.ratio).max(square).min(1.0 / square);
        let size = [scale * ratio.sqrt(), scale / ratio.sqrt()].map(|x| x.min(1.0));
        let corner = size.map(|size| within([0.0, 1.0 - size]));
        [corner[0], corner[1], corner[0] + size[0], corner[1] + size[1]].map(|x| x as f32)
    }

    /// Whether an object makes a part a good one; without a rule all are.
    fn accepts(&self, part: &Corners<f32>, objects: &[Corners<f32>]) -> bool {
        let Some((measure, min, max)) = self.constraint else { return true };
        objects.iter().any(|object| {
            let found = f64::from(match measure {
                Measure::Overlap => overlap(part, object),
                Measure::OfPart => share(part, object),
                Measure::OfObject => share(object, part),
            });
            min.is_none_or(|min| min <= found) && max.is_none_or(|max| found <= max)
        })
    }
}

/// How much of a box another one covers.
fn share(of: &Corners<f32>, by: &Corners<f32>) -> f32 {
    let wide = of[2].min(by[2]) - of[0].max(by[0]);
    let high = of[3].min(by[3]) - of[1].max(by[1]);
    match 0.0 < wide && 0.0 < high {
        true => wide * high / ((of[2] - of[0]) * (of[3] - of[1])),
        false => 0.0,
    }
}

/// One of the parts of an image that are drawn by all rules and found good; none if there is none.
pub fn part(
    samplers: &[Sampler],
    objects: &[Corners<f32>],
    random: &mut Sequence,
) -> Option<Corners<f32>> {
    let mut parts = vec![];
    for sampler in samplers {
        let mut found = 0;
        for _ in 0..sampler.trials {
            if sampler.enough.is_some_and(|enough| enough <= found) {
                break;
            }
            let part = sampler.draw(random);
            if sampler.accepts(&part, objects) {
                found += 1;
                parts.push(part);
            }
        }
    }
    let n = u32::try_from(parts.len()).ok().filter(|&n| 0 < n)?;
    Some(parts[random.below(n) as usize])
}

impl Emit {
    /// Reads the `emit_constraint` of a `transform_param`.
    pub(super) fn read(p: &Args) -> Emit {
        let share = p.float("emit_overlap").unwrap_or(0.0);
        match p.choice("emit_type", &[("CENTER", true), ("MIN_OVERLAP", false)]) {
            _ if !p.is_present() => Emit::Any,
            Some(false) => Emit::Share(share),
            _ => Emit::Centre,
        }
    }

    /// Where an object lies in a part of its image, in parts of the part's width and height; none if it is not kept.
    pub fn place(self, part: &Corners<f32>, object: &Corners<f32>) -> Option<Corners<f32>> {
        let kept = match self {
            Emit::Any => true,
            Emit::Share(least) => least < f64::from(share(object, part)),
            Emit::Centre => [0, 1].iter().all(|&axis| {
                let centre = (object[axis] + object[axis + 2]) / 2.0;
                part[axis] <= centre && centre <= part[axis + 2]
            }),
        };
        let size = [part[2] - part[0], part[3] - part[1]];
        let placed: [f32; 4] =
            std::array::from_fn(|i| ((object[i] - part[i % 2]) / size[i % 2]).clamp(0.0, 1.0));
        (kept && placed[0] < placed[2] && placed[1] < placed[3]).then_some(placed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Philox;

    const OBJECT: Corners<f32> = [0.4, 0.4, 0.6, 0.5];

    fn sampler(constraint: Option<(Measure, Option<f64>, Option<f64>)>) -> Sampler {
        Sampler { scale: [0.3, 1.0], ratio: [0.5, 2.0], constraint, enough: Some(1), trials: 50 }
    }

    #[test]
    fn parts_lie_in_the_image_and_have_their_sizes() {
        let mut random = Philox::new(1, 0).sequence(0);
        let rule = sampler(None);
        let mut widest = 0.0f32;
        for _ in 0..1000 {
            let [left, top, right, bottom] = rule.draw(&mut random);
            let [width, height] = [right - left, bottom - top];
            assert!(0.0 <= left && 0.0 <= top && right < 1.00001 && bottom < 1.00001);
            let area = width * height;
            assert!((0.0899..1.0001).contains(&area), "{area}");
            assert!((0.499..2.001).contains(&(width / height)), "{width} {height}");
            widest = widest.max(width);
        }
        assert!(0.95 < widest, "{widest}");
    }

    #[test]
    fn parts_are_good_by_one_object() {
        let mut random = Philox::new(1, 0).sequence(0);
        let other = [0.0, 0.9, 0.05, 1.0];
        for (measure, least) in
            [(Measure::Overlap, 0.1), (Measure::OfPart, 0.1), (Measure::OfObject, 0.9)]
        {
            let rules = [sampler(Some((measure, Some(least), None)))];
            for _ in 0..100 {
                let Some(part) = part(&rules, &[other, OBJECT], &mut random) else { continue };
                let good = |object: &Corners<f32>| match measure {
                    Measure::Overlap => overlap(&part, object),
                    Measure::OfPart => share(&part, object),
                    Measure::OfObject => share(object, &part),
                };
                assert!(least as f32 <= good(&other).max(good(&OBJECT)), "{measure:?} {part:?}");
            }
        }
        let never = [sampler(Some((Measure::Overlap, Some(1.1), None)))];
        assert_eq!(part(&never, &[OBJECT], &mut random), None);
        let far = [sampler(Some((Measure::Overlap, None, Some(0.0))))];
        let part = part(&far, &[OBJECT], &mut random).expect("there is room beside the object");
        assert_eq!(overlap(&part, &OBJECT), 0.0);
    }

    #[test]
    fn objects_of_a_part() {
        let part = [0.5, 0.0, 1.0, 0.5];
        let near = |a: Option<Corners<f32>>, b: Corners<f32>| {
            let a = a.expect("it is kept");
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6), "{a:?} {b:?}");
        };
        // Half of the object lies in the part, and its centre on the edge.
        near(Emit::Any.place(&part, &OBJECT), [0.0, 0.8, 0.2, 1.0]);
        near(Emit::Centre.place(&part, &OBJECT), [0.0, 0.8, 0.2, 1.0]);
        assert!(Emit::Share(0.4).place(&part, &OBJECT).is_some());
        assert!(Emit::Share(0.6).place(&part, &OBJECT).is_none());
        assert!(Emit::Centre.place(&[0.55, 0.0, 1.0, 1.0], &OBJECT).is_none());
        assert!(Emit::Any.place(&[0.7, 0.0, 1.0, 1.0], &OBJECT).is_none());
    }
}
