//! What was read of each file, kept so that a file that did not change is not read again: of a
//! thousand files one changes.

use super::{Diagnostic, File, diagnostic, from_conflicts, together};
use crate::desired::{self, Ceilings, Document, Tree};
use crate::model::Revision;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The documents of the files that were read last, each with the very text it was read from: a file
/// is taken from here only if every byte of it is the same. Cheap to clone; clones share.
#[derive(Debug, Clone, Default)]
pub struct Shelf(Arc<Mutex<Inner>>);

/// The path of a file, and its text.
type Key = (Arc<str>, Arc<str>);

fn key(file: &File) -> Key {
    (Arc::clone(&file.path), Arc::clone(file.text()))
}

#[derive(Debug, Default)]
struct Inner(BTreeMap<Key, Vec<Document>>);

impl Inner {
    fn parse(&mut self, files: &[File]) -> Result<Vec<Document>, Vec<Diagnostic>> {
        let changed: Vec<&File> =
            files.iter().filter(|file| !self.0.contains_key(&key(file))).collect();
        let read = together::read(&changed);
        let mut diagnostics = Vec::new();
        for (file, outcome) in changed.into_iter().zip(read) {
            match outcome {
                Ok(documents) => drop(self.0.insert(key(file), documents)),
                Err(found) => diagnostics.extend(found),
            }
        }
        // What these files do not say is forgotten; of the same bytes the copy stays that came now.
        let mut before = std::mem::take(&mut self.0);
        let mut documents = Vec::with_capacity(before.len());
        for file in files {
            let key = key(file);
            let named_twice = || self.0.get(&key).cloned();
            let Some(kept) = before.remove(&key).or_else(named_twice) else { continue };
            documents.extend(kept.iter().cloned());
            self.0.insert(key, kept);
        }
        if diagnostics.is_empty() {
            return Ok(documents);
        }
        diagnostics.sort();
        Err(diagnostics)
    }
}

impl Shelf {
    /// As [`parse`](super::parse).
    ///
    /// # Errors
    /// As there.
    pub fn parse(&self, files: &[File]) -> Result<Vec<Document>, Vec<Diagnostic>> {
        // A panic while files were read leaves whole documents, each with its text.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).parse(files)
    }

    /// As [`accept`](super::accept). `before` is any earlier tree; what it shares with the new one is
    /// not compared again.
    ///
    /// # Errors
    /// As there.
    pub fn accept(
        &self,
        files: &[File],
        revision: Revision,
        ceilings: Option<&Ceilings>,
        before: Option<&Tree>,
    ) -> Result<Tree, Vec<Diagnostic>> {
        let documents = self.parse(files)?;
        if documents.is_empty() {
            return Err(vec![diagnostic::nothing_declared()]);
        }
        let mut conflicts = ceilings
            .map(|ceilings| desired::outside_ceilings(&documents, ceilings))
            .unwrap_or_default();
        match desired::assemble(&documents, revision, before) {
            Ok(tree) if conflicts.is_empty() => return Ok(tree),
            Ok(_) => {}
            Err(found) => conflicts.extend(found),
        }
        Err(from_conflicts(conflicts))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{accept, parse};
    use super::*;
    use crate::model::Digest;

    fn file(vpc: usize, ids: &[usize]) -> File {
        let list: String = ids.iter().map(|id| format!("    - i-{vpc}-{id:06}\n")).collect();
        let list = if ids.is_empty() { "    []\n" } else { list.as_str() };
        let text = format!(
            "apiVersion: classiclinkd/v1\nkind: ClassicLinkSet\nmetadata: {{name: a{vpc}}}\nspec:\n  \
             regionId: cn-a\n  vpcId: vpc-{vpc}\n  mode: detach\n  instances:\n{list}"
        );
        File::new(format!("{vpc:04}.yaml"), text)
    }

    fn revision() -> Revision {
        Revision::of_content(Digest::of([b"x".as_slice()]))
    }

    fn read(shelf: &Shelf, files: &[File]) -> Tree {
        let tree = shelf.accept(files, revision(), None, None).unwrap();
        assert_eq!(tree, accept(files, revision(), None).unwrap(), "as if nothing was kept");
        tree
    }

    #[test]
    fn what_did_not_change_is_taken_from_the_shelf_and_nothing_else_is() {
        let shelf = Shelf::default();
        let before = read(&shelf, &[file(1, &[1, 2]), file(2, &[1]), file(3, &[])]);
        let after = read(&shelf, &[file(1, &[1, 2]), file(2, &[2]), file(4, &[1])]);
        let kept: Vec<bool> = before
            .scopes
            .iter()
            .map(|(scope, old)| after.scopes.get(scope).is_some_and(|new| new.links.is(&old.links)))
            .collect();
        assert_eq!(kept, [true, false, false]);
        assert_eq!(shelf.0.lock().unwrap().0.len(), 3, "a file that is gone is not kept");
    }

    #[test]
    fn a_mistake_is_found_however_often_and_mended_once() {
        let shelf = Shelf::default();
        let good = [file(1, &[1]), file(2, &[1])];
        let bad = [file(1, &[1]), file(2, &[1, 1])];
        read(&shelf, &good);
        for _ in 0..2 {
            assert_eq!(shelf.parse(&bad), parse(&bad));
            assert_eq!(shelf.parse(&bad).unwrap_err().len(), 1);
        }
        read(&shelf, &good);
        let twice = [file(1, &[1]), file(1, &[1])];
        assert_eq!(shelf.parse(&twice).unwrap().len(), 2, "a file named twice is there twice");
        let other = File::new("0001.yaml", file(1, &[7]).text().to_string());
        let (first, both) = (file(1, &[1]), [file(1, &[1]), other]);
        for _ in 0..2 {
            let said = shelf.parse(&both).unwrap();
            assert_eq!(said, parse(&both).unwrap());
            assert_ne!(said[0], said[1], "one name with two texts says both");
        }
        read(&shelf, &[first]);
    }

    #[test]
    fn files_read_side_by_side_come_in_their_order() {
        let ids: Vec<usize> = (0..1_000).collect();
        let mut files: Vec<File> = (0..120).map(|vpc| file(vpc, &ids)).collect();
        let documents = parse(&files).unwrap();
        let order: Vec<_> = documents.iter().map(|document| document.place.file.clone()).collect();
        assert!(order.is_sorted() && order.len() == 120);
        for vpc in [7, 99] {
            files[vpc] = file(vpc, &[5, 5]);
        }
        let found = parse(&files).unwrap_err();
        let places: Vec<&str> = found.iter().map(|found| &*found.place.file).collect();
        assert_eq!(places, ["0007.yaml", "0099.yaml"]);
    }
}
