//! Slack: an incoming webhook, in Block Kit. Of `mrkdwn`, `&`, `<` and `>` are escaped; what is not our
//! own word stands in a code block, where nothing else has a meaning.

use super::{Composed, Message, details, headline};
use crate::notification::news::News;
use serde_json::{Value, json};

/// Characters of a section; Slack takes 3000.
const SECTION_MAX: usize = 2900;
/// Events of one message; Slack takes 50 blocks.
const EVENTS_MAX: usize = 20;

pub(super) fn compose(message: &Message<'_>) -> Composed {
    let head = escaped(&message.head(), SECTION_MAX);
    let (pieces, more) = message.fit(EVENTS_MAX, usize::MAX, |_| 0, section);
    let mut blocks = vec![block(&format!("*{head}*"))];
    blocks.extend(pieces.iter().map(|piece| block(piece)));
    blocks.extend(message.foot(more).map(|foot| block(&escaped(&foot, SECTION_MAX))));
    // What a phone shows before anybody opens the message.
    let summary = match message.news {
        [one] => format!("{head}: {}", escaped(&one.title, 300)),
        _ => head,
    };
    Composed { query: Vec::new(), body: json!({ "text": summary, "blocks": blocks }) }
}

fn section(news: &News) -> String {
    let head = escaped(&headline(news), 300);
    let details = details(news).join("\n").replace("```", "'''");
    let room = SECTION_MAX.saturating_sub(head.chars().count() + 20);
    format!("*{head}*\n```{}```", escaped(&details, room))
}

fn block(text: &str) -> Value {
    // Verbatim: no names of people or channels are looked for, and no URL becomes a link.
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
}

/// Escaped, at most `most` characters, and no escape cut in two.
fn escaped(text: &str, most: usize) -> String {
    let (mut shown, mut length) = (String::new(), 0);
    for c in text.chars() {
        let piece = match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            c => c.to_string(),
        };
        length += piece.chars().count();
        if length >= most {
            shown.push('…');
            break;
        }
        shown.push_str(&piece);
    }
    shown
}
