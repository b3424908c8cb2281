//! What JavaScript brings to an engine.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use windlass::clock::SharedClock;
use windlass::executor::{Executor, Simple};
use windlass::secret::{Credential, SecretError, SecretProvider, TargetKind};
use windlass::testing::ScriptedExecutor;
use windlass::{EngineBuilder, Error, ErrorKind, wire};

use crate::action::JsAction;
use crate::credentials::JsTrial;
use crate::executor::JsExecutor;
use crate::host::{Host, Plugin};
use crate::scripted;
use crate::simple_executor::JsSimpleExecutor;

/// Something that JavaScript brings, read and ready for a builder.
pub(crate) enum Registration {
    Simple(String, JsSimpleExecutor),
    Executor(String, JsExecutor),
    Scripted(String, ScriptedExecutor),
    Action(String, JsAction),
    Secrets(JsSecrets),
    Trial(TargetKind, JsTrial),
    /// An executor that comes with Windlass: its kind, its name, and its options as JSON.
    Known(String, String, String),
}

impl Registration {
    /// Reads what it says of itself.
    pub(crate) fn of(plugin: Plugin) -> windlass::Result<Self> {
        let Plugin { kind, name, about, call } = plugin;
        let host = Host::new(&name, call);
        Ok(match kind.as_str() {
            "simpleExecutor" => Self::Simple(name, JsSimpleExecutor::new(host, wire::read(&about, "open")?)),
            "executor" => Self::Executor(name, JsExecutor::new(host, wire::read(&about, "open")?)),
            "scripted" => Self::Scripted(name, scripted::executor(wire::read(&about, "open")?)?),
            "action" => Self::Action(name, JsAction::new(host, wire::read(&about, "open")?)),
            "secrets" => Self::Secrets(JsSecrets { host }),
            "credentialTest" => Self::Trial(wire::target_kind(&name)?, JsTrial { host }),
            _ => Self::Known(kind, name, about),
        })
    }

    /// Tells a builder.
    pub(crate) fn tell(self, builder: EngineBuilder) -> windlass::Result<EngineBuilder> {
        Ok(match self {
            Self::Simple(name, executor) => builder.simple_executor(name, executor),
            Self::Executor(name, executor) => builder.executor(name, executor),
            Self::Scripted(name, executor) => builder.executor(name, executor),
            Self::Action(name, action) => builder.action(name, action),
            Self::Secrets(provider) => builder.secrets(provider),
            Self::Trial(kind, trial) => builder.credential_test(kind, trial),
            Self::Known(kind, name, options) => wire::register_executor(builder, &kind, name, &options)?,
        })
    }

    /// The executor itself, where it is one. A simple one works in the folder.
    pub(crate) fn executor(self, folder: &Path, clock: &SharedClock) -> windlass::Result<Arc<dyn Executor>> {
        Ok(match self {
            Self::Simple(_, executor) => Arc::new(Simple::new(executor, folder, clock.clone())?),
            Self::Executor(_, executor) => Arc::new(executor),
            Self::Scripted(_, executor) => Arc::new(executor),
            Self::Action(..) | Self::Secrets(_) | Self::Trial(..) | Self::Known(..) => return Err(unknown("executor")),
        })
    }
}

fn unknown(kind: &str) -> Error {
    Error::new(ErrorKind::Internal, "unknownPlugin", "open", format!("there is no kind of plugin {kind:?}"))
}

/// A provider of credentials in JavaScript.
#[derive(Debug)]
pub(crate) struct JsSecrets {
    host: Host,
}

#[async_trait]
impl SecretProvider for JsSecrets {
    fn name(&self) -> &str {
        self.host.name()
    }

    async fn credential(&self, name: &str) -> Result<Option<Credential>, SecretError> {
        let answer = self.host.ask("credential", json!({ "name": name }), None).await;
        let credential = answer.and_then(|answer| self.host.value::<Option<Credential>>(&answer, "credential"));
        credential.map_err(|failure| SecretError::Provider {
            provider: self.host.name().to_owned(),
            name: name.to_owned(),
            why: failure.message,
        })
    }
}
