//! Files that look cut off against what they were when they were last accepted.

use super::{Diagnostic, File};
use crate::desired::Place;
use std::collections::BTreeSet;

/// Files that end in the middle of a line, and did not when they were last accepted: so looks a file
/// that was cut somewhere, and where the rest still is valid YAML.
pub fn cut_off(accepted: &[File], files: &[File]) -> Vec<Diagnostic> {
    let whole: BTreeSet<&str> =
        accepted.iter().filter(|file| ends_a_line(file)).map(|file| &*file.path).collect();
    let cut = files.iter().filter(|file| whole.contains(&*file.path) && !ends_a_line(file));
    cut.map(|file| {
        let line = u32::try_from(file.text().lines().count()).unwrap_or(u32::MAX).max(1);
        Diagnostic {
            place: Place { file: file.path.clone(), line, column: 1 },
            length: 0,
            message: "the file ends in the middle of a line, and did not before: it looks cut off"
                .to_owned(),
            help: "write the file whole; if it is whole, end its last line with a line break"
                .to_owned(),
            other: None,
        }
    })
    .collect()
}

fn ends_a_line(file: &File) -> bool {
    file.text().ends_with('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_lost_its_last_line_break_looks_cut_off() {
        let file = |path: &str, text: &str| File::new(path, text);
        let accepted = [file("a.yaml", "a: 1\nb: 2\n"), file("b.yaml", "a: 1")];
        let now = [file("a.yaml", "a: 1\nb:"), file("b.yaml", "a: 2"), file("c.yaml", "x: 1")];
        let found = cut_off(&accepted, &now);
        assert_eq!(found.len(), 1, "only the file that was whole before");
        assert_eq!((&*found[0].place.file, found[0].place.line), ("a.yaml", 2));
        assert_eq!(cut_off(&accepted, &accepted), []);
        assert_eq!(cut_off(&[], &now), []);
    }
}
