//! No plan is made of an observation that is not proven complete.

use super::{Refusal, Rule, links};
use crate::observed::Partial;

pub(super) fn refusal(partial: &Partial) -> Refusal {
    let gaps: Vec<String> = partial.gaps.iter().map(ToString::to_string).collect();
    Refusal {
        rule: Rule::Coverage,
        message: format!(
            "the links of {} could not be read completely ({} seen): {}",
            partial.scope.vpc,
            links(partial.seen),
            gaps.join("; ")
        ),
        way_out: "nothing is cut until a read is complete; the next pass tries again".to_owned(),
    }
}
