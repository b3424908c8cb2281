//! The names of the objects of a run. Pure. What people call things never becomes a part of a path as it is.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::run::{RunId, StepKey};

/// Everything that belongs to one run.
pub(crate) fn run_prefix(run: RunId) -> String {
    format!("{RUNS}/{run}")
}

/// The folder of all runs.
pub(crate) const RUNS: &str = "runs";
/// The folder of what ends by itself.
pub(crate) const EXPIRING: &str = "expiring";

/// The archive of an artifact of an attempt.
pub(crate) fn artifact_object(step: &StepKey, name: &str) -> String {
    format!("{}/{}/{}.tar.gz", run_prefix(step.run), step.slug(), digest(name))
}

/// Whether an object of a run is such an archive.
pub(crate) fn is_artifact(object: &str) -> bool {
    object.ends_with(".tar.gz")
}

/// The whole test report of an attempt.
pub(crate) fn report_object(step: &StepKey) -> String {
    format!("{}/{}/tests.json", run_prefix(step.run), step.slug())
}

/// The empty object that says when an artifact ends: its name has everything, so that one listing tells what is over.
pub(crate) fn expiry_marker(until: Timestamp, step: &StepKey, name: &str) -> String {
    let seconds = until.as_second().max(0);
    format!("{EXPIRING}/{seconds:012}/{}/{}/{}", step.run, step.slug(), digest(name))
}

/// When an artifact ends, and its archive, from the name of its marker; `None` for a name that is none.
pub(crate) fn expiry_of(marker: &str) -> Option<(Timestamp, String)> {
    let mut parts = marker.strip_prefix(EXPIRING)?.strip_prefix('/')?.splitn(2, '/');
    let until = Timestamp::from_second(parts.next()?.parse().ok()?).ok()?;
    Some((until, format!("{RUNS}/{}.tar.gz", parts.next()?)))
}

/// A text as a name that says nothing and fits everywhere.
pub(super) fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::TaskId;

    #[test]
    fn a_marker_names_its_artifact() {
        let run = RunId::new(uuid::Uuid::from_u128(7));
        let step = StepKey { run, task: TaskId::new("unit[PY=3.11]"), attempt: 2 };
        let until: Timestamp = "2026-12-24T18:00:00Z".parse().unwrap();
        let name = "../../etc/passwd";
        let object = artifact_object(&step, name);
        assert!(!object.contains("..") && !object.contains("passwd"), "{object}");
        assert_eq!(expiry_of(&expiry_marker(until, &step, name)), Some((until, object)));
        assert_eq!(expiry_of("expiring/soon/x"), None);
        assert_eq!(expiry_of("runs/x"), None);
    }
}
