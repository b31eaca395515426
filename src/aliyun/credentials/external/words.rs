//! A command as words, as the official libraries split it: like a POSIX shell that knows quotes and
//! backslashes, and no variables, globs or pipes.

use secrecy::SecretString;
use secrecy::zeroize::Zeroize as _;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Single,
    Double,
}

/// The words; wiped, for arguments can be secret.
pub(super) fn words(command: &str) -> Result<Vec<SecretString>, &'static str> {
    let mut words = Vec::new();
    // Something empty in quotes is a word, and no word is nothing.
    let mut word: Option<String> = None;
    let mut inside = Inside::Nothing;
    let mut letters = command.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        match (inside, letter) {
            (Inside::Nothing, '\'') => inside = open(&mut word, Inside::Single, command),
            (Inside::Nothing, '"') => inside = open(&mut word, Inside::Double, command),
            (Inside::Single, '\'') | (Inside::Double, '"') => inside = Inside::Nothing,
            (Inside::Nothing, '\\') if next.is_none() => {
                wipe(word);
                return Err("a backslash with nothing behind it");
            }
            (Inside::Nothing | Inside::Double, '\\') if next == Some('\n') => drop(letters.next()),
            (Inside::Nothing, '\\') => put(&mut word, letters.next(), command),
            (Inside::Double, '\\') if next.is_some_and(|next| "\"\\$`".contains(next)) => {
                put(&mut word, letters.next(), command);
            }
            (Inside::Nothing, space) if space.is_whitespace() => {
                words.extend(word.take().map(SecretString::from));
            }
            (_, letter) => put(&mut word, Some(letter), command),
        }
    }
    if inside != Inside::Nothing {
        wipe(word);
        return Err("a quote that is not closed");
    }
    words.extend(word.take().map(SecretString::from));
    Ok(words)
}

fn open(word: &mut Option<String>, inside: Inside, command: &str) -> Inside {
    put(word, None, command);
    inside
}

/// A word is never longer than its command: one that grows leaves copies behind.
fn put(word: &mut Option<String>, letter: Option<char>, command: &str) {
    let word = word.get_or_insert_with(|| String::with_capacity(command.len()));
    word.extend(letter);
}

fn wipe(word: Option<String>) {
    if let Some(mut word) = word {
        word.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    fn split(command: &str) -> Result<Vec<String>, &'static str> {
        let words = words(command)?;
        Ok(words.iter().map(|word| word.expose_secret().to_owned()).collect())
    }

    #[test]
    fn a_command_is_split_as_the_official_libraries_do() {
        for (command, expected) in [
            ("", vec![]),
            (" \t\n", vec![]),
            ("tool", vec!["tool"]),
            ("  /opt/tool  --a\tb\n", vec!["/opt/tool", "--a", "b"]),
            (r#""/opt/my tools/tool" 'a b'c"d e""#, vec!["/opt/my tools/tool", "a bcd e"]),
            (r"tool a\ b \\ \'", vec!["tool", "a b", r"\", "'"]),
            (r#"tool "a\"b\\c\$d\`e\f""#, vec!["tool", r#"a"b\c$d`e\f"#]),
            (r"tool 'a\b'", vec!["tool", r"a\b"]),
            ("tool \"\" ''", vec!["tool", "", ""]),
            ("tool a\\\nb \"c\\\nd\"", vec!["tool", "ab", "cd"]),
            ("tool $HOME * | x; y && `z`", vec!["tool", "$HOME", "*", "|", "x;", "y", "&&", "`z`"]),
        ] {
            assert_eq!(split(command).unwrap(), expected, "{command}");
        }
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        for bad in ["tool 'a", "tool \"a", "tool \"a\\\"", "tool \\"] {
            assert!(split(bad).is_err(), "{bad}");
        }
    }
}
