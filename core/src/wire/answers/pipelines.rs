//! The stored pipelines of an engine.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::{Answers, read, unknown, value};
use crate::engine::{PipelineDeletion, Pipelines};
use crate::error::Result;
use crate::store::PipelineFilter;
use crate::wire;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfName {
    name: String,
    #[serde(default)]
    by: String,
}

/// A version; `expected` is the one from which a save is made.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfVersion {
    name: String,
    version: u64,
    #[serde(default)]
    expected: u64,
    #[serde(default)]
    by: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct History {
    name: String,
    #[serde(default)]
    before: Option<u64>,
    #[serde(default)]
    limit: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Save {
    definition: Value,
    #[serde(default)]
    expected: u64,
    #[serde(default)]
    by: String,
}

impl Save {
    fn pipeline(&self) -> Result<crate::Pipeline> {
        wire::definition(&self.definition.to_string())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Copy {
    source: String,
    target: String,
    #[serde(default)]
    by: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Delete {
    name: String,
    #[serde(default)]
    how: PipelineDeletion,
    #[serde(default)]
    by: String,
}

#[async_trait]
impl Answers for Pipelines {
    async fn answer(&self, request: &str, arguments: &str) -> Result<Value> {
        match request {
            "get" => value(self.get(&read::<OfName>(arguments, "find")?.name).await?),
            "list" => value(self.list(&read::<PipelineFilter>(arguments, "list")?).await?),
            "history" => {
                let History { name, before, limit } = read(arguments, "find")?;
                value(self.history(&name, before, limit).await?)
            }
            "version" => {
                let OfVersion { name, version, .. } = read(arguments, "find")?;
                value(self.version(&name, version).await?)
            }
            "activate" => {
                let OfName { name, by } = read(arguments, "save")?;
                value(self.activate(&name, &by).await?)
            }
            "deactivate" => {
                let OfName { name, by } = read(arguments, "save")?;
                value(self.deactivate(&name, &by).await?)
            }
            "delete" => {
                let Delete { name, how, by } = read(arguments, "delete")?;
                value(self.delete(&name, how, &by).await?)
            }
            other => self.saving(other, arguments).await,
        }
    }
}

impl Pipelines {
    async fn saving(&self, request: &str, arguments: &str) -> Result<Value> {
        match request {
            "create" => {
                let save: Save = read(arguments, "save")?;
                value(self.create(&save.pipeline()?, &save.by).await?)
            }
            "createNew" => {
                let OfName { name, by } = read(arguments, "save")?;
                value(self.create_new(&name, &by).await?)
            }
            "copy" => {
                let Copy { source, target, by } = read(arguments, "save")?;
                value(self.copy(&source, &target, &by).await?)
            }
            "update" => {
                let save: Save = read(arguments, "save")?;
                value(self.update(&save.pipeline()?, save.expected, &save.by).await?)
            }
            "restore" => {
                let OfVersion { name, version, expected, by } = read(arguments, "save")?;
                value(self.restore(&name, version, expected, &by).await?)
            }
            other => Err(unknown("the pipelines", other)),
        }
    }
}
