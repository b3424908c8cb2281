//! The credentials of one attempt at a step: looked up just before the start, and what is masked in all that it leaves.
//!
//! What an attempt is given is kept for it, sealed, before it starts. So a crash changes nothing: the next engine masks what
//! the step was given, also when the credential was changed or removed meanwhile, or its provider does not answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::core::Core;
use super::request::StoredRequest;
use super::run_masks::RunMasks;
use crate::action::KeepGiven;
use crate::executor::StepSecrets;
use crate::explain;
use crate::pipeline::{SecretForm, SecretVariable};
use crate::run::{AttemptEnd, StepKey};
use crate::secret::{Credential, SecretError, SecretProviders, Unmasked, unmasked};
use crate::store::{Batch, CredentialChange, CredentialOwner, StoreError};

/// What an attempt is to be given.
pub(super) struct AttemptSecrets {
    pub(super) given: GivenTo,
    pub(super) request: Arc<StoredRequest>,
    pub(super) wanted: Vec<SecretVariable>,
    /// What its images are fetched with.
    pub(super) pulls: Vec<String>,
    pub(super) providers: SecretProviders,
    /// Whether an earlier engine may have started it.
    pub(super) resumed: bool,
}

/// What an attempt was given.
pub(super) struct Given {
    pub(super) step: StepSecrets,
    /// Values that are too short to be masked.
    pub(super) unmasked: Vec<Unmasked>,
}

type Credentials = BTreeMap<String, Credential>;

impl AttemptSecrets {
    /// Looks everything up, and lets it be masked from now on.
    pub(super) async fn give(&self, masks: &RunMasks) -> Result<Given, AttemptEnd> {
        let mut given = Given { step: StepSecrets::default(), unmasked: Vec::new() };
        let core = &self.given.core;
        // Also for an attempt that is given nothing: it can find in the workspace what others were given.
        masks.recall(core, self.given.key.run, &self.request).await.map_err(|error| ended(&error))?;
        if self.names().next().is_none() {
            return Ok(given);
        }
        let credentials = {
            let _busy = core.clock.busy();
            self.credentials().await.map_err(|error| ended(&error))?
        };
        for (name, credential) in &credentials {
            masks.masks().learn(name, credential);
            given.unmasked.extend(unmasked(name, credential));
        }
        for secret in &self.wanted {
            let name = secret.from.as_str();
            let Some(credential) = credentials.get(name) else { continue };
            let (variable, key) = (secret.name.to_string(), secret.key.as_deref());
            match secret.form {
                SecretForm::Env => {
                    let value = credential.part(name, key).map_err(|error| ended(&error))?;
                    given.step.env.insert(variable, value.into());
                }
                SecretForm::File => {
                    let content = credential.file(name, key).map_err(|error| ended(&error))?;
                    given.step.files.insert(variable, content);
                }
            }
        }
        let pulls = self.pulls.iter().filter_map(|name| Some((name.clone(), credentials.get(name)?.clone())));
        given.step.pulls = pulls.collect();
        Ok(given)
    }

    /// The credentials that it wants.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.wanted.iter().map(|secret| secret.from.as_str()).chain(self.pulls.iter().map(String::as_str))
    }

    /// What it was given when it was started, or else what it is given now.
    async fn credentials(&self) -> Result<Credentials, SecretError> {
        if self.resumed
            && let Some(kept) = self.given.kept(self.names()).await?
        {
            return Ok(kept);
        }
        let mut credentials = Credentials::new();
        for name in self.names() {
            if !credentials.contains_key(name) {
                credentials.insert(name.to_owned(), self.providers.credential(name).await?);
            }
        }
        self.given.keep(&credentials).await?;
        Ok(credentials)
    }
}

/// What one attempt is given, as it is kept for it.
#[derive(Clone, Debug)]
pub(super) struct GivenTo {
    pub(super) core: Arc<Core>,
    pub(super) key: StepKey,
}

impl GivenTo {
    async fn kept<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<Option<Credentials>, SecretError> {
        let mut credentials = Credentials::new();
        for name in names {
            let found = self.core.vault.find(self.owner(), &self.kept_name(name)).await;
            match found.map_err(|error| error.of(name))? {
                Some(credential) => credentials.insert(name.to_owned(), credential),
                // They are kept together or not at all.
                None => return Ok(None),
            };
        }
        Ok(Some(credentials))
    }

    async fn keep(&self, credentials: &Credentials) -> Result<(), SecretError> {
        // Nobody changes the key between the sealing and the commit.
        let _sealing = self.core.sealing.lock().await;
        let mut batch = Batch::default();
        for (name, credential) in credentials {
            let at = (self.core.clock.now(), crate::audit::ENGINE);
            let sealed = self.core.vault.seal(self.owner(), &self.kept_name(name), credential, at).await;
            batch.credentials.push(CredentialChange::Set(sealed.map_err(|error| error.of(name))?));
        }
        let failed = |error: StoreError| SecretError::Provider {
            name: credentials.keys().next().cloned().unwrap_or_default(),
            provider: "the engine".to_owned(),
            why: error.to_string(),
        };
        self.core.commit(batch).await.map_err(failed)
    }

    fn owner(&self) -> CredentialOwner {
        CredentialOwner::Run(self.key.run)
    }

    /// No name of a credential has a slash, so that this is none that a run was given.
    fn kept_name(&self, name: &str) -> String {
        format!("{}/{name}", self.key.slug())
    }
}

/// Actions ask for what they need while they go on.
#[async_trait]
impl KeepGiven for GivenTo {
    async fn keep_given(&self, name: &str, credential: &Credential) -> Result<(), SecretError> {
        self.keep(&Credentials::from([(name.to_owned(), credential.clone())])).await
    }
}

/// The name of a credential that an attempt was given, from the one under which it is kept; `None` for one of the run itself.
pub(super) fn given_name(kept: &str) -> Option<&str> {
    kept.split_once('/').map(|(_, name)| name)
}

/// How an attempt ends that does not get its credentials.
pub(super) fn ended(error: &SecretError) -> AttemptEnd {
    let cause = explain::no_credential(error);
    match error {
        SecretError::Provider { .. } => AttemptEnd::Infrastructure { cause },
        _ => AttemptEnd::Failed { exit_code: None, cause },
    }
}
