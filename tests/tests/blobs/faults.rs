//! A bucket that cannot be written, is not there, or goes away in the middle.

use windlass::blob::{ArchiveLimits, BlobSettings};
use windlass::run::RunStatus;

use crate::bucket::{Settings, Site, cause, everything, log, ran, started};
use crate::server::{SECRET, Server};

/// A cache that cannot be had fails nothing; an artifact that cannot be stored is a failure.
const LEAVING: &str = r#"
name: leaving
stages:
  - name: S
    tasks:
      - name: cached
        script: mkdir -p deps; echo lib > deps/lib
        caches: [{key: deps, paths: [deps]}]
      - name: build
        script: echo app > app
        artifacts: [{paths: [app]}]
"#;

/// Three parts, of which two are sent before the archive is whole.
const BIG: &str = r#"
name: big
stages:
  - name: S
    tasks:
      - name: build
        script: head -c 20971520 /dev/urandom > image
        artifacts: [{paths: [image]}]
"#;

/// Runs with settings that are wrong. Gives the cause of the failed task, and the log of the one with a cache.
async fn refused(settings: Settings) -> ((String, String, String), String) {
    let site = Site::new();
    let server = Server::over(&site.root());
    let engine = site.builder(&server, &settings).open().await.unwrap();
    let (run, summary) = ran(&engine, LEAVING).await;
    let said = log(&run, "cached").await;
    let told = everything(&run).await;
    assert!(!told.contains(SECRET) && settings.secret.is_none_or(|secret| !told.contains(secret)), "{told}");
    assert_eq!(site.objects(), Vec::<String>::new());
    engine.close().await.unwrap();
    (cause(&summary, "build"), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_named() {
    let wrong = Settings { key: Some("somebody"), ..Settings::default() };
    let ((code, message, advice), said) = refused(wrong).await;
    assert_eq!(code, "objectStoreRefused", "{message}");
    assert!(message.contains("the store refuses it: "), "{message}");
    assert!(advice.contains("key") && advice.contains("s3:PutObject"), "{advice}");
    assert!(said.contains("cache \"deps\": not restored: ") && said.contains("the store refuses it"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_named_and_not_shown() {
    let wrong = Settings { secret: Some("not the secret of the key"), ..Settings::default() };
    let ((code, message, _), _) = refused(wrong).await;
    assert_eq!(code, "objectStoreRefused", "{message}");
    assert!(message.contains("SignatureDoesNotMatch"), "{message}");
    assert!(!message.contains('<'), "no XML for people: {message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_is_named() {
    let wrong = Settings { bucket: Some("nowhere"), ..Settings::default() };
    let ((code, message, advice), said) = refused(wrong).await;
    assert_eq!(code, "bucketMissing", "{message}");
    assert!(message.ends_with("the bucket is not there") && advice.contains("Make the bucket"), "{message} {advice}");
    assert!(said.contains("not restored: ") && said.contains("the bucket is not there"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_answer_is_named_with_its_address() {
    let site = Site::new();
    let server = Server::over(&site.root());
    let builder = site.builder(&server, &Settings::default());
    let address = server.address().to_string();
    drop(server);
    let engine = builder.open().await.unwrap();
    let (run, summary) = ran(&engine, LEAVING).await;
    let (code, message, advice) = cause(&summary, "build");
    assert_eq!(code, "objectStoreUnreachable", "{message}");
    assert!(message.contains(&address) && message.contains("refused"), "{message}");
    assert!(advice.contains("curl -v"), "{advice}");
    assert!(log(&run, "cached").await.contains("the store does not answer"));
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_goes_away_in_the_middle_leaves_no_half_artifact() {
    let site = Site::new();
    let server = Server::holding_up(&site.root(), "UploadPart", 1);
    let engine = site.open(&server).await;
    let run = started(&engine, BIG).await;
    server.until_held_up().await;
    let address = server.address();
    drop(server);
    let summary = run.wait().await.unwrap();
    let (code, message, _) = cause(&summary, "build");
    assert_eq!(code, "objectStoreUnreachable", "{message}");
    assert!(run.artifacts().await.unwrap().is_empty());
    assert_eq!(site.objects(), Vec::<String>::new());

    let server = Server::back_at(&site.root(), address);
    let (again, summary) = ran(&engine, BIG).await;
    assert!(summary.succeeded(), "{summary:?}");
    assert_eq!(server.count("CompleteMultipartUpload"), 1);
    again.artifacts().await.unwrap()[0].unpack(site.path("out")).await.unwrap();
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_run_is_cancelled_is_given_up() {
    let site = Site::new();
    let server = Server::holding_up(&site.root(), "UploadPart", 1);
    let engine = site.open(&server).await;
    let run = started(&engine, BIG).await;
    server.until_held_up().await;
    assert!(!server.begun_uploads().is_empty());
    run.cancel("ana", "it takes too long").await.unwrap();
    let summary = run.wait().await.unwrap();
    assert_eq!(summary.status, RunStatus::Cancelled);
    // At the latest when the engine has closed.
    engine.close().await.unwrap();
    assert_eq!(server.count("AbortMultipartUpload"), 1);
    assert_eq!(server.begun_uploads(), Vec::<String>::new());
    assert_eq!(site.objects(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_closes_in_the_middle_gives_the_upload_up_and_the_next_one_does_it_again() {
    let site = Site::new();
    let server = Server::holding_up(&site.root(), "UploadPart", 1);
    let engine = site.open(&server).await;
    let run = started(&engine, BIG).await.id();
    server.until_held_up().await;
    let address = server.address();
    engine.close().await.unwrap();
    assert_eq!(server.begun_uploads(), Vec::<String>::new());
    drop(server);

    let server = Server::back_at(&site.root(), address);
    let engine = site.open(&server).await;
    let run = engine.run(run).await.unwrap();
    assert!(run.wait().await.unwrap().succeeded());
    run.artifacts().await.unwrap()[0].unpack(site.path("out")).await.unwrap();
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_that_turns_out_too_big_is_given_up() {
    let site = Site::new();
    let server = Server::over(&site.root());
    // The third file is one too many; two parts are on their way by then.
    let artifact = ArchiveLimits { entries: 2, ..ArchiveLimits::default() };
    let settings = BlobSettings { artifact, ..BlobSettings::default() };
    let engine = site.builder(&server, &Settings::default()).blob_settings(settings).open().await.unwrap();
    let document = BIG.replace("> image", "> a; cp a b; cp a c").replace("[image]", "[\"?\"]");
    let (_, summary) = ran(&engine, &document).await;
    let (code, message, _) = cause(&summary, "build");
    assert_eq!(code, "tooBig", "{message}");
    assert_eq!((server.count("CreateMultipartUpload"), server.count("AbortMultipartUpload")), (1, 1));
    assert_eq!(server.begun_uploads(), Vec::<String>::new());
    engine.close().await.unwrap();
}
