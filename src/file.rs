//! Reads whole files and writes files and folders so that a half-written one never has its final name.
//!
//! Everything is first written under a temporary name in the same folder, synced, and renamed; a full disk, a
//! missing permission or a killed process leaves what was there before.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// The whole file as bytes.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| Error::io("read", path, e))
}

/// The whole file as text.
pub fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Error::format(path, format!("not a text file: byte {at} is no UTF-8"))
    })
}

/// The whole of a program's text, in which bytes that are no UTF-8 are replaced, as they stand in comments and messages.
///
/// # Errors
/// It cannot be read, is no regular file, or has more than `most` bytes.
pub fn read_program(path: &Path, most: u64) -> Result<String> {
    let about = fs::metadata(path).map_err(|e| Error::io("read", path, e))?;
    if !about.is_file() {
        return Err(Error::format(path, "is no regular file"));
    }
    if most < about.len() {
        let message = format!("has {} bytes; a definition has at most {most}", about.len());
        return Err(Error::format(path, message));
    }
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}

/// Replaces `path` by what `fill` writes, or leaves it as it was and says why.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let temporary = temporary_name(path)?;
    let result = write_and_rename(path, &temporary, fill);
    if result.is_err() {
        // The temporary file may not exist; the first error is the one worth telling.
        let _ = fs::remove_file(&temporary);
    }
    result
}

fn write_and_rename(
    path: &Path,
    temporary: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let failed = |e| Error::io("write", path, e);
    let file = File::create_new(temporary).map_err(failed)?;
    let mut writer = BufWriter::with_capacity(1 << 16, file);
    fill(&mut writer).map_err(failed)?;
    let file = writer.into_inner().map_err(|e| failed(e.into_error()))?;
    file.sync_all().map_err(failed)?;
    fs::rename(temporary, path).map_err(failed)?;
    sync_folder(parent(path)).map_err(failed)
}

/// A folder under a temporary name, removed on drop unless it was [published](Self::publish).
#[derive(Debug)]
pub struct PendingFolder {
    temporary: PathBuf,
    path: PathBuf,
    published: bool,
}

impl PendingFolder {
    /// Starts the folder that will be called `path`; nothing may have that name yet.
    pub fn create(path: &Path) -> Result<Self> {
        refuse_existing(path)?;
        let temporary = temporary_name(path)?;
        fs::create_dir(&temporary).map_err(|e| Error::io("create", path, e))?;
        Ok(PendingFolder { temporary, path: path.to_owned(), published: false })
    }

    /// Where the files go for now.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// The final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the folder its final name.
    pub fn publish(mut self) -> Result<()> {
        refuse_existing(&self.path)?;
        let failed = |e| Error::io("create", &self.path, e);
        sync_folder(&self.temporary).map_err(failed)?;
        fs::rename(&self.temporary, &self.path).map_err(failed)?;
        self.published = true;
        sync_folder(parent(&self.path)).map_err(failed)
    }
}

impl Drop for PendingFolder {
    fn drop(&mut self) {
        if !self.published {
            // Dropping happens while another error is on its way to the user.
            let _ = fs::remove_dir_all(&self.temporary);
        }
    }
}

fn refuse_existing(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(Error::format(path, "already exists; choose another name or remove it")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::io("create", path, e)),
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// `.name.<process>-<number>.partial` beside `path`.
fn temporary_name(path: &Path) -> Result<PathBuf> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or_else(|| Error::format(path, "is not a name to write to"))?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    temporary.push(format!(".{}-{number}.partial", std::process::id()));
    Ok(parent(path).join(temporary))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn failed_write_keeps_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        write_atomically(&path, |w| w.write_all(b"old")).unwrap();
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let error = write_atomically(&path, |w| w.write_all(b"new").and(Err(full()))).unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["weights"]);
        write_atomically(&path, |w| w.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no/such/weights");
        let error = write_atomically(&path, |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("no/such/weights"), "{error}");
    }

    #[test]
    fn pending_folder_appears_only_when_published() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let pending = PendingFolder::create(&path).unwrap();
        fs::write(pending.temporary().join("a"), "a").unwrap();
        assert!(!path.exists());
        drop(pending);
        assert!(names(folder.path()).is_empty());

        let pending = PendingFolder::create(&path).unwrap();
        pending.publish().unwrap();
        assert_eq!(names(folder.path()), ["db"]);
        assert!(PendingFolder::create(&path).unwrap_err().to_string().contains("already exists"));
    }
}
