//! Git over HTTP: a small server around git's own `http-backend`, with a password and TLS where a test wants them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use base64::Engine as _;

use super::repository::{Repository, clean};

/// A server that gives out the repositories of a folder.
#[derive(Debug)]
pub struct HttpRemote {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// The certificate of the authority that signed the server's, in PEM.
    pub authority: Option<String>,
}

struct Shared {
    root: PathBuf,
    login: Option<(String, String)>,
    tls: Option<Arc<rustls::ServerConfig>>,
    stopping: AtomicBool,
    sent: AtomicU64,
    logins: AtomicU64,
    /// Where the answer with the objects stands still; `None` when it goes through.
    stall: Option<Stall>,
}

/// An answer that stops in the middle.
#[derive(Default)]
struct Stall {
    state: Mutex<Stalled>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stalled {
    /// Nobody asked yet.
    #[default]
    Waiting,
    Halfway,
    Released,
}

impl Stall {
    fn set(&self, state: Stalled) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.changed.notify_all();
    }

    fn wait_until(&self, wanted: impl Fn(Stalled) -> bool) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(state, |state| !wanted(*state)));
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("root", &self.root).finish_non_exhaustive()
    }
}

impl HttpRemote {
    /// Open to everybody.
    pub fn open(repository: &Repository) -> Self {
        Self::start(repository, None, None, None)
    }

    /// Open to everybody, but stops in the middle of the first objects that it gives out, until [`release`](Self::release).
    pub fn stalling(repository: &Repository) -> Self {
        Self::start(repository, None, None, Some(Stall::default()))
    }

    /// Returns when half of the objects are sent. Only for one that stalls.
    pub fn wait_until_halfway(&self) {
        if let Some(stall) = &self.shared.stall {
            stall.wait_until(|state| state != Stalled::Waiting);
        }
    }

    /// Lets answers through.
    pub fn release(&self) {
        if let Some(stall) = &self.shared.stall {
            stall.set(Stalled::Released);
        }
    }

    /// With a user and a password.
    pub fn with_login(repository: &Repository, user: &str, password: &str) -> Self {
        Self::start(repository, Some((user.to_owned(), password.to_owned())), None, None)
    }

    /// Over TLS, with a certificate of an authority that nobody knows.
    pub fn with_tls(repository: &Repository) -> Self {
        let (config, authority) = tls();
        let mut this = Self::start(repository, None, Some(config), None);
        this.authority = Some(authority);
        this
    }

    fn start(
        repository: &Repository,
        login: Option<(String, String)>,
        tls: Option<Arc<rustls::ServerConfig>>,
        stall: Option<Stall>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let root = repository.root().to_owned();
        let (stopping, sent, logins) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        let shared = Shared { root, login, tls, stopping, sent, logins, stall };
        let shared = Arc::new(shared);
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let shared = accepting.clone();
                // A client that hangs up in the middle is its own affair.
                std::thread::spawn(move || drop(serve(&shared, stream)));
            }
        });
        Self { address, shared, authority: None }
    }

    /// The address of the repository `shop.git`.
    pub fn url(&self) -> String {
        self.url_of("shop.git")
    }

    /// The address of a repository.
    pub fn url_of(&self, name: &str) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}/{name}", self.address.port())
    }

    /// How many bytes of answers were sent so far.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// How many requests came with a login.
    pub fn logins(&self) -> u64 {
        self.shared.logins.load(Ordering::SeqCst)
    }
}

impl Drop for HttpRemote {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.release();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(shared: &Shared, stream: TcpStream) -> std::io::Result<()> {
    match &shared.tls {
        None => answer(shared, &stream),
        Some(config) => {
            let connection = rustls::ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
            let stream = rustls::StreamOwned::new(connection, stream);
            let stream = Locked(std::sync::Mutex::new(stream));
            answer(shared, &stream)?;
            let mut stream = stream.0.into_inner().map_err(|_| std::io::Error::other("poisoned"))?;
            stream.conn.send_close_notify();
            stream.flush()?;
            stream.sock.shutdown(Shutdown::Write)
        }
    }
}

/// A stream that is read and written by reference.
struct Locked(std::sync::Mutex<rustls::StreamOwned<rustls::ServerConnection, TcpStream>>);

impl Read for &Locked {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.lock().map_err(|_| std::io::Error::other("poisoned"))?.read(buffer)
    }
}

impl Write for &Locked {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().map_err(|_| std::io::Error::other("poisoned"))?.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.lock().map_err(|_| std::io::Error::other("poisoned"))?.flush()
    }
}

/// One request a connection: the answer says that it is the last.
fn answer<S>(shared: &Shared, stream: &S) -> std::io::Result<()>
where
    for<'a> &'a S: Read + Write,
{
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut writer = stream;
    if headers.contains_key("authorization") {
        shared.logins.fetch_add(1, Ordering::SeqCst);
    }
    if let Some((user, password)) = &shared.login {
        let expected = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        if headers.get("authorization") != Some(&format!("Basic {expected}")) {
            let refusal = "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"git\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            return writer.write_all(refusal.as_bytes());
        }
    }
    if let Some(place) = target.strip_prefix("/moved/") {
        // As code hosts answer for a repository that was renamed.
        let host = headers.get("host").cloned().unwrap_or_default();
        let moved = format!(
            "HTTP/1.1 301 Moved\r\nlocation: http://{host}/{place}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        return writer.write_all(moved.as_bytes());
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut backend = Command::new("git");
    clean(&mut backend);
    backend
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &shared.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", &method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_LENGTH", length.to_string())
        .env("CONTENT_TYPE", headers.get("content-type").cloned().unwrap_or_default())
        .env("GIT_PROTOCOL", headers.get("git-protocol").cloned().unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut backend = backend.spawn()?;
    if let Some(mut stdin) = backend.stdin.take() {
        stdin.write_all(&body)?;
    }
    let output = backend.wait_with_output()?.stdout;
    shared.sent.fetch_add(output.len() as u64, Ordering::SeqCst);
    let split = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(output.len().saturating_sub(4));
    let (head, content) = output.split_at(split);
    let head = String::from_utf8_lossy(head);
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
    let others = head.lines().filter(|line| !line.starts_with("Status: "));
    let others = others.map(|line| format!("{line}\r\n")).collect::<String>();
    let content = content.get(4..).unwrap_or_default();
    let length = content.len();
    write!(writer, "HTTP/1.1 {status}\r\n{others}content-length: {length}\r\nconnection: close\r\n\r\n")?;
    let half = content.len() / 2;
    if let Some(stall) = shared.stall.as_ref().filter(|_| method == "POST") {
        writer.write_all(&content[..half])?;
        writer.flush()?;
        if *stall.state.lock().unwrap_or_else(PoisonError::into_inner) == Stalled::Waiting {
            stall.set(Stalled::Halfway);
        }
        stall.wait_until(|state| state == Stalled::Released);
        writer.write_all(&content[half..])?;
    } else {
        writer.write_all(content)?;
    }
    writer.flush()
}

/// A certificate for localhost from an authority made for this test.
fn tls() -> (Arc<rustls::ServerConfig>, String) {
    let made = || -> Result<_, Box<dyn std::error::Error>> {
        let mut parameters = rcgen::CertificateParams::new(Vec::new())?;
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "an authority of a test");
        let key = rcgen::KeyPair::generate()?;
        let authority = parameters.self_signed(&key)?;
        let issuer = rcgen::Issuer::new(parameters, key);
        let own = rcgen::KeyPair::generate()?;
        let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&own, &issuer)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let private = rustls::pki_types::PrivateKeyDer::Pkcs8(own.serialize_der().into());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)?;
        Ok((Arc::new(config), authority.pem()))
    };
    made().unwrap_or_else(|error| panic!("{error}"))
}
