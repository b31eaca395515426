//! Days and a span of the day, as intervals of civil time.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time, Weekday};

/// Minutes of a day.
pub(super) const DAY: u16 = 24 * 60;

/// On which days, from when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub days: Days,
    pub span: Span,
}

/// The days on which a span begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Days {
    /// By weekday, from Monday.
    Weekly([bool; 7]),
    /// A date range, both included.
    Dates(Date, Date),
}

/// In minutes after the midnight that begins the day; the end may lie on the day after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: u16,
    end: u16,
}

impl Span {
    pub(super) const WHOLE_DAY: Self = Self { start: 0, end: DAY };

    /// From and to a time of the day; an end before or at the start is on the day after.
    pub(super) fn new(start: u16, end: u16) -> Self {
        let end = if end > start { end } else { end.saturating_add(DAY) };
        Self { start, end }
    }
}

impl Days {
    fn include(self, date: Date) -> bool {
        match self {
            Self::Weekly(week) => on(week, date.weekday()),
            Self::Dates(first, last) => (first..=last).contains(&date),
        }
    }
}

fn on(week: [bool; 7], day: Weekday) -> bool {
    usize::try_from(day.to_monday_zero_offset()).is_ok_and(|index| week.get(index) == Some(&true))
}

impl Rule {
    /// Whether a clock that shows `civil` shows a time inside.
    pub(super) fn holds(self, civil: DateTime) -> bool {
        // A span may have begun the day before.
        [civil.date().yesterday().ok(), Some(civil.date())]
            .into_iter()
            .flatten()
            .filter_map(|date| self.interval(date))
            .any(|(start, end)| start <= civil && civil < end)
    }

    /// The first beginning or end of a span after `civil`.
    pub(super) fn next_edge(self, civil: DateTime) -> Option<DateTime> {
        let yesterday = civil.date().yesterday().ok()?;
        let mut date = match self.days {
            Days::Weekly(_) => yesterday,
            Days::Dates(first, _) => first.max(yesterday),
        };
        // Yesterday, today, and a week in which each weekday comes once.
        for _ in 0..=8 {
            let edges = self.interval(date).into_iter().flat_map(|(start, end)| [start, end]);
            if let Some(edge) = edges.into_iter().find(|edge| *edge > civil) {
                return Some(edge);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// From and to, of the span that begins on `date`.
    fn interval(self, date: Date) -> Option<(DateTime, DateTime)> {
        if !self.days.include(date) {
            return None;
        }
        let at = |minutes: u16| {
            let midnight = date.to_datetime(Time::midnight());
            midnight.checked_add(SignedDuration::from_mins(i64::from(minutes))).ok()
        };
        Some((at(self.span.start)?, at(self.span.end)?))
    }
}
