//! The actions of an engine, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ActionHandler;
use crate::pipeline::nearest;

/// The actions of an engine, by the name that `custom` uses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actions {
    handlers: BTreeMap<String, Arc<dyn ActionHandler>>,
}

impl Actions {
    /// False, and nothing is changed, when the name is taken.
    pub(crate) fn register(&mut self, name: String, handler: Arc<dyn ActionHandler>) -> bool {
        let free = !self.handlers.contains_key(&name);
        if free {
            self.handlers.insert(name, handler);
        }
        free
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<dyn ActionHandler>> {
        self.handlers.get(name)
    }

    /// Why there is no action of this name, with the one that was probably meant.
    pub(crate) fn missing(&self, name: &str) -> String {
        let known = self.handlers.keys().map(String::as_str);
        match nearest(name, known.clone()) {
            Some(near) => format!("this engine has no action {name:?}, did you mean {near:?}?"),
            None if self.handlers.is_empty() => format!("this engine has no action {name:?}, and no other either"),
            None => format!("this engine has no action {name:?}, only {}", known.collect::<Vec<_>>().join(", ")),
        }
    }
}
