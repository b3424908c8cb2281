//! Namespaces: looked for, and made when they are missing.

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::PostParams;

use super::connect::Cluster;
use super::failure::refused;
use crate::explain::{ClusterFailure, code};

/// The label of what Windlass made in a cluster.
pub(crate) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "windlass");

/// What became of a namespace that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceState {
    /// It was there.
    Found,
    /// It was made.
    Made,
}

impl Cluster {
    /// Makes a namespace unless it is there.
    ///
    /// # Errors
    /// When the cluster does not answer, or refuses.
    pub async fn make_namespace(&self, name: &str) -> Result<NamespaceState, ClusterFailure> {
        let doing = format!("the namespace {name:?}");
        let api: Api<Namespace> = Api::all(self.client().clone());
        match api.get_opt(name).await {
            Ok(Some(_)) => return Ok(NamespaceState::Found),
            Ok(None) => {}
            // Whoever may not look may still create.
            Err(kube::Error::Api(status)) if status.code == 403 => {}
            Err(error) => return Err(refused(&doing, &error)),
        }
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.to_owned());
        let (key, value) = MANAGED_BY;
        namespace.metadata.labels = Some([(key.to_owned(), value.to_owned())].into());
        match api.create(&PostParams::default(), &namespace).await {
            Ok(_) => Ok(NamespaceState::Made),
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(NamespaceState::Found),
            Err(error) => Err(without_namespace(name, refused(&doing, &error))),
        }
    }
}

/// Whoever may not make namespaces is mostly meant to get one.
fn without_namespace(name: &str, failure: ClusterFailure) -> ClusterFailure {
    if failure.code != code::FORBIDDEN {
        return failure;
    }
    let advice = format!(
        "The namespace is made by whoever runs the cluster (`kubectl create namespace {name}`), and the rights in it as well \
         (`windlass cluster role --namespace {name} | kubectl apply -f -`). {}",
        failure.advice
    );
    ClusterFailure { advice, ..failure }
}
