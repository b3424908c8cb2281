//! What clusters say, explained.

use serde_json::{Value, json};

use crate::explain::{ApiRefusal, FailureClass, Forbidden, api_not_served, api_refusal, pod_trouble, successor};

fn refusal(status: u16, reason: &str, message: &str) -> ApiRefusal {
    ApiRefusal { status, reason: reason.to_owned(), message: message.to_owned(), ..ApiRefusal::default() }
}

/// The code and the advice for a refusal.
fn explained(status: u16, reason: &str, message: &str) -> (&'static str, String) {
    let failure = api_refusal("Deployment web/shop", &refusal(status, reason, message));
    assert!(failure.message.starts_with("Deployment web/shop: "), "{failure}");
    (failure.code, failure.advice)
}

#[test]
fn forbidden_names_the_rule_that_is_missing() {
    let message = r#"pods is forbidden: User "system:serviceaccount:ci:deployer" cannot list resource "pods" in API group "" in the namespace "web""#;
    let (code, advice) = explained(403, "Forbidden", message);
    assert_eq!(code, "forbidden");
    insta::assert_snapshot!(advice, @r#"
    Let somebody with the right to do so apply this:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: windlass-list-pods, namespace: web}
    rules:
      - apiGroups: [""]
        resources: ["pods"]
        verbs: ["list"]
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata: {name: windlass-list-pods, namespace: web}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: windlass-list-pods}
    subjects:
      - {kind: ServiceAccount, name: deployer, namespace: ci}
    "#);
}

#[test]
fn what_is_forbidden_in_the_whole_cluster_wants_a_cluster_role() {
    let message =
        r#"nodes is forbidden: User "ana" cannot get resource "nodes/proxy" in API group "" at the cluster scope"#;
    let rule = Forbidden::read(message).unwrap();
    assert_eq!(rule.namespace, None);
    let yaml = rule.as_yaml();
    assert!(yaml.contains("kind: ClusterRoleBinding\nmetadata: {name: windlass-get-nodes-proxy}"), "{yaml}");
    assert!(yaml.contains(r#"{kind: User, apiGroup: rbac.authorization.k8s.io, name: "ana"}"#), "{yaml}");
}

#[test]
fn a_sentence_that_could_break_out_of_the_yaml_gives_no_rule() {
    let message =
        "x is forbidden: User \"a\n- evil\" cannot get resource \"pods\" in API group \"\" in the namespace \"web\"";
    assert_eq!(Forbidden::read(message), None);
}

#[test]
fn refusals_have_names() {
    let cases = [
        (401, "Unauthorized", "Unauthorized", "unauthorized", "expired"),
        (
            403,
            "Forbidden",
            r#"pods "a" is forbidden: exceeded quota: small, requested: pods=1"#,
            "quotaExceeded",
            "ResourceQuota",
        ),
        (
            403,
            "Forbidden",
            r#"pods "a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot"#,
            "admissionDenied",
            "securityContext",
        ),
        (
            403,
            "Forbidden",
            "unable to create new content in namespace web because it is being terminated",
            "namespaceGone",
            "wait",
        ),
        (
            422,
            "Invalid",
            "Service \"web\" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
            "nodePortRange",
            "30000-32767",
        ),
        (
            422,
            "Invalid",
            "Service \"web\" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated",
            "nodePortTaken",
            "leave it out",
        ),
        (422, "Invalid", "spec.selector: Invalid value: field is immutable", "immutableField", "recreate"),
        (500, "InternalError", "failed calling webhook \"a\": connection refused", "admissionFailed", "webhook"),
        (503, "", "etcd leader changed", "clusterFailed", "control plane"),
        (429, "TooManyRequests", "too many requests", "clusterBusy", "retry"),
    ];
    for (status, reason, message, expected, word) in cases {
        let (code, advice) = explained(status, reason, message);
        assert_eq!(code, expected, "{message}");
        assert!(advice.contains(word), "{message}: {advice}");
    }
}

#[test]
fn who_denies_by_a_webhook_is_heard_with_any_status() {
    for status in [400, 403, 500] {
        let (code, _) =
            explained(status, "", r#"admission webhook "policy.example.com" denied the request: no latest tags"#);
        assert_eq!(code, "admissionDenied", "{status}");
    }
}

#[test]
fn a_missing_namespace_is_told_from_other_things_that_are_missing() {
    let mut missing = refusal(404, "NotFound", r#"namespaces "web" not found"#);
    missing.kind = "namespaces".to_owned();
    missing.name = "web".to_owned();
    let failure = api_refusal("Deployment web/shop", &missing);
    assert_eq!(failure.code, "noNamespace");
    assert!(failure.advice.contains("createNamespace: true"));
    assert_eq!(explained(404, "NotFound", r#"deployments.apps "shop" not found"#).0, "notInCluster");
}

#[test]
fn a_conflict_names_the_owner_and_the_fields() {
    let mut conflict = refusal(409, "Conflict", "Apply failed with 1 conflict");
    conflict.causes = vec![(".spec.replicas".to_owned(), "conflict with \"kubectl-scale\" using apps/v1".to_owned())];
    let failure = api_refusal("Deployment web/shop", &conflict);
    assert_eq!(failure.code, "fieldConflict");
    assert!(failure.advice.starts_with("\"kubectl-scale\" owns .spec.replicas."), "{}", failure.advice);
}

#[test]
fn a_removed_version_names_its_successor() {
    let served = ["networking.k8s.io/v1".to_owned()];
    let failure = api_not_served("Ingress web", "extensions/v1beta1", "Ingress", &served);
    assert_eq!(failure.code, "apiNotServed");
    assert!(
        failure.advice.contains("1.22") && failure.advice.contains("`apiVersion: networking.k8s.io/v1`"),
        "{failure}"
    );
    let unknown = api_not_served("Widget a", "example.com/v1", "Widget", &[]);
    assert!(unknown.advice.contains("CustomResourceDefinition"), "{unknown}");
    let other = api_not_served("Job a", "batch/v9", "Job", &["batch/v1".to_owned()]);
    assert!(other.advice.contains("batch/v1"), "{other}");
    assert_eq!(successor("apps/v1", "Deployment"), None);
}

#[test]
fn what_another_try_may_mend_is_infrastructure() {
    let class = |status| api_refusal("x", &refusal(status, "", "")).class;
    assert_eq!([429, 500, 503].map(class), [FailureClass::Infrastructure; 3]);
    assert_eq!([401, 403, 404, 409, 422].map(class), [FailureClass::Failure; 5]);
}

fn pod(container: Value) -> Value {
    json!({"status": {"phase": "Pending", "containerStatuses": [container]}})
}

#[test]
fn pods_say_why_they_do_not_run() {
    let waiting = |reason: &str, message: &str| {
        let state = json!({"waiting": {"reason": reason, "message": message}});
        pod_trouble(&pod(json!({"name": "web", "image": "r/web:1", "state": state}))).unwrap()
    };
    let missing = waiting("ErrImagePull", "failed to resolve reference \"r/web:1\": r/web:1: not found");
    assert_eq!((missing.cause.code.as_str(), missing.container.as_deref()), ("imagePull", Some("web")));
    assert!(missing.cause.advice.contains("tag"), "{}", missing.cause.advice);
    let closed = waiting("ImagePullBackOff", "pull access denied: 401 Unauthorized");
    assert!(closed.cause.advice.contains("pullCredential"), "{}", closed.cause.advice);
    assert!(waiting("InvalidImageName", "").hopeless);
    let config = waiting("CreateContainerConfigError", "secret \"db\" not found");
    assert!(config.cause.message.contains("secret \"db\" not found"), "{}", config.cause.message);
}

#[test]
fn memory_crashes_and_nodes_without_room_are_told_apart() {
    let ended = json!({"name": "web", "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}});
    assert_eq!(pod_trouble(&pod(ended)).unwrap().cause.code, "outOfMemory");
    let crash = json!({"name": "web", "state": {"terminated": {"reason": "Error", "exitCode": 3}}});
    assert_eq!(pod_trouble(&pod(crash)).unwrap().cause.message, "container \"web\" ends with exit code 3");
    let full = json!({"status": {"conditions": [{"type": "PodScheduled", "status": "False",
        "message": "0/1 nodes are available: 1 Insufficient cpu."}]}});
    assert!(pod_trouble(&full).unwrap().cause.message.ends_with("1 Insufficient cpu."));
    let evicted = json!({"status": {"reason": "Evicted", "message": "low on memory"}});
    assert!(pod_trouble(&evicted).unwrap().hopeless);
    assert_eq!(pod_trouble(&pod(json!({"name": "web", "state": {"running": {}}}))), None);
}
