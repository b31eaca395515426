//! The manifests of a commit as a snapshot; only what changed since the one before is read.

use super::listed::{Listed, TARGET_MAX, select, shown};
use super::{Problem, Snapshot, Unreadable, open};
use crate::git::{Fault, Kind, Repository, Tip};
use crate::manifest::File;
use crate::model::Commit;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Most symbolic links of a tree whose targets are looked at.
const LINKS_MAX: usize = 10_000;

/// What was read of the commits before: by object and path.
#[derive(Debug, Default)]
pub(super) struct Committed {
    known: BTreeMap<String, (String, File)>,
}

/// Why a commit cannot be read.
#[derive(Debug)]
pub(super) enum Refused {
    /// The repository did not give it.
    Fault(Fault),
    /// It gave it, and it is not as it has to be.
    Content(Unreadable),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Refused {
    /// Whether another try can end otherwise without anybody doing something.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Fault(Fault::Passing(_) | Fault::Broken(_)))
    }

    /// For people, of that repository.
    pub fn unreadable(self, repository: &Repository) -> Unreadable {
        match self {
            Self::Content(unreadable) => unreadable,
            Self::Fault(fault) => faulty(repository, &fault),
        }
    }
}

/// A fault as a problem of the whole tree.
pub(super) fn faulty(repository: &Repository, fault: &Fault) -> Unreadable {
    let settings = repository.settings();
    let again = "it is asked again soon, and what was accepted last stays in force";
    Problem::new(&PathBuf::from(settings.name()), fault.to_string(), again).into()
}

impl Committed {
    /// Fetches a tip, checks its signature, and reads its manifests.
    pub async fn read(&mut self, repository: &Repository, tip: &Tip) -> Result<Snapshot, Refused> {
        match self.attempt(repository, tip).await {
            // A power cut can leave a broken copy. It is only a copy.
            Err(Refused::Fault(Fault::Broken(why))) => {
                tracing::warn!(error = why, "the copy of the repository is broken and made anew");
                repository.forget().await?;
                self.attempt(repository, tip).await
            }
            other => other,
        }
    }

    async fn attempt(&mut self, repository: &Repository, tip: &Tip) -> Result<Snapshot, Refused> {
        let commit = repository.fetch(tip).await?;
        repository.verify(&commit).await?;
        let entries = repository.list(&commit).await?;
        let links: BTreeSet<(&String, u64)> = entries
            .iter()
            .filter_map(|entry| match entry.kind {
                Kind::Link(size) if size <= TARGET_MAX => Some((&entry.id, size)),
                _ => None,
            })
            .take(LINKS_MAX)
            .collect();
        let bytes = links.iter().map(|(_, size)| size).sum();
        let ids: Vec<String> = links.into_iter().map(|(id, _)| id.clone()).collect();
        let targets = repository.contents(&ids, bytes).await?;
        let targets: BTreeMap<String, Vec<u8>> = ids.into_iter().zip(targets).collect();
        let root = shown(repository.settings().path.as_str());
        let (listed, bytes) = select(&entries, &targets, &root)
            .map_err(|problems| Refused::Content(Unreadable { problems }))?;
        self.files(repository, commit, listed, bytes).await
    }

    async fn files(
        &mut self,
        repository: &Repository,
        commit: Commit,
        listed: Vec<Listed>,
        bytes: u64,
    ) -> Result<Snapshot, Refused> {
        let known = |listed: &Listed| {
            self.known
                .get(&listed.path)
                .filter(|(id, _)| *id == listed.id)
                .map(|(_, file)| file.clone())
        };
        let new: BTreeSet<&String> = listed
            .iter()
            .filter(|listed| known(listed).is_none())
            .map(|listed| &listed.id)
            .collect();
        let ids: Vec<String> = new.into_iter().cloned().collect();
        let read = repository.contents(&ids, bytes).await?;
        let read: BTreeMap<String, Vec<u8>> = ids.into_iter().zip(read).collect();
        let root = shown(repository.settings().path.as_str());
        let (mut files, mut problems) = (Vec::with_capacity(listed.len()), Vec::new());
        for listed in &listed {
            let file = match known(listed) {
                Some(file) => Ok(file),
                None => {
                    let bytes = read.get(&listed.id).cloned().unwrap_or_default();
                    let text = open::utf8(bytes, &root.join(&listed.path));
                    text.map(|text| File::new(listed.path.as_str(), text))
                }
            };
            match file {
                Ok(file) => files.push(file),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(Refused::Content(Unreadable { problems }));
        }
        let of_now = listed.into_iter().zip(&files);
        self.known = of_now.map(|(of, file)| (of.path, (of.id, file.clone()))).collect();
        Ok(Snapshot { commit: Some(commit), ..Snapshot::of(files) })
    }
}
