//! What was told of one scope: holds, reading, credentials. Its links are in `links`.

use super::links::Links;
use crate::clock::Moment;
use crate::cloud::Class;
use crate::model::Digest;
use crate::notification::news::{Event, News, line};
use crate::outcome::Outcome;
use crate::report::{ScopeReport, Verdict};

/// Passes in a row without a complete observation that are worth telling.
const UNREAD_TOLD: u32 = 3;

/// What was told and is not over.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The plan that is held, and the gist of why.
    held: Option<(Digest, Vec<String>)>,
    /// Passes in a row without a complete observation.
    unread: u32,
    /// Why it cannot be read, without what differs at every pass.
    unreadable: Option<String>,
    /// The code by which a credential fails, and whether at a read.
    credential: Option<(String, bool)>,
    /// The code by which the cloud said that it is over.
    retired: Option<String>,
    links: Links,
}

impl Known {
    pub(super) fn news(&mut self, at: Moment, report: &ScopeReport) -> Vec<News> {
        let mut news = match report.verdict {
            Verdict::Failed(_) | Verdict::Partial => Vec::from_iter(self.trouble(at, report)),
            _ => self.read(at),
        };
        news.extend(self.writing(at, report));
        // Without a plan nothing is known, and what was told stays told.
        if let Some(plan) = &report.digest {
            news.extend(self.hold(at, report, plan));
            news.extend(self.links.news(at, report));
        }
        news
    }

    fn hold(&mut self, at: Moment, report: &ScopeReport, plan: &Digest) -> Option<News> {
        if report.refusals.is_empty() {
            self.held.take()?;
            let text = match (&report.approver, report.actions.is_empty()) {
                (Some(who), _) => format!("released by {}", line(who, 100)),
                (None, true) => "there is nothing to do any more".to_owned(),
                (None, false) => "no rule holds the plan any more".to_owned(),
            };
            return Some(News::new(Event::HoldEnded, at, "the plan is no longer held").text(&text));
        }
        let gist: Vec<String> = report.refusals.iter().map(|refusal| refusal.gist()).collect();
        let now = (plan.clone(), gist);
        if self.held.as_ref() == Some(&now) {
            return None;
        }
        self.held = Some(now);
        let title = match report.verdict {
            Verdict::Held => format!("plan {} is held: {}", plan.short(), proposed(report)),
            _ => format!("some links of plan {} are withheld", plan.short()),
        };
        let each = |text: fn(&crate::gate::Refusal) -> String| {
            report.refusals.iter().map(text).collect::<Vec<_>>().join("\n")
        };
        let text = each(|refusal| format!("[{}] {}", refusal.rule, line(&refusal.message, 500)));
        // An approval is named by each refusal that one releases.
        let way_out = each(|refusal| format!("[{}] {}", refusal.rule, line(&refusal.way_out, 500)));
        let links = report.actions.iter().map(|action| &action.link.instance);
        let mut news = News::new(Event::Hold, at, title).text(&text).way_out(&way_out).links(links);
        news.plan = Some(plan.clone());
        Some(news)
    }

    fn trouble(&mut self, at: Moment, report: &ScopeReport) -> Option<News> {
        let refusal = report.refusals.first();
        let because = |event, title: &str| {
            let news = News::new(event, at, title);
            match refusal {
                Some(said) => {
                    news.text(&line(&said.message, 500)).way_out(&line(&said.way_out, 500))
                }
                None => news,
            }
        };
        match &report.verdict {
            Verdict::Failed(error) => {
                let code = error.code.clone();
                match error.class {
                    Class::Retired => told(&mut self.retired, code).then(|| {
                        because(Event::Retired, "the cloud offers no ClassicLink here any more")
                    }),
                    Class::Denied | Class::Unauthenticated => {
                        told(&mut self.credential, (code, true)).then(|| {
                            because(
                                Event::CredentialFailing,
                                "the links cannot be read with this key",
                            )
                        })
                    }
                    _ => told(&mut self.unreadable, code)
                        .then(|| because(Event::Unreadable, "the links cannot be read")),
                }
            }
            Verdict::Partial => {
                self.unread = self.unread.saturating_add(1);
                let due = self.unread >= UNREAD_TOLD && self.unreadable.is_none();
                due.then(|| {
                    self.unreadable = Some("partial".to_owned());
                    let title = format!("not completely read for {} passes", self.unread);
                    because(Event::Unreadable, &title)
                })
            }
            _ => None,
        }
    }

    /// What is over once the links were read completely.
    fn read(&mut self, at: Moment) -> Vec<News> {
        let mut news = Vec::new();
        self.unread = 0;
        let was_retired = self.retired.take().is_some();
        if self.unreadable.take().is_some() || was_retired {
            news.push(News::new(Event::ReadableAgain, at, "the links can be read again"));
        }
        if self.credential.take_if(|(_, at_a_read)| *at_a_read).is_some() {
            let title = "the cloud accepts this key for reading again";
            news.push(News::new(Event::CredentialWorking, at, title));
        }
        news
    }

    fn writing(&mut self, at: Moment, report: &ScopeReport) -> Option<News> {
        let mut worked = report.digest.is_some() && report.actions.is_empty();
        for applied in &report.applied {
            let Outcome::Blocked(why) = &applied.outcome else {
                worked |= applied.outcome.is_converged();
                continue;
            };
            let verb = applied.action.verb;
            let news = match why.class {
                Class::Retired => told(&mut self.retired, why.code.clone()).then(|| {
                    News::new(
                        Event::Retired,
                        at,
                        format!("the cloud offers no {verb} here any more"),
                    )
                }),
                Class::Denied | Class::Unauthenticated => {
                    told(&mut self.credential, (why.code.clone(), false)).then(|| {
                        let title = format!("the cloud refuses a {verb} with this key");
                        News::new(Event::CredentialFailing, at, title).way_out(match why.class {
                            Class::Denied => "grant the action to this identity (deploy/README.md)",
                            _ => "check the access key, its secret and its token",
                        })
                    })
                }
                _ => continue,
            };
            return news.map(|news| {
                news.text(&line(&why.message, 500)).links([&applied.action.link.instance])
            });
        }
        if !(worked && matches!(self.credential, Some((_, false)))) {
            return None;
        }
        self.credential = None;
        Some(News::new(Event::CredentialWorking, at, "the cloud takes changes with this key again"))
    }
}

/// Remembers what is told; `false` if it was told before.
fn told<T: PartialEq>(before: &mut Option<T>, now: T) -> bool {
    let is_new = before.as_ref() != Some(&now);
    *before = Some(now);
    is_new
}

fn proposed(report: &ScopeReport) -> String {
    use crate::model::Verb::{Attach, Detach};
    match (report.count(Detach), report.count(Attach)) {
        (0, 0) => format!("{} observed, {} desired", report.observed, report.desired),
        (detach, 0) => format!("{detach} to detach of {} observed", report.observed),
        (0, attach) => format!("{attach} to attach"),
        (detach, attach) => {
            format!("{detach} to detach of {} observed, {attach} to attach", report.observed)
        }
    }
}
