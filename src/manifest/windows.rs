//! Entries of `spec.windows`.

use super::fields::{Field, Map, WINDOW};
use super::findings::Findings;
use super::yaml::{Data, Node};
use crate::window::{Kind, WINDOWS_MAX, Window, WindowError, Windows};

const EXAMPLE: &str = "write days, a span, or both in quotes, such as \"Mon-Fri 09:00-17:00\"";
const ZONE_EXAMPLE: &str = "a name of the IANA list, such as `Asia/Shanghai` or `UTC`";

/// The windows in their order; `None` when something in them is wrong.
pub(super) fn read(spec: &Map<'_, '_>, findings: &mut Findings) -> Option<Windows> {
    let Some(field) = spec.get("windows") else {
        return Some(Windows::default());
    };
    let items = match &field.node.data {
        Data::Sequence(items) => items,
        _ => {
            let help = "write each window after `- `, such as `- {allow: \"Mon-Fri 09:00-17:00\", \
                        timezone: Asia/Shanghai}`; or remove the field";
            field.wrong("a list", help, findings);
            return None;
        }
    };
    if items.len() > WINDOWS_MAX {
        let message = format!("`windows` has {} entries", items.len());
        findings.add(field.key, message, format!("write at most {WINDOWS_MAX}"));
        return None;
    }
    let windows: Vec<_> = items.iter().filter_map(|item| one(item, findings)).collect();
    (windows.len() == items.len()).then(|| Windows::new(windows))
}

fn one(item: &Node<'_>, findings: &mut Findings) -> Option<Window> {
    let field = Field { name: "an entry of `windows`", key: item.spot, node: item };
    if let Data::Scalar { .. } | Data::Sequence(_) = &item.data {
        let help =
            "write `- allow: \"Mon-Fri 09:00-17:00\"`, and below it `timezone: Asia/Shanghai`";
        findings.add(item.spot, "an entry of `windows` is no map", help);
        return None;
    }
    let map = Map::of(&field, "an entry of `windows`", WINDOW, findings)?;
    let (allow, deny) = (map.get("allow"), map.get("deny"));
    let zone = map
        .required("timezone", &format!("write `timezone: ` and {ZONE_EXAMPLE}"), findings)
        .and_then(|zone| {
            checked(&zone, &format!("write {ZONE_EXAMPLE}"), Window::check_zone, findings)
        });
    let mut text = |field: &Field<'_, '_>| {
        checked(field, EXAMPLE, Window::check_text, findings).map(str::to_owned)
    };
    let texts = (allow.as_ref().map(&mut text), deny.as_ref().map(&mut text));
    match (&allow, &deny) {
        (Some(allow), Some(deny)) => {
            let message = "an entry of `windows` says both `allow` and `deny`";
            let help = "write a window for each";
            let (first, last) =
                if allow.key.line <= deny.key.line { (allow, deny) } else { (deny, allow) };
            findings.add_with(last.key, message, help, (first.key, "the other one"));
            return None;
        }
        (None, None) if !map.has_misspelt("allow") && !map.has_misspelt("deny") => {
            let message = "an entry of `windows` says neither `allow` nor `deny`";
            findings.add(
                item.spot,
                message,
                "write one of them, such as `allow: \"Mon-Fri 09:00-17:00\"`",
            );
        }
        _ => (),
    }
    let (kind, text) = match texts {
        (Some(text), _) => (Kind::Allow, text?),
        (None, text) => (Kind::Deny, text??),
    };
    Window::parse(kind, &text, zone?).ok()
}

fn checked<'n>(
    field: &Field<'n, '_>,
    help: &str,
    check: fn(&str) -> Result<(), WindowError>,
    findings: &mut Findings,
) -> Option<&'n str> {
    let text = field.text(help, findings)?;
    match check(text) {
        Ok(()) => Some(text),
        Err(error) => {
            findings.add(field.at(), error.message(), error.help());
            None
        }
    }
}
