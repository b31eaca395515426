//! Files that hold a secret: read once, whole, and only if nobody else can know or change what is in them.

use secrecy::SecretString;
use secrecy::zeroize::Zeroize as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// What others than the owner may not do with a secret file. Reading by the group is how systemd's
/// `LoadCredential` and the `fsGroup` of Kubernetes hand one over.
const FORBIDDEN: u32 = 0o037;

/// What is wrong with a file. Never shows what is in it.
#[derive(Debug)]
pub enum Fault {
    /// There is none that we may open.
    Open(io::Error),
    /// There is one, and it is not as it should be: why, and what to do, as a sentence about "it".
    Content(String),
    /// There is one, and others can know or change what is in it: why, and the command that mends it.
    Exposed(String),
}

/// The one line of a secret file of at most `most` bytes. It may be a link, as the secrets of Kubernetes
/// are: what is looked at is what is read, for the path may lead elsewhere the next time.
///
/// # Errors
/// [`Fault`], also for a file that others can read or write, that is empty, or that holds anything but
/// one word.
pub fn line(path: &Path, most: u64) -> Result<SecretString, Fault> {
    let mut text = String::new();
    let read = open(path).and_then(|file| fill(file, path, most, &mut text));
    let line = text.trim_start_matches('\u{feff}').trim();
    let line = match read {
        Err(fault) => Err(fault),
        Ok(()) if line.is_empty() => Err(Fault::Content("it is empty".to_owned())),
        Ok(()) if !line.bytes().all(|byte| byte.is_ascii_graphic()) => Err(Fault::Content(
            "it holds more than one line, or a character that belongs into none".to_owned(),
        )),
        Ok(()) => Ok(line.to_owned().into()),
    };
    text.zeroize();
    line
}

/// A whole secret file of at most `most` bytes, whatever text is in it.
///
/// # Errors
/// [`Fault`], also for a file that others can read or write.
pub fn text(path: &Path, most: u64) -> Result<SecretString, Fault> {
    let mut text = String::new();
    match open(path).and_then(|file| fill(file, path, most, &mut text)) {
        Ok(()) => Ok(text.into()),
        Err(fault) => {
            text.zeroize();
            Err(fault)
        }
    }
}

/// That a file can be read by us, and by nobody else who should not; for those that another program reads.
///
/// # Errors
/// [`Fault`].
pub fn check(path: &Path) -> Result<(), Fault> {
    open(path).and_then(|file| guarded(&file, path))
}

/// Opening a fifo would wait for its writer.
fn open(path: &Path) -> Result<File, Fault> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    file.map_err(Fault::Open)
}

fn guarded(file: &File, path: &Path) -> Result<(), Fault> {
    let metadata = file.metadata().map_err(Fault::Open)?;
    if !metadata.is_file() {
        return Err(Fault::Content("it is not a regular file".to_owned()));
    }
    let own = rustix::process::geteuid().as_raw();
    match exposed(metadata.mode(), metadata.uid(), own) {
        Some(why) => Err(Fault::Exposed(format!("{why} {}", path.display()))),
        None => Ok(()),
    }
}

fn fill(file: File, path: &Path, most: u64, text: &mut String) -> Result<(), Fault> {
    guarded(&file, path)?;
    // One that grows while it is read would leave copies of what it held behind.
    let room = file.metadata().map(|metadata| metadata.len()).unwrap_or_default().min(most);
    text.reserve(usize::try_from(room).unwrap_or_default().saturating_add(32));
    let size = file.take(most.saturating_add(1)).read_to_string(text);
    let size = size.map_err(|error| Fault::Content(error.to_string()))?;
    if size as u64 > most {
        return Err(Fault::Content(format!("it is longer than {} KiB", most / 1024)));
    }
    Ok(())
}

/// Why others could know or change what is in a file, and the command that mends it.
pub fn exposed(mode: u32, owner: u32, own: u32) -> Option<&'static str> {
    if owner != own && owner != 0 {
        Some(
            "it belongs to another user; give it to the user of the daemon, or to root: chown root",
        )
    } else if mode & FORBIDDEN != 0 {
        Some(
            "others than its owner and group can read it, or others than its owner write it: chmod 600",
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt as _;

    fn why(fault: Fault) -> String {
        match fault {
            Fault::Open(error) => error.to_string(),
            Fault::Content(why) | Fault::Exposed(why) => why,
        }
    }

    #[test]
    fn what_others_can_read_is_refused_with_the_command_that_mends_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        write(file.path(), "hunter2\n").unwrap();
        for (mode, good) in [
            (0o600, true),
            (0o400, true),
            (0o440, true),
            (0o644, false),
            (0o620, false),
            (0o601, false),
        ] {
            set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
            assert_eq!(line(file.path(), 64).is_ok(), good, "{mode:o}");
            assert_eq!(text(file.path(), 64).is_ok(), good, "{mode:o}");
            assert_eq!(check(file.path()).is_ok(), good, "{mode:o}");
        }
        let fault = check(file.path()).unwrap_err();
        assert!(matches!(fault, Fault::Exposed(_)), "{fault:?}");
        let said = why(fault);
        assert!(said.ends_with(&format!("chmod 600 {}", file.path().display())), "{said}");
    }

    #[test]
    fn it_belongs_to_us_or_to_root() {
        assert_eq!(exposed(0o100_600, 7, 7), None);
        assert_eq!(exposed(0o100_440, 0, 7), None);
        assert!(exposed(0o100_600, 8, 7).is_some_and(|why| why.contains("chown")));
        assert!(exposed(0o100_600, 8, 0).is_some(), "whoever owns it can change it");
        assert!(exposed(0o100_644, 7, 7).is_some_and(|why| why.contains("chmod")));
    }

    #[test]
    fn what_is_no_file_is_not_waited_for_and_links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let made =
            std::process::Command::new("mkfifo").args(["-m", "600"]).arg(at("fifo")).status();
        assert!(made.unwrap().success());
        for name in ["fifo", ""] {
            let said = why(line(&at(name), 64).unwrap_err());
            assert!(said.contains("not a regular file"), "{said}");
        }
        write(at("key"), "\u{feff}hunter2\n").unwrap();
        set_permissions(at("key"), Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(at("key"), at("link")).unwrap();
        assert_eq!(line(&at("link"), 64).unwrap().expose_secret(), "hunter2");
        assert!(matches!(line(&at("none"), 64), Err(Fault::Open(_))));
    }

    #[test]
    fn a_line_is_one_word_of_bounded_length() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (bad, says) in [
            ("", "empty"),
            (" \n", "empty"),
            ("hunter2 hunter3", "more than one line"),
            ("hunter2\nhunter3", "more than one line"),
            (&"x".repeat(2049), "longer than 2 KiB"),
        ] {
            write(file.path(), bad).unwrap();
            let said = why(line(file.path(), 2048).unwrap_err());
            assert!(said.contains(says) && !said.contains("hunter"), "{said}");
        }
    }
}
