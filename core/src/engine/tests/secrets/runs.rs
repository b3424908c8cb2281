//! Credentials of one run alone, and those that others provide.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::*;
use crate::engine::Rerun;
use crate::run::RunStatus;
use crate::secret::{SecretError, SecretProvider};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_brings_along_outlives_the_engine_and_not_the_run() {
    let site = Site::new();
    let engine = site.open().await;
    engine.credentials().set("hook", &token("the engine's own"), "ana").await.unwrap();
    let go = site.path("go");
    let wait = format!("echo waiting; while [ ! -e {} ]; do sleep 0.02; done", go.display());
    let text = format!(
        "name: p\nstages: [{{name: S, tasks: [{{name: t, script: '{wait}'}}, {{name: use, script: 'test $(printf %s \"$HOOK\" | wc -c) = {} && echo \
         \"got $HOOK\"', secrets: [{{name: HOOK, from: hook}}]}}]}}]",
        TOKEN.len()
    );
    let request = RunRequest::manual().actor("bob").secret("hook", token(TOKEN));
    assert!(!format!("{request:?}").contains("7f3a"));
    let run = engine.start(&pipeline(&text), request).await.unwrap();
    until_logged(&run, "waiting").await;
    let id = run.id();
    drop(run);
    site.shows_no(&engine, TOKEN).await;
    engine.close().await.unwrap();

    let engine = site.open().await;
    std::fs::write(&go, "").unwrap();
    let run = engine.run(id).await.unwrap();
    assert!(run.wait().await.unwrap().succeeded(), "{:?}", run.logs("use").await);
    assert_eq!(run.logs("use").await.unwrap(), "got ***\n");
    let names: Vec<_> = sealed(&engine).await.into_iter().map(|record| (record.name, record.changed_by)).collect();
    assert_eq!(names, [("hook".to_owned(), "ana".to_owned())], "only that of the engine is left");
    site.shows_no(&engine, TOKEN).await;
    engine.credentials().remove("hook", "ana").await.unwrap();
    let error = run.retry(Rerun::AsItWas, "bob").await.unwrap_err();
    assert_eq!(error.code(), "noSuchCredential");
    assert!(error.to_string().contains("for itself alone"), "{error}");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_brings_along_must_be_a_credential() {
    let site = Site::new();
    let engine = site.open().await;
    let definition = task("true", "needs: []");
    for (name, value, code) in
        [("a/b", "some value", "invalidName"), ("", "some value", "invalidName"), ("a", " ", "badCredential")]
    {
        let request = RunRequest::manual().secret(name, token(value));
        let error = engine.start(&definition, request).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    engine.close().await.unwrap();
}

/// A vault that can be away.
#[derive(Clone, Debug, Default)]
struct Elsewhere {
    away: Arc<AtomicBool>,
}

#[async_trait]
impl SecretProvider for Elsewhere {
    fn name(&self) -> &str {
        "the vault"
    }

    async fn credential(&self, name: &str) -> Result<Option<Credential>, SecretError> {
        if self.away.load(Ordering::SeqCst) {
            let (name, provider) = (name.to_owned(), "the vault".to_owned());
            return Err(SecretError::Provider { name, provider, why: "connection refused".to_owned() });
        }
        Ok((name == "far").then(|| token(TOKEN)))
    }

    async fn names(&self) -> Vec<String> {
        vec!["far".to_owned()]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_others_are_used_and_masked_as_those_of_the_engine() {
    let site = Site::new();
    let elsewhere = Elsewhere::default();
    let engine = site.open_with(|builder| builder.secrets(elsewhere.clone())).await;
    let definition = task("echo \"got $FAR\"", "secrets: [{name: FAR, from: far}]");
    let (run, summary) = outcome(&engine, &definition).await;
    assert_eq!((summary.status, log(&run).await.as_str()), (RunStatus::Succeeded, "got ***\n"));
    let error =
        engine.start(&task("true", "secrets: [{name: A, from: fare}]"), RunRequest::manual()).await.unwrap_err();
    assert!(error.to_string().contains("\"far\""), "{error}");

    elsewhere.away.store(true, Ordering::SeqCst);
    let (_, summary) = outcome(&engine, &definition).await;
    let cause = summary.task("t").unwrap().cause.clone().unwrap();
    assert!(cause.code == "credential" && cause.message.contains("connection refused"), "{cause:?}");
    site.shows_no(&engine, TOKEN).await;
    engine.close().await.unwrap();
}
