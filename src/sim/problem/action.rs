//! The operations, and which API each belongs to.

/// The operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// `DescribeClassicLinkInstances`
    Describe,
    /// `AttachClassicLinkVpc`
    Attach,
    /// `DetachClassicLinkVpc`
    Detach,
    /// `DescribeInstances`
    Instances,
    /// `GetCallerIdentity` of STS
    Identify,
    /// `AssumeRole` of STS
    Assume,
    /// `AssumeRoleWithOIDC` of STS
    AssumeWithOidc,
}

impl Action {
    /// Every operation.
    pub const ALL: [Self; 7] = [
        Self::Describe,
        Self::Attach,
        Self::Detach,
        Self::Instances,
        Self::Identify,
        Self::Assume,
        Self::AssumeWithOidc,
    ];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Describe => "DescribeClassicLinkInstances",
            Self::Attach => "AttachClassicLinkVpc",
            Self::Detach => "DetachClassicLinkVpc",
            Self::Instances => "DescribeInstances",
            Self::Identify => "GetCallerIdentity",
            Self::Assume => "AssumeRole",
            Self::AssumeWithOidc => "AssumeRoleWithOIDC",
        }
    }

    /// Product and version of the API it belongs to (`api-contract.md`, scope, and 2.8).
    pub fn api(self) -> (&'static str, &'static str) {
        match self {
            Self::Identify | Self::Assume | Self::AssumeWithOidc => ("sts", "2015-04-01"),
            _ => ("ecs", "2014-05-26"),
        }
    }

    /// The operation of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }

    /// Whether it changes links.
    pub fn writes(self) -> bool {
        matches!(self, Self::Attach | Self::Detach)
    }
}
