//! Steps that are nothing but calls: what holds on every system.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use tempfile::TempDir;

use super::*;
use crate::clock::{SharedClock, SystemClock};
use crate::executor::{Command, Executor, RunScope, TarStream};
use crate::pipeline::{Isolation, Resources, TaskId, WorkspaceUse};
use crate::run::{RunId, StepKey};
use crate::secret::{SecretBytes, SecretText};

fn clock() -> SharedClock {
    Arc::new(SystemClock::resume(None))
}

/// Answers each task in its own way.
#[derive(Debug)]
struct Scripted;

#[async_trait]
impl SimpleExecutor for Scripted {
    async fn run(&self, step: StepSpec, context: StepContext) -> Result<StepEnd, ExecutorError> {
        context.log("ready\n")?;
        match step.key.task.as_str() {
            "polite" => {
                context.cancelled().await;
                assert!(context.is_cancelled());
                Ok(StepEnd::Code(3))
            }
            "deaf" => std::future::pending().await,
            "works" => {
                std::fs::write(context.workspace().join("made"), "here").unwrap();
                let secrets = context.secret_env();
                let read = |name: &str| {
                    secrets.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()).unwrap()
                };
                context.log(std::fs::read(read("FILE")).unwrap())?;
                context.set_output(read("VALUE").into_encoded_bytes());
                Ok(StepEnd::Code(0))
            }
            "panics" => panic!("on purpose"),
            _ => Err(ExecutorError::Unsupported { what: "this".to_owned(), advice: "try that".to_owned() }),
        }
    }
}

async fn prepared(source: Option<PathBuf>) -> (TempDir, SharedClock, Simple<Scripted>, RunId) {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let executor = Simple::new(Scripted, folder.path(), clock.clone()).unwrap();
    let run = RunId::new(clock.new_id());
    let scope = RunScope { run, generation: 1, existing: false, source, adopt: None, outlines: Vec::new() };
    executor.prepare(&scope).await.unwrap();
    (folder, clock, executor, run)
}

fn step(run: RunId, task: &str, secrets: StepSecrets) -> StepSpec {
    StepSpec {
        key: StepKey { run, task: TaskId::new(task), attempt: 1 },
        generation: 1,
        resumed: false,
        command: Command::Program { argv: vec!["x".to_owned()] },
        env: BTreeMap::default(),
        secrets,
        image: None,
        resources: Resources::default(),
        container: Default::default(),
        isolation: Isolation::Run,
        workspace: WorkspaceUse::Shared,
    }
}

async fn started(task: &str) -> (TempDir, SharedClock, Simple<Scripted>, StepKey) {
    let (folder, clock, executor, run) = prepared(None).await;
    let step = step(run, task, StepSecrets::default());
    executor.start(&step).await.unwrap();
    (folder, clock, executor, step.key)
}

async fn bytes(tar: TarStream) -> Vec<u8> {
    tar.try_collect::<Vec<_>>().await.unwrap().concat()
}

/// An archive with these entries; one with a target is a symbolic link.
fn archive(entries: &[(&str, Option<&str>)]) -> TarStream {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, target) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_entry_type(if target.is_some() { tar::EntryType::Symlink } else { tar::EntryType::Regular });
        // As somebody else would write them: the library itself refuses some names.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        if let Some(target) = target {
            header.set_link_name(target).unwrap();
        }
        header.set_size(if target.is_some() { 0 } else { 1 });
        header.set_cksum();
        builder.append(&header, if target.is_some() { &b""[..] } else { &b"x"[..] }).unwrap();
    }
    let tar = Bytes::from(builder.into_inner().unwrap());
    futures::stream::iter([Ok(tar)]).boxed()
}

#[tokio::test]
async fn a_step_has_a_workspace_secrets_a_log_and_an_output() {
    let (folder, _clock, executor, run) = prepared(None).await;
    let mut secrets = StepSecrets::default();
    secrets.env.insert("VALUE".to_owned(), SecretText::new("A=1"));
    secrets.files.insert("FILE".to_owned(), SecretBytes::new(b"in a file".to_vec()));
    let step = step(run, "works", secrets);
    executor.start(&step).await.unwrap();
    executor.start(&step).await.unwrap();
    let exit = executor.wait(&step.key).await.unwrap();
    assert_eq!((exit.end, &exit.output[..], exit.log_length), (StepEnd::Code(0), &b"A=1"[..], 15));
    let log: Vec<_> = executor.logs(&step.key, 6).map(|chunk| chunk.unwrap().bytes).collect().await;
    assert_eq!(log.concat(), b"in a file");
    let again = Simple::new(Scripted, folder.path(), clock()).unwrap();
    assert_eq!(again.wait(&step.key).await.unwrap(), exit);
    let packed = bytes(executor.read(run, "made").await.unwrap()).await;
    assert!(packed.windows(4).any(|bytes| bytes == b"here"));
    executor.forget(&step.key).await.unwrap();
    assert!(executor.keep(run, 1).await.unwrap());
    assert_eq!(executor.sweep(&[]).await.unwrap().removed, [run]);
}

#[tokio::test]
async fn a_source_folder_is_copied_and_files_go_in_and_out() {
    let source = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(source.path().join("a/.git")).unwrap();
    std::fs::write(source.path().join("a/file"), "x").unwrap();
    let (_folder, _clock, executor, run) = prepared(Some(source.path().to_owned())).await;
    executor.write(run, "a/b", archive(&[("c/new", None)])).await.unwrap();
    let packed = bytes(executor.read(run, "a").await.unwrap()).await;
    let mut packed = tar::Archive::new(&packed[..]);
    let names =
        packed.entries().unwrap().map(|entry| String::from_utf8(entry.unwrap().path_bytes().into_owned()).unwrap());
    let names: Vec<_> = names.map(|name| name.trim_end_matches('/').to_owned()).collect();
    assert_eq!(names, ["a", "a/b", "a/b/c", "a/b/c/new", "a/file"]);
}

#[tokio::test]
async fn no_name_leads_out_of_the_workspace_on_this_system() {
    let (folder, _clock, executor, run) = prepared(None).await;
    let mut names = vec!["../out", "/out", "a/../../out"];
    if cfg!(windows) {
        names.extend([
            "..\\out",
            "C:out",
            "C:/out",
            "a/D:out",
            "file:stream",
            "con",
            "nul.txt",
            "a./b",
            "a /b",
            ".. /out",
            "\\\\x\\y",
        ]);
    }
    for name in names {
        let refused = |error: ExecutorError| matches!(error, ExecutorError::BadStep { code: "badPath", .. });
        assert!(refused(executor.write(run, ".", archive(&[(name, None)])).await.unwrap_err()), "{name:?}");
        assert!(refused(executor.write(run, name, archive(&[("x", None)])).await.unwrap_err()), "{name:?}");
        assert!(refused(executor.read(run, name).await.map(drop).unwrap_err()), "{name:?}");
    }
    let through = executor.write(run, ".", archive(&[("link", Some("..")), ("link/out", None)])).await.unwrap_err();
    let no_links = matches!(through, ExecutorError::BadStep { code: "noLinks", .. });
    assert_eq!(no_links, cfg!(windows), "{through}");
    assert!(!folder.path().join(run.to_string()).join("out").exists());
}

#[tokio::test]
async fn a_cancelled_step_ends_in_its_own_way() {
    let (_folder, _clock, executor, key) = started("polite").await;
    executor.stop(&key, std::time::Duration::from_secs(30)).await.unwrap();
    assert_eq!(executor.wait(&key).await.unwrap().end, StepEnd::Code(3));
}

#[tokio::test]
async fn a_step_that_does_not_listen_is_dropped_after_the_grace() {
    let (_folder, _clock, executor, key) = started("deaf").await;
    executor.stop(&key, std::time::Duration::from_millis(20)).await.unwrap();
    assert_eq!(executor.wait(&key).await.unwrap().end, StepEnd::Signal(9));
}

#[tokio::test]
async fn errors_and_panics_reach_who_waits() {
    let (_folder, _clock, executor, key) = started("errs").await;
    assert!(matches!(executor.wait(&key).await, Err(ExecutorError::Unsupported { .. })));
    assert!(executor.wait(&key).await.unwrap_err().to_string().contains("try that"), "the second time too");
    let (_folder, _clock, executor, key) = started("panics").await;
    assert!(matches!(executor.wait(&key).await, Err(ExecutorError::Infrastructure { code: "executorBroken", .. })));
}

#[tokio::test]
async fn after_a_crash_a_running_step_is_lost() {
    let (folder, clock, _executor, key) = started("deaf").await;
    let next = Simple::new(Scripted, folder.path(), clock).unwrap();
    assert!(matches!(next.wait(&key).await, Err(ExecutorError::Lost { .. })));
}
