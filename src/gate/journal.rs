//! Nothing is sent that cannot be recorded first.

use super::review::Case;
use super::{Refusal, Rule, Situation};

pub(super) fn check(case: &Case<'_>, situation: &Situation<'_>) -> Option<Refusal> {
    let why = situation.journal?;
    (!case.is_idle()).then(|| Refusal {
        rule: Rule::Journal,
        message: format!("the journal cannot be written: {why}"),
        way_out: "make room, or mend the state folder; reading and planning go on".to_owned(),
    })
}
