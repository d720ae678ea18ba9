//! The regions that a region proposal network finds.

use serde_yaml::Value;

use crate::diag::Reported;
use crate::params;
use crate::program::device::{Call, DeviceForm, Operand, Pass};
use crate::program::native::{Operation, View, ViewMut};
use crate::program::{Builder, ValueId};
use crate::real::Real;
use crate::spec::{
    Args, Arity, Category, InPlace, Infer, LayerOps, LayerSpec, Lower, Phase, Signature, caffe,
};
use crate::ty::Shape;

/// Whose layer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The Python class `ProposalLayer` of Faster R-CNN: one image, and regions that are too small are left out.
    Python,
    /// `Proposal` of the forks with PVANET and of Intel's: any number of images, and the score of regions that are too small
    /// becomes 0.
    Native,
}

params! {
    /// Moves and stretches boxes that lie around every pixel of a map by what a net says of each, and keeps those with the
    /// highest scores that do not overlap a better one too much (Faster R-CNN, Ren et al. 2015): rows of image, x and y of
    /// the first, x and y of the last pixel.
    ///
    /// The bottoms are scores, `N x 2 boxes x H x W` with those of objects in the second half, four numbers for each box,
    /// `N x 4 boxes x H x W`, and height, width and scale of the image (with a fourth number, the scale of its width). In
    /// the originals the tops have as many rows as regions were found; here they have the most that there can be, and
    /// rows of -1 are none. The second top, if there is one, has the scores. There is no gradient.
    ///
    /// In Caffe's Python the numbers of regions are not in the definition but in the program's configuration, whose
    /// defaults these are; `param_str` may give others as `pre_nms_topN`, `post_nms_topN`, `nms_thresh` and `min_size`.
    pub struct Proposal {
        /// Whose layer it is: `Python` for Faster R-CNN's class, `Native` for the one in C++.
        form: Form = Form::Python,
        /// Pixels of the image from one place of the map to the next.
        feat_stride: f64 = 16.0,
        /// The side of the box from which all others come.
        base_size: f64 = 16.0,
        /// Heights of boxes over their widths.
        ratios: Vec<f64> = vec![0.5, 1.0, 2.0],
        /// Factors of the sides.
        scales: Vec<f64> = vec![8.0, 16.0, 32.0],
        /// The best so many are looked at, in training and in testing; all if 0.
        before: [usize; 2] = [12000, 6000],
        /// So many are kept, in training and in testing; all if 0.
        after: [usize; 2] = [2000, 300],
        /// Regions that overlap a better one by more are left out.
        nms_threshold: f64 = 0.7,
        /// The least side of a region, in pixels of the image before it was scaled.
        min_size: f64 = 16.0,
    }
}

/// The description of [`Proposal`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(3),
    tops: Arity::between(1, 2),
    differentiable: 0,
    in_place: InPlace::Refused,
    spellings: &[caffe("Proposal", |a| Proposal::read(&a.section("proposal_param")).into())],
    ..LayerSpec::new("Proposal", Category::Metric, Proposal::DOCS)
};

/// What a text of YAML says a field is: one number or several.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Number(n) => Some(vec![n.as_f64()?]),
        Value::Sequence(list) => list.iter().map(Value::as_f64).collect(),
        Value::Tagged(tagged) => numbers(&tagged.value),
        _ => None,
    }
}

impl Proposal {
    fn read(p: &Args) -> Self {
        let plain = Proposal::default();
        // A fork that followed the Python class gives numbers of scales and ratios.
        let counts = ["anchor_scale", "anchor_ratio"].map(|key| {
            let count = p.usize(key);
            if count.is_some_and(|count| count != 3) {
                p.wrong(
                    key,
                    "only 3 is computed; that fork takes any other number for a single one",
                );
            }
            count
        });
        let more = ["anchor_base_size", "max_rois", "rpn_min_size", "rpn_nms_thresh"];
        let follows = counts.iter().any(Option::is_some) || more.iter().any(|key| p.has(key));
        let form = if follows { Form::Python } else { Form::Native };
        let [ratios, scales] = ["ratio", "scale"].map(|key| p.floats(key));
        if form == Form::Native && (ratios.is_empty() || scales.is_empty()) {
            let key = if ratios.is_empty() { "ratio" } else { "scale" };
            p.wrong(key, "write the ratios and scales of the boxes, such as `ratio: 0.5 ratio: 1 ratio: 2 scale: 8 scale: 16 scale: 32`");
        }
        let or = |given: Vec<f64>, otherwise: Vec<f64>| match given.is_empty() {
            true => otherwise,
            false => given,
        };
        let layer = Proposal {
            form,
            feat_stride: p.float("feat_stride").unwrap_or(16.0),
            base_size: p.float("base_size").or(p.float("anchor_base_size")).unwrap_or(16.0),
            ratios: or(ratios, plain.ratios),
            scales: or(scales, plain.scales),
            before: [p.usize("pre_nms_topn").unwrap_or(6000); 2],
            after: [p.usize("post_nms_topn").or(p.usize("max_rois")).unwrap_or(300); 2],
            nms_threshold: p.float("nms_thresh").or(p.float("rpn_nms_thresh")).unwrap_or(0.7),
            min_size: p.float("min_size").or(p.float("rpn_min_size")).unwrap_or(16.0),
        };
        if let Some(why) = layer.trouble() {
            p.wrong("base_size", why);
        }
        layer
    }

    /// The layer that Faster R-CNN's Python class is with this text, if it follows everything that the text says.
    pub(super) fn of_python(text: &str) -> Option<Self> {
        let Ok(Value::Mapping(given)) = serde_yaml::from_str(text) else { return None };
        let mut layer = Proposal { feat_stride: 0.0, ..Proposal::default() };
        for (key, value) in &given {
            let value = numbers(value)?;
            let one = || if value.len() == 1 { Some(value[0]) } else { None };
            let count = || one().filter(|n| (0.0..1e9).contains(n)).map(|n| [n as usize; 2]);
            match key.as_str()? {
                "feat_stride" => layer.feat_stride = one()?,
                "scales" => layer.scales = value,
                "ratios" => layer.ratios = value,
                "min_size" => layer.min_size = one()?,
                "nms_thresh" => layer.nms_threshold = one()?,
                "pre_nms_topN" => layer.before = count()?,
                "post_nms_topN" => layer.after = count()?,
                _ => return None,
            }
        }
        layer.trouble().is_none().then_some(layer)
    }

    /// Why there are no such boxes.
    fn trouble(&self) -> Option<&'static str> {
        let sides = [self.feat_stride, self.base_size];
        let mut all = sides.iter().chain(&self.ratios).chain(&self.scales);
        let positive = all.all(|&x| x.is_finite() && 0.0 < x);
        let few = (1..=4096).contains(&(self.ratios.len() * self.scales.len()));
        if !positive || !few {
            return Some(
                "stride, base, ratios and scales of boxes must be above 0, and at most 4096 boxes",
            );
        }
        let sound = self.nms_threshold.is_finite() && self.min_size.is_finite();
        (!sound).then_some("the threshold and the least side must be numbers")
    }

    /// The boxes around the first place: corners from the first to the last pixel.
    fn boxes(&self) -> Vec<[f64; 4]> {
        let whole = |x: f64| match self.form {
            Form::Python => x.round_ties_even(),
            Form::Native => x.round(),
        };
        let centre = 0.5 * (self.base_size - 1.0);
        let mut boxes = vec![];
        for ratio in &self.ratios {
            let wide = whole((self.base_size * self.base_size / ratio).sqrt());
            let high = whole(wide * ratio);
            for scale in &self.scales {
                let [x, y] = [wide, high].map(|side| 0.5 * (side * scale - 1.0));
                boxes.push([centre - x, centre - y, centre + x, centre + y]);
            }
        }
        boxes
    }

    /// How many regions of an image are looked at and kept, of so many.
    fn most(&self, all: usize, phase: Phase) -> [usize; 2] {
        let phase = usize::from(phase == Phase::Test);
        let least = |most: usize, of: usize| if most == 0 { of } else { most.min(of) };
        let before = least(self.before[phase], all);
        [before, least(self.after[phase], before)]
    }
}

impl LayerOps for Proposal {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let boxes = self.ratios.len() * self.scales.len();
        let &[images, channels, high, wide] = cx.bottom(0).dims() else {
            return cx.fail_bottom(0, "scores are of a map, N x C x H x W");
        };
        if channels != 2 * boxes {
            let (ratios, scales) = (self.ratios.len(), self.scales.len());
            let message = format!(
                "{channels} channels, and {ratios} ratios and {scales} scales make {boxes} boxes, which have {} scores",
                2 * boxes
            );
            let help = match self.form {
                Form::Python => {
                    "give them: `param_str: \"{'feat_stride': 16, 'ratios': [0.5, 1, 2], 'scales': [8, 16, 32]}\"`"
                }
                Form::Native => "`ratio` and `scale` are given once for each",
            };
            return Err(cx.report(cx.bottom_complaint(0, message).help(help)));
        }
        if cx.bottom(1).dims() != [images, 4 * boxes, high, wide] {
            let message = format!("must be {images} x {} x {high} x {wide}", 4 * boxes);
            return cx.fail_bottom(1, message);
        }
        if self.form == Form::Python && images != 1 {
            return cx.fail_bottom(0, format!("the class takes one image at a time, not {images}"));
        }
        if cx.bottom(2).count() < 3 {
            return cx.fail_bottom(2, "must be the height, width and scale of the image");
        }
        let [_, after] = self.most(boxes * high * wide, cx.phase);
        let rows = after.saturating_mul(images);
        let scores = match self.form {
            Form::Python => Shape::from([rows, 1]),
            Form::Native => Shape::from([rows]),
        };
        let mut tops = vec![Shape::from([rows, 5]), scores];
        tops.truncate(cx.n_tops());
        Ok(Signature { tops, params: vec![] })
    }

    fn form(&self, bottom: usize) -> Option<&'static [usize]> {
        (bottom == 2).then_some(&[3])
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let maps = b.shape(cx.bottoms[0]);
        let all = maps.count() / maps.dims()[0].max(1) / 2;
        let [before, after] = self.most(all, cx.phase);
        let found = Found { layer: self.clone(), before, after };
        let outs = b.native(found, cx.bottoms);
        let tops = outs.iter().zip(&cx.signature.tops);
        tops.map(|(&out, shape)| b.view(out, shape.clone())).collect()
    }

    fn detail(&self) -> String {
        let boxes = self.ratios.len() * self.scales.len();
        format!("{boxes} boxes, stride {}", self.feat_stride as f32)
    }
}

/// `(scores, numbers of boxes, image) -> regions, their scores`.
#[derive(Debug, PartialEq)]
struct Found {
    layer: Proposal,
    /// The best so many of an image are looked at.
    before: usize,
    /// So many of an image are kept.
    after: usize,
}

/// A region and its score.
type Region<T> = ([T; 4], T);

impl Found {
    /// The regions of an image that are big enough, in the order of places and boxes.
    fn regions<T: Real>(&self, args: &[View<T>], image: usize) -> Vec<Region<T>> {
        let half = T::from_f64(0.5);
        let boxes = self.layer.boxes();
        let [high, wide] = [2, 3].map(|axis| args[0].shape.dims()[axis]);
        let info = args[2].data;
        let ends = [info[1] - T::ONE, info[0] - T::ONE];
        let scales =
            [info[if 3 < info.len() && self.layer.form == Form::Native { 3 } else { 2 }], info[2]];
        let least = scales.map(|scale| T::from_f64(self.layer.min_size) * scale);
        let mut regions = vec![];
        for place in 0..high * wide {
            let corner = [place % wide, place / wide];
            for (k, first) in boxes.iter().enumerate() {
                let at = |of: usize, channels: usize, channel: usize| {
                    args[of].data[(image * channels + channel) * high * wide + place]
                };
                let mut region = [T::ZERO; 4];
                for axis in [0, 1] {
                    let from = corner[axis] as f64 * self.layer.feat_stride;
                    let [low, up] = [axis, axis + 2].map(|i| T::from_f64(first[i] + from));
                    let size = up - low + T::ONE;
                    let move_by = at(1, 4 * boxes.len(), 4 * k + axis);
                    let centre = move_by * size + (low + half * size);
                    let reach = half * (at(1, 4 * boxes.len(), 4 * k + axis + 2).exp() * size);
                    let within = |x: T| x.min(ends[axis]).at_least(T::ZERO);
                    region[axis] = within(centre - reach);
                    region[axis + 2] = within(centre + reach);
                }
                let score = at(0, 2 * boxes.len(), boxes.len() + k);
                let side = |axis: usize| region[axis + 2] - region[axis] + T::ONE;
                let big = least[0] <= side(0) && least[1] <= side(1);
                let whole = !score.to_f64().is_nan() && (big || self.layer.form == Form::Native);
                if whole {
                    regions.push((region, if big { score } else { T::ZERO }));
                }
            }
        }
        regions
    }
}

/// What two regions share, in parts of what either covers; the last pixel belongs to a region.
fn overlap<T: Real>(a: &[T; 4], b: &[T; 4]) -> T {
    let side = |low: T, high: T| (high - low + T::ONE).at_least(T::ZERO);
    let area = |r: &[T; 4]| (r[2] - r[0] + T::ONE) * (r[3] - r[1] + T::ONE);
    let shared = side(a[0].max(b[0]), a[2].min(b[2])) * side(a[1].max(b[1]), a[3].min(b[3]));
    shared / (area(a) + area(b) - shared)
}

impl Operation for Found {
    const NAME: &'static str = "proposals";
    const DIFFERENTIABLE: usize = 0;

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        let rows = self.after * args[0].dims()[0];
        vec![[rows, 5].into(), [rows].into()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let threshold = T::from_f64(self.layer.nms_threshold);
        let [rows, scores] = outs else { return };
        rows.data.fill(-T::ONE);
        scores.data.fill(-T::ONE);
        let mut rows = rows.data.chunks_exact_mut(5).zip(scores.data.iter_mut());
        for image in 0..args[0].shape.dims()[0] {
            let mut regions = self.regions(args, image);
            regions.sort_by(|a, b| b.1.to_f64().total_cmp(&a.1.to_f64()));
            regions.truncate(self.before);
            let mut kept: Vec<Region<T>> = vec![];
            for region in regions {
                if kept.len() == self.after {
                    break;
                }
                if kept.iter().all(|(other, _)| overlap(other, &region.0) <= threshold) {
                    kept.push(region);
                }
            }
            for ((region, score), (row, to)) in kept.into_iter().zip(&mut rows) {
                row[0] = T::from_usize(image);
                row[1..].copy_from_slice(&region);
                *to = score;
            }
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let Pass::Forward = pass else { return None };
        let [images, _, high, wide] = [0, 1, 2, 3].map(|axis| args[0].dims()[axis]);
        let boxes = self.layer.boxes();
        let (each, all) = (high * wide * boxes.len(), images * high * wide * boxes.len());
        let native = self.layer.form == Form::Native;
        let (regions, order) = (Operand::Work(0), Operand::Work(5 * all));
        let table = Operand::Table(boxes.concat());
        let width = if native && 3 < args[2].count() { 3usize } else { 2 };
        let operands = vec![
            Operand::Arg(0),
            Operand::Arg(1),
            Operand::Arg(2),
            table,
            regions.clone(),
            order.clone(),
        ];
        let make = Call::each("proposal_regions", all, operands)
            .with_all([boxes.len(), high, wide, images * self.before, width])
            .with(native)
            .with_all([self.layer.feat_stride, self.layer.min_size]);
        let operands = vec![regions.clone(), order.clone()];
        let sort = Call::each("proposal_order", all, operands).with_all([each, self.before]);
        let operands = vec![regions, order, Operand::Out(0), Operand::Out(1)];
        let keep = Call::each("proposal_keep", 1, operands)
            .with_all([images, each, self.before, self.after])
            .with(self.layer.nms_threshold);
        let texts = &[include_str!("proposal.cu")];
        let work = 5 * all + images * self.before;
        Some(DeviceForm { texts, calls: vec![make, sort, keep], work })
    }
}

#[cfg(test)]
mod tests {
    use super::Proposal;

    #[test]
    fn boxes_are_those_of_the_paper() {
        let boxes = Proposal::default().boxes();
        assert_eq!(boxes.len(), 9);
        // The widest and the highest as the authors list them, from 1 there and from 0 here.
        assert_eq!(boxes[0], [-84.0, -40.0, 99.0, 55.0]);
        assert_eq!(boxes[4], [-120.0, -120.0, 135.0, 135.0]);
        assert_eq!(boxes[8], [-168.0, -344.0, 183.0, 359.0]);
    }

    #[test]
    fn texts_of_the_class_are_read() {
        let stride = |text| Proposal::of_python(text).map(|layer| layer.feat_stride);
        assert_eq!(stride("'feat_stride': 16"), Some(16.0));
        assert_eq!(stride("{\"feat_stride\": 8, \"scales\": [2, 4]}"), Some(8.0));
        let tuple = "'feat_stride': 16 \n'scales': !!python/tuple [4, 8, 16, 32]";
        assert_eq!(Proposal::of_python(tuple).map(|l| l.scales), Some(vec![4.0, 8.0, 16.0, 32.0]));
        for other in [
            "",
            "16",
            "'scales': [1]",
            "'feat_stride': 16\n'corners': 4",
            "'feat_stride': 0",
            "[",
            "{a: *b}",
        ] {
            assert_eq!(stride(other), None, "{other}");
        }
    }
}
