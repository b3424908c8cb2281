//! What a Kubernetes cluster says when it refuses.

use std::fmt;

use super::code;
use super::error::FailureClass;
use super::rbac::Forbidden;
use super::successor::successor;
use crate::run::Cause;

/// An answer of the API server that is not what was asked for, as it stands in its `Status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiRefusal {
    /// The HTTP status.
    pub status: u16,
    /// The machine-readable reason, such as `Forbidden`. May be empty.
    pub reason: String,
    /// The sentence for people.
    pub message: String,
    /// The kind or the resource that it is about, such as `pods`. May be empty.
    pub kind: String,
    /// The object that it is about. May be empty.
    pub name: String,
    /// The fields that were wrong, each with what is wrong.
    pub causes: Vec<(String, String)>,
}

/// Why something with a cluster failed, for the person who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterFailure {
    /// One of the stable [codes](super::code).
    pub code: &'static str,
    /// What failed and why.
    pub message: String,
    /// What to do next; may be empty.
    pub advice: String,
    /// Who failed.
    pub class: FailureClass,
}

impl ClusterFailure {
    /// A mistake of the person who asked.
    pub fn failed(code: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { code, message: message.into(), advice: advice.into(), class: FailureClass::Failure }
    }

    /// Something that another try may mend.
    pub fn infrastructure(code: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { code, message: message.into(), advice: advice.into(), class: FailureClass::Infrastructure }
    }

    /// The failure as the cause of an attempt.
    pub fn cause(&self) -> Cause {
        Cause::new(self.code, self.message.as_str(), self.advice.as_str())
    }
}

impl fmt::Display for ClusterFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, ". {}", self.advice) }
    }
}

impl std::error::Error for ClusterFailure {}

/// Why the API server refused. `doing` is what was being done, such as `Deployment web/shop`.
pub fn api_refusal(doing: &str, refusal: &ApiRefusal) -> ClusterFailure {
    let message = format!("{doing}: {}", refusal.message.trim());
    let failure = |code, advice: &str| ClusterFailure::failed(code, message.as_str(), advice);
    let infrastructure = |code, advice: &str| ClusterFailure::infrastructure(code, message.as_str(), advice);
    if let Some(denied) = admission(refusal, failure) {
        return denied;
    }
    // Said with a status of 500 while an object is applied, and of 422 otherwise.
    if refusal.message.contains("unknown field") || refusal.message.contains("field not declared in schema") {
        return failure(code::UNKNOWN_FIELD, "Look at the spelling and the indentation of the field.");
    }
    match (refusal.status, refusal.reason.as_str()) {
        (401, _) => failure(code::UNAUTHORIZED, UNAUTHORIZED),
        (403, _) => forbidden(refusal, failure),
        (404, _) => not_found(refusal, failure),
        (409, "AlreadyExists") => failure(code::ALREADY_EXISTS, "Delete it, or choose another name."),
        (409, _) => conflict(refusal, failure),
        (422, _) | (400, _) => invalid(refusal, failure),
        (429, _) => infrastructure(code::CLUSTER_BUSY, "The API server asks for patience: let the task `retry`."),
        (500.., _) => {
            infrastructure(code::CLUSTER_FAILED, "Look whether the cluster's control plane is well, and try again.")
        }
        _ => failure(code::CLUSTER_REFUSED, ""),
    }
}

const UNAUTHORIZED: &str = "The API server does not know who asks: the token or the certificate has expired, was revoked, or is for \
                            another cluster. Store a fresh one under the same name.";

fn forbidden(refusal: &ApiRefusal, failure: impl Fn(&'static str, &str) -> ClusterFailure) -> ClusterFailure {
    let message = refusal.message.as_str();
    if message.contains("exceeded quota") {
        return failure(
            code::QUOTA_EXCEEDED,
            "Ask for less, free something in the namespace, or raise its ResourceQuota.",
        );
    }
    if message.contains("violates PodSecurity") {
        let advice = "The namespace admits only pods of its security standard: set the named fields in the pod's \
                      securityContext, or label the namespace for another standard.";
        return failure(code::ADMISSION_DENIED, advice);
    }
    if message.contains("because it is being terminated") {
        return failure(
            code::NAMESPACE_GONE,
            "The namespace is being deleted: wait until it is gone, or use another one.",
        );
    }
    if message.contains("error looking up service account") {
        let advice = "Put the ServiceAccount into the same deployment, create it in the namespace, or correct \
                      `serviceAccountName`.";
        return failure(code::NOT_IN_CLUSTER, advice);
    }
    if let Some(rule) = Forbidden::read(message) {
        return failure(
            code::FORBIDDEN,
            &format!("Let somebody with the right to do so apply this:\n{}", rule.as_yaml()),
        );
    }
    failure(code::FORBIDDEN, "Ask who runs the cluster for the right, or for the reason.")
}

/// Refusals of webhooks and policies, which come with any status.
fn admission(refusal: &ApiRefusal, failure: impl Fn(&'static str, &str) -> ClusterFailure) -> Option<ClusterFailure> {
    let message = refusal.message.as_str();
    if message.contains("failed calling webhook") {
        let advice = "The webhook itself does not answer, so that the cluster refuses everything it would judge: look at its \
                      pods and its service.";
        return Some(failure(code::ADMISSION_FAILED, advice));
    }
    let denied = message.contains("admission webhook") || message.contains("ValidatingAdmissionPolicy");
    denied
        .then(|| failure(code::ADMISSION_DENIED, "The cluster's own rules forbid it: change what the sentence names."))
}

fn not_found(refusal: &ApiRefusal, failure: impl Fn(&'static str, &str) -> ClusterFailure) -> ClusterFailure {
    match refusal.kind.as_str() {
        "namespaces" => {
            let advice = format!(
                "Create it (`kubectl create namespace {}`), or let the task do so: `createNamespace: true`.",
                refusal.name
            );
            failure(code::NO_NAMESPACE, &advice)
        }
        _ => failure(code::NOT_IN_CLUSTER, "Look whether the name and the namespace are spelled right."),
    }
}

fn conflict(refusal: &ApiRefusal, failure: impl Fn(&'static str, &str) -> ClusterFailure) -> ClusterFailure {
    let owners: Vec<&str> = refusal.causes.iter().filter_map(|(_, why)| owner(why)).collect();
    let Some(first) = owners.first() else {
        return failure(code::OBJECT_CONFLICT, "Somebody else changed it at the same time: try again.");
    };
    let fields: Vec<&str> = refusal.causes.iter().map(|(field, _)| field.as_str()).collect();
    let advice = format!(
        "{first:?} owns {}. Take the fields out of the manifest, or let {first:?} no longer set them (`kubectl apply \
         --server-side --force-conflicts` with its field manager hands them over).",
        fields.join(", "),
    );
    failure(code::FIELD_CONFLICT, &advice)
}

/// `conflict with "NAME" using apps/v1`.
fn owner(why: &str) -> Option<&str> {
    why.split_once("conflict with \"")?.1.split('"').next()
}

fn invalid(refusal: &ApiRefusal, failure: impl Fn(&'static str, &str) -> ClusterFailure) -> ClusterFailure {
    let message = refusal.message.as_str();
    if message.contains("provided port is not in the valid range") {
        let range = message.split("valid ports is ").nth(1).map(|rest| rest.trim_end_matches(['.', ' ']));
        let range = range.unwrap_or("the cluster's range, mostly 30000-32767");
        return failure(
            code::NODE_PORT_RANGE,
            &format!("Choose a `nodePort` in {range}, or leave it out: the cluster then chooses one."),
        );
    }
    if message.contains("provided port is already allocated") {
        return failure(
            code::NODE_PORT_TAKEN,
            "Another Service has this `nodePort`: choose another one, or leave it out.",
        );
    }
    if message.contains("field is immutable") {
        let advice = "This field cannot be changed in place: delete the object and deploy again (`windlass rollout recreate`), \
                      or give it another name.";
        return failure(code::IMMUTABLE_FIELD, advice);
    }
    failure(code::BAD_MANIFEST, "Correct the field that the sentence names.")
}

/// The cluster does not serve the API version of a manifest. `served` are the versions in which it serves the kind.
pub fn api_not_served(object: &str, api_version: &str, kind: &str, served: &[String]) -> ClusterFailure {
    let message = format!("{object}: this cluster does not serve {kind} in {api_version}");
    let advice = match (successor(api_version, kind), served) {
        (Some(next), _) if served.is_empty() || served.iter().any(|version| version == next.api_version) => {
            let since = format!("Kubernetes {} removed {api_version} of {kind}", next.removed_in);
            match next.note {
                "" => format!("{since}: write `apiVersion: {}`.", next.api_version),
                note => format!("{since}: write `apiVersion: {}` ({note}).", next.api_version),
            }
        }
        (_, []) => format!(
            "Look at the spelling of `apiVersion` and `kind`. If {kind} comes from a CustomResourceDefinition, install that \
             first, or put it into the same deployment."
        ),
        (_, served) => format!("This cluster serves {kind} in {}: write one of these.", served.join(", ")),
    };
    ClusterFailure::failed(code::API_NOT_SERVED, message, advice)
}
