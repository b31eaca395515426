//! `windows`: when changes may be made.

use super::reader::Reader;
use crate::window::{Kind, WINDOWS_MAX, Window, WindowError, Windows};

/// Reads the list; what is wrong in it is noted in `root`.
pub(super) fn read(root: &mut Reader<'_>) -> Windows {
    let mut windows = Vec::new();
    root.each_of("windows", WINDOWS_MAX, |reader| windows.extend(one(reader)));
    Windows::new(windows)
}

fn one(reader: &mut Reader<'_>) -> Option<Window> {
    let (mut allow, mut deny, mut zone) = (None, None, None);
    let checked = |check: fn(&str) -> Result<(), WindowError>| {
        move |text: &str| match check(text) {
            Ok(()) => Ok(text.to_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    let allows = reader.parsed_or_null("allow", &mut allow, checked(Window::check_text));
    let denies = reader.parsed_or_null("deny", &mut deny, checked(Window::check_text));
    match (allows, denies) {
        (true, true) => reader.mistake("says both `allow` and `deny`; write a window for each"),
        (false, false) => reader.mistake(
            "says neither `allow` nor `deny`; write one of them, such as `allow: \"Mon-Fri 09:00-17:00\"`",
        ),
        _ => (),
    }
    if !reader.parsed_or_null("timezone", &mut zone, checked(Window::check_zone)) {
        // An hour without a zone would be that of some server.
        reader
            .missing("timezone", "write a name of the IANA list, such as `Asia/Shanghai` or `UTC`");
    }
    let (kind, text) = match (allow, deny) {
        (Some(text), None) => (Kind::Allow, text),
        (None, Some(text)) => (Kind::Deny, text),
        _ => return None,
    };
    Window::parse(kind, &text, &zone?).ok()
}
