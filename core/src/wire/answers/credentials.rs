//! The credentials that an engine keeps.

use std::str::FromStr;

use async_trait::async_trait;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

use super::{Answers, read, unknown, value};
use crate::engine::{Credentials, KeyRotation, SavedCredential};
use crate::error::Result;
use crate::secret::{Credential, CredentialReport, CredentialTarget, TargetKind};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Set {
    pub(super) name: String,
    pub(super) credential: Credential,
    #[serde(default)]
    pub(super) by: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OfName {
    pub(super) name: String,
    #[serde(default)]
    pub(super) by: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct By {
    #[serde(default)]
    pub(super) by: String,
}

/// A credential and what it is tried on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Trial {
    pub(super) name: String,
    #[serde(deserialize_with = "kind")]
    kind: TargetKind,
    #[serde(default)]
    address: String,
}

impl Trial {
    pub(super) fn target(&self) -> CredentialTarget {
        CredentialTarget::new(self.kind, self.address.clone())
    }
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TargetKind, D::Error> {
    TargetKind::from_str(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

pub(super) fn saved(saved: &SavedCredential) -> Value {
    let unmasked: Vec<String> = saved.unmasked.iter().map(ToString::to_string).collect();
    json!({ "created": saved.created, "unmasked": unmasked })
}

pub(super) fn rotated(rotation: &KeyRotation) -> Value {
    json!({ "key": rotation.key, "credentials": rotation.credentials })
}

pub(super) fn tried(report: &CredentialReport) -> Value {
    json!({ "message": report.message })
}

#[async_trait]
impl Answers for Credentials {
    async fn answer(&self, request: &str, arguments: &str) -> Result<Value> {
        match request {
            "set" => {
                let Set { name, credential, by } = read(arguments, "credentials")?;
                Ok(saved(&self.set(&name, &credential, &by).await?))
            }
            "list" => value(self.list().await?),
            "open" => value(self.open(&read::<OfName>(arguments, "credentials")?.name).await?),
            "remove" => {
                let OfName { name, by } = read(arguments, "credentials")?;
                value(self.remove(&name, &by).await?)
            }
            "test" => {
                let trial: Trial = read(arguments, "credentials")?;
                Ok(tried(&self.test(&trial.name, &trial.target()).await?))
            }
            "rotateMasterKey" => {
                let By { by } = read(arguments, "credentials")?;
                Ok(rotated(&self.rotate_master_key(&by).await?))
            }
            other => Err(unknown("the credentials", other)),
        }
    }
}
