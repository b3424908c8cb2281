//! A proxy that lets everybody through who asks with `CONNECT`, and remembers who did.
#![expect(clippy::panic, reason = "a set-up that does not come about ends the test that wants it")]

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The proxy. It lives as long as the test's process.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// One who asked to be let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Where to: `HOST:PORT`.
    pub target: String,
    /// What `Proxy-Authorization` said.
    pub authorization: Option<String>,
}

impl Proxy {
    /// A proxy at a free port of this machine.
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                let told = Arc::clone(&told);
                thread::spawn(move || pass(client, &told));
            }
        });
        Self { address, asked }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Who asked until now.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn pass(client: TcpStream, told: &Mutex<Vec<Asked>>) -> io::Result<()> {
    let mut from_client = BufReader::new(client.try_clone()?);
    let mut to_client = client;
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if from_client.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let target = lines.first().and_then(|line| line.strip_prefix("CONNECT ")?.split(' ').next()).map(str::to_owned);
    let Some(target) = target else {
        return to_client.write_all(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n");
    };
    let headers = lines.iter().filter_map(|line| line.split_once(": "));
    let mut headers = headers.filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"));
    let authorization = headers.next().map(|(_, value)| value.to_owned());
    told.lock().unwrap_or_else(PoisonError::into_inner).push(Asked { target: target.clone(), authorization });
    let mut server = TcpStream::connect(target)?;
    to_client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_server, mut back) = (server.try_clone()?, to_client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    let _ = io::copy(&mut from_client, &mut server);
    server.shutdown(Shutdown::Write)
}
