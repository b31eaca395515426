//! How one line looks.

use super::values::{Value, Values};
use jiff::Timestamp;
use serde_json::json;
use std::fmt::Write as _;
use tracing::Level;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// For people.
    Text { colour: bool },
    /// The same for systemd's journal: it stamps lines itself, and takes their priority from `<N>`.
    Journal,
    /// An object a line.
    Json,
}

/// What a line is about.
pub(super) struct Line<'a> {
    pub level: Level,
    pub target: &'a str,
    pub values: &'a Values,
}

/// What continues a message on further lines: no line of a log starts so.
const CONTINUED: &str = "\n    ";

impl Line<'_> {
    /// The line, with its line feed.
    pub fn render(&self, look: Look, at: Timestamp) -> String {
        match look {
            Look::Text { colour } => {
                let level = self.level_of_five(colour);
                format!("{at:.3} {level} {}\n", self.rest())
            }
            Look::Journal => {
                let priority = priority(self.level);
                let text = format!("{} {}", self.level, self.rest());
                text.lines().fold(String::new(), |all, line| all + &format!("<{priority}>{line}\n"))
            }
            Look::Json => self.json(at),
        }
    }

    fn level_of_five(&self, colour: bool) -> String {
        let level = format!("{:>5}", self.level.as_str());
        if !colour {
            return level;
        }
        let style = match self.level {
            Level::ERROR => anstyle::AnsiColor::Red,
            Level::WARN => anstyle::AnsiColor::Yellow,
            Level::INFO => anstyle::AnsiColor::Green,
            Level::DEBUG => anstyle::AnsiColor::Blue,
            Level::TRACE => anstyle::AnsiColor::Magenta,
        };
        let style = style.on_default();
        format!("{style}{level}{style:#}")
    }

    fn rest(&self) -> String {
        let message = self.values.message.trim_end().replace('\t', "\\t");
        let mut text = format!("{}: {}", self.target, message.replace('\n', CONTINUED));
        for (name, value) in &self.values.fields {
            let _infallible = match value {
                Value::Yes(value) => write!(text, " {name}={value}"),
                Value::Signed(value) => write!(text, " {name}={value}"),
                Value::Unsigned(value) => write!(text, " {name}={value}"),
                Value::Float(value) => write!(text, " {name}={value}"),
                Value::Text(value) => write!(text, " {name}={}", quoted(value)),
            };
        }
        text
    }

    fn json(&self, at: Timestamp) -> String {
        let (level, message) = (self.level.as_str(), self.values.message.trim_end());
        let mut text = format!("{{\"timestamp\":\"{at:.3}\",\"level\":\"{level}\"");
        let mut put = |name: &str, value: serde_json::Value| {
            let _infallible = write!(text, ",{}:{value}", json!(name));
        };
        put("target", json!(self.target));
        put("message", json!(message));
        for (name, value) in &self.values.fields {
            let value = match value {
                Value::Yes(value) => json!(value),
                Value::Signed(value) => json!(value),
                Value::Unsigned(value) => json!(value),
                Value::Float(value) => json!(value),
                Value::Text(value) => json!(value),
            };
            // Fields of other crates may be called anything, and a name counts once.
            let ours = matches!(*name, "timestamp" | "level" | "target");
            put(&if ours { format!("{name}_") } else { (*name).to_owned() }, value);
        }
        text + "}\n"
    }
}

/// A value that could be taken for more than one is quoted.
fn quoted(value: &str) -> String {
    let special = |c: char| c.is_whitespace() || matches!(c, '"' | '=' | '\\');
    if !value.is_empty() && !value.contains(special) {
        return value.to_owned();
    }
    let mut shown = "\"".to_owned();
    for c in value.chars() {
        match c {
            '"' => shown.push_str("\\\""),
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            _ => shown.push(c),
        }
    }
    shown + "\""
}

/// As in `syslog`(3).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}
