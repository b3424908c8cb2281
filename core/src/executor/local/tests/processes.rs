//! What a step's process inherits, and what is left of it.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::support::{Local, finish, living, log, said, script};
use crate::executor::{Executor, ExecutorError};
use crate::run::StepEnd;

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_step_has_default_signals_its_own_session_and_no_file_of_ours() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    let ours = fs::File::open("/dev/zero").unwrap();
    // SAFETY: clears close-on-exec of a file that this test owns, as careless C code would.
    unsafe { libc::fcntl(ours.as_raw_fd(), libc::F_SETFD, 0) };
    let text = "grep -E 'Sig(Ign|Blk)' /proc/self/status; readlink /proc/$BASHPID/fd/0; ls -l /proc/self/fd | grep -c zero || true";
    let (end, log) = finish(&executor, &script(run, "inherited", text, Some("bash"))).await;
    assert_eq!(end, StepEnd::Code(0));
    // The C library keeps the signals 32 and 33 for itself.
    let log = log.replace("180000000\n", "000000000\n");
    assert_eq!(log, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n/dev/null\n0\n");
    let (_, session) = finish(&executor, &script(run, "session", "ps -o sid= -p $$", Some("sh"))).await;
    let own = nix::unistd::getsid(None).unwrap();
    assert!(!session.trim().is_empty() && session.trim() != own.to_string(), "{session} {own}");
}

#[tokio::test]
async fn folders_and_logs_are_private() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    let step = script(run, "private", "echo x", None);
    finish(&executor, &step).await;
    let mode = |path: std::path::PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = local.folder(&step.key);
    assert_eq!(mode(folder.join("log")), 0o600);
    for folder in folder.ancestors().take(4) {
        assert_eq!(mode(folder.to_owned()), 0o700, "{}", folder.display());
    }
}

#[tokio::test]
async fn nothing_lives_after_a_stop_or_an_end() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    let hide = "setsid sleep 1000 > /dev/null 2>&1 & (setsid sh -c 'sleep 1000 & sleep 1000' &) ; env -i sleep 1000 & sleep 1000 &";
    let step = script(run, "stopped", &format!("{hide} echo ready; sleep 1000"), None);
    executor.start(&step).await.unwrap();
    said(&executor, &step.key, "ready").await;
    let cookie = format!("WINDLASS_STEP={run}/");
    assert!(living(&cookie).len() > 4);
    executor.stop(&step.key, LONG).await.unwrap();
    assert_eq!(living(&cookie), [0; 0]);
    let (end, _) = finish(&executor, &script(run, "ended", &format!("{hide} echo ready"), None)).await;
    assert_eq!(end, StepEnd::Code(0));
    assert_eq!(living(&cookie), [0; 0]);
}

#[tokio::test]
async fn a_release_stops_what_runs() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    for task in ["one", "two"] {
        let step = script(run, task, "trap '' TERM; echo ready; setsid sleep 1000 & sleep 1000", None);
        executor.start(&step).await.unwrap();
        said(&executor, &step.key, "ready").await;
    }
    executor.release(run).await.unwrap();
    assert_eq!(living(&run.to_string()), [0; 0]);
    assert_eq!(fs::read_dir(local.root.path().join("data dir")).unwrap().count(), 0);
}

#[tokio::test]
async fn ended_steps_leave_no_zombie() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    for number in 0..5 {
        let step = script(run, &number.to_string(), "exit 0", None);
        finish(&executor, &step).await;
        let token = fs::read_to_string(local.folder(&step.key).join("token")).unwrap();
        let pid = token.lines().next().unwrap().to_owned();
        // The end was told by the same process; it is reaped by a task that is ready to go on.
        while fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn steps_inherit_what_the_embedder_names_and_nothing_else() {
    let local = Local::new();
    let (_, run) = local.ready().await;
    let executor = local.inheriting(&["CARGO_MANIFEST_DIR", "NOT_SET_ANYWHERE"]);
    let step =
        script(run, "env", "echo \"${CARGO_MANIFEST_DIR-none} ${CARGO_PKG_NAME-none} ${NOT_SET_ANYWHERE-none}\"", None);
    let wanted = format!("{} none none\n", env!("CARGO_MANIFEST_DIR"));
    assert_eq!(finish(&executor, &step).await, (StepEnd::Code(0), wanted));
}

#[tokio::test]
async fn bash_runs_scripts_that_name_no_shell() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    let step = script(run, "bash", "a=(one two); echo ${a[1]}; [[ $0 == \"${BASH_SOURCE[0]}\" ]]; echo $#", None);
    assert_eq!(finish(&executor, &step).await, (StepEnd::Code(0), "two\n0\n".to_owned()));
}

#[tokio::test]
async fn too_large_an_environment_is_told_as_the_users_mistake() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    let mut step = script(run, "large", "true", None);
    step.env = (0..200).map(|number| (format!("V{number}"), "x".repeat(100_000))).collect();
    assert!(matches!(executor.start(&step).await, Err(ExecutorError::BadStep { .. })));
}

#[tokio::test]
async fn a_log_can_be_followed_from_before_the_start_of_the_next_instance() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    let step = script(run, "follow", "for n in 1 2 3; do echo $n; sleep 0.01; done", None);
    executor.start(&step).await.unwrap();
    let (one, two) = futures::join!(log(&executor, &step.key), async { log(&local.local(), &step.key).await });
    assert_eq!((one.as_str(), two.as_str()), ("1\n2\n3\n", "1\n2\n3\n"));
}
