//! Data to stdout, everything else to stderr; colour only on a terminal, never with `NO_COLOR`. One line
//! below everything else may be painted over and over; whatever is printed takes it away first.

use super::Failure;
use std::io::{self, BufRead as _, ErrorKind, IsTerminal as _, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes away what stands on the line of the cursor.
const ERASE: &str = "\r\x1b[2K";

/// The line that is painted over. There is one terminal, and so one of it.
static LINE: Mutex<Line> = Mutex::new(Line { open: false, painted: false, remarks: true });

struct Line {
    /// Whether anything may be painted.
    open: bool,
    /// Whether it stands there now.
    painted: bool,
    /// Whether lines that are no log lines may stand between those on stderr.
    remarks: bool,
}

/// Prints data. A closed pipe is the reader's choice and no error; anything else would be data that
/// somebody takes for whole.
pub(super) fn out(text: &str) -> Result<(), Failure> {
    let _line = cleared();
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
    let _line = cleared();
    let mut stderr = anstream::stderr().lock();
    let _closed = writeln!(stderr, "{text}");
}

/// Prints a remark that nobody misses; none between log lines that programs read.
pub(super) fn remark(text: &str) {
    let remarks = LINE.lock().unwrap_or_else(PoisonError::into_inner).remarks;
    if remarks {
        note(text);
    }
}

/// From now on programs read stderr, line by line.
pub(super) fn no_remarks() {
    LINE.lock().unwrap_or_else(PoisonError::into_inner).remarks = false;
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
    let line = cleared();
    let mut stderr = anstream::stderr().lock();
    let _closed = write!(stderr, "{question} Only `yes` is taken for consent: ")
        .and_then(|()| stderr.flush());
    drop((stderr, line));
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).is_ok() && line.trim() == "yes"
}

/// Whether a line on stderr can be painted over.
pub(super) fn repaints() -> bool {
    let able = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    able && io::stderr().is_terminal()
}

/// Columns of the terminal behind stderr.
pub(super) fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
    if columns == 0 { 80 } else { columns.into() }
}

/// From now on, or no more, there is a line that is painted over.
pub(super) fn open_line(open: bool) {
    cleared().open = open;
}

/// Paints the line anew; nothing once it is closed.
pub(super) fn paint(text: &str) {
    let mut line = LINE.lock().unwrap_or_else(PoisonError::into_inner);
    if !line.open {
        return;
    }
    let mut stderr = io::stderr().lock();
    let _closed = write!(stderr, "{ERASE}{text}").and_then(|()| stderr.flush());
    line.painted = !text.is_empty();
}

/// Takes the line away; it stays so as long as what this gives is held.
fn cleared() -> MutexGuard<'static, Line> {
    let mut line = LINE.lock().unwrap_or_else(PoisonError::into_inner);
    if std::mem::take(&mut line.painted) {
        let mut stderr = io::stderr().lock();
        let _closed = write!(stderr, "{ERASE}").and_then(|()| stderr.flush());
    }
    line
}

/// Where log lines go: stderr, and never onto the line that is painted.
pub(super) struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _line = cleared();
        io::stderr().lock().write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let _line = cleared();
        io::stderr().lock().write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}
