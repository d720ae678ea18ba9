//! Image files and what their pixels show, cut out and mirrored together.

use super::data::{Transform, batches};
use super::prelude::*;

/// What a line of the list says of the pixels of its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelType {
    /// A file of their labels.
    Pixels,
    /// One label for all of them.
    Whole,
    /// Nothing, so that all have the label that is ignored.
    Nothing,
}

params! {
    /// Image files and what their pixels show, as lines `image labels` of a text file name them; the data of DeepLab's fork
    /// of Caffe (Chen et al. 2015) and of those that come from it, such as PSPNet's.
    ///
    /// Tops: `batch_size x channels x height x width`, `batch_size x 1 x height x width` labels, and the rows and columns
    /// of each image before it was changed, but not more than it has afterwards, `batch_size x 1 x 1 x 2`. Images and labels
    /// are cut out at the same place, at random in TRAIN and from the centre in TEST, and mirrored together. What is
    /// smaller than the cut is continued to the right and below by the mean, and the labels by the one that is ignored.
    /// Labels are grey values, resized without mixing them, as in PSPNet's fork.
    pub struct ImageSegData {
        /// The text file with the list.
        source: String = String::new(),
        /// Put before every path of the list.
        root_folder: String = String::new(),
        /// Images in a batch.
        batch_size: usize = 1,
        /// Begin at a random one of so many first lines.
        rand_skip: usize = 0,
        /// Shuffle the list before every epoch.
        shuffle: bool = false,
        /// Rows and columns that images are resized to before they are cut; none leaves the size.
        resize: Option<[usize; 2]> = None,
        /// Read as colour, else as grey.
        is_color: bool = true,
        /// What the list says of the pixels of an image.
        label_type: LabelType = LabelType::Whole,
        /// The label of pixels of which nothing is known.
        ignore_label: u8 = 255,
        /// Rows and columns that are cut out; none takes the whole.
        crop: Option<[usize; 2]> = None,
        /// What is done to every image on its way in, but for the cut.
        transform: Transform = Transform::default(),
    }
}

/// The description of [`ImageSegData`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(0),
    tops: Arity::between(1, 3),
    in_place: InPlace::Refused,
    input: true,
    spellings: &[caffe("ImageSegData", |a| ImageSegData::read(a).into())],
    ..LayerSpec::new("ImageSegData", Category::Data, ImageSegData::DOCS)
};

/// Two extents that must be given together, both or none.
fn both(p: &Args, keys: [&'static str; 2]) -> Option<[usize; 2]> {
    let [rows, columns] = keys.map(|key| p.usize(key).unwrap_or(0));
    if (rows == 0) != (columns == 0) {
        let [height, width] = keys;
        p.wrong(height, format!("`{height}` and `{width}` must be set together"));
    }
    (0 < rows && 0 < columns).then_some([rows, columns])
}

impl ImageSegData {
    fn read(a: &Args) -> Self {
        let p = a.section("image_data_param");
        let words = [
            ("NONE", LabelType::Nothing),
            ("IMAGE", LabelType::Whole),
            ("PIXEL", LabelType::Pixels),
        ];
        let ignored = p.int("ignore_label").unwrap_or(255);
        let transform = Transform::read(a);
        let t = a.section("transform_param");
        let side = transform.crop_size;
        let parts = [["crop_h", "crop_w"], ["crop_height", "crop_width"]];
        let parts = parts.into_iter().filter_map(|keys| Some((keys, both(&t, keys)?))).next();
        if let Some(([key, _], _)) = parts.filter(|_| 0 < side) {
            t.wrong(key, format!("`crop_size` and `{key}` exclude each other"));
        }
        if transform.mean_file.is_some() {
            t.wrong(
                "mean_file",
                "a mean image does not fit images of different sizes; give `mean_value`",
            );
        }
        let layer = ImageSegData {
            source: p.required("source", Args::text),
            root_folder: p.text("root_folder").unwrap_or_default(),
            batch_size: p.usize("batch_size").unwrap_or(1),
            rand_skip: p.usize("rand_skip").unwrap_or(0),
            shuffle: p.bool("shuffle").unwrap_or(false),
            resize: both(&p, ["new_height", "new_width"]),
            is_color: p.bool("is_color").unwrap_or(true),
            label_type: p.choice("label_type", &words).unwrap_or(LabelType::Whole),
            ignore_label: u8::try_from(ignored).unwrap_or(255),
            crop: parts.map(|(_, part)| part).or((0 < side).then_some([side, side])),
            transform: Transform { crop_size: 0, ..transform },
        };
        p.not_zero("batch_size", layer.batch_size);
        if !(0..256).contains(&ignored) {
            p.wrong("ignore_label", "labels are bytes: `ignore_label` must be from 0 to 255");
        }
        layer
    }
}

impl LayerOps for ImageSegData {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let channels = if self.is_color { 3 } else { 1 };
        let size = self.crop.or(self.resize);
        let record = || size.map(|[rows, columns]| [channels, rows, columns].into()).ok_or(None);
        let mut signature = batches(cx, &self.transform, self.batch_size, record)?;
        let told = |top: usize| {
            let name = cx.node.tops.get(top).map(|top| &top.value);
            name.and_then(|name| cx.env.shapes.get(name)).cloned()
        };
        if let &[batch, _, height, width] = signature.tops[0].dims() {
            let rest = [[batch, 1, height, width], [batch, 1, 1, 2]].map(Shape::from);
            signature.tops.truncate(1);
            for (top, shape) in (1..cx.n_tops()).zip(rest) {
                signature.tops.push(told(top).unwrap_or(shape));
            }
        }
        Ok(signature)
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.inputs(b)
    }

    fn detail(&self) -> String {
        match self.crop {
            Some([rows, columns]) => format!("cut to {rows} x {columns}"),
            None => String::new(),
        }
    }
}
