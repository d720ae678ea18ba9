//! Turns the names of files that layers read while they are checked into paths that exist.

use std::path::Path;

use crate::ir::Definition;
use crate::layers::Layer;

/// A relative name counts from where cortado was started, as for Caffe; if there is no such file, from the folder of
/// the definition.
pub fn locate_files(definition: &mut Definition, file: &Path) {
    let folder = file.parent().unwrap_or(Path::new(""));
    for node in &mut definition.nodes {
        if let Layer::InfogainLoss(loss) = &mut node.layer
            && let Some(source) = &mut loss.source
        {
            let beside = folder.join(&*source);
            if !Path::new(source).exists()
                && let Some(beside) = beside.to_str().filter(|_| beside.exists())
            {
                *source = beside.to_owned();
            }
        }
    }
}
