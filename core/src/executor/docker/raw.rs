//! Requests to a Docker engine for which the library has no words, each over a connection of its own.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use super::connect::{Connection, DockerEndpoint, refused, unreachable};
use crate::executor::ExecutorError;

/// What is sent with a request.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Nothing is sent.
pub(crate) fn nothing() -> Body {
    Empty::new().boxed_unsync()
}

/// Bytes as they come.
pub(crate) fn stream(bytes: BoxStream<'static, Bytes>) -> Body {
    StreamBody::new(bytes.map(|piece| Ok(Frame::data(piece)))).boxed_unsync()
}

/// A connection to an engine for one request. What the engine does for it ends at the latest when this is dropped, unless it
/// became something else than HTTP.
pub(crate) struct Line {
    sender: SendRequest<Body>,
    endpoint: DockerEndpoint,
    /// What every path begins with.
    version: String,
    carrier: AbortHandle,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

impl Connection {
    /// Another connection to the engine.
    pub(crate) async fn line(&self) -> Result<Line, ExecutorError> {
        let version = self.docker().await?.client_version();
        let endpoint = self.endpoint()?;
        let wire = dial(&endpoint).await.map_err(|error| unreachable(&endpoint, &error))?;
        let handshake = http1::handshake(TokioIo::new(wire)).await;
        let (sender, connection) = handshake.map_err(|error| unreachable(&endpoint, &error))?;
        // How it ends, the answers tell.
        let carrier = tokio::spawn(async move { drop(connection.with_upgrades().await) }).abort_handle();
        Ok(Line { sender, endpoint, version: format!("/v{version}"), carrier })
    }
}

impl Line {
    /// The beginning of a request, whose path and query come after the version.
    pub(crate) fn post(&self, path: &str) -> Builder {
        let uri = format!("{}{path}", self.version);
        Request::builder().method(Method::POST).uri(uri).header("Host", "docker")
    }

    /// The answer, whatever it says.
    pub(crate) async fn send(&mut self, request: Request<Body>) -> Result<Response<Incoming>, ExecutorError> {
        self.sender.send_request(request).await.map_err(|error| self.broken(&error))
    }

    /// The answer, when it is a good one.
    pub(crate) async fn ask(
        &mut self,
        doing: &str,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, ExecutorError> {
        let answer = self.send(request).await?;
        match answer.status() {
            status if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS => Ok(answer),
            status => {
                let said = answer.into_body().collect().await.map_err(|error| self.broken(&error))?.to_bytes();
                Err(refused(doing, status.as_u16(), &message(&said)))
            }
        }
    }

    /// The connection broke off.
    pub(crate) fn broken(&self, error: &hyper::Error) -> ExecutorError {
        unreachable(&self.endpoint, error)
    }
}

/// The sentence in what the engine says of a request that it refuses.
fn message(said: &[u8]) -> String {
    let value: Option<serde_json::Value> = serde_json::from_slice(said).ok();
    let message = value.as_ref().and_then(|value| value.get("message")?.as_str());
    message.map_or_else(|| String::from_utf8_lossy(said).into_owned(), str::to_owned)
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

async fn dial(endpoint: &DockerEndpoint) -> std::io::Result<Box<dyn Wire>> {
    match endpoint {
        DockerEndpoint::Socket(path) => Ok(Box::new(local(path).await?)),
        DockerEndpoint::Environment => Err(std::io::ErrorKind::Unsupported.into()),
        DockerEndpoint::Tcp(address) => Ok(Box::new(TcpStream::connect(address).await?)),
        DockerEndpoint::Tls { address, certificates } => {
            let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host).trim_matches(['[', ']']);
            let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
            let connector = TlsConnector::from(Arc::new(config(certificates).map_err(std::io::Error::other)?));
            Ok(Box::new(connector.connect(name, TcpStream::connect(address).await?).await?))
        }
    }
}

#[cfg(unix)]
async fn local(socket: &Path) -> std::io::Result<tokio::net::UnixStream> {
    tokio::net::UnixStream::connect(socket).await
}

/// A pipe whose ends are all taken is waited for: the engine makes more of them as they are used.
#[cfg(windows)]
async fn local(pipe: &Path) -> std::io::Result<tokio::net::windows::named_pipe::NamedPipeClient> {
    /// What Windows says then.
    const PIPE_BUSY: i32 = 231;
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);
    loop {
        match tokio::net::windows::named_pipe::ClientOptions::new().open(pipe) {
            Err(error) if error.raw_os_error() == Some(PIPE_BUSY) => crate::clock::pause(PAUSE).await,
            opened => return opened,
        }
    }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// With the certificates of a folder as `docker` has it.
fn config(certificates: &Path) -> Result<ClientConfig, AnyError> {
    let read = |name: &str| std::fs::read(certificates.join(name));
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&read("ca.pem")?) {
        roots.add(authority?)?;
    }
    let own: Vec<_> = CertificateDer::pem_slice_iter(&read("cert.pem")?).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(&read("key.pem")?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_client_auth_cert(own, key)?)
}
