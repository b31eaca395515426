//! As much HTTP as the tests need, without any client's help.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Longest silence of a server.
const SILENCE: Duration = Duration::from_secs(30);

pub struct Answer {
    pub code: u16,
    pub head: String,
    body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

fn send(address: &str, path: &str, headers: &[(&str, &str)], more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let mut request = format!("GET {path} HTTP/1.1\r\n{more}");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        request += &format!("Host: {address}\r\n");
    }
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    stream.write_all((request + "\r\n").as_bytes()).unwrap();
    stream
}

/// Asks for a path, with these headers; `Host` is the address where they do not say it.
pub fn ask(address: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = send(address, path, headers, "Connection: close\r\n");
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        code: code.unwrap_or_else(|| panic!("{head}")),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// An event.
#[derive(Debug)]
pub struct Event {
    pub name: String,
    pub id: String,
    pub data: Value,
}

/// An event stream.
pub struct Stream(BufReader<TcpStream>);

impl Stream {
    /// Opens a stream, and waits until the server follows.
    pub fn open(address: &str, path: &str) -> Self {
        let mut stream = Self(BufReader::new(send(address, path, &[], "")));
        while !stream.line().starts_with(": following") {}
        stream
    }

    /// The next line; chunks are of whole lines, so their sizes stand on lines of their own.
    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the stream ended");
        line.trim_end().to_owned()
    }

    pub fn next(&mut self) -> Event {
        let mut event = Event { name: String::new(), id: String::new(), data: Value::Null };
        loop {
            let line = self.line();
            match line.split_once(": ") {
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("id", id)) => event.id = id.to_owned(),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                _ if line.is_empty() && !event.name.is_empty() => return event,
                _ => (),
            }
        }
    }
}
