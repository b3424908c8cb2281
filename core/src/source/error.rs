//! What goes wrong with a remote. No message holds a secret.

/// Why a remote could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The address cannot be one.
    #[error("{url:?} is no address of a repository: {why}")]
    BadUrl {
        /// What was given, without a password.
        url: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// The name cannot be that of a branch, a tag or a commit.
    #[error("{name:?} cannot be the name of a branch, a tag or a commit: {why}")]
    BadRef {
        /// What was given.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody answers.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// The host.
        host: String,
        /// What the network said.
        why: String,
    },
    /// The credential was not accepted, or one is needed.
    #[error("{url} refused the login{}", if *.given { "" } else { ": none was given" })]
    Unauthorized {
        /// The remote.
        url: String,
        /// Whether there was a credential.
        given: bool,
    },
    /// The credential was accepted, and is not enough.
    #[error("{url} refused the access, although the login was accepted")]
    Forbidden {
        /// The remote.
        url: String,
    },
    /// There is no repository.
    #[error("there is no repository at {url}")]
    NotFound {
        /// The remote.
        url: String,
    },
    /// There is a repository without a commit.
    #[error("the repository at {url} is empty")]
    Empty {
        /// The remote.
        url: String,
    },
    /// There is no such branch, tag or commit.
    #[error("{url} has no branch, tag or commit {name:?}")]
    NoSuchRef {
        /// The remote.
        url: String,
        /// What was wanted.
        name: String,
        /// The nearest name that there is.
        nearest: Option<String>,
    },
    /// The host showed a key that nobody knows.
    #[error("the host key of {host} is not known: it shows {fingerprint}")]
    UnknownHostKey {
        /// The host, with its port where that is not 22.
        host: String,
        /// The fingerprint of the key that it showed.
        fingerprint: String,
        /// The line for a `known_hosts` file.
        line: String,
    },
    /// The host showed another key than the known one.
    #[error("the host key of {host} has changed: it shows {fingerprint}, and another one is known")]
    HostKeyChanged {
        /// The host, with its port where that is not 22.
        host: String,
        /// The fingerprint of the key that it showed.
        fingerprint: String,
    },
    /// The certificate of the host is not trusted.
    #[error("the certificate of {host} is not trusted: {why}")]
    Certificate {
        /// The host.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// The private key cannot be used.
    #[error("the private key cannot be used: {why}")]
    BadKey {
        /// What is wrong with it.
        why: String,
    },
    /// There is no space left.
    #[error("no space is left for the copy of {url}")]
    NoSpace {
        /// The remote.
        url: String,
    },
    /// Git refuses a folder of this machine that belongs to somebody else.
    #[error("the repository at {url} belongs to another user of this machine")]
    ForeignOwner {
        /// The folder.
        url: String,
    },
    /// Nobody waits for it any more: it was cancelled, or the engine is closing.
    #[error("fetching from {url} was stopped")]
    Stopped {
        /// The remote.
        url: String,
    },
    /// The server, the connection or git itself failed.
    #[error("fetching from {url} failed: {why}")]
    Failed {
        /// The remote.
        url: String,
        /// What was said.
        why: String,
    },
}
