//! A way to a Docker engine over TCP, plain or over TLS with certificates for both sides, as an engine with `--tlsverify` has it.
//! A plain one tells what the engine was asked.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// How long one direction of a TLS connection is waited for before the other one has its turn.
const TURN: Duration = Duration::from_millis(2);

/// A listener in front of an engine's socket.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    calls: Calls,
}

/// What an engine was asked.
#[derive(Clone, Debug, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    /// Takes note of a piece that came from a client, when it is the beginning of a request.
    fn hear(&self, piece: &[u8]) {
        let line = piece.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let Some(call) = line.strip_suffix(" HTTP/1.1") else { return };
        if ["GET /", "HEAD /", "POST /", "PUT /", "DELETE /"].iter().any(|word| call.starts_with(word)) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call.to_owned());
        }
    }
}

/// An authority's certificate, and a certificate with its key for clients: `ca.pem`, `cert.pem`, `key.pem`.
#[derive(Debug)]
pub struct Certificates {
    folder: tempfile::TempDir,
    server: Arc<ServerConfig>,
}

impl Gate {
    /// Without TLS.
    pub fn plain(engine: &str) -> Self {
        let calls = Calls::default();
        let heard = calls.clone();
        Self::start(engine, calls, move |client, engine| carry_plain(client, engine, heard.clone()))
    }

    /// With TLS, and only for those who have a certificate.
    pub fn tls(engine: &str, certificates: &Certificates) -> Self {
        let server = certificates.server.clone();
        Self::start(engine, Calls::default(), move |client, engine| carry_tls(client, engine, server.clone()))
    }

    /// What was asked of the engine so far through a gate without TLS, each as `METHOD PATH`.
    pub fn calls(&self) -> Vec<String> {
        self.calls.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    fn start(
        engine: &str,
        calls: Calls,
        carry: impl Fn(TcpStream, UnixStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let stopping = Arc::new(AtomicBool::new(false));
        let (ended, carry) = (stopping.clone(), Arc::new(carry));
        let socket = PathBuf::from(engine.trim_start_matches("unix://"));
        thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                if ended.load(Ordering::Acquire) {
                    return;
                }
                let Ok(engine) = UnixStream::connect(&socket) else { continue };
                let carry = carry.clone();
                // What breaks is the business of the client.
                thread::spawn(move || carry(client, engine));
            }
        });
        Self { address, stopping, calls }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
    }
}

fn carry_plain(client: TcpStream, engine: UnixStream, calls: Calls) -> io::Result<()> {
    let (mut from_client, mut to_engine) = (client.try_clone()?, engine.try_clone()?);
    let up = thread::spawn(move || -> io::Result<()> {
        let mut piece = vec![0; 64 * 1024];
        loop {
            let count = from_client.read(&mut piece)?;
            if count == 0 {
                return to_engine.shutdown(Shutdown::Write);
            }
            calls.hear(&piece[..count]);
            to_engine.write_all(&piece[..count])?;
        }
    });
    let (mut from_engine, mut to_client) = (engine, client);
    io::copy(&mut from_engine, &mut to_client)?;
    to_client.shutdown(Shutdown::Write)?;
    let _ = up.join();
    Ok(())
}

/// Both directions in turn, since they share the state of one connection.
fn carry_tls(client: TcpStream, mut engine: UnixStream, config: Arc<ServerConfig>) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = StreamOwned::new(connection, client);
    let mut piece = vec![0; 64 * 1024];
    // The handshake needs the other side.
    let count = client.read(&mut piece)?;
    engine.write_all(&piece[..count])?;
    client.sock.set_read_timeout(Some(TURN))?;
    engine.set_read_timeout(Some(TURN))?;
    let (mut up, mut down) = (true, true);
    while down {
        match if up { client.read(&mut piece) } else { Err(io::ErrorKind::WouldBlock.into()) } {
            Ok(0) => {
                up = false;
                let _ = engine.shutdown(Shutdown::Write);
            }
            Ok(count) => engine.write_all(&piece[..count])?,
            Err(error) if is_no_news(&error) => {}
            Err(_) => return Ok(()),
        }
        match engine.read(&mut piece) {
            Ok(0) => down = false,
            Ok(count) => client.write_all(&piece[..count])?,
            Err(error) if is_no_news(&error) => {}
            Err(error) => return Err(error),
        }
    }
    client.conn.send_close_notify();
    client.flush()?;
    client.sock.shutdown(Shutdown::Write)
}

fn is_no_news(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

impl Certificates {
    /// A fresh authority with certificates for both sides.
    pub fn make() -> Self {
        Self::try_make().unwrap_or_else(|error| panic!("certificates for a test: {error}"))
    }

    /// The folder with those of clients.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn try_make() -> Result<Self, Box<dyn std::error::Error>> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority of a test");
        let key = KeyPair::generate()?;
        let authority = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);
        let signed = |use_for: ExtendedKeyUsagePurpose| {
            let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
            params.extended_key_usages = vec![use_for];
            let key = KeyPair::generate()?;
            Ok::<_, rcgen::Error>((params.signed_by(&key, &issuer)?, key))
        };
        let (server, server_key) = signed(ExtendedKeyUsagePurpose::ServerAuth)?;
        let (client, client_key) = signed(ExtendedKeyUsagePurpose::ClientAuth)?;
        let folder = tempfile::tempdir()?;
        let files = [("ca.pem", authority.pem()), ("cert.pem", client.pem()), ("key.pem", client_key.serialize_pem())];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text)?;
        }
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes())?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
        let key = PrivateKeyDer::from_pem_slice(server_key.serialize_pem().as_bytes())?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![CertificateDer::from_pem_slice(server.pem().as_bytes())?], key)?;
        Ok(Self { folder, server: Arc::new(config) })
    }
}
