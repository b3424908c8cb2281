//! The credentials that a task names, beside those that its `secrets` give to its step.

use super::action::Action;
use super::model::Task;
use super::name::CredentialName;

impl Task {
    /// The credentials that the task's own work needs: to fetch, to push, to log in.
    pub(crate) fn credentials(&self) -> Vec<&CredentialName> {
        match &self.action {
            Action::Checkout(checkout) => checkout.credential.iter().collect(),
            Action::BuildImage(build) => build.credential.iter().chain(&build.pull_credentials).collect(),
            Action::DeployManifests(deploy) => deploy.pull_credential.iter().collect(),
            Action::PublishChart(publish) => publish.credential.iter().collect(),
            Action::DeployChart(deploy) => deploy.credential.iter().collect(),
            Action::SyncFiles(sync) => vec![&sync.credential],
            // An action of the embedder's says itself which of its settings are names of credentials.
            Action::Script(_) | Action::RunJob(_) | Action::Approve(_) | Action::Custom(_) => Vec::new(),
        }
    }
}
