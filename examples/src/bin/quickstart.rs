//! The quickstart in Rust: the same pipeline as `quickstart/windlass.yaml`, started on its project, followed event by event.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use windlass::pipeline::Problems;
use windlass::{Engine, EventKind, Parameter, Pipeline, RunRequest, Stage, Task};

fn pipeline() -> Result<Pipeline, Problems> {
    let build = "cargo build\necho \"VERSION=$(target/debug/roman --version)\" >> \"$WINDLASS_OUTPUT\"\n";
    let package = "cargo build --release
tar -czf \"roman-$VERSION.tar.gz\" -C target/release roman
echo \"ARCHIVE=roman-$VERSION.tar.gz\" >> \"$WINDLASS_OUTPUT\"
";
    Pipeline::builder("quickstart")
        .parameter(Parameter::dynamic("TARGET").default_value("dev").choices(["dev", "prod"]))
        .timeout(Duration::from_secs(15 * 60))
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TERM_COLOR", "never")
        .stage(
            Stage::parallel("Check").task(Task::script("build", build).output("VERSION")).task(
                Task::script("lint", "cargo check --all-targets")
                    .env("CARGO_TARGET_DIR", "target/lint")
                    .env("RUSTFLAGS", "-D warnings"),
            ),
        )
        .stage(
            Stage::parallel("Test").task(
                Task::script("test", "cargo test --profile \"$PROFILE\"")
                    .matrix("PROFILE", ["dev", "release"])
                    .timeout(Duration::from_secs(10 * 60)),
            ),
        )
        .stage(
            Stage::sequential("Ship")
                .task(Task::script("package", package).env("VERSION", "${build.VERSION}").output("ARCHIVE"))
                .task(
                    Task::script("publish", "echo \"this is where $ARCHIVE would be published\"")
                        .when("TARGET == 'prod'")
                        .env("ARCHIVE", "${package.ARCHIVE}"),
                ),
        )
        .finally(Task::script("report", "echo \"build $BUILD_NUMBER of $PIPELINE_NAME has $WINDLASS_STATUS\""))
        .build()
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let data_dir = std::env::args().nth(1).map_or_else(|| PathBuf::from(".windlass"), PathBuf::from);
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("quickstart/project");

    // Where the Rust toolchain is, on machines where it is not below the home folder.
    let engine = Engine::builder().data_dir(data_dir).pass_env(["CARGO_HOME", "RUSTUP_HOME"]).open().await?;
    let request = RunRequest::manual().parameter("TARGET", "prod").source(project);
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
