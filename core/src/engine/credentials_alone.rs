//! The credentials of a data directory that no engine works on: nothing is taken up, nothing starts.

use std::sync::Arc;

use super::builder::{EngineBuilder, system_clock};
use super::credential_tests::Tests;
use super::credentials::{KeyRotation, SavedCredential, removing, rotating, setting, tried};
use super::vault::Vault;
use crate::clock::SharedClock;
use crate::error::Result;
use crate::secret::{Credential, CredentialReport, CredentialTarget, SecretProvider, SecretProviders};
use crate::store::{DataDir, Store};

/// What an engine would have of credentials.
pub(crate) struct CredentialsAlone {
    pub(super) store: Arc<dyn Store>,
    pub(super) vault: Arc<Vault>,
    pub(super) providers: SecretProviders,
    pub(super) tests: Tests,
    pub(super) clock: SharedClock,
    /// Held to the last.
    pub(super) _data_dir: DataDir,
}

impl CredentialsAlone {
    /// `locked` when an engine holds the data directory.
    pub(crate) async fn open(builder: EngineBuilder) -> Result<Self> {
        builder.credentials_alone().await
    }

    pub(super) async fn new(
        (data_dir, store, vault): (DataDir, Arc<dyn Store>, Arc<Vault>),
        secrets: Vec<Arc<dyn SecretProvider>>,
        tests: Tests,
    ) -> Result<Self> {
        let clock = system_clock(&*store).await?;
        let providers = SecretProviders::new(secrets).after(vault.clone());
        Ok(Self { store, vault, providers, tests, clock, _data_dir: data_dir })
    }

    pub(crate) async fn set(&self, name: &str, credential: &Credential, by: &str) -> Result<SavedCredential> {
        let at = (self.clock.now(), by);
        let (batch, saved) = setting(&*self.store, &self.vault, name, credential, at).await?;
        self.store.commit(batch).await?;
        Ok(saved)
    }

    pub(crate) async fn remove(&self, name: &str, by: &str) -> Result<()> {
        let batch = removing(&*self.store, name, (self.clock.now(), by)).await?;
        Ok(self.store.commit(batch).await?)
    }

    pub(crate) async fn rotate_master_key(&self, by: &str) -> Result<KeyRotation> {
        let (batch, ring, rotation) = rotating(&self.vault, (self.clock.now(), by)).await?;
        self.store.commit(batch).await?;
        self.vault.rotated(&ring).await?;
        Ok(rotation)
    }

    pub(crate) async fn test(&self, name: &str, target: &CredentialTarget) -> Result<CredentialReport> {
        tried(&self.providers, &self.tests, name, target).await
    }

    pub(crate) async fn close(self) -> Result<()> {
        Ok(self.store.close().await?)
    }
}
