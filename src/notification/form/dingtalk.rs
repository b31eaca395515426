//! DingTalk: a custom robot, in Markdown. Where the robot asks for a signature, time and signature go into
//! the query.

use super::{Composed, Message, cut, details, headline, tame};
use crate::notification::news::News;
use crate::signature::webhook;
use serde_json::json;

/// Bytes of all events as JSON; DingTalk takes about 20,000 for the whole body.
const TEXT_MAX: usize = 16_000;
/// Bytes of one event before it is JSON.
const EVENT_MAX: usize = 5_000;

pub(super) fn compose(message: &Message<'_>) -> Composed {
    let head = tame(&message.head());
    let (pieces, more) = message.fit(usize::MAX, TEXT_MAX, cost, piece);
    let mut text = format!("#### {head}\n\n{}", pieces.join("\n\n"));
    if let Some(foot) = message.foot(more) {
        text = format!("{text}\n\n{}", tame(&foot));
    }
    let milliseconds = message.now.wall.as_millisecond();
    let query = message.secret.map_or_else(Vec::new, |secret| {
        let sign = webhook::dingtalk(secret, milliseconds);
        vec![("timestamp", milliseconds.to_string()), ("sign", sign)]
    });
    let body = json!({ "msgtype": "markdown", "markdown": { "title": head, "text": text } });
    Composed { query, body }
}

fn piece(news: &News) -> String {
    let quoted: Vec<String> =
        details(news).iter().map(|line| format!("> {}", tame(line))).collect();
    cut(&format!("**{}**\n\n{}", tame(&headline(news)), quoted.join("\n\n")), EVENT_MAX)
}

/// With the empty line between two of them.
fn cost(text: &str) -> usize {
    json!(text).to_string().len() + 4
}
