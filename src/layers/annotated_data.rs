//! Images with the boxes of the objects in them.

use super::data::{Transform, batches, read_past};
use super::image_parts::{Emit, Sampler};
use super::prelude::*;
use crate::diag::{self, Diagnostic};
use crate::spec::{Field, Value};

params! {
    /// Images and the boxes of their objects from an LMDB of AnnotatedDatums, the data of SSD's fork of Caffe (Liu et al.
    /// 2016).
    ///
    /// Tops: `batch_size x channels x height x width`, and objects, `batch_size x boxes x 8`: image of the batch, class,
    /// instance, xmin, ymin, xmax, ymax in parts of the image, difficult. There are as many rows for an image as the one
    /// with the most objects has, 1 where nobody knows the data; those without an object have the image -1. In that fork
    /// the top is `1 x 1 x boxes x 8` for the objects of a batch. Images are cut at random around objects, stretched to a
    /// size and mirrored together with their boxes; the other random changes of that fork are not made. What is cut out is
    /// not stored as JPEG in between, as that fork does with images that come as files.
    pub struct AnnotatedData {
        /// The folder of the LMDB, relative to where cortado is started, as for Caffe.
        source: String = String::new(),
        /// Images in a batch.
        batch_size: usize = 1,
        /// Rules by which parts of the images are drawn, one of which takes the place of an image; whole images if none.
        samplers: Vec<Sampler> = vec![],
        /// Which objects a part keeps.
        emit: Emit = Emit::Any,
        /// Rows and columns that images are stretched to.
        resize: Option<[usize; 2]> = None,
        /// What is done to every image on its way in.
        transform: Transform = Transform::default(),
    }
}

/// The description of [`AnnotatedData`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(0),
    tops: Arity::between(1, 2),
    in_place: InPlace::Refused,
    input: true,
    spellings: &[caffe("AnnotatedData", |a| AnnotatedData::read(a).into())],
    ..LayerSpec::new("AnnotatedData", Category::Data, AnnotatedData::DOCS)
};

/// Says that a message asks for a random change that is not made.
fn not_made(p: &Args, key: &'static str, what: &str) {
    if p.has(key) {
        p.ignore(&[key]);
        let message = format!("images are not {what} here");
        let d = Diagnostic::new(&diag::W0619, p.place(key), message).here("has no effect");
        p.report(d.note("a net that is trained without this knows fewer images"));
    }
}

impl AnnotatedData {
    fn read(a: &Args) -> Self {
        let data = a.section("data_param");
        data.ignore(&["backend", "prefetch"]);
        read_past(&data);
        let annotated = a.section("annotated_data_param");
        annotated.ignore(&["label_map_file", "anno_type"]);
        let p = a.section("transform_param");
        not_made(&p, "distort_param", "changed in their colours at random");
        not_made(&p, "expand_param", "laid on larger ones at random");
        not_made(&p, "noise_param", "changed by noise");
        let layer = AnnotatedData {
            source: data.required("source", Args::text),
            batch_size: data.usize("batch_size").unwrap_or(0),
            samplers: Sampler::read_all(&annotated),
            emit: Emit::read(&p.section("emit_constraint")),
            resize: Self::resize(&p.section("resize_param")),
            transform: Transform::read(a),
        };
        if layer.batch_size == 0 {
            data.wrong("batch_size", "`batch_size` must be given and not be 0");
        }
        if !layer.samplers.is_empty() && layer.resize.is_none() {
            let why = "parts of images have many sizes; say by `resize_param` which one they get";
            annotated.wrong("batch_sampler", why);
        }
        if 0 < layer.transform.crop_size {
            p.wrong("crop_size", "boxes are not cropped here; stretch images by `resize_param`");
        }
        layer
    }

    fn resize(p: &Args) -> Option<[usize; 2]> {
        let modes = [("WARP", true), ("FIT_SMALL_SIZE", false), ("FIT_LARGE_SIZE_AND_PAD", false)];
        if p.choice_from("resize_mode", 1, &modes) == Some(false) {
            p.wrong("resize_mode", "images are stretched here, by WARP");
        }
        let fields = p.record().into_iter().flat_map(|r| &r.fields);
        let mut ways = fields.filter(|field| field.key.value == "interp_mode");
        let bilinear = |field: &Field| field.value.value == Value::Word("LINEAR".to_owned());
        match (ways.next(), ways.next()) {
            (None, _) => {}
            (Some(one), None) if bilinear(one) => p.ignore(&["interp_mode"]),
            _ => not_made(p, "interp_mode", "stretched in ways drawn at random, but bilinearly,"),
        }
        if p.float("prob").is_some_and(|prob| prob < 1.0) {
            p.wrong("prob", "every image is stretched here: `prob: 1`");
        }
        p.ignore(&["height_scale", "width_scale", "pad_mode", "pad_value"]);
        let size = [p.usize("height"), p.usize("width")];
        match size {
            [Some(height), Some(width)] if 0 < height && 0 < width => Some([height, width]),
            _ if p.is_present() => {
                p.wrong("height", "`height` and `width` must be given and not be 0");
                None
            }
            _ => None,
        }
    }
}

impl LayerOps for AnnotatedData {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let channels = if self.transform.force_gray { 1 } else { 3 };
        let resized = self.resize.map(|[height, width]| Shape::from([channels, height, width]));
        let record = || resized.ok_or(None);
        let mut signature = batches(cx, &self.transform, self.batch_size, record)?;
        if let Some(label) = cx.node.tops.get(1)
            && !cx.env.shapes.contains_key(&label.value)
        {
            let batch = signature.tops[0].dims().first().copied().unwrap_or(1);
            signature.tops[1] = [batch, 1, 8].into();
        }
        Ok(signature)
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.inputs(b)
    }
}
