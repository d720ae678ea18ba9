//! What the tests of damaged definitions do alike: random numbers, and definitions in pieces.

use std::path::{Path, PathBuf};

/// SplitMix64: the same numbers on every machine.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Words, of letters, digits and the signs that `joins`, single other signs, and the spaces between them.
pub fn tokens(text: &str, joins: fn(char) -> bool) -> Vec<String> {
    let mut found: Vec<String> = vec![];
    let mut last = None;
    for c in text.chars() {
        let kind = match c {
            c if c.is_alphanumeric() || joins(c) => 1,
            c if c.is_whitespace() => 2,
            _ => 3,
        };
        match found.last_mut() {
            Some(token) if last == Some(kind) && kind != 3 => token.push(c),
            _ => found.push(c.to_string()),
        }
        last = Some(kind);
    }
    found
}

/// The files with this ending in a folder of the repository, however deep.
pub fn sources(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the sources are there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
