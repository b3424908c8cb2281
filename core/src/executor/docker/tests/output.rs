//! Much output, and files that are not there.

use super::support::{Bench, Site};
use crate::executor::{Executor, ExecutorError};
use crate::testing::executor_conformance::output_of;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_of_output_come_through() {
    output_of(&Site::new(), 1_000_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_is_told_as_such() {
    let bench = Bench::new().await;
    bench.finish(&bench.step("make", "mkdir folder; ln -s /etc out")).await;
    for path in ["nothing", "folder/nothing", "no/where"] {
        match bench.executor.read(bench.run, path).await {
            Err(ExecutorError::Io { source, .. }) => assert_eq!(source.kind(), std::io::ErrorKind::NotFound, "{path}"),
            Err(other) => panic!("{path}: {other:?}"),
            Ok(_) => panic!("{path} is there"),
        }
    }
    let outside = bench.executor.read(bench.run, "out/passwd").await.err();
    assert!(matches!(outside, Some(ExecutorError::BadStep { code: "badPath", .. })), "{outside:?}");
    bench.release().await;
}
