//! A folder with one folder of images for each class, as DIGITS takes it, in the place of a list.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Endings of the names of image files.
const ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "bmp", "ppm", "gif"];

/// The folders of classes in a folder, by name; the n-th is class n.
///
/// # Errors
/// It cannot be read, or has no folders.
pub fn classes(folder: &Path) -> Result<Vec<String>> {
    let mut names = names(folder, |path| path.is_dir())?;
    names.sort();
    match names.is_empty() {
        false => Ok(names),
        true => Err(Error::format(
            folder,
            "is a folder without folders; give a list of `path label` lines, or a folder with one folder for each class",
        )),
    }
}

/// The lines `path label` that such a folder stands for.
///
/// # Errors
/// It cannot be read, or has no folders with images.
pub fn as_list(folder: &Path) -> Result<String> {
    let mut lines = String::new();
    for (label, class) in classes(folder)?.iter().enumerate() {
        let place = folder.join(class);
        let is_image = |path: &PathBuf| {
            let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
            path.is_file() && ending.is_some_and(|e| ENDINGS.contains(&e.as_str()))
        };
        let mut images = names(&place, is_image)?;
        images.sort();
        for image in images {
            lines.push_str(&format!("{} {label}\n", place.join(image).display()));
        }
    }
    match lines.is_empty() {
        false => Ok(lines),
        true => Err(Error::format(folder, "has folders, and no images in them")),
    }
}

fn names(folder: &Path, wanted: impl Fn(&PathBuf) -> bool) -> Result<Vec<String>> {
    let failed = |e| Error::io("read", folder, e);
    let mut names = vec![];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if wanted(&entry.path())
            && let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            names.push(name);
        }
    }
    Ok(names)
}
