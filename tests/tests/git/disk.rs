//! A disk without room.

use std::path::Path;
use std::process::Command;

use windlass::explain::{FailureClass, source_error};
use windlass::source::{Mirrors, RemoteUrl, SourceError};
use windlass_tests::git::Repository;

use crate::support::anonymous;

/// A file system of a mebibyte, gone with the value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, and said so, where mounting is not allowed.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=1m", "windlass-test"]).arg(folder.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder)),
            other => {
                eprintln!("SKIPPED, no small disk: {other:?}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_space_for_a_mirror_is_said_and_may_be_tried_again() {
    let Some(disk) = SmallDisk::mount() else { return };
    let repository = Repository::with_a_commit();
    let mut state = 7u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("{state:016x}")
    });
    repository.commit("noise", &noise.take(200_000).collect::<String>(), "Add what does not fit");
    repository.push("main");
    let mirrors = Mirrors::new(disk.path().join("mirrors"));
    let url = RemoteUrl::parse(&repository.bare().display().to_string()).unwrap();
    let error = mirrors.fetch(&url, &anonymous(), None).await.unwrap_err();
    assert!(matches!(error, SourceError::NoSpace { .. }), "{error:?}");
    let explained = source_error(&error);
    assert_eq!((explained.cause.code.as_str(), explained.class), ("noSpace", FailureClass::Infrastructure));
}
