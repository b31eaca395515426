//! What each error code means for us: the one table (`api-contract.md` 2.4, 3.3, 8.4, 8.5).
//!
//! Codes decide, case-insensitively, never the HTTP status: the same code comes with different
//! statuses in different editions of the documentation, and most errors are 403
//! (`api-contract.md` 1, no. 3). A suffix decides nothing either: `.NotFound` stands for a missing
//! instance, a wrong region and a wrong key alike.

use crate::cloud::Class;

/// The operations: three of ECS, and three of STS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// `DescribeClassicLinkInstances`
    Describe,
    /// `AttachClassicLinkVpc`
    Attach,
    /// `DetachClassicLinkVpc`
    Detach,
    /// `GetCallerIdentity` of STS
    Identify,
    /// `AssumeRole` of STS
    Assume,
    /// `AssumeRoleWithOIDC` of STS
    AssumeWithOidc,
}

impl Operation {
    /// The value of `Action` on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Describe => "DescribeClassicLinkInstances",
            Self::Attach => "AttachClassicLinkVpc",
            Self::Detach => "DetachClassicLinkVpc",
            Self::Identify => "GetCallerIdentity",
            Self::Assume => "AssumeRole",
            Self::AssumeWithOidc => "AssumeRoleWithOIDC",
        }
    }

    /// The value of `Version` on the wire: that of the API which the operation belongs to
    /// (`api-contract.md`, scope, and 2.8).
    pub fn version(self) -> &'static str {
        match self {
            Self::Describe | Self::Attach | Self::Detach => "2014-05-26",
            Self::Identify | Self::Assume | Self::AssumeWithOidc => "2015-04-01",
        }
    }

    /// Whether it changes links.
    pub fn writes(self) -> bool {
        match self {
            Self::Attach | Self::Detach => true,
            Self::Describe | Self::Identify | Self::Assume | Self::AssumeWithOidc => false,
        }
    }
}

/// Which operations a row is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    All,
    Only(Operation),
}

struct Row {
    /// In lower case. A last `*` stands for anything, and yields to a row that names the code.
    code: &'static str,
    operations: For,
    /// What the message must contain, in lower case; empty is no condition. Never a whole message:
    /// they differ between editions and contain encoding damage (`api-contract.md` 2.4).
    cue: &'static str,
    class: Class,
}

const fn row(code: &'static str, class: Class) -> Row {
    Row { code, operations: For::All, cue: "", class }
}

const fn only(operation: Operation, code: &'static str, cue: &'static str, class: Class) -> Row {
    Row { code, operations: For::Only(operation), cue, class }
}

/// The first row that fits counts, so the narrower one stands first.
const TABLE: &[Row] = &[
    // Not there. Whether that is convergence or a wrong manifest is for a read to say.
    only(Operation::Detach, "invalidoperation.invalidvpc", "", Class::Gone),
    row("invalidinstanceid.notfound", Class::Gone),
    row("invalidinstanceid.malformed", Class::Gone), // "not a classic instance", not bad syntax
    row("invalidvpcid.notfound", Class::Gone),       // documented for the VPC product only
    row("forbidden.vpcnotfound", Class::Gone),       // documented for the VPC product only
    row("forbidden.instancenotfound", Class::Gone),  // undocumented; no permission problem
    // Linked elsewhere. "Does not allow link" is left to a person: the editions disagree whether
    // it means that, and only a person can find out.
    only(Operation::Attach, "operationdenied", "linked to other vpc", Class::Conflict),
    only(Operation::Attach, "abs.invalidinstanceid.malformed", "", Class::Conflict),
    // Refused for this one link.
    row("operationdenied", Class::Blocked),
    row("quotaexceeded", Class::Blocked),
    // In transition, locked, or behind another task.
    row("invalidstatus.instancestatus", Class::Waiting),
    row("invalidstatus.instancelocked", Class::Waiting),
    row("operationconflict", Class::Waiting),
    row("lasttokenprocessing", Class::Waiting),
    row("incorrectvpcstatus", Class::Waiting),
    row("serviceunavailable.regionmaintaining", Class::Waiting),
    // Over a quota.
    row("throttling", Class::Throttled),
    row("throttling.*", Class::Throttled),
    row("rejected.throttling", Class::Throttled),
    // May have been carried out. A used nonce means that an earlier copy may have arrived.
    row("internalerror", Class::Ambiguous),
    row("serviceunavailable", Class::Ambiguous),
    row("unknownerror", Class::Ambiguous),
    row("signaturenonceused", Class::Ambiguous),
    // No permission.
    row("forbidden.subuser", Class::Denied),
    row("forbidden.ram", Class::Denied),
    row("forbidden.unauthorized", Class::Denied),
    row("forbidden.notsupportram", Class::Denied),
    row("nopermission", Class::Denied),
    // Key, token, clock or account: nothing of this credential can succeed.
    row("incompletesignature", Class::Unauthenticated),
    row("signaturedoesnotmatch", Class::Unauthenticated),
    row("invalidtimestamp.expired", Class::Unauthenticated), // after the client's one correction
    row("invalidaccesskeyid", Class::Unauthenticated),
    row("invalidaccesskeyid.*", Class::Unauthenticated),
    row("forbidden.accesskeydisabled", Class::Unauthenticated),
    row("missingsecuritytoken", Class::Unauthenticated),
    row("invalidsecuritytoken", Class::Unauthenticated),
    row("invalidsecuritytoken.*", Class::Unauthenticated),
    row("forbidden.riskcontrol", Class::Unauthenticated),
    row("invalidaccount.notfound", Class::Unauthenticated),
    row("realnameauthenticationerror", Class::Unauthenticated),
    row("insufficientbalance", Class::Unauthenticated),
    // The action is gone for good.
    row("invalidaction", Class::Retired),
    row("invalidaction.notfound", Class::Retired),
    row("unsupportedoperation", Class::Retired),
    row("invalidversion", Class::Retired),
    // Wrong region, VPC or owner, or a request that this client should not have made.
    row("invalidinstanceid.notbelong", Class::Misconfigured),
    row("invalidinstanceid.limitedregion", Class::Misconfigured),
    row("invalidvpc.notbelong", Class::Misconfigured),
    row("invalidvpcid.malformed", Class::Misconfigured),
    row("invalidregionid.malformed", Class::Misconfigured),
    row("invalidregionid.notfound", Class::Misconfigured),
    row("invalidregion.notfound", Class::Misconfigured),
    row("invalidparameter", Class::Misconfigured),
    row("invalidparameter.*", Class::Misconfigured),
    row("invalidparamater", Class::Misconfigured), // the cloud's spelling
    row("illegaltimestamp", Class::Misconfigured),
    row("invalidtimestamp.format", Class::Misconfigured),
    row("invalidsignaturemethod", Class::Misconfigured),
    row("unsupportedhttpmethod", Class::Misconfigured),
    row("unsupportedparameter", Class::Misconfigured),
    row("invalidprotocol.needssl", Class::Misconfigured),
    row("missing*", Class::Misconfigured),
];

impl Row {
    /// Whether it is about a code, in lower case.
    fn names(&self, code: &str) -> bool {
        match self.code.strip_suffix('*') {
            Some(start) => code.starts_with(start),
            None => code == self.code,
        }
    }

    fn fits(&self, operation: Operation, code: &str, message: &str) -> bool {
        let operation_fits = match self.operations {
            For::All => true,
            For::Only(one) => one == operation,
        };
        self.names(code) && operation_fits && message.contains(self.cue)
    }
}

/// What the code of an error answer means (`api-contract.md` 8.4, 8.5). The message counts only
/// where one code has several meanings (`OperationDenied`).
pub fn classify(operation: Operation, code: &str, message: &str) -> Class {
    let (code, message) = (code.to_ascii_lowercase(), message.to_ascii_lowercase());
    let fitting = TABLE.iter().find(|row| row.fits(operation, &code, &message));
    fitting.map_or(Class::Unknown, |row| row.class)
}

/// Our codes, for what happened where the cloud gave none.
const OURS: [&str; 11] = [
    "timeout",
    "connect",
    "tls",
    "lost-response",
    "oversized-body",
    "malformed-body",
    "redirect",
    "request",
    "endpoint",
    "credentials",
    "bad-query",
];
/// What [`label`] calls a code that nobody documented.
pub const OTHER: &str = "other";

/// A code as one of a bounded number of words, for counting: as the table has it, in lower case, or one
/// of ours; [`OTHER`] for what neither knows, so that nobody who answers can make up words.
pub fn label(code: &str) -> &'static str {
    let ours = OURS.into_iter().find(|ours| *ours == code);
    let code = code.to_ascii_lowercase();
    let row = || TABLE.iter().find(|row| row.names(&code)).map(|row| row.code);
    ours.or_else(row).unwrap_or(OTHER)
}

/// The class of an error that came with a wish to wait (`x-acs-retry-after`). The current SDKs call
/// that throttling whatever the code says (`api-contract.md` 6.2); we do so only where the code
/// says nothing better, for "throttled" promises that nothing was carried out.
pub fn with_wish_to_wait(code: &str, class: Class) -> Class {
    let vague = class == Class::Unknown || code.eq_ignore_ascii_case("ServiceUnavailable");
    if vague { Class::Throttled } else { class }
}

/// The class of an answer without a readable code: all there is to go by is the status. Anything
/// between us and the cloud can have given it, before or after the cloud did its part; only 429
/// says that the request went no further (RFC 6585).
pub fn of_status(status: u16) -> Class {
    match status {
        429 => Class::Throttled,
        300..=399 => Class::Misconfigured,
        _ => Class::Ambiguous,
    }
}

#[cfg(test)]
mod tests;
