//! Nouns of the core that answer requests: `windlass::wire::Answers`.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use windlass::wire::{self, Answers, StartOptions};
use windlass::{Control, Result};

use crate::failure::guarded;
use crate::fork::Owned;
use crate::operation::{Operation, object, plain};

/// Something that can be asked: the clusters of an engine, an engine of another process.
#[pyclass(frozen, module = "windlass._native")]
#[derive(Debug)]
pub(crate) struct Noun(Owned<Arc<dyn Answers>>);

impl Noun {
    pub(crate) fn of(noun: impl Answers) -> Self {
        Self(Owned::new(Arc::new(noun)))
    }
}

/// Asks a noun, which this process may use or not.
pub(crate) fn asked<T: Answers + Clone>(noun: Result<&T>, request: String, arguments: String) -> Operation {
    match noun {
        Ok(noun) => {
            let noun = noun.clone();
            Operation::new(async move { Ok(plain(noun.answer(&request, &arguments).await?)) })
        }
        Err(error) => Operation::refused(error),
    }
}

#[pymethods]
impl Noun {
    fn ask(&self, request: String, arguments: String) -> Operation {
        match self.0.get() {
            Ok(noun) => {
                let noun = Arc::clone(noun);
                Operation::new(async move { Ok(plain(noun.answer(&request, &arguments).await?)) })
            }
            Err(error) => Operation::refused(error),
        }
    }
}

/// Connects to the engine that another process holds.
#[pyfunction]
pub(crate) fn control(data_dir: PathBuf) -> Operation {
    Operation::new(async move { Ok(object(Noun::of(Control::connect(data_dir).await?))) })
}

/// What a run of a definition would do, as JSON.
#[pyfunction]
pub(crate) fn plan(py: Python<'_>, definition: &str, options: &str) -> PyResult<String> {
    guarded(py, || {
        let options = wire::read::<StartOptions>(options, "plan")?;
        Ok(wire::plan(&wire::definition(definition)?, options)?.to_string())
    })
}
