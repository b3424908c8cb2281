//! Registries of images, with the credentials of an engine.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::{Answers, read, unknown, value};
use crate::engine::Engine;
use crate::error::Result;
use crate::registry::{Registry, Transport};

/// The registries that an engine can reach.
#[derive(Clone, Debug)]
pub struct Registries {
    engine: Engine,
}

impl Registries {
    /// Those of an engine.
    pub fn of(engine: Engine) -> Self {
        Self { engine }
    }
}

/// A registry, and the way in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Server {
    server: String,
    #[serde(default)]
    credential: Option<String>,
    /// Whether plain HTTP is spoken.
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    repository: String,
    #[serde(default)]
    reference: String,
}

/// An image, and where a copy of it goes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Copy {
    from: Server,
    to: Server,
}

impl Server {
    async fn open(&self, engine: &Engine) -> Result<Registry> {
        let transport = if self.insecure { Transport::PlainHttp } else { Transport::Tls };
        engine.registry(&self.server, self.credential.as_deref(), transport).await
    }
}

#[async_trait]
impl Answers for Registries {
    async fn answer(&self, request: &str, arguments: &str) -> Result<Value> {
        if request == "copy" {
            let Copy { from, to } = read(arguments, "registry")?;
            let (source, target) = (from.open(&self.engine).await?, to.open(&self.engine).await?);
            let copied = source.copy(&from.repository, &from.reference, &target, &to.repository, &to.reference).await;
            return value(copied?);
        }
        let server: Server = read(arguments, "registry")?;
        let registry = server.open(&self.engine).await?;
        match request {
            "test" => value(registry.test().await?),
            "tags" => value(registry.tags(&server.repository).await?),
            "digest" => value(registry.digest(&server.repository, &server.reference).await?),
            "delete" => value(registry.delete(&server.repository, &server.reference).await?),
            other => Err(unknown("the registries", other)),
        }
    }
}
