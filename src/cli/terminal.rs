//! Data to stdout, everything else to stderr; colour only on a terminal, never with `NO_COLOR`.

use super::Failure;
use std::io::{BufRead as _, ErrorKind, IsTerminal as _, Write as _};

/// Prints data. A closed pipe is the reader's choice and no error; anything else would be data that
/// somebody takes for whole.
pub(super) fn out(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure(format!("write the output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a remark for people.
pub(super) fn note(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _closed = writeln!(stderr, "{text}");
}

/// Prints why the command failed.
pub(super) fn error(why: &str) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    note(&format!("{red}error:{red:#} {why}"));
}

/// Whether stdout shows colour.
pub(super) fn colour() -> bool {
    let choice = anstream::AutoStream::choice(&std::io::stdout());
    choice != anstream::ColorChoice::Never
}

/// Whether stderr shows colour.
pub(super) fn colour_on_stderr() -> bool {
    let choice = anstream::AutoStream::choice(&std::io::stderr());
    choice != anstream::ColorChoice::Never
}

/// Whether a person can be asked.
pub(super) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks; only the word `yes` is consent.
pub(super) fn consents(question: &str) -> bool {
    let mut stderr = anstream::stderr().lock();
    let _closed = write!(stderr, "{question} Only `yes` is taken for consent: ")
        .and_then(|()| stderr.flush());
    drop(stderr);
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).is_ok() && line.trim() == "yes"
}

/// A line on stderr that is written over; nothing where stderr is no terminal.
pub(super) fn progress(text: &str) {
    let mut stderr = std::io::stderr().lock();
    if stderr.is_terminal() {
        let _closed = write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush());
    }
}
