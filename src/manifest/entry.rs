//! Entries of `spec.instances`.

use super::fields::{Field, INSTANCE, Map};
use super::findings::{Findings, Spot};
use super::header::note;
use super::yaml::{Data, Node};
use crate::desired::{Declared, Links};
use crate::model::InstanceId;
use jiff::Timestamp;
use std::collections::HashMap;

const EXAMPLE: &str = "an id such as `i-bp67acfmxazb4p0001`";

/// The entries; `None` when one is wrong.
pub(super) fn read_all(items: &[Node<'_>], findings: &mut Findings) -> Option<Links> {
    let mut entries = Vec::with_capacity(items.len());
    let mut said = Vec::with_capacity(items.len());
    for item in items {
        if let Some((spot, text, entry)) = read(item, findings) {
            entries.push(entry);
            said.push((spot, text));
        }
    }
    let links = Links::from_iter(entries);
    if links.len() < said.len() {
        repeated(&said, findings);
    }
    (links.len() == items.len()).then_some(links)
}

/// Reports every id that is there twice: looked for only when there are fewer links than entries,
/// because it costs as much as reading them.
fn repeated(said: &[(Spot, &str)], findings: &mut Findings) {
    let mut first: HashMap<&str, Spot> = HashMap::with_capacity(said.len());
    for (spot, text) in said {
        match first.get(text) {
            Some(earlier) => {
                let message = format!("instance `{text}` is listed twice");
                let other = (*earlier, "listed first here");
                findings.add_with(*spot, message, "keep one of the two", other);
            }
            None => {
                first.insert(text, *spot);
            }
        }
    }
}

type Read<'n> = (Spot, &'n str, (InstanceId, Declared));

fn read<'n>(item: &'n Node<'_>, findings: &mut Findings) -> Option<Read<'n>> {
    let field = Field { name: "an entry of `instances`", key: item.spot, node: item };
    match &item.data {
        Data::Scalar { text, .. } => {
            if field.is_null() {
                let help = format!("write {EXAMPLE}, or remove the line; was the file cut here?");
                findings.add(field.at(), "an entry of `instances` is empty", help);
                return None;
            }
            let id = field.id(EXAMPLE, InstanceId::parse, findings)?;
            let place = item.spot.place(findings.file());
            let declared = Declared { until: None, reason: None, protected: false, place };
            Some((item.spot, text, (id, declared)))
        }
        Data::Mapping(_) => of_map(&field, findings),
        Data::Sequence(_) => {
            let help = format!("write {EXAMPLE} after one `- `");
            findings.add(item.spot, "an entry of `instances` is a list of its own", help);
            None
        }
        Data::Refused => None,
    }
}

fn of_map<'n>(field: &Field<'n, '_>, findings: &mut Findings) -> Option<Read<'n>> {
    let map = Map::of(field, "an entry of `instances`", INSTANCE, findings)?;
    let until = match map.get("until") {
        None => Some(None),
        Some(field) => until(&field, findings).map(Some),
    };
    let reason = match map.get("reason") {
        None => Some(None),
        Some(field) => note(&field, findings).map(Some),
    };
    let protected = match map.get("protected") {
        None => Some(false),
        Some(field) => field.boolean(findings),
    };
    let id_field = map.required("id", &format!("write `id: ` and {EXAMPLE}"), findings)?;
    let id = id_field.id(EXAMPLE, InstanceId::parse, findings)?;
    let (text, _) = id_field.word()?;
    let spot = id_field.node.spot;
    let place = spot.place(findings.file());
    let declared = Declared { until: until?, reason: reason?, protected: protected?, place };
    Some((spot, text, (id, declared)))
}

/// RFC 3339 with an offset: without one, the hour when a link falls would depend on the host.
fn until(field: &Field<'_, '_>, findings: &mut Findings) -> Option<Timestamp> {
    let help = "write date, time and offset, such as 2026-12-31T00:00:00Z or \
                2026-12-31T08:00:00+08:00; from then on the link is no longer wanted";
    let said = field.word().filter(|_| !field.is_null());
    let time = said.and_then(|(text, _)| is_rfc3339(text).then(|| text.parse().ok()).flatten());
    if let (None, Some((text, _))) = (time, said.filter(|(text, _)| is_rfc3339(text))) {
        let message = format!("`{text}` is in no calendar");
        findings.add(field.at(), message, help);
    } else if time.is_none() {
        field.wrong("a time with an offset", help, findings);
    }
    time
}

fn is_rfc3339(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let Some(rest) = shape.strip_prefix("0000-00-00T00:00:00") else {
        return false;
    };
    let offset = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let offset = fraction.trim_start_matches('0');
            let digits = fraction.len().saturating_sub(offset.len());
            if !(1..=9).contains(&digits) {
                return false;
            }
            offset
        }
    };
    matches!(offset, "Z" | "+00:00" | "-00:00")
}
