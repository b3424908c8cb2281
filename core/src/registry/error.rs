//! What goes wrong at a registry, in words.

use std::io;

use oci_client::errors::{OciDistributionError, OciEnvelope, OciErrorCode};

use super::fault::RegistryFault;
use crate::error::{Error, ErrorKind};

/// Why something at a registry failed. No message holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}: {}", fault.advice())]
pub struct RegistryError {
    fault: RegistryFault,
    message: String,
}

impl RegistryError {
    pub(super) fn new(fault: RegistryFault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into() }
    }

    /// What kind of thing went wrong.
    pub fn fault(&self) -> RegistryFault {
        self.fault
    }

    /// A stable word for it.
    pub fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// What failed and why, without what to do.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do.
    pub fn advice(&self) -> &'static str {
        self.fault.advice()
    }

    /// Whether the same may work a little later.
    pub fn is_transient(&self) -> bool {
        self.fault.is_transient()
    }

    /// What the client says about something (`what`) at a registry.
    pub(super) fn of(server: &str, what: &str, error: &OciDistributionError) -> Self {
        use OciDistributionError as E;
        let (fault, why) = match error {
            E::RequestError(error) => return Self::of_request(server, what, error),
            E::UnauthorizedError { .. } => (RegistryFault::Unauthorised, "the login is missing or wrong".to_owned()),
            E::AuthenticationFailure(_) => {
                (RegistryFault::Unauthorised, "its token server does not take the login".to_owned())
            }
            E::RegistryError { envelope, .. } => of_envelope(envelope),
            E::ServerError { code, message, .. } => of_status(*code, message),
            E::ImageManifestNotFoundError(why) => (RegistryFault::NotFound, why.clone()),
            E::IoError(error) => return Self::of_io(server, what, error),
            other => (RegistryFault::Refused, other.to_string()),
        };
        Self::new(fault, sentence(server, what, &why))
    }

    /// What an HTTP request says.
    pub(super) fn of_request(server: &str, what: &str, error: &reqwest::Error) -> Self {
        let (fault, why) = of_chain(error);
        let fault = match fault {
            Some(fault) => fault,
            None if error.is_timeout() => RegistryFault::TimedOut,
            None if error.is_connect() => RegistryFault::Unreachable,
            None => RegistryFault::Failed,
        };
        let why = if fault == RegistryFault::TimedOut { "it kept silent for too long".to_owned() } else { why };
        Self::new(fault, sentence(server, what, &why))
    }

    /// A status that was not expected.
    pub(super) fn of_status(server: &str, what: &str, status: u16, body: &str) -> Self {
        let (fault, why) = match serde_json::from_str::<OciEnvelope>(body) {
            Ok(envelope) if !envelope.errors.is_empty() && !matches!(status, 401 | 403) => of_envelope(&envelope),
            _ => of_status(status, body),
        };
        Self::new(fault, sentence(server, what, &why))
    }

    /// What a Docker engine says about something at a registry.
    pub(crate) fn said_by_engine(server: &str, what: &str, said: &str) -> Self {
        let lower = said.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let fault = if has(&["x509", "certificate", "http response to https client", "tls handshake", "tls: "]) {
            RegistryFault::Tls
        } else if has(&["unauthorized", "no basic auth credentials", "authentication required", "incorrect username"]) {
            RegistryFault::Unauthorised
        } else if has(&["denied"]) {
            RegistryFault::Denied
        } else if has(&["connection refused", "no such host", "network is unreachable", "no route to host"]) {
            RegistryFault::Unreachable
        } else if has(&["timeout", "deadline exceeded"]) {
            RegistryFault::TimedOut
        } else if has(&["eof", "connection reset", "broken pipe", "http status: 5", "toomanyrequests", "server closed"])
        {
            RegistryFault::Failed
        } else {
            RegistryFault::Refused
        };
        Self::new(fault, sentence(server, what, said.lines().next().unwrap_or_default()))
    }

    fn of_io(server: &str, what: &str, error: &io::Error) -> Self {
        let (fault, why) = of_chain(error);
        Self::new(fault.unwrap_or(RegistryFault::Failed), sentence(server, what, &why))
    }
}

impl From<RegistryError> for Error {
    fn from(error: RegistryError) -> Self {
        use RegistryFault as F;
        let kind = match error.fault {
            F::BadName | F::BadCredential | F::BadAuthority | F::Unauthorised | F::Denied | F::Refused => {
                ErrorKind::Invalid
            }
            F::NotFound => ErrorKind::NotFound,
            F::Unsupported => ErrorKind::Unsupported,
            F::Unreachable | F::TimedOut | F::Tls | F::Failed => ErrorKind::Unavailable,
        };
        Self::new(kind, error.code(), "registry", error.to_string()).with_source(error)
    }
}

fn sentence(server: &str, what: &str, why: &str) -> String {
    format!("{what} at the registry {server} failed: {}", why.trim_end().trim_end_matches('.'))
}

fn of_envelope(envelope: &OciEnvelope) -> (RegistryFault, String) {
    let why = envelope.errors.iter().map(|error| error.message.as_str()).filter(|text| !text.is_empty());
    let why = why.collect::<Vec<_>>().join("; ");
    let Some(first) = envelope.errors.first() else { return (RegistryFault::Refused, "it says no reason".to_owned()) };
    let fault = match first.code {
        OciErrorCode::Unauthorized => RegistryFault::Unauthorised,
        OciErrorCode::Denied => RegistryFault::Denied,
        OciErrorCode::ManifestUnknown
        | OciErrorCode::NameUnknown
        | OciErrorCode::NotFound
        | OciErrorCode::BlobUnknown
        | OciErrorCode::ManifestBlobUnknown => RegistryFault::NotFound,
        OciErrorCode::Unsupported => RegistryFault::Unsupported,
        OciErrorCode::Toomanyrequests => RegistryFault::Failed,
        _ => RegistryFault::Refused,
    };
    (fault, why)
}

fn of_status(status: u16, body: &str) -> (RegistryFault, String) {
    let fault = match status {
        401 => RegistryFault::Unauthorised,
        403 => RegistryFault::Denied,
        404 => RegistryFault::NotFound,
        405 => RegistryFault::Unsupported,
        408 | 504 => RegistryFault::TimedOut,
        429 | 500.. => RegistryFault::Failed,
        _ => RegistryFault::Refused,
    };
    let said: String = body.lines().next().unwrap_or_default().chars().take(200).collect();
    let why = match fault {
        RegistryFault::Unauthorised => "the login is missing or wrong".to_owned(),
        _ if said.is_empty() => format!("it answered with the status {status}"),
        _ => format!("it answered with the status {status}: {said}"),
    };
    (fault, why)
}

/// What lies at the bottom of an error, and what kind of thing that is, where it says so.
fn of_chain(error: &(dyn std::error::Error + 'static)) -> (Option<RegistryFault>, String) {
    let mut fault = None;
    let mut deepest = Some(error);
    let mut why = error.to_string();
    while let Some(current) = deepest {
        why = current.to_string();
        if tls_error(current) {
            return (Some(RegistryFault::Tls), why);
        }
        if let Some(error) = current.downcast_ref::<io::Error>() {
            fault = fault.or(of_kind(error.kind()));
        }
        deepest = current.source();
    }
    (fault, why)
}

fn of_kind(kind: io::ErrorKind) -> Option<RegistryFault> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some(RegistryFault::Unreachable),
        io::ErrorKind::TimedOut => Some(RegistryFault::TimedOut),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            Some(RegistryFault::Failed)
        }
        _ => None,
    }
}

/// Errors of rustls may be wrapped in errors of IO that do not name them as their source.
fn tls_error(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<rustls::Error>()
        || error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).is_some_and(|inner| tls_error(inner))
}
