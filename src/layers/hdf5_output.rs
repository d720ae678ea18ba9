//! Blobs that are written to an HDF5 file.

use super::prelude::*;

params! {
    /// Writes the rows of its two bottoms to the data sets `data` and `label` of an HDF5 file, batch after batch.
    ///
    /// The file is written when a test or an inference is over, anew each time; training writes none. In a program the
    /// layer computes nothing: whoever runs the program reads the bottoms.
    pub struct Hdf5Output {
        /// The file to write.
        file_name: String = String::new(),
    }
}

/// The description of [`Hdf5Output`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    tops: Arity::exactly(0),
    differentiable: 0,
    in_place: InPlace::Refused,
    spellings: &[caffe("HDF5Output", |a| {
        let p = a.section("hdf5_output_param");
        Hdf5Output { file_name: p.required("file_name", Args::text) }.into()
    })],
    ..LayerSpec::new("HDF5Output", Category::Data, Hdf5Output::DOCS)
};

impl LayerOps for Hdf5Output {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        cx.same_batch(0, 1)?;
        Ok(Signature::default())
    }

    fn lower(&self, _b: &mut Builder, _cx: &Lower) -> Vec<ValueId> {
        vec![]
    }
}
