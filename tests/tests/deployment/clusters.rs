//! Clusters that an engine keeps.

use std::collections::BTreeMap;

use windlass::cluster::{ClusterAccess, NewCluster};
use windlass::secret::{Credential, SecretText};
use windlass::store::AuditFilter;
use windlass::testing::exposures;
use windlass::{ClusterAnswer, ClusterRemoval, Engine};
use windlass_tests::cluster::TestCluster;

use crate::support::Vault;

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_added_listed_and_removed_and_its_secrets_stay_where_they_are() {
    let cluster = TestCluster::find();
    let space = cluster.space_to_be("kept");
    let config = std::fs::read_to_string(&cluster.kubeconfig).unwrap();
    let credential = Credential::Kubeconfig { config: SecretText::new(config), context: None };
    let secret = credential.secrets().iter().map(|secret| (*secret).to_owned()).collect::<Vec<_>>();
    let folder = tempfile::tempdir().unwrap();
    let open = async || {
        let vault = Vault(BTreeMap::from([("prod-config".to_owned(), credential.clone())]));
        Engine::builder().data_dir(folder.path()).secrets(vault).open().await.unwrap()
    };
    let engine = open().await;
    let new = |name: &str, credential: &str| NewCluster {
        name: name.to_owned(),
        access: ClusterAccess::Kubeconfig { credential: credential.parse().unwrap(), context: None },
        namespace: Some(space.name.clone()),
    };
    let clusters = engine.clusters();
    assert_eq!(clusters.add(new("Prod!", "prod-config"), "ana").await.unwrap_err().code(), "invalidName");
    assert_eq!(clusters.add(new("prod", "nobody"), "ana").await.unwrap_err().code(), "badCredential");
    clusters.add(new("prod", "prod-config"), "ana").await.unwrap();
    assert_eq!(clusters.add(new("prod", "prod-config"), "ana").await.unwrap_err().code(), "clusterExists");
    assert!(cluster.try_kubectl(&["get", "namespace", &space.name]).is_ok(), "its namespace is made");
    engine.close().await.unwrap();

    let engine = open().await;
    let clusters = engine.clusters();
    let listed = clusters.list().await.unwrap();
    assert_eq!(
        (listed.len(), listed[0].cluster.name.as_str(), listed[0].cluster.added_by.as_str()),
        (1, "prod", "ana")
    );
    let ClusterAnswer::Health(health) = &listed[0].answer else { panic!("{listed:?}") };
    assert!(health.server.starts_with("https://") && health.version.starts_with("v1."), "{health:?}");
    assert!(!secret.is_empty());
    // The cluster itself is there, so that what is searched is what was written.
    assert_ne!(exposures(folder.path(), &space.name).unwrap(), [], "nothing is stored of the cluster");
    for secret in &secret {
        assert_eq!(exposures(folder.path(), secret).unwrap(), [], "a secret is in the store");
    }

    assert_eq!(
        clusters.test("prd").await.unwrap_err().to_string(),
        "there is no cluster \"prd\" here, did you mean \"prod\"?"
    );
    let definition =
        "name: shop\nstages: [{name: D, tasks: [{name: d, deployManifests: {paths: [a], cluster: prod}}]}]";
    let pipeline = windlass::pipeline::read(definition.as_bytes(), "shop.yaml").unwrap();
    engine.pipelines().create(&pipeline, "ana").await.unwrap();
    let refused = clusters.remove("prod", ClusterRemoval::WhenUnused, "ben").await.unwrap_err();
    assert_eq!((refused.code(), refused.to_string().contains("shop")), ("clusterInUse", true), "{refused}");
    clusters.remove("prod", ClusterRemoval::Forced, "ben").await.unwrap();
    assert!(clusters.stored().await.unwrap().is_empty());
    let trail = engine.audit(&AuditFilter::default()).await.unwrap();
    let said: Vec<(&str, &str)> =
        trail.iter().map(|entry| (entry.entry.by.as_str(), entry.entry.change.kind())).collect();
    assert_eq!(said, [("ben", "clusterRemoved"), ("ana", "pipelineCreated"), ("ana", "clusterAdded")]);
    assert!(cluster.try_kubectl(&["get", "namespace", &space.name]).is_ok(), "nothing is changed in the cluster");
}
