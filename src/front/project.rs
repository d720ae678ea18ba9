//! The other files of a definition's project: regular files of bounded size in the folder above the definition's, nothing
//! outside of it.

use std::path::{Component, Path, PathBuf};

use crate::file::read_definition;

/// The first of these files that exists under one of the roots: its path and text.
pub(super) fn read(
    folder: &Path,
    roots: &[&Path],
    candidates: &[PathBuf],
) -> Option<(PathBuf, String)> {
    let mut found = inside(folder, roots, candidates);
    found.find_map(|path| read_definition(&path).ok().map(|text| (path, text)))
}

/// The first folder of this name under one of the roots with a file of this ending.
pub(super) fn folder(folder: &Path, roots: &[&Path], name: &Path, ending: &str) -> Option<PathBuf> {
    let ends = |path: &Path| path.extension().is_some_and(|e| e == ending);
    inside(folder, roots, &[name.to_owned()]).find(|path| {
        let entries = std::fs::read_dir(path).into_iter().flatten().take(MOST_ENTRIES);
        entries.flatten().any(|entry| ends(&entry.path()))
    })
}

/// Files of a folder that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// What exists of the candidates and lies in the project. Links are followed as far as they stay in it.
fn inside(
    folder: &Path,
    roots: &[&Path],
    candidates: &[PathBuf],
) -> impl Iterator<Item = PathBuf> + use<> {
    let paths = roots.iter().flat_map(|root| candidates.iter().map(|c| plain(&root.join(c))));
    let paths: Vec<PathBuf> = paths.collect();
    let project = above(folder);
    paths.into_iter().filter(move |path| {
        let whole = path.canonicalize().ok();
        whole.zip(project.as_ref()).is_some_and(|(whole, project)| whole.starts_with(project))
    })
}

/// The folder above one, without links.
fn above(folder: &Path) -> Option<PathBuf> {
    let own = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut own = own.canonicalize().ok()?;
    own.pop();
    Some(own)
}

/// The path without `x/..` and `.` in it.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match (part, plain.components().next_back()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                plain.pop();
            }
            _ => plain.push(part),
        }
    }
    plain
}
