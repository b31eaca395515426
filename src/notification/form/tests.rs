//! Every kind against its file in `tests/testdata/notifications/`, and what must hold of any text.

use super::*;
use crate::model::{Commit, Digest, Revision};
use crate::notification::news::Event;
use crate::plan::tests::{id, moment, scope};
use proptest::prelude::*;

fn calm() -> Vec<Arc<News>> {
    let revision = Revision {
        digest: Digest::of([b"x".as_slice()]),
        commit: Some(Commit { author: Some("alice".into()), ..Commit::of_id("0123456789abcdef") }),
    };
    let instances: Vec<_> = (1..=23).map(id).collect();
    let mut hold = News::new(Event::Hold, moment(1_700_000_000), "plan 65acc8458182 is held: 23 to detach of 40 observed")
        .text("[perPlan] the plan detaches 23 links, and at most 4 may go at once (`limits.maxDetach: 10%`)")
        .way_out("[perPlan] set `maxDetach: 23`, or approve this very plan: classiclinkd approve 65acc8458182")
        .links(&instances);
    hold.scope = Some(scope());
    hold.plan = Some(Digest::of([b"plan".as_slice()]));
    hold.revision = Some(Arc::new(revision));
    let journal =
        News::new(Event::JournalWorking, moment(1_700_000_060), "the journal can be written again");
    vec![Arc::new(hold), Arc::new(journal)]
}

const HOSTILE: &str = "</font><@all> <!channel> [click](http://evil.example) **x** `y` ```z``` & | \u{202e} \\ # {\"a\":1}";

fn hostile() -> Vec<Arc<News>> {
    let mut news =
        News::new(Event::SourceRefused, moment(1_700_000_000), "the manifests are refused")
            .text(&format!("{HOSTILE}\n# heading\n> quote\n- item\n{HOSTILE}"))
            .way_out(HOSTILE);
    news.scope = Some(scope());
    vec![Arc::new(news)]
}

fn many(text: &str, count: usize) -> Vec<Arc<News>> {
    let one = Arc::new(News::new(Event::ActionFailed, moment(0), text).text(text).way_out(text));
    vec![one; count]
}

fn composed(kind: Kind, news: &[Arc<News>], lost: u64) -> Composed {
    let template = Template::parse("{severity}: {event} {scope} {title}").unwrap();
    compose(
        kind,
        &Message {
            sender: &Sender { host: Some("node-7".into()) },
            news,
            lost,
            template: Some(&template),
            now: moment(1_764_000_000),
            secret: kind.signs().then_some("SEC0123456789abcdef"),
        },
    )
}

#[test]
fn each_kind_is_as_its_file_says() {
    let folder = format!("{}/tests/testdata/notifications", env!("CARGO_MANIFEST_DIR"));
    for (word, kind) in Kind::WORDS {
        for (case, news, lost) in [("calm", calm(), 3), ("hostile", hostile(), 0)] {
            let Composed { query, body } = composed(kind, &news, lost);
            let value = serde_json::json!({ "query": query, "body": body });
            let fresh = format!("{}\n", serde_json::to_string_pretty(&value).unwrap())
                .replace(env!("CARGO_PKG_VERSION"), "VERSION");
            let path = format!("{folder}/{word}-{case}.json");
            if std::env::var_os("UPDATE_EXPECTED").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&path, &fresh).unwrap();
            }
            let written = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(written, fresh, "{path}; UPDATE_EXPECTED=1 writes it anew");
        }
    }
}

/// All texts of a message, wherever they stand.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => map.values().for_each(|item| texts(item, found)),
        _ => (),
    }
}

#[test]
fn what_is_foreign_can_name_nobody_and_link_nowhere() {
    for (kind, none_of) in [
        (Kind::Slack, &["<", "```z```"][..]),
        (Kind::Dingtalk, &["<", "](", "**x**", "`", "://", "\n# heading"][..]),
        (Kind::Wecom, &["<@", "</font><", "](", "**x**", "`", "://", "\n# heading"][..]),
        (Kind::Lark, &["lark_md"][..]),
    ] {
        let mut found = Vec::new();
        texts(&composed(kind, &hostile(), 0).body, &mut found);
        for text in none_of {
            let shown = found.iter().any(|found| found.contains(text));
            assert!(!shown, "{kind:?} shows {text}: {found:#?}");
        }
        assert!(!found.iter().any(|text| text.contains('\u{202e}')), "{kind:?}");
    }
}

#[test]
fn what_does_not_fit_is_counted() {
    for (_, kind) in Kind::WORDS {
        let mut found = Vec::new();
        texts(&composed(kind, &many("x", 400), 0).body, &mut found);
        let said =
            found.iter().any(|text| text.contains("and ") && text.contains(" more; see the log"));
        assert!(said, "{kind:?}: {found:?}");
    }
}

proptest! {
    #[test]
    fn no_message_is_larger_than_its_receiver_takes(
        text in "(?s).{0,40}",
        sign in prop::sample::select(vec!["&", "<", "\"", "\\", "界", "\u{1}", "*", "`"]),
        times in 1usize..800,
        count in 1usize..60,
    ) {
        let news = many(&format!("{text}{}", sign.repeat(times)), count);
        let content = composed(Kind::Wecom, &news, 9).body["markdown"]["content"].as_str().unwrap().len();
        prop_assert!(content <= 4096, "wecom: {content} bytes");
        let text = composed(Kind::Dingtalk, &news, 9).body.to_string().len();
        prop_assert!(text <= 20_000, "dingtalk: {text} bytes");
        let card = composed(Kind::Lark, &news, 9).body.to_string().len();
        prop_assert!(card <= 20_000, "lark: {card} bytes");
        let slack = composed(Kind::Slack, &news, 9).body;
        let blocks = slack["blocks"].as_array().unwrap();
        prop_assert!(blocks.len() <= 50);
        for block in blocks {
            let text = block["text"]["text"].as_str().unwrap();
            prop_assert!(!text.is_empty() && text.chars().count() <= 3000);
        }
        for (kind, least) in [(Kind::Wecom, 0), (Kind::Dingtalk, 0), (Kind::Lark, 0)] {
            // However large the first one is, it is told.
            let told = composed(kind, &news, 0).body.to_string().matches("action-failed").count();
            prop_assert!(told > least, "{kind:?}");
        }
    }
}
