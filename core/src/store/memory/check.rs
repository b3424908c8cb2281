//! What a batch is refused for, found before anything of it is done.

use std::collections::{HashMap, HashSet};

use super::kept::{Kept, KeptPipeline};
use crate::run::{RunId, Seq};
use crate::store::{Batch, CredentialChange, CredentialOwner, PipelineChange, PipelineVersion, StoreError};

impl Kept {
    /// Whether all of it can be done.
    pub(super) fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut lasts: HashMap<RunId, Seq> = HashMap::new();
        let mut numbers: HashMap<(&str, u64), RunId> = HashMap::new();
        for (record, _) in &batch.runs {
            if self.runs.contains_key(&record.id) || lasts.insert(record.id, Seq::ZERO).is_some() {
                return Err(StoreError::Duplicate { what: record.id.to_string() });
            }
            let number = (record.pipeline.as_str(), record.number);
            let taken = self.numbers.contains_key(&(record.pipeline.clone(), record.number));
            if taken || numbers.insert(number, record.id).is_some() {
                return Err(StoreError::Duplicate { what: format!("{} of {}", record.number, record.pipeline) });
            }
        }
        for append in &batch.appends {
            let known = lasts.get(&append.run).copied().or_else(|| Some(self.runs.get(&append.run)?.listing.last));
            let found = known.ok_or(StoreError::NoSuchRun { run: append.run })?;
            if found != append.expected {
                return Err(StoreError::Stale { run: append.run, expected: append.expected, found });
            }
            lasts.insert(append.run, Seq(found.0 + append.events.len() as u64));
        }
        self.check_pipelines(&batch.pipelines)?;
        self.check_workspaces(batch)?;
        self.check_credentials(batch)?;
        self.check_deletes(batch)
    }

    fn check_pipelines(&self, changes: &[PipelineChange]) -> Result<(), StoreError> {
        let mut versions: HashMap<&str, (Option<u64>, u64)> = HashMap::new();
        for change in changes {
            let name = change.name();
            let current = self.pipelines.get(name).map(KeptPipeline::version);
            let last = self.last_versions.get(name).copied().unwrap_or_default();
            let (current, last) = versions.entry(name).or_insert((current, last));
            match (change, *current) {
                (PipelineChange::Create(_), Some(_)) => {
                    return Err(StoreError::PipelineExists { name: name.to_owned() });
                }
                (PipelineChange::Create(new), None) => expect_version(new, *last)?,
                (_, None) => return Err(StoreError::NoSuchPipeline { name: name.to_owned() }),
                (PipelineChange::Update(new), Some(found)) => expect_version(new, found)?,
                _ => {}
            }
            match change {
                PipelineChange::Create(new) | PipelineChange::Update(new) => {
                    (*current, *last) = (Some(new.version), new.version);
                }
                PipelineChange::Delete { .. } => *current = None,
                PipelineChange::SetActive { .. } => {}
            }
        }
        Ok(())
    }

    fn check_workspaces(&self, batch: &Batch) -> Result<(), StoreError> {
        let new: Vec<RunId> = batch.runs.iter().map(|(record, _)| record.id).collect();
        for kept in &batch.keep {
            if !self.runs.contains_key(&kept.run) && !new.contains(&kept.run) {
                return Err(StoreError::NoSuchRun { run: kept.run });
            }
        }
        let mut gone = HashSet::new();
        for run in &batch.unkeep {
            let kept = self.workspaces.contains_key(run) || batch.keep.iter().any(|kept| kept.run == *run);
            if !kept || !gone.insert(*run) {
                return Err(StoreError::NotKept { run: *run });
            }
        }
        Ok(())
    }

    fn check_credentials(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut there: HashSet<(CredentialOwner, &str)> =
            self.credentials.keys().map(|(owner, name)| (*owner, name.as_str())).collect();
        for change in &batch.credentials {
            match change {
                CredentialChange::Set(record) => {
                    if let CredentialOwner::Run(run) = record.owner
                        && !self.runs.contains_key(&run)
                        && !batch.runs.iter().any(|(new, _)| new.id == run)
                    {
                        return Err(StoreError::NoSuchRun { run });
                    }
                    there.insert((record.owner, &record.name));
                }
                CredentialChange::Remove { owner, name } => {
                    if !there.remove(&(*owner, name.as_str())) {
                        return Err(StoreError::NoSuchCredential { name: name.clone() });
                    }
                }
                CredentialChange::RemoveOfRun(run) => there.retain(|(owner, _)| *owner != CredentialOwner::Run(*run)),
            }
        }
        Ok(())
    }

    fn check_deletes(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut gone = HashSet::new();
        for run in &batch.deletes {
            let appended = batch.appends.iter().rev().filter(|append| append.run == *run);
            let digest = appended.filter_map(|append| append.digest.as_ref()).next();
            let digest = digest.or_else(|| {
                let new = batch.runs.iter().find(|(record, _)| record.id == *run).map(|(_, digest)| digest);
                new.or_else(|| self.runs.get(run).map(|kept| &kept.listing.digest))
            });
            match digest {
                None => return Err(StoreError::NoSuchRun { run: *run }),
                _ if !gone.insert(*run) => return Err(StoreError::NoSuchRun { run: *run }),
                Some(digest) if !digest.is_finished() => return Err(StoreError::Unfinished { run: *run }),
                Some(_) => {}
            }
        }
        Ok(())
    }
}

fn expect_version(new: &PipelineVersion, found: u64) -> Result<(), StoreError> {
    if new.version == found + 1 {
        return Ok(());
    }
    Err(StoreError::StaleVersion { pipeline: new.name.clone(), expected: new.version.saturating_sub(1), found })
}
