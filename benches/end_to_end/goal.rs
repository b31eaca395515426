//! A figure beside its ideal and its goal.

use std::fmt;
use std::time::Duration;

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// It is there to be looked at.
    None,
}

/// One line of the table.
pub struct Row {
    what: String,
    figure: f64,
    unit: &'static str,
    ideal: Option<f64>,
    goal: Goal,
    /// Whether the goal is about the ratio of figure and ideal.
    by_ratio: bool,
}

impl Row {
    pub const HEAD: &'static str =
        "| What | Figure | Ideal | Ratio | Goal | Met |\n|---|---|---|---|---|---|";

    pub fn new(what: impl Into<String>, figure: f64, unit: &'static str, goal: Goal) -> Self {
        Self { what: what.into(), figure, unit, ideal: None, goal, by_ratio: false }
    }

    pub fn time(what: impl Into<String>, figure: Duration, goal: Goal) -> Self {
        Self::new(what, figure.as_secs_f64() * 1_000.0, "ms", goal)
    }

    /// The goal is for the figure.
    pub fn ideally(self, ideal: f64) -> Self {
        Self { ideal: Some(ideal), ..self }
    }

    /// The goal is for the ratio of the figure and this.
    pub fn against(self, ideal: f64) -> Self {
        Self { ideal: Some(ideal), by_ratio: true, ..self }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, figure, unit, ideal, goal, by_ratio } = self;
        let ratio = ideal.map(|ideal| figure / ideal);
        let judged = if *by_ratio { ratio.unwrap_or(f64::NAN) } else { *figure };
        let shown = |value: Option<f64>, unit: &str| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}{unit}"))
        };
        let unit_of_goal = if *by_ratio { " x".to_owned() } else { format!(" {unit}") };
        let (goal, met) = match goal {
            Goal::AtMost(most) => (format!("<= {most}{unit_of_goal}"), judged <= *most),
            Goal::AtLeast(least) => (format!(">= {least}{unit_of_goal}"), judged >= *least),
            Goal::None => ("-".to_owned(), true),
        };
        let met = match (goal.as_str(), met) {
            ("-", _) => "",
            (_, true) => "yes",
            (_, false) => "NO",
        };
        let unit = format!(" {unit}");
        let (figure, ideal) = (shown(Some(*figure), &unit), shown(*ideal, &unit));
        write!(f, "| {what} | {figure} | {ideal} | {} | {goal} | {met} |", shown(ratio, ""))
    }
}

/// The value below which that share of the values lies.
pub fn percentile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    let index = (values.len() as f64 * share).ceil() as usize;
    values[index.clamp(1, values.len()) - 1]
}
