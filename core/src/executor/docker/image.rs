//! Images: whether the engine has one, and fetching it when not.

use bollard::auth::DockerCredentials;
use bollard::models::ImageInspect;
use bollard::query_parameters::CreateImageOptionsBuilder;
use bytes::Bytes;
use futures::StreamExt;

use super::Shared;
use super::connect::is_missing;
use super::login::registry;
use super::pull::PullProgress;
use crate::executor::ExecutorError;
use crate::pipeline::PullPolicy;

/// An image that is to be there.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) platform: Option<&'a str>,
    pub(super) policy: PullPolicy,
    pub(super) login: Option<DockerCredentials>,
}

impl<'a> Wanted<'a> {
    /// An image that is fetched when it is missing, with what is known of its registry.
    pub(super) fn missing(name: &'a str) -> Self {
        Self { name, platform: None, policy: PullPolicy::Missing, login: None }
    }
}

/// What is told of the way of an image to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fetching {
    /// It begins.
    Begins,
    /// A line about how far it is.
    Line(String),
}

impl Shared {
    /// What the engine knows of an image, which is fetched when it is missing; `hear` is told of that.
    pub(super) async fn image(
        &self,
        wanted: &Wanted<'_>,
        hear: &(dyn Fn(Fetching) + Send + Sync),
    ) -> Result<ImageInspect, ExecutorError> {
        let Wanted { name, platform, policy, .. } = *wanted;
        let known = self.known_image(name).await?;
        let fits = known.as_ref().is_some_and(|found| platform.is_none_or(|wanted| is_for(found, wanted)));
        match (known, policy) {
            (Some(found), PullPolicy::Missing | PullPolicy::Never) if fits => {
                return self.runnable(name, platform, found).await;
            }
            (None, PullPolicy::Never) => {
                return Err(not_found(name, "the engine does not have it, and the task says `pull: never`"));
            }
            (Some(found), PullPolicy::Never) => {
                let own = found.architecture.unwrap_or_default();
                let message = format!("the engine has it for linux/{own}, and the task says `pull: never`");
                return Err(wrong_platform(name, &message));
            }
            _ => {
                hear(Fetching::Begins);
                self.pull(wanted, hear).await?;
            }
        }
        match self.known_image(name).await? {
            Some(found) => self.runnable(name, platform, found).await,
            None => Err(not_found(name, "it is not there after it was fetched")),
        }
    }

    /// Refuses an image for other machines, unless its platform was asked for: then the engine may be set up to run it.
    async fn runnable(
        &self,
        name: &str,
        platform: Option<&str>,
        image: ImageInspect,
    ) -> Result<ImageInspect, ExecutorError> {
        if platform.is_some() {
            return Ok(image);
        }
        let engine = self.architecture.get_or_try_init(|| self.ask_architecture()).await?;
        let own = image.architecture.as_deref().unwrap_or_default();
        if runs_on(own, engine) {
            return Ok(image);
        }
        let message = format!("it is for linux/{own}, and the Docker engine runs linux/{engine}");
        Err(wrong_platform(name, &message))
    }

    async fn ask_architecture(&self) -> Result<String, ExecutorError> {
        let docker = self.connection.docker().await?;
        let version = docker.version().await;
        let version = version.map_err(|error| self.connection.error("asking for the version", error))?;
        Ok(version.arch.unwrap_or_default())
    }

    async fn known_image(&self, name: &str) -> Result<Option<ImageInspect>, ExecutorError> {
        let docker = self.connection.docker().await?;
        match docker.inspect_image(name).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.connection.error(&format!("looking for the image {name}"), error)),
        }
    }

    async fn pull(&self, wanted: &Wanted<'_>, hear: &(dyn Fn(Fetching) + Send + Sync)) -> Result<(), ExecutorError> {
        let docker = self.connection.docker().await?;
        let (repository, tag) = reference(wanted.name);
        let mut options = CreateImageOptionsBuilder::new().from_image(repository);
        if let Some(tag) = tag {
            options = options.tag(tag);
        }
        options = options.platform(wanted.platform.unwrap_or_default());
        let login = wanted.login.clone().or_else(|| self.logins.of(wanted.name));
        let mut answers = docker.create_image(Some(options.build()), None, login).boxed();
        let mut progress = PullProgress::begin(wanted.name, self.clock.now().elapsed);
        while let Some(answer) = answers.next().await {
            let info = answer.map_err(|error| self.pull_failed(wanted.name, error))?;
            if let Some(line) = progress.line(info, self.clock.now().elapsed) {
                hear(Fetching::Line(line));
            }
        }
        hear(Fetching::Line(progress.end()));
        Ok(())
    }

    fn pull_failed(&self, name: &str, error: bollard::errors::Error) -> ExecutorError {
        use bollard::errors::Error;
        let (Error::DockerResponseServerError { message, .. } | Error::DockerStreamError { error: message }) = &error
        else {
            return self.connection.error(&format!("fetching the image {name}"), error);
        };
        let lower = message.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        if says(&["x509: ", "server gave http response to https client"]) {
            return untrusted(name, message);
        }
        if says(&["unauthorized", "authentication required", "no basic auth"]) {
            return unauthorised(name, message);
        }
        if says(&["no matching manifest", "does not match the specified platform"]) {
            return wrong_platform(name, message);
        }
        if says(&["not found", "manifest unknown", "denied", "does not exist", "repository name"]) {
            return not_found(name, message);
        }
        self.connection.error(&format!("fetching the image {name}"), error)
    }

    /// Gives the engine an image that consists of one static busybox.
    pub(super) async fn import_busybox(
        &self,
        repository: &str,
        tag: &str,
        busybox: &[u8],
    ) -> Result<(), ExecutorError> {
        let docker = self.connection.docker().await?;
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(busybox.len() as u64);
        header.set_mode(0o755);
        header.set_mtime(0);
        let packed = builder.append_data(&mut header, "bin/busybox", busybox).and_then(|()| builder.into_inner());
        let tar =
            packed.map_err(|source| ExecutorError::Io { doing: "packing the helper image".to_owned(), source })?;
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(repository).tag(tag).build();
        let mut progress = docker.create_image(Some(options), Some(bollard::body_full(Bytes::from(tar))), None).boxed();
        while let Some(step) = progress.next().await {
            step.map_err(|error| self.connection.error("giving the helper image to the Docker engine", error))?;
        }
        Ok(())
    }
}

/// Whether an image is for a platform such as `linux/arm64`.
fn is_for(image: &ImageInspect, platform: &str) -> bool {
    let mut parts = platform.split('/');
    parts.next() == image.os.as_deref()
        && parts.next().is_none_or(|wanted| Some(wanted) == image.architecture.as_deref())
}

/// Whether machines of the one architecture run programs of the other without further ado. What is not known may.
fn runs_on(image: &str, engine: &str) -> bool {
    let unknown = image.is_empty() || engine.is_empty();
    unknown || image == engine || matches!((image, engine), ("386", "amd64") | ("arm", "arm64"))
}

/// The image is for other machines.
pub(super) fn wrong_platform(name: &str, message: &str) -> ExecutorError {
    ExecutorError::BadStep {
        code: "imagePlatform",
        message: format!("the image {name} is not there for this platform: {message}"),
        advice: "use an image for the platform of the Docker engine, or name its own in `container: {platform: …}`"
            .to_owned(),
    }
}

/// The registry does not let the image be fetched.
fn unauthorised(name: &str, message: &str) -> ExecutorError {
    ExecutorError::BadStep {
        code: "imageUnauthorised",
        message: format!("the registry does not let the image {name} be fetched: {message}"),
        advice: "name a credential for the registry that may read it, for example in `container: {credential: …}` or with the \
                 service"
            .to_owned(),
    }
}

/// The engine does not trust the registry. Only its own machine can change that.
fn untrusted(name: &str, message: &str) -> ExecutorError {
    let host = registry(name);
    let advice = if message.contains("x509: ") {
        format!(
            "put the certificate of its authority into /etc/docker/certs.d/{host}/ca.crt on the machine of the Docker engine, which \
             reads it without a restart"
        )
    } else {
        format!(
            "it speaks plain HTTP: list {host} under `insecure-registries` in /etc/docker/daemon.json on the machine of the Docker \
             engine, and restart that"
        )
    };
    let message = format!("the Docker engine does not trust the registry {host} of the image {name}: {message}");
    ExecutorError::BadStep { code: "registryTls", message, advice }
}

/// Name and tag, or digest, as the engine wants them. Without either the newest is meant, not all of them.
fn reference(name: &str) -> (&str, Option<&str>) {
    if name.contains('@') {
        return (name, None);
    }
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[start..].split_once(':') {
        Some((short, tag)) => (&name[..start + short.len()], Some(tag)),
        None => (name, Some("latest")),
    }
}

fn not_found(name: &str, why: &str) -> ExecutorError {
    ExecutorError::BadStep {
        code: "imageNotFound",
        message: format!("there is no image {name}: {why}"),
        advice: "look whether the name and the tag are right, and whether it is private and wants a credential"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        assert_eq!(reference("debian"), ("debian", Some("latest")));
        assert_eq!(reference("debian:12"), ("debian", Some("12")));
        assert_eq!(reference("127.0.0.1:5000/a/b"), ("127.0.0.1:5000/a/b", Some("latest")));
        assert_eq!(reference("127.0.0.1:5000/a/b:1"), ("127.0.0.1:5000/a/b", Some("1")));
        assert_eq!(reference("a@sha256:0"), ("a@sha256:0", None));
    }
}
