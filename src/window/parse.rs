//! Text to rules, with advice where it is none.

use super::WindowError;
use super::rule::{DAY, Days, Rule, Span};
use crate::model::printable;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const EXAMPLE: &str = "write days, a span, or both, such as \"Mon-Fri 09:00-17:00\", \
                       \"Sat,Sun\" or \"2026-12-24..2027-01-02\"";
const ZONE_EXAMPLE: &str = "write a name of the IANA list, such as `Asia/Shanghai` or `UTC`";

/// A zone of the database in the binary.
pub(super) fn zone(name: &str) -> Result<TimeZone, WindowError> {
    let database = TimeZoneDatabase::bundled();
    // `Etc/Unknown` is in the list, and tells nobody's time.
    match database.get(name).ok().filter(|zone| !zone.is_unknown()) {
        Some(zone) => Ok(zone),
        None => {
            let help = match meant(name, &database) {
                Some(known) => format!("write `{known}`"),
                None => ZONE_EXAMPLE.to_owned(),
            };
            let message = match name {
                "" => "the time zone is empty".to_owned(),
                _ => format!("`{}` is no time zone", printable(name)),
            };
            Err(WindowError::new(message, help))
        }
    }
}

/// The zone of the city that is named.
fn meant(name: &str, database: &TimeZoneDatabase) -> Option<String> {
    let lower = name.trim().to_lowercase().replace(' ', "_");
    let city = lower.rsplit('/').next()?;
    if city == "beijing" {
        // The clocks there are set by it, and people look for it by this name.
        return Some("Asia/Shanghai".to_owned());
    }
    let ends_so = |known: &str| known.to_lowercase().rsplit('/').next() == Some(city);
    database.available().map(|known| known.to_string()).find(|known| ends_so(known))
}

/// Days, a span, or days and a span.
pub(super) fn rule(text: &str) -> Result<Rule, WindowError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let every_day = Days::Weekly([true; 7]);
    match words.as_slice() {
        [] => Err(WindowError::new("the window is empty", EXAMPLE)),
        [one] if one.contains(':') => Ok(Rule { days: every_day, span: span(one)? }),
        [one] => Ok(Rule { days: days(one)?, span: Span::WHOLE_DAY }),
        [one, _] if one.contains(':') => {
            let message = format!("`{}` names the span before the days", printable(text));
            Err(WindowError::new(message, "write the days first, such as \"Mon-Fri 09:00-17:00\""))
        }
        [one, other] => Ok(Rule { days: days(one)?, span: span(other)? }),
        _ => {
            let message = format!("`{}` has too many parts", printable(text));
            let help = "write days without spaces and then one span, such as \"Mon,Wed,Fri \
                        09:00-17:00\"; for another span, write another window";
            Err(WindowError::new(message, help))
        }
    }
}

fn days(text: &str) -> Result<Days, WindowError> {
    if text == "*" {
        return Ok(Days::Weekly([true; 7]));
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return dates(text);
    }
    let mut week = [false; 7];
    for part in text.split(',') {
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (weekday(first)?, weekday(last)?),
            None => (weekday(part)?, weekday(part)?),
        };
        // A range that begins later in the week than it ends goes over the end of the week.
        let inside = |day: usize| {
            if first <= last { (first..=last).contains(&day) } else { day >= first || day <= last }
        };
        week.iter_mut().enumerate().for_each(|(day, on)| *on |= inside(day));
    }
    Ok(Days::Weekly(week))
}

/// From Monday.
fn weekday(text: &str) -> Result<usize, WindowError> {
    if let Some(day) = DAYS.iter().position(|day| *day == text) {
        return Ok(day);
    }
    let lower = text.to_lowercase();
    let meant = DAYS.iter().find(|day| lower.starts_with(&day.to_lowercase()));
    let help = match meant {
        Some(day) => format!("write `{day}`"),
        None if text.contains("..") => {
            "write a range of weekdays with `-`, such as `Mon-Fri`".to_owned()
        }
        None => format!("write {}, a date such as 2026-12-24, or `*`", DAYS.join(", ")),
    };
    let message = match text {
        "" => "a day is missing".to_owned(),
        _ => format!("`{}` is no day of the week", printable(text)),
    };
    Err(WindowError::new(message, help))
}

fn dates(text: &str) -> Result<Days, WindowError> {
    let (first, last) = match text.split_once("..") {
        Some((first, last)) => (date(first)?, date(last)?),
        None => (date(text)?, date(text)?),
    };
    if last < first {
        let message = format!("`{}` ends before it begins", printable(text));
        return Err(WindowError::new(message, format!("write `{last}..{first}`")));
    }
    Ok(Days::Dates(first, last))
}

fn date(text: &str) -> Result<Date, WindowError> {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    if shape != "0000-00-00" {
        let message = format!("`{}` is no date", printable(text));
        let help = "write a date such as 2026-12-24, or two with `..` between them, such as \
                    2026-12-24..2027-01-02";
        return Err(WindowError::new(message, help));
    }
    text.parse().map_err(|_| {
        let message = format!("`{text}` is in no calendar");
        WindowError::new(message, "write a day that the month has, such as 2026-12-24")
    })
}

fn span(text: &str) -> Result<Span, WindowError> {
    if text.contains(',') {
        let message = format!("`{}` is more than one span", printable(text));
        return Err(WindowError::new(message, "write a window for each span"));
    }
    let Some((start, end)) = text.split_once('-') else {
        let message = format!("`{}` is no span", printable(text));
        return Err(WindowError::new(
            message,
            "write when it begins and ends, such as 09:00-17:00",
        ));
    };
    let (start, end) = (time(start)?, time(end)?);
    if start == DAY {
        let message = format!("`{text}` begins when the day is over");
        return Err(WindowError::new(message, "write 00:00, and the day after"));
    }
    Ok(Span::new(start, end))
}

/// Minutes of the day, up to 24:00.
fn time(text: &str) -> Result<u16, WindowError> {
    let number = |text: &str, most: u16| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| text.parse::<u16>().ok()).flatten();
        number.filter(|number| *number <= most)
    };
    let parts = text.split_once(':');
    let read = parts.and_then(|(hour, minute)| {
        let minutes = number(hour, 24)? * 60 + number(minute, 59)?;
        (minutes <= DAY).then_some(minutes)
    });
    read.ok_or_else(|| {
        let message = match text {
            "" => "a time is missing".to_owned(),
            _ => format!("`{}` is no time of the day", printable(text)),
        };
        let short = format!("0{text}");
        let help = match time_or_none(&short) {
            true => format!("write `{short}`"),
            false => "write hours and minutes from 00:00 to 24:00, such as 09:00".to_owned(),
        };
        WindowError::new(message, help)
    })
}

/// Whether it would be a time: `9:00` lacks only its zero.
fn time_or_none(text: &str) -> bool {
    text.len() == 5 && time(text).is_ok()
}
