//! Where a repository is, which of its refs, and which folder: checked, so that none of them can be
//! taken for an option or lead elsewhere.

use crate::https::is_loopback;
use crate::model::printable;
use std::fmt;

/// Longest of each.
const LENGTH_MAX: usize = 1024;

/// The URL of a repository; holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    url: String,
    scheme: Scheme,
}

/// How it is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Https,
    /// Plain http, on this machine.
    Http,
    Ssh,
    File,
}

/// A branch, a tag, a whole ref, or a commit's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference(String);

/// A folder of a repository; empty for the whole of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folder(String);

/// Why a text is none of them. Never shows a URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RemoteError(String);

fn wrong<T>(why: impl Into<String>) -> Result<T, RemoteError> {
    Err(RemoteError(why.into()))
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= LENGTH_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Remote {
    /// Checks a URL: https, ssh (also as `user@host:path`) or file; http on this machine.
    ///
    /// # Errors
    /// [`RemoteError`] says what to write.
    pub fn parse(text: &str) -> Result<Self, RemoteError> {
        const FORMS: &str =
            "write https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or file:///PATH";
        if !is_plain(text) {
            return wrong(format!(
                "is no URL (spaces and other characters have to be encoded); {FORMS}"
            ));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Self::short(text).ok_or_else(|| RemoteError(format!("is no URL; {FORMS}")));
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (user, host) =
            authority.rsplit_once('@').map_or((None, authority), |(u, h)| (Some(u), h));
        if path.len() < 2 {
            return wrong(format!("names no repository on its host; {FORMS}"));
        }
        if path.contains(['?', '#']) {
            return wrong(format!("has a query or a fragment, which no repository has; {FORMS}"));
        }
        let scheme = match (scheme, user) {
            ("file", None) if host.is_empty() => Scheme::File,
            ("file", _) => {
                return wrong("names a host, and files are of this one; write file:///PATH");
            }
            ("https" | "http", Some(_)) => {
                return wrong(
                    "holds a user or a password; write https://HOST/PATH, and the token into a file that \
                     `source.git.tokenFile` names",
                );
            }
            ("https", None) if is_host(host) => Scheme::Https,
            ("http", None) if is_loopback(without_port(host)) => Scheme::Http,
            ("http", None) => {
                return wrong("is plain http, which anybody on the way can change; write https://");
            }
            ("ssh", user) if is_host(host) && user.is_none_or(is_user) => Scheme::Ssh,
            _ => return wrong(format!("is no URL of a repository that can be read; {FORMS}")),
        };
        Ok(Self { url: text.to_owned(), scheme })
    }

    /// The short form of ssh: `user@host:path`.
    fn short(text: &str) -> Option<Self> {
        let (who, path) = text.split_once(':')?;
        let (user, host) = who.split_once('@')?;
        let good = is_user(user) && is_host(host) && !host.contains(':');
        (good && !path.is_empty() && !path.starts_with('-'))
            .then(|| Self { url: text.to_owned(), scheme: Scheme::Ssh })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether it is spoken to over ssh, which needs a key and the host's key.
    pub fn is_ssh(&self) -> bool {
        self.scheme == Scheme::Ssh
    }

    /// Whether a token goes with it.
    pub fn takes_token(&self) -> bool {
        matches!(self.scheme, Scheme::Https | Scheme::Http)
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A name or an address, perhaps with a port.
fn is_host(host: &str) -> bool {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    !host.is_empty() && !host.starts_with(['-', '.', ':']) && host.chars().all(plain)
}

/// Without a password.
fn is_user(user: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    !user.is_empty() && !user.starts_with('-') && user.chars().all(plain)
}

impl Reference {
    /// What a remote's `HEAD` points to: its default branch.
    pub fn head() -> Self {
        Self("HEAD".to_owned())
    }

    /// Checks the name of a branch or tag, a whole ref (`refs/…`), `HEAD`, or a whole commit id.
    ///
    /// # Errors
    /// [`RemoteError`] says what to write (`git-check-ref-format`).
    pub fn parse(text: &str) -> Result<Self, RemoteError> {
        let forbidden = ['~', '^', ':', '?', '*', '[', '\\'];
        let part = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && !part.ends_with(".lock")
                && !part.ends_with('.')
        };
        let good = is_plain(text)
            && !text.starts_with('-')
            && !text.contains("..")
            && !text.contains("@{")
            && text != "@"
            && !text.contains(forbidden)
            && text.split('/').all(part);
        if good {
            return Ok(Self(text.to_owned()));
        }
        wrong(format!(
            "`{}` is no name of a branch, a tag or a ref, and no commit id; write for example main, v1.2 or \
             refs/heads/main",
            printable(text)
        ))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the id of a commit, which never moves.
    pub(super) fn is_id(&self) -> bool {
        is_id(&self.0)
    }

    /// The whole refs that it may stand for.
    pub(super) fn candidates(&self) -> Vec<String> {
        match self.0.as_str() {
            "HEAD" => vec![self.0.clone()],
            whole if whole.starts_with("refs/") => vec![self.0.clone()],
            name => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
        }
    }
}

/// A whole id, of SHA-1 or SHA-256.
pub(super) fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Folder {
    /// Checks a path below the root of a repository; `.` and `/` are the root itself.
    ///
    /// # Errors
    /// [`RemoteError`] says what to write.
    pub fn parse(text: &str) -> Result<Self, RemoteError> {
        let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let unprintable = text.chars().any(crate::model::is_unprintable);
        if text.len() > LENGTH_MAX || unprintable || parts.contains(&"..") {
            return wrong(format!(
                "`{}` is no folder of a repository; write its path below the root, such as manifests",
                printable(text)
            ));
        }
        Ok(Self(parts.join("/")))
    }

    /// The path, without slashes around it; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_of_four_kinds() {
        for (text, scheme) in [
            ("https://git.example/team/links.git", Scheme::Https),
            ("https://git.example:8443/a", Scheme::Https),
            ("http://127.0.0.1:8080/a", Scheme::Http),
            ("http://[::1]:8080/a", Scheme::Http),
            ("http://localhost/a", Scheme::Http),
            ("ssh://git@git.example:2222/a.git", Scheme::Ssh),
            ("ssh://git.example/a.git", Scheme::Ssh),
            ("git@git.example:team/links.git", Scheme::Ssh),
            ("file:///srv/git/links.git", Scheme::File),
        ] {
            assert_eq!(Remote::parse(text).unwrap().scheme(), scheme, "{text}");
        }
    }

    #[test]
    fn what_could_run_something_or_hold_a_password_is_refused_and_not_shown() {
        for text in [
            "",
            "links",
            "/srv/git/links.git",
            "ext::sh -c id",
            "ext::sh",
            "-oProxyCommand=id",
            "--upload-pack=id",
            "ssh://-oProxyCommand=id/a",
            "ssh://-x@host/a",
            "git@-oProxyCommand=id:a",
            "git@host:-a",
            "https://user:hunter2@git.example/a",
            "https://hunter2@git.example/a",
            "ssh://git:hunter2@git.example/a",
            "http://git.example/a",
            "git://git.example/a",
            "ftp://git.example/a",
            "file://host/a",
            "https:///a",
            "https://git.example",
            "https://git.example/",
            "https://git.example/a?token=hunter2",
            "https://git.example/a b",
            "https://git.example/a\nb",
        ] {
            let error = Remote::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && error.contains("write"), "{text}: {error}");
        }
    }

    #[test]
    fn refs_are_what_git_takes_for_one() {
        for good in ["HEAD", "main", "release/1.2", "refs/heads/main", "v1.0", &"a".repeat(40)] {
            assert_eq!(Reference::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "", "-x", "a..b", "a b", "a~1", "a^", "a:b", "@", "a@{1}", "/a", "a/", "a.lock", ".a",
            "a\n",
        ] {
            assert!(Reference::parse(bad).is_err(), "{bad}");
        }
        assert!(Reference::parse(&"a1".repeat(20)).unwrap().is_id());
        assert!(
            !Reference::parse(&"A1".repeat(20)).unwrap().is_id(),
            "a branch may be called that"
        );
        assert!(!Reference::parse("abc123").unwrap().is_id());
        assert_eq!(
            Reference::parse("main").unwrap().candidates(),
            ["refs/heads/main", "refs/tags/main"]
        );
    }

    #[test]
    fn folders_stay_in_the_repository() {
        for (text, path) in [
            ("", ""),
            (".", ""),
            ("/", ""),
            ("a/b/", "a/b"),
            ("./a//b", "a/b"),
            (".gitops", ".gitops"),
        ] {
            assert_eq!(Folder::parse(text).unwrap().as_str(), path);
        }
        for bad in ["..", "a/../b", "a/..", "a\n"] {
            assert!(Folder::parse(bad).is_err(), "{bad}");
        }
    }
}
