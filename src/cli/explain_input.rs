//! What `infer --explain-input` says about images: how they become what the net takes, the numbers that arrive, a picture.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{print, warn};
use crate::error::{Error, Result};
use crate::job::seen::{Channel, Seen};
use crate::report::table::{Column, aligned};

/// The columns of the numbers.
const NUMBERS: [Column; 5] = [
    ("channel", false),
    ("smallest", true),
    ("mean", true),
    ("largest", true),
    ("deviation", true),
];

/// Says what nets see, image by image.
pub(super) struct Explained {
    folder: PathBuf,
    taken: BTreeSet<String>,
    quiet: bool,
    /// The same for programs, by image.
    pub json: Map<String, Value>,
}

impl Explained {
    /// Makes the folder of the pictures; where JSON is asked for, nothing else is printed.
    pub fn new(folder: &Path, quiet: bool) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        let (folder, taken, json) = (folder.to_owned(), BTreeSet::new(), Map::new());
        Ok(Explained { folder, taken, quiet, json })
    }

    /// Tells of one image, or one pair; `path` gives the picture its name.
    pub fn add(&mut self, name: &str, path: &Path, seen: &Seen) -> Result<()> {
        let picture = self.picture(path);
        seen.picture.save_png(&picture)?;
        for warning in &seen.warnings {
            warn(&format!("warning: {name}: {warning}"));
        }
        let [channels, height, width] = seen.shape;
        if self.quiet {
            let numbers: Vec<Value> = seen.channels.iter().map(numbers).collect();
            let told = json!({
                "shape": seen.shape,
                "steps": seen.steps,
                "channels": numbers,
                "picture": picture.display().to_string(),
                "warnings": seen.warnings,
            });
            self.json.insert(name.to_owned(), told);
            return Ok(());
        }
        let steps: String = seen.steps.iter().map(|step| format!("  {step}\n")).collect();
        let lines: Vec<Vec<String>> = seen.channels.iter().map(line).collect();
        let table = aligned(&NUMBERS, &lines, None);
        let table: String = table.lines().map(|line| format!("  {line}\n")).collect();
        let picture = picture.display();
        print(&format!(
            "{name} as the net takes it, {channels} x {height} x {width}\n{steps}{table}  picture: {picture}\n"
        ))
    }

    /// The picture of an image; two images of one name get two.
    fn picture(&mut self, path: &Path) -> PathBuf {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut name = format!("{stem}.png");
        for n in 2.. {
            if self.taken.insert(name.clone()) {
                break;
            }
            name = format!("{stem}-{n}.png");
        }
        self.folder.join(name)
    }
}

fn line(channel: &Channel) -> Vec<String> {
    let Channel { name, min, max, mean, deviation } = channel;
    let numbers = [f64::from(*min), *mean, f64::from(*max), *deviation];
    let numbers = numbers.iter().map(|x| format!("{x:.4}"));
    std::iter::once(name.clone()).chain(numbers).collect()
}

fn numbers(channel: &Channel) -> Value {
    let Channel { name, min, max, mean, deviation } = channel;
    json!({ "name": name, "min": min, "mean": mean, "max": max, "deviation": deviation })
}
