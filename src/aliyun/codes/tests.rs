//! Every documented code of every edition, and the common ones.

use super::Operation::{Attach, Describe, Detach, Identify};
use super::*;
use Class::{
    Ambiguous, Blocked, Conflict, Denied, Gone, Misconfigured, Retired, Throttled, Unauthenticated,
    Unknown, Waiting,
};

/// `api-contract.md` 2.4, with the message cue where it matters.
const DETACH: &[(&str, &str, Class)] = &[
    ("InvalidInstanceId.NotFound", "", Gone),
    ("InvalidInstanceId.MalFormed", "", Gone),
    ("InvalidInstanceId.NotBelong", "", Misconfigured),
    ("InvalidStatus.InstanceStatus", "", Waiting),
    ("InvalidStatus.InstanceLocked", "", Waiting),
    ("InvalidVpcId.Malformed", "", Misconfigured),
    ("InvalidRegionId.Malformed", "", Misconfigured),
    ("InvalidParameter.InvalidInstanceIdAndVpcId", "", Misconfigured),
    ("OperationDenied", "The instance is not allowed to detach.", Blocked),
    ("OperationDenied", "The vpc has disabled detach classic link.", Blocked),
    ("InvalidOperation.InvalidVpc", "The instance does not link specify vpc.", Gone),
    ("Forbidden.SubUser", "", Denied),
];

const ATTACH: &[(&str, &str, Class)] = &[
    ("InvalidInstanceId.NotFound", "", Gone),
    ("InvalidInstanceId.MalFormed", "", Gone),
    ("Abs.InvalidInstanceId.MalFormed", "", Conflict),
    ("OperationDenied", "The instance has been linked to other vpc.", Conflict),
    ("OperationDenied", "The instance HAS BEEN Linked To Other VPC", Conflict),
    ("OperationDenied", "The instance does not allow link.", Blocked),
    ("OperationDenied", "The vpc has disabled attach classic link.", Blocked),
    ("OperationDenied", "The vpc is unable to attach.", Blocked),
    ("OperationDenied", "", Blocked),
    ("InvalidInstanceId.NotBelong", "", Misconfigured),
    ("InvalidStatus.InstanceStatus", "", Waiting),
    ("InvalidStatus.InstanceLocked", "", Waiting),
    ("InvalidInstanceId.LimitedRegion", "", Misconfigured),
    ("QuotaExceeded", "", Blocked),
    ("InvalidVpcId.Malformed", "", Misconfigured),
    ("InvalidRegionId.Malformed", "", Misconfigured),
    ("InvalidRegionId.NotFound", "", Misconfigured),
    ("InvalidParameter.InvalidInstanceIdAndVpcId", "", Misconfigured),
    ("Forbidden.SubUser", "", Denied),
];

const DESCRIBE: &[(&str, &str, Class)] = &[
    ("InvalidInstanceId.NotFound", "", Gone),
    ("InvalidInstanceId.NotBelong", "", Misconfigured),
    ("InvalidVpc.NotBelong", "", Misconfigured),
    ("InvalidParameter.ToManyInstanceIds", "", Misconfigured),
    ("InvalidParameter.InvalidInstanceIdAndVpcId", "", Misconfigured),
    ("InvalidParameter.PageNumber", "", Misconfigured),
    ("InvalidParameter.PageSize", "", Misconfigured),
    ("InvalidRegionId.Malformed", "", Misconfigured),
    ("InvalidRegionId.NotFound", "", Misconfigured),
];

/// `api-contract.md` 3.3, 6.1 and the rows of 8.4 that are of no one operation.
const COMMON: &[(&str, Class)] = &[
    ("MissingParameter", Misconfigured),
    ("MissingVpcId", Misconfigured),
    ("IllegalTimestamp", Misconfigured),
    ("InvalidTimeStamp.Format", Misconfigured),
    ("InvalidTimeStamp.Expired", Unauthenticated),
    ("IncompleteSignature", Unauthenticated),
    ("SignatureDoesNotMatch", Unauthenticated),
    ("SignatureNonceUsed", Ambiguous),
    ("InvalidSignatureMethod", Misconfigured),
    ("InvalidParamater", Misconfigured),
    ("InvalidAccessKeyId.NotFound", Unauthenticated),
    ("InvalidAccessKeyId.Inactive", Unauthenticated),
    ("Forbidden.AccessKeyDisabled", Unauthenticated),
    ("InvalidSecurityToken.Expired", Unauthenticated),
    ("InvalidSecurityToken.Malformed", Unauthenticated),
    ("InvalidSecurityToken.MismatchWithAccessKey", Unauthenticated),
    ("MissingSecurityToken", Unauthenticated),
    ("Forbidden.SubUser", Denied),
    ("Forbidden.RAM", Denied),
    ("Forbidden.Unauthorized", Denied),
    ("Forbidden.NotSupportRAM", Denied),
    ("NoPermission", Denied),
    ("Forbidden.RiskControl", Unauthenticated),
    ("InvalidAccount.NotFound", Unauthenticated),
    ("RealNameAuthenticationError", Unauthenticated),
    ("InsufficientBalance", Unauthenticated),
    ("InvalidAction", Retired),
    ("InvalidAction.NotFound", Retired),
    ("InvalidVersion", Retired),
    ("UnsupportedOperation", Retired),
    ("InvalidParameter", Misconfigured),
    ("UnsupportedHTTPMethod", Misconfigured),
    ("UnsupportedParameter", Misconfigured),
    ("InvalidProtocol.NeedSsl", Misconfigured),
    ("Throttling", Throttled),
    ("Throttling.User", Throttled),
    ("Throttling.Api", Throttled),
    ("Rejected.Throttling", Throttled),
    ("OperationConflict", Waiting),
    ("LastTokenProcessing", Waiting),
    ("IncorrectVpcStatus", Waiting),
    ("UnknownError", Ambiguous),
    ("InternalError", Ambiguous),
    ("ServiceUnavailable", Ambiguous),
    ("ServiceUnavailable.RegionMaintaining", Waiting),
    ("InvalidRegionId.NotFound", Misconfigured),
    ("InvalidRegion.NotFound", Misconfigured),
    ("InvalidVpcId.NotFound", Gone),
    ("Forbidden.VpcNotFound", Gone),
    ("Forbidden.InstanceNotFound", Gone),
];

#[test]
fn every_documented_code_has_its_class_in_any_case() {
    for (operation, codes) in [(Detach, DETACH), (Attach, ATTACH), (Describe, DESCRIBE)] {
        for (code, message, class) in codes {
            for spelling in [(*code).to_owned(), code.to_lowercase(), code.to_uppercase()] {
                let got = classify(operation, &spelling, message);
                assert_eq!(got, *class, "{operation:?} {spelling} {message:?}");
            }
        }
    }
}

#[test]
fn a_common_code_means_the_same_for_every_operation() {
    for operation in [Detach, Attach, Describe, Identify] {
        for (code, class) in COMMON {
            for spelling in [(*code).to_owned(), code.to_lowercase(), code.to_uppercase()] {
                assert_eq!(classify(operation, &spelling, ""), *class, "{operation:?} {spelling}");
            }
        }
    }
}

#[test]
fn nothing_else_is_guessed() {
    for code in [
        "",
        "NotFound",
        "Something.NotFound",
        "InvalidInstanceId",
        "InvalidInstanceId.NotFound.Extra",
        "XInvalidInstanceId.NotFound",
        "InvalidOperation",
        "OperationDenied.Extra",
        "Forbidden",
        "Forbidden.Unheard",
        "ThrottlingX",
        "NotThrottling",
        "Throttle",
        "200",
        "*",
        "missin",
    ] {
        assert_eq!(classify(Detach, code, "linked to other vpc"), Unknown, "{code}");
    }
}

#[test]
fn a_code_documented_for_one_operation_is_unknown_to_the_others() {
    for operation in [Attach, Describe] {
        assert_eq!(classify(operation, "InvalidOperation.InvalidVpc", ""), Unknown);
    }
    for operation in [Detach, Describe] {
        assert_eq!(classify(operation, "Abs.InvalidInstanceId.MalFormed", ""), Unknown);
        let denied = classify(operation, "OperationDenied", "has been linked to other vpc");
        assert_eq!(denied, Blocked);
    }
}

#[test]
fn a_wish_to_wait_makes_only_vague_errors_throttling() {
    for code in ["ServiceUnavailable", "serviceunavailable"] {
        assert_eq!(with_wish_to_wait(code, classify(Detach, code, "")), Throttled);
    }
    assert_eq!(with_wish_to_wait("Unheard", Unknown), Throttled);
    assert_eq!(with_wish_to_wait("InternalError", Ambiguous), Ambiguous);
    assert_eq!(with_wish_to_wait("Forbidden.RAM", Denied), Denied);
    assert_eq!(with_wish_to_wait("malformed-body", Ambiguous), Ambiguous);
}

#[test]
fn without_a_code_only_a_redirect_and_a_429_say_more_than_ambiguous() {
    for status in [200, 204, 400, 401, 403, 404, 407, 500, 502, 503, 504] {
        assert_eq!(of_status(status), Ambiguous, "{status}");
    }
    assert_eq!(of_status(429), Throttled);
    assert_eq!(of_status(302), Misconfigured);
}

#[test]
fn the_table_is_in_lower_case_and_no_row_hides_a_later_one() {
    for (at, row) in TABLE.iter().enumerate() {
        assert_eq!(row.code, row.code.to_ascii_lowercase());
        assert_eq!(row.cue, row.cue.to_ascii_lowercase());
        let operations = match row.operations {
            For::All => vec![Detach, Attach, Describe],
            For::Only(one) => vec![one],
        };
        let code = row.code.replace('*', "x");
        let reached = operations.iter().any(|operation| {
            TABLE.iter().position(|other| other.fits(*operation, &code, row.cue)) == Some(at)
        });
        assert!(reached, "row {at} ({}) can never count", row.code);
    }
}

#[test]
fn for_counting_there_are_only_the_words_of_the_table_and_ours() {
    assert_eq!(label("OperationDenied"), "operationdenied");
    assert_eq!(label("Throttling.Api"), "throttling.*");
    assert_eq!(label("Throttling"), "throttling");
    assert_eq!(label("timeout"), "timeout");
    for made_up in ["", "i-0001", "Made.Up", "*", "ok", "Throttl", "time\nout"] {
        assert_eq!(label(made_up), OTHER, "{made_up}");
    }
    for (code, _, _) in DETACH.iter().chain(ATTACH) {
        assert_ne!(label(code), OTHER, "{code}");
    }
}

#[test]
fn every_code_of_ours_is_known_for_counting() {
    let sources = [
        include_str!("../../cloud.rs"),
        include_str!("../client.rs"),
        include_str!("../client/exchange.rs"),
        include_str!("../client/judge.rs"),
    ];
    let quoted = |text: &'static str| text.split('"').skip(1).step_by(2);
    let in_source: std::collections::BTreeSet<&str> =
        sources.into_iter().flat_map(quoted).collect();
    for source in sources {
        for given in source.split("code: \"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert_ne!(label(given), OTHER, "{given} is missing in OURS");
        }
    }
    for ours in OURS {
        assert!(in_source.contains(ours), "{ours} is given nowhere");
        assert_eq!(label(ours), ours);
    }
}
