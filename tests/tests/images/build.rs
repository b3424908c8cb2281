//! Images that are built and published.

use std::time::Duration;

use windlass::registry::{Certificates, Registry, RegistryAccess, Transport};
use windlass_tests::docker::{Front, Reply, Site};

use crate::workbench::Workbench;

/// A registry as the set-up knows it, to look from outside what is there.
fn closed(site: &Site) -> Registry {
    let access = RegistryAccess::user(&site.user, site.password.as_str()).transport(Transport::PlainHttp);
    Registry::new(&site.registries.password, access).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_has_its_tags_its_labels_and_only_the_files_that_it_may_see() {
    let site = Site::find();
    let bench = Workbench::new(&site).await;
    let (server, repository) = (&site.registries.password, site.fresh("team/web"));
    bench.file("app/Dockerfile", "ARG BASE\nFROM $BASE AS base\nCOPY . /app/\nRUN find /app | sort; echo \"for $WHO\"\nARG WHO\nRUN echo \"for $WHO\"\nFROM base AS other\nRUN exit 1\n");
    bench.file("app/.dockerignore", "# what nobody needs\n**/*.log\n!kept.log\nsecret/\n");
    for name in ["main.sh", "deep/a.log", "kept.log", "secret/key", "deep/b.txt"] {
        bench.file(&format!("app/{name}"), name);
    }
    bench.file("outside", "not in the context");
    // An earlier run of this test must not have built the same.
    bench.file("app/mark", &repository);
    let base = &site.images.busybox;
    let settings = format!(
        "{{context: app, image: \"{server}/{repository}\", tags: [\"alpha-${{BUILD_NUMBER}}\", latest], credential: closed, \
         target: base, args: {{BASE: \"{base}\", WHO: \"run ${{BUILD_NUMBER}}\"}}, labels: {{team: web}}}}"
    );
    let outcome = bench.run(&settings).await;
    let digest = outcome.digest();
    for tag in ["alpha-1", "latest"] {
        assert_eq!(closed(&site).digest(&repository, tag).await.unwrap(), digest, "{tag}");
        assert!(outcome.log.contains(&format!("pushed {server}/{repository}:{tag}@{digest}")), "{}", outcome.log);
    }
    for seen in ["/app/main.sh", "/app/kept.log", "/app/deep/b.txt", "for run 1"] {
        assert!(outcome.log.contains(&format!("\n{seen}\n")) || outcome.log.contains(seen), "{seen}: {}", outcome.log);
    }
    for unseen in ["a.log", "/app/secret", "outside", &site.password, "warning"] {
        assert!(!outcome.log.contains(unseen), "{unseen}: {}", outcome.log);
    }
    let image = format!("{server}/{repository}:latest");
    let labels = site.docker(&["image", "inspect", "--format", "{{json .Config.Labels}}", &image]);
    assert!(labels.contains("\"team\":\"web\""), "{labels}");
    assert!(labels.contains("\"org.opencontainers.image.created\":\"20"), "{labels}");

    // Again: what was built is not built again, and the tag that moves is said to.
    let again = bench.run(&settings).await;
    assert!(again.cached("COPY . /app/") && again.cached("RUN find"), "{}", again.log);
    let warning = format!("warning: the tag latest was there, and led to {digest}");
    assert!(again.log.contains(&warning), "{}", again.log);
    assert_ne!(again.digest(), digest, "the label `created` is another one");
    let without = settings.replace("target: base", "target: base, noCache: true");
    let without = bench.run(&without).await;
    assert!(!without.cached("RUN find"), "{}", without.log);
    site.docker(&["rmi", "--force", &image]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_digest_is_an_output_that_later_tasks_use_without_a_declaration() {
    let site = Site::find();
    let bench = Workbench::new(&site).await;
    let (server, repository) = (&site.registries.open, site.fresh("team/output"));
    bench.file("Dockerfile", &format!("FROM {}\nRUN echo built > /built\n", site.images.busybox));
    let run = bench
        .start_pipeline(&format!(
            "name: output\nstages:\n  - name: Build\n    tasks:\n      - name: image\n        buildImage: {{image: \"{server}/{repository}\"}}\n      \
             - name: use\n        env: {{PIN: \"{server}/{repository}@${{image.DIGEST}}\"}}\n        script: echo \"pinned $PIN\"\n"
        ))
        .await;
    let outcome = bench.outcome(&run).await;
    let digest = outcome.digest();
    assert_eq!(run.logs("use").await.unwrap(), format!("pinned {server}/{repository}@{digest}\n"));

    let kept = "name: kept\nstages:\n  - name: Build\n    tasks:\n      - {name: image, buildImage: {image: x, push: false}}\n      \
                - {name: use, env: {A: \"${image.DIGEST}\"}, script: x}\n";
    let problems = windlass::pipeline::read(kept.as_bytes(), "kept.yaml").unwrap_err().to_string();
    assert!(problems.contains("declares no output \"DIGEST\""), "{problems}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_base_image_is_pulled_with_a_credential() {
    let site = Site::find();
    let (private, repository) = (site.fresh("base/private"), site.fresh("team/derived"));
    let open =
        Registry::new(&site.registries.open, RegistryAccess::anonymous().transport(Transport::PlainHttp)).unwrap();
    crate::registry::publish(&site, &private, &["1.0"]);
    open.copy(&private, "1.0", &closed(&site), &private, "1.0").await.unwrap();
    let base = format!("{}/{private}:1.0", site.registries.password);
    let bench = Workbench::new(&site).await;
    bench.file("Dockerfile", &format!("FROM {base}\nRUN echo derived\n"));
    let settings = format!("{{image: \"{}/{repository}\", pullCredentials: [closed]}}", site.registries.open);
    bench.run(&settings).await.digest();
    site.docker(&["rmi", "--force", &base]);

    let (code, _, advice) = bench.run(&settings.replace(", pullCredentials: [closed]", "")).await.cause();
    assert_eq!(code, "baseImageUnauthorised");
    assert!(advice.contains("pullCredentials"), "{advice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_the_engine_does_not_trust_gets_the_image_from_windlass() {
    let site = Site::find();
    let (server, repository) = (&site.registries.tls, site.fresh("team/secure"));
    let certificates = tempfile::tempdir().unwrap();
    std::fs::create_dir(certificates.path().join(server)).unwrap();
    std::fs::copy(&site.authority, certificates.path().join(server).join("ca.crt")).unwrap();
    let trusting = Workbench::builder(&site.engine).certificates(Certificates::in_folders([certificates.path()]));
    let bench = Workbench::with(&site, trusting).await;
    bench.file("Dockerfile", &format!("FROM {}\nRUN echo secure > /secure\nRUN true\n", site.images.busybox));
    let settings = format!("{{image: \"{server}/{repository}\", tags: [a, b], credential: secure}}");
    let digest = bench.run(&settings).await.digest();
    let registry = bench.engine.registry(server, Some("secure"), Transport::Tls).await.unwrap();
    assert_eq!(registry.digest(&repository, "a").await.unwrap(), digest);
    assert_eq!(registry.digest(&repository, "b").await.unwrap(), digest);

    // What is there is an image that runs: from a registry that the engine can reach.
    let copy = site.fresh("team/copy");
    let open =
        Registry::new(&site.registries.open, RegistryAccess::anonymous().transport(Transport::PlainHttp)).unwrap();
    registry.copy(&repository, "a", &open, &copy, "1").await.unwrap();
    let image = format!("{}/{copy}:1", site.registries.open);
    assert_eq!(site.docker(&["run", "--rm", "--network=none", &image, "cat", "/secure"]), "secure");

    // Nobody who does not trust it.
    let bench = Workbench::new(&site).await;
    bench.file("Dockerfile", &format!("FROM {}\n", site.images.busybox));
    if !server.starts_with("127.") {
        let (code, message, advice) = bench.run(&settings).await.cause();
        assert_eq!(code, "registryTls", "{message}");
        assert!(advice.contains("certs.d"), "{advice}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_pushed_without_any_docker_engine() {
    let site = Site::find();
    let (server, repository) = (&site.registries.open, site.fresh("team/archive"));
    let bench = Workbench::with(&site, Workbench::builder("unix:///nowhere/docker.sock")).await;
    bench.file("placeholder", "");
    let archive = bench.place("image.tar");
    site.docker(&["save", "--output", archive.to_str().unwrap(), &site.images.busybox]);
    let settings = format!("{{archive: image.tar, image: \"{server}/{repository}\", tags: [\"1\"]}}");
    let digest = bench.run(&settings).await.digest();
    let image = format!("{server}/{repository}@{digest}");
    assert_eq!(site.docker(&["run", "--rm", "--network=none", &image, "echo", "fine"]), "fine");

    bench.file("image.tar", "no archive");
    let (code, message, _) = bench.run(&settings).await.cause();
    assert_eq!(code, "badImageArchive", "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_breaks_off_is_tried_again_until_it_is_through() {
    let site = Site::find();
    let cuts = std::sync::atomic::AtomicU32::new(0);
    // The Docker engine itself tries five times, which takes half a minute: a registry that is busy is answered at once.
    let front = Front::start(&site.registries.open, move |request| {
        let manifest = request.method == "PUT" && request.path.contains("/manifests/");
        if manifest && cuts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2 {
            return Reply::Answer("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n".into());
        }
        Reply::Forward
    });
    let bench = Workbench::new(&site).await;
    bench.file("Dockerfile", &format!("FROM {}\nRUN echo again\n", site.images.busybox));
    let settings = format!("{{image: \"{}/{}\"}}", front.address(), site.fresh("team/again"));
    let outcome = bench.run(&settings).await;
    outcome.digest();
    assert!(outcome.log.contains("try 1 of 4, the next one in 1 s"), "{}", outcome.log);
    assert!(outcome.log.contains("try 2 of 4, the next one in 2 s"), "{}", outcome.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_refuses_or_hangs_is_tried_again_and_then_said() {
    let site = Site::find();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let silent = Front::start("nowhere", |_| Reply::Hang);
    let builder = Workbench::builder(&site.engine).patience(Duration::from_secs(2));
    let bench = Workbench::with(&site, builder).await;
    bench.file("Dockerfile", &format!("FROM {}\nRUN echo refused\n", site.images.busybox));
    for (server, expected) in [(&nobody, "registryUnreachable"), (&silent.address(), "registryTimedOut")] {
        let outcome = bench.run(&format!("{{image: \"{server}/team/web\"}}")).await;
        let (code, message, advice) = outcome.cause();
        assert_eq!(code, expected, "{message}");
        assert!(message.contains(server.as_str()) && !advice.is_empty(), "{message}");
        assert!(
            outcome.log.contains("try 3 of 4") && outcome.log.contains("try 4 of 4 failed as well"),
            "{}",
            outcome.log
        );
    }
}

/// An address of this machine that is not the loopback, on which Docker does not take plain HTTP by itself.
fn away(site: &Site) -> Option<&str> {
    let (host, _) = site.registries.tls.split_once(':')?;
    (!host.starts_with("127.")).then_some(host)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_over_plain_http_takes_images_only_where_the_task_says_insecure() {
    let site = Site::find();
    let Some(host) = away(&site) else { panic!("this test needs the bridge of a Docker engine on this machine") };
    let front = Front::start_at(host, &site.registries.open, |_| Reply::Forward);
    let (server, repository) = (front.address(), site.fresh("team/insecure"));
    let bench = Workbench::new(&site).await;
    bench.file("Dockerfile", &format!("FROM {}\nRUN echo insecure\n", site.images.busybox));
    let settings = format!("{{image: \"{server}/{repository}\"}}");
    let (code, message, advice) = bench.run(&settings).await.cause();
    assert_eq!(code, "registryTls", "{message}");
    assert!(advice.contains("insecure: true"), "{advice}");
    let digest = bench.run(&settings.replace('}', ", insecure: true}")).await.digest();
    let open =
        Registry::new(&site.registries.open, RegistryAccess::anonymous().transport(Transport::PlainHttp)).unwrap();
    assert_eq!(open.digest(&repository, "latest").await.unwrap(), digest);
    site.docker(&["rmi", "--force", &format!("{server}/{repository}:latest")]);
}

#[test]
fn the_proxy_of_the_environment_reaches_builds_and_stays_out_of_images() {
    let site = Site::find();
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    std::fs::create_dir(&source).unwrap();
    let mark = site.fresh("proxied");
    let dockerfile =
        format!("FROM {}\nRUN echo \"{mark} goes by $HTTP_PROXY and $https_proxy\"\n", site.images.busybox);
    std::fs::write(source.join("Dockerfile"), dockerfile).unwrap();
    let file = folder.path().join("pipeline.yaml");
    let task = format!("{{name: image, buildImage: {{image: {mark}, push: false}}}}");
    std::fs::write(&file, format!("name: p\nstages: [{{name: S, tasks: [{task}]}}]\n")).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_windlass-under-test"))
        .arg("run")
        .arg(&file)
        .arg("--source")
        .arg(&source)
        .arg("--data-dir")
        .arg(folder.path().join("data"))
        .env("DOCKER_HOST", &site.engine)
        .envs([("HTTP_PROXY", "http://proxy.invalid:3128"), ("https_proxy", "http://127.0.0.1:3128")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // One on this machine is none for a build.
    assert!(said.contains(&format!("{mark} goes by http://proxy.invalid:3128 and \n")), "{said}");
    let image = format!("docker.io/library/{mark}:latest");
    let history = site.docker(&["history", "--no-trunc", &image]);
    let shown = site.docker(&["image", "inspect", &image]);
    assert!(!history.contains("proxy.invalid") && !shown.contains("proxy.invalid"), "{history}\n{shown}");
    site.docker(&["rmi", &image]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_cut_in_the_middle_of_a_layer_is_pushed_again() {
    let site = Site::find();
    let cut = std::sync::atomic::AtomicBool::new(false);
    let front = Front::start(&site.registries.open, move |request| match request.method.as_str() {
        "PATCH" if !cut.swap(true, std::sync::atomic::Ordering::SeqCst) => Reply::Cut(100_000),
        _ => Reply::Forward,
    });
    let bench = Workbench::with(&site, Workbench::builder("unix:///nowhere/docker.sock")).await;
    bench.file("placeholder", "");
    // A layer that no registry has yet.
    let container = site.docker(&["create", &site.images.busybox]);
    let mark = site.fresh("mark");
    bench.file("mark", &mark);
    site.docker(&["cp", bench.place("mark").to_str().unwrap(), &format!("{container}:/mark")]);
    site.docker(&["commit", &container, &mark]);
    site.docker(&["save", "--output", bench.place("image.tar").to_str().unwrap(), &mark]);
    site.docker(&["rm", &container]);
    site.docker(&["rmi", &mark]);
    let repository = site.fresh("team/cut");
    let outcome = bench.run(&format!("{{archive: image.tar, image: \"{}/{repository}\"}}", front.address())).await;
    let digest = outcome.digest();
    assert!(outcome.log.contains("try 1 of 4"), "{}", outcome.log);
    let image = format!("{}/{repository}@{digest}", site.registries.open);
    assert_eq!(site.docker(&["run", "--rm", "--network=none", &image, "cat", "/mark"]), mark);
}
