//! A data directory that is read.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::{Answers, Unpack, read, unknown, value};
use crate::engine::Reader;
use crate::error::Result;
use crate::store::RunFilter;

/// A run by what a person calls it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfRun {
    run: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfTask {
    run: String,
    task: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UnpackOf {
    run: String,
    artifact: Unpack,
}

#[async_trait]
impl Answers for Reader {
    async fn answer(&self, request: &str, arguments: &str) -> Result<Value> {
        match request {
            "find" => value(self.find(&read::<OfRun>(arguments, "find")?.run).await?),
            "runs" => value(self.runs(&read::<RunFilter>(arguments, "runs")?).await?),
            "listing" => {
                let OfRun { run } = read(arguments, "listing")?;
                value(self.listing(self.find(&run).await?).await?)
            }
            "summary" => {
                let OfRun { run } = read(arguments, "summary")?;
                value(self.summary(self.find(&run).await?).await?)
            }
            "artifacts" => {
                let OfRun { run } = read(arguments, "artifacts")?;
                value(self.artifacts(self.find(&run).await?).await?)
            }
            "unpackArtifact" => {
                let UnpackOf { run, artifact } = read(arguments, "unpackArtifact")?;
                artifact.from(self.artifacts(self.find(&run).await?).await?).await
            }
            "testReport" => {
                let OfTask { run, task } = read(arguments, "testReport")?;
                value(self.test_report(self.find(&run).await?, &task).await?)
            }
            "newest" => value(self.newest().await?),
            "credentials" => value(self.credentials().await?),
            #[cfg(feature = "kubernetes")]
            "clusters" => value(self.clusters().await?),
            other => Err(unknown("a reader", other)),
        }
    }
}
