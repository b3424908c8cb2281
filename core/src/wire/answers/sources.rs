//! The repositories from which an engine fetches.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answers, read, unknown, value};
use crate::engine::{Remote, Sources};
use crate::error::Result;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Repository {
    url: String,
    #[serde(default)]
    credential: Option<String>,
    #[serde(default)]
    ca_certificate: Option<String>,
    #[serde(default)]
    verify_certificate: Option<bool>,
}

impl Repository {
    fn remote(self) -> Remote {
        let remote = Remote::new(self.url);
        let remote = match self.credential {
            Some(name) => remote.credential(name),
            None => remote,
        };
        let remote = match self.ca_certificate {
            Some(pem) => remote.ca_certificate(pem),
            None => remote,
        };
        match self.verify_certificate {
            Some(false) => remote.without_verification(),
            _ => remote,
        }
    }
}

#[async_trait]
impl Answers for Sources {
    async fn answer(&self, request: &str, arguments: &str) -> Result<Value> {
        let repository: Repository = read(arguments, "source")?;
        match request {
            "refs" => {
                let refs = self.refs(&repository.remote()).await?;
                let object = |refs: Vec<(String, String)>| -> Map<String, Value> {
                    refs.into_iter().map(|(name, commit)| (name, Value::from(commit))).collect()
                };
                Ok(json!({ "default": refs.default, "branches": object(refs.branches), "tags": object(refs.tags) }))
            }
            "test" => value(self.test(&repository.remote()).await?),
            "forget" => value(self.forget(&repository.url).await?),
            other => Err(unknown("the sources", other)),
        }
    }
}
