//! A parameter as a blob.

use super::input::read_shape;
use super::prelude::*;

params! {
    /// A learned parameter that other layers read like any blob.
    ///
    /// It begins at 0, unless weights are loaded: Caffe's layer has no filler. NormFace's fork gives it one.
    pub struct Parameter {
        /// The shape of the parameter and of the top.
        shape: Shape = Shape::scalar(),
        /// First values.
        filler: Filler = Filler::Constant(0.0),
    }
}

/// The description of [`Parameter`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(0),
    in_place: InPlace::Refused,
    spellings: &[
        caffe("Parameter", |a| {
            let p = a.section("parameter_param");
            let filler = Filler::read(&p.section("blob_filler")).or_constant(0.0);
            Parameter { shape: read_shape(&p.section("shape")), filler }.into()
        }),
        // What a Torch module that computes in Lua reads of its own.
        torch("cortado.Parameter", &["weight"], |a| {
            Parameter { shape: Shape(a.usizes("weight")), ..Parameter::default() }.into()
        })
        .tensors(&["weight"]),
    ],
    ..LayerSpec::new("Parameter", Category::Data, Parameter::DOCS)
};

impl LayerOps for Parameter {
    fn infer(&self, _cx: &Infer) -> Result<Signature, Reported> {
        let param = ParamDecl::new("value", self.shape.clone(), self.filler);
        Ok(Signature { tops: vec![self.shape.clone()], params: vec![param] })
    }

    fn lower(&self, _b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.params.to_vec()
    }

    fn detail(&self) -> String {
        self.shape.to_string()
    }
}
