//! A repository somewhere else: what its ref points to, and what is read of our own copy of it.

use super::command::{Answer, Call, Input};
use super::commits::{self, FORMAT};
use super::copy::{OwnCopy, SHORT_MAX};
use super::credentials::Prepared;
use super::listing::{Entry, contents, entries};
use super::remote::is_id;
use super::{Fault, Settings, signers};
use crate::model::{Commit, Digest};
use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many commits are fetched at once: more than lie between two looks, as a rule.
const DEPTH: u64 = 50;
/// How many more are fetched where the one that was accepted before is not among them.
const DEEPER: [u64; 2] = [1_000, 10_000];
/// Most names in the folder of the manifests, whatever they are.
const NAMES_MAX: usize = 200_000;
/// Most bytes of a listing.
const LISTING_MAX: usize = 64 * 1024 * 1024;

/// A repository somewhere else, with our own copy of a part of it.
#[derive(Debug)]
pub struct Repository {
    settings: Settings,
    pub(super) copy: OwnCopy,
    /// Where the commit that was fetched last is kept. Who reads another ref of the same repository
    /// shares the copy, and must not be taken for us.
    fetched: String,
    pub(super) deeper: Vec<u64>,
    /// How long finding out how two commits stand to each other may take.
    pub(super) patience: Duration,
    /// A commit that could not be taken, and why, so that it is not loaded every time it is looked at.
    refused: Mutex<Option<(String, Fault)>>,
}

/// How long finding out how two commits stand to each other may take: the loop of the daemon waits for it,
/// and is taken for stuck after a minute.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a ref points to, as its remote says; an annotated tag is not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    name: String,
    id: String,
}

impl Repository {
    /// Keeps its copy in a folder of `state`.
    pub fn new(settings: Settings, state: &Path) -> Self {
        let name = Digest::of([settings.remote.url().as_bytes()]);
        let folder = state.join("git").join(format!("{}.git", name.short()));
        let reference = Digest::of([settings.reference.as_str().as_bytes()]);
        Self {
            settings,
            copy: OwnCopy::at(&folder),
            fetched: format!("refs/classiclinkd/{}", reference.short()),
            deeper: DEEPER.to_vec(),
            patience: PATIENCE,
            refused: Mutex::default(),
        }
    }

    /// Where it is and what is read of it.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the ref points to now.
    ///
    /// # Errors
    /// [`Fault::Lasting`] if there is no such ref, or two of that name.
    pub async fn tip(&self) -> Result<Tip, Fault> {
        let reference = &self.settings.reference;
        if reference.is_id() {
            return Ok(Tip { name: reference.to_string(), id: reference.to_string() });
        }
        self.copy.make()?;
        let names = reference.candidates();
        let mut arguments = vec!["ls-remote".to_owned(), "--quiet".to_owned(), "--".to_owned()];
        arguments.push(self.settings.remote.url().to_owned());
        arguments.extend(names.iter().cloned());
        let answer = self.remote(arguments, Input::Nothing).await?;
        let listed = answer.output(&format!("ask {} for its refs", self.settings.remote))?;
        let listed = String::from_utf8_lossy(&listed);
        let tip = |line: &str| {
            let (id, name) = line.split_once('\t')?;
            let wanted = is_id(id) && names.iter().any(|wanted| wanted == name);
            wanted.then(|| Tip { name: name.to_owned(), id: id.to_owned() })
        };
        let mut tips = listed.lines().filter_map(tip);
        match (tips.next(), tips.next()) {
            (Some(tip), None) => Ok(tip),
            (Some(_), Some(_)) => Err(Fault::Lasting(format!(
                "{} has a branch and a tag called {reference}; write which: refs/heads/{reference} or \
                 refs/tags/{reference}",
                self.settings.remote
            ))),
            (None, _) => Err(Fault::Lasting(format!(
                "{} has no branch or tag {reference} (any more); push it again, or correct --ref (a commit's id \
                 needs all of its digits)",
                self.settings.remote
            ))),
        }
    }

    /// Fetches what a tip points to, with a part of its history. A fetch may be cut off at any moment:
    /// what is here stays as it is until the new commit is whole.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn fetch(&self, tip: &Tip) -> Result<Commit, Fault> {
        if let Some((_, fault)) = self.refused().filter(|(id, _)| *id == tip.id) {
            return Err(fault);
        }
        let lock = self.copy.lock().await?;
        if self.copy.is_wreck().await?
            || self.copy.size() > self.settings.size_max.saturating_mul(2)
        {
            self.copy.empty(&lock)?;
        }
        self.copy.tidy().await;
        let first = self.copy.resolve(&self.fetched).await?.is_none();
        let mut fetched = self.taken(tip, if first { 1 } else { DEPTH }, &lock).await;
        if !first && matches!(fetched, Err(Fault::Lasting(_))) {
            // What is wrong may be in the history alone.
            fetched = self.taken(tip, 1, &lock).await;
        }
        if let Err(Fault::Passing(why)) = &fetched
            && !self.copy.is_whole().await?
        {
            return Err(Fault::Broken(why.clone()));
        }
        fetched?;
        self.refuse(None);
        // Still locked: the next one who fetches may see the ref elsewhere.
        let id = self.copy.resolve(&self.fetched).await?;
        drop(lock);
        let id = id.ok_or_else(|| Fault::Lasting(format!("{} is no commit", tip.name)))?;
        self.commit(&id).await
    }

    async fn taken(&self, tip: &Tip, depth: u64, lock: &File) -> Result<(), Fault> {
        let held = lock.try_clone().map(Input::Lock).unwrap_or(Input::Nothing);
        self.deepen(&tip.id, &tip.name, depth, held).await
    }

    fn refused(&self) -> Option<(String, Fault)> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn refuse(&self, what: Option<(String, Fault)>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// Checks that a commit is signed by somebody who is believed, where that is asked for.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn verify(&self, commit: &Commit) -> Result<(), Fault> {
        if !self.settings.signers.are_asked_for() {
            return Ok(());
        }
        let _lock = self.copy.lock().await?;
        signers::check(self.copy.folder(), commit, &self.settings.signers).await
    }

    /// Everything below the folder of the manifests, at a commit that was fetched.
    ///
    /// # Errors
    /// [`Fault`]; lasting if there is no such folder in it.
    pub async fn list(&self, commit: &Commit) -> Result<Vec<Entry>, Fault> {
        let tree = self.tree(commit).await?;
        let listed = self.copy.local(&["ls-tree", "-r", "-l", "-z", &tree], LISTING_MAX).await?;
        let listed = listed.of_copy("list the files of the commit")?;
        if listed.iter().filter(|byte| **byte == 0).count() > NAMES_MAX {
            return Err(Fault::Lasting(format!(
                "the folder {} of commit {} holds more than {NAMES_MAX} files; keep manifests in one of their \
                 own, and name it with --path",
                self.settings.path,
                commit.short()
            )));
        }
        entries(&listed)
            .ok_or_else(|| Fault::Lasting("git lists files in an unknown form".to_owned()))
    }

    /// The folder of the manifests, as an object. That it is not there is told from a copy that lost it.
    async fn tree(&self, commit: &Commit) -> Result<String, Fault> {
        let path = self.settings.path.as_str();
        if path.is_empty() {
            return Ok(commit.id.clone());
        }
        let arguments = ["ls-tree", "-z", &commit.id, "--", path];
        let found = self.copy.local(&arguments, SHORT_MAX).await?;
        let found = found.of_copy("look for the folder of the manifests")?;
        let found = String::from_utf8_lossy(&found);
        let tree = found.strip_prefix("040000 tree ").and_then(|rest| rest.split_once('\t'));
        let tree = tree.map(|(id, _)| id.to_owned()).filter(|id| is_id(id));
        tree.ok_or_else(|| {
            Fault::Lasting(format!(
                "commit {} has no folder {}; correct --path, or put the manifests there",
                commit.short(),
                self.settings.path
            ))
        })
    }

    /// The contents of objects of a commit that was fetched, in the order of their ids; together at most
    /// `most` bytes.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn contents(&self, ids: &[String], most: u64) -> Result<Vec<Vec<u8>>, Fault> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let input: String = ids.iter().flat_map(|id| [id.as_str(), "\n"]).collect();
        let heads = ids.len().saturating_mul(100);
        let output = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(heads);
        let mut call = self.copy.call(&["cat-file", "--batch", "--buffer"], output);
        call.input = Input::Bytes(input.into_bytes());
        let given = call.run().await?.of_copy("read the files of the commit")?;
        contents(&given, ids)
            .ok_or_else(|| Fault::Broken("git does not give the files of the commit".into()))
    }

    async fn commit(&self, id: &str) -> Result<Commit, Fault> {
        let arguments = ["log", "-1", "--no-notes", "--no-mailmap", FORMAT, id, "--"];
        let shown = self.copy.local(&arguments, SHORT_MAX).await?.of_copy("look at the commit")?;
        let line = shown.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let fault = || Fault::Broken("git shows the commit in an unknown form".to_owned());
        commits::commit(line).ok_or_else(fault)
    }

    /// Fetches a ref, or a commit by its id, with so much of its history; `held` lives as long as git.
    pub(super) async fn deepen(
        &self,
        tip: &str,
        name: &str,
        depth: u64,
        held: Input,
    ) -> Result<(), Fault> {
        let mut arguments: Vec<String> = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--force",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--depth={depth}"));
        arguments.push("--".to_owned());
        arguments.push(self.settings.remote.url().to_owned());
        arguments.push(format!("+{name}:{}", self.fetched));
        let answer = self.remote(arguments, held).await?;
        let what = format!("fetch {name} of {}", self.settings.remote);
        let lasts = if self.copy.unfinished() >= self.settings.size_max {
            let most = self.settings.size_max;
            format!("it is larger than the {most} bytes of `source.git.maxBytes`; raise them")
        } else if answer.said.contains("ut of memory") {
            "it holds an object that takes more memory to unpack than git gets; find it, and rewrite its commits"
                .to_owned()
        } else if answer.said.contains("fsck error") {
            "git takes objects of it for damaged or hostile; find them with git fsck, and rewrite their commits"
                .to_owned()
        } else {
            return answer.output(&what).map(|_| ());
        };
        let fault = Fault::Lasting(format!("{what}: {lasts} ({})", answer.said));
        // Of what is fetched, and not of what it is asked with: loading it again brings the same.
        self.refuse(Some((tip.to_owned(), fault.clone())));
        Err(fault)
    }

    async fn remote(&self, arguments: Vec<String>, input: Input) -> Result<Answer, Fault> {
        let access = Prepared::of(&self.settings.remote, &self.settings.access)?;
        let call = Call {
            folder: self.copy.folder(),
            arguments,
            configuration: Vec::new(),
            access: Some(&access),
            input,
            time: self.settings.timeout,
            output: SHORT_MAX,
            file: Some(self.settings.size_max),
        };
        call.run().await
    }

    /// Throws the copy away, so that the next fetch makes it anew: a power cut can leave a broken one.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn forget(&self) -> Result<(), Fault> {
        let lock = self.copy.lock().await?;
        self.copy.empty(&lock)
    }
}
