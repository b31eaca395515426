//! What a commit's tree holds: `git ls-tree` and `git cat-file --batch`, read without trust.

/// One name in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path below the listed folder, as bytes: names need not be text.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// The object that it names.
    pub id: String,
}

/// What a name in a tree can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file with so many bytes.
    File(u64),
    /// A symbolic link, with a target of so many bytes.
    Link(u64),
    /// Another repository.
    Submodule,
    /// What nobody documented.
    Unknown,
}

/// The entries of `git ls-tree -r -l -z`; `None` where the text is not of that form.
pub(super) fn entries(listed: &[u8]) -> Option<Vec<Entry>> {
    listed.split(|byte| *byte == 0).filter(|line| !line.is_empty()).map(entry).collect()
}

/// `MODE TYPE ID SIZE\tPATH`, the size padded with spaces.
fn entry(line: &[u8]) -> Option<Entry> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let (head, path) = line.split_at_checked(tab)?;
    let head = std::str::from_utf8(head).ok()?;
    let mut words = head.split_ascii_whitespace();
    let (mode, _, id, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let size = size.parse().ok();
    let kind = match mode {
        "100644" | "100755" | "100664" => Kind::File(size?),
        "120000" => Kind::Link(size?),
        "160000" => Kind::Submodule,
        _ => Kind::Unknown,
    };
    Some(Entry { path: path.get(1..)?.to_vec(), kind, id: id.to_owned() })
}

/// The contents that `git cat-file --batch` gave for `ids`, in their order; `None` if one of them is
/// missing, is no file, or if the text is not of that form.
pub(super) fn contents(mut given: &[u8], ids: &[String]) -> Option<Vec<Vec<u8>>> {
    let mut contents = Vec::with_capacity(ids.len());
    for id in ids {
        let end = given.iter().position(|byte| *byte == b'\n')?;
        let (head, rest) = given.split_at_checked(end)?;
        let size = std::str::from_utf8(head).ok()?.strip_prefix(id.as_str())?;
        let size: usize = size.strip_prefix(" blob ")?.parse().ok()?;
        let (content, rest) = rest.get(1..)?.split_at_checked(size)?;
        contents.push(content.to_vec());
        given = rest.strip_prefix(b"\n")?;
    }
    given.is_empty().then_some(contents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modes_tell_what_a_name_is() {
        let id = "a".repeat(40);
        let listed = format!(
            "100644 blob {id}      12\ta b.yaml\0100755 blob {id}       3\tx/run\0120000 blob {id}       4\tlink\0\
             160000 commit {id}       -\tsub\0040000 tree {id}       -\todd\tname\0"
        );
        let entries = entries(listed.as_bytes()).unwrap();
        let kinds: Vec<Kind> = entries.iter().map(|entry| entry.kind).collect();
        assert_eq!(
            kinds,
            [Kind::File(12), Kind::File(3), Kind::Link(4), Kind::Submodule, Kind::Unknown]
        );
        assert_eq!(entries[0].path, b"a b.yaml");
        assert_eq!(entries[4].path, b"odd\tname");
        assert_eq!(super::entries(b"100644 blob abc\tx\0"), None, "no size");
        assert_eq!(super::entries(b"nonsense\0"), None);
    }

    #[test]
    fn contents_are_cut_by_their_lengths_and_nothing_else() {
        let ids = ["aa".to_owned(), "bb".to_owned()];
        let given = b"aa blob 5\nx\nbb \nbb blob 0\n\n";
        assert_eq!(contents(given, &ids).unwrap(), [b"x\nbb ".to_vec(), Vec::new()]);
        assert_eq!(contents(b"aa missing\nbb blob 0\n\n", &ids), None);
        assert_eq!(contents(b"aa blob 9\nx\n", &ids[..1]), None, "shorter than it says");
        assert_eq!(contents(b"aa tree 1\nx\n", &ids[..1]), None);
        assert_eq!(contents(b"aa blob 1\nx\nmore", &ids[..1]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = entries(&bytes);
            let _ = contents(&bytes, &["a".to_owned()]);
        }
    }
}
