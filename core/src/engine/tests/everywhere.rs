//! A whole engine on a real disk, on every system: its steps are calls.

use async_trait::async_trait;

use super::{Engine, Reader, RunRequest};
use crate::executor::{ExecutorError, SimpleExecutor, StepContext, StepSpec};
use crate::pipeline::{Pipeline, read};
use crate::run::{RunStatus, StepEnd};
use crate::secret::{Credential, SecretText};

/// Writes a file, tells its secret and hands an output on.
#[derive(Debug)]
struct Writer;

#[async_trait]
impl SimpleExecutor for Writer {
    async fn run(&self, step: StepSpec, context: StepContext) -> Result<StepEnd, ExecutorError> {
        let folder = context.workspace().join("dist/deep");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("seen.txt"), step.env.get("SEEN").map_or("", String::as_str)).unwrap();
        let token = context.secret_env().into_iter().find(|(name, _)| *name == "TOKEN").map(|(_, value)| value);
        context.log(format!("the token is {}\n", token.unwrap_or_default().to_string_lossy()))?;
        context.set_output("ANSWER=42\n");
        Ok(StepEnd::Code(0))
    }
}

fn pipeline(text: &str) -> Pipeline {
    read(text.as_bytes(), "test.yaml").unwrap()
}

const WRITES: &str = r#"
name: writes
executor: writer
stages:
  - name: S
    tasks:
      - {name: one, script: x, outputs: [ANSWER], secrets: [{name: TOKEN, from: token}]}
      - {name: two, script: x, outputs: [ANSWER], env: {SEEN: "${one.ANSWER}"}, artifacts: [{name: files, paths: ["dist/**/*.txt"]}]}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_leaves_its_log_and_its_artifact_and_no_secret() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let open = || Engine::builder().data_dir(&data).simple_executor("writer", Writer).open();
    let engine = open().await.unwrap();
    let token = Credential::Token { token: SecretText::new("hush-hush-hush") };
    engine.credentials().set("token", &token, "ana").await.unwrap();
    let run = engine.start(&pipeline(WRITES), RunRequest::manual()).await.unwrap();
    let summary = run.wait().await.unwrap();
    assert_eq!(summary.status, RunStatus::Succeeded, "{summary:?}");
    let log = String::from_utf8(run.logs("one").await.unwrap().to_vec()).unwrap();
    assert!(log.contains("the token is ***") && !log.contains("hush"), "{log}");
    let to = place.path().join("to");
    run.artifacts().await.unwrap()[0].unpack(&to).await.unwrap();
    assert_eq!(std::fs::read_to_string(to.join("dist/deep/seen.txt")).unwrap(), "42");
    assert_eq!(Reader::open(&data).unwrap().artifacts(run.id()).await.unwrap().len(), 1);
    let backup = place.path().join("backup");
    engine.backup(&backup, "ana").await.unwrap();
    let id = run.id();
    drop(run);
    engine.close().await.unwrap();
    let engine = open().await.unwrap();
    assert_eq!(engine.find(&id.to_string()).await.unwrap().status().await.unwrap(), RunStatus::Succeeded);
    assert_eq!(Reader::open(&backup).unwrap().artifacts(id).await.unwrap().len(), 1);
}

/// Where steps cannot be processes, an engine opens all the same, and says so when a run wants them.
#[cfg(not(unix))]
#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_an_executor_is_unsupported() {
    let place = tempfile::tempdir().unwrap();
    let engine = Engine::builder().data_dir(place.path().join("data")).open().await.unwrap();
    let document = "name: hello\nstages: [{name: S, tasks: [{name: t, script: echo}]}]\n";
    let error = engine.start(&pipeline(document), RunRequest::manual()).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), ("unsupported", crate::ErrorKind::Unsupported));
    assert!(error.to_string().contains("name another executor"), "{error}");
}
