//! Who the engine is for an API server: tokens and client certificates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::AuthInfo;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use zeroize::Zeroizing;

use crate::explain::{ClusterFailure, code};
use crate::secret::{Credential, SecretText};

/// What a credential says to an API server.
pub(super) fn identity(credential: &Credential) -> Result<AuthInfo, ClusterFailure> {
    match credential {
        Credential::Token { token } => {
            Ok(AuthInfo { token: Some(token.expose().trim().to_owned().into()), ..AuthInfo::default() })
        }
        Credential::Pkcs12 { archive, password } => {
            let (certificates, key) = unpack(archive.expose(), password.expose())?;
            Ok(client_certificate(certificates.as_bytes(), key.as_bytes()))
        }
        Credential::Opaque { values } => match (values.get("certificate"), values.get("key")) {
            (Some(certificate), Some(key)) => pem(certificate, key),
            _ => Err(bad("a client certificate needs the values `certificate` and `key`", "Store both, in PEM.")),
        },
        other => Err(bad(
            format!("a credential of the kind {} does not open a cluster", other.kind().as_str()),
            "Use a token, a client certificate (pkcs12, or opaque with `certificate` and `key`), or a kubeconfig.",
        )),
    }
}

fn pem(certificate: &SecretText, key: &SecretText) -> Result<AuthInfo, ClusterFailure> {
    for (what, text, label) in [("certificate", certificate, "CERTIFICATE"), ("key", key, "PRIVATE KEY")] {
        if !text.expose().contains("-----BEGIN ") || !text.expose().contains(label) {
            let message = format!("the value `{what}` of the client certificate is not PEM");
            return Err(bad(message, format!("It begins with a line such as `-----BEGIN {label}-----`.")));
        }
    }
    Ok(client_certificate(certificate.expose().as_bytes(), key.expose().as_bytes()))
}

fn client_certificate(certificates: &[u8], key: &[u8]) -> AuthInfo {
    AuthInfo {
        client_certificate_data: Some(STANDARD.encode(certificates)),
        client_key_data: Some(STANDARD.encode(key).into()),
        ..AuthInfo::default()
    }
}

/// The certificates and the key of a PKCS#12 archive, in PEM.
fn unpack(archive: &str, password: &str) -> Result<(String, Zeroizing<String>), ClusterFailure> {
    let compact: Zeroizing<String> = Zeroizing::new(archive.split_whitespace().collect());
    let bytes = STANDARD.decode(compact.as_bytes()).map(Zeroizing::new).map_err(|_| {
        bad("the client certificate (PKCS#12) is not base64", "Store what `base64 -w0 client.p12` prints.")
    })?;
    let store = KeyStore::from_pkcs12(&bytes, password, Pkcs12ImportPolicy::Relaxed).map_err(|error| {
        let message = format!("the client certificate (PKCS#12) cannot be opened: {error}");
        bad(message, "Look at its password, and whether it is the whole file.")
    })?;
    let (_, chain) = store.private_key_chain().ok_or_else(|| {
        bad("the client certificate (PKCS#12) holds no private key", "Export it together with its key.")
    })?;
    let certificates = chain.certs().iter().map(|certificate| block("CERTIFICATE", certificate.as_der())).collect();
    Ok((certificates, Zeroizing::new(block("PRIVATE KEY", chain.key().as_der()))))
}

/// DER as PEM.
fn block(label: &str, der: &[u8]) -> String {
    let encoded = Zeroizing::new(STANDARD.encode(der));
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

fn bad(message: impl Into<String>, advice: impl Into<String>) -> ClusterFailure {
    ClusterFailure::failed(code::BAD_CREDENTIAL, message, advice)
}
