//! The quickstart in Rust: the same pipeline as `quickstart/windlass.yaml`, started on the repository in which it is, without the
//! tests of Windlass itself, and followed event by event.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use windlass::pipeline::{Problems, TaskBuilder};
use windlass::{Engine, EventKind, Parameter, Pipeline, RunRequest, Stage, Task};

fn pipeline() -> Result<Pipeline, Problems> {
    Pipeline::builder("quickstart")
        .parameter(Parameter::dynamic("REPOSITORY"))
        .parameter(Parameter::dynamic("TARGET").default_value("dev").choices(["dev", "prod"]))
        .parameter(Parameter::dynamic("OWN_TESTS").default_value("pipeline::tests"))
        .timeout(Duration::from_secs(30 * 60))
        .env("CARGO_TERM_COLOR", "never")
        .stage(Stage::sequential("Source").task(Task::checkout("checkout", "$REPOSITORY").depth(1)))
        .stage(Stage::parallel("Check").task(build()).task(lint()))
        .stage(Stage::parallel("Test").task(test()).task(own_tests()))
        .stage(Stage::sequential("Ship").task(package()).task(publish()))
        .finally(Task::script("report", REPORT))
        .build()
}

const REPORT: &str =
    "echo \"build $BUILD_NUMBER of $PIPELINE_NAME at ${CI_COMMIT_SHORT_SHA:-no commit} has $WINDLASS_STATUS\"";

/// A script in the folder of the small project.
fn in_project(name: &str, lines: &[&str]) -> TaskBuilder {
    Task::script(name, format!("cd examples/quickstart/project\n{}\n", lines.join("\n")))
}

fn build() -> TaskBuilder {
    let version = "echo \"VERSION=$(target/debug/roman --version)\" >> \"$WINDLASS_OUTPUT\"";
    in_project("build", &["cargo build --offline", version]).output("VERSION")
}

fn lint() -> TaskBuilder {
    let lint = in_project("lint", &["cargo check --offline --all-targets"]);
    lint.env("CARGO_TARGET_DIR", "target/lint").env("RUSTFLAGS", "-D warnings")
}

fn test() -> TaskBuilder {
    let test = in_project("test", &["cargo test --offline --profile \"$PROFILE\""]);
    test.matrix("PROFILE", ["dev", "release"]).timeout(Duration::from_secs(10 * 60))
}

fn own_tests() -> TaskBuilder {
    let script = "cargo test -p windlass --no-default-features --features sqlite --lib \"$OWN_TESTS\"";
    let test = Task::script("own-tests", script).when("OWN_TESTS != ''");
    let test = test.cache("own-tests-${hash:Cargo.lock,rust-toolchain*}", ["target"]);
    test.env("CARGO_INCREMENTAL", "0").env("CARGO_PROFILE_TEST_DEBUG", "false")
}

fn package() -> TaskBuilder {
    let lines = [
        "cargo build --offline --release",
        "tar -czf \"roman-$VERSION.tar.gz\" -C target/release roman",
        "echo \"ARCHIVE=roman-$VERSION.tar.gz\" >> \"$WINDLASS_OUTPUT\"",
    ];
    in_project("package", &lines).env("VERSION", "${build.VERSION}").output("ARCHIVE")
}

fn publish() -> TaskBuilder {
    let publish = Task::script("publish", "echo \"this is where $ARCHIVE would be published\"");
    publish.when("TARGET == 'prod'").env("ARCHIVE", "${package.ARCHIVE}")
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let data_dir = std::env::args().nth(1).map_or_else(|| PathBuf::from(".windlass"), PathBuf::from);
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize();
    let repository = std::env::args().nth(2).map_or_else(own, |path| Ok(PathBuf::from(path)))?;

    // Where the Rust toolchain is, on machines where it is not below the home folder.
    let engine = Engine::builder().data_dir(data_dir).pass_env(["CARGO_HOME", "RUSTUP_HOME"]).open().await?;
    let request = RunRequest::manual().parameter("REPOSITORY", repository.display().to_string());
    let request = request.parameter("TARGET", "prod").parameter("OWN_TESTS", "");
    let run = engine.start(&pipeline()?, request).await?;

    // First what happened already, then what happens now. A portal would keep `event.seq` and go on from there later.
    let mut events = run.events().await?;
    while let Some(event) = events.next().await? {
        match &event.kind {
            // Pieces of log may end within a line; whole lines are printed below.
            EventKind::Log { .. } => {}
            _ => println!("{event}"),
        }
    }

    let outcome = run.wait().await?;
    for task in &outcome.tasks {
        let state = task.status.as_str();
        let took = task.duration_ms.unwrap_or_default();
        println!("{:<22} {state:<10} {took:>6} ms  {:?}", task.task.as_str(), task.outputs);
    }
    println!("{}", String::from_utf8_lossy(&run.logs("report").await?).trim_end());
    engine.close().await?;
    Ok(if outcome.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builders_make_the_value_of_the_document() {
        let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("quickstart/windlass.yaml");
        let read = windlass::pipeline::read_file(document).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(pipeline().unwrap_or_else(|problems| panic!("{problems}")), read);
    }
}
