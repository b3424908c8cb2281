//! What an account may do, and what is missing.

use std::collections::BTreeMap;

use windlass::cluster::{Cluster, ClusterAccess, NewCluster, role_yaml};
use windlass::secret::{Credential, CredentialTarget, SecretText, TargetKind};
use windlass::{Engine, RunRequest};
use windlass_tests::cluster::{Space, TestCluster};

use crate::support::{Ended, Site, Vault, ended};

/// A kubeconfig as a credential that is the service account of this name.
fn as_account(cluster: &TestCluster, space: &Space, account: &str) -> Credential {
    let token = space.kubectl(&["create", "token", account]);
    let json = cluster.kubectl(&["config", "view", "--flatten", "--minify", "--raw", "-o", "json"]);
    let mut config: serde_json::Value = serde_json::from_str(&json).unwrap();
    config["users"][0]["user"] = serde_json::json!({ "token": token });
    Credential::Kubeconfig { config: SecretText::new(config.to_string()), context: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ready_role_has_every_right_and_without_it_each_is_named() {
    let cluster = TestCluster::find();
    let space = cluster.space("role");
    let folder = tempfile::tempdir().unwrap();
    space.kubectl(&["create", "serviceaccount", "bare"]);
    let check = async |account: &str| {
        let access = ClusterAccess::Kubeconfig { credential: "c".parse().unwrap(), context: None };
        let credential = as_account(&cluster, &space, account);
        let connection = Cluster::connect("test", &access, Some(&credential), Some(&space.name)).await.unwrap();
        connection.check_rights(&space.name).await.unwrap()
    };
    assert!(check("bare").await.iter().all(|check| check.missing == check.right.verbs));
    cluster.apply(folder.path(), &role_yaml(&space.name, "windlass"));
    let missing: Vec<_> = check("windlass").await.into_iter().filter(|check| !check.missing.is_empty()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_is_tried_on_its_cluster() {
    let cluster = TestCluster::find();
    let space = cluster.space("tried");
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::builder().data_dir(folder.path()).open().await.unwrap();
    let test = async |credential: &Credential| {
        engine.credentials().set("tried", credential, "ana").await.unwrap();
        engine.credentials().test("tried", &CredentialTarget::new(TargetKind::Cluster, &space.name)).await
    };
    space.kubectl(&["create", "serviceaccount", "bare"]);
    let said = test(&as_account(&cluster, &space, "bare")).await.unwrap().message;
    assert!(said.starts_with("https://") && said.contains("it may not get namespaces, get/list"), "{said}");
    cluster.apply(folder.path(), &role_yaml(&space.name, "windlass"));
    let said = test(&as_account(&cluster, &space, "windlass")).await.unwrap().message;
    assert!(said.contains(" is v1.") && said.ends_with("is allowed"), "{said}");
    let other = Credential::Token { token: SecretText::new("some token") };
    assert_eq!(test(&other).await.unwrap_err().code(), "wrongCredentialKind");
    let Credential::Kubeconfig { config, .. } = as_account(&cluster, &space, "windlass") else { unreachable!() };
    let mut config: serde_json::Value = serde_json::from_str(config.expose()).unwrap();
    config["users"][0]["user"]["token"] = "no such token".into();
    let refused = Credential::Kubeconfig { config: SecretText::new(config.to_string()), context: None };
    let error = test(&refused).await.unwrap_err();
    assert_eq!(error.code(), "credentialRefused", "{error}");
    assert!(!error.to_string().contains("no such token"), "{error}");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_is_given_by_the_advice_itself() {
    let site = Site::open().await;
    let space = site.cluster.space("forbidden");
    space.kubectl(&["create", "serviceaccount", "deployer"]);
    let vault = Vault(BTreeMap::from([("account".to_owned(), as_account(&site.cluster, &space, "deployer"))]));
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::builder().data_dir(folder.path()).secrets(vault).open().await.unwrap();
    let access = ClusterAccess::Kubeconfig { credential: "account".parse().unwrap(), context: None };
    let new = NewCluster { name: "test".to_owned(), access, namespace: Some(space.name.clone()) };
    // It may not look at namespaces, and not make one either.
    let refused = engine.clusters().add(new.clone(), "ana").await.unwrap_err();
    assert_eq!(refused.code(), "forbidden", "{refused}");
    site.cluster.apply(folder.path(), refused.to_string().split_once("apply this:\n").unwrap().1);
    engine.clusters().add(new, "ana").await.unwrap();
    site.file("deploy/a.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {b: c}}");
    let deploy = async || -> Ended {
        let action = format!("deployManifests: {{paths: [deploy/a.yaml], cluster: test, namespace: {}}}", space.name);
        let definition = format!("name: shop\nstages: [{{name: D, tasks: [{{name: deploy, {action}}}]}}]");
        let pipeline = windlass::pipeline::read(definition.as_bytes(), "shop.yaml").unwrap();
        let request = RunRequest::manual().source(site.path().join("project"));
        ended(engine.start(&pipeline, request).await.unwrap()).await
    };
    // Each refusal names one rule; after a few of them everything that is needed is there.
    for _ in 0..5 {
        let tried = deploy().await;
        if tried.succeeded {
            return;
        }
        let advice = tried.failed("forbidden").advice.clone();
        site.cluster.apply(folder.path(), advice.split_once("apply this:\n").unwrap().1);
    }
    deploy().await.succeeded();
}
