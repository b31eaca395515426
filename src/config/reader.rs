//! Reads a value key by key, remembers which keys were read, and collects every mistake.

use super::Mistake;
use crate::clock::duration;
use crate::model::printable;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A map of the configuration, and what was found wrong in it.
pub(super) struct Reader<'v> {
    path: String,
    map: Option<&'v Map<String, Value>>,
    known: BTreeSet<&'static str>,
    /// Keys are names of the operator's choice: none is unknown.
    open: bool,
    mistakes: Vec<Mistake>,
}

impl<'v> Reader<'v> {
    pub fn root(value: &'v Value) -> Self {
        Self::over(String::new(), value)
    }

    fn over(path: String, value: &'v Value) -> Self {
        let mut reader =
            Self { path, map: None, known: BTreeSet::new(), open: false, mistakes: Vec::new() };
        match value {
            Value::Object(map) => reader.map = Some(map),
            Value::Null => (),
            other => reader.mistake(&format!("is {}, and a map belongs here", kind(other))),
        }
        reader
    }

    /// Ends reading.
    ///
    /// # Errors
    /// Every mistake, unknown keys included.
    pub fn finish(mut self) -> Result<(), Vec<Mistake>> {
        self.find_unknown();
        self.mistakes.sort();
        if self.mistakes.is_empty() { Ok(()) } else { Err(self.mistakes) }
    }

    /// Notes a mistake of this map itself.
    pub fn mistake(&mut self, message: &str) {
        let key = if self.path.is_empty() { "." } else { &self.path };
        self.mistakes.push(Mistake { key: key.to_owned(), message: message.to_owned() });
    }

    /// Whether a key is there.
    pub fn has(&self, key: &str) -> bool {
        self.map.and_then(|map| map.get(key)).is_some_and(|value| !value.is_null())
    }

    /// Whether what stands below `key` is a map.
    pub fn is_map(&self, key: &str) -> bool {
        self.map.and_then(|map| map.get(key)).is_some_and(Value::is_object)
    }

    /// Reads a map below `key`.
    pub fn inside(&mut self, key: &'static str, read: impl FnOnce(&mut Reader<'v>)) {
        let Some(value) = self.value(key) else { return };
        let mut inner = Self::over(self.path_of(key), value);
        read(&mut inner);
        inner.find_unknown();
        self.mistakes.append(&mut inner.mistakes);
    }

    /// Reads every map below `key`, whatever their names.
    pub fn each(&mut self, key: &'static str, mut read: impl FnMut(&str, &mut Reader<'v>)) {
        self.inside(key, |names| {
            names.open = true;
            for (name, value) in names.map.into_iter().flatten() {
                let mut inner = Self::over(names.path_of(name), value);
                read(name, &mut inner);
                inner.find_unknown();
                names.mistakes.append(&mut inner.mistakes);
            }
        });
    }

    /// Reads every map of the list below `key`, of which there may be `most`.
    pub fn each_of(
        &mut self,
        key: &'static str,
        most: usize,
        mut read: impl FnMut(&mut Reader<'v>),
    ) {
        let Some(value) = self.value(key) else { return };
        let Value::Array(items) = value else {
            return self.wrong(key, &format!("is {}, and a list belongs here", kind(value)));
        };
        if items.len() > most {
            return self.wrong(key, &format!("has {} entries; write at most {most}", items.len()));
        }
        for (index, item) in items.iter().enumerate() {
            let mut inner = Self::over(format!("{}[{index}]", self.path_of(key)), item);
            // Of what is no map, that alone is worth a word.
            match inner.map {
                Some(_) => read(&mut inner),
                None if item.is_null() => inner.mistake("is nothing, and a map belongs here"),
                None => (),
            }
            inner.find_unknown();
            self.mistakes.append(&mut inner.mistakes);
        }
    }

    /// A text that `parse` understands; `true` if the key is there.
    pub fn parsed<T>(
        &mut self,
        key: &'static str,
        into: &mut T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> bool {
        let Some(value) = self.value(key) else { return false };
        match scalar(value)
            .ok_or_else(|| format!("is {}, and a single value belongs here", kind(value)))
        {
            Ok(text) => match parse(&text) {
                Ok(parsed) => *into = parsed,
                Err(error) => self.wrong(key, &error),
            },
            Err(error) => self.wrong(key, &error),
        }
        true
    }

    /// As [`Reader::parsed_or_null`], for a name: without quotation marks `1.10` is the number 1.1, and
    /// somebody else's name.
    pub fn named<T>(
        &mut self,
        key: &'static str,
        into: &mut Option<T>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> bool {
        match self.value(key) {
            Some(Value::Number(_) | Value::Bool(_)) => {
                self.wrong(key, "is a number or a boolean, and a name belongs here; put it into quotation marks");
                true
            }
            _ => self.parsed_or_null(key, into, parse),
        }
    }

    /// As [`Reader::parsed`], for a value that may be absent.
    pub fn parsed_or_null<T>(
        &mut self,
        key: &'static str,
        into: &mut Option<T>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> bool {
        self.parsed(key, into, |text| parse(text).map(Some))
    }

    pub fn text(&mut self, key: &'static str, into: &mut Option<String>) {
        self.named(key, into, |text| Ok(text.to_owned()));
    }

    pub fn list<T: Ord>(
        &mut self,
        key: &'static str,
        into: &mut BTreeSet<T>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) {
        let Some(value) = self.value(key) else { return };
        let Value::Array(items) = value else {
            return self.wrong(key, &format!("is {}, and a list belongs here", kind(value)));
        };
        for item in items {
            match scalar(item).map(|text| parse(&text)) {
                Some(Ok(parsed)) => {
                    into.insert(parsed);
                }
                Some(Err(error)) => self.wrong(key, &error),
                None => self.wrong(key, &format!("holds {}", kind(item))),
            }
        }
    }

    pub fn flag(&mut self, key: &'static str, into: &mut bool) {
        self.one_of(key, &[("true", true), ("false", false)], into);
    }

    pub fn one_of<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)], into: &mut T) {
        self.parsed(key, into, |text| {
            let found = words.iter().find(|(word, _)| *word == text);
            found.map(|(_, value)| *value).ok_or_else(|| {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                format!("is `{}`; write one of: {}", printable(text), known.join(", "))
            })
        });
    }

    pub fn number(&mut self, key: &'static str, into: &mut u64) -> bool {
        self.parsed(key, into, |text| {
            text.parse().map_err(|_| format!("is `{}`; write a whole number", printable(text)))
        })
    }

    pub fn count(&mut self, key: &'static str, into: &mut usize, range: RangeInclusive<usize>) {
        self.parsed(key, into, |text| match text.parse() {
            Ok(count) if range.contains(&count) => Ok(count),
            _ => Err(format!(
                "is `{}`; write a whole number from {} to {}",
                printable(text),
                range.start(),
                range.end()
            )),
        });
    }

    /// Calls a second.
    pub fn rate(&mut self, key: &'static str, into: &mut f64) {
        self.parsed(key, into, |text| match text.parse::<f64>() {
            Ok(rate) if (1.0..=100_000.0).contains(&rate) => Ok(rate),
            _ => Err(format!("is `{}`; write calls a second, from 1 to 100000", printable(text))),
        });
    }

    /// A time with a unit, such as `60s` or `1h 30m`; `true` if the key is there.
    pub fn duration(&mut self, key: &'static str, into: &mut Duration, least: Duration) -> bool {
        self.parsed(key, into, |text| match duration(text) {
            Some(parsed) if parsed >= least => Ok(parsed),
            Some(_) => Err(format!("is `{}`; write at least {}", printable(text), words(least))),
            None => Err(format!(
                "is `{}`; write a time with its unit, such as 500ms, 60s or 24h",
                printable(text)
            )),
        })
    }

    /// Notes that a key without a default is not there.
    pub fn missing(&mut self, key: &str, advice: &str) {
        self.wrong(key, &format!("is missing; {advice}"));
    }

    fn value(&mut self, key: &'static str) -> Option<&'v Value> {
        self.known.insert(key);
        self.map?.get(key).filter(|value| !value.is_null())
    }

    /// Notes a mistake of one key.
    pub fn wrong(&mut self, key: &str, message: &str) {
        let key = self.path_of(key);
        self.mistakes.push(Mistake { key, message: message.to_owned() });
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            printable(key)
        } else {
            format!("{}.{}", self.path, printable(key))
        }
    }

    fn find_unknown(&mut self) {
        if self.open {
            return;
        }
        for key in self.map.into_iter().flat_map(Map::keys) {
            if !self.known.contains(key.as_str()) {
                let known: Vec<&str> = self.known.iter().copied().collect();
                self.wrong(key, &format!("is not a key here; the keys are: {}", known.join(", ")));
            }
        }
    }
}

fn words(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_millis())
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
