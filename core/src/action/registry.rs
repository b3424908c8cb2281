//! The actions of an engine: those that Windlass brings, and those of the embedder.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ActionHandler;
use crate::pipeline::{Action, nearest};

/// The actions of an engine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actions {
    /// The embedder's, by the name that `custom` uses.
    custom: BTreeMap<String, Arc<dyn ActionHandler>>,
    /// Windlass' own, by the key in the document.
    built_in: BTreeMap<&'static str, Arc<dyn ActionHandler>>,
}

/// What an action of a definition needs, and this engine does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MissingAction(pub(crate) String);

impl Actions {
    /// False, and nothing is changed, when the name is taken.
    pub(crate) fn register(&mut self, name: String, handler: Arc<dyn ActionHandler>) -> bool {
        let free = !self.custom.contains_key(&name);
        if free {
            self.custom.insert(name, handler);
        }
        free
    }

    /// Adds an action that Windlass brings, under its key in the document.
    #[cfg_attr(
        not(any(feature = "git", feature = "docker", feature = "kubernetes")),
        expect(dead_code, reason = "they come with features")
    )]
    pub(crate) fn build_in(&mut self, key: &'static str, handler: impl ActionHandler) {
        self.built_in.insert(key, Arc::new(handler));
    }

    /// What carries out an action of a definition.
    pub(crate) fn of(&self, action: &Action) -> Result<&Arc<dyn ActionHandler>, MissingAction> {
        match action {
            Action::Custom(custom) => self.custom.get(&custom.name).ok_or_else(|| self.unknown(&custom.name)),
            other => self.built_in.get(other.key()).ok_or_else(|| not_built_in(other)),
        }
    }

    /// Why there is no action of this name, with the one that was probably meant.
    fn unknown(&self, name: &str) -> MissingAction {
        let known = self.custom.keys().map(String::as_str);
        MissingAction(match nearest(name, known.clone()) {
            Some(near) => format!("this engine has no action {name:?}, did you mean {near:?}?"),
            None if self.custom.is_empty() => format!("this engine has no action {name:?}, and no other either"),
            None => format!("this engine has no action {name:?}, only {}", known.collect::<Vec<_>>().join(", ")),
        })
    }
}

fn not_built_in(action: &Action) -> MissingAction {
    let needed = match action {
        Action::Checkout(_) => "a build with the feature `git`",
        Action::BuildImage(_) => "a build with the feature `docker`, and a Docker engine",
        Action::DeployManifests(_) | Action::RunJob(_) => "a build with the feature `kubernetes`, and a cluster",
        Action::PublishChart(_) | Action::DeployChart(_) => {
            "a build with the feature `kubernetes`, and the Helm client"
        }
        Action::SyncFiles(_) => "a build with the feature `ssh`",
        Action::Script(_) | Action::Approve(_) | Action::Custom(_) => "nothing",
    };
    let key = action.key();
    MissingAction(format!("the action `{key}` needs {needed}; this build does not have it"))
}
