//! Holds answers to the OpenAPI document. Knows the words of JSON Schema that the document uses, and
//! refuses any other, so that nothing is passed over.

use serde_json::{Map, Value};

/// Words that say nothing about a value.
const SILENT: &[&str] = &["description", "default"];

/// Holds the answer of a path to what the document says of that path and code.
pub fn hold(document: &Value, path: &str, code: u16, value: &Value) {
    let path = path.split('?').next().unwrap();
    let paths = document.get("paths").and_then(Value::as_object).unwrap();
    let known = paths.iter().find(|(template, _)| fits(template, path));
    let (_, known) = known.unwrap_or_else(|| panic!("{path} is not in the document"));
    let answer = known.pointer(&format!("/get/responses/{code}"));
    let answer = resolved(document, answer.unwrap_or(&Value::Null));
    let schema = answer.pointer("/content/application~1json/schema");
    let schema = schema.unwrap_or_else(|| panic!("{path} is not said to answer {code}"));
    let wrong = check(document, schema, value, "");
    assert!(wrong.is_empty(), "{path}: {}\n{value:#}", wrong.join("\n"));
}

/// Holds the data of an event to the schema that has its name.
pub fn hold_event(document: &Value, name: &str, data: &Value) {
    let mut title = name.to_owned();
    title[..1].make_ascii_uppercase();
    let schema = document.pointer(&format!("/components/schemas/{title}Event"));
    let schema = schema.unwrap_or_else(|| panic!("`{name}` is not in the document"));
    let wrong = check(document, schema, data, "");
    assert!(wrong.is_empty(), "{name}: {}\n{data:#}", wrong.join("\n"));
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    let same = |(said, is): (&&str, &&str)| said.starts_with('{') || said == is;
    template.len() == path.len() && template.iter().zip(&path).all(same)
}

fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let Some(at) = value.get("$ref").and_then(Value::as_str) else { return value };
    let found = at.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
    resolved(document, found.unwrap_or_else(|| panic!("{at} leads nowhere")))
}

/// What is wrong with a value, each with its place.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let schema = resolved(document, schema);
    let mut wrong = Vec::new();
    let mut is = |holds: bool, what: String| {
        if !holds {
            wrong.push(format!("{at}: {what}"));
        }
    };
    let mut inner = Vec::new();
    for (word, said) in schema.as_object().unwrap() {
        match word.as_str() {
            "type" => is(is_of(said, value), format!("{value} is not {said}")),
            "enum" => {
                is(said.as_array().unwrap().contains(value), format!("{value} is none of {said}"))
            }
            "const" => is(said == value, format!("{value} is not {said}")),
            "minimum" => {
                let least = said.as_f64().unwrap();
                is(
                    value.as_f64().is_none_or(|number| number >= least),
                    format!("{value} < {said}"),
                );
            }
            "format" => {
                assert_eq!(said, "date-time", "an unknown format");
                let time =
                    value.as_str().is_none_or(|text| text.parse::<jiff::Timestamp>().is_ok());
                is(time, format!("{value} is no time"));
            }
            "anyOf" => {
                let all = said.as_array().unwrap().iter();
                let tried: Vec<_> = all.map(|of| check(document, of, value, at)).collect();
                is(tried.iter().any(Vec::is_empty), format!("fits none: {tried:?}"));
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    inner.extend(check(document, said, item, &format!("{at}/{index}")));
                }
            }
            "properties" => {
                let members = value.as_object().into_iter().flatten();
                for (key, member) in members.filter(|(key, _)| said.get(key.as_str()).is_some()) {
                    inner.extend(check(document, &said[key], member, &format!("{at}/{key}")));
                }
            }
            "required" => {
                for key in said.as_array().unwrap() {
                    let there = value
                        .as_object()
                        .is_none_or(|members| members.contains_key(key.as_str().unwrap()));
                    is(there, format!("lacks {key}"));
                }
            }
            "additionalProperties" => {
                let empty = Map::new();
                let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
                let members = value.as_object().into_iter().flatten();
                for (key, member) in members.filter(|(key, _)| !known.contains_key(key.as_str())) {
                    match said {
                        Value::Bool(allowed) => {
                            is(*allowed, format!("has {key}, which is not in the document"))
                        }
                        said => inner.extend(check(document, said, member, &format!("{at}/{key}"))),
                    }
                }
            }
            silent if SILENT.contains(&silent) => (),
            other => panic!("the document says `{other}`, which nobody here understands"),
        }
    }
    wrong.extend(inner);
    wrong
}

fn is_of(said: &Value, value: &Value) -> bool {
    let one = |name: &str| match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        other => panic!("there is no type `{other}`"),
    };
    match said {
        Value::String(name) => one(name),
        names => names.as_array().unwrap().iter().any(|name| one(name.as_str().unwrap())),
    }
}

#[test]
fn what_is_not_as_the_document_says_is_found() {
    let document = serde_json::json!({"components": {"schemas": {"AEvent": {
        "type": "object",
        "properties": {"n": {"type": ["integer", "null"], "minimum": 1}, "t": {"type": "string", "format": "date-time"}, "e": {"enum": ["x"]}, "l": {"type": "array", "items": {"anyOf": [{"type": "null"}, {"const": "y"}]}}},
        "required": ["n"],
        "additionalProperties": false,
    }}}});
    let wrong = |value: Value| {
        check(&document, &serde_json::json!({"$ref": "#/components/schemas/AEvent"}), &value, "")
            .len()
    };
    let right =
        serde_json::json!({"n": 1, "t": "2026-11-23T05:00:00Z", "e": "x", "l": ["y", null]});
    assert_eq!(wrong(right), 0);
    for value in [
        serde_json::json!([]),
        serde_json::json!({}),
        serde_json::json!({"n": 0}),
        serde_json::json!({"n": 1.5}),
        serde_json::json!({"n": null, "t": "today"}),
        serde_json::json!({"n": null, "e": "y"}),
        serde_json::json!({"n": null, "l": ["y", "z"]}),
        serde_json::json!({"n": null, "more": 1}),
    ] {
        assert_eq!(wrong(value.clone()), 1, "{value}");
    }
}
