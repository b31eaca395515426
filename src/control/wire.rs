//! What goes over the socket: `{"version":1,"until":"2026-01-01T00:00:00Z","do":…}` asks, `{"did":…}` answers. Pauses, resumes and
//! approvals look as they do in the journal.

use super::{Answer, Asked, Request};
use crate::journal;
use crate::ledger::event::Target;
use crate::model::{AccountName, Lane, Region, Scope, VpcId};
use serde_json::{Value, json};

const VERSION: u64 = 1;

/// A request as a line.
pub(super) fn asked(request: &Asked) -> String {
    let mut value = match &request.what {
        Request::Record(event) => {
            let (kind, body) = journal::written(event);
            json!({"version": VERSION, "do": "record", "kind": kind, "body": body})
        }
        Request::Reconcile(target) => {
            let (account, region, vpc) = match target {
                Target::All => (None, None, None),
                Target::Account(account) => (Some(account), None, None),
                Target::Lane(lane) => (Some(&lane.account), Some(&lane.region), None),
                Target::Scope(of) => (Some(&of.account), Some(&of.region), Some(&of.vpc)),
            };
            json!({
                "version": VERSION,
                "do": "reconcile",
                "account": account.map(ToString::to_string),
                "regionId": region.map(ToString::to_string),
                "vpcId": vpc.map(ToString::to_string),
            })
        }
    };
    if let Some(map) = value.as_object_mut() {
        map.insert("until".to_owned(), request.until.to_string().into());
    }
    format!("{value}\n")
}

/// What a line asks for; `None` where it is no request of this version.
pub(super) fn request(line: &str) -> Option<Asked> {
    let value: Value = serde_json::from_str(line).ok()?;
    if value.get("version")?.as_u64()? != VERSION {
        return None;
    }
    let until = value.get("until")?.as_str()?.parse().ok()?;
    let what = match value.get("do")?.as_str()? {
        "record" => {
            let text = |key: &str| value.get(key).and_then(Value::as_str);
            Request::Record(Box::new(journal::read(text("kind")?, text("body")?)?))
        }
        "reconcile" => Request::Reconcile(target(&value)?),
        _ => return None,
    };
    Some(Asked { what, until })
}

fn target(value: &Value) -> Option<Target> {
    let text = |key: &str| value.get(key).filter(|value| !value.is_null());
    let Some(account) = text("account") else {
        // All is asked for by saying nothing, and not by leaving the account out.
        let narrowed = text("regionId").or(text("vpcId")).is_some();
        return (!narrowed).then_some(Target::All);
    };
    let account = AccountName::parse(account.as_str()?).ok()?;
    let Some(region) = text("regionId") else {
        return text("vpcId").is_none().then_some(Target::Account(account));
    };
    let region = Region::parse(region.as_str()?).ok()?;
    Some(match text("vpcId") {
        None => Target::Lane(Lane { account, region }),
        Some(vpc) => {
            Target::Scope(Scope { account, region, vpc: VpcId::parse(vpc.as_str()?).ok()? })
        }
    })
}

/// An answer as a line.
pub(super) fn answer(answer: &Answer) -> String {
    let value = match answer {
        Answer::Recorded => json!({"did": "recorded"}),
        Answer::Looking(vpcs) => json!({"did": "looking", "vpcs": vpcs}),
        Answer::Refused(why) => json!({"did": "refused", "why": why}),
    };
    format!("{value}\n")
}

/// What a line answers; `None` where it is no answer of this version.
pub(super) fn answered(line: &str) -> Option<Answer> {
    let value: Value = serde_json::from_str(line).ok()?;
    match value.get("did")?.as_str()? {
        "recorded" => Some(Answer::Recorded),
        "looking" => usize::try_from(value.get("vpcs")?.as_u64()?).ok().map(Answer::Looking),
        "refused" => Some(Answer::Refused(value.get("why")?.as_str()?.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Event;
    use crate::ledger::event::{Cause, Pause, Resume};
    use jiff::Timestamp;

    fn targets() -> Vec<Target> {
        let account = AccountName::parse("prod").unwrap();
        let region = Region::parse("cn-a").unwrap();
        let vpc = VpcId::parse("vpc-a").unwrap();
        vec![
            Target::All,
            Target::Account(account.clone()),
            Target::Lane(Lane { account: account.clone(), region: region.clone() }),
            Target::Scope(Scope { account, region, vpc }),
        ]
    }

    #[test]
    fn what_is_asked_is_what_arrives() {
        for target in targets() {
            let pause = Pause {
                target: target.clone(),
                cause: Cause::Operator,
                by: "ops".to_owned(),
                reason: Some("a \"b\"\nc".to_owned()),
            };
            let resume = Resume { target: target.clone(), by: "ops".to_owned(), reason: None };
            for said in [
                Request::Record(Box::new(Event::Paused(pause))),
                Request::Record(Box::new(Event::Resumed(resume))),
                Request::Reconcile(target),
            ] {
                let said = Asked { what: said, until: Timestamp::UNIX_EPOCH };
                let line = asked(&said);
                assert_eq!(line.matches('\n').count(), 1, "{line}");
                assert_eq!(request(&line), Some(said));
            }
        }
        for said in [Answer::Recorded, Answer::Looking(7), Answer::Refused("no".to_owned())] {
            assert_eq!(answered(&answer(&said)), Some(said));
        }
    }

    #[test]
    fn what_is_not_understood_is_nothing() {
        for line in [
            "",
            "{}",
            "[]",
            r#"{"version":1,"do":"reconcile"}"#,
            r#"{"version":2,"until":"2026-01-01T00:00:00Z","do":"reconcile"}"#,
            r#"{"version":1,"until":"2026-01-01T00:00:00Z","do":"everything"}"#,
            r#"{"version":1,"until":"2026-01-01T00:00:00Z","do":"reconcile","regionId":"cn-a"}"#,
            r#"{"version":1,"until":"2026-01-01T00:00:00Z","do":"reconcile","account":"prod","vpcId":"vpc-a"}"#,
            r#"{"version":1,"until":"2026-01-01T00:00:00Z","do":"reconcile","account":7}"#,
            r#"{"version":1,"until":"2026-01-01T00:00:00Z","do":"record","kind":"paused","body":"{}"}"#,
        ] {
            assert_eq!(request(line), None, "{line}");
        }
        assert_eq!(answered("{}"), None);
    }
}
