//! Steps whose log has no room.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::super::LocalExecutor;
use super::super::copier::GAP;
use super::support::{Local, finish, log, script};
use crate::executor::{Executor, StepSpec};
use crate::run::{RunId, StepEnd};

/// Far more than the room that is left, with a pipe and a copier's memory.
const MUCH: &str = "seq 1 100000; echo last";
const ROOM: usize = 128 * 1024;
const PIPE: usize = 64 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_step_waits_on_a_full_disk_and_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let local = Local::below(disk.path());
    let (executor, run) = local.ready().await;
    let step = blocked(&disk, &local, &executor, run).await;

    disk.make_room();
    assert_eq!(executor.wait(&step.key).await.unwrap().end, StepEnd::Code(0));
    let log = log(&executor, &step.key).await;
    let (before, after) = log.split_once(GAP).unwrap();
    let whole: String = (1..=100_000).map(|number| format!("{number}\n")).collect::<String>() + "last\n";
    assert!(whole.starts_with(before) && whole.ends_with(after) && after.ends_with("last\n"));
    let missing = whole.len() - before.len() - after.len();
    assert!(missing <= PIPE, "{missing} bytes are missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_can_be_stopped_while_the_disk_is_full() {
    let Some(disk) = SmallDisk::mount() else { return };
    let local = Local::below(disk.path());
    let (executor, run) = local.ready().await;
    let step = blocked(&disk, &local, &executor, run).await;

    executor.stop(&step.key, Duration::from_secs(30)).await.unwrap();
    assert_eq!(executor.wait(&step.key).await.unwrap().end, StepEnd::Signal(15));
    // The log is final: room that comes later changes nothing.
    let length = executor.wait(&step.key).await.unwrap().log_length;
    disk.make_room();
    assert_eq!(log(&executor, &step.key).await.len() as u64, length);
}

#[tokio::test]
async fn the_pipe_of_a_step_is_closed_here_when_the_step_has_ended() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    let (end, pipe) = finish(&executor, &script(run, "pipe", "readlink /proc/$$/fd/1", Some("sh"))).await;
    assert!(end == StepEnd::Code(0) && pipe.starts_with("pipe:["), "{pipe}");
    let ours = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    assert_eq!(ours.filter(|file| file == Path::new(pipe.trim())).count(), 0);
}

/// A step that prints more than fits, whose copier has given up.
async fn blocked(disk: &SmallDisk, local: &Local, executor: &LocalExecutor, run: RunId) -> StepSpec {
    let step = script(run, "much", MUCH, None);
    disk.leave(ROOM);
    executor.start(&step).await.unwrap();
    let log = local.folder(&step.key).join("log");
    while is_output_of_somebody(&log) {
        executor.shared.moment().await;
    }
    step
}

fn is_output_of_somebody(file: &Path) -> bool {
    let mut all = fs::read_dir("/proc").unwrap();
    all.any(|entry| fs::read_link(entry.unwrap().path().join("fd/1")).is_ok_and(|output| output == file))
}

/// A file system of 2 MiB, gone with the value.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    const SIZE: usize = 2 * 1024 * 1024;

    /// `None` where mounting is not allowed.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={}", Self::SIZE);
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "windlass-test"]).arg(folder.path()).output();
        match mount {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                eprintln!("SKIPPED, no small disk: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                eprintln!("SKIPPED, no small disk: mount: {error}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes the room but for so many bytes.
    fn leave(&self, bytes: usize) {
        File::create(self.path().join("ballast")).unwrap().write_all(&vec![0; Self::SIZE - bytes]).unwrap();
    }

    fn make_room(&self) {
        fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}
