//! A forecast in words.

use crate::forecast::{Forecast, Share, Wait, Whole};
use std::fmt::Write as _;

/// Of one plan, as a line without an end.
pub(super) fn of_plan(forecast: &Forecast) -> String {
    sentence(forecast, "")
}

/// Of all plans, likewise.
pub(super) fn of_all(whole: &Whole) -> String {
    // Which account and region spends most of its budget needs saying where there are several.
    let fullest = whole.lanes.iter().find(|(_, of)| of.share == whole.all.share);
    let lane = fullest.filter(|_| whole.lanes.len() > 1).map(|(lane, _)| format!(" in {lane}"));
    sentence(&whole.all, &lane.unwrap_or_default())
}

fn sentence(forecast: &Forecast, lane: &str) -> String {
    let calls = forecast.calls;
    let mut text = if forecast.once_released { "once released: " } else { "" }.to_owned();
    for (count, what) in [(calls.detach, "detach"), (calls.attach, "attach")] {
        if count > 0 {
            let _ = write!(text, "{count} {what}{}, ", if count == 1 { "" } else { "es" });
        }
    }
    let _ = write!(text, "{} calls in all", calls.total());
    if calls.detach > 0 {
        let _ = write!(text, ", {}{lane}", share(&forecast.share));
    }
    text.push_str("; ");
    match (forecast.begins, forecast.waits_for) {
        (Some(_), None) => text.push_str("begins now"),
        (Some(at), Some(Wait::Windows)) => {
            let _ = write!(text, "begins {at}, when the windows open");
        }
        (Some(at), Some(Wait::Budget)) => {
            let _ = write!(text, "begins {at}, when the budget has room");
        }
        (None, Some(Wait::Budget)) => {
            text.push_str("never begins: it does not fit into the budget")
        }
        (None, _) => text.push_str("never begins: the windows do not open within a year"),
    }
    text + &end(forecast)
}

fn end(forecast: &Forecast) -> String {
    if forecast.begins.is_none() {
        return String::new();
    }
    let why = match forecast.interrupted_by {
        Some(Wait::Windows) => "the windows close",
        Some(Wait::Budget) => "the budget is spent",
        None => "there is more than a year's work",
    };
    match (forecast.done, forecast.lasts(), forecast.interrupted_by) {
        (Some(_), Some(seconds), None) => format!(", lasts about {}", spoken(seconds)),
        (Some(done), _, _) => format!(", and is done {done}, because {why} meanwhile"),
        (None, _, _) => format!(", and is not done within a year, because {why}"),
    }
}

/// The stricter of hour and day.
fn share(share: &Share) -> String {
    let (hour, day) = (share.of_hour(), share.of_day());
    let (percent, of, used) = match (hour, day) {
        (None, _) | (_, None) => return "and no budget".to_owned(),
        (Some(hour), Some(day)) if hour >= day => (hour, "hour", share.used.hour),
        (_, Some(day)) => (day, "day", share.used.day),
    };
    let before = if used > 0 { format!(" with the {used} sent before") } else { String::new() };
    format!("{percent} % of the {of}'s budget{before}")
}

/// Rounded up, in a unit that leaves at most three figures.
fn spoken(seconds: u64) -> String {
    let units = [(60, 1, "s"), (3600, 60, "min"), (48 * 3600, 3600, "h")];
    let of = units.iter().find(|(below, _, _)| seconds < *below * 2);
    let (_, unit, name) = of.copied().unwrap_or((0, 24 * 3600, "days"));
    format!("{} {name}", seconds.div_ceil(unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Calls;
    use crate::ledger::{Budget, Spent};
    use crate::model::{AccountName, Lane, Region};

    fn forecast() -> Forecast {
        let begins = "2026-11-24T01:00:00Z".parse().unwrap();
        Forecast {
            calls: Calls { detach: 5, attach: 0, confirm: 1, verify: 1 },
            share: Share {
                used: Spent::default(),
                limit: Budget { hour: 50, day: 200 },
                wanted: 5,
            },
            begins: Some(begins),
            waits_for: None,
            interrupted_by: None,
            done: Some(begins + jiff::SignedDuration::from_secs(2)),
            once_released: false,
        }
    }

    #[test]
    fn it_says_what_it_costs_and_when_it_begins_and_ends() {
        let begin = "5 detaches, 7 calls in all, 10 % of the hour's budget; begins ";
        assert_eq!(of_plan(&forecast()), format!("{begin}now, lasts about 2 s"));
        let waiting = Forecast { waits_for: Some(Wait::Windows), ..forecast() };
        let said = "2026-11-24T01:00:00Z, when the windows open, lasts about 2 s";
        assert_eq!(of_plan(&waiting), format!("{begin}{said}"));
        let held = Forecast { once_released: true, ..forecast() };
        assert!(of_plan(&held).starts_with("once released: 5 detaches"));
        let calls = Calls { detach: 1, attach: 2, confirm: 1, verify: 1 };
        let used = Spent { hour: 4, day: 190 };
        let share = Share { used, limit: Budget { hour: 50, day: 200 }, wanted: 1 };
        assert_eq!(
            of_plan(&Forecast { calls, share, ..forecast() }),
            "1 detach, 2 attaches, 5 calls in all, 95 % of the day's budget with the 190 sent before; \
             begins now, lasts about 2 s"
        );
    }

    #[test]
    fn it_says_why_it_is_late_or_never_done() {
        let never = |waits_for| Forecast { begins: None, done: None, waits_for, ..forecast() };
        let said = of_plan(&never(Some(Wait::Budget)));
        assert!(said.ends_with("; never begins: it does not fit into the budget"), "{said}");
        let said = of_plan(&never(Some(Wait::Windows)));
        assert!(said.ends_with("; never begins: the windows do not open within a year"), "{said}");
        let late = Forecast { interrupted_by: Some(Wait::Windows), ..forecast() };
        let ending = "and is done 2026-11-24T01:00:02Z, because the windows close meanwhile";
        assert!(of_plan(&late).ends_with(ending), "{late:?}");
        let stuck = Forecast { done: None, ..late };
        let ending = "begins now, and is not done within a year, because the windows close";
        assert!(of_plan(&stuck).ends_with(ending), "{stuck:?}");
    }

    #[test]
    fn of_several_regions_the_fullest_budget_is_named() {
        let lane = |region: &str| Lane {
            account: AccountName::parse("default").unwrap(),
            region: Region::parse(region).unwrap(),
        };
        let all = forecast();
        let mut little = forecast();
        little.share.wanted = 1;
        let mut lanes = [(lane("cn-beijing"), little), (lane("cn-hangzhou"), all.clone())].into();
        let said = of_all(&Whole { all: all.clone(), lanes });
        assert!(said.contains("10 % of the hour's budget in default/cn-hangzhou;"), "{said}");
        lanes = [(lane("cn-hangzhou"), all.clone())].into();
        assert_eq!(of_all(&Whole { all: all.clone(), lanes }), of_plan(&all));
    }

    #[test]
    fn times_have_at_most_three_figures() {
        let spoken: Vec<_> = [1, 119, 121, 7199, 7201, 345_599, 345_601].map(spoken).into();
        assert_eq!(spoken, ["1 s", "119 s", "3 min", "120 min", "3 h", "96 h", "5 days"]);
    }
}
