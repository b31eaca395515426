//! WeCom: a group robot, in its subset of Markdown.

use super::{Composed, Message, cut, details, headline, tame};
use crate::notification::news::{News, Severity};
use serde_json::json;

/// Bytes of the content.
const CONTENT_MAX: usize = 4096;
/// What is kept for the first line and the last.
const FRAME: usize = 596;

pub(super) fn compose(message: &Message<'_>) -> Composed {
    let head = cut(&tame(&message.head()), FRAME / 2);
    let (pieces, more) =
        message.fit(usize::MAX, CONTENT_MAX - FRAME, |piece| piece.len() + 1, piece);
    let mut content = format!("### {head}\n{}", pieces.join("\n"));
    if let Some(foot) = message.foot(more) {
        content = format!("{content}\n{}", tame(&foot));
    }
    let body = json!({ "msgtype": "markdown", "markdown": { "content": content } });
    Composed { query: Vec::new(), body }
}

fn piece(news: &News) -> String {
    let colour = match news.severity {
        Severity::Info => "info",
        Severity::Warning | Severity::Error => "warning",
    };
    let quoted: Vec<String> =
        details(news).iter().map(|line| format!("> {}", tame(line))).collect();
    let head = format!("<font color=\"{colour}\">{}</font>", tame(&headline(news)));
    cut(&format!("{head}\n{}", quoted.join("\n")), CONTENT_MAX - FRAME - 1)
}
