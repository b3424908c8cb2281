//! What BuildKit can do beyond the classic builder, and what happens without it.

use windlass::executor::DockerEndpoint;
use windlass_tests::docker::{Certificates, Front, Gate, Reply, Site};

use crate::workbench::{Outcome, TOKEN, Workbench};

/// The checksum of a text, as `sha256sum` prints it.
fn checksum(text: &str) -> String {
    use std::fmt::Write as _;

    use sha2::Digest as _;
    let mut hex = String::new();
    for byte in sha2::Sha256::digest(text) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Runs one task `image` with these settings, and the secret `TOKEN`.
async fn with_secret(bench: &Workbench, settings: &str) -> Outcome {
    let run = bench
        .start_pipeline(&format!(
            "name: secret\nstages:\n  - name: Build\n    tasks:\n      - name: image\n        secrets: [{{name: TOKEN, from: token}}]\n        \
             buildImage: {settings}\n"
        ))
        .await;
    bench.outcome(&run).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_used_in_the_build_and_is_in_no_layer_no_history_and_no_log() {
    let site = Site::find();
    let bench = Workbench::new(&site).await;
    let image = site.fresh("secretive");
    bench.file(
        "Dockerfile",
        &format!(
            "FROM {}\nRUN echo {image}\nRUN --mount=type=secret,id=TOKEN sha256sum </run/secrets/TOKEN >/sum; echo it is; cat \
             /run/secrets/TOKEN\nRUN --mount=type=secret,id=OTHER test ! -e /run/secrets/OTHER\n",
            site.images.busybox
        ),
    );
    let outcome = with_secret(&bench, &format!("{{image: {image}, push: false}}")).await;
    assert!(outcome.summary.succeeded(), "{:?}\n{}", outcome.summary, outcome.log);
    assert!(outcome.log.contains("\nit is\n***"), "{}", outcome.log);
    let name = format!("docker.io/library/{image}:latest");
    let sum = site.docker(&["run", "--rm", "--network=none", &name, "cat", "/sum"]);
    assert_eq!(sum.split(' ').next(), Some(checksum(TOKEN).as_str()), "the instruction had another secret");
    assert_eq!(site.docker(&["run", "--rm", "--network=none", &name, "find", "/run/secrets", "-type", "f"]), "");
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("image.tar");
    site.docker(&["save", "--output", archive.to_str().unwrap(), &name]);
    let archive = std::fs::read(&archive).unwrap();
    let archive = String::from_utf8_lossy(&archive);
    assert!(archive.contains(&checksum(TOKEN)), "layers are not packed, and can be looked through");
    let history = site.docker(&["history", "--no-trunc", &name]);
    let shown = site.docker(&["image", "inspect", &name]);
    for (place, text) in [("layer", &*archive), ("history", &history), ("image", &shown), ("log", &outcome.log)] {
        assert!(!text.contains(TOKEN), "the secret is in the {place}");
    }
    site.docker(&["rmi", "--force", &name]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_a_build_goes_over_tcp_and_over_tls() {
    let (site, certificates) = (Site::find(), Certificates::make());
    let (plain, tls) = (Gate::plain(&site.engine), Gate::tls(&site.engine, &certificates));
    let over_tls = DockerEndpoint::Tls { address: tls.address(), certificates: certificates.folder().to_owned() };
    for endpoint in [DockerEndpoint::Tcp(plain.address()), over_tls] {
        let (name, image) = (endpoint.to_string(), site.fresh("far"));
        let bench = Workbench::with(&site, Workbench::builder_at(endpoint)).await;
        let use_it = "RUN --mount=type=secret,id=TOKEN sha256sum </run/secrets/TOKEN";
        // More than one buffer of context, and of output.
        bench.file("large", &"0123456789abcde\n".repeat(100_000));
        let dockerfile = format!(
            "FROM {}\nRUN echo {image}\n{use_it}\nCOPY large /\nRUN tail -n 5000 /large\n",
            site.images.busybox
        );
        bench.file("Dockerfile", &dockerfile);
        let outcome = with_secret(&bench, &format!("{{image: {image}, push: false}}")).await;
        assert!(outcome.summary.succeeded(), "{name}: {:?}\n{}", outcome.summary, outcome.log);
        assert!(outcome.log.contains(&checksum(TOKEN)), "{name}: {}", outcome.log);
        assert_eq!(outcome.log.matches("0123456789abcde\n").count(), 5000, "{name}");
        site.docker(&["rmi", "--force", &format!("docker.io/library/{image}:latest")]);
    }
    assert!(plain.calls().iter().any(|call| call.ends_with("/session")), "{:?}", plain.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_built_is_not_built_again_and_a_cache_is_kept_between_builds() {
    let site = Site::find();
    let bench = Workbench::new(&site).await;
    let image = site.fresh("cached");
    bench.file(
        "Dockerfile",
        &format!(
            "FROM {}\nCOPY file /file\nRUN --mount=type=cache,id={image},target=/kept echo x >>/kept/lines; echo there are $(wc -l \
             </kept/lines)\n",
            site.images.busybox
        ),
    );
    bench.file("file", &image);
    let settings = format!("{{image: {image}, push: false}}");
    let first = bench.run(&settings).await;
    assert!(first.log.contains("there are 1\n") && !first.cached("RUN --mount"), "{}", first.log);
    let again = bench.run(&settings).await;
    assert!(again.summary.succeeded() && !again.log.contains("there are 1\n"), "{}", again.log);
    assert!(again.cached("COPY file") && again.cached("RUN --mount"), "{}", again.log);
    bench.file("file", &format!("another {image}"));
    let changed = bench.run(&settings).await;
    assert!(changed.log.contains("there are 2\n") && !changed.cached("COPY file"), "{}", changed.log);
    site.docker(&["rmi", "--force", &format!("docker.io/library/{image}:latest")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_named_with_its_line_and_a_failed_instruction_with_its_text() {
    let site = Site::find();
    let bench = Workbench::new(&site).await;
    let base = &site.images.busybox;
    let cases = [
        (format!("FROM {base}\n\nRUM x\n"), "badDockerfile", "line 3"),
        (
            format!("FROM {base}\nRUN true\nRUN echo last words; exit 3\n"),
            "buildFailed",
            "`RUN echo last words; exit 3`",
        ),
    ];
    for (dockerfile, expected, said) in cases {
        bench.file("Dockerfile", &dockerfile);
        let outcome = bench.run(&format!("{{image: {}, push: false}}", site.fresh("bad"))).await;
        let (code, message, _) = outcome.cause();
        assert_eq!(code, expected, "{message}");
        assert!(message.contains(said), "{message}");
    }
}

/// What stands in front of engines and lets nobody have sessions, as some proxies do.
fn without_sessions(gate: &Gate) -> Front {
    Front::start(&gate.address(), |request| {
        if request.path.ends_with("/session") {
            return Reply::Answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into());
        }
        Reply::Forward
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_without_buildkit_builds_with_its_classic_builder_what_that_can() {
    let site = Site::find();
    let gate = Gate::plain(&site.engine);
    let front = without_sessions(&gate);
    let bench = Workbench::with(&site, Workbench::builder(&format!("tcp://{}", front.address()))).await;
    let image = site.fresh("classic");
    bench.file("Dockerfile", &format!("FROM {}\nCOPY file /file\nRUN cat /file\n", site.images.busybox));
    bench.file("file", &image);
    let settings = format!("{{image: {image}, push: false}}");
    let outcome = bench.run(&settings).await;
    assert!(outcome.summary.succeeded(), "{:?}\n{}", outcome.summary, outcome.log);
    assert!(outcome.log.contains("Step 3/4 : RUN cat /file") && outcome.log.contains(&image), "{}", outcome.log);
    site.docker(&["rmi", "--force", &format!("docker.io/library/{image}:latest")]);
    // A secret would be in the image.
    let (code, message, advice) = with_secret(&bench, &settings).await.cause();
    assert_eq!(code, "needsBuildKit", "{message}");
    assert!(message.contains("secrets") && advice.contains("POST /session"), "{message}: {advice}");
    bench.file("Dockerfile", &format!("FROM {}\nRUN --mount=type=cache,target=/c true\n", site.images.busybox));
    let (code, message, advice) = bench.run(&settings).await.cause();
    assert_eq!(code, "needsBuildKit", "{message}");
    assert!(advice.contains("COPY --from"), "{advice}");
}
