//! What was told of the links of one scope: drift, failures, quarantine.

use crate::clock::Moment;
use crate::cloud::Class;
use crate::model::{InstanceId, Verb};
use crate::notification::news::{Event, News, Severity, line};
use crate::outcome::Outcome;
use crate::report::ScopeReport;
use std::collections::{BTreeMap, BTreeSet};

/// Which change a link wants, or would want if the mode said so.
type Key = (Verb, InstanceId);

/// Links whose reasons are spelled out.
const REASONS_MAX: usize = 5;

/// What was told and is not over.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Unexpected or missing.
    differing: BTreeSet<Key>,
    /// By what their last action failed.
    failing: BTreeMap<Key, String>,
    /// In quarantine.
    resting: BTreeSet<Key>,
}

impl Links {
    /// What of a report with a plan is worth telling.
    pub(super) fn news(&mut self, at: Moment, report: &ScopeReport) -> Vec<News> {
        let mut news = Vec::new();
        let wanted: BTreeSet<Key> =
            report.actions.iter().map(|a| (a.verb, a.link.instance.clone())).collect();
        let mut converged: BTreeMap<Key, String> = BTreeMap::new();
        for applied in report.applied.iter().filter(|applied| applied.outcome.is_converged()) {
            let key = (applied.action.verb, applied.action.link.instance.clone());
            converged.insert(key, applied.outcome.to_string());
        }
        news.extend(self.found(at, report, &wanted));
        news.extend(self.failed(at, report, &wanted, &converged));
        news.extend(self.rests(at, report, &wanted, &converged));
        news.extend(self.repaired(at, report, &wanted, &converged));
        news
    }

    fn found(&mut self, at: Moment, report: &ScopeReport, wanted: &BTreeSet<Key>) -> Option<News> {
        let new: BTreeSet<Key> = differing(report, wanted)
            .into_iter()
            .filter(|key| !self.differing.contains(key))
            .collect();
        let unexpected = new.iter().filter(|(verb, _)| *verb == Verb::Detach).count();
        let missing = new.len() - unexpected;
        let title = match (unexpected, missing) {
            (0, 0) => return None,
            (unexpected, 0) => format!("{} unexpected", counted(unexpected)),
            (0, missing) => format!("{} missing", counted(missing)),
            (unexpected, missing) => {
                format!("{} unexpected, {missing} missing", counted(unexpected))
            }
        };
        let reason = |(verb, instance): &Key| {
            let action =
                report.actions.iter().find(|a| a.verb == *verb && a.link.instance == *instance);
            match (action, report.missing.get(instance)) {
                (Some(action), _) => format!("{verb} {instance}: {}", action.reason),
                (None, Some(missing)) => format!("missing {instance}: {missing}"),
                (None, None) => format!("{verb} {instance}"),
            }
        };
        let mut reasons: Vec<String> =
            new.iter().take(REASONS_MAX).map(|key| line(&reason(key), 300)).collect();
        reasons.push(format!(
            "mode {}, {} observed, {} desired",
            report.mode, report.observed, report.desired
        ));
        let instances = new.iter().map(|(_, instance)| instance);
        let mut news =
            News::new(Event::DriftFound, at, title).text(&reasons.join("\n")).links(instances);
        news.plan.clone_from(&report.digest);
        self.differing.extend(new);
        Some(news)
    }

    fn repaired(
        &mut self,
        at: Moment,
        report: &ScopeReport,
        wanted: &BTreeSet<Key>,
        converged: &BTreeMap<Key, String>,
    ) -> Option<News> {
        let still = differing(report, wanted);
        let by_itself = |key: &Key| !still.contains(key) && !converged.contains_key(key);
        let gone: Vec<Key> = self.differing.iter().filter(|key| by_itself(key)).cloned().collect();
        self.differing = still.into_iter().filter(|key| !converged.contains_key(key)).collect();
        let title = match (converged.len(), gone.len()) {
            (0, 0) => return None,
            (ours, 0) => format!("{} put right", counted(ours)),
            (0, gone) => format!("{} no longer different, and not by us", counted(gone)),
            (ours, gone) => format!("{} put right; {gone} no longer different", counted(ours)),
        };
        let ours = converged.iter().map(|((_, instance), how)| format!("{instance}: {how}"));
        let others = gone.iter().map(|(_, instance)| format!("{instance}: no longer different"));
        let text: Vec<String> = ours.chain(others).take(REASONS_MAX).collect();
        let instances = converged.keys().chain(&gone).map(|(_, instance)| instance);
        Some(News::new(Event::DriftRepaired, at, title).text(&text.join("\n")).links(instances))
    }

    fn failed(
        &mut self,
        at: Moment,
        report: &ScopeReport,
        wanted: &BTreeSet<Key>,
        converged: &BTreeMap<Key, String>,
    ) -> Vec<News> {
        self.failing.retain(|key, _| wanted.contains(key) && !converged.contains_key(key));
        // By verb and reason, so that a hundred links that fail alike are one piece of news.
        let mut groups: BTreeMap<(Verb, String), (Severity, String, BTreeSet<&InstanceId>)> =
            BTreeMap::new();
        for applied in &report.applied {
            let (why, severity) = match &applied.outcome {
                Outcome::Blocked(why) | Outcome::Failed(why) => (why, Severity::Error),
                Outcome::Unknown(why) => (why, Severity::Warning),
                _ => continue,
            };
            // These are told of the whole scope.
            if matches!(why.class, Class::Denied | Class::Unauthenticated | Class::Retired) {
                continue;
            }
            let (verb, instance) = (applied.action.verb, &applied.action.link.instance);
            let gist = format!("{} {}", applied.outcome.as_str(), line(&why.code, 100));
            let key = (verb, instance.clone());
            if wanted.contains(&key)
                && self.failing.insert(key, gist.clone()).as_ref() == Some(&gist)
            {
                continue;
            }
            let text = applied.outcome.to_string();
            let group = groups.entry((verb, gist)).or_insert((severity, text, BTreeSet::new()));
            group.2.insert(instance);
        }
        let told = groups.into_iter().map(|((verb, gist), (severity, text, instances))| {
            let title = format!("{verb} of {} not done: {gist}", counted(instances.len()));
            let way_out = instances.first().map(|instance| {
                format!("look at `classiclinkd explain {instance}`; the next passes try again")
            });
            let news = News::new(Event::ActionFailed, at, title)
                .text(&line(&text, 500))
                .way_out(&way_out.unwrap_or_default())
                .links(instances);
            News { severity, ..news }
        });
        told.collect()
    }

    fn rests(
        &mut self,
        at: Moment,
        report: &ScopeReport,
        wanted: &BTreeSet<Key>,
        converged: &BTreeMap<Key, String>,
    ) -> Vec<News> {
        let rests = |outcome: &Outcome| match outcome {
            Outcome::Blocked(_) | Outcome::Failed(_) => true,
            Outcome::Unknown(why) => why.is_disputed(),
            _ => false,
        };
        let in_plan = |key: &Key| wanted.contains(key) && !converged.contains_key(key);
        let (kept, left): (BTreeSet<Key>, BTreeSet<Key>) =
            std::mem::take(&mut self.resting).into_iter().partition(in_plan);
        self.resting = kept;
        let mut new = BTreeSet::new();
        for applied in report.applied.iter().filter(|applied| rests(&applied.outcome)) {
            let key = (applied.action.verb, applied.action.link.instance.clone());
            if in_plan(&key) && self.resting.insert(key.clone()) {
                new.insert(key.1);
            }
        }
        let mut news = Vec::new();
        if !new.is_empty() {
            let title = format!("{} in quarantine", counted(new.len()));
            let text = "no other link is held up; each is tried again every 15 minutes or so";
            news.push(News::new(Event::Quarantine, at, title).text(text).links(&new));
        }
        if !left.is_empty() {
            let title = format!("{} out of quarantine", counted(left.len()));
            let instances = left.iter().map(|(_, instance)| instance);
            news.push(News::new(Event::QuarantineLeft, at, title).links(instances));
        }
        news
    }
}

/// Everything that differs, whether the mode lets it be changed or not.
fn differing(report: &ScopeReport, wanted: &BTreeSet<Key>) -> BTreeSet<Key> {
    let missing = report.missing.keys().map(|instance| (Verb::Attach, instance.clone()));
    wanted.iter().cloned().chain(missing).collect()
}

fn counted(links: usize) -> String {
    if links == 1 { "1 link".to_owned() } else { format!("{links} links") }
}
