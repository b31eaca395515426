//! Which process holds the lock of a state folder, as far as the kernel tells.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The process, with its name; `None` where another namespace hides it.
pub(super) fn of(folder: &Path) -> Option<String> {
    let inode = std::fs::metadata(folder.join("lock")).ok()?.ino();
    let process = in_table(&std::fs::read_to_string("/proc/locks").ok()?, inode)?;
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).ok();
    let name = name.as_deref().map_or("", str::trim);
    Some(format!("process {process} {name}").trim().to_owned())
}

/// Lines are such as `7: FLOCK  ADVISORY  WRITE 4242 00:2b:1234567 0 EOF`; waiting ones have `->`.
fn in_table(table: &str, inode: u64) -> Option<u32> {
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", process, file, ..] = fields.as_slice() else { return None };
        let of = file.rsplit(':').next()?.parse::<u64>().ok()?;
        // 0 and -1 stand for a process of another namespace.
        (of == inode).then(|| process.parse().ok().filter(|process| *process > 0)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_the_one_that_writes_that_very_file() {
        let table = "1: POSIX  ADVISORY  WRITE 11 00:2b:77 0 EOF\n\
                     2: FLOCK  ADVISORY  READ 12 00:2b:77 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 13 00:2b:78 0 EOF\n\
                     3: -> FLOCK  ADVISORY  WRITE 14 00:2b:77 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 15 00:2b:77 0 EOF\n\
                     5: FLOCK  ADVISORY  WRITE -1 00:2b:79 0 EOF\n";
        assert_eq!(in_table(table, 77), Some(15));
        assert_eq!(in_table(table, 79), None);
        assert_eq!(in_table(table, 80), None);
    }
}
