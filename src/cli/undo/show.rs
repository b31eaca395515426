//! What an undo can give back, and what became of it.

use crate::ledger::taken::Span;
use crate::reconcile::undo::GivingBack;
use std::fmt::Write as _;

pub(super) fn text(span: Span, giving: &[GivingBack]) -> String {
    let mut out = format!("undo of {span}\n");
    for giving in giving {
        let _ = writeln!(out, "\n{}", giving.scope);
        for instance in &giving.back {
            let ended =
                giving.applied.iter().find(|applied| applied.action.link.instance == *instance);
            let said = match ended {
                Some(applied) => applied.outcome.to_string(),
                None if giving.approved.is_some() => "can be given back".to_owned(),
                None => "held".to_owned(),
            };
            let _ = writeln!(out, "  + attach  {instance}  {said}");
        }
        for instance in &giving.there {
            let _ = writeln!(out, "  = there   {instance}  is linked again already");
        }
        for (instance, why) in &giving.cannot {
            let _ = writeln!(out, "  ! cannot  {instance}  {why}");
        }
        for refusal in &giving.refusals {
            let _ = writeln!(
                out,
                "  [{}] {}\n    -> {}",
                refusal.rule, refusal.message, refusal.way_out
            );
        }
    }
    out.push_str(
        "\nlinks that are given back are held until another revision is accepted or `classiclinkd resume` names \
         their VPC\n",
    );
    out
}

pub(super) fn json(span: Span, giving: &[GivingBack]) -> String {
    let scopes = giving.iter().map(|giving| {
        let outcomes = giving.applied.iter().map(|applied| {
            serde_json::json!({
                "instanceId": applied.action.link.instance.as_str(),
                "outcome": applied.outcome.as_str(),
                "detail": applied.outcome.to_string(),
                "attempts": applied.attempts,
            })
        });
        let cannot = giving.cannot.iter().map(
            |(instance, why)| serde_json::json!({ "instanceId": instance.as_str(), "why": why }),
        );
        let refusals = giving.refusals.iter().map(|refusal| {
            serde_json::json!({
                "rule": refusal.rule.as_str(),
                "message": refusal.to_string(),
                "wayOut": refusal.way_out,
            })
        });
        serde_json::json!({
            "account": giving.scope.account.as_str(),
            "regionId": giving.scope.region.as_str(),
            "vpcId": giving.scope.vpc.as_str(),
            "attach": giving.back.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
            "there": giving.there.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
            "cannot": cannot.collect::<Vec<_>>(),
            "refusals": refusals.collect::<Vec<_>>(),
            "outcomes": outcomes.collect::<Vec<_>>(),
        })
    });
    let whole = serde_json::json!({
        "formatVersion": 1,
        "undoes": span.to_string(),
        "scopes": scopes.collect::<Vec<_>>(),
    });
    let mut text = serde_json::to_string_pretty(&whole).unwrap_or_default();
    text.push('\n');
    text
}
