//! What kind of thing went wrong at a registry.

/// What kind of thing went wrong at a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegistryFault {
    /// Nobody listens there, or the name leads nowhere.
    Unreachable,
    /// The login is missing or wrong.
    Unauthorised,
    /// The login is right, and may not do this.
    Denied,
    /// It has no such repository, tag or digest.
    NotFound,
    /// It kept silent for too long.
    TimedOut,
    /// Its certificate is not trusted, or it does not speak TLS.
    Tls,
    /// It has too much to do, or failed itself.
    Failed,
    /// It does not do that, such as deleting.
    Unsupported,
    /// It was told something that it does not take: a name, a manifest.
    Refused,
    /// The name of an image, a tag or a server is none.
    BadName,
    /// The credential is not for this registry, or of a kind that opens none.
    BadCredential,
    /// The certificates of authorities cannot be read.
    BadAuthority,
}

impl RegistryFault {
    /// A stable word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "registryUnreachable",
            Self::Unauthorised => "registryUnauthorised",
            Self::Denied => "registryDenied",
            Self::NotFound => "registryNotFound",
            Self::TimedOut => "registryTimedOut",
            Self::Tls => "registryTls",
            Self::Failed => "registryFailed",
            Self::Unsupported => "registryUnsupported",
            Self::Refused => "registryRefused",
            Self::BadName => "badImageName",
            Self::BadCredential => "badRegistryCredential",
            Self::BadAuthority => "badRegistryAuthority",
        }
    }

    /// Whether the same may work a little later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut | Self::Failed)
    }

    /// What to do next.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Unreachable => "look whether the address is right, and whether the registry runs",
            Self::Unauthorised => "name a credential of the registry, and look whether user and password are right",
            Self::Denied => "give the user of the credential the right to do this, or use another one",
            Self::NotFound => "look whether repository and tag are spelled right, and whether the login may see them",
            Self::TimedOut => "look whether the registry is overloaded, and whether something on the way holds it up",
            Self::Tls => {
                "give the certificate of its authority where Docker looks for it \
                 (/etc/docker/certs.d/HOST:PORT/ca.crt), or say `insecure: true` if it speaks plain HTTP"
            }
            Self::Failed => "try again later, and look into the log of the registry",
            Self::Unsupported => "switch it on in the registry's configuration, or do it there by hand",
            Self::Refused => "look into the log of the registry for the reason",
            Self::BadName => "write it as `registry:port/team/name`, in lower case, with a tag such as `1.0`",
            Self::BadCredential => {
                "use a credential of the kind registry, userPassword or token, made for this registry"
            }
            Self::BadAuthority => "give certificates in PEM form",
        }
    }
}
