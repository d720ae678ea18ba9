//! Records read from a database.

use super::prelude::*;
use crate::diag::{self, Diagnostic};

params! {
    /// Records read from an LMDB of Datums, one batch a step, in the order of their keys, again from the start
    /// when they end.
    ///
    /// The first top is `batch x channels x height x width`, the second, if there is one, the labels.
    pub struct Data {
        /// The folder of the LMDB, relative to where cortado is started, as for Caffe.
        source: String = String::new(),
        /// Records in a batch.
        batch_size: usize = 0,
        /// What is done to every image on its way in.
        transform: Transform = Transform::default(),
        /// Whether the definition names LMDB as the kind of database. Caffe's default is LevelDB, which is not read here.
        lmdb: bool = true,
    }
}

params! {
    /// What is done to an image on its way into the net: `(x - mean) * scale`, cropped and mirrored.
    pub struct Transform {
        /// Factor, applied after the mean was subtracted.
        scale: f64 = 1.0,
        /// Mirror left and right with probability 1/2.
        mirror: bool = false,
        /// Side of the square cut out: at random in TRAIN, from the centre in TEST; 0 takes the whole.
        crop_size: usize = 0,
        /// A BlobProto with the mean image.
        mean_file: Option<String> = None,
        /// The mean of each channel, or one for all.
        mean_value: Vec<f64> = vec![],
        /// Decode images as colour.
        force_color: bool = false,
        /// Decode images as grey.
        force_gray: bool = false,
        /// Changes that forks make and that are not made here, so that images are not read.
        unmade: Vec<String> = vec![],
    }
}

/// The fields of NVCaffe's `transform_param` that change images and are not followed.
pub const CHANGES_OF_NVCAFFE: &[&str] = &[
    "img_rand_resize_lower",
    "img_rand_resize_upper",
    "rand_resize_ratio_lower",
    "rand_resize_ratio_upper",
    "vertical_stretch_lower",
    "vertical_stretch_upper",
    "horizontal_stretch_lower",
    "horizontal_stretch_upper",
    "allow_upscale",
];

/// The same of the fork of Temporal Segment Networks.
pub const CHANGES_OF_SEGMENTS: &[&str] =
    &["fix_crop", "more_fix_crop", "multi_scale", "scale_ratios", "max_distort", "is_flow"];

/// The same of DeepLab's and PSPNet's forks.
pub const CHANGES_OF_SEGMENTATION: &[&str] =
    &["scale_factors", "rand_resize", "rand_aspect_ratio", "rand_rotate", "gaussian_blur"];

/// The same of Intel Caffe.
pub const CHANGES_OF_INTEL: &[&str] = &["random_resize_param", "random_aspect_ratio_param"];

/// The same of MyCaffe.
pub const CHANGES_OF_MYCAFFE: &[&str] = &["color_order", "use_imagedb_mean"];

/// The description of [`Data`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(0),
    tops: Arity::between(1, 2),
    input: true,
    spellings: &[caffe("Data", |a| {
        let p = a.section("data_param");
        p.ignore(&["prefetch", "scale", "mean_file", "crop_size", "mirror"]);
        read_past(&p);
        Data {
            source: p.text("source").unwrap_or_default(),
            batch_size: p.usize("batch_size").unwrap_or(0),
            transform: Transform::read(a),
            lmdb: p.choice("backend", &[("LEVELDB", false), ("LMDB", true)]).unwrap_or(false),
        }
        .into()
    })],
    ..LayerSpec::new("Data", Category::Data, Data::DOCS)
};

/// Says of fields of `data_param` that earlier Caffes read, and Caffe 1.0 does not, that they have no effect.
pub(super) fn read_past(p: &Args) {
    let said = |key: &str, help: &str| {
        let message = format!("`{key}` in `data_param` has no effect");
        let d = Diagnostic::new(&diag::W0612, p.place(key), message);
        p.report(d.here("Caffe 1.0 reads past it").help(help));
    };
    if p.usize("rand_skip").is_some_and(|n| 0 < n) {
        said("rand_skip", "remove it; records begin with the first");
    }
    if p.bool("force_encoded_color") == Some(true) {
        said(
            "force_encoded_color",
            "`transform_param { force_color: true }` of the layer does this",
        );
    }
}

impl Transform {
    /// Reads a layer's `transform_param`.
    pub fn read(a: &Args) -> Self {
        let p = a.section("transform_param");
        let transform = Transform {
            scale: p.float("scale").unwrap_or(1.0),
            mirror: p.bool("mirror").unwrap_or(false),
            crop_size: p.usize("crop_size").unwrap_or(0),
            mean_file: p.text("mean_file"),
            mean_value: p.floats("mean_value"),
            force_color: p.bool("force_color").unwrap_or(false),
            force_gray: p.bool("force_gray").unwrap_or(false),
            unmade: CHANGES_OF_NVCAFFE
                .iter()
                .chain(CHANGES_OF_SEGMENTS)
                .chain(CHANGES_OF_SEGMENTATION)
                .chain(CHANGES_OF_INTEL)
                .chain(CHANGES_OF_MYCAFFE)
                .filter(|field| p.has(field))
                .map(|field| (*field).to_owned())
                .collect(),
        };
        if transform.mean_file.is_some() && !transform.mean_value.is_empty() {
            p.wrong("mean_value", "`mean_file` and `mean_value` exclude each other");
        }
        if transform.force_color && transform.force_gray {
            p.wrong("force_gray", "`force_color` and `force_gray` exclude each other");
        }
        transform
    }

    /// The shape of a record after cropping; `record` is channels x height x width.
    pub fn shape(&self, record: &Shape) -> Shape {
        let mut shape = record.clone();
        if 0 < self.crop_size && shape.rank() == 3 {
            shape.0[1] = self.crop_size;
            shape.0[2] = self.crop_size;
        }
        shape
    }
}

impl Transform {
    /// The shape of a record as far as the transformation tells it, where nobody knows the data.
    fn guess(&self) -> [Option<usize>; 3] {
        let channels = match self.mean_value.len() {
            _ if self.force_color => Some(3),
            _ if self.force_gray => Some(1),
            n if 1 < n => Some(n),
            _ => None,
        };
        let side = Some(self.crop_size).filter(|&side| 0 < side);
        [channels, side, side]
    }

    /// Complains about a mean that does not fit a batch: of other channels, or smaller than the images; of stored records
    /// also about one that cannot be read.
    fn check_mean(&self, cx: &Infer, data: &Shape, stored: bool) -> Result<(), Reported> {
        let &[_, channels, height, width] = data.dims() else { return Ok(()) };
        let means = self.mean_value.len();
        if 1 < means && means != channels {
            let message = format!("{means} mean values for images of {channels} channels");
            return cx.fail(&["mean_value"], message);
        }
        let read = self.mean_file.as_ref().zip(cx.env.blob);
        let mean = match read.map(|(path, read)| (path, read(path))) {
            Some((_, Ok((mean, _)))) => mean,
            Some((path, Err(why))) if stored => {
                let layer = &cx.node.name.value;
                let message = format!("layer `{layer}`: the mean image `{path}` cannot be read");
                let d = Diagnostic::new(&diag::W0620, cx.place(&["mean_file"]), message);
                cx.report(
                    d.note(why.to_string()).help("`cortado compute-mean` makes one of an LMDB"),
                );
                return Ok(());
            }
            _ => return Ok(()),
        };
        let axes = &mean.dims()[mean.rank().saturating_sub(3)..];
        let fits = match *axes {
            [c, h, w] if 0 < self.crop_size => c == channels && height <= h && width <= w,
            [c, h, w] => [c, h, w] == [channels, height, width],
            _ => false,
        };
        if !fits {
            let images = Shape::from(&data.dims()[1..]);
            return cx.fail(&["mean_file"], format!("a mean of {mean} for images of {images}"));
        }
        Ok(())
    }
}

/// The shapes of a layer that gives `batch` records, of the shape `record` before cropping, and as its second top a label
/// for each. What the outside says about a top wins; a `record` that is not known, for a reason if there is one, makes the
/// shapes unknown.
pub(super) fn batches(
    cx: &Infer,
    transform: &Transform,
    batch: usize,
    record: impl FnOnce() -> Result<Shape, Option<String>>,
) -> Result<Signature, Reported> {
    let top = &cx.node.tops[0].value;
    let mut stored = false;
    let data = match cx.env.shapes.get(top) {
        Some(shape) => shape.clone(),
        None => {
            let guess = transform.guess();
            let record = record().inspect(|_| stored = true).or_else(|why| match guess {
                [Some(channels), Some(height), Some(width)] => {
                    Ok(Shape::from([channels, height, width]))
                }
                _ => Err(why),
            });
            let record = match record {
                Ok(record) => record,
                Err(why) => {
                    let example = [Some(batch), guess[0].or(Some(3)), guess[1], guess[2]];
                    let example = example.map(|n| n.unwrap_or(28).to_string()).join(",");
                    return cx.unknown_shape_because(top, &example, why);
                }
            };
            let side = transform.crop_size;
            if record.rank() == 3 && record.dims()[1..].iter().any(|&extent| extent < side) {
                let message = format!("crop_size {side} is larger than the records, {record}");
                return cx.fail(&["crop_size"], message);
            }
            Shape([&[batch][..], transform.shape(&record).dims()].concat())
        }
    };
    transform.check_mean(cx, &data, stored)?;
    let mut tops = vec![data];
    if let Some(label) = cx.node.tops.get(1) {
        let batch = tops[0].dims().first().copied().unwrap_or(1);
        let given = cx.env.shapes.get(&label.value);
        tops.push(given.cloned().unwrap_or_else(|| Shape::from([batch])));
    }
    Ok(Signature { tops, params: vec![] })
}

impl Data {
    /// Caffe would take the LMDB for a LevelDB.
    fn warn_of_kind(&self, cx: &Infer) {
        let message = format!("`{}` is an LMDB, and Caffe would look for a LevelDB", self.source);
        let d = Diagnostic::new(&diag::W0624, cx.place(&["backend", "source"]), message);
        cx.report(d.help("say `backend: LMDB`"));
    }
}

impl LayerOps for Data {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let record = || {
            let record = cx.env.record.and_then(|record| record(&self.source));
            if record.is_some() && !self.lmdb {
                self.warn_of_kind(cx);
            }
            record.ok_or_else(|| cx.env.trouble.and_then(|why| why(&self.source)))
        };
        batches(cx, &self.transform, self.batch_size.max(1), record)
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.inputs(b)
    }

    fn on_other_tops(&self, given: usize) -> Option<[&'static str; 2]> {
        let note =
            "forks of Caffe for several labels give a top for each; records here have one label";
        let help = "read the labels from elsewhere, by HDF5Data or as the records of a second Data layer, and take them \
                    apart by Slice";
        (2 < given).then_some([note, help])
    }
}
