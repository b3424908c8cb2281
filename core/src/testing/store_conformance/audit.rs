//! The audit trail.

use super::StoreFactory;
use super::samples::*;
use crate::audit::{AuditEntry, Change};
use crate::run::Decision;
use crate::secret::CredentialKind;
use crate::store::{AuditFilter, Batch, LogEntry, Position, StoreError};

/// Entries are listed newest first, each with its place among everything that was committed; 50 when no number is given.
pub async fn the_audit_trail_is_newest_first(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs([record(1, "a", 1)])).await?;
    for number in 0..60 {
        store.commit(Batch { audit: vec![updated("ana", "a", number)], ..appends([append(1, number, 1)]) }).await?;
    }
    let newest = store.audit(&AuditFilter::default()).await?;
    assert_eq!(newest.len(), 50);
    let mut all = newest;
    let before = all.last().map(|last| last.position);
    all.extend(store.audit(&AuditFilter { before, limit: 100, ..AuditFilter::default() }).await?);
    let found: Vec<_> = all.iter().map(|found| (found.position, found.entry.clone())).collect();
    let committed = store.committed(Position(0), usize::MAX).await?.into_iter().rev();
    let changes = committed.filter_map(|found| match found.entry {
        LogEntry::Change(entry) => Some((found.position, entry)),
        LogEntry::Event(..) => None,
    });
    assert_eq!(found, changes.collect::<Vec<_>>());
    assert_eq!(found.len(), 60);
    Ok(())
}

/// Whatever conditions are combined, the trail has the entries that meet all of them. What is about a run is about its
/// pipeline as well, also when the run is gone.
pub async fn every_audit_filter_takes_what_it_says(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs([record(1, "a", 1)])).await?;
    store.commit(appends([ended(1, 0, 1)])).await?;
    let backup = AuditEntry { by: "ana".to_owned(), change: backup("x"), at: moment(1) };
    let entries = (1..=30).flat_map(|number| {
        let by = ["ana", "bob", ""][(number % 3) as usize];
        let pipeline = ["a", "b"][(number % 2) as usize];
        [updated(by, pipeline, number), cancelled(by, pipeline, number % 4)]
    });
    store.commit(audited(entries.chain([backup]))).await?;
    store.commit(deletes([1])).await?;
    let all = store.audit(&AuditFilter { limit: 1000, ..AuditFilter::default() }).await?;
    assert_eq!(all.len(), 61);
    for filter in filters(all[20].position) {
        let wanted = all
            .iter()
            .filter(|found| filter.takes(&found.entry) && filter.before.is_none_or(|before| found.position < before));
        let wanted: Vec<_> = wanted.take(filter.page()).cloned().collect();
        assert_eq!(store.audit(&filter).await?, wanted, "{filter:?}");
    }
    Ok(())
}

fn filters(before: Position) -> Vec<AuditFilter> {
    let mut filters = vec![AuditFilter { limit: 5, ..AuditFilter::default() }];
    let mut cross = |change: &dyn Fn(&mut AuditFilter)| {
        let mut changed = filters.clone();
        changed.iter_mut().for_each(change);
        filters.extend(changed);
    };
    cross(&|filter| filter.by = Some("ana".to_owned()));
    cross(&|filter| filter.by = Some(String::new()));
    cross(&|filter| filter.pipeline = Some("a".to_owned()));
    cross(&|filter| filter.run = Some(run_id(1)));
    cross(&|filter| filter.before = Some(before));
    cross(&|filter| filter.before = Some(Position(u64::MAX)));
    filters
}

fn backup(path: &str) -> Change {
    Change::BackupMade { path: path.to_owned() }
}

/// Every kind of change is read as it was written, with any text.
pub async fn every_kind_of_change_is_kept(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    let (pipeline, reason, run) = ("Größe 😀'".to_owned(), "\u{0}\n\"".to_owned(), run_id(1));
    let changes = [
        Change::PipelineCreated { pipeline: pipeline.clone(), version: 1, copied_from: Some(reason.clone()) },
        Change::PipelineUpdated { pipeline: pipeline.clone(), version: u64::MAX },
        Change::PipelineActivated { pipeline: pipeline.clone() },
        Change::PipelineDeactivated { pipeline: pipeline.clone() },
        Change::PipelineDeleted { pipeline: pipeline.clone(), version: 2 },
        Change::RunRequested { run, pipeline: pipeline.clone(), number: 1, rerun_of: Some(run_id(2)) },
        Change::RunCancelled { run, pipeline: pipeline.clone(), reason: reason.clone() },
        Change::ApprovalDecided {
            run,
            pipeline: pipeline.clone(),
            task: "sign-off".to_owned(),
            decision: Decision::Approved,
            reason: reason.clone(),
        },
        Change::RunDeleted { run, pipeline: pipeline.clone(), number: 1, reason },
        backup(""),
        Change::CredentialSet { credential: pipeline.clone(), kind: CredentialKind::SshKey },
        Change::CredentialRemoved { credential: pipeline.clone() },
        Change::MasterKeyRotated { key: "0123456789abcdef".to_owned(), credentials: 3 },
    ];
    let entries: Vec<_> =
        changes.into_iter().map(|change| AuditEntry { at: moment(5), by: pipeline.clone(), change }).collect();
    store.commit(audited(entries.clone())).await?;
    let mut found: Vec<_> = store.audit(&AuditFilter::default()).await?.into_iter().map(|found| found.entry).collect();
    found.reverse();
    assert_eq!(found, entries);
    Ok(())
}
