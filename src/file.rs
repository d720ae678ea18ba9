//! Reads whole files and writes files and folders so that a half-written one never has its final name.
//!
//! Everything is first written under a temporary name in the same folder, synced, and renamed; a full disk, a
//! missing permission or a killed process leaves what was there before. What a killed process leaves under its temporary
//! names, the next one that writes in the folder removes.

pub mod room;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Error, Result, notebook};

/// The whole file, or all that a pipe gives, as bytes.
///
/// # Errors
/// It cannot be read, or is a device, which may never end.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |e| Error::io("read", path, e);
    let (mut file, length) = open(path)?;
    let mut bytes = vec![];
    let expected = usize::try_from(length).unwrap_or(usize::MAX);
    bytes.try_reserve_exact(expected).map_err(|_| failed(io::ErrorKind::OutOfMemory.into()))?;
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// A file of the disk, in which any place can be read; none for a pipe, which gives its bytes once.
///
/// # Errors
/// It cannot be read, or is a device.
pub fn open_seekable(path: &Path) -> Result<Option<File>> {
    let metadata = fs::metadata(path).map_err(|e| Error::io("read", path, e))?;
    Ok(if metadata.is_file() { Some(open(path)?.0) } else { None })
}

/// What is no device, and the length it has on the disk.
fn open(path: &Path) -> Result<(File, u64)> {
    let failed = |e| Error::io("read", path, e);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    match is_device(&metadata) {
        true => Err(Error::format(path, "is a device and no file")),
        false => Ok((file, metadata.len())),
    }
}

/// Whether two names are of one file that is there.
pub fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Refuses to write to a file that is read.
///
/// # Errors
/// The two names are of one file.
pub fn must_differ(new: &Path, read: &Path) -> Result<()> {
    match is_same(new, read) {
        true => Err(Error::format(new, "is what is read; give what is written another name")),
        false => Ok(()),
    }
}

/// Whether it is a device, which may give bytes without an end, as `/dev/zero` does.
#[cfg(unix)]
fn is_device(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    metadata.file_type().is_char_device() || metadata.file_type().is_block_device()
}

#[cfg(not(unix))]
fn is_device(_metadata: &fs::Metadata) -> bool {
    false
}

/// The whole file as text.
pub fn read_text(path: &Path) -> Result<String> {
    text(path, read(path)?)
}

/// The whole file as text, if it is no device and no longer than `most` bytes.
pub fn read_short_text(path: &Path, most: u64) -> Result<String> {
    let mut bytes = vec![];
    let (file, _) = open(path)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(|e| Error::io("read", path, e))?;
    if most < bytes.len() as u64 {
        return Err(Error::format(path, format!("is longer than {} KiB", most >> 10)));
    }
    text(path, bytes)
}

/// Bytes as text, without the mark of UTF-8 that some editors put at its start.
fn text(path: &Path, mut bytes: Vec<u8>) -> Result<String> {
    if is_wide(&bytes) {
        return Err(Error::format(path, WIDE));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Error::format(path, format!("not a text file: byte {at} is no UTF-8"))
    })
}

/// Bytes of the longest definition.
const MOST_TEXT: u64 = 4 << 20;
/// Bytes of the longest definition that is a program, which costs far more to read.
const MOST_PROGRAM: u64 = 1 << 20;
/// Bytes of the longest notebook, which holds pictures as well.
const MOST_NOTEBOOK: u64 = 64 << 20;
/// The characters, of those that mean nothing, that stand for the bytes from 128 on that are no UTF-8.
const STRAY: u32 = 0xf700;

/// Whether a file is a program in Python by the ending of its name, which a notebook is as well.
pub fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "py" || ending == "ipynb")
}

/// Whether a definition is a program by the ending of its name.
pub fn is_program(path: &Path) -> bool {
    is_python(path) || path.extension().is_some_and(|ending| ending == "lua")
}

/// A definition: a regular file that is no longer than anyone writes; of a notebook the program of its cells. Bytes that are no UTF-8, such as those of names in
/// comments of old files, become characters that [`original_bytes`] turns back.
///
/// # Errors
/// There is no such file, or it is none of these.
pub fn read_definition(path: &Path) -> Result<String> {
    let metadata = fs::metadata(path).map_err(|e| Error::io("read", path, e))?;
    if !metadata.is_file() {
        return Err(Error::format(path, "is no regular file"));
    }
    if is_run_file(path) {
        return Err(Error::format(
            path,
            "is a run file (by the ending of its name) and no definition; give the definition that its `network` names",
        ));
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if WEIGHTS.contains(&ending) {
        return Err(Error::format(path, NO_DEFINITION));
    }
    let most = match ending {
        "ipynb" => MOST_NOTEBOOK,
        _ if is_program(path) => MOST_PROGRAM,
        _ => MOST_TEXT,
    };
    if most < metadata.len() {
        let (have, most) = (metadata.len() >> 10, most >> 20);
        return Err(Error::format(
            path,
            format!("{have} KiB are no definition: the longest is {most} MiB"),
        ));
    }
    let bytes = read(path)?;
    if let Some(kind) = binary(&bytes) {
        return Err(Error::format(path, kind));
    }
    let text = bytes.utf8_chunks().fold(String::with_capacity(bytes.len()), |mut text, chunk| {
        text.push_str(chunk.valid());
        let strays = chunk.invalid().iter();
        text.extend(strays.filter_map(|&byte| char::from_u32(STRAY + u32::from(byte))));
        text
    });
    if ending != "ipynb" {
        return Ok(text);
    }
    let program = notebook::program(path, &text)?;
    match MOST_PROGRAM < program.len() as u64 {
        true => {
            Err(Error::format(path, "has longer cells than a definition: the longest is 1 MiB"))
        }
        false => Ok(program),
    }
}

/// Endings of files of weights, which may be texts.
const WEIGHTS: [&str; 6] = ["caffemodel", "h5", "safetensors", "solverstate", "state", "t7"];

/// What is to be said of them where a definition is to be.
const NO_DEFINITION: &str = "holds weights, or is a binary file, and is no definition; weights are given beside their definition, by --weights";

/// What is to be said of bytes that nobody has written as a text.
fn binary(bytes: &[u8]) -> Option<&'static str> {
    const START: usize = 4096;
    let start = &bytes[..bytes.len().min(START)];
    let strange = start.iter().filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31)).count();
    match strange * 16 <= start.len() {
        true => None,
        false if is_wide(start) => Some(WIDE),
        false => Some(NO_DEFINITION),
    }
}

/// Whether bytes begin as those of UTF-16 do.
fn is_wide(bytes: &[u8]) -> bool {
    [b"\xff\xfe", b"\xfe\xff"].iter().any(|mark| bytes.starts_with(*mark))
}

const WIDE: &str = "is a text in UTF-16; save it as UTF-8";

/// A path that a text file names: as it is, or beside the text file where it exists only there.
pub fn beside(list: &Path, path: &Path) -> PathBuf {
    let other = parent(list).join(path);
    if !path.exists() && other.exists() { other } else { path.to_owned() }
}

/// Where a relative path of a list was sought in vain, and the folder above that it would be right in: the end of a complaint.
pub fn where_relative(list: &Path, path: &Path) -> String {
    if path.is_absolute() || path.exists() {
        return String::new();
    }
    let absolute = |folder: &Path| std::path::absolute(folder).ok();
    let starts = [absolute(parent(list)), absolute(Path::new("."))];
    let above = starts.iter().flatten().flat_map(|folder| folder.ancestors());
    let sought = "; it is sought where cortado is started and beside the list";
    match above.into_iter().find(|folder| folder.join(path).exists()) {
        Some(folder) => format!("{sought}: start cortado in {}, where it is", folder.display()),
        None => format!(
            "{sought}: start cortado in the folder that the paths of the list are relative to"
        ),
    }
}

/// Whether a name is that of a run file: `.yaml` or `.yml`.
pub fn is_run_file(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// The bytes of a part of a definition as they are in its file.
pub fn original_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c).checked_sub(STRAY) {
            Some(byte @ 0x80..=0xff) => bytes.push(byte as u8),
            _ => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes
}

/// Files and folders that are being written under temporary names.
static PENDING: Mutex<Vec<PathBuf>> = Mutex::new(vec![]);

fn pending() -> MutexGuard<'static, Vec<PathBuf>> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A name in the list of what is being written, as long as it is.
#[derive(Debug)]
struct Pending(PathBuf);

impl Pending {
    fn new(path: &Path) -> Self {
        pending().push(path.to_owned());
        Pending(path.to_owned())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        pending().retain(|path| *path != self.0);
    }
}

/// Removes everything that is half written, for a process that is about to end.
pub fn remove_unfinished() {
    for path in pending().iter() {
        // Who writes it may still add to it; nobody hears of what cannot be removed.
        for _ in 0..3 {
            let removed =
                if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            if removed.is_ok() {
                break;
            }
        }
    }
}

/// Replaces the file `path`, or the one that a link of this name leads to, by what `fill` writes, or leaves it as it was and
/// says why. What is no file, a pipe or a device, stays and gets the bytes.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let failed = |e| Error::io("write", path, e);
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let stream = File::options().write(true).open(path).map_err(failed)?;
        let mut writer = BufWriter::with_capacity(1 << 16, stream);
        fill(&mut writer).map_err(failed)?;
        return writer.flush().map_err(failed);
    }
    let behind = fs::symlink_metadata(path).ok().filter(|found| found.is_symlink());
    let target = match behind.map(|_| path.canonicalize()) {
        Some(Err(e)) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
        Some(Ok(target)) => target,
        Some(Err(_)) | None => path.to_owned(),
    };
    let path = &target;
    let temporary = temporary_name(path)?;
    let _pending = Pending::new(&temporary);
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
    // Says that somebody writes it; where the file system has no locks, its process does.
    let _ = file.try_lock();
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
    /// The lock that says that somebody writes it, if the file system has locks.
    _lock: Option<File>,
    _pending: Pending,
}

impl PendingFolder {
    /// Starts the folder that will be called `path`; nothing may have that name yet.
    pub fn create(path: &Path) -> Result<Self> {
        refuse_existing(path)?;
        let temporary = temporary_name(path)?;
        let _pending = Pending::new(&temporary);
        fs::create_dir(&temporary).map_err(|e| Error::io("create", path, e))?;
        let _lock = File::open(&temporary).ok().filter(|folder| folder.try_lock().is_ok());
        Ok(PendingFolder { temporary, path: path.to_owned(), published: false, _lock, _pending })
    }

    /// Where the files go for now.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// The final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An error about something in the folder, with the name that it was to have.
    pub fn renamed(&self, error: Error) -> Error {
        let place = |path: PathBuf| match path.strip_prefix(&self.temporary) {
            Ok(rest) => self.path.join(rest),
            Err(_) => path,
        };
        match error {
            Error::Io { doing, path, source } => Error::Io { doing, path: place(path), source },
            Error::Format { path, message } => Error::Format { path: place(path), message },
            other => other,
        }
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

/// `.name.<process>-<number>.partial` beside `path`. What killed processes left there under such names is removed.
fn temporary_name(path: &Path) -> Result<PathBuf> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    static TIDY: Mutex<Vec<PathBuf>> = Mutex::new(vec![]);
    let name = path.file_name().ok_or_else(|| Error::format(path, "is not a name to write to"))?;
    let folder = parent(path);
    {
        let mut tidy = TIDY.lock().unwrap_or_else(PoisonError::into_inner);
        if !tidy.iter().any(|seen| seen == folder) {
            tidy.push(folder.to_owned());
            remove_abandoned(folder);
        }
    }
    let mut temporary = OsString::from(".");
    temporary.push(name);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    temporary.push(format!(".{}-{number}{PARTIAL}", std::process::id()));
    Ok(folder.join(temporary))
}

/// The ending of temporary names.
const PARTIAL: &str = ".partial";

/// Removes what processes that are no more were writing in a folder.
fn remove_abandoned(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let writer = name.to_str().and_then(writer);
        if writer.is_none_or(is_running) || is_locked(&path) {
            continue;
        }
        // What cannot be removed stays; it is in nobody's way.
        let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
}

/// The process that writes under a temporary name, if it is one.
fn writer(name: &str) -> Option<u32> {
    let (_, place) = name.strip_prefix('.')?.strip_suffix(PARTIAL)?.rsplit_once('.')?;
    let (process, number) = place.split_once('-')?;
    number.parse::<u64>().ok()?;
    process.parse().ok()
}

/// Whether a process of this machine has the number; so it seems where that cannot be seen.
pub(crate) fn is_running(process: u32) -> bool {
    let processes = Path::new("/proc");
    !processes.join("self").exists() || processes.join(process.to_string()).exists()
}

/// Whether a process, maybe of another machine, writes there.
pub(crate) fn is_locked(path: &Path) -> bool {
    let file = File::open(path);
    file.is_ok_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
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

    #[cfg(unix)]
    #[test]
    fn links_lead_to_the_file_and_pipes_stay() {
        use std::os::unix::fs::{FileTypeExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let [file, link, one, other, pipe] =
            ["file", "link", "one", "other", "pipe"].map(|name| folder.path().join(name));
        fs::write(&file, "old").unwrap();
        symlink(&file, &link).unwrap();
        write_atomically(&link, |w| w.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        symlink(&one, &other).unwrap();
        symlink(&other, &one).unwrap();
        let error = write_atomically(&one, |w| w.write_all(b"new")).unwrap_err().to_string();
        assert!(error.contains("cannot write ") && error.contains("symbolic links"), "{error}");
        assert!(fs::symlink_metadata(&one).unwrap().is_symlink());
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        write_atomically(&pipe, |w| w.write_all(b"new")).unwrap();
        assert_eq!(reader.join().unwrap(), "new");
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    }

    #[test]
    fn definitions_are_texts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.prototxt");
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read_definition(&path).map_err(|e| e.to_string())
        };
        let old = b"# \x8b\xe5\nname: 'net'\n";
        assert_eq!(original_bytes(&read(old).unwrap()), old);
        assert!(
            read(b"\x0a\x03net\x12\x00\x00\x00\x08\x01").unwrap_err().contains("a binary file")
        );
        let wide: Vec<u8> =
            "\u{feff}name: 'net'".encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect();
        assert!(read(&wide).unwrap_err().contains("UTF-16"));
    }

    #[test]
    fn what_killed_processes_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        // No process has a number as large as this.
        let gone = u32::MAX;
        let of = |name: &str| folder.path().join(name);
        fs::create_dir(of(&format!(".db.{gone}-0.partial"))).unwrap();
        fs::write(of(&format!(".db.{gone}-0.partial/data.mdb")), "x").unwrap();
        fs::write(of(&format!(".w.caffemodel.{gone}-12.partial")), "x").unwrap();
        let locked = File::create_new(of(&format!(".far.{gone}-0.partial"))).unwrap();
        locked.try_lock().unwrap();
        let own = format!(".own.{}-0.partial", std::process::id());
        let others = [own.as_str(), ".x.partial", ".y.12-a.partial", "z.4294967295-0.partial"];
        others.iter().for_each(|name| fs::write(of(name), "x").unwrap());
        write_atomically(&of("new"), |w| w.write_all(b"new")).unwrap();
        let mut left = names(folder.path());
        left.sort();
        let far = format!(".far.{gone}-0.partial");
        let mut expected = [&others[..], &[&far, "new"]].concat();
        expected.sort();
        assert_eq!(left, expected);
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
        let inside = Error::format(pending.temporary().join("a"), "is wrong");
        let named = format!("{}: is wrong", path.join("a").display());
        assert_eq!(pending.renamed(inside).to_string(), named);
        pending.publish().unwrap();
        assert_eq!(names(folder.path()), ["db"]);
        assert!(PendingFolder::create(&path).unwrap_err().to_string().contains("already exists"));
    }
}
