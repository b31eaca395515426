//! The seams to the cloud: reading links, changing links, asking whose credential it is, and what an
//! error means to us.
//!
//! No HTTP here. `aliyun` and `sim` implement the traits; `observe` and `apply` use them.

use crate::model::{AccountId, InstanceId, Lane, Link, Region, VpcId};
use jiff::Timestamp;
use std::fmt;
use std::future::Future;
use std::time::Duration;

mod ticket;
pub use ticket::{IntentId, Ticket};

/// Most instance ids one read may name (`api-contract.md` 2.1).
pub const IDS_MAX: usize = 100;
/// Largest page (`api-contract.md` 2.3).
pub const PAGE_SIZE_MAX: u32 = 100;
/// Most links one VPC can have (`api-contract.md` 8.1).
pub const LINKS_PER_VPC_MAX: u32 = 1000;

/// One read of links: `DescribeClassicLinkInstances`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// A page of the links of one VPC.
    OfVpc {
        /// Where.
        region: Region,
        /// Which VPC.
        vpc: VpcId,
        /// From 1.
        page: u32,
        /// 1 to [`PAGE_SIZE_MAX`].
        page_size: u32,
    },
    /// The links of at most [`IDS_MAX`] instances, whatever their VPC: one page, which cannot shift.
    OfInstances {
        /// Where.
        region: Region,
        /// Which instances; no duplicates.
        instances: Vec<InstanceId>,
    },
}

/// One answer to a [`Query`], as the cloud gave it: nothing is checked against the query yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The links, in the cloud's order.
    pub links: Vec<Link>,
    /// Links that match across all pages, as the cloud counts.
    pub total: u32,
    /// For support cases.
    pub request_id: Option<String>,
}

/// Reads links. Holds no way to change one.
pub trait ReadLinks: Send + Sync {
    /// Asks once; no retry.
    ///
    /// # Errors
    /// [`CloudError`], classified.
    fn describe(&self, query: &Query) -> impl Future<Output = Result<Page, CloudError>> + Send;
}

/// Changes links. Takes tickets and nothing else: without a durable intent there is no call.
pub trait WriteLinks: Send + Sync {
    /// Detaches or attaches, as the ticket says. Asks once; no retry. Nothing is waited for before it is sent,
    /// for leave was given for now: what takes time is for [`WriteLinks::ready`].
    ///
    /// # Errors
    /// [`CloudError`], classified.
    fn carry_out(
        &self,
        ticket: &Ticket,
    ) -> impl Future<Output = Result<Accepted, CloudError>> + Send;

    /// Whether a change could be sent now, as far as that is known without sending one: with a key that lives
    /// long enough, say. What is only a matter of time is asked for before a call is counted, not after.
    ///
    /// # Errors
    /// [`CloudError`]: not now, though perhaps soon. What lasts is for the call itself to find out.
    fn ready(&self) -> impl Future<Output = Result<(), CloudError>> + Send {
        std::future::ready(Ok(()))
    }

    /// How far our clock is off from the cloud's, as far as its answers told.
    fn clock_off(&self) -> Duration {
        Duration::ZERO
    }
}

/// Tells whose credential calls are made with. Holds no way to read or change a link.
pub trait Identify: Send + Sync {
    /// The account that the credential in use belongs to now. Asks once; no retry.
    ///
    /// # Errors
    /// [`CloudError`], classified.
    fn caller(&self) -> impl Future<Output = Result<AccountId, CloudError>> + Send;

    /// When the credential that was used last ends, where that is known.
    fn expires(&self) -> Option<Timestamp> {
        None
    }

    /// Changes when the key does that calls are made with: what was answered about the one says nothing
    /// about the other.
    fn generation(&self) -> u64 {
        0
    }
}

/// The cloud took the request. Acceptance only: whether the link is gone is for a read to say
/// (`api-contract.md` 8.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accepted {
    /// For support cases and the cloud's audit trail.
    pub request_id: Option<String>,
}

/// What an error means for us; decided once, by code, in the adapter (`api-contract.md` 8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The thing asked about is not there. Converged only if this pass saw the link and a later
    /// read does not list it; else a configuration error.
    Gone,
    /// We cannot know whether it was carried out: observe, then decide.
    Ambiguous,
    /// Nothing was sent: safe to try again.
    Unreachable,
    /// Over a quota; certainly not carried out.
    Throttled,
    /// The instance or VPC is in transition or locked; certainly not carried out.
    Waiting,
    /// Linked to another VPC (attach only): observe, then decide.
    Conflict,
    /// The cloud refuses this one link; a person has to look.
    Blocked,
    /// No permission: stop this scope.
    Denied,
    /// The credential is not accepted: stop all writes of it.
    Unauthenticated,
    /// The request cannot succeed as configured (region, VPC, account).
    Misconfigured,
    /// The action or region is gone for good.
    Retired,
    /// A code nobody documented: bounded tries, then as blocked.
    Unknown,
}

impl Class {
    /// Every class, for tables and tests.
    pub const ALL: [Self; 12] = [
        Self::Gone,
        Self::Ambiguous,
        Self::Unreachable,
        Self::Throttled,
        Self::Waiting,
        Self::Conflict,
        Self::Blocked,
        Self::Denied,
        Self::Unauthenticated,
        Self::Misconfigured,
        Self::Retired,
        Self::Unknown,
    ];

    /// The word in logs, metrics and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Ambiguous => "ambiguous",
            Self::Unreachable => "unreachable",
            Self::Throttled => "throttled",
            Self::Waiting => "waiting",
            Self::Conflict => "conflict",
            Self::Blocked => "blocked",
            Self::Denied => "denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Misconfigured => "misconfigured",
            Self::Retired => "retired",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Code of an error before anything was sent: there is no key to sign with.
pub const NO_KEY: &str = "credentials";

/// An error of the cloud or of the way to it. `Display` is safe to print anywhere: the adapter has
/// taken out signatures, strings to sign, tokens and query strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudError {
    /// The cloud's code, such as `OperationDenied`; ours in lower case (`timeout`, `connect`,
    /// `malformed-body`) where there was no answer of the cloud.
    pub code: String,
    /// What it means for us.
    pub class: Class,
    /// For support cases.
    pub request_id: Option<String>,
    /// Redacted, at most 256 characters.
    pub message: String,
    /// The cloud's wish how long to wait (`x-acs-retry-after`, `X-RateLimit-*`).
    pub retry_after: Option<Duration>,
}

impl CloudError {
    /// Our code for a call whose process ended before the answer came.
    pub const LOST: &'static str = "process-ended";

    /// An error without request id or hint.
    pub fn new(class: Class, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            class,
            request_id: None,
            message: message.into(),
            retry_after: None,
        }
    }

    /// Whether one id of a list made the whole call fail, so that smaller lists can succeed
    /// (`api-contract.md` 2.4, "poison id").
    pub fn blames_an_instance(&self) -> bool {
        self.code.to_ascii_lowercase().starts_with("invalidinstanceid.")
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}

impl std::error::Error for CloudError {}

impl<T: ReadLinks> ReadLinks for std::sync::Arc<T> {
    fn describe(&self, query: &Query) -> impl Future<Output = Result<Page, CloudError>> + Send {
        (**self).describe(query)
    }
}

impl<T: WriteLinks> WriteLinks for std::sync::Arc<T> {
    fn carry_out(
        &self,
        ticket: &Ticket,
    ) -> impl Future<Output = Result<Accepted, CloudError>> + Send {
        (**self).carry_out(ticket)
    }

    fn ready(&self) -> impl Future<Output = Result<(), CloudError>> + Send {
        (**self).ready()
    }

    fn clock_off(&self) -> Duration {
        (**self).clock_off()
    }
}

impl<T: Identify> Identify for std::sync::Arc<T> {
    fn caller(&self) -> impl Future<Output = Result<AccountId, CloudError>> + Send {
        (**self).caller()
    }

    fn expires(&self) -> Option<Timestamp> {
        (**self).expires()
    }

    fn generation(&self) -> u64 {
        (**self).generation()
    }
}

impl Query {
    /// Where it is asked.
    pub fn region(&self) -> &Region {
        match self {
            Self::OfVpc { region, .. } | Self::OfInstances { region, .. } => region,
        }
    }

    /// The account and region whose read quota it uses.
    pub fn lane(&self, account: &crate::model::AccountName) -> Lane {
        Lane { account: account.clone(), region: self.region().clone() }
    }
}
