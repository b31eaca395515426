//! SHA-256 digests, as lower-case hexadecimal.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;

/// A SHA-256 over length-prefixed parts, shown as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(Arc<str>);

impl Digest {
    /// Digests the parts in order. Each is preceded by its length, so that `["ab", "c"]` and
    /// `["a", "bc"]` differ.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self(hex(&hasher.finalize()).into())
    }

    /// Takes the text of a digest that was written down before.
    ///
    /// # Errors
    /// `None` when it is not 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() == 64
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        well_formed.then(|| Self(text.into()))
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble & 0x0f)).copied().unwrap_or(b'0');
    let mut text = vec![b'0'; 2 * bytes.len()];
    for (digits, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *digits = [digit(byte >> 4), digit(*byte)];
    }
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let one = Digest::of([b"ab".as_slice(), b"c"]);
        let other = Digest::of([b"a".as_slice(), b"bc"]);
        assert_ne!(one, other);
        assert_eq!(Digest::parse(one.as_str()), Some(one.clone()));
        assert_eq!(one.short().len(), 12);
    }

    #[test]
    fn malformed_text_is_no_digest() {
        for text in ["", "abc", &"A".repeat(64), &"g".repeat(64), &"a".repeat(65)] {
            assert_eq!(Digest::parse(text), None, "{text}");
        }
    }
}
