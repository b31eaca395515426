//! Whether the key may read each VPC, found out by reading; and what cannot be found out.

use super::Case;
use super::finding::Finding;
use crate::cloud::{Class, CloudError, Query, ReadLinks};
use crate::model::{AccountName, Mode, Scope};
use futures_util::{StreamExt as _, stream};
use std::time::Duration;

const CHECK: &str = "permissions";
/// Reads at the same time: a daemon beside this shares their rate.
const AT_ONCE: usize = 4;
/// Longest time for all of them.
const READ_MAX: Duration = Duration::from_secs(20);
/// Ways to fail that are told, each with the first VPC that it was met at.
const TOLD_MAX: usize = 5;

/// What was asked, and what came of it.
pub(super) struct Read {
    /// How many there are.
    scopes: usize,
    answers: Vec<(Scope, Result<(), CloudError>)>,
    /// What manifests ask for: anything to send, and any attach among that.
    writes: Option<Mode>,
}

/// Reads one link of each VPC of an account.
pub(super) async fn read(case: &Case, name: &AccountName, client: &impl ReadLinks) -> Read {
    let scopes: Vec<Scope> =
        case.scopes().into_iter().filter(|scope| scope.account == *name).collect();
    let count = scopes.len();
    let asked = scopes.into_iter().map(|scope| async move {
        let (region, vpc) = (scope.region.clone(), scope.vpc.clone());
        let page = client.describe(&Query::OfVpc { region, vpc, page: 1, page_size: 1 }).await;
        (scope, page.map(|_| ()))
    });
    let asked: Vec<_> = asked.collect();
    let mut asked = stream::iter(asked).buffered(AT_ONCE);
    let mut answers = Vec::new();
    let all = async {
        while let Some(answer) = asked.next().await {
            answers.push(answer);
        }
    };
    // What was answered until then counts.
    let _in_time = tokio::time::timeout(READ_MAX, all).await;
    let modes = case.tree.iter().flat_map(|tree| tree.scopes.values());
    let modes = modes.filter(|desired| desired.scope.account == *name).map(|desired| desired.mode);
    let writes = modes.filter(|mode| *mode != Mode::Observe).max_by_key(|mode| *mode == Mode::Sync);
    Read { scopes: count, answers, writes }
}

/// What the answers mean.
pub(super) fn judge(name: &AccountName, read: &Read) -> Vec<Finding> {
    let mut findings = Vec::new();
    let good = read.answers.iter().filter(|(_, answer)| answer.is_ok()).count();
    let mut told: Vec<(&str, &Scope, &CloudError, usize)> = Vec::new();
    for (scope, error) in
        read.answers.iter().filter_map(|(scope, answer)| Some((scope, answer.as_ref().err()?)))
    {
        match told.iter_mut().find(|(code, ..)| *code == error.code) {
            Some((.., more)) => *more += 1,
            None => told.push((&error.code, scope, error, 0)),
        }
    }
    let unanswered = read.scopes.saturating_sub(read.answers.len());
    if read.scopes == 0 {
        let found = "no VPC is known, so none was read: give --manifests, or name regions and vpcs of \
                     the account in the configuration";
        findings.push(Finding::note(CHECK, found));
    } else if good == read.scopes {
        findings.push(Finding::ok(CHECK, format!("every VPC may be read ({good})")));
    }
    for (_, scope, error, more) in told.iter().take(TOLD_MAX) {
        let others = if *more > 0 { format!(", and {more} more alike") } else { String::new() };
        findings.push(refused(error, &format!("reading {scope}{others}: {error}")));
    }
    if unanswered > 0 {
        let found = format!("{unanswered} of {} VPCs were not read in time", read.scopes);
        findings.push(Finding::warn(CHECK, found, "run it again; or look with `plan`"));
    }
    findings.push(writing(read.writes));
    findings.into_iter().map(|finding| finding.about(name.as_str())).collect()
}

fn refused(error: &CloudError, found: &str) -> Finding {
    let fail = |advice| Finding::fail(CHECK, found, advice);
    match error.class {
        Class::Denied => fail(
            "grant ecs:DescribeClassicLinkInstances on `*`, as deploy/ram/observe.json does; \
             `classiclinkd policy` prints what the manifests need",
        ),
        Class::Unauthenticated => fail("give a key that is active, whole and of this account"),
        Class::Misconfigured | Class::Gone => {
            fail("correct regionId, vpcId or account in the manifest, or the endpoint")
        }
        Class::Retired => fail("nothing: the cloud has no classic network there any more"),
        Class::Throttled | Class::Waiting => Finding::warn(
            CHECK,
            found,
            "the cloud is busy, and the daemon would wait: run it again",
        ),
        Class::Unreachable | Class::Ambiguous => {
            fail("see what `endpoint` says; run it again; and look at the cloud's status page")
        }
        Class::Conflict | Class::Blocked | Class::Unknown => {
            fail("look the code up in the documentation of DescribeClassicLinkInstances")
        }
    }
}

/// `api-contract.md` 2.1: these operations have no `DryRun`, so that only a real change would tell.
fn writing(mode: Option<Mode>) -> Finding {
    let (what, policy) = match mode {
        Some(Mode::Sync) => ("detach and attach are", "deploy/ram/sync.json"),
        _ => ("detach is", "deploy/ram/detach.json"),
    };
    let needed = if matches!(mode, None | Some(Mode::Observe)) {
        "no manifest that was looked at asks for it"
    } else {
        "manifests ask for it"
    };
    Finding::note(
        CHECK,
        format!(
            "whether {what} allowed is not tried, for the cloud has no dry run of it; {needed}; it takes \
             {policy}, or what `classiclinkd policy` prints"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;
    use crate::model::{Region, VpcId};

    fn scope(vpc: &str) -> Scope {
        Scope {
            account: AccountName::parse("prod").unwrap(),
            region: Region::parse("cn-hangzhou").unwrap(),
            vpc: VpcId::parse(vpc).unwrap(),
        }
    }

    fn of(answers: Vec<(Scope, Result<(), CloudError>)>, scopes: usize) -> Vec<Finding> {
        let read = Read { scopes, answers, writes: Some(Mode::Sync) };
        judge(&AccountName::parse("prod").unwrap(), &read)
    }

    fn error(class: Class, code: &str) -> Result<(), CloudError> {
        Err(CloudError::new(class, code, "no"))
    }

    #[test]
    fn all_that_may_be_read_is_one_line() {
        let found = of(vec![(scope("vpc-a"), Ok(())), (scope("vpc-b"), Ok(()))], 2);
        assert_eq!(found[0].found, "every VPC may be read (2)");
        assert_eq!((found.len(), found[1].level), (2, Level::Note));
        assert!(found[1].found.contains("detach and attach"));
        assert_eq!(of(Vec::new(), 0)[0].level, Level::Note);
    }

    #[test]
    fn what_fails_alike_is_told_once() {
        let denied = || error(Class::Denied, "Forbidden.RAM");
        let found = of(
            vec![
                (scope("vpc-a"), denied()),
                (scope("vpc-b"), Ok(())),
                (scope("vpc-c"), denied()),
                (scope("vpc-d"), error(Class::Throttled, "Throttling")),
            ],
            5,
        );
        let levels: Vec<Level> = found.iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Fail, Level::Warn, Level::Warn, Level::Note]);
        assert!(found[0].found.contains("vpc-a, and 1 more alike"), "{found:?}");
        assert!(found[0].advice.as_ref().unwrap().contains("DescribeClassicLinkInstances"));
        assert!(found[2].found.starts_with("1 of 5"), "{found:?}");
    }
}
