use super::*;
use crate::ledger::event::*;
use crate::ledger::tests::{answered, intent, settled};
use crate::model::{Commit, Digest, Mode, Revision, RunId, TakenOut, Verb};
use crate::plan::tests::{id, scope};

fn digest() -> Digest {
    Digest::of([b"x".as_slice()])
}

fn revision() -> Revision {
    Revision {
        digest: digest(),
        commit: Some(Commit { author: Some("me".into()), ..Commit::of_id("abc") }),
    }
}

fn passed() -> Passed {
    Passed {
        scope: scope(),
        revision: revision(),
        mode: Mode::Sync,
        observed: 7,
        leaving: 1,
        desired: 8,
        verdict: Passed::HELD.into(),
        plan: Some(digest()),
        actions: [(Verb::Detach, id(1)), (Verb::Attach, id(2))].into(),
        refusals: vec![("perPlan".into(), "too many".into(), "fewer".into())],
    }
}

/// One of every kind, with every member.
fn all() -> Vec<Event> {
    let targets = [
        Target::All,
        Target::Account(scope().account),
        Target::Lane(scope().lane()),
        Target::Scope(scope()),
    ];
    let reason = Some("because".to_owned());
    let by = "uid 7".to_owned();
    let mut events = vec![
        Event::Accepted(Accepted {
            root: "/m".into(),
            revision: revision(),
            files: vec![("a.yaml".into(), digest())],
            released: vec![scope()],
            protected: [(scope(), id(1))].into(),
            shrunk: vec![Shrunk {
                scope: scope(),
                from: 9,
                lost: [id(3)].into(),
                by: Some("by commit abc".into()),
                doubtful: true,
            }],
            taken_out: vec![(
                (scope(), id(3)),
                TakenOut { commit: Commit::of_id("abc"), exactly: true },
            )],
        }),
        Event::Began(Began { command: "apply".into(), by: by.clone() }),
        Event::Passed(passed()),
        Event::Intent(Intent { approver: Some("me".into()), revision: revision(), ..intent(1) }),
        Event::Answered(Answered {
            request_id: Some("R-1".into()),
            ..answered(4, "blocked", Some("OperationDenied".into()))
        }),
        Event::Settled(Settled { plan: Some(digest()), ..settled(1) }),
        Event::Approved(Approval {
            plan: digest(),
            of: Some(passed()),
            by: by.clone(),
            reason: reason.clone(),
            until: "2026-11-24T00:00:00Z".parse().unwrap(),
        }),
        Event::Restored(Restored {
            run: RunId(4),
            of: "r3".into(),
            by: by.clone(),
            links: [(scope(), id(1))].into(),
            revision: digest(),
        }),
        Event::Pruned(Pruned { up_to: 9, hash: digest() }),
    ];
    for (target, cause) in targets.into_iter().zip([Cause::ALL.as_slice(), &Cause::ALL].concat()) {
        let (by, reason) = (by.clone(), reason.clone());
        events.push(Event::Resumed(Resume {
            target: target.clone(),
            by: by.clone(),
            reason: reason.clone(),
        }));
        events.push(Event::Paused(Pause { target, cause, by, reason }));
    }
    events
}

#[test]
fn every_event_is_read_as_it_was_written() {
    for written in all() {
        let Record { kind, body } = record(&written);
        assert_eq!(event(kind, &body), Some(written), "{kind} {body}");
    }
}

#[test]
fn what_the_first_format_wrote_is_read() {
    let digest = digest();
    let link =
        r#""account":"default","regionId":"cn-hangzhou","vpcId":"vpc-a","instanceId":"i-0001""#;
    let intent = format!(
        r#"{{"verb":"detach",{link},"reason":"r","plan":"{digest}","revision":"{digest}","commit":null,"author":null,"attempt":1}}"#
    );
    assert!(
        matches!(event("intent", &intent), Some(Event::Intent(intent)) if intent.run.is_none())
    );
    let settled = format!(
        r#"{{"verb":"detach",{link},"plan":null,"attempts":2,"outcome":"converged","detail":"gone"}}"#
    );
    assert!(matches!(event("settled", &settled), Some(Event::Settled(_))));
    let accepted = format!(
        r#"{{"root":"/m","revision":"{digest}","commit":null,"author":null,"files":[{{"path":"a","digest":"{digest}"}}],"released":["default/cn-hangzhou/vpc-a"]}}"#
    );
    let Some(Event::Accepted(accepted)) = event("accepted", &accepted) else { panic!() };
    assert_eq!((accepted.released, accepted.protected.len()), (vec![scope()], 0));
    let answered = r#"{"intent":3,"result":"accepted","requestId":"R","latencyMs":4}"#;
    assert!(matches!(event("answered", answered), Some(Event::Answered(_))));
}

#[test]
fn a_kind_of_a_later_version_says_nothing_and_a_broken_body_is_found() {
    assert_eq!(event("teleported", "{}"), Some(Event::Other));
    for Record { kind, body } in all().iter().map(record) {
        assert_eq!(event(kind, "{}"), None, "{kind}");
        assert_eq!(event(kind, body.get(1..).unwrap()), None, "{kind}");
    }
    let half = r#"{"vpcId":"vpc-a","cause":"operator","by":"me"}"#;
    assert_eq!(event("paused", half), None, "a target that is not one must not mean everything");
}
