//! What a rollout's state says.

use serde_json::{Value, json};

use crate::deploy::RolloutState;

fn deployment(status: Value) -> RolloutState {
    let generation = json!({"generation": 3});
    RolloutState::of(&json!({"kind": "Deployment", "metadata": generation, "spec": {"replicas": 2}, "status": status}))
}

fn going(state: RolloutState) -> String {
    match state {
        RolloutState::Going(how) => how,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deployment_is_done_when_only_new_ones_are_there_and_ready() {
    let seen = |updated, all, available| {
        deployment(
            json!({"observedGeneration": 3, "updatedReplicas": updated, "replicas": all, "availableReplicas": available}),
        )
    };
    assert_eq!(going(deployment(json!({"observedGeneration": 2}))), "the cluster has not looked at it yet");
    assert_eq!(going(seen(1, 3, 2)), "1 of 2 are new");
    assert_eq!(going(seen(2, 3, 2)), "1 of the old ones are still there");
    assert_eq!(going(seen(2, 2, 1)), "1 of 2 are ready");
    assert_eq!(seen(2, 2, 2), RolloutState::Done);
}

#[test]
fn a_deployment_that_makes_no_progress_has_failed() {
    let conditions = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}]);
    let state = deployment(json!({"observedGeneration": 3, "conditions": conditions}));
    assert!(matches!(state, RolloutState::Failed(why) if why.contains("timed out")));
}

#[test]
fn what_keeps_pods_from_being_made_is_said() {
    let conditions = json!([{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}]);
    assert_eq!(
        going(deployment(json!({"observedGeneration": 3, "conditions": conditions}))),
        "0 of 2 are new: exceeded quota: small"
    );
}

#[test]
fn a_deployment_of_none_is_done() {
    let object = json!({"kind": "Deployment", "metadata": {"generation": 1}, "spec": {"replicas": 0}, "status": {"observedGeneration": 1}});
    assert_eq!(RolloutState::of(&object), RolloutState::Done);
}

#[test]
fn a_stateful_set_is_done_when_all_are_new_and_ready() {
    let state = |updated, ready, partition| {
        RolloutState::of(&json!({
            "kind": "StatefulSet", "metadata": {"generation": 1},
            "spec": {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": partition}}},
            "status": {"observedGeneration": 1, "updatedReplicas": updated, "readyReplicas": ready,
                "updateRevision": "b", "currentRevision": if updated == 3 { "b" } else { "a" }},
        }))
    };
    assert_eq!(going(state(1, 3, 0)), "1 of 3 are new");
    assert_eq!(going(state(3, 2, 0)), "2 of 3 are ready");
    assert_eq!(state(3, 3, 0), RolloutState::Done);
    assert_eq!(state(1, 3, 2), RolloutState::Done, "a partition keeps the others as they are");
}

#[test]
fn a_daemon_set_is_done_when_each_node_has_its_new_one() {
    let state = |wanted, updated, available| {
        let status = json!({"observedGeneration": 1, "desiredNumberScheduled": wanted, "updatedNumberScheduled": updated,
            "numberAvailable": available});
        RolloutState::of(&json!({"kind": "DaemonSet", "metadata": {"generation": 1}, "status": status}))
    };
    assert_eq!(going(state(2, 1, 2)), "1 of 2 are new");
    assert_eq!(going(state(2, 2, 1)), "1 of 2 are ready");
    assert_eq!(state(2, 2, 2), RolloutState::Done);
}

#[test]
fn a_job_is_done_or_has_failed() {
    let job = |status: Value| RolloutState::of(&json!({"kind": "Job", "spec": {"completions": 2}, "status": status}));
    assert_eq!(going(job(json!({"active": 1, "succeeded": 1}))), "1 of 2 have succeeded, 1 running");
    assert_eq!(job(json!({"conditions": [{"type": "Complete", "status": "True"}]})), RolloutState::Done);
    let failed = job(
        json!({"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "m"}]}),
    );
    assert_eq!(failed, RolloutState::Failed("it failed: BackoffLimitExceeded, m".to_owned()));
}
