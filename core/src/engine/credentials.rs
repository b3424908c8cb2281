//! The credentials that an engine keeps: set, listed, used, removed, and sealed with another key.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::Engine;
#[cfg(feature = "sqlite")]
use super::Reader;
use super::core::Core;
use crate::audit::Change;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::CredentialName;
use crate::secret::{Credential, CredentialKind, CredentialReport, CredentialTarget, SecretError, Unmasked, unmasked};
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
            let owner = CredentialOwner::Installation;
            let created = core.archive.store.credential(owner, &name).await?.is_none();
            let record = core.vault.seal(owner, &name, &credential, (core.clock.now(), &by)).await?;
            let change = Change::CredentialSet { credential: name.clone(), kind: credential.kind() };
            let audit = vec![core.audited(&by, change)];
            core.commit(Batch { credentials: vec![CredentialChange::Set(record)], audit, ..Batch::default() }).await?;
            drop(hold);
            Ok(SavedCredential { created, unmasked: unmasked(&name, &credential) })
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
            let owner = CredentialOwner::Installation;
            if core.archive.store.credential(owner, &name).await?.is_none() {
                let known: Vec<String> =
                    list(&*core.archive.store).await?.into_iter().map(|known| known.name).collect();
                return Err(SecretError::no_such(&name, &known).into());
            }
            let audit = vec![core.audited(&by, Change::CredentialRemoved { credential: name.clone() })];
            let credentials = vec![CredentialChange::Remove { owner, name }];
            core.commit(Batch { credentials, audit, ..Batch::default() }).await?;
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
            let (resealed, ring) = core.vault.reseal().await?;
            let (key, count) = (ring.current().id().to_string(), resealed.len());
            let change = Change::MasterKeyRotated { key: key.clone(), credentials: count as u64 };
            let audit = vec![core.audited(&by, change)];
            let credentials = resealed.into_iter().map(CredentialChange::Set).collect();
            core.commit(Batch { credentials, audit, ..Batch::default() }).await?;
            core.vault.rotated(&ring).await?;
            drop(hold);
            Ok(KeyRotation { key, credentials: count })
        };
        self.core.to_the_end("credentials", job).await
    }

    /// Tries a credential on what it is for. Nothing is changed there.
    ///
    /// # Errors
    /// Those of [`open`](Self::open); `noCredentialTest` when this engine knows no test for such a target; `credentialRefused`,
    /// `wrongCredentialKind` and what else the test says.
    pub async fn test(&self, name: &str, target: &CredentialTarget) -> Result<CredentialReport> {
        let credential = self.open(name).await?;
        credential.check()?;
        let Some(test) = self.core.credential_tests.get(&target.kind) else {
            let known = self.core.credential_tests.keys().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "no kind of target".to_owned() } else { known };
            let message = format!(
                "this engine cannot try a credential on a target of the kind {}; it knows {known}",
                target.kind
            );
            return Err(Error::new(ErrorKind::Unsupported, "noCredentialTest", "credentials", message));
        };
        test.test(name, &credential, &target.address).await
    }
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
