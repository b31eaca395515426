//! Lark and Feishu: a custom bot, as a card of plain text, in which nothing has a meaning. Where the bot
//! asks for a signature, time and signature go into the body.

use super::{Composed, Message, cut, details, headline};
use crate::notification::news::{News, Severity};
use crate::signature::webhook;
use serde_json::{Value, json};

/// Bytes of all events as JSON; Lark takes 20 KB for the whole body.
const TEXT_MAX: usize = 14_000;
/// Bytes of one event before it is JSON.
const EVENT_MAX: usize = 4_000;

pub(super) fn compose(message: &Message<'_>) -> Composed {
    let (pieces, more) = message.fit(usize::MAX, TEXT_MAX, cost, piece);
    let elements: Vec<Value> =
        pieces.into_iter().chain(message.foot(more)).map(|text| element(&text)).collect();
    let colour = match message.worst() {
        Severity::Info => "blue",
        Severity::Warning => "orange",
        Severity::Error => "red",
    };
    let mut body = json!({
        "msg_type": "interactive",
        "card": {
            "config": { "wide_screen_mode": true },
            "header": {
                "title": { "tag": "plain_text", "content": message.head() },
                "template": colour,
            },
            "elements": elements,
        },
    });
    if let (Some(secret), Some(map)) = (message.secret, body.as_object_mut()) {
        let seconds = message.now.wall.as_second();
        map.insert("timestamp".to_owned(), seconds.to_string().into());
        map.insert("sign".to_owned(), webhook::lark(secret, seconds).into());
    }
    Composed { query: Vec::new(), body }
}

fn piece(news: &News) -> String {
    cut(&format!("{}\n{}", headline(news), details(news).join("\n")), EVENT_MAX)
}

fn element(text: &str) -> Value {
    json!({ "tag": "div", "text": { "tag": "plain_text", "content": text } })
}

fn cost(text: &str) -> usize {
    element(text).to_string().len() + 1
}
