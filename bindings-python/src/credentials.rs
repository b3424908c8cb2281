//! Credentials: providers of the program, and its own ways to try them.

use async_trait::async_trait;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use windlass::secret::{Credential, CredentialReport, CredentialTest, SecretError, SecretProvider};
use windlass::{Error, ErrorKind, Result};

use crate::answer::{answer, data};
use crate::call::Function;

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

/// The program's own way to try credentials on targets of one kind.
#[derive(Debug)]
pub(crate) struct Trial(Function);

impl Trial {
    /// Takes what the package made of the program's function.
    pub(crate) fn of(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        Function::of(given).map(Self)
    }
}

#[async_trait]
impl CredentialTest for Trial {
    async fn test(&self, name: &str, credential: &Credential, address: &str) -> Result<CredentialReport> {
        let (name, credential, address) = (name.to_owned(), credential.clone(), address.to_owned());
        let arguments = Box::new(move |py: Python<'_>| {
            let credential = pythonize::pythonize(py, &credential)?.unbind();
            Ok(PyTuple::new(py, [name.into_py_any(py)?, credential, address.into_py_any(py)?])?.unbind())
        });
        let answered = self.0.call(arguments, std::future::pending()).await;
        let message = answer(answered, data::<String>).map_err(|raised| {
            let message = raised.into_action_error().to_string();
            Error::new(ErrorKind::Invalid, "credentialRefused", "credentials", message)
        })?;
        Ok(CredentialReport { message })
    }
}
