//! Git's smart protocol over HTTP, by reqwest.

use std::error::Error as _;
use std::io::{self, Read, Write};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Buf, Bytes};
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::access::{Access, Login};
use super::error::SourceError;
use super::session::Session;
use super::url::{Place, RemoteUrl};

const CONNECT: Duration = Duration::from_secs(30);
/// How long a server may say nothing. Big repositories are packed before the first byte comes.
const SILENCE: Duration = Duration::from_secs(300);

/// One remote over HTTP.
pub(super) struct Http {
    session: Arc<Session>,
    client: OnceLock<Client>,
    /// Where the remote said that it is now, when it was asked for the first time.
    moved: Moved,
}

/// The address to which a host led us.
type Moved = Arc<OnceLock<Url>>;

/// What is asked for first.
const ADVERTISED: &str = "/info/refs";

impl Http {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session, client: OnceLock::new(), moved: Moved::default() }
    }

    fn client(&self) -> Result<Client, SourceError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let built = client(&self.session.remote, &self.session.access)?;
        Ok(self.client.get_or_init(|| built).clone())
    }

    fn stream(&self, service: Service) -> Result<Stream, SourceError> {
        let Place::Http(base) = self.session.remote.place() else {
            return Err(failed(&self.session.remote, "this is no address of HTTP"));
        };
        let mut url = self.moved.get().unwrap_or(base).clone();
        let path = url.path().to_owned();
        let state = match service {
            Service::UploadPackLs => {
                url.set_path(&format!("{path}{ADVERTISED}"));
                url.set_query(Some("service=git-upload-pack"));
                State::Advertise
            }
            Service::UploadPack => {
                url.set_path(&format!("{path}/git-upload-pack"));
                State::Asking(Vec::new())
            }
            Service::ReceivePackLs | Service::ReceivePack => {
                return Err(failed(&self.session.remote, "nothing is pushed from here"));
            }
        };
        // The credential is for the host that was named, and not for one to which that leads.
        let known = url.origin() == base.origin();
        let login = if known { self.session.access.login.clone() } else { Login::Anonymous };
        let (session, client, moved) = (self.session.clone(), self.client()?, self.moved.clone());
        Ok(Stream { session, client, url, login, moved, state })
    }
}

impl SmartSubtransport for Http {
    fn action(&self, _: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        match self.stream(service) {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(git2::Error::from_str(&self.session.fail(error).to_string())),
        }
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer.
struct Stream {
    session: Arc<Session>,
    client: Client,
    url: Url,
    login: Login,
    moved: Moved,
    state: State,
}

enum State {
    /// What the server has is to be asked for.
    Advertise,
    /// What is asked for is being written.
    Asking(Vec<u8>),
    /// The answer is being read.
    Answer(Box<Response>, Bytes),
}

impl Stream {
    fn send(&self, body: Option<Vec<u8>>) -> Result<Response, SourceError> {
        let mut request = match body {
            None => self.client.get(self.url.clone()),
            Some(body) => self
                .client
                .post(self.url.clone())
                .header(CONTENT_TYPE, "application/x-git-upload-pack-request")
                .header(ACCEPT, "application/x-git-upload-pack-result")
                .body(body),
        };
        if let Login::Password { user, password } = &self.login {
            request = request.basic_auth(user, Some(password.expose()));
        }
        let sent = self.session.wait(request.send())?;
        self.judge(sent.map_err(|error| explain(&self.session.remote, &error))?)
    }

    /// Whether that is an answer of git's.
    fn judge(&self, response: Response) -> Result<Response, SourceError> {
        let url = self.session.remote.to_string();
        let given = !self.session.access.is_anonymous();
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(SourceError::Unauthorized { url, given }),
            StatusCode::FORBIDDEN => return Err(SourceError::Forbidden { url }),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(SourceError::NotFound { url }),
            other => return Err(SourceError::Failed { url, why: format!("the server answered {other}") }),
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-git-upload-pack-") {
            let why = "the server answered something that is not git's; is that the address of a page?";
            return Err(SourceError::Failed { url, why: why.to_owned() });
        }
        Ok(response)
    }

    /// A repository that has moved is asked for its objects where it is now: a redirect of that request would lose its body.
    fn note_where(&self, found: &Url) {
        let base = found.path().strip_suffix(ADVERTISED);
        if let (State::Advertise, Some(path)) = (&self.state, base) {
            let mut moved = found.clone();
            moved.set_query(None);
            moved.set_path(path);
            // The first answer counts.
            let _ = self.moved.set(moved);
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let body = match &mut self.state {
            State::Answer(response, piece) => {
                let next = self.session.wait(response.chunk());
                let next = next.and_then(|next| next.map_err(|error| explain(&self.session.remote, &error)));
                *piece = next.map_err(|error| self.session.fail(error))?.unwrap_or_default();
                return Ok(());
            }
            State::Advertise => None,
            State::Asking(body) => Some(std::mem::take(body)),
        };
        let response = self.send(body).map_err(|error| self.session.fail(error))?;
        self.note_where(response.url());
        self.state = State::Answer(Box::new(response), Bytes::new());
        self.fill()
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let waiting = match &self.state {
            State::Answer(_, piece) => piece.is_empty(),
            _ => true,
        };
        if waiting {
            self.fill()?;
        }
        let State::Answer(_, piece) = &mut self.state else { return Ok(0) };
        let length = piece.len().min(buffer.len());
        piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Asking(body) => {
                body.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            _ => Err(io::Error::other("the request has been sent already")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn client(remote: &RemoteUrl, access: &Access) -> Result<Client, SourceError> {
    let tls = tls(remote, access)?;
    // A login never follows to another host: reqwest drops it there.
    let client = Client::builder()
        .user_agent(concat!("git/2.0 (windlass ", env!("CARGO_PKG_VERSION"), ")"))
        .tls_backend_preconfigured(tls)
        .redirect(Policy::limited(5))
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .build();
    client.map_err(|error| failed(remote, &error.to_string()))
}

fn tls(remote: &RemoteUrl, access: &Access) -> Result<rustls::ClientConfig, SourceError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider.clone());
    let config = config.with_safe_default_protocol_versions().map_err(|error| failed(remote, &error.to_string()))?;
    if access.any_certificate {
        let any = Arc::new(AnyCertificate(provider));
        return Ok(config.dangerous().with_custom_certificate_verifier(any).with_no_client_auth());
    }
    let mut roots = rustls::RootCertStore::empty();
    // Machines without any can still reach hosts whose authority is given.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = &access.authorities {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let added = certificate
                .map_err(|error| error.to_string())
                .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
            added.map_err(|why| SourceError::Certificate {
                host: remote.host().unwrap_or_default().to_owned(),
                why: format!("the given certificates of authorities cannot be read: {why}"),
            })?;
        }
    }
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// What reqwest says, by what lies at the bottom of it.
fn explain(remote: &RemoteUrl, error: &reqwest::Error) -> SourceError {
    let host = remote.host().unwrap_or_default().to_owned();
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        why = inner.to_string();
        if let Some(rustls::Error::InvalidCertificate(_)) = rustls_error(inner) {
            return SourceError::Certificate { host, why };
        }
        source = inner.source();
    }
    if error.is_connect() || error.is_timeout() {
        return SourceError::Unreachable { host, why };
    }
    SourceError::Failed { url: remote.to_string(), why }
}

/// The error of rustls itself, which may be wrapped in errors of IO that do not name it as their source.
fn rustls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    rustls_error(error.downcast_ref::<io::Error>()?.get_ref()?)
}

fn failed(remote: &RemoteUrl, why: &str) -> SourceError {
    SourceError::Failed { url: remote.to_string(), why: why.to_owned() }
}

/// Takes any certificate, where the embedder asked for that.
#[derive(Debug)]
struct AnyCertificate(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
