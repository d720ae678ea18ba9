//! Data sets of HDF5 files.

use super::prelude::*;

params! {
    /// Rows of the data sets of HDF5 files: each top has the name of a data set and gets `batch_size` rows of it.
    ///
    /// The source is a text file that lists the HDF5 files, one a line. Rows come as they are: nothing is transformed.
    pub struct Hdf5Data {
        /// The text file with the list.
        source: String = String::new(),
        /// Rows in a batch.
        batch_size: usize = 0,
        /// Shuffle the files, and the rows within each, before every epoch.
        shuffle: bool = false,
    }
}

/// The description of [`Hdf5Data`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(0),
    tops: Arity::at_least(1),
    in_place: InPlace::Refused,
    input: true,
    spellings: &[caffe("HDF5Data", |a| {
        let p = a.section("hdf5_data_param");
        if a.has("transform_param") {
            a.ignore(&["transform_param"]);
            a.wrong("transform_param", "HDF5Data does not transform its data");
        }
        let (source, batch_size) = (p.text("source"), p.usize("batch_size"));
        p.not_zero("batch_size", batch_size);
        Hdf5Data {
            source: p.need("source", source),
            batch_size: p.need("batch_size", batch_size),
            shuffle: p.bool("shuffle").unwrap_or(false),
        }
        .into()
    })],
    ..LayerSpec::new("HDF5Data", Category::Data, Hdf5Data::DOCS)
};

impl LayerOps for Hdf5Data {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature { tops: cx.told_shapes(Some(self.batch_size))?, params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.inputs(b)
    }
}
