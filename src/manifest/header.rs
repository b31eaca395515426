//! `apiVersion`, `kind` and `metadata`.

use super::fields::{Field, METADATA, Map};
use super::findings::Findings;
use super::{API_VERSION, KIND, diagnostic, yaml::shorten};

/// Longest `metadata.name`, in characters.
const NAME_MAX: usize = 253;
/// Longest text for people: `owner`, `reason`.
pub(super) const NOTE_MAX: usize = 256;

/// Checks `apiVersion` and `kind`; false for a document of somebody else's, which gets one word and
/// not one for each of its fields.
pub(super) fn version(document: &Map<'_, '_>, findings: &mut Findings) -> bool {
    let wanted = [("apiVersion", API_VERSION), ("kind", KIND)];
    let found = wanted.map(|(name, _)| document.get(name));
    let differs = |(field, (_, value)): (&Option<Field<'_, '_>>, &(&str, &str))| {
        field.as_ref().and_then(Field::word).is_some_and(|(text, _)| text != *value)
    };
    let foreign = found.iter().zip(&wanted).all(differs);
    if let ([Some(version), Some(kind)], true) = (&found, foreign) {
        let said = |field: &Field<'_, '_>| shorten(field.word().map_or("", |(text, _)| text));
        let message = format!("this is `{}` of `{}`, not a manifest", said(kind), said(version));
        let help = format!(
            "write `apiVersion: {API_VERSION}` and `kind: {KIND}`; or move it out of this folder"
        );
        findings.add(kind.at(), message, help);
        return false;
    }
    for (name, value) in wanted {
        let help = format!("write `{name}: {value}`");
        if let Some(field) = document.required(name, &help, findings)
            && field.word().is_none_or(|(text, _)| text != value)
        {
            field.wrong(&format!("`{value}`"), &help, findings);
        }
    }
    true
}

/// `metadata.name` and `metadata.owner`.
pub(super) fn metadata(
    document: &Map<'_, '_>,
    findings: &mut Findings,
) -> (Option<String>, Option<String>) {
    let help = "write `metadata:` and below it `name: ` and a name";
    let Some(field) = document.required("metadata", help, findings) else {
        return (None, None);
    };
    let Some(map) = Map::of(&field, "`metadata`", METADATA, findings) else {
        return (None, None);
    };
    let help = "write `name: ` and a name for people, such as `shop-web`";
    let name = map.required("name", help, findings).and_then(|field| name(&field, findings));
    let owner = map.get("owner").and_then(|field| note(&field, findings));
    (name, owner)
}

fn name(field: &Field<'_, '_>, findings: &mut Findings) -> Option<String> {
    let text = field.text("write a name, such as `shop-web`", findings)?;
    let readable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let length = text.chars().count();
    if (1..=NAME_MAX).contains(&length) && text.chars().all(readable) {
        return Some(text.to_owned());
    }
    let message = format!("`{}` is not a name", shorten(text));
    let help = format!("write 1 to {NAME_MAX} letters, digits, `.`, `_` and `-`");
    findings.add(field.at(), message, help);
    None
}

/// A text for people.
pub(super) fn note(field: &Field<'_, '_>, findings: &mut Findings) -> Option<String> {
    let text = field.text("write a text, or remove the field", findings)?;
    let length = text.chars().count();
    if text.is_empty() {
        findings.add(
            field.at(),
            format!("`{}` is empty", field.name),
            "write a text, or remove the field",
        );
        return None;
    }
    if length > NOTE_MAX {
        let message = format!("`{}` has {length} characters", field.name);
        findings.add(field.at(), message, format!("write at most {NOTE_MAX}"));
        return None;
    }
    if let Some(c) = text.chars().find(|c| diagnostic::is_hidden(*c)) {
        let what = match c {
            '\n' => "a line break".to_owned(),
            _ => format!("a character that cannot be shown: {}", c.escape_unicode()),
        };
        let message = format!("`{}` holds {what}", field.name);
        findings.add(field.at(), message, "write it on one line of plain text, or after `>-`");
        return None;
    }
    Some(text.to_owned())
}
