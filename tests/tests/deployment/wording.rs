//! The sentence of the issue about `deployManifests`, word by word, where no other test here says it.

use windlass::secret::Credential;

use crate::support::{Site, Vault, page};

fn config(name: &str, text: &str) -> String {
    format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}, data: {{greeting: '{text}'}}}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn globs_take_files_of_all_folders_and_each_file_once() {
    let site = Site::open().await;
    let space = site.cluster.space("globs");
    for name in ["a", "b/c", "b/d/e"] {
        site.file(&format!("deploy/{name}.yaml"), &config(&name.replace('/', "-"), "hello"));
    }
    site.file("deploy/notes.txt", "apiVersion: [no manifest");
    let deploy = async |paths: &str| {
        site.run(&format!("deployManifests: {{paths: [{paths}], cluster: test, namespace: {}}}", space.name)).await
    };
    let all = deploy("'deploy/**/*.yaml', deploy/a.yaml, './deploy/b/*.yaml'").await;
    assert!(all.succeeded().log.starts_with("3 objects for test (https://"), "{}", all.log);
    let nothing = deploy("'deploy/*.yml'").await;
    assert!(nothing.failed("fileNotFound").message.contains("deploy/*.yml"), "{:?}", nothing.cause);
    let nowhere = deploy("'elsewhere/*.yaml'").await;
    assert!(nowhere.failed("fileNotFound").message.contains("elsewhere"), "{:?}", nowhere.cause);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_applied_on_the_servers_side_and_the_log_says_which_fields_changed() {
    let site = Site::open().await;
    let space = site.cluster.space("fields");
    site.file("deploy/a.yaml", &config("texts", "run ${BUILD_NUMBER}"));
    site.deploy(&space.name, "").await.succeeded();
    let json = space.kubectl(&["get", "configmap/texts", "--show-managed-fields", "-o", "json"]);
    let object: serde_json::Value = serde_json::from_str(&json).unwrap();
    let managers = object["metadata"]["managedFields"].as_array().unwrap();
    let managers: Vec<_> = managers.iter().map(|by| (by["manager"].as_str(), by["operation"].as_str())).collect();
    assert_eq!(managers, [(Some("windlass"), Some("Apply"))]);
    let changed = site.deploy(&space.name, "").await;
    assert!(changed.succeeded().log.contains("    data.greeting: \"run 1\" -> \"run 2\"\n"), "{}", changed.log);
    let untouched = site.deploy(&space.name, ", substitute: false").await;
    assert!(untouched.succeeded().log.contains("-> \"run ${BUILD_NUMBER}\""), "{}", untouched.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let site = Site::open().await;
    let space = site.cluster.space("dry");
    site.file("deploy/a.yaml", &config("texts", "before"));
    site.deploy(&space.name, "").await.succeeded();
    site.file("deploy/a.yaml", &config("texts", "after"));
    site.file("deploy/b.yaml", &config("more", "new"));
    let dry = site.deploy(&space.name, ", dryRun: true").await;
    let log = &dry.succeeded().log;
    assert!(log.contains(&format!("+ ConfigMap {}/more: would be created", space.name)), "{log}");
    assert!(log.contains(&format!("~ ConfigMap {}/texts: would be changed", space.name)), "{log}");
    assert!(log.contains("    data.greeting: \"before\" -> \"after\""), "{log}");
    assert_eq!(space.field("configmap/texts", "/data/greeting"), "before");
    assert_eq!(site.cluster.object(&space.name, "configmap/more"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_secret_that_is_not_there_is_named() {
    let site = Site::with(Vault([("registry".to_owned(), Credential::opaque("nothing"))].into())).await;
    let Some(private) = site.cluster.private_images.clone() else {
        println!("another cluster has no registry with a password: nothing to see here");
        return;
    };
    let space = site.cluster.space("secretless");
    let web =
        page("web", "1").replace("IMAGES", &private).replace("image:", "imagePullPolicy: Always\n          image:");
    let web = web.replace("containers:", "imagePullSecrets: [{name: of-the-team}]\n      containers:");
    site.file("deploy/web.yaml", &web);
    let cause = site.deploy(&space.name, ", wait: 6s").await.failed("imagePull").clone();
    assert!(cause.message.contains("does not have the pull secret \"of-the-team\""), "{cause:?}");
    assert!(cause.advice.contains("kubectl create secret docker-registry of-the-team"), "{cause:?}");
    // A credential that opens no registry is no way out, and says so.
    let wrong = site.deploy(&space.name, ", pullCredential: registry").await;
    assert!(wrong.failed("credential").message.contains("opens no registry"), "{:?}", wrong.cause);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_pods_refer_to_and_is_not_there_is_named() {
    let site = Site::open().await;
    let space = site.cluster.space("lacking");
    let account = page("web", "1").replace("containers:", "serviceAccountName: nobody\n      containers:");
    site.file("deploy/web.yaml", &account);
    let cause = site.deploy(&space.name, ", wait: 5s").await.failed("notInCluster").clone();
    assert!(cause.message.contains("nobody") && cause.advice.contains("serviceAccountName"), "{cause:?}");
    let config = page("other", "1")
        .replace("readinessProbe:", "envFrom: [{configMapRef: {name: none}}]\n          readinessProbe:");
    site.file("deploy/web.yaml", &config);
    let cause = site.deploy(&space.name, ", wait: 6s").await.failed("rolloutStuck").clone();
    assert!(cause.message.contains("configmap \"none\" not found"), "{cause:?}");
    assert!(cause.advice.contains("into the same deployment"), "{cause:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_port_that_is_taken_is_told_from_one_out_of_range() {
    let site = Site::open().await;
    let space = site.cluster.space("ports");
    let service = |name: &str, port: u64| {
        let spec = format!("spec: {{type: NodePort, ports: [{{port: 80, nodePort: {port}}}]}}");
        format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n{spec}\n")
    };
    site.file(
        "deploy/a.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: first}\nspec: {type: NodePort, ports: [{port: 80}]}\n",
    );
    site.deploy(&space.name, "").await.succeeded();
    let port = space.field("service/first", "/spec/ports/0/nodePort").as_u64().unwrap();
    site.file("deploy/b.yaml", &service("second", port));
    let cause = site.deploy(&space.name, "").await.failed("nodePortTaken").clone();
    assert!(cause.message.contains(&port.to_string()), "{cause:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there_is_complained_of_first_and_before_the_start() {
    let site = Site::open().await;
    let start = async |cluster: &str, more: &str| {
        let task =
            format!("{{name: deploy, {more}deployManifests: {{paths: [no/such/file.yaml], cluster: {cluster}}}}}");
        let document = format!("name: shop\nstages: [{{name: D, tasks: [{task}]}}]");
        let pipeline = windlass::pipeline::read(document.as_bytes(), "shop.yaml").unwrap();
        site.engine.start(&pipeline, windlass::RunRequest::manual()).await
    };
    let refused = start("tset", "").await.unwrap_err();
    assert_eq!(refused.code(), "noSuchCluster");
    assert!(
        refused.to_string().contains("task \"deploy\": there is no cluster \"tset\" here, did you mean \"test\"?"),
        "{refused}"
    );
    // Where a condition stands before it, nobody knows whether it is needed.
    let late = crate::support::ended(start("tset", "when: \"1 == 1\", ").await.unwrap()).await;
    assert!(late.failed("noSuchCluster").message.contains("did you mean \"test\""), "{:?}", late.cause);
    let file = crate::support::ended(start("test", "").await.unwrap()).await;
    file.failed("fileNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_fails_halfway_is_undone_to_the_last_object() {
    let site = Site::open().await;
    let space = site.cluster.space("halfway");
    site.file("deploy/a.yaml", &config("texts", "before"));
    site.deploy(&space.name, "").await.succeeded();
    site.file("deploy/a.yaml", &config("texts", "after"));
    // Applied after the ConfigMap, and refused.
    site.file("deploy/b.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: NodePort, ports: [{port: 80, nodePort: 80}]}\n");
    let failed = site.deploy(&space.name, ", rollback: true").await;
    failed.failed("nodePortRange");
    assert!(failed.log.contains(&format!("ConfigMap {}/texts: as it was before", space.name)), "{}", failed.log);
    assert_eq!(space.field("configmap/texts", "/data/greeting"), "before");
}
