//! Saving definitions.

use super::Pipelines;
use super::stored::{StaleVersion, StoredPipeline, document};
use crate::audit::Change;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Pipeline, Problems};
use crate::run::Now;
use crate::store::{Batch, PipelineChange, PipelineRecord, PipelineVersion};

/// What a save writes, and what the pipeline is afterwards. Nothing is written when it is exactly that already.
pub(super) struct Save {
    pub(super) batch: Batch,
    pub(super) after: PipelineRecord,
}

impl Pipelines {
    /// Saves a new pipeline, which is active.
    ///
    /// # Errors
    /// `pipelineExists`; `invalidPipeline` with everything that is wrong with the definition. Stages may be empty, and what
    /// only a start needs need not be there: values of parameters, executors, actions that this build can carry out.
    pub async fn create(&self, definition: &Pipeline, by: &str) -> Result<StoredPipeline> {
        self.create_as(definition, None, by).await
    }

    /// Saves a new pipeline with the stages Source, Build, Test and Deploy, all empty.
    ///
    /// # Errors
    /// `invalidName`, `pipelineExists`.
    pub async fn create_new(&self, name: &str, by: &str) -> Result<StoredPipeline> {
        self.create(&Pipeline::starter(name).map_err(bad_name)?, by).await
    }

    /// Saves a copy of a pipeline under another name: everything but the triggers, since both would start at every push and
    /// every hour. The copy is active, whatever the original is.
    ///
    /// # Errors
    /// `noSuchPipeline`, `invalidName`, `pipelineExists`.
    pub async fn copy(&self, from: &str, to: &str, by: &str) -> Result<StoredPipeline> {
        let original = self.get(from).await?;
        let copy = original.definition.copied(to).map_err(bad_name)?;
        let definition = Pipeline { triggers: Vec::new(), ..copy };
        self.create_as(&definition, Some(from), by).await
    }

    /// Saves another definition of the pipeline that it names, made from version `expected`. What is there already to the
    /// letter is no new version, whatever was expected. A pipeline is not renamed: copy it, and delete the old one.
    ///
    /// # Errors
    /// `staleVersion` when somebody else saved it meanwhile, with [who and when](Error::stale_version); `noSuchPipeline`,
    /// also for a name that was changed; `invalidPipeline` as for [`create`](Self::create).
    pub async fn update(&self, definition: &Pipeline, expected: u64, by: &str) -> Result<StoredPipeline> {
        let hold = self.core().writing("update")?;
        let _locked = self.core().names.lock(definition.name.as_str()).await;
        let save = self.save(definition, Some(expected), None, by).await?;
        let saved = self.write(save).await;
        drop(hold);
        saved
    }

    /// Makes an old definition the newest one, as [`update`](Self::update) would.
    ///
    /// # Errors
    /// `noSuchVersion`, and those of [`update`](Self::update).
    pub async fn restore(&self, name: &str, version: u64, expected: u64, by: &str) -> Result<StoredPipeline> {
        let old = self.version(name, version).await?;
        self.update(&old.definition, expected, by).await
    }

    /// Lets the pipeline be run. Nothing happens when it can be already.
    ///
    /// # Errors
    /// `noSuchPipeline`.
    pub async fn activate(&self, name: &str, by: &str) -> Result<StoredPipeline> {
        self.set_active(name, true, by).await
    }

    /// Lets the pipeline not be run any more. Its runs go on. Nothing happens when it cannot be run already.
    ///
    /// # Errors
    /// `noSuchPipeline`.
    pub async fn deactivate(&self, name: &str, by: &str) -> Result<StoredPipeline> {
        self.set_active(name, false, by).await
    }

    async fn create_as(&self, definition: &Pipeline, from: Option<&str>, by: &str) -> Result<StoredPipeline> {
        let hold = self.core().writing("create")?;
        let _locked = self.core().names.lock(definition.name.as_str()).await;
        let save = self.save(definition, None, from, by).await?;
        let saved = self.write(save).await;
        drop(hold);
        saved
    }

    async fn set_active(&self, name: &str, active: bool, by: &str) -> Result<StoredPipeline> {
        let core = self.core();
        let hold = core.writing(if active { "activate" } else { "deactivate" })?;
        let _locked = core.names.lock(name).await;
        let record = self.record(name).await?;
        if record.active == active {
            return StoredPipeline::of(record);
        }
        let pipeline = name.to_owned();
        let change = match active {
            true => Change::PipelineActivated { pipeline },
            false => Change::PipelineDeactivated { pipeline },
        };
        let pipelines = vec![PipelineChange::SetActive { name: name.to_owned(), active }];
        let audit = vec![core.audited(by, change)];
        let batch = Batch { pipelines, audit, ..Batch::default() };
        let saved = self.write(Save { batch, after: PipelineRecord { active, ..record } }).await;
        drop(hold);
        saved
    }

    /// What saving a definition writes: a new pipeline, or another version after the expected one.
    pub(super) async fn save(
        &self,
        definition: &Pipeline,
        expected: Option<u64>,
        copied_from: Option<&str>,
        by: &str,
    ) -> Result<Save> {
        let core = self.core();
        let (name, document) = (definition.name.as_str(), document(definition)?);
        let current = core.archive.store.pipeline(name).await?;
        let at = core.clock.now();
        let new = |version| PipelineVersion {
            name: name.to_owned(),
            version,
            definition: document.clone(),
            at,
            by: by.to_owned(),
        };
        let pipeline = name.to_owned();
        let (change, said, record) = match (current, expected) {
            (Some(_), None) => return Err(exists(name)),
            (None, None) => {
                let new = new(core.archive.store.last_version(name).await? + 1);
                let copied_from = copied_from.map(str::to_owned);
                let said = Change::PipelineCreated { pipeline, version: new.version, copied_from };
                let record = record_of(&new, true, at);
                (PipelineChange::Create(new), said, record)
            }
            (None, Some(_)) => {
                let advice = ". A pipeline is not renamed by saving it: copy it, and delete the old one";
                return Err(self.no_such_pipeline(name, advice).await?);
            }
            (Some(current), Some(_)) if is_same(&current, &document) => {
                return Ok(Save { batch: Batch::default(), after: current });
            }
            (Some(current), Some(expected)) if current.version != expected => return Err(stale(current, expected)),
            (Some(current), Some(expected)) => {
                let new = new(expected + 1);
                let said = Change::PipelineUpdated { pipeline, version: new.version };
                let record = record_of(&new, current.active, current.created);
                (PipelineChange::Update(new), said, record)
            }
        };
        let audit = vec![core.audited(by, said)];
        Ok(Save { batch: Batch { pipelines: vec![change], audit, ..Batch::default() }, after: record })
    }

    async fn write(&self, save: Save) -> Result<StoredPipeline> {
        if save.batch != Batch::default() {
            self.core().commit(save.batch).await?;
        }
        StoredPipeline::of(save.after)
    }
}

fn bad_name(problems: Problems) -> Error {
    Error::new(ErrorKind::Invalid, "invalidName", "create", problems.to_string()).with_source(problems)
}

fn record_of(new: &PipelineVersion, active: bool, created: Now) -> PipelineRecord {
    PipelineRecord {
        name: new.name.clone(),
        version: new.version,
        active,
        definition: new.definition.clone(),
        created,
        changed: new.at,
        changed_by: new.by.clone(),
    }
}

/// Whether the definition is the stored one to the letter: the order of keys counts, since people see it.
fn is_same(current: &PipelineRecord, document: &serde_json::Value) -> bool {
    let text = |value: &serde_json::Value| value.to_string();
    text(&current.definition) == text(document)
}

fn exists(name: &str) -> Error {
    crate::store::StoreError::PipelineExists { name: name.to_owned() }.into()
}

fn stale(current: PipelineRecord, expected: u64) -> Error {
    let stale = StaleVersion {
        pipeline: current.name,
        expected,
        found: current.version,
        saved: current.changed.wall,
        saved_by: current.changed_by,
    };
    Error::new(ErrorKind::Conflict, "staleVersion", "update", stale.to_string()).with_source(stale)
}
