//! Our own bare copy of a repository: what is fetched into it, and what is read of it.

use super::command::{Answer, Call, Input};
use super::commits::{self, Between, FORMAT};
use super::copy::Copy;
use super::credentials::Prepared;
use super::listing::{Entry, contents, entries};
use super::remote::is_id;
use super::{Fault, Settings, signers};
use crate::model::{Commit, Digest, InstanceId, Lineage};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// Where the commit that was fetched last is kept.
const FETCHED: &str = "refs/classiclinkd/fetched";
/// How many commits are fetched at once: more than lie between two looks, as a rule.
const DEPTH: u64 = 50;
/// How many more are fetched where the one that was accepted before is not among them.
const DEEPER: [u64; 2] = [1_000, 10_000];
/// How long reading what is here may take.
const LOCAL: Duration = Duration::from_secs(60);
/// Most bytes of a listing, and of what lies between two commits.
const LISTING_MAX: usize = 64 * 1024 * 1024;
const LOG_MAX: usize = 32 * 1024 * 1024;
/// Most bytes of an answer of few lines.
const SHORT_MAX: usize = 4 * 1024 * 1024;
/// A copy of more packs than that is packed anew.
const PACKS_MAX: usize = 50;

/// A repository somewhere else, with our own copy of a part of it.
#[derive(Debug)]
pub struct Repository {
    settings: Settings,
    copy: Copy,
}

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
        Self { settings, copy: Copy::at(folder) }
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
                "{} has no branch or tag {reference} (any more); push it again, or correct --ref",
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
        let lock = self.copy.lock().await?;
        self.tidy().await;
        let first = self.resolve(FETCHED).await?.is_none();
        self.deepen(tip, if first { 1 } else { DEPTH }, &lock).await?;
        drop(lock);
        let id = self.resolve(FETCHED).await?;
        let id = id.ok_or_else(|| Fault::Lasting(format!("{} is no commit", tip.name)))?;
        self.commit(&id).await
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
        signers::check(self.copy.folder(), &commit.id, &self.settings.signers).await
    }

    /// Everything below the folder of the manifests, at a commit that was fetched.
    ///
    /// # Errors
    /// [`Fault`]; lasting if there is no such folder in it.
    pub async fn list(&self, commit: &Commit) -> Result<Vec<Entry>, Fault> {
        let path = &self.settings.path;
        let tree = format!("{}:{}", commit.id, path.as_str());
        let kind = self.local(&["cat-file", "-t", &tree], SHORT_MAX).await?;
        if !kind.status.success() || kind.output.trim_ascii() != b"tree" {
            return Err(Fault::Lasting(format!(
                "commit {} has no folder {path}; correct --path, or put the manifests there",
                commit.short()
            )));
        }
        let listed = self.local(&["ls-tree", "-r", "-l", "-z", &tree], LISTING_MAX).await?;
        let listed = listed.of_copy("list the files of the commit")?;
        entries(&listed)
            .ok_or_else(|| Fault::Lasting("git lists files in an unknown form".to_owned()))
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
        let mut call = self.call(&["cat-file", "--batch", "--buffer"], output);
        call.input = Input::Bytes(input.into_bytes());
        let given = call.run().await?.of_copy("read the files of the commit")?;
        contents(&given, ids)
            .ok_or_else(|| Fault::Broken("git does not give the files of the commit".into()))
    }

    /// How a commit stands to one that was accepted before, and who took what out between them. Fetches
    /// more of the history where it has to.
    ///
    /// # Errors
    /// Never: what cannot be found out is said in the answer.
    pub async fn between(&self, older: &Commit, newer: &Commit) -> Between {
        if older.id == newer.id {
            return Between::of(Lineage::None);
        }
        match self.count(older, newer).await {
            Ok(Some(commits)) => Between {
                lineage: Lineage::Follows(commits),
                took_out: self.took_out(older, newer).await.unwrap_or_default(),
            },
            Ok(None) if self.settings.rewrites => Between::of(Lineage::None),
            Ok(None) => Between::of(Lineage::Leaves),
            Err(fault) => Between::of(Lineage::Unknown(fault.to_string())),
        }
    }

    /// How many commits lie between, if `newer` follows `older`.
    async fn count(&self, older: &Commit, newer: &Commit) -> Result<Option<u64>, Fault> {
        let mut depths = DEEPER.into_iter();
        loop {
            if self.follows(older, newer).await? {
                let range = format!("{}..{}", older.id, newer.id);
                let counted = self.local(&["rev-list", "--count", &range, "--"], SHORT_MAX).await?;
                let counted =
                    String::from_utf8_lossy(&counted.of_copy("count the commits")?).trim().parse();
                return Ok(Some(counted.unwrap_or(1)));
            }
            let shallow = self.local(&["rev-parse", "--is-shallow-repository"], SHORT_MAX).await?;
            if shallow.output.trim_ascii() != b"true" {
                return Ok(None);
            }
            let Some(depth) = depths.next() else {
                let (before, most) = (older.short(), DEEPER.iter().max().unwrap_or(&DEPTH));
                return Err(Fault::Lasting(format!(
                    "commit {before} is not among the last {most}"
                )));
            };
            let lock = self.copy.lock().await?;
            let name = self.settings.reference.as_str().to_owned();
            self.deepen(&Tip { name, id: newer.id.clone() }, depth, &lock).await?;
        }
    }

    async fn follows(&self, older: &Commit, newer: &Commit) -> Result<bool, Fault> {
        let there = format!("{}^{{commit}}", older.id);
        if !self.local(&["cat-file", "-e", &there], SHORT_MAX).await?.status.success() {
            return Ok(false);
        }
        let arguments = ["merge-base", "--is-ancestor", &older.id, &newer.id];
        let answer = self.local(&arguments, SHORT_MAX).await?;
        match answer.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => answer.of_copy("compare the commits").map(|_| false),
        }
    }

    async fn took_out(
        &self,
        older: &Commit,
        newer: &Commit,
    ) -> Result<BTreeMap<InstanceId, Commit>, Fault> {
        let range = format!("{}..{}", older.id, newer.id);
        let path = format!(":(top,literal){}", self.settings.path.as_str());
        let mut arguments =
            vec!["log", "-p", "-U0", "--no-color", "--no-ext-diff", "--no-textconv"];
        arguments.extend([
            "--no-renames",
            "--no-notes",
            "--no-mailmap",
            FORMAT,
            &range,
            "--",
            &path,
        ]);
        let log = self.local(&arguments, LOG_MAX).await?;
        Ok(commits::took_out(&log.of_copy("look through the commits")?))
    }

    async fn commit(&self, id: &str) -> Result<Commit, Fault> {
        let arguments = ["log", "-1", "--no-notes", "--no-mailmap", FORMAT, id, "--"];
        let shown = self.local(&arguments, SHORT_MAX).await?.of_copy("look at the commit")?;
        let line = shown.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let fault = || Fault::Broken("git shows the commit in an unknown form".to_owned());
        commits::commit(line).ok_or_else(fault)
    }

    /// The commit that a ref of our copy leads to.
    async fn resolve(&self, name: &str) -> Result<Option<String>, Fault> {
        let peeled = format!("{name}^{{commit}}");
        let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", &peeled];
        let answer = self.local(&arguments, SHORT_MAX).await?;
        let id = String::from_utf8_lossy(&answer.output).trim().to_owned();
        Ok((answer.status.success() && is_id(&id)).then_some(id))
    }

    async fn deepen(&self, tip: &Tip, depth: u64, lock: &File) -> Result<(), Fault> {
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
        arguments.push(format!("+{}:{FETCHED}", tip.name));
        let lock = lock.try_clone().map(Input::Lock).unwrap_or(Input::Nothing);
        let answer = self.remote(arguments, lock).await?;
        answer.output(&format!("fetch {} of {}", tip.name, self.settings.remote)).map(|_| ())
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

    async fn local(&self, arguments: &[&str], output: usize) -> Result<Answer, Fault> {
        self.call(arguments, output).run().await
    }

    fn call(&self, arguments: &[&str], output: usize) -> Call<'_> {
        Call {
            folder: self.copy.folder(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            configuration: Vec::new(),
            access: None,
            input: Input::Nothing,
            time: LOCAL,
            output,
            file: None,
        }
    }

    /// Packs anew what came in many small packs. What is not reachable any more goes.
    async fn tidy(&self) {
        if self.copy.packs() > PACKS_MAX {
            let packed = self.local(&["repack", "-a", "-d", "-q"], SHORT_MAX).await;
            if let Err(fault) =
                packed.and_then(|answer| answer.of_copy("pack the copy of the repository"))
            {
                tracing::warn!(error = %fault, "the copy of the repository grows");
            }
        }
    }

    /// Throws the copy away, so that the next fetch makes it anew: a power cut can leave a broken one.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn forget(&self) -> Result<(), Fault> {
        self.copy.forget().await
    }
}
