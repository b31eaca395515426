//! Maps with known fields, and the values of fields.

use super::findings::{Findings, Spot};
use super::scalar::{self, Kind};
use super::yaml::{Data, Entry, Node, shorten};
use crate::model::IdError;

/// Fields of a document.
pub(super) const DOCUMENT: &[&str] = &["apiVersion", "kind", "metadata", "spec"];
/// Fields of `metadata`.
pub(super) const METADATA: &[&str] = &["name", "owner"];
/// Fields of `spec`.
pub(super) const SPEC: &[&str] =
    &["account", "regionId", "vpcId", "mode", "instances", "limits", "windows"];
/// Fields of an entry of `spec.instances` that is a map.
pub(super) const INSTANCE: &[&str] = &["id", "until", "reason", "protected"];
/// Fields of `spec.limits`.
pub(super) const LIMITS: &[&str] = &["maxDetach", "allowEmpty"];
/// Fields of an entry of `spec.windows`.
pub(super) const WINDOW: &[&str] = &["allow", "deny", "timezone"];

/// Where each level's fields belong, for fields that were written on another level.
const LEVELS: &[(&str, &[&str])] = &[
    ("at the top level of the document", DOCUMENT),
    ("under `metadata`", METADATA),
    ("under `spec`", SPEC),
    ("in an entry of `spec.instances`", INSTANCE),
    ("under `spec.limits`", LIMITS),
    ("in an entry of `spec.windows`", WINDOW),
];

/// Words that people use for a field.
const SYNONYMS: &[(&str, &str)] = &[
    ("region", "regionId"),
    ("vpc", "vpcId"),
    ("links", "instances"),
    ("attachments", "instances"),
    ("instanceids", "instances"),
    ("instanceid", "id"),
    ("instance", "id"),
    ("expires", "until"),
    ("protect", "protected"),
    ("description", "reason"),
    ("team", "owner"),
    ("tz", "timezone"),
    ("zone", "timezone"),
    ("schedule", "windows"),
];

/// A map whose fields are known.
pub(super) struct Map<'n, 't> {
    what: &'static str,
    at: Spot,
    entries: &'n [Entry<'t>],
    /// Known fields that an unknown one was probably meant to be.
    meant: Vec<&'static str>,
}

/// A field with its value, or an entry of a list.
pub(super) struct Field<'n, 't> {
    pub name: &'n str,
    pub key: Spot,
    pub node: &'n Node<'t>,
}

impl<'n, 't> Map<'n, 't> {
    /// The node as a map; reports unknown fields, and a node that is no map.
    pub(super) fn of(
        field: &Field<'n, 't>,
        what: &'static str,
        known: &[&'static str],
        findings: &mut Findings,
    ) -> Option<Self> {
        let entries = match &field.node.data {
            Data::Mapping(entries) => entries,
            Data::Refused => return None,
            _ => {
                let help = format!("write its fields below it: {}", known.join(", "));
                field.wrong("a map", &help, findings);
                return None;
            }
        };
        let mut meant = Vec::new();
        for entry in entries.iter().filter(|entry| !known.contains(&&*entry.key)) {
            let message = format!("{what} has no field `{}`", shorten(&entry.key));
            let near = nearest(&entry.key, known);
            findings.add(entry.spot, message, advice(&entry.key, near, known));
            meant.extend(near);
        }
        Some(Self { what, at: field.key, entries, meant })
    }

    /// The document as a map of whatever fields.
    pub(super) fn of_anything(root: &'n Node<'t>, entries: &'n [Entry<'t>]) -> Self {
        Self { what: "a manifest", at: root.spot, entries, meant: Vec::new() }
    }

    pub(super) fn get(&self, name: &str) -> Option<Field<'n, 't>> {
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        Some(Field { name: &entry.key, key: entry.spot, node: &entry.value })
    }

    /// Whether an unknown field was probably meant to be this one.
    pub(super) fn has_misspelt(&self, name: &str) -> bool {
        self.meant.contains(&name)
    }

    /// The field; reports when it is missing, unless a misspelt one was reported instead.
    pub(super) fn required(
        &self,
        name: &str,
        help: &str,
        findings: &mut Findings,
    ) -> Option<Field<'n, 't>> {
        let field = self.get(name);
        if field.is_none() && !self.has_misspelt(name) {
            findings.add(self.at, format!("{} has no `{name}`", self.what), help);
        }
        field
    }
}

fn advice(key: &str, near: Option<&str>, known: &[&str]) -> String {
    if let Some(name) = near {
        return format!("did you mean `{name}`?");
    }
    let elsewhere = LEVELS.iter().find(|(_, fields)| fields.contains(&key));
    match elsewhere {
        Some((level, _)) => format!("`{key}` belongs {level}"),
        None => format!("remove it, or write one of: {}", known.join(", ")),
    }
}

fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let bare = |text: &str| text.replace(['-', '_', ' '], "").to_lowercase();
    let wanted = bare(key);
    let synonym = SYNONYMS.iter().find(|(word, _)| *word == wanted).map(|(_, field)| *field);
    let same = known.iter().find(|name| bare(name) == wanted || Some(**name) == synonym);
    let close = || {
        let most = if wanted.chars().count() <= 4 { 1 } else { 2 };
        let ranked = known.iter().map(|name| (distance(&wanted, &bare(name)), name));
        ranked.filter(|(far, _)| *far <= most).min().map(|(_, name)| name)
    };
    same.or_else(close).copied()
}

/// Edits (insert, remove, replace, swap neighbours) from one word to the other; long words are
/// never close.
fn distance(one: &str, other: &str) -> usize {
    if one.len() > 32 || other.len() > 32 {
        return usize::MAX;
    }
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let at = |row: &Vec<usize>, index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for i in 0..one.len() {
        let mut row = vec![i + 1];
        let above = rows.get(i).cloned().unwrap_or_default();
        for j in 0..other.len() {
            let replaced = at(&above, j) + usize::from(one.get(i) != other.get(j));
            let mut best = replaced.min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped =
                i > 0 && j > 0 && one.get(i) == other.get(j - 1) && one.get(i - 1) == other.get(j);
            if let (true, Some(earlier)) = (swapped, rows.get(i.saturating_sub(1))) {
                best = best.min(at(earlier, j - 1) + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows.last().map_or(0, |row| at(row, other.len()))
}

impl<'n, 't> Field<'n, 't> {
    /// The whole document, as if it were a field.
    pub(super) fn root(node: &'n Node<'t>) -> Self {
        Self { name: "the document", key: node.spot, node }
    }

    /// The value's place; the name's, where there is no value.
    pub(super) fn at(&self) -> Spot {
        match &self.node.data {
            Data::Scalar { text, plain: true } if text.is_empty() => self.key,
            _ => self.node.spot,
        }
    }

    /// The text of a scalar as written, and whether without quotes.
    pub(super) fn word(&self) -> Option<(&'n str, bool)> {
        match &self.node.data {
            Data::Scalar { text, plain } => Some((text, *plain)),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.word().is_some_and(|(text, plain)| plain && scalar::kind_of(text) == Kind::Null)
    }

    /// Reports a value of the wrong kind.
    pub(super) fn wrong(&self, wanted: &str, help: &str, findings: &mut Findings) {
        let message = match (&self.node.data, self.word()) {
            (Data::Refused, _) => return,
            _ if self.is_null() => format!("`{}` has no value", self.name),
            (Data::Sequence(_), _) => format!("`{}` must be {wanted}, not a list", self.name),
            (Data::Mapping(_), _) => format!("`{}` must be {wanted}, not a map", self.name),
            (_, Some((text, false))) => {
                format!("`{}` must be {wanted}, not the text \"{}\"", self.name, shorten(text))
            }
            (_, Some((text, true))) => {
                format!("`{}` must be {wanted}, not `{}`", self.name, shorten(text))
            }
            (_, None) => return,
        };
        findings.add(self.at(), message, help);
    }

    /// A text; what some YAML reader takes for something else has to be in quotes.
    pub(super) fn text(&self, help: &str, findings: &mut Findings) -> Option<&'n str> {
        let Some((text, plain)) = self.word().filter(|_| !self.is_null()) else {
            self.wrong("text", help, findings);
            return None;
        };
        if plain && !self.reads_as_text(text, findings) {
            return None;
        }
        Some(text)
    }

    fn reads_as_text(&self, text: &str, findings: &mut Findings) -> bool {
        let kind = scalar::kind_of(text);
        if kind == Kind::Text {
            return true;
        }
        let message = format!(
            "`{}` must be text, and `{}` is {} to some YAML readers",
            self.name,
            shorten(text),
            kind.noun()
        );
        findings.add(self.at(), message, format!("write it in quotes: \"{}\"", shorten(text)));
        false
    }

    /// `true` or `false`, without quotes.
    pub(super) fn boolean(&self, findings: &mut Findings) -> Option<bool> {
        match self.word() {
            Some(("true", true)) => Some(true),
            Some(("false", true)) => Some(false),
            _ => {
                self.wrong("true or false", "write true or false, without quotes", findings);
                None
            }
        }
    }

    /// An identifier; says what to write instead of what does not parse.
    pub(super) fn id<T>(
        &self,
        example: &str,
        parse: fn(&str) -> Result<T, IdError>,
        findings: &mut Findings,
    ) -> Option<T> {
        let Some((text, plain)) = self.word().filter(|_| !self.is_null()) else {
            self.wrong("text", &format!("write {example}"), findings);
            return None;
        };
        match parse(text) {
            Ok(id) => (!plain || self.reads_as_text(text, findings)).then_some(id),
            Err(error) => {
                let message = error.to_string();
                let message = message.split("; write ").next().unwrap_or_default();
                findings.add(self.at(), message, instead(text, parse, &error));
                None
            }
        }
    }
}

fn instead<T>(text: &str, parse: fn(&str) -> Result<T, IdError>, error: &IdError) -> String {
    if text.contains("{{") || text.contains("${") {
        return "render the template first: the value is taken as it stands".to_owned();
    }
    if text.contains([',', ';', '\n']) {
        return "write one id alone; in a list, each on its own line after `- `".to_owned();
    }
    let tidy = text.trim().to_lowercase();
    if tidy != text && parse(&tidy).is_ok() {
        return format!("write `{tidy}`");
    }
    if let Some(c) = text.chars().find(|c| !c.is_ascii()) {
        let code = u32::from(c);
        return format!(
            "`{}` (U+{code:04X}) only looks like a letter of an id: type {} again",
            shorten(c.encode_utf8(&mut [0; 4])),
            error.example()
        );
    }
    format!("write {}", error.example())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_meant() {
        assert_eq!(nearest("instnaces", SPEC), Some("instances"));
        assert_eq!(nearest("RegionID", SPEC), Some("regionId"));
        assert_eq!(nearest("region", SPEC), Some("regionId"));
        assert_eq!(nearest("allow_empty", LIMITS), Some("allowEmpty"));
        assert_eq!(nearest("modes", SPEC), Some("mode"));
        assert_eq!(nearest("foo", SPEC), None);
        assert_eq!(nearest("to", INSTANCE), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), SPEC), None);
    }

    #[test]
    fn distances() {
        for (one, other, far) in
            [("", "", 0), ("a", "", 1), ("ab", "ba", 1), ("nmae", "name", 1), ("mode", "node", 1)]
        {
            assert_eq!(distance(one, other), far, "{one} {other}");
        }
    }
}
