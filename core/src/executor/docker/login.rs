//! Credentials for registries: those that definitions name, those that the embedder gave, and those of `docker login`.

use std::collections::HashMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;

use crate::executor::{ExecutorError, StepSecrets};
use crate::pipeline::CredentialName;
use crate::registry::RegistryAccess;
use crate::secret::SecretText;

/// The registry of names without one, as `docker login` calls it.
const HUB: &str = "https://index.docker.io/v1/";

/// Who one is at registries.
#[derive(Debug, Default)]
pub(super) struct Logins {
    given: HashMap<String, (String, SecretText)>,
}

impl Logins {
    pub(super) fn give(&mut self, registry: &str, user: &str, password: SecretText) {
        self.given.insert(registry.to_owned(), (user.to_owned(), password));
    }

    /// What the engine says to the registry of an image with a credential that the definition names.
    pub(super) fn named(
        image: &str,
        name: Option<&CredentialName>,
        secrets: &StepSecrets,
    ) -> Result<Option<DockerCredentials>, ExecutorError> {
        let Some(name) = name.map(CredentialName::as_str) else { return Ok(None) };
        let bad = |message: String, advice: &str| ExecutorError::BadStep {
            code: "badRegistryCredential",
            message: format!("fetching the image {image}: {message}"),
            advice: advice.to_owned(),
        };
        let Some(credential) = secrets.pulls.get(name) else {
            return Err(bad(format!("the credential {name:?} was not given to the step"), "please report it"));
        };
        let server = match registry(image) {
            HUB => "docker.io",
            host => host,
        };
        let access = RegistryAccess::of_credential(name, credential, server);
        let access = access.map_err(|error| bad(error.message().to_owned(), error.advice()))?;
        Ok(access.login().map(|(user, password)| docker_login(registry(image), user, password)))
    }

    /// What the engine shall say to the registry of an image.
    pub(super) fn of(&self, image: &str) -> Option<DockerCredentials> {
        let registry = registry(image);
        if let Some((user, password)) = self.given.get(registry) {
            return Some(docker_login(registry, user, password.expose()));
        }
        let (user, password) = logged_in(registry)?;
        Some(docker_login(registry, &user, &password))
    }
}

fn docker_login(registry: &str, user: &str, password: &str) -> DockerCredentials {
    DockerCredentials {
        username: Some(user.to_owned()),
        password: Some(password.to_owned()),
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    }
}

/// The part of an image's name that is a host.
pub(super) fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => HUB,
    }
}

/// What `docker login` kept in its file. Its helper programs are not asked.
fn logged_in(registry: &str) -> Option<(String, String)> {
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(std::env::home_dir()?.join(".docker")))?;
    let text = std::fs::read(folder.join("config.json")).ok()?;
    let value: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let auth = value.get("auths")?.get(registry)?.get("auth")?.as_str()?;
    let plain = String::from_utf8(STANDARD.decode(auth).ok()?).ok()?;
    let (user, password) = plain.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_host_is_of_the_hub() {
        assert_eq!(registry("debian:12"), HUB);
        assert_eq!(registry("team/app"), HUB);
        assert_eq!(registry("127.0.0.1:5000/app"), "127.0.0.1:5000");
        assert_eq!(registry("localhost/app"), "localhost");
    }
}
