//! Who runs this process, as far as the operating system knows.

use std::sync::LazyLock;

/// The name of the process's user, else its number. Asked of the operating system and not of the
/// environment, which anybody can set.
pub fn user() -> String {
    static USER: LazyLock<String> = LazyLock::new(|| name_of(rustix::process::getuid().as_raw()));
    USER.clone()
}

/// The name of a user, else its number.
pub fn name_of(uid: u32) -> String {
    let known = std::fs::read_to_string("/etc/passwd").ok();
    known.and_then(|passwd| named(&passwd, uid)).unwrap_or_else(|| format!("uid {uid}"))
}

fn named(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid) && !name.is_empty())
            .then(|| crate::model::printable(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_name_of_its_number() {
        let passwd = "root:x:0:0::/root:/bin/sh\n\nbroken\nops:x:1001:1001::/home/ops:/bin/sh\n";
        assert_eq!(named(passwd, 1001).as_deref(), Some("ops"));
        assert_eq!(named(passwd, 0).as_deref(), Some("root"));
        assert_eq!(named(passwd, 7), None);
        assert!(!user().is_empty());
    }
}
