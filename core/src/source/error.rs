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
    /// The server, the connection or git itself failed.
    #[error("fetching from {url} failed: {why}")]
    Failed {
        /// The remote.
        url: String,
        /// What was said.
        why: String,
    },
}

impl SourceError {
    /// A stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadUrl { .. } => "badUrl",
            Self::BadRef { .. } => "badRef",
            Self::Unreachable { .. } => "remoteUnreachable",
            Self::Unauthorized { .. } => "remoteUnauthorized",
            Self::Forbidden { .. } => "remoteForbidden",
            Self::NotFound { .. } => "repositoryNotFound",
            Self::Empty { .. } => "repositoryEmpty",
            Self::NoSuchRef { .. } => "refNotFound",
            Self::UnknownHostKey { .. } => "hostKeyUnknown",
            Self::HostKeyChanged { .. } => "hostKeyChanged",
            Self::Certificate { .. } => "certificateUnknown",
            Self::BadKey { .. } => "badKey",
            Self::NoSpace { .. } => "noSpace",
            Self::Failed { .. } => "fetchFailed",
        }
    }

    /// What to do next.
    pub fn advice(&self) -> String {
        match self {
            Self::BadUrl { .. } => "Write https://…, ssh://…, user@host:path, or the absolute path of a folder.".to_owned(),
            Self::BadRef { .. } => "Name a branch, a tag, or the 40 digits of a commit.".to_owned(),
            Self::Unreachable { .. } => {
                "Look whether the address is right and whether this machine can reach it: name service, network, proxy \
                 (HTTPS_PROXY), firewall."
                    .to_owned()
            }
            Self::Unauthorized { given: true, .. } => {
                "The user or the password is wrong, or the token has expired: save the credential again. Many code hosts \
                 want a token in the place of the password."
                    .to_owned()
            }
            Self::Unauthorized { .. } => "Name a `credential` in the task.".to_owned(),
            Self::Forbidden { .. } => {
                "Give the user of the credential the right to read this repository.".to_owned()
            }
            Self::NotFound { .. } => {
                "Look at the address. Code hosts say the same of private repositories when no credential is given, or one \
                 that may not read them."
                    .to_owned()
            }
            Self::Empty { .. } => "Push a first commit.".to_owned(),
            Self::NoSuchRef { nearest: Some(nearest), .. } => {
                format!("The nearest name is {nearest:?}. It may also have been deleted or renamed since.")
            }
            Self::NoSuchRef { .. } => "It may have been deleted or renamed since.".to_owned(),
            Self::UnknownHostKey { line, .. } => {
                format!("If that is the right key, put this line into `knownHosts` of the credential: {line}")
            }
            Self::HostKeyChanged { .. } => {
                "Ask who runs the host whether its key was changed. If not, somebody is in between: do not go on. If it \
                 was, replace the host's line in `knownHosts` of the credential."
                    .to_owned()
            }
            Self::Certificate { .. } => {
                "If the host has a certificate of its own authority, give that authority's certificate to the remote."
                    .to_owned()
            }
            Self::BadKey { .. } => "Save the credential again with the whole private key and its passphrase.".to_owned(),
            Self::NoSpace { .. } => "Free some space on the disk with the data directory.".to_owned(),
            Self::Failed { .. } => "Try again; when it goes on, look at the server's log.".to_owned(),
        }
    }

    /// Whether the same may work later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NoSpace { .. } | Self::Failed { .. })
    }
}
