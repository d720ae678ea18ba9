//! Snippets of a language against what its own interpreter prints: files of marked cases with their recorded output beside
//! them, and damaged texts made of the cases.

use libtest_mimic::{Failed, Trial};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A language and its snippets.
pub struct Snippets {
    /// The folder in `tests`.
    pub folder: &'static str,
    /// The ending of its files.
    pub ending: &'static str,
    /// What begins the name of a case.
    pub mark: &'static str,
}

impl Snippets {
    fn path(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(self.folder)
    }

    /// The files in the folder, in order.
    pub fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path()).expect("the tests have their folder");
        let paths = entries.map(|entry| entry.expect("folders can be read").path());
        let ends = |path: &PathBuf| path.extension().is_some_and(|ending| ending == self.ending);
        let mut files: Vec<_> = paths.filter(ends).collect();
        files.sort();
        files
    }

    /// The parts of a text by the names of their marks.
    pub fn cases(&self, text: &str) -> Vec<(String, String)> {
        let parts = text.split(self.mark).skip(1);
        let named = parts.map(|part| part.split_once('\n').unwrap_or((part, "")));
        named.map(|(name, body)| (name.trim().to_owned(), body.to_owned())).collect()
    }

    /// A trial for each case: what `output` makes of it is what the file beside has under the same mark.
    pub fn trials(&self, output: fn(&str) -> String) -> Vec<Trial> {
        let mut trials = vec![];
        for path in self.files() {
            let file =
                path.file_stem().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
            let expected: HashMap<_, _> =
                self.cases(&read(&path.with_extension("out"))).into_iter().collect();
            for (name, text) in self.cases(&read(&path)) {
                let expected = expected.get(&name).cloned();
                let missing = format!("no expected output: run tests/{}/bless.sh", self.folder);
                trials.push(Trial::test(format!("{file}::{name}"), move || {
                    check(&output(&text), &expected.ok_or(missing)?)
                }));
            }
        }
        trials
    }

    /// A trial for each case of the text file `name` in the folder, of a script, a line of dashes and what is expected of it.
    pub fn expectations(
        &self,
        name: &'static str,
        run: fn(&str, &str) -> Result<(), Failed>,
    ) -> Vec<Trial> {
        let path = self.path().join(name).with_extension("txt");
        let trial = |(case, body): (String, String)| {
            Trial::test(format!("{name}::{case}"), move || {
                let (script, expected) = body.split_once("\n----\n").ok_or("no line of dashes")?;
                run(script, expected.trim_end())
            })
        };
        self.cases(&read(&path)).into_iter().map(trial).collect()
    }

    /// Runs 2000 cases with random bytes changed (to one of `bytes`), removed, repeated and swapped.
    pub fn damage(&self, bytes: &[u8], mut run: impl FnMut(&str, &mut dyn FnMut(usize) -> usize)) {
        let files = self.files();
        let cases = files.iter().flat_map(|path| self.cases(&read(path)));
        let corpus: Vec<String> = cases.map(|(_, text)| text).collect();
        let mut state = 1u64;
        let mut random = move |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % bound.max(1) as u64) as usize
        };
        for _ in 0..2000 {
            let mut text = corpus[random(corpus.len())].clone().into_bytes();
            for _ in 0..1 + random(4) {
                let (at, to) = (random(text.len()), random(text.len()));
                match random(5) {
                    0 if at < text.len() => text[at] = bytes[random(bytes.len())],
                    1 if at < text.len() => drop(text.remove(at)),
                    2 if at < text.len() && to < text.len() => text.swap(at, to),
                    3 => text.truncate(at),
                    _ => {
                        let piece = text[at.min(to)..at.max(to).min(at.min(to) + 20)].to_vec();
                        text.splice(at..at, piece);
                    }
                }
            }
            run(&String::from_utf8_lossy(&text), &mut random);
        }
    }
}

/// The text of a file.
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Two texts are equal but for blanks at their ends.
pub fn check(got: &str, expected: &str) -> Result<(), Failed> {
    if got.trim_end() == expected.trim_end() {
        return Ok(());
    }
    Err(format!("expected\n{}\ngot\n{}", expected.trim_end(), got.trim_end()).into())
}
