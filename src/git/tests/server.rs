//! Git over http on this machine: `git http-backend` behind a small server that can be told to fail.

use super::upstream::exec_path;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// No answer ever comes.
    Hang,
    /// An answer of this status, with this text.
    Answer(u16, String),
    /// The answer ends after so many bytes.
    Cut(usize),
    /// The answer ends after so many bytes, and the connection stays.
    Stall(usize),
    /// Elsewhere.
    Redirect(String),
    /// Refused, repeating what was sent to get in.
    Parrot,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method, path and query.
    pub line: String,
    pub authorization: Option<String>,
    /// Bytes of the body that were answered.
    pub answered: usize,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    backend: PathBuf,
    /// What `Authorization` has to be.
    wanted: Mutex<Option<String>>,
    /// For requests whose line contains the text.
    trouble: Mutex<(String, Trouble)>,
    seen: Mutex<Vec<Seen>>,
    ends: AtomicBool,
}

/// Ends with the test.
pub struct Server {
    pub url: String,
    address: std::net::SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves the repositories below a folder.
    pub fn of(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            backend: exec_path().unwrap().join("git-http-backend"),
            wanted: Mutex::default(),
            trouble: Mutex::new((String::new(), Trouble::None)),
            seen: Mutex::default(),
            ends: AtomicBool::new(false),
        });
        let held = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if held.ends.load(Ordering::SeqCst) {
                    break;
                }
                let held = Arc::clone(&held);
                std::thread::spawn(move || {
                    // Whoever hung up has.
                    let _gone = stream.and_then(|stream| held.serve(stream));
                });
            }
        });
        let url = format!("http://{address}/links.git");
        Self { url, address, shared, thread: Some(thread) }
    }

    /// Lets nobody in without this (`Basic …`).
    pub fn wants(&self, authorization: &str) {
        *self.shared.wanted.lock().unwrap() = Some(authorization.to_owned());
    }

    /// What goes wrong from now on, with requests whose line contains a text.
    pub fn trouble(&self, of: &str, trouble: Trouble) {
        *self.shared.trouble.lock().unwrap() = (of.to_owned(), trouble);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The fetches among them, which come with a body that asks for a pack.
    pub fn packs(&self) -> Vec<usize> {
        let seen = self.seen();
        let posts = seen.iter().filter(|seen| seen.line.starts_with("POST"));
        posts.map(|seen| seen.answered).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

struct Request {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: &TcpStream) -> std::io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut request = Self { line: line.trim_end().to_owned(), headers, body: Vec::new() };
        if request.header("expect").is_some() {
            let mut stream = stream;
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if let Some(length) = request.header("content-length") {
            request.body.resize(length.parse().unwrap(), 0);
            reader.read_exact(&mut request.body)?;
        } else if request.header("transfer-encoding").is_some() {
            chunks(&mut reader, &mut request.body)?;
        }
        Ok(request)
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(of, _)| of == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn chunks(reader: &mut BufReader<&TcpStream>, body: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        chunk.truncate(size);
        body.extend_from_slice(&chunk);
        if size == 0 {
            return Ok(());
        }
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let request = Request::read(&stream)?;
        let authorization = request.header("authorization").map(str::to_owned);
        let line = request.line.trim_end_matches(" HTTP/1.1").to_owned();
        let seen = Seen { line: line.clone(), authorization: authorization.clone(), answered: 0 };
        let at = {
            let mut all = self.seen.lock().unwrap();
            all.push(seen);
            all.len() - 1
        };
        let (of, trouble) = self.trouble.lock().unwrap().clone();
        let trouble = if line.contains(&of) { trouble } else { Trouble::None };
        let wanted = self.wanted.lock().unwrap().clone();
        let answer = match &trouble {
            Trouble::Hang => return self.hang(&stream),
            Trouble::Answer(status, text) => simple(*status, "", text),
            Trouble::Redirect(to) => simple(302, &format!("Location: {to}\r\n"), ""),
            Trouble::Parrot if authorization.is_some() => {
                let sent = authorization.unwrap_or_default();
                simple(403, "", &format!("no entry with {sent}\n"))
            }
            _ if wanted.is_some() && authorization != wanted => {
                simple(401, "WWW-Authenticate: Basic realm=\"links\"\r\n", "who are you?")
            }
            _ => self.backend(&request),
        };
        match trouble {
            Trouble::Cut(most) | Trouble::Stall(most) if answer.len() > most => {
                stream.write_all(answer.get(..most).unwrap())?;
                if matches!(trouble, Trouble::Stall(_)) {
                    return self.hang(&stream);
                }
            }
            _ => stream.write_all(&answer)?,
        }
        self.seen.lock().unwrap().get_mut(at).unwrap().answered = answer.len();
        Ok(())
    }

    /// Until whoever asked hangs up, or the test ends.
    fn hang(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_millis(50)))?;
        while !self.ends.load(Ordering::SeqCst) {
            match stream.read(&mut [0; 64]) {
                Ok(0) => break,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                _ => {}
            }
        }
        Ok(())
    }

    fn backend(&self, request: &Request) -> Vec<u8> {
        let mut words = request.line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut command = Command::new(&self.backend);
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        let of = |name: &str| request.header(name).unwrap_or_default().to_owned();
        for (name, value) in [
            ("GIT_PROJECT_ROOT", self.root.display().to_string()),
            ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
            ("REQUEST_METHOD", method.to_owned()),
            ("PATH_INFO", path.to_owned()),
            ("QUERY_STRING", query.to_owned()),
            ("CONTENT_TYPE", of("content-type")),
            ("CONTENT_LENGTH", request.body.len().to_string()),
            ("HTTP_CONTENT_ENCODING", of("content-encoding")),
            ("GIT_PROTOCOL", of("git-protocol")),
            ("REMOTE_ADDR", "127.0.0.1".to_owned()),
        ] {
            command.env(name, value);
        }
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let body = request.body.clone();
        let fed = std::thread::spawn(move || {
            let _closed = stdin.write_all(&body);
        });
        let output = child.wait_with_output().unwrap();
        let _fed = fed.join();
        let end = output.stdout.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = output.stdout.split_at(end.map_or(0, |end| end + 4));
        let head = String::from_utf8_lossy(head).into_owned();
        let status = head.lines().find_map(|line| line.strip_prefix("Status: "));
        let mut answer = format!(
            "HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: {}\r\n",
            status.unwrap_or("200 OK"),
            body.len()
        );
        answer.push_str(&head);
        let mut answer = answer.into_bytes();
        answer.extend_from_slice(body);
        answer
    }
}

fn simple(status: u16, headers: &str, text: &str) -> Vec<u8> {
    let length = text.len();
    format!(
        "HTTP/1.1 {status} Said\r\nConnection: close\r\nContent-Type: text/plain\r\n{headers}\
         Content-Length: {length}\r\n\r\n{text}"
    )
    .into_bytes()
}
