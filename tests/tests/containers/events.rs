//! The same pipelines over local processes and in containers tell the same story.

use windlass_tests::docker::Site;
use windlass_tests::story::{PIPELINES, told};

const PROGRAM: &str = env!("CARGO_BIN_EXE_windlass-under-test");

#[test]
fn local_and_docker_tell_the_same_story() {
    let site = Site::find();
    let environment = [("DOCKER_HOST", site.engine.as_str()), ("WINDLASS_HELPER", "/usr/bin/busybox")];
    for document in PIPELINES {
        let document = document.replace("IMAGE", &site.images.debian);
        let folder = tempfile::tempdir().unwrap();
        let tell = |executor| told(PROGRAM, executor, &document, &folder.path().join(executor), &environment);
        assert_eq!(tell("docker"), tell("local"), "{document}");
    }
}
