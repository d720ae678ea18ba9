//! The grids of objects that DetectNet learns.

use super::prelude::*;

params! {
    /// Turns images and lists of the boxes of their objects into images of one size and grids that say of each of their
    /// cells which object is there: a layer of NVCaffe for DIGITS' DetectNet (Tao et al. 2016).
    ///
    /// Tops: `N x C x image_size_y x image_size_x`, and `N x (8 + classes) x image_size_y / stride x image_size_x /
    /// stride`: whether there is an object, the four sides of its box, its size, a weight, and its coverage by class. Its
    /// blobs are followed, but a net with it cannot be run: it also moves, turns and colours images at random.
    pub struct DetectNetTransformation {
        /// Height and width of the images that it gives.
        size: [usize; 2] = [0, 0],
        /// Pixels of a cell.
        stride: usize = 4,
        /// Number of classes.
        classes: usize = 1,
    }
}

/// The description of [`DetectNetTransformation`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    tops: Arity::exactly(2),
    differentiable: 0,
    in_place: InPlace::Refused,
    spellings: &[caffe("DetectNetTransformation", |a| DetectNetTransformation::read(a).into())],
    ..LayerSpec::new("DetectNetTransformation", Category::Data, DetectNetTransformation::DOCS)
};

impl DetectNetTransformation {
    fn read(a: &Args) -> Self {
        let p = a.section("detectnet_groundtruth_param");
        p.ignore(&["scale_cvg", "gridbox_type", "coverage_type", "min_cvg_len", "obj_norm"]);
        p.ignore(&["max_cvg_len", "crop_bboxes"]);
        a.section("detectnet_augmentation_param").ignore_where(|_| true);
        a.section("transform_param").ignore_where(|_| true);
        let sides = ["image_size_y", "image_size_x"].map(|key| p.required(key, Args::usize));
        let classes = p.sections("object_class").into_iter().map(|class| {
            class.ignore(&["src"]);
            class.usize("dst").unwrap_or(0) + 1
        });
        let layer = DetectNetTransformation {
            size: sides,
            stride: p.usize("stride").unwrap_or(4),
            classes: classes.max().unwrap_or(1),
        };
        p.not_zero("stride", layer.stride);
        layer
    }
}

impl LayerOps for DetectNetTransformation {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let images = cx.bottom(0);
        if images.rank() != 4 {
            return cx.fail_bottom(0, "there must be images, N x C x H x W");
        }
        cx.same_batch(0, 1)?;
        let [height, width] = self.size;
        let cells = self.size.map(|side| side / self.stride.max(1));
        let grid = [images.dims()[0], 8 + self.classes, cells[0], cells[1]];
        let image = images.with(2, height).with(3, width);
        Ok(Signature { tops: vec![image, grid.into()], params: vec![] })
    }

    /// The tops as they are for a program that nobody runs: not a number.
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let tops = cx.signature.tops.iter();
        tops.map(|shape| b.fill(f64::NAN, shape.clone())).collect()
    }

    fn obstacle(&self) -> Option<String> {
        let why =
            "changes images at random and draws grids of their objects, which cortado does not";
        Some(format!("{why}; store both beforehand and read them with Data layers"))
    }

    fn detail(&self) -> String {
        let [height, width] = self.size;
        format!("to {height} x {width}, cells of {}", self.stride)
    }
}
