//! Clusters by the command line: each way to one, beside an engine, and what is said when a way leads nowhere.

use serde_json::{Value, json};
use windlass::store::AuditFilter;
use windlass::{Engine, RunRequest};
use windlass_tests::front::Front;

use crate::desk::Desk;

#[test]
fn every_way_to_a_cluster_can_be_typed() {
    let desk = Desk::new("ways");
    let path = |name: &str| desk.path(name);
    desk.space.kubectl(&["create", "serviceaccount", "portal"]);
    let token = desk.space.kubectl(&["create", "token", "portal"]);
    std::fs::write(path("token"), token).unwrap();
    // A token of an account with the ready role: whoever may do nothing cannot even look for the namespace.
    desk.cluster.apply(
        desk.folder.path(),
        &desk.fine(&["cluster", "role", "--namespace", &desk.space.name, "--account", "portal"]),
    );
    desk.openssl(&[
        "pkcs12",
        "-export",
        "-inkey",
        "client.key",
        "-in",
        "client.crt",
        "-out",
        "client.p12",
        "-passout",
        "pass:sesame",
    ]);
    let secret = |name: &str, more: &[&str]| desk.fine(&[&["secret", "set", name], more].concat());
    secret("token", &["--kind", "token", "--from", &path("token")]);
    secret(
        "pem",
        &["--value", &format!("certificate={}", path("client.crt")), "--value", &format!("key={}", path("client.key"))],
    );
    secret("p12", &["--kind", "pkcs12", "--from", &path("client.p12"), "--passphrase-from", &path("password")]);
    secret("config", &["--kind", "kubeconfig", "--from", &path("kubeconfig")]);
    let server = desk.server.as_str();
    let (authority, context) = (path("ca.crt"), desk.cluster.kubectl(&["config", "current-context"]));
    let kubeconfig = path("kubeconfig");
    let ways: [(&str, &[&str]); 7] = [
        ("by-file", &["--kubeconfig", &kubeconfig]),
        ("by-context", &["--kubeconfig", &kubeconfig, "--context", context.trim()]),
        ("by-text", &["--credential", "config"]),
        ("by-token", &["--server", server, "--credential", "token", "--authority", &authority]),
        ("by-pem", &["--server", server, "--credential", "pem", "--authority", &authority]),
        ("by-pkcs12", &["--server", server, "--credential", "p12", "--authority", &authority]),
        ("unverified", &["--server", server, "--credential", "token", "--insecure-skip-tls-verify"]),
    ];
    for (name, way) in ways {
        let added = desk.add(name, way);
        assert!(added.starts_with(&format!("{name}  {server}  v1.")) && added.contains("healthy"), "{added}");
    }
    let listed = desk.fine(&["cluster", "list"]);
    assert_eq!(listed.lines().filter(|line| line.contains("healthy")).count(), ways.len(), "{listed}");
    let listed = desk.fine(&["cluster", "list", "--json"]);
    let listed: Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    assert!(listed.as_array().unwrap().iter().all(|cluster| cluster["server"] == json!(server)), "{listed}");
    assert!(!listed.to_string().contains("BEGIN EC PRIVATE"), "{listed}");
    // The machine does not trust the authority of the tests.
    let text = desk.refused(2, &["cluster", "add", "trusting", "--server", server, "--credential", "token"]);
    assert!(text.contains("authority's certificates"), "{text}");
}

#[test]
fn ways_that_exclude_each_other_or_lead_nowhere_are_refused() {
    let desk = Desk::new("nowhere");
    let kubeconfig = desk.path("kubeconfig");
    let add = |more: &[&str]| desk.refused(2, &[&["cluster", "add", "prod"], more].concat());
    assert!(add(&[]).contains("required"), "nothing says where");
    assert!(add(&["--kubeconfig", &kubeconfig, "--credential", "c"]).contains("cannot be used with"));
    assert!(add(&["--server", "https://a.example"]).contains("--credential"));
    let context = add(&["--kubeconfig", &kubeconfig, "--context", "nowhere"]);
    assert!(context.contains("no context \"nowhere\"") && context.contains("It has "), "{context}");
    let missing = add(&["--kubeconfig", "/nowhere/kubeconfig"]);
    assert!(missing.contains("/nowhere/kubeconfig"), "{missing}");
    let inside = add(&["--in-cluster"]);
    assert!(inside.contains("does not run in a pod"), "{inside}");
    let unknown = add(&["--credential", "nobody"]);
    assert!(unknown.contains("nobody"), "{unknown}");
    let named = desk.refused(2, &["cluster", "test", "prod"]);
    assert!(named.contains("there is no cluster \"prod\" here"), "{named}");
    assert_eq!(desk.fine(&["cluster", "list"]), "", "nothing is kept of what was refused");
}

#[test]
fn a_namespace_with_our_prefix_is_made_unless_another_one_is_named() {
    let desk = Desk::new("prefix");
    let name = desk.space.name.as_str();
    let own = desk.cluster.space_to_be("windlass-prefix");
    let cluster = own.name.strip_prefix("windlass-").unwrap();
    let added = desk.fine(&["cluster", "add", cluster, "--kubeconfig", &desk.path("kubeconfig")]);
    assert!(added.contains(&format!("namespace {}", own.name)), "{added}");
    let labels = desk.cluster.kubectl(&["get", "namespace", &own.name, "-o", "jsonpath={.metadata.labels}"]);
    assert!(labels.contains("\"app.kubernetes.io/managed-by\":\"windlass\""), "{labels}");
    let other = desk.add("other", &["--kubeconfig", &desk.path("kubeconfig")]);
    assert!(other.contains(&format!("namespace {name}")), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_an_engine_clusters_are_added_used_at_once_and_removed_unless_they_are_used() {
    let desk = Desk::new("beside");
    let engine = Engine::builder().data_dir(desk.data()).open().await.unwrap();
    desk.fine(&["secret", "set", "config", "--kind", "kubeconfig", "--from", &desk.path("kubeconfig")]);
    desk.add("prod", &["--credential", "config"]);
    assert!(engine.capabilities("prod").is_some(), "it is an executor without another opening");
    assert!(desk.fine(&["cluster", "test", "prod"]).contains("healthy"));
    assert!(desk.fine(&["doctor", "--cluster", "prod"]).contains("rights"));
    assert!(desk.refused(2, &["cluster", "add", "prod", "--credential", "config"]).contains("already"));
    let document = "name: shop\nexecutor: prod\nstages: [{name: T, tasks: [{name: t, image: a, script: 'true'}]}]";
    let pipeline = windlass::pipeline::read(document.as_bytes(), "shop.yaml").unwrap();
    engine.pipelines().create(&pipeline, "ana").await.unwrap();
    let refused = desk.refused(2, &["cluster", "remove", "prod"]);
    assert!(refused.contains("is used by shop") && refused.contains("force"), "{refused}");
    desk.fine(&["cluster", "remove", "prod", "--force", "--as", "ben"]);
    assert_eq!(desk.fine(&["cluster", "list"]), "");
    let trail = engine.audit(&AuditFilter::default()).await.unwrap();
    let said: Vec<_> = trail.iter().map(|entry| (entry.entry.by.as_str(), entry.entry.change.kind())).collect();
    assert!(said.contains(&("ben", "clusterRemoved")), "{said:?}");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_keeps_its_cluster() {
    let desk = Desk::new("going");
    let engine = Engine::builder().data_dir(desk.data()).open().await.unwrap();
    desk.add("prod", &["--kubeconfig", &desk.path("kubeconfig")]);
    let document =
        "name: shop\nstages: [{name: D, tasks: [{name: wait, approve: {}}, {name: d, deployManifests: {paths: [a]}}]}]";
    let pipeline = windlass::pipeline::read(document.as_bytes(), "shop.yaml").unwrap();
    let run = engine.start(&pipeline, RunRequest::manual()).await.unwrap();
    let refused = desk.refused(2, &["cluster", "remove", "prod"]);
    assert!(refused.contains("is used by shop#1"), "{refused}");
    run.cancel("ana", "").await.unwrap();
    run.wait().await.unwrap();
    desk.fine(&["cluster", "remove", "prod"]);
    engine.close().await.unwrap();
}

#[test]
fn a_cluster_that_comes_back_needs_no_new_set_up() {
    let desk = Desk::new("back");
    let front = Front::open(desk.server.trim_start_matches("https://").parse().unwrap());
    let server = format!("https://{}", front.address());
    let config = std::fs::read_to_string(desk.path("kubeconfig")).unwrap().replace(&desk.server, &server);
    std::fs::write(desk.path("kubeconfig"), config).unwrap();
    desk.add("prod", &["--kubeconfig", &desk.path("kubeconfig")]);
    front.close();
    let away = desk.refused(1, &["cluster", "test", "prod"]);
    assert!(away.contains(&format!("prod  {server}  clusterUnreachable")), "{away}");
    assert!(away.contains("nothing need be set up anew"), "{away}");
    assert!(desk.fine(&["cluster", "list"]).contains("clusterUnreachable"));
    front.open_again();
    assert!(desk.fine(&["cluster", "test", "prod"]).contains("healthy"));
}
