//! How much room the disk of a path has.

use std::path::Path;

use crate::{Error, Result};

/// Refuses what the disk of a path has no room for. `what` begins the complaint: `the pairs take`. Where the system does not
/// tell, there is room.
///
/// # Errors
/// Fewer bytes are free than are needed.
pub fn need(path: &Path, bytes: u64, what: &str) -> Result<()> {
    match free(path) {
        Some(free) if free < bytes => Err(Error::refused(format!(
            "{what} {} MiB at least, and the disk of {} has {} MiB free",
            mebibytes(bytes),
            path.display(),
            mebibytes(free)
        ))),
        _ => Ok(()),
    }
}

fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}

/// Bytes that this user may still write to the disk of a path, which need not exist yet.
#[cfg(target_os = "linux")]
fn free(path: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let absolute = std::path::absolute(path).ok()?;
    let there = absolute.ancestors().find(|folder| folder.exists())?;
    let name = std::ffi::CString::new(there.as_os_str().as_bytes()).ok()?;
    let mut disk = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the name ends in a zero byte, and the structure, for which zeros are valid, is written by the call alone.
    let disk = unsafe {
        if libc::statvfs(name.as_ptr(), disk.as_mut_ptr()) != 0 {
            return None;
        }
        disk.assume_init()
    };
    // Some file systems of networks know no size.
    (0 < disk.f_blocks).then(|| disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(target_os = "linux"))]
fn free(_: &Path) -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_room_for_little_and_not_for_everything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not/there/yet");
        assert!(need(&path, 1, "a byte takes").is_ok());
        let why = need(&path, u64::MAX, "all takes").unwrap_err().to_string();
        assert!(
            why.starts_with("all takes 17592186044415 MiB at least, and the disk of "),
            "{why}"
        );
    }
}
