//! Names of images.

use std::fmt;

use oci_client::Reference;

use super::error::RegistryError;
use super::fault::RegistryFault;

/// The name of an image: a registry, a repository there, and a tag or a digest.
///
/// ```
/// # use windlass::registry::ImageName;
/// let name = ImageName::parse("registry.example.com:5000/team/web:1.0")?;
/// assert_eq!((name.server(), name.repository(), name.reference()), ("registry.example.com:5000", "team/web", "1.0"));
/// // Without a registry it is Docker Hub, without a tag `latest`, as everywhere.
/// assert_eq!(ImageName::parse("busybox")?.to_string(), "docker.io/library/busybox:latest");
/// # Ok::<(), windlass::registry::RegistryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName(Reference);

impl ImageName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`RegistryFault::BadName`].
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let bad =
            |why: String| RegistryError::new(RegistryFault::BadName, format!("{text:?} is no name of an image: {why}"));
        text.parse().map(Self).map_err(|error: oci_client::ParseError| bad(error.to_string()))
    }

    /// A tag or digest of a repository on a server.
    pub(super) fn new(server: &str, repository: &str, reference: &str) -> Result<Self, RegistryError> {
        let mark = if reference.contains(':') { '@' } else { ':' };
        // Whether `server` has a dot decides what a single text would mean, and here there is no doubt.
        let parsed = Self::parse(&format!("localhost/{repository}{mark}{reference}"))?.0;
        if parsed.repository() != repository {
            let message = format!("{repository:?} is no name of a repository");
            return Err(RegistryError::new(RegistryFault::BadName, message));
        }
        let (server, repository) = (server.to_owned(), repository.to_owned());
        Ok(Self(match parsed.digest() {
            Some(digest) => Reference::with_digest(server, repository, digest.to_owned()),
            None => Reference::with_tag(server, repository, reference.to_owned()),
        }))
    }

    /// The registry, with its port.
    pub fn server(&self) -> &str {
        self.0.registry()
    }

    /// The repository there.
    pub fn repository(&self) -> &str {
        self.0.repository()
    }

    /// The digest, or else the tag.
    pub fn reference(&self) -> &str {
        self.0.digest().or(self.0.tag()).unwrap_or("latest")
    }

    pub(super) fn oci(&self) -> &Reference {
        &self.0
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a text is the address of a server: a host with or without a port, and nothing else.
pub(super) fn checked_server(text: &str) -> Result<&str, RegistryError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    if begins_well && text.chars().all(plain) {
        return Ok(text);
    }
    let message = format!("{text:?} is no address of a registry: a host is needed, with a port where it has its own");
    Err(RegistryError::new(RegistryFault::BadName, message))
}

/// The host of a registry in any of the forms in which people write it: with a scheme, with a path, Docker Hub's old names.
pub(super) fn plain_server(text: &str) -> String {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
    match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => "docker.io".to_owned(),
        _ => host,
    }
}
