//! The reference of manifests: from the schema, the limits of the reader, and the samples of the tests.

use super::{GENERATED, cell, held_to, text};
use classiclinkd::manifest;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// A schema without its `$ref`: what the definition says, under what is said where it is used.
fn whole<'v>(schema: &'v Value, root: &'v Value) -> Map<String, Value> {
    let mut members = Map::new();
    if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
        let of = root.pointer(path.trim_start_matches('#')).unwrap();
        members.extend(whole(of, root));
    }
    members.extend(schema.as_object().unwrap().clone());
    members
}

/// What may be written, in words.
fn takes(schema: &Map<String, Value>, root: &Value) -> String {
    let part = |name: &str| schema.get(name);
    let number = |name: &str| part(name).and_then(Value::as_u64);
    if let Some(only) = part("const").and_then(Value::as_str) {
        return format!("`{only}`");
    }
    if let Some(words) = part("enum").and_then(Value::as_array) {
        let words: Vec<_> = words.iter().map(|w| format!("`{}`", w.as_str().unwrap())).collect();
        return words.join(", ");
    }
    if let Some(ways) = part("anyOf").and_then(Value::as_array) {
        let ways: Vec<_> = ways.iter().map(|way| takes(&whole(way, root), root)).collect();
        return ways.join("; or ");
    }
    match part("type").and_then(Value::as_str).unwrap() {
        "integer" => "a count".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        "object" => "a map".to_owned(),
        "array" => {
            let items = takes(&whole(part("items").unwrap(), root), root);
            let most =
                number("maxItems").map_or_else(String::new, |most| format!(", {most} at most"));
            format!("a list{most}; each: {items}")
        }
        "string" => {
            let mut said = match part("format").and_then(Value::as_str) {
                Some("date-time") => "a time".to_owned(),
                _ => "text".to_owned(),
            };
            if let Some(most) = number("maxLength") {
                let _ = write!(said, " of {most} characters at most");
            }
            if let Some(pattern) = part("pattern").and_then(Value::as_str) {
                let _ = write!(said, ", as `{pattern}`");
            }
            said
        }
        other => panic!("a {other} is not described"),
    }
}

/// A row for each key, those inside after the one that holds them.
fn rows(schema: &Map<String, Value>, root: &Value, path: &str, table: &mut String) {
    let Some(members) = schema.get("properties").and_then(Value::as_object) else { return };
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let one_of = schema.get("oneOf").is_some();
    for (key, member) in members {
        let (name, member) = (format!("{path}{key}"), whole(member, root));
        let is_required = required.iter().any(|required| required == key);
        let need = match (is_required, one_of) {
            (true, _) => "required",
            (false, true) => "one of these",
            (false, false) => "",
        };
        let meaning = member.get("description").and_then(Value::as_str);
        let meaning = meaning.unwrap_or_else(|| panic!("{name} does not say what it is"));
        let takes = cell(&takes(&member, root));
        let _ = writeln!(table, "| `{name}` | {takes} | {need} | {} |", cell(meaning));
        rows(&member, root, &format!("{name}."), table);
        if let Some(items) = member.get("items") {
            let items = whole(items, root);
            let ways = items.get("anyOf").and_then(Value::as_array).cloned();
            for way in ways.unwrap_or_else(|| vec![Value::Object(items)]) {
                rows(&whole(&way, root), root, &format!("{name}[]."), table);
            }
        }
    }
}

const HEAD: &str = "\
A manifest says which links should exist at one VPC. Any number of files (`.yaml`, `.yml`), folders and documents a file; hidden ones \
are ignored.\nSeveral manifests may declare one VPC: their instances add up, their modes must agree, the smallest `maxDetach` counts, \
`allowEmpty` must\nbe said by all, and the windows of all, and of the configuration, must be open.\n\n\
Check with `classiclinkd validate manifests/`. For editors: [manifest.schema.json](manifest.schema.json), which `classiclinkd schema` \
prints.\n\n## An example\n\n";

const MODES: &str = "\
| `spec.mode` | Linked and not listed | Listed and not linked |\n|---|---|---|\n\
| `observe` | reported, held | reported |\n| `detach` | detached | reported |\n| `sync` | detached | attached |\n\n\
How windows are written: [configuration.md](configuration.md#windows).\n";

fn limits() -> String {
    let rows = [
        ("a file", format!("{} MiB", manifest::FILE_BYTES_MAX >> 20)),
        ("all files", format!("{} MiB", manifest::TREE_BYTES_MAX >> 20)),
        ("files", manifest::FILES_MAX.to_string()),
        ("folders in folders", manifest::DEPTH_MAX.to_string()),
        ("documents in a file", manifest::DOCUMENTS_MAX.to_string()),
        ("depth of the YAML", manifest::YAML_DEPTH_MAX.to_string()),
        ("values in a file", manifest::NODES_MAX.to_string()),
        ("anchors, aliases in a file", {
            format!("{}, {}", manifest::ANCHORS_MAX, manifest::ALIASES_MAX)
        }),
    ];
    let rows = rows.iter().map(|(what, most)| format!("| {what} | {most} |\n"));
    format!("| Of | At most |\n|---|---|\n{}", rows.collect::<String>())
}

/// Mistakes that people make, with what is said to them: samples of `tests/it/manifests.rs`.
const MISTAKES: [&str; 5] = [
    "cut-after-instances",
    "duplicate-instance",
    "duplicate-key-instances",
    "until-without-offset",
    "mode-missing",
];

#[test]
fn the_reference_of_manifests_is_fresh() {
    let schema = manifest::schema();
    let mut page = format!("# Manifest\n\n{GENERATED}{HEAD}");
    let _ = writeln!(page, "```yaml\n{}```\n", text("tests/testdata/manifests/good-full.yaml"));
    page.push_str("## Keys\n\n| Key | Takes | | Meaning |\n|---|---|---|---|\n");
    rows(&whole(&schema, &schema), &schema, "", &mut page);
    let _ = writeln!(page, "\n{MODES}\n## Limits\n\n{}", limits());
    page.push_str(
        "## What is refused\n\nAny mistake in any file refuses the whole tree, and the last accepted revision stays in force. An \
         unknown key is a mistake, and so\nis a key with nothing after it. Some, as they are told:\n",
    );
    for name in MISTAKES {
        let said = text(&format!("tests/testdata/manifests/{name}.expected"));
        let _ = write!(page, "\n```text\n{}\n```\n", said.trim_end());
    }
    held_to("manifest.md", &page);
}
