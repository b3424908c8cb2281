//! An engine in another process.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

#[cfg(feature = "kubernetes")]
use super::clusters::{Add, Remove};
use super::credentials::{By, OfName, Set, Trial, rotated, saved, tried};
use super::{Answers, read, unknown, value};
use crate::engine::Control;
use crate::error::Result;
use crate::wire::RerunMode;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Cancel {
    run: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Decide {
    run: String,
    task: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Retry {
    run: String,
    mode: RerunMode,
    #[serde(default)]
    by: String,
}

#[cfg(feature = "sqlite")]
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Backup {
    path: std::path::PathBuf,
    #[serde(default)]
    by: String,
}

#[async_trait]
impl Answers for Control {
    async fn answer(&self, request: &str, arguments: &str) -> Result<Value> {
        match request {
            "cancel" => {
                let Cancel { run, by, reason } = read(arguments, "control")?;
                value(self.cancel(&run, &by, &reason).await?)
            }
            "approve" => {
                let Decide { run, task, by, reason } = read(arguments, "control")?;
                value(self.approve(&run, &task, &by, &reason).await?)
            }
            "reject" => {
                let Decide { run, task, by, reason } = read(arguments, "control")?;
                value(self.reject(&run, &task, &by, &reason).await?)
            }
            "retry" => {
                let Retry { run, mode, by } = read(arguments, "control")?;
                value(self.retry(&run, mode.into(), &by).await?)
            }
            #[cfg(feature = "sqlite")]
            "backup" => {
                let Backup { path, by } = read(arguments, "control")?;
                value(self.backup(path, &by).await?)
            }
            "status" => value(self.status().await?),
            "drain" => value(self.drain().await?),
            #[cfg(feature = "kubernetes")]
            "addCluster" => {
                let add: Add = read(arguments, "addCluster")?;
                value(self.add_cluster(add.cluster(), &add.by).await?)
            }
            #[cfg(feature = "kubernetes")]
            "removeCluster" => {
                let remove: Remove = read(arguments, "removeCluster")?;
                value(self.remove_cluster(&remove.name, remove.removal(), &remove.by).await?)
            }
            other => self.about_credentials(other, arguments).await,
        }
    }
}

impl Control {
    async fn about_credentials(&self, request: &str, arguments: &str) -> Result<Value> {
        match request {
            "setCredential" => {
                let Set { name, credential, by } = read(arguments, "credentials")?;
                Ok(saved(&self.set_credential(&name, &credential, &by).await?))
            }
            "removeCredential" => {
                let OfName { name, by } = read(arguments, "credentials")?;
                value(self.remove_credential(&name, &by).await?)
            }
            "testCredential" => {
                let trial: Trial = read(arguments, "credentials")?;
                Ok(tried(&self.test_credential(&trial.name, &trial.target()).await?))
            }
            "rotateMasterKey" => {
                let By { by } = read(arguments, "credentials")?;
                Ok(rotated(&self.rotate_master_key(&by).await?))
            }
            other => Err(unknown("an engine of another process", other)),
        }
    }
}
