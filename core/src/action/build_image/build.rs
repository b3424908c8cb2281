//! A build by a Docker engine: what both of its builders are given, and the classic one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder, TagImageOptionsBuilder};
use bytes::Bytes;
use futures::StreamExt;

use super::builder::ImageBuilder;
use super::buildkit;
use super::files::{Filter, context, names_at_top};
use super::ignore::Ignore;
use super::settings::{Cache, Order, Recipe};
use crate::action::{ActionContext, ActionError};
use crate::executor::docker::progress::Progress;
use crate::executor::{ExecutorError, TarStream};
use crate::explain::{self, Explained, FailureClass};

/// Files that say what a build does are far smaller.
const MAX_FILE: usize = 4 << 20;
/// A build may take its time before it says the first word: the engine takes the whole context before.
const FIRST_WORD: Duration = Duration::from_secs(24 * 60 * 60);

/// Builds the image under all its tags: by BuildKit where the engine has it.
pub(super) async fn build(
    builder: &ImageBuilder,
    action: &ActionContext,
    order: &Order,
    recipe: &Recipe,
    credentials: HashMap<String, DockerCredentials>,
) -> Result<(), ActionError> {
    let filter = filter(action, recipe).await?;
    let secrets = action.secrets().await?;
    let has_secrets = !secrets.is_empty();
    let session = buildkit::session(builder, action, secrets, credentials.clone()).await?;
    let (files, broken) = until_broken(context(action.read(&recipe.context).await?, filter));
    let plan = Plan::new(builder, action, order, recipe);
    let built = match session {
        Some(session) => buildkit::build(builder, action, &plan, &session, files.boxed()).await,
        None if has_secrets => Err(ActionError::Failed { cause: explain::no_build_secrets() }),
        None => classic(builder, action, &plan, credentials, files).await,
    };
    // What broke off the files is why the engine complains.
    if let Some(error) = broken.take() {
        return Err(error.into());
    }
    built?;
    name(builder, builder.connection.docker().await?, order).await
}

/// A build by the builder that every Docker engine has.
async fn classic(
    builder: &ImageBuilder,
    action: &ActionContext,
    plan: &Plan,
    credentials: HashMap<String, DockerCredentials>,
    files: impl futures::Stream<Item = Bytes> + Send + 'static,
) -> Result<(), ActionError> {
    let docker = builder.connection.docker().await?.clone().with_timeout(FIRST_WORD);
    let mut answers = docker.build_image(plan.options(), Some(credentials), Some(bollard::body_stream(files)));
    let mut progress = Progress::default();
    while let Some(answer) = answers.next().await {
        let answer = answer.map_err(|error| failure(builder, error))?;
        let said = answer.stream.or_else(|| progress.line(answer.id.as_deref(), answer.status.as_deref()));
        if let Some(said) = said {
            action.log(said).await;
        }
    }
    Ok(())
}

/// What either builder is told.
#[derive(Debug)]
pub(super) struct Plan {
    dockerfile: String,
    /// The image with its first tag.
    name: String,
    args: HashMap<String, String>,
    labels: HashMap<String, String>,
    target: Option<String>,
    cache: Cache,
}

impl Plan {
    fn new(builder: &ImageBuilder, action: &ActionContext, order: &Order, recipe: &Recipe) -> Self {
        let mut args: HashMap<String, String> = builder.proxy.iter().cloned().collect();
        args.extend(recipe.args.clone());
        let mut labels = annotations(action);
        labels.extend(recipe.labels.clone());
        let tag = order.tags.first().map_or("latest", String::as_str);
        let (dockerfile, name) = (recipe.dockerfile.clone(), order.tagged(tag));
        Self { dockerfile, name, args, labels, target: recipe.target.clone(), cache: recipe.cache }
    }

    /// For the classic builder.
    fn options(&self) -> BuildImageOptions {
        let options = BuildImageOptionsBuilder::default()
            .dockerfile(&self.dockerfile)
            .t(&self.name)
            .buildargs(&self.args)
            .labels(&self.labels)
            .nocache(self.cache == Cache::Ignore)
            .rm(true)
            .forcerm(true);
        match &self.target {
            Some(target) => options.target(target).build(),
            None => options.build(),
        }
    }

    /// For BuildKit.
    pub(super) fn query(&self) -> Vec<(&'static str, String)> {
        let json = |map: &HashMap<String, String>| serde_json::to_string(map).unwrap_or_default();
        let mut query = vec![
            ("dockerfile", self.dockerfile.clone()),
            ("t", self.name.clone()),
            ("buildargs", json(&self.args)),
            ("labels", json(&self.labels)),
        ];
        query.extend(self.target.iter().map(|target| ("target", target.clone())));
        query.extend((self.cache == Cache::Ignore).then(|| ("nocache", "1".to_owned())));
        query
    }
}

/// Which files the build sees.
async fn filter(action: &ActionContext, recipe: &Recipe) -> Result<Filter, ActionError> {
    let folder = recipe.context.trim_end_matches('/');
    let below = |name: &str| if folder == "." { name.to_owned() } else { format!("{folder}/{name}") };
    let skip = usize::from(std::path::Path::new(folder).file_name().is_some());
    let dockerfile = below(&recipe.dockerfile);
    if let Err(error) = action.read_file(&dockerfile, MAX_FILE).await {
        let missing = matches!(&error, ActionError::Failed { cause } if cause.code == "fileNotFound");
        if !missing {
            return Err(error);
        }
        let there = names_at_top(action.read(&recipe.context).await?, skip).await.unwrap_or_default();
        return Err(ActionError::Failed { cause: explain::dockerfile_missing(&dockerfile, &there) });
    }
    let mut ignore = Ignore::default();
    for name in [format!("{}.dockerignore", recipe.dockerfile), ".dockerignore".to_owned()] {
        match action.read_file(&below(&name), MAX_FILE).await {
            Ok(text) => {
                ignore = Ignore::parse(&String::from_utf8_lossy(&text)).map_err(|why| {
                    ActionError::failed("badDockerignore", format!("{:?}: {why}", below(&name)), "correct the pattern")
                })?;
                break;
            }
            Err(ActionError::Failed { cause }) if cause.code == "fileNotFound" => {}
            Err(error) => return Err(error),
        }
    }
    let always = vec![recipe.dockerfile.trim_start_matches("./").to_owned(), ".dockerignore".to_owned()];
    Ok(Filter { skip, ignore, always })
}

/// What everybody looks for on an image: which commit it is of, from where, and when it was made.
fn annotations(action: &ActionContext) -> HashMap<String, String> {
    let variable = |name: &str| action.variables().get(name).filter(|value| !value.is_empty()).cloned();
    let known = [
        ("created", Some(action.now().wall.to_string())),
        ("revision", variable("CI_COMMIT_SHA")),
        ("source", variable("CI_REPOSITORY_URL")),
        ("version", variable("CI_COMMIT_TAG")),
    ];
    let labels = known.into_iter().filter_map(|(name, value)| Some((name, value?)));
    labels.map(|(name, value)| (format!("org.opencontainers.image.{name}"), value)).collect()
}

/// Gives the image its other tags.
async fn name(builder: &ImageBuilder, docker: &Docker, order: &Order) -> Result<(), ActionError> {
    let mut tags = order.tags.iter();
    let Some(first) = tags.next() else { return Ok(()) };
    let (built, repository) = (order.tagged(first), order.repository());
    for tag in tags {
        let options = TagImageOptionsBuilder::default().repo(&repository).tag(tag).build();
        let tagged = docker.tag_image(&built, Some(options)).await;
        tagged.map_err(|error| builder.connection.error(&format!("naming the image {built} also {tag}"), error))?;
    }
    Ok(())
}

/// Why the files did not come to their end.
#[derive(Clone, Debug, Default)]
struct Broken(Arc<Mutex<Option<ExecutorError>>>);

impl Broken {
    fn take(&self) -> Option<ExecutorError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The files as far as they come. The engine cannot be told that they broke off, but sees an archive without an end.
fn until_broken(files: TarStream) -> (impl futures::Stream<Item = Bytes> + Send + 'static, Broken) {
    let broken = Broken::default();
    let place = broken.clone();
    let files = files.scan(place, |place, piece| {
        let piece = piece.map_err(|error| {
            place.0.lock().unwrap_or_else(PoisonError::into_inner).replace(error);
        });
        std::future::ready(piece.ok())
    });
    (files, broken)
}

fn failure(builder: &ImageBuilder, error: Error) -> ActionError {
    let said = match &error {
        Error::DockerStreamError { error } => error.clone(),
        Error::DockerResponseServerError { message, .. } => message.clone(),
        _ => return builder.connection.error("building the image", error).into(),
    };
    failed(&said, None)
}

/// Why a build failed, from what the engine said at the end and the instruction at which it was.
pub(super) fn failed(said: &str, instruction: Option<&str>) -> ActionError {
    let Explained { cause, class } = explain::build_failure(said, instruction);
    match class {
        FailureClass::Infrastructure => ActionError::Infrastructure { cause },
        _ => ActionError::Failed { cause },
    }
}
