//! A message, as each receiver wants it: one file a kind. What of it comes from manifests or the cloud
//! is hostile input here: it may show as text, and as nothing else.

use super::news::{News, Severity};
use super::sink::Kind;
use super::template::Template;
use crate::clock::Moment;
use serde_json::Value;
use std::sync::Arc;

mod dingtalk;
mod json;
mod lark;
mod slack;
mod verdict;
mod wecom;
#[cfg(test)]
mod tests;

pub(super) use verdict::{Reply, Verdict, of as verdict};

/// Who is telling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// The name of the host, where it is known.
    pub host: Option<String>,
}

/// What one message tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub sender: &'a Sender,
    pub news: &'a [Arc<News>],
    /// Earlier news that could not be kept or delivered.
    pub lost: u64,
    pub template: Option<&'a Template>,
    /// When it is sent, for signatures.
    pub now: Moment,
    /// What it is signed with, where the kind can.
    pub secret: Option<&'a str>,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Composed {
    /// More pairs for the query.
    pub query: Vec<(&'static str, String)>,
    pub body: Value,
}

/// The message in the language of a kind.
pub(super) fn compose(kind: Kind, message: &Message<'_>) -> Composed {
    match kind {
        Kind::Json => json::compose(message),
        Kind::Slack => slack::compose(message),
        Kind::Dingtalk => dingtalk::compose(message),
        Kind::Wecom => wecom::compose(message),
        Kind::Lark => lark::compose(message),
    }
}

impl Message<'_> {
    /// The worst of what it tells.
    fn worst(&self) -> Severity {
        self.news.iter().map(|news| news.severity).max().unwrap_or(Severity::Info)
    }

    /// One line over everything, of our own words.
    fn head(&self) -> String {
        let from = match &self.sender.host {
            Some(host) => format!("classiclinkd on {host}"),
            None => "classiclinkd".to_owned(),
        };
        match self.news {
            [one] => format!("{from}: {} ({})", one.event.as_str(), one.severity.as_str()),
            many => format!("{from}: {} events, the worst: {}", many.len(), self.worst().as_str()),
        }
    }

    /// What is said below, if something is left out.
    fn foot(&self, more: usize) -> Option<String> {
        let lost = self.lost;
        match (more, lost) {
            (0, 0) => None,
            (more, 0) => Some(format!("and {more} more; see the log and `classiclinkd history`")),
            (0, lost) => Some(format!("{lost} earlier events were not delivered; see the log")),
            (more, lost) => Some(format!(
                "and {more} more; {lost} earlier events were not delivered; see the log"
            )),
        }
    }

    /// As many pieces as there is room for, by what each costs, and how many news are left out. The first
    /// one is always there: no piece may cost more than the room.
    fn fit(
        &self,
        most: usize,
        room: usize,
        cost: impl Fn(&str) -> usize,
        piece: impl Fn(&News) -> String,
    ) -> (Vec<String>, usize) {
        let (mut pieces, mut left) = (Vec::new(), room);
        for news in self.news.iter().take(most) {
            let piece = piece(news);
            let costs = cost(&piece);
            if costs > left {
                break;
            }
            left -= costs;
            pieces.push(piece);
        }
        let more = self.news.len() - pieces.len();
        (pieces, more)
    }
}

/// `error: hold in default/cn-hangzhou/vpc-a`, of our own words.
fn headline(news: &News) -> String {
    let place = news.scope.as_ref().map(|scope| format!(" in {scope}")).unwrap_or_default();
    format!("{}: {}{place}", news.severity.as_str(), news.event.as_str())
}

/// Everything else of an event, line by line: title, text, links, what to do.
fn details(news: &News) -> Vec<String> {
    let mut lines = vec![news.title.clone()];
    lines.extend(news.text.lines().map(str::to_owned));
    lines.extend(news.links_text().map(|links| format!("links: {links}")));
    if let Some((commit, revision)) =
        news.revision.as_ref().and_then(|of| Some((of.commit.as_ref()?, of)))
    {
        lines.push(format!("manifests: commit {}{}", commit.short(), revision.made()));
    }
    let mut label = "to do: ";
    for line in news.way_out.iter().flat_map(|way_out| way_out.lines()) {
        lines.push(format!("{label}{line}"));
        label = "or: ";
    }
    lines
}

/// Text in which nothing means anything to a reader of Markdown that knows no escapes: the signs that
/// do are replaced by their wide twins, and no URL becomes a link.
fn tame(text: &str) -> String {
    let mut tamed: String = text
        .chars()
        .map(|c| match c {
            '<' => '＜',
            '>' => '＞',
            '[' => '［',
            ']' => '］',
            '*' => '＊',
            '#' => '＃',
            '&' => '＆',
            '\\' => '＼',
            '`' => '\'',
            '|' => '｜',
            '~' => '～',
            c => c,
        })
        .collect();
    tamed = tamed.replace("://", "：//");
    tamed
}

/// The beginning of a text, of so many bytes at most.
fn cut(text: &str, bytes: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= bytes {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if kept.len() + c.len_utf8() + MARK.len() > bytes {
            break;
        }
        kept.push(c);
    }
    kept + MARK
}
