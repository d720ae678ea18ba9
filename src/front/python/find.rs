//! The other Python files of a definition, by the names that `import` is given.

use std::path::{Path, PathBuf};

use crate::front::project;

/// The path and text of the module that a definition in `folder` names; `asking` is the file with the import, `level` the dots
/// before the name.
///
/// With dots it is a file of the folder of the file that asks, or of those above. Without,
/// Python 2 looks beside the file that asks and then in the folder of the definition; files of a larger project name others
/// from the project's folder, so the folder above is searched as well. A folder with Python files but no `__init__.py` is an
/// empty package.
pub(in crate::front) fn find(
    folder: &Path,
    name: &str,
    level: usize,
    asking: Option<&Path>,
) -> Option<(PathBuf, String)> {
    let mut inside = PathBuf::new();
    for part in name.split('.') {
        let begins = part.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if !begins || !part.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return None;
        }
        inside.push(part);
    }
    let package = inside.join("__init__.py");
    let candidates = [package.clone(), inside.with_extension("py")];
    let beside = asking.and_then(Path::parent).unwrap_or(folder);
    let above = match level.checked_sub(1) {
        None => folder.join(".."),
        Some(up) => (0..up.min(64)).fold(beside.to_owned(), |path, _| path.join("..")),
    };
    let all = [beside, folder, &above];
    let roots = if level == 0 { &all[..] } else { &all[2..] };
    project::read(folder, roots, &candidates).or_else(|| {
        let found = project::folder(folder, roots, &inside, "py")?;
        Some((found.join("__init__.py"), String::new()))
    })
}
