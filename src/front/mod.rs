//! Turns texts of each dialect into `ir::Definition`s.

pub mod caffe;
pub mod torch;

use std::path::Path;

use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::ir::Definition;
use crate::source::FileId;
use crate::spec::Dialect;

/// The dialect of a file, by its name: `.lua` is Torch, `.py` is TensorFlow, everything else prototxt.
pub fn dialect(path: &Path) -> Dialect {
    match path.extension().and_then(|e| e.to_str()) {
        Some("lua") => Dialect::Torch,
        Some("py") => Dialect::TensorFlow,
        _ => Dialect::Caffe,
    }
}

/// Reads a definition; the dialects beside Caffe's are refused before, by [`readable`].
pub fn read(file: FileId, text: &str, diagnostics: &mut Diagnostics) -> Definition {
    caffe::read(file, text, diagnostics)
}

/// Refuses files of dialects that this version does not read.
pub fn readable(path: &Path) -> Result<()> {
    match dialect(path) {
        Dialect::Caffe => Ok(()),
        other => Err(Error::format(
            path,
            format!("is a {other} definition; this version reads Caffe's prototxt only"),
        )),
    }
}
