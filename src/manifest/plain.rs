//! YAML as a plain value, for the daemon's own configuration file.

/// Largest configuration file, in bytes.
const BYTES_MAX: usize = 1024 * 1024;

/// The one document of a YAML text; nothing in it is an empty object.
///
/// # Errors
/// What is wrong, with line and column.
pub fn value(text: &str) -> Result<serde_json::Value, String> {
    if text.len() > BYTES_MAX {
        return Err("the file is larger than 1 MiB".to_owned());
    }
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.lines().all(blank) {
        return Ok(serde_json::Value::Object(serde_json::Map::new()));
    }
    // Without the lines around it: a configuration may hold the URL of a webhook, which is a secret.
    serde_yaml::from_str(text).map_err(|error| error.without_snippet().to_string())
}

#[cfg(test)]
mod tests {
    use super::value;
    use serde_json::json;

    #[test]
    fn a_configuration_becomes_a_value() {
        let text =
            "interval: 60s\nlimits: { maxDetach: 10%, budget: {hour: 50} }\nwindows: []\nx: null\n";
        let expected = json!({
            "interval": "60s", "limits": {"maxDetach": "10%", "budget": {"hour": 50}},
            "windows": [], "x": null
        });
        assert_eq!(value(text), Ok(expected));
        assert_eq!(value("# nothing\n\n"), Ok(json!({})));
        assert!(value("a: 1\na: 2\n").is_err(), "a key twice");
        assert!(value("a: [1\n").is_err());
    }
}
