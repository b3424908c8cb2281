//! Private images, fetched with the credentials that definitions name, and what their secrets leave in the cluster.

use std::time::Duration;

use windlass_tests::cluster::eventually;

use crate::house::{House, until_log};

/// A private image; only our own cluster has such a registry.
fn private(house: &House, tag: &str) -> Option<String> {
    let images = house.site.test.private_images.as_ref();
    if images.is_none() {
        eprintln!("SKIPPED: the cluster that KUBECONFIG names has no registry that wants a password");
    }
    images.map(|images| format!("{images}/busybox:{tag}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_image_is_fetched_with_the_credential_that_the_task_names() {
    let house = House::new().await;
    let Some(image) = private(&house, "1") else { return };
    let task = |name: &str, credential: &str| {
        format!(
            "{{name: {name}, image: \"{image}\", script: hostname | cmp - host, container: {{{credential}pull: always}}}}"
        )
    };
    for credential in ["", "credential: wrong, "] {
        let (code, message, advice) = house.run(&[&task("t", credential)]).await.cause("t");
        assert_eq!(code, "imagePull", "{message}");
        assert!(message.contains(&image) && advice.contains("credential"), "{message}: {advice}");
        assert!(!message.contains("not the password"), "{message}");
    }
    // It runs in the pod of its run, beside steps of another image.
    let first = "{name: first, image: IMAGE, script: hostname > host}";
    let outcome = house.run(&[first, &task("t", "credential: right, "), &task("u", "credential: right, ")]).await;
    let log = outcome.success("t").await;
    assert!(log.contains(&format!(" Pulling: Pulling image \"{image}\"")), "{log}");
    outcome.success("u").await;
    eventually(Duration::from_secs(60), || house.left(&outcome.run).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_a_private_image_belongs_to_its_run_and_goes_with_it() {
    let house = House::new().await;
    let Some(image) = private(&house, "2") else { return };
    let task = format!(
        "{{name: t, image: \"{image}\", script: \"echo in; sleep 1000\", container: {{credential: right, pull: always}}}}"
    );
    let run = house.start("", &[&task]).await;
    until_log(&run, |log| log.contains("in\n")).await;
    let secrets: Vec<String> =
        house.left(&run).lines().filter(|line| line.starts_with("secret/")).map(str::to_owned).collect();
    assert_eq!(secrets.len(), 1, "{secrets:?}");
    let owner = "jsonpath={.metadata.ownerReferences[0].kind} {.type}";
    assert_eq!(house.kubectl(&["get", &secrets[0], "--output", owner]), "ConfigMap kubernetes.io/dockerconfigjson");
    run.cancel("test", "it is enough").await.unwrap();
    run.wait().await.unwrap();
    eventually(Duration::from_secs(60), || house.left(&run).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_image_of_a_service_is_fetched_with_its_credential_and_its_log_is_kept() {
    let house = House::new().await;
    let Some(image) = private(&house, "1") else { return };
    let task = format!(
        "{{name: t, image: IMAGE, script: \"until nc -w 1 db 7777 | grep reached; do sleep 0.1; done\", services: [{{name: db, image: \"{image}\", \
         credential: right, command: [sh, -c, \"echo up; trap 'echo down; exit 0' TERM; touch up; while :; do echo reached | nc -l -p 7777; done\"], \
         health: {{command: test -e up}}}}]}}"
    );
    let outcome = house.run(&[&task]).await;
    let log = outcome.success("t").await;
    assert!(log.contains("reached\n") && log.contains("[db] up\n"), "{log}");
    eventually(Duration::from_secs(60), || house.left(&outcome.run).is_empty());
}
