//! Labelled windows of images, for detection.

use super::data::{Transform, batches};
use super::prelude::*;
use crate::diag::{self, Diagnostic};

/// How a window is made to fit the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CropMode {
    /// Stretched to the square.
    Warp,
    /// The tightest square around it.
    Square,
}

params! {
    /// Windows of images, drawn so that a part of every batch shows objects and the rest background (Girshick et
    /// al. 2014).
    ///
    /// Tops: `batch_size x 3 x crop_size x crop_size`, and `batch_size` labels, 0 for background. The source is a text
    /// file that lists for every image its path, its shape and its windows: class, overlap and corners.
    pub struct WindowData {
        /// The text file with the windows.
        source: String = String::new(),
        /// Put before every path of the source.
        root_folder: String = String::new(),
        /// Windows in a batch.
        batch_size: usize = 0,
        /// A window that overlaps an object at least so much shows it.
        fg_threshold: f64 = 0.5,
        /// A window that overlaps every object less is background.
        bg_threshold: f64 = 0.5,
        /// The part of a batch that shows objects.
        fg_fraction: f64 = 0.25,
        /// Pixels of surroundings around a window, after scaling.
        context_pad: usize = 0,
        /// How a window is made to fit the input.
        crop_mode: CropMode = CropMode::Warp,
        /// Keep the image files in memory.
        cache_images: bool = false,
        /// What is done to every window; its `crop_size` is the side of the input.
        transform: Transform = Transform::default(),
    }
}

/// The description of [`WindowData`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(0),
    tops: Arity::exactly(2),
    in_place: InPlace::Refused,
    input: true,
    spellings: &[caffe("WindowData", |a| {
        let p = a.section("window_data_param");
        p.ignore(&["mean_file", "crop_size", "mirror"]);
        let (source, batch_size) = (p.text("source"), p.usize("batch_size"));
        let mut transform = Transform::read(a);
        // Of all deprecated fields this one still counts: Caffe reads the factor here and not from `transform_param`.
        transform.scale = p.float("scale").unwrap_or(1.0);
        let outer = a.section("transform_param");
        if outer.has("scale") {
            let message = "`scale` in the `transform_param` of a WindowData layer has no effect";
            let d = Diagnostic::new(&diag::W0612, outer.place("scale"), message);
            let help = "write it into `window_data_param`, in a layer of today's form";
            a.report(d.here("Caffe reads past it").help(help));
        }
        let crop_mode = p.text("crop_mode");
        let layer = WindowData {
            source: p.need("source", source),
            root_folder: p.text("root_folder").unwrap_or_default(),
            batch_size: p.need("batch_size", batch_size),
            fg_threshold: p.float("fg_threshold").unwrap_or(0.5),
            bg_threshold: p.float("bg_threshold").unwrap_or(0.5),
            fg_fraction: p.float("fg_fraction").unwrap_or(0.25),
            context_pad: p.usize("context_pad").unwrap_or(0),
            crop_mode: match crop_mode.as_deref() {
                Some("square") => CropMode::Square,
                _ => CropMode::Warp,
            },
            cache_images: p.bool("cache_images").unwrap_or(false),
            transform,
        };
        if let Some(mode) = crop_mode.filter(|mode| mode != "square" && mode != "warp") {
            p.wrong(
                "crop_mode",
                format!("`crop_mode` must be \"warp\" or \"square\", not {mode:?}"),
            );
        }
        if layer.batch_size == 0 && batch_size.is_some() {
            p.wrong("batch_size", "`batch_size` must not be 0");
        }
        if !(0.0..=1.0).contains(&layer.fg_fraction) {
            let fraction = layer.fg_fraction;
            p.wrong("fg_fraction", format!("`fg_fraction` must be from 0 to 1, not {fraction}"));
        }
        layer.into()
    })],
    ..LayerSpec::new("WindowData", Category::Data, WindowData::DOCS)
};

impl LayerOps for WindowData {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let side = self.transform.crop_size;
        if side == 0 {
            return cx.fail(
                &["transform_param", "window_data_param"],
                "the side of the windows is missing: set `crop_size` in `transform_param`",
            );
        }
        batches(cx, &self.transform, self.batch_size, || Ok(Shape::from([3, side, side])))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.inputs(b)
    }
}
