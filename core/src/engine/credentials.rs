//! The credentials that an engine keeps: set, listed, used, removed, and sealed with another key.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::Engine;
#[cfg(feature = "sqlite")]
use super::Reader;
use super::core::Core;
use super::credential_tests::Tests;
use super::vault::Vault;
use crate::audit::{AuditEntry, Change};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::CredentialName;
use crate::run::Now;
use crate::secret::{
    Credential, CredentialKind, CredentialReport, CredentialTarget, KeyRing, SecretError, SecretProviders, Unmasked,
    unmasked,
};
use crate::store::{Batch, CredentialChange, CredentialOwner, CredentialRecord, Store};

/// The credentials that an engine keeps. Values go in and are used; nothing lists them, and nothing that is stored, told or
/// logged has them in clear.
///
/// ```
/// # async fn example(engine: windlass::Engine) -> windlass::Result<()> {
/// use windlass::secret::Credential;
///
/// let saved = engine.credentials().set("chat-hook", &Credential::opaque("https://chat.example/hooks/8f3a"), "ana").await?;
/// assert!(saved.unmasked.is_empty()); // long enough to be masked in logs
/// for credential in engine.credentials().list().await? {
///     println!("{} {} {}", credential.name, credential.kind.as_str(), credential.changed_by);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Credentials {
    core: Arc<Core>,
}

/// A credential as listings show it: all but its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredCredential {
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: CredentialKind,
    /// When it was set last.
    pub changed: Timestamp,
    /// Who set it last; may be empty.
    pub changed_by: String,
    /// The name of the master key that sealed it.
    pub key: String,
}

/// What came of setting a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCredential {
    /// Whether there was none of the name before.
    pub created: bool,
    /// Values that are too short to be masked in logs. Whoever set them should be told.
    pub unmasked: Vec<Unmasked>,
}

/// What came of a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRotation {
    /// The name of the key with which everything is sealed now.
    pub key: String,
    /// How many credentials were sealed anew.
    pub credentials: usize,
}

impl Engine {
    /// The credentials that this engine keeps.
    pub fn credentials(&self) -> Credentials {
        Credentials { core: self.handle.core.clone() }
    }
}

#[cfg(feature = "sqlite")]
impl Reader {
    /// The credentials that the engine keeps, by name: all but their values.
    pub async fn credentials(&self) -> Result<Vec<StoredCredential>> {
        list(&*self.archive.store).await
    }
}

async fn list(store: &dyn Store) -> Result<Vec<StoredCredential>> {
    let records = store.credentials(Some(CredentialOwner::Installation)).await?;
    Ok(records.into_iter().map(StoredCredential::of).collect())
}

impl Credentials {
    /// Keeps a credential under this name from now on, whether there was one or not. Runs that go on use it for the tasks
    /// that they start from here on. `by` is who sets it, as an opaque name of the portal. Returns when it is durable.
    ///
    /// # Errors
    /// `invalidName`, `badCredential`; `noMasterKey`, `badMasterKey`, `openKeyFile` when it cannot be sealed; those of the store.
    pub async fn set(&self, name: &str, credential: &Credential, by: &str) -> Result<SavedCredential> {
        check_name(name)?;
        credential.check()?;
        let hold = self.core.writing("credentials")?;
        let (core, name, credential, by) = (self.core.clone(), name.to_owned(), credential.clone(), by.to_owned());
        let job = async move {
            let _alone = core.sealing.lock().await;
            let at = (core.clock.now(), by.as_str());
            let (batch, saved) = setting(&*core.archive.store, &core.vault, &name, &credential, at).await?;
            core.commit(batch).await?;
            drop(hold);
            Ok(saved)
        };
        self.core.to_the_end("credentials", job).await
    }

    /// The credentials, by name: all but their values.
    pub async fn list(&self) -> Result<Vec<StoredCredential>> {
        list(&*self.core.archive.store).await
    }

    /// The values of a credential, for the embedder's own use: from this engine, or from the first provider that has it.
    ///
    /// # Errors
    /// `noSuchCredential` with the nearest name; `otherMasterKey`, `noMasterKey`, `damagedCredential`; `credentialProvider`.
    pub async fn open(&self, name: &str) -> Result<Credential> {
        Ok(self.core.secrets.credential(name).await?)
    }

    /// Removes a credential. Tasks that have it already keep it to their end. It needs no key.
    ///
    /// # Errors
    /// `noSuchCredential` with the nearest name.
    pub async fn remove(&self, name: &str, by: &str) -> Result<()> {
        let hold = self.core.writing("credentials")?;
        let (core, name, by) = (self.core.clone(), name.to_owned(), by.to_owned());
        let job = async move {
            let _alone = core.sealing.lock().await;
            let batch = removing(&*core.archive.store, &name, (core.clock.now(), &by)).await?;
            core.commit(batch).await?;
            drop(hold);
            Ok(())
        };
        self.core.to_the_end("credentials", job).await
    }

    /// Seals everything with another master key: a fresh one where the engine keeps its key in a file; otherwise the place from
    /// where the key comes is asked again, and must give the new key first and the old ones behind it. Only the keys of
    /// credentials are sealed again, not the credentials themselves. A crash on the way loses nothing; rotate again then.
    ///
    /// Backups that were made before can only be opened with the old key, which is not kept.
    ///
    /// # Errors
    /// `otherMasterKey` when a credential was sealed with a key that is not known; `noMasterKey`, `badMasterKey`,
    /// `openKeyFile`; those of the store.
    pub async fn rotate_master_key(&self, by: &str) -> Result<KeyRotation> {
        let hold = self.core.writing("credentials")?;
        let (core, by) = (self.core.clone(), by.to_owned());
        let job = async move {
            let _alone = core.sealing.lock().await;
            let (batch, ring, rotation) = rotating(&core.vault, (core.clock.now(), &by)).await?;
            core.commit(batch).await?;
            core.vault.rotated(&ring).await?;
            drop(hold);
            Ok(rotation)
        };
        self.core.to_the_end("credentials", job).await
    }

    /// Tries a credential on what it is for. Nothing is changed there.
    ///
    /// # Errors
    /// Those of [`open`](Self::open); `noCredentialTest` when this engine knows no test for such a target; `credentialRefused`,
    /// `wrongCredentialKind` and what else the test says.
    pub async fn test(&self, name: &str, target: &CredentialTarget) -> Result<CredentialReport> {
        tried(&self.core.secrets, &self.core.credential_tests, name, target).await
    }
}

/// Who does it, and when.
type By<'a> = (Now, &'a str);

/// What setting a credential writes.
pub(super) async fn setting(
    store: &dyn Store,
    vault: &Vault,
    name: &str,
    credential: &Credential,
    (at, by): By<'_>,
) -> Result<(Batch, SavedCredential)> {
    check_name(name)?;
    credential.check()?;
    let owner = CredentialOwner::Installation;
    let created = store.credential(owner, name).await?.is_none();
    let record = vault.seal(owner, name, credential, (at, by)).await?;
    let change = Change::CredentialSet { credential: name.to_owned(), kind: credential.kind() };
    let batch = changing(vec![CredentialChange::Set(record)], change, (at, by));
    Ok((batch, SavedCredential { created, unmasked: unmasked(name, credential) }))
}

/// What removing a credential writes.
pub(super) async fn removing(store: &dyn Store, name: &str, by: By<'_>) -> Result<Batch> {
    let owner = CredentialOwner::Installation;
    if store.credential(owner, name).await?.is_none() {
        let known: Vec<String> = list(store).await?.into_iter().map(|known| known.name).collect();
        return Err(SecretError::no_such(name, &known).into());
    }
    let change = Change::CredentialRemoved { credential: name.to_owned() };
    Ok(changing(vec![CredentialChange::Remove { owner, name: name.to_owned() }], change, by))
}

/// What sealing everything anew writes, and the keys of which the vault is to be told afterwards.
pub(super) async fn rotating(vault: &Vault, by: By<'_>) -> Result<(Batch, Arc<KeyRing>, KeyRotation)> {
    let (resealed, ring) = vault.reseal().await?;
    let rotation = KeyRotation { key: ring.current().id().to_string(), credentials: resealed.len() };
    let change = Change::MasterKeyRotated { key: rotation.key.clone(), credentials: resealed.len() as u64 };
    Ok((changing(resealed.into_iter().map(CredentialChange::Set).collect(), change, by), ring, rotation))
}

fn changing(credentials: Vec<CredentialChange>, change: Change, (at, by): By<'_>) -> Batch {
    let audit = vec![AuditEntry { at, by: by.to_owned(), change }];
    Batch { credentials, audit, ..Batch::default() }
}

/// Tries a credential on a target.
pub(super) async fn tried(
    providers: &SecretProviders,
    tests: &Tests,
    name: &str,
    target: &CredentialTarget,
) -> Result<CredentialReport> {
    let credential = providers.credential(name).await?;
    credential.check()?;
    let Some(test) = tests.get(&target.kind) else {
        let known = tests.keys().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "no kind of target".to_owned() } else { known };
        let message = format!("this engine cannot try a credential on a {}; it knows {known}", target.kind);
        return Err(Error::new(ErrorKind::Unsupported, "noCredentialTest", "credentials", message));
    };
    test.test(name, &credential, &target.address).await
}

fn check_name(name: &str) -> Result<(), SecretError> {
    let bad =
        |error: crate::pipeline::NameError| SecretError::BadName { name: name.to_owned(), why: error.to_string() };
    CredentialName::new(name).map(drop).map_err(bad)
}

impl StoredCredential {
    fn of(record: CredentialRecord) -> Self {
        let CredentialRecord { name, kind, sealed, changed, changed_by, .. } = record;
        Self { name, kind, changed: changed.wall, changed_by, key: sealed.key().to_owned() }
    }
}
