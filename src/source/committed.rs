//! The manifests of a commit as a snapshot; only what changed since the one before is read.

use super::listed::{Listed, TARGET_MAX, select, shown};
use super::{Problem, Snapshot, Unreadable, open};
use crate::git::{Fault, Kind, Repository, Tip};
use crate::manifest::File;
use crate::model::Commit;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Most symbolic links of a tree whose targets are looked at.
const LINKS_MAX: usize = 10_000;

/// What was read of the commits before: by object and path.
#[derive(Debug, Default)]
pub(super) struct Committed {
    known: BTreeMap<String, (String, File)>,
    /// A tip at which a copy that was made anew was no better.
    hopeless: Option<Tip>,
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
    pub fn unreadable(self, repository: &Repository, help: &str) -> Unreadable {
        match self {
            Self::Content(unreadable) => unreadable,
            Self::Fault(fault) => faulty(repository, &fault, help),
        }
    }
}

/// A fault as a problem of the whole tree.
pub(super) fn faulty(repository: &Repository, fault: &Fault, help: &str) -> Unreadable {
    let name = PathBuf::from(repository.settings().name());
    Problem::new(&name, fault.to_string(), help).into()
}

impl Committed {
    /// Fetches a tip, checks its signature, and reads its manifests.
    pub async fn read(&mut self, repository: &Repository, tip: &Tip) -> Result<Snapshot, Refused> {
        let why = match self.attempt(repository, tip).await {
            Err(Refused::Fault(Fault::Broken(why))) => why,
            other => return other,
        };
        if self.hopeless.as_ref() == Some(tip) {
            return Err(Fault::Lasting(why).into());
        }
        // A power cut can leave a broken copy. It is only a copy.
        tracing::warn!(error = why, "the copy of the repository is broken and made anew");
        repository.forget().await?;
        match self.attempt(repository, tip).await {
            Err(Refused::Fault(Fault::Broken(why))) => {
                self.hopeless = Some(tip.clone());
                Err(Fault::Lasting(why).into())
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
        let targets = ids.into_iter().zip(targets.into_iter().map(Arc::from)).collect();
        let root = shown(repository.settings().path.as_str());
        // Whoever wrote the tree decides how long that takes, up to a bound.
        let selected = spawn_blocking(move || select(&entries, &targets, &root)).await;
        let stopped = || Fault::Passing("looking through the commit was stopped".to_owned());
        let (listed, bytes) = selected.map_err(|_| stopped())?.map_err(|problems| {
            Refused::Content(Unreadable { problems, commit: Some(Box::new(commit.clone())) })
        })?;
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
            return Err(Refused::Content(Unreadable { problems, commit: Some(Box::new(commit)) }));
        }
        let of_now = listed.into_iter().zip(&files);
        self.known = of_now.map(|(of, file)| (of.path, (of.id, file.clone()))).collect();
        Ok(Snapshot { commit: Some(commit), ..Snapshot::of(files) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::tests::Ours;
    use crate::git::tests::upstream::{self, Upstream};

    #[tokio::test]
    async fn only_what_a_commit_changed_is_read_again() {
        if !upstream::is_there() {
            return;
        }
        let upstream = Upstream::of(&[("m/a.yaml", "1"), ("m/b.yaml", "2"), ("m/c.yaml", "3")]);
        let repository = Ours::of(&upstream.url(), "main").repository();
        let mut committed = Committed::default();
        let mut read = async || {
            let tip = repository.tip().await.unwrap();
            let snapshot = committed.read(&repository, &tip).await.unwrap();
            // Whatever is read from memory the next time shows it.
            for (_, file) in committed.known.values_mut() {
                *file = File::new(file.path.as_ref(), format!("{}'", file.text()));
            }
            let texts = snapshot.files.iter().map(|file| format!("{}={}", file.path, file.text()));
            texts.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(read().await, "a.yaml=1 b.yaml=2 c.yaml=3");
        upstream.remove("m/c.yaml");
        upstream.put("m/d.yaml", "2");
        upstream.change("m/a.yaml", "4");
        assert_eq!(read().await, "a.yaml=4 b.yaml=2' d.yaml=2");
        upstream.change("m/a.yaml", "1");
        assert_eq!(read().await, "a.yaml=1 b.yaml=2'' d.yaml=2'");
    }
}
