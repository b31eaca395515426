//! What an unquoted word means to YAML readers.
//!
//! Where text is wanted, a word that some reader takes for something else has to be in quotes:
//! this includes the words of YAML 1.1 (`yes`, `on`), which older tools still read as booleans.

/// What an unquoted word is to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Number,
    Text,
}

impl Kind {
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::Text => "text",
        }
    }
}

pub(super) fn kind_of(plain: &str) -> Kind {
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        ".inf" | ".Inf" | ".INF" | "+.inf" | "-.inf" | ".nan" | ".NaN" | ".NAN" => {
            return Kind::Number;
        }
        _ => {}
    }
    if plain.len() <= 5 {
        let lower = plain.to_ascii_lowercase();
        let booleans = ["true", "false", "yes", "no", "on", "off", "y", "n"];
        if booleans.contains(&lower.as_str()) {
            return Kind::Boolean;
        }
    }
    if is_number(plain) { Kind::Number } else { Kind::Text }
}

fn is_number(plain: &str) -> bool {
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let starts = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !starts || !unsigned.contains(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let radix = |prefix: &str, digits: fn(char) -> bool| {
        unsigned
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| digits(c) || c == '_'))
    };
    radix("0x", |c| c.is_ascii_hexdigit())
        || radix("0o", |c| c.is_digit(8))
        || radix("0b", |c| c.is_digit(2))
        // `1:30` is 90 to YAML 1.1.
        || unsigned.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '_'))
        || unsigned.replace('_', "").parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_some_reader_takes_for_something_else() {
        for word in ["", "~", "null", "NULL"] {
            assert_eq!(kind_of(word), Kind::Null, "{word}");
        }
        for word in ["true", "False", "yes", "NO", "on", "Off", "y", "N"] {
            assert_eq!(kind_of(word), Kind::Boolean, "{word}");
        }
        for word in ["1", "-1", "+1", "1.5", ".5", "1e3", "1_000", "0x1F", "0o17", "12:30", ".inf"]
        {
            assert_eq!(kind_of(word), Kind::Number, "{word}");
        }
        for word in [
            "i-bp1",
            "cn-hangzhou",
            "20%",
            "1-a",
            "e5",
            ".",
            "-",
            "inf",
            "nan",
            "Nullx",
            "0x",
            "v1",
            "2026-12-31",
            "1.2.3",
        ] {
            assert_eq!(kind_of(word), Kind::Text, "{word}");
        }
    }
}
