//! Turns texts of each dialect into `ir::Definition`s.

pub mod caffe;
pub mod torch;

use std::path::Path;

use crate::diag::Diagnostics;
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

/// Reads a definition in any dialect.
pub fn read(
    dialect: Dialect,
    file: FileId,
    text: &str,
    diagnostics: &mut Diagnostics,
) -> Definition {
    match dialect {
        Dialect::Caffe | Dialect::Torch | Dialect::TensorFlow => {
            caffe::read(file, text, diagnostics)
        }
    }
}
