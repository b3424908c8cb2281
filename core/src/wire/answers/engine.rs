//! An engine.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::{Answers, read, unknown, value};
use crate::engine::{Engine, Shutdown};
use crate::error::Result;
use crate::pipeline::HumanDuration;
use crate::store::{AuditFilter, RunFilter};
use crate::wire::ShutdownOptions;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfExecutor {
    name: String,
}

#[cfg(feature = "sqlite")]
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Backup {
    path: std::path::PathBuf,
    #[serde(default)]
    by: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Drain {
    #[serde(default)]
    limit: Option<HumanDuration>,
}

#[async_trait]
impl Answers for Engine {
    async fn answer(&self, request: &str, arguments: &str) -> Result<Value> {
        match request {
            "runs" => value(self.runs(&read::<RunFilter>(arguments, "runs")?).await?),
            "capabilities" => value(self.capabilities(&read::<OfExecutor>(arguments, "capabilities")?.name)),
            "newest" => value(self.newest().await?),
            "audit" => value(self.audit(&read::<AuditFilter>(arguments, "audit")?).await?),
            "prune" => value(self.prune().await?),
            #[cfg(feature = "sqlite")]
            "backup" => {
                let Backup { path, by } = read(arguments, "backup")?;
                value(self.backup(path, &by).await?)
            }
            "drain" => {
                let Drain { limit } = read(arguments, "drain")?;
                value(self.drain(limit.map(HumanDuration::get)).await?)
            }
            "shutdown" => value(self.shutdown(Shutdown::from(read::<ShutdownOptions>(arguments, "shutdown")?)).await?),
            other => Err(unknown("an engine", other)),
        }
    }
}
