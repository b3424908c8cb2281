//! The credentials that a task names, beside those that its `secrets` give to its step.

use super::action::Action;
use super::model::Task;
use super::name::CredentialName;

impl Task {
    /// The credentials with which the images of its step and of its services are fetched.
    pub fn pull_credentials(&self) -> impl Iterator<Item = &CredentialName> {
        let own = self.container.iter().filter_map(|options| options.credential.as_ref());
        own.chain(self.services.iter().filter_map(|service| service.credential.as_ref()))
    }

    /// Whether its step wants credentials, for itself or for its images.
    pub fn wants_credentials(&self) -> bool {
        !self.secrets.is_empty() || self.pull_credentials().next().is_some()
    }

    /// The credentials that the task's own work needs: to fetch, to push, to log in.
    pub(crate) fn credentials(&self) -> Vec<&CredentialName> {
        match &self.action {
            Action::Checkout(checkout) => checkout.credential.iter().collect(),
            Action::BuildImage(build) => build.credential.iter().chain(&build.pull_credentials).collect(),
            Action::DeployManifests(deploy) => deploy.pull_credential.iter().collect(),
            Action::PublishChart(publish) => publish.credential.iter().collect(),
            Action::DeployChart(deploy) => deploy.credential.iter().collect(),
            Action::SyncFiles(sync) => vec![&sync.credential],
            Action::Script(_) => self.pull_credentials().collect(),
            // An action of the embedder's says itself which of its settings are names of credentials.
            Action::RunJob(_) | Action::Approve(_) | Action::Custom(_) => Vec::new(),
        }
    }
}
