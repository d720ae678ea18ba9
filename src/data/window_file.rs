//! Turns the text file of Caffe's WindowData into images and their windows.
//!
//! For every image there is `# number`, its path, channels, rows, columns, the number of windows, and then a line for each
//! window: class, overlap, and the corners `x1 y1 x2 y2`, both of which belong to the window.

use std::path::{Path, PathBuf};

use crate::{Error, Result, file};

/// A labelled part of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Index of its image.
    pub image: usize,
    /// Its class; 0 is background.
    pub class: i32,
    /// How much it overlaps an object, 0 to 1.
    pub overlap: f32,
    /// The corners `x1 y1 x2 y2` in pixels of the image.
    pub corners: [i32; 4],
}

/// An image of a window file.
#[derive(Clone, Debug, PartialEq)]
pub struct Windowed {
    /// The line that names it.
    pub line: usize,
    /// Where it is.
    pub file: PathBuf,
}

/// Reads a window file; `root` is put before every path.
///
/// # Errors
/// The place where the file does not have this form.
pub fn read_windows(path: &Path, root: &str) -> Result<(Vec<Windowed>, Vec<Window>)> {
    let text = file::read_text(path)?;
    let lines = text.lines().enumerate().map(|(i, line)| (i + 1, line.trim()));
    let mut lines = Lines { path, lines: lines.filter(|(_, line)| !line.is_empty()), last: 0 };
    let (mut images, mut windows) = (vec![], vec![]);
    while let Some((line, head)) = lines.lines.next() {
        if !head.starts_with('#') {
            let message = format!("line {line}: `{head}` is not the `# number` of an image");
            return Err(Error::format(path, message));
        }
        let (line, name) = lines.next("the path of an image")?;
        let [channels, rows, columns] = [0, 1, 2].map(|_| lines.number("an extent of the image"));
        if let [Ok(channels), Ok(rows), Ok(columns)] = [&channels, &rows, &columns]
            && [channels, rows, columns].iter().any(|&&n| n < 1)
        {
            let message = format!("line {line}: the image is {channels}x{rows}x{columns}");
            return Err(Error::format(path, message));
        }
        channels.and(rows).and(columns)?;
        for _ in 0..lines.number("the number of windows")? {
            windows.push(lines.window(images.len())?);
        }
        images.push(Windowed { line, file: PathBuf::from(format!("{root}{name}")) });
    }
    match windows.is_empty() {
        true => Err(Error::format(path, "holds no windows")),
        false => Ok((images, windows)),
    }
}

/// The lines that are not empty, with their numbers.
struct Lines<'a, I> {
    path: &'a Path,
    lines: I,
    last: usize,
}

impl<'a, I: Iterator<Item = (usize, &'a str)>> Lines<'a, I> {
    fn next(&mut self, what: &str) -> Result<(usize, &'a str)> {
        let next = self.lines.next();
        let missing = || Error::format(self.path, format!("ends before {what}"));
        let next = next.ok_or_else(missing)?;
        self.last = next.0;
        Ok(next)
    }

    fn number(&mut self, what: &str) -> Result<i32> {
        let (line, text) = self.next(what)?;
        let wrong = |_| Error::format(self.path, format!("line {line}: `{text}` is not {what}"));
        text.parse().map_err(wrong)
    }

    fn window(&mut self, image: usize) -> Result<Window> {
        let (line, text) = self.next("a window")?;
        let numbers: Option<Vec<f32>> =
            text.split_whitespace().map(|part| part.parse().ok()).collect();
        let window = match numbers.as_deref() {
            Some(&[class, overlap, x1, y1, x2, y2]) => Window {
                image,
                class: class as i32,
                overlap,
                corners: [x1, y1, x2, y2].map(|x| x as i32),
            },
            _ => {
                let message = format!("line {line}: `{text}` is not `class overlap x1 y1 x2 y2`");
                return Err(Error::format(self.path, message));
            }
        };
        let [x1, y1, x2, y2] = window.corners;
        if x1 < 0 || y1 < 0 || x2 < x1 || y2 < y1 {
            let message = format!("line {line}: the window {x1} {y1} {x2} {y2} has no pixels");
            return Err(Error::format(self.path, message));
        }
        Ok(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_complains() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.txt");
        let whole = "# 0\n/a.png\n3\n20\n30\n2\n1 0.8 2 3 10 11\n0 0.1 0 0 5 5\n# 1\nb c.png\n3\n4\n4\n1\n2 1 0 0 3 3\n";
        std::fs::write(&path, whole).unwrap();
        let (images, windows) = read_windows(&path, "/r").unwrap();
        assert_eq!(images[0], Windowed { line: 2, file: "/r/a.png".into() });
        assert_eq!(images[1], Windowed { line: 10, file: "/rb c.png".into() });
        let first = Window { image: 0, class: 1, overlap: 0.8, corners: [2, 3, 10, 11] };
        assert_eq!((windows.len(), windows[0], windows[2].image), (3, first, 1));
        for (text, expected) in [
            ("", "w.txt: holds no windows"),
            ("a.png\n3\n", "line 1: `a.png` is not the `# number` of an image"),
            ("# 0\na.png\n3\nx\n4\n1\n", "line 4: `x` is not an extent of the image"),
            ("# 0\na.png\n3\n0\n4\n1\n", "line 2: the image is 3x0x4"),
            ("# 0\na.png\n3\n4\n4\n2\n1 1 0 0 1 1\n", "ends before a window"),
            ("# 0\na.png\n3\n4\n4\n1\n1 1 0 0 1\n", "line 7: `1 1 0 0 1` is not `class overlap"),
            ("# 0\na.png\n3\n4\n4\n1\n1 1 2 0 1 1\n", "line 7: the window 2 0 1 1 has no pixels"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read_windows(&path, "").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
