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
    let whole = chain(error);
    let says = |words: &[&str]| words.iter().any(|word| whole.contains(word));
    let message = format!("{doing}: {whole}");
    if says(&["UnknownIssuer", "invalid peer certificate", "CaUsedAsEndEntity", "NotValidForName"]) {
        let advice = "The API server's certificate is not from an authority that is trusted for it: give the cluster its \
                      authority's certificates, or look whether the address is right.";
        return ClusterFailure::failed(code::UNKNOWN_CERTIFICATE, message, advice);
    }
    if says(&["failed to lookup address", "Name or service not known", "No such host", "nodename nor servname"]) {
        let advice = "Nobody knows the name of its API server: the cluster may have been deleted, or is known only in another \
                      network.";
        return ClusterFailure::infrastructure(code::CLUSTER_GONE, message, advice);
    }
    let advice = "The API server does not answer: look whether it is up, and whether this machine may reach it (firewall, VPN, \
                  proxy).";
    ClusterFailure::infrastructure(code::CLUSTER_UNREACHABLE, message, advice)
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
