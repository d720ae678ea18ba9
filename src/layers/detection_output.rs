//! The boxes that a single-shot detector finds.

use super::boxes::{BOX_TEXT, Code, Corners, overlap};
use super::prelude::*;

params! {
    /// Turns the numbers of default boxes into boxes and keeps, for each class, those with high scores that overlap none
    /// with a higher one too much (SSD, Liu et al. 2016): rows of image, class, score, xmin, ymin, xmax, ymax.
    ///
    /// The bottoms are `N x 4 boxes` numbers (times the classes, without `share_location`), `N x boxes·classes` scores,
    /// and the default boxes with their variances, `1 x 2 x 4 boxes`, as PriorBox gives them. In SSD's fork of Caffe the
    /// top has as many rows as boxes were found; here it has the most that there can be, `1 x 1 x rows x 7`, and the image
    /// of those without a box is -1, as is everything but the image where that fork finds nothing at all. Results are
    /// not written to files. It has no gradient.
    pub struct DetectionOutput {
        /// Number of classes, the background among them.
        num_classes: usize = 0,
        /// Whether all classes of a default box have one box.
        share_location: bool = true,
        /// The class that is no object; -1 if there is none.
        background: i64 = 0,
        /// What the numbers of a box are.
        code: Code = Code { offsets: super::boxes::Offsets::Corner, plain: false },
        /// Boxes of at most this score are left out.
        confidence_threshold: f64 = f64::NEG_INFINITY,
        /// Boxes that overlap a better one of their class by more are left out.
        nms_threshold: f64 = 0.3,
        /// By this the threshold shrinks with every box that is kept, while it is above 1/2.
        eta: f64 = 1.0,
        /// The best so many of each class are looked at; all if not given.
        top_k: Option<usize> = None,
        /// The best so many of an image are kept; all if not given.
        keep_top_k: Option<usize> = None,
    }
}

/// The description of [`DetectionOutput`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(3, 4),
    differentiable: 0,
    in_place: InPlace::Refused,
    spellings: &[caffe("DetectionOutput", |a| DetectionOutput::read(a).into())],
    ..LayerSpec::new("DetectionOutput", Category::Metric, DetectionOutput::DOCS)
};

/// A limit that is none if it is negative.
fn limit(p: &Args, key: &'static str) -> Option<usize> {
    p.int(key).and_then(|n| usize::try_from(n).ok())
}

impl DetectionOutput {
    fn read(a: &Args) -> Self {
        let p = a.section("detection_output_param");
        p.ignore(&["save_output_param", "visualize", "visualize_threshold", "save_file"]);
        let nms = p.section("nms_param");
        let layer = DetectionOutput {
            num_classes: p.required("num_classes", Args::usize),
            share_location: p.bool("share_location").unwrap_or(true),
            background: p.int("background_label_id").unwrap_or(0),
            code: Code::read(&p, "variance_encoded_in_target"),
            confidence_threshold: p.float("confidence_threshold").unwrap_or(f64::NEG_INFINITY),
            nms_threshold: nms.float("nms_threshold").unwrap_or(f64::from(0.3f32)),
            eta: nms.float("eta").unwrap_or(1.0),
            top_k: limit(&nms, "top_k"),
            keep_top_k: limit(&p, "keep_top_k"),
        };
        if layer.nms_threshold < 0.0 {
            nms.wrong("nms_threshold", "`nms_threshold` must not be negative");
        }
        if !(0.0 < layer.eta && layer.eta <= 1.0) {
            nms.wrong("eta", "`eta` must be greater than 0 and at most 1");
        }
        layer
    }

    /// Boxes of each default box.
    fn loc_classes(&self) -> usize {
        if self.share_location { 1 } else { self.num_classes }
    }

    /// Rows that an image can have at most.
    fn rows(&self, boxes: usize) -> usize {
        let objects = (0..self.num_classes).filter(|&c| c as i64 != self.background).count();
        let all = self.top_k.map_or(boxes, |k| k.min(boxes)).saturating_mul(objects);
        self.keep_top_k.map_or(all, |k| k.min(all))
    }
}

/// Checks the numbers, the scores and the default boxes of a detector; gives images and default boxes.
pub(super) fn detector(
    cx: &Infer,
    loc_classes: usize,
    classes: usize,
) -> Result<[usize; 2], Reported> {
    let priors = cx.bottom(2);
    let boxes = match priors.dims() {
        [_, 2, numbers, rest @ ..] if numbers % 4 == 0 && rest.iter().all(|&n| n == 1) => {
            numbers / 4
        }
        _ => return cx.fail_bottom(2, "default boxes are 1 x 2 x 4 times their number"),
    };
    let images = cx.bottom(0).dims().first().copied().unwrap_or(0);
    cx.same_batch(0, 1)?;
    for (i, what, each) in [(0, "location", loc_classes.saturating_mul(4)), (1, "score", classes)] {
        let (have, want) = (cx.bottom(i).count(), boxes.saturating_mul(each));
        if have != images.saturating_mul(want) {
            let why = format!("{boxes} default boxes need {want} {what} numbers an image");
            return cx.fail_bottom(i, why);
        }
    }
    Ok([images, boxes])
}

impl LayerOps for DetectionOutput {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        cx.not_zero("num_classes", self.num_classes)?;
        let [images, boxes] = detector(cx, self.loc_classes(), self.num_classes)?;
        let rows = self.rows(boxes).max(1).saturating_mul(images);
        Ok(Signature::of([1, 1, rows, 7].into()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let images = b.shape(cx.bottoms[0]).dims()[0];
        b.native(Found { layer: self.clone(), images }, &cx.bottoms[..3])
    }

    fn detail(&self) -> String {
        format!("{} classes", self.num_classes)
    }
}

/// `(numbers, scores, default boxes) -> rows`.
#[derive(Debug, PartialEq)]
struct Found {
    layer: DetectionOutput,
    images: usize,
}

impl Found {
    fn boxes(&self, args: &[&Shape]) -> usize {
        args[2].count() / 8
    }

    /// Elements of scratch for an image: for each class the boxes that are kept, how many these are, and the ranks of all.
    fn scratch(&self, boxes: usize) -> usize {
        self.layer.num_classes * (2 * boxes + 1)
    }

    /// The box of a class of a default box of an image.
    fn corners<T: Real>(
        &self,
        args: &[View<T>],
        image: usize,
        at: usize,
        class: usize,
    ) -> Corners<T> {
        let boxes = args[2].data.len() / 8;
        let each = self.layer.loc_classes();
        let class = if self.layer.share_location { 0 } else { class };
        let numbers = &args[0].data[((image * boxes + at) * each + class) * 4..][..4];
        let (priors, variances) = args[2].data.split_at(boxes * 4);
        self.layer.code.decode(&priors[at * 4..][..4], &variances[at * 4..][..4], numbers)
    }

    /// The default boxes of a class of an image that are kept, best first.
    fn of_class<T: Real>(&self, args: &[View<T>], image: usize, class: usize) -> Vec<usize> {
        let (layer, boxes) = (&self.layer, args[2].data.len() / 8);
        let score = |at: usize| args[1].data[(image * boxes + at) * layer.num_classes + class];
        let least = T::from_f64(layer.confidence_threshold);
        let mut best: Vec<usize> = (0..boxes).filter(|&at| least < score(at)).collect();
        best.sort_by(|&a, &b| score(b).partial_cmp(&score(a)).unwrap_or(std::cmp::Ordering::Equal));
        best.truncate(layer.top_k.unwrap_or(boxes));
        let mut threshold = T::from_f64(layer.nms_threshold);
        let (eta, half) = (T::from_f64(layer.eta), T::from_f64(0.5));
        let mut kept: Vec<(usize, Corners<T>)> = vec![];
        for at in best {
            let corners = self.corners(args, image, at, class);
            if kept.iter().all(|(_, other)| overlap(&corners, other) <= threshold) {
                kept.push((at, corners));
                if layer.eta < 1.0 && half < threshold {
                    threshold *= eta;
                }
            }
        }
        kept.into_iter().map(|(at, _)| at).collect()
    }
}

impl Operation for Found {
    const NAME: &'static str = "detections";
    const DIFFERENTIABLE: usize = 0;

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        let rows = self.layer.rows(self.boxes(args)).max(1) * self.images;
        vec![[1, 1, rows, 7].into()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (layer, boxes) = (&self.layer, args[2].data.len() / 8);
        let mut rows = outs[0].data.chunks_exact_mut(7);
        let mut found = 0;
        for image in 0..self.images {
            let score = |class: usize, at: usize| {
                args[1].data[(image * boxes + at) * layer.num_classes + class]
            };
            let objects = (0..layer.num_classes).filter(|&c| c as i64 != layer.background);
            let mut kept: Vec<(usize, usize)> = objects
                .flat_map(|class| {
                    let of_class = self.of_class(args, image, class);
                    of_class.into_iter().map(move |at| (class, at))
                })
                .collect();
            if layer.keep_top_k.is_some_and(|most| most < kept.len()) {
                kept.sort_by(|&(c, a), &(d, b)| {
                    let order = score(d, b).partial_cmp(&score(c, a));
                    order.unwrap_or(std::cmp::Ordering::Equal)
                });
                kept.truncate(layer.keep_top_k.unwrap_or(0));
                kept.sort_by_key(|&(class, _)| class);
            }
            for ((class, at), row) in kept.into_iter().zip(&mut rows) {
                found += 1;
                row[0] = T::from_usize(image);
                row[1] = T::from_usize(class);
                row[2] = score(class, at);
                row[3..].copy_from_slice(&self.corners(args, image, at, class));
            }
        }
        for (image, row) in rows.enumerate() {
            row.fill(-T::ONE);
            if found == 0 && image < self.images {
                row[0] = T::from_usize(image);
            }
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[BOX_TEXT, include_str!("detection_output.cu")];
        let Pass::Forward = pass else { return None };
        let (layer, boxes) = (&self.layer, self.boxes(args));
        let scratch = self.scratch(boxes);
        let threshold = layer.confidence_threshold.max(-f64::from(f32::MAX));
        let [numbers, scores, priors] = [0, 1, 2].map(Operand::Arg);
        let operands = vec![numbers.clone(), scores.clone(), priors.clone(), Operand::Work(0)];
        let (classes, places) = (layer.num_classes, self.images * layer.num_classes * boxes);
        let keep = Call::teams("detections_keep", self.images * classes, operands)
            .with_all([boxes, classes, layer.loc_classes(), scratch])
            .with(layer.background)
            .with_all(layer.code.numbers())
            .with(threshold)
            .with_all([layer.nms_threshold, layer.eta])
            .with(layer.top_k.unwrap_or(boxes).min(boxes));
        let mut calls = vec![keep];
        let most = layer.keep_top_k.unwrap_or(usize::MAX).min(boxes * classes);
        if most < boxes * classes {
            let operands = vec![scores.clone(), Operand::Work(0)];
            let rank = Call::each("detections_rank", places, operands);
            calls.push(rank.with_all([boxes, classes, scratch]));
        }
        let rows = self.layer.rows(boxes).max(1) * self.images;
        let operands = vec![numbers, scores, priors, Operand::Work(0), Operand::Out(0)];
        let write = Call::each("detections_write", places, operands)
            .with_all([boxes, classes, layer.loc_classes(), scratch])
            .with_all(layer.code.numbers())
            .with_all([most, rows]);
        let rest = Call::each("detections_rest", rows, vec![Operand::Work(0), Operand::Out(0)]);
        calls.extend([write, rest.with_all([self.images, boxes, classes, scratch, most])]);
        Some(DeviceForm { texts: TEXTS, calls, work: self.images * scratch })
    }
}
