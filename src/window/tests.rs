use super::*;
use jiff::civil::{Date, Weekday};
use proptest::prelude::*;

fn window(kind: Kind, text: &str, zone: &str) -> Window {
    Window::parse(kind, text, zone).unwrap()
}

fn allow(text: &str, zone: &str) -> Windows {
    Windows::new(vec![window(Kind::Allow, text, zone)])
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn open_until(text: &str) -> State {
    State::Open { closes: Some(at(text)) }
}

fn opens(state: &State) -> Option<Timestamp> {
    match state {
        State::Closed { opens, .. } => *opens,
        State::Open { .. } => panic!("{state:?}"),
    }
}

#[test]
fn without_windows_it_is_always_open() {
    let none = Windows::default();
    assert!(none.is_empty());
    assert_eq!(none.state(at("2026-01-01T00:00:00Z")), State::Open { closes: None });
    assert_eq!(state_of_all([], at("2026-01-01T00:00:00Z")), State::Open { closes: None });
}

#[test]
fn an_allow_window_opens_and_closes_at_the_times_of_its_zone() {
    let office = allow("Mon-Fri 09:00-17:00", "Asia/Shanghai");
    // Friday, 2026-03-06.
    assert_eq!(office.state(at("2026-03-06T01:00:00Z")), open_until("2026-03-06T09:00:00Z"));
    assert_eq!(office.state(at("2026-03-06T08:59:59.9Z")), open_until("2026-03-06T09:00:00Z"));
    let State::Closed { by, opens } = office.state(at("2026-03-06T09:00:00Z")) else { panic!() };
    assert_eq!(by, "outside every allow window: allow Mon-Fri 09:00-17:00 (Asia/Shanghai)");
    assert_eq!(opens, Some(at("2026-03-09T01:00:00Z")), "after the weekend");
    assert!(office.closed_by(at("2026-03-06T00:59:59Z")).is_some());
}

#[test]
fn deny_wins_and_closes_by_its_name() {
    let windows = Windows::new(vec![
        window(Kind::Allow, "*", "UTC"),
        window(Kind::Deny, "2026-12-24..2027-01-02", "Europe/Berlin"),
    ]);
    let begins = "2026-12-23T23:00:00Z";
    assert_eq!(windows.state(at("2026-12-20T00:00:00Z")), open_until(begins));
    let State::Closed { by, opens } = windows.state(at(begins)) else { panic!() };
    assert_eq!(by, "deny 2026-12-24..2027-01-02 (Europe/Berlin)");
    assert_eq!(opens, Some(at("2027-01-02T23:00:00Z")), "both days are included");
    assert_eq!(windows.state(at("2027-01-03T00:00:00Z")), State::Open { closes: None });
}

#[test]
fn dates_with_a_span_mean_each_of_the_days() {
    let nights = allow("2026-12-24..2026-12-25 22:00-02:00", "UTC");
    assert_eq!(opens(&nights.state(at("2026-02-01T00:00:00Z"))), Some(at("2026-12-24T22:00:00Z")));
    assert_eq!(nights.state(at("2026-12-25T01:00:00Z")), open_until("2026-12-25T02:00:00Z"));
    assert_eq!(opens(&nights.state(at("2026-12-25T02:00:00Z"))), Some(at("2026-12-25T22:00:00Z")));
    assert_eq!(nights.state(at("2026-12-26T01:59:59Z")), open_until("2026-12-26T02:00:00Z"));
    assert_eq!(opens(&nights.state(at("2026-12-26T02:00:00Z"))), None, "never again");
    let one = allow("2026-12-24", "UTC");
    assert_eq!(one.state(at("2026-12-24T12:00:00Z")), open_until("2026-12-25T00:00:00Z"));
    let far = allow("2030-01-01", "UTC");
    assert_eq!(opens(&far.state(at("2026-12-24T12:00:00Z"))), None, "not within a year");
}

#[test]
fn a_span_over_midnight_belongs_to_the_day_on_which_it_starts() {
    let night = allow("Fri 22:00-06:00", "UTC");
    assert_eq!(night.state(at("2026-03-07T05:00:00Z")), open_until("2026-03-07T06:00:00Z"));
    assert!(night.closed_by(at("2026-03-06T05:00:00Z")).is_some(), "Thursday night");
    assert!(night.closed_by(at("2026-03-07T22:30:00Z")).is_some(), "Saturday night");
    let round = allow("Sun 12:00-12:00", "UTC");
    assert_eq!(round.state(at("2026-03-08T12:00:00Z")), open_until("2026-03-09T12:00:00Z"));
}

#[test]
fn days_are_read_as_lists_and_ranges_that_may_wrap() {
    // 2026-03-02 is a Monday.
    let open_days = |text: &str| {
        let windows = allow(text, "UTC");
        let noon = |day: i8| at(&format!("2026-03-{:02}T12:00:00Z", day + 1));
        (1..=7).filter(|day| windows.closed_by(noon(*day)).is_none()).collect::<Vec<i8>>()
    };
    for (text, days) in [
        ("Mon-Fri", &[1, 2, 3, 4, 5][..]),
        ("Sat-Mon", &[1, 6, 7]),
        ("Mon,Wed,Fri 11:00-13:00", &[1, 3, 5]),
        ("Sun,Tue-Thu", &[2, 3, 4, 7]),
        ("Tue", &[2]),
        ("Tue-Mon", &[1, 2, 3, 4, 5, 6, 7]),
        ("* 00:00-24:00", &[1, 2, 3, 4, 5, 6, 7]),
        ("11:00-13:00", &[1, 2, 3, 4, 5, 6, 7]),
        ("2026-03-04", &[3]),
    ] {
        assert_eq!(open_days(text), days, "{text}");
    }
}

#[test]
fn a_window_in_the_spring_gap_does_not_exist_and_one_across_it_is_shorter() {
    for (zone, gap, after, days_later) in [
        ("Europe/Berlin", "2026-03-29T01:00:00Z", "02:30", "2026-03-30T00:15:00Z"),
        ("America/New_York", "2026-03-08T07:00:00Z", "02:30", "2026-03-09T06:15:00Z"),
    ] {
        let inside = allow(&format!("02:15-{after}"), zone);
        let before = at(gap) - SignedDuration::from_mins(30);
        assert_eq!(opens(&inside.state(before)), Some(at(days_later)), "{zone}");
        let across = allow("01:30-03:30", zone);
        // Two hours on the wall, one in truth.
        let end = at(gap) + SignedDuration::from_mins(30);
        assert_eq!(across.state(before), State::Open { closes: Some(end) }, "{zone}");
        let into = allow("01:30-02:30", zone);
        assert_eq!(into.state(before), State::Open { closes: Some(at(gap)) }, "{zone}");
        let out_of = allow("02:30-03:30", zone);
        assert_eq!(opens(&out_of.state(before)), Some(at(gap)), "{zone}");
    }
}

#[test]
fn a_window_in_the_hour_that_autumn_repeats_is_open_both_times() {
    for (zone, fold, hour) in [
        ("Europe/Berlin", "2026-10-25T01:00:00Z", "02"),
        ("America/New_York", "2026-11-01T06:00:00Z", "01"),
    ] {
        let twice = allow(&format!("{hour}:15-{hour}:45"), zone);
        let minutes = |minutes: i64| at(fold) + SignedDuration::from_mins(minutes);
        assert_eq!(opens(&twice.state(minutes(-60))), Some(minutes(-45)), "{zone}");
        assert_eq!(twice.state(minutes(-30)), State::Open { closes: Some(minutes(-15)) }, "{zone}");
        assert_eq!(opens(&twice.state(minutes(-10))), Some(minutes(15)), "{zone}");
        assert_eq!(twice.state(minutes(15)), State::Open { closes: Some(minutes(45)) }, "{zone}");
        let late = allow(&format!("{hour}:45-{hour}:59"), zone);
        assert_eq!(late.state(minutes(-15)), State::Open { closes: Some(minutes(-1)) }, "{zone}");
        // Open when the clock is put back, and past its beginning again half an hour later.
        let over = allow(&format!("{hour}:30-23:00"), zone);
        assert_eq!(over.state(minutes(-10)), State::Open { closes: Some(minutes(0)) }, "{zone}");
        assert_eq!(opens(&over.state(minutes(0))), Some(minutes(30)), "{zone}");
    }
}

#[test]
fn places_narrow_each_other_and_never_widen() {
    let config = allow("Mon-Fri", "UTC");
    let manifest = allow("08:00-10:00", "UTC");
    let both = [&config, &manifest];
    let saturday = at("2026-03-07T09:00:00Z");
    assert_eq!(manifest.closed_by(saturday), None);
    let state = state_of_all(both, saturday);
    assert_eq!(opens(&state), Some(at("2026-03-09T08:00:00Z")));
    let night = state_of_all(both, at("2026-03-07T23:00:00Z"));
    let State::Closed { by, .. } = night else { panic!() };
    assert!(by.contains("Mon-Fri") && by.contains("; ") && by.contains("08:00"), "{by}");
    assert_eq!(state_of_all(both, at("2026-03-09T09:00:00Z")), open_until("2026-03-09T10:00:00Z"));
}

#[test]
fn what_can_never_be_open_says_so() {
    let windows = Windows::new(vec![
        window(Kind::Allow, "Mon-Fri 09:00-17:00", "Europe/Berlin"),
        window(Kind::Deny, "Mon-Fri 08:00-18:00", "Europe/Berlin"),
    ]);
    assert_eq!(opens(&windows.state(at("2026-03-07T09:00:00Z"))), None);
    assert_eq!(allow("*", "UTC").state(Timestamp::MAX), State::Open { closes: None });
    assert_eq!(allow("*", "UTC").state(Timestamp::MIN), State::Open { closes: None });
}

#[test]
fn a_window_is_shown_as_written() {
    let shown = |kind, text, zone| window(kind, text, zone).to_string();
    assert_eq!(
        shown(Kind::Allow, " Mon-Fri  09:00-17:00", "asia/shanghai"),
        "allow Mon-Fri 09:00-17:00 (Asia/Shanghai)"
    );
    assert_eq!(shown(Kind::Deny, "*", "UTC"), "deny * (UTC)");
}

#[test]
fn what_is_no_window_gets_advice() {
    for (text, message, help) in [
        ("", "the window is empty", "such as \"Mon-Fri 09:00-17:00\""),
        ("mon", "`mon` is no day", "write `Mon`"),
        ("Mon-Friday", "`Friday` is no day", "write `Fri`"),
        ("Mo", "`Mo` is no day", "write Mon, Tue"),
        ("Mon..Fri", "`Mon..Fri` is no day", "write `Mon`"),
        ("Mon,", "a day is missing", "write Mon, Tue"),
        ("Mon 9:00-17:00", "`9:00` is no time", "write `09:00`"),
        ("Mon 09:00-25:00", "`25:00` is no time", "00:00 to 24:00"),
        ("Mon 09:00-24:01", "`24:01` is no time", "00:00 to 24:00"),
        ("Mon 09:00-17:60", "`17:60` is no time", "00:00 to 24:00"),
        ("Mon 09:00-", "a time is missing", "00:00 to 24:00"),
        ("Mon 09:00", "`09:00` is no span", "09:00-17:00"),
        ("Mon 24:00-24:00", "begins when the day is over", "write 00:00"),
        ("Mon 09:00-12:00,13:00-17:00", "more than one span", "a window for each"),
        ("Mon, Tue 09:00-12:00", "too many parts", "without spaces"),
        ("09:00-17:00 Mon", "the span before the days", "days first"),
        ("2026-02-29", "`2026-02-29` is in no calendar", "the month has"),
        ("2026-1-2", "`2026-1-2` is no date", "2026-12-24"),
        ("2027-01-02..2026-12-24", "ends before it begins", "write `2026-12-24..2027-01-02`"),
        ("2026-12-24-2027-01-02", "is no date", "`..` between"),
    ] {
        let error = Window::parse(Kind::Allow, text, "UTC").unwrap_err();
        assert_eq!(Window::check_text(text), Err(error.clone()));
        assert!(error.message().contains(message), "{text}: {error}");
        assert!(error.help().contains(help), "{text}: {error}");
    }
    for (zone, help) in [
        ("", "IANA"),
        ("+08:00", "IANA"),
        ("Asia/Beijing", "write `Asia/Shanghai`"),
        ("Etc/Unknown", "IANA"),
        ("Europe/Shanghai", "write `Asia/Shanghai`"),
        ("Europe/", "IANA"),
        ("Shanghai", "write `Asia/Shanghai`"),
        ("new york", "write `America/New_York`"),
    ] {
        let error = Window::parse(Kind::Deny, "Mon", zone).unwrap_err();
        assert_eq!(Window::check_zone(zone), Err(error.clone()));
        assert!(error.to_string().contains(help), "{zone}: {error}");
    }
    let hidden = Window::parse(Kind::Allow, "\u{1b}[2J", "\u{202e}").unwrap_err();
    assert!(!hidden.to_string().contains(['\u{1b}', '\u{202e}']), "{hidden:?}");
}

/// A window as the slow reference understands it.
#[derive(Debug, Clone)]
struct Spec {
    kind: Kind,
    days: Result<Vec<Weekday>, (Date, Date)>,
    start: i32,
    end: i32,
    zone: &'static str,
}

const WEEK: [(Weekday, &str); 7] = [
    (Weekday::Monday, "Mon"),
    (Weekday::Tuesday, "Tue"),
    (Weekday::Wednesday, "Wed"),
    (Weekday::Thursday, "Thu"),
    (Weekday::Friday, "Fri"),
    (Weekday::Saturday, "Sat"),
    (Weekday::Sunday, "Sun"),
];

impl Spec {
    fn window(&self) -> Window {
        let days = match &self.days {
            Ok(days) => {
                let named = |day| WEEK.iter().find(|(known, _)| known == day).unwrap().1;
                days.iter().map(named).collect::<Vec<_>>().join(",")
            }
            Err((first, last)) => format!("{first}..{last}"),
        };
        let time = |minutes: i32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let text = format!("{days} {}-{}", time(self.start), time(self.end));
        window(self.kind, &text, self.zone)
    }

    fn includes(&self, date: Date) -> bool {
        match &self.days {
            Ok(days) => days.contains(&date.weekday()),
            Err((first, last)) => *first <= date && date <= *last,
        }
    }

    fn is_open(&self, now: Timestamp, zone: &TimeZone) -> bool {
        let local = now.to_zoned(zone.clone());
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        let (today, before) = (local.date(), local.date().yesterday().unwrap());
        let over_midnight = self.end <= self.start;
        let begun_today =
            self.includes(today) && minute >= self.start && (over_midnight || minute < self.end);
        begun_today || (over_midnight && self.includes(before) && minute < self.end)
    }
}

fn slowly_open(places: &[Vec<Spec>], zones: &[TimeZone], now: Timestamp) -> bool {
    let zone = |spec: &Spec| zones.iter().find(|zone| zone.iana_name() == Some(spec.zone)).unwrap();
    places.iter().all(|place| {
        let of = |kind| place.iter().filter(move |spec| spec.kind == kind);
        let denied = of(Kind::Deny).any(|spec| spec.is_open(now, zone(spec)));
        let allowed = of(Kind::Allow).any(|spec| spec.is_open(now, zone(spec)));
        !denied && (allowed || of(Kind::Allow).count() == 0)
    })
}

/// Zones with the moments at which their clocks jump: by an hour, by half an hour, by a whole day,
/// and never.
const JUMPS: [(&str, &str); 7] = [
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("Asia/Shanghai", "2026-03-01T00:00:00Z"),
];

fn case() -> impl Strategy<Value = (Timestamp, Vec<Vec<Spec>>)> {
    let moment = (prop::sample::select(&JUMPS[..]), -4000_i64..2000);
    moment.prop_flat_map(|((zone, jump), minutes)| {
        let now = at(jump) + SignedDuration::from_mins(minutes);
        let day = move |days: i64| {
            (at(jump) + SignedDuration::from_hours(24 * days)).to_zoned(TimeZone::UTC).date()
        };
        let weekly = prop::sample::subsequence(WEEK.map(|(day, _)| day).to_vec(), 1..=7)
            .prop_map(Ok::<_, (Date, Date)>);
        let dates = (-4_i64..6, 0_i64..5)
            .prop_map(move |(from, more)| Err::<Vec<Weekday>, _>((day(from), day(from + more))));
        // Edges often lie near those of others, and within the hours that jump.
        let minute = prop_oneof![0..1440_i32, 60..240_i32, Just(0)];
        let zone = prop_oneof![3 => Just(zone), 1 => Just("UTC"), 1 => Just("Asia/Shanghai")];
        let kind = prop_oneof![2 => Just(Kind::Allow), 1 => Just(Kind::Deny)];
        let end = prop_oneof![0..=1440_i32, 60..240_i32, Just(1440)];
        let spec = (kind, prop_oneof![4 => weekly, 1 => dates], minute, end, zone)
            .prop_map(|(kind, days, start, end, zone)| Spec { kind, days, start, end, zone });
        let places = prop::collection::vec(prop::collection::vec(spec, 0..3), 1..3);
        (Just(now), places)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_state_agrees_with_a_clock_that_is_read_each_minute((now, places) in case()) {
        let windows: Vec<Windows> = places
            .iter()
            .map(|place| Windows::new(place.iter().map(Spec::window).collect()))
            .collect();
        let zones: Vec<TimeZone> =
            ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC",
             "Asia/Shanghai"]
            .map(|name| jiff::tz::TimeZoneDatabase::bundled().get(name).unwrap()).to_vec();
        let open = slowly_open(&places, &zones, now);
        let closed_by_any = windows.iter().any(|windows| windows.closed_by(now).is_some());
        prop_assert_eq!(open, !closed_by_any);
        let change = match state_of_all(&windows, now) {
            State::Open { closes } => { prop_assert!(open); closes }
            State::Closed { opens, by } => {
                prop_assert!(!open && !by.is_empty());
                opens
            }
        };
        let mut minute = now;
        for _ in 0..4 * 1440 {
            minute += SignedDuration::from_mins(1);
            if slowly_open(&places, &zones, minute) != open {
                prop_assert_eq!(change, Some(minute));
                return Ok(());
            }
        }
        prop_assert!(change.is_none_or(|change| change > minute), "{:?}", change);
    }

    #[test]
    fn at_the_next_opening_it_is_open_and_a_minute_before_it_is_closed((now, places) in case()) {
        let windows: Vec<Windows> = places
            .iter()
            .map(|place| Windows::new(place.iter().map(Spec::window).collect()))
            .collect();
        let minute = SignedDuration::from_mins(1);
        let open = |at| matches!(state_of_all(&windows, at), State::Open { .. });
        match state_of_all(&windows, now) {
            State::Closed { opens: Some(opens), .. } => {
                prop_assert!(opens > now && open(opens) && !open(opens - minute));
            }
            State::Open { closes: Some(closes) } => {
                prop_assert!(closes > now && !open(closes) && open(closes - minute));
            }
            _ => (),
        }
    }

    #[test]
    fn any_text_is_read_without_panic(
        text in "([A-Za-z0-9*:.,+ -]|Mon|Fri|2026-12-2|09:0|\\PC){0,12}", zone in "\\PC{0,20}"
    ) {
        for error in [Window::parse(Kind::Allow, &text, "UTC"), Window::parse(Kind::Deny, "*", &zone)] {
            if let Err(error) = error {
                prop_assert!(!error.message().is_empty() && !error.help().is_empty());
                prop_assert!(!error.to_string().contains('\n'));
            }
        }
    }
}
