//! One file to text: regular files only, never blocking, size known before reading, and the same
//! before and after.

use super::Problem;
use crate::manifest::FILE_BYTES_MAX;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// What the file system says of a file: another one, or one with another content, says another
/// thing, but for changes that follow each other at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The file system that holds the file.
    pub fn device(&self) -> u64 {
        self.device
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What the file system says of the file at the resolved path `real`, without its being opened; `None`
/// where it is no regular file, or is larger than `left`.
///
/// To open a file tells everybody who watches its folder, us among them: a thousand events a reading.
pub(super) fn glance(real: &Path, left: u64) -> Option<Stamp> {
    let metadata = real.symlink_metadata().ok()?;
    (metadata.is_file() && metadata.len() <= left.min(FILE_BYTES_MAX)).then(|| Stamp::of(&metadata))
}

/// Whether the file system that holds `real` is on this machine, and so knows by itself what its files
/// are. One that is not on the list counts as none: it may have to ask a server.
pub(super) fn is_local(real: &Path) -> bool {
    // Magic numbers of `linux/magic.h`; XFS and ZFS have theirs in their own headers.
    const LOCAL: [u64; 8] = [
        0xef53,      // ext2, ext3, ext4
        0x5846_5342, // XFS
        0x9123_683e, // Btrfs
        0x0102_1994, // tmpfs, in which Kubernetes mounts secrets
        0xf2f5_2010, // F2FS
        0xca45_1a4e, // bcachefs
        0x2fc1_2fc1, // ZFS
        0x4d44,      // FAT
    ];
    let Ok(found) = rustix::fs::statfs(real) else { return false };
    // Some numbers are negative where the type is 32 bits wide.
    let magic = u64::try_from(i128::from(found.f_type) & 0xffff_ffff);
    magic.is_ok_and(|magic| LOCAL.contains(&magic))
}

/// A regular file that is not too large, open.
#[derive(Debug)]
pub(super) struct Opened {
    file: File,
    stamp: Stamp,
}

/// Opens the file at the resolved path `real`; `shown` is how people know it. `left` is how many
/// bytes the tree may still have.
///
/// Network file systems ask their server what a file is when it is opened.
pub(super) fn open(real: &Path, shown: &Path, left: u64) -> Result<Opened, Problem> {
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
    Ok(Opened { file, stamp: Stamp::of(&metadata) })
}

impl Opened {
    /// What the file system said of it when it was opened.
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Its text.
    pub fn text(self, shown: &Path) -> Result<String, Problem> {
        let Self { file, stamp } = self;
        let bytes = whole(&file, stamp.size).map_err(|error| failed(shown, &error))?;
        let after = file.metadata().map_err(|error| failed(shown, &error))?;
        if u64::try_from(bytes.len()).ok() != Some(stamp.size) || Stamp::of(&after) != stamp {
            let why = "it changed while being read";
            return Err(Problem::passing(shown, why, "wait for the writer"));
        }
        utf8(bytes, shown)
    }
}

/// Bytes as text.
pub(super) fn utf8(bytes: Vec<u8>, shown: &Path) -> Result<String, Problem> {
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = before.filter(|byte| **byte == b'\n').count().saturating_add(1);
        let why = format!("it is not UTF-8 text (line {line})");
        Problem::new(shown, why, "save it as UTF-8")
    })
}

/// At most one byte more than `size`, which is enough to notice that it grew.
fn whole(file: &File, size: u64) -> io::Result<Vec<u8>> {
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
