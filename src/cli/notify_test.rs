//! `notify-test`: whether the receivers of notifications take a message.

use super::{Exit, Failure, Globals, logging, setup, terminal};
use crate::notification::{self, Tested};
use clap::Args;
use std::fmt::Write as _;

/// Send a test message to each receiver of notifications, and say which took it
///
/// Sends once, without trying again, to every sink under `notifications` in the configuration, or to
/// those that are named. Exit code 1 if one did not take it. URLs are not shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd notify-test --config /etc/classiclinkd/config.yaml\n  \
    classiclinkd notify-test ops --config /etc/classiclinkd/config.yaml")]
pub(super) struct Options {
    /// Names of sinks; all of them if none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    let config = setup::config(&globals)?;
    logging::start(&config, "warn")?;
    let mut sinks = config.notifications;
    let known: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    if known.is_empty() {
        let why = "find receivers: `notifications` in the configuration is empty; check --config";
        return Err(Failure(why.to_owned()));
    }
    if let Some(name) = options.names.iter().find(|name| !known.contains(&name.as_str())) {
        let (name, known) = (crate::model::printable(name), known.join(", "));
        return Err(Failure(format!("find the sink `{name}`: the sinks are: {known}")));
    }
    sinks.retain(|sink| options.names.is_empty() || options.names.contains(&sink.name));
    let tested = notification::test(&sinks, &setup::sender(), &setup::clock()).await;
    terminal::out(&render(&tested))?;
    let all = tested.iter().all(|tested| tested.outcome.is_ok());
    Ok(if all { Exit::Clean } else { Exit::Error })
}

fn render(tested: &[Tested]) -> String {
    let width = tested.iter().map(|tested| tested.sink.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Tested { sink, kind, host, outcome } in tested {
        let (kind, host) = (kind.as_str(), if host.is_empty() { "-" } else { host.as_str() });
        let said = match outcome {
            Ok(()) => "taken".to_owned(),
            Err(why) => format!("NOT taken: {why}"),
        };
        let _ = writeln!(text, "{sink:<width$}  {kind:<8}  {host}  {said}");
    }
    text
}
