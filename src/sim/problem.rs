//! What the cloud can refuse, with which code, status and words (`api-contract.md` 2.4, 2.7, 3.3).
//!
//! The messages are ours; they carry the fragments ("cues") by which the documented ones are told
//! apart. The number of a status is the one each edition prints.

use super::switches::{Edition, Permission};
use std::time::Duration;

mod action;
pub use action::Action;

/// Why the cloud refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table in `Problem::row` says what each is")]
pub enum Problem {
    // Of the three operations.
    InstanceUnknown,
    InstanceNotClassic,
    InstanceNotBelong,
    InstanceInTransition,
    InstanceLocked,
    VpcMalformed,
    VpcNotBelong,
    VpcUnknown,
    RegionMalformed,
    RegionUnknown,
    BothIdsEmpty,
    DetachNotAllowed,
    VpcDetachDisabled,
    NotLinked,
    LinkedElsewhere,
    AttachNotAllowed,
    VpcAttachDisabled,
    RegionLimited,
    QuotaExceeded,
    AlreadyLinked,
    TooManyIds,
    PageNumber,
    PageSize,
    // Of DescribeInstances.
    IdsNotJson,
    StatusFilter,
    NetworkFilter,
    LockFilter,
    // Of AssumeRole and AssumeRoleWithOIDC.
    RoleUnknown,
    OidcToken,
    // Of every request.
    Missing(&'static str),
    MissingCommon(&'static str),
    TimestampFormat,
    TimestampExpired,
    SignatureIncomplete,
    SignatureMethod,
    SignatureMismatch,
    NonceUsed,
    KeyUnknown,
    KeyInactive,
    KeyDisabled,
    TokenMissing,
    TokenMismatch,
    TokenMalformed,
    TokenExpired,
    ActionUnknown,
    VersionUnknown,
    HttpMethod,
    RegionDown,
}

/// Code, statuses of 2018, 2020 and 2024, message.
type Row = (&'static str, [u16; 3], &'static str);

const NOT_CLASSIC: &str = "The specified instance is not in the classic network.";

impl Problem {
    fn row(self, edition: Edition, action: Option<Action>) -> Row {
        match self {
            Self::RegionMalformed | Self::RegionUnknown => self.region_row(edition, action),
            Self::LinkedElsewhere if edition == Edition::D2024 => {
                ("OperationDenied", [403; 3], "The instance has been linked to other vpc.")
            }
            Self::LinkedElsewhere => (
                "Abs.InvalidInstanceId.MalFormed",
                [400, 403, 403],
                "The instance is linked to a VPC already.",
            ),
            Self::MissingCommon(_)
            | Self::TimestampFormat
            | Self::TimestampExpired
            | Self::SignatureIncomplete
            | Self::SignatureMethod
            | Self::SignatureMismatch
            | Self::NonceUsed
            | Self::KeyUnknown
            | Self::KeyInactive
            | Self::KeyDisabled
            | Self::TokenMissing
            | Self::TokenMismatch
            | Self::TokenMalformed
            | Self::TokenExpired
            | Self::ActionUnknown
            | Self::VersionUnknown
            | Self::HttpMethod
            | Self::RegionDown => self.common_row(),
            _ => self.link_row(),
        }
    }

    /// `api-contract.md` 2.4: the one 404 of 2024 is Describe's; Detach knows only `Malformed`.
    fn region_row(self, edition: Edition, action: Option<Action>) -> Row {
        let malformed = (
            "InvalidRegionId.Malformed",
            [400, 403, 403],
            "The specified RegionId is malformed or you have no access to it.",
        );
        let unknown = "The specified RegionId does not exist.";
        match (self, action, edition) {
            (Self::RegionUnknown, Some(Action::Attach), Edition::D2024) => {
                ("InvalidRegionId.NotFound", [403; 3], unknown)
            }
            (_, Some(Action::Describe | Action::Instances), Edition::D2020 | Edition::D2024) => {
                ("InvalidRegionId.NotFound", [404; 3], unknown)
            }
            _ => malformed,
        }
    }

    fn link_row(self) -> Row {
        const OLD: [u16; 3] = [400, 403, 403];
        const ALL: [u16; 3] = [403; 3];
        match self {
            Self::InstanceUnknown => {
                ("InvalidInstanceId.NotFound", [404, 403, 403], "The instance does not exist.")
            }
            Self::InstanceNotClassic => ("InvalidInstanceId.MalFormed", OLD, NOT_CLASSIC),
            Self::InstanceNotBelong => (
                "InvalidInstanceId.NotBelong",
                ALL,
                "The specified instance does not belong to you.",
            ),
            Self::InstanceInTransition => (
                "InvalidStatus.InstanceStatus",
                ALL,
                "The instance is neither Running nor Stopped.",
            ),
            Self::InstanceLocked => {
                ("InvalidStatus.InstanceLocked", ALL, "Another task holds the instance.")
            }
            Self::VpcMalformed => {
                ("InvalidVpcId.Malformed", OLD, "The specified VpcId is malformed.")
            }
            Self::VpcNotBelong => {
                ("InvalidVpc.NotBelong", ALL, "The specified VPC does not belong to you.")
            }
            Self::RoleUnknown => ("EntityNotExist.Role", [404; 3], "The role does not exist."),
            Self::OidcToken => {
                ("AuthenticationFail.OIDCToken.Invalid", [400; 3], "This JWT Token is illegal.")
            }
            Self::VpcUnknown => ("InvalidVpcId.NotFound", [404; 3], "The VPC does not exist."),
            Self::BothIdsEmpty => (
                "InvalidParameter.InvalidInstanceIdAndVpcId",
                ALL,
                "InstanceId and VpcId cannot both be empty.",
            ),
            Self::DetachNotAllowed => (
                "OperationDenied",
                ALL,
                "The specified instance is not allowed to detach from the VPC.",
            ),
            Self::VpcDetachDisabled => {
                ("OperationDenied", ALL, "The VPC disabled detach classic link.")
            }
            Self::NotLinked => (
                "InvalidOperation.InvalidVpc",
                ALL,
                "The specified instance is not link specify vpc.",
            ),
            Self::AttachNotAllowed => {
                ("OperationDenied", ALL, "The specified instance does not allow link to a VPC.")
            }
            Self::AlreadyLinked => {
                ("OperationDenied", ALL, "The instance does not allow link: it is linked.")
            }
            Self::VpcAttachDisabled => {
                ("OperationDenied", ALL, "The VPC disabled attach classic link.")
            }
            Self::RegionLimited => (
                "InvalidInstanceId.LimitedRegion",
                ALL,
                "The region of the instance does not support the operation.",
            ),
            Self::QuotaExceeded => {
                ("QuotaExceeded", ALL, "The VPC has as many classic links as it can have.")
            }
            _ => self.describe_row(),
        }
    }

    fn describe_row(self) -> Row {
        const ALL: [u16; 3] = [403; 3];
        match self {
            Self::TooManyIds => (
                "InvalidParameter.ToManyInstanceIds",
                ALL,
                "At most 100 instance ids can be given.",
            ),
            Self::PageNumber => {
                ("InvalidParameter.PageNumber", ALL, "The specified PageNumber is not valid.")
            }
            Self::PageSize => {
                ("InvalidParameter.PageSize", ALL, "The specified PageSize is not valid.")
            }
            Self::StatusFilter => {
                ("InvalidStatus.NotFound", [404; 3], "The specified Status does not exist.")
            }
            Self::NetworkFilter => (
                "InvalidNetworkType.NotFound",
                [404; 3],
                "The specified InstanceNetworkType does not exist.",
            ),
            Self::LockFilter => {
                ("InvalidLockReason.NotFound", [404; 3], "The specified LockReason does not exist.")
            }
            // Undocumented for DescribeInstances; the general code of a parameter.
            _ => ("InvalidParameter", [400; 3], "InstanceIds must be a JSON array of ids."),
        }
    }

    fn common_row(self) -> Row {
        const BAD: [u16; 3] = [400; 3];
        match self {
            Self::MissingCommon(_) => ("MissingParameter", BAD, ""),
            Self::TimestampFormat => {
                ("InvalidTimeStamp.Format", BAD, "The timestamp must be YYYY-MM-DDThh:mm:ssZ.")
            }
            Self::TimestampExpired => {
                ("InvalidTimeStamp.Expired", BAD, "The timestamp is too far from the present.")
            }
            Self::SignatureIncomplete => {
                ("IncompleteSignature", BAD, "The signature does not conform to the rules.")
            }
            Self::SignatureMethod => {
                ("InvalidSignatureMethod", BAD, "Only HMAC-SHA1 with version 1.0 is supported.")
            }
            Self::SignatureMismatch => {
                ("SignatureDoesNotMatch", BAD, "The signature does not conform to the rules.")
            }
            Self::NonceUsed => ("SignatureNonceUsed", BAD, "The nonce was used already."),
            Self::KeyUnknown => ("InvalidAccessKeyId.NotFound", BAD, "The key does not exist."),
            Self::KeyInactive => ("InvalidAccessKeyId.Inactive", BAD, "The key is inactive."),
            Self::KeyDisabled => ("Forbidden.AccessKeyDisabled", [403; 3], "The key is disabled."),
            Self::TokenMissing => ("MissingSecurityToken", BAD, "SecurityToken is mandatory."),
            Self::TokenMismatch => (
                "InvalidSecurityToken.MismatchWithAccessKey",
                BAD,
                "The security token does not go with the access key.",
            ),
            Self::TokenMalformed => {
                ("InvalidSecurityToken.Malformed", BAD, "The security token is malformed.")
            }
            Self::TokenExpired => {
                ("InvalidSecurityToken.Expired", BAD, "The security token has expired.")
            }
            Self::ActionUnknown => {
                ("InvalidAction", [403; 3], "The specified action does not exist.")
            }
            Self::VersionUnknown => ("InvalidVersion", BAD, "The specified version is not valid."),
            Self::RegionDown => {
                ("ServiceUnavailable", [503; 3], "The region is temporarily unavailable.")
            }
            _ => ("UnsupportedHTTPMethod", [403; 3], "The HTTP method is not supported."),
        }
    }
}

/// What a refused permission says about itself (`api-contract.md` 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Such as `ecs:DetachClassicLinkVpc`.
    pub action: String,
    /// The account whose sub-user was refused.
    pub account: String,
}

/// One error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Such as `OperationDenied`.
    pub code: String,
    /// Free text.
    pub message: String,
    /// For refused permissions.
    pub denial: Option<Denial>,
    /// How long to wait, where the answer says it.
    pub wait: Option<Duration>,
}

impl Refusal {
    /// A refusal that is the same in every edition and operation.
    pub fn of(problem: Problem) -> Self {
        Self::within(Edition::D2024, None, problem)
    }

    /// The refusal as that edition documents it for that operation.
    pub fn within(edition: Edition, action: Option<Action>, problem: Problem) -> Self {
        let (code, statuses, message) = problem.row(edition, action);
        let [old, middle, new] = statuses;
        let status = match edition {
            Edition::D2018 => old,
            Edition::D2020 => middle,
            Edition::D2024 => new,
        };
        match problem {
            Problem::Missing(name) => Self::new(400, &format!("Missing{name}"), &mandatory(name)),
            Problem::MissingCommon(name) => Self::new(400, "MissingParameter", &mandatory(name)),
            _ => Self::new(status, code, message),
        }
    }

    /// Any code, with the status it usually has.
    pub fn with_code(code: &str) -> Self {
        let status = match code {
            "InternalError" => 500,
            "ServiceUnavailable" | "ServiceUnavailable.RegionMaintaining" => 503,
            "OperationConflict" => 409,
            "InvalidRegionId.NotFound" | "InvalidVpcId.NotFound" => 404,
            "UnknownError" => 400,
            _ if code.starts_with("Throttling") || code.starts_with("Missing") => 400,
            _ => 403,
        };
        Self::new(status, code, &format!("The simulator was told to answer {code}."))
    }

    /// A refused permission.
    pub fn denied(code: Permission, action: &str, account: &str) -> Self {
        use super::switches::shown;
        let message = "The RAM user is not authorized to do the operation on the resource.";
        let product = Action::parse(action).map_or("ecs", |action| action.api().0);
        let action = format!("{product}:{action}");
        let denial = Denial { action, account: account.to_owned() };
        Self { denial: Some(denial), ..Self::new(403, &shown(&code), message) }
    }

    fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            denial: None,
            wait: None,
        }
    }
}

fn mandatory(name: &str) -> String {
    format!(
        "The input parameter \"{name}\" that is mandatory for processing this request is not \
         supplied."
    )
}
