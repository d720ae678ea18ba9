//! The loss of a single-shot detector.

use super::boxes::{BOX_TEXT, Code, Offsets};
use super::class_loss::{LossRule, Normalization};
use super::detection_output::detector;
use super::prelude::*;
use super::taken_boxes::Taken;

/// Which default boxes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mining {
    /// All of them, of all images.
    None,
    /// Of those that overlap no object much, the ones whose scores cost most.
    MaxNegative,
    /// Of all default boxes, with an object or without, the ones that cost most; an object of another one is let go
    /// (Shrivastava et al. 2016).
    HardExample,
}

params! {
    /// What the boxes and scores of a single-shot detector cost (SSD, Liu et al. 2016, section 2.2).
    ///
    /// The bottoms are `N x 4 boxes` numbers (or `N x boxes·classes·4`), `N x boxes·classes` scores, the default boxes with their variances,
    /// `1 x 2 x 4 boxes`, and the objects, rows of image, class, instance, xmin, ymin, xmax, ymax, difficult; rows of the
    /// image -1 are none. Each object takes the default box that it overlaps most, then every default box takes the
    /// object that it overlaps most if that is enough. The loss is Σ of the smooth L1 distance (or half the squared one)
    /// between numbers and objects times `loc_weight`, and of -ln softmax for the classes of the boxes taken and of
    /// chosen others, divided by the number of boxes taken, all as in SSD's fork of Caffe; of equal losses the first box
    /// is chosen. Where that fork aborts, for an object of the background class or without an extent, the loss is no
    /// number. An image without objects adds nothing. Numbers and scores have a gradient.
    pub struct MultiBoxLoss {
        /// Number of classes, the background among them.
        num_classes: usize = 0,
        /// The class that is no object.
        background: usize = 0,
        /// Whether a box has one place for all classes, not one for each.
        share_location: bool = true,
        /// What the numbers of a box are.
        code: Code = Code { offsets: Offsets::Corner, plain: false },
        /// Whether the distance is smooth L1, not squared.
        smooth: bool = true,
        /// Factor of the part of the loss that is for places.
        loc_weight: f64 = 1.0,
        /// Whether several default boxes may take one object.
        per_prediction: bool = true,
        /// The overlap from which on a default box takes an object.
        overlap_threshold: f64 = 0.5,
        /// Whether objects marked as difficult count.
        use_difficult: bool = true,
        /// Which default boxes count: `NONE` for all, `MAX_NEGATIVE`, `HARD_EXAMPLE`.
        mining: Mining = Mining::MaxNegative,
        /// How many boxes of an image count with `HARD_EXAMPLE`.
        sample_size: usize = 64,
        /// How many of these there are at most for each one with an object.
        neg_pos_ratio: f64 = 3.0,
        /// Default boxes that overlap an object by so much are not among them.
        neg_overlap: f64 = 0.5,
        /// What the sum is divided by.
        normalization: Normalization = Normalization::Valid,
    }
}

/// The description of [`MultiBoxLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(4),
    differentiable: 2,
    spellings: &[caffe("MultiBoxLoss", |a| MultiBoxLoss::read(a).into())],
    ..LayerSpec::loss("MultiBoxLoss", MultiBoxLoss::DOCS)
};

/// Complains about a truth value that is not the one that is followed.
fn only(p: &Args, key: &'static str, followed: bool) {
    if p.bool(key).is_some_and(|value| value != followed) {
        p.wrong(key, format!("only `{key}: {followed}` is computed here"));
    }
}

impl MultiBoxLoss {
    fn read(a: &Args) -> Self {
        let p = a.section("multibox_loss_param");
        for (key, followed) in [
            ("use_prior_for_matching", true),
            ("map_object_to_agnostic", false),
            ("ignore_cross_boundary_bbox", false),
            ("bp_inside", false),
        ] {
            only(&p, key, followed);
        }
        if p.choice("conf_loss_type", &[("SOFTMAX", true), ("LOGISTIC", false)]) == Some(false) {
            p.wrong("conf_loss_type", "only SOFTMAX is computed here");
        }
        let minings = [
            ("NONE", Mining::None),
            ("MAX_NEGATIVE", Mining::MaxNegative),
            ("HARD_EXAMPLE", Mining::HardExample),
        ];
        let mining = p.choice("mining_type", &minings);
        let mining = match (mining, p.bool("do_neg_mining")) {
            (Some(mining), _) => mining,
            (None, Some(false)) => Mining::None,
            _ => Mining::MaxNegative,
        };
        let nms = p.section("nms_param");
        nms.ignore(&["top_k", "eta"]);
        if nms.float("nms_threshold").is_some_and(|threshold| 0.0 < threshold) {
            nms.wrong("nms_threshold", "suppression before mining is not computed here");
        }
        p.ignore(&["use_prior_for_nms"]);
        let sample_size = p.usize("sample_size").unwrap_or(64);
        if mining == Mining::HardExample && sample_size == 0 {
            p.wrong("sample_size", "`sample_size` must not be 0");
        }
        let distances = [("L2", false), ("SMOOTH_L1", true)];
        let matches = [("BIPARTITE", false), ("PER_PREDICTION", true)];
        let num_classes = p.usize("num_classes");
        let layer = MultiBoxLoss {
            num_classes: p.need("num_classes", num_classes),
            background: p.usize("background_label_id").unwrap_or(0),
            share_location: p.bool("share_location").unwrap_or(true),
            code: Code::read(&p, "encode_variance_in_target"),
            smooth: p.choice("loc_loss_type", &distances).unwrap_or(true),
            loc_weight: p.float("loc_weight").unwrap_or(1.0),
            per_prediction: p.choice("match_type", &matches).unwrap_or(true),
            overlap_threshold: p.float("overlap_threshold").unwrap_or(0.5),
            use_difficult: p.bool("use_difficult_gt").unwrap_or(true),
            mining,
            sample_size,
            neg_pos_ratio: p.float("neg_pos_ratio").unwrap_or(3.0),
            neg_overlap: p.float("neg_overlap").unwrap_or(0.5),
            normalization: LossRule::read(a, Normalization::Valid).normalization,
        };
        if !layer.share_location && layer.mining != Mining::None {
            let why =
                "boxes are only chosen where classes share locations: say `mining_type: NONE`";
            p.wrong("share_location", why);
        }
        let (classes, background) = (layer.num_classes, layer.background);
        if classes != 0 && classes <= background {
            let why = format!("there are classes 0 to {}, and no {background}", classes - 1);
            p.wrong("background_label_id", why);
        }
        layer
    }

    /// Places of a default box.
    fn places(&self) -> usize {
        if self.share_location { 1 } else { self.num_classes }
    }

    /// What a difference costs, and its slope.
    fn distance<T: Real>(&self, d: T) -> [T; 2] {
        let half = T::from_f64(0.5);
        match self.smooth && T::ONE <= d.abs() {
            true => [d.abs() - half, if d < T::ZERO { -T::ONE } else { T::ONE }],
            false => [half * d * d, d],
        }
    }
}

impl LayerOps for MultiBoxLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        cx.not_zero("num_classes", self.num_classes)?;
        detector(cx, self.places(), self.num_classes)?;
        if cx.bottom(3).dims().last() != Some(&8) {
            return cx.fail_bottom(3, "objects are rows of 8 numbers");
        }
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        b.native(Matched(self.clone()), cx.bottoms)[..1].to_vec()
    }

    fn detail(&self) -> String {
        format!("{} classes", self.num_classes)
    }
}

/// `(numbers, scores, default boxes, objects) -> loss, its gradients to numbers and to scores`.
#[derive(Debug, PartialEq)]
struct Matched(MultiBoxLoss);

/// What is known of the default boxes of an image, for each one after the other.
struct Boxes<'a, T> {
    numbers: &'a [T],
    scores: &'a [T],
    corners: &'a [T],
    variances: &'a [T],
    /// The objects of all images.
    objects: &'a [T],
}

impl<T> Boxes<'_, T> {
    /// A default box and its variances.
    fn prior(&self, at: usize) -> [&[T]; 2] {
        [&self.corners[at * 4..][..4], &self.variances[at * 4..][..4]]
    }
}

impl Matched {
    /// Whether a row is an object of an image.
    fn is_of<T: Real>(&self, row: &[T], image: usize) -> bool {
        let of_image = -T::ONE < row[0] && row[0].to_usize() == image;
        of_image && (self.0.use_difficult || row[7].trunc() == T::ZERO)
    }

    /// Whether an object has a class and an extent.
    fn sound<T: Real>(&self, row: &[T]) -> bool {
        let class = row[1].to_usize();
        let classed = -T::ONE < row[1] && class < self.0.num_classes && class != self.0.background;
        classed && row[3] < row[5] && row[4] < row[6]
    }

    /// Writes the softmax of scores; -ln of the probability of a class.
    fn softmax<T: Real>(scores: &[T], probabilities: &mut [T], class: usize) -> T {
        let most = scores.iter().fold(-T::FLT_MAX, |most, &x| most.max(x));
        for (p, &score) in probabilities.iter_mut().zip(scores) {
            *p = (score - most).exp();
        }
        let total: T = probabilities.iter().copied().sum();
        probabilities.iter_mut().for_each(|p| *p /= total);
        -probabilities[class].at_least(T::FLT_MIN).ln()
    }

    /// How many boxes without an object are wanted beside so many with one. Hard ones were chosen before.
    fn wanted(&self, taken: usize) -> usize {
        let wanted = (taken as f32 * self.0.neg_pos_ratio as f32).max(0.0);
        if self.0.mining == Mining::MaxNegative { wanted as usize } else { usize::MAX }
    }

    /// Whether a box without an object may count: by its largest overlap with one or, where hard ones were chosen, by its cost.
    fn counts<T: Real>(&self, overlap_or_cost: T) -> bool {
        match self.0.mining {
            Mining::None => true,
            Mining::MaxNegative => overlap_or_cost < T::from_f64(self.0.neg_overlap),
            Mining::HardExample => T::ZERO <= overlap_or_cost,
        }
    }

    /// The class that a box with this object must find.
    fn class<T: Real>(&self, row: &[T]) -> usize {
        if self.sound(row) { row[1].to_usize() } else { self.0.background }
    }

    /// Differences between the numbers of a box and those that its object wants, and the factor that they were
    /// multiplied by.
    fn differences<T: Real>(&self, numbers: &[T], prior: [&[T]; 2], row: &[T]) -> [[T; 2]; 4] {
        let want = self.0.code.encode(prior[0], prior[1], &[row[3], row[4], row[5], row[6]]);
        [0, 1, 2, 3].map(|i| {
            let scale = if self.0.code.plain { T::ONE / prior[1][i] } else { T::ONE };
            [(numbers[i] - want[i]) * scale, scale]
        })
    }

    /// What each box of an image costs, by its scores and its place together. `work` has room for the scores.
    fn price<T: Real>(&self, boxes: &Boxes<T>, taken: &mut Taken<T>, work: &mut [T]) {
        let classes = self.0.num_classes;
        for at in 0..taken.cost.len() {
            let row = taken.object(at).map(|row| &boxes.objects[row * 8..][..8]);
            let class = row.map_or(self.0.background, |row| self.class(row));
            let scores = &boxes.scores[at * classes..][..classes];
            let mut cost = Self::softmax(scores, &mut work[at * classes..][..classes], class);
            if let Some(row) = row {
                let apart = self.differences(&boxes.numbers[at * 4..][..4], boxes.prior(at), row);
                cost += apart.iter().map(|&[d, _]| self.0.distance(d)[0]).sum::<T>();
            }
            taken.cost[at] = cost;
        }
    }

    fn divisor(&self, images: usize, boxes: usize, taken: usize) -> f64 {
        let normalization = self.0.normalization;
        let rule = LossRule { ignore_label: None, normalization };
        rule.divisor(images * boxes, taken, images)
    }
}

impl Operation for Matched {
    const NAME: &'static str = "multi-box-loss";
    const DIFFERENTIABLE: usize = 2;

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        vec![Shape::scalar(), args[0].clone(), args[1].clone()]
    }

    fn workspace(&self, args: &[&Shape]) -> usize {
        args[2].count() / 4
    }

    fn gradient_reads_outputs(&self) -> bool {
        true
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], work: &mut [T]) {
        let [numbers, scores, priors, objects] = [0, 1, 2, 3].map(|i| args[i].data);
        let (count, classes) = (priors.len() / 8, self.0.num_classes);
        let each = self.0.places();
        let images = numbers.len() / (count * each * 4).max(1);
        let (corners, variances) = priors.split_at(count * 4);
        let [loss, dnumbers, dscores] = outs else { return };
        let (object, cost) = work[..2 * count].split_at_mut(count);
        let mut taken = Taken { object, cost };
        let (mut places, mut classed, mut all) = (T::ZERO, T::ZERO, 0);
        let weight = T::from_f64(self.0.loc_weight);
        dnumbers.data.fill(T::ZERO);
        dscores.data.fill(T::ZERO);
        for image in 0..images {
            let of_image = |&row: &usize| self.is_of(&objects[row * 8..][..8], image);
            let rows: Vec<usize> = (0..objects.len() / 8).filter(of_image).collect();
            if rows.iter().any(|row| !self.sound(&objects[row * 8..][..8])) {
                places = T::from_f64(f64::NAN);
            }
            if rows.is_empty() && self.0.mining != Mining::None {
                continue;
            }
            let boxes = Boxes {
                numbers: &numbers[image * count * each * 4..][..count * each * 4],
                scores: &scores[image * count * classes..][..count * classes],
                corners,
                variances,
                objects,
            };
            let dnumbers = &mut dnumbers.data[image * count * each * 4..][..count * each * 4];
            let dscores = &mut dscores.data[image * count * classes..][..count * classes];
            let enough = Some(self.0.overlap_threshold).filter(|_| self.0.per_prediction);
            let mut matched = taken.take(corners, objects, &rows, enough);
            if self.0.mining == Mining::HardExample {
                self.price(&boxes, &mut taken, dscores);
                if !taken.choose(self.0.sample_size) {
                    places = T::from_f64(f64::NAN);
                }
                matched = taken.let_go();
            }
            all += matched;
            for at in 0..count {
                let scores = &boxes.scores[at * classes..][..classes];
                let slopes = &mut dscores[at * classes..][..classes];
                let Some(row) = taken.object(at) else {
                    let price = Self::softmax(scores, slopes, self.0.background);
                    let counts = self.counts(taken.cost[at]);
                    taken.cost[at] = if counts { price } else { -T::ONE };
                    continue;
                };
                taken.cost[at] = -T::ONE;
                let row = &objects[row * 8..][..8];
                let class = self.class(row);
                classed += Self::softmax(scores, slopes, class);
                slopes[class] -= T::ONE;
                let first = (at * each + if each == 1 { 0 } else { class }) * 4;
                let numbers = &boxes.numbers[first..][..4];
                let apart = self.differences(numbers, boxes.prior(at), row);
                for (to, [d, scale]) in dnumbers[first..].iter_mut().zip(apart) {
                    let [price, slope] = self.0.distance(d);
                    places += price;
                    *to = slope * scale * weight;
                }
            }
            if !taken.choose(self.wanted(matched)) {
                places = T::from_f64(f64::NAN);
            }
            for at in (0..count).filter(|&at| taken.object(at).is_none()) {
                let slopes = &mut dscores[at * classes..][..classes];
                if taken.cost[at] < T::ZERO {
                    slopes.fill(T::ZERO);
                } else {
                    classed += taken.cost[at];
                    slopes[self.0.background] -= T::ONE;
                }
            }
        }
        let divisor = T::from_f64(self.divisor(images, count, all));
        loss.data[0] = (weight * places + classed) / divisor;
        for slope in dnumbers.data.iter_mut().chain(dscores.data.iter_mut()) {
            *slope /= divisor;
        }
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let dy = saved.douts[0].data[0];
        for (&arg, to) in saved.wrt.iter().zip(dargs) {
            for (to, &slope) in to.data.iter_mut().zip(saved.outs[arg + 1].data) {
                *to = slope * dy;
            }
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[BOX_TEXT, include_str!("multi_box_loss.cu")];
        let layer = &self.0;
        let boxes = args[2].count() / 8;
        let images = args[0].count() / (boxes * layer.places() * 4).max(1);
        // For each image two numbers of each default box and one of each object, then for each image its part of the
        // loss and its boxes taken.
        let sums = images * (2 * boxes + args[3].count() / 8);
        let calls = match pass {
            Pass::Forward => {
                let [numbers, scores, priors, objects] = [0, 1, 2, 3].map(Operand::Arg);
                let [dnumbers, dscores] = [1, 2].map(Operand::Out);
                let work = [Operand::Work(0), Operand::Work(sums)];
                let mut operands = vec![numbers, scores, priors, objects];
                operands.extend([dnumbers.clone(), dscores.clone()]);
                operands.extend(work.clone());
                let each = Call::teams("multi_box_image", images, operands)
                    .with_all([boxes, layer.num_classes, args[3].count() / 8, layer.background])
                    .with(layer.places())
                    .with_all(layer.code.numbers())
                    .with_all([layer.smooth, layer.per_prediction, layer.use_difficult])
                    .with_all([layer.mining as usize, layer.sample_size])
                    .with_all([layer.loc_weight, layer.overlap_threshold, layer.neg_overlap])
                    .with(layer.neg_pos_ratio);
                let [_, total] = work;
                let operands = vec![total.clone(), Operand::Out(0)];
                let sum = Call::each("multi_box_total", 1, operands)
                    .with(images)
                    .with(layer.normalization == Normalization::Valid)
                    .with(self.divisor(images, boxes, 0));
                let scale = |slopes: Operand, count: usize| {
                    Call::each("multi_box_scale", count, vec![total.clone(), slopes])
                };
                let (numbers, scores) = (args[0].count(), args[1].count());
                vec![each, sum, scale(dnumbers, numbers), scale(dscores, scores)]
            }
            Pass::Backward(wrt) => {
                let slope = |(i, &arg): (usize, &usize)| {
                    let operands = vec![
                        Operand::Out(arg + 1),
                        Operand::OutGradient(0),
                        Operand::ArgGradient(i),
                    ];
                    Call::each("multi_box_grad", args[arg].count(), operands)
                };
                wrt.iter().enumerate().map(slope).collect()
            }
        };
        Some(DeviceForm { texts: TEXTS, calls, work: sums + 2 * images })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{blob, pass};
    use crate::weights::Blob;

    /// Two images of three default boxes, and an object of class 1 and one of class 2 in the first.
    fn given(numbers: Blob) -> BTreeMap<String, Blob> {
        let scores: Vec<f32> = (0..18).map(|i| ((i * 5) % 7) as f32 * 0.3).collect();
        let corners = [0.0, 0.0, 0.4, 0.4, 0.5, 0.5, 1.0, 0.9, 0.1, 0.5, 0.4, 1.0];
        let priors = [&corners[..], &[0.1; 12]].concat();
        let objects =
            [[0.0, 1.0, 0.0, 0.05, 0.0, 0.4, 0.45, 0.0], [0.0, 2.0, 0.0, 0.5, 0.4, 0.9, 0.9, 0.0]];
        BTreeMap::from([
            ("in.a".into(), numbers),
            ("in.scores".into(), blob(&[2, 9], &scores)),
            ("in.priors".into(), blob(&[1, 2, 12], &priors)),
            ("in.objects".into(), blob(&[1, 1, 2, 8], &objects.concat())),
        ])
    }

    fn run(more: &str, numbers: Blob) -> BTreeMap<String, Blob> {
        let layer = format!(
            "layer {{ name: 'l' type: 'MultiBoxLoss' bottom: 'a' bottom: 'scores' bottom: 'priors' bottom: 'objects' top: 'y'
             multibox_loss_param {{ num_classes: 3 mining_type: NONE code_type: CENTER_SIZE {more} }} }}"
        );
        pass(&layer, &given(numbers)).unwrap_or_else(|why| panic!("{why}"))
    }

    #[test]
    fn a_place_for_each_class_is_that_of_the_object() {
        let shared: Vec<f32> = (0..24).map(|i| ((i * 3) % 8) as f32 * 0.25 - 1.0).collect();
        let plain = run("", blob(&[2, 12], &shared));
        // The numbers of the object's class are the shared ones; those of the others, which must not count, are larger.
        let apart = |by: f32| -> Vec<f32> {
            let boxes = shared.chunks(4).enumerate();
            let class = |at: usize| if at == 0 { 1 } else { 2 };
            let each = boxes.flat_map(|(at, numbers)| {
                (0..3).flat_map(move |c| {
                    let add = if c == class(at % 3) { 0.0 } else { by };
                    numbers.iter().map(move |x| x + add)
                })
            });
            each.collect()
        };
        for by in [0.0, 10.0] {
            let apart = run("share_location: false", blob(&[2, 36], &apart(by)));
            assert_eq!(apart["out.y"], plain["out.y"]);
            let (apart, plain) = (&apart["din.a"].data, &plain["din.a"].data);
            for (each, one) in apart.chunks(12).zip(plain.chunks(4)) {
                let sums = (0..4).map(|i| each[i] + each[4 + i] + each[8 + i]);
                assert_eq!(sums.collect::<Vec<_>>(), one);
            }
            assert!(plain.iter().any(|x| *x != 0.0));
        }
    }

    #[test]
    fn boxes_are_not_chosen_where_classes_have_their_own_places() {
        let layer = "layer { name: 'l' type: 'MultiBoxLoss' bottom: 'a' bottom: 'scores' bottom: 'priors' bottom: 'objects'
            top: 'y' multibox_loss_param { num_classes: 3 share_location: false } }";
        let why = pass(layer, &given(blob(&[2, 36], &[0.0; 72]))).unwrap_err();
        assert!(why.contains("say `mining_type: NONE`"), "{why}");
    }
}
