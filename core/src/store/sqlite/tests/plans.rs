use super::{block_on, filled};

#[test]
fn every_listing_and_cursor_walks_along_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = block_on(filled(&folder.path().join("windlass.db"), 1)).unwrap();
    let plans = block_on(store.plans()).unwrap();
    assert!(plans.len() > 150, "{} plans", plans.len());
    for plan in plans {
        assert!(!plan.steps.is_empty(), "{plan:?}");
        for step in &plan.steps {
            // The constant row is the one that is made of the three highest positions.
            let scans = step.contains("SCAN") && step != "SCAN CONSTANT ROW";
            assert!(!scans && !step.contains("TEMP B-TREE"), "{plan:?}");
        }
    }
}

#[test]
fn a_listing_by_one_condition_walks_along_the_index_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = block_on(filled(&folder.path().join("windlass.db"), 1)).unwrap();
    let plans = block_on(store.plans()).unwrap();
    let cases = [
        ("runs by before", "runs USING INDEX sqlite_autoindex_runs_1 (id<?)"),
        ("runs by pipeline, before", "runs USING INDEX runs_by_pipeline (pipeline=? AND id<?)"),
        ("runs by status, before", "runs USING INDEX runs_by_status (status=? AND id<?)"),
        (
            "runs by pipeline, status, before",
            "runs USING INDEX runs_by_pipeline_and_status (pipeline=? AND status=? AND id<?)",
        ),
        ("runs by trigger, before", "runs USING INDEX runs_by_trigger (trigger_kind=? AND id<?)"),
        ("runs by actor, before", "runs USING INDEX runs_by_actor (actor=? AND id<?)"),
        ("unfinished runs", "runs USING INDEX runs_unfinished (id>?)"),
        ("events of all runs after a position", "events USING INTEGER PRIMARY KEY (rowid>?)"),
        ("changes after a position", "audit USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        ("changes by before", "audit USING INTEGER PRIMARY KEY (rowid<?)"),
        ("changes by actor, before", "audit USING INDEX audit_by_actor (actor=? AND rowid<?)"),
        ("changes by pipeline, before", "audit USING INDEX audit_by_pipeline (pipeline=? AND rowid<?)"),
        ("changes by run, before", "audit USING INDEX audit_by_run (run=? AND rowid<?)"),
        ("pipelines by after", "pipelines USING PRIMARY KEY (name>?)"),
        ("pipelines by activity, after", "pipelines USING INDEX pipelines_by_activity (active=? AND name>?)"),
        (
            "versions of a pipeline, by before",
            "versions USING INDEX sqlite_autoindex_versions_1 (pipeline=? AND version<?)",
        ),
        ("kept workspaces", "kept USING INDEX kept_by_end (until>?)"),
    ];
    for (question, expected) in cases {
        let plan = plans.iter().find(|plan| plan.question == question).unwrap_or_else(|| panic!("{question}"));
        assert_eq!(plan.steps, [format!("SEARCH {expected}")], "{plan:?}");
    }
}
