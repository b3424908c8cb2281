//! A pipeline has unit tests like any code: no step is really started, and a day passes in milliseconds.

use std::path::Path;
use std::time::Duration;

use windlass::testing::{PipelineTest, Script};
use windlass::{Pipeline, Result, Stage, Task};

const HOUR: Duration = Duration::from_secs(3600);

/// A test of the definition in the folder `quickstart`.
fn quickstart() -> PipelineTest {
    PipelineTest::file(Path::new(env!("CARGO_MANIFEST_DIR")).join("quickstart/windlass.yaml"))
        .parameter("REPOSITORY", "/srv/git/windlass.git")
        .task("build", Script::succeeds().output("VERSION", "7.1"))
}

#[tokio::test]
async fn what_is_built_is_what_is_packaged_and_only_production_is_published() -> Result<()> {
    for (target, published) in [("dev", false), ("prod", true)] {
        let package = Script::succeeds().output("ARCHIVE", "roman-7.1.tar.gz");
        let outcome = quickstart().parameter("TARGET", target).task("package", package).run().await?;

        outcome.assert_succeeded().assert_order(["build", "package"]).assert_task("package").env("VERSION", "7.1");
        assert_eq!(outcome.started("publish") > 0, published, "{target}");
        assert_eq!(outcome.call("checkout").settings["url"], "/srv/git/windlass.git");
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_packaged_when_a_test_fails() -> Result<()> {
    let broken = Script::fails(101).log("test every_number_comes_back ... FAILED");
    let outcome = quickstart().task("test[PROFILE=release]", broken).run().await?;

    outcome.assert_failed().assert_skipped("package");
    outcome.assert_task("test[PROFILE=release]").failed_with("exitCode").printed("FAILED");
    outcome.assert_task("report").succeeded().env("WINDLASS_STATUS", "failed");
    Ok(())
}

#[tokio::test]
async fn a_step_that_hangs_is_stopped_after_its_24_hours() -> Result<()> {
    let soak = Pipeline::builder("nightly")
        .stage(Stage::sequential("Soak").task(Task::script("soak", "./soak").timeout(24 * HOUR)))
        .finally(Task::script("report", "./report"))
        .build()?;

    let outcome = PipelineTest::of(&soak).task("soak", Script::hangs()).run().await?;

    outcome.assert_failed().assert_ran("report").assert_task("soak").timed_out();
    assert_eq!(outcome.took(), 24 * HOUR);
    Ok(())
}

#[tokio::test]
async fn a_flaky_step_is_tried_again_with_pauses_that_double_up_to_an_hour() -> Result<()> {
    let fetch = Task::script("fetch", "./fetch").attempts(4).backoff(HOUR / 2);
    let patient = Pipeline::builder("patient").stage(Stage::sequential("Get").task(fetch)).build()?;

    let scripts = [Script::fails(1), Script::fails(1), Script::fails(1), Script::succeeds()];
    let outcome = PipelineTest::of(&patient).attempts("fetch", scripts).run().await?;

    outcome.assert_succeeded().assert_task("fetch").attempts(4);
    assert_eq!(outcome.took(), HOUR / 2 + HOUR + HOUR);
    Ok(())
}

/// Actions that need a registry, a cluster or a code host are scripted like steps, and what they would get is recorded.
const RELEASE: &str = r#"
name: web
stages:
  - name: Source
    tasks: [{name: fetch, checkout: {url: "https://example.com/web.git"}}]
  - name: Build
    tasks: [{name: image, buildImage: {image: registry.example.com/web, tags: ["b${BUILD_NUMBER}"]}}]
  - name: Deploy
    tasks:
      - {name: sign-off, timeout: 24h, approve: {message: "Ship ${BUILD_NUMBER}?"}}
      - {name: rollout, deployManifests: {paths: [deploy/*.yaml], namespace: web}}
"#;

#[tokio::test]
async fn what_somebody_signed_off_is_deployed() -> Result<()> {
    let outcome = PipelineTest::from_yaml(RELEASE).approve_after("sign-off", HOUR, "ana", "looks good").run().await?;

    outcome.assert_succeeded().assert_order(["fetch", "image", "sign-off", "rollout"]);
    assert_eq!(outcome.call("image").settings["tags"][0], "b1");
    assert_eq!(outcome.call("rollout").settings["namespace"], "web");
    assert_eq!(outcome.took(), HOUR);
    Ok(())
}

#[tokio::test]
async fn what_nobody_signs_off_in_a_day_is_not_deployed() -> Result<()> {
    let outcome = PipelineTest::from_yaml(RELEASE).run().await?;

    outcome.assert_failed().assert_skipped("rollout").assert_task("sign-off").timed_out();
    Ok(())
}

#[tokio::test]
async fn a_cancel_in_the_middle_leaves_nothing_running() -> Result<()> {
    let outcome = PipelineTest::from_yaml(RELEASE).task("image", Script::hangs()).cancel_after(HOUR).run().await?;

    outcome.assert_cancelled().assert_skipped("rollout").assert_task("image").cancelled();
    assert_eq!(outcome.took(), HOUR);
    Ok(())
}
