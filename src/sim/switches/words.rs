//! Switches that choose one of a few words.

use super::value::Value;

macro_rules! words {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$what])* $variant,)+
        }

        impl Value for $name {
            fn read(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err([$($word),+].join(" or ")),
                }
            }

            fn show(&self) -> String {
                match self {
                    $(Self::$variant => $word.to_owned(),)+
                }
            }
        }
    };
}

words!(
    /// Which edition of the documentation decides codes and statuses (`api-contract.md` 2.4).
    Edition {
        /// 2018-06 to 2019-01.
        D2018 = "2018",
        /// 2019-06 to 2021.
        D2020 = "2020",
        /// Change entry 2024-12-20.
        D2024 = "2024",
    }
);

words!(
    /// What Detach answers when the instance is not linked to that VPC (`api-contract.md` 14, 2).
    AlreadyGone {
        /// As the edition documents it: `InvalidOperation.InvalidVpc` in 2024, success before.
        Auto = "auto",
        /// `InvalidOperation.InvalidVpc`.
        InvalidVpc = "invalid-vpc",
        /// Success.
        Ok = "ok",
        /// `OperationDenied`.
        OperationDenied = "operation-denied",
    }
);

words!(
    /// What Attach answers when the link is there already (undocumented).
    AttachAgain {
        /// Success.
        Ok = "ok",
        /// `OperationDenied`.
        OperationDenied = "operation-denied",
    }
);

words!(
    /// What Describe answers for a VPC it does not know (undocumented).
    UnknownVpc {
        /// `InvalidVpc.NotBelong`.
        NotBelong = "not-belong",
        /// An empty list.
        Empty = "empty",
    }
);

words!(
    /// What Describe answers when one id of the list is unknown.
    UnknownId {
        /// The whole call fails.
        Fail = "fail",
        /// The id is left out.
        Ignore = "ignore",
    }
);

words!(
    /// What Describe answers for an instance of a VPC network (undocumented).
    VpcInstance {
        /// It has no link.
        Empty = "empty",
        /// `InvalidInstanceId.MalFormed`.
        Malformed = "malformed",
    }
);

words!(
    /// In which order Describe lists links (undocumented).
    Order {
        /// Sorted by instance id.
        Stable = "stable",
        /// Another one each minute: passes differ, the pages of one rarely do.
        Drifting = "drifting",
        /// Another one at each call: more than one page cannot be read whole.
        Shuffled = "shuffled",
    }
);

words!(
    /// How a list without links looks in JSON.
    EmptyList {
        /// `"Links": {"Link": []}`
        List = "list",
        /// No `Links` at all.
        Absent = "absent",
        /// `"Links": {}`
        Object = "object",
    }
);

words!(
    /// What `GetCallerIdentity` calls every key (`api-contract.md` 2.8).
    Identity {
        /// That of the account itself.
        Account = "account",
        /// That of a RAM user.
        User = "user",
        /// That of a RAM role.
        Role = "role",
    }
);

words!(
    /// How numbers look in JSON.
    Numbers {
        /// `10`
        Number = "number",
        /// `"10"`
        Text = "string",
    }
);

words!(
    /// Among whose requests a nonce must be unique (undocumented).
    NonceScope {
        /// Those of one access key.
        Key = "key",
        /// Everybody's.
        Global = "global",
        /// Nobody's: replays pass.
        Off = "off",
    }
);

words!(
    /// What a throttled answer says about waiting (`api-contract.md` 6.2).
    ThrottleHint {
        /// `x-acs-retry-after`
        RetryAfter = "retry-after",
        /// `X-RateLimit-User-API`
        RateLimit = "rate-limit",
        /// Nothing.
        None = "none",
    }
);

words!(
    /// The code of a refused permission (`api-contract.md` 3.3).
    Permission {
        /// `Forbidden.SubUser`, the one the three operations document.
        SubUser = "Forbidden.SubUser",
        /// `Forbidden.RAM`
        Ram = "Forbidden.RAM",
        /// `NoPermission`
        NoPermission = "NoPermission",
    }
);

words!(
    /// What the metadata service asks for (`api-contract.md` 9).
    Metadata {
        /// A session token.
        Required = "required",
        /// Nothing, and takes a token too.
        Optional = "optional",
        /// There is none.
        Disabled = "disabled",
    }
);
