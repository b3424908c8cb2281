//! Requests over a store in memory.

use serde_json::{Value, json};

use super::Answers;
use crate::store::MemoryStore;
use crate::{Engine, Pipeline, RunRequest};

async fn opened(folder: &std::path::Path) -> Engine {
    let builder = Engine::builder().data_dir(folder.join("data")).store(MemoryStore::new()).control(false);
    builder.open().await.unwrap()
}

fn hello() -> Pipeline {
    let text = b"name: hello\nstages: [{name: S, tasks: [{name: t, script: echo hi}]}]\n";
    crate::pipeline::read(text, "hello.yaml").unwrap()
}

async fn code(noun: &dyn Answers, request: &str, arguments: &Value) -> (String, String) {
    let error = noun.answer(request, &arguments.to_string()).await.unwrap_err();
    let path = error.problems().map_or_else(String::new, |problems| problems.iter().next().unwrap().path.clone());
    (error.code().to_owned(), path)
}

#[tokio::test]
async fn nouns_answer_with_the_words_of_their_methods() {
    let folder = tempfile::tempdir().unwrap();
    let engine = opened(folder.path()).await;
    let stored = engine.pipelines().answer("create", &json!({"definition": hello(), "by": "ana"}).to_string()).await;
    assert_eq!(stored.unwrap()["changedBy"], "ana");
    let listed = engine.pipelines().answer("list", "{}").await.unwrap();
    assert_eq!(listed[0]["name"], "hello");
    let run = engine.start(&hello(), RunRequest::manual()).await.unwrap();
    run.wait().await.unwrap();
    assert_eq!(run.answer("status", "{}").await.unwrap(), "succeeded");
    assert_eq!(run.answer("artifacts", "{}").await.unwrap(), json!([]));
    assert_eq!(run.answer("testReport", r#"{"task": "t"}"#).await.unwrap(), Value::Null);
    assert_eq!(engine.answer("runs", r#"{"pipeline": "hello"}"#).await.unwrap()[0]["id"], run.id().to_string());
    let trail = engine.answer("audit", r#"{"by": "ana"}"#).await.unwrap();
    assert_eq!(trail[0]["type"], "pipelineCreated");
    engine.close().await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let engine = opened(folder.path()).await;
    let credentials = engine.credentials();
    let wrong = [
        (code(&engine, "rnus", &json!({})).await, ("noSuchRequest", "")),
        (code(&engine, "runs", &json!({"limit": "all"})).await, ("badOption", "limit")),
        (code(&credentials, "test", &json!({"name": "a", "kind": "gti"})).await, ("badOption", "kind")),
        (code(&credentials, "remove", &json!({"name": "a", "who": "ana"})).await, ("badOption", "who")),
        (code(&credentials, "open", &json!({"name": "a"})).await, ("noSuchCredential", "")),
    ];
    for ((code, path), wanted) in wrong {
        assert_eq!((code.as_str(), path.as_str()), wanted);
    }
    engine.close().await.unwrap();
}
