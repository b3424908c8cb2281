//! What can be known of credentials before a run starts: that those are there which tasks and their actions name, can be opened,
//! and have the values that tasks ask for.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::core::Core;
use crate::error::{Error, Result};
use crate::pipeline::{Plan, SecretVariable};
use crate::secret::{Credential, SecretError};

/// Credentials that a run brings along.
pub(super) type OwnCredentials = BTreeMap<String, Credential>;

/// Refuses a run whose tasks would not get their credentials. A provider that does not answer now may do so by then.
pub(super) async fn check_secrets(core: &Core, plan: &Plan, own: &OwnCredentials) -> Result<()> {
    for (name, credential) in own {
        check_own(name, credential)?;
    }
    let mut found = Found { core, own, credentials: BTreeMap::new() };
    for task in &plan.tasks {
        let wrong = |error: SecretError| refused(task.name.as_str(), error);
        for name in task.definition.credentials() {
            found.look_up(name.as_str()).await.map_err(wrong)?;
        }
        for secret in &task.definition.secrets {
            if let Some(credential) = found.look_up(secret.from.as_str()).await.map_err(wrong)? {
                part(credential, secret).map_err(wrong)?;
            }
        }
    }
    Ok(())
}

/// What was looked up already.
struct Found<'a> {
    core: &'a Core,
    own: &'a OwnCredentials,
    credentials: BTreeMap<&'a str, Option<Credential>>,
}

impl<'a> Found<'a> {
    /// `None` when nobody can tell now.
    async fn look_up(&mut self, name: &'a str) -> Result<Option<&Credential>, SecretError> {
        let found = match self.credentials.entry(name) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(look_up(self.core, self.own, name).await?),
        };
        Ok(found.as_ref())
    }
}

fn check_own(name: &str, credential: &Credential) -> Result<()> {
    let bad = |why: String| SecretError::BadName { name: name.to_owned(), why };
    crate::pipeline::CredentialName::new(name).map_err(|error| bad(error.to_string()))?;
    Ok(credential.check()?)
}

fn part(credential: &Credential, secret: &SecretVariable) -> Result<(), SecretError> {
    credential.part(secret.from.as_str(), secret.key.as_deref()).map(drop)
}

async fn look_up(core: &Core, own: &OwnCredentials, name: &str) -> Result<Option<Credential>, SecretError> {
    if let Some(credential) = own.get(name) {
        return Ok(Some(credential.clone()));
    }
    match core.secrets.credential(name).await {
        Ok(credential) => Ok(Some(credential)),
        Err(SecretError::Provider { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn refused(task: &str, error: SecretError) -> Error {
    let advice = error.advice();
    let advice = if advice.is_empty() { String::new() } else { format!("; {advice}") };
    let message = format!("task {task:?}: {error}{advice}");
    let error = Error::from(error);
    Error::new(error.kind(), error.code(), "start", message).with_source(error)
}
