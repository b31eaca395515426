//! Any text as the configuration file, and each line of it as a `--set`.

use classiclinkd::config::{APPROVAL_MAX, Config, overlay};
use classiclinkd::manifest;
use serde_json::{Map, Value};
use std::time::Duration;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let file = manifest::value(text);
    if let Ok(value) = &file {
        read(value);
    }
    let sets: Vec<String> = text.lines().map(str::to_owned).collect();
    for base in [Value::Object(Map::new()), file.unwrap_or_default()] {
        match overlay(base, &sets) {
            Ok(value) => read(&value),
            Err(mistake) => one_line(&mistake.to_string()),
        }
    }
}

fn read(value: &Value) {
    let config = match Config::from_value(value) {
        Ok(config) => config,
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused without a word");
            return mistakes.iter().for_each(|mistake| one_line(&mistake.to_string()));
        }
    };
    assert_eq!(Config::from_value(value).as_ref(), Ok(&config));
    assert!(!config.accounts.is_empty());
    assert!((1..=256).contains(&config.workers) && config.interval >= Duration::from_secs(1));
    assert!(config.source.settle <= config.source.settle_max);
    assert!(config.approval_ttl <= APPROVAL_MAX);
    assert!(config.retention >= Duration::from_secs(30 * 24 * 3600));
    for account in config.accounts.keys() {
        let limits = config.limits.of(account);
        assert!((1..=1024).contains(&limits.concurrency));
        for rates in [&limits.reads, &limits.writes] {
            assert!(rates.start > 0.0 && rates.start.is_finite(), "{rates:?}");
            assert!(rates.max > 0.0 && rates.max.is_finite(), "{rates:?}");
        }
        assert_eq!(config.bounds.of(account).ceiling, config.ceilings()[account]);
    }
    assert_eq!(config.ceilings().len(), config.accounts.len());
}

fn one_line(text: &str) {
    assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");
}
