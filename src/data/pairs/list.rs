//! Reads text files of lines `path label` and `path path label`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::plan::Planned;
use crate::data::class_folders;
use crate::{Error, Result, file};

/// An image that a list names.
pub struct Listed {
    /// Where it is.
    pub file: PathBuf,
    /// The number of its line, from 1.
    pub line: usize,
}

/// The images and labels of a list, or of a folder with one folder for each class: every line that ends in white space and a number, the rest of it being the path.
pub fn read_list(path: &Path) -> Result<(Vec<Listed>, Vec<u64>)> {
    let text = match path.is_dir() {
        true => class_folders::as_list(path)?,
        false => file::read_text(path)?,
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let (mut images, mut labels) = (vec![], vec![]);
    for (i, line) in text.lines().enumerate() {
        let Some((image, label)) = split_line(line) else { continue };
        let large = |_| {
            let why = format!("the label {label} is too large; write one from 0 to {}", u64::MAX);
            Error::at_line(path, i + 1, why)
        };
        let label = label.parse().map_err(large)?;
        let image = Path::new(image);
        let found = image.exists() || folder.join(image).exists();
        if !found && is_pair(folder, image) {
            let why = "names two images; a line is `path label`, and which images make a pair is drawn. A list of pairs goes \
                       with --pairs";
            return Err(Error::at_line(path, i + 1, why));
        }
        images.push(Listed { file: file::beside(path, image), line: i + 1 });
        labels.push(label);
    }
    if images.is_empty() {
        return Err(Error::format(path, "has no line with an image and a label"));
    }
    Ok((images, labels))
}

/// The images and pairs of a list: every line of two paths and a whole number, with white space between them. Each file is one
/// image however often it is named.
pub fn read_pairs(path: &Path) -> Result<(Vec<Listed>, Vec<Planned>)> {
    let text = file::read_text(path)?;
    let (mut images, mut pairs) = (vec![], vec![]);
    let mut known: HashMap<&str, u32> = HashMap::new();
    for (i, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(label) = words.last().and_then(|word| word.parse::<i32>().ok()) else { continue };
        let wrong = |why: String| Err(Error::at_line(path, i + 1, why));
        let [first, second] = match words[..] {
            [first, second, _] => [first, second],
            [] | [_] => continue,
            [one, _] => {
                return wrong(format!(
                    "names one image, `{one}`; a line of pairs is `path path label`, with 1 for alike images and 0 for \
                     others"
                ));
            }
            _ => {
                return wrong(format!(
                    "has {} words; a line of pairs is `path path label`, and paths have no blanks",
                    words.len()
                ));
            }
        };
        let mut number = |name| {
            let next = images.len() as u32;
            let number = *known.entry(name).or_insert(next);
            if number == next {
                images.push(Listed { file: file::beside(path, Path::new(name)), line: i + 1 });
            }
            number
        };
        pairs.push(Planned { pair: (number(first), number(second)), label });
    }
    if pairs.is_empty() {
        return Err(Error::format(path, "has no line with two images and a label"));
    }
    Ok((images, pairs))
}

/// Whether a path that is none is two.
fn is_pair(folder: &Path, path: &Path) -> bool {
    let parts = path.to_str().and_then(|text| text.split_once(char::is_whitespace));
    let exists = |part: &str| Path::new(part).exists() || folder.join(part).exists();
    parts.is_some_and(|(one, other)| exists(one) && exists(other.trim_start()))
}

/// Path and label of a line, if it has both.
fn split_line(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_end();
    let front = line.trim_end_matches(|c: char| c.is_ascii_digit());
    let (path, label) = (front.trim_end(), &line[front.len()..]);
    let separated = path.len() < front.len();
    (separated && !path.is_empty() && !label.is_empty()).then_some((path, label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_pairs_are_none_of_images() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("pairs.txt");
        std::fs::write(folder.path().join("a.png"), "").unwrap();
        std::fs::write(&list, "a.png 1\na.png a.png 0\n").unwrap();
        let message = read_list(&list).err().unwrap().to_string();
        assert!(message.contains("line 2: names two images"), "{message}");
    }

    #[test]
    fn pairs() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("pairs.txt");
        let read = |text: &str| {
            std::fs::write(&list, text).unwrap();
            read_pairs(&list).map_err(|e| e.to_string())
        };
        let (images, pairs) =
            read("# faces\na.png\tb.png 1\r\n\nb.png a.png 0\nc.png c.png -1").unwrap();
        let lines: Vec<usize> = images.iter().map(|image| image.line).collect();
        assert_eq!(lines, [2, 2, 5]);
        let all: Vec<_> = pairs.iter().map(|planned| (planned.pair, planned.label)).collect();
        assert_eq!(all, [((0, 1), 1), ((1, 0), 0), ((2, 2), -1)]);
        for (text, why) in [
            ("a.png 1", "line 1: names one image, `a.png`"),
            ("my face.png b.png 1", "line 1: has 4 words"),
            ("a.png b.png same", "no line with two images"),
        ] {
            let error = read(text).err().unwrap();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn lines() {
        let check = |line, expected| assert_eq!(split_line(line), expected, "{line:?}");
        check("a.png 7", Some(("a.png", "7")));
        check("a b.png \t 12\r", Some(("a b.png", "12")));
        check("1 2 3", Some(("1 2", "3")));
        check(" a 3", Some((" a", "3")));
        check("a.png", None);
        check("a7", None);
        check("7", None);
        check("a -7", None);
        check("", None);
    }
}
