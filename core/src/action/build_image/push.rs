//! An image on its way into a registry, tried again where that may help.

use std::path::Path;
use std::time::Duration;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::query_parameters::PushImageOptionsBuilder;
use futures::{StreamExt, TryStreamExt};

use super::builder::ImageBuilder;
use super::files::spool;
use super::settings::Order;
use super::way_in::{self, WayIn};
use crate::action::{ActionContext, ActionError};
use crate::executor::docker::progress::Progress;
use crate::registry::{ImageArchive, PushProgress, Registry, RegistryError, RegistryFault};

/// How often a push is tried.
const TRIES: u32 = 4;
/// The wait after the first try; twice that after the second, and so on.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Pushes all tags of a built image. The digest.
pub(super) async fn push_built(
    builder: &ImageBuilder,
    action: &ActionContext,
    order: &Order,
    way: &WayIn,
) -> Result<String, ActionError> {
    let docker = builder.connection.docker().await?;
    let before = digests(order, way).await;
    let by_engine = by_engine(builder, action, order, way, docker).await;
    let digest = match by_engine {
        // The engine may not speak to the registry, and we may: over plain HTTP, or with the certificate of its authority.
        Err(Trouble::Registry(error)) if error.fault() == RegistryFault::Tls && way.knows_more_than_the_engine() => {
            let why = format!("the Docker engine cannot push to {} itself ({})", order.image.server(), error.message());
            action.log_line(format!("{why}; Windlass pushes the image")).await;
            by_ourselves(builder, action, order, way, docker).await?
        }
        other => other.map_err(Trouble::into_action)?,
    };
    say_overwritten(action, order, &before, &digest).await;
    Ok(digest)
}

/// Pushes all tags of an image in an archive. The digest.
pub(super) async fn push_archive(
    action: &ActionContext,
    order: &Order,
    way: &WayIn,
    archive: &Path,
    scratch: &Path,
) -> Result<String, ActionError> {
    let before = digests(order, way).await;
    let (archive, layers) = (archive.to_owned(), scratch.to_owned());
    let image = tokio::task::spawn_blocking(move || ImageArchive::unpack(&archive, &layers)).await;
    let image = match image {
        Ok(Ok(image)) => image,
        Ok(Err(error)) => {
            let advice = "let an earlier task write it with `docker save IMAGE -o FILE`";
            return Err(ActionError::failed("badImageArchive", error.to_string(), advice));
        }
        Err(error) => return Err(ActionError::infrastructure("badImageArchive", error.to_string(), "")),
    };
    let registry = way.registry(order).await.map_err(|error| Trouble::Registry(error).into_action())?;
    let digest = again(action, || send(action, order, &registry, &image)).await.map_err(Trouble::into_action)?;
    say_overwritten(action, order, &before, &digest).await;
    Ok(digest)
}

/// Why a push failed.
enum Trouble {
    Registry(RegistryError),
    Other(ActionError),
}

impl Trouble {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Registry(error) if error.is_transient())
    }

    fn into_action(self) -> ActionError {
        match self {
            Self::Registry(error) => way_in::judged(&error),
            Self::Other(error) => error,
        }
    }
}

/// Tries something until it works, fails for good, or was tried often enough.
async fn again<T, F: Future<Output = Result<T, Trouble>>>(
    action: &ActionContext,
    work: impl Fn() -> F,
) -> Result<T, Trouble> {
    let mut wait = FIRST_WAIT;
    for number in 1..TRIES {
        match work().await {
            Err(Trouble::Registry(error)) if error.is_transient() => {
                let seconds = wait.as_secs();
                let line = format!("{}; try {number} of {TRIES}, the next one in {seconds} s", error.message());
                action.log_line(line).await;
                action.sleep(wait).await;
                wait *= 2;
            }
            other => return other,
        }
    }
    let last = work().await;
    if let Err(trouble) = &last
        && trouble.is_transient()
    {
        action.log_line(format!("try {TRIES} of {TRIES} failed as well")).await;
    }
    last
}

/// Lets the Docker engine push, tag after tag.
async fn by_engine(
    builder: &ImageBuilder,
    action: &ActionContext,
    order: &Order,
    way: &WayIn,
    docker: &Docker,
) -> Result<String, Trouble> {
    let mut digest = None;
    for tag in &order.tags {
        digest = again(action, || push_tag(builder, action, order, way, docker, tag)).await?.or(digest);
    }
    match digest {
        Some(digest) => Ok(digest),
        None => Err(Trouble::Other(ActionError::infrastructure(
            "noDigest",
            "the Docker engine pushed the image, and did not say under which digest",
            "look into its log",
        ))),
    }
}

async fn push_tag(
    builder: &ImageBuilder,
    action: &ActionContext,
    order: &Order,
    way: &WayIn,
    docker: &Docker,
    tag: &str,
) -> Result<Option<String>, Trouble> {
    let options = PushImageOptionsBuilder::default().tag(tag).build();
    let credentials = way.login().map(|(user, password)| DockerCredentials {
        username: Some(user.to_owned()),
        password: Some(password.to_owned()),
        serveraddress: Some(order.image.server().to_owned()),
        ..DockerCredentials::default()
    });
    let (repository, what) = (order.repository(), format!("pushing {}", order.tagged(tag)));
    let mut answers = Box::pin(docker.push_image(&repository, Some(options), credentials));
    let (mut progress, mut digest) = (Progress::default(), None);
    loop {
        let answer = tokio::select! {
            answer = answers.next() => answer,
            () = action.sleep(builder.patience) => {
                let seconds = builder.patience.as_secs_f64();
                let said = format!("there was no sign of life for {seconds} s (timeout)");
                return Err(Trouble::Registry(RegistryError::said_by_engine(order.image.server(), &what, &said)));
            }
        };
        match answer {
            None => return Ok(digest),
            Some(Ok(info)) => {
                let status = info.status.unwrap_or_default();
                digest = digest_in(&status).or(digest);
                // Whose layer it is, the stream does not say: the same words in a row are one line.
                if let Some(line) = progress.line(Some(tag), Some(&status)) {
                    action.log(line).await;
                }
            }
            Some(Err(error)) => return Err(trouble(builder, order, &what, error)),
        }
    }
}

/// `alpha-7: digest: sha256:… size: 528`
fn digest_in(status: &str) -> Option<String> {
    let (_, rest) = status.split_once("digest: ")?;
    rest.split_whitespace().next().map(str::to_owned)
}

fn trouble(builder: &ImageBuilder, order: &Order, what: &str, error: Error) -> Trouble {
    match &error {
        Error::DockerStreamError { error: said } | Error::DockerResponseServerError { message: said, .. } => {
            Trouble::Registry(RegistryError::said_by_engine(order.image.server(), what, said))
        }
        _ => Trouble::Other(builder.connection.error(what, error).into()),
    }
}

/// Takes the image out of the Docker engine, and pushes it.
async fn by_ourselves(
    builder: &ImageBuilder,
    action: &ActionContext,
    order: &Order,
    way: &WayIn,
    docker: &Docker,
) -> Result<String, ActionError> {
    let scratch = super::scratch()?;
    let file = scratch.path().join("image.tar");
    let tag = order.tags.first().map_or("latest", String::as_str);
    let name = order.tagged(tag);
    let bytes = docker.export_image(&name).map_err(std::io::Error::other);
    spool(Box::pin(bytes), &file).await.map_err(|error| {
        let message = format!("the image {name} could not be taken out of the Docker engine: {error}");
        ActionError::infrastructure("exportFailed", message, "look whether the disk for temporary files is full")
    })?;
    let (archive, layers) = (file, scratch.path().to_owned());
    let image = tokio::task::spawn_blocking(move || ImageArchive::unpack(&archive, &layers)).await;
    let image = image.map_err(|error| error.to_string()).and_then(|image| image.map_err(|error| error.to_string()));
    let image = image.map_err(|why| ActionError::infrastructure("exportFailed", why, ""))?;
    let registry = way.registry(order).await.map_err(|error| Trouble::Registry(error).into_action())?;
    let _ = builder;
    again(action, || send(action, order, &registry, &image)).await.map_err(Trouble::into_action)
}

async fn send(
    action: &ActionContext,
    order: &Order,
    registry: &Registry,
    image: &ImageArchive,
) -> Result<String, Trouble> {
    let mut lines = Vec::new();
    let pushed = registry
        .push(image, order.image.repository(), &order.tags, |progress| {
            lines.push(match progress {
                PushProgress::LayerThere { digest } => format!("{digest}: there already"),
                PushProgress::LayerSent { digest, bytes } => format!("{digest}: pushed, {bytes} bytes"),
            });
        })
        .await;
    for line in lines {
        action.log_line(line).await;
    }
    pushed.map_err(Trouble::Registry)
}

/// Where the tags led to before, as far as the registry says so.
async fn digests(order: &Order, way: &WayIn) -> Vec<Option<String>> {
    let Ok(registry) = way.registry(order).await else { return vec![None; order.tags.len()] };
    let mut digests = Vec::with_capacity(order.tags.len());
    for tag in &order.tags {
        digests.push(registry.digest(order.image.repository(), tag).await.ok());
    }
    digests
}

async fn say_overwritten(action: &ActionContext, order: &Order, before: &[Option<String>], digest: &str) {
    for (tag, before) in order.tags.iter().zip(before) {
        action.log_line(format!("pushed {}@{digest}", order.tagged(tag))).await;
        if let Some(before) = before.as_deref().filter(|before| *before != digest) {
            action.log_line(format!("warning: the tag {tag} was there, and led to {before}; it was overwritten")).await;
        }
    }
}
