//! Accepted revisions, and what passes found by them.

use super::origin::{CommitBody, Origin};
use super::{LinkBody, ScopeBody};
use crate::ledger::event;
use crate::model::{AccountName, Digest, InstanceId, Mode, Region, Scope, TakenOut, Verb, VpcId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

#[derive(Debug, Serialize, Deserialize)]
struct FileBody {
    path: String,
    digest: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShrunkBody {
    #[serde(flatten)]
    scope: ScopeBody,
    from: u64,
    lost: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    doubtful: bool,
}

/// Links that one commit took out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TakenOutBody {
    #[serde(flatten)]
    commit: CommitBody,
    exactly: bool,
    links: Vec<LinkBody>,
}

impl TakenOutBody {
    fn all(taken_out: &[((Scope, InstanceId), TakenOut)]) -> Vec<Self> {
        let mut by: BTreeMap<&TakenOut, Vec<LinkBody>> = BTreeMap::new();
        for ((scope, instance), of) in taken_out {
            by.entry(of).or_default().push(LinkBody::of(scope, instance));
        }
        let body = |(of, links): (&TakenOut, _)| Self {
            commit: CommitBody::of(&of.commit),
            exactly: of.exactly,
            links,
        };
        by.into_iter().map(body).collect()
    }

    fn links(self) -> Option<Vec<((Scope, InstanceId), TakenOut)>> {
        let of = TakenOut { commit: self.commit.commit(), exactly: self.exactly };
        self.links.iter().map(|link| Some((link.link()?, of.clone()))).collect()
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Accepted {
    root: String,
    #[serde(flatten)]
    origin: Origin,
    files: Vec<FileBody>,
    released: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    protected: Vec<LinkBody>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shrunk: Vec<ShrunkBody>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taken_out: Vec<TakenOutBody>,
}

impl Accepted {
    pub fn of(accepted: &event::Accepted) -> Self {
        let file = |(path, digest): &(String, Digest)| FileBody {
            path: path.clone(),
            digest: digest.to_string(),
        };
        let shrunk = |shrunk: &event::Shrunk| ShrunkBody {
            scope: ScopeBody::of(&shrunk.scope),
            from: shrunk.from,
            lost: shrunk.lost.iter().map(ToString::to_string).collect(),
            by: shrunk.by.clone(),
            doubtful: shrunk.doubtful,
        };
        let protected = accepted.protected.iter();
        Self {
            root: accepted.root.clone(),
            origin: Origin::of(&accepted.revision),
            files: accepted.files.iter().map(file).collect(),
            released: accepted.released.iter().map(ToString::to_string).collect(),
            protected: protected.map(|(scope, id)| LinkBody::of(scope, id)).collect(),
            shrunk: accepted.shrunk.iter().map(shrunk).collect(),
            taken_out: TakenOutBody::all(&accepted.taken_out),
        }
    }

    pub fn event(self) -> Option<event::Accepted> {
        let file = |file: FileBody| Some((file.path, Digest::parse(&file.digest)?));
        let shrunk = |body: ShrunkBody| {
            let id = |text: &String| InstanceId::parse(text).ok();
            Some(event::Shrunk {
                scope: body.scope.scope()?,
                from: body.from,
                lost: body.lost.iter().map(id).collect::<Option<_>>()?,
                by: body.by,
                doubtful: body.doubtful,
            })
        };
        let taken_out = self.taken_out.into_iter().map(TakenOutBody::links);
        let taken_out = taken_out.collect::<Option<Vec<_>>>()?;
        Some(event::Accepted {
            root: self.root,
            revision: self.origin.revision()?,
            files: self.files.into_iter().map(file).collect::<Option<_>>()?,
            released: self.released.iter().filter_map(|text| named(text)).collect(),
            protected: self.protected.iter().map(LinkBody::link).collect::<Option<_>>()?,
            shrunk: self.shrunk.into_iter().map(shrunk).collect::<Option<_>>()?,
            taken_out: taken_out.into_iter().flatten().collect(),
        })
    }
}

/// A scope as it is shown.
fn named(text: &str) -> Option<Scope> {
    let mut parts = text.split('/');
    let scope = Scope {
        account: AccountName::parse(parts.next()?).ok()?,
        region: Region::parse(parts.next()?).ok()?,
        vpc: VpcId::parse(parts.next()?).ok()?,
    };
    parts.next().is_none().then_some(scope)
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RefusalBody {
    rule: String,
    message: String,
    way_out: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Passed {
    #[serde(flatten)]
    scope: ScopeBody,
    #[serde(flatten)]
    origin: Origin,
    mode: String,
    observed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaving: Option<NonZeroU64>,
    desired: u64,
    verdict: String,
    plan: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    detach: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attach: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refusals: Vec<RefusalBody>,
}

impl Passed {
    pub fn of(passed: &event::Passed) -> Self {
        let of = |verb: Verb| {
            let actions = passed.actions.iter().filter(move |(of, _)| *of == verb);
            actions.map(|(_, instance)| instance.to_string()).collect()
        };
        let refusal = |(rule, message, way_out): &(String, String, String)| RefusalBody {
            rule: rule.clone(),
            message: message.clone(),
            way_out: way_out.clone(),
        };
        Self {
            scope: ScopeBody::of(&passed.scope),
            origin: Origin::of(&passed.revision),
            mode: passed.mode.to_string(),
            observed: passed.observed,
            leaving: NonZeroU64::new(passed.leaving),
            desired: passed.desired,
            verdict: passed.verdict.clone(),
            plan: passed.plan.as_ref().map(ToString::to_string),
            detach: of(Verb::Detach),
            attach: of(Verb::Attach),
            refusals: passed.refusals.iter().map(refusal).collect(),
        }
    }

    pub fn event(self) -> Option<event::Passed> {
        let of = |verb: Verb, ids: Vec<String>| {
            let id = move |text: String| Some((verb, InstanceId::parse(&text).ok()?));
            ids.into_iter().map(id).collect::<Option<BTreeSet<_>>>()
        };
        let mut actions = of(Verb::Detach, self.detach)?;
        actions.extend(of(Verb::Attach, self.attach)?);
        let refusals = self.refusals.into_iter();
        Some(event::Passed {
            scope: self.scope.scope()?,
            revision: self.origin.revision()?,
            mode: Mode::parse(&self.mode)?,
            observed: self.observed,
            leaving: self.leaving.map_or(0, NonZeroU64::get),
            desired: self.desired,
            verdict: self.verdict,
            plan: match self.plan {
                None => None,
                Some(text) => Some(Digest::parse(&text)?),
            },
            actions,
            refusals: refusals.map(|said| (said.rule, said.message, said.way_out)).collect(),
        })
    }
}
