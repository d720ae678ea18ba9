//! Data that lie around where the server was started, for the page to offer.

use std::fs;
use std::path::PathBuf;

/// Data that lie below the folder that the server was started in.
#[derive(Default)]
pub(super) struct Data {
    /// LMDBs.
    pub databases: Vec<String>,
    /// IDX files.
    pub idx: Vec<String>,
}

/// Data as far as a short look finds them.
pub(super) fn data() -> Data {
    let (mut found, mut folders, mut looks) = (Data::default(), vec![(PathBuf::from("."), 0)], 0);
    while let Some((folder, depth)) = folders.pop() {
        looks += 1;
        if 2000 < looks {
            break;
        }
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten().take(1000);
        for path in entries.map(|entry| entry.path()).filter(|path| !path.is_symlink()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let shown = || path.strip_prefix(".").unwrap_or(&path).display().to_string();
            if !path.is_dir() {
                let is_idx = ["-idx1-ubyte", "-idx3-ubyte"].iter().any(|kind| name.contains(kind));
                found.idx.extend(is_idx.then(shown));
            } else if path.join("data.mdb").is_file() {
                found.databases.push(shown());
            } else if depth < 4 && !name.starts_with('.') && name != "target" {
                folders.push((path.clone(), depth + 1));
            }
        }
    }
    found.databases.sort();
    found.idx.sort();
    found
}
