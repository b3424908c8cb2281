//! What a cluster refuses, and what the person reads.

use crate::support::{Ended, Site, page};

const CONFIG: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: texts}, data: {greeting: hello}}";

async fn deploy(site: &Site, namespace: &str, text: &str) -> Ended {
    site.file("deploy/all.yaml", text);
    site.deploy(namespace, ", wait: 6s").await
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_that_the_cluster_does_not_take_say_what_to_write() {
    let site = Site::open().await;
    let space = site.cluster.space("refused");
    let old = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: web}\n";
    let cause = deploy(&site, &space.name, old).await.failed("apiNotServed").clone();
    assert!(cause.advice.contains("networking.k8s.io/v1") && cause.message.contains("deploy/all.yaml"), "{cause:?}");
    let service = |port: u32| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{type: NodePort, ports: [{{port: 80, nodePort: {port}}}]}}\n"
        )
    };
    let cause = deploy(&site, &space.name, &service(80)).await.failed("nodePortRange").clone();
    assert!(cause.advice.contains("30000-32767"), "{cause:?}");
    let misspelled = page("web", "1").replace("replicas:", "replica:");
    let cause = deploy(&site, &space.name, &misspelled).await.failed("unknownField").clone();
    assert!(cause.message.contains("replica"), "{cause:?}");
    let broken = deploy(&site, &space.name, "apiVersion: v1\nkind: [").await;
    assert!(broken.failed("badManifest").message.contains("deploy/all.yaml:"), "{:?}", broken.cause);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_somebody_else_is_a_conflict_with_an_owner() {
    let site = Site::open().await;
    let space = site.cluster.space("conflict");
    let theirs = CONFIG.replace("hello", "theirs");
    let file = site.path().join("theirs.yaml");
    std::fs::write(&file, theirs).unwrap();
    space.kubectl(&["apply", "--server-side", "--field-manager", "ops-team", "-f", &file.to_string_lossy()]);
    let cause = deploy(&site, &space.name, CONFIG).await.failed("fieldConflict").clone();
    assert!(cause.advice.contains("\"ops-team\" owns .data.greeting"), "{cause:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_and_a_pod_security_standard_are_named() {
    let site = Site::open().await;
    let space = site.cluster.space("limits");
    space.kubectl(&["create", "quota", "small", "--hard=pods=1"]);
    let cause = deploy(&site, &space.name, &page("web", "1")).await.failed("quotaExceeded").clone();
    assert!(cause.message.contains("exceeded quota: small"), "{cause:?}");
    let strict = site.cluster.space("strict");
    site.cluster.kubectl(&["label", "namespace", &strict.name, "pod-security.kubernetes.io/enforce=restricted"]);
    let cause = deploy(&site, &strict.name, &page("web", "1")).await.failed("admissionDenied").clone();
    assert!(cause.message.contains("violates PodSecurity"), "{cause:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_no_node_takes_is_explained_by_the_scheduler() {
    let site = Site::open().await;
    let space = site.cluster.space("full");
    let greedy =
        page("web", "1").replace("readinessProbe:", "resources: {requests: {cpu: '900'}}\n          readinessProbe:");
    let cause = deploy(&site, &space.name, &greedy).await.failed("rolloutStuck").clone();
    assert!(cause.message.contains("Insufficient cpu"), "{cause:?}");
}
