//! How the API server of a cluster is reached.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::pipeline::CredentialName;

/// How the API server of a cluster is reached. It holds no secret: these are in the credential that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum ClusterAccess {
    /// From a pod of the cluster itself, by its service account.
    InCluster,
    /// By a kubeconfig on the engine's machine, which may name other files there and programs that get tokens. Read anew for
    /// each connection.
    KubeconfigFile {
        /// The file.
        path: PathBuf,
        /// The context in it; its current one when unset.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context: Option<String>,
    },
    /// By a credential of the kind `kubeconfig`, which must hold everything itself.
    Kubeconfig {
        /// The credential's name.
        credential: CredentialName,
        /// The context in it, before the one that the credential names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context: Option<String>,
    },
    /// By the address of the API server and a credential: a `token`; a `pkcs12` with a client certificate; or an `opaque` one
    /// whose values `certificate` and `key` are a client certificate in PEM.
    Server {
        /// Its address, such as `https://10.0.0.1:6443`.
        server: String,
        /// The credential's name.
        credential: CredentialName,
        /// How the server proves who it is.
        #[serde(default)]
        trust: Trust,
    },
}

/// How an API server proves who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Trust {
    /// By a certificate that the machine trusts.
    #[default]
    System,
    /// By a certificate of this authority.
    Authority {
        /// Its certificates in PEM.
        certificates: String,
    },
    /// Not at all. Whoever stands between can read and change everything, the credential included.
    Unverified,
}

impl ClusterAccess {
    /// The credential that it needs.
    pub fn credential(&self) -> Option<&CredentialName> {
        match self {
            Self::InCluster | Self::KubeconfigFile { .. } => None,
            Self::Kubeconfig { credential, .. } | Self::Server { credential, .. } => Some(credential),
        }
    }
}
