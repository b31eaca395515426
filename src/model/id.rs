//! Identifiers, parsed once.

use smol_str::SmolStr;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

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

/// Whether a character moves the cursor, reorders text, or hides.
pub fn is_unprintable(c: char) -> bool {
    // Bidirectional controls reorder what a terminal shows without being `control` to Unicode.
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn escape(c: char) -> Vec<char> {
    if is_unprintable(c) { c.escape_unicode().collect() } else { vec![c] }
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
    // Every answer and every entry of the journal is full of them.
    #[inline]
    fn check(&self, text: &str) -> Result<(), IdError> {
        self.look(text).map_err(|why| self.error(text, why))
    }

    #[inline]
    fn look(&self, text: &str) -> Result<(), &'static str> {
        if text.is_empty() {
            return Err("it is empty");
        }
        if text.len() > ID_MAX {
            return Err("it is longer than 64 characters");
        }
        let rest = text.strip_prefix(self.prefix).ok_or(self.why)?;
        let edges = rest.as_bytes();
        let hyphen_at_edge = edges.first() == Some(&b'-') || edges.last() == Some(&b'-');
        if rest.is_empty() || hyphen_at_edge || !rest.bytes().all(self.allowed) {
            return Err(self.why);
        }
        Ok(())
    }

    #[cold]
    fn error(&self, text: &str, why: &'static str) -> IdError {
        let Self { article, noun, example, .. } = *self;
        IdError { shown: printable(text), article, noun, why, example }
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
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(SmolStr);

        impl Ord for $name {
            // Most keys of a map share their account and region: to see that two are the same takes a
            // third of what it takes to see which is less.
            #[inline]
            fn cmp(&self, other: &Self) -> Ordering {
                if self == other { Ordering::Equal } else { self.as_str().cmp(other.as_str()) }
            }
        }

        impl PartialOrd for $name {
            #[inline]
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

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
