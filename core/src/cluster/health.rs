//! Whether a cluster is well.

use serde::Serialize;

use super::connect::Cluster;
use super::failure::{not_a_cluster, refused};
use crate::explain::ClusterFailure;

/// What a cluster that answers says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClusterHealth {
    /// The address of its API server.
    pub server: String,
    /// Its version, such as `v1.34.4`.
    pub version: String,
    /// The checks of the API server that fail, by their names. Empty when it is ready for work.
    pub failing: Vec<String>,
}

impl Cluster {
    /// Asks the cluster how it is.
    ///
    /// # Errors
    /// When it does not answer, or does not know who asks.
    pub async fn health(&self) -> Result<ClusterHealth, ClusterFailure> {
        let doing = format!("the cluster {:?}", self.name());
        let version = self.client().apiserver_version().await.map_err(|error| match &error {
            // Every API server answers this question, and errors as JSON.
            kube::Error::Api(status) if is_foreign(status) => {
                not_a_cluster(&doing, &format!("it says {} to a question for its version", status.code))
            }
            error => refused(&doing, error),
        })?;
        self.authenticated(&doing).await?;
        Ok(ClusterHealth {
            server: self.server().to_owned(),
            version: version.git_version,
            failing: self.failing_checks(&doing).await?,
        })
    }

    /// Everybody may ask for the version: only a question about oneself shows whether the credential is still good.
    async fn authenticated(&self, doing: &str) -> Result<(), ClusterFailure> {
        use k8s_openapi::api::authorization::v1::{SelfSubjectRulesReview, SelfSubjectRulesReviewSpec};
        let spec = SelfSubjectRulesReviewSpec { namespace: Some(self.namespace().to_owned()) };
        let review = SelfSubjectRulesReview { spec, ..SelfSubjectRulesReview::default() };
        let api: kube::Api<SelfSubjectRulesReview> = kube::Api::all(self.client().clone());
        api.create(&kube::api::PostParams::default(), &review).await.map_err(|error| refused(doing, &error))?;
        Ok(())
    }

    /// `readyz` tells even those who may nothing else; where it is closed, an answer is health enough.
    async fn failing_checks(&self, doing: &str) -> Result<Vec<String>, ClusterFailure> {
        let bad_request = |error| kube::Error::HttpError(error);
        let request = http::Request::get("/readyz?verbose").body(Vec::new());
        let request = request.map_err(|error| refused(doing, &bad_request(error)))?;
        match self.client().request_text(request).await {
            Ok(_) => Ok(Vec::new()),
            Err(kube::Error::Api(status)) if status.code >= 500 => Ok(failing(&status.message)),
            Err(kube::Error::Api(_)) => Ok(Vec::new()),
            Err(error) => Err(refused(doing, &error)),
        }
    }
}

/// Whether an answer is not from an API server, nor from what stands before one that is away.
fn is_foreign(status: &kube::core::Status) -> bool {
    status.reason == "Failed to parse error data" && status.code < 500
}

/// The names in lines such as `[-]etcd failed: reason withheld`.
fn failing(report: &str) -> Vec<String> {
    let names: Vec<String> = report
        .lines()
        .filter_map(|line| line.trim().strip_prefix("[-]"))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    if names.is_empty() { vec!["readyz".to_owned()] } else { names }
}
