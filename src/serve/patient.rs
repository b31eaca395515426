//! A connection that is not waited for without end: one whose peer takes nothing is given up, and so
//! is one whose peer takes an answer too slowly.

use super::guests::{self, Visit};
use std::io::{Error, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep_until};

/// A stream whose writes fail once the peer has taken nothing for so long, or an answer is overdue.
pub(super) struct Patient {
    stream: TcpStream,
    stall: Duration,
    visit: Visit,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    pub fn new(stream: TcpStream, stall: Duration, visit: Visit) -> Self {
        Self { stream, stall, visit, waiting: None }
    }

    /// What a write said; what waits for too long, or is late, fails.
    fn within<T>(
        &mut self,
        context: &mut Context<'_>,
        said: Poll<std::io::Result<T>>,
    ) -> Poll<std::io::Result<T>> {
        let due = self.visit.due();
        // A peer that takes a byte now and then never makes a write wait for too long.
        if due.is_some_and(|due| due <= guests::now()) {
            return Poll::Ready(Err(Error::from(ErrorKind::TimedOut)));
        }
        if said.is_ready() {
            self.waiting = None;
            return said;
        }
        let stalled = guests::now() + self.stall;
        let end = due.map_or(stalled, |due| due.min(stalled));
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep_until(end)));
        match waiting.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(Error::from(ErrorKind::TimedOut))),
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within(context, said)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.within(context, said)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
