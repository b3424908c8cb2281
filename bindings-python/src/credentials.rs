//! Credentials: those that the engine keeps, and providers of the program.

use async_trait::async_trait;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use serde_json::json;
use windlass::secret::{Credential, SecretError, SecretProvider};
use windlass::{Result, wire};

use crate::answer::{answer, data};
use crate::call::Function;
use crate::fork::Owned;
use crate::operation::{Gift, Operation, plain};

/// The credentials that an engine keeps.
#[pyclass(frozen, module = "windlass._native")]
#[derive(Debug)]
pub(crate) struct Credentials(Owned<windlass::Credentials>);

impl Credentials {
    pub(crate) fn new(credentials: windlass::Credentials) -> Self {
        Self(Owned::new(credentials))
    }

    fn with<F>(&self, work: impl FnOnce(windlass::Credentials) -> F) -> Operation
    where
        F: Future<Output = Result<Gift>> + Send + 'static,
    {
        match self.0.get() {
            Ok(credentials) => Operation::new(work(credentials.clone())),
            Err(error) => Operation::refused(error),
        }
    }
}

#[pymethods]
impl Credentials {
    /// Whether it was made, and words about values that are too short to be masked.
    fn set(&self, name: String, credential: String, by: String) -> Operation {
        self.with(|credentials| async move {
            let credential = wire::read::<Credential>(&credential, "credentials")?;
            let saved = credentials.set(&name, &credential, &by).await?;
            let unmasked: Vec<String> = saved.unmasked.iter().map(ToString::to_string).collect();
            Ok(plain(json!({"created": saved.created, "unmasked": unmasked})))
        })
    }

    fn list(&self) -> Operation {
        self.with(|credentials| async move { Ok(plain(credentials.list().await?)) })
    }

    fn open(&self, name: String) -> Operation {
        self.with(|credentials| async move { Ok(plain(credentials.open(&name).await?)) })
    }

    fn remove(&self, name: String, by: String) -> Operation {
        self.with(|credentials| async move { Ok(plain(credentials.remove(&name, &by).await?)) })
    }
}

/// A provider of the program behind the engine.
#[derive(Debug)]
pub(crate) struct Provider {
    name: String,
    credential: Function,
}

impl Provider {
    /// Takes what the package made of the program's provider.
    pub(crate) fn of(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let credential = Function::of(&given.getattr("credential")?)?;
        Ok(Self { name: given.getattr("name")?.extract()?, credential })
    }
}

#[async_trait]
impl SecretProvider for Provider {
    fn name(&self) -> &str {
        &self.name
    }

    async fn credential(&self, name: &str) -> Result<Option<Credential>, SecretError> {
        let wanted = name.to_owned();
        let arguments = Box::new(move |py: Python<'_>| Ok(PyTuple::new(py, [wanted.into_py_any(py)?])?.unbind()));
        let answered = self.credential.call(arguments, std::future::pending()).await;
        answer(answered, data::<Option<Credential>>).map_err(|raised| SecretError::Provider {
            name: name.to_owned(),
            provider: self.name.clone(),
            why: raised.into_action_error().to_string(),
        })
    }
}
