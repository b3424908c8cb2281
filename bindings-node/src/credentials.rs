//! The credentials of steps, and the program's own ways to try credentials.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use windlass::executor::StepSecrets;
use windlass::secret::{Credential, CredentialReport, CredentialTest};
use windlass::{Error, ErrorKind, Result};

use crate::host::Host;

/// The credentials of a step, carried beside it: never a part of what may be shown.
pub(crate) fn carried(secrets: &StepSecrets) -> Value {
    let env = secrets.env.iter().map(|(name, value)| (name.clone(), json!(value.expose())));
    let files = secrets.files.iter().map(|(name, bytes)| (name.clone(), json!(STANDARD.encode(bytes.expose()))));
    json!({ "env": Value::Object(env.collect()), "files": Value::Object(files.collect()) })
}

/// The program's own way to try credentials on targets of one kind.
#[derive(Debug)]
pub(crate) struct JsTrial {
    pub(crate) host: Host,
}

#[async_trait]
impl CredentialTest for JsTrial {
    async fn test(&self, name: &str, credential: &Credential, address: &str) -> Result<CredentialReport> {
        let request = json!({ "name": name, "credential": credential, "address": address });
        let answer = self.host.ask("test", request, None).await;
        let message = answer.and_then(|answer| self.host.value::<String>(&answer, "test"));
        match message {
            Ok(message) => Ok(CredentialReport { message }),
            Err(failure) => Err(Error::new(ErrorKind::Invalid, "credentialRefused", "credentials", failure.message)),
        }
    }
}
