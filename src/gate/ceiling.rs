//! The configuration says where an account may be touched. Manifests that name another place are refused
//! before there is a plan; this is for whatever comes to a plan by another way, and for the day on which
//! that is broken.

use super::{Refusal, Rule, Situation, named};
use crate::model::Scope;

pub(super) fn check(scope: &Scope, situation: &Situation<'_>) -> Option<Refusal> {
    (!situation.bounds.ceiling.allows(scope)).then(|| Refusal {
        rule: Rule::Ceiling,
        message: format!(
            "{} is outside of what the configuration gives account `{}`",
            named(scope),
            scope.account
        ),
        way_out: "check that it is the right account; if it is, add region and VPC to `regions` and `vpcs` \
                  of the account in the configuration"
            .to_owned(),
    })
}
