//! What JavaScript brings to an engine.

use async_trait::async_trait;
use serde_json::json;
use windlass::executor::Capabilities;
use windlass::secret::{Credential, SecretError, SecretProvider};
use windlass::{EngineBuilder, Error, ErrorKind, wire};

use crate::action::JsAction;
use crate::executor::JsExecutor;
use crate::host::{Host, Plugin};
use crate::simple_executor::JsSimpleExecutor;

/// Tells the builder of what JavaScript brings.
pub(crate) fn register(builder: EngineBuilder, plugin: Plugin) -> windlass::Result<EngineBuilder> {
    let Plugin { kind, name, about, call } = plugin;
    let host = Host::new(&name, call);
    Ok(match kind.as_str() {
        "simpleExecutor" => {
            let about: Capabilities = wire::read(&about, "open")?;
            builder.simple_executor(name, JsSimpleExecutor::new(host, about))
        }
        "executor" => {
            let about: Capabilities = wire::read(&about, "open")?;
            builder.executor(name, JsExecutor::new(host, about))
        }
        "action" => builder.action(name, JsAction::new(host, wire::read(&about, "open")?)),
        "secrets" => builder.secrets(JsSecrets { host }),
        other => {
            let message = format!("there is no kind of plugin {other:?}");
            return Err(Error::new(ErrorKind::Internal, "unknownPlugin", "open", message));
        }
    })
}

/// A provider of credentials in JavaScript.
#[derive(Debug)]
struct JsSecrets {
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
