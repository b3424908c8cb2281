//! What a task says about the image, with every variable replaced.

use indexmap::IndexMap;
use serde::Deserialize;

use crate::action::ActionError;
use crate::registry::ImageName;

/// What stands under `buildImage`, as texts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Settings {
    #[serde(default)]
    context: Option<String>,
    #[serde(default)]
    dockerfile: Option<String>,
    #[serde(default)]
    archive: Option<String>,
    image: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    args: IndexMap<String, String>,
    #[serde(default)]
    labels: IndexMap<String, String>,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    credential: Option<String>,
    #[serde(default)]
    pull_credentials: Vec<String>,
    #[serde(default = "yes")]
    push: bool,
    #[serde(default)]
    no_cache: bool,
    #[serde(default)]
    insecure: bool,
}

fn yes() -> bool {
    true
}

/// What the task is about, checked.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) source: Source,
    pub(super) image: ImageName,
    pub(super) tags: Vec<String>,
    pub(super) credential: Option<String>,
    pub(super) publish: Publish,
}

/// Where the image comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// A Dockerfile.
    Build(Box<Recipe>),
    /// An archive in the workspace.
    Archive(String),
}

/// What the engine needs for a build.
#[derive(Debug)]
pub(super) struct Recipe {
    pub(super) context: String,
    pub(super) dockerfile: String,
    pub(super) args: IndexMap<String, String>,
    pub(super) labels: IndexMap<String, String>,
    pub(super) target: Option<String>,
    pub(super) pull_credentials: Vec<String>,
    pub(super) cache: Cache,
}

/// Whether layers of earlier builds are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cache {
    Use,
    Ignore,
}

/// Where the image goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Publish {
    /// It stays in the Docker engine.
    Keep,
    /// Into the registry of its name.
    Push,
    /// The same, also over plain HTTP.
    PushInsecure,
}

impl Settings {
    /// # Errors
    /// `badImageName` and `badSettings`.
    pub(super) fn order(self) -> Result<Order, ActionError> {
        let tags = if self.tags.is_empty() { vec!["latest".to_owned()] } else { self.tags };
        for tag in &tags {
            ImageName::parse(&format!("{}:{tag}", self.image)).map_err(|error| bad_name(&error))?;
        }
        let image = ImageName::parse(&self.image).map_err(|error| bad_name(&error))?;
        let named = self.image.rsplit('/').next().unwrap_or_default();
        if named.contains([':', '@']) {
            let message = format!("the image {:?} has a tag already", self.image);
            return Err(ActionError::failed("badImageName", message, "move the tag to `tags`"));
        }
        let publish = match (self.push, self.insecure) {
            (false, _) => Publish::Keep,
            (true, false) => Publish::Push,
            (true, true) => Publish::PushInsecure,
        };
        let source = match self.archive {
            Some(_) if publish == Publish::Keep => {
                let advice = "remove `push: false`, or build the image from a Dockerfile";
                return Err(ActionError::failed(
                    "badSettings",
                    "an `archive` is only pushed, and `push` is false",
                    advice,
                ));
            }
            Some(path) => Source::Archive(path),
            None => Source::Build(Box::new(Recipe {
                context: self.context.unwrap_or_else(|| ".".to_owned()),
                dockerfile: self.dockerfile.unwrap_or_else(|| "Dockerfile".to_owned()),
                args: self.args,
                labels: self.labels,
                target: self.target,
                pull_credentials: self.pull_credentials,
                cache: if self.no_cache { Cache::Ignore } else { Cache::Use },
            })),
        };
        Ok(Order { source, image, tags, credential: self.credential, publish })
    }
}

impl Order {
    /// The image with a tag, as the Docker engine knows it.
    pub(super) fn tagged(&self, tag: &str) -> String {
        format!("{}:{tag}", self.repository())
    }

    /// The image without a tag.
    pub(super) fn repository(&self) -> String {
        format!("{}/{}", self.image.server(), self.image.repository())
    }
}

fn bad_name(error: &crate::registry::RegistryError) -> ActionError {
    ActionError::failed(error.code(), error.message(), error.advice())
}
