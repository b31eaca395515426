//! Which notices about links that end soon were given.

use crate::desired::{Expiring, Notice};
use crate::model::{InstanceId, Scope};
use crate::report::ScopeReport;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The last notice given for each link, so that each is given once and not at every pass.
#[derive(Debug, Default)]
pub struct Warned(BTreeMap<Scope, BTreeMap<InstanceId, (Timestamp, Notice)>>);

impl Warned {
    /// The notices of a report that were not given before; they count as given.
    pub(super) fn news<'r>(&mut self, report: &'r ScopeReport) -> Vec<&'r Expiring> {
        // Without a plan nothing is said about any link, and what was said stays said.
        if report.digest.is_none() {
            return Vec::new();
        }
        let said = |expiring: &Expiring| (expiring.until, expiring.notice);
        let now: BTreeMap<_, _> = report
            .expiring
            .iter()
            .map(|expiring| (expiring.instance.clone(), said(expiring)))
            .collect();
        let before = self.0.insert(report.scope.clone(), now).unwrap_or_default();
        let is_new = |expiring: &&Expiring| before.get(&expiring.instance) != Some(&said(expiring));
        report.expiring.iter().filter(is_new).collect()
    }

    /// A scope that no manifest declares any more.
    pub(super) fn forget(&mut self, scope: &Scope) {
        self.0.remove(scope);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{Class, CloudError};
    use crate::model::Mode;
    use crate::plan;
    use crate::plan::tests::{desired, id, moment, observed};
    use std::sync::Arc;

    const DAY: u64 = 24 * 3600;

    /// What a pass says on a day, if the link of instance 1 ends on the 30th.
    fn on_day(day: u64, until: u64) -> ScopeReport {
        let mut wanted = desired(Mode::Detach, &[1]);
        wanted.links.get_mut(&id(1)).unwrap().until = Some(moment(until * DAY).wall);
        let complete = observed(&wanted, &[1], &[], moment(day * DAY));
        let plan = plan::compute(&Arc::new(wanted), &complete, moment(day * DAY).wall);
        ScopeReport::of_approved(&crate::gate::tests::Setting::default().review(plan, 0).unwrap())
    }

    fn failed() -> ScopeReport {
        let error = CloudError::new(Class::Denied, "Forbidden", "no");
        ScopeReport::of_failure(&desired(Mode::Detach, &[1]), error)
    }

    #[test]
    fn each_notice_is_given_once() {
        let mut warned = Warned::default();
        let mut days = Vec::new();
        for day in 0..30 {
            for report in [on_day(day, 30), failed(), on_day(day, 30)] {
                days.extend(warned.news(&report).iter().map(|news| (day, news.days_left)));
            }
        }
        assert_eq!(days, [(16, 14), (23, 7), (29, 1)]);
    }

    #[test]
    fn another_end_and_a_scope_that_came_back_get_notice_again() {
        let mut warned = Warned::default();
        assert_eq!(warned.news(&on_day(20, 30)).len(), 1);
        assert_eq!(warned.news(&on_day(20, 31)).len(), 1, "prolonged by too little");
        assert_eq!(warned.news(&on_day(20, 90)).len(), 0, "prolonged");
        assert_eq!(warned.news(&on_day(20, 30)).len(), 1, "and shortened again");
        let report = on_day(20, 30);
        warned.forget(&report.scope);
        assert_eq!(warned.news(&report).len(), 1);
    }
}
