//! The pipelines that an engine keeps.

use pyo3::prelude::*;
use windlass::store::PipelineFilter;
use windlass::wire::{self, StartOptions};
use windlass::{PipelineDeletion, Result};

use crate::fork::Owned;
use crate::operation::{Gift, Operation, plain};
use crate::run::Run;

/// The stored pipelines of an engine.
#[pyclass(frozen, module = "windlass._native")]
#[derive(Debug)]
pub(crate) struct Pipelines(Owned<windlass::Pipelines>);

impl Pipelines {
    pub(crate) fn new(pipelines: windlass::Pipelines) -> Self {
        Self(Owned::new(pipelines))
    }

    fn with<F>(&self, work: impl FnOnce(windlass::Pipelines) -> F) -> Operation
    where
        F: Future<Output = Result<Gift>> + Send + 'static,
    {
        match self.0.get() {
            Ok(pipelines) => Operation::new(work(pipelines.clone())),
            Err(error) => Operation::refused(error),
        }
    }
}

#[pymethods]
impl Pipelines {
    fn get(&self, name: String) -> Operation {
        self.with(|pipelines| async move { Ok(plain(pipelines.get(&name).await?)) })
    }

    fn list(&self, filter: String) -> Operation {
        self.with(|pipelines| async move {
            Ok(plain(pipelines.list(&wire::read::<PipelineFilter>(&filter, "list")?).await?))
        })
    }

    fn history(&self, name: String, before: Option<u64>, limit: usize) -> Operation {
        self.with(move |pipelines| async move { Ok(plain(pipelines.history(&name, before, limit).await?)) })
    }

    fn version(&self, name: String, version: u64) -> Operation {
        self.with(move |pipelines| async move { Ok(plain(pipelines.version(&name, version).await?)) })
    }

    fn create(&self, definition: String, by: String) -> Operation {
        self.with(|pipelines| async move { Ok(plain(pipelines.create(&wire::definition(&definition)?, &by).await?)) })
    }

    fn create_new(&self, name: String, by: String) -> Operation {
        self.with(|pipelines| async move { Ok(plain(pipelines.create_new(&name, &by).await?)) })
    }

    fn copy(&self, source: String, target: String, by: String) -> Operation {
        self.with(|pipelines| async move { Ok(plain(pipelines.copy(&source, &target, &by).await?)) })
    }

    fn update(&self, definition: String, expected: u64, by: String) -> Operation {
        self.with(move |pipelines| async move {
            Ok(plain(pipelines.update(&wire::definition(&definition)?, expected, &by).await?))
        })
    }

    fn restore(&self, name: String, version: u64, expected: u64, by: String) -> Operation {
        self.with(move |pipelines| async move { Ok(plain(pipelines.restore(&name, version, expected, &by).await?)) })
    }

    fn activate(&self, name: String, by: String) -> Operation {
        self.with(|pipelines| async move { Ok(plain(pipelines.activate(&name, &by).await?)) })
    }

    fn deactivate(&self, name: String, by: String) -> Operation {
        self.with(|pipelines| async move { Ok(plain(pipelines.deactivate(&name, &by).await?)) })
    }

    fn delete(&self, name: String, how: String, by: String) -> Operation {
        self.with(|pipelines| async move {
            let how = wire::read::<PipelineDeletion>(&how, "delete")?;
            Ok(plain(pipelines.delete(&name, how, &by).await?))
        })
    }

    fn run(&self, name: String, options: String) -> Operation {
        self.with(|pipelines| async move {
            let request = wire::read::<StartOptions>(&options, "start")?.request()?;
            Ok(Run::gift(pipelines.run(&name, request).await?))
        })
    }

    fn save_and_run(&self, definition: String, expected: Option<u64>, options: String) -> Operation {
        self.with(move |pipelines| async move {
            let pipeline = wire::definition(&definition)?;
            let request = wire::read::<StartOptions>(&options, "start")?.request()?;
            Ok(Run::gift(pipelines.save_and_run(&pipeline, expected, request).await?))
        })
    }

    fn latest_run(&self, name: String) -> Operation {
        self.with(|pipelines| async move {
            Ok(match pipelines.latest_run(&name).await? {
                Some(run) => Run::gift(run),
                None => plain(()),
            })
        })
    }

    fn stop_latest(&self, name: String, by: String, reason: String) -> Operation {
        self.with(|pipelines| async move { Ok(Run::gift(pipelines.stop_latest(&name, &by, &reason).await?)) })
    }
}
