//! What is kept in a bucket, and found again.

use std::fs;

use crate::bucket::{Site, log, ran};
use crate::server::Server;

const BUILT: &str = r#"
name: built
stages:
  - name: S
    tasks:
      - {name: source, script: 'echo one > lock'}
      - name: build
        script: |
          if [ -e deps/lib ]; then echo "had $(cat deps/lib)"; else echo "made it"; fi
          mkdir -p deps dist/sub; cat lock > deps/lib; echo app > dist/app; ln -s ../app dist/sub/link
          { echo '<testsuite>'; for i in $(seq 1 30); do echo "<testcase name='t$i'><failure>no</failure></testcase>"; done
            echo '</testsuite>'; } > r.xml
        caches: [{key: "deps-${hash:lock}", paths: [deps], fallbackKeys: [deps-]}]
        artifacts: [{name: "app ../ü", paths: ["dist/**"]}]
        reports: {junit: [r.xml]}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn caches_artifacts_and_reports_are_found_again_by_the_next_engine() {
    let site = Site::new();
    let server = Server::over(&site.root());
    let engine = site.open(&server).await;
    let (first, summary) = ran(&engine, BUILT).await;
    assert!(summary.succeeded(), "{summary:?}");
    let said = log(&first, "build").await;
    assert!(said.contains(": there is none yet\nmade it\n") && said.contains(": saved, 1 file, "), "{said}");
    engine.close().await.unwrap();
    assert!(!site.path("data/blobs").exists());
    let objects = site.objects();
    assert_eq!(objects.len(), 4, "an archive and an entry of the cache, the artifact, the report: {objects:?}");
    assert!(objects.iter().all(|name| name.starts_with("a/b/")), "{objects:?}");

    let engine = site.open(&server).await;
    let (second, _) = ran(&engine, BUILT).await;
    let said = log(&second, "build").await;
    assert!(said.contains(": restored, 1 file, ") && said.contains("\nhad one\n"), "{said}");
    let found = engine.run(first.id()).await.unwrap();
    let artifacts = found.artifacts().await.unwrap();
    assert_eq!(artifacts.len(), 1);
    artifacts[0].unpack(site.path("out")).await.unwrap();
    assert_eq!(fs::read_to_string(site.path("out/dist/sub/link")).unwrap(), "app\n");
    let report = found.test_report("build").await.unwrap().unwrap();
    assert_eq!((report.tests, report.failures.len(), report.failures[29].name.as_str()), (30, 30, "t30"));

    for run in [&found, &second] {
        run.delete("ana").await.unwrap();
    }
    let objects = site.objects();
    assert_eq!(objects.len(), 2, "the cache is left: {objects:?}");
    assert_eq!(artifacts[0].unpack(site.path("out")).await.unwrap_err().code(), "artifactGone");
    engine.close().await.unwrap();
}

const BIG: &str = r#"
name: big
stages:
  - name: S
    tasks:
      - name: build
        script: head -c 20971520 /dev/urandom > image; sha256sum < image > sum
        artifacts: [{paths: [image, sum]}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_big_artifact_goes_in_parts_and_comes_back_whole() {
    let site = Site::new();
    let server = Server::over(&site.root());
    let engine = site.open(&server).await;
    let (run, summary) = ran(&engine, BIG).await;
    assert!(summary.succeeded(), "{summary:?}");
    // 20 MiB that cannot be packed, in parts of 8.
    let seen = ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"].map(|name| server.count(name));
    assert_eq!(seen, [1, 3, 1]);
    assert_eq!(server.begun_uploads(), Vec::<String>::new());
    // What is not what was stored is refused, so that this is the same to the byte.
    run.artifacts().await.unwrap()[0].unpack(site.path("out")).await.unwrap();
    assert_eq!(fs::metadata(site.path("out/image")).unwrap().len(), 20 << 20);
    engine.close().await.unwrap();
}
