//! Image files with an image of labels each.

use super::data::{Transform, batches};
use super::prelude::*;

params! {
    /// Image files and files of their labels, one for each pixel, as lines `image labels` of a text file name them; the
    /// data of SegNet's fork of Caffe (Kendall et al. 2015).
    ///
    /// Tops: `batch_size x channels x height x width`, and `batch_size x 1 x height x width` labels, which are the grey
    /// values of their images. The channels are blue, green and red, or grey alone. Labels are resized without
    /// mixing them. As in that fork there is neither a crop nor a mirror.
    pub struct DenseImageData {
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
        /// Resize to so many rows; 0 leaves the size.
        new_height: usize = 0,
        /// Resize to so many columns; 0 leaves the size.
        new_width: usize = 0,
        /// Read as colour, else as grey.
        is_color: bool = true,
        /// What every label is divided by, fractions cut off; 1 in SegNet's fork, others in ENet's.
        label_divide_factor: usize = 1,
        /// What is done to every image on its way in.
        transform: Transform = Transform::default(),
    }
}

/// The description of [`DenseImageData`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(0),
    tops: Arity::exactly(2),
    in_place: InPlace::Refused,
    input: true,
    spellings: &[caffe("DenseImageData", |a| {
        let p = a.section("dense_image_data_param");
        p.ignore(&["scale", "mean_file", "crop_size", "mirror"]);
        let layer = DenseImageData {
            source: p.required("source", Args::text),
            root_folder: p.text("root_folder").unwrap_or_default(),
            batch_size: p.usize("batch_size").unwrap_or(1),
            rand_skip: p.usize("rand_skip").unwrap_or(0),
            shuffle: p.bool("shuffle").unwrap_or(false),
            new_height: p.usize("new_height").unwrap_or(0),
            new_width: p.usize("new_width").unwrap_or(0),
            is_color: p.bool("is_color").unwrap_or(true),
            label_divide_factor: p.usize("label_divide_factor").unwrap_or(1),
            transform: Transform::read(a),
        };
        for (key, extent) in
            [("batch_size", layer.batch_size), ("label_divide_factor", layer.label_divide_factor)]
        {
            p.not_zero(key, extent);
        }
        if (layer.new_height == 0) != (layer.new_width == 0) {
            p.wrong("new_height", "`new_height` and `new_width` must be set together");
        }
        if layer.transform.mirror || 0 < layer.transform.crop_size {
            let key = if layer.transform.mirror { "mirror" } else { "crop_size" };
            let why = "images and labels are not cropped and mirrored together";
            a.section("transform_param").wrong(key, why);
        }
        layer.into()
    })],
    ..LayerSpec::new("DenseImageData", Category::Data, DenseImageData::DOCS)
};

impl LayerOps for DenseImageData {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let channels = if self.is_color { 3 } else { 1 };
        let record = || {
            let [height, width] = [self.new_height, self.new_width];
            (0 < height).then(|| Shape::from([channels, height, width])).ok_or(None)
        };
        let mut signature = batches(cx, &self.transform, self.batch_size, record)?;
        let label = &cx.node.tops[1].value;
        if !cx.env.shapes.contains_key(label)
            && let &[batch, _, height, width] = signature.tops[0].dims()
        {
            signature.tops[1] = [batch, 1, height, width].into();
        }
        Ok(signature)
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.inputs(b)
    }
}
