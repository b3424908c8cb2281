//! Asking repositories from a portal: what branches they have, and whether a credential opens them.

use super::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::explain::{self, FailureClass};
use crate::source::{Access, Mirrors, RemoteRefs, RemoteUrl, SourceError};

/// A repository, and with what it is reached.
///
/// ```
/// use windlass::Remote;
/// let remote = Remote::new("https://example.com/team/web.git").credential("team-git");
/// ```
#[derive(Clone, Debug)]
pub struct Remote {
    url: String,
    credential: Option<String>,
    ca_certificate: Option<String>,
    verify_certificate: bool,
}

impl Remote {
    /// The repository at an address, as `checkout` takes it. Reached without a credential unless one is given.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), credential: None, ca_certificate: None, verify_certificate: true }
    }

    /// The name of the credential to reach it with.
    #[must_use]
    pub fn credential(mut self, name: impl Into<String>) -> Self {
        self.credential = Some(name.into());
        self
    }

    /// Certificates of authorities, in PEM, that are trusted for it beside the system's.
    #[must_use]
    pub fn ca_certificate(mut self, pem: impl Into<String>) -> Self {
        self.ca_certificate = Some(pem.into());
        self
    }

    /// Takes any certificate. Whoever is in between then reads the credential: for tests.
    #[must_use]
    pub fn without_verification(mut self) -> Self {
        self.verify_certificate = false;
        self
    }
}

/// The repositories from which an engine fetches. Made by [`Engine::sources`].
#[derive(Clone, Debug)]
pub struct Sources {
    engine: Engine,
}

impl Engine {
    /// The repositories from which runs of this engine fetch: what a form for a pipeline asks them.
    pub fn sources(&self) -> Sources {
        Sources { engine: self.clone() }
    }
}

impl Sources {
    /// The branches and tags of a repository with their commits, and its default branch. Nothing is fetched, nothing is kept.
    ///
    /// # Errors
    /// With the codes of a failed checkout, such as `repositoryNotFound`, `remoteUnauthorized`, `remoteUnreachable`,
    /// `hostKeyUnknown`, `certificateUnknown`, `badUrl`; `credential` when there is none of that name, or when it opens no
    /// repository.
    pub async fn refs(&self, remote: &Remote) -> Result<RemoteRefs> {
        let url = RemoteUrl::parse(&remote.url).map_err(|error| failed(&error))?;
        let access = self.access(remote).await?;
        self.mirrors().refs(&url, &access).await.map_err(|error| failed(&error))
    }

    /// Whether a repository can be read in this way.
    ///
    /// # Errors
    /// Why it cannot, as from [`refs`](Self::refs).
    pub async fn test(&self, remote: &Remote) -> Result<()> {
        self.refs(remote).await.map(drop)
    }

    /// Removes what is kept of a repository, so that the next checkout fetches all of it again. Fine when nothing is kept.
    ///
    /// # Errors
    /// `badUrl`, and what the disk says.
    pub async fn forget(&self, url: &str) -> Result<()> {
        let url = RemoteUrl::parse(url).map_err(|error| failed(&error))?;
        self.mirrors().remove(&url).await.map_err(|error| failed(&error))
    }

    async fn access(&self, remote: &Remote) -> Result<Access> {
        let refused = |error: crate::secret::SecretError| {
            Error::new(ErrorKind::Invalid, "credential", "source", error.to_string()).with_source(error)
        };
        let mut access = match &remote.credential {
            None => Access::default(),
            Some(name) => {
                let credential = self.engine.handle.core.secrets.credential(name).await.map_err(refused)?;
                Access::with(name, &credential).map_err(refused)?
            }
        };
        access.authorities = remote.ca_certificate.clone();
        access.any_certificate = !remote.verify_certificate;
        Ok(access)
    }

    fn mirrors(&self) -> &Mirrors {
        &self.engine.handle.core.mirrors
    }
}

pub(super) fn failed(error: &SourceError) -> Error {
    let explained = explain::source_error(error);
    let kind = match error {
        SourceError::NotFound { .. } | SourceError::NoSuchRef { .. } | SourceError::Empty { .. } => ErrorKind::NotFound,
        _ if explained.class == FailureClass::Failure => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    let cause = explained.cause;
    let message = if cause.advice.is_empty() { cause.message } else { format!("{}. {}", cause.message, cause.advice) };
    Error::new(kind, explain::source_code(error), "source", message).with_source(error.clone())
}
