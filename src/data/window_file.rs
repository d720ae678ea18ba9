//! Turns the text file of Caffe's WindowData into images and their windows.
//!
//! For every image there is `# number`, its path, channels, rows, columns, the number of windows, and then a line for each
//! window: class, overlap, and the corners `x1 y1 x2 y2`, both of which belong to the window.

use std::path::{Path, PathBuf};
use std::str::FromStr;

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
    let mut lines = Lines { path, lines: lines.filter(|(_, line)| !line.is_empty()) };
    let (mut images, mut windows) = (vec![], vec![]);
    while let Some((line, head)) = lines.lines.next() {
        if !head.starts_with('#') {
            let message = format!("`{head}` is not the `# number` of an image");
            return Err(Error::at_line(path, line, message));
        }
        let (line, name) = lines.next("the path of an image")?;
        let [channels, rows, columns] =
            [0, 1, 2].map(|_| lines.number::<i32>("an extent of the image"));
        if let [Ok(channels), Ok(rows), Ok(columns)] = [&channels, &rows, &columns]
            && [channels, rows, columns].iter().any(|&&n| n < 1)
        {
            let message = format!("the image is {channels}x{rows}x{columns}");
            return Err(Error::at_line(path, line, message));
        }
        channels.and(rows).and(columns)?;
        for _ in 0..lines.number::<u32>("the number of windows")? {
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
}

impl<'a, I: Iterator<Item = (usize, &'a str)>> Lines<'a, I> {
    fn next(&mut self, what: &str) -> Result<(usize, &'a str)> {
        let missing = || Error::format(self.path, format!("ends before {what}"));
        self.lines.next().ok_or_else(missing)
    }

    fn number<T: FromStr>(&mut self, what: &str) -> Result<T> {
        let (line, text) = self.next(what)?;
        let wrong = |_| Error::at_line(self.path, line, format!("`{text}` is not {what}"));
        text.parse().map_err(wrong)
    }

    fn window(&mut self, image: usize) -> Result<Window> {
        let (line, text) = self.next("a window")?;
        let wrong = |why| Err(Error::at_line(self.path, line, why));
        let Some(window) = window(image, text) else {
            return wrong(format!(
                "`{text}` is not `class overlap x1 y1 x2 y2`, whole numbers but for the overlap"
            ));
        };
        let [x1, y1, x2, y2] = window.corners;
        if x1 < 0 || y1 < 0 || x2 < x1 || y2 < y1 {
            return wrong(format!("the window {x1} {y1} {x2} {y2} has no pixels"));
        }
        Ok(window)
    }
}

/// The window that a line tells of.
fn window(image: usize, line: &str) -> Option<Window> {
    let parts: Vec<&str> = line.split_whitespace().collect();
    let [class, overlap, corners @ ..] = &parts[..] else { return None };
    let corners: Vec<i32> = corners.iter().map(|x| x.parse().ok()).collect::<Option<_>>()?;
    let overlap = overlap.parse().ok().filter(|overlap: &f32| overlap.is_finite())?;
    Some(Window { image, class: class.parse().ok()?, overlap, corners: corners.try_into().ok()? })
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
            ("# 0\na.png\n3\n4\n4\n1\n1.7 1 0 0 1 1\n", "line 7: `1.7 1 0 0 1 1` is not `class"),
            ("# 0\na.png\n3\n4\n4\n1\n1 nan 0 0 1 1\n", "line 7: `1 nan 0 0 1 1` is not"),
            ("# 0\na.png\n3\n4\n4\n1\n1 1 0 0 1e9 1\n", "line 7: `1 1 0 0 1e9 1` is not"),
            ("# 0\na.png\n3\n4\n4\n-1\n", "line 6: `-1` is not the number of windows"),
            ("# 0\na.png\n3\n4\n4\n1\n1 1 2 0 1 1\n", "line 7: the window 2 0 1 1 has no pixels"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read_windows(&path, "").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
