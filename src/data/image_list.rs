//! Turns a text file of lines `path label` into image files with their labels, as Caffe's ImageData and convert_imageset
//! read it.

use std::path::{Path, PathBuf};

use super::class_folders;
use crate::{Error, Result, file};

/// An image that a list names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The number of its line, from 1.
    pub line: usize,
    /// Its path as written.
    pub name: String,
    /// Where it is.
    pub file: PathBuf,
    /// Its class.
    pub label: i32,
}

/// Images with their labels, in the order of a text file.
#[derive(Clone, Debug)]
pub struct ImageList {
    path: PathBuf,
    images: Vec<Listed>,
}

impl ImageList {
    /// Reads a list, or a folder with one folder for each class, before which no `root` is put. What follows the last blank of a line is the label, so paths may have blanks; empty lines are passed
    /// over. `root` is put before every path as it is, as Caffe does; without one a relative path that does not exist is
    /// looked for beside the list.
    ///
    /// # Errors
    /// The file cannot be read, a line has no whole number at its end, or there are no images.
    pub fn read(path: &Path, root: &str) -> Result<Self> {
        let (text, root) = match path.is_dir() {
            true => (class_folders::as_list(path)?, ""),
            false => (file::read_text(path)?, root),
        };
        let mut images = vec![];
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let split = line.rsplit_once(char::is_whitespace);
            let entry =
                split.and_then(|(name, label)| Some((name.trim_end(), label.parse().ok()?)));
            let Some((name, label)) = entry else {
                let why = format!(
                    "`{line}` is not an image and its label; write `path label`, where the label is a whole number, such as \
                     `cats/1.png 0`"
                );
                return Err(Error::at_line(path, i + 1, why));
            };
            let file = match root {
                "" => file::beside(path, Path::new(name)),
                root => PathBuf::from(format!("{root}{name}")),
            };
            images.push(Listed { line: i + 1, name: name.to_owned(), file, label });
        }
        if images.is_empty() {
            return Err(Error::format(path, "names no images"));
        }
        Ok(ImageList { path: path.to_owned(), images })
    }

    /// The images; never empty.
    pub fn images(&self) -> &[Listed] {
        &self.images
    }

    /// Bytes that the list takes.
    pub(super) fn held(&self) -> usize {
        let each =
            |image: &Listed| size_of::<Listed>() + image.name.len() + image.file.as_os_str().len();
        self.images.iter().map(each).sum()
    }

    /// The images, to be put in another order.
    pub fn images_mut(&mut self) -> &mut [Listed] {
        &mut self.images
    }

    /// A complaint about an image, which names its line.
    pub fn error(&self, line: usize, message: &str) -> Error {
        Error::at_line(&self.path, line, message)
    }

    /// The bytes of an image's file.
    pub fn load(&self, image: &Listed) -> Result<Vec<u8>> {
        file::read(&image.file).map_err(|e| {
            let advice = match image.file == Path::new(&image.name) {
                true => file::where_relative(&self.path, &image.file),
                false => String::new(),
            };
            self.error(image.line, &format!("{e}{advice}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.txt");
        std::fs::write(folder.path().join("a b.png"), "").unwrap();
        std::fs::write(&path, "a b.png 3\n\nc.png\t-1\r\n").unwrap();
        let list = ImageList::read(&path, "").unwrap();
        let found: Vec<_> = list.images().iter().map(|i| (i.line, i.label)).collect();
        assert_eq!(found, [(1, 3), (3, -1)]);
        assert_eq!(list.images()[0].file, folder.path().join("a b.png"));
        assert_eq!(list.images()[1].file, Path::new("c.png"));
        let rooted = ImageList::read(&path, "/data/x_").unwrap();
        assert_eq!(rooted.images()[1].file, Path::new("/data/x_c.png"));
        let error = list.load(&list.images()[1]).unwrap_err().to_string();
        assert!(error.contains("list.txt: line 3: cannot read c.png"), "{error}");
        for (text, expected) in [
            ("a.png 1\nb.png\n", "list.txt: line 2: `b.png` is not an image and its label; write"),
            ("a.png 1.5\n", "line 1: `a.png 1.5` is not"),
            ("\n \n", "names no images"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = ImageList::read(&path, "").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
