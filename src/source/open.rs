//! One file to text: regular files only, never blocking, size known before reading.

use super::Problem;
use crate::manifest::FILE_BYTES_MAX;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// The text of the file at the resolved path `real`; `shown` is how people know it. `left` is how
/// many bytes the tree may still have.
pub(super) fn text(real: &Path, shown: &Path, left: u64) -> Result<String, Problem> {
    // Non-blocking: opening a fifo would wait for its writer. No links: `real` has none, so one
    // that is there now was put there since.
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(real);
    let file = file.map_err(|error| failed(shown, &error))?;
    let metadata = file.metadata().map_err(|error| failed(shown, &error))?;
    if !metadata.is_file() {
        let why = format!("it is {} and not a regular file", kind(&metadata));
        return Err(Problem::new(shown, why, "replace it by a regular file, or remove it"));
    }
    let size = metadata.len();
    if size > FILE_BYTES_MAX {
        let why = format!("it has {size} bytes, more than {FILE_BYTES_MAX}");
        return Err(Problem::new(shown, why, "split it"));
    }
    if size > left {
        let why = "all manifests together are too large";
        return Err(Problem::new(shown, why, "divide the tree between several daemons"));
    }
    let bytes = whole(file, size).map_err(|error| failed(shown, &error))?;
    if u64::try_from(bytes.len()).ok() != Some(size) {
        return Err(Problem::passing(shown, "it changed while being read", "wait for the writer"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = before.filter(|byte| **byte == b'\n').count().saturating_add(1);
        let why = format!("it is not UTF-8 text (line {line})");
        Problem::new(shown, why, "save it as UTF-8")
    })
}

/// At most one byte more than `size`, which is enough to notice that it grew.
fn whole(file: File, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(1));
    file.take(size.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What went wrong with `path`, and what to do about it.
pub(super) fn failed(path: &Path, error: &io::Error) -> Problem {
    match error.raw_os_error() {
        Some(libc::ELOOP) => {
            Problem::new(path, "its symbolic links form a loop", "remove or correct the link")
        }
        Some(libc::ENOENT) => {
            let why = "it is gone, or is a symbolic link to nothing";
            Problem::new(path, why, "restore it, or remove the link")
        }
        Some(libc::EACCES | libc::EPERM) => {
            Problem::new(path, "permission denied", "let the daemon's user read it")
        }
        // Sockets cannot be opened.
        Some(libc::ENXIO) => {
            let why = "it is a socket or device and not a regular file";
            Problem::new(path, why, "replace it by a regular file, or remove it")
        }
        _ => Problem::new(path, error.to_string(), "check the disk and the mount"),
    }
}

fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a fifo"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}
