//! Logs: one line an event on stderr, as text or JSON, whatever bytes its values hold.
//!
//! Every line is made here, and not by a formatter of `tracing-subscriber`: texts of manifests, of the
//! cloud and of file names are hostile, and neither of its formats escapes and caps them all.

use super::Failure;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use line::{Line, Look};
use std::io::Write as _;
use std::os::linux::fs::MetadataExt as _;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use values::Values;

mod line;
mod values;

/// Starts logging to stderr. `usual` is the level where nobody says otherwise.
pub(super) fn start(config: &Config, usual: &str) -> Result<(), Failure> {
    let shown = levels(config.log_level.as_deref().unwrap_or(usual))?;
    let look = match config.log_format.as_deref() {
        Some("json") => {
            super::terminal::no_remarks();
            Look::Json
        }
        _ if stderr_is_the_journal() => Look::Journal,
        _ => Look::Text { colour: super::terminal::colour_on_stderr() },
    };
    let clock = SystemClock::new();
    // One write a line, so that lines of two threads do not mix; nobody is there to hear of a failure.
    let write = |line: &str| drop(super::terminal::Log.write_all(line.as_bytes()));
    let lines = Lines { look, clock, write };
    let registry = tracing_subscriber::registry().with(lines.with_filter(shown));
    let failed = |error| Failure(format!("start logging: {error}"));
    traced(registry, failed)
}

/// Starts logging, and exporting traces where a collector is named. A collector is nobody's reason not to
/// start: what is wrong with its address is said in the log.
#[cfg(feature = "otlp")]
fn traced<S>(registry: S, failed: impl Fn(TryInitError) -> Failure) -> Result<(), Failure>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let (layer, wrong) = match crate::traces::layer(|name| std::env::var(name).ok()) {
        Ok(layer) => (layer, None),
        Err(wrong) => (None, Some(wrong)),
    };
    registry.with(layer).try_init().map_err(failed)?;
    if let Some(error) = wrong {
        tracing::warn!(error, "traces are not exported");
    }
    Ok(())
}

/// Starts logging, and says so where traces were to be exported.
#[cfg(not(feature = "otlp"))]
fn traced<S>(registry: S, failed: impl Fn(TryInitError) -> Failure) -> Result<(), Failure>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    registry.try_init().map_err(failed)?;
    let named = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"].into_iter().any(named)
    {
        tracing::info!(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but this build exports no traces: build it with \
             `cargo build --release --features otlp`"
        );
    }
    Ok(())
}

/// Before a process ends: sends what is left of its traces, for two seconds at most.
pub(super) fn end() {
    #[cfg(feature = "otlp")]
    crate::traces::end();
}

fn levels(level: &str) -> Result<Targets, Failure> {
    // A lone word that is no level would be taken for a target, and silence everything.
    let lone = |part: &str| part.contains('=') || part.parse::<LevelFilter>().is_ok();
    let parsed = level.split(',').all(lone).then(|| level.parse::<Targets>().ok()).flatten();
    parsed.ok_or_else(|| {
        let shown = crate::model::printable(level);
        Failure(format!(
            "read --log-level `{shown}`: write error, warn, info, debug or trace, or \
             target=level pairs such as info,hyper=warn"
        ))
    })
}

/// Whether systemd's journal, which stamps lines itself, reads stderr (`systemd.exec`(5),
/// `JOURNAL_STREAM`: device and inode of the stream). A child's stderr may be another one.
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(own) = std::fs::metadata("/proc/self/fd/2") else { return false };
    stream == format!("{}:{}", own.st_dev(), own.st_ino())
}

/// Makes a line of every event, with the fields of the spans around it.
struct Lines<C, W> {
    look: Look,
    clock: C,
    write: W,
}

impl<S, C, W> Layer<S> for Lines<C, W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    C: Clock + 'static,
    W: Fn(&str) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut values = Values::default();
        attributes.record(&mut values);
        span.extensions_mut().insert(values);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(values) = span.extensions_mut().get_mut::<Values>() {
            record.record(values);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut values = Values::default();
        event.record(&mut values);
        let mut names = Vec::new();
        for span in context.event_scope(event).into_iter().flatten() {
            names.push(span.name());
            if let Some(around) = span.extensions().get::<Values>() {
                values.and_around(around);
            }
        }
        if !names.is_empty() {
            names.reverse();
            values.record_str_named("span", &names.join(":"));
        }
        let metadata = event.metadata();
        let line = Line { level: *metadata.level(), target: metadata.target(), values: &values };
        (self.write)(&line.render(self.look, self.clock.now().wall));
    }
}

#[cfg(test)]
mod tests;
