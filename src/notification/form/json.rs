//! Our own JSON, versioned; fields are added, and none is taken away within a version.

use super::{Composed, Message};
use crate::notification::news::News;
use crate::report::history;
use serde_json::{Value, json};

/// Events of one message.
const EVENTS_MAX: usize = 50;

pub(super) fn compose(message: &Message<'_>) -> Composed {
    let shown: Vec<&News> = message.news.iter().take(EVENTS_MAX).map(AsRef::as_ref).collect();
    let mut body = json!({
        "formatVersion": 1,
        "daemon": {
            "name": "classiclinkd",
            "version": env!("CARGO_PKG_VERSION"),
            "host": message.sender.host,
        },
        "sentAt": message.now.wall.to_string(),
        "events": shown.iter().map(|news| event(news)).collect::<Vec<_>>(),
        "omitted": message.news.len() - shown.len(),
        "lost": message.lost,
    });
    if let (Some(template), Some(map)) = (message.template, body.as_object_mut()) {
        let mut lines: Vec<String> = shown.iter().map(|news| template.render(news)).collect();
        lines.extend(message.foot(message.news.len() - shown.len()));
        map.insert("text".to_owned(), lines.join("\n").into());
    }
    Composed { query: Vec::new(), body }
}

fn event(news: &News) -> Value {
    let scope = news.scope.as_ref().map(|scope| {
        json!({
            "account": scope.account.as_str(),
            "regionId": scope.region.as_str(),
            "vpcId": scope.vpc.as_str(),
        })
    });
    let revision = news.revision.as_ref().map(|of| history::json::revision(of));
    json!({
        "event": news.event.as_str(),
        "at": news.at.to_string(),
        "severity": news.severity.as_str(),
        "scope": scope,
        "title": news.title,
        "text": news.text,
        "wayOut": news.way_out,
        "links": news.links.iter().map(|link| link.as_str()).collect::<Vec<_>>(),
        "linksTotal": news.links_total,
        "plan": news.plan.as_ref().map(|plan| plan.as_str()),
        "revision": revision,
    })
}
