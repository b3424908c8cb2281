//! A run.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::{Answers, Unpack, read, unknown, value};
use crate::engine::Run;
use crate::error::Result;
use crate::run::Seq;
use crate::wire::SearchOptions;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfTask {
    task: String,
}

/// An event by its number.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct At {
    seq: u64,
}

/// Who wants it, and why.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Who {
    #[serde(default)]
    by: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Decide {
    task: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    reason: String,
}

#[async_trait]
impl Answers for Run {
    async fn answer(&self, request: &str, arguments: &str) -> Result<Value> {
        match request {
            "summary" => value(self.summary().await?),
            "status" => value(self.status().await?),
            "at" => value(self.at(Seq(read::<At>(arguments, "find")?.seq)).await?),
            "timeline" => value(self.timeline().await?),
            "search" => value(self.search(&read::<SearchOptions>(arguments, "search")?.query()?).await?),
            "artifacts" => value(self.artifacts().await?),
            "unpackArtifact" => read::<Unpack>(arguments, "artifact")?.from(self.artifacts().await?).await,
            "testReport" => {
                let OfTask { task } = read(arguments, "testReport")?;
                value(self.test_report(&task).await?)
            }
            other => self.wanted(other, arguments).await,
        }
    }
}

impl Run {
    /// What changes the run.
    async fn wanted(&self, request: &str, arguments: &str) -> Result<Value> {
        match request {
            "cancel" => {
                let Who { by, reason } = read(arguments, "cancel")?;
                value(self.cancel(&by, &reason).await?)
            }
            "approve" => {
                let Decide { task, by, reason } = read(arguments, "decide")?;
                value(self.approve(&task, &by, &reason).await?)
            }
            "reject" => {
                let Decide { task, by, reason } = read(arguments, "decide")?;
                value(self.reject(&task, &by, &reason).await?)
            }
            "delete" => value(self.delete(&read::<Who>(arguments, "delete")?.by).await?),
            other => Err(unknown("a run", other)),
        }
    }
}
