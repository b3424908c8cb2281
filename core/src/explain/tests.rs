mod clusters;
mod table;

use std::io;
#[cfg(unix)]
use std::process::Command;
use std::time::Duration;

use proptest::prelude::*;

use super::{Explained, FailureClass, StepFacts, TimeLimit, executor_error, io_error, step_failure, timeout};
use crate::executor::ExecutorError;
use crate::run::{Cause, RunId, StepEnd};

use StepEnd::{Code, Signal};

const LOCAL: StepFacts<'static> =
    StepFacts { script: Some("make\nmake test\n"), program: None, shell: None, executor: "local", image: None };

#[test]
fn limits_of_time() {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let causes =
        [TimeLimit::Task(minutes(10)), TimeLimit::Pipeline(minutes(90)), TimeLimit::Finally(minutes(10))].map(timeout);
    let messages = causes.each_ref().map(|cause| cause.message.as_str());
    assert_eq!(
        messages,
        [
            "the attempt took longer than the task's timeout of 10m",
            "the run's tasks took longer than the pipeline's timeout of 1h 30m",
            "`finally` took longer than its budget of 10m",
        ]
    );
    assert!(causes.iter().all(|cause| cause.code == "timeout" && !cause.advice.is_empty()));
}

#[test]
fn what_the_disk_says() {
    let enospc = io_error("writing /data/log", &io::Error::from(io::ErrorKind::StorageFull));
    assert_eq!((enospc.code.as_str(), enospc.message.as_str()), ("noSpace", "writing /data/log: no storage space"));
    for (kind, code) in [
        (io::ErrorKind::PermissionDenied, "permissionDenied"),
        (io::ErrorKind::ReadOnlyFilesystem, "readOnly"),
        (io::ErrorKind::ExecutableFileBusy, "textFileBusy"),
        (io::ErrorKind::NotFound, "io"),
    ] {
        let cause = io_error("opening x", &io::Error::from(kind));
        assert_eq!(cause.code, code);
        assert!(!cause.advice.is_empty(), "{kind:?}");
    }
    #[cfg(unix)]
    assert_eq!(io_error("opening x", &io::Error::from_raw_os_error(libc::EMFILE)).code, "tooManyOpenFiles");
}

#[test]
fn what_executors_say() {
    let class = |error| executor_error(&error).class;
    let why = || "its processes are gone".to_owned();
    let run = RunId::new(uuid::Uuid::nil());
    assert_eq!(class(ExecutorError::WorkspaceLost { run, why: why() }), FailureClass::Lost);
    assert_eq!(class(ExecutorError::NeverStarted), FailureClass::Stopped);
    let source = io::Error::from(io::ErrorKind::StorageFull);
    let Explained { cause, class } = executor_error(&ExecutorError::Io { doing: "making a folder".to_owned(), source });
    assert_eq!((cause.code.as_str(), class), ("noSpace", FailureClass::Infrastructure));

    let lost = executor_error(&ExecutorError::Lost { why: why() });
    let message = "nobody knows how the step ended: its processes are gone";
    assert_eq!(
        (lost.cause.code.as_str(), lost.cause.message.as_str(), lost.class),
        ("lost", message, FailureClass::Lost)
    );
    assert!(lost.cause.advice.contains("does not repeat it by itself"));

    let (message, advice) = ("there is no image x:1".to_owned(), "Look at the tag.".to_owned());
    let wrong = executor_error(&ExecutorError::BadStep { code: "imageNotFound", message, advice });
    assert_eq!(wrong.cause, Cause::new("imageNotFound", "there is no image x:1", "Look at the tag."));
    assert_eq!(wrong.class, FailureClass::Failure);
}

/// Runs a shell with an argument, and explains how it ended.
#[cfg(unix)]
fn explained(shell: &[&str], script: &str, folder: &std::path::Path) -> Option<Cause> {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg("-c").arg(script).current_dir(folder).env("LC_ALL", "C");
    let output = command.output().ok()?;
    Some(step_failure(&Code(output.status.code()?), &output.stderr, &LOCAL))
}

#[cfg(unix)]
#[test]
fn what_the_shells_of_this_machine_say_is_understood() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plain.sh"), "#!/bin/sh\n").unwrap();
    std::fs::write(folder.path().join("windows.sh"), "#!/usr/bin/env sh\r\n").unwrap();
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path().join("windows.sh"), executable).unwrap();
    let mut understood = 0;
    for shell in [&["bash"][..], &["sh"], &["dash"], &["zsh"], &["busybox", "sh"]] {
        let Some(missing) = explained(shell, ":\nnosuch-program --now", folder.path()) else { continue };
        assert!(missing.message.starts_with("the program nosuch-program was not found"), "{shell:?}: {missing:?}");
        let denied = explained(shell, "./plain.sh", folder.path()).unwrap();
        assert_eq!(denied.message, "./plain.sh may not be executed: permission denied", "{shell:?}");
        let windows = explained(shell, "./windows.sh", folder.path()).unwrap();
        assert_eq!(windows.code, "badInterpreter", "{shell:?}: {windows:?}");
        assert!(windows.advice.contains("Windows line ends"), "{shell:?}: {windows:?}");
        understood += 1;
    }
    assert!(understood >= 1, "there is no shell here");
}

#[test]
fn nothing_but_short_plain_names_is_quoted() {
    let secret = "hunter2 correct horse";
    let logs = [
        format!("bash: line 1: {secret}: command not found\n"),
        format!("bash: line 1: {}: command not found\n", "x".repeat(65)),
        "bash: line 1: a\u{1b}[31mb: command not found\n".to_owned(),
        format!("password={secret}\nlogin failed\n"),
    ];
    for log in logs {
        for code in [1, 126, 127, 137] {
            let cause = step_failure(&Code(code), log.as_bytes(), &LOCAL);
            let text = format!("{} {}", cause.message, cause.advice);
            assert!(!text.contains("hunter2") && !text.contains("xxx") && !text.contains('\u{1b}'), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn no_log_breaks_it(end in -1_i32..300, tail in prop::collection::vec(any::<u8>(), 0..300), text in "(: |line |[a-z\\[\\]^M\r\n\u{1b}]){0,40}") {
        for log in [&tail[..], text.as_bytes()] {
            for end in [Code(end), Signal(end)] {
                let cause = step_failure(&end, log, &LOCAL);
                prop_assert!(!cause.message.contains(char::is_control));
                prop_assert!(!cause.code.is_empty() && !cause.message.is_empty() && !cause.advice.is_empty());
            }
        }
    }
}
