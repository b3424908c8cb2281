//! What the client of the cluster says, in words for people.

use std::error::Error as StdError;

use crate::explain::{ApiRefusal, ClusterFailure, api_refusal, code};

/// Why a request to a cluster failed. `doing` is what it was about, such as `Deployment web/shop`.
pub(crate) fn refused(doing: &str, error: &kube::Error) -> ClusterFailure {
    match error {
        kube::Error::Api(status) => api_refusal(doing, &refusal(status)),
        error => unreachable(doing, error),
    }
}

fn refusal(status: &kube::core::Status) -> ApiRefusal {
    let details = status.details.as_ref();
    let causes = details.into_iter().flat_map(|details| &details.causes);
    ApiRefusal {
        status: status.code,
        reason: status.reason.clone(),
        message: status.message.clone(),
        kind: details.map(|details| details.kind.clone()).unwrap_or_default(),
        name: details.map(|details| details.name.clone()).unwrap_or_default(),
        causes: causes.map(|cause| (cause.field.clone(), cause.message.clone())).collect(),
    }
}

/// The request did not get an answer, or none that makes sense.
fn unreachable(doing: &str, error: &kube::Error) -> ClusterFailure {
    match error {
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => not_a_cluster(doing, "it does not answer as one"),
        error => unanswered(doing, &chain(error)),
    }
}

/// Whoever answers at the address is no API server.
pub(super) fn not_a_cluster(doing: &str, how: &str) -> ClusterFailure {
    let message = format!("{doing}: what answers at its address is no API server of Kubernetes: {how}");
    let advice = "Look at the address: it is that of the API server, such as https://10.0.0.1:6443, and neither that of a page nor \
                  of a service in the cluster.";
    ClusterFailure::failed(code::NOT_A_CLUSTER, message, advice)
}

/// What the words of the connection say: `whole` is all of them.
pub(super) fn unanswered(doing: &str, whole: &str) -> ClusterFailure {
    let says = |words: &[&str]| words.iter().any(|word| whole.contains(word));
    let message = format!("{doing}: {whole}");
    let infrastructure = |code, advice: &str| ClusterFailure::infrastructure(code, message.as_str(), advice);
    if says(&["InvalidContentType", "received corrupt message"]) {
        return not_a_cluster(doing, "it does not speak TLS");
    }
    if says(&["UnknownIssuer", "invalid peer certificate", "CaUsedAsEndEntity", "NotValidForName"]) {
        let advice = "The API server's certificate is not from an authority that is trusted for it: give the cluster its \
                      authority's certificates, or look whether the address is right. If it was right before, another cluster \
                      may answer at the address by now.";
        return ClusterFailure::failed(code::UNKNOWN_CERTIFICATE, message, advice);
    }
    if says(&["CertificateExpired", "CertificateRequired", "certificate_expired", "CertificateRevoked"]) {
        let advice = "The client certificate has expired, or the API server wants another one: store a fresh one under the same \
                      name.";
        return ClusterFailure::failed(code::UNAUTHORIZED, message, advice);
    }
    if says(&["unable to run auth exec", "auth exec command", "exec auth", "auth exec output", "token file"]) {
        let advice = "The kubeconfig gets its token from a program or a file: look whether it is there, and works for the user of \
                      the engine's process.";
        return ClusterFailure::failed(code::BAD_KUBECONFIG, message, advice);
    }
    if says(&["tunnel error", "SOCKS error"]) {
        let advice = "The proxy on the way does not answer, or does not let the connection through: look at `proxy-url` of the \
                      kubeconfig, and at HTTPS_PROXY and NO_PROXY of the engine's process.";
        return infrastructure(code::CLUSTER_UNREACHABLE, advice);
    }
    if says(&["Temporary failure in name resolution"]) {
        return infrastructure(
            code::CLUSTER_UNREACHABLE,
            "No name server answers: look at the network of this machine. The cluster may be well.",
        );
    }
    if says(&["failed to lookup address", "Name or service not known", "No such host", "nodename nor servname"]) {
        let advice = "Nobody knows the name of its API server: the cluster may have been deleted (then remove it: `windlass cluster \
                      remove`), or is known only in another network.";
        return infrastructure(code::CLUSTER_GONE, advice);
    }
    let advice = "The API server does not answer: look whether it is up, and whether this machine may reach it (firewall, VPN, \
                  proxy). When it comes back nothing need be set up anew.";
    infrastructure(code::CLUSTER_UNREACHABLE, advice)
}

/// The error with what is behind it, each said once.
fn chain(error: &dyn StdError) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let said = error.to_string();
        if !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
        next = error.source();
    }
    text
}
