//! Reaching a Docker engine.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::sync::OnceCell;

use crate::executor::ExecutorError;

/// Seconds until the engine must have begun to answer.
const TIMEOUT: u64 = 120;
/// The oldest API that this was made for: Docker 20.10.
const OLDEST: (usize, usize) = (1, 41);

/// Where a Docker engine listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DockerEndpoint {
    /// What `DOCKER_HOST`, `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` say, as the `docker` command reads them; without them the
    /// usual socket, or on Windows the usual named pipe.
    #[default]
    Environment,
    /// A socket; on Windows a named pipe, such as `//./pipe/docker_engine`.
    Socket(PathBuf),
    /// An address, `HOST:PORT`, without TLS.
    Tcp(String),
    /// An address, `HOST:PORT`, with TLS. The folder has `ca.pem`, `cert.pem` and `key.pem`.
    Tls {
        /// The address.
        address: String,
        /// The folder with the certificates.
        certificates: PathBuf,
    },
}

/// The usual socket.
const SOCKET: &str = if cfg!(windows) { "//./pipe/docker_engine" } else { "/var/run/docker.sock" };
/// What comes before the path of a socket.
const SCHEME: &str = if cfg!(windows) { "npipe://" } else { "unix://" };
/// How an endpoint is written.
const WORDS: &str = if cfg!(windows) {
    "npipe:////./pipe/NAME or tcp://HOST:PORT"
} else {
    "unix:///path/of/a/socket or tcp://HOST:PORT"
};

impl DockerEndpoint {
    /// What the environment says, as far as it can be understood.
    fn resolved(&self) -> Result<Self, ExecutorError> {
        let Self::Environment = self else { return Ok(self.clone()) };
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        if host.is_empty() {
            return Ok(Self::Socket(PathBuf::from(SOCKET)));
        }
        let certificates = std::env::var("DOCKER_TLS_VERIFY").is_ok_and(|value| !value.is_empty()).then(|| {
            let folder = std::env::var_os("DOCKER_CERT_PATH").map(PathBuf::from);
            folder.or_else(|| Some(std::env::home_dir()?.join(".docker"))).unwrap_or_default()
        });
        Self::parse(&host.replacen("http://", "tcp://", 1), certificates).map_err(|advice| ExecutorError::Unsupported {
            what: format!("DOCKER_HOST={host}"),
            advice: format!("use {advice}"),
        })
    }

    /// An endpoint as it is written, with the folder of the certificates when it is one over TCP with TLS. An error says how an
    /// endpoint is written.
    pub(crate) fn parse(text: &str, certificates: Option<PathBuf>) -> Result<Self, &'static str> {
        if let Some(path) = text.strip_prefix(SCHEME) {
            return Ok(Self::Socket(PathBuf::from(path)));
        }
        let address = text.strip_prefix("tcp://").ok_or(WORDS)?.trim_end_matches('/').to_owned();
        Ok(match certificates {
            Some(certificates) => Self::Tls { address, certificates },
            None => Self::Tcp(address),
        })
    }

    fn connect(&self) -> Result<Docker, Error> {
        match self {
            Self::Environment => local(SOCKET),
            Self::Socket(path) => local(&path.to_string_lossy()),
            Self::Tcp(address) => Docker::connect_with_http(&format!("tcp://{address}"), TIMEOUT, API_DEFAULT_VERSION),
            Self::Tls { address, certificates } => {
                // Another one that is there already is as good.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let file = |name: &str| certificates.join(name);
                let (key, cert, ca) = (file("key.pem"), file("cert.pem"), file("ca.pem"));
                Docker::connect_with_ssl(&format!("tcp://{address}"), &key, &cert, &ca, TIMEOUT, API_DEFAULT_VERSION)
            }
        }
    }
}

/// An engine of this machine.
fn local(socket: &str) -> Result<Docker, Error> {
    #[cfg(windows)]
    return Docker::connect_with_named_pipe(socket, TIMEOUT, API_DEFAULT_VERSION);
    #[cfg(not(windows))]
    Docker::connect_with_unix(socket, TIMEOUT, API_DEFAULT_VERSION)
}

impl std::fmt::Display for DockerEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment => f.write_str("the environment's Docker engine"),
            Self::Socket(path) => write!(f, "{SCHEME}{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Tls { address, .. } => write!(f, "tcp://{address} (TLS)"),
        }
    }
}

/// A connection that is made when it is first needed.
#[derive(Debug)]
pub(crate) struct Connection {
    endpoint: DockerEndpoint,
    docker: OnceCell<Docker>,
}

impl Connection {
    pub(crate) fn new(endpoint: DockerEndpoint) -> Self {
        Self { endpoint, docker: OnceCell::new() }
    }

    /// The engine, once its version is known to be one that we can talk to.
    pub(crate) async fn docker(&self) -> Result<&Docker, ExecutorError> {
        self.docker.get_or_try_init(|| self.open()).await
    }

    /// Where the engine listens.
    pub(super) fn endpoint(&self) -> Result<DockerEndpoint, ExecutorError> {
        self.endpoint.resolved()
    }

    async fn open(&self) -> Result<Docker, ExecutorError> {
        let endpoint = self.endpoint.resolved()?;
        let docker = endpoint.connect().map_err(|error| unreachable(&endpoint, &error))?;
        let docker = docker.negotiate_version().await.map_err(|error| unreachable(&endpoint, &error))?;
        let version = docker.client_version();
        if (version.major_version, version.minor_version) < OLDEST {
            return Err(ExecutorError::Infrastructure {
                code: "dockerTooOld",
                message: format!("the Docker engine at {endpoint} speaks version {version} of its API"),
                advice: format!("use Docker 20.10 or newer, with version {}.{} of the API", OLDEST.0, OLDEST.1),
            });
        }
        if cfg!(windows) {
            refuse_windows_containers(&docker, &endpoint).await?;
        }
        Ok(docker)
    }

    /// Turns what the engine said into an error that tells what was being done.
    pub(crate) fn error(&self, doing: &str, error: Error) -> ExecutorError {
        let endpoint = self.endpoint.resolved().unwrap_or_default();
        match &error {
            Error::DockerResponseServerError { status_code, message } => refused(doing, *status_code, message),
            Error::DockerStreamError { error } => refused(doing, 500, error),
            _ => unreachable(&endpoint, &error),
        }
    }
}

/// An engine of Windows may have been switched to that system's own containers, in which nothing of ours runs.
async fn refuse_windows_containers(docker: &Docker, endpoint: &DockerEndpoint) -> Result<(), ExecutorError> {
    let version = docker.version().await.map_err(|error| unreachable(endpoint, &error))?;
    if version.os.as_deref() != Some("windows") {
        return Ok(());
    }
    Err(ExecutorError::Infrastructure {
        code: "dockerWindowsContainers",
        message: format!("the Docker engine at {endpoint} has containers of Windows"),
        advice: "switch it to Linux containers".to_owned(),
    })
}

/// Whether the engine said that there is no such thing.
pub(super) fn is_missing(error: &Error) -> bool {
    status(error) == Some(404)
}

/// Whether the engine said that this clashes with what is there.
pub(super) fn is_conflict(error: &Error) -> bool {
    status(error) == Some(409)
}

/// Whether the engine said that this can never be done.
pub(super) fn is_bad_request(error: &Error) -> bool {
    status(error) == Some(400)
}

fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

pub(super) fn refused(doing: &str, status: u16, message: &str) -> ExecutorError {
    let message = message.trim();
    let advice = if message.contains("no space left on device") {
        "make room on the disk of the Docker engine, for example with `docker system prune`"
    } else {
        "see the log of the Docker engine"
    };
    let code = if message.contains("no space left on device") { "dockerDiskFull" } else { "dockerRefused" };
    let message = format!("{doing}: the Docker engine answered {status}: {message}");
    ExecutorError::Infrastructure { code, message, advice: advice.to_owned() }
}

/// The engine did not answer at all.
pub(super) fn unreachable(endpoint: &DockerEndpoint, error: &(dyn std::error::Error + 'static)) -> ExecutorError {
    let denied = io_kind(error) == Some(io::ErrorKind::PermissionDenied);
    let (code, advice) = if denied {
        let advice = if cfg!(windows) {
            "let this user use the engine's pipe, for example by the group `docker-users`, and log in again"
        } else {
            "let this user use the socket, for example by its group (`usermod -aG docker USER`), and log in again"
        };
        ("dockerNotAllowed", advice)
    } else {
        ("dockerUnreachable", "start the Docker engine, or say with DOCKER_HOST where it listens")
    };
    let why = innermost(error);
    let message = format!("the Docker engine at {endpoint} cannot be reached: {why}");
    ExecutorError::Infrastructure { code, message, advice: advice.to_owned() }
}

fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<io::ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        next = error.source();
    }
    None
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    let mut source = error.source();
    while let Some(error) = source {
        last = error;
        source = error.source();
    }
    last.to_string()
}

/// How long something that is being removed may take to be gone.
pub(super) const REMOVAL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_what_this_system_can_reach() {
        let parse = |text: &str| DockerEndpoint::parse(text, None);
        let (own, other) = match cfg!(windows) {
            true => ("npipe:////./pipe/docker_engine", "unix:///var/run/docker.sock"),
            false => ("unix:///var/run/docker.sock", "npipe:////./pipe/docker_engine"),
        };
        assert_eq!(parse(own), Ok(DockerEndpoint::Socket(PathBuf::from(SOCKET))));
        assert_eq!(parse(own).unwrap().to_string(), own);
        assert_eq!(parse("tcp://127.0.0.1:2375/"), Ok(DockerEndpoint::Tcp("127.0.0.1:2375".to_owned())));
        for bad in [other, "127.0.0.1:2375", "ssh://host"] {
            assert_eq!(parse(bad), Err(WORDS), "{bad}");
        }
        let certificates = PathBuf::from("certs");
        let tls = DockerEndpoint::Tls { address: "h:2376".to_owned(), certificates: certificates.clone() };
        assert_eq!(DockerEndpoint::parse("tcp://h:2376", Some(certificates)), Ok(tls));
    }
}
