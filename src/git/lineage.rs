//! How a commit stands to one that was accepted before, and who took what out between them.

use super::Fault;
use super::command::Input;
use super::commits::{self, Between, FORMAT};
use super::copy::SHORT_MAX;
use super::remote::is_id;
use super::repository::Repository;
use crate::model::{Commit, InstanceId, Lineage};
use std::collections::BTreeMap;
use tokio::time::timeout;

/// Most bytes of what lies between two commits.
const LOG_MAX: usize = 32 * 1024 * 1024;

impl Repository {
    /// How a commit stands to one that was accepted before, and who took what out between them. Fetches
    /// more of the history where it has to.
    ///
    /// # Errors
    /// Never: what cannot be found out is said in the answer.
    pub async fn between(&self, older: &Commit, newer: &Commit) -> Between {
        if older.id == newer.id {
            return Between::of(Lineage::None);
        }
        let counted = timeout(self.patience, self.count(older, newer)).await.unwrap_or_else(|_| {
            let seconds = self.patience.as_secs();
            Err(Fault::Passing(format!("that took longer than {seconds} s")))
        });
        match counted {
            Ok(Some(commits)) => {
                let took_out = timeout(self.patience, self.took_out(older, newer)).await;
                let took_out = took_out.ok().and_then(Result::ok).unwrap_or_default();
                Between { lineage: Lineage::Follows(commits), took_out }
            }
            Ok(None) | Err(_) if self.settings().rewrites => Between::of(Lineage::None),
            Ok(None) => Between::of(Lineage::Leaves),
            Err(fault) => Between::of(Lineage::Unknown(fault.to_string())),
        }
    }

    /// How many commits lie between, if `newer` follows `older`.
    async fn count(&self, older: &Commit, newer: &Commit) -> Result<Option<u64>, Fault> {
        if !is_id(&older.id) || !is_id(&newer.id) {
            return Err(Fault::Lasting("a commit is not named by its whole id".to_owned()));
        }
        let mut depths = self.deeper.iter();
        loop {
            if self.follows(older, newer).await? {
                let range = format!("{}..{}", older.id, newer.id);
                let arguments = ["rev-list", "--count", &range, "--"];
                let counted = self.copy.local(&arguments, SHORT_MAX).await?;
                let counted = counted.of_copy("count the commits")?;
                return Ok(Some(String::from_utf8_lossy(&counted).trim().parse().unwrap_or(1)));
            }
            if self.is_complete(newer).await? {
                return Ok(None);
            }
            let Some(depth) = depths.next() else {
                let (before, most) = (older.short(), self.deeper.iter().max().unwrap_or(&0));
                return Err(Fault::Lasting(format!(
                    "commit {before} is not among the last {most}"
                )));
            };
            let lock = self.copy.lock().await?;
            // By its id: the ref may have moved on, or back.
            if let Err(fault) = self.deepen(&newer.id, &newer.id, *depth, Input::Lock(lock)).await {
                // What is wrong with the history before it is nothing against the commit.
                self.refuse(None);
                return Err(fault);
            }
        }
    }

    /// Whether the whole history of a commit is here. Others that are here may be cut off: it counts
    /// whether one of those is where this one's begins.
    async fn is_complete(&self, commit: &Commit) -> Result<bool, Fault> {
        let roots = ["rev-list", "--max-parents=0", &commit.id, "--"];
        let roots =
            self.copy.local(&roots, SHORT_MAX).await?.of_copy("look for the first commit")?;
        let cut = self.copy.cut_off()?;
        let roots = String::from_utf8_lossy(&roots);
        Ok(!roots.lines().any(|root| cut.contains(root)))
    }

    async fn follows(&self, older: &Commit, newer: &Commit) -> Result<bool, Fault> {
        let there = format!("{}^{{commit}}", older.id);
        let there = self.copy.local(&["cat-file", "-e", &there], SHORT_MAX).await?;
        if !there.status.success() {
            return Ok(false);
        }
        let arguments = ["merge-base", "--is-ancestor", &older.id, &newer.id];
        let answer = self.copy.local(&arguments, SHORT_MAX).await?;
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
        let path = format!(":(top,literal){}", self.settings().path.as_str());
        let arguments = [
            "log",
            "-p",
            "--cc",
            "-U0",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--find-renames",
            "--no-notes",
            "--no-mailmap",
            FORMAT,
            &range,
            "--",
            &path,
        ];
        let log = self.copy.local(&arguments, LOG_MAX).await?;
        Ok(commits::took_out(&log.of_copy("look through the commits")?))
    }
}
