//! A data directory that is read.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::{Answers, Unpack, read, unknown, value};
use crate::engine::Reader;
use crate::error::Result;
use crate::store::{AuditFilter, RunFilter};
use crate::wire::SearchOptions;

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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Search {
    #[serde(default)]
    runs: RunFilter,
    query: SearchOptions,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SearchRun {
    run: String,
    query: SearchOptions,
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
            "search" => {
                let Search { runs, query } = read(arguments, "search")?;
                value(self.search(&runs, &query.query()?).await?)
            }
            "searchRun" => {
                let SearchRun { run, query } = read(arguments, "search")?;
                value(self.search_run(self.find(&run).await?, &query.query()?).await?)
            }
            "audit" => value(self.audit(&read::<AuditFilter>(arguments, "audit")?).await?),
            "newest" => value(self.newest().await?),
            "credentials" => value(self.credentials().await?),
            #[cfg(feature = "kubernetes")]
            "clusters" => value(self.clusters().await?),
            other => Err(unknown("a reader", other)),
        }
    }
}
