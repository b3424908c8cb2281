//! The credentials that the engine keeps itself: sealed when they are written, opened when they are used.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use crate::clock::random_bytes;
use crate::error::Error;
use crate::run::{Now, RunId};
use crate::secret::{Credential, KeyRing, KeySource, MasterKey, Sealed, SecretError, SecretProvider};
use crate::store::{CredentialOwner, CredentialRecord, Store, StoreError};

/// What it is called in messages.
const NAME: &str = "the engine";

/// The store with its key.
#[derive(Debug)]
pub(crate) struct Vault {
    store: Arc<dyn Store>,
    source: KeySource,
    /// Read when it is needed first.
    ring: Mutex<Option<Arc<KeyRing>>>,
}

/// Why a credential could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VaultError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Secret(error) => error.into(),
            VaultError::Store(error) => error.into(),
        }
    }
}

impl VaultError {
    /// As the error of a provider.
    pub(super) fn of(self, name: &str) -> SecretError {
        match self {
            Self::Secret(error) => error,
            Self::Store(error) => {
                SecretError::Provider { name: name.to_owned(), provider: NAME.to_owned(), why: error.to_string() }
            }
        }
    }
}

impl Vault {
    pub(crate) fn new(store: Arc<dyn Store>, source: KeySource) -> Self {
        Self { store, source, ring: Mutex::default() }
    }

    /// Seals a credential for its owner, with a key that is made when nothing was sealed before.
    pub(crate) async fn seal(
        &self,
        owner: CredentialOwner,
        name: &str,
        credential: &Credential,
        (changed, by): (Now, &str),
    ) -> Result<CredentialRecord, VaultError> {
        let ring = self.ring_to_seal().await?;
        let random = random_bytes().map_err(|error| self.bad(&error))?;
        let sealed = Sealed::seal(&sealed_name(owner, name), credential, ring.current(), &random)?;
        let changed_by = by.to_owned();
        Ok(CredentialRecord { owner, name: name.to_owned(), kind: credential.kind(), sealed, changed, changed_by })
    }

    /// Opens what was sealed.
    pub(crate) async fn open(&self, record: &CredentialRecord) -> Result<Credential, VaultError> {
        let ring = match self.ring().await? {
            Some(ring) => ring,
            None => return Err(self.no_key().await?.into()),
        };
        let opened = record.sealed.open(&sealed_name(record.owner, &record.name), &ring.all());
        opened.map_err(|error| named(error, &record.name).into())
    }

    /// The credential of an owner; `None` when there is none of this name.
    pub(crate) async fn find(&self, owner: CredentialOwner, name: &str) -> Result<Option<Credential>, VaultError> {
        match self.store.credential(owner, name).await? {
            Some(record) => self.open(&record).await.map(Some),
            None => Ok(None),
        }
    }

    /// Everything, sealed with the new key: a fresh one where the engine keeps the key in a file, otherwise the current one of
    /// where it comes from. The caller commits it, and then calls [`rotated`](Self::rotated). Until then both keys are known,
    /// also after a crash.
    pub(super) async fn reseal(&self) -> Result<(Vec<CredentialRecord>, Arc<KeyRing>), VaultError> {
        let old = match self.load().await? {
            Some(ring) => ring,
            None => Arc::unwrap_or_clone(self.ring_to_seal().await?),
        };
        let ring = match &self.source {
            KeySource::File(_) => {
                let fresh = MasterKey::new(random_bytes().map_err(|error| self.bad(&error))?);
                let both = KeyRing::new(fresh, old.all());
                self.write(both.clone()).await?;
                both
            }
            _ => old,
        };
        let mut resealed = Vec::new();
        for record in self.store.credentials(None).await? {
            let random = random_bytes().map_err(|error| self.bad(&error))?;
            let name = sealed_name(record.owner, &record.name);
            let sealed = record.sealed.reseal(&name, &ring.all(), ring.current(), &random);
            let sealed = sealed.map_err(|error| named(error, &record.name))?;
            resealed.push(CredentialRecord { sealed, ..record });
        }
        let ring = Arc::new(ring);
        *self.ring.lock().await = Some(ring.clone());
        Ok((resealed, ring))
    }

    /// Nothing is sealed with an older key any more: the file forgets them.
    pub(super) async fn rotated(&self, ring: &KeyRing) -> Result<(), VaultError> {
        let alone = KeyRing::new(ring.current().clone(), []);
        if matches!(self.source, KeySource::File(_)) {
            self.write(alone.clone()).await?;
            *self.ring.lock().await = Some(Arc::new(alone));
        }
        Ok(())
    }

    async fn ring(&self) -> Result<Option<Arc<KeyRing>>, VaultError> {
        let mut kept = self.ring.lock().await;
        if kept.is_none() {
            *kept = self.load().await?.map(Arc::new);
        }
        Ok(kept.clone())
    }

    async fn ring_to_seal(&self) -> Result<Arc<KeyRing>, VaultError> {
        if let Some(ring) = self.ring().await? {
            return Ok(ring);
        }
        let mut kept = self.ring.lock().await;
        if let Some(ring) = kept.as_ref() {
            return Ok(ring.clone());
        }
        if !self.store.credentials(None).await?.is_empty() {
            return Err(self.no_key().await?.into());
        }
        let fresh = KeyRing::new(MasterKey::new(random_bytes().map_err(|error| self.bad(&error))?), []);
        self.write(fresh.clone()).await?;
        let fresh = Arc::new(fresh);
        *kept = Some(fresh.clone());
        Ok(fresh)
    }

    /// Reads the keys on a thread that may block.
    async fn load(&self) -> Result<Option<KeyRing>, SecretError> {
        let source = self.source.clone();
        tokio::task::spawn_blocking(move || source.load()).await.unwrap_or_else(|error| Err(self.bad(&error)))
    }

    async fn write(&self, ring: KeyRing) -> Result<(), SecretError> {
        let source = self.source.clone();
        tokio::task::spawn_blocking(move || source.store(&ring)).await.unwrap_or_else(|error| Err(self.bad(&error)))
    }

    fn bad(&self, why: &dyn std::error::Error) -> SecretError {
        SecretError::BadKey { place: self.source.place(), why: why.to_string() }
    }

    /// That there is no key, with those that are missing.
    async fn no_key(&self) -> Result<SecretError, StoreError> {
        let sealed = self.store.credentials(None).await?;
        let mut keys: Vec<&str> = sealed.iter().map(|record| record.sealed.key()).collect();
        keys.sort_unstable();
        keys.dedup();
        let sealed_with = keys.join(", ");
        Ok(SecretError::NoKey { place: self.source.place(), credentials: sealed.len(), sealed_with })
    }
}

/// Under which name it is sealed, so that nothing can be given to another owner. No name of a credential has a slash.
fn sealed_name(owner: CredentialOwner, name: &str) -> String {
    match owner {
        CredentialOwner::Installation => name.to_owned(),
        CredentialOwner::Run(run) => format!("{run}/{name}"),
    }
}

/// The error with the name that people know.
fn named(error: SecretError, name: &str) -> SecretError {
    let name = name.to_owned();
    match error {
        SecretError::OtherKey { sealed_with, known, .. } => SecretError::OtherKey { name, sealed_with, known },
        SecretError::Tampered { .. } => SecretError::Tampered { name },
        other => other,
    }
}

#[async_trait]
impl SecretProvider for Vault {
    fn name(&self) -> &str {
        NAME
    }

    async fn credential(&self, name: &str) -> Result<Option<Credential>, SecretError> {
        self.find(CredentialOwner::Installation, name).await.map_err(|error| error.of(name))
    }

    async fn names(&self) -> Vec<String> {
        let all = self.store.credentials(Some(CredentialOwner::Installation)).await.unwrap_or_default();
        all.into_iter().map(|record| record.name).collect()
    }
}

/// What only one run may use.
#[derive(Debug)]
pub(super) struct RunVault {
    pub(super) vault: Arc<Vault>,
    pub(super) run: RunId,
    /// The names that it was given.
    pub(super) names: Vec<String>,
}

#[async_trait]
impl SecretProvider for RunVault {
    fn name(&self) -> &str {
        "the run"
    }

    async fn credential(&self, name: &str) -> Result<Option<Credential>, SecretError> {
        let found = self.vault.find(CredentialOwner::Run(self.run), name).await;
        found.map_err(|error| error.of(name))
    }

    async fn names(&self) -> Vec<String> {
        self.names.clone()
    }
}
