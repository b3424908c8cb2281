//! What must not show up in anything that a run leaves: the values that any of its attempts was given so far.
//!
//! Tasks share a workspace, so that a secret of one can be read from a file by another. After a crash the values come from what
//! is kept, sealed, for the attempts of the run (see [`attempt_secrets`](super::attempt_secrets)).

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::attempt_secrets::given_name;
use super::core::Core;
use super::request::StoredRequest;
use crate::run::{RunId, RunState};
use crate::secret::{Masks, SecretError};
use crate::store::CredentialOwner;

/// The values of one run. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct RunMasks {
    masks: Masks,
    /// What earlier engines gave, once it is known again.
    recalled: Arc<OnceCell<()>>,
    /// The credentials of tasks that an earlier run did, in whose workspace this one goes on.
    earlier: Arc<[String]>,
}

impl RunMasks {
    /// Of a run that is taken up as it is.
    pub(super) fn of(state: &RunState) -> Self {
        let fresh = state.tasks().all(|view| view.attempts() == 0);
        let reused = state.tasks().filter(|view| view.reused().is_some());
        let secrets = reused.flat_map(|view| view.planned().definition.secrets.iter());
        let earlier: Arc<[String]> = secrets.map(|secret| secret.from.to_string()).collect();
        let nothing = fresh && earlier.is_empty();
        Self { masks: Masks::default(), recalled: Arc::new(OnceCell::new_with(nothing.then_some(()))), earlier }
    }

    /// What is masked now, and what comes later.
    pub(super) fn masks(&self) -> &Masks {
        &self.masks
    }

    /// Returns once everything that attempts of the run were given before is masked.
    pub(super) async fn recall(&self, core: &Core, run: RunId, request: &StoredRequest) -> Result<(), SecretError> {
        let recalling = self.recalled.get_or_try_init(|| async {
            self.recall_given(core, run).await?;
            let providers = core.secrets_of(run, request);
            for name in self.earlier.iter() {
                // It may be another value by now, or none: the run that was given it has freed what was kept for it.
                match providers.credential(name).await {
                    Ok(credential) => self.masks.learn(name, &credential),
                    Err(error) => {
                        tracing::debug!(%run, %error, "what an earlier run was given is not masked in this one")
                    }
                }
            }
            Ok(())
        });
        recalling.await.map(drop)
    }

    async fn recall_given(&self, core: &Core, run: RunId) -> Result<(), SecretError> {
        let failed = |error: crate::store::StoreError| SecretError::Provider {
            name: "of the run".to_owned(),
            provider: "the engine".to_owned(),
            why: error.to_string(),
        };
        let kept = core.archive.store.credentials(Some(CredentialOwner::Run(run))).await.map_err(failed)?;
        for record in kept {
            let Some(name) = given_name(&record.name) else { continue };
            let credential = core.vault.open(&record).await.map_err(|error| error.of(name))?;
            self.masks.learn(name, &credential);
        }
        Ok(())
    }
}
