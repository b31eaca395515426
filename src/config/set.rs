//! `--set limits.budget.hour=500`: one key of the configuration, from the command line.

use super::Mistake;
use serde_json::{Map, Value};

/// Most parts of a key. No key has more than three; what is much deeper would end in a stack that
/// overflows, here or where the value is dropped.
const PARTS_MAX: usize = 16;

/// Puts `key=value` texts over a configuration value, in order. The value is read as YAML, so that
/// `[cn-hangzhou]` is a list and `null` is nothing.
///
/// # Errors
/// [`Mistake`]: a text without `=`, an empty key, a key below something that is not a map, or one
/// of more parts than any.
pub fn overlay(mut value: Value, sets: &[String]) -> Result<Value, Mistake> {
    for set in sets {
        let Some((path, text)) = set.split_once('=') else {
            return Err(mistake(set, "write it as KEY=VALUE, such as limits.maxDetach=5"));
        };
        if path.split('.').count() > PARTS_MAX {
            return Err(mistake(path, "has more parts than any key"));
        }
        let parsed =
            crate::manifest::value(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        // An empty text is read as an empty map, and means an empty text here.
        let parsed = if text.trim().is_empty() { Value::String(String::new()) } else { parsed };
        put(&mut value, path, path, parsed)?;
    }
    Ok(value)
}

fn put(value: &mut Value, path: &str, rest: &str, new: Value) -> Result<(), Mistake> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(map) = value else {
        return Err(mistake(path, "goes below a key that holds a single value"));
    };
    let (key, below) = match rest.split_once('.') {
        Some((key, below)) => (key, Some(below)),
        None => (rest, None),
    };
    if key.is_empty() {
        return Err(mistake(path, "has an empty part"));
    }
    match below {
        Some(below) => put(map.entry(key).or_insert(Value::Null), path, below, new),
        None => {
            map.insert(key.to_owned(), new);
            Ok(())
        }
    }
}

fn mistake(key: &str, message: &str) -> Mistake {
    Mistake { key: crate::model::printable(key), message: message.to_owned() }
}
