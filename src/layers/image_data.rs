//! Image files named in a list.

use super::data::{Transform, batches};
use super::prelude::*;

params! {
    /// Image files and their labels, as lines `path label` of a text file name them.
    ///
    /// Tops: `batch_size x channels x height x width`, cropped, and `batch_size` labels. The channels are blue, green
    /// and red, or grey alone. Unless images are resized all must have one size.
    pub struct ImageData {
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
        /// What is done to every image on its way in.
        transform: Transform = Transform::default(),
    }
}

/// The description of [`ImageData`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(0),
    tops: Arity::exactly(2),
    in_place: InPlace::Refused,
    input: true,
    spellings: &[caffe("ImageData", |a| {
        let p = a.section("image_data_param");
        p.ignore(&["scale", "mean_file", "crop_size", "mirror"]);
        let layer = ImageData {
            source: p.required("source", Args::text),
            root_folder: p.text("root_folder").unwrap_or_default(),
            batch_size: p.usize("batch_size").unwrap_or(1),
            rand_skip: p.usize("rand_skip").unwrap_or(0),
            shuffle: p.bool("shuffle").unwrap_or(false),
            new_height: p.usize("new_height").unwrap_or(0),
            new_width: p.usize("new_width").unwrap_or(0),
            is_color: p.bool("is_color").unwrap_or(true),
            transform: Transform::read(a),
        };
        p.not_zero("batch_size", layer.batch_size);
        if (layer.new_height == 0) != (layer.new_width == 0) {
            p.wrong("new_height", "`new_height` and `new_width` must be set together");
        }
        layer.into()
    })],
    ..LayerSpec::new("ImageData", Category::Data, ImageData::DOCS)
};

impl LayerOps for ImageData {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let channels = if self.is_color { 3 } else { 1 };
        let record = || match 0 < self.new_height {
            true => Ok(Shape::from([channels, self.new_height, self.new_width])),
            false if 0 < self.transform.crop_size => {
                let side = self.transform.crop_size;
                Ok(Shape::from([channels, side, side]))
            }
            false => cx.env.record.and_then(|record| record(&self.source)).ok_or(None),
        };
        batches(cx, &self.transform, self.batch_size, record)
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.inputs(b)
    }
}
