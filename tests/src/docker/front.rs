//! A server in front of a registry that does to requests what a test wants: refuses them, hangs, breaks off in the middle.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The first byte of who wants to speak TLS.
const TLS_HELLO: u8 = 0x16;

/// What a front sees of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `PUT` …
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The head `Host`.
    pub host: String,
    /// The head `Authorization`.
    pub authorization: Option<String>,
    /// Which one it is: 0 for the first.
    pub number: usize,
}

/// What a front does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It goes on to the registry.
    Forward,
    /// So many bytes of it go on to the registry, then the line is cut.
    Cut(u64),
    /// Nothing comes back, ever.
    Hang,
    /// This comes back: a status line, heads, an empty line, a body.
    Answer(String),
}

/// A server in front of a registry on plain HTTP.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    stopping: Arc<AtomicBool>,
}

type Rule = dyn Fn(&Request) -> Reply + Send + Sync;

impl Front {
    /// Starts one.
    pub fn start(registry: &str, rule: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1", registry, rule)
    }

    /// Starts one at another address of this machine.
    pub fn start_at(host: &str, registry: &str, rule: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let (seen, stopping) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let this = Self { address, seen: seen.clone(), stopping: stopping.clone() };
        let (registry, rule): (String, Arc<Rule>) = (registry.to_owned(), Arc::new(rule));
        thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                if stopping.load(Ordering::Acquire) {
                    return;
                }
                let (registry, rule, seen) = (registry.clone(), rule.clone(), seen.clone());
                // What breaks is the business of the client.
                thread::spawn(move || serve(client, &registry, &*rule, &seen));
            }
        });
        this
    }

    /// Its address, `HOST:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
    }
}

/// One request: each connection has one, since the head asks for that.
fn serve(mut client: TcpStream, registry: &str, rule: &Rule, seen: &Mutex<Vec<Request>>) -> io::Result<()> {
    let (head, rest) = read_head(&mut client)?;
    let request = {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let request = parse(&head, seen.len());
        seen.push(request.clone());
        request
    };
    match rule(&request) {
        Reply::Hang => {
            let mut nothing = [0; 4096];
            while client.read(&mut nothing)? > 0 {}
            Ok(())
        }
        Reply::Answer(text) => {
            client.write_all(text.as_bytes())?;
            drain(client)
        }
        Reply::Forward => forward(client, registry, &head, &rest, u64::MAX),
        Reply::Cut(bytes) => forward(client, registry, &head, &rest, bytes),
    }
}

/// Reads what still comes: a line that is closed with unread bytes loses the answer.
fn drain(mut client: TcpStream) -> io::Result<()> {
    client.shutdown(Shutdown::Write)?;
    let mut nothing = [0; 4096];
    while client.read(&mut nothing)? > 0 {}
    Ok(())
}

fn forward(client: TcpStream, registry: &str, head: &str, rest: &[u8], bytes: u64) -> io::Result<()> {
    let mut server = TcpStream::connect(registry)?;
    let (first, heads) = head.split_once("\r\n").unwrap_or((head, ""));
    let kept: Vec<_> =
        heads.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("connection:")).collect();
    server.write_all(format!("{first}\r\nConnection: close\r\n{}", kept.join("\r\n")).as_bytes())?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let (mut from_server, mut to_client) = (server, client);
    let rest = rest.to_owned();
    let up = thread::spawn(move || {
        let sent = io::copy(&mut rest.chain(&mut from_client).take(bytes), &mut to_server);
        if sent.as_ref().is_ok_and(|sent| *sent == bytes) {
            let _ = to_server.shutdown(Shutdown::Both);
            let _ = from_client.shutdown(Shutdown::Both);
        }
    });
    let answered = io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = up.join();
    answered.map(drop)
}

/// The head with the empty line after it, and what was read beyond.
fn read_head(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    const END: &[u8] = b"\r\n\r\n";
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = read.windows(END.len()).position(|window| window == END) {
            let rest = read.split_off(end + END.len());
            return Ok((String::from_utf8_lossy(&read).into_owned(), rest));
        }
        match client.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            // Docker tries TLS first, and must not wait for an answer that never comes: it gets that of a server without TLS.
            _ if read.is_empty() && piece[0] == TLS_HELLO => {
                client.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nHTTP is spoken here")?;
                drain(client.try_clone()?)?;
                return Err(io::ErrorKind::InvalidData.into());
            }
            count => read.extend_from_slice(&piece[..count]),
        }
    }
}

fn parse(head: &str, number: usize) -> Request {
    let mut words = head.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let value = |wanted: &str| {
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    Request { method, path, host: value("host").unwrap_or_default(), authorization: value("authorization"), number }
}
