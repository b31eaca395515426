//! What was found in each VPC, what was decided, and what was done.

use super::{Family, Kind, LANE, SCOPE};
use crate::gate::Rule;
use crate::metrics::counts::VERDICTS;
use crate::model::{Lane, Verb};
use crate::plan::Missing;
use crate::report::ScopeReport;
use std::collections::BTreeMap;

/// Links that are not as the manifests say, and that the pass did not put right.
fn drift(report: &ScopeReport) -> [(&'static str, usize); 3] {
    let done = |verb: Verb| {
        let of = report.applied.iter().filter(|applied| applied.action.verb == verb);
        of.filter(|applied| applied.outcome.is_converged()).count()
    };
    let unexpected = report.count(Verb::Detach).saturating_sub(done(Verb::Detach));
    let missing = report.missing.len().saturating_sub(done(Verb::Attach));
    [("unexpected", unexpected), ("missing", missing), ("unconfirmed", report.unconfirmed.len())]
}

fn elsewhere(report: &ScopeReport) -> usize {
    report.missing.values().filter(|missing| matches!(missing, Missing::Elsewhere(_))).count()
}

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "classiclinkd_scopes",
        kind: Kind::Gauge,
        unit: "",
        labels: &["account", "region", "verdict"],
        help: "VPCs that manifests declare, by the verdict of the last pass over them",
        read: |shot, samples| {
            let mut counts: BTreeMap<(Lane, &str), u64> = BTreeMap::new();
            for seen in &shot.scopes {
                for verdict in VERDICTS {
                    let count = counts.entry((seen.scope.lane(), verdict)).or_default();
                    *count += u64::from(verdict == seen.verdict());
                }
            }
            for ((lane, verdict), count) in counts {
                samples.of_lane(&lane, &[verdict], count);
            }
        },
    },
    Family {
        name: "classiclinkd_passes",
        kind: Kind::Counter,
        unit: "",
        labels: &["account", "region", "vpc", "verdict"],
        help: "Passes over a VPC that ended: `approved` (something to do, and leave to do it), `held` (a \
               rule refuses), `inSync`, `partial` (not read completely), `failed` (the read was refused)",
        read: |shot, samples| {
            for seen in &shot.scopes {
                for verdict in VERDICTS {
                    samples.of_scope(
                        &seen.scope,
                        &[verdict],
                        shot.counted.passes(&seen.scope, verdict),
                    );
                }
            }
        },
    },
    Family {
        name: "classiclinkd_observation_age_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: SCOPE,
        help: "Time since the end of the last pass that read the VPC completely; absent until there is one",
        read: |shot, samples| {
            for seen in &shot.scopes {
                if let Some(complete) = seen.complete {
                    samples.of_scope(&seen.scope, &[], shot.now.since(complete).as_secs_f64());
                }
            }
        },
    },
    Family {
        name: "classiclinkd_links_observed",
        kind: Kind::Gauge,
        unit: "",
        labels: SCOPE,
        help: "Links that the last pass found; absent while the VPC cannot be read completely",
        read: |shot, samples| {
            for seen in shot.planned() {
                samples.of_scope(&seen.scope, &[], seen.report.observed);
            }
        },
    },
    Family {
        name: "classiclinkd_links_desired",
        kind: Kind::Gauge,
        unit: "",
        labels: SCOPE,
        help: "Links that the manifests list",
        read: |shot, samples| {
            for seen in &shot.scopes {
                samples.of_scope(&seen.scope, &[], seen.report.desired);
            }
        },
    },
    Family {
        name: "classiclinkd_mode",
        kind: Kind::Gauge,
        unit: "",
        labels: &["account", "region", "vpc", "mode"],
        help: "1 for the mode of the VPC's manifests: `observe`, `detach` or `sync`",
        read: |shot, samples| {
            for seen in &shot.scopes {
                samples.of_scope(&seen.scope, &[seen.report.mode.as_str()], true);
            }
        },
    },
    Family {
        name: "classiclinkd_links_drifted",
        kind: Kind::Gauge,
        unit: "",
        labels: &["account", "region", "vpc", "kind"],
        help: "Links that were not as the manifests say when the last pass ended: `unexpected` (linked, \
               not listed), `missing` (listed, not linked), `unconfirmed` (listed by the cloud alone, and unknown by id); absent \
               while the VPC cannot be read completely",
        read: |shot, samples| {
            for seen in shot.planned() {
                for (kind, count) in drift(&seen.report) {
                    samples.of_scope(&seen.scope, &[kind], count);
                }
            }
        },
    },
    Family {
        name: "classiclinkd_links_missing_elsewhere",
        kind: Kind::Gauge,
        unit: "",
        labels: SCOPE,
        help: "Links listed here whose instance was linked to another VPC when the last pass began; absent \
               while the VPC cannot be read completely",
        read: |shot, samples| {
            for seen in shot.planned() {
                samples.of_scope(&seen.scope, &[], elsewhere(&seen.report));
            }
        },
    },
    Family {
        name: "classiclinkd_links_expiring",
        kind: Kind::Gauge,
        unit: "",
        labels: SCOPE,
        help: "Links whose `until` is less than 14 days ahead; absent while the VPC cannot be read completely",
        read: |shot, samples| {
            for seen in shot.planned() {
                samples.of_scope(&seen.scope, &[], seen.report.expiring.len());
            }
        },
    },
    Family {
        name: "classiclinkd_refusals",
        kind: Kind::Gauge,
        unit: "",
        labels: &["account", "region", "vpc", "rule"],
        help: "Refusals of the last pass, by rule (refusals.md): of the whole plan, or of single links; \
               rules that refused nothing are absent",
        read: |shot, samples| {
            for seen in &shot.scopes {
                let mut by_rule: BTreeMap<Rule, usize> = BTreeMap::new();
                for refusal in &seen.report.refusals {
                    *by_rule.entry(refusal.rule).or_default() += 1;
                }
                for (rule, count) in by_rule {
                    samples.of_scope(&seen.scope, &[rule.as_str()], count);
                }
            }
        },
    },
    Family {
        name: "classiclinkd_passes_refused",
        kind: Kind::Counter,
        unit: "",
        labels: &["account", "region", "rule"],
        help: "Passes in which a rule refused a plan or a link of it",
        read: |shot, samples| {
            for lane in &shot.lanes {
                for rule in Rule::ALL {
                    samples.of_lane(lane, &[rule.as_str()], shot.counted.refused(lane, rule));
                }
            }
        },
    },
    Family {
        name: "classiclinkd_actions",
        kind: Kind::Counter,
        unit: "",
        labels: &["account", "region", "verb", "outcome", "class"],
        help: "Actions that ended, by verb (`detach`, `attach`), outcome (`converged`, `blocked`, `failed`, \
               `unknown`, `settling`, `skipped`, `withdrawn`, `unjournaled`) and class of the error behind \
               it (`none` where there was none); a link in quarantine is skipped at every pass; there \
               at 0 as soon as manifests name the account and region",
        read: |shot, samples| {
            for ((lane, verb, outcome, class), count) in shot.counted.actions(&shot.kinds) {
                samples.of_lane(&lane, &[verb.as_str(), outcome, class], count);
            }
        },
    },
    Family {
        name: "classiclinkd_links_quarantined",
        kind: Kind::Gauge,
        unit: "",
        labels: LANE,
        help: "Links that used up their tries and are probed every 15 minutes or so",
        read: |shot, samples| {
            for lane in &shot.lanes {
                let count = shot.vitals.quarantined.get(lane).copied().unwrap_or_default();
                samples.of_lane(lane, &[], count);
            }
        },
    },
];
