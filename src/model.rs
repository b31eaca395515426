//! The nouns: parsed identifiers, links, scopes, revisions.
//!
//! An identifier is parsed once, at the edge, and from then on cannot be empty or malformed: the
//! API treats an empty id as a filter that is not there (`api-contract.md` 2.4,
//! `InvalidParameter.InvalidInstanceIdAndVpcId` fires only when *both* are empty), so an empty id
//! that reached a request could widen it.

use std::fmt;
use std::str::FromStr;

pub mod digest;
pub mod revision;

pub use digest::Digest;
pub use revision::Revision;

/// Longest identifier accepted, in bytes. Real ones are at most 26.
const ID_MAX: usize = 64;

/// Why a text is not an identifier. `Display` is a fragment that fits after "the value".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not {article} {noun}: {why}; write {example}")]
pub struct IdError {
    shown: String,
    article: &'static str,
    noun: &'static str,
    why: &'static str,
    example: &'static str,
}

impl IdError {
    /// What to write instead, as an example value.
    pub fn example(&self) -> &'static str {
        self.example
    }

    /// What is wrong with the text, without naming it.
    pub fn why(&self) -> &'static str {
        self.why
    }
}

/// Text of somebody else's, made safe to print: control characters escaped, cut at 80 characters.
pub fn printable(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(escape).collect();
    if text.chars().count() > 80 {
        shown.push('…');
    }
    shown
}

fn escape(c: char) -> Vec<char> {
    // Bidirectional controls reorder what a terminal shows without being `control` to Unicode.
    let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    if c.is_control() || hidden { c.escape_unicode().collect() } else { vec![c] }
}

/// What an identifier's text must look like.
struct Grammar {
    article: &'static str,
    noun: &'static str,
    prefix: &'static str,
    /// Whether a byte may stand after the prefix.
    allowed: fn(u8) -> bool,
    why: &'static str,
    example: &'static str,
}

impl Grammar {
    fn check(&self, text: &str) -> Result<(), IdError> {
        let fail = |why| IdError {
            shown: printable(text),
            article: self.article,
            noun: self.noun,
            why,
            example: self.example,
        };
        if text.is_empty() {
            return Err(fail("it is empty"));
        }
        if text.len() > ID_MAX {
            return Err(fail("it is longer than 64 characters"));
        }
        let Some(rest) = text.strip_prefix(self.prefix) else {
            return Err(fail(self.why));
        };
        let edges = rest.as_bytes();
        let hyphen_at_edge = edges.first() == Some(&b'-') || edges.last() == Some(&b'-');
        if rest.is_empty() || hyphen_at_edge || !rest.bytes().all(self.allowed) {
            return Err(fail(self.why));
        }
        Ok(())
    }
}

fn lower_alphanumeric_or_hyphen(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

fn name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $grammar:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Parses the text; nothing is trimmed or folded.
            ///
            /// # Errors
            /// [`IdError`] says what is wrong and what to write instead.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let grammar: Grammar = $grammar;
                grammar.check(text)?;
                Ok(Self(text.into()))
            }

            /// The text as it goes into a request.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }
    };
}

identifier!(
    /// An ECS instance, such as `i-bp67acfmxazb4p0001`.
    InstanceId,
    Grammar {
        article: "an",
        noun: "instance id",
        prefix: "i-",
        allowed: lower_alphanumeric_or_hyphen,
        why: "it must be `i-` and then only a-z, 0-9 and inner `-`",
        example: "an id such as `i-bp67acfmxazb4p0001`",
    }
);

identifier!(
    /// A VPC, such as `vpc-bp67acfmxazb4p1a2b`.
    VpcId,
    Grammar {
        article: "a",
        noun: "VPC id",
        prefix: "vpc-",
        allowed: lower_alphanumeric_or_hyphen,
        why: "it must be `vpc-` and then only a-z, 0-9 and inner `-`",
        example: "an id such as `vpc-bp67acfmxazb4p1a2b`",
    }
);

identifier!(
    /// A region, such as `cn-hangzhou`. The grammar keeps it fit for a host name
    /// (`api-contract.md` 7, client rule).
    Region,
    Grammar {
        article: "a",
        noun: "region id",
        prefix: "",
        allowed: lower_alphanumeric_or_hyphen,
        why: "it must be only a-z, 0-9 and inner `-`",
        example: "an id such as `cn-hangzhou`",
    }
);

identifier!(
    /// The name of an account in the daemon's configuration, such as `default`.
    AccountName,
    Grammar {
        article: "an",
        noun: "account name",
        prefix: "",
        allowed: name_byte,
        why: "it must be only letters, digits, `.`, `_` and inner `-`",
        example: "the name of an account in the configuration file, such as `default`",
    }
);

identifier!(
    /// The number of an Alibaba Cloud account, such as `1234567890123456`.
    AccountId,
    Grammar {
        article: "an",
        noun: "account id",
        prefix: "",
        allowed: |byte| byte.is_ascii_digit(),
        why: "it must be only digits",
        example: "the account's number, such as \"1234567890123456\"",
    }
);

/// One classic instance attached to one VPC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// The classic instance.
    pub instance: InstanceId,
    /// The VPC it is attached to.
    pub vpc: VpcId,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.instance, self.vpc)
    }
}

/// Unit of declaration, observation and planning: one VPC of one region of one account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Which credentials and which configuration.
    pub account: AccountName,
    /// Where the VPC is.
    pub region: Region,
    /// The VPC.
    pub vpc: VpcId,
}

impl Scope {
    /// The link of `instance` to this scope's VPC.
    pub fn link(&self, instance: InstanceId) -> Link {
        Link { instance, vpc: self.vpc.clone() }
    }

    /// The account and region, by which quotas and budgets are counted (`api-contract.md` 6.1).
    pub fn lane(&self) -> Lane {
        Lane { account: self.account.clone(), region: self.region.clone() }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.account, self.region, self.vpc)
    }
}

/// An account and a region: what ECS throttles by, and what budgets are counted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Which credentials.
    pub account: AccountName,
    /// Which region.
    pub region: Region,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

/// What a manifest allows to be done. There is no default: the operator says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Report drift, touch nothing.
    Observe,
    /// Remove links that are not listed; report the missing ones.
    Detach,
    /// Also attach what is missing.
    Sync,
}

impl Mode {
    /// The word in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Detach => "detach",
            Self::Sync => "sync",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The two verbs, as in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// `DetachClassicLinkVpc`
    Detach,
    /// `AttachClassicLinkVpc`
    Attach,
}

impl Verb {
    /// The word in a plan.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Detach => "detach",
            Self::Attach => "attach",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A count, or a share of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Amount {
    /// That many.
    Count(u64),
    /// That many of a hundred, 0 to 100.
    Percent(u8),
}

/// Why a text is not an [`Amount`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is neither a count nor a share; write a number such as 10 or a share such as \"20%\""
)]
pub struct AmountError(String);

impl Amount {
    /// How many that is of `whole`, shares rounded down so that a limit never grows by rounding.
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => whole.saturating_mul(u64::from(percent)) / 100,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for Amount {
    type Err = AmountError;
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let fail = || AmountError(printable(text));
        let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        match text.strip_suffix('%') {
            Some(digits) if plain(digits) => match digits.parse() {
                Ok(percent) if percent <= 100 => Ok(Self::Percent(percent)),
                _ => Err(fail()),
            },
            None if plain(text) => text.parse().map(Self::Count).map_err(|_| fail()),
            _ => Err(fail()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_that_the_documentation_prints_parse() {
        for id in ["i-bp67acfmxazb4p0001", "i-2ze", "i-test-01"] {
            assert_eq!(InstanceId::parse(id).unwrap().as_str(), id);
        }
        assert!(VpcId::parse("vpc-bp67acfmxazb4p1a2b").is_ok());
        assert!(Region::parse("cn-hangzhou-finance").is_ok());
        assert!(AccountId::parse("1234567890123456").is_ok());
    }

    #[test]
    fn anything_else_does_not() {
        for id in [
            "",
            "i-",
            "i",
            "I-bp67",
            "i-BP67",
            " i-bp67",
            "i-bp67 ",
            "i-bp,i-bq",
            "i-bp&x=1",
            "і-bp67",
            "i--",
            "i-a-",
            "vpc-bp67",
            "i-\u{0}",
            "null",
            "~",
            "i-bp/..",
        ] {
            assert!(InstanceId::parse(id).is_err(), "{id:?}");
        }
        assert!(InstanceId::parse(&format!("i-{}", "a".repeat(63))).is_err());
        for region in ["", "cn hangzhou", "cn.hangzhou", "cn/hangzhou", "a@b", "-cn", "cn:80"] {
            assert!(Region::parse(region).is_err(), "{region:?}");
        }
    }

    #[test]
    fn an_error_shows_control_characters_escaped() {
        let error = InstanceId::parse("i-\u{1b}[31m\u{202e}").unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'));
        assert!(!error.to_string().contains('\u{202e}'));
    }

    #[test]
    fn amounts() {
        assert_eq!("10".parse(), Ok(Amount::Count(10)));
        assert_eq!("20%".parse(), Ok(Amount::Percent(20)));
        assert_eq!(Amount::Percent(10).of(109), 10);
        assert_eq!(Amount::Percent(100).of(u64::MAX), u64::MAX / 100);
        for bad in ["", "%", "-1", "101%", "1.5", "+1", "10 %", "x", "300%"] {
            assert!(bad.parse::<Amount>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_id_needs_no_escaping_anywhere(text in ".{0,70}") {
            if let Ok(id) = InstanceId::parse(&text) {
                prop_assert!(id.as_str().len() > 2);
                prop_assert!(id.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            }
        }

        #[test]
        fn a_share_never_exceeds_the_whole(percent in 0u8..=100, whole in 0u64..1_000_000) {
            prop_assert!(Amount::Percent(percent).of(whole) <= whole);
        }
    }
}
