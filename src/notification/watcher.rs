//! From what happens to what is worth telling: a fold, without a clock or anything to wait for. Each
//! thing is told once, again after it changed, and once more when it is over.

use super::news::{Event, News, line};
use crate::board::Happening;
use crate::clock::Moment;
use crate::desired::{Expiring, Notice};
use crate::model::{InstanceId, Revision, Scope};
use jiff::Timestamp;
use scope::Known;
use std::collections::BTreeMap;
use std::sync::Arc;

mod links;
mod scope;
#[cfg(test)]
mod tests;

/// What was told and is not over. Grows with what is wrong, not with time.
#[derive(Debug, Default)]
pub struct Watcher {
    revision: Option<Arc<Revision>>,
    /// Why the files are not the accepted revision.
    refused: Option<String>,
    /// Pauses, as sentences.
    paused: Vec<String>,
    /// Why the journal cannot be written.
    journal: Option<String>,
    scopes: BTreeMap<Scope, Known>,
    expiring: BTreeMap<(Scope, InstanceId), (Timestamp, Notice)>,
}

impl Watcher {
    /// What of a happening is worth telling.
    pub fn news(&mut self, at: Moment, happening: &Happening) -> Vec<News> {
        let mut news = match happening {
            Happening::Accepted(revision) => {
                self.revision = Some(Arc::clone(revision));
                Vec::new()
            }
            Happening::Trouble(trouble) => self.trouble(at, trouble.as_deref()),
            Happening::Passed(report) => {
                let known = self.scopes.entry(report.scope.clone()).or_default();
                let mut news = known.news(at, report);
                for news in &mut news {
                    news.scope = Some(report.scope.clone());
                }
                news
            }
            Happening::Expiring(scope, expiring) => self.expiring(at, scope, expiring),
            Happening::Stopped { paused, latched, journal } => {
                let mut news = self.stopped(at, paused, latched);
                news.extend(self.journal(at, journal.as_deref()));
                news
            }
        };
        // What was refused is another revision than the one in force; its text says which.
        let of_another =
            |news: &News| matches!(news.event, Event::SourceRefused | Event::SourceAcceptedAgain);
        for news in news.iter_mut().filter(|news| !of_another(news)) {
            news.revision.clone_from(&self.revision);
        }
        news
    }

    fn trouble(&mut self, at: Moment, trouble: Option<&str>) -> Vec<News> {
        if self.refused.as_deref() == trouble {
            return Vec::new();
        }
        self.refused = trouble.map(str::to_owned);
        vec![match trouble {
            Some(why) => {
                let keeps = match &self.revision {
                    Some(revision) => {
                        format!("revision {} stays in force", revision.digest.short())
                    }
                    None => "no revision is in force, so nothing is cut".to_owned(),
                };
                News::new(Event::SourceRefused, at, format!("the manifests are refused; {keeps}"))
                    .text(why)
                    .way_out(
                        "mend the manifests; `classiclinkd validate` says the same before a commit",
                    )
            }
            None => News::new(Event::SourceAcceptedAgain, at, "the manifests are accepted again"),
        }]
    }

    fn expiring(&mut self, at: Moment, scope: &Scope, expiring: &Expiring) -> Vec<News> {
        self.expiring.retain(|_, (until, _)| *until > at.wall);
        let key = (scope.clone(), expiring.instance.clone());
        let told = (expiring.until, expiring.notice);
        if self.expiring.insert(key, told) == Some(told) {
            return Vec::new();
        }
        let Expiring { instance, until, days_left, place, notice: _ } = expiring;
        let days = match days_left {
            0 => "in less than a day".to_owned(),
            1 => "in 1 day".to_owned(),
            days => format!("in {days} days"),
        };
        let title = format!("{instance} is no longer desired {days}");
        let mut news = News::new(Event::ExceptionExpiring, at, title)
            .text(&format!("from {until} on, as {} says", line(&place.to_string(), 200)))
            .way_out("to keep the link, prolong its `until` there")
            .links([instance]);
        news.scope = Some(scope.clone());
        vec![news]
    }

    fn stopped(&mut self, at: Moment, paused: &[String], latched: &[String]) -> Vec<News> {
        let mut news = Vec::new();
        for pause in paused.iter().filter(|pause| !self.paused.contains(pause)) {
            news.push(if latched.contains(pause) {
                News::new(
                    Event::PauseLatched,
                    at,
                    "calls paused themselves, until somebody resumes",
                )
                .text(&line(pause, 500))
                .way_out("look at `classiclinkd history`, then `classiclinkd resume`")
            } else {
                News::new(Event::Paused, at, "calls are paused")
                    .text(&line(pause, 500))
                    .way_out("let them go on with `classiclinkd resume`, or without the pause file")
            });
        }
        for pause in self.paused.iter().filter(|pause| !paused.contains(pause)) {
            let title = if paused.is_empty() {
                "a pause has ended; nothing is paused any more"
            } else {
                "a pause has ended; others stand"
            };
            news.push(News::new(Event::Resumed, at, title).text(&line(pause, 500)));
        }
        self.paused = paused.to_vec();
        news
    }

    fn journal(&mut self, at: Moment, trouble: Option<&str>) -> Option<News> {
        if self.journal.as_deref() == trouble {
            return None;
        }
        self.journal = trouble.map(str::to_owned);
        Some(match trouble {
            Some(why) => News::new(
                Event::JournalFailing,
                at,
                "the journal cannot be written: nothing is sent",
            )
            .text(&line(why, 500))
            .way_out("mend the state folder (space, permissions); reading and planning go on"),
            None => News::new(Event::JournalWorking, at, "the journal can be written again"),
        })
    }
}
