//! A build by a Docker engine.

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

/// Builds the image under all its tags.
pub(super) async fn build(
    builder: &ImageBuilder,
    action: &ActionContext,
    order: &Order,
    recipe: &Recipe,
    credentials: HashMap<String, DockerCredentials>,
) -> Result<(), ActionError> {
    let filter = filter(action, recipe).await?;
    let docker = builder.connection.docker().await?.clone().with_timeout(FIRST_WORD);
    let files = context(action.read(&recipe.context).await?, filter);
    let (files, broken) = until_broken(files);
    let options = options(builder, action, order, recipe);
    let mut answers = docker.build_image(options, Some(credentials), Some(bollard::body_stream(files)));
    let mut progress = Progress::default();
    while let Some(answer) = answers.next().await {
        let answer = answer.map_err(|error| match broken.take() {
            Some(error) => ActionError::Executor(error),
            None => failure(builder, error),
        })?;
        let said = answer.stream.or_else(|| progress.line(answer.id.as_deref(), answer.status.as_deref()));
        if let Some(said) = said {
            action.log(said).await;
        }
    }
    drop(answers);
    match broken.take() {
        Some(error) => Err(error.into()),
        None => name(builder, &docker, order).await,
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

fn options(builder: &ImageBuilder, action: &ActionContext, order: &Order, recipe: &Recipe) -> BuildImageOptions {
    let mut arguments: HashMap<String, String> = builder.proxy.iter().cloned().collect();
    arguments.extend(recipe.args.clone());
    let mut labels = annotations(action);
    labels.extend(recipe.labels.clone());
    let tag = order.tags.first().map_or("latest", String::as_str);
    let options = BuildImageOptionsBuilder::default()
        .dockerfile(&recipe.dockerfile)
        .t(&order.tagged(tag))
        .buildargs(&arguments)
        .labels(&labels)
        .nocache(recipe.cache == Cache::Ignore)
        .rm(true)
        .forcerm(true);
    match &recipe.target {
        Some(target) => options.target(target).build(),
        None => options.build(),
    }
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
    let Explained { cause, class } = explain::build_failure(&said);
    match class {
        FailureClass::Infrastructure => ActionError::Infrastructure { cause },
        _ => ActionError::Failed { cause },
    }
}
