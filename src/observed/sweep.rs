//! One try at listing a VPC: pages that overlap, and what may be concluded from them.
//!
//! Page `k` is asked with size `101 - k`, so it begins `k - 1` links before the previous page
//! ended. If links come or go between two pages, the overlap no longer matches and the try counts
//! for nothing but candidates. Twelve calls cover 1,000 links.

use super::{Gap, Listed};
use crate::cloud::{PAGE_SIZE_MAX, Page};
use crate::model::{InstanceId, Link, Scope};
use std::collections::BTreeSet;

/// More pages than any VPC has: sizes 100 down to 61 cover 2,440 links.
const PAGES_MAX: u32 = 40;

/// More links than any VPC has, and than [`PAGES_MAX`] pages hold.
const LINKS_MAX: u32 = 2_440;

/// Whether a VPC can have that many links.
///
/// # Errors
/// A [`Gap`] for a count that would keep a reader busy for days.
pub fn plausible(scope: &Scope, total: u32) -> Result<(), Gap> {
    if total <= LINKS_MAX {
        return Ok(());
    }
    Err(Gap(format!("the cloud counts {total} links of {}, more than a VPC can have", scope.vpc)))
}

/// The next page to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// From 1.
    pub page: u32,
    /// 1 to 100.
    pub page_size: u32,
}

/// The pages of one try.
#[derive(Debug, Clone)]
pub struct Sweep {
    scope: Scope,
    total: Option<u32>,
    pages: u32,
    tail: Vec<InstanceId>,
    seen: BTreeSet<InstanceId>,
}

impl Sweep {
    /// A try that has asked for nothing yet.
    pub fn new(scope: Scope) -> Self {
        Self { scope, total: None, pages: 0, tail: Vec::new(), seen: BTreeSet::new() }
    }

    /// The next page to ask for; `None` when the pages asked for cover the count.
    pub fn ask(&self) -> Option<Ask> {
        let next =
            Ask { page: self.pages + 1, page_size: PAGE_SIZE_MAX.saturating_sub(self.pages) };
        match self.total {
            None => Some(next),
            Some(total) if self.covered() < total => Some(next),
            Some(_) => None,
        }
    }

    /// Everything seen in this try, proven or not.
    pub fn seen(&self) -> &BTreeSet<InstanceId> {
        &self.seen
    }

    /// What the cloud counted last.
    pub fn total(&self) -> Option<u32> {
        self.total
    }

    /// Takes the answer to [`Sweep::ask`].
    ///
    /// # Errors
    /// A [`Gap`]: the try proves nothing; what it saw so far is still good for candidates.
    pub fn take(&mut self, page: &Page) -> Result<(), Gap> {
        let asked = match self.ask() {
            Some(ask) if ask.page <= PAGES_MAX => ask,
            _ => {
                return Err(Gap(format!(
                    "{} has more links than {PAGES_MAX} pages hold",
                    self.scope.vpc
                )));
            }
        };
        plausible(&self.scope, page.total)?;
        let earlier = self.total.replace(page.total);
        let ids = self.own(&page.links)?;
        let mut fresh: BTreeSet<InstanceId> = ids.iter().cloned().collect();
        if fresh.len() != ids.len() {
            return Err(self.gap(asked, "lists a link twice"));
        }
        self.seen.append(&mut fresh);
        if earlier.is_some_and(|earlier| earlier != page.total) {
            return Err(self.gap(asked, "counts the links differently than the page before"));
        }
        let begin = self.begin_of(asked);
        let expected = page.total.saturating_sub(begin).min(asked.page_size);
        if ids.len() != expected as usize {
            return Err(
                self.gap(asked, &format!("has {} links where {expected} belong", ids.len()))
            );
        }
        let overlap = (self.covered().saturating_sub(begin) as usize).min(ids.len());
        let seam = self.tail.len().checked_sub(self.covered().saturating_sub(begin) as usize);
        let before = seam.and_then(|from| self.tail.get(from..)).unwrap_or_default();
        if self.pages > 0 && before.get(..overlap) != ids.get(..overlap) {
            return Err(self.gap(asked, "does not continue the page before it"));
        }
        self.pages += 1;
        self.tail = ids;
        Ok(())
    }

    /// The proven list, once [`Sweep::ask`] has nothing more to ask for.
    ///
    /// # Errors
    /// A [`Gap`] where the links seen are not as many as the cloud counts.
    pub fn finish(self) -> Result<Listed, Gap> {
        match self.total {
            Some(total) if self.ask().is_none() && self.seen.len() == total as usize => {
                Ok(Listed(self.seen))
            }
            Some(total) => Err(Gap(format!(
                "{} links of {} were seen, and the cloud counts {total}",
                self.seen.len(),
                self.scope.vpc
            ))),
            None => Err(Gap(format!("{} was not listed", self.scope.vpc))),
        }
    }

    /// Links covered by the pages taken so far, counted from the beginning of the list.
    fn covered(&self) -> u32 {
        self.pages * PAGE_SIZE_MAX.saturating_sub(self.pages.saturating_sub(1))
    }

    /// Position of the first link of a page.
    fn begin_of(&self, ask: Ask) -> u32 {
        (ask.page - 1) * ask.page_size
    }

    fn own(&self, links: &[Link]) -> Result<Vec<InstanceId>, Gap> {
        let foreign = links.iter().find(|link| link.vpc != self.scope.vpc);
        match foreign {
            Some(link) => Err(Gap(format!(
                "asked for the links of {}, the cloud answers with {link}; the endpoint may serve \
                 another region or account",
                self.scope.vpc
            ))),
            None => Ok(links.iter().map(|link| link.instance.clone()).collect()),
        }
    }

    fn gap(&self, ask: Ask, what: &str) -> Gap {
        Gap(format!("page {} of {} {what}", ask.page, self.scope.vpc))
    }
}
