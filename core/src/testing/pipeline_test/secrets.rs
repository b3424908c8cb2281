//! Credentials of a test: made up, so that no test needs a real one.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::pipeline::Plan;
use crate::secret::{Credential, SecretError, SecretProvider};

/// Has every credential that the tasks of a plan ask for, with the values that they name.
#[derive(Debug)]
pub(super) struct MadeUp {
    keys: BTreeMap<String, BTreeSet<String>>,
}

impl MadeUp {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for secret in plan.tasks.iter().flat_map(|task| &task.definition.secrets) {
            keys.entry(secret.from.to_string()).or_default().extend(secret.key.clone());
        }
        Self { keys }
    }
}

#[async_trait]
impl SecretProvider for MadeUp {
    fn name(&self) -> &str {
        "the test"
    }

    async fn credential(&self, name: &str) -> Result<Option<Credential>, SecretError> {
        let Some(keys) = self.keys.get(name) else { return Ok(None) };
        let value = |key: &str| format!("made-up {key} of {name}");
        if keys.iter().all(|key| key == "user" || key == "password") && !keys.is_empty() {
            let (user, password) = (value("user"), value("password").into());
            return Ok(Some(Credential::UserPassword { user, password }));
        }
        if keys.is_empty() {
            return Ok(Some(Credential::opaque(value("value"))));
        }
        let values = keys.iter().map(|key| (key.clone(), value(key).into())).collect();
        Ok(Some(Credential::Opaque { values }))
    }
}
