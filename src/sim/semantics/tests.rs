use crate::sim::problem::Action::{Attach, Describe, Detach, Instances};
use crate::sim::tests::*;
use crate::sim::{Seed, exchange::Reply, semantics::Answer};

/// Each row: operation, parameters, and what the editions 2018, 2020 and 2024 answer.
type Row = (crate::sim::problem::Action, &'static str, [&'static str; 3]);

fn check(rows: &[Row]) {
    for (action, params, answers) in rows {
        for (edition, wanted) in ["2018", "2020", "2024"].into_iter().zip(answers) {
            let (sim, _) = sim(&one_of_each());
            sim.set("edition", edition).unwrap();
            assert_eq!(verdict(&sim, *action, params), *wanted, "{edition} {action:?} {params}");
        }
    }
}

#[test]
fn every_documented_error_of_detach() {
    const DENIED: &str = "403 OperationDenied";
    check(&[
        (Detach, "InstanceId=i-linked&VpcId=vpc-a", ["OK"; 3]),
        (
            Detach,
            "InstanceId=i-nobody&VpcId=vpc-a",
            [
                "404 InvalidInstanceId.NotFound",
                "403 InvalidInstanceId.NotFound",
                "403 InvalidInstanceId.NotFound",
            ],
        ),
        (
            Detach,
            "InstanceId=i-vpc&VpcId=vpc-a",
            [
                "400 InvalidInstanceId.MalFormed",
                "403 InvalidInstanceId.MalFormed",
                "403 InvalidInstanceId.MalFormed",
            ],
        ),
        (Detach, "InstanceId=i-theirs&VpcId=vpc-a", ["403 InvalidInstanceId.NotBelong"; 3]),
        (Detach, "InstanceId=i-starting&VpcId=vpc-a", ["403 InvalidStatus.InstanceStatus"; 3]),
        (
            Detach,
            "InstanceId=i-locked&VpcId=vpc-a",
            ["403 InvalidStatus.InstanceLocked", DENIED, DENIED],
        ),
        (
            Detach,
            "InstanceId=i-linked&VpcId=VPC!",
            [
                "400 InvalidVpcId.Malformed",
                "403 InvalidVpcId.Malformed",
                "403 InvalidVpcId.Malformed",
            ],
        ),
        (
            Detach,
            "RegionId=xx&InstanceId=i-linked&VpcId=vpc-a",
            [
                "400 InvalidRegionId.Malformed",
                "403 InvalidRegionId.Malformed",
                "403 InvalidRegionId.Malformed",
            ],
        ),
        (Detach, "", ["403 InvalidParameter.InvalidInstanceIdAndVpcId"; 3]),
        (Detach, "InstanceId=&VpcId=", ["403 InvalidParameter.InvalidInstanceIdAndVpcId"; 3]),
        (Detach, "InstanceId=i-linked", ["400 MissingVpcId"; 3]),
        (Detach, "VpcId=vpc-a", ["400 MissingInstanceId"; 3]),
        (Detach, "RegionId=&VpcId=vpc-a", ["400 MissingRegionId"; 3]),
        (Detach, "InstanceId=i-rigid&VpcId=vpc-a", [DENIED; 3]),
        (Detach, "InstanceId=i-linked&VpcId=vpc-off", ["OK", "OK", DENIED]),
        (
            Detach,
            "InstanceId=i-linked&VpcId=vpc-b",
            ["OK", "OK", "403 InvalidOperation.InvalidVpc"],
        ),
        (Detach, "InstanceId=i-free&VpcId=vpc-a", ["OK", "OK", "403 InvalidOperation.InvalidVpc"]),
    ]);
}

#[test]
fn every_documented_error_of_attach() {
    const DENIED: &str = "403 OperationDenied";
    check(&[
        (Attach, "InstanceId=i-free&VpcId=vpc-a", ["OK"; 3]),
        (Attach, "InstanceId=i-linked&VpcId=vpc-a", ["OK"; 3]),
        (
            Attach,
            "InstanceId=i-elsewhere&VpcId=vpc-a",
            [
                "400 Abs.InvalidInstanceId.MalFormed",
                "403 Abs.InvalidInstanceId.MalFormed",
                "403 OperationDenied",
            ],
        ),
        (Attach, "InstanceId=i-rigid&VpcId=vpc-a", [DENIED; 3]),
        (Attach, "InstanceId=i-free&VpcId=vpc-off", [DENIED; 3]),
        (Attach, "InstanceId=i-theirs&VpcId=vpc-a", ["403 InvalidInstanceId.NotBelong"; 3]),
        (Attach, "InstanceId=i-starting&VpcId=vpc-a", ["403 InvalidStatus.InstanceStatus"; 3]),
        (Attach, "InstanceId=i-locked&VpcId=vpc-a", ["403 InvalidStatus.InstanceLocked"; 3]),
        (
            Attach,
            "RegionId=cn-limited&InstanceId=i-limited&VpcId=vpc-limited",
            ["OK", "403 InvalidInstanceId.LimitedRegion", "403 InvalidInstanceId.LimitedRegion"],
        ),
        (
            Attach,
            "RegionId=xx&InstanceId=i-free&VpcId=vpc-a",
            [
                "400 InvalidRegionId.Malformed",
                "403 InvalidRegionId.Malformed",
                "403 InvalidRegionId.NotFound",
            ],
        ),
        (
            Attach,
            "RegionId=X!&InstanceId=i-free&VpcId=vpc-a",
            [
                "400 InvalidRegionId.Malformed",
                "403 InvalidRegionId.Malformed",
                "403 InvalidRegionId.Malformed",
            ],
        ),
        (Attach, "", ["403 InvalidParameter.InvalidInstanceIdAndVpcId"; 3]),
        (
            Attach,
            "InstanceId=i-vpc&VpcId=vpc-a",
            [
                "400 InvalidInstanceId.MalFormed",
                "403 InvalidInstanceId.MalFormed",
                "403 InvalidInstanceId.MalFormed",
            ],
        ),
        (Attach, "InstanceId=i-free&VpcId=vpc-theirs", ["403 InvalidVpc.NotBelong"; 3]),
        (Attach, "InstanceId=i-free&VpcId=vpc-nobody", ["404 InvalidVpcId.NotFound"; 3]),
    ]);
    let (sim, _) = sim(&one_of_each());
    sim.set("quota", "1").unwrap();
    assert_eq!(verdict(&sim, Attach, "InstanceId=i-free&VpcId=vpc-a"), "403 QuotaExceeded");
}

#[test]
fn every_documented_error_of_describe() {
    const TOO_MANY: &str = "403 InvalidParameter.ToManyInstanceIds";
    let many = format!("InstanceId={}", vec!["i-free"; 101].join(","));
    let (sim, _) = sim(&one_of_each());
    assert_eq!(verdict(&sim, Describe, &many), TOO_MANY);
    let hundred = format!("InstanceId={}", vec!["i-free"; 100].join(","));
    assert_eq!(verdict(&sim, Describe, &hundred), "OK");
    check(&[
        (
            Describe,
            "InstanceId=i-linked,i-nobody",
            [
                "404 InvalidInstanceId.NotFound",
                "403 InvalidInstanceId.NotFound",
                "403 InvalidInstanceId.NotFound",
            ],
        ),
        (Describe, "InstanceId=i-linked,i-theirs", ["403 InvalidInstanceId.NotBelong"; 3]),
        (Describe, "VpcId=vpc-theirs", ["403 InvalidVpc.NotBelong"; 3]),
        (Describe, "VpcId=vpc-nobody", ["403 InvalidVpc.NotBelong"; 3]),
        (Describe, "", ["403 InvalidParameter.InvalidInstanceIdAndVpcId"; 3]),
        (Describe, "VpcId=vpc-a&PageNumber=0", ["403 InvalidParameter.PageNumber"; 3]),
        (Describe, "VpcId=vpc-a&PageNumber=-1", ["403 InvalidParameter.PageNumber"; 3]),
        (Describe, "VpcId=vpc-a&PageNumber=x", ["403 InvalidParameter.PageNumber"; 3]),
        (Describe, "VpcId=vpc-a&PageSize=0", ["403 InvalidParameter.PageSize"; 3]),
        (Describe, "VpcId=vpc-a&PageSize=101", ["403 InvalidParameter.PageSize"; 3]),
        (Describe, "VpcId=vpc-a&PageSize=1.5", ["403 InvalidParameter.PageSize"; 3]),
        (
            Describe,
            "RegionId=xx&VpcId=vpc-a",
            [
                "400 InvalidRegionId.Malformed",
                "404 InvalidRegionId.NotFound",
                "404 InvalidRegionId.NotFound",
            ],
        ),
        (Describe, "VpcId=vpc-off", ["OK"; 3]),
        (Describe, "InstanceId=i-vpc", ["OK"; 3]),
        (Instances, "Status=Sleeping", ["404 InvalidStatus.NotFound"; 3]),
        (Instances, "InstanceNetworkType=ether", ["404 InvalidNetworkType.NotFound"; 3]),
        (Instances, "LockReason=mood", ["404 InvalidLockReason.NotFound"; 3]),
        (Instances, "InstanceIds=i-free", ["400 InvalidParameter"; 3]),
    ]);
}

#[test]
fn messages_carry_the_cues_that_tell_one_code_s_meanings_apart() {
    let (sim, _) = sim(&one_of_each());
    for (action, params, cue) in [
        (Detach, "InstanceId=i-rigid&VpcId=vpc-a", "not allowed to detach"),
        (Detach, "InstanceId=i-linked&VpcId=vpc-off", "disabled detach classic link"),
        (Detach, "InstanceId=i-free&VpcId=vpc-a", "not link specify vpc"),
        (Attach, "InstanceId=i-elsewhere&VpcId=vpc-a", "has been linked to other vpc"),
        (Attach, "InstanceId=i-rigid&VpcId=vpc-a", "does not allow link"),
        (Attach, "InstanceId=i-free&VpcId=vpc-off", "disabled attach classic link"),
    ] {
        match ask(&sim, action, params).reply {
            Reply::Refused(refusal) => assert!(refusal.message.contains(cue), "{refusal:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn pages() {
    let (sim, _) = sim(&Seed::new().grid(&ours(), &region(), 2, 25));
    let first = page(&sim, "VpcId=vpc-0001");
    assert_eq!((first.links.len(), first.total), (10, 25), "ten unless told");
    assert_eq!((first.page_number, first.page_size), (1, 10));
    let third = page(&sim, "VpcId=vpc-0001&PageNumber=3");
    assert_eq!(third.links.len(), 5);
    let past = page(&sim, "VpcId=vpc-0001&PageNumber=4");
    assert_eq!((past.links.len(), past.total, past.page_number), (0, 25, 4));
    let far = page(&sim, "VpcId=vpc-0001&PageNumber=4294967295&PageSize=100");
    assert_eq!((far.links.len(), far.total), (0, 25));
    let whole = page(&sim, "VpcId=vpc-0001&PageSize=100");
    assert_eq!(whole.links.len(), 25);
    let both = page(&sim, "VpcId=vpc-0001&InstanceId=i-0001-0001,i-0002-0001");
    assert_eq!(both.links.len(), 1, "both filters at once");
    let twice = page(&sim, "InstanceId=i-0001-0001,i-0001-0001");
    assert_eq!(twice.total, 1);
}

#[test]
fn pages_can_shift_shuffle_and_lie() {
    let (sim, _) = sim(&Seed::new().grid(&ours(), &region(), 2, 25));
    let second = "VpcId=vpc-0001&PageNumber=2";
    let first_of = |params: &str| page(&sim, params).links[0].instance.to_string();
    assert_eq!(first_of(second), "i-0001-0011");
    sim.set("page-shift", "1").unwrap();
    assert_eq!(first_of(second), "i-0001-0012");
    sim.set("page-shift", "-1").unwrap();
    assert_eq!(first_of(second), "i-0001-0010");
    assert_eq!(first_of("VpcId=vpc-0001"), "i-0001-0001", "the first page never shifts");
    sim.set("total-skew", "-30").unwrap();
    assert_eq!(page(&sim, second).total, 0);
    sim.set("order", "shuffled").unwrap();
    let order = || page(&sim, "VpcId=vpc-0001&PageSize=100").links;
    assert_ne!(order(), order());
    sim.set("order", "drifting").unwrap();
    assert_eq!(order(), order());
    sim.set("hide", "50").unwrap();
    let shown = page(&sim, "VpcId=vpc-0001&PageSize=100").total;
    assert!((5..21).contains(&shown), "{shown}");
    sim.set("hide", "100").unwrap();
    assert_eq!(page(&sim, "VpcId=vpc-0001").total, 0);
    sim.set("foreign-link", "next:1").unwrap();
    assert_eq!(page(&sim, "VpcId=vpc-0001").links[0].vpc, vpc("vpc-0002"));
}

#[test]
fn what_is_undocumented_can_be_switched() {
    let (sim, _) = sim(&one_of_each());
    let again = "InstanceId=i-linked&VpcId=vpc-a";
    let gone = "InstanceId=i-free&VpcId=vpc-a";
    for (switch, value, action, params, wanted) in [
        ("already-gone", "ok", Detach, gone, "OK"),
        ("already-gone", "operation-denied", Detach, gone, "403 OperationDenied"),
        ("attach-again", "operation-denied", Attach, again, "403 OperationDenied"),
        ("unknown-vpc", "empty", Describe, "VpcId=vpc-nobody", "OK"),
        ("unknown-id", "ignore", Describe, "InstanceId=i-nobody,i-free", "OK"),
        (
            "vpc-instance",
            "malformed",
            Describe,
            "InstanceId=i-vpc",
            "403 InvalidInstanceId.MalFormed",
        ),
        (
            "poison",
            "i-free",
            Describe,
            "InstanceId=i-linked,i-free",
            "403 InvalidInstanceId.NotBelong",
        ),
        ("classic-network", "off", Detach, again, "403 InvalidInstanceId.MalFormed"),
        ("classic-network", "off", Describe, "VpcId=vpc-a", "OK"),
    ] {
        sim.set(switch, value).unwrap();
        assert_eq!(verdict(&sim, action, params), wanted, "{switch}={value}");
    }
    assert_eq!(page(&sim, "VpcId=vpc-a").total, 0, "no classic network, no links");
}

#[test]
fn describe_instances_filters_and_pages() {
    let (sim, _) = sim(&one_of_each());
    let ids = |params: &str| match ask(&sim, Instances, params).reply {
        Reply::Answer(Answer::Instances(page)) => {
            let ids = page.instances.iter().map(|(key, _)| key.1.to_string()).collect::<Vec<_>>();
            (ids, page.next_token)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(ids("InstanceNetworkType=vpc").0, ["i-vpc"]);
    assert_eq!(ids("Status=Starting").0, ["i-starting"]);
    assert_eq!(ids("InstanceIds=[\"i-free\",\"i-nobody\",\"i-theirs\"]").0, ["i-free"]);
    let (first, token) = ids("MaxResults=4");
    let (second, end) = ids(&format!("MaxResults=4&NextToken={}", token.unwrap()));
    assert_eq!((first.len(), second.len(), end), (4, 3, None));
    assert!(first.iter().all(|id| !second.contains(id)));
}
