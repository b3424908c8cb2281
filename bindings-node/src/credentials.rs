//! The credentials that an engine keeps, and those that steps get.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use napi::bindgen_prelude::Result;
use napi_derive::napi;
use serde_json::{Value, json};
use windlass::executor::StepSecrets;
use windlass::secret::Credential;
use windlass::wire;

use crate::arguments::{Named, PipelineArguments, Who};
use crate::engine::NativeEngine;
use crate::error::{guarded, json as text_of};

/// The credentials of a step, carried beside it: never a part of what may be shown.
pub(crate) fn carried(secrets: &StepSecrets) -> Value {
    let env = secrets.env.iter().map(|(name, value)| (name.clone(), json!(value.expose())));
    let files = secrets.files.iter().map(|(name, bytes)| (name.clone(), json!(STANDARD.encode(bytes.expose()))));
    json!({ "env": Value::Object(env.collect()), "files": Value::Object(files.collect()) })
}

#[napi]
impl NativeEngine {
    /// Keeps a credential under a name.
    #[napi]
    pub async fn set_credential(&self, name: String, credential: String, who: String) -> Result<String> {
        guarded("credentials", async {
            let Named { name } = wire::read(&name, "credentials")?;
            let credential: Credential = wire::read(&credential, "credentials")?;
            let Who { by, .. } = wire::read(&who, "credentials")?;
            let saved = self.engine.credentials().set(&name, &credential, &by).await?;
            let unmasked: Vec<String> = saved.unmasked.iter().map(ToString::to_string).collect();
            text_of(&json!({ "created": saved.created, "unmasked": unmasked }))
        })
        .await
    }

    /// The credentials, all but their values.
    #[napi]
    pub async fn list_credentials(&self) -> Result<String> {
        guarded("credentials", async { text_of(&self.engine.credentials().list().await?) }).await
    }

    /// The values of a credential.
    #[napi]
    pub async fn open_credential(&self, name: String) -> Result<String> {
        guarded("credentials", async {
            let Named { name } = wire::read(&name, "credentials")?;
            text_of(&self.engine.credentials().open(&name).await?)
        })
        .await
    }

    /// Removes a credential.
    #[napi]
    pub async fn remove_credential(&self, arguments: String) -> Result<()> {
        guarded("credentials", async {
            let PipelineArguments { name, by, .. } = wire::read(&arguments, "credentials")?;
            self.engine.credentials().remove(&name, &by).await
        })
        .await
    }
}
