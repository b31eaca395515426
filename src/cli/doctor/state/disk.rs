//! What a folder lies on.

use std::path::Path;

/// A file system, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disk {
    /// Bytes that this user may still write.
    pub(super) free: u64,
    pub(super) kind: Kind,
}

/// How well it keeps a database and its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As every disk, as far as is known.
    Local,
    /// Shared over a network, under this name.
    Shared(&'static str),
    /// In memory.
    Memory,
}

/// Magic numbers of `statfs(2)` of what several hosts can mount, where locks may be each host's own, and
/// the journal's shared memory does not work.
const SHARED: [(u64, &str); 9] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB 2"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x0102_1997, "9p"),
    (0x5346_414f, "AFS"),
    (0x0116_1970, "GFS2"),
];
const MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// The one that `path`, which exists, lies on.
pub(super) fn of(path: &Path) -> Option<Disk> {
    let room = rustix::fs::statvfs(path).ok()?;
    let kind = rustix::fs::statfs(path).ok()?.f_type;
    // Some numbers are negative where the type is 32 bits wide.
    let magic = u64::try_from(i128::from(kind) & 0xffff_ffff).ok()?;
    Some(Disk { free: room.f_bavail.saturating_mul(room.f_frsize), kind: Kind::of(magic) })
}

impl Kind {
    fn of(magic: u64) -> Self {
        if MEMORY.contains(&magic) {
            return Self::Memory;
        }
        let shared = SHARED.iter().find(|(known, _)| *known == magic);
        shared.map_or(Self::Local, |(_, name)| Self::Shared(name))
    }

    /// What is wrong with it, and what to do.
    pub(super) fn trouble(self) -> Option<(String, &'static str)> {
        match self {
            Self::Local => None,
            Self::Shared(name) => Some((
                format!("lies on {name}, where locks and the journal may fail without a word"),
                "put it on a local disk with --state",
            )),
            Self::Memory => Some((
                "lies in memory: a restart of the host forgets budgets, pauses and protections"
                    .to_owned(),
                "put it on a disk with --state",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_known_by_their_numbers() {
        assert_eq!(Kind::of(0x6969), Kind::Shared("NFS"));
        assert_eq!(Kind::of(0x0102_1994), Kind::Memory);
        assert_eq!(Kind::of(0xef53), Kind::Local);
        assert!(of(Path::new("/")).is_some_and(|disk| disk.free < u64::MAX));
        assert_eq!(of(Path::new("/proc")).map(|disk| disk.kind), Some(Kind::Local));
    }
}
