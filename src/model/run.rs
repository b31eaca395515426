//! The name of a run, which people type.

use std::fmt;

/// Everything that one `apply`, one `undo` or one pass of the daemon carried out: `r` and the number of
/// the journal's entry with which it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

impl RunId {
    /// Takes what somebody typed, such as `r1042`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['r', 'R'])?;
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok().map(Self)).flatten()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("r{}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_typed_as_it_is_shown() {
        assert_eq!(RunId::parse(&RunId(1042).to_string()), Some(RunId(1042)));
        for text in ["", "r", "1042", "r-1", "r+1", "rx", "r99999999999999999999999"] {
            assert_eq!(RunId::parse(text), None, "{text}");
        }
    }
}
