//! Actions that would talk to something are scripted like steps.

use serde_json::json;

use super::stages;
use crate::testing::{PipelineTest, Script};

const DOCUMENT: &str = r#"
name: web
parameters: [{name: TARGET, dynamic: true, default: dev}]
stages:
  - name: Source
    tasks: [{name: fetch, checkout: {url: "https://example.com/a.git", ref: "${CI_COMMIT_BRANCH:-main}", credential: team-git}}]
  - name: Build
    tasks:
      - {name: version, script: ./version, outputs: [VERSION]}
      - {name: image, buildImage: {image: registry/web, tags: ["${version.VERSION}", "b${BUILD_NUMBER}", latest], args: {"a/b": "$TARGET"}}}
  - name: Deploy
    tasks: [{name: rollout, deployManifests: {paths: [deploy/*.yaml], namespace: "web-$TARGET"}, retry: {attempts: 2}}]
finally:
  - {name: tell, custom: {name: notify, with: {text: "${PIPELINE_NAME} is $WINDLASS_STATUS", to: [{room: 7}]}}}
"#;

#[tokio::test]
async fn what_an_action_would_get_is_recorded_with_its_variables_replaced() {
    let outcome = PipelineTest::from_yaml(DOCUMENT)
        .parameter("TARGET", "prod")
        .task("version", Script::succeeds().output("VERSION", "1.2 \"rc\""))
        .run()
        .await
        .unwrap();
    outcome.assert_succeeded().assert_order(["fetch", "version", "image", "rollout", "tell"]);
    let fetch = outcome.call("fetch");
    assert_eq!((fetch.action, &fetch.script), ("checkout", &None));
    assert_eq!(fetch.settings, json!({"url": "https://example.com/a.git", "ref": "main", "credential": "team-git"}));
    let image = json!({"image": "registry/web", "tags": ["1.2 \"rc\"", "b1", "latest"], "args": {"a/b": "prod"}});
    assert_eq!(outcome.call("image").settings, image);
    assert_eq!(outcome.call("rollout").settings["namespace"], "web-prod");
    let tell = json!({"name": "notify", "with": {"text": "web is succeeded", "to": [{"room": 7}]}});
    assert_eq!(outcome.call("tell").settings, tell);
    let carried = |name: &String| name.starts_with("windlass");
    assert!(!outcome.calls().iter().any(|call| call.env.keys().any(carried)));
}

#[tokio::test]
async fn an_action_fails_as_its_script_says() {
    let outcome = PipelineTest::from_yaml(DOCUMENT)
        .task("version", Script::succeeds().output("VERSION", "7"))
        .task("rollout", Script::infrastructure("the cluster does not answer"))
        .run()
        .await
        .unwrap();
    outcome.assert_failed().assert_task("rollout").failed_with("scripted").attempts(2);
    assert_eq!(outcome.call("tell").settings["with"]["text"], "web is failed");
}

#[tokio::test]
async fn a_value_that_is_missing_fails_the_action_as_it_would() {
    let outcome = PipelineTest::from_yaml(DOCUMENT).run().await.unwrap();
    outcome.assert_failed().assert_task("image").failed_with("badValue");
    assert_eq!(outcome.started("image"), 0);
}

#[tokio::test]
async fn own_actions_are_left_to_the_engine_when_it_was_given_some() {
    let test = || stages("A: [{name: tell, custom: {name: notify}}]").engine(|builder| builder);
    assert_eq!(test().run().await.unwrap_err().code(), "unsupportedAction");
    test().task("tell", Script::succeeds()).run().await.unwrap().assert_succeeded();
}
