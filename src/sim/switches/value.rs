//! Values of switches, read from text and shown as text that reads back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Read from and shown as text. An error is what may be written instead.
pub trait Value: Sized {
    /// Reads the text.
    fn read(text: &str) -> Result<Self, String>;
    /// Text that [`Self::read`] takes.
    fn show(&self) -> String;
}

/// How likely something is, or for how many calls it is certain.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Chance {
    /// 0.0 never to 1.0 always.
    pub share: f64,
    /// The next so many eligible calls, whatever the share.
    pub next: u32,
}

impl Chance {
    /// Always.
    pub const ALWAYS: Self = Self { share: 1.0, next: 0 };

    /// The next `calls` eligible calls, and then never.
    pub fn next(calls: u32) -> Self {
        Self { share: 0.0, next: calls }
    }

    /// Whether it happens now.
    pub(in crate::sim) fn draw(&mut self, rng: &mut fastrand::Rng) -> bool {
        if let Some(left) = self.next.checked_sub(1) {
            self.next = left;
            return true;
        }
        self.share > 0.0 && rng.f64() < self.share
    }
}

impl Value for Chance {
    fn read(text: &str) -> Result<Self, String> {
        let expected = || "a share such as 20% or 0.2, or `next:3` for the next 3 calls".to_owned();
        if let Some(calls) = text.strip_prefix("next:") {
            return calls.parse().map(Self::next).map_err(|_| expected());
        }
        let (digits, scale) = match text.strip_suffix('%') {
            Some(digits) => (digits, 100.0),
            None => (text, 1.0),
        };
        let share = digits.parse::<f64>().map_err(|_| expected())? / scale;
        if (0.0..=1.0).contains(&share) { Ok(Self { share, next: 0 }) } else { Err(expected()) }
    }

    fn show(&self) -> String {
        if self.next > 0 { format!("next:{}", self.next) } else { self.share.to_string() }
    }
}

/// A duration between two bounds, drawn at each use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spread {
    least: Duration,
    most: Duration,
}

impl Spread {
    /// Always that long.
    pub fn fixed(duration: Duration) -> Self {
        Self { least: duration, most: duration }
    }

    /// Evenly between the two, which are swapped if need be.
    pub fn between(least: Duration, most: Duration) -> Self {
        Self { least: least.min(most), most: least.max(most) }
    }

    /// How long it is now.
    pub(in crate::sim) fn draw(self, rng: &mut fastrand::Rng) -> Duration {
        let width = self.most.saturating_sub(self.least);
        let micros = u64::try_from(width.as_micros()).unwrap_or(u64::MAX);
        if micros == 0 {
            return self.least;
        }
        self.least.saturating_add(Duration::from_micros(rng.u64(0..=micros)))
    }
}

impl Value for Spread {
    fn read(text: &str) -> Result<Self, String> {
        let expected = |_| "a duration such as 3s or a range such as 0s..30s".to_owned();
        match text.split_once("..") {
            Some((least, most)) => {
                let least = Duration::read(least).map_err(expected)?;
                Ok(Self::between(least, Duration::read(most).map_err(expected)?))
            }
            None => Duration::read(text).map(Self::fixed).map_err(expected),
        }
    }

    fn show(&self) -> String {
        if self.least == self.most {
            self.least.show()
        } else {
            format!("{}..{}", self.least.show(), self.most.show())
        }
    }
}

impl Value for Duration {
    fn read(text: &str) -> Result<Self, String> {
        let expected = || "a duration such as 250ms, 3s, 5m or 1h".to_owned();
        let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (digits, unit) = text.split_at_checked(split).ok_or_else(expected)?;
        let seconds_each = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "" if digits == "0" => 0.0,
            _ => return Err(expected()),
        };
        let number: f64 = digits.parse().map_err(|_| expected())?;
        // Thirty years: sums of such durations stay far from where time arithmetic saturates.
        let seconds = number * seconds_each;
        if (0.0..1e9).contains(&seconds) {
            Self::try_from_secs_f64(seconds).map_err(|_| expected())
        } else {
            Err(expected())
        }
    }

    fn show(&self) -> String {
        if self.subsec_nanos() == 0 {
            format!("{}s", self.as_secs())
        } else {
            format!("{}ms", self.as_secs_f64() * 1000.0)
        }
    }
}

/// How far a clock is ahead, or behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skew {
    /// Behind instead of ahead.
    pub behind: bool,
    /// By how much.
    pub by: Duration,
}

impl Value for Skew {
    fn read(text: &str) -> Result<Self, String> {
        let (behind, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let by = Duration::read(rest).map_err(|_| "a duration such as 20m or -20m".to_owned())?;
        Ok(Self { behind, by })
    }

    fn show(&self) -> String {
        format!("{}{}", if self.behind { "-" } else { "" }, self.by.show())
    }
}

/// Names, or all of them; comma-separated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names(pub BTreeSet<String>);

impl Names {
    /// Whether the name is listed, by itself or by `*`.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name) || self.0.contains("*")
    }
}

impl<const N: usize> From<[&str; N]> for Names {
    fn from(names: [&str; N]) -> Self {
        Self(names.into_iter().map(str::to_owned).collect())
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

impl Value for Names {
    fn read(text: &str) -> Result<Self, String> {
        Ok(Self(parts(text).map(str::to_owned).collect()))
    }

    fn show(&self) -> String {
        self.0.iter().map(String::as_str).collect::<Vec<_>>().join(",")
    }
}

/// A limit for each action; `*` for those without one of their own.
pub type Limits = BTreeMap<String, u32>;

impl Value for BTreeMap<String, u32> {
    fn read(text: &str) -> Result<Self, String> {
        let expected = || "a number for all, or NAME:NUMBER[,NAME:NUMBER...]".to_owned();
        let mut limits = Self::new();
        for part in parts(text) {
            let (name, number) = part.rsplit_once(':').unwrap_or(("*", part));
            limits.insert(name.to_owned(), number.parse().map_err(|_| expected())?);
        }
        Ok(limits)
    }

    fn show(&self) -> String {
        let pairs: Vec<String> = self.iter().map(|(name, n)| format!("{name}:{n}")).collect();
        pairs.join(",")
    }
}

/// How long a scripted answer lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endurance {
    /// For good.
    Forever,
    /// For so many more calls.
    Calls(u32),
    /// For so long after the simulator first gives it.
    For(Duration),
}

/// One answer that attaches and detaches of an instance get instead of being carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The code, or `OK` for a success that changes nothing. `NotFound` is short for
    /// `InvalidInstanceId.NotFound`.
    pub code: String,
    /// How long.
    pub lasts: Endurance,
    /// When it was first given, on the monotonic clock.
    pub(in crate::sim) began: Option<Duration>,
}

/// The scripted answers of each instance, given one after the other.
pub type Scripts = BTreeMap<String, VecDeque<Script>>;

impl Value for Scripts {
    fn read(text: &str) -> Result<Self, String> {
        let expected = || "INSTANCE:CODE[:CALLS|:DURATION][,...]".to_owned();
        let mut scripts = Self::new();
        for part in parts(text) {
            let mut fields = part.split(':');
            let (Some(instance), Some(code)) = (fields.next(), fields.next()) else {
                return Err(expected());
            };
            let lasts = match fields.next() {
                None => Endurance::Forever,
                Some(calls) if calls.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Endurance::Calls(calls.parse().map_err(|_| expected())?)
                }
                Some(time) => Endurance::For(Duration::read(time).map_err(|_| expected())?),
            };
            let script = Script { code: code.to_owned(), lasts, began: None };
            scripts.entry(instance.to_owned()).or_default().push_back(script);
        }
        Ok(scripts)
    }

    fn show(&self) -> String {
        let each = self.iter().flat_map(|(id, list)| list.iter().map(move |one| (id, one)));
        let shown = each.map(|(id, script)| match script.lasts {
            Endurance::Forever => format!("{id}:{}", script.code),
            Endurance::Calls(calls) => format!("{id}:{}:{calls}", script.code),
            Endurance::For(time) => format!("{id}:{}:{}", script.code, time.show()),
        });
        shown.collect::<Vec<_>>().join(",")
    }
}

impl Value for String {
    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("a code".to_owned()) } else { Ok(text.to_owned()) }
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Value for bool {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "on" | "true" => Ok(true),
            "off" | "false" => Ok(false),
            _ => Err("on or off".to_owned()),
        }
    }

    fn show(&self) -> String {
        if *self { "on".to_owned() } else { "off".to_owned() }
    }
}

macro_rules! number {
    ($($type:ty),+) => {
        $(impl Value for $type {
            fn read(text: &str) -> Result<Self, String> {
                let range = || format!("a number from {} to {}", Self::MIN, Self::MAX);
                text.parse().map_err(|_| range())
            }

            fn show(&self) -> String {
                self.to_string()
            }
        })+
    };
}

number!(u8, u16, u32, i32);
