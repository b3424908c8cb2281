//! A front before the API server of the test cluster: it counts what is asked, breaks connections, keeps everybody out, and
//! forgets where a watch was. Behind it is `kubectl proxy`, so that one speaks plain HTTP with it and needs no credential.
#![expect(clippy::panic, reason = "a front that cannot be made ends the test that wants it")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::cluster::{TestCluster, kubectl_program};

/// The longest head of a request.
const HEAD: usize = 64 * 1024;
/// What the API server says to whoever wants to go on watching from a place that it forgot.
const EXPIRED: &str = r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (2)","reason":"Expired","code":410}}"#;

/// The front. It goes with its last owner.
#[derive(Debug)]
pub struct ApiFront {
    address: SocketAddr,
    proxy: Child,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    behind: SocketAddr,
    state: Mutex<State>,
    stopping: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// What was asked: the method and the path without its query, and `watch` where one began.
    calls: Vec<String>,
    /// Both ends of what is open.
    open: Vec<TcpStream>,
    closed: bool,
    /// How many watches are yet told that their place is forgotten.
    expired: usize,
    /// Whether nobody is known any more.
    unauthorized: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ApiFront {
    /// Before the cluster of the tests.
    ///
    /// # Panics
    /// When there is none.
    pub fn before(cluster: &TestCluster) -> Self {
        Self::open(cluster).unwrap_or_else(|error| panic!("a front before the cluster: {error}"))
    }

    fn open(cluster: &TestCluster) -> io::Result<Self> {
        let mut command = Command::new(kubectl_program());
        command.arg("--kubeconfig").arg(&cluster.kubeconfig);
        // By default it lets nobody start programs in pods.
        command.args(["proxy", "--port", "0", "--reject-paths", "^$"]);
        let mut proxy = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(output) = proxy.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let behind = line.trim().rsplit(' ').next().and_then(|address| address.parse().ok());
        let behind = behind.ok_or_else(|| io::Error::other(format!("kubectl proxy said {line:?}")))?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { behind, state: Mutex::default(), stopping: AtomicBool::new(false) });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                if serving.stopping.load(Ordering::Acquire) {
                    return;
                }
                let serving = Arc::clone(&serving);
                // What breaks is the business of the client.
                thread::spawn(move || serving.serve(client));
            }
        });
        Ok(Self { address, proxy, shared })
    }

    /// A kubeconfig that leads here.
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: front\nclusters: [{{name: front, cluster: {{server: \"http://{}\"}}}}]\n\
             users: [{{name: nobody, user: {{}}}}]\ncontexts: [{{name: front, context: {{cluster: front, user: nobody}}}}]\n",
            self.address
        )
    }

    /// What was asked since the last call of this.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().calls)
    }

    /// Breaks all connections that are open.
    pub fn cut(&self) {
        for stream in self.shared.state().open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Breaks all connections and takes no more until [`open_again`](Self::open_again).
    pub fn close(&self) {
        self.shared.state().closed = true;
        self.cut();
    }

    /// Takes connections again.
    pub fn open_again(&self) {
        self.shared.state().closed = false;
    }

    /// Breaks all connections, and tells so many watches that the place from which they want to go on is forgotten.
    pub fn expire(&self, watches: usize) {
        self.shared.state().expired = watches;
        self.cut();
    }

    /// Breaks all connections and knows nobody, or everybody again.
    pub fn know_nobody(&self, nobody: bool) {
        self.shared.state().unauthorized = nobody;
        self.cut();
    }
}

impl Drop for ApiFront {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.cut();
        let _ = TcpStream::connect(self.address);
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

impl Shared {
    /// One connection carries one request, so that each can be seen.
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let (head, rest) = read_head(&mut client)?;
        let line = head.lines().next().unwrap_or_default();
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let watch = query.split('&').any(|part| part == "watch=true" || part == "watch=1");
        let mut server = {
            let mut state = self.state();
            if state.closed {
                return client.shutdown(Shutdown::Both);
            }
            state.calls.push(format!("{method} {path}{}", if watch { " watch" } else { "" }));
            if state.unauthorized {
                return refuse(&mut client);
            }
            if watch && state.expired > 0 {
                state.expired -= 1;
                return answer_expired(&mut client);
            }
            let server = TcpStream::connect(self.behind)?;
            state.open.push(client.try_clone()?);
            state.open.push(server.try_clone()?);
            server
        };
        server.write_all(alone(&head).as_bytes())?;
        server.write_all(&rest)?;
        carry(client, server)
    }
}

fn read_head(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(at + 4);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        let count = client.read(&mut piece)?;
        if count == 0 || bytes.len() > HEAD {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&piece[..count]);
    }
}

/// The head of a request after which the connection ends, unless it becomes something else.
fn alone(head: &str) -> String {
    let is_upgrade = head.to_ascii_lowercase().contains("\r\nupgrade:");
    if is_upgrade { head.to_owned() } else { head.replacen("\r\n", "\r\nConnection: close\r\n", 1) }
}

fn answer_expired(client: &mut TcpStream) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
    client.write_all(format!("{head}{EXPIRED}\n").as_bytes())?;
    client.shutdown(Shutdown::Write)
}

fn refuse(client: &mut TcpStream) -> io::Result<()> {
    let status = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#;
    let length = status.len();
    let head = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nConnection: close";
    client.write_all(format!("{head}\r\nContent-Length: {length}\r\n\r\n{status}").as_bytes())?;
    client.shutdown(Shutdown::Write)
}

fn carry(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let up = thread::spawn(move || {
        let sent = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
        sent
    });
    let (mut from_server, mut to_client) = (server, client);
    let received = io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = up.join();
    received.map(drop)
}
