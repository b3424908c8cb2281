//! Git's smart protocol over SSH, by russh.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use russh::client::{self, AuthResult, Handle, Msg};
use russh::keys::ssh_key::{HashAlg, PublicKey};
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, Disconnect};

use super::access::{Access, Login, SshLogin};
use super::error::SourceError;
use super::known_hosts;
use super::session::Session;
use super::url::{Place, RemoteUrl};

const CONNECT: Duration = Duration::from_secs(30);
/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(300);

/// One remote over SSH.
pub(super) struct Ssh {
    session: Arc<Session>,
    /// One connection for both services of a fetch.
    stream: Arc<Mutex<Option<Connection>>>,
}

struct Connection {
    handle: Handle<Host>,
    channel: Channel<Msg>,
    /// What has come and was not read yet.
    piece: bytes::Bytes,
    over: bool,
    /// Whether git at the other end ended with an error.
    failed: bool,
    said: String,
}

impl Ssh {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session, stream: Arc::default() }
    }
}

impl SmartSubtransport for Ssh {
    fn action(&self, _: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let fail = |error: SourceError| git2::Error::from_str(&self.session.fail(error).to_string());
        match service {
            Service::UploadPackLs => {
                let opened = self.session.wait(connect(&self.session)).and_then(|opened| opened).map_err(fail)?;
                *self.stream.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
            }
            Service::UploadPack => {}
            Service::ReceivePackLs | Service::ReceivePack => {
                return Err(git2::Error::from_str("nothing is pushed from here"));
            }
        }
        Ok(Box::new(Stream { session: self.session.clone(), connection: self.stream.clone() }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        let connection = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(connection) = connection {
            let bye = connection.handle.disconnect(Disconnect::ByApplication, "", "");
            // The other end may be gone already.
            let _ = self.session.wait(bye);
        }
        Ok(())
    }
}

struct Stream {
    session: Arc<Session>,
    connection: Arc<Mutex<Option<Connection>>>,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = &mut *connection else { return Ok(0) };
        while connection.piece.is_empty() && !connection.over {
            let next = self.session.wait(connection.channel.wait()).map_err(|error| self.session.fail(error))?;
            match next {
                Some(ChannelMsg::Data { data }) => connection.piece = data,
                Some(ChannelMsg::ExtendedData { data, .. }) => {
                    let text = String::from_utf8_lossy(&data);
                    connection.said.push_str(&text.chars().take(2000).collect::<String>());
                }
                Some(ChannelMsg::ExitStatus { exit_status }) => connection.failed = exit_status != 0,
                // What it says on its way out may come after the end of its output.
                Some(ChannelMsg::Close) | None => connection.over = true,
                Some(_) => {}
            }
        }
        if connection.piece.is_empty() && connection.failed {
            return Err(self.session.fail(refused(&self.session, &connection.said)));
        }
        let length = connection.piece.len().min(buffer.len());
        bytes::Buf::copy_to_slice(&mut connection.piece, &mut buffer[..length]);
        Ok(length)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = &*connection else { return Err(io::ErrorKind::NotConnected.into()) };
        let sent = self.session.wait(connection.channel.data(bytes));
        let sent = sent.and_then(|sent| sent.map_err(|error| failed(&self.session, &error.to_string())));
        sent.map_err(|error| self.session.fail(error))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a server says when it does not let git in.
fn refused(session: &Session, said: &str) -> SourceError {
    let url = session.remote.to_string();
    let text = said.to_ascii_lowercase();
    let gone =
        ["not found", "does not exist", "does not appear to be a git repository", "no such file", "could not be found"];
    if gone.iter().any(|words| text.contains(words)) {
        return SourceError::NotFound { url };
    }
    if text.contains("denied") || text.contains("not allowed") {
        return SourceError::Forbidden { url };
    }
    let why = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("the server ended git");
    SourceError::Failed { url, why: why.trim().to_owned() }
}

fn failed(session: &Session, why: &str) -> SourceError {
    SourceError::Failed { url: session.remote.to_string(), why: why.to_owned() }
}

/// Tries whether a host lets somebody in, and does nothing there. `address` is `[USER@]HOST[:PORT]`. Returns who came in.
///
/// # Errors
/// [`SourceError::BadUrl`] for what is no such address, and why nobody gets in.
pub(crate) async fn try_login(address: &str, access: &Access) -> Result<String, SourceError> {
    let session = Arc::new(Session::alone(&RemoteUrl::ssh_host(address)?, access));
    let (handle, user) = log_in_to(&session).await.map_err(|error| match error {
        SourceError::Unauthorized { given, .. } => SourceError::Unauthorized { url: address.to_owned(), given },
        SourceError::Failed { why, .. } => SourceError::Failed { url: address.to_owned(), why },
        other => other,
    })?;
    // It is left anyway, and the other end may be gone already.
    let _ = handle.disconnect(Disconnect::ByApplication, "", "").await;
    Ok(user)
}

/// Logs in, and starts git at the other end.
async fn connect(session: &Arc<Session>) -> Result<Connection, SourceError> {
    let (handle, _) = log_in_to(session).await?;
    let channel = handle.channel_open_session().await.map_err(|error| failed(session, &error.to_string()))?;
    let path = match session.remote.place() {
        Place::Ssh { path, .. } => path.as_str(),
        Place::Local(_) | Place::Http(_) => "",
    };
    // The other end has a shell between us and git: one word, whatever is in it.
    let command = format!("git-upload-pack '{}'", path.replace('\'', r"'\''"));
    channel.exec(true, command).await.map_err(|error| failed(session, &error.to_string()))?;
    Ok(Connection { handle, channel, piece: bytes::Bytes::new(), over: false, failed: false, said: String::new() })
}

/// Connects, looks whether it is the right host, and logs in. Returns who came in as well.
async fn log_in_to(session: &Arc<Session>) -> Result<(Handle<Host>, String), SourceError> {
    let Place::Ssh { user, host, port, .. } = session.remote.place() else {
        return Err(failed(session, "this is no address of SSH"));
    };
    let lines = match &session.access.login {
        Login::Key(SshLogin { known_hosts, .. }) => known_hosts.as_deref(),
        _ => None,
    };
    // An address of IPv6 stands in brackets.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let known = known_hosts::keys_of(bare, *port, lines)
        .map_err(|error| failed(session, &format!("the known hosts cannot be read: {error}")))?;
    let config = client::Config {
        inactivity_timeout: Some(SILENCE),
        nodelay: true,
        preferred: known_hosts::preferring(&known),
        ..client::Config::default()
    };
    let name = if *port == 22 { bare.to_owned() } else { format!("[{bare}]:{port}") };
    let handler = Host { session: session.clone(), name, known };
    let unreachable = |why: String| SourceError::Unreachable { host: host.clone(), why };
    let connecting = tokio::net::TcpStream::connect((bare, *port));
    let socket = within(CONNECT, connecting).await.ok_or_else(|| unreachable("nobody answered for 30 s".to_owned()))?;
    let socket = socket.map_err(|error| unreachable(error.to_string()))?;
    let mut handle = client::connect_stream(Arc::new(config), socket, handler).await.map_err(|error| match error {
        Refused::Ssh(error) => unreachable(error.to_string()),
        Refused::Host(error) => error,
    })?;
    let user = log_in(session, &mut handle, user.as_deref()).await?;
    Ok((handle, user))
}

/// As the user of the address, of the credential, or `git`.
async fn log_in(session: &Session, handle: &mut Handle<Host>, of_address: Option<&str>) -> Result<String, SourceError> {
    let lost = |error: russh::Error| failed(session, &error.to_string());
    let of_credential = match &session.access.login {
        Login::Anonymous => None,
        Login::Password { user, .. } => Some(user.as_str()),
        Login::Key(login) => login.user.as_deref(),
    };
    let user = of_address.or(of_credential).unwrap_or("git").to_owned();
    let done = match &session.access.login {
        Login::Anonymous => handle.authenticate_none(&user).await,
        Login::Password { password, .. } => handle.authenticate_password(&user, password.expose()).await,
        Login::Key(login) => {
            let key = private_key(login)?;
            let hash = handle.best_supported_rsa_hash().await.map_err(lost)?.flatten();
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash.or(Some(HashAlg::Sha256)));
            handle.authenticate_publickey(&user, key).await
        }
    };
    match done.map_err(lost)? {
        AuthResult::Success => Ok(user),
        AuthResult::Failure { .. } => {
            let given = !session.access.is_anonymous();
            Err(SourceError::Unauthorized { url: session.remote.to_string(), given })
        }
    }
}

fn private_key(login: &SshLogin) -> Result<russh::keys::PrivateKey, SourceError> {
    let passphrase = login.passphrase.as_ref().map(crate::secret::SecretText::expose);
    russh::keys::decode_secret_key(login.private_key.expose(), passphrase).map_err(|error| {
        let why = match error {
            russh::keys::Error::KeyIsEncrypted => "it has a passphrase, and none is given".to_owned(),
            _ if passphrase.is_some() => "the passphrase is wrong, or it is no private key".to_owned(),
            // The library's words may hold parts of the key.
            _ => "it is no private key in OpenSSH's or PEM form".to_owned(),
        };
        SourceError::BadKey { why }
    })
}

async fn within<T>(limit: Duration, doing: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = doing => Some(done),
        () = crate::clock::pause(limit) => None,
    }
}

/// Looks whether the host is the right one.
struct Host {
    session: Arc<Session>,
    /// The host as `known_hosts` files name it.
    name: String,
    known: Vec<PublicKey>,
}

/// Why a connection does not come about.
#[derive(Debug)]
enum Refused {
    Ssh(russh::Error),
    Host(SourceError),
}

impl From<russh::Error> for Refused {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl client::Handler for Host {
    type Error = Refused;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Refused> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else {
            let why = "the host shows a certificate, which is not supported: give the host a plain key";
            return Err(Refused::Host(failed(&self.session, why)));
        };
        if self.known.iter().any(|known| known.key_data() == key.key_data()) {
            return Ok(true);
        }
        let (host, fingerprint) = (self.name.clone(), key.fingerprint(HashAlg::Sha256).to_string());
        // A host that shows a key of another kind than the known ones is no more known than one that shows another key.
        Err(Refused::Host(if self.known.is_empty() {
            let line = format!("{host} {}", key.to_openssh().unwrap_or_default());
            SourceError::UnknownHostKey { host, fingerprint, line }
        } else {
            SourceError::HostKeyChanged { host, fingerprint }
        }))
    }
}
