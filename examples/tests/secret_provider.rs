//! The provider of one's own: its values reach the step, and nothing that is kept or printed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::{Command, Output};

use windlass::testing::exposures;

fn run(folder: &std::path::Path) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_secret_provider"));
    program.arg(folder.join("secrets")).arg(folder.join("data")).output().unwrap()
}

#[test]
fn values_from_elsewhere_are_used_and_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let write = |credential: &str, key: &str, value: &str| {
        let path = folder.path().join("secrets").join(credential);
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join(key), value).unwrap();
    };
    write("database", "user", "ci");
    write("database", "password", "correct horse\n");
    let output = run(folder.path());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("\"pin\""), "{error}");

    write("pin", "value", "battery staple");
    let output = run(folder.path());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // Both values of the first credential are values, and `ci` is too short to be masked, which is said.
    assert!(text.contains("too short") || text.contains("only values of 4"), "{text}");
    assert!(text.contains("ci logs in with ***\n") && text.ends_with("14\n"), "{text}");
    for secret in ["correct horse", "battery staple"] {
        assert_eq!(exposures(&folder.path().join("data"), secret).unwrap(), []);
    }
}
