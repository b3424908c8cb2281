//! What a store in memory keeps, and how a batch changes it.

use std::collections::{BTreeMap, HashMap};

use crate::audit::AuditEntry;
use crate::run::{RunId, Seq, Sequenced};
use crate::store::{
    Append, Batch, CredentialChange, CredentialOwner, CredentialRecord, KeptWorkspace, LogEntry, PipelineChange,
    PipelineRecord, PipelineVersion, Position, Positioned, RunListing, RunRecord,
};

/// Everything that it keeps.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) runs: BTreeMap<RunId, KeptRun>,
    pub(super) numbers: HashMap<(String, u64), RunId>,
    pub(super) last_numbers: HashMap<String, u64>,
    pub(super) settings: HashMap<String, String>,
    pub(super) pipelines: BTreeMap<String, KeptPipeline>,
    pub(super) last_versions: HashMap<String, u64>,
    pub(super) workspaces: BTreeMap<RunId, KeptWorkspace>,
    pub(super) credentials: BTreeMap<(CredentialOwner, String), CredentialRecord>,
    pub(super) position: u64,
    /// Which event has which place. Those of deleted runs go.
    pub(super) order: BTreeMap<u64, (RunId, Seq)>,
    pub(super) audit: BTreeMap<u64, AuditEntry>,
}

/// A pipeline with its history.
#[derive(Debug)]
pub(super) struct KeptPipeline {
    pub(super) active: bool,
    /// Never empty, oldest first.
    pub(super) versions: Vec<PipelineVersion>,
}

/// A run with its events.
#[derive(Debug)]
pub(super) struct KeptRun {
    pub(super) record: RunRecord,
    pub(super) listing: RunListing,
    pub(super) events: Vec<Sequenced>,
    /// The place of each event.
    pub(super) positions: Vec<u64>,
}

impl Kept {
    /// Does what was found to be possible.
    pub(super) fn apply(&mut self, batch: Batch) {
        for (record, digest) in batch.runs {
            let highest = self.last_numbers.entry(record.pipeline.clone()).or_default();
            *highest = record.number.max(*highest);
            self.numbers.insert((record.pipeline.clone(), record.number), record.id);
            let listing = record.listing(digest, Seq::ZERO);
            self.runs.insert(record.id, KeptRun { record, listing, events: Vec::new(), positions: Vec::new() });
        }
        for append in batch.appends {
            if let Some(run) = self.runs.get_mut(&append.run) {
                for offset in 1..=append.events.len() as u64 {
                    self.position += 1;
                    self.order.insert(self.position, (append.run, Seq(run.listing.last.0 + offset)));
                    run.positions.push(self.position);
                }
                run.append(append);
            }
        }
        self.settings.extend(batch.settings);
        for change in batch.pipelines {
            self.change(change);
        }
        self.workspaces.extend(batch.keep.into_iter().map(|kept| (kept.run, kept)));
        for run in batch.unkeep {
            self.workspaces.remove(&run);
        }
        for change in batch.credentials {
            self.change_credential(change);
        }
        for run in batch.deletes {
            self.delete(run);
        }
        for entry in batch.audit {
            self.position += 1;
            self.audit.insert(self.position, entry);
        }
    }

    fn change(&mut self, change: PipelineChange) {
        match change {
            PipelineChange::Create(new) => {
                self.last_versions.insert(new.name.clone(), new.version);
                self.pipelines.insert(new.name.clone(), KeptPipeline { active: true, versions: vec![new] });
            }
            PipelineChange::Update(new) => {
                self.last_versions.insert(new.name.clone(), new.version);
                if let Some(kept) = self.pipelines.get_mut(&new.name) {
                    kept.versions.push(new);
                }
            }
            PipelineChange::SetActive { name, active } => {
                if let Some(kept) = self.pipelines.get_mut(&name) {
                    kept.active = active;
                }
            }
            PipelineChange::Delete { name } => {
                self.pipelines.remove(&name);
            }
        }
    }

    fn change_credential(&mut self, change: CredentialChange) {
        match change {
            CredentialChange::Set(record) => {
                self.credentials.insert((record.owner, record.name.clone()), record);
            }
            CredentialChange::Remove { owner, name } => {
                self.credentials.remove(&(owner, name));
            }
            CredentialChange::RemoveOfRun(run) => self.remove_credentials_of(run),
        }
    }

    fn remove_credentials_of(&mut self, run: RunId) {
        self.credentials.retain(|(owner, _), _| *owner != CredentialOwner::Run(run));
    }

    fn delete(&mut self, run: RunId) {
        if let Some(kept) = self.runs.remove(&run) {
            self.numbers.remove(&(kept.record.pipeline, kept.record.number));
            for position in kept.positions {
                self.order.remove(&position);
            }
        }
        self.workspaces.remove(&run);
        self.remove_credentials_of(run);
    }

    pub(super) fn positioned(&self, position: u64, run: RunId, seq: Seq) -> Option<Positioned> {
        let kept = self.runs.get(&run)?;
        let event = kept.events.get(usize::try_from(seq.0).ok()?.checked_sub(1)?)?.clone();
        let entry = LogEntry::Event(event, kept.record.pipeline.as_str().into());
        Some(Positioned { position: Position(position), entry })
    }
}

impl KeptPipeline {
    pub(super) fn version(&self) -> u64 {
        self.versions.last().map_or(0, |version| version.version)
    }

    pub(super) fn record(&self) -> Option<PipelineRecord> {
        let (first, last) = (self.versions.first()?, self.versions.last()?);
        Some(PipelineRecord {
            name: last.name.clone(),
            version: last.version,
            active: self.active,
            definition: last.definition.clone(),
            created: first.at,
            changed: last.at,
            changed_by: last.by.clone(),
        })
    }
}

impl KeptRun {
    fn append(&mut self, append: Append) {
        for stamped in append.events {
            self.listing.last = self.listing.last.next();
            let (run, seq) = (append.run, self.listing.last);
            self.events.push(Sequenced { run, seq, at: stamped.at, event: stamped.event });
        }
        if let Some(digest) = append.digest {
            self.listing.digest = digest;
        }
    }
}
