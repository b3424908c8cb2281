//! Images on their way to the engine: private ones, and such for other machines.

use std::process::Command;

use crate::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn a_private_image_is_fetched_with_the_credential_that_the_task_names() {
    let house = House::new().await;
    let image = house.private().await;
    let task =
        |credential: &str| format!("{{name: t, image: \"{image}\", script: echo in, container: {{{credential}}}}}");
    let outcome = house.run(&[&task("credential: right")]).await;
    let log = outcome.success("t").await;
    assert!(log.contains(&format!("[windlass] fetched the image {image}: ")) && log.ends_with("in\n"), "{log}");
    // The engine has it now; it asks again where it is told to.
    for credential in ["credential: wrong, pull: always", "pull: always"] {
        let (code, message, advice) = house.run(&[&task(credential)]).await.cause("t");
        assert_eq!(code, "imageUnauthorised", "{message}");
        assert!(message.contains(&image) && advice.contains("credential"), "{message}: {advice}");
        assert!(!message.contains("not the password"), "{message}");
    }
    house.docker(&["rmi", &image]);
    let refused = house.engine.start(&house.pipeline(&[&task("credential: nobody")]), house.request()).await;
    assert!(refused.unwrap_err().to_string().contains("nobody"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_image_of_a_service_is_fetched_with_its_credential() {
    let house = House::new().await;
    let image = house.private().await;
    let task = |credential: &str| {
        format!(
            "{{name: t, image: BUSYBOX, script: \"true\", services: [{{name: s, image: \"{image}\"{credential}, \
             command: [sh, -c, \"echo up; exec sleep 1000\"]}}]}}"
        )
    };
    let (code, message, _) = house.run(&[&task("")]).await.cause("t");
    assert_eq!(code, "imageUnauthorised", "{message}");
    let log = house.run(&[&task(", credential: right")]).await.success("t").await;
    assert!(log.contains(&format!("fetched the image {image}")) && log.contains("[s] up\n"), "{log}");
    house.docker(&["rmi", "--force", &image]);
}

/// The busybox image, said to be for ARM, in the open registry. Its name.
fn for_other_machines(house: &House) -> String {
    let folder = tempfile::tempdir().unwrap();
    let tar = folder.path().join("image.tar").display().to_string();
    house.site.docker(&["save", "--output", &tar, &house.site.images.busybox]);
    let image = format!("{}/{}:1", house.site.registries.open, house.site.fresh("arm"));
    let edit = format!(
        "mkdir i && tar -xf image.tar -C i && cd i && sed -i 's/\"architecture\":\"amd64\"/\"architecture\":\"arm64\"/' *.json && \
         sed -i 's#\"RepoTags\":\\[[^]]*\\]#\"RepoTags\":[\"{image}\"]#' manifest.json && rm -f repositories && tar -cf ../arm.tar ."
    );
    let edited = Command::new("sh").args(["-ec", &edit]).current_dir(&folder).status().unwrap();
    assert!(edited.success());
    house.site.docker(&["load", "--input", &folder.path().join("arm.tar").display().to_string()]);
    house.site.docker(&["push", "--quiet", &image]);
    house.site.docker(&["rmi", &image]);
    image
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_for_another_platform_is_named_whether_one_was_asked_for_or_not() {
    let house = House::new().await;
    let image = for_other_machines(&house);
    let task = |options: &str| format!("{{name: t, image: \"{image}\", script: \"true\"{options}}}");
    let (code, message, advice) = house.run(&[&task("")]).await.cause("t");
    assert_eq!(code, "imagePlatform", "{message}");
    assert!(message.contains("linux/arm64") && message.contains("linux/amd64"), "{message}");
    assert!(advice.contains("platform"), "{advice}");
    house.docker(&["rmi", &image]);
    let (code, message, _) = house.run(&[&task(", container: {platform: linux/amd64}")]).await.cause("t");
    assert_eq!(code, "imagePlatform", "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_the_engine_does_not_trust_is_named_with_the_place_for_its_certificate() {
    let house = House::new().await;
    let server = &house.site.registries.tls;
    assert!(!server.starts_with("127."), "this test needs the bridge of a Docker engine on this machine");
    let task = format!("{{name: t, image: \"{server}/team/web:1\", script: \"true\"}}");
    let (code, message, advice) = house.run(&[&task]).await.cause("t");
    assert_eq!(code, "registryTls", "{message}");
    assert!(message.contains(server) && message.contains("x509"), "{message}");
    assert!(advice.contains(&format!("/etc/docker/certs.d/{server}/ca.crt")), "{advice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_its_registry_does_not_have_is_named() {
    let house = House::new().await;
    let image = format!("{}/{}:1", house.site.registries.open, house.site.fresh("nobody"));
    let task = format!("{{name: t, image: \"{image}\", script: \"true\"}}");
    let (code, message, advice) = house.run(&[&task]).await.cause("t");
    assert_eq!(code, "imageNotFound", "{message}");
    assert!(message.contains(&image) && advice.contains("the name and the tag are right"), "{message}: {advice}");
}
